//! `grad(y, x)`: a node that stands for the derivative; `lower` writes it out.

use super::call::Given;
use super::checker::Checker;
use super::value::Val;
use crate::base::{Idx, IndexVec};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, op};
use crate::ops::reach::{Flow, reach};
use crate::source::Span;

impl<'a> Checker<'a> {
    /// The derivative of a per-sample scalar by a float that it was computed from.
    pub fn grad(&mut self, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        let mut slots: [Option<Given<'a>>; 2] = [None, None];
        for (position, given) in given.into_iter().enumerate() {
            let slot = match given.name {
                None => position,
                Some(name) => match ["y", "x"].iter().position(|own| *own == name) {
                    Some(slot) => slot,
                    None => return self.report_unknown_argument("grad", name, given.at, &["y", "x"]),
                },
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some(given),
                _ => return self.error(Code::E0105, given.span, "`grad` takes two arguments", "one too many"),
            }
        }
        let [Some(y), Some(x)] = slots else {
            let title = "`grad` takes a value and what to differentiate it by";
            return self.error(Code::E0105, span, title, "one is missing");
        };
        let (Some(value), Some(by)) = (self.real(&y), self.real(&x)) else { return Val::Error };
        if self.graph.ty(value).shape.rank() != 0 {
            let title = format!("`grad` differentiates a scalar, not {}", self.graph.ty(value));
            let diagnostic = Diagnostic::at(Code::E0509, y.span, title, format!("this is {}", self.graph.ty(value)))
                .note("the derivative of several numbers by several others has no shape of either")
                .help("differentiate the sum, or one element: `grad(sum(y), x)`, `grad(y[0], x)`");
            return self.report(diagnostic);
        }
        if let Some(refused) = self.unreached(value, by, &y, &x) {
            return self.report(refused);
        }
        self.emit(op::GRAD, &[value, by], Attrs::new(), span)
    }

    /// An argument that holds real numbers of the graph.
    fn real(&mut self, given: &Given<'a>) -> Option<ir::Value> {
        let found = match &given.val {
            Val::Error => return None,
            Val::Tensor(value) if self.graph.ty(*value).dtype.is_float() => return Some(*value),
            Val::Tensor(value) => self.graph.ty(*value).to_string(),
            other => other.kind().to_owned(),
        };
        let title = format!("`grad` takes tensors of real numbers, not {found}");
        self.error(Code::E0509, given.span, title, format!("this is {found}"));
        None
    }

    /// Why there is no derivative of `value` by `by`.
    fn unreached(&self, value: ir::Value, by: ir::Value, y: &Given, x: &Given) -> Option<Diagnostic> {
        let text = |given: &Given| match self.sources.is_library(given.span) {
            true => "this value".to_owned(),
            false => format!("`{}`", self.sources.text(given.span)),
        };
        let (of, wrt) = (text(y), text(x));
        match reach(&self.graph, value, &[by]).flows.remove(0) {
            Flow::Unrelated => {
                let title = format!("{of} was not computed from {wrt}");
                let label = format!("{of} does not depend on it");
                let diagnostic = Diagnostic::at(Code::E0509, x.span, title, label);
                return Some(
                    diagnostic
                        .note("an equal expression written again is another value")
                        .help("bind it to a name first, and compute with that name"),
                );
            }
            Flow::Cut(cuts) => {
                let title = format!("no derivative of {of} reaches {wrt}");
                let mut diagnostic = Diagnostic::at(Code::E0509, x.span, title, "cut off on the way");
                for cut in cuts.iter().take(2) {
                    let node = self.graph.node(cut.value);
                    if let Some(at) = self.user_place(node.place) {
                        diagnostic = diagnostic.label(at, format!("`{}` {}", node.op, cut.reason));
                    }
                }
                return Some(diagnostic);
            }
            Flow::Reaches => {}
        }
        let mixing = self.mixing(value, by)?;
        let title = format!("{of} reaches {wrt} through other samples");
        let mut diagnostic =
            Diagnostic::at(Code::E0509, x.span, title, "the derivative of one sample is not its own alone");
        if let Some(at) = self.user_place(self.graph.node(mixing).place) {
            diagnostic = diagnostic.label(at, "the whole minibatch is seen here");
        }
        Some(diagnostic.note("`grad` is the derivative within one sample"))
    }

    /// The `all_samples` on a way from `by` to `value`.
    fn mixing(&self, value: ir::Value, by: ir::Value) -> Option<ir::Value> {
        let mut depends: IndexVec<ir::Value, bool> = self.graph.nodes.iter().map(|_| false).collect();
        depends[by] = true;
        let mut mixing = Vec::new();
        for id in (by.index() + 1..=value.index()).map(ir::Value::new) {
            let node = self.graph.node(id);
            depends[id] = node.inputs.iter().any(|input| depends[*input]);
            if depends[id] && node.op == op::ALL_SAMPLES {
                mixing.push(id);
            }
        }
        let reached = (!mixing.is_empty()).then(|| self.graph.reached_from([value]))?;
        mixing.into_iter().find(|id| reached[*id])
    }
}
