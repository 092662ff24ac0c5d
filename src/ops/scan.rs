//! Running totals and orders along one axis: results of the operand's shape.

use super::reduce::{product_derivative, rows};
use super::{Builder, Case, CaseInput, Default, Domain, EvalCall, GradientCall, InferCall, Misfit, Param, ParamKind};
use super::{Gradient, Primitive, batch, compare, eval, index, infer, shape};
use crate::ir::{Attr, Attrs, Value};
use crate::tensor::{DType, Dim, Shape, Tensor, Type};

names! {
    CUMSUM "cumsum" "Running sums."
    CUMPROD "cumprod" "Running products."
    SORT "sort" "Elements in ascending order."
    ARGSORT "argsort" "The places of the elements in ascending order."
}

/// The family.
pub static TABLE: &[Primitive] = &[
    Primitive {
        op: CUMSUM,
        doc: "The sums of the elements along `axis` up to each element, itself included.",
        params: PARAMS,
        infer: infer_same,
        eval: |call| along(call, |row| running(row, |sum, x| sum + x)),
        gradient: Gradient::Rule(cumsum_gradient),
        batch: batch::along_axes,
        cases: || cases(Domain::Range(-2.0, 2.0)),
    },
    Primitive {
        op: CUMPROD,
        doc: "The products of the elements along `axis` up to each element, itself included.",
        params: PARAMS,
        infer: infer_same,
        eval: |call| along(call, |row| running(row, |product, x| product * x)),
        gradient: Gradient::Rule(cumprod_gradient),
        batch: batch::along_axes,
        cases: || cases(Domain::Range(-2.0, 2.0)),
    },
    Primitive {
        op: SORT,
        doc: "The elements along `axis` in ascending order, NaN last.",
        params: PARAMS,
        infer: infer_same,
        eval: |call| along(call, |row| order(row).iter().map(|place| row[*place]).collect()),
        gradient: Gradient::Rule(sort_gradient),
        batch: batch::along_axes,
        cases: || cases(Domain::Distinct(0.1)),
    },
    Primitive {
        op: ARGSORT,
        doc: "The places of the elements along `axis` in ascending order, equal ones in their own order, NaN last.",
        params: PARAMS,
        infer: |call| {
            let ty = infer_same(call)?;
            let axis = call.attrs.get_int("axis") as usize;
            Ok(Type { dtype: DType::Index(ty.shape[axis].clone()), shape: ty.shape })
        },
        eval: |call| along(call, |row| order(row).iter().map(|place| *place as f64).collect()),
        gradient: Gradient::Zero("gives places, which have no derivative"),
        batch: batch::along_axes,
        cases: || cases(Domain::Distinct(0.1)),
    },
];

const PARAMS: &[Param] = &[
    Param { name: "x", kind: ParamKind::Tensor, default: Default::Required },
    Param { name: "axis", kind: ParamKind::Axis, default: Default::Int(-1) },
];

fn infer_same(call: &InferCall) -> Result<Type, Misfit> {
    let ty = infer::float(call, 0)?;
    infer::axis_within(call.attrs.get_int("axis"), ty.shape.rank())?;
    Ok(ty.clone())
}

/// Replaces each row along the axis by `f` of it.
fn along(call: &EvalCall, f: fn(&[f64]) -> Vec<f64>) -> Tensor {
    let axis = call.node.attrs.get_int("axis") as usize;
    let results: Vec<f64> = rows(&eval::floats(call, 0), &[axis as i64]).iter().flat_map(|row| f(row)).collect();
    // The rows hold the axis last; it goes back to its place.
    let mut arranged = call.shape.clone();
    let length = arranged.remove(axis);
    arranged.push(length);
    let mut order: Vec<usize> = (0..arranged.len() - 1).collect();
    order.insert(axis, arranged.len() - 1);
    eval::finish(call, eval::array(&arranged, results).permuted_axes(order))
}

fn running(row: &[f64], f: fn(f64, f64) -> f64) -> Vec<f64> {
    let step = |total: &mut Option<f64>, x: &f64| {
        *total = Some(total.map_or(*x, |total| f(total, *x)));
        *total
    };
    row.iter().scan(None, step).collect()
}

fn order(row: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..row.len()).collect();
    let key = |place: &usize| (row[*place].is_nan(), row[*place]);
    places.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap_or(std::cmp::Ordering::Equal));
    places
}

/// The running sum from the other end.
fn cumsum_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let axis = call.node.attrs.get_int("axis");
    let flip = |b: &mut Builder, x: Value| b.emit(shape::FLIP, &[x], Attrs::new().ints("axis", [axis]));
    let backward = flip(call.b, call.grad);
    let sums = call.b.emit(CUMSUM, &[backward], Attrs::new().int("axis", axis));
    vec![Some(flip(call.b, sums))]
}

/// By `x_j`, result `i >= j` has the product of all `x_k`, `k <= i`, but `x_j`. Taken of the table that holds `x_k` at `(i, k)` for
/// `k <= i` and 1 above, so that a 0 among the elements does no harm.
fn cumprod_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let axis = call.node.attrs.get_int("axis");
    let table = Table::new(call, axis);
    let (zero, one) = (call.b.scalar(0.0), call.b.scalar(1.0));
    let upto = table.relation(call.b, compare::GREATER_EQUAL);
    let elements = table.across(call.b, call.node.inputs[0]);
    let factors = call.b.choose(upto, elements, one);
    let derivative = product_derivative(call.b, factors, &[axis + 1]);
    let grad = table.down(call.b, call.grad);
    let product = call.b.mul(grad, derivative);
    let parts = call.b.choose(upto, product, zero);
    vec![Some(call.b.sum(parts, &[axis], false))]
}

/// To the element at place `j` goes the gradient of the result `i` that it became.
fn sort_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let axis = call.node.attrs.get_int("axis");
    let table = Table::new(call, axis);
    let zero = call.b.scalar(0.0);
    let origins = call.b.emit(ARGSORT, &[call.node.inputs[0]], Attrs::new().int("axis", axis));
    let origins = table.down(call.b, origins);
    let places = table.places(call.b, 1);
    let came_from = call.b.binary(compare::EQUAL, origins, places);
    let grad = table.down(call.b, call.grad);
    let parts = call.b.choose(came_from, grad, zero);
    vec![Some(call.b.sum(parts, &[axis], false))]
}

/// The operand's axis as two: results `i` run along the first, elements `j` along the second.
struct Table {
    shape: Shape,
    axis: usize,
}

impl Table {
    fn new(call: &GradientCall, axis: i64) -> Table {
        Table { shape: call.b.shape(call.node.inputs[0]), axis: axis as usize }
    }

    fn with(&self, sizes: [Dim; 2]) -> Shape {
        let before = self.shape[..self.axis].iter().cloned();
        before.chain(sizes).chain(self.shape[self.axis + 1..].iter().cloned()).collect()
    }

    fn size(&self) -> Dim {
        self.shape[self.axis].clone()
    }

    /// A value of the operand's shape that depends on `j` alone.
    fn across(&self, b: &mut Builder, x: Value) -> Value {
        let row = b.reshape(x, self.with([Dim::new(1), self.size()]));
        b.broadcast(row, self.with([self.size(), self.size()]))
    }

    /// A value of the operand's shape that depends on `i` alone.
    fn down(&self, b: &mut Builder, x: Value) -> Value {
        b.reshape(x, self.with([self.size(), Dim::new(1)]))
    }

    /// The places `i` (0) or `j` (1), with axes of size 1 behind them.
    fn places(&self, b: &mut Builder, which: i64) -> Value {
        let behind = (self.axis + 1..self.shape.rank()).map(|_| Dim::new(1));
        let sizes = if which == 0 { [self.size(), Dim::new(1)] } else { [Dim::new(1), self.size()] };
        let shape: Shape = sizes.into_iter().chain(behind).collect();
        let attrs = Attrs::new().dims("shape", shape).int("axis", which);
        b.emit(index::IOTA, &[], attrs.with("dtype", Attr::DType(DType::I32)))
    }

    /// Where `i` stands in a relation to `j`.
    fn relation(&self, b: &mut Builder, comparison: crate::ir::Op) -> Value {
        let (i, j) = (self.places(b, 0), self.places(b, 1));
        b.binary(comparison, i, j)
    }
}

fn cases(domain: Domain) -> Vec<Case> {
    let case = |sizes: &[usize], axis| Case {
        inputs: vec![CaseInput { ty: Type::f32(sizes), domain: domain.clone() }],
        attrs: Attrs::new().int("axis", axis),
    };
    vec![case(&[5], 0), case(&[3, 2], 0), case(&[2, 3], 1), case(&[2, 3, 2], 1)]
}
