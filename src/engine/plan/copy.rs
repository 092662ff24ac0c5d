//! Copies: a strided view made contiguous or written into a part of another buffer, and what consists of copies: joining and padding.

use std::ops::Range;
use std::sync::Arc;

use super::build::Build;
use super::memory::Memory;
use super::step::{Step, Work};
use super::store::Kind;
use super::view::{Axes, View};
use crate::engine::kernels::{Scratch, Tiling};
use crate::ir::{Node, Value};
use crate::tensor::Tensor;

/// Elements that are worth a tile, and the most tiles.
const TILE: usize = 1 << 14;
const TILES: usize = 64;

/// Copies a view's elements to another view of equal sizes, row by row; no element of the target is written twice.
pub(super) struct Copy {
    from: View,
    to: View,
    /// Bytes of an element: 4 or 1.
    bytes: usize,
    /// Sizes and strides of both sides, neighbouring axes joined where both lie alike. The last one is a row.
    axes: Axes<(usize, isize, isize)>,
}

impl Copy {
    /// Describes a copy of elements of `bytes` bytes, 4 or 1.
    pub fn new(from: View, to: View, bytes: usize) -> Copy {
        let strides = from.strides.iter().copied().zip(to.strides.iter().copied());
        let mut axes: Axes<(usize, isize, isize)> = Axes::new();
        for (size, (source, target)) in from.sizes.iter().copied().zip(strides).filter(|(size, _)| *size != 1) {
            let reach = |stride: isize| stride * size as isize;
            match axes.last_mut() {
                Some(last) if last.1 == reach(source) && last.2 == reach(target) => {
                    *last = (last.0 * size, source, target);
                }
                _ => axes.push((size, source, target)),
            }
        }
        if axes.is_empty() {
            axes.push((1, 1, 1));
        }
        Copy { from, to, bytes, axes }
    }

    /// The length of a row, and the parts that long ones are cut into.
    fn row(&self) -> (usize, usize) {
        let length = self.axes.last().map_or(1, |axis| axis.0);
        (length, length.div_ceil(TILE).max(1))
    }

    fn parts(&self) -> usize {
        let (length, parts) = self.row();
        self.from.len() / length.max(1) * parts
    }

    /// Copies consecutive parts of rows.
    ///
    /// # Safety
    /// As for [`Work::run`].
    unsafe fn parts_of(&self, range: Range<usize>, memory: &Memory) {
        if range.is_empty() {
            return;
        }
        let (length, parts) = self.row();
        let mut place = Place::new(self, range.start / parts);
        for part in range {
            let within = Tiling::share(length, part % parts, parts);
            // SAFETY: the caller's promises.
            unsafe { self.part(within, &place, memory) };
            if part % parts + 1 == parts {
                place.next(self.outer());
            }
        }
    }

    /// The axes that rows are counted by.
    fn outer(&self) -> &[(usize, isize, isize)] {
        &self.axes[..self.axes.len() - 1]
    }

    /// Copies a part of the row at a place.
    ///
    /// # Safety
    /// As for [`Work::run`].
    unsafe fn part(&self, within: Range<usize>, place: &Place, memory: &Memory) {
        let [(_, source, target)] = self.axes[self.axes.len() - 1..] else { return };
        let bytes = self.bytes as isize;
        let address = |view: &View, start: isize, stride: isize| {
            memory.pointer(view.buffer).wrapping_offset((start + within.start as isize * stride) * bytes)
        };
        let (from, to) = (address(&self.from, place.from, source), address(&self.to, place.to, target));
        // SAFETY: both views lie within their buffers, which differ; words are aligned as buffers are.
        unsafe {
            match (self.bytes, source, target) {
                (_, 1, 1) => from.copy_to_nonoverlapping(to, within.len() * self.bytes),
                (4, 0, 1) => {
                    std::slice::from_raw_parts_mut(to.cast::<u32>(), within.len()).fill(from.cast::<u32>().read())
                }
                (4, ..) => strided(from.cast::<u32>(), source, to.cast(), target, within.len()),
                _ => strided(from, source, to, target, within.len()),
            }
        }
    }
}

/// A row: its index along each axis but the last, and where it starts on either side.
struct Place {
    indices: Axes<usize>,
    from: isize,
    to: isize,
}

impl Place {
    /// The row of that number.
    fn new(copy: &Copy, row: usize) -> Place {
        let (mut row, mut from, mut to) = (row, copy.from.offset as isize, copy.to.offset as isize);
        let mut indices: Axes<usize> = copy.outer().iter().map(|_| 0).collect();
        for (index, (size, source, target)) in indices.iter_mut().zip(copy.outer()).rev() {
            *index = row % size;
            row /= size;
            from += *index as isize * source;
            to += *index as isize * target;
        }
        Place { indices, from, to }
    }

    /// Goes on to the next row.
    fn next(&mut self, outer: &[(usize, isize, isize)]) {
        for (index, (size, source, target)) in self.indices.iter_mut().zip(outer).rev() {
            *index += 1;
            self.from += source;
            self.to += target;
            if *index < *size {
                return;
            }
            *index = 0;
            self.from -= *size as isize * source;
            self.to -= *size as isize * target;
        }
    }
}

/// # Safety
/// `count` elements of both sides, so far apart, lie within their buffers.
unsafe fn strided<T: std::marker::Copy>(from: *const T, source: isize, to: *mut T, target: isize, count: usize) {
    for index in 0..count as isize {
        // SAFETY: the caller's promise.
        unsafe { to.offset(index * target).write(from.offset(index * source).read()) };
    }
}

impl Work for Copy {
    fn tiles(&self) -> usize {
        (self.from.len() / TILE).clamp(1, TILES)
    }

    fn operations(&self) -> Option<usize> {
        Some(0)
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, _: &mut Scratch) {
        // SAFETY: the caller's promises.
        unsafe { self.parts_of(Tiling::share(self.parts(), tile, self.tiles()), memory) };
    }
}

/// Copies to parts of one buffer that do not overlap.
struct Copies(Vec<Copy>);

impl Work for Copies {
    fn tiles(&self) -> usize {
        self.0.iter().map(Copy::tiles).sum()
    }

    fn operations(&self) -> Option<usize> {
        Some(0)
    }

    unsafe fn run(&self, mut tile: usize, memory: &Memory, scratch: &mut Scratch) {
        for copy in &self.0 {
            if tile < copy.tiles() {
                // SAFETY: the caller's promises.
                return unsafe { copy.run(tile, memory, scratch) };
            }
            tile -= copy.tiles();
        }
    }
}

/// Appends the step of a concatenation.
pub(super) fn concatenate(build: &mut Build, value: Value, node: &Node) {
    let output = build.output(value);
    let axis = node.attrs.get_int("axis") as usize;
    let bytes = build.kind(value).bytes();
    let (mut start, mut copies, mut reads) = (vec![0; output.sizes.len()], Vec::new(), Vec::new());
    for input in &node.inputs {
        let from = build.view(*input);
        let to = output.slice(&start, &vec![1; start.len()], &from.sizes);
        start[axis] += from.sizes[axis];
        reads.push(from.buffer);
        copies.push(Copy::new(from, to, bytes));
    }
    let work = Box::new(Copies(copies));
    build.steps.push(Step {
        work,
        reads,
        writes: vec![output.buffer],
        source: None,
        value,
        fused: Vec::new(),
        label: node.op.0,
    });
}

/// Appends the steps of a padding: the border's value everywhere, then what it surrounds.
pub(super) fn pad(build: &mut Build, value: Value, node: &Node) {
    let (from, output, kind) = (build.view(node.inputs[0]), build.output(value), build.kind(value));
    let border = node.attrs.get_float("value");
    let border = if kind == Kind::I32 { Tensor::i32(&[], vec![border as i32]) } else { Tensor::scalar(border as f32) };
    let border = build.constant(kind, Arc::new(border));
    let low: Vec<usize> = node.attrs.get_ints("low").iter().map(|low| *low as usize).collect();
    let inside = output.slice(&low, &vec![1; low.len()], &from.sizes);
    for from in [View::contiguous(border, &[]).broadcast(&output.sizes), from] {
        let to = if from.buffer == border { output.clone() } else { inside.clone() };
        let inputs = [from.clone()];
        build.step(value, node.op.0, Copy::new(from, to, kind.bytes()), &inputs, &output);
    }
}
