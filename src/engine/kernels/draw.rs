//! Uniform random numbers with the registers of each instruction set. What the numbers are is `tensor::random`'s business.

use super::simd::Isa;
use crate::tensor::random::Stream;

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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,avx2")]
fn avx512(stream: Stream, sample: u32, first: usize, out: &mut [f32]) {
    stream.fill_uniform(sample, first, out);
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
        for (first, len) in [(0, 1000), (8, 64), (40, 7), (4, 131)] {
            let (mut plain, mut wide) = (vec![0.0; len], vec![0.0; len]);
            stream.fill_uniform(2, first, &mut plain);
            fill_uniform(stream, 2, first, &mut wide);
            assert_eq!(plain, wide);
        }
    }
}
