//! Building graphs: one place where a node's type is inferred. Shorthands for what gradient rules and passes build most.

use std::sync::Arc;

use super::{InferCall, Misfit, compare, elementwise, elementwise_binary as binary, infer, primitive, reduce, shape};
use crate::base::Idx;
use crate::ir::{Attr, Attrs, Graph, Node, Op, Place, Value, VarId, op};
use crate::tensor::{DType, Shape, Tensor, Type};

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
            _ if attrs.get("per_sample") == Some(&Attr::Bool(true)) => true,
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

    /// The node of an input, whose place among the graph's inputs is `index`.
    pub fn input(&mut self, index: usize, ty: Type) -> Value {
        self.declared(op::INPUT, index, ty, true)
    }

    /// The node of a variable.
    pub fn variable(&mut self, variable: VarId, ty: Type) -> Value {
        self.declared(op::VARIABLE, variable.index(), ty, false)
    }

    fn declared(&mut self, op: Op, index: usize, ty: Type, per_sample: bool) -> Value {
        let attrs = Attrs::new().int("index", index as i64);
        self.graph.push(Node { op, inputs: [].into_iter().collect(), attrs, ty, per_sample, place: self.place })
    }

    /// `a + b`.
    pub fn add(&mut self, a: Value, b: Value) -> Value {
        self.binary(binary::ADD, a, b)
    }

    /// `a - b`.
    pub fn sub(&mut self, a: Value, b: Value) -> Value {
        self.binary(binary::SUB, a, b)
    }

    /// `a * b`, elementwise.
    pub fn mul(&mut self, a: Value, b: Value) -> Value {
        self.binary(binary::MUL, a, b)
    }

    /// `a / b`, elementwise.
    pub fn div(&mut self, a: Value, b: Value) -> Value {
        self.binary(binary::DIV, a, b)
    }

    /// `-x`.
    pub fn neg(&mut self, x: Value) -> Value {
        self.unary(elementwise::NEG, x)
    }

    /// The sum along `axes`, ascending.
    pub fn sum(&mut self, x: Value, axes: &[i64], keepdims: bool) -> Value {
        self.emit(reduce::SUM, &[x], Attrs::new().ints("axis", axes).flag("keepdims", keepdims))
    }

    /// `x` with its elements, in row-major order, arranged as `shape`; `x` itself if that is its shape.
    pub fn reshape(&mut self, x: Value, shape: Shape) -> Value {
        if self.ty(x).shape == shape { x } else { self.emit(shape::RESHAPE, &[x], Attrs::new().dims("shape", shape)) }
    }

    /// `x` with axis `axes[i]` as its axis `i`; `x` itself if that changes nothing.
    pub fn transpose(&mut self, x: Value, axes: &[i64]) -> Value {
        if axes.iter().zip(0..).all(|(axis, place)| *axis == place) {
            return x;
        }
        self.emit(shape::TRANSPOSE, &[x], Attrs::new().ints("axes", axes))
    }

    /// `x` repeated to `shape` by NumPy's rule; `x` itself if that is its shape.
    pub fn broadcast(&mut self, x: Value, shape: Shape) -> Value {
        if self.ty(x).shape == shape { x } else { self.emit(shape::BROADCAST, &[x], Attrs::new().dims("shape", shape)) }
    }

    /// The elements of `a` where `condition` holds, else those of `b`.
    pub fn choose(&mut self, condition: Value, a: Value, b: Value) -> Value {
        self.emit(compare::WHERE, &[condition, a, b], Attrs::new())
    }

    /// `x` converted to another dtype.
    pub fn cast(&mut self, x: Value, dtype: DType) -> Value {
        self.emit(compare::CAST, &[x], Attrs::new().with("dtype", Attr::DType(dtype)))
    }

    /// The gradient by an operand of shape `shape` that was broadcast to the shape of `grad`: summed over all that it was repeated to.
    pub fn unbroadcast(&mut self, grad: Value, shape: &Shape) -> Value {
        let axes: Vec<i64> = infer::stretched(shape, &self.ty(grad).shape).iter().map(|axis| *axis as i64).collect();
        let sum = if axes.is_empty() { grad } else { self.sum(grad, &axes, false) };
        self.reshape(sum, shape.clone())
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
