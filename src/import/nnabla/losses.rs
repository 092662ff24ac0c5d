//! NNabla's losses and errors: each is a function of the library.

use super::classes::class_axis;
use super::term::{Expr, Formula, number};
use super::writer::{Fault, Term, Writer, input, output};
use super::{Function, names};

impl Writer<'_> {
    /// Losses and errors.
    pub fn loss(&mut self, function: &Function) -> Result<bool, Fault> {
        let args = &function.args;
        let more = match function.kind.as_str() {
            "SquaredError" | "AbsoluteError" | "BinaryCrossEntropy" | "SigmoidCrossEntropy" | "BinaryError" => {
                String::new()
            }
            "HuberLoss" => match args.number("delta", 1.0) {
                1.0 => String::new(),
                delta => format!(", delta = {}", number(delta)),
            },
            "EpsilonInsensitiveLoss" => format!(", {}", number(args.number("epsilon", 1.0))),
            "KLMultinomial" if args.whole("base_axis", 1) == 1 => String::new(),
            "SoftmaxCrossEntropy" | "CategoricalCrossEntropy" | "TopNError" => {
                return self.class_loss(function).map(|()| true);
            }
            _ => return Ok(false),
        };
        let name = match function.kind.as_str() {
            "KLMultinomial" => "kl_multinomial".to_owned(),
            other => names::snake_case(other),
        };
        let (left, right, shape, like) = self.pair(function)?;
        let (a, b) = (self.read(input(function, 0)?)?.shape, self.read(input(function, 1)?)?.shape);
        if a != b {
            return Err(format!(
                "it compares values of the shapes {a:?} and {b:?}, which stretches one of them silently"
            ));
        }
        let call = Formula::atom(format!("{name}({}, {}{more})", left.text, right.text));
        let sample = function.kind == "KLMultinomial";
        self.formula(function, call, if sample { Vec::new() } else { shape }, &like)?;
        if sample && let Some(term) = self.terms.get_mut(output(function)?) {
            term.lost = Some(0);
        }
        Ok(true)
    }

    /// Losses that compare scores with a class. NNabla keeps the scores' axis with size 1; here it is gone.
    fn class_loss(&mut self, function: &Function) -> Result<(), Fault> {
        let scores = input(function, 0)?;
        let rank = self.network.shape(scores).len();
        let axis = class_axis(function, rank);
        if axis == 0 {
            return Err("its classes lie along the samples of a minibatch".to_owned());
        }
        let (scores, like) = self.operand(scores)?;
        let mut shape = like.shape.clone();
        if axis > shape.len() {
            return Err("its axis of classes is none of the scores'".to_owned());
        }
        shape.remove(axis - 1);
        let class = self.class(function, 1, &shape)?;
        let mut given = format!("{}, {}", scores.text, class.text);
        if function.kind == "TopNError" {
            given.push_str(&format!(", n = {}", function.args.whole("n", 1)));
        }
        if axis + 1 != rank {
            given.push_str(&format!(", axis = {}", axis - 1));
        }
        let call = Formula::atom(format!("{}({given})", names::snake_case(&function.kind)));
        let hint = names::chosen(&function.name, &function.kind);
        let term =
            Term { expr: Expr::Formula(call), shape, lost: Some(axis - 1), truth: None, classes: None, hint, ..like };
        self.define(output(function)?, term);
        Ok(())
    }
}
