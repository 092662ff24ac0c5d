//! Losses, metrics and confusion matrices of trained weights on a data set, by the MainValidation network.

use std::path::PathBuf;

use super::data::{Sets, sizes_in};
use super::sized::Resized;
use super::{DataOverride, Session};
use crate::check::{Length, Program, TrainSettings};
use crate::data::{Budget, DataSet};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::plan::{Engine, Store};
use crate::ir::{FED, ResultRole};
use crate::networks::comparisons;
use crate::report::{Confusion, Kind, Series};
use crate::train::{Clock, Elements, Evaluator, Failure, Moment, Programs, View, Weights, room, sizes_by_kind, stored};

/// The key of a weights file's metadata that holds the number of steps of the run that it is of, and that of its epochs.
pub(super) const LENGTH: [&str; 2] = ["steps", "epochs"];

/// What is evaluated.
#[derive(Clone, Debug)]
pub struct EvalOptions {
    /// The trained weights.
    pub weights: PathBuf,
    /// The data set; none when all inputs are drawn.
    pub set: Option<String>,
    /// Data files that replace the program's.
    pub data: Vec<DataOverride>,
    /// How many threads.
    pub threads: usize,
    /// Replaces the program's seed, which validation draws by.
    pub seed: Option<u64>,
}

/// What an evaluation found.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalReport {
    /// How many samples there are.
    pub samples: usize,
    /// The losses, their weighted total where it is none of them, and the metrics: means over the samples.
    pub values: Vec<(Series, f64)>,
    /// What was taken for what, of each class that the program compares with a prediction.
    pub confusions: Vec<Confusion>,
}

/// Weights, and what they are measured on.
pub(super) struct Measured<'a> {
    /// The program.
    pub programs: Programs<'a>,
    /// Its settings, after what the command line changed.
    pub settings: &'a TrainSettings,
    /// All variables.
    pub weights: &'a Weights,
    /// The samples; none when all inputs are drawn.
    pub set: Option<&'a DataSet>,
    /// What the set is called.
    pub name: &'a str,
    /// How many threads.
    pub threads: usize,
    /// What the losses' weights read.
    pub clock: Clock,
    /// Whether that is known; where it is not, a total that counts steps or epochs is left out.
    pub known: bool,
}

impl Session {
    /// The data sets that there are: those of the program, and those that `data` declares.
    pub fn data_sets(&self, data: &[DataOverride]) -> Vec<&'static str> {
        let declared = self.program.iter().flat_map(|program| &program.data).map(|statement| statement.set.as_str());
        let known: Vec<&str> = declared.chain(data.iter().map(|over| over.set.as_str())).collect();
        ["train", "validation", "test"].into_iter().filter(|set| known.contains(set)).collect()
    }

    /// Evaluates the losses and metrics on a data set, and counts which classes are taken for which.
    ///
    /// # Errors
    /// Data or weights that do not fit, and values that are not finite.
    pub fn eval(&self, options: &EvalOptions) -> Result<EvalReport, Vec<Diagnostic>> {
        let Some(open) = &self.program else { return Err(self.diagnostics.clone()) };
        if !open.graph.results.iter().any(|result| result.role != ResultRole::Output) {
            let title = "this program has no loss and no metric, so there is nothing to evaluate";
            return Err(vec![Diagnostic::new(Code::E0103, title).help("`nnlc infer` computes outputs")]);
        }
        let weights = self.weights(&open.graph, &options.weights)?;
        let set = match &options.set {
            Some(name) => Some(Sets::load_one(open, &self.folder, &options.data, name, &Budget::of_machine())?),
            None => None,
        };
        let name = options.set.as_deref().unwrap_or("drawn");
        self.fits(open, set.iter().map(|set| (name, set)))?;
        let resized = Resized::new(self, open);
        let program = &*self.sized(open, &sizes_in(open, set.as_ref()))?;
        let settings = TrainSettings { seed: options.seed.unwrap_or(open.train.seed), ..open.train.clone() };
        let (clock, known) = end_of_run(&weights, &settings);
        let programs = Programs { program, resize: resized.resize() };
        let set = set.as_ref();
        let threads = options.threads;
        let measured = Measured { programs, settings: &settings, weights: &weights, set, name, threads, clock, known };
        let mut values = self.measure(&measured)?;
        let confusions = self.confusions(&measured)?;
        let matrices: Vec<String> =
            comparisons(&program.graph).into_iter().flat_map(|comparison| comparison.matrices).collect();
        values.retain(|(series, _)| series.kind == Kind::Loss || !matrices.contains(&series.name));
        Ok(EvalReport { samples: set.map_or(settings.batch, DataSet::rows), values, confusions })
    }

    /// The losses, their total and the metrics as they are reported: means over the samples.
    ///
    /// # Errors
    /// E0802: one is not finite.
    pub(super) fn measure(&self, measured: &Measured) -> Result<Vec<(Series, f64)>, Vec<Diagnostic>> {
        let (mut evaluator, mut store) = self.evaluator(measured, View::Results)?;
        let (mut engine, moment) = (Engine::new(measured.threads), measured.moment());
        let means = evaluator.means(&mut engine, &mut store, measured.set, moment);
        let means = means.map_err(|failure| vec![self.failure(&failure)])?;
        let results = &evaluator.graph().results;
        let told = measured.known || !reads_the_clock(measured.programs.program);
        let reported =
            evaluator.reported().into_iter().filter(|index| told || results[*index].role != ResultRole::Extra);
        let values: Vec<(Series, f64)> = reported.map(|index| (evaluator.series(index), means[index])).collect();
        let Some((series, _)) = values.iter().find(|(_, value)| !value.is_finite()) else { return Ok(values) };
        let title = format!("`{}` is not finite on the data set `{}`", series.name, measured.name);
        let title = if measured.set.is_some() { title } else { format!("`{}` is not finite", series.name) };
        if let Some(path) = not_finite(measured.weights) {
            let note = format!("the weights hold a NaN or an infinity in `{path}`");
            return Err(vec![Diagnostic::new(Code::E0802, title).note(note)]);
        }
        let culprit = evaluator.culprit(&store, measured.set, moment);
        Err(vec![self.at_culprit(culprit.as_ref(), title)])
    }

    /// How often each class is taken for each, where the program compares classes.
    fn confusions(&self, measured: &Measured) -> Result<Vec<Confusion>, Vec<Diagnostic>> {
        let compared = comparisons(&measured.programs.program.graph);
        let fresh = compared.iter().map(|one| Confusion::new(&one.truth, &one.scores, one.classes));
        let mut confusions: Vec<Confusion> = fresh.collect();
        if confusions.is_empty() {
            return Ok(confusions);
        }
        let (mut evaluator, mut store) = self.evaluator(measured, View::Classes)?;
        let mut engine = Engine::new(measured.threads);
        let counted = evaluator.each(&mut engine, &mut store, measured.set, measured.moment(), |outcome, _| {
            for (number, confusion) in confusions.iter_mut().enumerate() {
                let class = |result: usize| outcome.tensor(result).to_f64().into_iter().map(|class| class as usize);
                class(2 * number + 1).zip(class(2 * number)).for_each(|(truth, guess)| confusion.add(truth, guess));
            }
        });
        counted.map_err(|failure| vec![self.failure(&failure)])?;
        Ok(confusions)
    }

    /// An evaluator, and the variables as the weights have them.
    fn evaluator<'m>(&self, measured: &Measured<'m>, view: View) -> Result<(Evaluator<'m>, Store), Vec<Diagnostic>> {
        let Measured { programs, settings, weights, set, .. } = *measured;
        let sizes = sizes_by_kind(programs.graph(), set).swap_remove(0);
        let evaluator = Evaluator::new(programs, view, &sizes, settings.batch, room());
        let evaluator = evaluator.map_err(|failure: Failure| vec![self.failure(&failure)])?;
        Ok((evaluator, stored(&programs.program.graph, settings.seed, Some(weights))))
    }
}

impl Measured<'_> {
    fn moment(&self) -> Moment {
        Moment { seed: self.settings.seed, clock: self.clock }
    }
}

/// The moment after the run that left the weights, and whether all of it is known. The file says how long the run was; of a file that does
/// not, the program knows one of steps and epochs.
fn end_of_run(weights: &Weights, settings: &TrainSettings) -> (Clock, bool) {
    let read = |key: &str| weights.metadata.get(key).and_then(|text| text.parse::<u64>().ok());
    let (steps, epochs) = match settings.length {
        Length::Steps(steps) => (steps as u64, 0),
        Length::Epochs(epochs) => (0, epochs as u64),
    };
    let [read_steps, read_epochs] = LENGTH.map(read);
    let known = read_steps.is_some() && read_epochs.is_some();
    let (steps, epochs) = (read_steps.unwrap_or(steps), read_epochs.unwrap_or(epochs));
    (Clock { step: steps + 1, epoch: epochs + 1, progress: 1.0 }, known)
}

/// Whether the weight of a loss counts steps or epochs.
fn reads_the_clock(program: &Program) -> bool {
    let counted = |name: &str| name == format!("{FED}step") || name == format!("{FED}epoch");
    program.graph.inputs.iter().any(|input| counted(&input.name))
}

/// The first tensor that holds a NaN or an infinity.
fn not_finite(weights: &Weights) -> Option<&str> {
    let bad = |elements: &Elements| matches!(elements, Elements::F32(values) if values.iter().any(|x| !x.is_finite()));
    weights.tensors.iter().find(|(_, tensor)| bad(&tensor.elements)).map(|(path, _)| path.as_str())
}
