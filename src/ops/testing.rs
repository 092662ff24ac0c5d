//! What the unit tests of several families share.

use super::{Builder, EvalCall, Misfit, RunContext, primitive};
use crate::ir::{Attrs, Graph, Op, Place, Value};
use crate::tensor::{Tensor, Type};

/// The value of one operation on constants.
pub fn evaluate(op: Op, inputs: &[Tensor], attrs: Attrs) -> Tensor {
    evaluate_in(op, inputs, attrs, &RunContext { seed: 1, step: 0, batch: 3 })
}

/// The value of one operation on constants in a given run.
pub fn evaluate_in(op: Op, inputs: &[Tensor], attrs: Attrs, run: &RunContext) -> Tensor {
    let mut graph = Graph::new();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let operands: Vec<Value> = inputs.iter().map(|input| b.constant(input.clone())).collect();
    let value = b.emit(op, &operands, attrs);
    let node = graph.node(value);
    let (inputs, shape): (Vec<&Tensor>, _) = (inputs.iter().collect(), run.sizes(&node.ty.shape));
    (primitive(op).eval)(&EvalCall { node, inputs: &inputs, shape, double: false, run })
}

/// What the shape rule of one operation says to operands of these types.
pub fn infer(op: Op, inputs: &[Type], attrs: &Attrs) -> Result<Type, Misfit> {
    let inputs: Vec<&Type> = inputs.iter().collect();
    (primitive(op).infer)(&super::InferCall { op, inputs: &inputs, attrs })
}

/// Numbers without a pattern between -1 and 1.
pub fn noise(shape: &[usize], seed: u64) -> Tensor {
    let mut numbers = vec![0.0; shape.iter().product()];
    crate::tensor::random::Stream { seed, key: 0, step: 0 }.fill_uniform(0, 0, &mut numbers);
    Tensor::f32(shape, numbers.into_iter().map(|x| 2.0 * x - 1.0).collect())
}
