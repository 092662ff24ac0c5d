//! Building graphs: one place where a node's type is inferred. Shorthands for what gradient rules and passes build most.

use std::sync::Arc;

use super::{InferCall, Misfit, primitive};
use crate::ir::{Attr, Attrs, Graph, Node, Op, Place, Value, op};
use crate::tensor::{Shape, Tensor, Type};

/// Appends nodes to a graph, all with one place.
pub struct Builder<'g> {
    /// The graph.
    pub graph: &'g mut Graph,
    /// The place that new nodes get.
    pub place: Place,
}

impl<'g> Builder<'g> {
    /// A builder whose nodes stand at `place`.
    pub fn new(graph: &'g mut Graph, place: Place) -> Builder<'g> {
        Builder { graph, place }
    }

    /// Appends an operation.
    ///
    /// # Errors
    /// When its shape rule refuses the inputs.
    pub fn try_emit(&mut self, op: Op, inputs: &[Value], attrs: Attrs) -> Result<Value, Misfit> {
        let types: Vec<&Type> = inputs.iter().map(|input| self.graph.ty(*input)).collect();
        let ty = (primitive(op).infer)(&InferCall { op, inputs: &types, attrs: &attrs })?;
        let per_sample = match op {
            op::ALL_SAMPLES => false,
            op::SAMPLE_INDEX => true,
            _ => inputs.iter().any(|input| self.graph.node(*input).per_sample),
        };
        Ok(self.graph.push(Node { op, inputs: inputs.into(), attrs, ty, per_sample, place: self.place }))
    }

    /// Appends an operation whose inputs are known to fit.
    ///
    /// # Panics
    /// When they do not: a bug in the caller's rule.
    pub fn emit(&mut self, op: Op, inputs: &[Value], attrs: Attrs) -> Value {
        self.try_emit(op, inputs, attrs).unwrap_or_else(|misfit| panic!("building `{op}`: {misfit}"))
    }

    /// An elementwise operation on one value.
    pub fn unary(&mut self, op: Op, x: Value) -> Value {
        self.emit(op, &[x], Attrs::new())
    }

    /// An elementwise operation on two values, which may stretch.
    pub fn binary(&mut self, op: Op, x: Value, y: Value) -> Value {
        self.emit(op, &[x, y], Attrs::new())
    }

    /// A constant.
    pub fn constant(&mut self, tensor: Tensor) -> Value {
        self.emit(op::CONSTANT, &[], Attrs::new().with("value", Attr::Tensor(Arc::new(tensor))))
    }

    /// A float scalar.
    pub fn scalar(&mut self, value: f64) -> Value {
        self.constant(Tensor::scalar(value as f32))
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        self.graph.ty(value)
    }

    /// The shape of a value.
    pub fn shape(&self, value: Value) -> Shape {
        self.graph.ty(value).shape.clone()
    }
}
