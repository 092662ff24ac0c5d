//! Which losses are minimised together: those that train the same parameters are one optimization step.

use super::{Graph, ResultRole, VarId, VariableKind};

/// The losses of one optimization step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their names, in declaration order.
    pub losses: Vec<String>,
    /// The parameters that the step moves, in order.
    pub params: Vec<VarId>,
}

impl Group {
    /// What the step is called: its first loss.
    pub fn name(&self) -> &str {
        &self.losses[0]
    }
}

/// Whether a variable is a parameter that is not frozen.
pub fn is_trained(graph: &Graph, id: VarId) -> bool {
    matches!(graph.variables[id].kind, VariableKind::Param { frozen: false, .. })
}

/// The steps of a graph, in the order in which their first losses are declared. A graph without a loss has none.
pub fn groups(graph: &Graph) -> Vec<Group> {
    let all: Vec<VarId> = graph.variables.indices().filter(|id| is_trained(graph, *id)).collect();
    let mut groups: Vec<Group> = Vec::new();
    for result in &graph.results {
        let ResultRole::Loss { trains, .. } = &result.role else { continue };
        let params = trains.as_ref().unwrap_or(&all);
        match groups.iter_mut().find(|group| group.params == *params) {
            Some(group) => group.losses.push(result.name.clone()),
            None => groups.push(Group { losses: vec![result.name.clone()], params: params.clone() }),
        }
    }
    groups
}
