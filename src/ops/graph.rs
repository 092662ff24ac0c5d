//! The primitives that connect a graph with the world around it: what is fed and kept, constants, and what per-sample graphs say
//! of training and of the minibatch.
//!
//! A per-sample graph evaluated as it stands is a minibatch of one sample.

use super::eval::{array, finish, rearrange, stretch};
use super::{
    BatchCall, Case, Default, EvalCall, Gradient, GradientCall, InferCall, Misfit, Param, ParamKind, Primitive,
};
use super::{batch, index, infer};
use crate::ir::{Attrs, Op, Value, op};
use crate::tensor::{DType, Dim, Shape, Tensor, Type};

/// The identity, through which no gradient passes.
pub const STOP_GRADIENT: Op = Op("stop_gradient");

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: op::INPUT,
        doc: "A value that is fed.",
        params: &[],
        infer: declared,
        eval: identity,
        gradient: Gradient::Zero("is fed, not computed"),
        batch: unbatchable,
        cases: Vec::new,
    },
    Primitive {
        op: op::VARIABLE,
        doc: "The value of a parameter or state before the step.",
        params: &[],
        infer: declared,
        eval: identity,
        gradient: Gradient::Zero("is kept, not computed"),
        batch: unbatchable,
        cases: Vec::new,
    },
    Primitive {
        op: op::CONSTANT,
        doc: "A constant.",
        params: &[],
        infer: |call| Ok(type_of(call.attrs.get_tensor("value"))),
        eval: |call| {
            let value = call.node.attrs.get_tensor("value");
            if call.double { value.widen() } else { Tensor::clone(value) }
        },
        gradient: Gradient::Zero("is a constant"),
        batch: unbatchable,
        cases: || vec![Case { inputs: Vec::new(), attrs: constant_of(Tensor::f32(&[2], vec![0.5, -3.0])) }],
    },
    Primitive {
        op: op::SELECT_TRAINING,
        doc: "The first operand in Main, the second in MainValidation and MainRuntime.",
        params: &[operand("a"), operand("b")],
        infer: |call| {
            infer::same_dtype(call, 0, 1)?;
            let shape = infer::broadcast(&[&call.inputs[0].shape, &call.inputs[1].shape])?;
            Ok(Type { dtype: call.inputs[0].dtype.clone(), shape })
        },
        eval: |call| {
            let chosen = call.inputs[0];
            rearrange!(chosen, |x| stretch(x, &call.shape).to_owned())
        },
        gradient: Gradient::Rule(select_training_gradient),
        batch: |_| Err("`select_training` is resolved before batching".to_owned()),
        cases: Vec::new,
    },
    Primitive {
        op: op::ALL_SAMPLES,
        doc: "A per-sample value of shape `[d..]` as the `[batch, d..]` of the whole minibatch, the same for every sample.",
        params: &[operand("x")],
        infer: |call| {
            let ty = call.inputs[0];
            Ok(Type { dtype: ty.dtype.clone(), shape: ty.shape.prepend(Dim::batch()) })
        },
        eval: |call| rearrange!(call.inputs[0], |x| stretch(x, &call.shape).to_owned()),
        gradient: Gradient::Rule(all_samples_gradient),
        batch: |call| Ok(if call.batched[0] { call.inputs[0] } else { batch::repeat(call.b, call.inputs[0]) }),
        cases: Vec::new,
    },
    Primitive {
        op: op::SAMPLE_INDEX,
        doc: "A sample's own place in the minibatch, from 0.",
        params: &[],
        infer: |_| Ok(Type { dtype: DType::Index(Dim::batch()), shape: Shape::scalar() }),
        eval: |call| finish(call, array(&[], vec![0.0])),
        gradient: Gradient::Zero("is an index"),
        batch: |call| {
            let places: Shape = std::iter::once(Dim::batch()).collect();
            let attrs = Attrs::new().dims("shape", places).int("axis", 0);
            let dtype = crate::ir::Attr::DType(DType::Index(Dim::batch()));
            Ok(call.b.emit(index::IOTA, &[], attrs.with("dtype", dtype)))
        },
        cases: Vec::new,
    },
    Primitive {
        op: op::GRAD,
        doc: "The derivative of `y`, a per-sample scalar, by `x`, a value that `y` was computed from.",
        params: &[operand("y"), operand("x")],
        infer: |call| {
            infer::float(call, 0)?;
            infer::float(call, 1).cloned()
        },
        eval: |_| unreachable!("`lower` writes derivatives out"),
        gradient: Gradient::Rule(|_| unreachable!("`lower` writes derivatives out")),
        batch: |_| Err("`grad` is written out before batching".to_owned()),
        cases: Vec::new,
    },
    Primitive {
        op: STOP_GRADIENT,
        doc: "`x` itself; no gradient passes through this use of it.",
        params: &[operand("x")],
        infer: infer::same,
        eval: identity,
        gradient: Gradient::Zero("stops the gradient"),
        batch: batch::elementwise,
        cases: || vec![Case::floats(&[(&[2, 3], -1.0, 1.0)], Attrs::new())],
    },
];

const fn operand(name: &'static str) -> Param {
    Param { name, kind: ParamKind::Tensor, default: Default::Required }
}

fn constant_of(tensor: Tensor) -> Attrs {
    Attrs::new().with("value", crate::ir::Attr::Tensor(std::sync::Arc::new(tensor)))
}

/// Inputs and variables are typed by their declarations, not by a rule; see [`Builder::input`](super::Builder::input).
fn declared(_: &InferCall) -> Result<Type, Misfit> {
    Err(Misfit::Attribute { name: "index", message: "names a declaration, which alone has the type".to_owned() })
}

fn unbatchable(call: &mut BatchCall) -> Result<Value, String> {
    Err(format!("`{}` has no operands to batch", call.node.op))
}

/// The operand; for inputs and variables the engine passes what is fed or kept.
fn identity(call: &EvalCall) -> Tensor {
    call.inputs[0].clone()
}

fn type_of(tensor: &Tensor) -> Type {
    let dtype = match tensor {
        Tensor::F32(_) | Tensor::F64(_) => DType::F32,
        Tensor::I32(_) => DType::I32,
        Tensor::Bool(_) => DType::Bool,
    };
    Type { dtype, shape: tensor.shape().into() }
}

/// The gradient goes to the operand that is chosen, and zero to the other.
fn select_training_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let zero = call.b.scalar(0.0);
    let (grad, inputs) = (call.grad, call.node.inputs.clone());
    let by = |own: usize, pair: [Value; 2], call: &mut GradientCall| {
        call.wanted[own].then(|| {
            let chosen = call.b.binary(op::SELECT_TRAINING, pair[0], pair[1]);
            let shape = call.b.shape(inputs[own]);
            call.b.unbroadcast(chosen, &shape)
        })
    };
    vec![by(0, [grad, zero], call), by(1, [zero, grad], call)]
}

/// Every sample's objective reads the same whole batch, so a sample's gradient is its own row of the sum over all samples.
fn all_samples_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let every = call.b.unary(op::ALL_SAMPLES, call.grad);
    let sum = call.b.sum(every, &[0], false);
    let place = call.b.emit(op::SAMPLE_INDEX, &[], Attrs::new());
    vec![Some(call.b.emit(index::GATHER, &[sum, place], Attrs::new().int("axis", 0)))]
}
