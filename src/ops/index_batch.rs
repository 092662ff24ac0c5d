//! How lookups by number become lookups in a whole minibatch.
//!
//! Indices that differ from sample to sample look into a table that does, too, by counting through all samples' rows: row `i` of
//! sample `s` is row `s * size + i` of `[batch * size, ..]`.

use super::index::{GATHER, IOTA, SCATTER_ADD};
use super::{BatchCall, Builder, batch, compare};
use crate::ir::{Attr, Attrs, Op, Value};
use crate::tensor::{DType, Dim, Shape, Tensor};

/// The rule of [`GATHER`].
///
/// # Errors
/// None; it has the signature of a batch rule.
pub fn gather(call: &mut BatchCall) -> Result<Value, String> {
    let (x, indices) = (call.inputs[0], call.inputs[1]);
    let axis = call.node.attrs.get_int("axis") as usize;
    let rank = call.b.ty(indices).shape.rank();
    match (call.batched[0], call.batched[1]) {
        (true, false) => Ok(emit(call.b, GATHER, &[x, indices], axis + 1)),
        (_, false) => Ok(emit(call.b, GATHER, &[x, indices], axis)),
        (false, true) => {
            let found = emit(call.b, GATHER, &[x, indices], axis);
            Ok(move_axes(call.b, found, axis, 1, 0))
        }
        (true, true) => {
            let size = call.b.ty(x).shape[axis + 1].clone();
            let rows = all_rows(call.b, x, axis);
            let numbers = among_all_rows(call.b, indices, &size);
            let found = emit(call.b, GATHER, &[rows, numbers], 0);
            Ok(move_axes(call.b, found, rank, axis, 1))
        }
    }
}

/// The rule of [`SCATTER_ADD`].
///
/// # Errors
/// None; it has the signature of a batch rule.
pub fn scatter_add(call: &mut BatchCall) -> Result<Value, String> {
    let axis = call.node.attrs.get_int("axis") as usize;
    let repeated = |call: &mut BatchCall, input: usize| match call.batched[input] {
        true => call.inputs[input],
        false => batch::repeat(call.b, call.inputs[input]),
    };
    let (x, indices, updates) = (repeated(call, 0), call.inputs[1], repeated(call, 2));
    if !call.batched[1] {
        return Ok(emit(call.b, SCATTER_ADD, &[x, indices, updates], axis + 1));
    }
    let rank = call.b.ty(indices).shape.rank();
    let size = call.b.ty(x).shape[axis + 1].clone();
    let rows = all_rows(call.b, x, axis);
    let numbers = among_all_rows(call.b, indices, &size);
    let updates = move_axes(call.b, updates, 1, axis, rank);
    let sum = emit(call.b, SCATTER_ADD, &[rows, numbers, updates], 0);
    let mut apart = call.b.shape(sum);
    apart.0[0] = size;
    let apart = call.b.reshape(sum, apart.prepend(Dim::batch()));
    Ok(move_axes(call.b, apart, 2, axis, 1))
}

fn emit(b: &mut Builder, op: Op, inputs: &[Value], axis: usize) -> Value {
    b.emit(op, inputs, Attrs::new().int("axis", axis as i64))
}

/// `x` with `count` axes taken from place `from` to place `to`.
fn move_axes(b: &mut Builder, x: Value, from: usize, count: usize, to: usize) -> Value {
    let mut axes: Vec<i64> = (0..b.ty(x).shape.rank() as i64).collect();
    let moved: Vec<i64> = axes.drain(from..from + count).collect();
    axes.splice(to..to, moved);
    b.transpose(x, &axes)
}

/// `[batch, .., size, ..]` as `[batch * size, .., ..]`, where `size` stands on per-sample axis `axis`.
fn all_rows(b: &mut Builder, x: Value, axis: usize) -> Value {
    let in_front = move_axes(b, x, axis + 1, 1, 1);
    let shape = b.shape(in_front);
    let rows = shape[0].clone() * shape[1].clone();
    let merged: Shape = std::iter::once(rows).chain(shape[2..].iter().cloned()).collect();
    b.reshape(in_front, merged)
}

/// Each sample's indices into `size` rows as numbers among all samples' rows; -1 for those outside.
fn among_all_rows(b: &mut Builder, indices: Value, size: &Dim) -> Value {
    let shape = b.shape(indices);
    let own = b.cast(indices, DType::I32);
    let count = number(b, size);
    let samples = iota(b, Dim::batch());
    let column = std::iter::once(Dim::batch()).chain(shape[1..].iter().map(|_| Dim::new(1))).collect();
    let samples = b.reshape(samples, column);
    let first = b.mul(samples, count);
    let numbers = b.add(own, first);
    if matches!(b.ty(indices).dtype, DType::Index(_)) {
        return numbers;
    }
    let (zero, none) = (b.constant(Tensor::i32(&[], vec![0])), b.constant(Tensor::i32(&[], vec![-1])));
    let from_zero = b.binary(compare::GREATER_EQUAL, own, zero);
    let below = b.binary(compare::LESS, own, count);
    let inside = b.binary(compare::LOGICAL_AND, from_zero, below);
    b.choose(inside, numbers, none)
}

fn iota(b: &mut Builder, size: Dim) -> Value {
    let shape = std::iter::once(size).collect();
    b.emit(IOTA, &[], Attrs::new().dims("shape", shape).int("axis", 0).with("dtype", Attr::DType(DType::I32)))
}

/// A size as an i32 scalar: the last of 0, 1, ..., size.
fn number(b: &mut Builder, size: &Dim) -> Value {
    if let Some(size) = size.constant().and_then(|size| i32::try_from(size).ok()) {
        return b.constant(Tensor::i32(&[], vec![size]));
    }
    let behind = size.clone() + Dim::new(1);
    let counting = iota(b, behind.clone());
    let one = |dim: Dim| std::iter::once(dim).collect();
    let last = b.slice(counting, one(size.clone()), one(behind), vec![1]);
    b.reshape(last, Shape::scalar())
}
