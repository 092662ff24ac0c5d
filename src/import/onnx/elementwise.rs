//! Operators that work element by element: activations, arithmetic, comparisons, choices.

use super::constant::Constant;
use super::lower::{Aligned, Computed, Lower, Lowered, Lowering, Operand, Value, number};
use super::op::Op;
use crate::import::program::{Kind, Level, Owned, Part};
use crate::tensor::Tensor;

/// The reader of an operator.
pub fn find(kind: &str) -> Option<Lower> {
    Some(match kind {
        "Identity" => |lowering, op| Ok(vec![lowering.operand(op, 0)?]),
        "Dropout" => dropout,
        "Cast" => cast,
        "Neg" => |lowering, op| {
            let x = lowering.computed(op, 0)?;
            let kind = numbers(lowering, &[Operand::Node(x.node)])?;
            let parts = vec![Part::Text("-".to_owned()), Part::Value(x.node, Level::Minus)];
            Ok(vec![lowering.expression(parts, Level::Minus, x.axes, kind)?])
        },
        "Not" => |lowering, op| {
            let x = lowering.computed(op, 0)?;
            same(lowering, &[Operand::Node(x.node)]).and_then(truths)?;
            let parts = vec![Part::Text("not ".to_owned()), Part::Value(x.node, Level::Not)];
            Ok(vec![lowering.expression(parts, Level::Not, x.axes, Kind::Bool)?])
        },
        "Gelu" | "Celu" | "ThresholdedRelu" | "HardSwish" | "Shrink" => formula,
        "LeakyRelu" | "Elu" | "Selu" | "HardSigmoid" => activation,
        "PRelu" => prelu,
        "Clip" => clip,
        "Where" => choose,
        "Pow" | "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Equal" | "Less" | "LessOrEqual" | "Greater"
        | "GreaterOrEqual" | "And" | "Or" | "Xor" => operator,
        "Min" | "Max" | "Sum" | "Mean" => several,
        kind if function(kind).is_some() => |lowering, op| {
            let x = lowering.floats(op, 0)?;
            let call = function(op.kind()).unwrap_or_default();
            let kind = if matches!(op.kind(), "IsNaN" | "IsInf") { Kind::Bool } else { Kind::Float };
            Ok(vec![lowering.step(&x, call, x.axes.clone(), kind)?])
        },
        _ => return None,
    })
}

/// The function of the library that an operator of one operand is.
fn function(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Relu" => "relu",
        "Sigmoid" => "sigmoid",
        "Tanh" => "tanh",
        "Exp" => "exp",
        "Log" => "log",
        "Sqrt" => "sqrt",
        "Abs" => "abs",
        "Sign" => "sign",
        "Floor" => "floor",
        "Ceil" => "ceil",
        "Round" => "round",
        "Erf" => "erf",
        "Reciprocal" => "reciprocal",
        "Sin" => "sin",
        "Cos" => "cos",
        "Tan" => "tan",
        "Asin" => "asin",
        "Acos" => "acos",
        "Atan" => "atan",
        "Sinh" => "sinh",
        "Cosh" => "cosh",
        "Asinh" => "asinh",
        "Acosh" => "acosh",
        "Atanh" => "atanh",
        "Softplus" => "softplus",
        "Softsign" => "softsign",
        "Mish" => "mish",
        "Swish" => "silu",
        "IsNaN" => "is_nan",
        "IsInf" => "is_inf",
        _ => return None,
    })
}

/// Dropout as it works when a network is used: not at all. The layer keeps it for training.
fn dropout(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    if op.node.output.get(1).is_some_and(|mask| lowering.reads(mask) > 0) {
        return Err("its mask is read".to_owned());
    }
    let given = lowering.constant(op, 1)?.and_then(|ratio| ratio.scalar());
    let share = given.or_else(|| op.float("ratio")).unwrap_or(0.5);
    let share = number(share).filter(|_| (0.0..1.0).contains(&share)).ok_or("its ratio is not between 0 and 1")?;
    Ok(vec![lowering.step(&x, format!("dropout({share})"), x.axes.clone(), Kind::Float)?])
}

fn cast(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.computed(op, 0)?;
    let from = lowering.program.kind(x.node);
    let (call, to) = match (op.int("to"), from) {
        (Some(1 | 10 | 11 | 16), Kind::Float) | (Some(9), Kind::Bool) => return Ok(vec![Value::Computed(x)]),
        (Some(2..=7 | 12 | 13), Kind::Int | Kind::Index(_)) => return Ok(vec![Value::Computed(x)]),
        (Some(1 | 10 | 11 | 16), _) => ("float", Kind::Float),
        (Some(2..=7 | 12 | 13), _) => ("int", Kind::Int),
        (Some(9), _) => {
            let parts = vec![Part::Value(x.node, Level::Sum), Part::Text(" != 0".to_owned())];
            return Ok(vec![lowering.expression(parts, Level::Comparison, x.axes, Kind::Bool)?]);
        }
        (to, _) => return Err(format!("it makes elements of type {}", to.unwrap_or(0))),
    };
    Ok(vec![lowering.step(&x, call, x.axes.clone(), to)?])
}

/// Activations that the library has with other defaults, or under another form.
fn activation(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let alpha = |otherwise: f32| number(op.float("alpha").unwrap_or(otherwise)).ok_or("its `alpha` is no number");
    let call = match op.kind() {
        "LeakyRelu" => format!("leaky_relu({})", alpha(0.01)?),
        "Elu" if op.float("alpha").unwrap_or(1.0) == 1.0 => "elu".to_owned(),
        "Elu" => format!("elu({})", alpha(1.0)?),
        "Selu" => match (op.float("gamma"), op.float("alpha")) {
            (None | Some(1.050_701), None | Some(1.673_263_2)) => "selu".to_owned(),
            (gamma, _) => {
                let gamma = number(gamma.unwrap_or(1.050_701)).ok_or("its `gamma` is no number")?;
                format!("selu({gamma}, {})", alpha(1.673_263_2)?)
            }
        },
        _ if op.float("alpha").unwrap_or(0.2) == 0.2 && op.float("beta").unwrap_or(0.5) == 0.5 => {
            "hard_sigmoid".to_owned()
        }
        _ => {
            let beta = number(op.float("beta").unwrap_or(0.5)).ok_or("its `beta` is no number")?;
            let text = format!(" * {} + {beta}, 0, 1)", alpha(0.2)?);
            let parts = vec![Part::Text("clamp(".to_owned()), Part::Value(x.node, Level::Product), Part::Text(text)];
            return Ok(vec![lowering.expression(parts, Level::Word, x.axes, Kind::Float)?]);
        }
    };
    Ok(vec![lowering.step(&x, call, x.axes.clone(), Kind::Float)?])
}

/// Activations that the library has not: their formulas, in which `x` may stand several times.
fn formula(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let alpha = number(op.float("alpha").unwrap_or(1.0)).ok_or("its `alpha` is no number")?;
    let text = match op.kind() {
        "Gelu" if op.text("approximate") == Some("tanh") => {
            return Ok(vec![lowering.step(&x, "gelu", x.axes.clone(), Kind::Float)?]);
        }
        "Gelu" => "0.5 * @ * (1 + erf(@ / sqrt(2)))".to_owned(),
        "HardSwish" => "@ * clamp(@ / 6 + 0.5, 0, 1)".to_owned(),
        "Celu" => format!("maximum(@, 0) + {alpha} * expm1(minimum(@, 0) / {alpha})"),
        "ThresholdedRelu" => format!("where(@ > {alpha}, @, 0)"),
        _ => {
            let lambda = number(op.float("lambd").unwrap_or(0.5)).ok_or("its `lambd` is no number")?;
            let bias = number(op.float("bias").unwrap_or(0.0)).ok_or("its `bias` is no number")?;
            format!("where(@ < -{lambda}, @ + {bias}, where(@ > {lambda}, @ - {bias}, 0))")
        }
    };
    let level = if text.starts_with("where") {
        Level::Word
    } else if op.kind() == "Celu" {
        Level::Sum
    } else {
        Level::Product
    };
    let pieces: Vec<&str> = text.split('@').collect();
    let parts = pieces.iter().enumerate().flat_map(|(place, piece)| {
        let value = (place > 0).then_some(Part::Value(x.node, Level::Power));
        value.into_iter().chain([Part::Text((*piece).to_owned())])
    });
    Ok(vec![lowering.expression(parts.collect(), level, x.axes, Kind::Float)?])
}

/// `x` or a multiple of it: by a number, by a weight of its own for each channel, or by any other slope.
fn prelu(lowering: &mut Lowering, op: Op) -> Lowered {
    let (x, slope) = (lowering.floats(op, 0)?, lowering.operand(op, 1)?);
    if let Value::Constant(slope) = &slope
        && let Some(layer) = prelu_layer(lowering, op, &x, slope)
    {
        return Ok(vec![layer]);
    }
    let aligned = lowering.aligned(&[Value::Computed(x.clone()), slope])?;
    let Aligned { operands, axes } = aligned;
    let text = |text: &str| Part::Text(text.to_owned());
    let [own, slope] = &operands[..] else { return Err("it has not two operands".to_owned()) };
    let scaled = vec![slope.part(Level::Product), text(" * "), own.part(Level::Power)];
    let scaled = lowering.expression(scaled, Level::Product, axes.clone(), Kind::Float)?.computed()?;
    let scaled = Operand::Node(scaled.node);
    let parts = vec![
        text("where("),
        own.part(Level::Sum),
        text(" > 0, "),
        own.part(Level::Chain),
        text(", "),
        scaled.part(Level::Chain),
        text(")"),
    ];
    Ok(vec![lowering.expression(parts, Level::Word, axes, Kind::Float)?])
}

/// The layer `PReLU`, if the slope is a weight of one number for each channel.
fn prelu_layer(lowering: &mut Lowering, op: Op, x: &Computed, slope: &Constant) -> Option<Value> {
    let channels = x.axes.0.get(1)?.size();
    let behind = x.axes.rank() - 2;
    let fits = slope.shape.iter().rev().skip(behind).take(1).eq(&[channels]) && slope.data.len() == channels;
    if !fits || !x.axes.samples_first() || !lowering.is_own(slope) {
        return None;
    }
    let tensor = Tensor::f32(&[channels], slope.data.floats()?);
    let owned = Owned { layer: "PReLU", hint: lowering.hint(op), tensors: vec![("slope", tensor)] };
    let node = lowering.program.layer(x.node, "PReLU()", owned, &x.axes.shape());
    Some(Value::Computed(Computed { node, axes: x.axes.clone() }))
}

fn clip(lowering: &mut Lowering, op: Op) -> Lowered {
    let x = lowering.floats(op, 0)?;
    let bound = |name: &str, index: usize| -> Result<Option<f32>, String> {
        let given = match lowering.constant(op, index)? {
            Some(bound) => Some(bound.scalar().ok_or("a bound of it is not one number")?),
            None => op.float(name),
        };
        Ok(given.filter(|bound| bound.abs() < f32::MAX))
    };
    let (low, high) = (bound("min", 1)?, bound("max", 2)?);
    let text = |bound: f32| number(bound).ok_or("a bound of it is no number");
    let call = match (low, high) {
        (Some(0.0), Some(6.0)) => "relu6".to_owned(),
        (Some(low), Some(high)) => format!("clamp({}, {})", text(low)?, text(high)?),
        (Some(0.0), None) => "relu".to_owned(),
        (Some(low), None) => format!("maximum({})", text(low)?),
        (None, Some(high)) => format!("minimum({})", text(high)?),
        (None, None) => return Ok(vec![Value::Computed(x)]),
    };
    let kind = lowering.program.kind(x.node);
    Ok(vec![lowering.step(&x, call, x.axes.clone(), kind)?])
}

/// What the elements of all operands are. Written numbers are what the others are, floats among themselves.
///
/// # Errors
/// When they differ, or a written number is none that the others could be.
fn same(lowering: &Lowering, operands: &[Operand]) -> Result<Kind, String> {
    let plain = |operand: &Operand| match operand {
        Operand::Node(node) => Some(lowering.program.kind(*node)),
        Operand::Number(_) => None,
    };
    let mut kinds = operands.iter().filter_map(plain);
    let first = kinds.next().unwrap_or(Kind::Float);
    if kinds.any(|kind| kind != first) {
        return Err("its operands hold elements of different kinds".to_owned());
    }
    let fits = |operand: &Operand| match (operand, first) {
        (Operand::Node(_), _) | (_, Kind::Float) => true,
        (Operand::Number(value), Kind::Int) => value.fract() == 0.0 && value.abs() < 1e9,
        (Operand::Number(value), Kind::Index(count)) => value.fract() == 0.0 && (0.0..count as f32).contains(value),
        (Operand::Number(_), Kind::Bool) => false,
    };
    if operands.iter().all(fits) {
        Ok(first)
    } else {
        Err("a number in it is none of the kind of its operands".to_owned())
    }
}

/// The same, for what takes floats or integers.
fn numbers(lowering: &Lowering, operands: &[Operand]) -> Result<Kind, String> {
    match same(lowering, operands)? {
        kind @ (Kind::Float | Kind::Int) => Ok(kind),
        _ => Err("its operands should hold numbers".to_owned()),
    }
}

/// The same, for what takes truth values.
fn truths(kind: Kind) -> Result<Kind, String> {
    if kind == Kind::Bool { Ok(kind) } else { Err("its operands should hold truth values".to_owned()) }
}

fn choose(lowering: &mut Lowering, op: Op) -> Lowered {
    let values = [lowering.operand(op, 0)?, lowering.operand(op, 1)?, lowering.operand(op, 2)?];
    let Aligned { operands, axes } = lowering.aligned(&values)?;
    let text = |text: &str| Part::Text(text.to_owned());
    let [condition, yes, no] = &operands[..] else { return Err("it has not three operands".to_owned()) };
    if matches!(condition, Operand::Number(_)) {
        return Err("its condition is the same everywhere".to_owned());
    }
    same(lowering, std::slice::from_ref(condition)).and_then(truths)?;
    let kind = same(lowering, &[yes.clone(), no.clone()])?;
    let mut parts = vec![text("where(")];
    for (place, operand) in [condition, yes, no].into_iter().enumerate() {
        parts.extend([if place > 0 { text(", ") } else { text("") }, operand.part(Level::Chain)]);
    }
    parts.push(text(")"));
    Ok(vec![lowering.expression(parts, Level::Word, axes, kind)?])
}

/// An operator between two operands: its sign, how tightly it binds, and what it makes of numbers.
fn sign(kind: &str) -> Option<(&'static str, Level)> {
    Some(match kind {
        "Add" => ("+", Level::Sum),
        "Sub" => ("-", Level::Sum),
        "Mul" => ("*", Level::Product),
        "Div" => ("/", Level::Product),
        "Mod" => ("%", Level::Product),
        "Pow" => ("^", Level::Power),
        "Equal" => ("==", Level::Comparison),
        "Less" => ("<", Level::Comparison),
        "LessOrEqual" => ("<=", Level::Comparison),
        "Greater" => (">", Level::Comparison),
        "GreaterOrEqual" => (">=", Level::Comparison),
        "And" => ("and", Level::And),
        "Or" => ("or", Level::Or),
        _ => return None,
    })
}

/// The level just above `level`: what an operand on the far side of an operator must reach.
fn above(level: Level) -> Level {
    match level {
        Level::Chain => Level::Or,
        Level::Or => Level::And,
        Level::And => Level::Not,
        Level::Not => Level::Comparison,
        Level::Comparison => Level::Sum,
        Level::Sum => Level::Product,
        Level::Product => Level::Minus,
        Level::Minus => Level::Power,
        Level::Power | Level::Word => Level::Word,
    }
}

fn operator(lowering: &mut Lowering, op: Op) -> Lowered {
    let mut values = [lowering.operand(op, 0)?, lowering.operand(op, 1)?];
    if op.node.op_type == "Mod" && op.flag("fmod") {
        return Err("a remainder with the sign of the dividend (`fmod = 1`) has no counterpart".to_owned());
    }
    for value in &mut values {
        *value = plain(lowering, op, value.clone())?;
    }
    combined(lowering, op.kind(), &values).map(|value| vec![value])
}

/// A class index as an integer where arithmetic is done with it.
fn plain(lowering: &mut Lowering, op: Op, value: Value) -> Result<Value, String> {
    match &value {
        Value::Computed(x) if matches!(lowering.program.kind(x.node), Kind::Index(_)) => {
            let compared = matches!(sign(op.kind()), Some((_, Level::Comparison)));
            if compared { Ok(value) } else { lowering.step(x, "int", x.axes.clone(), Kind::Int) }
        }
        _ => Ok(value),
    }
}

/// Two values combined by an operator.
pub fn combined(lowering: &mut Lowering, kind: &str, values: &[Value; 2]) -> Result<Value, String> {
    let Aligned { operands, axes } = lowering.aligned(values)?;
    let [left, right] = &operands[..] else { return Err("it has not two operands".to_owned()) };
    let elements = match sign(kind) {
        Some((_, Level::And | Level::Or)) => same(lowering, &operands).and_then(truths)?,
        Some((_, Level::Comparison)) => same(lowering, &operands)?,
        None if kind == "Xor" => same(lowering, &operands).and_then(truths)?,
        _ => numbers(lowering, &operands)?,
    };
    let Some((sign, level)) = sign(kind) else {
        let function = match kind {
            "Min" => "minimum",
            "Max" => "maximum",
            _ => "logical_xor",
        };
        let text = |text: &str| Part::Text(text.to_owned());
        let call =
            [text(function), text("("), left.part(Level::Chain), text(", "), right.part(Level::Chain), text(")")];
        return lowering.expression(call.to_vec(), Level::Word, axes, elements);
    };
    if kind == "Div" && elements == Kind::Int {
        return Err("a division of integers has no counterpart".to_owned());
    }
    let elements = if level <= Level::Comparison { Kind::Bool } else { elements };
    let (near, far) = match level {
        Level::Power => (Level::Word, Level::Power),
        Level::Comparison => (Level::Sum, Level::Sum),
        level => (level, above(level)),
    };
    let (sign, right) = match (kind, right) {
        ("Add", Operand::Number(value)) if *value < 0.0 => ("-", Operand::Number(-value)),
        _ => (sign, right.clone()),
    };
    let parts = vec![left.part(near), Part::Text(format!(" {sign} ")), right.part(far)];
    lowering.expression(parts, level, axes, elements)
}

/// The smallest, largest, sum or mean of any number of values.
fn several(lowering: &mut Lowering, op: Op) -> Lowered {
    let count = op.node.input.len();
    let mut all = lowering.operand(op, 0)?;
    let kind = if matches!(op.kind(), "Sum" | "Mean") { "Add" } else { op.kind() };
    for index in 1..count {
        let next = lowering.operand(op, index)?;
        all = combined(lowering, kind, &[all, next])?;
    }
    match all {
        Value::Computed(x) if op.kind() == "Mean" && count > 1 => {
            let parts = vec![Part::Value(x.node, Level::Product), Part::Text(format!(" / {count}"))];
            Ok(vec![lowering.expression(parts, Level::Product, x.axes, Kind::Float)?])
        }
        all => Ok(vec![all]),
    }
}
