//! Graph-to-graph passes that never change what a graph computes, but for how [`factor`] rounds.
//!
//! | pass | two lines |
//! |---|---|
//! | [`simplify`] | Local identities, applied once from the first node to the last. Only such as hold for NaN and infinity: `x * 0` stays. |
//! | [`fold`] | Nodes over constants become constants, evaluated by the reference. Large results and draws stay. |
//! | [`factor`] | Factors that do not vary along a sum come out of it. It alone changes rounding, and where sums leave the range of floats. |
//! | [`cse`] | Equal nodes become one: same operation, inputs and attributes. Draws are pure functions of their key, so they merge too. |
//! | [`dce`] | Drops what nothing refers to. Inputs, drawn inputs and initial values count as referred to. |
//!
//! Each takes time linear in the nodes, keeps places, names, results, updates and variables, and leaves a verified graph; the
//! [`Pipeline`] checks that after each in debug builds and names the culprit.

mod cse;
mod dce;
mod factor;
mod fold;
mod rebuild;
mod simplify;

pub use cse::cse;
pub use dce::dce;
pub use factor::factor;
pub use fold::fold;
pub use rebuild::rebuild;
pub use simplify::simplify;

use crate::ir::Graph;
use crate::ops::verify;

/// A pass by name.
#[derive(Clone, Copy)]
pub struct Pass {
    /// Its name in messages.
    pub name: &'static str,
    /// From graph to graph.
    pub run: fn(Graph) -> Graph,
}

/// Passes in order.
pub struct Pipeline(Vec<Pass>);

impl Pipeline {
    /// What every graph goes through before it is planned or exported. Simplifying comes again after the constants are known; factors come out
    /// of sums once equal values are one, so that what is left of the sums is merged.
    pub fn standard() -> Pipeline {
        const SIMPLIFY: Pass = Pass { name: "simplify", run: simplify };
        const FOLD: Pass = Pass { name: "fold", run: fold };
        const CSE: Pass = Pass { name: "cse", run: cse };
        const FACTOR: Pass = Pass { name: "factor", run: factor };
        const DCE: Pass = Pass { name: "dce", run: dce };
        Pipeline(vec![DCE, FOLD, SIMPLIFY, CSE, FACTOR, FOLD, SIMPLIFY, CSE, DCE])
    }

    /// A pipeline of one's own.
    pub fn new(passes: Vec<Pass>) -> Pipeline {
        Pipeline(passes)
    }

    /// The names of the passes, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|pass| pass.name)
    }

    /// Runs all passes.
    ///
    /// # Panics
    /// In debug builds, when a pass leaves a graph that does not verify: a bug in that pass.
    pub fn run(&self, graph: Graph) -> Graph {
        self.run_watched(graph, &mut |_, _| {})
    }

    /// Runs all passes and shows `watch` each one's name and what it leaves.
    ///
    /// # Panics
    /// As [`run`](Self::run).
    pub fn run_watched(&self, mut graph: Graph, watch: &mut dyn FnMut(&'static str, &Graph)) -> Graph {
        for pass in &self.0 {
            graph = (pass.run)(graph);
            watch(pass.name, &graph);
            if cfg!(debug_assertions)
                && let Err(fault) = verify(&graph)
            {
                panic!("pass `{}` broke the graph: {fault}\n{graph}", pass.name);
            }
        }
        graph
    }
}
