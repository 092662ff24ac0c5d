//! Sixteen lanes in four NEON registers.

use std::arch::aarch64::*;

use super::{LANES, Simd};

/// NEON, which every AArch64 processor has.
#[derive(Clone, Copy)]
pub(in super::super) struct Neon;

/// Four quarters, the first lanes first.
type F = [float32x4_t; 4];
type I = [int32x4_t; 4];
/// All ones or all zeros a lane.
type M = [uint32x4_t; 4];

/// One function of quarters for each quarter.
macro_rules! quarters {
    ($($name:ident($($arg:ident: $in:ty),+) -> $out:ty = $quarter:expr;)*) => { $(
        #[inline(always)]
        unsafe fn $name($($arg: $in),+) -> $out {
            // SAFETY: the instructions exist by the trait's contract.
            unsafe {
                [
                    { $(let $arg = $arg[0];)+ $quarter },
                    { $(let $arg = $arg[1];)+ $quarter },
                    { $(let $arg = $arg[2];)+ $quarter },
                    { $(let $arg = $arg[3];)+ $quarter },
                ]
            }
        }
    )* };
}

impl Simd for Neon {
    type F = F;
    type I = I;
    type M = M;

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { [vdupq_n_f32(x); 4] }
    }
    #[inline(always)]
    unsafe fn isplat(x: i32) -> I {
        // SAFETY: as above.
        unsafe { [vdupq_n_s32(x); 4] }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> F {
        // SAFETY: sixteen words are readable.
        unsafe { [vld1q_f32(p), vld1q_f32(p.add(4)), vld1q_f32(p.add(8)), vld1q_f32(p.add(12))] }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: F) {
        // SAFETY: sixteen words are writable.
        unsafe {
            vst1q_f32(p, x[0]);
            vst1q_f32(p.add(4), x[1]);
            vst1q_f32(p.add(8), x[2]);
            vst1q_f32(p.add(12), x[3]);
        }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize, fill: F) -> F {
        let mut words = [0.0; LANES];
        // SAFETY: the first `n` words are readable; there are no loads under a mask.
        unsafe {
            Self::store(words.as_mut_ptr(), fill);
            std::ptr::copy_nonoverlapping(p, words.as_mut_ptr(), n);
            Self::load(words.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, n: usize, x: F) {
        let mut words = [0.0; LANES];
        // SAFETY: the first `n` words are writable; there are no stores under a mask.
        unsafe {
            Self::store(words.as_mut_ptr(), x);
            std::ptr::copy_nonoverlapping(words.as_ptr(), p, n);
        }
    }

    quarters! {
        add(a: F, b: F) -> F = vaddq_f32(a, b);
        sub(a: F, b: F) -> F = vsubq_f32(a, b);
        mul(a: F, b: F) -> F = vmulq_f32(a, b);
        div(a: F, b: F) -> F = vdivq_f32(a, b);
        fma(a: F, b: F, c: F) -> F = vfmaq_f32(c, a, b);
        // NEON's own minimum and maximum yield NaN when either is.
        min(a: F, b: F) -> F = vbslq_f32(vcltq_f32(a, b), a, b);
        max(a: F, b: F) -> F = vbslq_f32(vcgtq_f32(a, b), a, b);
        sqrt(a: F) -> F = vsqrtq_f32(a);
        round(a: F) -> F = vrndnq_f32(a);
        floor(a: F) -> F = vrndmq_f32(a);
        ceil(a: F) -> F = vrndpq_f32(a);
        trunc(a: F) -> F = vrndq_f32(a);
        bits(a: F) -> I = vreinterpretq_s32_f32(a);
        from_bits(a: I) -> F = vreinterpretq_f32_s32(a);
        // NEON saturates, and makes 0 of NaN.
        to_int(a: F) -> I = vbslq_s32(
            vandq_u32(vcgeq_f32(a, vdupq_n_f32(-2_147_483_648.0)), vcltq_f32(a, vdupq_n_f32(2_147_483_648.0))),
            vcvtq_s32_f32(a),
            vdupq_n_s32(i32::MIN)
        );
        to_float(a: I) -> F = vcvtq_f32_s32(a);
        iadd(a: I, b: I) -> I = vaddq_s32(a, b);
        isub(a: I, b: I) -> I = vsubq_s32(a, b);
        imul(a: I, b: I) -> I = vmulq_s32(a, b);
        iand(a: I, b: I) -> I = vandq_s32(a, b);
        ior(a: I, b: I) -> I = vorrq_s32(a, b);
        ixor(a: I, b: I) -> I = veorq_s32(a, b);
        lt(a: F, b: F) -> M = vcltq_f32(a, b);
        le(a: F, b: F) -> M = vcleq_f32(a, b);
        eq(a: F, b: F) -> M = vceqq_f32(a, b);
        ilt(a: I, b: I) -> M = vcltq_s32(a, b);
        ieq(a: I, b: I) -> M = vceqq_s32(a, b);
        not(m: M) -> M = vmvnq_u32(m);
        select(m: M, a: F, b: F) -> F = vbslq_f32(m, a, b);
    }

    #[inline(always)]
    unsafe fn any(m: M) -> bool {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { vmaxvq_u32(vorrq_u32(vorrq_u32(m[0], m[1]), vorrq_u32(m[2], m[3]))) != 0 }
    }
    #[inline(always)]
    unsafe fn shl<const N: u32>(a: I) -> I {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { a.map(|a| vshlq_s32(a, vdupq_n_s32(N as i32))) }
    }
    #[inline(always)]
    unsafe fn sar<const N: u32>(a: I) -> I {
        // SAFETY: as above; a negative count shifts to the right.
        unsafe { a.map(|a| vshlq_s32(a, vdupq_n_s32(-(N as i32)))) }
    }
    #[inline(always)]
    unsafe fn unzip(a: F, b: F) -> (F, F) {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe {
            (
                [vuzp1q_f32(a[0], a[1]), vuzp1q_f32(a[2], a[3]), vuzp1q_f32(b[0], b[1]), vuzp1q_f32(b[2], b[3])],
                [vuzp2q_f32(a[0], a[1]), vuzp2q_f32(a[2], a[3]), vuzp2q_f32(b[0], b[1]), vuzp2q_f32(b[2], b[3])],
            )
        }
    }
    #[inline(always)]
    unsafe fn zip(even: F, odd: F) -> (F, F) {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe {
            let pair = |i: usize| (vzip1q_f32(even[i], odd[i]), vzip2q_f32(even[i], odd[i]));
            let [(a, b), (c, d), (e, f), (g, h)] = [pair(0), pair(1), pair(2), pair(3)];
            ([a, b, c, d], [e, f, g, h])
        }
    }
}
