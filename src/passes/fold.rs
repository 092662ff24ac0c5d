//! Constant folding, by the reference evaluation of each primitive.

use super::rebuild;
use crate::ir::{Attr, Graph, Node, Value, op};
use crate::ops::{Builder, EvalCall, RunContext, primitive};
use crate::tensor::{DType, Tensor};

/// Results of more elements than this stay operations: a program should not grow by what it computes.
const LARGEST: usize = 4096;

/// Replaces nodes over constants by constants. Broadcasts stay, since a stretched constant only costs memory; draws have no inputs and
/// stay; so does what could fail on its data.
pub fn fold(graph: Graph) -> Graph {
    rebuild(
        graph,
        |_| true,
        |new, _, node| match value_of(new, &node) {
            Some(tensor) => {
                let mut b = Builder::new(new, node.place);
                let constant = b.constant(tensor);
                debug_assert_eq!(b.ty(constant), &node.ty);
                constant
            }
            None => new.push(node),
        },
    )
}

fn value_of(graph: &Graph, node: &Node) -> Option<Tensor> {
    let stays = ["broadcast", "gather", "scatter_add", "one_hot", "stop_gradient"];
    if node.inputs.is_empty() || stays.contains(&node.op.0) || matches!(node.ty.dtype, DType::Index(_)) {
        return None;
    }
    let shape = node.ty.shape.constant()?;
    if shape.iter().product::<usize>() > LARGEST || node.attrs.iter().any(|(_, attr)| is_symbolic(attr)) {
        return None;
    }
    let constant = |input: &Value| {
        let input = graph.node(*input);
        (input.op == op::CONSTANT).then(|| input.attrs.get_tensor("value").clone())
    };
    let tensors: Vec<_> = node.inputs.iter().map(constant).collect::<Option<_>>()?;
    let inputs: Vec<&Tensor> = tensors.iter().map(|tensor| &**tensor).collect();
    let run = RunContext::default();
    Some((primitive(node.op).eval)(&EvalCall { node, inputs: &inputs, shape, double: false, run: &run }))
}

fn is_symbolic(attr: &Attr) -> bool {
    matches!(attr, Attr::Dims(shape) if shape.constant().is_none())
}
