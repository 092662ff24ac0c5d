//! Sixteen lanes in two AVX2 registers.

use std::arch::x86_64::*;

use super::Simd;

/// AVX2 with FMA.
#[derive(Clone, Copy)]
pub(in super::super) struct Avx2;

/// A low and a high half.
#[derive(Clone, Copy)]
pub(in super::super) struct Pair<T>(T, T);

type F = Pair<__m256>;
type I = Pair<__m256i>;

/// All ones in the first `n` lanes of the half that starts at lane `start`.
#[inline(always)]
unsafe fn first(n: usize, start: i32) -> __m256i {
    // SAFETY: the instructions exist by the trait's contract.
    unsafe {
        let lanes = _mm256_add_epi32(_mm256_set1_epi32(start), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), lanes)
    }
}

/// One function of halves for each half.
macro_rules! halves {
    ($($name:ident($($arg:ident: $in:ty),+) -> $out:ty = $half:expr;)*) => { $(
        #[inline(always)]
        unsafe fn $name($($arg: $in),+) -> $out {
            // SAFETY: the instructions exist by the trait's contract.
            unsafe {
                let low = { $(let $arg = $arg.0;)+ $half };
                let high = { $(let $arg = $arg.1;)+ $half };
                Pair(low, high)
            }
        }
    )* };
}

impl Simd for Avx2 {
    type F = F;
    type I = I;
    /// All ones or all zeros a lane.
    type M = F;

    #[inline(always)]
    unsafe fn splat(x: f32) -> F {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { Pair(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn isplat(x: i32) -> I {
        // SAFETY: as above.
        unsafe { Pair(_mm256_set1_epi32(x), _mm256_set1_epi32(x)) }
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> F {
        // SAFETY: sixteen words are readable.
        unsafe { Pair(_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut f32, x: F) {
        // SAFETY: sixteen words are writable.
        unsafe {
            _mm256_storeu_ps(p, x.0);
            _mm256_storeu_ps(p.add(8), x.1);
        }
    }
    #[inline(always)]
    unsafe fn load_first(p: *const f32, n: usize, fill: F) -> F {
        // SAFETY: masked lanes are not read; `wrapping_add` because the upper half may lie outside the allocation.
        unsafe {
            let (low, high) = (first(n, 0), first(n, 8));
            Pair(
                _mm256_blendv_ps(fill.0, _mm256_maskload_ps(p, low), _mm256_castsi256_ps(low)),
                _mm256_blendv_ps(fill.1, _mm256_maskload_ps(p.wrapping_add(8), high), _mm256_castsi256_ps(high)),
            )
        }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, n: usize, x: F) {
        // SAFETY: masked lanes are not written; `wrapping_add` as in `load_first`.
        unsafe {
            _mm256_maskstore_ps(p, first(n, 0), x.0);
            _mm256_maskstore_ps(p.wrapping_add(8), first(n, 8), x.1);
        }
    }

    halves! {
        add(a: F, b: F) -> F = _mm256_add_ps(a, b);
        sub(a: F, b: F) -> F = _mm256_sub_ps(a, b);
        mul(a: F, b: F) -> F = _mm256_mul_ps(a, b);
        div(a: F, b: F) -> F = _mm256_div_ps(a, b);
        fma(a: F, b: F, c: F) -> F = _mm256_fmadd_ps(a, b, c);
        min(a: F, b: F) -> F = _mm256_min_ps(a, b);
        max(a: F, b: F) -> F = _mm256_max_ps(a, b);
        sqrt(a: F) -> F = _mm256_sqrt_ps(a);
        round(a: F) -> F = _mm256_round_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a);
        floor(a: F) -> F = _mm256_round_ps::<{ _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC }>(a);
        ceil(a: F) -> F = _mm256_round_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(a);
        trunc(a: F) -> F = _mm256_round_ps::<{ _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC }>(a);
        bits(a: F) -> I = _mm256_castps_si256(a);
        from_bits(a: I) -> F = _mm256_castsi256_ps(a);
        to_int(a: F) -> I = _mm256_cvttps_epi32(a);
        to_float(a: I) -> F = _mm256_cvtepi32_ps(a);
        iadd(a: I, b: I) -> I = _mm256_add_epi32(a, b);
        isub(a: I, b: I) -> I = _mm256_sub_epi32(a, b);
        imul(a: I, b: I) -> I = _mm256_mullo_epi32(a, b);
        iand(a: I, b: I) -> I = _mm256_and_si256(a, b);
        ior(a: I, b: I) -> I = _mm256_or_si256(a, b);
        ixor(a: I, b: I) -> I = _mm256_xor_si256(a, b);
        lt(a: F, b: F) -> F = _mm256_cmp_ps::<_CMP_LT_OQ>(a, b);
        le(a: F, b: F) -> F = _mm256_cmp_ps::<_CMP_LE_OQ>(a, b);
        eq(a: F, b: F) -> F = _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b);
        ilt(a: I, b: I) -> F = _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a));
        ieq(a: I, b: I) -> F = _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
        not(m: F) -> F = _mm256_xor_ps(m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)));
        select(m: F, a: F, b: F) -> F = _mm256_blendv_ps(b, a, m);
    }

    #[inline(always)]
    unsafe fn any(m: F) -> bool {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { _mm256_movemask_ps(m.0) | _mm256_movemask_ps(m.1) != 0 }
    }
    #[inline(always)]
    unsafe fn shl<const N: u32>(a: I) -> I {
        // SAFETY: the instructions exist; the count is a constant below 32.
        unsafe {
            let count = _mm_cvtsi32_si128(N as i32);
            Pair(_mm256_sll_epi32(a.0, count), _mm256_sll_epi32(a.1, count))
        }
    }
    #[inline(always)]
    unsafe fn sar<const N: u32>(a: I) -> I {
        // SAFETY: as in `shl`.
        unsafe {
            let count = _mm_cvtsi32_si128(N as i32);
            Pair(_mm256_sra_epi32(a.0, count), _mm256_sra_epi32(a.1, count))
        }
    }
}
