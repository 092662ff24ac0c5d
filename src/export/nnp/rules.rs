//! How each primitive is written in functions of NNabla 1.39, by `build-tools/code_generator/functions.yaml` of its repository.

use super::super::table::{Rule, Table};
use super::super::{known, output_padding};
use super::{Operand, Writer, dims};
use crate::formats::nnabla::text::Message;
use crate::ir::Node;
use crate::ops::image::{convolution, pooling};
use crate::ops::{
    compare, contract, elementwise as unary, elementwise_binary as binary, index, parts, reduce, scan, shape,
};
use crate::tensor::{DType, Dim, Shape, Tensor};

/// Writes a node from its operands.
type Write = for<'a> fn(&mut Writer<'a>, &Node, &[Operand]) -> Result<Operand, String>;

/// What is said of each primitive.
pub static RULES: Table<Write> = Table(&[
    (known::RELU, Rule::Call("ReLU")),
    (known::SOFTMAX, Rule::Write(|w, node, x| along(w, node, x, "Softmax", Message::default()))),
    (
        known::AFFINE,
        Rule::Write(|w, node, x| {
            with(w, node, x, "Affine", Message::default().word("base_axis", node.ty.shape.rank() - 1))
        }),
    ),
    (unary::NEG, Rule::Write(|w, node, x| scaled(w, node, x, "MulScalar", -1.0))),
    (unary::ABS, Rule::Call("Abs")),
    (unary::SIGN, Rule::Write(|w, node, x| with(w, node, x, "Sign", Message::default().word("alpha", 0)))),
    (unary::EXP, Rule::Call("Exp")),
    (unary::LOG, Rule::Call("Log")),
    (unary::SQRT, Rule::Write(|w, node, x| scaled(w, node, x, "PowScalar", 0.5))),
    (unary::RECIPROCAL, Rule::Write(|w, node, x| scaled(w, node, x, "RDivScalar", 1.0))),
    (unary::SIN, Rule::Call("Sin")),
    (unary::COS, Rule::Call("Cos")),
    (unary::TAN, Rule::Call("Tan")),
    (unary::SINH, Rule::Call("Sinh")),
    (unary::COSH, Rule::Call("Cosh")),
    (unary::TANH, Rule::Call("Tanh")),
    (unary::ASIN, Rule::Call("ASin")),
    (unary::ACOS, Rule::Call("ACos")),
    (unary::ATAN, Rule::Call("ATan")),
    (unary::ASINH, Rule::Call("ASinh")),
    (unary::ACOSH, Rule::Call("ACosh")),
    (unary::ATANH, Rule::Call("ATanh")),
    (unary::ERF, Rule::Call("Erf")),
    (unary::FLOOR, Rule::Call("Floor")),
    (unary::CEIL, Rule::Call("Ceil")),
    (unary::SIGMOID, Rule::Call("Sigmoid")),
    (binary::ADD, Rule::Write(|w, node, x| pair(w, node, x, "Add2", Some("AddScalar"), Some("AddScalar")))),
    (binary::SUB, Rule::Write(|w, node, x| pair(w, node, x, "Sub2", None, Some("RSubScalar")))),
    (binary::MUL, Rule::Write(|w, node, x| pair(w, node, x, "Mul2", Some("MulScalar"), Some("MulScalar")))),
    (binary::DIV, Rule::Write(|w, node, x| pair(w, node, x, "Div2", None, Some("RDivScalar")))),
    (binary::POW, Rule::Write(|w, node, x| pair(w, node, x, "Pow2", Some("PowScalar"), Some("RPowScalar")))),
    (
        binary::MINIMUM,
        Rule::Write(|w, node, x| pair(w, node, x, "Minimum2", Some("MinimumScalar"), Some("MinimumScalar"))),
    ),
    (
        binary::MAXIMUM,
        Rule::Write(|w, node, x| pair(w, node, x, "Maximum2", Some("MaximumScalar"), Some("MaximumScalar"))),
    ),
    (binary::ATAN2, Rule::Call("ATan2")),
    (compare::EQUAL, Rule::Write(|w, node, x| pair(w, node, x, "Equal", Some("EqualScalar"), Some("EqualScalar")))),
    (
        compare::NOT_EQUAL,
        Rule::Write(|w, node, x| pair(w, node, x, "NotEqual", Some("NotEqualScalar"), Some("NotEqualScalar"))),
    ),
    (
        compare::GREATER,
        Rule::Write(|w, node, x| pair(w, node, x, "Greater", Some("GreaterScalar"), Some("LessScalar"))),
    ),
    (
        compare::GREATER_EQUAL,
        Rule::Write(|w, node, x| pair(w, node, x, "GreaterEqual", Some("GreaterEqualScalar"), Some("LessEqualScalar"))),
    ),
    (compare::LESS, Rule::Write(|w, node, x| pair(w, node, x, "Less", Some("LessScalar"), Some("GreaterScalar")))),
    (
        compare::LESS_EQUAL,
        Rule::Write(|w, node, x| pair(w, node, x, "LessEqual", Some("LessEqualScalar"), Some("GreaterEqualScalar"))),
    ),
    (compare::LOGICAL_AND, Rule::Call("LogicalAnd")),
    (compare::LOGICAL_OR, Rule::Call("LogicalOr")),
    (compare::LOGICAL_XOR, Rule::Call("LogicalXor")),
    (compare::LOGICAL_NOT, Rule::Call("LogicalNot")),
    (compare::WHERE, Rule::Write(choice)),
    (compare::IS_NAN, Rule::Call("IsNaN")),
    (compare::IS_INF, Rule::Call("IsInf")),
    (compare::CAST, Rule::Write(cast)),
    (reduce::SUM, Rule::Write(|w, node, x| reduction(w, node, x, "Sum"))),
    (reduce::MEAN, Rule::Write(|w, node, x| reduction(w, node, x, "Mean"))),
    (reduce::MAX, Rule::Write(|w, node, x| reduction(w, node, x, "Max"))),
    (reduce::MIN, Rule::Write(|w, node, x| reduction(w, node, x, "Min"))),
    (reduce::PROD, Rule::Write(|w, node, x| reduction(w, node, x, "Prod"))),
    (reduce::ANY, Rule::Write(|w, node, x| reduction(w, node, x, "Max"))),
    (reduce::ALL, Rule::Write(|w, node, x| reduction(w, node, x, "Min"))),
    (reduce::ARGMAX, Rule::Write(|w, node, x| place(w, node, x, "Max"))),
    (reduce::ARGMIN, Rule::Write(|w, node, x| place(w, node, x, "Min"))),
    (scan::CUMSUM, Rule::Write(|w, node, x| along(w, node, x, "CumSum", Message::default()))),
    (scan::CUMPROD, Rule::Write(|w, node, x| along(w, node, x, "CumProd", Message::default()))),
    (scan::SORT, Rule::Write(|w, node, x| along(w, node, x, "Sort", Message::default()))),
    (scan::ARGSORT, Rule::Write(|w, node, x| along(w, node, x, "Sort", Message::default().word("only_index", true)))),
    (contract::CONTRACT, Rule::Write(contraction)),
    (shape::RESHAPE, Rule::Write(reshape)),
    (shape::TRANSPOSE, Rule::Write(transpose)),
    (shape::BROADCAST, Rule::Write(broadcast)),
    (shape::FLIP, Rule::Write(|w, node, x| with(w, node, x, "Flip", list("axes", node.attrs.get_ints("axis"))))),
    (parts::CONCATENATE, Rule::Write(concatenate)),
    (parts::SLICE, Rule::Write(slice)),
    (parts::PAD, Rule::Write(pad)),
    (index::GATHER, Rule::Write(|w, node, x| along(w, node, x, "Gather", Message::default()))),
    (index::SCATTER_ADD, Rule::Refuse("adds up at places that repeat, for which there is no function")),
    (index::IOTA, Rule::Write(iota)),
    (convolution::CONVOLUTION, Rule::Write(|w, node, x| with(w, node, x, "Convolution", window(node)))),
    (convolution::CONVOLUTION_DATA_GRADIENT, Rule::Write(transposed_convolution)),
    (pooling::MAX_POOLING, Rule::Write(|w, node, x| pooled(w, node, x, "MaxPooling"))),
    (pooling::SUM_POOLING, Rule::Write(|w, node, x| pooled(w, node, x, "SumPooling"))),
]);

/// The field that holds a function's arguments, of those that have some.
const ARGUMENTS: &[(&str, &str)] = &[
    ("AddScalar", "add_scalar_param"),
    ("Affine", "affine_param"),
    ("BatchMatmul", "batch_matmul_param"),
    ("Broadcast", "broadcast_param"),
    ("Concatenate", "concatenate_param"),
    ("Constant", "constant_param"),
    ("Convolution", "convolution_param"),
    ("CumProd", "cumprod_param"),
    ("CumSum", "cumsum_param"),
    ("Deconvolution", "deconvolution_param"),
    ("Einsum", "einsum_param"),
    ("EqualScalar", "equal_scalar_param"),
    ("Flip", "flip_param"),
    ("Gather", "gather_param"),
    ("GreaterEqualScalar", "greater_equal_scalar_param"),
    ("GreaterScalar", "greater_scalar_param"),
    ("LessEqualScalar", "less_equal_scalar_param"),
    ("LessScalar", "less_scalar_param"),
    ("Max", "max_param"),
    ("MaxPooling", "max_pooling_param"),
    ("MaximumScalar", "maximum_scalar_param"),
    ("Mean", "mean_param"),
    ("Min", "min_param"),
    ("MinimumScalar", "minimum_scalar_param"),
    ("MulScalar", "mul_scalar_param"),
    ("NotEqualScalar", "not_equal_scalar_param"),
    ("Pad", "pad_param"),
    ("PowScalar", "pow_scalar_param"),
    ("Prod", "prod_param"),
    ("RDivScalar", "r_div_scalar_param"),
    ("RPowScalar", "r_pow_scalar_param"),
    ("RSubScalar", "r_sub_scalar_param"),
    ("ReLU", "relu_param"),
    ("Reshape", "reshape_param"),
    ("Sign", "sign_param"),
    ("Slice", "slice_param"),
    ("Softmax", "softmax_param"),
    ("Sort", "sort_param"),
    ("Sum", "sum_param"),
    ("SumPooling", "sum_pooling_param"),
    ("Transpose", "transpose_param"),
];

/// The field that holds a function's arguments.
pub fn arguments_of(function: &str) -> Option<&'static str> {
    ARGUMENTS.iter().find(|(own, _)| *own == function).map(|(_, field)| *field)
}

/// A function of all operands as they are.
fn with(w: &mut Writer, node: &Node, x: &[Operand], function: &str, arguments: Message) -> Result<Operand, String> {
    let mut names = Vec::new();
    for (own, operand) in x.iter().enumerate() {
        let rank = w.graph.ty(node.inputs[own]).shape.rank();
        names.push(w.named(operand, rank)?);
    }
    w.function(function, arguments, &names, &node.ty.shape)
}

/// A function along the axis `axis`.
fn along(w: &mut Writer, node: &Node, x: &[Operand], function: &str, arguments: Message) -> Result<Operand, String> {
    with(w, node, x, function, arguments.word("axis", node.attrs.get_int("axis")))
}

/// A function of one operand and a number.
fn scaled(w: &mut Writer, node: &Node, x: &[Operand], function: &str, number: f64) -> Result<Operand, String> {
    with(w, node, x, function, Message::default().word("val", number as f32))
}

/// A function of two operands, or of the one that is no number.
fn pair(
    w: &mut Writer,
    node: &Node,
    x: &[Operand],
    function: &str,
    right: Option<&str>,
    left: Option<&str>,
) -> Result<Operand, String> {
    let alone = |operand: &Operand, function: &str, number: f64, w: &mut Writer, own: usize| {
        let same = w.shape(node, own) == &node.ty.shape;
        let Operand::Name(name) = operand else { return None };
        let arguments = Message::default().word("val", number as f32);
        same.then(|| w.function(function, arguments, std::slice::from_ref(name), &node.ty.shape))
    };
    let short = match (&x[0], &x[1], left, right) {
        (_, Operand::Number(number), _, Some(right)) => alone(&x[0], right, *number, w, 0),
        (Operand::Number(number), _, Some(left), _) => alone(&x[1], left, *number, w, 1),
        _ => None,
    };
    if let Some(short) = short {
        return short;
    }
    let names = w.aligned(node, x)?;
    w.function(function, Message::default(), &names, &node.ty.shape)
}

/// `Where` stretches nothing.
fn choice(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let mut names = w.aligned(node, x)?;
    for (own, name) in names.iter_mut().enumerate() {
        if matches!(x[own], Operand::Number(_)) || w.shape(node, own) != &node.ty.shape {
            *name = w.broadcast(name, &node.ty.shape)?;
        }
    }
    w.function("Where", Message::default(), &names, &node.ty.shape)
}

/// Everything is a float: truth values are 0 and 1, and what was an integer is one.
fn cast(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let from = &w.graph.ty(node.inputs[0]).dtype;
    match (from, &node.ty.dtype) {
        (DType::Bool, _) => Ok(x[0].clone()),
        (_, DType::Bool) => scaled(w, node, x, "NotEqualScalar", 0.0),
        (DType::F32, DType::I32 | DType::Index(_)) => {
            let size = with(w, node, x, "Abs", Message::default())?;
            let whole = with(w, node, &[size], "Floor", Message::default())?;
            let sign = with(w, node, x, "Sign", Message::default().word("alpha", 0))?;
            let names = [w.named(&whole, 0)?, w.named(&sign, 0)?];
            w.function("Mul2", Message::default(), &names, &node.ty.shape)
        }
        _ => Ok(x[0].clone()),
    }
}

/// A repeated field.
fn list(name: &str, values: &[i64]) -> Message {
    values.iter().fold(Message::default(), |message, value| message.word(name, value))
}

/// A reduction over the axes `axis`, which may be none.
fn reduction(w: &mut Writer, node: &Node, x: &[Operand], function: &str) -> Result<Operand, String> {
    let axes = node.attrs.get_ints("axis");
    if axes.is_empty() {
        return Ok(x[0].clone());
    }
    with(w, node, x, function, list("axes", axes).word("keep_dims", node.attrs.get_bool("keepdims")))
}

fn place(w: &mut Writer, node: &Node, x: &[Operand], function: &str) -> Result<Operand, String> {
    with(w, node, x, function, list("axes", &[node.attrs.get_int("axis")]).word("only_index", true))
}

/// An affine layer where a matrix stands on the right, else a sum over labelled axes.
fn contraction(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let (rank_a, rank_b) = (w.shape(node, 0).rank(), w.shape(node, 1).rank());
    let ints = |name: &str| node.attrs.get_ints(name);
    let last = rank_a as i64 - 1;
    if ints("axes_a") == [last] && ints("axes_b") == [0] && ints("batch_a").is_empty() && rank_a > 1 && rank_b > 1 {
        return with(w, node, x, "Affine", Message::default().word("base_axis", last));
    }
    let equation = contract::equation(&node.attrs, rank_a, rank_b);
    with(w, node, x, "Einsum", Message::default().quoted("equation", equation))
}

fn reshape(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let rank = w.shape(node, 0).rank();
    let name = w.named(&x[0], rank)?;
    w.reshaped(&name, &node.ty.shape).map(Operand::Name)
}

/// Of a single number there is nothing to move, which `Transpose` does not take.
fn transpose(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    match node.attrs.get_ints("axes") {
        [] => Ok(x[0].clone()),
        axes => with(w, node, x, "Transpose", list("axes", axes)),
    }
}

fn broadcast(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let names = w.aligned(node, x)?;
    w.broadcast(&names[0], &node.ty.shape).map(Operand::Name)
}

/// Parts without an element are left out, which `Concatenate` does not take; nor does it take a single one.
fn concatenate(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let has_elements = |own: usize| w.shape(node, own).iter().all(|size| *size != Dim::new(0));
    let parts: Vec<usize> = (0..x.len()).filter(|own| has_elements(*own)).collect();
    if let [only] = parts[..] {
        return Ok(x[only].clone());
    }
    let mut names = Vec::new();
    for own in parts {
        names.push(w.named(&x[own], node.ty.shape.rank())?);
    }
    let arguments = Message::default().word("axis", node.attrs.get_int("axis"));
    w.function("Concatenate", arguments, &names, &node.ty.shape)
}

/// A stop that is the size itself is left to the largest number, since that size may be open.
fn slice(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let own = w.shape(node, 0);
    let (start, stop) = (node.attrs.get_dims("start"), node.attrs.get_dims("stop"));
    let known = |size: &Dim| size.constant().ok_or_else(|| format!("cuts at {size}; `--batch N` fixes it"));
    let mut arguments = list("step", node.attrs.get_ints("step"));
    for axis in 0..own.rank() {
        let is_whole = stop[axis] == own[axis] && own[axis].constant().is_none();
        let end = if is_whole { i64::from(i32::MAX) } else { known(&stop[axis])? };
        arguments = arguments.word("start", known(&start[axis])?).word("stop", end);
    }
    with(w, node, x, "Slice", arguments)
}

fn pad(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let both = node.attrs.get_ints("low").iter().zip(node.attrs.get_ints("high")).flat_map(|(low, high)| [*low, *high]);
    let widths: Vec<i64> = both.collect();
    let arguments = list("pad_width", &widths).quoted("mode", "constant");
    with(w, node, x, "Pad", arguments.word("constant_value", node.attrs.get_float("value") as f32))
}

/// Counting up is kept as a parameter.
fn iota(w: &mut Writer, node: &Node, _: &[Operand]) -> Result<Operand, String> {
    let shape = node.ty.shape.constant().ok_or("counts over the open batch size; `--batch N` fixes it")?;
    let axis = node.attrs.get_int("axis") as usize;
    let inner: usize = shape[axis + 1..].iter().product();
    let values = (0..shape.iter().product()).map(|at: usize| (at / inner % shape[axis]) as f32).collect();
    let name = w.taken.fresh("iota");
    Ok(Operand::Name(w.parameter(name, &Tensor::f32(&shape, values), false)))
}

/// The arguments of a convolution.
fn window(node: &Node) -> Message {
    let sized = |message: Message, name: &str| message.with(name, dims(node.attrs.get_ints(name)));
    let all = ["pad", "stride", "dilation"].into_iter().fold(Message::default().word("base_axis", 1), sized);
    all.word("group", node.attrs.get_int("group"))
}

/// A stride may leave several sizes to choose from; the one meant is reached by padding the result.
fn transposed_convolution(w: &mut Writer, node: &Node, x: &[Operand]) -> Result<Operand, String> {
    let extra = output_padding(node, w.shape(node, 0), w.shape(node, 1))?;
    with(w, node, x, "Deconvolution", window(node).with("output_padding", dims(&extra)))
}

/// A pooling of two or three spatial axes; one of one axis gets another in front.
fn pooled(w: &mut Writer, node: &Node, x: &[Operand], function: &str) -> Result<Operand, String> {
    let [kernel, stride, pad] = ["kernel", "stride", "pad"].map(|name| node.attrs.get_ints(name).to_vec());
    let is_line = kernel.len() == 1;
    let flat = |own: Vec<i64>, front: i64| if is_line { [vec![front], own].concat() } else { own };
    let arguments = Message::default()
        .with("kernel", dims(&flat(kernel, 1)))
        .with("stride", dims(&flat(stride, 1)))
        .word("ignore_border", true)
        .with("pad", dims(&flat(pad, 0)));
    if !is_line {
        return with(w, node, x, function, arguments);
    }
    let between = |shape: &Shape| -> Shape {
        let (front, last) = shape.split_at(2);
        front.iter().cloned().chain([Dim::new(1)]).chain(last.iter().cloned()).collect()
    };
    let (from, to) = (between(w.shape(node, 0)), between(&node.ty.shape));
    let name = w.named(&x[0], 0)?;
    let wide = w.reshaped(&name, &from)?;
    let pooled = w.function(function, arguments, &[wide], &to)?;
    let name = w.named(&pooled, 0)?;
    w.reshaped(&name, &node.ty.shape).map(Operand::Name)
}
