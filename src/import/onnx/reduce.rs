//! Operators along axes: reductions, softmax, the largest entries, running sums, and sums of products by letters.

use super::axes::{Axes, Axis, MIXES};
use super::lower::{Computed, Lower, Lowered, Lowering, Value, list};
use super::op::Op;
use crate::import::program::{Kind, Level, Part};

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    Some(match kind {
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSumExp" | "ReduceSumSquare" | "ReduceLogSum" => reduce,
        "Softmax" | "LogSoftmax" => softmax,
        "ArgMax" | "ArgMin" => argmax,
        "TopK" => top_k,
        "CumSum" => cumsum,
        "Einsum" => einsum,
        _ => return None,
    })
}

fn reduce(lowering: &mut Lowering, op: Op) -> Lowered {
    let mut x = lowering.floats(op, 0)?;
    let named = lowering.integers(op, "axes", 1)?.filter(|axes| !axes.is_empty());
    if named.is_none() && op.flag("noop_with_empty_axes") {
        return Ok(vec![Value::Computed(x)]);
    }
    let all = (0..x.axes.rank() as i64).collect();
    let over: Vec<usize> = named.unwrap_or(all).iter().map(|axis| x.axes.axis(*axis)).collect::<Result<_, _>>()?;
    let mut places: Vec<usize> = over.iter().map(|axis| x.axes.own(*axis as i64)).collect::<Result<_, _>>()?;
    places.sort_unstable();
    places.dedup();
    let keep = op.int("keepdims").unwrap_or(1) != 0;
    let (before, function, after) = match op.kind() {
        "ReduceMean" => (None, "mean", None),
        "ReduceSum" => (None, "sum", None),
        "ReduceMax" => (None, "max", None),
        "ReduceMin" => (None, "min", None),
        "ReduceProd" => (None, "prod", None),
        "ReduceL1" => (Some("abs"), "sum", None),
        "ReduceL2" => (None, "norm", None),
        "ReduceLogSumExp" => (None, "logsumexp", None),
        "ReduceSumSquare" => (Some("square"), "sum", None),
        _ => (None, "sum", Some("log")),
    };
    if let Some(function) = before {
        x = lowering.step(&x, function, x.axes.clone(), Kind::Float)?.computed()?;
    }
    let axes = reduced(&x.axes, &over, keep);
    let kind = lowering.program.kind(x.node);
    let reduced = lowering.step(&x, along(function, &places, x.axes.shape().len(), keep), axes.clone(), kind)?;
    match after {
        None => Ok(vec![reduced]),
        Some(function) => Ok(vec![lowering.step(&reduced.computed()?, function, axes, Kind::Float)?]),
    }
}

/// Axes of which some are reduced to one entry, which stays or not.
fn reduced(axes: &Axes, over: &[usize], keep: bool) -> Axes {
    let axis = |(place, axis): (usize, &Axis)| match over.contains(&place) {
        true => keep.then_some(Axis::of(1)),
        false => Some(*axis),
    };
    Axes(axes.0.iter().enumerate().filter_map(axis).collect())
}

/// The call that reduces over `places` of `rank` axes.
fn along(function: &str, places: &[usize], rank: usize, keep: bool) -> String {
    let mut arguments = Vec::new();
    match places {
        [last] if *last + 1 == rank && rank > 1 => arguments.push("axis = -1".to_owned()),
        [axis] if rank > 1 => arguments.push(format!("axis = {axis}")),
        places if places.len() < rank => arguments.push(format!("axis = {}", list(places))),
        _ => {}
    }
    if keep {
        arguments.push("keepdims = true".to_owned());
    }
    if arguments.is_empty() { function.to_owned() } else { format!("{function}({})", arguments.join(", ")) }
}

/// Softmax along an axis; before version 13 of the operators along that axis and all behind it, taken as one.
fn softmax(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let old = op.version < 13;
    let axis = x.axes.axis(op.int("axis").unwrap_or(if old { 1 } else { -1 }))?;
    let place = x.axes.own(axis as i64)?;
    let function = if op.kind() == "Softmax" { "softmax" } else { "log_softmax" };
    let behind = &x.axes.0[axis + 1..];
    if behind.iter().any(|axis| axis.samples) && old {
        return Err(MIXES.to_owned());
    }
    if old && behind.iter().any(|axis| axis.size() != 1) {
        let all = super::axes::product(&Axes(x.axes.0[axis..].to_vec()).shape())?;
        let joined = Axes([&x.axes.0[..axis], &[Axis::of(all)]].concat());
        let flat = lowering.arranged(&x, joined.clone());
        let y = lowering.step(&flat, function, joined, Kind::Float)?.computed()?;
        return Ok(vec![Value::Computed(lowering.arranged(&y, x.axes))]);
    }
    let last = place + 1 == x.axes.shape().len();
    let call = if last { function.to_owned() } else { format!("{function}(axis = {place})") };
    Ok(vec![lowering.step(&x, call, x.axes.clone(), Kind::Float)?])
}

fn argmax(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    if op.flag("select_last_index") {
        return Err("the last of several largest entries has no counterpart".to_owned());
    }
    let axis = x.axes.axis(op.int("axis").unwrap_or(0))?;
    let place = x.axes.own(axis as i64)?;
    let function = if op.kind() == "ArgMax" { "argmax" } else { "argmin" };
    let last = place + 1 == x.axes.shape().len();
    let call = if last { function.to_owned() } else { format!("{function}(axis = {place})") };
    let kind = Kind::Index(x.axes.0[axis].size());
    let y = lowering.step(&x, call, reduced(&x.axes, &[axis], false), kind)?.computed()?;
    let kept = reduced(&x.axes, &[axis], op.int("keepdims").unwrap_or(1) != 0);
    Ok(vec![Value::Computed(lowering.arranged(&y, kept))])
}

fn top_k(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let given =
        lowering.constant(op, 1)?.and_then(|k| k.integers()).and_then(|k| k.first().copied()).or_else(|| op.int("k"));
    let axis = x.axes.axis(op.int("axis").unwrap_or(-1))?;
    let place = x.axes.own(axis as i64)?;
    if place + 1 != x.axes.shape().len() || op.int("largest") == Some(0) {
        return Err("only the largest entries of the last axis have a counterpart".to_owned());
    }
    let size = x.axes.0[axis].size();
    let k = given.and_then(|k| usize::try_from(k).ok()).filter(|k| (1..=size.min(64)).contains(k));
    let k = k.ok_or("its `k` is no number of 1 to 64 entries that there are")?;
    let mut axes = x.axes.clone();
    axes.0[axis] = Axis::of(k);
    let both = lowering.step(&x, format!("top_k({k})"), axes.clone(), Kind::Float)?.computed()?;
    let results = [(axes.shape(), Kind::Float), (axes.shape(), Kind::Index(size))];
    let nodes = lowering.program.results(both.node, &results);
    Ok(nodes.into_iter().map(|node| Value::Computed(Computed { node, axes: axes.clone() })).collect())
}

fn cumsum(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    if op.flag("exclusive") || op.flag("reverse") {
        return Err("running sums that are exclusive or reversed have no counterpart".to_owned());
    }
    let axis = lowering.constant(op, 1)?.and_then(|axis| axis.integers()).and_then(|axis| axis.first().copied());
    let place = x.axes.own(axis.ok_or("it names no axis")?)?;
    let last = place + 1 == x.axes.shape().len();
    let call = if last { "cumsum".to_owned() } else { format!("cumsum(axis = {place})") };
    let kind = lowering.program.kind(x.node);
    Ok(vec![lowering.step(&x, call, x.axes.clone(), kind)?])
}

/// Sums of products by letters, from which that of the samples is taken out.
fn einsum(lowering: &mut Lowering, op: Op) -> Lowered {
    let equation: String = op.text("equation").unwrap_or_default().chars().filter(|c| *c != ' ').collect();
    let (left, right) = equation.split_once("->").ok_or("its equation does not name the axes of the result")?;
    let words: Vec<&str> = left.split(',').collect();
    let letters = |word: &&str| word.chars().all(|c| c.is_ascii_alphabetic());
    if words.len() != op.node.input.len() || !words.iter().chain([&right]).all(letters) {
        return Err(format!("its equation `{equation}` is not read"));
    }
    let operands: Vec<Computed> = (0..words.len()).map(|index| lowering.floats(op, index)).collect::<Result<_, _>>()?;
    let mut samples: Option<char> = None;
    let mut sizes: Vec<(char, usize)> = Vec::new();
    for (word, operand) in words.iter().zip(&operands) {
        if word.chars().count() != operand.axes.rank() {
            return Err(format!("its equation `{equation}` has not a letter for every axis"));
        }
        for (letter, axis) in word.chars().zip(&operand.axes.0) {
            if axis.samples && (!axis.is_samples() || samples.is_some_and(|known| known != letter)) {
                return Err(MIXES.to_owned());
            }
            if axis.samples { samples = Some(letter) } else { sizes.push((letter, axis.size())) }
        }
    }
    let clash = sizes.iter().any(|(letter, _)| Some(*letter) == samples);
    if clash || samples.is_some_and(|letter| !right.contains(letter)) {
        return Err(MIXES.to_owned());
    }
    let own = |word: &str| word.chars().filter(|letter| Some(*letter) != samples).collect::<String>();
    let inner: Vec<String> = words.iter().map(|word| own(word)).collect();
    let size = |letter: char| sizes.iter().find(|(known, _)| *known == letter).map(|(_, size)| Axis::of(*size));
    let axis = |letter: char| if Some(letter) == samples { Some(Axis::samples()) } else { size(letter) };
    let axes =
        Axes(right.chars().map(axis).collect::<Option<_>>().ok_or("its result names an axis that no operand has")?);
    let mut parts = vec![Part::Text(format!("einsum(\"{}->{}\"", inner.join(","), own(right)))];
    for operand in &operands {
        parts.extend([Part::Text(", ".to_owned()), Part::Value(operand.node, Level::Chain)]);
    }
    parts.push(Part::Text(")".to_owned()));
    Ok(vec![lowering.expression(parts, Level::Word, axes, Kind::Float)?])
}
