//! Local identities. Each looks at a node and at what its inputs are, and either names an existing value, builds a cheaper node, or
//! passes. All hold for every float, NaN and infinities included, except that `x + 0` may keep the sign of a negative zero.
//!
//! Sums are never reordered, and factors never multiplied with each other: that would change rounding. Factors that come out of
//! sums are the business of [`factor`](super::factor).

use super::rebuild::rewrite;
use crate::ir::{Attrs, Graph, Node, Op, Value, op};
use crate::ops::Builder;
use crate::tensor::{Dim, Tensor};

/// Applies the identities once to every node, first to last, so that a node sees its inputs already simplified.
pub fn simplify(graph: Graph) -> Graph {
    rewrite(graph, identity)
}

fn identity(graph: &mut Graph, node: &Node) -> Option<Value> {
    match node.op.0 {
        "add" | "sub" | "mul" | "div" | "pow" => arithmetic(graph, node),
        "neg" | "abs" | "square" => even_and_odd(graph, node),
        "reshape" | "transpose" | "broadcast" => layout(graph, node),
        "sum" | "mean" | "max" | "min" | "prod" | "any" | "all" => reduction(graph, node),
        "where" if node.inputs[1] == node.inputs[2] => Some(node.inputs[1]),
        "cast" if graph.ty(node.inputs[0]) == &node.ty => Some(node.inputs[0]),
        "concatenate" if node.inputs.len() == 1 => Some(node.inputs[0]),
        "pad" if node.attrs.get_ints("low").iter().chain(node.attrs.get_ints("high")).all(|width| *width == 0) => {
            Some(node.inputs[0])
        }
        "slice" if is_whole(graph, node) => Some(node.inputs[0]),
        _ => None,
    }
}

fn arithmetic(graph: &mut Graph, node: &Node) -> Option<Value> {
    let (x, y) = (node.inputs[0], node.inputs[1]);
    if node.op.0 == "add"
        && let Some(joined) = joined(graph, node, x, y)
    {
        return Some(joined);
    }
    let (left, right) = (uniform(graph, x), uniform(graph, y));
    let negated = |value: Value| (graph.node(value).op.0 == "neg").then(|| graph.node(value).inputs[0]);
    let (minus_x, minus_y) = (negated(x), negated(y));
    let mut b = Builder::new(graph, node.place);
    match (node.op.0, left, right) {
        ("add", _, Some(0.0)) | ("sub", _, Some(0.0)) => Some(x),
        ("mul" | "div" | "pow", _, Some(1.0)) => Some(x),
        ("add", Some(0.0), _) | ("mul", Some(1.0), _) => Some(y),
        ("mul", _, Some(-1.0)) | ("div", _, Some(-1.0)) => Some(b.unary(Op("neg"), x)),
        ("mul", Some(-1.0), _) => Some(b.unary(Op("neg"), y)),
        ("pow", _, Some(2.0)) => Some(b.unary(Op("square"), x)),
        ("pow", _, Some(-1.0)) => Some(b.unary(Op("reciprocal"), x)),
        ("pow", _, Some(0.5)) if never_negative(b.graph, x) => Some(b.unary(Op("sqrt"), x)),
        ("div", Some(1.0), _) if b.shape(y) == node.ty.shape => Some(b.unary(Op("reciprocal"), y)),
        ("div", _, Some(by)) if exact_reciprocal(by) => {
            let factor = b.scalar(by.recip());
            Some(b.binary(Op("mul"), x, factor))
        }
        ("add", ..) if minus_y.is_some() => minus_y.map(|y| b.binary(Op("sub"), x, y)),
        ("add", ..) if minus_x.is_some() => minus_x.map(|x| b.binary(Op("sub"), y, x)),
        ("sub", ..) if minus_y.is_some() => minus_y.map(|y| b.binary(Op("add"), x, y)),
        ("mul" | "div", ..) if minus_x.is_some() && minus_y.is_some() => {
            minus_x.zip(minus_y).map(|(x, y)| b.binary(node.op, x, y))
        }
        ("mul" | "div", _, Some(factor)) if minus_x.is_some() => minus_x.map(|x| {
            let factor = b.scalar(-factor);
            b.binary(node.op, x, factor)
        }),
        _ => None,
    }
}

/// What one axis of a value has between zeros.
struct Part {
    axis: usize,
    low: i64,
    size: i64,
    high: i64,
    inside: Value,
}

/// The part of a value that is padded with zeros along one axis.
fn part(graph: &Graph, value: Value) -> Option<Part> {
    let node = graph.node(value);
    if node.op.0 != "pad" || node.attrs.get_float("value") != 0.0 {
        return None;
    }
    let (low, high) = (node.attrs.get_ints("low"), node.attrs.get_ints("high"));
    let mut padded = (0..low.len()).filter(|axis| low[*axis] != 0 || high[*axis] != 0);
    let (axis, None) = (padded.next()?, padded.next()) else { return None };
    let inside = node.inputs[0];
    let size = graph.shape(inside)[axis].constant()?;
    Some(Part { axis, low: low[axis], size, high: high[axis], inside })
}

/// A sum of two parts that lie side by side between zeros, as gradients of slices are, is one part: both joined.
fn joined(graph: &mut Graph, node: &Node, x: Value, y: Value) -> Option<Value> {
    let (x, y) = (part(graph, x)?, part(graph, y)?);
    let (first, second) = if x.low < y.low { (x, y) } else { (y, x) };
    if first.axis != second.axis || first.low + first.size != second.low {
        return None;
    }
    let axis = first.axis as i64;
    let pieces = |value: Value| {
        let inner = graph.node(value);
        let is_joined = inner.op.0 == "concatenate" && inner.attrs.get_int("axis") == axis;
        if is_joined { inner.inputs.to_vec() } else { vec![value] }
    };
    let all = [pieces(first.inside), pieces(second.inside)].concat();
    let rank = graph.shape(first.inside).len();
    let mut b = Builder::new(graph, node.place);
    let whole = b.emit(Op("concatenate"), &all, Attrs::new().int("axis", axis));
    if first.low == 0 && second.high == 0 {
        return Some(whole);
    }
    let along = |width: i64| (0..rank).map(|other| if other == first.axis { width } else { 0 }).collect();
    Some(b.pad(whole, along(first.low), along(second.high)))
}

/// Whether dividing by `by` and multiplying by its reciprocal round alike: powers of two within the range of f32's normal numbers.
fn exact_reciprocal(by: f64) -> bool {
    let by = by as f32;
    by.is_normal() && by.recip().is_normal() && by.to_bits() & 0x007f_ffff == 0 && by != 1.0
}

/// Whether a value is positive, zero, or NaN, never `-0` or negative: where `pow(x, 0.5)` and `sqrt(x)` agree.
fn never_negative(graph: &Graph, value: Value) -> bool {
    let node = graph.node(value);
    match node.op.0 {
        "abs" | "square" | "exp" | "sigmoid" => true,
        "add" => node.inputs.iter().all(|input| never_negative_term(graph, *input)),
        _ => false,
    }
}

fn never_negative_term(graph: &Graph, value: Value) -> bool {
    let known = matches!(graph.node(value).op.0, "abs" | "square" | "exp" | "sigmoid");
    known || uniform(graph, value).is_some_and(|constant| constant > 0.0)
}

fn even_and_odd(graph: &mut Graph, node: &Node) -> Option<Value> {
    let x = node.inputs[0];
    let (outer, inner) = (node.op.0, graph.node(x).op.0);
    let inside = *graph.node(x).inputs.first()?;
    match (outer, inner) {
        ("neg", "neg") => Some(inside),
        ("abs", "abs" | "square" | "exp" | "sigmoid") => Some(x),
        ("abs" | "square", "neg" | "abs") => Some(Builder::new(graph, node.place).unary(node.op, inside)),
        _ => None,
    }
}

fn layout(graph: &mut Graph, node: &Node) -> Option<Value> {
    let x = node.inputs[0];
    let identity = match node.op.0 {
        "transpose" => node.attrs.get_ints("axes").iter().enumerate().all(|(to, from)| to as i64 == *from),
        _ => graph.ty(x) == &node.ty,
    };
    if identity {
        return Some(x);
    }
    if node.op.0 == "transpose" && moves_only_ones(graph.shape(x), node.attrs.get_ints("axes")) {
        return Some(reshaped(graph, node, x));
    }
    let inner = graph.node(x);
    if inner.op != node.op {
        return None;
    }
    let inside = inner.inputs[0];
    let attrs = match node.op.0 {
        "transpose" => {
            let inner_axes = inner.attrs.get_ints("axes");
            let axes: Vec<i64> = node.attrs.get_ints("axes").iter().map(|axis| inner_axes[*axis as usize]).collect();
            if axes.iter().enumerate().all(|(to, from)| to as i64 == *from) {
                return Some(inside);
            }
            Attrs::new().ints("axes", axes)
        }
        _ => node.attrs.clone(),
    };
    if graph.ty(inside) == &node.ty && node.op.0 == "reshape" {
        return Some(inside);
    }
    Some(Builder::new(graph, node.place).emit(node.op, &[inside], attrs))
}

/// Whether a permutation keeps the order of all axes that are not of size 1, so that no element moves.
fn moves_only_ones(shape: &[Dim], axes: &[i64]) -> bool {
    let moved: Vec<i64> = axes.iter().copied().filter(|axis| !shape[*axis as usize].is_one()).collect();
    moved.is_sorted()
}

fn reshaped(graph: &mut Graph, node: &Node, x: Value) -> Value {
    let attrs = Attrs::new().dims("shape", node.ty.shape.clone());
    Builder::new(graph, node.place).emit(Op("reshape"), &[x], attrs)
}

/// A reduction over axes of size 1 alone, or over none, moves nothing.
fn reduction(graph: &mut Graph, node: &Node) -> Option<Value> {
    let x = node.inputs[0];
    let trivial = node.attrs.get_ints("axis").iter().all(|axis| graph.shape(x)[*axis as usize].is_one());
    if !trivial || graph.ty(x).dtype != node.ty.dtype {
        return None;
    }
    Some(if graph.ty(x) == &node.ty { x } else { reshaped(graph, node, x) })
}

fn is_whole(graph: &Graph, node: &Node) -> bool {
    let (start, step) = (node.attrs.get_dims("start"), node.attrs.get_ints("step"));
    graph.ty(node.inputs[0]) == &node.ty
        && start.iter().all(|start| start.constant() == Some(0))
        && step.iter().all(|step| *step == 1)
}

/// The one number that all elements of a small float constant are, also when it is stretched or reshaped a few times.
fn uniform(graph: &Graph, mut value: Value) -> Option<f64> {
    for _ in 0..4 {
        let node = graph.node(value);
        match node.op {
            op::CONSTANT => match &**node.attrs.get_tensor("value") {
                Tensor::F32(array) => {
                    let first = *array.first()?;
                    let same = array.len() <= 64 && array.iter().all(|x| x.to_bits() == first.to_bits());
                    return same.then_some(f64::from(first));
                }
                _ => return None,
            },
            Op("broadcast" | "reshape") => value = node.inputs[0],
            _ => return None,
        }
    }
    None
}
