//! Dead code: drops the nodes that nothing refers to.

use super::rebuild;
use crate::ir::Graph;

/// Keeps what results, loss weights, updates, declared inputs and initial values depend on.
pub fn dce(graph: Graph) -> Graph {
    let inputs = graph.inputs.iter().flat_map(|input| std::iter::once(input.value).chain(input.drawn));
    let inits = graph.variables.iter().filter_map(|variable| variable.init);
    let reached = graph.reached_from(graph.roots().into_iter().chain(inputs).chain(inits));
    rebuild(graph, |value| reached[value], |new, _, node| new.push(node))
}
