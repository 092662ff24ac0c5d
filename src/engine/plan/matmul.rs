//! Contractions as products of matrices: axes are joined into rows and columns wherever strides allow, without moving anything; the
//! matrices of a batch may start anywhere.

use std::ops::Range;

use super::build::Build;
use super::memory::Memory;
use super::source::Source;
use super::step::{Step, Work};
use super::view::{BufferId, View};
use crate::engine::kernels::{Gemm, Matrix, Scratch, Tiling};
use crate::ir::{Node, Value};

/// A product of matrices.
#[derive(Clone)]
pub(super) struct Product {
    gemm: Gemm,
    /// The buffers of both operands, and where in them the matrices start.
    operands: [BufferId; 2],
    offsets: [usize; 2],
    c: BufferId,
    /// The value that it computes.
    value: Value,
}

impl Product {
    /// How it is cut.
    pub fn tiling(&self) -> Tiling {
        self.gemm.tiling()
    }

    /// What it reads.
    pub fn operands(&self) -> &[BufferId] {
        &self.operands
    }

    /// The value that it computes.
    pub fn value(&self) -> Value {
        self.value
    }

    /// What it writes, row-major and from the start.
    pub fn output(&self) -> BufferId {
        self.c
    }

    /// The same product for [`run_to`](Self::run_to) places where the rows of a tile stand next to each other.
    pub fn into_tiles(self) -> Product {
        Product { gemm: self.gemm.into_tiles(), ..self }
    }

    /// Computes one tile of the matrix at `c`.
    ///
    /// # Safety
    /// As for [`Work::run`], with this place for the result.
    pub unsafe fn run_to(&self, tile: usize, c: *mut f32, memory: &Memory, scratch: &mut Scratch) {
        let start = |x: usize| memory.pointer(self.operands[x]).cast::<f32>().wrapping_add(self.offsets[x]);
        // SAFETY: the strides are those of views within their buffers; the rest is the caller's promise.
        unsafe { self.gemm.run_tile(tile, start(0), start(1), c, scratch) };
    }
}

impl Work for Product {
    fn tiles(&self) -> usize {
        self.gemm.tiles()
    }

    fn share(&self, worker: usize, workers: usize) -> Range<usize> {
        self.tiling().part(worker, workers)
    }

    fn nanoseconds(&self) -> usize {
        /// Multiply-adds in a nanosecond, and words that come from the cache that processors share.
        const RATE: usize = 48;
        const WORDS: usize = 16;
        (self.gemm.multiply_adds() / RATE).max(self.gemm.words() / WORDS)
    }

    fn operations(&self) -> Option<usize> {
        Some(2 * self.gemm.multiply_adds())
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the caller's promise.
        unsafe { self.run_to(tile, memory.pointer(self.c).cast(), memory, scratch) };
    }
}

/// The axes of an operand by their part in the product.
struct Parts {
    batch: Vec<usize>,
    free: Vec<usize>,
    contracted: Vec<usize>,
}

impl Parts {
    fn new(view: &View, batch: &[i64], contracted: &[i64]) -> Parts {
        let axes = |axes: &[i64]| axes.iter().map(|axis| *axis as usize).collect::<Vec<_>>();
        let (batch, contracted) = (axes(batch), axes(contracted));
        let free = (0..view.sizes.len()).filter(|axis| !batch.contains(axis) && !contracted.contains(axis)).collect();
        Parts { batch, free, contracted }
    }

    /// Strides of free and contracted axes, each joined to one; none if they cannot be joined.
    fn strides(&self, view: &View) -> Option<[isize; 2]> {
        Some([joined(view, &self.free)?, joined(view, &self.contracted)?])
    }

    /// The view with the axes sorted by their part.
    fn sorted(&self, view: &View) -> View {
        let axes = self.batch.iter().chain(&self.free).chain(&self.contracted);
        view.transpose(&axes.map(|axis| *axis as i64).collect::<Vec<_>>())
    }
}

/// The stride of several axes as one, the last one varying fastest.
fn joined(view: &View, axes: &[usize]) -> Option<isize> {
    let mut parts = axes.iter().rev().filter(|axis| view.sizes[**axis] != 1);
    let Some(last) = parts.next() else { return Some(0) };
    let (stride, mut reach) = (view.strides[*last], view.strides[*last] * view.sizes[*last] as isize);
    for axis in parts {
        if view.strides[*axis] != reach {
            return None;
        }
        reach *= view.sizes[*axis] as isize;
    }
    Some(stride)
}

fn len(view: &View, axes: &[usize]) -> usize {
    axes.iter().map(|axis| view.sizes[*axis]).product()
}

/// Appends the step of a contraction; an operand whose axes do not join is copied first.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) {
    let ints = |name| node.attrs.get_ints(name);
    let (a, b) = (build.view(node.inputs[0]), build.view(node.inputs[1]));
    let a_parts = Parts::new(&a, ints("batch_a"), ints("axes_a"));
    let b_parts = Parts::new(&b, ints("batch_b"), ints("axes_b"));
    let (batch, k) = (len(&a, &a_parts.batch), len(&a, &a_parts.contracted));
    let (m, n) = (len(&a, &a_parts.free), len(&b, &b_parts.free));
    let a = operand(build, node.inputs[0], a, a_parts, [batch, m, k]);
    let b = operand(build, node.inputs[1], b, b_parts, [batch, n, k]);
    let output = build.output(value);
    let [a_batch, b_batch] = [&a, &b].map(|operand| joined(&operand.view, &operand.batch));
    let matrix = |batch: Option<isize>, [row, column]: [isize; 2]| Matrix { batch: batch.unwrap_or(0), row, column };
    let mut gemm = Gemm::new(
        [batch, m, n, k],
        matrix(a_batch, a.strides),
        matrix(b_batch, b.strides).transposed(),
        Matrix::dense(m, n),
    );
    if a_batch.is_none() || b_batch.is_none() {
        gemm = gemm.starting_at(a.starts().zip(b.starts()).map(|(a, b)| [a, b]).collect());
    }
    let (a, b) = (a.view, b.view);
    let (operands, offsets) = ([a.buffer, b.buffer], [a.offset, b.offset]);
    let product = Product { gemm, operands, offsets, c: output.buffer, value };
    build.steps.push(Step {
        work: Box::new(product.clone()),
        reads: product.operands().to_vec(),
        writes: vec![output.buffer],
        source: Some(Source::Product(product)),
        value,
        fused: Vec::new(),
        label: "gemm",
    });
}

/// A matrix or a batch of them, ready to be multiplied.
struct Operand {
    view: View,
    /// The axes of the batch.
    batch: Vec<usize>,
    /// The strides of free and contracted axes.
    strides: [isize; 2],
}

impl Operand {
    /// Where the matrices start, counted from the view's first element.
    fn starts(&self) -> impl Iterator<Item = isize> {
        let sizes: Vec<usize> = self.batch.iter().map(|axis| self.view.sizes[*axis]).collect();
        let strides: Vec<isize> = self.batch.iter().map(|axis| self.view.strides[*axis]).collect();
        (0..sizes.iter().product::<usize>()).map(move |index| {
            let mut rest = index;
            let along = sizes.iter().zip(&strides).rev().map(|(size, stride)| {
                let own = rest % size;
                rest /= size;
                own as isize * stride
            });
            along.sum()
        })
    }
}

fn operand(build: &mut Build, value: Value, view: View, parts: Parts, sizes: [usize; 3]) -> Operand {
    match parts.strides(&view) {
        Some(strides) => Operand { view, batch: parts.batch, strides },
        None => {
            let view = build.copied(value, parts.sorted(&view));
            Operand { view, batch: (0..parts.batch.len()).collect(), strides: [sizes[2] as isize, 1] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Idx;

    #[test]
    fn axes_join_where_strides_continue() {
        let view = View::contiguous(BufferId::new(0), &[2, 3, 4, 5]);
        assert_eq!(joined(&view, &[0, 1]), Some(20));
        assert_eq!(joined(&view, &[1, 2, 3]), Some(1));
        assert_eq!(joined(&view, &[0, 2]), None);
        assert_eq!(joined(&view, &[]), Some(0));
        assert_eq!(joined(&view.broadcast(&[7, 2, 3, 4, 5]), &[0]), Some(0));
    }
}
