//! Losses and metrics over a whole data set, by the MainValidation network.

use super::batches::Batch;
use super::clock::Clock;
use super::forms::Forms;
use super::sizes::{Programs, sizes_by_kind};
use super::trainer::Failure;
use crate::check::Program;
use crate::data::DataSet;
use crate::engine::plan::{Engine, Store};
use crate::ir::Graph;
use crate::lower::lower;
use crate::networks::{self, Network};
use crate::ops::RunContext;
use crate::passes::Pipeline;
use crate::tensor::Sizes;

/// The step under which validation draws: one that no training step has.
const VALIDATION_STEP: u64 = u64::MAX;

/// Means over samples, one a result, in the order of the graph's results.
pub type Means = Vec<f64>;

/// Evaluates a program's losses and metrics over data sets.
pub struct Evaluator<'a> {
    programs: Programs<'a>,
    /// The network at some sizes.
    graph: Graph,
    batch: usize,
    forms: Forms,
    buffers: Batch,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that takes `batch` samples at a time, begins with data of `sizes`, and keeps plans in `room` bytes.
    ///
    /// # Errors
    /// When the program cannot be batched.
    pub fn new(programs: Programs<'a>, sizes: &Sizes, batch: usize, room: usize) -> Result<Evaluator<'a>, Failure> {
        let graph = network_at(programs, sizes)?;
        Ok(Evaluator { programs, buffers: Batch::new(&graph), graph, batch, forms: Forms::new(room) })
    }

    /// The names of the results, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.graph.results.iter().map(|result| result.name.as_str())
    }

    /// The graph at some sizes, whose results are scalars, as `lower` makes losses and metrics.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph for data of `sizes`.
    ///
    /// # Errors
    /// When the program at these sizes is wrong or cannot be batched.
    pub fn graph_at(&self, sizes: &Sizes) -> Result<Graph, Failure> {
        network_at(self.programs, sizes).map(|graph| graph.bind(sizes))
    }

    /// The minibatches of a set, kind by kind, each with the sizes of its samples. Of no set, whose inputs are then all drawn, one.
    pub fn minibatches(&self, set: Option<&DataSet>) -> Vec<(Sizes, Vec<usize>)> {
        let rows: Vec<usize> = (0..set.map_or(self.batch, DataSet::rows)).collect();
        let split = set.map_or_else(|| vec![rows.clone()], |set| set.kinds().split(&rows));
        let chunks = |(sizes, rows): (Sizes, Vec<usize>)| {
            rows.chunks(self.batch).map(|rows| (sizes.clone(), rows.to_vec())).collect::<Vec<_>>()
        };
        sizes_by_kind(self.programs.graph(), set).into_iter().zip(split).flat_map(chunks).collect()
    }

    /// The mean of every result over the samples of `set`, with the losses' weights as they are at `clock`; a short minibatch counts by
    /// its samples. Without a set one minibatch is drawn.
    ///
    /// # Errors
    /// When a plan does not fit in memory, or a data file cannot be read any more.
    pub fn means(
        &mut self,
        engine: &mut Engine,
        store: &mut Store,
        set: Option<&DataSet>,
        seed: u64,
        clock: Clock,
    ) -> Result<Means, Failure> {
        let scalars = clock.scalars();
        let (mut sums, mut samples) = (vec![0.0; self.graph.results.len()], 0);
        for (sizes, rows) in self.minibatches(set) {
            let programs = self.programs;
            let build = || network_at(programs, &sizes).map(|graph| graph.bind(&sizes));
            let form = self.forms.at(&sizes, rows.len(), store, build)?;
            self.buffers.fill(set, &rows, &scalars)?;
            let run = RunContext { seed, step: VALIDATION_STEP, batch: rows.len() };
            let outcome = engine.run(form.plan(rows.len()), store, &self.buffers.feeds(), &run);
            let outcome = outcome.expect("the plan and its feeds are ours");
            for (index, sum) in sums.iter_mut().enumerate() {
                *sum += f64::from(outcome.scalar(index)) * rows.len() as f64;
            }
            samples += rows.len();
        }
        Ok(sums.into_iter().map(|sum| sum / samples as f64).collect())
    }
}

/// The lowered MainValidation network of the program at `sizes`, in which symbols still stand.
fn network_at(programs: Programs, sizes: &Sizes) -> Result<Graph, Failure> {
    let make = |program: &Program| lower(&networks::derive(&program.graph, Network::MainValidation));
    let graph = programs.at(sizes, make).map_err(Failure::Program)?.map_err(Failure::Unbatchable)?;
    Ok(Pipeline::standard().run(&graph))
}
