//! Texts of expressions, with how tightly they bind: formulas, and chains of `|>`.

/// How tightly an expression binds: operands that bind less are put in parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `and`
    And,
    /// `not a`
    Not,
    /// `a < b`
    Comparison,
    /// `a + b`
    Sum,
    /// `a * b`
    Product,
    /// `-a`
    Sign,
    /// `a ^ b`
    Power,
    /// names, numbers, calls
    Atom,
}

/// An expression that is not a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    /// As it is written.
    pub text: String,
    /// How it binds.
    pub level: Level,
}

/// What a chain leads through.
#[derive(Clone, Debug)]
pub struct Step {
    /// As it stands behind `|>`: `Affine(64)`, `relu`, `softmax(axis = 0)`.
    pub text: String,
    /// A function's name and its other arguments: it may also be called.
    pub call: Option<(String, String)>,
    /// The layer that is constructed here, and what it owns.
    pub layer: Option<(&'static str, Vec<Owned>)>,
}

/// A parameter or state of a layer.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Its path from the layer: `W`.
    pub path: &'static str,
    /// NNabla's name for it.
    pub variable: String,
    /// Its sizes in the layer.
    pub shape: Vec<i64>,
}

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    /// Without `|>`.
    Formula(Formula),
    /// `start |> step |> step`.
    Chain(Formula, Vec<Step>),
}

impl Formula {
    /// A name, number or call.
    pub fn atom(text: impl Into<String>) -> Formula {
        Formula { text: text.into(), level: Level::Atom }
    }

    /// An operand, in parentheses where it binds less than `least`.
    pub fn at(&self, least: Level) -> String {
        if self.level < least { format!("({})", self.text) } else { self.text.clone() }
    }

    /// `a op b`, where the right operand binds tighter: no operator here is regrouped.
    pub fn binary(left: &Formula, op: &str, right: &Formula, level: Level) -> Formula {
        let (left_least, right_least) = match level {
            Level::Sum => (Level::Sum, Level::Product),
            Level::Product => (Level::Product, Level::Sign),
            Level::Power => (Level::Atom, Level::Sign),
            Level::And => (Level::Comparison, Level::Comparison),
            other => (other.max(Level::Sum), Level::Sum),
        };
        Formula { text: format!("{} {op} {}", left.at(left_least), right.at(right_least)), level }
    }

    /// A constant of a function.
    pub fn number(value: f64) -> Formula {
        let level = if value < 0.0 { Level::Sign } else { Level::Atom };
        Formula { text: number(value), level }
    }
}

impl Step {
    /// A function of one value: `relu`, or `softmax(axis = 0)` with further arguments.
    pub fn function(name: &str, arguments: String) -> Step {
        let text = if arguments.is_empty() { name.to_owned() } else { format!("{name}({arguments})") };
        Step { text, call: Some((name.to_owned(), arguments)), layer: None }
    }

    /// A layer that owns nothing, or an instance by its name.
    pub fn plain(text: impl Into<String>) -> Step {
        Step { text: text.into(), call: None, layer: None }
    }
}

impl Expr {
    /// As it is written, one line.
    pub fn text(&self) -> String {
        match self {
            Expr::Formula(formula) => formula.text.clone(),
            Expr::Chain(start, steps) => {
                let steps: String = steps.iter().map(|step| format!(" |> {}", step.text)).collect();
                format!("{}{steps}", start.text)
            }
        }
    }

    /// This expression inside a formula: a chain of at most two functions as calls. None when it is to have a name.
    pub fn called(&self) -> Option<Formula> {
        match self {
            Expr::Formula(formula) => (formula.text.chars().count() <= 60).then(|| formula.clone()),
            Expr::Chain(start, steps) => {
                let call = |inside: Option<Formula>, step: &Step| {
                    let (name, arguments) = step.call.as_ref()?;
                    let inside = inside?.text;
                    let arguments = if arguments.is_empty() { String::new() } else { format!(", {arguments}") };
                    Some(Formula::atom(format!("{name}({inside}{arguments})")))
                };
                let called = steps.iter().fold(Some(start.clone()), call)?;
                (steps.len() <= 2 && called.text.chars().count() <= 60).then_some(called)
            }
        }
    }

    /// This expression with one more step.
    pub fn then(self, step: Step) -> Expr {
        match self {
            Expr::Formula(start) => Expr::Chain(start, vec![step]),
            Expr::Chain(start, mut steps) => {
                steps.push(step);
                Expr::Chain(start, steps)
            }
        }
    }
}

/// A number as a person writes it, which is read as the same 32 bits.
pub fn number(value: f64) -> String {
    let value = value as f32;
    if value.fract() == 0.0 && value.abs() < 1e6 {
        return format!("{:.0}", value + 0.0);
    }
    let shortest = format!("{value:?}");
    // A program's number is read in double precision first, which may round the other way.
    let same = shortest.parse::<f64>().is_ok_and(|read| read as f32 == value);
    if same { shortest } else { format!("{:?}", f64::from(value)) }
}

/// `[1, 2]`.
pub fn list(items: &[impl ToString]) -> String {
    format!("[{}]", items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
}

/// A number for all axes, or a list: `2` for `[2, 2]` where there is one for each of `axes` axes.
pub fn each(items: &[i64], axes: usize) -> String {
    match items {
        [first, rest @ ..] if rest.iter().all(|other| other == first) && items.len() == axes => first.to_string(),
        _ => list(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operands_keep_their_grouping() {
        let (x, y) = (Formula::atom("x"), Formula::atom("y"));
        let sum = Formula::binary(&x, "+", &y, Level::Sum);
        assert_eq!(Formula::binary(&sum, "*", &x, Level::Product).text, "(x + y) * x");
        assert_eq!(Formula::binary(&sum, "-", &sum, Level::Sum).text, "x + y - (x + y)");
        let power = Formula::binary(&Formula::number(-2.0), "^", &x, Level::Power);
        assert_eq!(power.text, "(-2) ^ x");
        assert_eq!(Formula::binary(&x, "^", &Formula::number(-1.0), Level::Power).text, "x ^ -1");
    }

    #[test]
    fn numbers_are_short() {
        let written: Vec<String> = [0.1, 1e-8, 2.0, -0.5, 0.001, -3.0].iter().map(|value| number(*value)).collect();
        assert_eq!(written, ["0.1", "1e-8", "2", "-0.5", "0.001", "-3"]);
    }
}
