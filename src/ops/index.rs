//! Primitives that look up by number, and their transposes.
//!
//! An index outside its axis reads zeros and adds nothing, so `gather` is always the product with the `one_hot` of its indices.

use ndarray::{ArrayD, Axis, Dimension, IxDyn};

use super::eval::{self, rearrange};
use super::{Case, CaseInput, Default, Domain, EvalCall, Gradient, InferCall, Misfit, Param, ParamKind};
use super::{Primitive, index_batch, infer};
use crate::ir::{Attr, Attrs, Op};
use crate::tensor::{DType, Dim, Ordering3, Shape, Tensor, Type};

/// Rows by number.
pub const GATHER: Op = Op("gather");

/// Rows added at numbered places: the transpose of [`GATHER`].
pub const SCATTER_ADD: Op = Op("scatter_add");

/// 1 at a class, 0 elsewhere.
pub const ONE_HOT: Op = Op("one_hot");

/// Counting up along an axis.
pub const IOTA: Op = Op("iota");

const AXIS: Param = Param { name: "axis", kind: ParamKind::Axis, default: Default::Int(0) };

const fn required(name: &'static str, kind: ParamKind) -> Param {
    Param { name, kind, default: Default::Required }
}

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: GATHER,
        doc: "The slices of `x` along `axis` at `indices`: the axes of `indices` stand in that axis' place. \
              An index outside reads 0.",
        params: &[required("x", ParamKind::Tensor), required("indices", ParamKind::Tensor), AXIS],
        infer: infer_gather,
        eval: eval_gather,
        gradient: Gradient::Rule(|call| {
            let (x, indices) = (call.node.inputs[0], call.node.inputs[1]);
            let (zero, shape) = (call.b.scalar(0.0), call.b.shape(x));
            let zeros = call.b.broadcast(zero, shape);
            let sum = call.b.emit(SCATTER_ADD, &[zeros, indices, call.grad], call.node.attrs.clone());
            vec![Some(sum), None]
        }),
        batch: index_batch::gather,
        cases: || {
            let case = |x: &[usize], indices: &[usize], axis: i64, classes: bool| {
                let size = x[axis as usize] as i64;
                Case {
                    inputs: vec![
                        floats(x),
                        CaseInput { ty: index_type(indices, size, classes), domain: Domain::Index(size) },
                    ],
                    attrs: Attrs::new().int("axis", axis),
                }
            };
            vec![case(&[4, 3], &[5], 0, true), case(&[2, 3, 4], &[2, 2], 1, false), case(&[5], &[], 0, true)]
        },
    },
    Primitive {
        op: SCATTER_ADD,
        doc: "`x` with the slices of `updates` added along `axis` at `indices`, in the order of `updates`; \
              an index outside adds nothing. The transpose of `gather`.",
        params: &[
            required("x", ParamKind::Tensor),
            required("indices", ParamKind::Tensor),
            required("updates", ParamKind::Tensor),
            AXIS,
        ],
        infer: infer_scatter_add,
        eval: eval_scatter_add,
        gradient: Gradient::Rule(|call| {
            let updates =
                call.wanted[2].then(|| call.b.emit(GATHER, &[call.grad, call.node.inputs[1]], call.node.attrs.clone()));
            vec![Some(call.grad), None, updates]
        }),
        batch: index_batch::scatter_add,
        cases: || {
            let case = |x: &[usize], indices: &[usize], updates: &[usize], axis: i64| {
                let size = x[axis as usize] as i64;
                let indices = CaseInput { ty: index_type(indices, size, true), domain: Domain::Index(size) };
                Case { inputs: vec![floats(x), indices, floats(updates)], attrs: Attrs::new().int("axis", axis) }
            };
            vec![case(&[3, 2], &[4], &[4, 2], 0), case(&[2, 3], &[2, 2], &[2, 2, 2], 1)]
        },
    },
    Primitive {
        op: ONE_HOT,
        doc: "1 at the place that `y` names on a new last axis of size `classes`, 0 elsewhere.",
        params: &[required("y", ParamKind::Tensor), required("classes", ParamKind::Shape)],
        infer: infer_one_hot,
        eval: |call| {
            let y = eval::ints(call, 0).clone().insert_axis(Axis(call.shape.len() - 1));
            let y = eval::stretch(&y, &call.shape);
            let one_hot =
                |place: &IxDyn| f64::from(u8::from(y[place] as usize == place[place.ndim() - 1] && y[place] >= 0));
            eval::finish(call, ArrayD::from_shape_fn(IxDyn(&call.shape), |place| one_hot(&place)))
        },
        gradient: Gradient::Zero("takes whole numbers, which carry no gradient"),
        batch: |call| Ok(call.b.emit(ONE_HOT, call.inputs, call.node.attrs.clone())),
        cases: || {
            let case = |shape: &[usize], classes: i64| Case {
                inputs: vec![CaseInput { ty: index_type(shape, classes, true), domain: Domain::Index(classes) }],
                attrs: Attrs::new().dims("classes", [classes].into()),
            };
            vec![case(&[4], 3), case(&[], 5), case(&[2, 2], 2)]
        },
    },
    Primitive {
        op: IOTA,
        doc: "0, 1, 2, ... along `axis`, the same along all other axes.",
        params: &[
            required("shape", ParamKind::Shape),
            // No `Axis`, which would be one of the first tensor's: there is none.
            Param { name: "axis", kind: ParamKind::Int, default: Default::Int(0) },
            required("dtype", ParamKind::DType),
        ],
        infer: infer_iota,
        eval: |call| {
            let axis = call.node.attrs.get_int("axis") as usize;
            eval::finish(call, ArrayD::from_shape_fn(IxDyn(&call.shape), |place| place[axis] as f64))
        },
        gradient: Gradient::Zero("depends on nothing"),
        batch: |call| Ok(call.b.emit(IOTA, &[], call.node.attrs.clone())),
        cases: || {
            let case = |shape: &[usize], axis, dtype| Case {
                inputs: Vec::new(),
                attrs: Attrs::new().dims("shape", shape.into()).int("axis", axis).with("dtype", Attr::DType(dtype)),
            };
            vec![case(&[4], 0, DType::I32), case(&[2, 3], 1, DType::F32), case(&[3], 0, DType::Index(Dim::new(3)))]
        },
    },
];

fn floats(shape: &[usize]) -> CaseInput {
    CaseInput { ty: Type::f32(shape), domain: Domain::Range(-2.0, 2.0) }
}

fn index_type(shape: &[usize], size: i64, classes: bool) -> Type {
    let dtype = if classes { DType::Index(Dim::new(size)) } else { DType::I32 };
    Type { dtype, shape: shape.into() }
}

/// Demands integers, or an index into exactly `size` (an axis of operand `of`).
fn indices_into(call: &InferCall, argument: usize, of: usize, size: &Dim) -> Result<(), Misfit> {
    match &call.inputs[argument].dtype {
        DType::I32 => Ok(()),
        DType::Index(classes) => infer::same_classes((argument, classes), (of, size)),
        found => Err(Misfit::DType { argument, expected: "an index or i32", found: found.clone() }),
    }
}

/// `x` with the axes of `indices` in place of `axis`.
fn gathered(x: &Shape, indices: &Shape, axis: usize) -> Shape {
    x[..axis].iter().chain(indices.iter()).chain(&x[axis + 1..]).cloned().collect()
}

fn infer_gather(call: &InferCall) -> Result<Type, Misfit> {
    let (x, indices) = (call.inputs[0], call.inputs[1]);
    let axis = infer::axis_within(call.attrs.get_int("axis"), x.shape.rank())?;
    indices_into(call, 1, 0, &x.shape[axis])?;
    Ok(Type { dtype: x.dtype.clone(), shape: gathered(&x.shape, &indices.shape, axis) })
}

fn infer_scatter_add(call: &InferCall) -> Result<Type, Misfit> {
    let x = infer::number(call, 0)?;
    let axis = infer::axis_within(call.attrs.get_int("axis"), x.shape.rank())?;
    indices_into(call, 1, 0, &x.shape[axis])?;
    infer::same_dtype(call, 0, 2)?;
    let (expected, found) = (gathered(&x.shape, &call.inputs[1].shape, axis), &call.inputs[2].shape);
    if expected.rank() != found.rank() {
        let expected = format!("{} axes", expected.rank());
        return Err(Misfit::Rank { argument: 2, expected, found: found.rank() });
    }
    let source = |place: usize| match place {
        _ if place < axis => (0, place),
        _ if place < axis + call.inputs[1].shape.rank() => (1, place - axis),
        _ => (0, place + 1 - call.inputs[1].shape.rank()),
    };
    for (place, (left, right)) in expected.iter().zip(found.iter()).enumerate() {
        match left.compare(right) {
            Ordering3::Equal => {}
            Ordering3::Different => {
                let (argument, own) = source(place);
                let left = (argument, own, left.clone());
                return Err(Misfit::Elementwise { left, right: (2, place, right.clone()) });
            }
            Ordering3::Undecided => return Err(Misfit::Undecided { left: left.clone(), right: right.clone() }),
        }
    }
    Ok(x.clone())
}

fn infer_one_hot(call: &InferCall) -> Result<Type, Misfit> {
    let [classes] = &call.attrs.get_dims("classes")[..] else {
        return Err(Misfit::Attribute { name: "classes", message: "is one number".to_owned() });
    };
    indices_into(call, 0, 0, classes)?;
    let shape = call.inputs[0].shape.iter().chain([classes]).cloned().collect();
    Ok(Type { dtype: DType::F32, shape })
}

fn infer_iota(call: &InferCall) -> Result<Type, Misfit> {
    let (shape, dtype) = (call.attrs.get_dims("shape"), call.attrs.get_dtype("dtype"));
    let axis = infer::axis_within(call.attrs.get_int("axis"), shape.rank())?;
    match dtype {
        DType::Bool => {
            let message = "is bool, which does not count".to_owned();
            return Err(Misfit::Attribute { name: "dtype", message });
        }
        DType::Index(classes) => infer::same_classes((0, classes), (0, &shape[axis]))?,
        DType::F32 | DType::I32 => {}
    }
    Ok(Type { dtype: dtype.clone(), shape: shape.clone() })
}

/// For each element of what `gather` gives: its place there and, if its index is inside, its place in `x`.
fn pairs(x: &[usize], indices: &ArrayD<i32>, axis: usize) -> Vec<(IxDyn, Option<IxDyn>)> {
    let sizes: Vec<usize> = x[..axis].iter().chain(indices.shape()).chain(&x[axis + 1..]).copied().collect();
    let behind = axis + indices.ndim();
    let pair = |place: IxDyn| {
        let own = place.slice();
        let index = usize::try_from(indices[IxDyn(&own[axis..behind])]).ok().filter(|index| *index < x[axis]);
        let source = index.map(|index| {
            let source: Vec<usize> = own[..axis].iter().chain([&index]).chain(&own[behind..]).copied().collect();
            IxDyn(&source)
        });
        (place, source)
    };
    ndarray::indices(IxDyn(&sizes)).into_iter().map(pair).collect()
}

fn eval_gather(call: &EvalCall) -> Tensor {
    let axis = call.node.attrs.get_int("axis") as usize;
    let places = pairs(call.inputs[0].shape(), eval::ints(call, 1), axis);
    rearrange!(call.inputs[0], |x| {
        let row = places
            .iter()
            .map(|(_, source)| source.as_ref().map_or_else(std::default::Default::default, |source| x[source]));
        eval::array(&call.shape, row.collect())
    })
}

fn eval_scatter_add(call: &EvalCall) -> Tensor {
    let (mut sum, updates) = (eval::floats(call, 0), eval::floats(call, 2));
    for (place, target) in pairs(&call.shape, eval::ints(call, 1), call.node.attrs.get_int("axis") as usize) {
        if let Some(target) = target {
            sum[target] += updates[place];
        }
    }
    eval::finish(call, sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{evaluate, infer};

    #[test]
    fn small_cases_by_hand() {
        let table = Tensor::f32(&[3, 2], vec![0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        let indices = Tensor::i32(&[4], vec![2, 0, 2, 1]);
        let found = evaluate(GATHER, &[table.clone(), indices.clone()], Attrs::new().int("axis", 0));
        assert_eq!(found, Tensor::f32(&[4, 2], vec![20.0, 21.0, 0.0, 1.0, 20.0, 21.0, 10.0, 11.0]));
        let swapped = evaluate(GATHER, &[table.clone(), Tensor::i32(&[2], vec![1, 0])], Attrs::new().int("axis", 1));
        assert_eq!(swapped, Tensor::f32(&[3, 2], vec![1.0, 0.0, 11.0, 10.0, 21.0, 20.0]));
        let sum = evaluate(SCATTER_ADD, &[table, indices, found], Attrs::new().int("axis", 0));
        assert_eq!(sum, Tensor::f32(&[3, 2], vec![0.0, 2.0, 20.0, 22.0, 60.0, 63.0]));
        let one_hot = evaluate(ONE_HOT, &[Tensor::i32(&[2], vec![1, 0])], Attrs::new().dims("classes", [3].into()));
        assert_eq!(one_hot, Tensor::f32(&[2, 3], vec![0.0, 1.0, 0.0, 1.0, 0.0, 0.0]));
        let attrs = Attrs::new().dims("shape", [2, 2].into()).int("axis", 0).with("dtype", Attr::DType(DType::I32));
        assert_eq!(evaluate(IOTA, &[], attrs), Tensor::i32(&[2, 2], vec![0, 0, 1, 1]));
    }

    #[test]
    fn indices_outside_read_zero_and_add_nothing() {
        let (x, outside) = (Tensor::f32(&[2], vec![5.0, 7.0]), Tensor::i32(&[3], vec![-1, 1, 2]));
        let attrs = || Attrs::new().int("axis", 0);
        let found = evaluate(GATHER, &[x.clone(), outside.clone()], attrs());
        assert_eq!(found, Tensor::f32(&[3], vec![0.0, 7.0, 0.0]));
        let ones = Tensor::f32(&[3], vec![1.0; 3]);
        assert_eq!(evaluate(SCATTER_ADD, &[x, outside.clone(), ones], attrs()), Tensor::f32(&[2], vec![5.0, 8.0]));
        let one_hot = evaluate(ONE_HOT, &[outside], Attrs::new().dims("classes", [2].into()));
        assert_eq!(one_hot, Tensor::f32(&[3, 2], vec![0.0, 0.0, 0.0, 1.0, 0.0, 0.0]));
    }

    #[test]
    fn an_index_counts_the_axis_that_it_reads() {
        let inputs = [Type::f32([10, 4]), index_type(&[3], 7, true)];
        let classes = Misfit::Classes { left: (1, Dim::new(7)), right: (0, Dim::new(10)) };
        assert_eq!(infer(GATHER, &inputs, &Attrs::new().int("axis", 0)), Err(classes));
        let inputs = [Type::f32([10, 4]), index_type(&[3, 2], 4, true)];
        assert_eq!(infer(GATHER, &inputs, &Attrs::new().int("axis", 1)), Ok(Type::f32([10, 3, 2])));
    }
}
