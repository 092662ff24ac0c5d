//! How each primitive is written in ONNX. Operators are those of <https://onnx.ai/onnx/operators/> at set 18.

use super::super::table::{Rule, Table};
use super::super::{known, output_padding};
use super::{Writer, tensors};
use crate::ir::Node;
use crate::ops::image::{convolution, pooling};
use crate::ops::{
    compare, contract, elementwise as unary, elementwise_binary as binary, index, parts, reduce, scan, shape,
};
use crate::tensor::{DType, Dim};

/// Writes a node from its operands' names; the result's name.
type Write = for<'a> fn(&mut Writer<'a>, &Node, &[String]) -> Result<String, String>;

/// What is said of each primitive.
pub static RULES: Table<Write> = Table(&[
    (known::RELU, Rule::Call("Relu")),
    (known::SOFTMAX, Rule::Write(softmax)),
    (known::AFFINE, Rule::Write(affine)),
    (unary::NEG, Rule::Call("Neg")),
    (unary::ABS, Rule::Call("Abs")),
    (unary::SIGN, Rule::Call("Sign")),
    (unary::EXP, Rule::Call("Exp")),
    (unary::LOG, Rule::Call("Log")),
    (unary::SQRT, Rule::Call("Sqrt")),
    (unary::RECIPROCAL, Rule::Call("Reciprocal")),
    (unary::SIN, Rule::Call("Sin")),
    (unary::COS, Rule::Call("Cos")),
    (unary::TAN, Rule::Call("Tan")),
    (unary::SINH, Rule::Call("Sinh")),
    (unary::COSH, Rule::Call("Cosh")),
    (unary::TANH, Rule::Call("Tanh")),
    (unary::ASIN, Rule::Call("Asin")),
    (unary::ACOS, Rule::Call("Acos")),
    (unary::ATAN, Rule::Call("Atan")),
    (unary::ASINH, Rule::Call("Asinh")),
    (unary::ACOSH, Rule::Call("Acosh")),
    (unary::ATANH, Rule::Call("Atanh")),
    (unary::ERF, Rule::Call("Erf")),
    (unary::FLOOR, Rule::Call("Floor")),
    (unary::CEIL, Rule::Call("Ceil")),
    (unary::ROUND, Rule::Call("Round")),
    (unary::SIGMOID, Rule::Call("Sigmoid")),
    (binary::ADD, Rule::Call("Add")),
    (binary::SUB, Rule::Call("Sub")),
    (binary::MUL, Rule::Call("Mul")),
    (binary::DIV, Rule::Call("Div")),
    (binary::POW, Rule::Call("Pow")),
    (binary::MINIMUM, Rule::Call("Min")),
    (binary::MAXIMUM, Rule::Call("Max")),
    (compare::EQUAL, Rule::Call("Equal")),
    (compare::NOT_EQUAL, Rule::Write(not_equal)),
    (compare::GREATER, Rule::Call("Greater")),
    (compare::GREATER_EQUAL, Rule::Call("GreaterOrEqual")),
    (compare::LESS, Rule::Call("Less")),
    (compare::LESS_EQUAL, Rule::Call("LessOrEqual")),
    (compare::LOGICAL_AND, Rule::Call("And")),
    (compare::LOGICAL_OR, Rule::Call("Or")),
    (compare::LOGICAL_XOR, Rule::Call("Xor")),
    (compare::LOGICAL_NOT, Rule::Call("Not")),
    (compare::WHERE, Rule::Call("Where")),
    (compare::IS_NAN, Rule::Call("IsNaN")),
    (compare::IS_INF, Rule::Call("IsInf")),
    (compare::CAST, Rule::Write(|w, node, x| Ok(cast(w, &x[0], &node.ty.dtype)))),
    (reduce::SUM, Rule::Write(|w, node, x| reduction(w, node, x, "ReduceSum"))),
    (reduce::MEAN, Rule::Write(|w, node, x| reduction(w, node, x, "ReduceMean"))),
    (reduce::MAX, Rule::Write(|w, node, x| reduction(w, node, x, "ReduceMax"))),
    (reduce::MIN, Rule::Write(|w, node, x| reduction(w, node, x, "ReduceMin"))),
    (reduce::PROD, Rule::Write(|w, node, x| reduction(w, node, x, "ReduceProd"))),
    (reduce::ANY, Rule::Write(|w, node, x| truths(w, node, x, "ReduceMax"))),
    (reduce::ALL, Rule::Write(|w, node, x| truths(w, node, x, "ReduceMin"))),
    (reduce::ARGMAX, Rule::Write(|w, node, x| place(w, node, x, "ArgMax"))),
    (reduce::ARGMIN, Rule::Write(|w, node, x| place(w, node, x, "ArgMin"))),
    (scan::CUMSUM, Rule::Write(cumsum)),
    (scan::SORT, Rule::Write(|w, node, x| top_k(w, node, x, 0))),
    (scan::ARGSORT, Rule::Write(|w, node, x| top_k(w, node, x, 1))),
    (contract::CONTRACT, Rule::Write(contraction)),
    (shape::RESHAPE, Rule::Write(reshape)),
    (shape::TRANSPOSE, Rule::Write(|w, node, x| Ok(transpose(w, &x[0], node.attrs.get_ints("axes"))))),
    (shape::BROADCAST, Rule::Write(broadcast)),
    (shape::FLIP, Rule::Write(flip)),
    (parts::CONCATENATE, Rule::Write(concatenate)),
    (parts::SLICE, Rule::Write(slice)),
    (parts::PAD, Rule::Write(pad)),
    (index::GATHER, Rule::Write(gather)),
    (index::SCATTER_ADD, Rule::Write(scatter_add)),
    (index::IOTA, Rule::Write(iota)),
    (convolution::CONVOLUTION, Rule::Write(|w, node, x| Ok(w.node("Conv", x, window(node))))),
    (convolution::CONVOLUTION_DATA_GRADIENT, Rule::Write(transposed_convolution)),
    (pooling::MAX_POOLING, Rule::Write(max_pooling)),
    (pooling::SUM_POOLING, Rule::Write(sum_pooling)),
]);

fn softmax(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    Ok(w.node("Softmax", x, vec![tensors::int("axis", node.attrs.get_int("axis"))]))
}

/// `Gemm` takes matrices alone.
fn affine(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    if node.ty.shape.rank() == 2 {
        return Ok(w.node("Gemm", x, Vec::new()));
    }
    let product = w.node("MatMul", &x[..2], Vec::new());
    Ok(w.node("Add", &[product, x[2].clone()], Vec::new()))
}

fn not_equal(w: &mut Writer, _: &Node, x: &[String]) -> Result<String, String> {
    let equal = w.node("Equal", x, Vec::new());
    Ok(w.node("Not", &[equal], Vec::new()))
}

fn cast(w: &mut Writer, x: &str, dtype: &DType) -> String {
    w.node("Cast", &[x.to_owned()], vec![tensors::int("to", tensors::element(dtype) as i64)])
}

/// A reduction over the axes `axis`, which may be none.
fn reduction(w: &mut Writer, node: &Node, x: &[String], operator: &str) -> Result<String, String> {
    let axes = node.attrs.get_ints("axis");
    if axes.is_empty() {
        return Ok(w.node("Identity", x, Vec::new()));
    }
    let axes = w.ints("axes", axes);
    let keepdims = i64::from(node.attrs.get_bool("keepdims"));
    Ok(w.node(operator, &[x[0].clone(), axes], vec![tensors::int("keepdims", keepdims)]))
}

/// Reductions of truth values go through whole numbers.
fn truths(w: &mut Writer, node: &Node, x: &[String], operator: &str) -> Result<String, String> {
    let numbers = cast(w, &x[0], &DType::I32);
    let reduced = reduction(w, node, &[numbers], operator)?;
    Ok(cast(w, &reduced, &DType::Bool))
}

fn place(w: &mut Writer, node: &Node, x: &[String], operator: &str) -> Result<String, String> {
    let axis = tensors::int("axis", node.attrs.get_int("axis"));
    Ok(w.node(operator, x, vec![axis, tensors::int("keepdims", 0)]))
}

fn cumsum(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let axis = w.int(node.attrs.get_int("axis"));
    Ok(w.node("CumSum", &[x[0].clone(), axis], Vec::new()))
}

/// All elements of an axis in ascending order: the values (`result` 0) or their places (1).
fn top_k(w: &mut Writer, node: &Node, x: &[String], result: usize) -> Result<String, String> {
    let axis = node.attrs.get_int("axis");
    let all = w.sizes(&node.ty.shape[axis as usize..=axis as usize])?;
    let attributes = vec![tensors::int("axis", axis), tensors::int("largest", 0)];
    Ok(w.node_of("TopK", &[x[0].clone(), all], attributes, 2, result))
}

/// A matrix product where the axes stand as one wants them, else a sum over labelled axes.
fn contraction(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let (rank_a, rank_b) = (w.shape(node, 0).rank(), w.shape(node, 1).rank());
    let [axes_a, axes_b] = ["axes_a", "axes_b"].map(|name| node.attrs.get_ints(name));
    let [batch_a, batch_b] = ["batch_a", "batch_b"].map(|name| node.attrs.get_ints(name));
    let leading: Vec<i64> = (0..batch_a.len() as i64).collect();
    let is_stack = batch_a == leading && batch_b == leading && rank_a == leading.len() + 2;
    let is_last = axes_a == [rank_a as i64 - 1];
    if is_last && rank_b == leading.len() + 2 && (is_stack || (leading.is_empty() && rank_a >= 2)) {
        let (rows, columns) = (leading.len() as i64, leading.len() as i64 + 1);
        if axes_b == [rows] {
            return Ok(w.node("MatMul", x, Vec::new()));
        }
        let axes: Vec<i64> = leading.iter().copied().chain([columns, rows]).collect();
        let turned = transpose(w, &x[1], &axes);
        return Ok(w.node("MatMul", &[x[0].clone(), turned], Vec::new()));
    }
    let equation = contract::equation(&node.attrs, rank_a, rank_b);
    Ok(w.node("Einsum", x, vec![tensors::text("equation", &equation)]))
}

fn transpose(w: &mut Writer, x: &str, axes: &[i64]) -> String {
    w.node("Transpose", &[x.to_owned()], vec![tensors::list("perm", axes)])
}

fn reshape(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let target = w.target(&node.ty.shape)?;
    let is_empty = node.ty.shape.iter().any(|size| *size == Dim::new(0));
    let attributes = if is_empty { vec![tensors::int("allowzero", 1)] } else { Vec::new() };
    Ok(w.node("Reshape", &[x[0].clone(), target], attributes))
}

/// Sizes that do not change are given as 1, which `Expand` leaves alone.
fn broadcast(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let (from, to) = (w.shape(node, 0), &node.ty.shape);
    let front = to.rank() - from.rank();
    let asked = to.iter().enumerate().map(|(axis, size)| {
        let same = axis >= front && from[axis - front] == *size;
        if same { Dim::new(1) } else { size.clone() }
    });
    let asked = w.sizes(&asked.collect::<Vec<Dim>>())?;
    Ok(w.node("Expand", &[x[0].clone(), asked], Vec::new()))
}

fn flip(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let axes = node.attrs.get_ints("axis");
    let parts = [vec![-1; axes.len()], vec![i64::MIN; axes.len()], axes.to_vec(), vec![-1; axes.len()]];
    Ok(sliced(w, &x[0], parts))
}

/// `Slice` by starts, ends, axes and steps.
fn sliced(w: &mut Writer, x: &str, parts: [Vec<i64>; 4]) -> String {
    let names = ["starts", "ends", "axes", "steps"];
    let parts = names.iter().zip(&parts).map(|(name, values)| w.ints(name, values)).collect::<Vec<String>>();
    let operands: Vec<String> = std::iter::once(x.to_owned()).chain(parts).collect();
    w.node("Slice", &operands, Vec::new())
}

fn concatenate(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    Ok(w.node("Concat", x, vec![tensors::int("axis", node.attrs.get_int("axis"))]))
}

/// Only axes that lose something are named; an end that is the size itself is given as the largest integer.
fn slice(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let own = w.shape(node, 0);
    let (start, stop) = (node.attrs.get_dims("start"), node.attrs.get_dims("stop"));
    let step = node.attrs.get_ints("step");
    let mut parts: [Vec<i64>; 4] = Default::default();
    for axis in 0..own.rank() {
        if start[axis] == Dim::new(0) && stop[axis] == own[axis] && step[axis] == 1 {
            continue;
        }
        let known = |size: &Dim| size.constant().ok_or_else(|| format!("cuts at {size}; `--batch N` fixes it"));
        let end = if stop[axis] == own[axis] { i64::MAX } else { known(&stop[axis])? };
        for (part, value) in parts.iter_mut().zip([known(&start[axis])?, end, axis as i64, step[axis]]) {
            part.push(value);
        }
    }
    if parts[0].is_empty() {
        return Ok(w.node("Identity", x, Vec::new()));
    }
    Ok(sliced(w, &x[0], parts))
}

fn pad(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let both: Vec<i64> = [node.attrs.get_ints("low"), node.attrs.get_ints("high")].concat();
    let widths = w.ints("pads", &both);
    let value = node.attrs.get_float("value");
    let value = if node.ty.dtype.is_float() { w.scalar(value as f32) } else { w.int(value as i64) };
    Ok(w.node("Pad", &[x[0].clone(), widths, value], vec![tensors::text("mode", "constant")]))
}

fn gather(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    Ok(w.node("Gather", x, vec![tensors::int("axis", node.attrs.get_int("axis"))]))
}

/// The axis is brought to the front, where `ScatterND` looks for it.
fn scatter_add(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let axis = node.attrs.get_int("axis");
    let (own, indices) = (node.ty.shape.rank() as i64, w.shape(node, 1).rank() as i64);
    let front =
        |width: i64, rank: i64| -> Vec<i64> { (axis..axis + width).chain(0..axis).chain(axis + width..rank).collect() };
    let data = transpose(w, &x[0], &front(1, own));
    let updates = transpose(w, &x[2], &front(indices, own - 1 + indices));
    let last = w.ints("axes", &[indices]);
    let places = w.node("Unsqueeze", &[x[1].clone(), last], Vec::new());
    let sum = w.node("ScatterND", &[data, places, updates], vec![tensors::text("reduction", "add")]);
    let back: Vec<i64> = (1..=axis).chain([0]).chain(axis + 1..own).collect();
    Ok(transpose(w, &sum, &back))
}

/// A range along the axis, then repeated along the others.
fn iota(w: &mut Writer, node: &Node, _: &[String]) -> Result<String, String> {
    let axis = node.attrs.get_int("axis") as usize;
    let shape = &node.ty.shape;
    let scalar = w.ints("axes", &[0]);
    let size = w.sizes(&shape[axis..=axis])?;
    let stop = w.node("Squeeze", &[size, scalar], Vec::new());
    let (zero, one) = (w.int(0), w.int(1));
    let mut range = w.node("Range", &[zero, stop, one], Vec::new());
    if shape.rank() > 1 {
        let line: Vec<i64> = (0..shape.rank()).map(|own| if own == axis { -1 } else { 1 }).collect();
        let line = w.ints("shape", &line);
        range = w.node("Reshape", &[range, line], Vec::new());
        let sizes = w.sizes(shape)?;
        range = w.node("Expand", &[range, sizes], Vec::new());
    }
    Ok(if node.ty.dtype.is_float() { cast(w, &range, &DType::F32) } else { range })
}

/// The attributes of a convolution.
fn window(node: &Node) -> Vec<crate::formats::onnx::Attribute> {
    let both: Vec<i64> = node.attrs.get_ints("pad").repeat(2);
    vec![
        tensors::list("strides", node.attrs.get_ints("stride")),
        tensors::list("pads", &both),
        tensors::list("dilations", node.attrs.get_ints("dilation")),
        tensors::int("group", node.attrs.get_int("group")),
    ]
}

/// A stride may leave several sizes to choose from; the one meant is reached by padding the result.
fn transposed_convolution(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let extra = output_padding(node, w.shape(node, 0), w.shape(node, 1))?;
    let mut attributes = window(node);
    if extra.iter().any(|more| *more != 0) {
        attributes.push(tensors::list("output_padding", &extra));
    }
    Ok(w.node("ConvTranspose", x, attributes))
}

fn pooled(node: &Node) -> Vec<crate::formats::onnx::Attribute> {
    let both: Vec<i64> = node.attrs.get_ints("pad").repeat(2);
    vec![
        tensors::list("kernel_shape", node.attrs.get_ints("kernel")),
        tensors::list("strides", node.attrs.get_ints("stride")),
        tensors::list("pads", &both),
    ]
}

fn max_pooling(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    Ok(w.node("MaxPool", x, pooled(node)))
}

/// The average that counts padding, times the number of elements that it is of.
fn sum_pooling(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let mut attributes = pooled(node);
    attributes.push(tensors::int("count_include_pad", 1));
    let mean = w.node("AveragePool", x, attributes);
    let count: i64 = node.attrs.get_ints("kernel").iter().product();
    let count = w.scalar(count as f32);
    Ok(w.node("Mul", &[mean, count], Vec::new()))
}
