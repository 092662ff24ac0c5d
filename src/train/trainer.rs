//! The loop: epochs of steps, validation after each, the best weights kept, and a stop that loses nothing.
//!
//! When a loss stops being finite the run goes back to the start of the epoch and repeats it up to the step before: a run is
//! deterministic, so those are the last good weights, and the failing step can be looked at node by node.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::batches::Order;
use super::clock::{Clock, Scalars};
use super::course::{Checkpoint, Course, restore, saved};
use super::evaluate::{Evaluator, Moment, View};
use super::forms::{Form, room};
use super::initial::{set_weights, stored, zeros};
use super::sizes::{Programs, Resize, sizes_by_kind};
use super::step::{SHARE, rate_name};
use super::unit::{self, Phase, Unit, phases};
use super::weights::{SavedTensor, Weights};
use crate::check::{Keep, Length, Program, TrainSettings};
use crate::data::{DataError, DataSet};
use crate::diagnostic::Diagnostic;
use crate::engine::plan::{Engine, PlanError, Profile, Store, first_non_finite};
use crate::ir::group::{Group, groups};
use crate::ir::{Graph, Place, ResultRole, VariableKind};
use crate::lower::{OBJECTIVE, Unbatchable};
use crate::ops::RunContext;
use crate::report::{Axis, History, Kind, Point, Series};
use crate::tensor::{Sizes, Tensor};

/// Steps between two validations of a program whose inputs are all drawn, which has no epochs of its own.
const DRAWN_EPOCH: usize = 100;

/// What a run is made of.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// The program, at the sizes of the first sample.
    pub program: &'a Program,
    /// How it becomes that of other sizes; none when it is good for all as it is.
    pub resize: Option<&'a dyn Resize>,
    /// Its settings, after what the command line changed.
    pub settings: &'a TrainSettings,
    /// What is trained on; none when every input is drawn.
    pub train: Option<&'a DataSet>,
    /// What the weights are chosen by.
    pub validation: Option<&'a DataSet>,
    /// How many threads; the number changes no result.
    pub threads: usize,
}

impl<'a> Training<'a> {
    pub(super) fn programs(&self) -> Programs<'a> {
        Programs { program: self.program, resize: self.resize }
    }
}

/// What happens in a run.
pub enum Event<'a> {
    /// A step is done.
    Step {
        /// Its number, from 1.
        step: u64,
        /// The epoch it belongs to, from 1.
        epoch: u64,
        /// Samples in its minibatch.
        samples: usize,
        /// The objective at this step.
        objective: f32,
    },
    /// An epoch is done and validated.
    Epoch {
        /// What was measured.
        point: &'a Point,
        /// All that was measured.
        history: &'a History,
        /// Whether its weights are the best so far, and kept for that.
        best: bool,
        /// The run as it stands now.
        checkpoint: &'a dyn Fn() -> Checkpoint,
    },
}

/// Watches a run.
pub trait Observer {
    /// Is told of every event. An error ends the run: what it writes cannot be written.
    ///
    /// # Errors
    /// What the system said.
    fn event(&mut self, event: Event) -> Result<(), String>;
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It trained as long as it should.
    Done,
    /// It was asked to stop.
    Stopped,
    /// No epoch was better for as long as `patience` allows.
    Patience,
}

/// What a run gave.
#[derive(Debug)]
pub struct Outcome {
    /// Why it ended.
    pub ended: Ended,
    /// What it measured.
    pub history: History,
    /// The weights that it keeps.
    pub weights: Weights,
    /// How long it trained.
    pub elapsed: Duration,
    /// From where it can go on: the end of the last whole epoch.
    pub checkpoint: Checkpoint,
}

/// Why a run failed.
#[derive(Debug)]
pub enum Failure {
    /// An operation has no meaning for a minibatch.
    Unbatchable(Unbatchable),
    /// The program is wrong at the sizes of some samples.
    Program(Vec<Diagnostic>),
    /// A plan does not fit in memory.
    Plan(PlanError),
    /// A data file cannot be read any more.
    Data(DataError),
    /// A value became NaN or infinite.
    NotFinite {
        /// The loss or metric, or the objective.
        result: String,
        /// In which step, or none in validation.
        step: Option<u64>,
        /// The first expression that was not finite, and what it computes.
        culprit: Option<Culprit>,
        /// The weights before.
        weights: Box<Weights>,
        /// What was measured before.
        history: Box<History>,
    },
    /// What watches the run could not write.
    Observer(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unbatchable(fault) => fault.fmt(f),
            Failure::Program(found) => f.write_str(found.first().map_or("", |found| found.title.as_str())),
            Failure::Plan(fault) => fault.fmt(f),
            Failure::Data(fault) => fault.fmt(f),
            Failure::NotFinite { result, step: Some(step), .. } => write!(f, "`{result}` is not finite in step {step}"),
            Failure::NotFinite { result, .. } => write!(f, "the validation value of `{result}` is not finite"),
            Failure::Observer(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Failure {}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Failure {
        Failure::Plan(error)
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Failure {
        Failure::Data(error)
    }
}

/// A run in progress.
pub struct Trainer<'a> {
    pub(super) training: Training<'a>,
    pub(super) engine: Engine,
    store: Store,
    pub(super) groups: Vec<Group>,
    /// The steps of an iteration, and the graphs that they run.
    phases: Vec<Phase>,
    pub(super) units: Vec<Unit>,
    /// The losses in order, then the objective.
    results: Vec<String>,
    validation: Evaluator<'a>,
    order: Order,
    /// The sizes of each kind of training samples.
    pub(super) sizes: Vec<Sizes>,
    /// How many steps an epoch takes.
    epoch_steps: usize,
    /// Where the coming run begins, if not at its start.
    course: Option<Course>,
}

/// Sums over an epoch's samples.
struct Sums {
    values: Vec<f64>,
    samples: usize,
    steps: u64,
}

/// One run of one graph within an iteration.
pub(super) struct Piece<'r> {
    phase: usize,
    pub(super) unit: usize,
    pub(super) rows: &'r [usize],
    step: u64,
    /// What its random numbers are keyed by: the number of the piece in the whole run.
    draw: u64,
    /// Its part of the iteration's samples.
    share: f64,
}

/// An expression that was not finite, and what it computes.
pub type Culprit = (Place, String);

/// A copy of all variables.
type Snapshot = Vec<(String, Tensor)>;

impl<'a> Trainer<'a> {
    /// Lowers, differentiates and plans the networks, and draws the initial values; `weights` replace those of the variables that
    /// they name.
    ///
    /// # Errors
    /// When a network cannot be batched or does not fit in memory.
    pub fn new(training: Training<'a>, weights: Option<&Weights>) -> Result<Trainer<'a>, Failure> {
        let Training { program, settings, train, .. } = training;
        let programs = training.programs();
        let sizes = sizes_by_kind(programs.graph(), train);
        let groups = groups(&program.graph);
        let (phases, kinds) = phases(&order_of(&groups, settings), settings.accumulate);
        let graph = |kind| unit::graph_at(programs, settings, kind, &sizes[0]);
        let graphs = kinds.iter().map(|kind| graph(*kind)).collect::<Result<Vec<Graph>, Failure>>()?;
        let mut store = stored(&program.graph, settings.seed, None);
        let variables = graphs.iter().flat_map(|graph| graph.variables.iter());
        for slot in variables.filter(|variable| variable.kind == VariableKind::Slot) {
            store.set(&slot.path, &zeros(&slot.ty));
        }
        if let Some(weights) = weights {
            set_weights(&mut store, weights);
        }
        let rows = train.map_or(settings.batch * settings.accumulate, DataSet::rows);
        let mut order = Order::new(rows, (settings.shuffle && train.is_some()).then_some(settings.seed));
        let minibatches = order.minibatches(1, settings.batch * settings.accumulate, train.map(DataSet::kinds));
        let first = minibatches.iter().map(Vec::len).max().unwrap_or(rows).min(settings.batch);
        let room = room() / (kinds.len() + 1);
        let mut units = Vec::new();
        for (kind, graph) in kinds.into_iter().zip(graphs) {
            let mut unit = Unit::new(kind, &graph, room);
            unit.forms.at(&sizes[0], first, &store, || Ok(graph))?;
            units.push(unit);
        }
        let validated = sizes_by_kind(programs.graph(), training.validation.or(train)).swap_remove(0);
        let losses = program.graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }));
        let losses = losses.map(|loss| loss.name.clone());
        Ok(Trainer {
            engine: Engine::new(training.threads),
            validation: Evaluator::new(programs, View::Results, &validated, settings.batch, room)?,
            order,
            sizes,
            epoch_steps: if train.is_some() { minibatches.len() } else { DRAWN_EPOCH },
            course: None,
            training,
            store,
            results: losses.chain([OBJECTIVE.to_owned()]).collect(),
            groups,
            phases,
            units,
        })
    }

    /// The names of the losses, in order.
    pub fn losses(&self) -> &[String] {
        &self.results[..self.results.len() - 1]
    }

    /// What the run will measure, without any points yet.
    pub fn history(&self) -> History {
        let groups = self.named_groups().iter().map(|group| group.name().to_owned()).collect();
        History { groups, ..History::new(self.series(), self.axis()) }
    }

    /// How many steps the whole run takes at most.
    pub fn total_steps(&self) -> u64 {
        match self.training.settings.length {
            Length::Steps(steps) => steps as u64,
            Length::Epochs(epochs) => (epochs * self.epoch_steps()) as u64,
        }
    }

    /// How many samples an iteration takes.
    fn samples(&self) -> usize {
        self.training.settings.batch * self.training.settings.accumulate
    }

    /// The moment of step `step`.
    pub fn clock(&self, step: u64) -> Clock {
        let done = step.saturating_sub(1);
        let progress = done as f64 / self.total_steps().max(1) as f64;
        Clock { step, epoch: done / self.epoch_steps() as u64 + 1, progress }
    }

    /// When and by which seed the validation after step `step` is.
    pub fn moment(&self, step: u64) -> Moment {
        Moment { seed: self.training.settings.seed, clock: self.clock(step) }
    }

    /// How many steps an epoch takes.
    pub fn epoch_steps(&self) -> usize {
        self.epoch_steps
    }

    /// Trains until the end, or until `stop` is set.
    ///
    /// # Errors
    /// When a value is no longer finite, or what `observer` writes cannot be written.
    pub fn run(&mut self, observer: &mut dyn Observer, stop: &AtomicBool) -> Result<Outcome, Failure> {
        let begun = Instant::now();
        let mut course = self.course.take().unwrap_or_else(|| self.start());
        let before = course.elapsed;
        let mut unfinished = None;
        let ended = loop {
            if self.training.settings.patience.is_some_and(|patience| course.since_best >= patience) {
                break Ended::Patience;
            }
            let left = self.steps_left(course.step, course.epoch);
            if left == 0 {
                break Ended::Done;
            }
            let snapshot = self.snapshot();
            let sums = self.epoch(&course, left, &snapshot, observer, stop)?;
            if sums.steps < left as u64 {
                unfinished = Some(Checkpoint { variables: saved_all(&snapshot), course: course.clone() });
            }
            if sums.steps == 0 {
                break Ended::Stopped;
            }
            let best = self.finish(&mut course, &sums, before + begun.elapsed())?;
            let (history, checkpoint) = (&course.history, || self.checkpoint(&course));
            let point = &history.points[history.points.len() - 1];
            let event = Event::Epoch { point, history, best, checkpoint: &checkpoint };
            observer.event(event).map_err(Failure::Observer)?;
            if stop.load(Ordering::Relaxed) {
                break Ended::Stopped;
            }
        };
        let checkpoint = unfinished.unwrap_or_else(|| self.checkpoint(&course));
        if self.training.settings.keep == Keep::Last {
            course.history.best = None;
        }
        Ok(Outcome {
            ended,
            history: course.history,
            weights: course.kept,
            elapsed: before + begun.elapsed(),
            checkpoint,
        })
    }

    /// Makes the coming [`run`](Self::run) go on from a checkpoint of the same program and settings.
    pub fn resume(&mut self, checkpoint: Checkpoint) {
        for (path, tensor) in &checkpoint.variables {
            restore(&mut self.store, path, tensor);
        }
        self.course = Some(checkpoint.course);
    }

    /// The names and shapes of all variables, the optimizers' memory included.
    pub fn variables(&self) -> Vec<(String, Vec<usize>)> {
        self.snapshot().into_iter().map(|(path, tensor)| (path, tensor.shape().to_vec())).collect()
    }

    /// The run before its first epoch.
    fn start(&self) -> Course {
        let (kept, history) = (self.weights(), self.history());
        Course { step: 0, epoch: 0, best: None, since_best: 0, kept, history, elapsed: Duration::ZERO }
    }

    fn checkpoint(&self, course: &Course) -> Checkpoint {
        Checkpoint { variables: saved_all(&self.snapshot()), course: course.clone() }
    }

    /// Measures an epoch that is over and moves the course past it. Gives whether its weights are the best so far.
    fn finish(&mut self, course: &mut Course, sums: &Sums, elapsed: Duration) -> Result<bool, Failure> {
        course.epoch += 1;
        course.step += sums.steps;
        course.elapsed = elapsed;
        let point = self.measure(course, sums, elapsed)?;
        let judged = self.judged(&course.history, &point);
        let better = match (judged, course.best) {
            (Some(value), Some(best)) => value < best,
            (value, None) => value.is_some(),
            (None, _) => false,
        };
        course.history.points.push(point);
        if better {
            course.best = judged;
            course.history.best = Some(course.history.points.len() - 1);
            course.since_best = 0;
        } else {
            course.since_best += 1;
        }
        let keep = self.training.settings.keep;
        if better || keep == Keep::Last || judged.is_none() {
            course.kept = self.weights();
        }
        Ok(better && keep == Keep::Best)
    }

    /// Runs one iteration on the samples numbered `rows`: every step of its order, each on all of them. Gives the losses in order, then
    /// the objective; of a loss that is minimised several times, the mean.
    ///
    /// # Errors
    /// When a plan for this number of samples does not fit in memory.
    pub fn step(&mut self, step: u64, rows: &[usize]) -> Result<Vec<f32>, Failure> {
        let mut sums = vec![0.0; self.results.len()];
        for piece in self.pieces(step, rows) {
            let (values, part) = (self.piece(&piece, None)?, piece.share / self.phases[piece.phase].turn.1 as f64);
            for (name, value) in self.units[piece.unit].results.iter().zip(values) {
                let position = self.results.iter().position(|own| own == name);
                sums[position.expect("every result of a step is one of the run")] += f64::from(value) * part;
            }
        }
        Ok(sums.into_iter().map(|sum| sum as f32).collect())
    }

    /// What an iteration runs, in order.
    pub(super) fn pieces<'r>(&self, step: u64, rows: &'r [usize]) -> Vec<Piece<'r>> {
        let settings = self.training.settings;
        let mut pieces = Vec::new();
        for (phase, Phase { gather, finish, .. }) in self.phases.iter().enumerate() {
            let chunks = rows.chunks(settings.batch);
            let last = chunks.len() - 1;
            for (index, chunk) in chunks.enumerate() {
                let before = (step - 1) * self.phases.len() as u64 + phase as u64;
                pieces.push(Piece {
                    phase,
                    unit: gather.filter(|_| index < last).unwrap_or(*finish),
                    rows: chunk,
                    step,
                    draw: before * settings.accumulate as u64 + index as u64 + 1,
                    share: chunk.len() as f64 / rows.len() as f64,
                });
            }
        }
        pieces
    }

    /// Runs a piece of an iteration, under clocks if there are any, and gives the results of its graph.
    pub(super) fn piece(&mut self, piece: &Piece, clocks: Option<&mut Profile>) -> Result<Vec<f32>, Failure> {
        let (scalars, run) = (self.scalars(piece), self.context(piece));
        let (programs, settings) = (self.training.programs(), self.training.settings);
        let sizes = &self.sizes[self.kind(piece.rows)];
        let Unit { kind, forms, buffers, results } = &mut self.units[piece.unit];
        let build = || unit::graph_at(programs, settings, *kind, sizes);
        let plan = forms.at(sizes, piece.rows.len(), &self.store, build)?.plan(piece.rows.len());
        buffers.fill(self.training.train, piece.rows, &scalars)?;
        let (engine, store, feeds) = (&mut self.engine, &mut self.store, buffers.feeds());
        let outcome = match clocks {
            Some(clocks) => clocks.run(engine, plan, store, &feeds, &run),
            None => engine.run(plan, store, &feeds, &run),
        };
        let outcome = outcome.expect("the plan and its feeds are ours");
        Ok((0..results.len()).map(|result| outcome.scalar(result)).collect())
    }

    /// The kind of the samples numbered `rows`, which are of one.
    fn kind(&self, rows: &[usize]) -> usize {
        self.training.train.zip(rows.first()).map_or(0, |(set, row)| set.kinds().of(*row))
    }

    /// The graph that a unit runs on the samples numbered `rows`.
    pub(super) fn form(&self, unit: usize, rows: &[usize]) -> &Form {
        let form = self.units[unit].forms.get(&self.sizes[self.kind(rows)]);
        form.expect("it has run on them")
    }

    fn context(&self, piece: &Piece) -> RunContext {
        RunContext { seed: self.training.settings.seed, step: piece.draw, batch: piece.rows.len() }
    }

    /// What a piece is fed beside its samples: the clocks, its share, and the optimizer's rates.
    fn scalars(&self, piece: &Piece) -> Scalars {
        let (settings, phase) = (self.training.settings, &self.phases[piece.phase]);
        let optimizer = settings.optimizer_of(self.groups[phase.group].name());
        let factor = settings.schedule.factor(piece.step - 1, self.total_steps());
        let own_step = (piece.step - 1) * phase.turn.1 + phase.turn.0 + 1;
        let rates = (optimizer.rule.fed)(optimizer, factor, own_step as f64);
        let mut scalars = self.clock(piece.step).scalars();
        scalars.extend(rates.into_iter().enumerate().map(|(index, rate)| (rate_name(index), rate as f32)));
        scalars.insert(SHARE.to_owned(), piece.share as f32);
        scalars
    }

    /// The rows of every iteration of an epoch, in order.
    pub fn minibatches(&mut self, epoch: u64) -> Vec<Vec<usize>> {
        let samples = self.samples();
        self.order.minibatches(epoch, samples, self.training.train.map(DataSet::kinds))
    }

    /// The parameters and states as they are now.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        for variable in self.training.program.graph.variables.iter() {
            let Some(tensor) = self.store.get(&variable.path) else { continue };
            weights.tensors.insert(variable.path.clone(), saved(&tensor));
        }
        weights
    }

    fn axis(&self) -> Axis {
        if self.training.train.is_some() { Axis::Epochs } else { Axis::Steps }
    }

    /// What is reported of the validation network, as the history names it.
    fn series(&self) -> Vec<Series> {
        self.validation.reported().into_iter().map(|index| self.validation.series(index)).collect()
    }

    /// How many steps the coming epoch may take.
    fn steps_left(&self, step: u64, epoch: u64) -> usize {
        let whole = self.epoch_steps();
        match self.training.settings.length {
            Length::Epochs(epochs) if epoch < epochs as u64 => whole,
            Length::Epochs(_) => 0,
            Length::Steps(steps) => whole.min((steps as u64).saturating_sub(step) as usize),
        }
    }

    /// Trains on at most `steps` minibatches of the epoch after `course`, whose variables are `snapshot`.
    fn epoch(
        &mut self,
        course: &Course,
        steps: usize,
        snapshot: &Snapshot,
        observer: &mut dyn Observer,
        stop: &AtomicBool,
    ) -> Result<Sums, Failure> {
        let epoch = course.epoch + 1;
        let minibatches = self.minibatches(epoch);
        let mut sums = Sums { values: vec![0.0; self.results.len()], samples: 0, steps: 0 };
        for rows in minibatches.iter().cycle().take(steps) {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let step = course.step + sums.steps + 1;
            let values = self.step(step, rows)?;
            if let Some(bad) = values.iter().position(|value| !value.is_finite()) {
                let before = (snapshot, course.step);
                return Err(self.not_finite(bad, before, step, &minibatches, &course.history));
            }
            for (sum, value) in sums.values.iter_mut().zip(&values) {
                *sum += f64::from(*value) * rows.len() as f64;
            }
            sums.samples += rows.len();
            sums.steps += 1;
            let objective = values[values.len() - 1];
            let event = Event::Step { step, epoch, samples: rows.len(), objective };
            observer.event(event).map_err(Failure::Observer)?;
        }
        Ok(sums)
    }

    /// Validates and puts together what the epoch measured.
    fn measure(&mut self, course: &Course, sums: &Sums, elapsed: Duration) -> Result<Point, Failure> {
        let (epoch, step) = (course.epoch, course.step);
        let reported = self.validation.reported();
        let results = &self.validation.graph().results;
        let series: Vec<_> = reported.iter().map(|index| results[*index].clone()).collect();
        let means = sums.values.iter().map(|sum| sum / sums.samples.max(1) as f64);
        let trained: BTreeMap<&str, f64> = self.results.iter().map(String::as_str).zip(means).collect();
        let is_loss = |role: &ResultRole| *role != ResultRole::Metric;
        let train = series.iter().map(|s| trained.get(s.name.as_str()).copied().filter(|_| is_loss(&s.role))).collect();
        let drawn = self.training.train.is_none();
        let validation = match self.training.validation.is_some() || drawn {
            false => vec![None; series.len()],
            true => {
                let (set, moment) = (self.training.validation, self.moment(step));
                let means = self.validation.means(&mut self.engine, &mut self.store, set, moment)?;
                let means: Vec<f64> = reported.iter().map(|index| means[*index]).collect();
                if let Some(bad) = means.iter().position(|mean| !mean.is_finite()) {
                    return Err(self.validation_not_finite(&series[bad].name, step, &course.history));
                }
                means.into_iter().map(Some).collect()
            }
        };
        Ok(Point { epoch, step, elapsed, train, validation, rates: self.rates(step) })
    }

    /// The learning rate of each group in step `step`; none when there is one group.
    fn rates(&self, step: u64) -> Vec<f64> {
        let settings = self.training.settings;
        let factor = settings.schedule.factor(step.saturating_sub(1), self.total_steps());
        let rate = |group: &Group| settings.optimizer_of(group.name()).get("lr") * factor;
        self.named_groups().iter().map(rate).collect()
    }

    /// The groups, when there are several.
    fn named_groups(&self) -> &[Group] {
        if self.groups.len() > 1 { &self.groups } else { &[] }
    }

    /// The value that decides which epoch is best, lower being better: the monitored one, or its negative where the highest is
    /// sought. Without a validation set the training values decide.
    fn judged(&self, history: &History, point: &Point) -> Option<f64> {
        let monitor = self.training.settings.monitor.as_ref();
        let position = match monitor {
            Some(monitor) => history.series.iter().position(|series| series.name == monitor.name),
            None => history.series.iter().rposition(|series| series.kind == Kind::Loss),
        }?;
        let value = point.validation[position].or(point.train[position])?;
        Some(if monitor.is_some_and(|monitor| monitor.highest) { -value } else { value })
    }

    fn snapshot(&self) -> Snapshot {
        let paths: Vec<String> = self.store.paths().map(str::to_owned).collect();
        let copy = |path: String| self.store.get(&path).map(|tensor| (path, tensor));
        paths.into_iter().filter_map(copy).collect()
    }

    /// Goes back to the start of the epoch, repeats it up to the step before the failing one, and finds the expression.
    fn not_finite(
        &mut self,
        bad: usize,
        (snapshot, first): (&Snapshot, u64),
        failing: u64,
        minibatches: &[Vec<usize>],
        history: &History,
    ) -> Failure {
        for (path, tensor) in snapshot {
            self.store.set(path, tensor);
        }
        let rows = |step: u64| &minibatches[(step - first - 1) as usize % minibatches.len()];
        for step in first + 1..failing {
            if let Err(failure) = self.step(step, rows(step)) {
                return failure;
            }
        }
        let culprit = match self.failing_piece(failing, rows(failing)) {
            Ok(culprit) => culprit,
            Err(failure) => return failure,
        };
        let result = match self.results[bad].as_str() {
            OBJECTIVE => "the weighted sum of the losses".to_owned(),
            name => name.to_owned(),
        };
        Failure::NotFinite {
            result,
            step: Some(failing),
            culprit,
            weights: Box::new(self.weights()),
            history: Box::new(history.clone()),
        }
    }

    /// Runs the pieces of a failing iteration one by one, and looks at the first whose results are not finite, on the variables from
    /// before it.
    fn failing_piece(&mut self, step: u64, rows: &[usize]) -> Result<Option<Culprit>, Failure> {
        for piece in self.pieces(step, rows) {
            let before = self.snapshot();
            if self.piece(&piece, None)?.iter().all(|value| value.is_finite()) {
                continue;
            }
            for (path, tensor) in &before {
                self.store.set(path, tensor);
            }
            let (graph, run) = (&self.form(piece.unit, piece.rows).graph, self.context(&piece));
            let inputs = self.units[piece.unit].buffers.tensors(graph, &run);
            return Ok(self.culprit(graph, &inputs, &run));
        }
        Ok(None)
    }

    fn validation_not_finite(&mut self, result: &str, step: u64, history: &History) -> Failure {
        let culprit = self.validation.culprit(&self.store, self.training.validation, self.moment(step));
        Failure::NotFinite {
            result: result.to_owned(),
            step: None,
            culprit,
            weights: Box::new(self.weights()),
            history: Box::new(history.clone()),
        }
    }

    fn culprit(&self, graph: &Graph, inputs: &[Tensor], run: &RunContext) -> Option<Culprit> {
        let value = first_non_finite(graph, &self.store, inputs, run)?;
        let node = graph.node(value);
        Some((node.place, node.op.to_string()))
    }
}

/// The groups of an iteration's steps, by number.
fn order_of(groups: &[Group], settings: &TrainSettings) -> Vec<usize> {
    if settings.order.is_empty() {
        return (0..groups.len()).collect();
    }
    let number = |name: &String| groups.iter().position(|group| group.name() == name);
    settings.order.iter().filter_map(number).collect()
}

fn saved_all(snapshot: &Snapshot) -> BTreeMap<String, SavedTensor> {
    snapshot.iter().map(|(path, tensor)| (path.clone(), saved(tensor))).collect()
}
