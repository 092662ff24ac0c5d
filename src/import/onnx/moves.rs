//! Operators that arrange elements anew: reshapes, slices, joins, and the sizes that these are told by.

use std::rc::Rc;

use super::axes::{Axes, Axis, Count, MIXES, normal, permutation};
use super::constant::{Constant, Data, stored};
use super::fold::{extent, slices};
use super::lower::{Computed, Lower, Lowered, Lowering, Value, list, number, small};
use super::op::Op;
use crate::import::program::{Kind, Level, Owned, Part};

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    Some(match kind {
        "Constant" => constant,
        "ConstantOfShape" => constant_of_shape,
        "Shape" => shape,
        "Size" => |lowering, op| {
            let axes = axes_of(&lowering.operand(op, 0)?);
            let samples = axes.samples().is_some();
            let number = super::axes::product(&axes.shape())? as i64;
            Ok(vec![Value::Constant(Rc::new(Constant::new(&[], Data::Int(vec![Count { number, samples }]))?))])
        },
        "Reshape" => reshape,
        "Flatten" => flatten,
        "Squeeze" => squeeze,
        "Unsqueeze" => unsqueeze,
        "Transpose" => transpose,
        "Expand" => expand,
        "Tile" => tile,
        "Concat" => concatenate,
        "Split" => split,
        "Slice" => slice,
        "Gather" => gather,
        "Pad" => pad,
        "DepthToSpace" | "SpaceToDepth" => blocks,
        _ => return None,
    })
}

/// The axes of a value.
fn axes_of(value: &Value) -> Axes {
    match value {
        Value::Constant(constant) => Axes::of(&constant.shape),
        Value::Computed(computed) => computed.axes.clone(),
    }
}

fn known(constant: Constant) -> Lowered {
    Ok(vec![Value::Constant(Rc::new(constant))])
}

fn constant(_: &mut Lowering, op: Op) -> Lowered {
    let inside = |_: &str| Err(std::io::ErrorKind::Unsupported.into());
    if let Some(tensor) = op.tensor("value") {
        return known(Constant { name: None, ..stored(tensor, &inside)? });
    }
    let ints = |values: &[i64]| Data::Int(values.iter().copied().map(Count::of).collect());
    if let Some(value) = op.float("value_float") {
        return known(Constant::new(&[], Data::Float(vec![value]))?);
    }
    if let Some(value) = op.int("value_int") {
        return known(Constant::new(&[], ints(&[value]))?);
    }
    if let Some(values) = op.floats("value_floats") {
        return known(Constant::new(&[values.len()], Data::Float(values.to_vec()))?);
    }
    match op.ints("value_ints") {
        Some(values) => known(Constant::new(&[values.len()], ints(values))?),
        None => Err("it holds neither numbers nor a tensor of them".to_owned()),
    }
}

/// One number everywhere. Where its sizes count the samples it keeps one entry, which stands for all.
fn constant_of_shape(lowering: &mut Lowering, op: Op) -> Lowered {
    let sizes = lowering.constant(op, 0)?.and_then(|sizes| sizes.counts()).ok_or("its sizes are no integers")?;
    let size = |size: &Count| if size.samples { Some(1) } else { usize::try_from(size.number).ok() };
    let shape: Vec<usize> = sizes.iter().map(size).collect::<Option<_>>().ok_or("a size of it is negative")?;
    let inside = |_: &str| Err(std::io::ErrorKind::Unsupported.into());
    let value = match op.tensor("value") {
        Some(tensor) => stored(tensor, &inside)?,
        None => Constant::new(&[1], Data::Float(vec![0.0]))?,
    };
    if value.data.len() != 1 {
        return Err("its value is not one number".to_owned());
    }
    known(Constant { name: None, ..value.picked(&shape, |_| 0)? })
}

/// The sizes of a value; that of the samples stays open.
fn shape(lowering: &mut Lowering, op: Op) -> Lowered {
    let axes = axes_of(&lowering.operand(op, 0)?);
    let sizes: Vec<Count> = axes.0.iter().map(|axis| axis.count()).collect();
    let bound = |name: &str, otherwise: i64| op.int(name).unwrap_or(otherwise);
    let (start, count, _) = extent(sizes.len(), bound("start", 0), bound("end", i64::MAX), 1)?;
    known(Constant::ints(&sizes[start..start + count]))
}

fn arranged(lowering: &mut Lowering, x: &Computed, axes: Axes) -> Lowered {
    super::axes::product(&axes.shape())?;
    Ok(vec![Value::Computed(lowering.arranged(x, axes))])
}

fn reshape(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let given = match lowering.constant(op, 1)? {
        Some(target) => target.counts().ok_or("its sizes are no integers")?,
        None => op.ints("shape").ok_or("it has no sizes")?.iter().copied().map(Count::of).collect(),
    };
    let kept = |(axis, size): (usize, &Count)| match size {
        Count { number: 0, .. } if !op.flag("allowzero") => x.axes.0.get(axis).map(|axis| axis.count()),
        size => Some(*size),
    };
    let mut target: Vec<Count> =
        given.iter().enumerate().map(kept).collect::<Option<_>>().ok_or("it keeps an axis that is not there")?;
    if let Some(open) = target.iter().position(|size| size.number < 0) {
        target[open] = rest(lowering, &x, &target)?;
    }
    let axes = x.axes.reshaped(&target, lowering.fixed)?;
    arranged(lowering, &x, axes)
}

/// The size that takes what the others leave.
fn rest(lowering: &Lowering, x: &Computed, target: &[Count]) -> Result<Count, String> {
    let others: Vec<&Count> = target.iter().filter(|size| size.number >= 0).collect();
    let product = others.iter().try_fold(1_i64, |all, size| all.checked_mul(size.number)).unwrap_or(0);
    let all = super::axes::product(&x.axes.shape())? as i64;
    let open = x.axes.samples().is_some() && !others.iter().any(|size| size.samples);
    let exact = |all: i64| (product > 0 && all % product == 0).then(|| all / product);
    // With a fixed number of samples, the others may count them without saying so.
    let with_samples = lowering.fixed.filter(|_| open).and_then(|fixed| exact(all.checked_mul(fixed as i64)?));
    match exact(all) {
        Some(number) => Ok(Count { number, samples: open }),
        None => {
            with_samples.map(Count::of).ok_or_else(|| "what it leaves for its open size is no whole number".to_owned())
        }
    }
}

fn flatten(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let rank = x.axes.rank();
    let axis = match op.int("axis").unwrap_or(1) {
        axis if axis == rank as i64 => rank,
        axis => normal(axis, rank)?,
    };
    let count = |axes: &[Axis]| -> Result<Count, String> {
        let number = super::axes::product(&Axes(axes.to_vec()).shape())? as i64;
        Ok(Count { number, samples: axes.iter().any(|axis| axis.samples) })
    };
    let target = [count(&x.axes.0[..axis])?, count(&x.axes.0[axis..])?];
    let axes = x.axes.reshaped(&target, lowering.fixed)?;
    arranged(lowering, &x, axes)
}

fn squeeze(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let gone: Vec<usize> = match lowering.integers(op, "axes", 1)? {
        Some(axes) => axes.iter().map(|axis| x.axes.axis(*axis)).collect::<Result<_, _>>()?,
        None => (0..x.axes.rank()).filter(|axis| x.axes.0[*axis] == Axis::of(1)).collect(),
    };
    if gone.iter().any(|axis| x.axes.0[*axis] != Axis::of(1)) {
        return Err("it takes away an axis whose size is not 1, or that of the samples".to_owned());
    }
    let kept = (0..x.axes.rank()).filter(|axis| !gone.contains(axis)).map(|axis| x.axes.0[axis]);
    let axes = Axes(kept.collect());
    arranged(lowering, &x, axes)
}

fn unsqueeze(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let new = lowering.integers(op, "axes", 1)?.ok_or("it names no axes")?;
    let rank = x.axes.rank() + new.len();
    let new: Vec<usize> = new.iter().map(|axis| normal(*axis, rank)).collect::<Result<_, _>>()?;
    let mut old = x.axes.0.iter();
    let axis = |axis: usize| if new.contains(&axis) { Some(Axis::of(1)) } else { old.next().copied() };
    let axes = Axes((0..rank).map(axis).collect::<Option<_>>().ok_or("it names an axis twice")?);
    if old.next().is_some() {
        return Err("it names an axis twice".to_owned());
    }
    arranged(lowering, &x, axes)
}

fn transpose(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let order = permutation(op.ints("perm"), x.axes.rank())?;
    Ok(vec![Value::Computed(transposed(lowering, &x, &order)?)])
}

/// A value with its axes in another order, in which that of the samples takes part without a step of its own.
pub fn transposed(lowering: &mut Lowering, x: &Computed, order: &[usize]) -> Result<Computed, String> {
    let axes = Axes(order.iter().map(|axis| x.axes.0[*axis]).collect());
    let own = order.iter().filter(|axis| !x.axes.0[**axis].is_samples()).map(|axis| x.axes.place(*axis));
    let mut own: Vec<usize> = own.collect();
    let mut from = x.node;
    // Two orders in a row are one.
    if let Some((subject, before)) = lowering.program.before_transpose(x.node) {
        own.iter_mut().for_each(|axis| *axis = before[*axis]);
        from = subject;
    }
    if own.is_sorted() {
        return Ok(Computed { node: from, axes });
    }
    let call = match own.iter().rev().is_sorted() {
        true => "transpose".to_owned(),
        false => format!("transpose({})", list(&own)),
    };
    let kind = lowering.program.kind(from);
    let from = Computed { node: from, axes: axes.clone() };
    lowering.step(&from, call, axes, kind)?.computed()
}

fn expand(lowering: &mut Lowering, op: Op) -> Lowered {
    let sizes = lowering.constant(op, 1)?.and_then(|sizes| sizes.counts()).ok_or("its sizes are no integers")?;
    let x = lowering.computed(op, 0)?;
    let rank = sizes.len().max(x.axes.rank());
    let old = |axis: usize| (axis + x.axes.rank()).checked_sub(rank).map_or(Axis::of(1), |axis| x.axes.0[axis]);
    let new = |axis: usize| (axis + sizes.len()).checked_sub(rank).map_or(Count::of(1), |axis| sizes[axis]);
    let axis = |axis: usize| match (old(axis), new(axis)) {
        (old, new) if new.number == 1 && !new.samples || old.count() == new => Ok(old),
        (old, new) if old.samples && lowering.fixed == usize::try_from(new.number).ok() && old.is_samples() => Ok(old),
        (old, new) if old == Axis::of(1) && !new.samples => {
            usize::try_from(new.number).map(Axis::of).map_err(|_| "a size of it is negative".to_owned())
        }
        _ => Err(MIXES.to_owned()),
    };
    let axes = Axes((0..rank).map(axis).collect::<Result<_, _>>()?);
    if axes.shape() == x.axes.shape() {
        return Ok(vec![Value::Computed(Computed { axes, ..x })]);
    }
    let node = lowering.fitted(&Value::Computed(x.clone()), &x.axes, &axes)?;
    let call = format!("broadcast({})", list(&axes.shape()));
    let kind = lowering.program.kind(node);
    Ok(vec![lowering.step(&Computed { node, axes: x.axes }, call, axes, kind)?])
}

fn tile(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let counts = lowering.integers(op, "repeats", 1)?.ok_or("it has no counts")?;
    if counts.len() != x.axes.rank() || counts.iter().any(|count| *count < 1) {
        return Err("it has not a positive count for every axis".to_owned());
    }
    if (0..counts.len()).any(|axis| x.axes.0[axis].samples && counts[axis] != 1) {
        return Err(MIXES.to_owned());
    }
    let own: Vec<i64> =
        (0..counts.len()).filter(|axis| !x.axes.0[*axis].is_samples()).map(|axis| counts[axis]).collect();
    let sizes: Option<Vec<usize>> =
        x.axes.shape().iter().zip(&own).map(|(size, count)| size.checked_mul(*count as usize)).collect();
    let axes = x.axes.with_shape(&sizes.ok_or("its sizes are beyond all memory")?);
    let kind = lowering.program.kind(x.node);
    Ok(vec![lowering.step(&x, format!("tile({})", list(&own)), axes, kind)?])
}

fn concatenate(lowering: &mut Lowering, op: Op) -> Lowered {
    let values: Vec<Value> =
        (0..op.node.input.len()).map(|index| lowering.operand(op, index)).collect::<Result<_, _>>()?;
    let all: Vec<Axes> = values.iter().map(axes_of).collect();
    let like = all.iter().find(|axes| axes.samples().is_some()).or(all.first()).cloned().ok_or("it joins nothing")?;
    let axis = like.axis(op.int("axis").unwrap_or(1))?;
    let place = like.own(axis as i64)?;
    if all.iter().any(|axes| axes.rank() != like.rank()) {
        return Err("its operands have different numbers of axes".to_owned());
    }
    let mut parts = vec![Part::Text("concatenate([".to_owned())];
    let mut size = 0_usize;
    let mut kind = Kind::Float;
    for (number, (value, own)) in values.iter().zip(&all).enumerate() {
        let node = lowering.fitted(value, own, &like)?;
        let shape = lowering.program.shape(node).to_vec();
        let mut expected = like.shape();
        expected[place] = *shape.get(place).ok_or(MIXES)?;
        if shape != expected || own.samples().is_some() && own.samples() != like.samples() {
            return Err("its operands differ in more than one axis".to_owned());
        }
        size = size.checked_add(expected[place]).ok_or("its sizes are beyond all memory")?;
        kind = lowering.program.kind(node);
        if number > 0 {
            parts.push(Part::Text(", ".to_owned()));
        }
        parts.push(Part::Value(node, Level::Chain));
    }
    parts.push(Part::Text(if place == 0 { "])".to_owned() } else { format!("], axis = {place})") }));
    let mut shape = like.shape();
    shape[place] = size;
    Ok(vec![lowering.expression(parts, Level::Word, like.with_shape(&shape), kind)?])
}

/// `x[:, start:stop:step]`, one place along the sample's axis `axis` for each that is given, or all.
fn indexed(lowering: &mut Lowering, x: &Computed, indices: &[String], axes: Axes) -> Result<Value, String> {
    let kept = indices.iter().rposition(|index| index != ":").map_or(0, |last| last + 1);
    if kept == 0 {
        return Ok(Value::Computed(Computed { node: x.node, axes }));
    }
    let kind = lowering.program.kind(x.node);
    let parts = vec![Part::Value(x.node, Level::Word), Part::Text(format!("[{}]", indices[..kept].join(", ")))];
    lowering.expression(parts, Level::Word, axes, kind)
}

/// The entries from `start` on as an index, out of `size`.
fn span(start: usize, count: usize, step: i64, size: usize) -> String {
    let stop = start + (count.saturating_sub(1)) * step as usize + usize::from(count > 0);
    let number = |at: usize, outer: usize| if at == outer { String::new() } else { at.to_string() };
    let rest = if step == 1 { String::new() } else { format!(":{step}") };
    let to_end = if step > 1 && stop + step as usize > size { size } else { stop };
    format!("{}:{}{rest}", number(start, 0), number(to_end, size))
}

fn split(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let axis = x.axes.axis(op.int("axis").unwrap_or(0))?;
    let place = x.axes.own(axis as i64)?;
    let (size, count) = (x.axes.0[axis].size(), op.node.output.len());
    let sizes: Vec<usize> = match lowering.integers(op, "split", 1)? {
        Some(sizes) => sizes
            .iter()
            .map(|size| usize::try_from(*size).map_err(|_| "a size of it is negative"))
            .collect::<Result<_, _>>()?,
        None => {
            let each = size.div_ceil(count.max(1));
            (0..count).map(|part| each.min(size.saturating_sub(part * each))).collect()
        }
    };
    if sizes.contains(&0)
        || sizes.iter().try_fold(0_usize, |all, size| all.checked_add(*size)) != Some(size)
        || sizes.len() != count
    {
        return Err("its parts are not the whole".to_owned());
    }
    let mut values = Vec::new();
    let mut start = 0;
    for part in sizes {
        let mut shape = x.axes.shape();
        let mut indices = vec![":".to_owned(); shape.len()];
        indices[place] = span(start, part, 1, size);
        shape[place] = part;
        values.push(indexed(lowering, &x, &indices, x.axes.with_shape(&shape))?);
        start += part;
    }
    Ok(values)
}

fn slice(lowering: &mut Lowering, op: Op) -> Lowered {
    let mut x = lowering.computed(op, 0)?;
    let bounds: Vec<Option<Rc<Constant>>> =
        (1..5).map(|index| lowering.constant(op, index)).collect::<Result<_, _>>()?;
    let operands: Vec<Option<&Constant>> =
        std::iter::once(None).chain(bounds.iter().map(|bound| bound.as_deref())).collect();
    let rows = slices(op, &operands, x.axes.rank()).ok_or("its bounds do not fit together, or count the samples")?;
    let mut shape = x.axes.shape();
    let mut indices = vec![":".to_owned(); shape.len()];
    let mut flipped = Vec::new();
    for (axis, start, stop, step) in rows {
        let axis = x.axes.axis(axis)?;
        let size = x.axes.0[axis].size();
        if x.axes.0[axis].samples {
            let all = lowering.fixed.map_or(i64::from(i32::MAX), |samples| samples as i64);
            if start != 0 || step != 1 || stop < all {
                return Err(MIXES.to_owned());
            }
            continue;
        }
        let place = x.axes.place(axis);
        let (start, count, step) = extent(size, start, stop, step)?;
        if step < 0 && count > 0 {
            let low = start - (count - 1) * step.unsigned_abs() as usize;
            flipped.push(place);
            indices[place] = span(low, count, -step, size);
        } else {
            indices[place] = span(start, count, step, size);
        }
        shape[place] = count;
    }
    if shape.contains(&0) {
        return Err("nothing is left of it".to_owned());
    }
    let axes = x.axes.with_shape(&shape);
    x = indexed(lowering, &x, &indices, axes.clone())?.computed()?;
    if flipped.is_empty() {
        return Ok(vec![Value::Computed(x)]);
    }
    let kind = lowering.program.kind(x.node);
    let call = format!("flip(axis = {})", one_or_all(&flipped));
    Ok(vec![lowering.step(&x, call, axes, kind)?])
}

/// An axis, or the list of several.
fn one_or_all(axes: &[usize]) -> String {
    if let [axis] = axes { axis.to_string() } else { list(axes) }
}

/// Entries chosen by index: rows of a table, one entry along an axis, or several.
fn gather(lowering: &mut Lowering, op: Op) -> Lowered {
    let (x, indices) = (lowering.operand(op, 0)?, lowering.operand(op, 1)?);
    let axis = axes_of(&x).axis(op.int("axis").unwrap_or(0))?;
    match (x, indices) {
        (Value::Constant(table), Value::Computed(indices)) => looked_up(lowering, op, table, axis, indices),
        (Value::Computed(x), Value::Constant(indices)) => chosen(lowering, &x, axis, &indices),
        (Value::Computed(x), Value::Computed(indices)) if x.axes.samples().is_none() => {
            from_table(lowering, &x, axis, &indices)
        }
        (Value::Computed(x), Value::Computed(indices)) if axis > 0 || !x.axes.samples_first() => {
            Err(format!("it chooses entries by another value, {} axes by {}", x.axes.rank(), indices.axes.rank()))
        }
        _ => Err(MIXES.to_owned()),
    }
}

/// Rows of a table of weights: an `Embed` where the indices are classes.
fn looked_up(lowering: &mut Lowering, op: Op, table: Rc<Constant>, axis: usize, indices: Computed) -> Lowered {
    let classes = match lowering.program.kind(indices.node) {
        Kind::Index(count) => Some(count),
        _ => None,
    };
    if let ([rows, width], 0, true) = (&table.shape[..], axis, lowering.is_own(&table))
        && classes == Some(*rows)
        && let (Data::Float(_), Some(tensor)) = (&table.data, table.tensor())
    {
        let axes = Axes([indices.axes.0.clone(), vec![Axis::of(*width)]].concat());
        let owned = Owned { layer: "Embed", hint: lowering.hint(op), tensors: vec![("W", tensor)] };
        let node = lowering.program.layer(indices.node, format!("Embed({width})"), owned, &axes.shape());
        return Ok(vec![Value::Computed(Computed { node, axes })]);
    }
    let table = lowering.declare(Value::Constant(table))?;
    from_table(lowering, &table, axis, &indices)
}

/// Entries of a value that is the same for all samples, by indices that are not.
fn from_table(lowering: &mut Lowering, table: &Computed, axis: usize, indices: &Computed) -> Lowered {
    if !matches!(lowering.program.kind(indices.node), Kind::Int | Kind::Index(_)) {
        return Err("its indices are no integers".to_owned());
    }
    let axes = Axes([&table.axes.0[..axis], &indices.axes.0, &table.axes.0[axis + 1..]].concat());
    let text = |text: &str| Part::Text(text.to_owned());
    let mut parts = vec![text("gather("), Part::Value(table.node, Level::Chain), text(", ")];
    parts.push(Part::Value(indices.node, Level::Chain));
    parts.push(Part::Text(if axis == 0 { ")".to_owned() } else { format!(", axis = {axis})") }));
    let kind = lowering.program.kind(table.node);
    Ok(vec![lowering.expression(parts, Level::Word, axes, kind)?])
}

/// Entries of a value by indices that are known.
fn chosen(lowering: &mut Lowering, x: &Computed, axis: usize, indices: &Constant) -> Lowered {
    let place = x.axes.own(axis as i64)?;
    let size = x.axes.0[axis].size();
    let at = indices.integers().ok_or("its indices count the samples")?;
    let at: Vec<usize> = at.iter().map(|index| normal(*index, size)).collect::<Result<_, _>>()?;
    let new: Vec<Axis> = indices.shape.iter().map(|size| Axis::of(*size)).collect();
    let axes = Axes([&x.axes.0[..axis], &new, &x.axes.0[axis + 1..]].concat());
    let mut index = vec![":".to_owned(); place + 1];
    if let ([at], 0) = (&at[..], indices.shape.len()) {
        index[place] = if *at + 1 == size && size > 1 { "-1".to_owned() } else { at.to_string() };
        return Ok(vec![indexed(lowering, x, &index, axes)?]);
    }
    if indices.shape.len() == 1 && !at.is_empty() && at.windows(2).all(|pair| pair[1] == pair[0] + 1) {
        index[place] = span(at[0], at.len(), 1, size);
        return Ok(vec![indexed(lowering, x, &index, axes)?]);
    }
    let plain = at.iter().map(|at| Count::of(small(*at as i64))).collect();
    let indices = lowering.declare(Value::Constant(Rc::new(Constant::new(&indices.shape, Data::Int(plain))?)))?;
    let text = |text: &str| Part::Text(text.to_owned());
    let mut parts = vec![text("gather("), Part::Value(x.node, Level::Chain), text(", ")];
    parts.push(Part::Value(indices.node, Level::Chain));
    parts.push(Part::Text(if place == 0 { ")".to_owned() } else { format!(", axis = {place})") }));
    let kind = lowering.program.kind(x.node);
    Ok(vec![lowering.expression(parts, Level::Word, axes, kind)?])
}

fn pad(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    if let Some(mode) = op.text("mode").filter(|mode| *mode != "constant") {
        return Err(format!("padding of the mode `{mode}` has no counterpart"));
    }
    let pads = match lowering.integers(op, "pads", 1)? {
        Some(pads) => pads,
        None => op.ints("paddings").ok_or("it has no `pads`")?.to_vec(),
    };
    let value = match lowering.constant(op, 2)? {
        Some(value) => value.scalar().ok_or("it pads with more than one number")?,
        None => op.float("value").unwrap_or(0.0),
    };
    let rank = x.axes.rank();
    let named = match lowering.integers(op, "axes", 3)? {
        Some(axes) => axes.iter().map(|axis| x.axes.axis(*axis)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    if pads.len() != 2 * named.len() {
        return Err("it has not two pads for every axis".to_owned());
    }
    let mut sides = vec![(0, 0); rank];
    for (place, axis) in named.iter().enumerate() {
        sides[*axis] = (pads[place], pads[place + named.len()]);
    }
    padded(lowering, &x, &sides, value).map(|x| vec![Value::Computed(x)])
}

/// A value with `sides` entries of `value` in front of and behind each axis; negative ones cut entries off.
pub fn padded(lowering: &mut Lowering, x: &Computed, sides: &[(i64, i64)], value: f32) -> Result<Computed, String> {
    let moved = |axis: &usize| sides[*axis] != (0, 0);
    if (0..sides.len()).filter(|axis| x.axes.0[*axis].samples).any(|axis| moved(&axis)) {
        return Err(MIXES.to_owned());
    }
    let own: Vec<usize> = (0..sides.len()).filter(|axis| !x.axes.0[*axis].is_samples()).collect();
    if !own.iter().any(moved) {
        return Ok(x.clone());
    }
    if own.iter().any(|axis| sides[*axis].0 < 0 || sides[*axis].1 < 0) {
        return Err("pads that cut entries off have no counterpart".to_owned());
    }
    let (low, high): (Vec<i64>, Vec<i64>) = own.iter().map(|axis| sides[*axis]).unzip();
    let grown =
        |(place, size): (usize, &usize)| size.checked_add(low[place] as usize)?.checked_add(high[place] as usize);
    let shape: Option<Vec<usize>> = x.axes.shape().iter().enumerate().map(grown).collect();
    let axes = x.axes.with_shape(&shape.ok_or("its sizes are beyond all memory")?);
    let value = match value {
        0.0 => String::new(),
        value => format!(", value = {}", number(value).ok_or("it pads with what is no number")?),
    };
    let call = format!("pad({}, {}{value})", list(&low), list(&high));
    let kind = lowering.program.kind(x.node);
    lowering.step(x, call, axes, kind)?.computed()
}

/// Blocks of a picture's places as channels, and back.
fn blocks(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let b = op.int("blocksize").and_then(|size| usize::try_from(size).ok()).filter(|size| (1..1 << 16).contains(size));
    let b = b.ok_or("it has no `blocksize`")?;
    let ([channels, height, width], true) = (&x.axes.shape()[..], x.axes.samples_first()) else {
        return Err("it is made for pictures".to_owned());
    };
    let (c, h, w) = (*channels, *height, *width);
    let (apart, order, joined) = match (op.kind(), op.text("mode")) {
        ("SpaceToDepth", _) => (vec![c, h / b, b, w / b, b], [2, 4, 0, 1, 3], vec![c * b * b, h / b, w / b]),
        (_, Some("CRD")) => (vec![c / (b * b), b, b, h, w], [0, 3, 1, 4, 2], vec![c / (b * b), h * b, w * b]),
        _ => (vec![b, b, c / (b * b), h, w], [2, 3, 0, 4, 1], vec![c / (b * b), h * b, w * b]),
    };
    if super::axes::product(&apart)? != super::axes::product(&x.axes.shape())? {
        return Err("its sizes do not split into blocks".to_owned());
    }
    let x = lowering.arranged(&x, Axes::samples_and(&apart));
    let order: Vec<usize> = std::iter::once(0).chain(order.map(|axis| axis + 1)).collect();
    let x = transposed(lowering, &x, &order)?;
    arranged(lowering, &x, Axes::samples_and(&joined))
}
