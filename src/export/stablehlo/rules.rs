//! How each primitive is written in StableHLO, by its specification <https://openxla.org/stablehlo/spec>.

use super::super::output_padding;
use super::super::table::{Rule, Table};
use super::{Writer, element, ty};
use crate::ir::Node;
use crate::ops::image::{convolution, pooling};
use crate::ops::{
    compare, contract, elementwise as unary, elementwise_binary as binary, index, parts, reduce, scan, shape,
};
use crate::tensor::{DType, Dim, Shape, Type};

/// Writes a node from its operands' names; the result's name.
type Write = for<'a> fn(&mut Writer<'a>, &Node, &[String]) -> Result<String, String>;

/// What is said of each primitive.
pub static RULES: Table<Write> = Table(&[
    (unary::NEG, Rule::Call("stablehlo.negate")),
    (unary::ABS, Rule::Call("stablehlo.abs")),
    (unary::SIGN, Rule::Call("stablehlo.sign")),
    (unary::EXP, Rule::Call("stablehlo.exponential")),
    (unary::LOG, Rule::Call("stablehlo.log")),
    (unary::LOG1P, Rule::Call("stablehlo.log_plus_one")),
    (unary::EXPM1, Rule::Call("stablehlo.exponential_minus_one")),
    (unary::SQRT, Rule::Call("stablehlo.sqrt")),
    (unary::RSQRT, Rule::Call("stablehlo.rsqrt")),
    (unary::SIN, Rule::Call("stablehlo.sine")),
    (unary::COS, Rule::Call("stablehlo.cosine")),
    (unary::SINH, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "sinh")))),
    (unary::COSH, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "cosh")))),
    (unary::TANH, Rule::Call("stablehlo.tanh")),
    (unary::ASIN, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "asin")))),
    (unary::ACOS, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "acos")))),
    (unary::ATAN, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "atan")))),
    (unary::ASINH, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "asinh")))),
    (unary::ACOSH, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "acosh")))),
    (unary::ATANH, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "atanh")))),
    (unary::ERF, Rule::Write(|w, node, x| Ok(chlo(w, node, x, "erf")))),
    (unary::FLOOR, Rule::Call("stablehlo.floor")),
    (unary::CEIL, Rule::Call("stablehlo.ceil")),
    (unary::ROUND, Rule::Call("stablehlo.round_nearest_even")),
    (unary::SIGMOID, Rule::Call("stablehlo.logistic")),
    (binary::ADD, Rule::Call("stablehlo.add")),
    (binary::SUB, Rule::Call("stablehlo.subtract")),
    (binary::MUL, Rule::Call("stablehlo.multiply")),
    (binary::DIV, Rule::Call("stablehlo.divide")),
    (binary::POW, Rule::Call("stablehlo.power")),
    (binary::MINIMUM, Rule::Call("stablehlo.minimum")),
    (binary::MAXIMUM, Rule::Call("stablehlo.maximum")),
    (binary::ATAN2, Rule::Call("stablehlo.atan2")),
    (compare::EQUAL, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "EQ")))),
    (compare::NOT_EQUAL, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "NE")))),
    (compare::GREATER, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "GT")))),
    (compare::GREATER_EQUAL, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "GE")))),
    (compare::LESS, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "LT")))),
    (compare::LESS_EQUAL, Rule::Write(|w, node, x| Ok(comparison(w, node, x, "LE")))),
    (compare::LOGICAL_AND, Rule::Call("stablehlo.and")),
    (compare::LOGICAL_OR, Rule::Call("stablehlo.or")),
    (compare::LOGICAL_XOR, Rule::Call("stablehlo.xor")),
    (compare::LOGICAL_NOT, Rule::Call("stablehlo.not")),
    (compare::WHERE, Rule::Write(select)),
    (compare::CAST, Rule::Write(cast)),
    (reduce::SUM, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "add", 0.0)))),
    (reduce::MEAN, Rule::Write(mean)),
    (reduce::MAX, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "maximum", least(&node.ty.dtype))))),
    (reduce::MIN, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "minimum", most(&node.ty.dtype))))),
    (reduce::PROD, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "multiply", 1.0)))),
    (reduce::ANY, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "or", 0.0)))),
    (reduce::ALL, Rule::Write(|w, node, x| Ok(reduction(w, node, x, "and", 1.0)))),
    (reduce::ARGMAX, Rule::Write(|w, node, x| Ok(place(w, node, x, "maximum")))),
    (reduce::ARGMIN, Rule::Write(|w, node, x| Ok(place(w, node, x, "minimum")))),
    (scan::SORT, Rule::Write(|w, node, x| Ok(sorted(w, node, x, 0)))),
    (scan::ARGSORT, Rule::Write(|w, node, x| Ok(sorted(w, node, x, 1)))),
    (contract::CONTRACT, Rule::Write(contraction)),
    (shape::RESHAPE, Rule::Write(|w, node, x| Ok(reshaped(w, &x[0], w.operand(node, 0), &node.ty.shape)))),
    (
        shape::TRANSPOSE,
        Rule::Write(|w, node, x| {
            Ok(moved(w, node, x, "transpose", &format!(", dims = {:?}", node.attrs.get_ints("axes"))))
        }),
    ),
    (shape::BROADCAST, Rule::Write(|w, node, x| Ok(w.stretched(&x[0], w.operand(node, 0), &node.ty.shape)))),
    (shape::FLIP, Rule::Write(flip)),
    (parts::CONCATENATE, Rule::Write(concatenate)),
    (parts::SLICE, Rule::Write(slice)),
    (parts::PAD, Rule::Write(pad)),
    (index::GATHER, Rule::Write(gather)),
    (index::SCATTER_ADD, Rule::Write(scatter_add)),
    (index::IOTA, Rule::Write(|w, node, _| Ok(iota(w, node.attrs.get_int("axis") as usize, &node.ty)))),
    (convolution::CONVOLUTION, Rule::Write(forward_convolution)),
    (convolution::CONVOLUTION_DATA_GRADIENT, Rule::Write(transposed_convolution)),
    (pooling::MAX_POOLING, Rule::Write(|w, node, x| Ok(pooled(w, node, x, "maximum", f64::NEG_INFINITY)))),
    (pooling::SUM_POOLING, Rule::Write(|w, node, x| Ok(pooled(w, node, x, "add", 0.0)))),
]);

/// The operands, repeated to the shape of the result.
fn aligned(w: &mut Writer, node: &Node, x: &[String]) -> Vec<String> {
    let names = x.iter().enumerate();
    names.map(|(own, name)| w.stretched(name, w.operand(node, own), &node.ty.shape)).collect()
}

/// An operation whose operands and result have one type.
pub fn elementwise(w: &mut Writer, node: &Node, x: &[String], operation: &str) -> String {
    let operands = aligned(w, node, x).join(", ");
    w.assign(node.op.0, &format!("{operation} {operands} : {}", ty(&node.ty)))
}

fn chlo(w: &mut Writer, node: &Node, x: &[String], operation: &str) -> String {
    w.assign(node.op.0, &format!("chlo.{operation} {} : {} -> {}", x[0], ty(&node.ty), ty(&node.ty)))
}

fn comparison(w: &mut Writer, node: &Node, x: &[String], direction: &str) -> String {
    let operands = aligned(w, node, x).join(", ");
    let of = ty(&Type { dtype: w.operand(node, 0).dtype.clone(), shape: node.ty.shape.clone() });
    w.assign(node.op.0, &format!("stablehlo.compare {direction}, {operands} : ({of}, {of}) -> {}", ty(&node.ty)))
}

fn select(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let operands = aligned(w, node, x).join(", ");
    let condition = ty(&Type { dtype: DType::Bool, shape: node.ty.shape.clone() });
    Ok(w.assign(node.op.0, &format!("stablehlo.select {operands} : {condition}, {}", ty(&node.ty))))
}

/// To bool by a comparison with zero.
fn cast(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let from = w.operand(node, 0);
    if node.ty.dtype == DType::Bool && from.dtype != DType::Bool {
        let zero = w.scalar(0.0, &from.dtype);
        let scalar = Type { dtype: from.dtype.clone(), shape: Shape::scalar() };
        let zeros = w.stretched(&zero, &scalar, &from.shape);
        let text =
            format!("stablehlo.compare NE, {}, {zeros} : ({}, {}) -> {}", x[0], ty(from), ty(from), ty(&node.ty));
        return Ok(w.assign(node.op.0, &text));
    }
    Ok(w.assign(node.op.0, &format!("stablehlo.convert {} : ({}) -> {}", x[0], ty(from), ty(&node.ty))))
}

/// The number that is below all others.
fn least(dtype: &DType) -> f64 {
    if dtype.is_float() { f64::NEG_INFINITY } else { f64::from(i32::MIN) }
}

/// The number that is above all others.
fn most(dtype: &DType) -> f64 {
    if dtype.is_float() { f64::INFINITY } else { f64::from(i32::MAX) }
}

/// The axes that a reduction or a search along one axis takes away.
fn axes(node: &Node) -> Vec<i64> {
    match node.attrs.get("axis") {
        Some(crate::ir::Attr::Int(axis)) => vec![*axis],
        _ => node.attrs.get_ints("axis").to_vec(),
    }
}

/// `x` combined along the axes of `node`, which it loses.
fn combined(w: &mut Writer, node: &Node, (x, from): (&str, &Type), operation: &str, neutral: f64) -> (String, Type) {
    let axes = axes(node);
    let rest = from.shape.iter().zip(0..).filter(|(_, axis)| !axes.contains(axis)).map(|(size, _)| size.clone());
    let to = Type { dtype: from.dtype.clone(), shape: rest.collect() };
    let start = w.scalar(neutral, &from.dtype);
    let text = format!(
        "stablehlo.reduce({x} init: {start}) applies stablehlo.{operation} across dimensions = {axes:?} : ({}, tensor<{}>) -> {}",
        ty(from),
        element(&from.dtype),
        ty(&to)
    );
    (w.assign(node.op.0, &text), to)
}

fn reduction(w: &mut Writer, node: &Node, x: &[String], operation: &str, neutral: f64) -> String {
    let from = w.operand(node, 0);
    let (reduced, to) = combined(w, node, (&x[0], from), operation, neutral);
    reshaped(w, &reduced, &to, &node.ty.shape)
}

fn mean(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let sum = reduction(w, node, x, "add", 0.0);
    let sizes = axes(node).iter().map(|axis| w.operand(node, 0).shape[*axis as usize].clone()).collect::<Shape>();
    let count = sizes.size().constant().ok_or("takes the mean over an open size")?;
    let count = w.scalar(count as f64, &node.ty.dtype);
    let counts = w.stretched(&count, &Type::f32([]), &node.ty.shape);
    Ok(w.assign(node.op.0, &format!("stablehlo.divide {sum}, {counts} : {}", ty(&node.ty))))
}

/// The first place along an axis where nothing is beyond the largest (or smallest) element.
fn place(w: &mut Writer, node: &Node, x: &[String], operation: &str) -> String {
    let from = w.operand(node, 0);
    let axis = node.attrs.get_int("axis") as usize;
    let (neutral, direction) =
        if operation == "maximum" { (least(&from.dtype), "LT") } else { (most(&from.dtype), "GT") };
    let (extreme, reduced) = combined(w, node, (&x[0], from), operation, neutral);
    let kept: Shape =
        from.shape.iter().enumerate().map(|(own, size)| if own == axis { Dim::new(1) } else { size.clone() }).collect();
    let extreme = reshaped(w, &extreme, &reduced, &kept);
    let extremes = w.stretched(&extreme, &Type { dtype: from.dtype.clone(), shape: kept }, &from.shape);
    let truth = Type { dtype: DType::Bool, shape: from.shape.clone() };
    let places = Type { dtype: DType::I32, shape: from.shape.clone() };
    let (of, truths) = (ty(from), ty(&truth));
    let beyond =
        w.assign("beyond", &format!("stablehlo.compare {direction}, {}, {extremes} : ({of}, {of}) -> {truths}", x[0]));
    let count = w.scalar(f64::from(i32::MAX), &DType::I32);
    let counts = w.stretched(&count, &Type { dtype: DType::I32, shape: Shape::scalar() }, &from.shape);
    let all = iota(w, axis, &places);
    let candidates =
        w.assign("places", &format!("stablehlo.select {beyond}, {counts}, {all} : {truths}, {}", ty(&places)));
    combined(w, node, (&candidates, &places), "minimum", f64::from(i32::MAX)).0
}

/// All elements of an axis in ascending order: the values (`result` 0) or their places (1).
fn sorted(w: &mut Writer, node: &Node, x: &[String], result: usize) -> String {
    let from = w.operand(node, 0);
    let axis = node.attrs.get_int("axis");
    let places = Type { dtype: DType::I32, shape: from.shape.clone() };
    let all = iota(w, axis as usize, &places);
    let (of, scalar) = (format!("{}, {}", ty(from), ty(&places)), element(&from.dtype));
    let order = if from.dtype.is_float() { "TOTALORDER" } else { "SIGNED" };
    let text = format!(
        "\"stablehlo.sort\"({}, {all}) <{{dimension = {axis} : i64, is_stable = true}}> ({{\n    \
         ^bb0(%a: tensor<{scalar}>, %b: tensor<{scalar}>, %i: tensor<i32>, %j: tensor<i32>):\n      \
         %less = stablehlo.compare LT, %a, %b, {order} : (tensor<{scalar}>, tensor<{scalar}>) -> tensor<i1>\n      \
         stablehlo.return %less : tensor<i1>\n    }}) : ({of}) -> ({of})",
        x[0]
    );
    let both = w.assign_all(node.op.0, ":2", &text);
    format!("{both}#{result}")
}

fn contraction(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let list = |name: &str| format!("{:?}", node.attrs.get_ints(name));
    let batching = match node.attrs.get_ints("batch_a") {
        [] => String::new(),
        _ => format!("batching_dims = {} x {}, ", list("batch_a"), list("batch_b")),
    };
    let text = format!(
        "stablehlo.dot_general {}, {}, {batching}contracting_dims = {} x {}, precision = [HIGHEST, HIGHEST] : ({}, {}) -> {}",
        x[0],
        x[1],
        list("axes_a"),
        list("axes_b"),
        ty(w.operand(node, 0)),
        ty(w.operand(node, 1)),
        ty(&node.ty)
    );
    Ok(w.assign(node.op.0, &text))
}

fn reshaped(w: &mut Writer, x: &str, from: &Type, to: &Shape) -> String {
    if from.shape == *to {
        return x.to_owned();
    }
    let target = Type { dtype: from.dtype.clone(), shape: to.clone() };
    w.assign("reshape", &format!("stablehlo.reshape {x} : ({}) -> {}", ty(from), ty(&target)))
}

/// An operation that only moves elements.
fn moved(w: &mut Writer, node: &Node, x: &[String], operation: &str, how: &str) -> String {
    let text = format!("stablehlo.{operation} {}{how} : ({}) -> {}", x[0], ty(w.operand(node, 0)), ty(&node.ty));
    w.assign(node.op.0, &text)
}

fn flip(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let text = format!("stablehlo.reverse {}, dims = {:?} : {}", x[0], node.attrs.get_ints("axis"), ty(&node.ty));
    Ok(w.assign(node.op.0, &text))
}

fn concatenate(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let types: Vec<String> = (0..x.len()).map(|own| ty(w.operand(node, own))).collect();
    let axis = node.attrs.get_int("axis");
    let text =
        format!("stablehlo.concatenate {}, dim = {axis} : ({}) -> {}", x.join(", "), types.join(", "), ty(&node.ty));
    Ok(w.assign(node.op.0, &text))
}

fn slice(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let (start, stop) = (node.attrs.get_dims("start"), node.attrs.get_dims("stop"));
    let steps = node.attrs.get_ints("step");
    let cuts = start.iter().zip(stop.iter()).zip(steps).map(|((start, stop), step)| format!("{start}:{stop}:{step}"));
    Ok(moved(w, node, x, "slice", &format!(" [{}]", cuts.collect::<Vec<_>>().join(", "))))
}

fn pad(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let value = w.scalar(node.attrs.get_float("value"), &node.ty.dtype);
    let (low, high) = (node.attrs.get_ints("low"), node.attrs.get_ints("high"));
    let text = format!(
        "stablehlo.pad {}, {value}, low = {low:?}, high = {high:?}, interior = {:?} : ({}, tensor<{}>) -> {}",
        x[0],
        vec![0; low.len()],
        ty(w.operand(node, 0)),
        element(&node.ty.dtype),
        ty(&node.ty)
    );
    Ok(w.assign(node.op.0, &text))
}

/// The axes of a result that do not come from indices, which stand in `axis`' place.
fn beside(axis: i64, indices: usize, rank: usize) -> Vec<i64> {
    (0..rank as i64).filter(|own| *own < axis || *own >= axis + indices as i64).collect()
}

fn gather(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let axis = node.attrs.get_int("axis");
    let (from, places) = (w.operand(node, 0), w.operand(node, 1));
    let sizes: Vec<String> = from
        .shape
        .iter()
        .zip(0..)
        .map(|(size, own)| if own == axis { "1".to_owned() } else { size.to_string() })
        .collect();
    let text = format!(
        "\"stablehlo.gather\"({}, {}) <{{dimension_numbers = #stablehlo.gather<offset_dims = {:?}, collapsed_slice_dims = [{axis}], \
         start_index_map = [{axis}], index_vector_dim = {}>, slice_sizes = array<i64: {}>, indices_are_sorted = false}}> : ({}, {}) -> {}",
        x[0],
        x[1],
        beside(axis, places.shape.rank(), node.ty.shape.rank()),
        places.shape.rank(),
        sizes.join(", "),
        ty(from),
        ty(places),
        ty(&node.ty)
    );
    Ok(w.assign(node.op.0, &text))
}

fn scatter_add(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let axis = node.attrs.get_int("axis");
    let [data, places, updates] = [0, 1, 2].map(|own| w.operand(node, own));
    let scalar = element(&node.ty.dtype);
    let text = format!(
        "\"stablehlo.scatter\"({}) <{{scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = {:?}, \
         inserted_window_dims = [{axis}], scatter_dims_to_operand_dims = [{axis}], index_vector_dim = {}>, \
         indices_are_sorted = false, unique_indices = false}}> ({{\n    ^bb0(%a: tensor<{scalar}>, %b: tensor<{scalar}>):\n      \
         %sum = stablehlo.add %a, %b : tensor<{scalar}>\n      stablehlo.return %sum : tensor<{scalar}>\n    }}) : ({}, {}, {}) -> {}",
        x.join(", "),
        beside(axis, places.shape.rank(), updates.shape.rank()),
        places.shape.rank(),
        ty(data),
        ty(places),
        ty(updates),
        ty(&node.ty)
    );
    Ok(w.assign(node.op.0, &text))
}

fn iota(w: &mut Writer, axis: usize, of: &Type) -> String {
    w.assign("iota", &format!("stablehlo.iota dim = {axis} : {}", ty(of)))
}

/// A convolution: its axes' names, its window, the types of its operands and result.
struct Convolution<'t> {
    kernel: &'static str,
    stride: Vec<i64>,
    pad: Vec<[i64; 2]>,
    dilation: [Vec<i64>; 2],
    groups: i64,
    types: [&'t Type; 3],
}

impl Convolution<'_> {
    fn text(&self, x: &str, kernel: &str) -> String {
        let spatial: Vec<String> = (0..self.stride.len()).map(|axis| axis.to_string()).collect();
        let spatial = spatial.join(", ");
        let [of_x, of_w, of_y] = self.types.map(ty);
        format!(
            "stablehlo.convolution({x}, {kernel}) dim_numbers = [b, f, {spatial}]x[{}, {spatial}]->[b, f, {spatial}], \
             window = {{stride = {:?}, pad = {:?}, lhs_dilate = {:?}, rhs_dilate = {:?}}} \
             {{batch_group_count = 1 : i64, feature_group_count = {} : i64, \
             precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]}} : ({of_x}, {of_w}) -> {of_y}",
            self.kernel, self.stride, self.pad, self.dilation[0], self.dilation[1], self.groups
        )
    }
}

fn forward_convolution(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let list = |name: &str| node.attrs.get_ints(name).to_vec();
    let convolution = Convolution {
        kernel: "o, i",
        stride: list("stride"),
        pad: list("pad").iter().map(|pad| [*pad; 2]).collect(),
        dilation: [vec![1; list("stride").len()], list("dilation")],
        groups: node.attrs.get_int("group"),
        types: [w.operand(node, 0), w.operand(node, 1), &node.ty],
    };
    let result = w.assign(node.op.0, &convolution.text(&x[0], &x[1]));
    let Some(bias) = x.get(2) else { return Ok(result) };
    let bias = {
        let text =
            format!("stablehlo.broadcast_in_dim {bias}, dims = [1] : ({}) -> {}", ty(w.operand(node, 2)), ty(&node.ty));
        w.assign("stretched", &text)
    };
    Ok(w.assign("add", &format!("stablehlo.add {result}, {bias} : {}", ty(&node.ty))))
}

/// A convolution of the data, spread out by the stride, with the kernel reversed.
fn transposed_convolution(w: &mut Writer, node: &Node, x: &[String]) -> Result<String, String> {
    let (dy, kernel) = (w.operand(node, 0), w.operand(node, 1));
    let extra = output_padding(node, &dy.shape, &kernel.shape)?;
    let list = |name: &str| node.attrs.get_ints(name).to_vec();
    let (dilation, spatial, groups) = (list("dilation"), extra.len(), node.attrs.get_int("group"));
    let pads = (0..spatial).map(|axis| {
        let size = kernel.shape[2 + axis].constant().ok_or("has a kernel of open size")?;
        let reach = dilation[axis] * (size - 1) - list("pad")[axis];
        Ok([reach, reach + extra[axis]])
    });
    let pad = pads.collect::<Result<Vec<_>, String>>()?;
    let (turned, own) = by_group(w, &x[1], kernel, groups);
    let axes: Vec<usize> = (2..2 + spatial).collect();
    let reversed = w.assign("reverse", &format!("stablehlo.reverse {turned}, dims = {axes:?} : {}", ty(&own)));
    let convolution = Convolution {
        kernel: "i, o",
        stride: vec![1; spatial],
        pad,
        dilation: [list("stride"), dilation],
        groups,
        types: [dy, &own, &node.ty],
    };
    Ok(w.assign(node.op.0, &convolution.text(&x[0], &reversed)))
}

/// A kernel [O, C / groups, ..] as [O / groups, C, ..], each group's maps beside each other.
fn by_group(w: &mut Writer, kernel: &str, of: &Type, groups: i64) -> (String, Type) {
    if groups == 1 {
        return (kernel.to_owned(), of.clone());
    }
    let (count, rest) = (Dim::new(groups), &of.shape[2..]);
    let inner = of.shape[0].clone().floor_div(count.clone());
    let with = |front: &[Dim]| Type::f32(front.iter().chain(rest).cloned().collect::<Shape>());
    let split = with(&[count.clone(), inner.clone(), of.shape[1].clone()]);
    let turned = with(&[inner.clone(), count.clone(), of.shape[1].clone()]);
    let joined = with(&[inner, count * of.shape[1].clone()]);
    let own = reshaped(w, kernel, of, &split.shape);
    let axes: Vec<usize> = [1, 0].into_iter().chain(2..split.shape.rank()).collect();
    let own = w.assign(
        "transpose",
        &format!("stablehlo.transpose {own}, dims = {axes:?} : ({}) -> {}", ty(&split), ty(&turned)),
    );
    (reshaped(w, &own, &turned, &joined.shape), joined)
}

fn pooled(w: &mut Writer, node: &Node, x: &[String], operation: &str, neutral: f64) -> String {
    let start = w.scalar(neutral, &DType::F32);
    let list = |name: &str, front: i64| -> String {
        let all = [vec![front; 2], node.attrs.get_ints(name).to_vec()].concat();
        all.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
    };
    let pads: Vec<[i64; 2]> = [0, 0].iter().chain(node.attrs.get_ints("pad")).map(|pad| [*pad; 2]).collect();
    let text = format!(
        "\"stablehlo.reduce_window\"({}, {start}) <{{window_dimensions = array<i64: {}>, window_strides = array<i64: {}>, \
         padding = dense<{pads:?}> : tensor<{}x2xi64>}}> ({{\n    ^bb0(%a: tensor<f32>, %b: tensor<f32>):\n      \
         %both = stablehlo.{operation} %a, %b : tensor<f32>\n      stablehlo.return %both : tensor<f32>\n    }}) : ({}, tensor<f32>) -> {}",
        x[0],
        list("kernel", 1),
        list("stride", 1),
        pads.len(),
        ty(w.operand(node, 0)),
        ty(&node.ty)
    );
    w.assign(node.op.0, &text)
}
