//! Reductions along axes. The attribute `axis` holds them ascending, counted from the front.

use ndarray::ArrayD;

use super::{Builder, Case, CaseInput, Default, Domain, EvalCall, GradientCall, InferCall, Misfit, Param, ParamKind};
use super::{Gradient, Primitive, batch, compare, eval, infer};
use crate::ir::{Attrs, Op, Value};
use crate::tensor::{DType, Dim, Shape, Tensor, Type};

names! {
    SUM "sum" "The sum."
    MEAN "mean" "The arithmetic mean."
    MAX "max" "The largest element."
    MIN "min" "The smallest element."
    PROD "prod" "The product."
    ANY "any" "Whether one holds."
    ALL "all" "Whether all hold."
    ARGMAX "argmax" "The place of the largest element."
    ARGMIN "argmin" "The place of the smallest element."
}

/// The family.
pub static TABLE: &[Primitive] = &[
    reduction(
        SUM,
        "The sum along `axis`; truth values are counted.",
        |call| reduced(call, if call.inputs[0].dtype == DType::I32 { DType::I32 } else { countable(call)? }),
        |call| fold_number(call, |row| row.iter().sum(), |row| row.iter().fold(0, |sum: i64, x| sum.wrapping_add(*x))),
        Gradient::Rule(|call| vec![Some(restored(call, call.grad))]),
        || number_cases(Domain::Range(-2.0, 2.0)),
    ),
    reduction(
        MEAN,
        "The arithmetic mean along `axis`; of truth values, the share that holds.",
        |call| reduced(call, countable(call)?),
        |call| fold_float(call, |row| row.iter().sum::<f64>() / row.len() as f64),
        Gradient::Rule(mean_gradient),
        || [float_cases(Domain::Range(-2.0, 2.0)), truth_cases()].concat(),
    ),
    reduction(
        MAX,
        "The largest element along `axis`; NaN if one is. Equal largest elements share the gradient equally.",
        infer_extreme,
        |call| {
            fold_number(
                call,
                |row| row[first(row, |x, best| x > best)],
                |row| row.iter().copied().fold(i64::MIN, i64::max),
            )
        },
        Gradient::Rule(extreme_gradient),
        || number_cases(Domain::Distinct(0.1)),
    ),
    reduction(
        MIN,
        "The smallest element along `axis`; NaN if one is. Equal smallest elements share the gradient equally.",
        infer_extreme,
        |call| {
            fold_number(
                call,
                |row| row[first(row, |x, best| x < best)],
                |row| row.iter().copied().fold(i64::MAX, i64::min),
            )
        },
        Gradient::Rule(extreme_gradient),
        || number_cases(Domain::Distinct(0.1)),
    ),
    reduction(
        PROD,
        "The product along `axis`.",
        |call| reduced(call, infer::number(call, 0)?.dtype.clone()),
        |call| {
            fold_number(call, |row| row.iter().product(), |row| row.iter().fold(1, |all: i64, x| all.wrapping_mul(*x)))
        },
        Gradient::Rule(prod_gradient),
        || number_cases(Domain::Range(-2.0, 2.0)),
    ),
    reduction(
        ANY,
        "Whether an element along `axis` holds.",
        |call| reduced(call, infer::truth(call, 0)?.dtype.clone()),
        |call| fold_float(call, |row| f64::from(u8::from(row.contains(&1.0)))),
        compare::NO_GRADIENT,
        truth_cases,
    ),
    reduction(
        ALL,
        "Whether every element along `axis` holds.",
        |call| reduced(call, infer::truth(call, 0)?.dtype.clone()),
        |call| fold_float(call, |row| f64::from(u8::from(!row.contains(&0.0)))),
        compare::NO_GRADIENT,
        truth_cases,
    ),
    place(ARGMAX, "The place along `axis` of the largest element, the first of equal ones.", |call| {
        fold_along(call, &[call.node.attrs.get_int("axis")], |row| first(row, |x, best| x > best) as f64)
    }),
    place(ARGMIN, "The place along `axis` of the smallest element, the first of equal ones.", |call| {
        fold_along(call, &[call.node.attrs.get_int("axis")], |row| first(row, |x, best| x < best) as f64)
    }),
];

type Infer = fn(&InferCall) -> Result<Type, Misfit>;

const X: Param = Param { name: "x", kind: ParamKind::Tensor, default: Default::Required };

const fn reduction(
    op: Op,
    doc: &'static str,
    infer: Infer,
    eval: fn(&EvalCall) -> Tensor,
    gradient: Gradient,
    cases: fn() -> Vec<Case>,
) -> Primitive {
    const PARAMS: &[Param] = &[
        X,
        Param { name: "axis", kind: ParamKind::Axes, default: Default::AllAxes },
        Param { name: "keepdims", kind: ParamKind::Bool, default: Default::Bool(false) },
    ];
    Primitive { op, doc, params: PARAMS, infer, eval, gradient, batch: batch::along_axes, cases }
}

const fn place(op: Op, doc: &'static str, eval: fn(&EvalCall) -> Tensor) -> Primitive {
    const PARAMS: &[Param] = &[X, Param { name: "axis", kind: ParamKind::Axis, default: Default::Int(-1) }];
    let gradient = Gradient::Zero("gives a place, which has no derivative");
    let cases = || {
        let case =
            |shape: &[usize], axis| one(shape, DType::F32, Domain::Distinct(0.1), Attrs::new().int("axis", axis));
        vec![case(&[5], 0), case(&[3, 4], 0), case(&[3, 4], 1)]
    };
    Primitive { op, doc, params: PARAMS, infer: infer_place, eval, gradient, batch: batch::along_axes, cases }
}

fn countable(call: &InferCall) -> Result<DType, Misfit> {
    if call.inputs[0].dtype == DType::Bool { Ok(DType::F32) } else { Ok(infer::float(call, 0)?.dtype.clone()) }
}

fn reduced(call: &InferCall, dtype: DType) -> Result<Type, Misfit> {
    let shape = &call.inputs[0].shape;
    let axes = call.attrs.get_ints("axis");
    for axis in axes {
        infer::axis_within(*axis, shape.rank())?;
    }
    if !axes.is_sorted_by(|a, b| a < b) {
        return Err(Misfit::Attribute { name: "axis", message: "names an axis twice".to_owned() });
    }
    Ok(Type { dtype, shape: without(shape, axes, call.attrs.get_bool("keepdims")) })
}

fn without(shape: &Shape, axes: &[i64], keepdims: bool) -> Shape {
    let kept = |(axis, dim): (i64, &Dim)| match axes.contains(&axis) {
        false => Some(dim.clone()),
        true => keepdims.then(|| Dim::new(1)),
    };
    (0..).zip(shape.iter()).filter_map(kept).collect()
}

/// The extreme of nothing does not exist.
fn infer_extreme(call: &InferCall) -> Result<Type, Misfit> {
    let ty = infer::number(call, 0)?;
    let result = reduced(call, ty.dtype.clone())?;
    let axes = call.attrs.get_ints("axis");
    some_element(ty, axes)?;
    Ok(result)
}

fn some_element(ty: &Type, axes: &[i64]) -> Result<(), Misfit> {
    match axes.iter().any(|axis| ty.shape[*axis as usize].constant() == Some(0)) {
        true => {
            Err(Misfit::Attribute { name: "axis", message: "has size 0: there is no element to choose".to_owned() })
        }
        false => Ok(()),
    }
}

fn infer_place(call: &InferCall) -> Result<Type, Misfit> {
    let ty = infer::number(call, 0)?;
    let axis = infer::axis_within(call.attrs.get_int("axis"), ty.shape.rank())?;
    some_element(ty, &[axis as i64])?;
    let shape = without(&ty.shape, &[axis as i64], false);
    Ok(Type { dtype: DType::Index(ty.shape[axis].clone()), shape })
}

/// Folds the elements along the node's axes in f64.
fn fold_float(call: &EvalCall, f: fn(&[f64]) -> f64) -> Tensor {
    fold_along(call, call.node.attrs.get_ints("axis"), f)
}

fn fold_along(call: &EvalCall, axes: &[i64], f: fn(&[f64]) -> f64) -> Tensor {
    let results = rows(&eval::floats(call, 0), axes).iter().map(|row| f(row)).collect();
    eval::finish(call, eval::array(&call.shape, results))
}

fn fold_number(call: &EvalCall, float: fn(&[f64]) -> f64, int: fn(&[i64]) -> i64) -> Tensor {
    let Tensor::I32(x) = call.inputs[0] else { return fold_float(call, float) };
    let rows = rows(&eval::map(x, |x| i64::from(*x)), call.node.attrs.get_ints("axis"));
    Tensor::I32(eval::array(&call.shape, rows.iter().map(|row| int(row) as i32).collect()))
}

/// For each place along the axes that are kept, in row-major order, the elements along `axes`.
pub(super) fn rows<T: Copy>(x: &ArrayD<T>, axes: &[i64]) -> Vec<Vec<T>> {
    let (inner, outer): (Vec<usize>, Vec<usize>) = (0..x.ndim()).partition(|axis| axes.contains(&(*axis as i64)));
    let length: usize = inner.iter().map(|axis| x.shape()[*axis]).product();
    let count: usize = outer.iter().map(|axis| x.shape()[*axis]).product();
    let arranged: Vec<T> = x.view().permuted_axes([outer, inner].concat()).iter().copied().collect();
    (0..count).map(|row| arranged[row * length..(row + 1) * length].to_vec()).collect()
}

/// The place of the first NaN, else of the first element that none is better than.
fn first(row: &[f64], better: fn(f64, f64) -> bool) -> usize {
    let place = (1..row.len()).fold(0, |best, place| if better(row[place], row[best]) { place } else { best });
    row.iter().position(|x| x.is_nan()).unwrap_or(place)
}

/// A value of the result's shape repeated along the reduced axes, to the operand's shape.
fn restored(call: &mut GradientCall, value: Value) -> Value {
    let kept = kept(call, value);
    let shape = call.b.shape(call.node.inputs[0]);
    call.b.broadcast(kept, shape)
}

/// A value of the result's shape with the reduced axes as axes of size 1.
fn kept(call: &mut GradientCall, value: Value) -> Value {
    let shape = call.b.shape(call.node.inputs[0]);
    call.b.reshape(value, without(&shape, call.node.attrs.get_ints("axis"), true))
}

fn mean_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let shape = call.b.shape(call.node.inputs[0]);
    let axes = call.node.attrs.get_ints("axis");
    let reduced: Shape = axes.iter().map(|axis| shape[*axis as usize].clone()).collect();
    let share = match reduced.size().constant() {
        Some(count) => {
            let part = call.b.scalar(1.0 / count as f64);
            call.b.mul(call.grad, part)
        }
        None => {
            let count = counted(call.b, reduced);
            call.b.div(call.grad, count)
        }
    };
    vec![Some(restored(call, share))]
}

/// The number of elements of a shape with symbols, as a scalar.
fn counted(b: &mut Builder, shape: Shape) -> Value {
    let axes: Vec<i64> = (0..shape.rank() as i64).collect();
    let one = b.scalar(1.0);
    let ones = b.broadcast(one, shape);
    b.sum(ones, &axes, false)
}

fn extreme_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let (x, axes) = (call.node.inputs[0], call.node.attrs.get_ints("axis"));
    let extreme = kept(call, call.output);
    let chosen = call.b.binary(compare::EQUAL, x, extreme);
    let ties = call.b.sum(chosen, axes, true);
    let grad = kept(call, call.grad);
    let (share, zero) = (call.b.div(grad, ties), call.b.scalar(0.0));
    vec![Some(call.b.choose(chosen, share, zero))]
}

fn prod_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let derivative = product_derivative(call.b, call.node.inputs[0], call.node.attrs.get_ints("axis"));
    let grad = kept(call, call.grad);
    vec![Some(call.b.mul(grad, derivative))]
}

/// For each element the product of all others along `axes`, which is the whole product over the element only when no element is 0:
/// with `p` the product of the elements other than 0, it is `p / x` if no other is 0 (`p` at the only 0), and else 0.
pub(super) fn product_derivative(b: &mut Builder, x: Value, axes: &[i64]) -> Value {
    let (zero, one) = (b.scalar(0.0), b.scalar(1.0));
    let is_zero = b.binary(compare::EQUAL, x, zero);
    let safe = b.choose(is_zero, one, x);
    let product = b.emit(PROD, &[safe], Attrs::new().ints("axis", axes).flag("keepdims", true));
    let zeros = b.sum(is_zero, axes, true);
    let own = b.cast(is_zero, DType::F32);
    let others = b.sub(zeros, own);
    let none_other = b.binary(compare::EQUAL, others, zero);
    let rest = b.div(product, safe);
    b.choose(none_other, rest, zero)
}

fn one(shape: &[usize], dtype: DType, domain: Domain, attrs: Attrs) -> Case {
    Case { inputs: vec![CaseInput { ty: Type { dtype, shape: shape.into() }, domain }], attrs }
}

fn along(axes: &[i64], keepdims: bool) -> Attrs {
    Attrs::new().ints("axis", axes).flag("keepdims", keepdims)
}

fn float_cases(domain: Domain) -> Vec<Case> {
    let case = |shape: &[usize], axes: &[i64], keepdims| one(shape, DType::F32, domain.clone(), along(axes, keepdims));
    vec![
        case(&[5], &[0], false),
        case(&[2, 3], &[0, 1], false),
        case(&[2, 3, 4], &[1], false),
        case(&[2, 3, 4], &[0, 2], true),
        case(&[2, 3], &[1], true),
        case(&[], &[], false),
    ]
}

fn number_cases(domain: Domain) -> Vec<Case> {
    let ints = one(&[2, 3], DType::I32, Domain::Index(5), along(&[1], false));
    [float_cases(domain), vec![ints]].concat()
}

fn truth_cases() -> Vec<Case> {
    let case = |shape: &[usize], axes: &[i64], keepdims| one(shape, DType::Bool, Domain::Bool, along(axes, keepdims));
    vec![case(&[8], &[0], false), case(&[3, 2], &[1], false), case(&[2, 3, 2], &[0, 2], true)]
}
