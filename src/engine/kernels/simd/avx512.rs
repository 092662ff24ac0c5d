//! Sixteen lanes in one AVX-512 register.

use std::arch::x86_64::*;

use super::Simd;

/// AVX-512 F, DQ, BW, VL.
#[derive(Clone, Copy)]
pub(in super::super) struct Avx512;

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
const DOWN: i32 = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
const UP: i32 = _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC;
const TO_ZERO: i32 = _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC;

/// What `vfixupimmps` gives for each class of its first source, four bits a class, the lowest first: for both kinds of NaN
/// themselves, for zero -∞, for one what stands there, for -∞ NaN, for ∞ itself, for other negative numbers NaN, for positive
/// ones what stands there.
pub(in super::super) const LOG_EDGES: i32 = 0x0353_0421;

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    if n >= 16 { !0 } else { (1 << n) - 1 }
}

macro_rules! wrap {
    ($($name:ident($($arg:ident: $in:ty),*) -> $out:ty = $body:expr;)*) => { $(
        #[inline(always)]
        unsafe fn $name($($arg: $in),*) -> $out {
            // SAFETY: by the trait's contract the instructions exist and pointers are good for what they are used for.
            unsafe { $body }
        }
    )* };
}

impl Avx512 {
    /// Sixteen runs of sixteen consecutive elements, `apart` from each other, become the columns of sixteen rows that are `stride` apart:
    /// four rounds, each of which exchanges one bit of the row's number with one of the lane's.
    ///
    /// # Safety
    /// The instructions exist, the runs are readable, the rows are writable.
    #[target_feature(enable = "avx512f")]
    pub(in super::super) unsafe fn turn(from: *const f32, apart: isize, to: *mut f32, stride: usize) {
        // SAFETY: the caller's promises.
        unsafe {
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            let mut rows: [__m512; 16] =
                std::array::from_fn(|i| _mm512_loadu_ps(from.wrapping_offset(i as isize * apart)));
            for half in [1, 2, 4, 8] {
                // Lanes of the second operand count from 16.
                let upper = _mm512_test_epi32_mask(lanes, _mm512_set1_epi32(half));
                let shift = _mm512_set1_epi32(16 - half);
                let low = _mm512_mask_add_epi32(lanes, upper, lanes, shift);
                let high = _mm512_add_epi32(low, _mm512_set1_epi32(half));
                for i in (0..16).filter(|i| i & half as usize == 0) {
                    let (a, b) = (rows[i], rows[i + half as usize]);
                    rows[i] = _mm512_permutex2var_ps(a, low, b);
                    rows[i + half as usize] = _mm512_permutex2var_ps(a, high, b);
                }
            }
            for (i, row) in rows.into_iter().enumerate() {
                _mm512_storeu_ps(to.add(i * stride), row);
            }
        }
    }
}

impl Simd for Avx512 {
    type F = __m512;
    type I = __m512i;
    type M = __mmask16;

    wrap! {
        splat(x: f32) -> __m512 = _mm512_set1_ps(x);
        isplat(x: i32) -> __m512i = _mm512_set1_epi32(x);
        load(p: *const f32) -> __m512 = _mm512_loadu_ps(p);
        load_first(p: *const f32, n: usize, fill: __m512) -> __m512 = _mm512_mask_loadu_ps(fill, first(n), p);
        add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        scale(a: __m512, n: __m512) -> __m512 = _mm512_scalef_ps(a, n);
        log_edges(x: __m512, y: __m512) -> __m512 = _mm512_fixupimm_ps::<0>(y, x, _mm512_set1_epi32(LOG_EDGES));
        sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a);
        round(a: __m512) -> __m512 = _mm512_roundscale_ps::<NEAREST>(a);
        floor(a: __m512) -> __m512 = _mm512_roundscale_ps::<DOWN>(a);
        ceil(a: __m512) -> __m512 = _mm512_roundscale_ps::<UP>(a);
        trunc(a: __m512) -> __m512 = _mm512_roundscale_ps::<TO_ZERO>(a);
        bits(a: __m512) -> __m512i = _mm512_castps_si512(a);
        from_bits(a: __m512i) -> __m512 = _mm512_castsi512_ps(a);
        to_int(a: __m512) -> __m512i = _mm512_cvttps_epi32(a);
        to_float(a: __m512i) -> __m512 = _mm512_cvtepi32_ps(a);
        iadd(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        isub(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        imul(a: __m512i, b: __m512i) -> __m512i = _mm512_mullo_epi32(a, b);
        iand(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        ior(a: __m512i, b: __m512i) -> __m512i = _mm512_or_si512(a, b);
        ixor(a: __m512i, b: __m512i) -> __m512i = _mm512_xor_si512(a, b);
        lt(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b);
        le(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_LE_OQ>(a, b);
        eq(a: __m512, b: __m512) -> __mmask16 = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b);
        ilt(a: __m512i, b: __m512i) -> __mmask16 = _mm512_cmplt_epi32_mask(a, b);
        ieq(a: __m512i, b: __m512i) -> __mmask16 = _mm512_cmpeq_epi32_mask(a, b);
        select(m: __mmask16, a: __m512, b: __m512) -> __m512 = _mm512_mask_blend_ps(m, b, a);
    }

    #[inline(always)]
    unsafe fn store(p: *mut f32, x: __m512) {
        // SAFETY: sixteen words are writable.
        unsafe { _mm512_storeu_ps(p, x) }
    }
    #[inline(always)]
    unsafe fn store_first(p: *mut f32, n: usize, x: __m512) {
        // SAFETY: the first `n` words are writable, and masked lanes are not touched.
        unsafe { _mm512_mask_storeu_ps(p, first(n), x) }
    }
    #[inline(always)]
    unsafe fn not(m: __mmask16) -> __mmask16 {
        !m
    }
    #[inline(always)]
    unsafe fn any(m: __mmask16) -> bool {
        m != 0
    }
    #[inline(always)]
    unsafe fn compress(m: __mmask16, a: __m512, to: *mut f32) -> usize {
        // SAFETY: sixteen words are writable.
        unsafe { _mm512_storeu_ps(to, _mm512_maskz_compress_ps(m, a)) };
        m.count_ones() as usize
    }
    #[inline(always)]
    unsafe fn unzip(a: __m512, b: __m512) -> (__m512, __m512) {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            (_mm512_permutex2var_ps(a, even, b), _mm512_permutex2var_ps(a, odd, b))
        }
    }
    #[inline(always)]
    unsafe fn zip(even: __m512, odd: __m512) -> (__m512, __m512) {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            (_mm512_permutex2var_ps(even, low, odd), _mm512_permutex2var_ps(even, high, odd))
        }
    }
    /// Pairs of rows, then fours, then all: each step joins what the one before left side by side.
    #[inline(always)]
    unsafe fn transpose(rows: [__m512; 16]) -> [__m512; 16] {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe {
            let pairs: [__m512d; 16] = std::array::from_fn(|row| {
                let (a, b) = (rows[row & !1], rows[row | 1]);
                _mm512_castps_pd(if row % 2 == 0 { _mm512_unpacklo_ps(a, b) } else { _mm512_unpackhi_ps(a, b) })
            });
            let fours: [__m512; 16] = std::array::from_fn(|row| {
                let first = (row & !3) + (row % 4) / 2;
                let (a, b) = (pairs[first], pairs[first + 2]);
                _mm512_castpd_ps(if row % 2 == 0 { _mm512_unpacklo_pd(a, b) } else { _mm512_unpackhi_pd(a, b) })
            });
            std::array::from_fn(|column| {
                let (part, place) = (column / 4, column % 4);
                let half = |first: usize| {
                    let (a, b) = (fours[first + place], fours[first + 4 + place]);
                    if part % 2 == 0 { _mm512_shuffle_f32x4::<0x88>(a, b) } else { _mm512_shuffle_f32x4::<0xdd>(a, b) }
                };
                let (a, b) = (half(0), half(8));
                if part < 2 { _mm512_shuffle_f32x4::<0x88>(a, b) } else { _mm512_shuffle_f32x4::<0xdd>(a, b) }
            })
        }
    }
    #[inline(always)]
    unsafe fn shl<const N: u32>(a: __m512i) -> __m512i {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { _mm512_slli_epi32::<N>(a) }
    }
    #[inline(always)]
    unsafe fn sar<const N: u32>(a: __m512i) -> __m512i {
        // SAFETY: the instructions exist by the trait's contract.
        unsafe { _mm512_srai_epi32::<N>(a) }
    }
}
