//! The innermost loops of convolutions, and what lays their operands out.
//!
//! Data lies with its maps side by side ([`super::spread`]), so what a window covers is a few runs of consecutive words. The result is
//! computed with its maps in the lanes; the gradients with the runs in the lanes, for those elements of the result's gradient only that
//! are not zero: behind a pooling or a rectifier these are few. Every sum is one chain of fused multiply-adds in an order that depends
//! on shapes alone.

#[cfg(target_arch = "aarch64")]
use super::super::simd::Neon;
#[cfg(target_arch = "x86_64")]
use super::super::simd::{Avx2, Avx512};
use super::super::simd::{Isa, LANES, Portable, Simd};
use super::super::tiling::Tiling;

/// Elements that are not zero, each with a place.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub values: *mut f32,
    pub places: *mut u32,
}

impl List {
    fn get(self, index: usize) -> (f32, usize) {
        // SAFETY: the callers' promise: the list has that many entries.
        unsafe { (self.values.add(index).read(), self.places.add(index).read() as usize) }
    }
}

/// Vectors of a patch that are summed together: where each starts, from the place of the patch, and how many of its lanes count.
#[derive(Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub starts: &'a [usize],
    pub lanes: &'a [usize],
}

impl<'a> Chunk<'a> {
    /// Its vectors in pieces of at most `most`, each with the number of its first.
    pub fn pieces(self, most: usize) -> impl Iterator<Item = (usize, Chunk<'a>)> {
        let (count, pieces) = (self.starts.len(), self.starts.len().div_ceil(most));
        (0..pieces).map(move |piece| {
            let share = Tiling::share(count, piece, pieces);
            (share.start, Chunk { starts: &self.starts[share.clone()], lanes: &self.lanes[share] })
        })
    }
}

/// Up to twelve positions `step` words apart by one or two vectors of maps: `out[p][map]` = sum over the patch of `x` times `w`.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub x: *const f32,
    pub step: usize,
    pub runs: &'a [usize],
    pub length: usize,
    pub w: *const f32,
    pub out: *mut f32,
}

/// # Safety
/// Patches at all positions are readable from `x`, a row of V vectors for each of their elements from `w`; V vectors are writable at
/// `out` for each position; the instruction set exists.
#[inline(always)]
unsafe fn positions<S: Simd, const P: usize, const V: usize>(line: Line) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut sums = [[S::splat(0.0); V]; P];
        let mut w = line.w;
        for run in line.runs {
            let mut at = line.x.add(*run);
            for _ in 0..line.length {
                let row: [S::F; V] = std::array::from_fn(|v| S::load(w.add(v * LANES)));
                for (p, sums) in sums.iter_mut().enumerate() {
                    let x = S::splat(at.add(p * line.step).read());
                    sums.iter_mut().zip(row).for_each(|(sum, w)| *sum = S::fma(x, w, *sum));
                }
                (at, w) = (at.add(1), w.add(V * LANES));
            }
        }
        for (p, sums) in sums.into_iter().enumerate() {
            sums.into_iter().enumerate().for_each(|(v, sum)| S::store(line.out.add((p * V + v) * LANES), sum));
        }
    }
}

/// Adds `count` patches of `x`, each times its value, to `sums`.
///
/// # Safety
/// The list has `count` entries; N vectors are readable at each of its places and writable at `sums`; the instruction set exists.
#[inline(always)]
unsafe fn gather<S: Simd, const N: usize>(list: List, count: usize, x: *const f32, chunk: Chunk, sums: *mut f32) {
    // SAFETY: the caller's promises.
    unsafe {
        let starts: [usize; N] = std::array::from_fn(|n| chunk.starts[n]);
        let mut total: [S::F; N] = std::array::from_fn(|n| S::load(sums.add(n * LANES)));
        for entry in 0..count {
            let (value, place) = list.get(entry);
            let (value, at) = (S::splat(value), x.add(place));
            for (sum, start) in total.iter_mut().zip(starts) {
                *sum = S::fma(value, S::load(at.add(start)), *sum);
            }
        }
        total.into_iter().enumerate().for_each(|(n, sum)| S::store(sums.add(n * LANES), sum));
    }
}

/// Adds the rows of `w` that a list names, each times its value, to the patch at `x`.
///
/// # Safety
/// As for [`gather`], with N vectors readable at each of the list's places from `w`, and the patch writable at `x`.
#[inline(always)]
unsafe fn scatter<S: Simd, const N: usize>(list: List, count: usize, w: *const f32, chunk: Chunk, x: *mut f32) {
    // SAFETY: the caller's promises.
    unsafe {
        let zero = S::splat(0.0);
        let mut total = [zero; N];
        for entry in 0..count {
            let (value, place) = list.get(entry);
            let (value, row) = (S::splat(value), w.add(place));
            for (n, sum) in total.iter_mut().enumerate() {
                *sum = S::fma(value, S::load(row.add(n * LANES)), *sum);
            }
        }
        for (n, sum) in total.into_iter().enumerate() {
            let (at, lanes) = (x.add(chunk.starts[n]), chunk.lanes[n]);
            if lanes == LANES {
                S::store(at, S::add(S::load(at), sum));
            } else {
                S::store_first(at, lanes, S::add(S::load_first(at, lanes, zero), sum));
            }
        }
    }
}

/// Lists the elements that are not zero, each with its entry of `places`; returns how many there are.
///
/// # Safety
/// `count` elements of both are readable; the list has room for them and a vector more; the instruction set exists.
#[inline(always)]
unsafe fn list_nonzero<S: Simd>(from: *const f32, places: *const u32, count: usize, to: List) -> usize {
    let mut found = 0;
    for first in (0..count).step_by(LANES) {
        // SAFETY: the caller's promises.
        unsafe {
            let (lanes, zero) = (LANES.min(count - first), S::splat(0.0));
            let x = S::load_first(from.add(first), lanes, zero);
            let place = S::load_first(places.add(first).cast(), lanes, zero);
            let counts = S::not(S::eq(x, zero));
            S::compress(counts, place, to.places.add(found).cast());
            found += S::compress(counts, x, to.values.add(found));
        }
    }
    found
}

/// A matrix in memory: its first element and the words from row to row.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub at: *mut f32,
    pub stride: usize,
}

/// `to[column][row]` = `from[row][column]`.
///
/// # Safety
/// Both hold that many elements and do not overlap; the instruction set exists.
#[inline(always)]
unsafe fn transpose<S: Simd>(from: Rows, [rows, columns]: [usize; 2], to: Rows) {
    for row in (0..rows).step_by(LANES) {
        for column in (0..columns).step_by(LANES) {
            let (high, wide) = (LANES.min(rows - row), LANES.min(columns - column));
            // SAFETY: the caller's promises.
            unsafe {
                let zero = S::splat(0.0);
                let block: [S::F; LANES] = std::array::from_fn(|r| {
                    let at = from.at.wrapping_add((row + r) * from.stride + column);
                    if r < high { S::load_first(at, wide, zero) } else { zero }
                });
                for (c, values) in S::transpose(block).into_iter().enumerate().take(wide) {
                    S::store_first(to.at.add((column + c) * to.stride + row), high, values);
                }
            }
        }
    }
}

/// The functions of an instruction set.
#[derive(Clone, Copy)]
pub(super) struct Direct {
    /// The most positions of a line, and the most vectors of a chunk.
    pub most: usize,
    /// The most vectors of maps of a line.
    pub vectors: usize,
    /// [`positions`], so many by so many vectors of maps.
    pub line: unsafe fn(usize, usize, Line),
    /// [`gather`].
    pub gather: unsafe fn(List, usize, *const f32, Chunk, *mut f32),
    /// [`scatter`].
    pub scatter: unsafe fn(List, usize, *const f32, Chunk, *mut f32),
    /// [`list_nonzero`].
    pub nonzero: unsafe fn(*const f32, *const u32, usize, List) -> usize,
    /// [`transpose`].
    pub transpose: unsafe fn(Rows, [usize; 2], Rows),
}

/// An expression with a constant that is the number wanted, one of those that there are.
macro_rules! sized {
    ($number:expr, [$($case:literal)+], $N:ident => $call:expr) => {
        match $number {
            $($case => {
                const $N: usize = $case;
                $call
            })+
            number => unreachable!("{number} is more than a piece has"),
        }
    };
}

/// Declares the functions for an instruction set, as many positions or vectors as its registers hold.
macro_rules! instantiate {
    ($module:ident, $S:ty, $most:literal, $sizes:tt, [$($vectors:literal)+] $(, $features:literal)?) => {
        mod $module {
            use super::*;

            pub(super) const ALL: Direct = Direct {
                most: $most,
                vectors: [$($vectors),+].len(),
                line,
                gather: gather_patches,
                scatter: scatter_rows,
                nonzero,
                transpose: turn,
            };

            $(#[target_feature(enable = $features)])?
            unsafe fn line(count: usize, vectors: usize, line: Line) {
                // SAFETY: as for the caller.
                unsafe {
                    match vectors {
                        $($vectors => sized!(count, $sizes, P => positions::<$S, P, $vectors>(line)),)+
                        n => unreachable!("{n} vectors of maps"),
                    }
                }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn gather_patches(list: List, count: usize, x: *const f32, chunk: Chunk, sums: *mut f32) {
                // SAFETY: as for the caller.
                unsafe { sized!(chunk.starts.len(), $sizes, N => gather::<$S, N>(list, count, x, chunk, sums)) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn scatter_rows(list: List, count: usize, w: *const f32, chunk: Chunk, x: *mut f32) {
                // SAFETY: as for the caller.
                unsafe { sized!(chunk.starts.len(), $sizes, N => scatter::<$S, N>(list, count, w, chunk, x)) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn nonzero(from: *const f32, places: *const u32, count: usize, to: List) -> usize {
                // SAFETY: as for the caller.
                unsafe { list_nonzero::<$S>(from, places, count, to) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn turn(from: Rows, sizes: [usize; 2], to: Rows) {
                // SAFETY: as for the caller.
                unsafe { transpose::<$S>(from, sizes, to) }
            }
        }
    };
}

instantiate!(portable, Portable, 4, [1 2 3 4], [1]);
#[cfg(target_arch = "x86_64")]
instantiate!(avx2, Avx2, 6, [1 2 3 4 5 6], [1], "avx2,fma");
#[cfg(target_arch = "x86_64")]
instantiate!(avx512, Avx512, 12, [1 2 3 4 5 6 7 8 9 10 11 12], [1 2], "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma");
#[cfg(target_arch = "aarch64")]
instantiate!(neon, Neon, 6, [1 2 3 4 5 6], [1], "neon");

/// The functions of an instruction set.
pub(super) fn direct(isa: Isa) -> &'static Direct {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &avx2::ALL,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => &avx512::ALL,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => &neon::ALL,
        _ => &portable::ALL,
    }
}
