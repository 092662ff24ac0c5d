//! Reverse mode, graph to graph: gradients are appended as nodes of the same graph, so they have gradients themselves.
//!
//! Every operation brings its own rule (`ops::Gradient`); this room only decides which nodes to visit, in which order, and adds up
//! what several uses of a value contribute: from the last use to the first, and within one node from its first operand to its last.
//! Nothing is simplified here; that is left to `passes`.

use crate::base::IndexVec;
use crate::ir::{Graph, Node, Value};
use crate::ops::reach::carrying;
use crate::ops::{Builder, Gradient, GradientCall, primitive};

/// Appends to a batched graph the gradients of the scalar float `objective` by each of `wrt`, of their shapes. A new node gets the
/// place of the node that it comes from. `None` where no gradient reaches; [`crate::ops::reach`] can say why.
///
/// A value of `wrt` may depend on another: each gradient counts all paths, those through the others included.
///
/// # Panics
/// When `objective` is no scalar float.
pub fn gradients(graph: &mut Graph, objective: Value, wrt: &[Value]) -> Vec<Option<Value>> {
    let ty = graph.ty(objective);
    assert!(ty.dtype.is_float() && ty.shape.rank() == 0, "the objective should be a scalar, is {ty}");
    let on_path = carrying(graph, objective, wrt);
    let visited: Vec<Value> = graph.nodes.indices().rev().filter(|value| on_path[*value]).collect();
    let mut sums: IndexVec<Value, Option<Value>> = graph.nodes.iter().map(|_| None).collect();
    if on_path[objective] {
        sums[objective] = Some(Builder::new(graph, graph.node(objective).place).scalar(1.0));
    }
    for value in visited {
        if let Some(grad) = sums[value] {
            let node = graph.node(value).clone();
            pass_on(graph, &node, value, grad, &on_path, &mut sums);
        }
    }
    wrt.iter().map(|value| sums[*value]).collect()
}

/// Adds what one node contributes to the gradients by its operands.
fn pass_on(
    graph: &mut Graph,
    node: &Node,
    output: Value,
    grad: Value,
    on_path: &IndexVec<Value, bool>,
    sums: &mut IndexVec<Value, Option<Value>>,
) {
    let wanted: Vec<bool> = node.inputs.iter().map(|input| on_path[*input]).collect();
    let Gradient::Rule(rule) = primitive(node.op).gradient else { return };
    if !wanted.contains(&true) {
        return;
    }
    let mut b = Builder::new(graph, node.place);
    let parts = rule(&mut GradientCall { b: &mut b, node, output, grad, wanted: &wanted });
    debug_assert_eq!(parts.len(), node.inputs.len(), "one part for each operand of `{}`", node.op);
    for ((input, wanted), part) in node.inputs.iter().zip(wanted).zip(parts) {
        let Some(part) = part.filter(|_| wanted) else { continue };
        debug_assert_eq!(b.ty(part), b.ty(*input), "the gradient by an operand of `{}` has another type", node.op);
        sums[*input] = Some(match sums[*input] {
            Some(sum) => b.add(sum, part),
            None => part,
        });
    }
}
