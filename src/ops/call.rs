//! What a primitive's functions are given.

use super::Builder;
use crate::ir::{Attrs, Node, Op, Value};
use crate::tensor::random::{Stream, key_of};
use crate::tensor::{Shape, Tensor, Type};

/// For the shape rule.
pub struct InferCall<'a> {
    /// The operation, for rules shared by a family.
    pub op: Op,
    /// The operands' types.
    pub inputs: &'a [&'a Type],
    /// The attributes, complete.
    pub attrs: &'a Attrs,
}

/// What an evaluation depends on beside its operands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunContext {
    /// The seed of the run.
    pub seed: u64,
    /// The optimization step, part of every random draw's key.
    pub step: u64,
    /// The number of samples in the minibatch.
    pub batch: usize,
}

impl RunContext {
    /// The random stream of the drawing expression at `path`.
    pub fn stream(&self, path: &str) -> Stream {
        Stream { seed: self.seed, key: key_of(path), step: self.step }
    }

    /// The sizes of a shape whose only symbol may be the batch.
    ///
    /// # Panics
    /// When it holds another symbol, which no batched graph does.
    pub fn sizes(&self, shape: &Shape) -> Vec<usize> {
        let batch = i64::try_from(self.batch).expect("a batch size");
        shape
            .evaluate(&|name| (name == crate::tensor::BATCH).then_some(batch))
            .unwrap_or_else(|| panic!("shape {shape} holds an unknown size"))
    }
}

/// For the reference evaluation.
pub struct EvalCall<'a> {
    /// The node.
    pub node: &'a Node,
    /// The operands' values. Floats are all `F32` or, in double precision, all `F64`.
    pub inputs: &'a [&'a Tensor],
    /// The result's sizes.
    pub shape: Vec<usize>,
    /// Whether floats are `F64`.
    pub double: bool,
    /// The rest.
    pub run: &'a RunContext,
}

/// For the gradient rule.
pub struct GradientCall<'a, 'g> {
    /// Where to build.
    pub b: &'a mut Builder<'g>,
    /// The node to differentiate.
    pub node: &'a Node,
    /// Its value.
    pub output: Value,
    /// The gradient of the objective by its value, of its shape.
    pub grad: Value,
    /// Which inputs' gradients are wanted.
    pub wanted: &'a [bool],
}

/// For batching.
pub struct BatchCall<'a, 'g> {
    /// Where to build: the batched graph.
    pub b: &'a mut Builder<'g>,
    /// The node of the per-sample graph.
    pub node: &'a Node,
    /// Its inputs in the batched graph.
    pub inputs: &'a [Value],
    /// Which of them have the batch axis in front.
    pub batched: &'a [bool],
}
