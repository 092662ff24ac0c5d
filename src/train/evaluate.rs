//! Losses and metrics over a whole data set, and the classes that it holds and those predicted, by the MainValidation network.
//!
//! [`comparisons`]: crate::networks::comparisons

use super::batches::Batch;
use super::clock::Clock;
use super::forms::Forms;
use super::sizes::{Programs, sizes_by_kind};
use super::trainer::{Culprit, Failure};
use crate::check::Program;
use crate::data::DataSet;
use crate::engine::plan::{Engine, Outcome, Store, first_non_finite};
use crate::ir::{Graph, ResultRole};
use crate::lower::{OBJECTIVE, lower};
use crate::networks::{self, Network};
use crate::ops::RunContext;
use crate::passes::Pipeline;
use crate::report::{Kind, Series};
use crate::tensor::Sizes;

/// The step under which validation draws: one that no training step has.
const VALIDATION_STEP: u64 = u64::MAX;

/// Means over samples, one a result, in the order of the graph's results.
pub type Means = Vec<f64>;

/// What an evaluator computes of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Losses, metrics and the objective, as means over the minibatch.
    Results,
    /// The classes that are predicted and the true ones, by turns, of each of the network's [`comparisons`].
    Classes,
}

/// Evaluates a program's MainValidation network over data sets.
pub struct Evaluator<'a> {
    programs: Programs<'a>,
    view: View,
    /// The network at some sizes.
    graph: Graph,
    batch: usize,
    forms: Forms,
    buffers: Batch,
}

/// When and by which seed a set is evaluated.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The seed of what is drawn.
    pub seed: u64,
    /// What the losses' weights read.
    pub clock: Clock,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that takes `batch` samples at a time, begins with data of `sizes`, and keeps plans in `room` bytes.
    ///
    /// # Errors
    /// When the program cannot be batched.
    pub fn new(
        programs: Programs<'a>,
        view: View,
        sizes: &Sizes,
        batch: usize,
        room: usize,
    ) -> Result<Evaluator<'a>, Failure> {
        let graph = network_at(programs, view, sizes)?;
        Ok(Evaluator { programs, view, buffers: Batch::new(&graph), graph, batch, forms: Forms::new(room) })
    }

    /// The graph at some sizes. Losses and metrics are scalars in it, as `lower` makes them.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The results that are reported: losses, metrics, and the objective when it is not the one loss again.
    pub fn reported(&self) -> Vec<usize> {
        let results = &self.graph.results;
        let losses = || results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }));
        let weighted = losses().any(|result| matches!(result.role, ResultRole::Loss { weight: Some(_), .. }));
        let several = losses().count() > 1 || weighted;
        (0..results.len()).filter(|index| several || results[*index].role != ResultRole::Extra).collect()
    }

    /// The name and kind of a result as people and the log know it: the objective is the `total`.
    pub fn series(&self, index: usize) -> Series {
        let result = &self.graph.results[index];
        let kind = if result.role == ResultRole::Metric { Kind::Metric } else { Kind::Loss };
        let name = match result.name.as_str() {
            OBJECTIVE if result.role == ResultRole::Extra => "total".to_owned(),
            name => name.to_owned(),
        };
        Series { name, kind }
    }

    /// The minibatches of a set, kind by kind, each with the sizes of its samples. Of no set, whose inputs are then all drawn, one.
    fn minibatches(&self, set: Option<&DataSet>) -> Vec<(Sizes, Vec<usize>)> {
        let rows: Vec<usize> = (0..set.map_or(self.batch, DataSet::rows)).collect();
        let split = set.map_or_else(|| vec![rows.clone()], |set| set.kinds().split(&rows));
        let chunks = |(sizes, rows): (Sizes, Vec<usize>)| {
            rows.chunks(self.batch).map(|rows| (sizes.clone(), rows.to_vec())).collect::<Vec<_>>()
        };
        sizes_by_kind(self.programs.graph(), set).into_iter().zip(split).flat_map(chunks).collect()
    }

    /// The mean of every result over the samples of `set`; a short minibatch counts by its samples. Without a set one minibatch is drawn.
    ///
    /// # Errors
    /// When a plan does not fit in memory, or a data file cannot be read any more.
    pub fn means(
        &mut self,
        engine: &mut Engine,
        store: &mut Store,
        set: Option<&DataSet>,
        moment: Moment,
    ) -> Result<Means, Failure> {
        let (mut sums, mut samples) = (vec![0.0; self.graph.results.len()], 0);
        self.each(engine, store, set, moment, |outcome, rows| {
            for (index, sum) in sums.iter_mut().enumerate() {
                *sum += f64::from(outcome.scalar(index)) * rows as f64;
            }
            samples += rows;
        })?;
        Ok(sums.into_iter().map(|sum| sum / samples as f64).collect())
    }

    /// Shows `visit` the results of every minibatch of `set`, and how many samples it has.
    ///
    /// # Errors
    /// Those of [`means`](Self::means).
    pub fn each(
        &mut self,
        engine: &mut Engine,
        store: &mut Store,
        set: Option<&DataSet>,
        Moment { seed, clock }: Moment,
        mut visit: impl FnMut(&Outcome, usize),
    ) -> Result<(), Failure> {
        let (scalars, programs, view) = (clock.scalars(), self.programs, self.view);
        for (sizes, rows) in self.minibatches(set) {
            let build = || network_at(programs, view, &sizes).map(|graph| graph.bind(&sizes));
            let form = self.forms.at(&sizes, rows.len(), store, build)?;
            self.buffers.fill(set, &rows, &scalars)?;
            let run = RunContext { seed, step: VALIDATION_STEP, batch: rows.len() };
            let outcome = engine.run(form.plan(rows.len()), store, &self.buffers.feeds(), &run);
            visit(&outcome.expect("the plan and its feeds are ours"), rows.len());
        }
        Ok(())
    }

    /// The first expression that is not finite for a minibatch of `set`, and what it computes; looked for in the reference engine.
    pub fn culprit(&mut self, store: &Store, set: Option<&DataSet>, Moment { seed, clock }: Moment) -> Option<Culprit> {
        let scalars = clock.scalars();
        self.minibatches(set).into_iter().find_map(|(sizes, rows)| {
            let graph = network_at(self.programs, self.view, &sizes).ok()?.bind(&sizes);
            self.buffers.fill(set, &rows, &scalars).ok()?;
            let run = RunContext { seed, step: VALIDATION_STEP, batch: rows.len() };
            let value = first_non_finite(&graph, store, &self.buffers.tensors(&graph, &run), &run)?;
            let node = graph.node(value);
            Some((node.place, node.op.to_string()))
        })
    }
}

/// The lowered network of the program at `sizes`, in which symbols still stand.
fn network_at(programs: Programs, view: View, sizes: &Sizes) -> Result<Graph, Failure> {
    let make = |program: &Program| match view {
        View::Results => lower(&networks::derive(&program.graph, Network::MainValidation)),
        View::Classes => lower(&networks::compared(&program.graph)),
    };
    let graph = programs.at(sizes, make).map_err(Failure::Program)?.map_err(Failure::Unbatchable)?;
    Ok(Pipeline::standard().run(graph))
}
