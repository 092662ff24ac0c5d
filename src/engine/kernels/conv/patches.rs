//! What a window covers, when a sample's maps lie side by side: a few runs of consecutive words, at the same distances everywhere.
//!
//! A sample (of one group) is *spread*: padded with zeros, its spatial axes outermost, its maps innermost. The words that the window
//! covers at a position are its *patch*: one run for each line of the kernel, or, if the kernel has gaps along the last axis, one for
//! each of its elements. In packed weights a run is padded to whole vectors with zeros.

use super::super::simd::LANES;
use super::direct::{Chunk, Direct, Rows};
use super::window::Window;

/// The patches of a window over samples of `maps` maps.
#[derive(Clone, Debug)]
pub(super) struct Patches {
    maps: usize,
    size: [usize; 3],
    pad: [usize; 3],
    /// Elements of the kernel that share a run.
    joined: usize,
    /// Words from one position to the next along the last axis.
    pub step: usize,
    /// Where each run starts, from the place of the patch, and the words of each.
    pub runs: Vec<usize>,
    pub length: usize,
    /// The place of each position's patch.
    pub places: Vec<u32>,
    /// For each vector of a patch: where it starts, and how many of its lanes the run has.
    starts: Vec<usize>,
    lanes: Vec<usize>,
}

impl Patches {
    pub fn new(window: &Window, maps: usize) -> Self {
        let Window { size, kernel, stride, pad, dilation, positions } = *window;
        let padded: [usize; 3] = std::array::from_fn(|axis| size[axis] + 2 * pad[axis]);
        let place = |[z, y, x]: [usize; 3]| ((z * padded[1] + y) * padded[2] + x) * maps;
        let all = |of: [usize; 3]| {
            (0..of.iter().product()).map(move |at: usize| [at / (of[1] * of[2]), at / of[2] % of[1], at % of[2]])
        };
        let scaled = |at: [usize; 3], by: [usize; 3]| place(std::array::from_fn(|axis| at[axis] * by[axis]));
        let joined = if dilation[2] == 1 { kernel[2] } else { 1 };
        let runs: Vec<usize> =
            all([kernel[0], kernel[1], kernel[2] / joined]).map(|tap| scaled(tap, dilation)).collect();
        let places = all(positions).map(|at| scaled(at, stride) as u32).collect();
        let length = joined * maps;
        let vectors = || (0..length).step_by(LANES);
        let starts = runs.iter().flat_map(|run| vectors().map(move |first| run + first)).collect();
        let lanes = runs.iter().flat_map(|_| vectors().map(|first| LANES.min(length - first))).collect();
        Patches { maps, size, pad, joined, step: stride[2] * maps, runs, length, places, starts, lanes }
    }

    /// Elements of a patch.
    pub fn depth(&self) -> usize {
        self.runs.len() * self.length
    }

    /// Words of a patch with its runs padded to whole vectors.
    pub fn words(&self) -> usize {
        self.starts.len() * LANES
    }

    /// The place among a patch's elements of an element of the kernel for a map.
    pub fn element(&self, tap: usize, map: usize) -> usize {
        tap * self.maps + map
    }

    /// Calls `visit` with the place of each weight of one map of the result, and its word in the padded patch.
    pub fn each_word(&self, window: &Window, mut visit: impl FnMut(usize, usize)) {
        let (taps, words) = (window.taps(), self.length.next_multiple_of(LANES));
        for tap in 0..taps {
            let first = tap / self.joined * words + tap % self.joined * self.maps;
            (0..self.maps).for_each(|map| visit(map * taps + tap, first + map));
        }
    }

    /// The vectors of a patch.
    pub fn vectors(&self) -> Chunk<'_> {
        Chunk { starts: &self.starts, lanes: &self.lanes }
    }

    fn padded(&self) -> [usize; 3] {
        std::array::from_fn(|axis| self.size[axis] + 2 * self.pad[axis])
    }

    /// Words of a spread sample, with a vector behind it that may be read.
    pub fn room(&self) -> usize {
        self.padded().iter().product::<usize>() * self.maps + LANES
    }

    /// Calls `visit` with consecutive elements of a map and the place where they lie spread: the map's first, how many, the first's word.
    fn each_stretch(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let ([deep, high, wide], [_, rows, columns]) = (self.size, self.padded());
        if self.pad == [0; 3] {
            return visit(0, deep * high * wide, 0);
        }
        for line in 0..deep * high {
            let (z, y) = (line / high + self.pad[0], line % high + self.pad[1]);
            visit(line * wide, wide, ((z * rows + y) * columns + self.pad[2]) * self.maps);
        }
    }

    /// Spreads a sample.
    ///
    /// # Safety
    /// `x` has the sample's elements, `spread` has [`room`](Self::room); the functions' instruction set exists.
    pub unsafe fn spread(&self, direct: &Direct, x: *const f32, spread: *mut f32) {
        let volume = self.size.iter().product();
        // SAFETY: the caller's promises.
        unsafe {
            if self.pad != [0; 3] {
                spread.write_bytes(0, self.room());
            }
            self.each_stretch(|first, count, to| {
                let from = x.add(first).cast_mut();
                if self.maps == 1 {
                    from.copy_to_nonoverlapping(spread.add(to), count);
                } else {
                    let to = Rows { at: spread.add(to), stride: self.maps };
                    (direct.transpose)(Rows { at: from, stride: volume }, [self.maps, count], to);
                }
            });
        }
    }

    /// The way back: what lies in the padding is dropped.
    ///
    /// # Safety
    /// As for [`spread`](Self::spread), with `x` the one that is written.
    pub unsafe fn unspread(&self, direct: &Direct, spread: *mut f32, x: *mut f32) {
        let volume = self.size.iter().product();
        // SAFETY: the caller's promises.
        self.each_stretch(|first, count, from| unsafe {
            let (from, to) = (spread.add(from), x.add(first));
            if self.maps == 1 {
                from.copy_to_nonoverlapping(to, count);
            } else {
                let from = Rows { at: from, stride: self.maps };
                (direct.transpose)(from, [count, self.maps], Rows { at: to, stride: volume });
            }
        });
    }
}
