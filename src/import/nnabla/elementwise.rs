//! Functions of single elements: activations, arithmetic, comparisons. And the table of all functions.

use super::term::{Expr, Formula, Level, Step, list, number};
use super::writer::{Fault, Term, Writer, input, output};
use super::{Function, count};

/// Functions of one value without arguments, by NNabla's names.
const PLAIN: &[(&str, &str)] = &[
    ("ReLU", "relu"),
    ("GELU", "gelu"),
    ("Swish", "silu"),
    ("Mish", "mish"),
    ("ReLU6", "relu6"),
    ("HardSigmoid", "hard_sigmoid"),
    ("HardTanh", "hard_tanh"),
    ("LogSigmoid", "log_sigmoid"),
    ("SoftSign", "softsign"),
    ("TanhShrink", "tanh_shrink"),
    ("Sinc", "sinc"),
    ("Sigmoid", "sigmoid"),
    ("Tanh", "tanh"),
    ("Abs", "abs"),
    ("Exp", "exp"),
    ("Log", "log"),
    ("Round", "round"),
    ("Ceil", "ceil"),
    ("Floor", "floor"),
    ("Sin", "sin"),
    ("Cos", "cos"),
    ("Tan", "tan"),
    ("Sinh", "sinh"),
    ("Cosh", "cosh"),
    ("ASin", "asin"),
    ("ACos", "acos"),
    ("ATan", "atan"),
    ("ASinh", "asinh"),
    ("ACosh", "acosh"),
    ("ATanh", "atanh"),
    ("Erf", "erf"),
    ("Unlink", "stop_gradient"),
];

/// Operators of two values, and their scalar forms.
const OPERATORS: &[(&str, &str, Level)] = &[
    ("Add2", "+", Level::Sum),
    ("BcAdd2", "+", Level::Sum),
    ("Sub2", "-", Level::Sum),
    ("Mul2", "*", Level::Product),
    ("Div2", "/", Level::Product),
    ("Pow2", "^", Level::Power),
    ("AddScalar", "+", Level::Sum),
    ("MulScalar", "*", Level::Product),
    ("PowScalar", "^", Level::Power),
    ("RSubScalar", "-", Level::Sum),
    ("RDivScalar", "/", Level::Product),
    ("RPowScalar", "^", Level::Power),
    ("Equal", "==", Level::Comparison),
    ("NotEqual", "!=", Level::Comparison),
    ("Greater", ">", Level::Comparison),
    ("GreaterEqual", ">=", Level::Comparison),
    ("Less", "<", Level::Comparison),
    ("LessEqual", "<=", Level::Comparison),
    ("EqualScalar", "==", Level::Comparison),
    ("NotEqualScalar", "!=", Level::Comparison),
    ("GreaterScalar", ">", Level::Comparison),
    ("GreaterEqualScalar", ">=", Level::Comparison),
    ("LessScalar", "<", Level::Comparison),
    ("LessEqualScalar", "<=", Level::Comparison),
];

impl Writer<'_> {
    /// Writes a function; what it gives is known afterwards.
    pub fn function(&mut self, place: usize, function: &Function) -> Result<(), Fault> {
        let kind = function.kind.as_str();
        if let Some((_, name)) = PLAIN.iter().find(|(known, _)| *known == kind) {
            return self.same_shape(function, Step::function(name, String::new()));
        }
        if OPERATORS.iter().any(|(known, _, _)| *known == kind) {
            return if kind.ends_with("Scalar") { self.with_scalar(function) } else { self.operator(function) };
        }
        let written = self.parametrised(function)?
            || self.several(function)?
            || self.layer(place, function)?
            || self.window(place, function)?
            || self.reduction(function)?
            || self.rearranged(function)?
            || self.loss(function)?
            || self.random(function)?;
        if written { Ok(()) } else { Err("there is no counterpart".to_owned()) }
    }

    /// A step that keeps the shape.
    pub fn same_shape(&mut self, function: &Function, step: Step) -> Result<(), Fault> {
        let shape = self.read(input(function, 0)?)?.shape;
        self.step(function, step, shape)
    }

    /// Functions of one value with arguments.
    fn parametrised(&mut self, function: &Function) -> Result<bool, Fault> {
        let args = &function.args;
        let unless = |name: &str, key: &str, default: f64| {
            let value = args.number(key, default);
            if value as f32 == default as f32 { String::new() } else { format!("{name} = {}", number(value)) }
        };
        let step = match function.kind.as_str() {
            "LeakyReLU" => Step::function("leaky_relu", unless("alpha", "alpha", 0.1)),
            "ELU" => Step::function("elu", unless("alpha", "alpha", 1.0)),
            "SELU" => {
                let given =
                    [unless("scale", "scale", 1.050_700_987_355_48), unless("alpha", "alpha", 1.673_263_242_354_377)];
                Step::function(
                    "selu",
                    given.iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", "),
                )
            }
            "SoftPlus" => Step::function("softplus", unless("beta", "beta", 1.0)),
            "MaximumScalar" => Step::function("maximum", number(args.number("val", 1.0))),
            "MinimumScalar" => Step::function("minimum", number(args.number("val", 1.0))),
            "ResetNaN" => Step::function("reset_nan", unless("value", "val", 0.0)),
            "ResetInf" => Step::function("reset_inf", unless("value", "val", 0.0)),
            "Softmax" | "LogSoftmax" => {
                let name = if function.kind == "Softmax" { "softmax" } else { "log_softmax" };
                let rank = self.network.shape(input(function, 0)?).len();
                let axis = super::classes::class_axis(function, rank);
                if axis == 0 {
                    return Err("it works along the samples of a minibatch".to_owned());
                }
                Step::function(name, if axis + 1 == rank { String::new() } else { format!("axis = {}", axis - 1) })
            }
            "CReLU" | "CELU" => return self.doubled(function).map(|()| true),
            "Identity" | "Sink" if function.inputs.len() == 1 => {
                let term = self.read(input(function, 0)?)?;
                let fresh =
                    self.terms.get(input(function, 0)?).is_some_and(|term| matches!(term.expr, Expr::Chain(..)));
                if fresh && self.uses.get(input(function, 0)?).copied().unwrap_or(0) > 1 {
                    self.bind(input(function, 0)?);
                }
                self.define(output(function)?, term);
                return Ok(true);
            }
            "IsNaN" | "IsInf" | "LogicalNot" => return self.truth_of_one(function).map(|()| true),
            _ => return Ok(false),
        };
        self.same_shape(function, step).map(|()| true)
    }

    /// `crelu` and `celu`, which double an axis.
    fn doubled(&mut self, function: &Function) -> Result<(), Fault> {
        let axis = function.args.whole("axis", 1);
        let mut shape = self.read(input(function, 0)?)?.shape;
        let place = usize::try_from(axis - 1).ok().filter(|place| *place < shape.len());
        let place = place.ok_or_else(|| "it doubles the samples of a minibatch".to_owned())?;
        shape[place] *= 2;
        let axis = (place > 0).then(|| format!("axis = {place}"));
        let alpha = function.args.number("alpha", 1.0);
        let alpha = (function.kind == "CELU" && alpha != 1.0).then(|| format!("alpha = {}", number(alpha)));
        let given: Vec<String> = [alpha, axis].into_iter().flatten().collect();
        self.step(function, Step::function(&function.kind.to_lowercase(), given.join(", ")), shape)
    }

    /// `float(is_nan(x))` and the like.
    fn truth_of_one(&mut self, function: &Function) -> Result<(), Fault> {
        let (x, term) = self.operand(input(function, 0)?)?;
        let truth = match function.kind.as_str() {
            "IsNaN" => Formula::atom(format!("is_nan({})", x.text)),
            "IsInf" => Formula::atom(format!("is_inf({})", x.text)),
            _ => {
                let inside = self.truth(input(function, 0)?)?;
                Formula { text: format!("not {}", inside.at(Level::Not)), level: Level::Not }
            }
        };
        self.truth_value(function, truth, term.shape.clone(), &term)
    }

    /// A value as truth values: what was a comparison is one again.
    pub fn truth(&mut self, value: &str) -> Result<Formula, Fault> {
        let (formula, term) = self.operand(value)?;
        let nonzero = || Formula::binary(&formula, "!=", &Formula::number(0.0), Level::Comparison);
        Ok(term.truth.clone().unwrap_or_else(nonzero))
    }

    /// Truth values, which NNabla has as 0 and 1.
    fn truth_value(&mut self, function: &Function, truth: Formula, shape: Vec<i64>, like: &Term) -> Result<(), Fault> {
        let expr = Expr::Formula(Formula::atom(format!("float({})", truth.text)));
        let term = Term { expr, shape, truth: Some(truth), hint: None, lost: None, classes: None, ..like.clone() };
        self.define(output(function)?, term);
        Ok(())
    }

    /// A value and a number.
    fn with_scalar(&mut self, function: &Function) -> Result<(), Fault> {
        let kind = function.kind.as_str();
        let Some((_, op, level)) = OPERATORS.iter().find(|(known, _, _)| *known == kind) else { return Ok(()) };
        let value = function.args.number("val", if kind == "AddScalar" { 0.0 } else { 1.0 });
        let lost = self.terms.get(input(function, 0)?).and_then(|term| term.lost);
        let (x, term) =
            if lost.is_some() { self.lossy(input(function, 0)?)? } else { self.operand(input(function, 0)?)? };
        let linear = ["AddScalar", "MulScalar"].contains(&kind);
        if term.averaged && !linear {
            return Err(
                "it is computed from a mean over the samples of a minibatch; a program is written for one sample"
                    .to_owned(),
            );
        }
        let constant = Formula::number(value);
        let formula = match (kind, value) {
            (_, _) if kind.starts_with('R') => Formula::binary(&constant, op, &x, *level),
            ("AddScalar", value) if value < 0.0 => Formula::binary(&x, "-", &Formula::number(-value), Level::Sum),
            ("MulScalar", -1.0) => Formula { text: format!("-{}", x.at(Level::Sign)), level: Level::Sign },
            ("MulScalar", _) => Formula::binary(&constant, "*", &x, Level::Product),
            _ => Formula::binary(&x, op, &constant, *level),
        };
        if *level == Level::Comparison {
            return self.truth_value(function, formula, term.shape.clone(), &term);
        }
        let hint = super::names::chosen(&function.name, kind);
        let shape = term.shape.clone();
        let term = Term { expr: Expr::Formula(formula), shape, truth: None, hint, classes: None, lost, ..term };
        self.define(output(function)?, term);
        Ok(())
    }

    /// A value that lacks an axis of size 1, as it is: what is done to each element does not need the axis.
    fn lossy(&mut self, value: &str) -> Result<(Formula, Term), Fault> {
        if let Some(formula) = self.as_it_is(value)?.expr.called() {
            return Ok((formula, self.as_it_is(value)?));
        }
        self.bind(value);
        let term = self.as_it_is(value)?;
        Ok((Formula::atom(term.expr.text()), term))
    }

    /// Whether a value is read by operators on two values alone.
    pub fn only_operands(&self, value: &str) -> bool {
        let readers = self.needed.iter().map(|place| &self.network.functions[*place]);
        let mut readers = readers.filter(|function| function.inputs.iter().any(|input| input == value)).peekable();
        let operator = |function: &Function| OPERATORS.iter().any(|(known, _, _)| *known == function.kind);
        readers.peek().is_some() && readers.all(operator) && self.outputs.iter().all(|(output, _)| *output != value)
    }

    /// An operator on two values.
    fn operator(&mut self, function: &Function) -> Result<(), Fault> {
        let kind = function.kind.as_str();
        let Some((_, op, level)) = OPERATORS.iter().find(|(known, _, _)| *known == kind) else { return Ok(()) };
        let (left, right, shape, like) = self.pair(function)?;
        let formula = Formula::binary(&left, op, &right, *level);
        if *level == Level::Comparison {
            return self.truth_value(function, formula, shape, &like);
        }
        self.formula(function, formula, shape, &like)
    }

    /// Two operands that line up: where both would stretch, one is stretched in words. And their common shape.
    pub fn pair(&mut self, function: &Function) -> Result<(Formula, Formula, Vec<i64>, Term), Fault> {
        let (mut left, mut a) = self.operand(input(function, 0)?)?;
        let (mut right, mut b) = self.operand(input(function, 1)?)?;
        let linear = ["Add2", "Sub2", "BcAdd2"].contains(&function.kind.as_str());
        if (a.averaged || b.averaged) && !(linear && a.averaged == b.averaged) {
            return Err(
                "it is computed from a mean over the samples of a minibatch; a program is written for one sample"
                    .to_owned(),
            );
        }
        without_batch(&mut left, &mut a, &b)?;
        without_batch(&mut right, &mut b, &a)?;
        let rank = a.shape.len().max(b.shape.len());
        let size = |term: &Term, axis: usize| {
            let missing = rank - term.shape.len();
            if axis < missing { 1 } else { term.shape[axis - missing] }
        };
        let shape: Vec<i64> = (0..rank).map(|axis| size(&a, axis).max(size(&b, axis))).collect();
        let stretched = |term: &Term| (0..rank).any(|axis| size(term, axis) != shape[axis]);
        if stretched(&a) && stretched(&b) {
            let smaller_left = count(&a.shape) <= count(&b.shape);
            let side = if smaller_left { &mut left } else { &mut right };
            *side = Formula::atom(format!("broadcast({}, {})", side.text, list(&shape)));
        }
        let like = Term { batched: a.batched || b.batched, averaged: a.averaged || b.averaged, ..a };
        Ok((left, right, shape, like))
    }

    /// Functions of several values.
    fn several(&mut self, function: &Function) -> Result<bool, Fault> {
        match function.kind.as_str() {
            "Maximum2" | "Minimum2" | "ATan2" => {
                let name = match function.kind.as_str() {
                    "Maximum2" => "maximum",
                    "Minimum2" => "minimum",
                    _ => "atan2",
                };
                let (left, right, shape, like) = self.pair(function)?;
                let call = Formula::atom(format!("{name}({}, {})", left.text, right.text));
                self.formula(function, call, shape, &like)?;
            }
            "LogicalAnd" | "LogicalOr" | "LogicalXor" => {
                let (_, _, shape, like) = self.pair(function)?;
                let (a, b) = (self.truth(input(function, 0)?)?, self.truth(input(function, 1)?)?);
                let truth = match function.kind.as_str() {
                    "LogicalAnd" => Formula::binary(&a, "and", &b, Level::And),
                    "LogicalOr" => Formula::atom(format!("({} or {})", a.text, b.text)),
                    _ => Formula::atom(format!("logical_xor({}, {})", a.text, b.text)),
                };
                self.truth_value(function, truth, shape, &like)?;
            }
            "Where" => {
                let condition = self.truth(input(function, 0)?)?;
                let (a, like) = self.operand(input(function, 1)?)?;
                let (b, _) = self.operand(input(function, 2)?)?;
                let call = Formula::atom(format!("where({}, {}, {})", condition.text, a.text, b.text));
                self.formula(function, call, like.shape.clone(), &Term { batched: true, ..like })?;
            }
            "AddN" | "MulN" => {
                let (op, level) = if function.kind == "AddN" { ("+", Level::Sum) } else { ("*", Level::Product) };
                let (mut all, like) = self.operand(input(function, 0)?)?;
                for i in 1..function.inputs.len() {
                    let (next, term) = self.operand(input(function, i)?)?;
                    if term.shape != like.shape || term.averaged && op == "*" {
                        return Err("its inputs differ in shape".to_owned());
                    }
                    all = Formula::binary(&all, op, &next, level);
                }
                self.formula(function, all, like.shape.clone(), &like)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Draws, and values that are constants.
    fn random(&mut self, function: &Function) -> Result<bool, Fault> {
        let args = &function.args;
        let value = output(function)?.to_owned();
        let whole = self.network.shape(&value).to_vec();
        let given = args.list("shape");
        let drawn = function.kind.starts_with("Rand");
        // A draw for each sample has the batch as its first axis; a constant has no batch.
        let shape = match given.as_slice() {
            _ if drawn => whole.get(1..).unwrap_or_default().to_vec(),
            [1, rest @ ..] if !rest.is_empty() => rest.to_vec(),
            _ => given,
        };
        let shown = list(&shape);
        let formula = match function.kind.as_str() {
            "Constant" => Formula::atom(format!("full({shown}, {})", number(args.number("val", 0.0)))),
            "Randn" => {
                let (mu, sigma) = (args.number("mu", 0.0), args.number("sigma", 1.0));
                let unit = Formula::atom(format!("randn({shown})"));
                let scaled = if sigma == 1.0 {
                    unit
                } else {
                    Formula::binary(&Formula::number(sigma), "*", &unit, Level::Product)
                };
                if mu == 0.0 { scaled } else { Formula::binary(&Formula::number(mu), "+", &scaled, Level::Sum) }
            }
            "Rand" => {
                let (low, high) = (args.number("low", 0.0), args.number("high", 1.0));
                let unit = Formula::atom(format!("rand({shown})"));
                let scaled = if high - low == 1.0 {
                    unit
                } else {
                    Formula::binary(&Formula::number(high - low), "*", &unit, Level::Product)
                };
                if low == 0.0 { scaled } else { Formula::binary(&Formula::number(low), "+", &scaled, Level::Sum) }
            }
            "Randint" | "RandInt" => {
                Formula::atom(format!("float(randint({}, {}, {shown}))", args.whole("low", 0), args.whole("high", 1)))
            }
            "RandBinomial" if args.whole("n", 1) == 1 => {
                Formula::atom(format!("bernoulli({}, {shown})", number(args.number("p", 0.5))))
            }
            "Dropout" => {
                return self
                    .same_shape(function, Step::plain(format!("Dropout({})", number(args.number("p", 0.5)))))
                    .map(|()| true);
            }
            "RandomFlip" | "RandomShift" | "RandomCrop" => return self.augmented(function).map(|()| true),
            _ => return Ok(false),
        };
        let expr = Expr::Formula(formula);
        let term =
            Term { expr, shape, batched: drawn, averaged: false, lost: None, truth: None, classes: None, hint: None };
        self.define(&value, term);
        Ok(true)
    }

    /// Augmentation, which acts in training only.
    fn augmented(&mut self, function: &Function) -> Result<(), Fault> {
        let args = &function.args;
        let shape = self.read(input(function, 0)?)?.shape;
        let right = |given: Vec<i64>, fill: &dyn Fn(usize) -> i64| -> Vec<i64> {
            let missing = shape.len().saturating_sub(given.len());
            (0..missing).map(fill).chain(given).collect()
        };
        match function.kind.as_str() {
            "RandomFlip" => {
                let axes: Vec<i64> =
                    args.list("axes").iter().map(|axis| if *axis > 0 { axis - 1 } else { *axis }).collect();
                self.same_shape(function, Step::function("random_flip", list(&axes)))
            }
            "RandomShift" if matches!(args.word("border_mode"), "" | "nearest") => {
                let shifts = right(args.list("shifts"), &|_| 0);
                self.same_shape(function, Step::function("random_shift", list(&shifts)))
            }
            "RandomCrop" => {
                let sizes = right(args.list("shape"), &|axis| shape[axis]);
                self.step(function, Step::function("random_crop", list(&sizes)), sizes)
            }
            _ => Err("only a border that is repeated has a counterpart".to_owned()),
        }
    }
}

/// Takes the axis that lines up with the samples of `other` off a value that has none.
fn without_batch(formula: &mut Formula, own: &mut Term, other: &Term) -> Result<(), Fault> {
    if own.batched || !other.batched || own.shape.len() <= other.shape.len() {
        return Ok(());
    }
    match own.shape.as_slice() {
        [1, rest @ ..] if rest.len() == other.shape.len() => {
            *formula = Formula::atom(format!("reshape({}, {})", formula.text, list(rest)));
            own.shape.remove(0);
            Ok(())
        }
        _ => Err("a parameter has an axis where the samples of a minibatch are".to_owned()),
    }
}
