//! Weights of losses: a number, or an expression of how far the run is.

use super::checker::Checker;
use super::value::Val;
use crate::diagnostic::Code;
use crate::ir::{self, FED, Input, op};
use crate::source::Span;
use crate::syntax::ast::ExprId;
use crate::tensor::{DType, Shape, Type};

/// The names that only a loss's weight sees: the part of the run that is done, the epoch and the step, both from 1.
pub const CLOCKS: [&str; 3] = ["progress", "epoch", "step"];

impl<'a> Checker<'a> {
    /// A loss's weight, a scalar for all samples. None after an error.
    pub fn weight(&mut self, weight: ExprId) -> Option<ir::Value> {
        let span = self.ast_expr(weight).span;
        self.weighing = true;
        let val = self.expr(weight);
        self.weighing = false;
        if let Val::Tensor(value) = val
            && self.graph.node(value).per_sample
        {
            let title = "a weight is one number for all samples";
            self.error(Code::E0115, span, title, "this differs from sample to sample");
            return None;
        }
        let value = self.tensor(&val, span)?;
        if self.graph.ty(value).shape.rank() != 0 {
            self.error(Code::E0206, span, "a weight is a scalar", format!("this is {}", self.graph.ty(value)));
            return None;
        }
        Some(value)
    }

    /// The clock called `name`, where it may be read: written in a weight itself, not in a function that it calls.
    pub fn clock(&mut self, name: &str, span: Span) -> Option<Val<'a>> {
        if !self.weighing || self.here.frame.is_some() || !CLOCKS.contains(&name) {
            return None;
        }
        let name = format!("{FED}{name}");
        if let Some(known) = self.graph.inputs.iter().find(|input| input.name == name) {
            return Some(Val::Tensor(known.value));
        }
        let ty = Type { dtype: DType::F32, shape: Shape::scalar() };
        let value = self.source_node(op::INPUT, self.graph.inputs.len(), ty, false, span);
        self.graph.inputs.push(Input { name, value, drawn: None });
        Some(Val::Tensor(value))
    }
}
