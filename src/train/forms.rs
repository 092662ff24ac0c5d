//! What a graph becomes at the sizes of the data: itself with the sizes put in, and a plan for each number of samples.
//!
//! Samples of one set may be of many sizes, and each takes a graph of its own. Those that are used are kept, up to a bound; what was used
//! least recently goes first. That changes no result.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::trainer::Failure;
use crate::data::Budget;
use crate::engine::plan::{Options, Plan, Store};
use crate::ir::Graph;
use crate::tensor::Sizes;

/// What a node takes, in bytes, about; and the same again in each plan.
const NODE: usize = 1024;

/// How much memory what is kept may take together, in bytes, about: a quarter of what this process may still take.
pub fn room() -> usize {
    usize::try_from(Budget::of_machine().left() / 2).unwrap_or(usize::MAX)
}

/// A graph at certain sizes.
pub struct Form {
    /// The graph.
    pub graph: Graph,
    plans: BTreeMap<usize, Plan>,
    used: u64,
}

impl Form {
    /// The plan for minibatches of `batch` samples.
    ///
    /// # Panics
    /// When none was made.
    pub fn plan(&self, batch: usize) -> &Plan {
        self.plans.get(&batch).expect("a plan is made before it is used")
    }

    fn bytes(&self) -> usize {
        let constants: usize = self.plans.values().map(|plan| plan.bytes() - plan.arena_bytes()).sum();
        self.graph.nodes.len() * NODE * (1 + self.plans.len()) + constants
    }
}

/// The forms of one graph, by sizes.
pub struct Forms {
    forms: BTreeMap<Sizes, Form>,
    /// Counts uses.
    turn: u64,
    /// The bytes that may be kept.
    room: usize,
}

impl Forms {
    /// No forms yet, and `room` bytes for them. One is kept whatever it takes.
    pub fn new(room: usize) -> Forms {
        Forms { forms: BTreeMap::new(), turn: 0, room }
    }

    /// The form at `sizes`, with a plan for `batch` samples; `build` makes its graph.
    ///
    /// # Errors
    /// Those of `build`, and when the plan does not fit in memory.
    pub fn at(
        &mut self,
        sizes: &Sizes,
        batch: usize,
        store: &Store,
        build: impl FnOnce() -> Result<Graph, Failure>,
    ) -> Result<&Form, Failure> {
        self.turn += 1;
        let form = match self.forms.entry(sizes.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let graph = build()?;
                entry.insert(Form { graph, plans: BTreeMap::new(), used: 0 })
            }
        };
        form.used = self.turn;
        if !form.plans.contains_key(&batch) {
            let plan = Plan::new(&form.graph, batch, store, &Options::default())?;
            form.plans.insert(batch, plan);
            self.forget();
        }
        Ok(self.forms.get(sizes).expect("it was just made"))
    }

    /// The form at `sizes`, if it is there.
    pub fn get(&self, sizes: &Sizes) -> Option<&Form> {
        self.forms.get(sizes)
    }

    /// Drops what was used least recently while all is more than may be kept.
    fn forget(&mut self) {
        let mut bytes: usize = self.forms.values().map(Form::bytes).sum();
        while bytes > self.room && self.forms.len() > 1 {
            let oldest = self.forms.iter().min_by_key(|(_, form)| form.used).map(|(sizes, _)| sizes.clone());
            let dropped = oldest.and_then(|sizes| self.forms.remove(&sizes));
            bytes -= dropped.map_or(0, |form| form.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Place;
    use crate::ops::Builder;

    #[test]
    fn what_was_used_least_recently_is_dropped() {
        let (mut forms, store, mut built) = (Forms::new(3 * NODE), Store::new(), Vec::new());
        let mut at = |forms: &mut Forms, length: i64, batch: usize| {
            let sizes = Sizes::from([("T".to_owned(), length)]);
            let build = || {
                built.push(length);
                let mut graph = Graph::new();
                Builder::new(&mut graph, Place::NONE).scalar(1.0);
                Ok(graph)
            };
            forms.at(&sizes, batch, &store, build).map(|_| ()).expect("a plan");
        };
        // A node and its plan take two; there is room for three.
        [(1, 8), (1, 8), (2, 8), (2, 8), (1, 8)].into_iter().for_each(|(length, batch)| at(&mut forms, length, batch));
        assert_eq!(built, [1, 2, 1]);
        assert!(forms.get(&Sizes::from([("T".to_owned(), 2)])).is_none());
    }
}
