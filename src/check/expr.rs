//! Expressions: literals, names, pipes, branches, lists. Operators and indexing are in `operator`, calls in `call`.

use std::rc::Rc;

use super::checker::Checker;
use super::scope::Binding;
use super::value::{Truth, Val};
use crate::base::{closest, surely_meant};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprId, ExprKind, Name};

/// For how many unknown names a similar one is looked for among all that are visible.
const SUGGESTIONS: usize = 200;

impl<'a> Checker<'a> {
    /// The value of an expression that gives one.
    pub fn expr(&mut self, id: ExprId) -> Val<'a> {
        let mut results = self.expr_results(id);
        match results.len() {
            1 => results.remove(0),
            n => {
                let span = self.ast_expr(id).span;
                let title = format!("one value is needed where there are {n}");
                let diagnostic = Diagnostic::at(Code::E0105, span, title, format!("this gives {n} values"))
                    .help("bind them to names first: `a, b = ...`");
                self.report(diagnostic)
            }
        }
    }

    /// The values of an expression: several for a call of what returns several.
    pub fn expr_results(&mut self, id: ExprId) -> Vec<Val<'a>> {
        let expr = self.ast_expr(id);
        let span = expr.span;
        let one = match &expr.kind {
            ExprKind::Int(value) => Val::Int((*value).into()),
            ExprKind::Float(value) => Val::Float(*value),
            ExprKind::Str(text) => Val::Str(text.as_str().into()),
            ExprKind::Bool(value) => Val::Bool(Truth::Known(*value)),
            ExprKind::Training => Val::Bool(match self.here.phase {
                Truth::Training => Truth::Known(true),
                Truth::NotTraining => Truth::Known(false),
                Truth::Known(_) => Truth::Training,
            }),
            ExprKind::Name(name) => self.name(name, span),
            ExprKind::Unary { op, op_span, operand } => self.unary(*op, *op_span, *operand, span),
            ExprKind::Binary { op, op_span, left, right } => self.binary(*op, *op_span, *left, *right, span),
            ExprKind::Pipe { value, target } => {
                let results = self.pipe(*value, *target);
                self.note_results(self.ast_expr(*target).span, &results);
                return results;
            }
            ExprKind::Range { start, end } => self.range(*start, *end, span),
            ExprKind::Call { callee, args, parens } => {
                let results = self.call_expr(*callee, args, *parens, span);
                self.note_results(span, &results);
                return results;
            }
            ExprKind::Index { value, indices, brackets } => self.index(*value, indices, *brackets, span),
            ExprKind::Member { value, name } => self.member(*value, name),
            ExprKind::Cast { value, ty } => self.cast(*value, ty, span),
            ExprKind::If { condition, then, otherwise } => return self.if_expr(*condition, then, otherwise, span),
            ExprKind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| self.expr(*item)).collect();
                Val::List(Rc::new(items))
            }
        };
        vec![one]
    }

    /// The values of a comma-separated list of expressions.
    pub fn exprs(&mut self, ids: &[ExprId]) -> Vec<Val<'a>> {
        match ids {
            [id] => self.expr_results(*id),
            _ => ids.iter().map(|id| self.expr(*id)).collect(),
        }
    }

    /// What a name written outside an expression stands for.
    pub fn named_value(&mut self, name: &Name) -> Val<'a> {
        self.name(&name.text, name.span)
    }

    fn name(&mut self, name: &str, span: Span) -> Val<'a> {
        if let Some(clock) = self.clock(name, span) {
            return clock;
        }
        match self.scopes.look_up(self.here.scope, name) {
            Some(Binding { val, .. }) => {
                self.note_name(span, &val);
                val
            }
            None => self.unknown(name, span),
        }
    }

    fn unknown(&mut self, name: &str, span: Span) -> Val<'a> {
        if self.is_excused(name) {
            return Val::Error;
        }
        if let Some(later) = self.scopes.bound_later(self.here.scope, name, span) {
            let diagnostic =
                Diagnostic::at(Code::E0112, span, format!("`{name}` is used before it is bound"), "used here")
                    .label(later, "bound only here")
                    .help("move the binding above its first use");
            return self.report_unknown(name, diagnostic);
        }
        if self.path.binding.as_deref() == Some(name) && self.here.frame.is_none() {
            let title = format!("`{name}` needs itself");
            let diagnostic = Diagnostic::at(Code::E0107, span, title, "there is no earlier value of this name")
                .note("a binding may use an earlier binding of the same name, never its own value");
            return self.report(diagnostic);
        }
        let mut diagnostic =
            Diagnostic::at(Code::E0102, span, format!("unknown name `{name}`"), "not bound anywhere above");
        if super::clock::CLOCKS.contains(&name) {
            let note = format!("`{name}` is known in the weight of a loss only: `loss l weight {name} = ...`");
            return self.report(diagnostic.note(note));
        }
        if super::data::READERS.contains(&name) {
            let note = format!("`{name}(...)` reads a column, inside the braces of `data train {{ ... }}`");
            return self.report(diagnostic.note(note));
        }
        if let Some(known) = super::foreign::meaning(name) {
            return self.foreign(diagnostic, name, known, span);
        }
        if let Some(result) = self.graph.results.iter().find(|result| result.name == name) {
            let word = result.role.keyword();
            diagnostic = match result.place.span {
                Some(declared) => diagnostic.label(declared, format!("the name of this {word} is no value")),
                None => diagnostic,
            };
            let help = format!("bind the value first: `{name} = ...`, then `{word} {name} = {name}`");
            return self.report_unknown(name, diagnostic.help(help));
        }
        diagnostic = match super::elsewhere::explained(diagnostic, name, span) {
            Ok(explained) => return self.report_unknown(name, explained),
            Err(plain) => plain,
        };
        if self.told_unknown() > SUGGESTIONS {
            return self.report_unknown(name, diagnostic);
        }
        if name.starts_with(char::is_uppercase)
            && let Some(function) = self.callable_alike(name)
        {
            diagnostic = diagnostic.help(format!("the function is called `{function}`: `x |> {function}`")).fix(
                format!("write `{function}`"),
                span,
                function,
                Applicability::Maybe,
            );
            return self.report_unknown(name, diagnostic);
        }
        let visible = self.scopes.visible(self.here.scope);
        if let Some(near) = closest(name, visible.iter().copied()) {
            let sure = if surely_meant(name, near, visible) { Applicability::Certain } else { Applicability::Maybe };
            diagnostic = diagnostic.help(format!("a similar name exists: `{near}`")).fix(
                format!("write `{near}`"),
                span,
                near,
                sure,
            );
        }
        self.report_unknown(name, diagnostic)
    }

    fn range(&mut self, start: ExprId, end: ExprId, span: Span) -> Val<'a> {
        let (low, high) = (self.expr(start), self.expr(end));
        if matches!(low, Val::Error) || matches!(high, Val::Error) {
            return Val::Error;
        }
        match (low.integer(), high.integer()) {
            (Some(low), Some(high)) if high.saturating_sub(low) <= 1 << 20 => {
                Val::List(Rc::new((low..high).map(|value| Val::Int(value.into())).collect()))
            }
            (Some(_), Some(_)) => self.error(Code::E0205, span, "a range of more than a million", "too long"),
            _ => self.error(Code::E0115, span, "the ends of a range are integers", "known before anything runs"),
        }
    }

    fn member(&mut self, value: ExprId, name: &'a Name) -> Val<'a> {
        let span = self.ast_expr(value).span;
        if let Some(answer) = self.of_module(value, name) {
            return answer;
        }
        match self.expr(value) {
            Val::Error => Val::Error,
            Val::Primitives => match crate::ops::find(&name.text) {
                Some(primitive) => Val::Primitive(primitive),
                None => {
                    self.error(Code::E0102, name.span, format!("no primitive is called `{}`", name.text), "unknown")
                }
            },
            Val::Module(module) => {
                let shown = self.sources.text(span).to_owned();
                self.exported(module, name, &shown)
            }
            other => {
                let title = format!("{} has no members", other.kind());
                let whole = name.span.to(span);
                let mut diagnostic = Diagnostic::at(Code::E0109, whole, title, "a dot leads into an imported file");
                let known = super::foreign::attribute(&name.text).or_else(|| super::foreign::meaning(&name.text));
                if let Some(known) = known {
                    diagnostic = diagnostic.help(format!("in `.nn` this is `{known}`"));
                } else if self.is_callable(&name.text) {
                    let value = self.sources.text(span).to_owned();
                    diagnostic = diagnostic.help(format!("functions are no methods: `{value} |> {}`", name.text));
                }
                self.report(diagnostic)
            }
        }
    }

    fn if_expr(&mut self, condition: ExprId, then: &'a Block, otherwise: &'a Block, span: Span) -> Vec<Val<'a>> {
        match self.condition(condition) {
            None if self.is_generic() => {
                let phase = self.here.phase;
                let results = self.arm(then, phase);
                self.arm(otherwise, phase);
                vec![Val::Error; results.len()]
            }
            None => vec![Val::Error],
            Some(Truth::Known(chosen)) => {
                let phase = self.here.phase;
                self.arm(if chosen { then } else { otherwise }, phase)
            }
            Some(truth) => {
                let then = self.arm(then, truth);
                let otherwise = self.arm(otherwise, !truth);
                if then.len() != otherwise.len() {
                    let title = "the arms of `if` give different numbers of values";
                    let label = format!("{} against {}", then.len(), otherwise.len());
                    return vec![self.error(Code::E0105, span, title, label)];
                }
                let pairs = then.into_iter().zip(otherwise);
                pairs
                    .map(|(then, otherwise)| match truth {
                        Truth::Training => self.choose(then, otherwise, span),
                        _ => self.choose(otherwise, then, span),
                    })
                    .collect()
            }
        }
    }

    /// The value of an arm: what its block returns. An arm `{ e }` holds the one expression.
    fn arm(&mut self, block: &'a Block, phase: Truth) -> Vec<Val<'a>> {
        let scope = self.scopes.open(Some(self.here.scope), &block.stmts);
        let before = std::mem::replace(&mut self.here.phase, phase);
        let results = self.scoped(scope, |this| this.body(block, "if"));
        self.here.phase = before;
        results
    }

    fn pipe(&mut self, value: ExprId, target: ExprId) -> Vec<Val<'a>> {
        let value_span = self.ast_expr(value).span;
        let piped = self.expr(value);
        let target_expr = self.ast_expr(target);
        // Messages point at the stage, not at the whole chain before it.
        let span = target_expr.span;
        match &target_expr.kind {
            ExprKind::Call { callee, args, parens } => {
                let head = self.expr(*callee);
                match head {
                    Val::Layer(layer) => {
                        let instance = self.construct(&layer, args, *parens, span, Some(value_span));
                        self.apply(instance, vec![(piped, value_span)], &[], span, span)
                    }
                    head => self.apply(head, vec![(piped, value_span)], args, span, *parens),
                }
            }
            ExprKind::Name(_) | ExprKind::Member { .. } => match self.expr(target) {
                Val::Layer(layer) => {
                    let name = &layer.def.name.text;
                    let title = format!("`{name}` is a layer and needs its hyperparameters");
                    let diagnostic = Diagnostic::at(Code::E0108, span, title, "no argument list here")
                        .note("a layer's first argument list makes an instance, which then takes the tensor")
                        .fix(format!("write `{name}()`"), span.after(), "()", Applicability::Certain);
                    vec![self.report(diagnostic)]
                }
                head => self.apply(head, vec![(piped, value_span)], &[], span, span),
            },
            _ => {
                let head = self.expr(target);
                self.apply(head, vec![(piped, value_span)], &[], span, span)
            }
        }
    }
}
