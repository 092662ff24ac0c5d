//! Sixteen 32-bit lanes on every machine, so that a formula is written once and gives the same bits everywhere.
//!
//! A vector has sixteen lanes whatever the processor: one AVX-512 register, two of AVX2, four of NEON, or an array that
//! the compiler turns into what it has ([`portable`], also the scalar twin). Products and sums are fused exactly where the formula
//! says so. What a lane yields never depends on its place, so cutting work differently cannot change results.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(super) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::{Avx512, LOG_EDGES};
#[cfg(target_arch = "aarch64")]
pub(super) use neon::Neon;
pub(super) use portable::Portable;

/// Lanes of a vector on every machine.
pub const LANES: usize = 16;

/// An instruction set that this program has code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust.
    Portable,
    /// NEON, which is part of AArch64.
    Neon,
    /// AVX2 with FMA.
    Avx2,
    /// AVX-512 F, DQ, BW and VL.
    Avx512,
}

/// What this thread wrote past its caches is visible to others before anything that it writes later.
#[inline(always)]
pub fn settle_stores() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 processor has it.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

impl Isa {
    /// The best that this processor has.
    pub fn detect() -> Isa {
        *Self::available().last().expect("portable code runs anywhere")
    }

    /// All that this processor can run, slowest first.
    pub fn available() -> &'static [Isa] {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            let wide = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vl");
            return if wide { &[Isa::Portable, Isa::Avx2, Isa::Avx512] } else { &[Isa::Portable, Isa::Avx2] };
        }
        if cfg!(target_arch = "aarch64") { &[Isa::Portable, Isa::Neon] } else { &[Isa::Portable] }
    }
}

/// Operations on sixteen lanes. `F` holds floats, `I` integers, `M` one truth value a lane.
///
/// # Safety
/// Every method may only be called, or be inlined into code that is called, where the instruction set exists; those
/// that take pointers need as many valid words there as they read or write. `min` and `max` return the second operand
/// when either is NaN.
pub(super) trait Simd: Copy + 'static {
    type F: Copy;
    type I: Copy;
    type M: Copy;

    unsafe fn splat(x: f32) -> Self::F;
    unsafe fn load(p: *const f32) -> Self::F;
    unsafe fn store(p: *mut f32, x: Self::F);
    /// The first `n` (at most sixteen) words; the other lanes are `fill`.
    unsafe fn load_first(p: *const f32, n: usize, fill: Self::F) -> Self::F;
    /// Writes the first `n` (at most sixteen) lanes.
    unsafe fn store_first(p: *mut f32, n: usize, x: Self::F);

    unsafe fn add(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sub(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn mul(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn div(a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    unsafe fn fma(a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    unsafe fn min(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn max(a: Self::F, b: Self::F) -> Self::F;
    unsafe fn sqrt(a: Self::F) -> Self::F;
    /// To the nearest integer, ties to even.
    unsafe fn round(a: Self::F) -> Self::F;
    unsafe fn floor(a: Self::F) -> Self::F;
    unsafe fn ceil(a: Self::F) -> Self::F;
    unsafe fn trunc(a: Self::F) -> Self::F;

    unsafe fn bits(a: Self::F) -> Self::I;
    unsafe fn from_bits(a: Self::I) -> Self::F;
    /// Rounds towards zero; outside `i32`, and for NaN, `i32::MIN`.
    unsafe fn to_int(a: Self::F) -> Self::I;
    unsafe fn to_float(a: Self::I) -> Self::F;

    unsafe fn isplat(x: i32) -> Self::I;
    unsafe fn iadd(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn isub(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn imul(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn iand(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn ior(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn ixor(a: Self::I, b: Self::I) -> Self::I;
    unsafe fn shl<const N: u32>(a: Self::I) -> Self::I;
    /// Arithmetic shift to the right.
    unsafe fn sar<const N: u32>(a: Self::I) -> Self::I;

    unsafe fn lt(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn le(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn eq(a: Self::F, b: Self::F) -> Self::M;
    unsafe fn ilt(a: Self::I, b: Self::I) -> Self::M;
    unsafe fn ieq(a: Self::I, b: Self::I) -> Self::M;
    unsafe fn not(m: Self::M) -> Self::M;
    unsafe fn any(m: Self::M) -> bool;
    /// `a` where the mask holds, else `b`.
    unsafe fn select(m: Self::M, a: Self::F, b: Self::F) -> Self::F;

    /// Writes the lanes where the mask holds, one after another; returns how many. Sixteen words are writable.
    #[inline(always)]
    unsafe fn compress(m: Self::M, a: Self::F, to: *mut f32) -> usize {
        let (mut chosen, mut values) = ([0.0; LANES], [0.0; LANES]);
        let mut count = 0;
        // SAFETY: as for the caller; as many words are written as there are lanes at most.
        unsafe {
            Self::store(chosen.as_mut_ptr(), Self::select(m, Self::splat(1.0), Self::splat(0.0)));
            Self::store(values.as_mut_ptr(), a);
            for lane in (0..LANES).filter(|lane| chosen[*lane] != 0.0) {
                to.add(count).write(values[lane]);
                count += 1;
            }
        }
        count
    }

    /// The lanes at even places of `a`, then of `b`, and those at odd places.
    #[inline(always)]
    unsafe fn unzip(a: Self::F, b: Self::F) -> (Self::F, Self::F) {
        let mut all = [0.0; 2 * LANES];
        // SAFETY: as for the caller.
        unsafe {
            Self::store(all.as_mut_ptr(), a);
            Self::store(all.as_mut_ptr().add(LANES), b);
            let [even, odd]: [[f32; LANES]; 2] = [0, 1].map(|odd| std::array::from_fn(|lane| all[2 * lane + odd]));
            (Self::load(even.as_ptr()), Self::load(odd.as_ptr()))
        }
    }

    /// The way back from [`unzip`](Self::unzip).
    #[inline(always)]
    unsafe fn zip(even: Self::F, odd: Self::F) -> (Self::F, Self::F) {
        let mut parts = [[0.0; LANES]; 2];
        // SAFETY: as for the caller.
        unsafe {
            Self::store(parts[0].as_mut_ptr(), even);
            Self::store(parts[1].as_mut_ptr(), odd);
            let all: [f32; 2 * LANES] = std::array::from_fn(|place| parts[place % 2][place / 2]);
            (Self::load(all.as_ptr()), Self::load(all.as_ptr().add(LANES)))
        }
    }

    /// Lane `i` of row `j` becomes lane `j` of row `i`.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::F; LANES]) -> [Self::F; LANES] {
        let (mut from, mut to) = ([[0.0; LANES]; LANES], [[0.0; LANES]; LANES]);
        // SAFETY: as for the caller.
        unsafe {
            (0..LANES).for_each(|row| Self::store(from[row].as_mut_ptr(), rows[row]));
            (0..LANES).for_each(|row| (0..LANES).for_each(|lane| to[lane][row] = from[row][lane]));
            std::array::from_fn(|row| Self::load(to[row].as_ptr()))
        }
    }

    /// `a 2^n` for integral `n` of -252 to 254, rounded once.
    #[inline(always)]
    unsafe fn scale(a: Self::F, n: Self::F) -> Self::F {
        // SAFETY: as for the caller.
        unsafe {
            // Two factors, because 2^n alone can overflow or lose bits where the result does not.
            let n = Self::to_int(n);
            let half = Self::sar::<1>(n);
            let power = |n| Self::from_bits(Self::shl::<23>(Self::iadd(n, Self::isplat(127))));
            Self::mul(Self::mul(a, power(half)), power(Self::isub(n, half)))
        }
    }

    /// The logarithm of `x` outside the positive finite numbers; there `y`. Subnormal numbers have to count as zeros.
    #[inline(always)]
    unsafe fn log_edges(x: Self::F, y: Self::F) -> Self::F {
        // SAFETY: as for the caller.
        unsafe {
            let zero = Self::splat(0.0);
            let y = Self::select(Self::lt(x, Self::splat(f32::INFINITY)), y, x);
            let y = Self::select(Self::eq(x, zero), Self::splat(f32::NEG_INFINITY), y);
            Self::select(Self::lt(x, zero), Self::splat(f32::NAN), y)
        }
    }

    #[inline(always)]
    unsafe fn neg(a: Self::F) -> Self::F {
        // SAFETY: as for the caller.
        unsafe { Self::from_bits(Self::ixor(Self::bits(a), Self::isplat(i32::MIN))) }
    }

    #[inline(always)]
    unsafe fn abs(a: Self::F) -> Self::F {
        // SAFETY: as for the caller.
        unsafe { Self::from_bits(Self::iand(Self::bits(a), Self::isplat(i32::MAX))) }
    }

    /// The magnitude of `a` (whose sign bit is clear) with the sign of `s`.
    #[inline(always)]
    unsafe fn with_sign(a: Self::F, s: Self::F) -> Self::F {
        // SAFETY: as for the caller.
        unsafe { Self::from_bits(Self::ior(Self::bits(a), Self::iand(Self::bits(s), Self::isplat(i32::MIN)))) }
    }

    #[inline(always)]
    unsafe fn iselect(m: Self::M, a: Self::I, b: Self::I) -> Self::I {
        // SAFETY: as for the caller.
        unsafe { Self::bits(Self::select(m, Self::from_bits(a), Self::from_bits(b))) }
    }
}
