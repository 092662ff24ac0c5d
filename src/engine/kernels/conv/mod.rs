//! Convolutions over one to three spatial axes and their gradients, and poolings; maps first, samples outermost.
//!
//! [`patches`] says how a sample is laid out and what a window covers of it, [`direct`] holds the innermost loops;
//! [`pool`] has windows of its own, [`halve`] the usual ones. Tiles are samples;
//! the gradient by the weight is summed over runs of samples and the sums are added in order. Weights are packed once a step.

mod direct;
mod halve;
mod patches;
mod pool;
#[cfg(test)]
mod tests;
mod window;

pub use pool::Pooling;
pub use window::Window;

use super::fused::Scratch;
use super::simd::{Isa, LANES};
use super::tiling::Tiling;
use direct::{Direct, Line, List, Rows, direct};
use patches::Patches;

/// A convolution's shape. Data is `[samples, maps_in, size..]`, the result `[samples, maps_out, positions..]`, the weight
/// `[maps_out, maps_in / groups, kernel..]`, all without gaps.
#[derive(Clone, Debug)]
pub struct Convolution {
    samples: usize,
    groups: usize,
    /// Maps of one group.
    maps_in: usize,
    maps_out: usize,
    window: Window,
    patches: Patches,
    isa: Isa,
}

/// Runs of samples whose weight gradients are summed apart: enough for every thread to have some, but fewer where the sums are large.
const RUNS: std::ops::RangeInclusive<usize> = 4..=16;
/// Vectors of a patch whose weights stay in the first-level cache while the gradient by the data goes over all positions.
const CHUNK: usize = 12;
/// Words that the sums of all runs may take before there are fewer runs.
const SUMS: usize = 1 << 22;

impl Convolution {
    /// Describes a convolution of `samples` samples with `[maps_in, maps_out]` maps in `groups` groups.
    ///
    /// # Panics
    /// If the groups do not divide the maps.
    pub fn new(samples: usize, [maps_in, maps_out]: [usize; 2], groups: usize, window: Window) -> Self {
        assert!(maps_in.is_multiple_of(groups) && maps_out.is_multiple_of(groups), "groups divide the maps");
        let (maps_in, maps_out) = (maps_in / groups, maps_out / groups);
        let patches = Patches::new(&window, maps_in);
        Convolution { samples, groups, maps_in, maps_out, window, patches, isa: Isa::detect() }
    }

    /// The same convolution on another instruction set, for comparisons.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn on(self, isa: Isa) -> Self {
        assert!(Isa::available().contains(&isa), "{isa:?} is not available here");
        Convolution { isa, ..self }
    }

    /// Number of multiply-adds of the result, or of either gradient.
    pub fn multiply_adds(&self) -> usize {
        self.samples * self.groups * self.maps_out * self.maps_in * self.window.taps() * self.window.places()
    }

    /// Tiles of the result and of the gradient by the data: one a sample.
    pub fn tiles(&self) -> usize {
        self.samples
    }

    /// Tiles of the gradient by the weight.
    pub fn weight_tiles(&self) -> usize {
        let most = (SUMS / self.rows_len()).clamp(*RUNS.start(), *RUNS.end());
        self.samples.min(most)
    }

    /// Words of partial results that the gradient by the weight needs.
    pub fn partials_len(&self) -> usize {
        self.weight_tiles() * self.rows_len()
    }

    /// Tiles of packing the weight for the gradient by the data, and of adding the partial gradients by it.
    pub fn row_tiles(&self) -> usize {
        self.groups * self.maps_out
    }

    /// Words of the weight as the gradient by the data wants it: for each map of the result, a patch.
    pub fn rows_len(&self) -> usize {
        self.row_tiles() * self.patches.words()
    }

    /// Tiles of packing the weight for the result.
    pub fn column_tiles(&self) -> usize {
        self.groups * self.blocks() * self.window.taps()
    }

    /// Words of the weight as the result wants it: for each element of a patch, vectors of maps of the result.
    pub fn columns_len(&self) -> usize {
        self.groups * self.blocks() * self.patches.depth() * self.block_maps()
    }

    /// Maps of the result that are computed together, and how many such blocks there are.
    fn block_maps(&self) -> usize {
        self.maps_out.div_ceil(LANES).min(direct(self.isa).vectors) * LANES
    }

    fn blocks(&self) -> usize {
        self.maps_out.div_ceil(self.block_maps())
    }

    /// Elements of a group's weight, of its data in one sample, and of its result.
    fn sizes(&self) -> [usize; 3] {
        let weight = self.maps_out * self.maps_in * self.window.taps();
        [weight, self.maps_in * self.window.volume(), self.maps_out * self.window.places()]
    }

    /// Packs a part of the weight for [`forward`](Self::forward).
    ///
    /// # Safety
    /// `w` has the weight's elements, `packed` has [`columns_len`](Self::columns_len) words; nobody else touches this tile of it.
    pub unsafe fn pack_columns(&self, tile: usize, w: *const f32, packed: *mut f32) {
        let (taps, width) = (self.window.taps(), self.block_maps());
        let (tap, block) = (tile % taps, tile / taps);
        let (group, first) = (block / self.blocks(), block % self.blocks() * width);
        let maps = width.min(self.maps_out - first);
        for map in 0..self.maps_in {
            let row = block * self.patches.depth() + self.patches.element(tap, map);
            // SAFETY: the caller's promises; a row of the packed weight and a column of the weight.
            unsafe {
                let to = std::slice::from_raw_parts_mut(packed.add(row * width), width);
                let from = w.add(((group * self.maps_out + first) * self.maps_in + map) * taps + tap);
                to[maps..].fill(0.0);
                to[..maps].iter_mut().enumerate().for_each(|(o, to)| *to = from.add(o * self.maps_in * taps).read());
            }
        }
    }

    /// The result of one sample. `w` is as [`pack_columns`](Self::pack_columns) leaves it.
    ///
    /// # Safety
    /// `x` and `y` have the elements of their shapes, `w` those of the packed weight; `y` overlaps neither, and nobody else touches
    /// this sample of it.
    pub unsafe fn forward(&self, sample: usize, x: *const f32, w: *const f32, y: *mut f32, scratch: &mut Scratch) {
        let (direct, patches, places, width) =
            (direct(self.isa), &self.patches, self.window.places(), self.block_maps());
        let [_, size_in, size_out] = self.sizes();
        let [spread, maps] = parts(scratch, [patches.room(), places * width]);
        let wide = self.window.positions[2];
        let pieces = wide.div_ceil(direct.most);
        for block in 0..self.groups * self.blocks() {
            let (group, first) = (block / self.blocks(), block % self.blocks() * width);
            let part = sample * self.groups + group;
            // SAFETY: parts of the operands by their shapes; scratch memory as large as they need.
            unsafe {
                if first == 0 {
                    patches.spread(direct, x.add(part * size_in), spread);
                }
                let w = w.add(block * patches.depth() * width);
                for piece in 0..places / wide * pieces {
                    let within = Tiling::share(wide, piece % pieces, pieces);
                    let place = piece / pieces * wide + within.start;
                    let (x, out) = (spread.add(patches.places[place] as usize), maps.add(place * width));
                    let line = Line { x, step: patches.step, runs: &patches.runs, length: patches.length, w, out };
                    (direct.line)(within.len(), width / LANES, line);
                }
                let to = Rows { at: y.add(part * size_out + first * places), stride: places };
                let sizes = [places, width.min(self.maps_out - first)];
                (direct.transpose)(Rows { at: maps, stride: width }, sizes, to);
            }
        }
    }

    /// Packs the weights of one map of the result for [`data_gradient`](Self::data_gradient).
    ///
    /// # Safety
    /// `w` has the weight's elements, `packed` has [`rows_len`](Self::rows_len) words; nobody else touches this tile of it.
    pub unsafe fn pack_rows(&self, tile: usize, w: *const f32, packed: *mut f32) {
        let (words, taps) = (self.patches.words(), self.window.taps());
        // SAFETY: the caller's promises: the weights of one map.
        unsafe {
            let to = std::slice::from_raw_parts_mut(packed.add(tile * words), words);
            let from = std::slice::from_raw_parts(w.add(tile * self.maps_in * taps), self.maps_in * taps);
            to.fill(0.0);
            self.patches.each_word(&self.window, |at, word| to[word] = from[at]);
        }
    }

    /// The gradient by one sample's data. `w` is as [`pack_rows`](Self::pack_rows) leaves it. An element of `dy` that is 0 adds nothing.
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
        let (direct, patches, places, maps) = (direct(self.isa), &self.patches, self.window.places(), self.maps_out);
        let [_, size_in, size_out] = self.sizes();
        let stride = maps.next_multiple_of(LANES);
        let entries = places * maps + LANES;
        let sizes = [patches.room(), places * stride, entries, entries, maps, places + 1];
        let [spread, turned, values, rows, starts, ends] = parts(scratch, sizes);
        let (starts, ends) = (starts.cast::<u32>(), ends.cast::<u32>());
        let list = List { values, places: rows.cast() };
        let from = |entry: usize| List { values: values.wrapping_add(entry), places: list.places.wrapping_add(entry) };
        // SAFETY: parts of the operands by their shapes; scratch memory as large as they need.
        unsafe {
            (0..maps).for_each(|map| starts.add(map).write((map * patches.words()) as u32));
            for part in sample * self.groups..(sample + 1) * self.groups {
                let dy = Rows { at: dy.add(part * size_out).cast_mut(), stride: places };
                (direct.transpose)(dy, [maps, places], Rows { at: turned, stride });
                ends.write(0);
                for place in 0..places {
                    let before = ends.add(place).read() as usize;
                    let found = (direct.nonzero)(turned.add(place * stride), starts, maps, from(before));
                    ends.add(place + 1).write((before + found) as u32);
                }
                spread.write_bytes(0, patches.room());
                let w = w.add(part % self.groups * maps * patches.words());
                // Chunks of one size everywhere: the order in which patches that overlap are added must not depend on the machine.
                for (first, chunk) in patches.vectors().pieces(CHUNK) {
                    for place in 0..places {
                        let (before, after) = (ends.add(place).read() as usize, ends.add(place + 1).read() as usize);
                        let (x, w) = (spread.add(patches.places[place] as usize), w.add(first * LANES));
                        for (first, piece) in chunk.pieces(direct.most) {
                            (direct.scatter)(from(before), after - before, w.add(first * LANES), piece, x);
                        }
                    }
                }
                patches.unspread(direct, spread, dx.add(part * size_in));
            }
        }
    }

    /// The gradient by the weight over one run of samples, left in `partials`. An element of `dy` that is 0 adds nothing.
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
        let (direct, patches, places): (&Direct, _, _) = (direct(self.isa), &self.patches, self.window.places());
        let [_, size_in, size_out] = self.sizes();
        let entries = places + LANES;
        let [spread, values, starts] = parts(scratch, [patches.room(), entries, entries]);
        let list = List { values, places: starts.cast() };
        // SAFETY: parts of the operands by their shapes; scratch memory as large as they need.
        unsafe {
            let sums = partials.add(tile * self.rows_len());
            sums.write_bytes(0, self.rows_len());
            let run = Tiling::share(self.samples, tile, self.weight_tiles());
            for part in run.start * self.groups..run.end * self.groups {
                patches.spread(direct, x.add(part * size_in), spread);
                for map in 0..self.maps_out {
                    let dy = dy.add(part * size_out + map * places);
                    let found = (direct.nonzero)(dy, patches.places.as_ptr(), places, list);
                    let row = sums.add((part % self.groups * self.maps_out + map) * patches.words());
                    for (first, chunk) in patches.vectors().pieces(direct.most) {
                        (direct.gather)(list, found, spread, chunk, row.add(first * LANES));
                    }
                }
            }
        }
    }

    /// Adds the runs' gradients by the weights of one map of the result, in order.
    ///
    /// # Safety
    /// All tiles of [`weight_gradient`](Self::weight_gradient) ran with these partials; `dw` has the weight's elements; nobody else
    /// touches those of this map.
    pub unsafe fn finish_weight(&self, tile: usize, partials: *const f32, dw: *mut f32, scratch: &mut Scratch) {
        let (words, own) = (self.patches.words(), self.maps_in * self.window.taps());
        // SAFETY: the caller's promises: a row of each run's sums, and the weights of one map.
        unsafe {
            let sums = std::slice::from_raw_parts_mut(scratch.words(words), words);
            sums.fill(0.0);
            for run in 0..self.weight_tiles() {
                let part = std::slice::from_raw_parts(partials.add(run * self.rows_len() + tile * words), words);
                sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
            let dw = std::slice::from_raw_parts_mut(dw.add(tile * own), own);
            self.patches.each_word(&self.window, |at, word| dw[at] = sums[word]);
        }
    }
}

/// Scratch memory in parts that start on a cache line.
fn parts<const N: usize>(scratch: &mut Scratch, sizes: [usize; N]) -> [*mut f32; N] {
    let start = scratch.words(sizes.iter().map(|size| size.next_multiple_of(LANES)).sum());
    let mut before = 0;
    sizes.map(|size| {
        before += size.next_multiple_of(LANES);
        start.wrapping_add(before - size.next_multiple_of(LANES))
    })
}
