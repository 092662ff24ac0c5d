//! Reductions of operands that have one value throughout. What such a reduction gives depends on sizes alone, and those are numbers once a
//! plan is made: the gradient of a mean over a minibatch divides by a sum of ones.

use super::view::Axes;
use crate::base::IndexVec;
use crate::ir::{Graph, Value, op};
use crate::tensor::DType;

/// The value that a reduction has throughout, for those reached ones where it is known.
pub(super) fn folds(
    graph: &Graph,
    reached: &IndexVec<Value, bool>,
    sizes: &IndexVec<Value, Axes<usize>>,
) -> IndexVec<Value, Option<f32>> {
    let mut uniform: IndexVec<Value, Option<f32>> = IndexVec::new();
    let mut found: IndexVec<Value, Option<f32>> = IndexVec::new();
    let len = |value: Value| sizes[value].iter().product::<usize>();
    for (value, node) in graph.nodes.iter_enumerated() {
        let operand = node.inputs.first().and_then(|input| uniform[*input]);
        let known = |name: &str| -> Option<f32> {
            let (operand, count) = (operand?, len(node.inputs[0]).checked_div(len(value))?);
            match name {
                "sum" if count > 0 => Some((f64::from(operand) * count as f64) as f32),
                "mean" | "max" | "min" if count > 0 => Some(operand),
                _ => None,
            }
        };
        let fold = known(node.op.0).filter(|_| reached[value] && node.ty.dtype == DType::F32);
        found.push(fold);
        uniform.push(match node.op.0 {
            _ if !reached[value] || node.ty.dtype != DType::F32 => None,
            _ if node.op == op::CONSTANT && len(value) == 1 => Some(node.attrs.get_tensor("value").to_f32()[0]),
            "reshape" | "broadcast" | "transpose" | "slice" | "flip" | "stop_gradient" => operand,
            _ => fold,
        });
    }
    found
}
