//! Losses with their gradients as one would write them for this processor alone: AVX-512, sizes known, a row or a few columns in the first-level
//! cache while they are worked on. Formulas are the library's.

use std::arch::x86_64::*;

/// Samples of the minibatch.
pub const SAMPLES: usize = 256;
/// Elements of a sample.
pub const WIDTH: usize = 512;

const LANES: usize = 16;
const SCALE: f32 = 1.0 / SAMPLES as f32;

/// What a case reads and what it leaves.
pub struct Problem {
    /// `[SAMPLES, WIDTH]`.
    pub x: Vec<f32>,
    /// `[SAMPLES, WIDTH]`, from 0 to 1.
    pub t: Vec<f32>,
    /// `[SAMPLES]`, below `WIDTH`.
    pub labels: Vec<i32>,
    /// The mean loss of the samples.
    pub loss: f32,
    /// Its gradient by `x`.
    pub dx: Vec<f32>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    dgamma: Vec<f32>,
    dbeta: Vec<f32>,
    running: [Vec<f32>; 2],
}

impl Problem {
    /// Numbers that look random.
    pub fn new() -> Problem {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let x = (0..SAMPLES * WIDTH).map(|_| 6.0 * next() - 3.0).collect();
        let t = (0..SAMPLES * WIDTH).map(|_| next()).collect();
        let labels = (0..SAMPLES).map(|sample| (sample * 37 % WIDTH) as i32).collect();
        let [zeros, ones] = [0.0, 1.0].map(|value| vec![value; WIDTH]);
        Problem {
            x,
            t,
            labels,
            loss: 0.0,
            dx: vec![0.0; SAMPLES * WIDTH],
            gamma: ones.clone(),
            beta: zeros.clone(),
            dgamma: zeros.clone(),
            dbeta: zeros.clone(),
            running: [zeros, ones],
        }
    }

    /// The rows of one sample: `x`, `t`, `dx`.
    fn rows(&mut self, sample: usize) -> [*mut f32; 3] {
        [&mut self.x, &mut self.t, &mut self.dx].map(|buffer| buffer[sample * WIDTH..][..WIDTH].as_mut_ptr())
    }
}

/// `exp(x)` to about one unit in the last place, for x in [-87, 88].
#[inline]
#[target_feature(enable = "avx512f")]
fn exp(x: __m512) -> __m512 {
    let times = _mm512_roundscale_ps::<0>(_mm512_mul_ps(x, _mm512_set1_ps(std::f32::consts::LOG2_E)));
    // ln 2 in two parts, the first with zeros at its end, so that the product is exact.
    let rest = _mm512_fnmadd_ps(times, _mm512_set1_ps(355.0 / 512.0), x);
    let rest = _mm512_fnmadd_ps(times, _mm512_set1_ps(-2.121_944_4e-4), rest);
    let series = [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0];
    let sum = series[1..]
        .iter()
        .fold(_mm512_set1_ps(series[0]), |sum, term| _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(*term)));
    _mm512_scalef_ps(sum, times)
}

/// `ln(1 + e)` for e in [0, 1], by the series of the inverse hyperbolic tangent.
#[inline]
#[target_feature(enable = "avx512f")]
fn log1p(e: __m512) -> __m512 {
    let s = _mm512_div_ps(e, _mm512_add_ps(e, _mm512_set1_ps(2.0)));
    let square = _mm512_mul_ps(s, s);
    let sum = [11.0, 9.0, 7.0, 5.0, 3.0, 1.0f32]
        .iter()
        .fold(_mm512_set1_ps(1.0 / 13.0), |sum, odd| _mm512_fmadd_ps(sum, square, _mm512_set1_ps(odd.recip())));
    _mm512_mul_ps(_mm512_add_ps(s, s), sum)
}

/// The largest `x`, the sum of `exp(x - largest)`, whose terms are left in `to`.
///
/// # Safety
/// The processor has AVX-512; both rows have `WIDTH` elements.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn exponentials(x: *const f32, to: *mut f32) -> (f32, f32) {
    // SAFETY: the caller's promises.
    unsafe {
        let mut most = [_mm512_set1_ps(f32::NEG_INFINITY); 4];
        for i in (0..WIDTH).step_by(4 * LANES) {
            for (part, most) in most.iter_mut().enumerate() {
                *most = _mm512_max_ps(*most, _mm512_loadu_ps(x.add(i + part * LANES)));
            }
        }
        let most = _mm512_max_ps(_mm512_max_ps(most[0], most[1]), _mm512_max_ps(most[2], most[3]));
        let most = _mm512_reduce_max_ps(most);
        let mut sums = [_mm512_setzero_ps(); 4];
        for i in (0..WIDTH).step_by(4 * LANES) {
            for (part, sum) in sums.iter_mut().enumerate() {
                let at = i + part * LANES;
                let e = exp(_mm512_sub_ps(_mm512_loadu_ps(x.add(at)), _mm512_set1_ps(most)));
                _mm512_storeu_ps(to.add(at), e);
                *sum = _mm512_add_ps(*sum, e);
            }
        }
        (most, total(sums))
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn total(sums: [__m512; 4]) -> f32 {
    _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])))
}

/// `sum(softmax(x) t)`: `dx = y (t - sum(y t))`.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn softmax(problem: &mut Problem) {
    problem.loss = 0.0;
    for sample in 0..SAMPLES {
        let [x, t, dx] = problem.rows(sample);
        // SAFETY: rows have WIDTH elements.
        unsafe {
            let (_, sum) = exponentials(x, dx);
            let mut sums = [_mm512_setzero_ps(); 4];
            for i in (0..WIDTH).step_by(4 * LANES) {
                for (part, sum) in sums.iter_mut().enumerate() {
                    let at = i + part * LANES;
                    *sum = _mm512_fmadd_ps(_mm512_loadu_ps(dx.add(at)), _mm512_loadu_ps(t.add(at)), *sum);
                }
            }
            let loss = total(sums) / sum;
            problem.loss += loss * SCALE;
            let (loss, factor) = (_mm512_set1_ps(loss), _mm512_set1_ps(SCALE / sum));
            for at in (0..WIDTH).step_by(LANES) {
                let difference = _mm512_sub_ps(_mm512_loadu_ps(t.add(at)), loss);
                let y = _mm512_mul_ps(_mm512_loadu_ps(dx.add(at)), factor);
                _mm512_storeu_ps(dx.add(at), _mm512_mul_ps(y, difference));
            }
        }
    }
}

/// `-ln softmax(x)[label]`: `dx = y`, less one at the label.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn softmax_cross_entropy(problem: &mut Problem) {
    problem.loss = 0.0;
    for sample in 0..SAMPLES {
        let label = problem.labels[sample] as usize;
        let [x, _, dx] = problem.rows(sample);
        // SAFETY: rows have WIDTH elements, and labels are below that.
        unsafe {
            let (most, sum) = exponentials(x, dx);
            problem.loss += (sum.ln() + most - x.add(label).read()) * SCALE;
            let factor = _mm512_set1_ps(SCALE / sum);
            for at in (0..WIDTH).step_by(LANES) {
                _mm512_storeu_ps(dx.add(at), _mm512_mul_ps(_mm512_loadu_ps(dx.add(at)), factor));
            }
            *dx.add(label) -= SCALE;
        }
    }
}

/// `sum(max(x, 0) - x t + ln(1 + exp(-|x|)))`: `dx = sigmoid(x) - t`.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn sigmoid_cross_entropy(problem: &mut Problem) {
    let (one, zero, scale) = (_mm512_set1_ps(1.0), _mm512_setzero_ps(), _mm512_set1_ps(SCALE));
    let [x, t, dx] = problem.rows(0);
    let mut sums = [zero; 4];
    for i in (0..SAMPLES * WIDTH).step_by(4 * LANES) {
        for (part, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the rows lie one after another.
            unsafe {
                let at = i + part * LANES;
                let (x, t) = (_mm512_loadu_ps(x.add(at)), _mm512_loadu_ps(t.add(at)));
                let e = exp(_mm512_sub_ps(zero, _mm512_abs_ps(x)));
                let value = _mm512_add_ps(_mm512_fnmadd_ps(x, t, _mm512_max_ps(x, zero)), log1p(e));
                *sum = _mm512_add_ps(*sum, value);
                let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(x, zero);
                let top = _mm512_mask_blend_ps(positive, e, one);
                let sigmoid = _mm512_div_ps(top, _mm512_add_ps(one, e));
                _mm512_storeu_ps(dx.add(at), _mm512_mul_ps(_mm512_sub_ps(sigmoid, t), scale));
            }
        }
    }
    problem.loss = total(sums) * SCALE;
}

/// `sum(gelu(x) t)`, gelu by the hyperbolic tangent.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn gelu(problem: &mut Problem) {
    let set = |x: f32| _mm512_set1_ps(x);
    let (one, half, two, scale) = (set(1.0), set(0.5), set(2.0), set(SCALE));
    let (root, cubic) = (set((2.0 / std::f32::consts::PI).sqrt()), set(0.044_715));
    let [x, t, dx] = problem.rows(0);
    let mut sums = [_mm512_setzero_ps(); 4];
    for i in (0..SAMPLES * WIDTH).step_by(4 * LANES) {
        for (part, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the rows lie one after another.
            unsafe {
                let at = i + part * LANES;
                let (x, t) = (_mm512_loadu_ps(x.add(at)), _mm512_loadu_ps(t.add(at)));
                let square = _mm512_mul_ps(_mm512_mul_ps(x, x), cubic);
                let inner = _mm512_mul_ps(_mm512_mul_ps(root, x), _mm512_add_ps(one, square));
                // The tangent is 1 - 2 / (exp(2 z) + 1).
                let e = exp(_mm512_mul_ps(two, inner));
                let tanh = _mm512_sub_ps(one, _mm512_div_ps(two, _mm512_add_ps(e, one)));
                let share = _mm512_fmadd_ps(half, tanh, half);
                *sum = _mm512_fmadd_ps(_mm512_mul_ps(x, share), t, *sum);
                let slope = _mm512_mul_ps(root, _mm512_fmadd_ps(set(3.0), square, one));
                let bend = _mm512_mul_ps(_mm512_fnmadd_ps(tanh, tanh, one), slope);
                let derivative = _mm512_fmadd_ps(_mm512_mul_ps(half, x), bend, share);
                _mm512_storeu_ps(dx.add(at), _mm512_mul_ps(_mm512_mul_ps(derivative, t), scale));
            }
        }
    }
    problem.loss = total(sums) * SCALE;
}

/// `sum((gamma n + beta) t)` with `n = (x - mean) / sqrt(var + eps)` of each sample, and the gradients of `gamma` and `beta`.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn layer_norm(problem: &mut Problem) {
    problem.loss = 0.0;
    problem.dgamma.fill(0.0);
    problem.dbeta.fill(0.0);
    let [gamma, beta, dgamma, dbeta] =
        [&mut problem.gamma, &mut problem.beta, &mut problem.dgamma, &mut problem.dbeta].map(|v| v.as_mut_ptr());
    let count = 1.0 / WIDTH as f32;
    let scale = _mm512_set1_ps(SCALE);
    for sample in 0..SAMPLES {
        let [x, t, dx] = problem.rows(sample);
        // SAFETY: rows and parameters have WIDTH elements.
        unsafe {
            let zero = [_mm512_setzero_ps(); 4];
            let mut sums = zero;
            each(|part, at| sums[part] = _mm512_add_ps(sums[part], _mm512_loadu_ps(x.add(at))));
            let mean = _mm512_set1_ps(total(sums) * count);
            let mut squares = zero;
            each(|part, at| {
                let d = _mm512_sub_ps(_mm512_loadu_ps(x.add(at)), mean);
                squares[part] = _mm512_fmadd_ps(d, d, squares[part]);
            });
            let inverse = 1.0 / (total(squares) * count + 1e-5).sqrt();
            let root = _mm512_set1_ps(inverse);
            let (mut losses, mut plain, mut along) = (zero, zero, zero);
            each(|part, at| {
                let [t, g, b] = [t.add(at), gamma.add(at), beta.add(at)].map(|at| _mm512_loadu_ps(at));
                let n = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x.add(at)), mean), root);
                losses[part] = _mm512_fmadd_ps(_mm512_fmadd_ps(n, g, b), t, losses[part]);
                let ts = _mm512_mul_ps(t, scale);
                _mm512_storeu_ps(dgamma.add(at), _mm512_fmadd_ps(ts, n, _mm512_loadu_ps(dgamma.add(at))));
                _mm512_storeu_ps(dbeta.add(at), _mm512_add_ps(ts, _mm512_loadu_ps(dbeta.add(at))));
                let dn = _mm512_mul_ps(ts, g);
                plain[part] = _mm512_add_ps(plain[part], dn);
                along[part] = _mm512_fmadd_ps(dn, n, along[part]);
            });
            problem.loss += total(losses) * SCALE;
            let (plain, along) = (_mm512_set1_ps(total(plain) * count), _mm512_set1_ps(total(along) * count));
            each(|_, at| {
                let n = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(x.add(at)), mean), root);
                let ts = _mm512_mul_ps(_mm512_loadu_ps(t.add(at)), scale);
                let dn = _mm512_fmsub_ps(ts, _mm512_loadu_ps(gamma.add(at)), plain);
                _mm512_storeu_ps(dx.add(at), _mm512_mul_ps(root, _mm512_fnmadd_ps(n, along, dn)));
            });
        }
    }
}

/// Every vector of a row, with a number that goes round from 0 to 3.
#[inline(always)]
fn each(mut work: impl FnMut(usize, usize)) {
    for i in (0..WIDTH).step_by(4 * LANES) {
        (0..4).for_each(|part| work(part, i + part * LANES));
    }
}

/// The same of each element over the samples, four vectors of elements at a time; the running statistics move as well.
///
/// # Safety
/// The processor has AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn batch_norm(problem: &mut Problem) {
    let count = 1.0 / SAMPLES as f32;
    let set = |x: f32| _mm512_set1_ps(x);
    let [x, t, dx] = problem.rows(0);
    let mut losses = set(0.0);
    for column in (0..WIDTH).step_by(4 * LANES) {
        let all = |from: *const f32| {
            // SAFETY: four vectors of every row are within it.
            move |sample: usize| -> [__m512; 4] {
                std::array::from_fn(|v| unsafe { _mm512_loadu_ps(from.add(sample * WIDTH + column + v * LANES)) })
            }
        };
        let (xs, ts) = (all(x), all(t));
        let mut mean = [set(0.0); 4];
        for sample in 0..SAMPLES {
            let x = xs(sample);
            (0..4).for_each(|v| mean[v] = _mm512_add_ps(mean[v], x[v]));
        }
        let mean = mean.map(|sum| _mm512_mul_ps(sum, set(count)));
        let mut variance = [set(0.0); 4];
        for sample in 0..SAMPLES {
            let x = xs(sample);
            for v in 0..4 {
                let d = _mm512_sub_ps(x[v], mean[v]);
                variance[v] = _mm512_fmadd_ps(d, d, variance[v]);
            }
        }
        let variance = variance.map(|sum| _mm512_mul_ps(sum, set(count)));
        let root = variance.map(|v| _mm512_div_ps(set(1.0), _mm512_sqrt_ps(_mm512_add_ps(v, set(1e-4)))));
        let (mut plain, mut along) = ([set(0.0); 4], [set(0.0); 4]);
        for sample in 0..SAMPLES {
            let (x, t) = (xs(sample), ts(sample));
            for v in 0..4 {
                let n = _mm512_mul_ps(_mm512_sub_ps(x[v], mean[v]), root[v]);
                plain[v] = _mm512_add_ps(plain[v], t[v]);
                along[v] = _mm512_fmadd_ps(n, t[v], along[v]);
            }
        }
        for v in 0..4 {
            let at = column + v * LANES;
            // SAFETY: parameters and statistics have WIDTH elements.
            unsafe {
                let (gamma, beta) =
                    (_mm512_loadu_ps(problem.gamma.as_ptr().add(at)), _mm512_loadu_ps(problem.beta.as_ptr().add(at)));
                losses = _mm512_fmadd_ps(gamma, along[v], _mm512_fmadd_ps(beta, plain[v], losses));
                let (by_gamma, by_beta) = (_mm512_mul_ps(along[v], set(SCALE)), _mm512_mul_ps(plain[v], set(SCALE)));
                _mm512_storeu_ps(problem.dgamma.as_mut_ptr().add(at), by_gamma);
                _mm512_storeu_ps(problem.dbeta.as_mut_ptr().add(at), by_beta);
                let unbiased = _mm512_mul_ps(variance[v], set(SAMPLES as f32 / (SAMPLES - 1) as f32));
                for (running, new) in problem.running.iter_mut().zip([mean[v], unbiased]) {
                    let old = running.as_mut_ptr().add(at);
                    let kept = _mm512_mul_ps(_mm512_loadu_ps(old), set(0.9));
                    _mm512_storeu_ps(old, _mm512_fmadd_ps(new, set(0.1), kept));
                }
            }
        }
        let (plain, along) =
            (plain.map(|sum| _mm512_mul_ps(sum, set(count))), along.map(|sum| _mm512_mul_ps(sum, set(count))));
        let factor: [__m512; 4] = std::array::from_fn(|v| {
            // SAFETY: as above.
            let gamma = unsafe { _mm512_loadu_ps(problem.gamma.as_ptr().add(column + v * LANES)) };
            _mm512_mul_ps(_mm512_mul_ps(root[v], gamma), set(SCALE))
        });
        for sample in 0..SAMPLES {
            let (x, t) = (xs(sample), ts(sample));
            for v in 0..4 {
                let n = _mm512_mul_ps(_mm512_sub_ps(x[v], mean[v]), root[v]);
                let d = _mm512_fnmadd_ps(n, along[v], _mm512_sub_ps(t[v], plain[v]));
                // SAFETY: as for the loads.
                unsafe { _mm512_storeu_ps(dx.add(sample * WIDTH + column + v * LANES), _mm512_mul_ps(d, factor[v])) };
            }
        }
    }
    problem.loss = _mm512_reduce_add_ps(losses) * SCALE;
}
