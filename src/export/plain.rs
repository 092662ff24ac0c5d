//! Operations that a format lacks, as formulas over operations that every format has.

use crate::ir::{Attr, Attrs, Graph, Node, Op, Value};
use crate::ops::{
    Builder, compare, elementwise as unary, elementwise_binary as binary, image::convolution, image::pooling, index,
    parts, reduce, scan,
};
use crate::passes::{dce, rebuild};
use crate::tensor::{DType, Dim, Shape};

/// Builds the value of a node out of others.
type Formula = fn(&mut Builder, &Node) -> Value;

/// What can be written as a formula. A formula may use operations that stand further down, and none that stand above it.
const FORMULAS: &[(Op, Formula)] = &[
    (unary::TAN, |b, node| {
        let (sine, cosine) = (b.unary(unary::SIN, node.inputs[0]), b.unary(unary::COS, node.inputs[0]));
        b.div(sine, cosine)
    }),
    (unary::LOG1P, log1p),
    (unary::EXPM1, expm1),
    (unary::RSQRT, |b, node| {
        let root = b.unary(unary::SQRT, node.inputs[0]);
        b.unary(unary::RECIPROCAL, root)
    }),
    (unary::SQUARE, |b, node| b.mul(node.inputs[0], node.inputs[0])),
    (unary::RECIPROCAL, |b, node| {
        let one = b.scalar(1.0);
        b.div(one, node.inputs[0])
    }),
    (unary::ROUND, round),
    (binary::ATAN2, atan2),
    (binary::MOD, modulo),
    (compare::IS_NAN, |b, node| b.binary(compare::NOT_EQUAL, node.inputs[0], node.inputs[0])),
    (compare::IS_INF, |b, node| {
        let size = b.unary(unary::ABS, node.inputs[0]);
        let infinity = b.scalar(f64::INFINITY);
        b.binary(compare::EQUAL, size, infinity)
    }),
    (index::ONE_HOT, one_hot),
    (scan::CUMSUM, |b, node| running(b, node, binary::ADD, 0.0)),
    (scan::CUMPROD, |b, node| running(b, node, binary::MUL, 1.0)),
];

/// `graph` in terms of operations for which `has` holds, as far as there are formulas for the others.
pub fn plain(mut graph: Graph, has: impl Fn(Op) -> bool) -> Graph {
    for (op, formula) in FORMULAS.iter().filter(|(op, _)| !has(*op)) {
        graph = rebuild(
            graph,
            |_| true,
            |new, _, node| {
                if node.op != *op {
                    return new.push(node);
                }
                formula(&mut Builder::new(new, node.place), &node)
            },
        );
    }
    fitted(dce(graph))
}

/// `x` where `1 + x` is 1 in the arithmetic at hand, else `log(u) x / (u - 1)` with `u = 1 + x`: exact near 0 (Higham, Accuracy and
/// Stability of Numerical Algorithms, section 1.14.1).
fn log1p(b: &mut Builder, node: &Node) -> Value {
    let (x, one) = (node.inputs[0], b.scalar(1.0));
    let u = b.add(one, x);
    let flat = b.binary(compare::EQUAL, u, one);
    let rest = b.sub(u, one);
    let rest = b.choose(flat, one, rest);
    let log = b.unary(unary::LOG, u);
    let product = b.mul(log, x);
    let quotient = b.div(product, rest);
    b.choose(flat, x, quotient)
}

/// `tanh(x / 2) (exp(x) + 1)`: exact near 0.
fn expm1(b: &mut Builder, node: &Node) -> Value {
    let (half, one) = (b.scalar(0.5), b.scalar(1.0));
    let halved = b.mul(node.inputs[0], half);
    let tanh = b.unary(unary::TANH, halved);
    let exp = b.unary(unary::EXP, node.inputs[0]);
    let above = b.add(exp, one);
    b.mul(tanh, above)
}

/// `(x + c) - c` with c = 1.5 2^23, next to which 32-bit floats are whole: rounded half to even. From 2^22 on `x` itself is near enough to
/// whole that only its last bit may hold a half.
fn round(b: &mut Builder, node: &Node) -> Value {
    let (x, shift, bound) = (node.inputs[0], b.scalar(12_582_912.0), b.scalar(4_194_304.0));
    let shifted = b.add(x, shift);
    let rounded = b.sub(shifted, shift);
    let size = b.unary(unary::ABS, x);
    let is_small = b.binary(compare::LESS, size, bound);
    b.choose(is_small, rounded, x)
}

/// The angle of the point (b, a): the arc tangent of the quotient, moved into the point's own half plane.
fn atan2(b: &mut Builder, node: &Node) -> Value {
    let (y, x) = (node.inputs[0], node.inputs[1]);
    let (zero, pi) = (b.scalar(0.0), b.scalar(std::f64::consts::PI));
    let (upright, downright) = (b.scalar(std::f64::consts::FRAC_PI_2), b.scalar(-std::f64::consts::FRAC_PI_2));
    let quotient = b.div(y, x);
    let angle = b.unary(unary::ATAN, quotient);
    let (above, below) = (b.add(angle, pi), b.sub(angle, pi));
    let is_below = b.binary(compare::LESS, y, zero);
    let left = b.choose(is_below, below, above);
    let is_above = b.binary(compare::GREATER, y, zero);
    let straight = b.choose(is_below, downright, zero);
    let straight = b.choose(is_above, upright, straight);
    let is_left = b.binary(compare::LESS, x, zero);
    let is_right = b.binary(compare::GREATER, x, zero);
    let turned = b.choose(is_left, left, straight);
    b.choose(is_right, angle, turned)
}

/// `a - floor(a / b) b`. Whole numbers go through floats, which hold those below 2^24 exactly.
fn modulo(b: &mut Builder, node: &Node) -> Value {
    let own = node.ty.dtype.clone();
    let [x, y] = [0, 1].map(|operand| match own.is_float() {
        true => node.inputs[operand],
        false => b.cast(node.inputs[operand], DType::F32),
    });
    let quotient = b.div(x, y);
    let floor = b.unary(unary::FLOOR, quotient);
    let product = b.mul(floor, y);
    let rest = b.sub(x, product);
    if own.is_float() { rest } else { b.cast(rest, own) }
}

/// Whether each class is the one that `y` names.
fn one_hot(b: &mut Builder, node: &Node) -> Value {
    let classes = node.attrs.get_dims("classes")[0].clone();
    let shape: Shape = b.shape(node.inputs[0]).iter().cloned().chain([Dim::new(1)]).collect();
    let y = b.cast(node.inputs[0], DType::I32);
    let y = b.reshape(y, shape);
    let attrs = Attrs::new().dims("shape", [classes].into_iter().collect()).int("axis", 0);
    let every = b.emit(index::IOTA, &[], attrs.with("dtype", Attr::DType(DType::I32)));
    let named = b.binary(compare::EQUAL, y, every);
    b.cast(named, DType::F32)
}

/// Running totals in steps of doubling length: after each, an element holds what the last 2, 4, 8, ... of them make together.
fn running(b: &mut Builder, node: &Node, op: Op, neutral: f64) -> Value {
    let axis = node.attrs.get_int("axis") as usize;
    let shape = node.ty.shape.clone();
    let Some(size) = shape[axis].constant() else { return b.emit(node.op, &node.inputs, node.attrs.clone()) };
    let (mut total, mut reach) = (node.inputs[0], 1);
    while reach < size {
        let of_axis =
            |value: i64| -> Vec<i64> { (0..shape.rank()).map(|own| if own == axis { value } else { 0 }).collect() };
        let stop: Shape = shape
            .iter()
            .enumerate()
            .map(|(own, size)| if own == axis { size.clone() - Dim::new(reach) } else { size.clone() })
            .collect();
        let start: Shape = shape.iter().map(|_| Dim::new(0)).collect();
        let earlier = b.slice(total, start, stop, vec![1; shape.rank()]);
        let attrs = Attrs::new().ints("low", of_axis(reach)).ints("high", of_axis(0));
        let earlier = b.emit(parts::PAD, &[earlier], attrs.with("value", Attr::Float(neutral)));
        total = b.binary(op, total, earlier);
        reach *= 2;
    }
    total
}

/// Operands as formats want them: a convolution's and a pooling's with exactly two axes in front of the spatial ones, a sample's and a
/// map's; a mean's as floats.
fn fitted(graph: Graph) -> Graph {
    const WINDOWS: [Op; 4] =
        [convolution::CONVOLUTION, convolution::CONVOLUTION_DATA_GRADIENT, pooling::MAX_POOLING, pooling::SUM_POOLING];
    rebuild(
        graph,
        |_| true,
        |new, _, node| {
            let spatial = node.attrs.get("stride").map_or(0, |_| node.attrs.get_ints("stride").len());
            if node.op == reduce::MEAN && !new.ty(node.inputs[0]).dtype.is_float() {
                let mut b = Builder::new(new, node.place);
                let x = b.cast(node.inputs[0], DType::F32);
                return b.emit(node.op, &[x], node.attrs);
            }
            if !WINDOWS.contains(&node.op) || node.ty.shape.rank() == spatial + 2 {
                return new.push(node);
            }
            let mut b = Builder::new(new, node.place);
            let mut inputs = node.inputs.to_vec();
            inputs[0] = two_leading(&mut b, inputs[0], spatial);
            let result = b.emit(node.op, &inputs, node.attrs.clone());
            b.reshape(result, node.ty.shape.clone())
        },
    )
}

/// `x` with its axes in front of the `spatial` last ones made two: all but the last of them together, 1 when there are none.
fn two_leading(b: &mut Builder, x: Value, spatial: usize) -> Value {
    let shape = b.shape(x);
    let (front, own) = shape.split_at(shape.rank() - spatial);
    let (samples, maps) = match front {
        [] => (Dim::new(1), Dim::new(1)),
        [rest @ .., maps] => (rest.iter().cloned().fold(Dim::new(1), |all, dim| all * dim), maps.clone()),
    };
    b.reshape(x, [samples, maps].into_iter().chain(own.iter().cloned()).collect())
}
