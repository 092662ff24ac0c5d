//! Functions against `f64` over the whole range of arguments, and instruction sets against each other bit for bit; subnormal numbers count
//! as zeros, as they do while a plan runs.

use super::block::{Map1, Map2, Map3, Operand, blocks};
use super::simd::{Isa, LANES};
use super::subnormal::SubnormalsAreZero;

const EDGES: [f32; 24] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -3.5,
    1e-8,
    -1e-8,
    1e-45,
    -1e-40,
    f32::MIN_POSITIVE,
    1e-20,
    88.722_83,
    88.73,
    -87.4,
    -103.9,
    -104.1,
    1e30,
    f32::MAX,
    f32::MIN,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// A function's definition in double precision.
type Exact = fn(f64) -> f64;

/// Arguments over all bit patterns, edges first; a whole number of vectors.
fn sweep(step: usize) -> Vec<f32> {
    let all = (0..=u32::MAX).step_by(step).map(f32::from_bits);
    let mut values: Vec<f32> = EDGES.into_iter().chain(all).collect();
    values.resize(values.len().next_multiple_of(LANES), 0.25);
    values
}

fn apply(isa: Isa, op: Map1, x: &[f32]) -> Vec<f32> {
    let _zeros = SubnormalsAreZero::begin();
    let mut y = vec![0.0; x.len()];
    // SAFETY: both slices hold whole vectors, and only available instruction sets are passed.
    unsafe { (blocks(isa).map1)(op, y.as_mut_ptr(), [Operand { at: x.as_ptr(), step: LANES }], x.len()) };
    y
}

/// What counts for a number: zero for subnormal ones.
fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0f32.copysign(x) } else { x }
}

/// Distance to the exact value in units of the last place of the nearest `f32`.
fn ulps(got: f32, want: f64) -> f64 {
    let nearest = want as f32;
    if nearest.abs() < f32::MIN_POSITIVE && got.abs() <= f32::MIN_POSITIVE {
        return 0.0;
    }
    if nearest.is_nan() || got.is_nan() {
        return if nearest.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if nearest.is_infinite() || got.is_infinite() {
        // Half a step around the largest number may fall on either side.
        let edge =
            want.abs() > f64::from(f32::MAX) * (1.0 - 1e-6) && got.abs() >= f32::MAX && (got < 0.0) == (want < 0.0);
        return if nearest == got || edge { 0.0 } else { f64::INFINITY };
    }
    let magnitude = nearest.abs().max(f32::MIN_POSITIVE);
    let unit = f64::from(f32::from_bits(magnitude.to_bits() & 0x7f80_0000)) * 2f64.powi(-23);
    (f64::from(got) - want).abs() / unit
}

fn worst(op: Map1, exact: impl Fn(f64) -> f64) -> (f64, f32) {
    let x = sweep(4001);
    let y = apply(Isa::detect(), op, &x);
    let mut worst = (0.0, 0.0);
    for (x, y) in x.into_iter().zip(y) {
        let error = ulps(y, exact(f64::from(flushed(x))));
        if error > worst.0 {
            worst = (error, x);
        }
    }
    worst
}

/// erf by its series near zero and by the continued fraction of its complement elsewhere.
fn erf(x: f64) -> f64 {
    let t = x.abs();
    if x.is_nan() || t > 6.0 {
        return if x.is_nan() { x } else { x.signum() };
    }
    if t < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..100 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let fraction = (1..200).rev().fold(0.0, |below, n| f64::from(n) / 2.0 / (t + below));
    (1.0 - (-t * t).exp() / std::f64::consts::PI.sqrt() / (t + fraction)).copysign(x)
}

#[test]
fn elementary_functions_keep_their_bounds_everywhere() {
    let exact: [(Map1, f64, Exact); 12] = [
        (Map1::Exp, 2.0, f64::exp),
        (Map1::Expm1, 2.0, f64::exp_m1),
        (Map1::Log, 2.0, f64::ln),
        (Map1::Log1p, 2.0, f64::ln_1p),
        (Map1::Tanh, 2.5, f64::tanh),
        (Map1::Sinh, 2.0, f64::sinh),
        (Map1::Cosh, 2.0, f64::cosh),
        (Map1::Sigmoid, 2.1, |x| if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }),
        (Map1::Erf, 2.0, erf),
        (Map1::Sin, 2.0, f64::sin),
        (Map1::Cos, 2.0, f64::cos),
        (Map1::Sqrt, 2.0, f64::sqrt),
    ];
    let mut beyond = Vec::new();
    for (op, bound, exact) in exact {
        let (error, x) = worst(op, exact);
        if error > bound {
            beyond.push(format!("{op:?}: {error:.2} ulp at {x:e}"));
        }
    }
    assert!(beyond.is_empty(), "{beyond:?}");
}

#[test]
fn powers_are_within_two_ulps() {
    let mut x = sweep(40_009);
    let mut y: Vec<f32> = x.iter().enumerate().map(|(i, _)| ((i * 7919) % 20_011) as f32 / 500.0 - 20.0).collect();
    // Halves and integers of bases around one, negative ones among them, besides the sweep over all bases.
    for i in 0..1 << 14 {
        x.push((i as f32 - 8192.0) / 1024.0);
        y.push((i % 37) as f32 * 0.5 - 9.0);
        x.push(1.0 + (i as f32 - 8192.0) / 16_384.0);
        y.push(i as f32 / 50.0 - 160.0);
    }
    let mut z = vec![0.0; x.len()];
    let operands = [&x, &y].map(|v| Operand { at: v.as_ptr(), step: LANES });
    // SAFETY: all hold as many whole vectors.
    unsafe {
        let _zeros = SubnormalsAreZero::begin();
        (blocks(Isa::detect()).map2)(Map2::Pow, z.as_mut_ptr(), operands, z.len());
    }
    for i in 0..x.len() {
        let error = ulps(z[i], f64::from(flushed(x[i])).powf(f64::from(y[i])));
        assert!(error <= 2.0, "{} ^ {} is off by {error} ulp: {}", x[i], y[i], z[i]);
    }
}

#[test]
fn zeros_keep_their_sign() {
    for op in [Map1::Expm1, Map1::Log1p, Map1::Tanh, Map1::Sinh, Map1::Erf, Map1::Sin, Map1::Sqrt] {
        let y = apply(Isa::detect(), op, &[-0.0; LANES]);
        assert!(y.iter().all(|y| y.to_bits() == (-0f32).to_bits()), "{op:?}");
    }
}

fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

#[test]
fn instruction_sets_agree_bit_for_bit() {
    let x: Vec<f32> = sweep(120_011).into_iter().map(flushed).collect();
    let mut y = x.clone();
    y.rotate_left(1234);
    let mut z = x.clone();
    z.rotate_left(777);
    let operands = [&x, &y, &z].map(|v| Operand { at: v.as_ptr(), step: LANES });
    let compute = |isa: Isa| -> Vec<(String, Vec<f32>)> {
        let blocks = blocks(isa);
        let mut results = Vec::new();
        let mut out = vec![0.0; x.len()];
        // SAFETY: operands and result hold `x.len()` lanes, whole vectors, and the instruction set is available.
        unsafe {
            for &op in Map1::ALL {
                (blocks.map1)(op, out.as_mut_ptr(), [operands[0]], out.len());
                results.push((format!("{op:?}"), out.clone()));
            }
            for &op in Map2::ALL {
                (blocks.map2)(op, out.as_mut_ptr(), [operands[0], operands[1]], out.len());
                results.push((format!("{op:?}"), out.clone()));
            }
            for &op in Map3::ALL {
                (blocks.map3)(op, out.as_mut_ptr(), operands, out.len());
                results.push((format!("{op:?}"), out.clone()));
            }
        }
        results
    };
    let portable = compute(Isa::Portable);
    for &isa in Isa::available() {
        for ((name, want), (_, got)) in portable.iter().zip(compute(isa)) {
            let first = want.iter().zip(&got).position(|(a, b)| !same(*a, *b));
            assert!(first.is_none(), "{name} on {isa:?} at {:?}", first.map(|i| (x[i], y[i], z[i], want[i], got[i])));
        }
    }
}

#[test]
fn integers_divide_towards_minus_infinity() {
    let pairs = [(7, 2), (-7, 2), (7, -2), (-7, -2), (i32::MIN, -1), (5, 0), (i32::MIN, 3), (0, 5)];
    let lane = |f: fn((i32, i32)) -> i32| -> Vec<f32> {
        (0..LANES).map(|i| f32::from_bits(f(pairs[i % pairs.len()]).cast_unsigned())).collect()
    };
    let (a, b) = (lane(|p| p.0), lane(|p| p.1));
    let mut quotients = vec![0.0; LANES];
    let mut rests = vec![0.0; LANES];
    let operands = [&a, &b].map(|v| Operand { at: v.as_ptr(), step: LANES });
    // SAFETY: one vector each.
    unsafe {
        (blocks(Isa::detect()).map2)(Map2::DivInt, quotients.as_mut_ptr(), operands, LANES);
        (blocks(Isa::detect()).map2)(Map2::ModInt, rests.as_mut_ptr(), operands, LANES);
    }
    for (i, (a, b)) in pairs.into_iter().enumerate() {
        let want = if b == 0 { 0 } else { (f64::from(a) / f64::from(b)).floor() as i64 as i32 };
        let quotient = quotients[i].to_bits().cast_signed();
        if (a, b) != (i32::MIN, -1) {
            assert_eq!(quotient, want, "{a} / {b}");
        }
        let rest = rests[i].to_bits().cast_signed();
        assert_eq!(rest, if b == 0 { 0 } else { a.wrapping_sub(quotient.wrapping_mul(b)) }, "{a} mod {b}");
    }
}
