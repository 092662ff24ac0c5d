//! Primitives that join values and cut parts out of them.

use ndarray::{ArrayD, Axis, IxDyn, Slice};

use super::eval::rearrange;
use super::{
    BatchCall, Case, Default, EvalCall, Gradient, GradientCall, InferCall, Misfit, Param, ParamKind, Primitive,
};
use super::{Builder, batch, eval, infer};
use crate::ir::{Attr, Attrs, Op, Value};
use crate::tensor::{DType, Dim, Ordering3, Shape, Tensor, Type};

/// Values one after another along an axis.
pub const CONCATENATE: Op = Op("concatenate");

/// Every step-th element between start and stop, axis by axis.
pub const SLICE: Op = Op("slice");

/// A constant border around a value.
pub const PAD: Op = Op("pad");

const X: Param = Param { name: "x", kind: ParamKind::Tensor, default: Default::Required };

const fn required(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, default: Default::Required }
}

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: CONCATENATE,
        doc: "The values one after another along `axis`. Off that axis their sizes agree.",
        params: &[
            required("xs", ParamKind::Tensors),
            Param { name: "axis", kind: ParamKind::Axis, default: Default::Int(0) },
        ],
        infer: infer_concatenate,
        eval: eval_concatenate,
        gradient: Gradient::Rule(gradient_concatenate),
        batch: batch_concatenate,
        cases: || {
            let case = |parts: &[&[usize]], axis| {
                let parts: Vec<(&[usize], f64, f64)> = parts.iter().map(|shape| (*shape, -2.0, 2.0)).collect();
                Case::floats(&parts, Attrs::new().int("axis", axis))
            };
            vec![case(&[&[2, 3], &[2, 1], &[2, 0]], 1), case(&[&[2], &[3]], 0), case(&[&[2, 2]], 0)]
        },
    },
    Primitive {
        op: SLICE,
        doc: "The elements from `start` up to, not including, `stop` in steps of `step`, one of each per axis. \
              Each axis gets the size ceil((stop - start) / step).",
        params: &[
            X,
            required("start", ParamKind::Shape),
            required("stop", ParamKind::Shape),
            Param { name: "step", kind: ParamKind::Ints, default: Default::Int(1) },
        ],
        infer: infer_slice,
        eval: eval_slice,
        gradient: Gradient::Rule(|call| {
            let shape = call.b.shape(call.node.inputs[0]);
            vec![Some(put_back(call.b, call.grad, &shape, &call.node.attrs))]
        }),
        batch: |call| {
            let attrs = &call.node.attrs;
            let step: Vec<i64> = std::iter::once(1).chain(attrs.get_ints("step").iter().copied()).collect();
            let start = attrs.get_dims("start").prepend(Dim::new(0));
            let stop = attrs.get_dims("stop").prepend(Dim::batch());
            Ok(call.b.slice(call.inputs[0], start, stop, step))
        },
        cases: || {
            let case = |shape: &[usize], start: &[usize], stop: &[usize], step: &[i64]| {
                let attrs = Attrs::new().dims("start", start.into()).dims("stop", stop.into()).ints("step", step);
                Case::floats(&[(shape, -2.0, 2.0)], attrs)
            };
            vec![
                case(&[4, 5], &[1, 0], &[3, 5], &[1, 1]),
                case(&[7, 8], &[1, 0], &[6, 8], &[2, 3]),
                case(&[6], &[2], &[3], &[4]),
                case(&[3, 2], &[1, 1], &[1, 2], &[1, 1]),
            ]
        },
    },
    Primitive {
        op: PAD,
        doc: "`low` elements of `value` before and `high` behind `x` along each axis.",
        params: &[
            X,
            required("low", ParamKind::Ints),
            required("high", ParamKind::Ints),
            Param { name: "value", kind: ParamKind::Float, default: Default::Float(0.0) },
        ],
        infer: infer_pad,
        eval: eval_pad,
        gradient: Gradient::Rule(|call| {
            let start: Shape = call.node.attrs.get_ints("low").iter().copied().map(Dim::new).collect();
            let size = call.b.shape(call.node.inputs[0]);
            let stop = start.iter().zip(size.iter()).map(|(low, size)| low.clone() + size.clone()).collect();
            let step = vec![1; size.rank()];
            vec![Some(call.b.slice(call.grad, start, stop, step))]
        }),
        batch: |call| {
            let mut attrs = call.node.attrs.clone();
            for name in ["low", "high"] {
                let own = call.node.attrs.get_ints(name);
                attrs.set(name, Attr::Ints(std::iter::once(0).chain(own.iter().copied()).collect()));
            }
            Ok(call.b.emit(PAD, call.inputs, attrs))
        },
        cases: || {
            let case = |shape: &[usize], low: &[i64], high: &[i64], value| {
                let attrs = Attrs::new().ints("low", low).ints("high", high).with("value", Attr::Float(value));
                Case::floats(&[(shape, -2.0, 2.0)], attrs)
            };
            vec![case(&[2, 3], &[1, 0], &[2, 1], 0.0), case(&[2], &[0], &[3], -1.5), case(&[0], &[1], &[1], 2.0)]
        },
    },
];

fn infer_concatenate(call: &InferCall) -> Result<Type, Misfit> {
    let Some((first, rest)) = call.inputs.split_first() else {
        return Err(Misfit::Attribute { name: "xs", message: "is empty".to_owned() });
    };
    let axis = infer::axis_within(call.attrs.get_int("axis"), first.shape.rank())?;
    let mut shape = first.shape.clone();
    for (argument, part) in (1..).zip(rest) {
        infer::same_dtype(call, 0, argument)?;
        if part.shape.rank() != first.shape.rank() {
            let expected = format!("{} axes", first.shape.rank());
            return Err(Misfit::Rank { argument, expected, found: part.shape.rank() });
        }
        for (own, (left, right)) in first.shape.iter().zip(part.shape.iter()).enumerate() {
            match left.compare(right) {
                _ if own == axis => shape.0[axis] = shape[axis].clone() + right.clone(),
                Ordering3::Equal => {}
                Ordering3::Different => {
                    return Err(Misfit::Parts { left: (0, own, left.clone()), right: (argument, own, right.clone()) });
                }
                Ordering3::Undecided => return Err(Misfit::Undecided { left: left.clone(), right: right.clone() }),
            }
        }
    }
    Ok(Type { dtype: first.dtype.clone(), shape })
}

fn eval_concatenate(call: &EvalCall) -> Tensor {
    let axis = Axis(call.node.attrs.get_int("axis") as usize);
    let parts: Vec<_> = (0..call.inputs.len()).map(|part| eval::floats(call, part)).collect();
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let joined = ndarray::concatenate(axis, &views).expect("parts that agree off the axis");
    eval::finish(call, joined)
}

fn gradient_concatenate(call: &mut GradientCall) -> Vec<Option<Value>> {
    let axis = call.node.attrs.get_int("axis") as usize;
    let whole = call.b.shape(call.grad);
    let mut position = Dim::new(0);
    let mut gradients = Vec::with_capacity(call.wanted.len());
    for (input, wanted) in call.node.inputs.iter().zip(call.wanted) {
        let (mut start, mut stop): (Shape, Shape) = (whole.iter().map(|_| Dim::new(0)).collect(), whole.clone());
        start.0[axis] = position.clone();
        position = position + call.b.ty(*input).shape[axis].clone();
        stop.0[axis] = position.clone();
        gradients.push(wanted.then(|| call.b.slice(call.grad, start, stop, vec![1; whole.rank()])));
    }
    gradients
}

fn batch_concatenate(call: &mut BatchCall) -> Result<Value, String> {
    let mut parts = Vec::with_capacity(call.inputs.len());
    for (input, batched) in call.inputs.iter().zip(call.batched) {
        parts.push(if *batched { *input } else { batch::repeat(call.b, *input) });
    }
    Ok(call.b.emit(CONCATENATE, &parts, batch::shift_axes(&call.node.attrs, &["axis"])))
}

impl Builder<'_> {
    /// The elements from `start` up to, not including, `stop` in steps of `step`, axis by axis; `x` itself if that is all of it.
    pub fn slice(&mut self, x: Value, start: Shape, stop: Shape, step: Vec<i64>) -> Value {
        let from_zero = start.iter().all(|dim| dim.constant() == Some(0));
        if from_zero && stop == self.ty(x).shape && step.iter().all(|step| *step == 1) {
            return x;
        }
        self.emit(SLICE, &[x], Attrs::new().dims("start", start).dims("stop", stop).ints("step", step))
    }

    /// `x` with so many zeros before and behind it along each axis.
    pub fn pad(&mut self, x: Value, low: Vec<i64>, high: Vec<i64>) -> Value {
        self.emit(PAD, &[x], Attrs::new().ints("low", low).ints("high", high).with("value", Attr::Float(0.0)))
    }
}

fn one_per_axis(name: &'static str, found: usize, rank: usize) -> Result<(), Misfit> {
    let message = || format!("has {found} entries for a value with {rank} axes");
    if found == rank { Ok(()) } else { Err(Misfit::Attribute { name, message: message() }) }
}

/// What can be told without knowing the symbols: 0 <= start <= stop <= size, step > 0.
fn infer_slice(call: &InferCall) -> Result<Type, Misfit> {
    let ty = call.inputs[0];
    let (start, stop, step) = (call.attrs.get_dims("start"), call.attrs.get_dims("stop"), call.attrs.get_ints("step"));
    for (name, found) in [("start", start.rank()), ("stop", stop.rank()), ("step", step.len())] {
        one_per_axis(name, found, ty.shape.rank())?;
    }
    let mut shape = Shape::scalar();
    for (axis, size) in ty.shape.iter().enumerate() {
        let (start, stop, step) = (&start[axis], &stop[axis], step[axis]);
        let negative = |dim: Dim| dim.constant().is_some_and(|value| value < 0);
        if negative(start.clone()) {
            return Err(Misfit::Attribute { name: "start", message: format!("is {start} along axis {axis}") });
        }
        if negative(size.clone() - stop.clone()) {
            let message = format!("is {stop} along axis {axis}, which has a size of {size}");
            return Err(Misfit::Attribute { name: "stop", message });
        }
        if negative(stop.clone() - start.clone()) {
            let message = format!("is {stop} along axis {axis}, before the start at {start}");
            return Err(Misfit::Attribute { name: "stop", message });
        }
        if step < 1 {
            return Err(Misfit::Attribute { name: "step", message: format!("is {step} along axis {axis}") });
        }
        let whole = start.constant() == Some(0) && stop == size && step == 1;
        let length = || (stop.clone() - start.clone()).ceil_div(Dim::new(step));
        shape.0.push(if whole { size.clone() } else { length() });
    }
    Ok(Type { dtype: ty.dtype.clone(), shape })
}

fn eval_slice(call: &EvalCall) -> Tensor {
    let attrs = &call.node.attrs;
    let (start, stop) = (call.run.sizes(attrs.get_dims("start")), call.run.sizes(attrs.get_dims("stop")));
    let step = attrs.get_ints("step");
    rearrange!(call.inputs[0], |x| {
        x.slice_each_axis(|axis| {
            let axis = axis.axis.index();
            Slice::new(start[axis] as isize, Some(stop[axis] as isize), step[axis] as isize)
        })
        .to_owned()
    })
}

/// A slice's elements at their places in zeros of `shape`: what the slice transposes to.
fn put_back(b: &mut Builder, part: Value, shape: &Shape, attrs: &Attrs) -> Value {
    let (start, step) = (attrs.get_dims("start"), attrs.get_ints("step"));
    let mut whole = part;
    for (axis, step) in step.iter().enumerate() {
        whole = spread(b, whole, axis, *step);
    }
    let reached = b.shape(whole);
    let gaps = |axis: usize| {
        let low = start[axis].clone();
        let high = shape[axis].clone() - low.clone() - reached[axis].clone();
        (low, high)
    };
    let known: Option<Vec<(i64, i64)>> =
        (0..shape.rank()).map(|axis| Some((gaps(axis).0.constant()?, gaps(axis).1.constant()?))).collect();
    match known {
        Some(gaps) if gaps.iter().all(|gap| *gap == (0, 0)) => whole,
        Some(gaps) => {
            let (low, high): (Vec<i64>, Vec<i64>) = gaps.into_iter().unzip();
            b.pad(whole, low, high)
        }
        None => {
            for axis in 0..shape.rank() {
                whole = surround(b, whole, axis, gaps(axis));
            }
            whole
        }
    }
}

/// `step - 1` zeros between neighbours along an axis: n elements become (n - 1) step + 1, none stay none.
fn spread(b: &mut Builder, x: Value, axis: usize, step: i64) -> Value {
    let own = b.shape(x);
    if step == 1 || own[axis].constant().is_some_and(|size| size < 2) {
        return x;
    }
    let mut apart = own.clone();
    apart.0.insert(axis + 1, Dim::new(1));
    let (mut low, mut high) = (vec![0; apart.rank()], vec![0; apart.rank()]);
    (low[axis + 1], high[axis + 1]) = (0, step - 1);
    let apart = b.reshape(x, apart);
    let filled = b.pad(apart, low, high);
    let mut merged = own.clone();
    merged.0[axis] = own[axis].clone() * Dim::new(step);
    let merged = b.reshape(filled, merged);
    let mut stop = b.shape(merged);
    stop.0[axis] = stop[axis].clone() - Dim::new(step - 1);
    let start = stop.iter().map(|_| Dim::new(0)).collect();
    let step = vec![1; stop.rank()];
    b.slice(merged, start, stop, step)
}

/// Zeros before and behind a value along an axis, where a symbol says how many.
fn surround(b: &mut Builder, x: Value, axis: usize, gaps: (Dim, Dim)) -> Value {
    let zeros = |b: &mut Builder, size: Dim| {
        let mut shape = b.shape(x);
        shape.0[axis] = size;
        let zero = b.scalar(0.0);
        b.broadcast(zero, shape)
    };
    let (low, high) = (zeros(b, gaps.0), zeros(b, gaps.1));
    b.emit(CONCATENATE, &[low, x, high], Attrs::new().int("axis", axis as i64))
}

fn infer_pad(call: &InferCall) -> Result<Type, Misfit> {
    let ty = call.inputs[0];
    if !matches!(ty.dtype, DType::F32 | DType::I32) {
        return Err(Misfit::DType { argument: 0, expected: "a number", found: ty.dtype.clone() });
    }
    let (low, high) = (call.attrs.get_ints("low"), call.attrs.get_ints("high"));
    for (name, sides) in [("low", low), ("high", high)] {
        one_per_axis(name, sides.len(), ty.shape.rank())?;
        if let Some(side) = sides.iter().find(|side| **side < 0) {
            return Err(Misfit::Attribute { name, message: format!("is {side}; `slice` cuts elements off") });
        }
    }
    let sides = low.iter().zip(high).map(|(low, high)| Dim::new(low + high));
    let shape = ty
        .shape
        .iter()
        .zip(sides)
        .map(|(size, sides)| if sides == Dim::new(0) { size.clone() } else { size.clone() + sides });
    Ok(Type { dtype: ty.dtype.clone(), shape: shape.collect() })
}

fn eval_pad(call: &EvalCall) -> Tensor {
    let (x, low) = (eval::floats(call, 0), call.node.attrs.get_ints("low"));
    let mut padded = ArrayD::from_elem(IxDyn(&call.shape), call.node.attrs.get_float("value"));
    let sizes = x.shape().to_vec();
    let inside = |axis: usize| Slice::from(low[axis] as usize..low[axis] as usize + sizes[axis]);
    padded.slice_each_axis_mut(|axis| inside(axis.axis.index())).assign(&x);
    eval::finish(call, padded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{evaluate, infer};

    fn counting(shape: &[usize]) -> Tensor {
        Tensor::i32(shape, (0..shape.iter().product::<usize>() as i32).collect())
    }

    #[test]
    fn small_cases_by_hand() {
        let joined = evaluate(CONCATENATE, &[counting(&[2, 2]), counting(&[2, 1])], Attrs::new().int("axis", 1));
        assert_eq!(joined, Tensor::i32(&[2, 3], vec![0, 1, 0, 2, 3, 1]));
        let attrs = Attrs::new().dims("start", [1, 0].into()).dims("stop", [3, 4].into()).ints("step", [1, 3]);
        assert_eq!(evaluate(SLICE, &[counting(&[3, 4])], attrs), Tensor::i32(&[2, 2], vec![4, 7, 8, 11]));
        let attrs = Attrs::new().ints("low", [1, 0]).ints("high", [0, 2]).with("value", Attr::Float(9.0));
        let padded = Tensor::i32(&[2, 3], vec![9, 9, 9, 0, 9, 9]);
        assert_eq!(evaluate(PAD, &[counting(&[1, 1])], attrs), padded);
    }

    #[test]
    fn parts_agree_off_the_axis() {
        let types = [Type::f32([2, 3]), Type::f32([2, 4])];
        assert_eq!(infer(CONCATENATE, &types, &Attrs::new().int("axis", 1)), Ok(Type::f32([2, 7])));
        let differ = Misfit::Parts { left: (0, 1, Dim::new(3)), right: (1, 1, Dim::new(4)) };
        assert_eq!(infer(CONCATENATE, &types, &Attrs::new().int("axis", 0)), Err(differ));
        let axis = Misfit::Axis { axis: 2, rank: 2 };
        assert_eq!(infer(CONCATENATE, &types, &Attrs::new().int("axis", 2)), Err(axis));
    }

    #[test]
    fn slices_stay_inside() {
        let cut = |start: i64, stop: i64, step: i64| {
            let attrs = Attrs::new().dims("start", [start].into()).dims("stop", [stop].into()).ints("step", [step]);
            infer(SLICE, &[Type::f32([5])], &attrs)
        };
        assert_eq!(cut(0, 5, 2), Ok(Type::f32([3])));
        assert_eq!(cut(2, 2, 1), Ok(Type::f32([0])));
        for (start, stop, step, name) in [(-1, 5, 1, "start"), (0, 6, 1, "stop"), (3, 2, 1, "stop"), (0, 5, 0, "step")]
        {
            let refused = cut(start, stop, step);
            assert!(matches!(&refused, Err(Misfit::Attribute { name: found, .. }) if *found == name), "{refused:?}");
        }
    }
}
