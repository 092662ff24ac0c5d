//! Which inputs are labels, and what could be an output.

use crate::base::IndexVec;
use crate::ir::{self, Graph, ResultRole, op};

/// Which inputs are labels: they reach a loss, and no operation combines what depends on them with a parameter or with a value
/// computed from parameters and constants alone.
pub fn labels(graph: &Graph) -> Vec<bool> {
    let weights = dependents(graph, |node| node.op == op::VARIABLE);
    let fed = dependents(graph, |node| node.op == op::INPUT);
    let losses = graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }));
    let reached = graph.reached_from(losses.map(|loss| loss.value));
    let pure = |value: &ir::Value| weights[*value] && !fed[*value];
    let meeting = graph.nodes.iter().filter(|node| node.inputs.iter().any(pure));
    let met = graph.reached_from(meeting.flat_map(|node| node.inputs.iter().copied()));
    graph.inputs.iter().map(|input| reached[input.value] && !met[input.value]).collect()
}

/// The named values between inputs and losses that no label reaches, in order.
pub fn output_candidates(graph: &Graph) -> Vec<String> {
    let labels = labels(graph);
    let tainted = dependents(graph, |node| node.op == op::INPUT && labels[node.attrs.get_int("index") as usize]);
    let fed = dependents(graph, |node| node.op == op::INPUT);
    let losses: Vec<_> =
        graph.results.iter().filter(|r| matches!(r.role, ResultRole::Loss { .. })).map(|r| r.value).collect();
    let reached = graph.reached_from(losses.iter().copied());
    let weights = dependents(graph, |node| node.op == op::VARIABLE);
    let names = graph.names.iter().filter(|(value, _)| {
        let value = **value;
        reached[value] && fed[value] && weights[value] && !tainted[value] && !losses.contains(&value)
    });
    names.map(|(_, name)| name.clone()).collect()
}

/// The values that depend on a node of which `is_source` holds.
pub fn dependents(graph: &Graph, is_source: impl Fn(&ir::Node) -> bool) -> IndexVec<ir::Value, bool> {
    let mut depends: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for (id, node) in graph.nodes.iter_enumerated() {
        depends[id] = is_source(node) || node.inputs.iter().any(|input| depends[*input]);
    }
    depends
}
