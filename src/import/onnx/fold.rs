//! Nodes whose operands are all constant, computed while the file is read: sizes for reshapes above all, and weights that are rearranged.

use super::axes::{Count, normal, permutation};
use super::constant::{Constant, Data};
use super::op::Op;

/// What a node of constants gives; none when its operator is not computed here.
///
/// # Errors
/// When its operands do not fit it.
pub fn fold(op: Op, operands: &[Option<&Constant>]) -> Result<Option<Constant>, String> {
    let operand = |index: usize| operands.get(index).copied().flatten();
    let [first, rest @ ..] = operands else { return Ok(None) };
    let Some(first) = *first else { return Ok(None) };
    let axes = || axes_of(op, rest);
    Ok(match op.kind() {
        "Identity" => Some(first.clone()),
        "Cast" => cast(op, first),
        "Gather" => match operand(1) {
            Some(indices) => Some(gather(first, indices, op.int("axis").unwrap_or(0))?),
            None => None,
        },
        "Concat" => concatenate(operands, op.int("axis").unwrap_or(0))?,
        "Unsqueeze" => Some(unsqueeze(first, &axes().unwrap_or_default())?),
        "Squeeze" => Some(squeeze(first, axes())?),
        "Reshape" => match operand(1).and_then(Constant::integers) {
            Some(target) => Some(first.reshaped(&reshape_target(&first.shape, &target)?)?),
            None => None,
        },
        "Transpose" => {
            let order = permutation(op.ints("perm"), first.shape.len())?;
            Some(first.transposed(&order)?)
        }
        "Slice" => slice(op, operands)?,
        "Range" => range(operands),
        "Expand" => match operand(1).and_then(Constant::counts) {
            Some(sizes) => Some(expand(first, &sizes)?),
            None => None,
        },
        "Where" => choose(operands)?,
        "Neg" | "Sqrt" | "Floor" | "Ceil" | "Not" | "Reciprocal" | "Exp" | "Log" | "Abs" => unary(op.kind(), first),
        "ReduceProd" => product(first),
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Equal" | "Less" | "Greater" | "And" | "Or" | "Max" | "Min" => {
            match operand(1) {
                Some(second) if operands.len() == 2 => pairwise(op.kind(), first, second)?,
                _ => None,
            }
        }
        _ => None,
    })
}

/// The axes that a node is about: an attribute in old files, an operand in newer ones.
fn axes_of(op: Op, rest: &[Option<&Constant>]) -> Option<Vec<i64>> {
    let given = rest.first().copied().flatten().and_then(Constant::integers);
    given.or_else(|| op.ints("axes").map(<[i64]>::to_vec))
}

/// Elements of the type that a `Cast` names by its number.
fn cast(op: Op, x: &Constant) -> Option<Constant> {
    let data = match op.int("to")? {
        1 | 10 | 11 | 16 => Data::Float(x.data.floats()?),
        9 => Data::Bool(x.data.floats()?.into_iter().map(|value| value != 0.0).collect()),
        2..=7 | 12 | 13 => match &x.data {
            Data::Int(values) => Data::Int(values.clone()),
            other => Data::Int(other.floats()?.into_iter().map(|value| Count::of(value as i64)).collect()),
        },
        _ => return None,
    };
    Some(Constant { data, ..x.clone() })
}

fn gather(x: &Constant, indices: &Constant, axis: i64) -> Result<Constant, String> {
    let axis = normal(axis, x.shape.len())?;
    let at = indices.integers().ok_or("its indices are not plain integers")?;
    let at: Vec<usize> = at.iter().map(|index| normal(*index, x.shape[axis])).collect::<Result<_, _>>()?;
    let shape = [&x.shape[..axis], &indices.shape, &x.shape[axis + 1..]].concat();
    let (inner, width) = (indices.shape.len(), indices);
    x.picked(&shape, |index| {
        let chosen = at[width.place(&index[axis..axis + inner])];
        let old = [&index[..axis], &[chosen], &index[axis + inner..]].concat();
        x.place(&old)
    })
}

fn concatenate(parts: &[Option<&Constant>], axis: i64) -> Result<Option<Constant>, String> {
    let Some(parts) = parts.iter().copied().collect::<Option<Vec<_>>>() else { return Ok(None) };
    let axis = normal(axis, parts[0].shape.len())?;
    let alike = |part: &&Constant| {
        part.shape.len() == parts[0].shape.len()
            && part.shape.iter().zip(&parts[0].shape).enumerate().all(|(at, (a, b))| at == axis || a == b)
    };
    if !parts.iter().all(alike) {
        return Err("its operands differ in more than one axis".to_owned());
    }
    let mut all = Some(Data::pick(&parts[0].data, &[]));
    let rows: usize = parts[0].shape[..axis].iter().product();
    for row in 0..rows {
        for part in &parts {
            let length: usize = part.shape[axis..].iter().product();
            let piece = part.data.pick(&(row * length..(row + 1) * length).collect::<Vec<_>>());
            all = all.and_then(|all| all.and(&piece));
        }
    }
    let mut shape = parts[0].shape.clone();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).sum();
    all.map(|data| Constant::new(&shape, data)).transpose()
}

fn unsqueeze(x: &Constant, axes: &[i64]) -> Result<Constant, String> {
    let rank = x.shape.len() + axes.len();
    let new: Vec<usize> = axes.iter().map(|axis| normal(*axis, rank)).collect::<Result<_, _>>()?;
    let mut old = x.shape.iter();
    let size = |axis: usize| if new.contains(&axis) { 1 } else { old.next().copied().unwrap_or(1) };
    let shape: Vec<usize> = (0..rank).map(size).collect();
    x.reshaped(&shape)
}

fn squeeze(x: &Constant, axes: Option<Vec<i64>>) -> Result<Constant, String> {
    let gone: Vec<usize> = match axes {
        Some(axes) => axes.iter().map(|axis| normal(*axis, x.shape.len())).collect::<Result<_, _>>()?,
        None => (0..x.shape.len()).filter(|axis| x.shape[*axis] == 1).collect(),
    };
    let kept: Vec<usize> = (0..x.shape.len()).filter(|axis| !gone.contains(axis)).map(|axis| x.shape[axis]).collect();
    x.reshaped(&kept)
}

/// The sizes that a `Reshape` of a constant makes: 0 keeps a size, -1 takes what is left.
fn reshape_target(old: &[usize], target: &[i64]) -> Result<Vec<usize>, String> {
    let keep = |(axis, size): (usize, &i64)| match size {
        0 => old.get(axis).copied().map_or(0, |size| size as i64),
        size => *size,
    };
    let kept: Vec<i64> = target.iter().enumerate().map(keep).collect();
    let known: i64 =
        kept.iter().filter(|size| **size >= 0).try_fold(1_i64, |all, size| all.checked_mul(*size)).unwrap_or(0);
    let total = old.iter().product::<usize>() as i64;
    let sized = |size: i64| if size < 0 && known > 0 { total / known } else { size.max(0) };
    Ok(kept.into_iter().map(|size| sized(size) as usize).collect())
}

/// Where a slice of an axis begins, how many entries it takes, and the way from one to the next.
///
/// # Errors
/// When its step is 0.
pub fn extent(size: usize, start: i64, stop: i64, step: i64) -> Result<(usize, usize, i64), String> {
    let size = size as i64;
    let (low, high) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let clamp = |at: i64| (if at < 0 { at.saturating_add(size) } else { at }).clamp(low, high);
    if step == 0 || step == i64::MIN {
        return Err("its step is 0".to_owned());
    }
    let (start, stop) = (clamp(start), clamp(stop));
    let length = if step > 0 { stop - start } else { start - stop };
    let count = if length > 0 { (length - 1) / step.abs() + 1 } else { 0 };
    Ok((start.max(0) as usize, count as usize, step))
}

/// What a `Slice` says of each axis that it names: axis, start, stop, step.
pub fn slices(op: Op, operands: &[Option<&Constant>], rank: usize) -> Option<Vec<(i64, i64, i64, i64)>> {
    let list = |index: usize, name: &str| {
        let given = operands.get(index).copied().flatten();
        given.map_or_else(|| op.ints(name).map(<[i64]>::to_vec), Constant::integers)
    };
    let (starts, stops) = (list(1, "starts")?, list(2, "ends")?);
    let axes = list(3, "axes").unwrap_or_else(|| (0..starts.len().min(rank) as i64).collect());
    let steps = list(4, "steps").unwrap_or_else(|| vec![1; starts.len()]);
    let same = starts.len() == stops.len() && axes.len() == starts.len() && steps.len() == starts.len();
    same.then(|| (0..axes.len()).map(|at| (axes[at], starts[at], stops[at], steps[at])).collect())
}

fn slice(op: Op, operands: &[Option<&Constant>]) -> Result<Option<Constant>, String> {
    let Some(Some(x)) = operands.first().copied() else { return Ok(None) };
    let Some(rows) = slices(op, operands, x.shape.len()) else { return Ok(None) };
    let mut taken: Vec<(usize, usize, i64)> = x.shape.iter().map(|size| (0, *size, 1)).collect();
    for (axis, start, stop, step) in rows {
        let axis = normal(axis, x.shape.len())?;
        taken[axis] = extent(x.shape[axis], start, stop, step)?;
    }
    let shape: Vec<usize> = taken.iter().map(|(_, count, _)| *count).collect();
    let at = |index: &[usize]| {
        let old =
            index.iter().zip(&taken).map(|(index, (start, _, step))| (*start as i64 + *index as i64 * step) as usize);
        x.place(&old.collect::<Vec<_>>())
    };
    x.picked(&shape, at).map(Some)
}

fn range(operands: &[Option<&Constant>]) -> Option<Constant> {
    let number = |index: usize| operands.get(index).copied().flatten().and_then(Constant::integers)?.first().copied();
    let (start, stop, step) = (number(0)?, number(1)?, number(2)?);
    if step == 0 || stop.checked_sub(start)?.checked_div(step)? > 1 << 20 {
        return None;
    }
    let end = |at: &i64| if step > 0 { *at < stop } else { *at > stop };
    let values = std::iter::successors(Some(start), |at| at.checked_add(step)).take_while(end).map(Count::of);
    let values: Vec<Count> = values.collect();
    match operands[0].map(|start| &start.data) {
        Some(Data::Float(_)) => {
            let floats: Vec<f32> = values.iter().map(|value| value.number as f32).collect();
            Constant::new(&[floats.len()], Data::Float(floats)).ok()
        }
        _ => Some(Constant::ints(&values)),
    }
}

/// A constant stretched to sizes; where these count the samples it keeps one entry, which stands for all.
fn expand(x: &Constant, sizes: &[Count]) -> Result<Constant, String> {
    let size = |size: &Count| if size.samples { 1 } else { usize::try_from(size.number).unwrap_or(0) };
    let wanted: Vec<usize> = sizes.iter().map(size).collect();
    x.stretched(&common(&x.shape, &wanted)?)
}

/// The sizes that both stretch to.
fn common(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let at = |sizes: &[usize], axis: usize| (axis + sizes.len()).checked_sub(rank).map_or(1, |axis| sizes[axis]);
    let size = |axis: usize| match (at(a, axis), at(b, axis)) {
        (1, size) | (size, 1) => Ok(size),
        (a, b) if a == b => Ok(a),
        (a, b) => Err(format!("sizes {a} and {b} do not fit together")),
    };
    (0..rank).map(size).collect()
}

fn choose(operands: &[Option<&Constant>]) -> Result<Option<Constant>, String> {
    let [Some(condition), Some(yes), Some(no)] = operands[..] else { return Ok(None) };
    let shape = common(&common(&condition.shape, &yes.shape)?, &no.shape)?;
    let (condition, yes, no) = (condition.stretched(&shape)?, yes.stretched(&shape)?, no.stretched(&shape)?);
    let Data::Bool(chosen) = &condition.data else { return Ok(None) };
    let count = chosen.len();
    let places = chosen.iter().enumerate().map(|(at, yes)| if *yes { at } else { at + count }).collect::<Vec<_>>();
    Ok(yes.data.clone().and(&no.data).map(|both| Constant { shape, data: both.pick(&places), name: None }))
}

fn unary(kind: &str, x: &Constant) -> Option<Constant> {
    let floats = |of: fn(f32) -> f32| match &x.data {
        Data::Float(values) => Some(Data::Float(values.iter().map(|value| of(*value)).collect())),
        _ => None,
    };
    let data = match (kind, &x.data) {
        ("Neg", Data::Int(values)) => {
            let negative = |value: &Count| Some(Count { number: value.number.checked_neg()?, ..*value });
            Data::Int(values.iter().map(negative).collect::<Option<_>>()?)
        }
        ("Not", Data::Bool(values)) => Data::Bool(values.iter().map(|value| !value).collect()),
        ("Neg", _) => floats(|x| -x)?,
        ("Sqrt", _) => floats(f32::sqrt)?,
        ("Floor", _) => floats(f32::floor)?,
        ("Ceil", _) => floats(f32::ceil)?,
        ("Reciprocal", _) => floats(f32::recip)?,
        ("Exp", _) => floats(f32::exp)?,
        ("Log", _) => floats(f32::ln)?,
        ("Abs", _) => floats(f32::abs)?,
        _ => return None,
    };
    Some(Constant { shape: x.shape.clone(), data, name: None })
}

/// The product of all elements of a list of sizes.
fn product(x: &Constant) -> Option<Constant> {
    let all = x.counts()?.into_iter().try_fold(Count::of(1), |all, size| arithmetic("Mul", all, size))?;
    Some(Constant { shape: vec![1; x.shape.len()], data: Data::Int(vec![all]), name: None })
}

fn pairwise(kind: &str, a: &Constant, b: &Constant) -> Result<Option<Constant>, String> {
    let shape = common(&a.shape, &b.shape)?;
    let (a, b) = (a.stretched(&shape)?, b.stretched(&shape)?);
    let data = match (&a.data, &b.data) {
        (Data::Int(a), Data::Int(b)) => {
            let pairs = || a.iter().zip(b).map(|(a, b)| (*a, *b));
            match kind {
                "Equal" => Some(Data::Bool(pairs().map(|(a, b)| a == b).collect())),
                "Less" | "Greater" => {
                    let known = |(a, b): (Count, Count)| (!a.samples && !b.samples).then_some((a.number, b.number));
                    let compared =
                        pairs().map(known).map(|pair| pair.map(|(a, b)| if kind == "Less" { a < b } else { a > b }));
                    compared.collect::<Option<_>>().map(Data::Bool)
                }
                _ => pairs().map(|(a, b)| arithmetic(kind, a, b)).collect::<Option<_>>().map(Data::Int),
            }
        }
        (Data::Float(a), Data::Float(b)) => {
            let pairs = || a.iter().zip(b).map(|(a, b)| (*a, *b));
            let with = |of: fn(f32, f32) -> f32| Some(Data::Float(pairs().map(|(a, b)| of(a, b)).collect()));
            let compared = |of: fn(f32, f32) -> bool| Some(Data::Bool(pairs().map(|(a, b)| of(a, b)).collect()));
            match kind {
                "Add" => with(|a, b| a + b),
                "Sub" => with(|a, b| a - b),
                "Mul" => with(|a, b| a * b),
                "Div" => with(|a, b| a / b),
                "Pow" => with(f32::powf),
                "Max" => with(f32::max),
                "Min" => with(f32::min),
                "Equal" => compared(|a, b| a == b),
                "Less" => compared(|a, b| a < b),
                "Greater" => compared(|a, b| a > b),
                _ => None,
            }
        }
        (Data::Bool(a), Data::Bool(b)) => {
            let with =
                |of: fn(bool, bool) -> bool| Some(Data::Bool(a.iter().zip(b).map(|(a, b)| of(*a, *b)).collect()));
            match kind {
                "And" => with(|a, b| a && b),
                "Or" => with(|a, b| a || b),
                "Equal" => with(|a, b| a == b),
                _ => None,
            }
        }
        _ => None,
    };
    Ok(data.map(|data| Constant { shape, data, name: None }))
}

/// Sums, products and the like of sizes; none where the result would not be a size that is known or a multiple of the samples' number.
fn arithmetic(kind: &str, a: Count, b: Count) -> Option<Count> {
    let both = a.samples && b.samples;
    let (x, y) = (a.number, b.number);
    match kind {
        "Add" | "Sub" if a.samples == b.samples => {
            let number = if kind == "Add" { x.checked_add(y)? } else { x.checked_sub(y)? };
            Some(Count { number, samples: a.samples && number != 0 })
        }
        "Add" | "Sub" if y == 0 => Some(a),
        "Add" if x == 0 => Some(b),
        "Mul" if !both => Some(Count { number: x.checked_mul(y)?, samples: a.samples || b.samples }),
        "Div" if !b.samples || both => {
            let exact = !a.samples || x.checked_rem(y)? == 0;
            exact.then_some(())?;
            Some(Count { number: x.checked_div(y)?, samples: a.samples && !both })
        }
        "Mod" if !a.samples && !b.samples => Some(Count::of(x.checked_rem_euclid(y)?)),
        "Max" if !a.samples && !b.samples => Some(Count::of(x.max(y))),
        "Min" if !a.samples && !b.samples => Some(Count::of(x.min(y))),
        _ => None,
    }
}
