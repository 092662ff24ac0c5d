//! Operators with weights: products of matrices, convolutions, normalisations. Where a weight is one's own, they become layers.

use std::rc::Rc;

use super::axes::{Axes, Axis, MIXES, product};
use super::constant::{Constant, Data};
use super::elementwise::combined;
use super::lower::{Computed, Lower, Lowered, Lowering, Value, list, number, one_or_list};
use super::moves::{padded, transposed};
use super::op::Op;
use super::pooling::Window;
use crate::import::program::{Kind, Level, NodeId, Owned, Part};
use crate::tensor::Tensor;

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    Some(match kind {
        "Gemm" => gemm,
        "MatMul" => matmul,
        "Conv" => convolution,
        "ConvTranspose" => deconvolution,
        "BatchNormalization" => batch_normalization,
        "LayerNormalization" => layer_normalization,
        "InstanceNormalization" | "GroupNormalization" => channel_normalization,
        _ => return None,
    })
}

/// `alpha a b + beta c`.
fn gemm(lowering: &mut Lowering, op: Op) -> Lowered {
    let (a, b) = (lowering.operand(op, 0)?, lowering.operand(op, 1)?);
    let (alpha, beta) = (op.float("alpha").unwrap_or(1.0), op.float("beta").unwrap_or(1.0));
    if let (Value::Computed(x), Value::Constant(w), false) = (&a, &b, op.flag("transA")) {
        let bias = lowering.optional(op, 2);
        let constant = match &bias {
            None => Some(None),
            Some(Value::Constant(bias)) => Some(Some(bias.clone())),
            Some(Value::Computed(_)) => None,
        };
        if let (Some(bias), Some(w)) = (constant, matrix(w, op.flag("transB"), alpha)?) {
            let bias = bias.map(|bias| biases(&bias, w.shape[1], beta)).transpose()?.flatten();
            let whole = op.node.input.len() < 3 || bias.is_some();
            if whole && lowering.is_own(&w) {
                return Ok(vec![affine(lowering, op, x, &w, bias)?]);
            }
        }
    }
    if alpha != 1.0 || beta != 1.0 {
        return Err(
            "its factors `alpha` and `beta` have no counterpart where a layer has not its weights to itself".to_owned()
        );
    }
    let turned = |lowering: &mut Lowering, value: Value, turn: bool| -> Result<Value, String> {
        match value {
            value if !turn => Ok(value),
            Value::Constant(constant) if constant.shape.len() == 2 => {
                Ok(Value::Constant(Rc::new(constant.transposed(&[1, 0])?)))
            }
            value => {
                let x = lowering.declare(value)?;
                if x.axes.rank() != 2 {
                    return Err("an operand is no matrix".to_owned());
                }
                transposed(lowering, &x, &[1, 0]).map(Value::Computed)
            }
        }
    };
    let (a, b) = (turned(lowering, a, op.flag("transA"))?, turned(lowering, b, op.flag("transB"))?);
    let y = multiplied(lowering, a, b)?;
    match lowering.optional(op, 2) {
        None => Ok(vec![y]),
        Some(c) => Ok(vec![combined(lowering, "Add", &[y, c])?]),
    }
}

/// A constant as the matrix `[inputs, outputs]` times a factor; none when it is no matrix of floats.
fn matrix(w: &Constant, turn: bool, factor: f32) -> Result<Option<Constant>, String> {
    let (Data::Float(_), [rows, columns]) = (&w.data, &w.shape[..]) else { return Ok(None) };
    if rows * columns == 0 {
        return Ok(None);
    }
    let w = if turn { w.transposed(&[1, 0])? } else { w.clone() };
    Ok(Some(scaled(w, factor)))
}

fn scaled(mut w: Constant, factor: f32) -> Constant {
    if let (Data::Float(values), true) = (&mut w.data, factor != 1.0) {
        values.iter_mut().for_each(|value| *value *= factor);
    }
    w
}

/// A constant as `count` biases times a factor; none when it is more than that.
fn biases(bias: &Constant, count: usize, factor: f32) -> Result<Option<Tensor>, String> {
    let flat: usize = product(&bias.shape)?;
    let in_a_row = bias.shape.last().is_none_or(|last| *last == flat);
    if !matches!(bias.data, Data::Float(_)) || !in_a_row || flat != count && flat != 1 {
        return Ok(None);
    }
    let bias = scaled(bias.reshaped(&[flat])?.stretched(&[count])?, factor);
    Ok(bias.tensor())
}

/// `x |> Affine(n)` on the last axis of `x`.
fn affine(lowering: &mut Lowering, op: Op, x: &Computed, w: &Constant, bias: Option<Tensor>) -> Result<Value, String> {
    lowering.is_float(x)?;
    let last = x.axes.0.last().copied().ok_or("its operand is a single number")?;
    let [inputs, outputs] = w.shape[..] else { return Err("its weight is no matrix".to_owned()) };
    if last.samples {
        return Err(MIXES.to_owned());
    }
    if last.size() != inputs {
        return Err(format!("{} inputs meet a weight for {inputs}", last.size()));
    }
    let mut axes = x.axes.clone();
    axes.0.pop();
    axes.0.push(Axis::of(outputs));
    let mut call = outputs.to_string();
    let flat = x.axes.shape().len() == 1;
    if !flat {
        call.push_str(", axis = -1");
    }
    if bias.is_none() {
        call.push_str(", with_bias = false");
    }
    let mut tensors = vec![("W", w.tensor().ok_or("its weight is no tensor of floats")?)];
    tensors.extend(bias.map(|bias| ("b", bias)));
    // All axes of what was flattened are the layer's own.
    let subject = if flat { lowering.program.before_flatten(x.node) } else { x.node };
    let owned = Owned { layer: "Affine", hint: lowering.hint(op), tensors };
    let node = lowering.program.layer(subject, format!("Affine({call})"), owned, &axes.shape());
    Ok(Value::Computed(Computed { node, axes }))
}

fn matmul(lowering: &mut Lowering, op: Op) -> Lowered {
    let (a, b) = (lowering.operand(op, 0)?, lowering.operand(op, 1)?);
    if let (Value::Computed(x), Value::Constant(w)) = (&a, &b)
        && let Some(w) = matrix(w, false, 1.0)?
        && lowering.is_own(&w)
    {
        let bias = added(lowering, op, &w)?;
        let y = affine(lowering, op, x, &w, bias.as_ref().map(|(_, _, bias)| bias.clone()))?;
        if let Some((place, name, _)) = bias {
            lowering.skip(place);
            lowering.set(name, y.clone());
        }
        return Ok(vec![y]);
    }
    Ok(vec![multiplied(lowering, a, b)?])
}

/// The biases that the only reader of a product adds to it: its place, its result, and they.
fn added<'g>(lowering: &Lowering<'g>, op: Op, w: &Constant) -> Result<Option<(usize, &'g str, Tensor)>, String> {
    let result = op.node.output.first().ok_or("it has no result")?;
    let Some((place, reader)) = lowering.only_reader(result).filter(|(_, reader)| reader.op_type == "Add") else {
        return Ok(None);
    };
    let other = reader.input.iter().find(|name| *name != result);
    let (Some(Value::Constant(bias)), [name]) = (other.and_then(|name| lowering.get(name)), &reader.output[..]) else {
        return Ok(None);
    };
    if bias.shape != [w.shape[1]] {
        return Ok(None);
    }
    Ok(biases(bias, w.shape[1], 1.0)?.map(|bias| (place, name.as_str(), bias)))
}

/// `a @ b`, sample by sample.
fn multiplied(lowering: &mut Lowering, a: Value, b: Value) -> Result<Value, String> {
    let (a, b) = (lowering.declare(a)?, lowering.declare(b)?);
    lowering.is_float(&a).and(lowering.is_float(&b))?;
    let (Some(columns), Some(rows)) = (a.axes.0.last(), b.axes.0.get(b.axes.rank().saturating_sub(2))) else {
        return Err("an operand is a single number".to_owned());
    };
    let behind = &b.axes.0[b.axes.rank().saturating_sub(2)..];
    if columns.samples || behind.iter().any(|axis| axis.samples) {
        return Err(MIXES.to_owned());
    }
    if columns.size() != rows.size() {
        return Err(format!("{} columns meet {} rows", columns.size(), rows.size()));
    }
    let (axes, nodes) = match (a.axes.rank(), b.axes.rank()) {
        (rank, 1 | 2) => (Axes([&a.axes.0[..rank - 1], &behind[1..]].concat()), [a.node, b.node]),
        (1, rank) => (Axes([&b.axes.0[..rank - 2], &behind[1..]].concat()), [a.node, b.node]),
        _ => stacked(lowering, &a, &b)?,
    };
    let operator = Part::Text(" @ ".to_owned());
    let parts = vec![Part::Value(nodes[0], Level::Product), operator, Part::Value(nodes[1], Level::Minus)];
    lowering.expression(parts, Level::Product, axes, Kind::Float)
}

/// Stacks of matrices that are multiplied: the axes of the result, and the operands with the same axes in front of their matrices. One matrix
/// on the left serves all on the right.
fn stacked(lowering: &mut Lowering, a: &Computed, b: &Computed) -> Result<(Axes, [NodeId; 2]), String> {
    let split = |x: &Computed| {
        let (front, matrix) = x.axes.0.split_at(x.axes.rank() - 2);
        (Axes(front.to_vec()), Axes(matrix.to_vec()))
    };
    let ((front_a, of_a), (front_b, of_b)) = (split(a), split(b));
    if of_a.samples().is_some() {
        return Err(MIXES.to_owned());
    }
    let front = fronts(&front_a, &front_b)?;
    let mut nodes = [a.node, b.node];
    let operands = [(a, &of_a), (b, &of_b)];
    for (node, (x, matrix)) in nodes.iter_mut().zip(operands).skip(usize::from(a.axes.rank() == 2)) {
        let axes = Axes([&front.0[..], &matrix.0].concat());
        let sizes = axes.shape();
        product(&sizes)?;
        *node = lowering.fitted(&Value::Computed(x.clone()), &x.axes, &axes)?;
        if lowering.program.shape(*node) != sizes {
            *node = lowering.program.step(*node, format!("broadcast({})", list(&sizes)), &sizes, Kind::Float);
        }
    }
    Ok((Axes([front.0, vec![of_a.0[0], of_b.0[1]]].concat()), nodes))
}

/// The axes in front of matrices that both operands stretch to.
fn fronts(a: &Axes, b: &Axes) -> Result<Axes, String> {
    let rank = a.rank().max(b.rank());
    let at = |axes: &Axes, axis: usize| (axis + axes.rank()).checked_sub(rank).map_or(Axis::of(1), |axis| axes.0[axis]);
    let axis = |axis: usize| match (at(a, axis), at(b, axis)) {
        (a, b) if a == b => Ok(a),
        (a, b) if a == Axis::of(1) => Ok(b),
        (a, b) if b == Axis::of(1) => Ok(a),
        (a, b) if a.samples || b.samples => Err(MIXES.to_owned()),
        (a, b) => Err(format!("sizes {} and {} do not fit together", a.size(), b.size())),
    };
    Axes((0..rank).map(axis).collect::<Result<_, _>>()?).held_once()
}

/// The weight of a convolution and its biases.
fn weights(lowering: &mut Lowering, op: Op) -> Result<(Rc<Constant>, Option<Tensor>), String> {
    let w = lowering.constant(op, 1)?.ok_or("it has no weight")?;
    if w.shape.len() < 3 || w.shape.contains(&0) {
        return Err("its weight has not the axes of a convolution's".to_owned());
    }
    lowering.copied(&w);
    let bias = lowering.constant(op, 2)?.map(|bias| bias.tensor().ok_or("its biases are no floats")).transpose()?;
    Ok((w, bias))
}

/// The arguments of a layer that are not what is taken for granted.
fn arguments(first: String, rest: &[(&str, String, &str)]) -> String {
    let others = rest.iter().filter(|(_, value, usual)| value != usual);
    let others = others.map(|(name, value, _)| format!("{name} = {value}"));
    std::iter::once(first).chain(others).collect::<Vec<_>>().join(", ")
}

/// The sizes of a picture, once it is sure that the samples come first and the channels next.
fn spatial(x: &Computed, w: &Constant) -> Result<Vec<usize>, String> {
    let shape = x.axes.shape();
    match x.axes.samples_first() && shape.len() + 1 == w.shape.len() {
        true => Ok(shape[1..].to_vec()),
        false => Err("its operand is not `[samples, channels, sizes..]`".to_owned()),
    }
}

fn convolution(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let (w, bias) = weights(lowering, op)?;
    let sizes = spatial(&x, &w)?;
    let window = Window::read(op, &sizes, &w.shape[2..])?;
    let group = op.int("group").and_then(|group| usize::try_from(group).ok()).unwrap_or(1);
    let channels = x.axes.shape()[0];
    if w.shape[1].checked_mul(group) != Some(channels) || !w.shape[0].is_multiple_of(group) {
        return Err(format!("{channels} channels meet a weight for {} in {group} groups", w.shape[1]));
    }
    let (x, pad) = match window.even_pads() {
        Some(pad) => (x, pad),
        None => (padded(lowering, &x, &window.sides(), 0.0)?, vec![0; sizes.len()]),
    };
    let mut shape = vec![w.shape[0]];
    shape.extend(window.places(&sizes, false)?);
    let moved = Moved { window: &window, pad: &pad, group };
    let node = moved.layer(lowering, op, "Convolution", (&x, &w, bias), &shape)?;
    Ok(vec![Value::Computed(Computed { node, axes: Axes::samples_and(&shape) })])
}

/// How a kernel moves over its data.
struct Moved<'w> {
    window: &'w Window,
    pad: &'w [i64],
    group: usize,
}

impl Moved<'_> {
    /// The layer that moves a weight over `x` and gives `shape`, maps first.
    fn layer(
        &self,
        lowering: &mut Lowering,
        op: Op,
        layer: &'static str,
        (x, w, bias): (&Computed, &Constant, Option<Tensor>),
        shape: &[usize],
    ) -> Result<NodeId, String> {
        let kernel: Vec<i64> = w.shape[2..].iter().map(|size| *size as i64).collect();
        let call = arguments(
            format!("{}, {}", shape[0], one_or_list(&kernel)),
            &[
                ("stride", one_or_list(&self.window.strides), "1"),
                ("pad", one_or_list(self.pad), "0"),
                ("dilation", one_or_list(&self.window.dilations), "1"),
                ("group", self.group.to_string(), "1"),
                ("with_bias", bias.is_some().to_string(), "true"),
            ],
        );
        let mut tensors = vec![("W", w.tensor().ok_or("its weight is no tensor of floats")?)];
        tensors.extend(bias.map(|bias| ("b", bias)));
        let owned = Owned { layer, hint: lowering.hint(op), tensors };
        Ok(lowering.program.layer(x.node, format!("{layer}({call})"), owned, shape))
    }
}

fn deconvolution(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let (w, bias) = weights(lowering, op)?;
    let sizes = spatial(&x, &w)?;
    if op.ints("output_shape").is_some() || op.text("auto_pad").is_some_and(|pad| pad != "NOTSET" && pad != "VALID") {
        return Err("its pads follow from the sizes of its result".to_owned());
    }
    let window = Window::read(op, &sizes, &w.shape[2..])?;
    let group = op.int("group").and_then(|group| usize::try_from(group).ok()).unwrap_or(1);
    let more = op.ints("output_padding").map_or(vec![0; sizes.len()], <[i64]>::to_vec);
    let splits = group > 0 && w.shape[0].is_multiple_of(group);
    if w.shape[0] != x.axes.shape()[0] || more.len() != sizes.len() || !splits {
        return Err("its channels do not meet those of its weight".to_owned());
    }
    let maps = w.shape[1].checked_mul(group).ok_or("it has too many groups")?;
    let even = window.even_pads().filter(|_| more.iter().all(|more| *more == 0));
    let pad = even.clone().unwrap_or_else(|| vec![0; sizes.len()]);
    let mut shape = vec![maps];
    for (axis, size) in sizes.iter().enumerate() {
        let reach = window.dilations[axis] * (w.shape[axis + 2] as i64 - 1) + 1 - 2 * pad[axis];
        let size = (*size as i64 - 1).checked_mul(window.strides[axis]).and_then(|size| size.checked_add(reach));
        shape.push(
            size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0).ok_or("nothing is left of it")?,
        );
    }
    let moved = Moved { window: &window, pad: &pad, group };
    let node = moved.layer(lowering, op, "Deconvolution", (&x, &w, bias), &shape)?;
    if even.is_some() {
        return Ok(vec![Value::Computed(Computed { node, axes: Axes::samples_and(&shape) })]);
    }
    // Uneven pads cut off what the whole deconvolution has more.
    let mut index = vec![":".to_owned()];
    let mut kept = vec![maps];
    for (axis, size) in shape[1..].iter().enumerate() {
        let (low, high) = (window.low[axis], *size as i64 - window.high[axis] + more[axis]);
        if low < 0 || high > *size as i64 || low >= high {
            return Err("its pads are smaller than what is added to its result".to_owned());
        }
        index.push(format!("{low}:{high}"));
        kept.push((high - low) as usize);
    }
    let parts = vec![Part::Value(node, Level::Word), Part::Text(format!("[{}]", index.join(", ")))];
    Ok(vec![lowering.expression(parts, Level::Word, Axes::samples_and(&kept), Kind::Float)?])
}

/// A constant of `count` floats.
fn vector(lowering: &Lowering, op: Op, index: usize, count: usize) -> Result<Tensor, String> {
    let constant = lowering.constant(op, index)?.ok_or("a weight of it is missing")?;
    let values = constant.data.floats().filter(|values| values.len() == count);
    Ok(Tensor::f32(&[count], values.ok_or("a weight of it has not a number for each channel")?))
}

/// The number after which a layer's small constant is called, if it is not `usual`.
fn epsilon(op: Op, usual: f32) -> Result<String, String> {
    let value = op.float("epsilon").unwrap_or(1e-5);
    let text = number(value).filter(|_| value.is_finite()).ok_or("its `epsilon` is no number")?;
    Ok(if value == usual { String::new() } else { format!("eps = {text}") })
}

fn batch_normalization(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let channels = x.axes.shape().first().copied().filter(|_| x.axes.samples_first());
    let channels = channels.ok_or("its operand is not `[samples, channels, sizes..]`")?;
    if op.int("spatial") == Some(0) {
        return Err("statistics of each place (`spatial = 0`) have no counterpart".to_owned());
    }
    let mut tensors = Vec::new();
    for (index, name) in ["gamma", "beta", "mean", "var"].into_iter().enumerate() {
        tensors.push((name, vector(lowering, op, index + 1, channels)?));
    }
    let decay = op.float("momentum").filter(|decay| *decay != 0.9).and_then(number);
    let decay = decay.map(|decay| format!("decay = {decay}")).unwrap_or_default();
    let call = [decay, epsilon(op, 1e-4)?].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let owned = Owned { layer: "BatchNormalization", hint: None, tensors };
    let node = lowering.program.layer(x.node, format!("BatchNormalization({call})"), owned, &x.axes.shape());
    Ok(vec![Value::Computed(Computed { node, axes: x.axes })])
}

fn layer_normalization(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    if op.node.output.iter().skip(1).any(|name| lowering.reads(name) > 0) {
        return Err("its mean and deviation are read".to_owned());
    }
    let axis = x.axes.axis(op.int("axis").unwrap_or(-1))?;
    let places: Vec<usize> = (axis..x.axes.rank()).map(|axis| x.axes.own(axis as i64)).collect::<Result<_, _>>()?;
    let shape = x.axes.shape();
    let sizes = shape[places[0]..].to_vec();
    let count = product(&sizes)?;
    let mut tensors = Vec::new();
    for (index, name) in [(1, "gamma"), (2, "beta")] {
        let weight = lowering.constant(op, index)?;
        let values = match weight {
            Some(weight) => weight.data.floats().filter(|values| values.len() == count),
            None => Some(vec![0.0; count]),
        };
        let values = values.ok_or("a weight of it has not the sizes of its axes")?;
        tensors.push((name, Tensor::f32(&sizes, values)));
    }
    let over = if places.len() > 1 { format!("axis = {}", list(&places)) } else { String::new() };
    let call = [over, epsilon(op, 1e-5)?].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let owned = Owned { layer: "LayerNormalization", hint: lowering.hint(op), tensors };
    let node = lowering.program.layer(x.node, format!("LayerNormalization({call})"), owned, &shape);
    Ok(vec![Value::Computed(Computed { node, axes: x.axes })])
}

/// `InstanceNormalization`, and `GroupNormalization` with a weight for each channel, as it is from version 21 of the operators on.
fn channel_normalization(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let shape = x.axes.shape();
    let channels = shape.first().copied().filter(|_| x.axes.samples_first());
    let channels = channels.ok_or("its operand is not `[samples, channels, sizes..]`")?;
    let tensors = vec![("gamma", vector(lowering, op, 1, channels)?), ("beta", vector(lowering, op, 2, channels)?)];
    let (layer, groups) = match op.kind() {
        "InstanceNormalization" => ("InstanceNormalization", String::new()),
        _ => {
            let groups = op.int("num_groups").and_then(|groups| usize::try_from(groups).ok()).unwrap_or(0);
            if groups == 0 || !channels.is_multiple_of(groups) {
                return Err(format!("{channels} channels do not split into its groups"));
            }
            ("GroupNormalization", groups.to_string())
        }
    };
    let call = [groups, epsilon(op, 1e-5)?].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
    let owned = Owned { layer, hint: lowering.hint(op), tensors };
    let node = lowering.program.layer(x.node, format!("{layer}({call})"), owned, &shape);
    Ok(vec![Value::Computed(Computed { node, axes: x.axes })])
}
