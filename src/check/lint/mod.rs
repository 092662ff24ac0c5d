//! What is judged once the whole program is known: roles that must be there (here), and one rule a file beside: what reaches what, what
//! nothing uses, what is probably not meant.

mod applied_twice;
mod carried;
mod definitions;
mod fused;
mod gradients;
mod labels;
mod leaks;
mod logits;
mod outputs;
mod probabilities;
mod range;
mod reductions;
mod steps;
mod stretched;
mod unused;
mod zero;

pub use labels::labels;

use super::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Graph, ResultRole, ResultValue};
use crate::source::Span;
use crate::syntax::ast::{Stmt, StmtKind};

/// What a check may let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A file with a loss and no output.
    pub no_runtime: bool,
}

impl<'a> Checker<'a> {
    /// Judges the whole program. Runs only when nothing was wrong before, so that a mistake is not reported twice.
    pub fn judge(&mut self, items: &'a [Stmt]) {
        let losses = self.graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. })).count();
        let outputs = self.graph.results.iter().filter(|result| result.role == ResultRole::Output).count();
        if losses == 0 && outputs == 0 && !is_module(items) {
            self.no_loss(items);
            return;
        }
        let trains = items.iter().any(|item| matches!(item.kind, StmtKind::Train { .. }));
        if losses == 0 && trains {
            self.no_loss(items);
        }
        if losses > 0 && outputs == 0 && !self.circumstances.options.no_runtime {
            self.no_output();
        }
        let cuts = self.gradient_paths();
        self.outputs();
        self.leaked_targets();
        if self.failed() {
            return;
        }
        self.steps(&cuts);
        self.applied_twice();
        self.logits_as_probabilities();
        self.unsafe_at_zero();
        self.uneven_reductions();
        self.stretched_labels();
        self.logit_outputs();
    }

    fn no_loss(&mut self, items: &'a [Stmt]) {
        let near = items.iter().find_map(|item| match &item.kind {
            StmtKind::Bind { names, .. } => names.iter().find(|name| name.text.to_lowercase().contains("loss")),
            _ => None,
        });
        let end = Span::new(self.file, 0, 0);
        let diagnostic = match near {
            Some(name) => {
                self.scopes.excuse(name.span);
                let named = match name.text.to_lowercase().as_str() {
                    "loss" => String::new(),
                    name => format!(" or `loss {name} = ...`"),
                };
                let text = &name.text;
                let help =
                    format!("`{text}` only looks like one: a loss is declared by the keyword, `loss = ...`{named}");
                Diagnostic::at(Code::E0103, name.span, "no loss is declared", "an ordinary value").help(help)
            }
            None => {
                Diagnostic::at(Code::E0103, end, "no loss is declared", "this file trains nothing and gives nothing")
                    .help("declare what to minimise, `loss = ...`, or what to compute, `output y`")
            }
        };
        self.report(diagnostic);
    }

    fn no_output(&mut self) {
        let loss = self.graph.results.iter().find(|result| matches!(result.role, ResultRole::Loss { .. }));
        let Some(span) = loss.and_then(|loss| loss.place.span) else { return };
        let mut diagnostic = Diagnostic::at(
            Code::E0602,
            span,
            "there is a loss but no output",
            "trained for this, but nothing says what the Runtime network gives",
        );
        let candidates = labels::output_candidates(&self.graph);
        diagnostic = match candidates.last() {
            Some(_) => {
                let list = candidates.iter().rev().take(4).map(|name| format!("`output {name}`")).collect::<Vec<_>>();
                diagnostic.help(format!("no label reaches these values: {}", list.join(", ")))
            }
            None => diagnostic.help("declare it: `output y`"),
        };
        self.report(diagnostic.note("`nnlc check --no-runtime` lets it pass"));
    }

    /// `--set` values that no constant took.
    pub fn unused_overrides(&mut self) {
        let overrides = self.circumstances.overrides;
        for name in overrides.keys().filter(|name| !self.overridden.contains(*name)) {
            let title = format!("`--set {name}=...` names neither a `const` of the file nor a size of its inputs");
            self.diagnostics.push(Diagnostic::new(Code::E0102, title));
        }
    }
}

/// Whether a file only defines what others import or its tests use.
fn is_module(items: &[Stmt]) -> bool {
    let defines = |item: &Stmt| {
        use StmtKind::{Const, Fn, Import, Layer, Test};
        matches!(item.kind, Fn(_) | Layer(_) | Const { .. } | Import { .. } | Test { .. })
    };
    !items.is_empty() && items.iter().all(defines)
}

/// The losses of a program.
fn losses(graph: &Graph) -> impl Iterator<Item = &ResultValue> {
    graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }))
}
