//! Poolings and their gradients as steps. Tiles are runs of maps.

use super::build::Build;
use super::memory::Memory;
use super::step::Work;
use super::view::BufferId;
use crate::engine::kernels::{Pooling, Scratch, Window};
use crate::ir::{Node, Value};

/// One of the poolings.
struct Pool {
    pooling: Pooling,
    role: Role,
    /// The operands' buffers and first elements; of one operand, twice the same.
    operands: [(BufferId, usize); 2],
    out: BufferId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Max,
    MaxGradient,
    Pick,
    Sum,
    SumGradient,
}

impl Work for Pool {
    fn tiles(&self) -> usize {
        self.pooling.tiles()
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, _: &mut Scratch) {
        let start = |(buffer, offset): (BufferId, usize)| memory.pointer(buffer).cast::<f32>().wrapping_add(offset);
        let ([a, b], out) = (self.operands.map(|operand| start(operand).cast_const()), start((self.out, 0)));
        // SAFETY: operands and result are contiguous and have the sizes that the kernel was made for; the rest is the caller's promise.
        unsafe {
            match self.role {
                Role::Max => self.pooling.max(tile, a, out),
                Role::MaxGradient => self.pooling.max_gradient(tile, a, b, out),
                Role::Pick => self.pooling.pick(tile, a, b, out),
                Role::Sum => self.pooling.sum(tile, a, out),
                Role::SumGradient => self.pooling.sum_gradient(tile, a, out),
            }
        }
    }
}

/// Appends the step of a pooling, of its gradient or of what picks by it. False if no kernel takes it.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) -> bool {
    let role = match node.op.0 {
        "max_pooling" => Role::Max,
        "max_pooling_gradient" => Role::MaxGradient,
        "max_pooling_pick" => Role::Pick,
        "sum_pooling" => Role::Sum,
        _ => Role::SumGradient,
    };
    let data = &build.sizes[if role == Role::SumGradient { value } else { node.inputs[0] }];
    let ints = |name| node.attrs.get_ints(name).iter().map(|x| *x as usize).collect::<Vec<_>>();
    let (kernel, stride, pad) = (ints("kernel"), ints("stride"), ints("pad"));
    if data.contains(&0) || !(1..=3).contains(&kernel.len()) {
        return false;
    }
    let (maps, size) = data.split_at(data.len() - kernel.len());
    let window = Window::new(size, &kernel, &stride, &pad, &vec![1; kernel.len()]);
    let pooling = Pooling::new(maps.iter().product(), window);
    let inputs: Vec<_> = node.inputs.iter().map(|input| build.packed(*input)).collect();
    let place = |at: usize| (inputs[at].buffer, inputs[at].offset);
    let operands = [place(0), place(inputs.len() - 1)];
    let output = build.output(value);
    build.step(value, node.op.0, Pool { pooling, role, operands, out: output.buffer }, &inputs, &output);
    true
}
