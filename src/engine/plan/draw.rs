//! Random numbers as steps: each sample's own, cut into runs of elements. They are those of the reference, bit for bit.

use super::build::Build;
use super::memory::Memory;
use super::step::Work;
use super::view::BufferId;
use crate::engine::kernels::{Scratch, Tiling, fill_uniform};
use crate::ir::{Node, Value};
use crate::tensor::random::{Stream, key_of};

/// Elements of a run: numbers come in fours.
const RUN: usize = 1 << 10;

/// Numbers of one stream.
struct Draw {
    key: u64,
    normal: bool,
    samples: usize,
    /// Elements of a sample.
    row: usize,
    out: BufferId,
}

impl Draw {
    fn runs(&self) -> usize {
        self.row.div_ceil(RUN)
    }
}

impl Work for Draw {
    fn tiles(&self) -> usize {
        (self.samples * self.runs()).clamp(1, 64)
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, _: &mut Scratch) {
        let stream = Stream { seed: memory.run.seed, key: self.key, step: memory.run.step };
        for part in Tiling::share(self.samples * self.runs(), tile, self.tiles()) {
            let (sample, first) = (part / self.runs(), part % self.runs() * RUN);
            let start = memory.pointer(self.out).cast::<f32>().wrapping_add(sample * self.row + first);
            // SAFETY: a run of elements of the result, which no other tile has.
            let out = unsafe { std::slice::from_raw_parts_mut(start, RUN.min(self.row - first)) };
            if self.normal {
                stream.fill_normal(sample as u32, first, out);
            } else {
                fill_uniform(stream, sample as u32, first, out);
            }
        }
    }
}

/// Appends the step of a draw.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) {
    let output = build.output(value);
    let samples = if node.attrs.get_bool("per_sample") { output.sizes[0] } else { 1 };
    let work = Draw {
        key: key_of(node.attrs.get_str("path")),
        normal: node.op.0 == "randn",
        samples,
        row: output.len() / samples.max(1),
        out: output.buffer,
    };
    build.step(value, node.op.0, work, &[], &output);
}
