//! `where` clauses: what a definition states that it needs, and what is said when a call does not give it.

use super::checker::Checker;
use super::value::{Builtin, Truth, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, ExprId, ExprKind, Where};

impl<'a> Checker<'a> {
    /// Whether a `where` clause holds; reported if not.
    pub fn where_clause(&mut self, clause: &'a Where, callee: &str, call: Span) -> bool {
        match self.condition(clause.condition) {
            Some(Truth::Known(true)) => true,
            Some(Truth::Known(false)) => {
                let condition = self.sources.text(self.ast_expr(clause.condition).span).to_owned();
                let title = match &clause.message {
                    Some(message) => self.interpolate(&message.value),
                    None => format!("`{callee}` needs `{condition}`"),
                };
                let label = format!("`{callee}` needs `{condition}`");
                let shapes = self.compared_shapes(clause.condition);
                let library = self.sources.is_library(self.ast_expr(clause.condition).span);
                let diagnostic = match shapes.filter(|_| library) {
                    Some([a, b]) => self.two_shapes(a, b, call, title),
                    None => Diagnostic::at(Code::E0211, call, title, label),
                };
                self.report(diagnostic);
                false
            }
            Some(_) => {
                self.error(Code::E0115, call, "a `where` clause cannot depend on `training`", "this one does");
                false
            }
            None => false,
        }
    }

    /// The two tensors of a clause that demands that their shapes be equal: `shape(x) == shape(t)`, alone or before an `or`.
    fn compared_shapes(&mut self, condition: ExprId) -> Option<[ir::Value; 2]> {
        match &self.ast_expr(condition).kind {
            ExprKind::Binary { op: BinaryOp::Or, left, .. } => self.compared_shapes(*left),
            ExprKind::Binary { op: BinaryOp::Equal, left, right, .. } => {
                Some([self.asked_shape(*left)?, self.asked_shape(*right)?])
            }
            _ => None,
        }
    }

    /// The tensor `x` of `shape(x)`.
    fn asked_shape(&mut self, id: ExprId) -> Option<ir::Value> {
        let ExprKind::Call { callee, args, .. } = &self.ast_expr(id).kind else { return None };
        match (self.expr(*callee), args.as_slice()) {
            (Val::Builtin(Builtin::Shape), [arg]) => match self.expr(arg.value) {
                Val::Tensor(value) => Some(value),
                _ => None,
            },
            _ => None,
        }
    }

    /// A function of the library that compares two values got two shapes.
    fn two_shapes(&self, a: ir::Value, b: ir::Value, call: Span, title: String) -> Diagnostic {
        let (left, right) = (&self.graph.ty(a).shape, &self.graph.ty(b).shape);
        let mut diagnostic = Diagnostic::at(Code::E0204, call, title, format!("{left} against {right}"));
        for dim in left.iter().chain(right.iter()) {
            diagnostic = self.with_origin(diagnostic, dim);
        }
        if left.size() == right.size() {
            diagnostic = diagnostic.help(format!("the elements are as many: `reshape(..., {left})` lines them up"));
        }
        diagnostic.note("nothing stretches in a loss: a target of another shape would be compared with every element")
    }

    /// Replaces `{name}` by what the name stands for.
    fn interpolate(&mut self, message: &str) -> String {
        let mut text = String::new();
        let mut rest = message;
        while let Some(open) = rest.find('{') {
            let Some(length) = rest[open..].find('}') else { break };
            text.push_str(&rest[..open]);
            let name = &rest[open + 1..open + length];
            match self.scopes.look_up(self.here.scope, name).map(|binding| binding.val) {
                Some(Val::Tensor(value)) => text.push_str(&self.graph.ty(value).to_string()),
                Some(val) => text.push_str(&val.show()),
                None => text.push_str(&rest[open..=open + length]),
            }
            rest = &rest[open + length + 1..];
        }
        text + rest
    }
}
