//! Calls in a `train` block that name an optimizer or a schedule: read as records of numbers rather than evaluated.

use super::checker::Checker;
use super::value::Val;
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::optimizers::{Optimizer, Parameter, RULES};
use crate::source::Span;
use crate::syntax::ast::{CallArg, ExprId, ExprKind};

/// A call of a plain name, or the name alone: `adam(lr = 0.1)`, `adam`.
pub struct Record<'a> {
    pub name: &'a str,
    pub args: Vec<&'a CallArg>,
    pub span: Span,
}

impl<'a> Checker<'a> {
    /// The optimizer that an expression names.
    pub fn optimizer(&mut self, id: ExprId) -> Option<Optimizer> {
        let record = self.record(id);
        let Some(mut optimizer) = Optimizer::named(record.name) else {
            let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
            self.unknown_record("optimizer", &record, &names);
            return None;
        };
        let parameters = optimizer.rule.parameters.to_vec();
        optimizer.values = self.numbers(&record, &parameters)?;
        Some(optimizer)
    }

    pub fn record(&self, id: ExprId) -> Record<'a> {
        let expr = self.ast_expr(id);
        let name_of = |id: ExprId| match &self.ast_expr(id).kind {
            ExprKind::Name(name) => Some(name.as_str()),
            _ => None,
        };
        match &expr.kind {
            ExprKind::Call { callee, args, .. } => Record {
                name: name_of(*callee).unwrap_or(""),
                args: args.iter().collect(),
                span: self.ast_expr(*callee).span,
            },
            _ => Record { name: name_of(id).unwrap_or(""), args: Vec::new(), span: expr.span },
        }
    }

    pub fn unknown_record(&mut self, kind: &str, record: &Record, names: &[&str]) {
        let title = match record.name {
            "" => format!("this names no {kind}"),
            name => format!("unknown {kind} `{name}`"),
        };
        let diagnostic = Diagnostic::at(Code::E0801, record.span, title, format!("no {kind} is called so"));
        let quoted = self.sources.text(record.span).trim_matches('"');
        let diagnostic = match closest(record.name, names.iter().copied()) {
            _ if names.contains(&quoted) => diagnostic.help(format!("write it without quotes: `{quoted}()`")),
            Some(near) => diagnostic.help(format!("a similar {kind} exists: `{near}`")).fix(
                format!("write `{near}`"),
                record.span,
                near,
                Applicability::Maybe,
            ),
            None => diagnostic.note(format!("the {kind}s are `{}`", names.join("`, `"))),
        };
        self.report(diagnostic);
    }

    /// A record's arguments: numbers with defaults, in their ranges.
    pub fn numbers(&mut self, record: &Record<'a>, parameters: &[Parameter]) -> Option<Vec<f64>> {
        let mut values: Vec<f64> = parameters.iter().map(|parameter| parameter.default).collect();
        for (index, arg) in record.args.iter().enumerate() {
            let span = self.ast_expr(arg.value).span;
            let slot = match &arg.name {
                None => Some(index).filter(|index| *index < values.len()),
                Some(key) => parameters.iter().position(|parameter| parameter.name == key.text),
            };
            let Some(slot) = slot else {
                let names: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
                match &arg.name {
                    Some(key) => self.report_unknown_argument(record.name, &key.text, key.span, &names),
                    None => {
                        let title = format!("`{}` takes at most {} arguments", record.name, names.len());
                        self.error(Code::E0105, span, title, "one too many")
                    }
                };
                return None;
            };
            let Parameter { name, range, .. } = parameters[slot];
            let val = self.expr(arg.value);
            match val.number() {
                Some(value) if range.holds(value) => values[slot] = value,
                _ if matches!(val, Val::Error) => return None,
                _ => {
                    let title = format!("`{name}` of `{}` is {range}", record.name);
                    self.error(Code::E0801, span, title, format!("this is {}", val.show()));
                    return None;
                }
            }
        }
        Some(values)
    }
}
