//! One optimization step of an iteration, ready to run: its graphs with their plans and buffers.

use super::batches::Batch;
use super::forms::Forms;
use super::sizes::Programs;
use super::step::{Part, group_graph};
use super::trainer::Failure;
use crate::check::{Program, TrainSettings};
use crate::ir::Graph;
use crate::ir::group::groups;
use crate::lower::lower;
use crate::networks;
use crate::passes::Pipeline;
use crate::tensor::Sizes;

/// A graph with what it takes to run it on minibatches of any size.
pub struct Unit {
    /// What it computes: a group's number and its part.
    pub kind: (usize, Part),
    /// Its graphs by the sizes of the data.
    pub forms: Forms,
    /// The feeds of any of them.
    pub buffers: Batch,
    /// The names of its results.
    pub results: Vec<String>,
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
    /// A unit without plans yet, and `room` bytes for them; `graph` is what it computes at some sizes.
    pub fn new(kind: (usize, Part), graph: &Graph, room: usize) -> Unit {
        let results = graph.results.iter().map(|result| result.name.clone()).collect();
        Unit { kind, forms: Forms::new(room), buffers: Batch::new(graph), results }
    }
}

/// The graph of a step that a unit runs, for data of `sizes`.
///
/// # Errors
/// When the program at these sizes is wrong or cannot be batched.
pub fn graph_at(
    programs: Programs,
    settings: &TrainSettings,
    kind: (usize, Part),
    sizes: &Sizes,
) -> Result<Graph, Failure> {
    Ok(Pipeline::standard().run(built(programs, settings, kind, sizes)?))
}

/// The same before any pass.
///
/// # Errors
/// Those of [`graph_at`].
pub fn built(
    programs: Programs,
    settings: &TrainSettings,
    (group, part): (usize, Part),
    sizes: &Sizes,
) -> Result<Graph, Failure> {
    let make = |program: &Program| {
        let groups = groups(&program.graph);
        let (several, group) = (groups.len() > 1, &groups[group]);
        let is_own = |name: &str| group.losses.iter().any(|loss| loss == name);
        let updates = matches!(part, Part::Finish { updates: true, .. });
        let network = networks::training_of(&program.graph, is_own, updates);
        let network = lower(&network).map_err(Failure::Unbatchable)?.bind(sizes);
        Ok(group_graph(&network, settings, group, several, part).graph)
    };
    programs.at(sizes, make).map_err(Failure::Program)?
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
