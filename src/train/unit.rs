//! One optimization step of an iteration, ready to run: its graphs with their plans and buffers.

use std::collections::BTreeMap;

use super::batches::Batch;
use super::step::{Part, StepGraph};
use crate::engine::plan::{Options, Plan, PlanError, Store};

/// A graph with what it takes to run it on minibatches of any size.
pub struct Unit {
    /// The graph.
    pub step: StepGraph,
    /// Its feeds.
    pub buffers: Batch,
    plans: BTreeMap<usize, Plan>,
}

/// One step of an iteration.
pub struct Phase {
    /// Its group, by number.
    pub group: usize,
    /// How many steps of its group come before it in an iteration, and how many there are.
    pub turn: (u64, u64),
    /// The unit that gathers the gradient of a minibatch, when several are averaged.
    pub gather: Option<usize>,
    /// The unit that moves the parameters.
    pub finish: usize,
}

impl Unit {
    /// A unit without plans yet.
    pub fn new(step: StepGraph) -> Unit {
        Unit { buffers: Batch::new(&step.graph), step, plans: BTreeMap::new() }
    }

    /// Makes sure that there is a plan for minibatches of `batch` samples.
    ///
    /// # Errors
    /// When it does not fit in memory.
    pub fn plan(&mut self, batch: usize, store: &Store) -> Result<(), PlanError> {
        if !self.plans.contains_key(&batch) {
            let plan = Plan::new(&self.step.graph, batch, store, &Options::default())?;
            self.plans.insert(batch, plan);
        }
        Ok(())
    }

    /// The plan for minibatches of `batch` samples, if it was made.
    pub fn planned(&self, batch: usize) -> Option<&Plan> {
        self.plans.get(&batch)
    }
}

/// The phases of an iteration that runs the groups numbered `order`, and what each unit does: a group's number and its part.
pub fn phases(order: &[usize], accumulate: usize) -> (Vec<Phase>, Vec<(usize, Part)>) {
    let mut kinds: Vec<(usize, Part)> = Vec::new();
    let mut phases: Vec<Phase> = Vec::new();
    for (position, group) in order.iter().enumerate() {
        let mut unit = |part: Part| {
            let known = kinds.iter().position(|kind| *kind == (*group, part));
            known.unwrap_or_else(|| {
                kinds.push((*group, part));
                kinds.len() - 1
            })
        };
        let gather = (accumulate > 1).then(|| unit(Part::Gather));
        let finish = unit(Part::Finish { sums: accumulate > 1, updates: position + 1 == order.len() });
        let before = order[..position].iter().filter(|other| *other == group).count() as u64;
        let all = order.iter().filter(|other| *other == group).count() as u64;
        phases.push(Phase { group: *group, turn: (before, all), gather, finish });
    }
    (phases, kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_runs_again_shares_its_unit_and_the_last_step_updates() {
        let (phases, kinds) = phases(&[0, 0, 1], 1);
        assert_eq!(kinds.len(), 2);
        assert_eq!((phases[0].finish, phases[1].finish, phases[2].finish), (0, 0, 1));
        assert_eq!((phases[1].turn, phases[2].turn), ((1, 2), (0, 1)));
        let (own, kinds) = super::phases(&[0, 1, 0], 2);
        assert_eq!(kinds.len(), 5, "two gather, the first group finishes with and without updates");
        assert_eq!(kinds[own[2].finish], (0, Part::Finish { sums: true, updates: true }));
    }
}
