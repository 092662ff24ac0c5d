//! Sixteen lanes as an array: the scalar twin of the other instruction sets, and the code for machines without them.

use std::array::from_fn;

use super::{LANES, Simd};

/// Lanes in an array; the compiler vectorises the loops as far as its target goes.
#[derive(Clone, Copy)]
pub(in super::super) struct Portable;

type F = [f32; LANES];
type I = [i32; LANES];

/// Lane-wise functions of floats.
macro_rules! lanes {
    ($($name:ident($($arg:ident: $in:ty),+) -> $out:ty = $lane:expr;)*) => { $(
        #[inline(always)]
        unsafe fn $name($($arg: $in),+) -> $out {
            from_fn(|lane| { $(let $arg = $arg[lane];)+ $lane })
        }
    )* };
}

// The trait's contract covers safety; nothing here needs an instruction set.
impl Simd for Portable {
    type F = F;
    type I = I;
    type M = [bool; LANES];

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn isplat(x: i32) -> I {
        [x; LANES]
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> F {
        // SAFETY: sixteen words are readable.
        unsafe { p.cast::<F>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: F) {
        // SAFETY: sixteen words are writable.
        unsafe { p.cast::<F>().write_unaligned(x) }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize, fill: F) -> F {
        // SAFETY: the first `n` words are readable.
        from_fn(|lane| if lane < n { unsafe { p.add(lane).read() } } else { fill[lane] })
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, n: usize, x: F) {
        for (lane, x) in x.into_iter().enumerate().take(n) {
            // SAFETY: the first `n` words are writable.
            unsafe { p.add(lane).write(x) };
        }
    }

    lanes! {
        add(a: F, b: F) -> F = a + b;
        sub(a: F, b: F) -> F = a - b;
        mul(a: F, b: F) -> F = a * b;
        div(a: F, b: F) -> F = a / b;
        fma(a: F, b: F, c: F) -> F = a.mul_add(b, c);
        min(a: F, b: F) -> F = if a < b { a } else { b };
        max(a: F, b: F) -> F = if a > b { a } else { b };
        sqrt(a: F) -> F = a.sqrt();
        round(a: F) -> F = a.round_ties_even();
        floor(a: F) -> F = a.floor();
        ceil(a: F) -> F = a.ceil();
        trunc(a: F) -> F = a.trunc();
        bits(a: F) -> I = a.to_bits().cast_signed();
        from_bits(a: I) -> F = f32::from_bits(a.cast_unsigned());
        to_int(a: F) -> I = if (-2_147_483_648.0..2_147_483_648.0).contains(&a) { a as i32 } else { i32::MIN };
        to_float(a: I) -> F = a as f32;
        iadd(a: I, b: I) -> I = a.wrapping_add(b);
        isub(a: I, b: I) -> I = a.wrapping_sub(b);
        imul(a: I, b: I) -> I = a.wrapping_mul(b);
        iand(a: I, b: I) -> I = a & b;
        ior(a: I, b: I) -> I = a | b;
        ixor(a: I, b: I) -> I = a ^ b;
        lt(a: F, b: F) -> Self::M = a < b;
        le(a: F, b: F) -> Self::M = a <= b;
        eq(a: F, b: F) -> Self::M = a == b;
        ilt(a: I, b: I) -> Self::M = a < b;
        ieq(a: I, b: I) -> Self::M = a == b;
        not(m: Self::M) -> Self::M = !m;
        select(m: Self::M, a: F, b: F) -> F = if m { a } else { b };
    }

    #[inline(always)]
    unsafe fn any(m: Self::M) -> bool {
        m.contains(&true)
    }
    #[inline(always)]
    unsafe fn shl<const N: u32>(a: I) -> I {
        a.map(|x| x.wrapping_shl(N))
    }
    #[inline(always)]
    unsafe fn sar<const N: u32>(a: I) -> I {
        a.map(|x| x >> N)
    }
}
