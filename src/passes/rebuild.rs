//! Making a graph out of another, node by node, so that everything outside the nodes follows its value. Which nodes become what is the
//! business of each pass.

use crate::base::IndexVec;
use crate::ir::{Graph, Node, ResultRole, Value};

/// `old` with, in place of node `value`, what `make` returns for it. `make` gets the graph made so far and the node with its inputs
/// already replaced; the answer must have the node's type. Nodes that `keep` refuses are left out; nothing kept may use them.
///
/// Of two names for one value the first wins.
pub fn rebuild(
    old: Graph,
    keep: impl Fn(Value) -> bool,
    mut make: impl FnMut(&mut Graph, Value, Node) -> Value,
) -> Graph {
    let Graph { nodes, frames, inputs, variables, results, updates, names } = old;
    let mut made: IndexVec<Value, Option<Value>> = IndexVec::with_capacity(nodes.len());
    let mut new = Graph { nodes: IndexVec::with_capacity(nodes.len()), frames, inputs, variables, ..Graph::default() };
    for (value, mut node) in nodes.into_iter_enumerated() {
        let replacement = keep(value).then(|| {
            let ty = cfg!(debug_assertions).then(|| node.ty.clone());
            for input in &mut node.inputs {
                *input = made[*input].expect("a kept node uses only kept nodes");
            }
            let replacement = make(&mut new, value, node);
            assert!(ty.is_none_or(|ty| *new.ty(replacement) == ty), "{value} changed its type");
            replacement
        });
        made.push(replacement);
    }
    let follow = |value: Value| made[value].expect("what is referred to is kept");
    for input in &mut new.inputs {
        input.value = follow(input.value);
        input.drawn = input.drawn.map(follow);
    }
    for variable in new.variables.iter_mut() {
        variable.init = variable.init.map(follow);
    }
    new.results = results;
    for result in &mut new.results {
        result.value = follow(result.value);
        if let ResultRole::Loss { weight: Some(weight), .. } = &mut result.role {
            *weight = follow(*weight);
        }
    }
    new.updates = updates;
    for update in &mut new.updates {
        update.value = follow(update.value);
    }
    for (value, name) in names {
        if let Some(value) = made[value] {
            new.names.entry(value).or_insert(name);
        }
    }
    new
}

/// `graph` with each node replaced by what `rule` makes of it, first to last, so that a node sees its inputs already replaced. A rule passes by
/// answering nothing, and what it makes counts only if it has the node's type.
pub(super) fn rewrite(graph: Graph, rule: impl Fn(&mut Graph, &Node) -> Option<Value>) -> Graph {
    rebuild(
        graph,
        |_| true,
        |new, _, node| {
            // In a per-sample graph, whether a value differs from sample to sample must stay as it is, since axes depend on it.
            match rule(new, &node) {
                Some(value) if *new.ty(value) == node.ty && new.node(value).per_sample == node.per_sample => value,
                _ => new.push(node),
            }
        },
    )
}
