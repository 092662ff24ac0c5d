//! Random numbers as steps: each sample's own. They are those of the reference, bit for bit.

use super::build::Build;
use super::memory::Memory;
use super::source::Source;
use super::step::{Step, Work};
use super::view::BufferId;
use crate::engine::kernels::{Scratch, Tiling, fill_uniform};
use crate::ir::{Node, Value};
use crate::tensor::random::{Stream, key_of};

/// Elements of a tile that are worth a worker's while: a multiple of 4, because numbers come in fours.
const SMALLEST: usize = 1 << 10;

/// Numbers of one stream.
#[derive(Clone)]
pub(super) struct Draw {
    key: u64,
    normal: bool,
    samples: usize,
    /// Elements of a sample.
    row: usize,
    out: BufferId,
    /// The value that it computes.
    value: Value,
}

impl Draw {
    /// What it writes, row-major and from the start.
    pub fn output(&self) -> BufferId {
        self.out
    }

    /// The value that it computes.
    pub fn value(&self) -> Value {
        self.value
    }

    /// A tiling of all numbers as one row.
    fn tiling(&self) -> Tiling {
        let len = self.samples * self.row;
        let column_step = (len / 64).next_multiple_of(4).max(SMALLEST);
        Tiling { column_step, ..Tiling::whole(1, len) }
    }

    /// Draws what stands in one tile of a grid over all numbers, for an array at `start` whose rows stand `stride` apart.
    ///
    /// # Safety
    /// As for [`Work::run`], with this place for the result; the tiling has as many elements as there are numbers.
    pub unsafe fn run_to(&self, (tiling, tile): (Tiling, usize), (start, stride): (*mut f32, usize), memory: &Memory) {
        let stream = Stream { seed: memory.run.seed, key: self.key, step: memory.run.step };
        let (rows, columns) = tiling.rect(tile);
        for row in rows {
            let (mut column, first) = (columns.start, row * tiling.columns);
            while column < columns.end {
                let (sample, element) = ((first + column) / self.row, (first + column) % self.row);
                let count = (self.row - element).min(columns.end - column);
                // SAFETY: elements of the result, which no other tile has.
                let out = unsafe { std::slice::from_raw_parts_mut(start.wrapping_add(row * stride + column), count) };
                self.fill(stream, sample as u32, element, out);
                column += count;
            }
        }
    }

    /// Numbers of a sample from element `first` on.
    fn fill(&self, stream: Stream, sample: u32, first: usize, out: &mut [f32]) {
        let fill = |first, out: &mut [f32]| match self.normal {
            true => stream.fill_normal(sample, first, out),
            false => fill_uniform(stream, sample, first, out),
        };
        let skipped = first % 4;
        let (head, rest) = out.split_at_mut(((4 - skipped) % 4).min(out.len()));
        if !head.is_empty() {
            let mut four = [0.0; 4];
            fill(first - skipped, &mut four);
            head.copy_from_slice(&four[skipped..][..head.len()]);
        }
        fill(first.next_multiple_of(4), rest);
    }
}

impl Work for Draw {
    fn tiles(&self) -> usize {
        self.tiling().tiles()
    }

    fn nanoseconds(&self) -> usize {
        let numbers = self.samples * self.row;
        // Uniform numbers come from vector code.
        if self.normal { numbers * 16 } else { numbers / 2 }
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, _: &mut Scratch) {
        let (tiling, start) = (self.tiling(), memory.pointer(self.out).cast());
        // SAFETY: the caller's promise.
        unsafe { self.run_to((tiling, tile), (start, tiling.columns), memory) };
    }
}

/// Appends the step of a draw.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) {
    let output = build.output(value);
    let samples = if node.attrs.get_bool("per_sample") { output.sizes[0] } else { 1 };
    let draw = Draw {
        key: key_of(node.attrs.get_str("path")),
        normal: node.op.0 == "randn",
        samples,
        row: output.len() / samples.max(1),
        out: output.buffer,
        value,
    };
    build.steps.push(Step {
        work: Box::new(draw.clone()),
        reads: Vec::new(),
        writes: vec![output.buffer],
        source: Some(Source::Draw(draw)),
        value,
        fused: Vec::new(),
        label: node.op.0,
    });
}
