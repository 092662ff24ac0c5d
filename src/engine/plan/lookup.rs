//! Rows picked and added by index, as steps.

use super::build::Build;
use super::copy::Copy;
use super::memory::Memory;
use super::step::Work;
use super::store::Kind;
use super::view::{BufferId, View};
use crate::engine::kernels::{Gather, Scratch};
use crate::ir::{Node, Value};

/// A gather, or its transpose.
struct Lookup {
    gather: Gather,
    /// Adds to the rows of `out` instead of picking from those of `rows`.
    adds: bool,
    rows: (BufferId, usize),
    indices: (BufferId, usize),
    out: BufferId,
}

impl Work for Lookup {
    fn tiles(&self) -> usize {
        if self.adds { self.gather.add_tiles() } else { self.gather.tiles() }
    }

    fn operations(&self) -> Option<usize> {
        (!self.adds).then_some(0)
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, _: &mut Scratch) {
        let start = |(buffer, offset): (BufferId, usize)| memory.pointer(buffer).cast::<f32>().wrapping_add(offset);
        let (rows, indices, out) = (start(self.rows), start(self.indices).cast::<i32>(), start((self.out, 0)));
        // SAFETY: all three are contiguous and have the sizes that the kernel was made for; the rest is the caller's promise.
        unsafe {
            if self.adds {
                self.gather.add(tile, rows, indices, out);
            } else {
                self.gather.pick(tile, rows, indices, out);
            }
        }
    }
}

/// Appends the steps of `gather` or `scatter_add`. False if no kernel takes it: bytes, and sums of integers.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) -> bool {
    let adds = node.op.0 == "scatter_add";
    let known = if adds { build.kind(value) == Kind::F32 } else { build.kind(value) != Kind::Bool };
    if !known || build.sizes[node.inputs[0]].contains(&0) {
        return false;
    }
    let axis = node.attrs.get_int("axis") as usize;
    let x = &build.sizes[node.inputs[0]];
    let gather = Gather {
        outer: x[..axis].iter().product(),
        rows: x[axis],
        width: x[axis + 1..].iter().product(),
        count: build.len(node.inputs[1]),
    };
    let source = if adds { build.view(node.inputs[0]) } else { build.packed(node.inputs[0]) };
    let indices = build.packed(node.inputs[1]);
    let output;
    let rows = if adds {
        let updates = build.packed(node.inputs[2]);
        output = build.output(value);
        let inputs = [source.clone()];
        build.step(value, "copy", Copy::new(source, output.clone(), Kind::F32.bytes()), &inputs, &output);
        updates
    } else {
        output = build.output(value);
        source
    };
    let place = |view: &View| (view.buffer, view.offset);
    let work = Lookup { gather, adds, rows: place(&rows), indices: place(&indices), out: output.buffer };
    build.step(value, node.op.0, work, &[rows, indices], &output);
    true
}
