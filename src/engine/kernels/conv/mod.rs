//! Convolutions over one to three spatial axes and their gradients, and poolings; maps first, samples outermost.
//!
//! A sample's data is spelled out as a matrix in the worker's scratch memory and multiplied from there. Tiles are
//! samples; the gradient by the weight is summed over runs of samples and the sums are added in order.

mod pool;
#[cfg(test)]
mod tests;
mod window;

pub use pool::Pooling;
pub use window::Window;

use super::fused::Scratch;
use super::gemm::{View, multiply, scratch_len};
use super::simd::{Isa, LANES};
use super::tiling::Tiling;

/// A convolution's shape. Data is `[samples, maps_in, size..]`, the result `[samples, maps_out, positions..]`, the weight
/// `[maps_out, maps_in / groups, kernel..]`, all without gaps.
#[derive(Clone, Copy, Debug)]
pub struct Convolution {
    samples: usize,
    groups: usize,
    /// Maps of one group.
    maps_in: usize,
    maps_out: usize,
    window: Window,
    isa: Isa,
}

/// Runs of samples whose weight gradients are summed apart: enough for every thread to have some.
const RUNS: usize = 16;

impl Convolution {
    /// Describes a convolution of `samples` samples with `[maps_in, maps_out]` maps in `groups` groups.
    ///
    /// # Panics
    /// If the groups do not divide the maps.
    pub fn new(samples: usize, [maps_in, maps_out]: [usize; 2], groups: usize, window: Window) -> Self {
        assert!(maps_in.is_multiple_of(groups) && maps_out.is_multiple_of(groups), "groups divide the maps");
        let (maps_in, maps_out) = (maps_in / groups, maps_out / groups);
        Convolution { samples, groups, maps_in, maps_out, window, isa: Isa::detect() }
    }

    /// The same convolution on another instruction set, for comparisons.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn on(self, isa: Isa) -> Self {
        assert!(Isa::available().contains(&isa), "{isa:?} is not available here");
        Convolution { isa, ..self }
    }

    /// Tiles of the result and of the gradient by the data: one a sample.
    pub fn tiles(&self) -> usize {
        self.samples
    }

    /// Tiles of the gradient by the weight.
    pub fn weight_tiles(&self) -> usize {
        self.samples.min(RUNS)
    }

    /// Words of partial results that the gradient by the weight needs.
    pub fn partials_len(&self) -> usize {
        self.weight_tiles() * self.weight_len().next_multiple_of(LANES)
    }

    /// Rows of a sample's matrix: maps of a group times elements of the kernel.
    fn depth(&self) -> usize {
        self.maps_in * self.window.taps()
    }

    fn weight_len(&self) -> usize {
        self.groups * self.maps_out * self.depth()
    }

    /// Elements of a sample's group in the data and in the result.
    fn strides(&self) -> (usize, usize) {
        (self.maps_in * self.window.volume(), self.maps_out * self.window.places())
    }

    /// Room for a matrix of `words` and for multiplying with depth `k`.
    fn room(scratch: &mut Scratch, words: usize, k: usize) -> (*mut f32, *mut f32) {
        let words = words.next_multiple_of(LANES);
        let start = scratch.words(words + scratch_len(k));
        // SAFETY: within the words just made.
        (start, unsafe { start.add(words) })
    }

    /// The result of one sample.
    ///
    /// # Safety
    /// `x`, `w` and `y` have the elements of their shapes; `y` overlaps neither, and nobody else touches this sample of it.
    pub unsafe fn forward(&self, sample: usize, x: *const f32, w: *const f32, y: *mut f32, scratch: &mut Scratch) {
        let (depth, places) = (self.depth(), self.window.places());
        let (size_in, size_out) = self.strides();
        let (matrix, words) = Self::room(scratch, depth * places, depth);
        for group in 0..self.groups {
            let part = sample * self.groups + group;
            // SAFETY: parts of the operands by their shapes; the matrix has room for `depth` rows of all positions.
            unsafe {
                self.unfold(std::slice::from_raw_parts(x.add(part * size_in), size_in), matrix);
                let a = dense(w.add(group * self.maps_out * depth).cast_mut(), depth);
                let c = dense(y.add(part * size_out), places);
                multiply(self.isa, [self.maps_out, places, depth], a, dense(matrix, places), c, false, words);
            }
        }
    }

    /// # Safety
    /// `matrix` has room for `depth` rows of all positions.
    unsafe fn unfold(&self, maps: &[f32], matrix: *mut f32) {
        let rows = self.window.taps() * self.window.places();
        for (map, data) in maps.chunks_exact(self.window.volume().max(1)).enumerate() {
            // SAFETY: the rows of one map.
            self.window.unfold(data, unsafe { std::slice::from_raw_parts_mut(matrix.add(map * rows), rows) });
        }
    }

    /// The gradient by one sample's data.
    ///
    /// # Safety
    /// As for [`forward`](Self::forward), with `dx` the one that is written.
    pub unsafe fn data_gradient(
        &self,
        sample: usize,
        dy: *const f32,
        w: *const f32,
        dx: *mut f32,
        scratch: &mut Scratch,
    ) {
        let (depth, places, volume) = (self.depth(), self.window.places(), self.window.volume());
        let (size_in, size_out) = self.strides();
        let (matrix, words) = Self::room(scratch, depth * places, self.maps_out);
        for group in 0..self.groups {
            let part = sample * self.groups + group;
            // SAFETY: parts of the operands by their shapes; the matrix has room for `depth` rows of all positions.
            unsafe {
                let w = w.add(group * self.maps_out * depth).cast_mut();
                let a = View { at: w, row: 1, column: depth as isize };
                let b = dense(dy.add(part * size_out).cast_mut(), places);
                multiply(self.isa, [depth, places, self.maps_out], a, b, dense(matrix, places), false, words);
                let maps = std::slice::from_raw_parts_mut(dx.add(part * size_in), size_in);
                maps.fill(0.0);
                let rows = self.window.taps() * places;
                for (map, data) in maps.chunks_exact_mut(volume.max(1)).enumerate() {
                    self.window.fold(std::slice::from_raw_parts(matrix.add(map * rows), rows), data);
                }
            }
        }
    }

    /// The gradient by the weight over one run of samples, left in `partials`.
    ///
    /// # Safety
    /// `x` and `dy` have the elements of their shapes, `partials` has [`partials_len`](Self::partials_len) words, and
    /// nobody else touches this tile's.
    pub unsafe fn weight_gradient(
        &self,
        tile: usize,
        x: *const f32,
        dy: *const f32,
        partials: *mut f32,
        scratch: &mut Scratch,
    ) {
        let (depth, places, volume) = (self.depth(), self.window.places(), self.window.volume());
        let (size_in, size_out) = self.strides();
        let (matrix, words) = Self::room(scratch, depth * places, places);
        let run = Tiling::share(self.samples, tile, self.weight_tiles());
        for sample in run.clone() {
            for group in 0..self.groups {
                let part = sample * self.groups + group;
                // SAFETY: parts of the operands by their shapes; the matrix has room for a row of `depth` a position.
                unsafe {
                    let rows = std::slice::from_raw_parts_mut(matrix, depth * places);
                    let maps = std::slice::from_raw_parts(x.add(part * size_in), size_in);
                    for (map, data) in maps.chunks_exact(volume.max(1)).enumerate() {
                        self.window.patches(data, &mut rows[map * self.window.taps()..], depth);
                    }
                    let a = dense(dy.add(part * size_out).cast_mut(), places);
                    let at = tile * self.weight_len().next_multiple_of(LANES) + group * self.maps_out * depth;
                    let c = dense(partials.add(at), depth);
                    let add = sample > run.start;
                    multiply(self.isa, [self.maps_out, depth, places], a, dense(matrix, depth), c, add, words);
                }
            }
        }
    }

    /// Adds the runs' gradients in order. One worker calls it when all tiles are done.
    ///
    /// # Safety
    /// All tiles of [`weight_gradient`](Self::weight_gradient) ran with these partials; `dw` has the weight's elements.
    pub unsafe fn finish_weight(&self, partials: *const f32, dw: *mut f32) {
        let length = self.weight_len();
        // SAFETY: the caller's promises.
        unsafe {
            let dw = std::slice::from_raw_parts_mut(dw, length);
            dw.fill(0.0);
            for tile in 0..self.weight_tiles() {
                let part = std::slice::from_raw_parts(partials.add(tile * length.next_multiple_of(LANES)), length);
                dw.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
        }
    }
}

fn dense(at: *mut f32, columns: usize) -> View {
    View { at, row: columns as isize, column: 1 }
}
