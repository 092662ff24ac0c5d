//! Counter-based random numbers: Philox 4×32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//!
//! A number is a pure function of seed, step, drawing expression, sample and element, so it depends on no order of evaluation, on
//! no other draw, and on no tiling.

/// Blocks of four words that are computed side by side.
const LANES: usize = 16;
/// How often Philox mixes its counters.
pub(crate) const ROUNDS: usize = 10;
/// What Philox multiplies the first and the third counter by.
pub(crate) const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
/// What Philox adds to the key from round to round.
const KEY_STEPS: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
/// What a uniform number is a multiple of: 24 random bits times 2^-24.
pub(crate) const UNIFORM_STEP: f32 = 1.0 / (1 << 24) as f32;

/// What a stream of draws is keyed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The run's seed.
    pub seed: u64,
    /// The drawing expression: a hash of its path.
    pub key: u64,
    /// The optimization step.
    pub step: u64,
}

impl Stream {
    /// Four random words for elements `4*block .. 4*block + 4` of sample `sample`.
    pub fn words(self, sample: u32, block: u32) -> [u32; 4] {
        philox(self.counters(sample, [block]), self.philox_keys()).map(|[word]| word)
    }

    /// Uniform numbers in [0, 1) with 24 random bits for elements `first..first + out.len()` of a sample; `first % 4 == 0`.
    ///
    /// Inlined, so that a caller compiled for wide registers has it in them.
    #[inline(always)]
    pub fn fill_uniform(self, sample: u32, first: usize, out: &mut [f32]) {
        debug_assert_eq!(first % 4, 0);
        let uniform = |word: u32| (word >> 8) as f32 * UNIFORM_STEP;
        let keys = self.philox_keys();
        let mut blocks = out.chunks_exact_mut(4 * LANES);
        let mut block = (first / 4) as u32;
        for many in &mut blocks {
            let numbers: [u32; LANES] = std::array::from_fn(|lane| block.wrapping_add(lane as u32));
            let words = philox(self.counters(sample, numbers), keys);
            for (lane, four) in many.chunks_exact_mut(4).enumerate() {
                four.iter_mut().zip(&words).for_each(|(x, words)| *x = uniform(words[lane]));
            }
            block = block.wrapping_add(LANES as u32);
        }
        for (at, four) in blocks.into_remainder().chunks_mut(4).enumerate() {
            let words = self.words(sample, block.wrapping_add(at as u32));
            four.iter_mut().zip(words).for_each(|(x, word)| *x = uniform(word));
        }
    }

    /// The counters of some blocks of a sample: the first words of all, the second ones, and so on.
    pub(crate) fn counters<const N: usize>(self, sample: u32, blocks: [u32; N]) -> [[u32; N]; 4] {
        [blocks, [sample; N], [self.step as u32; N], [(self.step >> 32) as u32; N]]
    }

    /// The two halves of the key of each round.
    pub(crate) fn philox_keys(self) -> [[u32; 2]; ROUNDS] {
        let key = mix(self.seed ^ mix(self.key));
        round_keys([key as u32, (key >> 32) as u32])
    }

    /// Standard normal numbers by the Box–Muller transform, for elements as in [`fill_uniform`](Self::fill_uniform).
    pub fn fill_normal(self, sample: u32, first: usize, out: &mut [f32]) {
        debug_assert_eq!(first % 4, 0);
        for (block, four) in out.chunks_mut(4).enumerate() {
            let words = self.words(sample, (first / 4 + block) as u32);
            let (a, b) = box_muller(words[0], words[1]);
            let (c, d) = box_muller(words[2], words[3]);
            for (x, normal) in four.iter_mut().zip([a, b, c, d]) {
                *x = normal;
            }
        }
    }
}

/// The key of a drawing expression: FNV-1a over its path.
pub fn key_of(path: &str) -> u64 {
    path.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The finaliser of SplitMix64: spreads every bit of a key over all.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The key of each of Philox's rounds, from that of the first.
fn round_keys(first: [u32; 2]) -> [[u32; 2]; ROUNDS] {
    std::array::from_fn(|round| {
        std::array::from_fn(|half| first[half].wrapping_add(KEY_STEPS[half].wrapping_mul(round as u32)))
    })
}

/// Counters side by side that one key turns into words: the first words of all, the second ones, and so on.
#[inline(always)]
fn philox<const N: usize>(mut counters: [[u32; N]; 4], keys: [[u32; 2]; ROUNDS]) -> [[u32; N]; 4] {
    for key in keys {
        let [a, b, c, d] = &mut counters;
        for lane in 0..N {
            let first = u64::from(a[lane]) * u64::from(MULTIPLIERS[0]);
            let second = u64::from(c[lane]) * u64::from(MULTIPLIERS[1]);
            (a[lane], b[lane]) = ((second >> 32) as u32 ^ b[lane] ^ key[0], second as u32);
            (c[lane], d[lane]) = ((first >> 32) as u32 ^ d[lane] ^ key[1], first as u32);
        }
    }
    counters
}

fn box_muller(u: u32, v: u32) -> (f32, f32) {
    // 24 bits, in (0, 1] so that the logarithm is finite.
    let radius = (-2.0 * (((u >> 8) + 1) as f64 / f64::from(1 << 24)).ln()).sqrt();
    let angle = std::f64::consts::TAU * (f64::from(v >> 8) / f64::from(1 << 24));
    ((radius * angle.cos()) as f32, (radius * angle.sin()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors of the Random123 distribution.
    #[test]
    fn philox_matches_the_published_vectors() {
        let words = |counter: u32, key: u32| philox([[counter; 3]; 4], round_keys([key; 2])).map(|lanes| lanes[1]);
        assert_eq!(words(0, 0), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(words(u32::MAX, u32::MAX), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let stream = Stream { seed: 1, key: key_of("dropout"), step: 3 };
        let mut out = vec![0.0; 1 << 16];
        stream.fill_uniform(0, 0, &mut out);
        let mean = out.iter().sum::<f32>() / out.len() as f32;
        assert!((mean - 0.5).abs() < 5e-3, "{mean}");
        assert!(out.iter().all(|x| (0.0..1.0).contains(x)));
        stream.fill_normal(0, 0, &mut out);
        let square = out.iter().map(|x| x * x).sum::<f32>() / out.len() as f32;
        assert!((square - 1.0).abs() < 2e-2, "{square}");
    }

    #[test]
    fn any_part_can_be_drawn_alone() {
        let stream = Stream { seed: 7, key: 9, step: 0 };
        let (mut whole, mut part) = (vec![0.0; 64], vec![0.0; 20]);
        stream.fill_normal(5, 0, &mut whole);
        stream.fill_normal(5, 12, &mut part);
        assert_eq!(whole[12..32], part[..]);
        let mut longer = vec![0.0; 300];
        stream.fill_uniform(5, 0, &mut longer);
        stream.fill_uniform(5, 200, &mut part);
        assert_eq!(longer[200..220], part[..]);
    }
}
