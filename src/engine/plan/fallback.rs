//! Steps without a kernel of their own: the reference evaluation of the primitive, on one worker. Makes every graph run.

use super::memory::{Memory, read_tensor, write_tensor};
use super::step::Work;
use super::store::Kind;
use super::view::{BufferId, View};
use crate::engine::kernels::Scratch;
use crate::ir::Node;
use crate::ops::{EvalCall, primitive};

/// One node by its reference evaluation.
pub(super) struct Fallback {
    /// The node.
    pub node: Node,
    /// Where its inputs are.
    pub inputs: Vec<(View, Kind)>,
    /// The sizes of its result.
    pub sizes: Vec<usize>,
    /// Where its result goes, row-major.
    pub output: BufferId,
}

impl Work for Fallback {
    fn tiles(&self) -> usize {
        1
    }

    unsafe fn run(&self, _: usize, memory: &Memory, _: &mut Scratch) {
        let inputs: Vec<_> = self
            .inputs
            .iter()
            // SAFETY: the inputs were written before this step and are not written during it.
            .map(|(view, kind)| unsafe { read_tensor(memory.pointer(view.buffer), view, *kind) })
            .collect();
        let call = EvalCall {
            node: &self.node,
            inputs: &inputs.iter().collect::<Vec<_>>(),
            shape: self.sizes.clone(),
            double: false,
            run: &memory.run,
        };
        let result = (primitive(self.node.op).eval)(&call);
        assert_eq!(result.shape(), self.sizes, "`{}` evaluates to another shape than it says", self.node.op);
        // SAFETY: the output holds all elements of the result and is this step's alone.
        unsafe { write_tensor(memory.pointer(self.output), &result) };
    }
}
