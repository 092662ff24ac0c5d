//! Primitives that rearrange or repeat a value's elements as a whole. Joining and cutting stand in `parts`.

use ndarray::{Axis, IxDyn};

use super::eval::{rearrange, stretch};
use super::{BatchCall, Case, Default, Gradient, InferCall, Misfit, Param, ParamKind, Primitive};
use super::{batch, infer};
use crate::ir::op::{CLAIM, STAND_IN};
use crate::ir::{Attrs, Op, Value};
use crate::tensor::{Dim, Ordering3, Shape, Type};

/// The same elements in row-major order under another shape.
pub const RESHAPE: Op = Op("reshape");

/// The axes in another order.
pub const TRANSPOSE: Op = Op("transpose");

/// Repeats along missing axes and axes of size 1.
pub const BROADCAST: Op = Op("broadcast");

/// The elements in reverse order along some axes.
pub const FLIP: Op = Op("flip");

const X: Param = Param { name: "x", kind: ParamKind::Tensor, default: Default::Required };
const SHAPE: Param = Param { name: "shape", kind: ParamKind::Shape, default: Default::Required };

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: RESHAPE,
        doc: "The same elements in the same row-major order, arranged as `shape`, which has as many.",
        params: &[X, SHAPE],
        infer: infer_reshape,
        eval: |call| {
            rearrange!(call.inputs[0], |x| {
                x.to_shape(IxDyn(&call.shape)).expect("as many elements as before").into_owned()
            })
        },
        gradient: Gradient::Rule(|call| {
            let shape = call.b.shape(call.node.inputs[0]);
            vec![Some(call.b.reshape(call.grad, shape))]
        }),
        batch: |call| {
            let shape = call.node.attrs.get_dims("shape").prepend(Dim::batch());
            Ok(call.b.reshape(call.inputs[0], shape))
        },
        cases: || {
            let case = |from: &[usize], to: &[usize]| {
                Case::floats(&[(from, -2.0, 2.0)], Attrs::new().dims("shape", to.into()))
            };
            vec![case(&[2, 3, 2], &[4, 3]), case(&[1], &[]), case(&[0, 3], &[2, 0])]
        },
    },
    Primitive {
        op: CLAIM,
        doc: "`x` itself, whose sizes are those of `shape`: the data shows whether they are.",
        params: &[X, SHAPE],
        infer: infer_claim,
        eval: |call| {
            rearrange!(call.inputs[0], |x| {
                x.to_shape(IxDyn(&call.shape)).expect("a claim was found to hold before").into_owned()
            })
        },
        gradient: Gradient::Rule(|call| {
            let own = call.b.shape(call.node.inputs[0]);
            vec![Some(call.b.emit(CLAIM, &[call.grad], Attrs::new().dims("shape", own)))]
        }),
        batch: |call| {
            let shape = call.node.attrs.get_dims("shape").prepend(Dim::batch());
            Ok(call.b.emit(CLAIM, &[call.inputs[0]], Attrs::new().dims("shape", shape)))
        },
        cases: || vec![Case::floats(&[(&[2, 3], -2.0, 2.0)], Attrs::new().dims("shape", [2, 3].into()))],
    },
    Primitive {
        op: STAND_IN,
        doc: "`x` in place of a value of the given shape, until the data fixes sizes. No such graph is run.",
        params: &[X, SHAPE],
        infer: |call| {
            let shape = call.attrs.get_dims("shape").clone();
            Ok(Type { dtype: call.inputs[0].dtype.clone(), shape })
        },
        eval: |call| {
            rearrange!(call.inputs[0], |x| {
                x.to_shape(IxDyn(&call.shape)).expect("the shape that is stood for").into_owned()
            })
        },
        gradient: Gradient::Rule(|call| {
            let own = call.b.shape(call.node.inputs[0]);
            vec![Some(call.b.emit(STAND_IN, &[call.grad], Attrs::new().dims("shape", own)))]
        }),
        batch: |call| {
            let shape = call.node.attrs.get_dims("shape").prepend(Dim::batch());
            Ok(call.b.emit(STAND_IN, &[call.inputs[0]], Attrs::new().dims("shape", shape)))
        },
        cases: || vec![Case::floats(&[(&[2, 3], -2.0, 2.0)], Attrs::new().dims("shape", [2, 3].into()))],
    },
    Primitive {
        op: TRANSPOSE,
        doc: "The axes in another order: axis `i` of the result is axis `axes[i]` of `x`.",
        params: &[X, Param { name: "axes", kind: ParamKind::Ints, default: Default::Required }],
        infer: infer_transpose,
        eval: |call| {
            let axes = permutation(&call.node.attrs);
            rearrange!(call.inputs[0], |x| x.view().permuted_axes(IxDyn(&axes)).as_standard_layout().into_owned())
        },
        gradient: Gradient::Rule(|call| {
            let mut inverse = vec![0; call.node.attrs.get_ints("axes").len()];
            for (to, from) in permutation(&call.node.attrs).into_iter().enumerate() {
                inverse[from] = to as i64;
            }
            vec![Some(call.b.transpose(call.grad, &inverse))]
        }),
        batch: |call| {
            let own = call.node.attrs.get_ints("axes").iter().map(|axis| axis + 1);
            let axes: Vec<i64> = std::iter::once(0).chain(own).collect();
            Ok(call.b.transpose(call.inputs[0], &axes))
        },
        cases: || {
            let case =
                |from: &[usize], axes: &[i64]| Case::floats(&[(from, -2.0, 2.0)], Attrs::new().ints("axes", axes));
            vec![case(&[2, 3, 4], &[2, 0, 1]), case(&[2, 3], &[1, 0]), case(&[], &[])]
        },
    },
    Primitive {
        op: BROADCAST,
        doc: "Repeats `x` along its missing leading axes and its axes of size 1 until it has the given shape.",
        params: &[X, SHAPE],
        infer: infer_broadcast,
        eval: |call| rearrange!(call.inputs[0], |x| stretch(x, &call.shape).to_owned()),
        gradient: Gradient::Rule(|call| {
            let shape = call.b.shape(call.node.inputs[0]);
            vec![Some(call.b.unbroadcast(call.grad, &shape))]
        }),
        batch: batch_broadcast,
        cases: || {
            let case = |from: &[usize], to: &[usize]| {
                Case::floats(&[(from, -2.0, 2.0)], Attrs::new().dims("shape", to.into()))
            };
            vec![case(&[3, 1], &[2, 3, 4]), case(&[], &[2, 2]), case(&[2], &[2]), case(&[1, 2], &[0, 2])]
        },
    },
    Primitive {
        op: FLIP,
        doc: "The elements in reverse order along the given axes.",
        params: &[X, Param { name: "axis", kind: ParamKind::Axes, default: Default::Required }],
        infer: |call| {
            let ty = call.inputs[0];
            for axis in call.attrs.get_ints("axis") {
                infer::axis_within(*axis, ty.shape.rank())?;
            }
            Ok(ty.clone())
        },
        eval: |call| {
            rearrange!(call.inputs[0], |x| {
                let mut flipped = x.view();
                for axis in call.node.attrs.get_ints("axis") {
                    flipped.invert_axis(Axis(*axis as usize));
                }
                flipped.as_standard_layout().into_owned()
            })
        },
        gradient: Gradient::Rule(|call| vec![Some(call.b.emit(FLIP, &[call.grad], call.node.attrs.clone()))]),
        batch: batch::along_axes,
        cases: || {
            let case = |axes: &[i64]| Case::floats(&[(&[2, 3, 2], -2.0, 2.0)], Attrs::new().ints("axis", axes));
            vec![case(&[1]), case(&[0, 2]), case(&[])]
        },
    },
];

fn infer_reshape(call: &InferCall) -> Result<Type, Misfit> {
    let (from, shape) = (&call.inputs[0].shape, call.attrs.get_dims("shape"));
    let (before, after) = (from.size(), shape.size());
    match before.compare(&after) {
        Ordering3::Equal => Ok(Type { dtype: call.inputs[0].dtype.clone(), shape: shape.clone() }),
        Ordering3::Different => Err(Misfit::Count { from: before, to: after, shape: shape.clone() }),
        Ordering3::Undecided => Err(Misfit::Undecided { left: before, right: after }),
    }
}

fn infer_claim(call: &InferCall) -> Result<Type, Misfit> {
    let (from, shape) = (call.inputs[0], call.attrs.get_dims("shape"));
    if from.shape.rank() != shape.rank() {
        let expected = format!("a value of {} axes", shape.rank());
        return Err(Misfit::Rank { argument: 0, expected, found: from.shape.rank() });
    }
    let mut sizes = from.shape.iter().zip(shape.iter()).enumerate();
    match sizes.find(|(_, (own, claimed))| own.compare(claimed) == Ordering3::Different) {
        Some((axis, (own, claimed))) => {
            Err(Misfit::Elementwise { left: (0, axis, own.clone()), right: (0, axis, claimed.clone()) })
        }
        None => Ok(Type { dtype: from.dtype.clone(), shape: shape.clone() }),
    }
}

fn permutation(attrs: &Attrs) -> Vec<usize> {
    attrs.get_ints("axes").iter().map(|axis| *axis as usize).collect()
}

fn infer_transpose(call: &InferCall) -> Result<Type, Misfit> {
    let (ty, axes) = (call.inputs[0], call.attrs.get_ints("axes"));
    let rank = ty.shape.rank();
    if axes.len() != rank {
        let message = format!("lists {} axes for a value of {rank}", axes.len());
        return Err(Misfit::Attribute { name: "axes", message });
    }
    let mut shape = Shape::scalar();
    for (position, axis) in axes.iter().enumerate() {
        let own = infer::axis_within(*axis, rank)?;
        if axes[..position].contains(axis) {
            return Err(Misfit::Attribute { name: "axes", message: format!("lists axis {axis} twice") });
        }
        shape.0.push(ty.shape[own].clone());
    }
    Ok(Type { dtype: ty.dtype.clone(), shape })
}

fn infer_broadcast(call: &InferCall) -> Result<Type, Misfit> {
    let (from, to) = (&call.inputs[0].shape, call.attrs.get_dims("shape"));
    if from.rank() > to.rank() {
        let expected = format!("at most {} axes", to.rank());
        return Err(Misfit::Rank { argument: 0, expected, found: from.rank() });
    }
    let missing = to.rank() - from.rank();
    for (axis, own) in from.iter().enumerate().filter(|(_, own)| !own.is_one()) {
        let target = &to[axis + missing];
        match own.compare(target) {
            Ordering3::Equal => {}
            Ordering3::Different => {
                let right = (1, axis + missing, target.clone());
                return Err(Misfit::Elementwise { left: (0, axis, own.clone()), right });
            }
            Ordering3::Undecided => return Err(Misfit::Undecided { left: own.clone(), right: target.clone() }),
        }
    }
    Ok(Type { dtype: call.inputs[0].dtype.clone(), shape: to.clone() })
}

fn batch_broadcast(call: &mut BatchCall) -> Result<Value, String> {
    let shape = call.node.attrs.get_dims("shape");
    let ones = shape.rank() + 1 - call.b.shape(call.inputs[0]).rank();
    let x = batch::behind_batch(call.b, call.inputs[0], ones);
    Ok(call.b.broadcast(x, shape.prepend(Dim::batch())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{evaluate, infer};
    use crate::tensor::Tensor;

    fn counting(shape: &[usize]) -> Tensor {
        Tensor::i32(shape, (0..shape.iter().product::<usize>() as i32).collect())
    }

    #[test]
    fn small_cases_by_hand() {
        let x = counting(&[2, 3]);
        let reshaped = evaluate(RESHAPE, std::slice::from_ref(&x), Attrs::new().dims("shape", [3, 2].into()));
        assert_eq!(reshaped, counting(&[3, 2]));
        let transposed = evaluate(TRANSPOSE, std::slice::from_ref(&x), Attrs::new().ints("axes", [1, 0]));
        assert_eq!(transposed, Tensor::i32(&[3, 2], vec![0, 3, 1, 4, 2, 5]));
        let flipped = evaluate(FLIP, &[x], Attrs::new().ints("axis", [1]));
        assert_eq!(flipped, Tensor::i32(&[2, 3], vec![2, 1, 0, 5, 4, 3]));
        let column = evaluate(BROADCAST, &[counting(&[2, 1])], Attrs::new().dims("shape", [2, 2, 2].into()));
        assert_eq!(column, Tensor::i32(&[2, 2, 2], vec![0, 0, 1, 1, 0, 0, 1, 1]));
    }

    #[test]
    fn transposing_reads_axis_i_from_axes_i() {
        let ty = infer(TRANSPOSE, &[Type::f32([2, 3, 4])], &Attrs::new().ints("axes", [2, 0, 1]));
        assert_eq!(ty, Ok(Type::f32([4, 2, 3])));
        let twice = infer(TRANSPOSE, &[Type::f32([2, 3])], &Attrs::new().ints("axes", [0, 0]));
        assert!(matches!(twice, Err(Misfit::Attribute { name: "axes", .. })), "{twice:?}");
    }

    #[test]
    fn sizes_are_compared_symbolically() {
        let (t, two) = (Dim::symbol("T"), Dim::new(2));
        let x = Type::f32([t.clone(), Dim::new(4)].into_iter().collect::<Shape>());
        let to = |dims: [Dim; 2]| Attrs::new().dims("shape", dims.into_iter().collect());
        assert!(infer(RESHAPE, std::slice::from_ref(&x), &to([t.clone() * two.clone(), two.clone()])).is_ok());
        let grown = infer(RESHAPE, &[Type::f32([8])], &to([two.clone(), Dim::new(5)]));
        let shape = [two.clone(), Dim::new(5)].into_iter().collect();
        assert_eq!(grown, Err(Misfit::Count { from: Dim::new(8), to: Dim::new(10), shape }));
        let undecided = infer(RESHAPE, &[x], &to([two.clone(), two]));
        assert!(matches!(undecided, Err(Misfit::Undecided { .. })), "{undecided:?}");
        let stretched = infer(BROADCAST, &[Type::f32([3])], &to([t, Dim::new(4)]));
        let wrong = Misfit::Elementwise { left: (0, 0, Dim::new(3)), right: (1, 1, Dim::new(4)) };
        assert_eq!(stretched, Err(wrong));
    }
}
