//! How each primitive is written in Python, in functions of PyTorch 2.2 and later.

use super::super::table::{Rule, Table};
use super::super::{known, output_padding};
use super::{Operand, Writer};
use crate::ir::Node;
use crate::ops::image::{convolution, pooling};
use crate::ops::{
    compare, contract, elementwise as unary, elementwise_binary as binary, index, parts, reduce, scan, shape,
};
use crate::tensor::{DType, Dim};

/// The expression of a node from those of its operands.
type Write = for<'a> fn(&mut Writer<'a>, &Node, &[Operand]) -> Result<String, String>;

/// What is said of each primitive.
pub static RULES: Table<Write> = Table(&[
    (known::RELU, Rule::Call("relu")),
    (known::SOFTMAX, Rule::Write(|_, node, x| Ok(format!("torch.softmax({}, dim={})", x[0].text, axis(node))))),
    (unary::NEG, Rule::Write(|_, _, x| Ok(format!("-{}", x[0].text)))),
    (unary::ABS, Rule::Call("abs")),
    (unary::SIGN, Rule::Call("sign")),
    (unary::EXP, Rule::Call("exp")),
    (unary::LOG, Rule::Call("log")),
    (unary::LOG1P, Rule::Call("log1p")),
    (unary::EXPM1, Rule::Call("expm1")),
    (unary::SQRT, Rule::Call("sqrt")),
    (unary::RSQRT, Rule::Call("rsqrt")),
    (unary::SQUARE, Rule::Call("square")),
    (unary::RECIPROCAL, Rule::Call("reciprocal")),
    (unary::SIN, Rule::Call("sin")),
    (unary::COS, Rule::Call("cos")),
    (unary::TAN, Rule::Call("tan")),
    (unary::SINH, Rule::Call("sinh")),
    (unary::COSH, Rule::Call("cosh")),
    (unary::TANH, Rule::Call("tanh")),
    (unary::ASIN, Rule::Call("asin")),
    (unary::ACOS, Rule::Call("acos")),
    (unary::ATAN, Rule::Call("atan")),
    (unary::ASINH, Rule::Call("asinh")),
    (unary::ACOSH, Rule::Call("acosh")),
    (unary::ATANH, Rule::Call("atanh")),
    (unary::ERF, Rule::Call("erf")),
    (unary::FLOOR, Rule::Call("floor")),
    (unary::CEIL, Rule::Call("ceil")),
    (unary::ROUND, Rule::Call("round")),
    (unary::SIGMOID, Rule::Call("sigmoid")),
    (binary::ADD, Rule::Write(|_, _, x| Ok(infix("+", x)))),
    (binary::SUB, Rule::Write(|_, _, x| Ok(infix("-", x)))),
    (binary::MUL, Rule::Write(|_, _, x| Ok(infix("*", x)))),
    (binary::DIV, Rule::Write(|_, _, x| Ok(infix("/", x)))),
    (binary::POW, Rule::Call("pow")),
    (binary::MOD, Rule::Call("remainder")),
    (binary::MINIMUM, Rule::Call("minimum")),
    (binary::MAXIMUM, Rule::Call("maximum")),
    (binary::ATAN2, Rule::Call("atan2")),
    (compare::EQUAL, Rule::Write(|_, _, x| Ok(infix("==", x)))),
    (compare::NOT_EQUAL, Rule::Write(|_, _, x| Ok(infix("!=", x)))),
    (compare::GREATER, Rule::Write(|_, _, x| Ok(infix(">", x)))),
    (compare::GREATER_EQUAL, Rule::Write(|_, _, x| Ok(infix(">=", x)))),
    (compare::LESS, Rule::Write(|_, _, x| Ok(infix("<", x)))),
    (compare::LESS_EQUAL, Rule::Write(|_, _, x| Ok(infix("<=", x)))),
    (compare::LOGICAL_AND, Rule::Call("logical_and")),
    (compare::LOGICAL_OR, Rule::Call("logical_or")),
    (compare::LOGICAL_XOR, Rule::Call("logical_xor")),
    (compare::LOGICAL_NOT, Rule::Call("logical_not")),
    (
        compare::WHERE,
        Rule::Write(|_, _, x| Ok(format!("torch.where({}, {}, {})", x[0].tensor(), x[1].text, x[2].text))),
    ),
    (compare::IS_NAN, Rule::Call("isnan")),
    (compare::IS_INF, Rule::Call("isinf")),
    (compare::CAST, Rule::Write(|_, node, x| Ok(format!("{}.to({})", x[0].tensor(), dtype(&node.ty.dtype))))),
    (reduce::SUM, Rule::Write(|_, node, x| Ok(reduction(node, x, "sum")))),
    (reduce::MEAN, Rule::Write(|_, node, x| Ok(reduction(node, x, "mean")))),
    (reduce::MAX, Rule::Write(|_, node, x| Ok(reduction(node, x, "amax")))),
    (reduce::MIN, Rule::Write(|_, node, x| Ok(reduction(node, x, "amin")))),
    (reduce::PROD, Rule::Write(|_, node, x| Ok(one_by_one(node, x, "prod")))),
    (reduce::ANY, Rule::Write(|_, node, x| Ok(one_by_one(node, x, "any")))),
    (reduce::ALL, Rule::Write(|_, node, x| Ok(one_by_one(node, x, "all")))),
    (reduce::ARGMAX, Rule::Write(|_, node, x| Ok(along(node, x, "argmax")))),
    (reduce::ARGMIN, Rule::Write(|_, node, x| Ok(along(node, x, "argmin")))),
    (scan::CUMSUM, Rule::Write(|_, node, x| Ok(along(node, x, "cumsum")))),
    (scan::CUMPROD, Rule::Write(|_, node, x| Ok(along(node, x, "cumprod")))),
    (
        scan::SORT,
        Rule::Write(|_, node, x| Ok(format!("torch.sort({}, dim={}, stable=True).values", x[0].text, axis(node)))),
    ),
    (
        scan::ARGSORT,
        Rule::Write(|_, node, x| Ok(format!("torch.argsort({}, dim={}, stable=True)", x[0].text, axis(node)))),
    ),
    (contract::CONTRACT, Rule::Write(contraction)),
    (shape::RESHAPE, Rule::Write(reshape)),
    (
        shape::TRANSPOSE,
        Rule::Write(|_, node, x| Ok(format!("{}.permute({:?})", x[0].text, node.attrs.get_ints("axes")))),
    ),
    (
        shape::BROADCAST,
        Rule::Write(|_, node, x| {
            Ok(format!("torch.broadcast_to({}, {})", x[0].tensor(), Writer::sizes(&node.ty.shape)?))
        }),
    ),
    (
        shape::FLIP,
        Rule::Write(|_, node, x| Ok(format!("torch.flip({}, {:?})", x[0].text, node.attrs.get_ints("axis")))),
    ),
    (parts::CONCATENATE, Rule::Write(concatenate)),
    (parts::SLICE, Rule::Write(slice)),
    (parts::PAD, Rule::Write(pad)),
    (index::GATHER, Rule::Write(gather)),
    (index::SCATTER_ADD, Rule::Write(scatter_add)),
    (index::IOTA, Rule::Write(iota)),
    (convolution::CONVOLUTION, Rule::Write(forward_convolution)),
    (convolution::CONVOLUTION_DATA_GRADIENT, Rule::Write(transposed_convolution)),
    (pooling::MAX_POOLING, Rule::Write(|_, node, x| Ok(pooled(node, &x[0].text, "max_pool", "-torch.inf")))),
    (pooling::SUM_POOLING, Rule::Write(sum_pooling)),
]);

/// A dtype in Python.
pub fn dtype(dtype: &DType) -> &'static str {
    match dtype {
        DType::F32 => "torch.float32",
        DType::I32 | DType::Index(_) => "torch.int64",
        DType::Bool => "torch.bool",
    }
}

fn axis(node: &Node) -> i64 {
    node.attrs.get_int("axis")
}

fn infix(operator: &str, x: &[Operand]) -> String {
    // Two numbers make a number, which is no tensor.
    let left = if x[0].is_number && x[1].is_number { x[0].tensor() } else { x[0].text.clone() };
    format!("{left} {operator} {}", x[1].text)
}

/// A reduction over the axes `axis`, which may be none.
fn reduction(node: &Node, x: &[Operand], function: &str) -> String {
    let axes = node.attrs.get_ints("axis");
    if axes.is_empty() {
        return x[0].tensor();
    }
    let keepdims = if node.attrs.get_bool("keepdims") { ", keepdim=True" } else { "" };
    format!("torch.{function}({}, dim={axes:?}{keepdims})", x[0].tensor())
}

/// A reduction whose function takes one axis at a time, the last first.
fn one_by_one(node: &Node, x: &[Operand], function: &str) -> String {
    let keepdims = if node.attrs.get_bool("keepdims") { ", keepdim=True" } else { "" };
    let axes = node.attrs.get_ints("axis").iter().rev();
    axes.fold(x[0].tensor(), |all, axis| format!("torch.{function}({all}, dim={axis}{keepdims})"))
}

fn along(node: &Node, x: &[Operand], function: &str) -> String {
    format!("torch.{function}({}, dim={})", x[0].tensor(), axis(node))
}

/// A matrix product where the axes stand as one wants them, else a sum over labelled axes.
fn contraction(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let (rank_a, rank_b) = (w.shape(node, 0).rank(), w.shape(node, 1).rank());
    let list = |name: &str| node.attrs.get_ints(name);
    let leading: Vec<i64> = (0..list("batch_a").len() as i64).collect();
    let (rows, columns) = (leading.len() as i64, leading.len() as i64 + 1);
    let is_stack = list("batch_a") == leading && list("batch_b") == leading && rank_b == leading.len() + 2;
    let fits =
        list("axes_a") == [rank_a as i64 - 1] && (rank_a == leading.len() + 2 || leading.is_empty() && rank_a > 1);
    let (a, b) = (x[0].tensor(), x[1].tensor());
    if is_stack && fits && list("axes_b") == [rows] {
        return Ok(format!("{a} @ {b}"));
    }
    if is_stack && fits && list("axes_b") == [columns] {
        return Ok(format!("{a} @ {b}.mT"));
    }
    Ok(format!("torch.einsum({:?}, {a}, {b})", contract::equation(&node.attrs, rank_a, rank_b)))
}

/// -1 stands for the one size that is open.
fn reshape(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let open = node.ty.shape.iter().filter(|size| size.constant().is_none()).count();
    let sizes = match open {
        1 => {
            let sizes: Vec<i64> = node.ty.shape.iter().map(|size| size.constant().unwrap_or(-1)).collect();
            format!("{sizes:?}")
        }
        _ => Writer::sizes(&node.ty.shape)?,
    };
    Ok(format!("{}.reshape({sizes})", x[0].tensor()))
}

fn concatenate(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let parts: Vec<String> = x.iter().map(Operand::tensor).collect();
    Ok(format!("torch.cat([{}], dim={})", parts.join(", "), axis(node)))
}

/// Axes that lose nothing are written `:`, those behind the last that does not at all.
fn slice(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let own = w.shape(node, 0);
    let (start, stop) = (node.attrs.get_dims("start"), node.attrs.get_dims("stop"));
    let mut parts = Vec::new();
    for axis in 0..own.rank() {
        let from = if start[axis] == Dim::new(0) { String::new() } else { Writer::size(&start[axis])? };
        let to = if stop[axis] == own[axis] { String::new() } else { Writer::size(&stop[axis])? };
        let step = node.attrs.get_ints("step")[axis];
        parts.push(if step == 1 { format!("{from}:{to}") } else { format!("{from}:{to}:{step}") });
    }
    while parts.len() > 1 && parts.last().is_some_and(|part| part == ":") {
        parts.pop();
    }
    Ok(format!("{}[{}]", x[0].text, parts.join(", ")))
}

/// `F.pad` takes the last axis first.
fn pad(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let (low, high) = (node.attrs.get_ints("low"), node.attrs.get_ints("high"));
    let widths: Vec<i64> = low.iter().zip(high).rev().flat_map(|(low, high)| [*low, *high]).collect();
    let value = node.attrs.get_float("value");
    let value = if node.ty.dtype.is_float() {
        super::number(&crate::tensor::Tensor::scalar(value as f32))
    } else {
        format!("{value:.0}")
    };
    Ok(format!("F.pad({}, {widths:?}, value={value})", x[0].tensor()))
}

/// Indexing puts the axes of the indices where the axis was.
fn gather(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    Ok(format!("{}[{}{}]", x[0].text, ":, ".repeat(axis(node) as usize), x[1].text))
}

/// `index_add` takes a line of indices.
fn scatter_add(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let axis = axis(node) as usize;
    let own = w.shape(node, 0);
    let mut sizes: Vec<Dim> = own.to_vec();
    sizes[axis] = Dim::new(-1);
    let sizes = Writer::sizes(&sizes)?;
    let (places, updates) = (x[1].tensor(), x[2].tensor());
    Ok(format!("torch.index_add({}, {axis}, {places}.reshape(-1), {updates}.reshape({sizes}))", x[0].tensor()))
}

fn iota(_: &mut Writer, node: &Node, _: &[Operand]) -> Result<String, String> {
    let (axis, shape) = (axis(node) as usize, &node.ty.shape);
    let range =
        format!("torch.arange({}, dtype={}, device=device)", Writer::size(&shape[axis])?, dtype(&node.ty.dtype));
    if shape.rank() == 1 {
        return Ok(range);
    }
    let line: Vec<i64> = (0..shape.rank()).map(|own| if own == axis { -1 } else { 1 }).collect();
    Ok(format!("{range}.reshape({line:?}).expand({})", Writer::sizes(shape)?))
}

/// How a window moves, as arguments: those that say nothing are left out.
fn movement(node: &Node, names: &[(&str, &str, i64)]) -> String {
    let mut text = String::new();
    for (own, argument, usual) in names {
        let values = node.attrs.get_ints(own);
        if values.iter().any(|value| value != usual) {
            text += &format!(", {argument}={values:?}");
        }
    }
    text
}

const MOVEMENT: [(&str, &str, i64); 3] = [("stride", "stride", 1), ("pad", "padding", 0), ("dilation", "dilation", 1)];

fn groups(node: &Node) -> String {
    match node.attrs.get_int("group") {
        1 => String::new(),
        group => format!(", groups={group}"),
    }
}

fn forward_convolution(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let operands: Vec<String> = x.iter().map(Operand::tensor).collect();
    let spatial = node.attrs.get_ints("stride").len();
    Ok(format!("F.conv{spatial}d({}{}{})", operands.join(", "), movement(node, &MOVEMENT), groups(node)))
}

/// A stride may leave several sizes to choose from; the one meant is reached by padding the result.
fn transposed_convolution(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let extra = output_padding(node, w.shape(node, 0), w.shape(node, 1))?;
    let spatial = extra.len();
    let extra = if extra.iter().all(|more| *more == 0) { String::new() } else { format!(", output_padding={extra:?}") };
    let moved = movement(node, &MOVEMENT);
    Ok(format!("F.conv_transpose{spatial}d({}, {}{moved}{extra}{})", x[0].tensor(), x[1].tensor(), groups(node)))
}

/// A pooling. Padding by more than half a window, which the functions refuse, is done before.
fn pooled(node: &Node, x: &str, function: &str, neutral: &str) -> String {
    let (kernel, pad) = (node.attrs.get_ints("kernel"), node.attrs.get_ints("pad"));
    let spatial = kernel.len();
    let stride = format!("{kernel:?}, stride={:?}", node.attrs.get_ints("stride"));
    if kernel.iter().zip(pad).any(|(kernel, pad)| 2 * pad > *kernel) {
        let widths: Vec<i64> = pad.iter().rev().flat_map(|pad| [*pad, *pad]).collect();
        return format!("F.{function}{spatial}d(F.pad({x}, {widths:?}, value={neutral}), {stride})");
    }
    format!("F.{function}{spatial}d({x}, {stride}{})", movement(node, &[("pad", "padding", 0)]))
}

/// The average that counts padding, times the number of elements that it is of.
fn sum_pooling(_: &mut Writer, node: &Node, x: &[Operand]) -> Result<String, String> {
    let count: i64 = node.attrs.get_ints("kernel").iter().product();
    Ok(format!("{count} * {}", pooled(node, &x[0].text, "avg_pool", "0.0")))
}
