//! The product's innermost loops: a small block of the result in registers, one rank-1 update after another.
//!
//! Every element of the result is one chain of fused multiply-adds in the order of k, so its bits depend neither on the
//! block it falls into nor on the instruction set.

#[cfg(target_arch = "aarch64")]
use super::super::simd::Neon;
#[cfg(target_arch = "x86_64")]
use super::super::simd::{Avx2, Avx512};
use super::super::simd::{Isa, LANES, Portable, Simd};

/// Rows of a full block.
pub(super) const ROWS: usize = 6;

/// A matrix in memory: its first element, and the strides of rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct View {
    pub at: *mut f32,
    pub row: isize,
    pub column: isize,
}

impl View {
    /// The part that starts at an element.
    pub(in super::super) fn from(self, row: usize, column: usize) -> View {
        let offset = row as isize * self.row + column as isize * self.column;
        View { at: self.at.wrapping_offset(offset), ..self }
    }
}

/// Where a block of the result goes and how it starts.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub c: View,
    /// Whether what is there is the first summand.
    pub add: bool,
    /// Columns of the block; the last vector may be partial.
    pub columns: usize,
}

/// `R` rows by `V` vectors of A B, where B's columns are consecutive and its last vector is read up to `columns`. With
/// `PACK`, what is read of B is left in `panel`, each row whole vectors.
///
/// # Safety
/// A holds R by `k` and B `k` by `columns` readable elements, the target R by `columns` writable ones whose column
/// stride is 1, `panel` room for `k` rows of V vectors if they are to be left there, and the instruction set exists.
#[inline(always)]
unsafe fn block<S: Simd, const R: usize, const V: usize, const PACK: bool>(
    k: usize,
    a: View,
    b: View,
    target: Target,
    panel: *mut f32,
) {
    // SAFETY: the caller's promises; the last vector is masked.
    unsafe {
        let last = target.columns - (V - 1) * LANES;
        let zero = S::splat(0.0);
        let mut sums = [[zero; V]; R];
        if target.add {
            for (r, sums) in sums.iter_mut().enumerate() {
                let row = target.c.from(r, 0).at;
                for (v, sum) in sums.iter_mut().enumerate() {
                    let count = if v + 1 == V { last } else { LANES };
                    *sum = S::load_first(row.add(v * LANES), count, zero);
                }
            }
        }
        let mut at = Walk { a, b, panel };
        if last == LANES {
            // Two steps a round: with one, Intel's processors lose a tenth of their rate.
            for _ in 0..k / 2 {
                at.step::<S, R, V, PACK>(&mut sums, LANES);
                at.step::<S, R, V, PACK>(&mut sums, LANES);
            }
            if !k.is_multiple_of(2) {
                at.step::<S, R, V, PACK>(&mut sums, LANES);
            }
        } else {
            for _ in 0..k {
                at.step::<S, R, V, PACK>(&mut sums, last);
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let row = target.c.from(r, 0).at;
            for (v, sum) in sums.iter().enumerate() {
                if last == LANES || v + 1 < V {
                    S::store(row.add(v * LANES), *sum);
                } else {
                    S::store_first(row.add(v * LANES), last, *sum);
                }
            }
        }
    }
}

/// Where a block stands in its sums: at a column of A, a row of B, and the row of the panel that it goes to.
struct Walk {
    a: View,
    b: View,
    panel: *mut f32,
}

impl Walk {
    /// Adds one column of A times one row of B, whose last vector has so many columns, and goes on to the next.
    ///
    /// # Safety
    /// As for [`block`], which has not taken all `k` steps yet.
    #[inline(always)]
    unsafe fn step<S: Simd, const R: usize, const V: usize, const PACK: bool>(
        &mut self,
        sums: &mut [[S::F; V]; R],
        last: usize,
    ) {
        // SAFETY: the caller's promises; the last vector is masked unless it is whole.
        unsafe {
            let zero = S::splat(0.0);
            let mut row = [zero; V];
            for (v, x) in row.iter_mut().enumerate() {
                let at = self.b.at.add(v * LANES);
                *x = if v + 1 == V && last < LANES { S::load_first(at, last, zero) } else { S::load(at) };
                if PACK {
                    S::store(self.panel.add(v * LANES), *x);
                }
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = S::splat(self.a.at.offset(r as isize * self.a.row).read());
                for (sum, b) in sums.iter_mut().zip(row) {
                    *sum = S::fma(x, b, *sum);
                }
            }
        }
        self.a.at = self.a.at.wrapping_offset(self.a.column);
        self.b.at = self.b.at.wrapping_offset(self.b.row);
        self.panel = self.panel.wrapping_add(V * LANES);
    }
}

/// `rows` rows (at most [`ROWS`]) by as many columns as fit the panel.
type Block = unsafe fn(rows: usize, k: usize, a: View, b: View, target: Target);

/// A full block that leaves the rows of B in `panel`, whole vectors each.
type PackingBlock = unsafe fn(k: usize, a: View, b: View, target: Target, panel: *mut f32);

/// Sixteen runs of sixteen consecutive elements, `apart` from each other, become the columns of sixteen rows that are `stride` apart.
///
/// # Safety
/// The runs are readable, the rows are writable, and the instruction set exists.
type Turn = unsafe fn(from: *const f32, apart: isize, to: *mut f32, stride: usize);

/// See [`Turn`].
///
/// # Safety
/// As for [`Turn`].
unsafe fn turn(from: *const f32, apart: isize, to: *mut f32, stride: usize) {
    for row in 0..LANES {
        for column in 0..LANES {
            let at = from.wrapping_offset(column as isize * apart + row as isize);
            // SAFETY: the caller's promises.
            unsafe { to.add(row * stride + column).write(at.read()) };
        }
    }
}

/// Declares the block functions for an instruction set: every number of rows and vectors that its registers hold.
macro_rules! instantiate {
    ($module:ident, $S:ty, $vectors:tt $(, $features:literal)?) => {
        mod $module {
            use super::*;

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn run(rows: usize, k: usize, a: View, b: View, target: Target) {
                // SAFETY: as for the caller.
                unsafe { by_vectors!($S, $vectors, rows, k, a, b, target) }
            }

            $(#[target_feature(enable = $features)])?
            pub(super) unsafe fn run_packing(k: usize, a: View, b: View, target: Target, panel: *mut f32) {
                // SAFETY: as for the caller.
                unsafe { packing_by_vectors!($S, $vectors, k, a, b, target, panel) }
            }
        }
    };
}

macro_rules! by_vectors {
    ($S:ty, [$($v:literal)+], $rows:ident, $k:ident, $a:ident, $b:ident, $target:ident) => {
        match $target.columns.div_ceil(LANES) {
            $($v => match $rows {
                1 => block::<$S, 1, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
                2 => block::<$S, 2, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
                3 => block::<$S, 3, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
                4 => block::<$S, 4, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
                5 => block::<$S, 5, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
                _ => block::<$S, 6, $v, false>($k, $a, $b, $target, std::ptr::null_mut()),
            },)+
            _ => {}
        }
    };
}

macro_rules! packing_by_vectors {
    ($S:ty, [$($v:literal)+], $k:ident, $a:ident, $b:ident, $target:ident, $panel:ident) => {
        match $target.columns.div_ceil(LANES) {
            $($v => block::<$S, ROWS, $v, true>($k, $a, $b, $target, $panel),)+
            _ => {}
        }
    };
}

instantiate!(portable, Portable, [1]);
#[cfg(target_arch = "x86_64")]
instantiate!(avx2, Avx2, [1], "avx2,fma");
#[cfg(target_arch = "x86_64")]
instantiate!(avx512, Avx512, [1 2 3 4], "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma");
#[cfg(target_arch = "aarch64")]
instantiate!(neon, Neon, [1], "neon");

/// What an instruction set has for products.
pub(super) struct Blocks {
    /// Computes a block.
    pub block: Block,
    /// Computes a block of [`ROWS`] rows and packs its panel on the way.
    pub packing_block: PackingBlock,
    /// The columns that `block` takes at a time.
    pub width: usize,
    /// Turns rows into columns.
    pub turn: Turn,
}

/// The functions of an instruction set.
pub(super) fn blocks(isa: Isa) -> Blocks {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => Blocks { block: avx2::run, packing_block: avx2::run_packing, width: LANES, turn },
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => {
            Blocks { block: avx512::run, packing_block: avx512::run_packing, width: 4 * LANES, turn: Avx512::turn }
        }
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => Blocks { block: neon::run, packing_block: neon::run_packing, width: LANES, turn },
        _ => Blocks { block: portable::run, packing_block: portable::run_packing, width: LANES, turn },
    }
}
