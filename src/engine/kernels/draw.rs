//! Uniform random numbers with the registers of each instruction set. What the numbers are is `tensor::random`'s business.

use super::simd::Isa;
use crate::tensor::random::{MULTIPLIERS, ROUNDS, Stream, UNIFORM_STEP};

/// Fills `out` with uniform numbers in [0, 1): those of elements `first..` of a sample, where `first` is a multiple of 4.
pub fn fill_uniform(stream: Stream, sample: u32, first: usize, out: &mut [f32]) {
    match Isa::detect() {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the instruction set was detected.
        Isa::Avx512 => unsafe { avx512(stream, sample, first, out) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx2 => unsafe { avx2(stream, sample, first, out) },
        _ => stream.fill_uniform(sample, first, out),
    }
}

/// The numbers that one round of [`avx512`] computes.
#[cfg(target_arch = "x86_64")]
const MANY: usize = 64;

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2")]
fn avx512(stream: Stream, sample: u32, first: usize, out: &mut [f32]) {
    let keys = stream.philox_keys();
    for (round, numbers) in out.chunks_mut(MANY).enumerate() {
        let block = (first + round * MANY) / 4;
        let counters = stream.counters(sample, [block as u32]).map(|[word]| word);
        if let Ok(numbers) = numbers.try_into() {
            many(counters, &keys, numbers);
        } else {
            let mut all = [0.0; MANY];
            many(counters, &keys, &mut all);
            numbers.copy_from_slice(&all[..numbers.len()]);
        }
    }
}

/// Sixteen blocks of four numbers. Each word has the lower half of a lane of 64 bits, where the processor multiplies 32
/// by 32 bits; what is above it is left over from a product and means nothing.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2")]
#[inline]
fn many(counters: [u32; 4], keys: &[[u32; 2]; ROUNDS], out: &mut [f32; MANY]) {
    use std::arch::x86_64::*;

    let factors = MULTIPLIERS.map(|factor| _mm512_set1_epi64(i64::from(factor)));
    let scale = _mm512_set1_ps(UNIFORM_STEP);
    let [a, b, c, d] = counters.map(|word| _mm512_set1_epi64(i64::from(word)));
    // In this order, unpacking whole blocks from pairs of words leaves them in theirs. The products of one half hide the
    // waiting for those of the other.
    let blocks = _mm512_add_epi32(a, _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7));
    let mut halves = [[blocks, b, c, d], [_mm512_add_epi32(blocks, _mm512_set1_epi64(8)), b, c, d]];
    for key in keys {
        let key = key.map(|half| _mm512_set1_epi32(half.cast_signed()));
        for [a, b, c, d] in &mut halves {
            let (left, right) = (_mm512_mul_epu32(*a, factors[0]), _mm512_mul_epu32(*c, factors[1]));
            // Exclusive or of all three.
            *a = _mm512_ternarylogic_epi32::<0x96>(_mm512_srli_epi64::<32>(right), *b, key[0]);
            *c = _mm512_ternarylogic_epi32::<0x96>(_mm512_srli_epi64::<32>(left), *d, key[1]);
            (*b, *d) = (right, left);
        }
    }
    for ([a, b, c, d], out) in halves.into_iter().zip(out.chunks_exact_mut(MANY / 2)) {
        let ab = _mm512_mask_shuffle_epi32::<0xa0>(a, 0xaaaa, b);
        let cd = _mm512_mask_shuffle_epi32::<0xa0>(c, 0xaaaa, d);
        let words = [_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd)];
        for (words, out) in words.into_iter().zip(out.chunks_exact_mut(MANY / 4)) {
            let uniform = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_srli_epi32::<8>(words)), scale);
            // SAFETY: there is room for sixteen numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), uniform) };
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2(stream: Stream, sample: u32, first: usize, out: &mut [f32]) {
    stream.fill_uniform(sample, first, out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_change_no_number() {
        let stream = Stream { seed: 3, key: 5, step: 1 << 33 };
        for (first, len) in [(0, 1000), (8, 64), (40, 7), (4, 131), (0, 784), (4096, 1024)] {
            let (mut plain, mut wide) = (vec![0.0; len], vec![0.0; len]);
            stream.fill_uniform(2, first, &mut plain);
            fill_uniform(stream, 2, first, &mut wide);
            assert_eq!(plain, wide);
        }
    }
}
