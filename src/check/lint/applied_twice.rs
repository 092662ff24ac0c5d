//! W0505: a softmax or sigmoid before a cross entropy that applies it.

use super::fused::{fused, gives_probabilities, source_of};
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};

impl Checker<'_> {
    /// Judges what the fused losses are given.
    pub fn applied_twice(&mut self) {
        for call in fused(&self.graph, self.sources) {
            let source = source_of(&self.graph, call.logits);
            let Some(earlier) = gives_probabilities(&self.graph, self.sources, source) else { continue };
            let node = self.graph.node(source);
            let Some(span) = self.user_place(node.place) else { continue };
            let title = match earlier == call.applies {
                true => format!("`{earlier}` is applied twice: `{}` applies it too", call.name),
                false => format!("`{earlier}` before `{}`, which applies `{}` itself", call.name, call.applies),
            };
            let mut diagnostic = Diagnostic::at(Code::W0505, span, title, "gives probabilities");
            if call.call != span {
                diagnostic = diagnostic.label(call.call, "takes logits");
            }
            let other = match call.applies {
                "softmax" => "categorical_cross_entropy",
                _ => "binary_cross_entropy",
            };
            self.report(diagnostic.help(format!(
                "give `{}` what `{earlier}` is applied to, or give the probabilities to `{other}`",
                call.name
            )));
        }
    }
}
