//! Making a graph from another, node by node, so that everything outside the nodes follows its value. Which nodes become what is the
//! business of each pass.

use crate::base::IndexVec;
use crate::ir::{Graph, Node, ResultRole, Value};

/// A copy of `old` in which node `value` is what `make` returns for it. `make` gets the graph made so far and the node with its inputs
/// already replaced; the answer must have the node's type. Nodes that `keep` refuses are left out; nothing kept may use them.
///
/// Of two names for one value the first wins.
pub fn rebuild(
    old: &Graph,
    keep: impl Fn(Value) -> bool,
    mut make: impl FnMut(&mut Graph, Value, Node) -> Value,
) -> Graph {
    let mut new = Graph { frames: old.frames.clone(), ..Graph::default() };
    new.variables = old.variables.clone();
    new.inputs = old.inputs.clone();
    let mut made: IndexVec<Value, Option<Value>> = IndexVec::new();
    for (value, node) in old.nodes.iter_enumerated() {
        let replacement = keep(value).then(|| {
            let mut node = node.clone();
            for input in &mut node.inputs {
                *input = made[*input].expect("a kept node uses only kept nodes");
            }
            make(&mut new, value, node)
        });
        debug_assert!(replacement.is_none_or(|made| new.ty(made) == &node.ty), "{value} changed its type");
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
    new.results = old.results.clone();
    for result in &mut new.results {
        result.value = follow(result.value);
        if let ResultRole::Loss { weight: Some(weight), .. } = &mut result.role {
            *weight = follow(*weight);
        }
    }
    new.updates = old.updates.clone();
    for update in &mut new.updates {
        update.value = follow(update.value);
    }
    for (value, name) in &old.names {
        if let Some(value) = made[*value] {
            new.names.entry(value).or_insert_with(|| name.clone());
        }
    }
    new
}
