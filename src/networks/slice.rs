//! Cutting a graph down to what its results and updates need, with every choice on `training` settled.

use std::collections::BTreeMap;

use crate::base::IndexVec;
use crate::ir::{Graph, Input, Node, ResultRole, Value, op};

/// Which arm of a choice on `training` is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The first: `training` is true.
    Training,
    /// The second: `training` is false.
    Evaluation,
}

/// Keeps what the results and updates of `graph` need. With `draws`, drawn inputs become what draws them; without, they are fed.
///
/// Variables stay, all of them, under their ids; inputs that nothing needs go.
pub fn slice(graph: &Graph, choice: Choice, draws: bool) -> Graph {
    let settled = settle(graph, choice, draws);
    let reached = reached(graph, &settled);
    let mut out = Graph { frames: graph.frames.clone(), variables: graph.variables.clone(), ..Graph::new() };
    for variable in out.variables.iter_mut() {
        variable.init = None;
    }
    let mut map: BTreeMap<Value, Value> = BTreeMap::new();
    for (id, node) in graph.nodes.iter_enumerated() {
        if !reached[id] || settled[id] != id {
            continue;
        }
        let inputs = node.inputs.iter().map(|input| map[&settled[*input]]).collect();
        let mut node = Node { inputs, ..node.clone() };
        if node.op == op::INPUT {
            let index = node.attrs.get_int("index") as usize;
            node.attrs = node.attrs.int("index", out.inputs.len() as i64);
            let value = out.push(node);
            out.inputs.push(Input { name: graph.inputs[index].name.clone(), value, drawn: None });
            map.insert(id, value);
        } else {
            // A choice with one per-sample arm settles to the other: the flag is computed anew.
            node.per_sample = per_sample(&out, &node);
            map.insert(id, out.push(node));
        }
    }
    let moved = |value: Value| map[&settled[value]];
    out.results = graph.results.clone();
    for result in &mut out.results {
        result.value = moved(result.value);
        if let ResultRole::Loss { weight: Some(weight), .. } = &mut result.role {
            *weight = moved(*weight);
        }
    }
    out.updates = graph.updates.clone();
    for update in &mut out.updates {
        update.value = moved(update.value);
    }
    let names = graph.names.iter().filter(|(value, _)| map.contains_key(&settled[**value]));
    out.names = names.map(|(value, name)| (moved(*value), name.clone())).collect();
    out
}

/// What each value is once choices and draws are settled.
pub(super) fn settle(graph: &Graph, choice: Choice, draws: bool) -> IndexVec<Value, Value> {
    let mut settled: IndexVec<Value, Value> = IndexVec::new();
    for (id, node) in graph.nodes.iter_enumerated() {
        let value = match node.op {
            op::SELECT_TRAINING => settled[node.inputs[if choice == Choice::Training { 0 } else { 1 }]],
            _ => id,
        };
        settled.push(value);
    }
    if draws {
        for input in &graph.inputs {
            if let Some(drawn) = input.drawn {
                settled[input.value] = settled[drawn];
            }
        }
        // Choices settled before their input did: follow once more.
        for id in graph.nodes.indices() {
            settled[id] = settled[settled[id]];
        }
    }
    settled
}

pub(super) fn reached(graph: &Graph, settled: &IndexVec<Value, Value>) -> IndexVec<Value, bool> {
    let mut reached: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for root in graph.roots() {
        reached[settled[root]] = true;
    }
    for id in graph.nodes.indices().rev() {
        if reached[id] {
            for input in &graph.node(id).inputs {
                reached[settled[*input]] = true;
            }
        }
    }
    reached
}

fn per_sample(graph: &Graph, node: &Node) -> bool {
    match node.op {
        op::ALL_SAMPLES => false,
        _ if node.inputs.is_empty() => node.per_sample,
        _ => node.inputs.iter().any(|input| graph.node(*input).per_sample),
    }
}
