//! Recurrent operators whose definitions are those of the library: `LSTM`, `GRU`, `RNN`.

use super::axes::{Axes, Axis};
use super::constant::{Constant, Data};
use super::lower::{Computed, Lower, Lowered, Lowering, Value};
use super::op::Op;
use crate::import::program::{Kind, Level, NodeId, Owned, Part};
use crate::tensor::Tensor;

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    matches!(kind, "LSTM" | "GRU" | "RNN").then_some(recurrent as Lower)
}

/// What is one operator's own: its layer, how many states it gives, and where ONNX keeps the parts of the library's weights.
struct Cell {
    layer: &'static str,
    states: usize,
    parts: &'static [usize],
}

const LSTM: Cell = Cell { layer: "LSTM", states: 2, parts: &[0, 2, 3, 1] };
const GRU: Cell = Cell { layer: "GRU", states: 1, parts: &[1, 0, 2] };
const RNN: Cell = Cell { layer: "ElmanRNN", states: 1, parts: &[0] };

fn recurrent(lowering: &mut Lowering, op: Op) -> Lowered {
    let cell = match op.kind() {
        "LSTM" => &LSTM,
        "GRU" => &GRU,
        _ => &RNN,
    };
    let x = lowering.floats(op, 0)?;
    let layout = op.flag("layout");
    let samples = usize::from(!layout);
    let (steps, width) = match x.axes.0[..] {
        [a, b, width] if !width.samples && [a, b][samples].is_samples() => ([a, b][1 - samples].size(), width.size()),
        _ => return Err("its operand is not a sequence for each sample".to_owned()),
    };
    let both = op.text("direction").unwrap_or("forward");
    let reversed: &[bool] = match both {
        "forward" => &[false],
        "reverse" => &[true],
        _ => &[false, true],
    };
    let n = op.int("hidden_size").and_then(|n| usize::try_from(n).ok()).filter(|n| (1..1 << 20).contains(n));
    let n = n.ok_or("it has no `hidden_size`")?;
    checked(lowering, op, cell, reversed.len(), steps)?;
    let act = activation(op, cell, reversed.len())?;
    let mut ways = Vec::new();
    for (way, reversed) in reversed.iter().enumerate() {
        let hint = lowering.hint(op).map(|hint| if *reversed { format!("{hint}_back") } else { hint });
        let owned = Owned { layer: cell.layer, hint, tensors: weights(lowering, op, cell, way, (width, n))? };
        ways.push(one_way(lowering, &x, cell, owned, act, *reversed, (steps, n)));
    }
    let [first, rest @ ..] = &ways[..] else { return Err("it goes no way".to_owned()) };
    let mut values = Vec::new();
    for (result, one) in first.iter().enumerate() {
        let inner: &[usize] = if result == 0 { &[steps, n] } else { &[n] };
        let place = inner.len() - 1;
        let node = match rest {
            [] => *one,
            [back] => beside(lowering, [*one, back[result]], place, inner),
            _ => return Err("it goes more than two ways".to_owned()),
        };
        // ONNX keeps the ways in an axis of their own.
        let mut axes: Vec<Axis> = inner.iter().map(|size| Axis::of(*size)).collect();
        axes.insert(place, Axis::of(ways.len()));
        let (at, axes) = if layout { (0, axes) } else { (axes.len() - 1, axes) };
        let mut axes = axes;
        axes.insert(at, Axis::samples());
        let wide: Vec<usize> = [&inner[..place], &[ways.len() * n]].concat();
        let whole = Computed { node, axes: Axes::samples_and(&wide) };
        values.push(Value::Computed(lowering.arranged(&whole, Axes(axes))));
    }
    Ok(values)
}

/// Makes sure that nothing is asked that the library's layers do not do.
fn checked(lowering: &Lowering, op: Op, cell: &Cell, ways: usize, steps: usize) -> Result<(), String> {
    let zero =
        |constant: &Constant| constant.data.floats().is_some_and(|values| values.iter().all(|value| *value == 0.0));
    for index in 5..5 + cell.states {
        if lowering.constant(op, index)?.is_some_and(|state| !zero(&state)) {
            return Err("it starts from states other than zeros".to_owned());
        }
    }
    let lengths = lowering.constant(op, 4)?.and_then(|lengths| lengths.integers()).unwrap_or_default();
    if lengths.iter().any(|length| *length != steps as i64) {
        return Err("its sequences have lengths of their own".to_owned());
    }
    if lowering.constant(op, 7)?.is_some_and(|peepholes| !zero(&peepholes)) || op.flag("input_forget") {
        return Err("gates that see the state, or that are coupled, have no counterpart".to_owned());
    }
    if op.float("clip").is_some() {
        return Err("states that are clipped have no counterpart".to_owned());
    }
    if cell.layer == "GRU" && !op.flag("linear_before_reset") {
        return Err("a reset before the product (`linear_before_reset = 0`) has no counterpart".to_owned());
    }
    if ways == 2 && steps == 0 { Err("its sequence is empty".to_owned()) } else { Ok(()) }
}

/// The argument that names the activation, where it is not `tanh`.
fn activation(op: Op, cell: &Cell, ways: usize) -> Result<&'static str, String> {
    let names = op.texts("activations");
    let usual: &[&str] = match cell.layer {
        "LSTM" => &["Sigmoid", "Tanh", "Tanh"],
        "GRU" => &["Sigmoid", "Tanh"],
        _ => &["Tanh"],
    };
    match &names[..] {
        [] => Ok(""),
        names if names.len() == usual.len() * ways && names.chunks(usual.len()).all(|way| way == usual) => Ok(""),
        names if cell.layer == "ElmanRNN" && names.iter().all(|name| *name == "Relu") => Ok(", act = relu"),
        names => Err(format!("its activations {} have no counterpart", names.join(", "))),
    }
}

/// The library's parameters for one way: turned, in its order of the parts, the two biases added where they always are.
fn weights(
    lowering: &Lowering,
    op: Op,
    cell: &Cell,
    way: usize,
    (width, n): (usize, usize),
) -> Result<Vec<(&'static str, Tensor)>, String> {
    let parts = cell.parts.len();
    let floats = |index: usize, rows: usize, columns: usize| -> Result<Vec<f32>, String> {
        let Some(weight) = lowering.constant(op, index)? else { return Ok(vec![0.0; rows * columns]) };
        let Data::Float(values) = &weight.data else { return Err("its weights are no floats".to_owned()) };
        let size = rows
            .checked_mul(columns)
            .filter(|size| weight.shape.first().is_some_and(|ways| size.checked_mul(*ways) == Some(values.len())));
        let size = size.ok_or("its weights have not the sizes that it says")?;
        values.get(way * size..(way + 1) * size).map(<[f32]>::to_vec).ok_or_else(|| "its weights miss a way".to_owned())
    };
    if lowering.constant(op, 1)?.is_none() || lowering.constant(op, 2)?.is_none() {
        return Err("it has no weights".to_owned());
    }
    let turned = |values: Vec<f32>, columns: usize| {
        let mut out = Vec::with_capacity(values.len());
        for column in 0..columns {
            for part in cell.parts {
                out.extend((0..n).map(|unit| values[(part * n + unit) * columns + column]));
            }
        }
        Tensor::f32(&[columns, parts * n], out)
    };
    let w = turned(floats(1, parts * n, width)?, width);
    let u = turned(floats(2, parts * n, n)?, n);
    let b = floats(3, 2 * parts, n)?;
    let (own, inner) = b.split_at(parts * n);
    let apart = cell.layer == "GRU";
    let bias = |place: usize, part: usize, unit: usize| {
        let at = part * n + unit;
        if apart && place + 1 == parts { own[at] } else { own[at] + inner[at] }
    };
    let all = cell.parts.iter().enumerate().flat_map(|(place, part)| (0..n).map(move |unit| (place, *part, unit)));
    let sum: Vec<f32> = all.map(|(place, part, unit)| bias(place, part, unit)).collect();
    let mut tensors = vec![("W", w), ("U", u), ("b", Tensor::f32(&[parts * n], sum))];
    if apart {
        tensors.push(("b_h", Tensor::f32(&[n], inner[2 * n..].to_vec())));
    }
    Ok(tensors)
}

/// The results of one way: the outputs of all steps, and the last states.
fn one_way(
    lowering: &mut Lowering,
    x: &Computed,
    cell: &Cell,
    owned: Owned,
    act: &str,
    reversed: bool,
    (steps, n): (usize, usize),
) -> Vec<NodeId> {
    let program = &mut lowering.program;
    let shape = program.shape(x.node).to_vec();
    let subject = if reversed { program.step(x.node, "flip(axis = 0)", &shape, Kind::Float) } else { x.node };
    let all = program.layer(subject, format!("{}({n}{act})", cell.layer), owned, &[steps, n]);
    let mut results = vec![(vec![steps, n], Kind::Float)];
    results.extend((0..cell.states).map(|_| (vec![n], Kind::Float)));
    let mut nodes = program.results(all, &results);
    if reversed {
        nodes[0] = program.step(nodes[0], "flip(axis = 0)", &[steps, n], Kind::Float);
    }
    nodes
}

/// The results of both ways side by side.
fn beside(lowering: &mut Lowering, ways: [NodeId; 2], place: usize, inner: &[usize]) -> NodeId {
    let mut shape = inner.to_vec();
    shape[place] *= 2;
    let text = |text: &str| Part::Text(text.to_owned());
    let end = if place == 0 { text("])") } else { text("], axis = -1)") };
    let parts = vec![
        text("concatenate(["),
        Part::Value(ways[0], Level::Chain),
        text(", "),
        Part::Value(ways[1], Level::Chain),
        end,
    ];
    lowering.program.expression(parts, Level::Word, &shape, Kind::Float)
}
