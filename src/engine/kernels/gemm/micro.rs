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
        let (mut pa, mut pb, mut to) = (a.at.cast_const(), b.at.cast_const(), panel);
        let keep = |to: *mut f32, v: usize, x: S::F| {
            if PACK {
                S::store(to.add(v * LANES), x);
            }
            x
        };
        if last == LANES {
            for _ in 0..k {
                update::<S, R, V>(&mut sums, pa, a.row, |v| keep(to, v, S::load(pb.add(v * LANES))));
                pa = pa.wrapping_offset(a.column);
                pb = pb.wrapping_offset(b.row);
                to = to.wrapping_add(V * LANES);
            }
        } else {
            for _ in 0..k {
                update::<S, R, V>(&mut sums, pa, a.row, |v| {
                    let at = pb.add(v * LANES);
                    keep(to, v, if v + 1 == V { S::load_first(at, last, zero) } else { S::load(at) })
                });
                pa = pa.wrapping_offset(a.column);
                pb = pb.wrapping_offset(b.row);
                to = to.wrapping_add(V * LANES);
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

/// Adds one column of A times one row of B.
///
/// # Safety
/// R elements of A are readable `stride` apart, and the instruction set exists.
#[inline(always)]
unsafe fn update<S: Simd, const R: usize, const V: usize>(
    sums: &mut [[S::F; V]; R],
    a: *const f32,
    stride: isize,
    row: impl Fn(usize) -> S::F,
) {
    let row: [S::F; V] = std::array::from_fn(row);
    for (r, sums) in sums.iter_mut().enumerate() {
        // SAFETY: as for the caller.
        unsafe {
            let x = S::splat(a.offset(r as isize * stride).read());
            for (sum, b) in sums.iter_mut().zip(row) {
                *sum = S::fma(x, b, *sum);
            }
        }
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
