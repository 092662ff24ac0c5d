//! Losses and metrics over a whole data set, by the MainValidation network.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::batches::Batch;
use super::clock::Clock;
use super::sizes::sizes_of;
use super::trainer::Failure;
use crate::data::{Column, DataSet};
use crate::engine::plan::{Engine, Options, Plan, Store};
use crate::ir::Graph;
use crate::ops::RunContext;
use crate::tensor::Sizes;

/// The step under which validation draws: one that no training step has.
const VALIDATION_STEP: u64 = u64::MAX;

/// Means over samples, one a result, in the order of the graph's results.
pub type Means = Vec<f64>;

/// Evaluates a lowered network over data sets. Plans are kept per batch size and sizes of the data.
pub struct Evaluator {
    graph: Graph,
    batch: usize,
    plans: BTreeMap<(Sizes, usize), Plan>,
    buffers: Batch,
}

impl Evaluator {
    /// An evaluator that takes `batch` samples at a time. The graph's results are scalars, as `lower` makes losses and metrics.
    pub fn new(graph: Graph, batch: usize) -> Evaluator {
        let buffers = Batch::new(&graph);
        Evaluator { graph, batch, plans: BTreeMap::new(), buffers }
    }

    /// The names of the results, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.graph.results.iter().map(|result| result.name.as_str())
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The sizes that `set` fixes. One that does not fit was refused when it was loaded; what it leaves open has no plan.
    pub fn sizes(&self, set: Option<&DataSet>) -> Sizes {
        let shape_of = |name: &str| set.and_then(|set| set.column(name)).map(Column::shape);
        sizes_of(&self.graph, shape_of).unwrap_or_default()
    }

    /// The mean of every result over the samples of `set`, with the losses' weights as they are at `clock`; a short last minibatch
    /// counts by its samples. Without a set, whose inputs are then all drawn, one minibatch is drawn.
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
        let rows: Vec<usize> = (0..set.map_or(self.batch, DataSet::rows)).collect();
        let sizes = self.sizes(set);
        let scalars = clock.scalars();
        let mut sums = vec![0.0; self.graph.results.len()];
        for rows in rows.chunks(self.batch) {
            let plan = match self.plans.entry((sizes.clone(), rows.len())) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let graph = self.graph.bind(&sizes);
                    entry.insert(Plan::new(&graph, rows.len(), store, &Options::default())?)
                }
            };
            self.buffers.fill(set, rows, &scalars)?;
            let run = RunContext { seed, step: VALIDATION_STEP, batch: rows.len() };
            let outcome =
                engine.run(plan, store, &self.buffers.feeds(), &run).expect("the plan and its feeds are ours");
            for (index, sum) in sums.iter_mut().enumerate() {
                *sum += f64::from(outcome.scalar(index)) * rows.len() as f64;
            }
        }
        Ok(sums.into_iter().map(|sum| sum / rows.len() as f64).collect())
    }
}
