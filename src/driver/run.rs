//! A whole run: data loaded, trained, results left in a folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde_json::json;

use super::data::{Sets, sizes_in, unfed};
use super::eval::{LENGTH, Measured};
use super::file::write_whole;
use super::sized::Resized;
use super::{DataOverride, Session, resume};
use crate::check::{Keep, Length, Monitor, Program, TrainSettings};
use crate::data::{Budget, DataSet};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::plan::PlanError;
use crate::ir::group::{Group, groups};
use crate::ir::{Place, ResultRole};
use crate::networks::{self, Network};
use crate::report::{self, History, Log, Series};
use crate::train::{Clock, Culprit, Event, Failure, Observer, Outcome, Programs, Trainer, Training, Weights};

/// What a run is asked for beside the program.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Where results go.
    pub out: PathBuf,
    /// How many threads.
    pub threads: usize,
    /// Replaces the program's number of epochs.
    pub epochs: Option<usize>,
    /// Replaces the program's seed.
    pub seed: Option<u64>,
    /// Data files that replace the program's.
    pub data: Vec<DataOverride>,
    /// Whether to go on with the run that was stopped in `out`.
    pub resume: bool,
}

/// What a run left.
pub struct RunReport {
    /// What training gave.
    pub outcome: Outcome,
    /// The kept weights' losses and metrics on the test set, if there is one: names and values.
    pub test: Vec<(Series, f64)>,
    /// Where the weights are.
    pub weights: PathBuf,
}

/// What a run is about to do, for whoever shows it.
pub struct Prepared {
    /// Trained parameters' elements.
    pub parameters: u64,
    /// Samples in the training set.
    pub samples: usize,
    /// Samples in the validation set.
    pub validation: usize,
    /// Steps of the whole run at most, and of an epoch.
    pub steps: (u64, usize),
    /// Epochs of the whole run, when it is counted in them.
    pub epochs: Option<usize>,
    /// Whether the loss on the training set says which epoch is best.
    pub judged_by_training: bool,
    /// Epochs that were done before, of a run that goes on.
    pub done: u64,
}

/// Watches a run from outside.
pub trait Watch: Observer {
    /// Is told once, before the first step.
    fn prepared(&mut self, prepared: &Prepared);
}

impl Session {
    /// Trains the program and leaves the results in `options.out`.
    ///
    /// # Errors
    /// What was wrong with the data, the values or the disk. After a value that is not finite, and after a stop, the weights and the log
    /// are there nevertheless.
    pub fn run(
        &self,
        options: &RunOptions,
        watch: &mut dyn Watch,
        stop: &AtomicBool,
    ) -> Result<RunReport, Vec<Diagnostic>> {
        let Some(open) = &self.program else { return Err(self.diagnostics.clone()) };
        let sets = self.loaded(open, &options.data)?;
        let resized = Resized::new(self, open);
        let program = &*self.sized(open, &sizes_in(open, sets.train.as_ref()))?;
        let settings = settings_of(program, options);
        let programs = Programs { program, resize: resized.resize() };
        let training = Training { resize: programs.resize, ..sets.training(program, &settings, options.threads) };
        let mut trainer = Trainer::new(training, None).map_err(|failure| vec![self.failure(&failure)])?;
        let folder = Folder::create(&options.out, &self.title())?;
        let about = resume::about(config(program, &settings), &sets);
        let begun = match options.resume {
            true => resume::resume(&mut trainer, &folder.path, &about)?,
            false => resume::forget(&folder.path, trainer.history())?,
        };
        folder.describe(program, &settings)?;
        let log = folder.log(&begun)?;
        let mut observer = Recorder { folder: &folder, log, about: &about, saved: Instant::now(), watch };
        observer.watch.prepared(&prepared(program, &sets, &settings, &trainer, &begun));
        let mut outcome = match trainer.run(&mut observer, stop) {
            Ok(outcome) => outcome,
            Err(failure) => return Err(vec![self.failed_run(&failure, &folder)]),
        };
        let clock = trainer.clock(trainer.total_steps() + 1);
        outcome.weights.metadata.extend(length(clock));
        let weights = folder.weights(&outcome.weights)?;
        resume::save(&folder.path, &outcome.checkpoint, &about)?;
        folder.curve(&outcome.history)?;
        let test = match &sets.test {
            Some(set) => self.measure(&Measured {
                programs,
                settings: &settings,
                weights: &outcome.weights,
                set: Some(set),
                name: "test",
                threads: options.threads,
                clock,
                known: true,
            })?,
            None => Vec::new(),
        };
        Ok(RunReport { outcome, test, weights })
    }

    /// The program's name: its file's without the ending.
    pub fn title(&self) -> String {
        let name = &self.sources.file(self.file).name;
        Path::new(name).file_stem().map_or_else(|| name.clone(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The data that the program trains on, read and found fit.
    ///
    /// # Errors
    /// What is wrong with the data, or with the program at its sizes.
    pub(super) fn loaded(&self, program: &Program, data: &[DataOverride]) -> Result<Sets, Vec<Diagnostic>> {
        let sets = Sets::load(program, &self.folder, data, &Budget::of_machine())?;
        fed(program, &sets).map_err(|fault| vec![fault])?;
        let named = [("train", &sets.train), ("validation", &sets.validation), ("test", &sets.test)];
        self.fits(program, named.into_iter().filter_map(|(name, set)| Some((name, set.as_ref()?))))?;
        Ok(sets)
    }

    /// A failure of a run as a diagnostic at the program's text.
    pub fn failure(&self, failure: &Failure) -> Diagnostic {
        match failure {
            Failure::Unbatchable(fault) => self.at_place(Code::E0116, fault.place, fault.to_string(), "this operation"),
            Failure::Plan(PlanError::Memory { bytes, limit }) => {
                let title = format!(
                    "the program needs {} of memory, more than the {} that there are",
                    report::numbers::bytes(*bytes),
                    report::numbers::bytes(*limit)
                );
                Diagnostic::new(Code::E0205, title).help("make the minibatch or the widest layer smaller")
            }
            Failure::Program(found) => match found.first() {
                Some(first) => first.clone(),
                None => Diagnostic::new(Code::E0205, "the program cannot be built at the sizes of the data"),
            },
            Failure::Plan(fault) => Diagnostic::new(Code::E0205, fault.to_string()),
            Failure::Data(fault) => fault.diagnostic(None),
            Failure::NotFinite { culprit, .. } => self.at_culprit(culprit.as_ref(), failure.to_string()),
            Failure::Observer(reason) => Diagnostic::new(Code::E0804, reason.clone()),
        }
    }

    /// E0802 at the expression that first was not finite, where it is known.
    pub(super) fn at_culprit(&self, culprit: Option<&Culprit>, title: String) -> Diagnostic {
        let Some((place, op)) = culprit else { return Diagnostic::new(Code::E0802, title) };
        let label = format!("`{op}` gives a NaN or an infinity here, from finite values");
        self.at_place(Code::E0802, *place, title, &label)
    }

    fn at_place(&self, code: Code, place: Place, title: String, label: &str) -> Diagnostic {
        let graph = self.program.as_ref().map(|program| &program.graph);
        match graph.and_then(|graph| crate::check::user_place(&self.sources, graph, place)) {
            Some(span) => Diagnostic::at(code, span, title, label),
            None => Diagnostic::new(code, title).note(label),
        }
    }

    /// Keeps what a failed run had.
    fn failed_run(&self, failure: &Failure, folder: &Folder) -> Diagnostic {
        let diagnostic = self.failure(failure);
        let Failure::NotFinite { weights, history, .. } = failure else { return diagnostic };
        if !history.points.is_empty() && folder.curve(history).is_err() {
            return diagnostic;
        }
        match folder.weights(weights) {
            Ok(path) => diagnostic.note(format!("the weights from before this are in `{}`", path.display())),
            Err(_) => diagnostic,
        }
    }
}

fn prepared(program: &Program, sets: &Sets, settings: &TrainSettings, trainer: &Trainer, begun: &History) -> Prepared {
    let size = |variable: &crate::ir::Variable| variable.ty.shape.size().constant().unwrap_or(0) as u64;
    let params = program.graph.variables.iter().filter(|v| matches!(v.kind, crate::ir::VariableKind::Param { .. }));
    Prepared {
        parameters: params.map(size).sum(),
        samples: sets.train.as_ref().map_or(0, DataSet::rows),
        validation: sets.validation.as_ref().map_or(0, DataSet::rows),
        steps: (trainer.total_steps(), trainer.epoch_steps()),
        epochs: match settings.length {
            Length::Epochs(epochs) => Some(epochs),
            Length::Steps(_) => None,
        },
        judged_by_training: settings.keep == Keep::Best && sets.train.is_some() && sets.validation.is_none(),
        done: begun.points.last().map_or(0, |point| point.epoch),
    }
}

fn settings_of(program: &Program, options: &RunOptions) -> TrainSettings {
    let mut settings = program.train.clone();
    if let Some(epochs) = options.epochs {
        settings.length = Length::Epochs(epochs);
    }
    if let Some(seed) = options.seed {
        settings.seed = seed;
    }
    settings
}

/// The folder of a run.
struct Folder {
    path: PathBuf,
    title: String,
}

impl Folder {
    fn create(path: &Path, title: &str) -> Result<Folder, Vec<Diagnostic>> {
        fs::create_dir_all(path).map_err(|error| unwritable(path, &error))?;
        Ok(Folder { path: path.to_path_buf(), title: title.to_owned() })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Vec<Diagnostic>> {
        let path = self.path.join(name);
        write_whole(&path, text.as_bytes()).map_err(|error| unwritable(&path, &error))?;
        Ok(path)
    }

    fn log(&self, history: &History) -> Result<Log, Vec<Diagnostic>> {
        let path = self.path.join("log.csv");
        Log::create(&path, history).map_err(|error| unwritable(&path, &error))
    }

    fn curve(&self, history: &History) -> Result<PathBuf, Vec<Diagnostic>> {
        self.write("curve.svg", &report::svg(history, &self.title))
    }

    fn weights(&self, weights: &Weights) -> Result<PathBuf, Vec<Diagnostic>> {
        let path = self.path.join("weights.safetensors");
        let mut weights = weights.clone();
        weights.metadata.insert("model".to_owned(), self.title.clone());
        weights.metadata.insert("nnlc".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        weights.save(&path).map_err(|error| vec![Diagnostic::new(Code::E0804, error.to_string())])?;
        Ok(path)
    }

    /// The resolved configuration and the derived networks.
    fn describe(&self, program: &Program, settings: &TrainSettings) -> Result<(), Vec<Diagnostic>> {
        let config = serde_json::to_string_pretty(&config(program, settings)).unwrap_or_default();
        self.write("config.json", &(config + "\n"))?;
        for (network, name) in Network::ALL {
            self.write(&format!("{name}.nn"), &networks::expand(&program.graph, network))?;
        }
        Ok(())
    }
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Vec<Diagnostic> {
    let title = format!("`{}` could not be written: {}", path.display(), super::reason(error));
    vec![Diagnostic::new(Code::E0804, title).help("choose another folder with `--out`")]
}

/// How long the run is after which it is `clock`, as the weights file says.
fn length(clock: Clock) -> impl Iterator<Item = (String, String)> {
    LENGTH.into_iter().zip([clock.step - 1, clock.epoch - 1]).map(|(key, count)| (key.to_owned(), count.to_string()))
}

/// The settings as they were in force, defaults and overrides included.
fn config(program: &Program, settings: &TrainSettings) -> serde_json::Value {
    let (epochs, steps) = match settings.length {
        Length::Epochs(epochs) => (Some(epochs), None),
        Length::Steps(steps) => (None, Some(steps)),
    };
    let variables: serde_json::Map<_, _> =
        program.graph.variables.iter().map(|v| (v.path.clone(), json!(v.ty.to_string()))).collect();
    let path = |id: &crate::ir::VarId| program.graph.variables[*id].path.as_str();
    let of_group = |group: &Group| {
        json!({
            "losses": group.losses,
            "trains": group.params.iter().map(path).collect::<Vec<_>>(),
            "optimizer": settings.optimizer_of(group.name()).to_string(),
        })
    };
    let groups = groups(&program.graph);
    let order = match settings.order.is_empty() {
        true => groups.iter().map(Group::name).collect(),
        false => settings.order.iter().map(String::as_str).collect::<Vec<_>>(),
    };
    let groups: Vec<_> = groups.iter().map(of_group).collect();
    json!({
        "nnlc": env!("CARGO_PKG_VERSION"),
        "optimizer": settings.optimizer.to_string(),
        "steps_of_an_iteration": order,
        "groups": groups,
        "schedule": settings.schedule.to_string(),
        "accumulate": settings.accumulate,
        "weight_decay": settings.weight_decay,
        "batch": settings.batch,
        "epochs": epochs,
        "steps": steps,
        "seed": settings.seed,
        "shuffle": settings.shuffle,
        "clip_norm": settings.clip_norm,
        "clip_value": settings.clip_value,
        "keep": if settings.keep == Keep::Best { "best" } else { "last" },
        "monitor": settings.monitor.as_ref().map(Monitor::to_string),
        "patience": settings.patience,
        "variables": variables,
    })
}

/// Writes the log and the curve as the run goes, and passes events on.
struct Recorder<'a> {
    folder: &'a Folder,
    log: Log,
    /// What the checkpoint says about the run.
    about: &'a serde_json::Value,
    /// When the last checkpoint was written.
    saved: Instant,
    watch: &'a mut dyn Watch,
}

impl Observer for Recorder<'_> {
    fn event(&mut self, event: Event) -> Result<(), String> {
        if let Event::Epoch { point, history, checkpoint, .. } = &event {
            let path = self.folder.path.join("log.csv");
            let refuse = |error| format!("`{}` could not be written: {}", path.display(), super::reason(&error));
            self.log.append(point).map_err(refuse)?;
            self.folder.curve(history).map_err(|faults| faults[0].title.clone())?;
            if self.saved.elapsed() >= resume::INTERVAL {
                let saved = resume::save(&self.folder.path, &checkpoint(), self.about);
                saved.map_err(|faults| faults[0].title.clone())?;
                self.saved = Instant::now();
            }
        }
        self.watch.event(event)
    }
}

/// A program trains on data, unless all its inputs are drawn.
fn fed(program: &Program, sets: &Sets) -> Result<(), Diagnostic> {
    if !program.graph.results.iter().any(|result| matches!(result.role, ResultRole::Loss { .. })) {
        let title = "this program has no loss, so there is nothing to train";
        return Err(Diagnostic::new(Code::E0103, title).help("`nnlc infer` computes outputs"));
    }
    unfed(program, sets.train.is_some()).map_or(Ok(()), Err)
}
