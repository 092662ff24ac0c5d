//! `where` clauses: what a definition states that it needs, and what is said when a call does not give it.

use super::checker::Checker;
use super::scope::{Binding, Role};
use super::value::{Truth, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::Span;
use crate::syntax::ast::{ExprId, Where};
use crate::tensor::Dim;

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

    /// The two arguments that a clause, which does not hold, demands to be of one shape.
    fn compared_shapes(&mut self, condition: ExprId) -> Option<[ir::Value; 2]> {
        let mut tensors: Vec<(Option<Span>, &'a str, ir::Value)> = Vec::new();
        for (name, binding) in self.scopes.own(self.here.scope) {
            if let (Val::Tensor(value), Role::Argument) = (&binding.val, binding.role) {
                tensors.push((binding.span, name, *value));
            }
        }
        tensors.sort();
        for (index, (_, _, a)) in tensors.iter().enumerate() {
            for (_, name, b) in &tensors[index + 1..] {
                let differ = self.graph.ty(*a).shape != self.graph.ty(*b).shape;
                if differ && self.demands_shape_of(condition, name, *a) {
                    return Some([*a, *b]);
                }
            }
        }
        None
    }

    /// Whether a clause holds for the argument `name` if it has the shape of `value`, and not if one of the sizes is another.
    fn demands_shape_of(&mut self, condition: ExprId, name: &'a str, value: ir::Value) -> bool {
        let extent = self.graph.extent();
        let mut node = self.graph.node(value).clone();
        node.ty.shape = match node.ty.shape.0.split_last() {
            Some((last, front)) => front.iter().cloned().chain([last.clone() + Dim::new(1)]).collect(),
            None => [Dim::new(2)].into_iter().collect(),
        };
        let other = self.graph.push(node);
        let demands = self.holds_for(condition, name, value) && !self.holds_for(condition, name, other);
        self.graph.split_off(extent);
        demands
    }

    fn holds_for(&mut self, condition: ExprId, name: &'a str, value: ir::Value) -> bool {
        let scope = self.scopes.open(Some(self.here.scope), &[]);
        self.scopes.bind(scope, name, Binding { val: Val::Tensor(value), span: None, role: Role::Argument });
        self.scoped(scope, |this| this.condition(condition)) == Some(Truth::Known(true))
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
    pub fn interpolate(&mut self, message: &str) -> String {
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
