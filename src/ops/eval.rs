//! What reference evaluations share. Floats are computed in f64 and rounded once at the end of each operation, so a value in single
//! precision is the nearest one to the true result of the operation on its operands; integers are computed in i64 and wrap.

use ndarray::{ArrayD, ArrayViewD, IxDyn};

use super::EvalCall;
use crate::tensor::{DType, Tensor};

/// The elements of operand `argument` as f64, whatever its dtype.
pub fn floats(call: &EvalCall, argument: usize) -> ArrayD<f64> {
    match call.inputs[argument] {
        Tensor::F64(array) => array.clone(),
        other => array(other.shape(), other.to_f64()),
    }
}

/// The integers or indices of operand `argument`.
///
/// # Panics
/// Like its sibling below: when the operand is of another dtype, which the shape rule excludes.
pub fn ints<'a>(call: &EvalCall<'a>, argument: usize) -> &'a ArrayD<i32> {
    match call.inputs[argument] {
        Tensor::I32(array) => array,
        other => panic!("operand {argument} of `{}` should hold integers, holds {other:?}", call.node.op),
    }
}

/// The truth values of operand `argument`.
pub fn truths<'a>(call: &EvalCall<'a>, argument: usize) -> &'a ArrayD<bool> {
    match call.inputs[argument] {
        Tensor::Bool(array) => array,
        other => panic!("operand {argument} of `{}` should hold truth values, holds {other:?}", call.node.op),
    }
}

/// An array of these sizes and row-major elements.
///
/// # Panics
/// When the elements are not as many as the sizes say.
pub fn array<T>(sizes: &[usize], elements: Vec<T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(IxDyn(sizes), elements).expect("as many elements as the sizes say")
}

/// A result computed in f64 as a tensor of the node's dtype, row-major.
pub fn finish(call: &EvalCall, result: ArrayD<f64>) -> Tensor {
    let sizes = result.shape().to_vec();
    match call.node.ty.dtype {
        DType::F32 if call.double => Tensor::F64(array(&sizes, result.iter().copied().collect())),
        DType::F32 => Tensor::F32(array(&sizes, result.iter().map(|x| *x as f32).collect())),
        DType::I32 | DType::Index(_) => Tensor::I32(array(&sizes, result.iter().map(|x| *x as i32).collect())),
        DType::Bool => Tensor::Bool(array(&sizes, result.iter().map(|x| *x != 0.0).collect())),
    }
}

/// `f` of every element.
pub fn map<A, R>(x: &ArrayD<A>, f: impl Fn(&A) -> R) -> ArrayD<R> {
    array(x.shape(), x.iter().map(f).collect())
}

/// `f` of the elements of two arrays, both broadcast to `sizes`.
pub fn map2<A, B, R>(sizes: &[usize], a: &ArrayD<A>, b: &ArrayD<B>, f: impl Fn(&A, &B) -> R) -> ArrayD<R> {
    array(sizes, stretch(a, sizes).iter().zip(stretch(b, sizes).iter()).map(|(a, b)| f(a, b)).collect())
}

/// An array broadcast to `sizes`.
///
/// # Panics
/// When it cannot be, which shape rules exclude.
pub fn stretch<'a, A>(x: &'a ArrayD<A>, sizes: &[usize]) -> ArrayViewD<'a, A> {
    x.broadcast(IxDyn(sizes)).unwrap_or_else(|| panic!("{:?} cannot be broadcast to {sizes:?}", x.shape()))
}

/// Applies a selection, rearrangement or repetition of elements, written once, to a tensor of any dtype:
/// `rearrange!(tensor, |array| expression)` where the expression gives an owned array of the same element type.
macro_rules! rearrange {
    ($tensor:expr, |$array:ident| $body:expr) => {
        match $tensor {
            $crate::tensor::Tensor::F32($array) => $crate::tensor::Tensor::F32($body),
            $crate::tensor::Tensor::F64($array) => $crate::tensor::Tensor::F64($body),
            $crate::tensor::Tensor::I32($array) => $crate::tensor::Tensor::I32($body),
            $crate::tensor::Tensor::Bool($array) => $crate::tensor::Tensor::Bool($body),
        }
    };
}
pub(crate) use rearrange;
