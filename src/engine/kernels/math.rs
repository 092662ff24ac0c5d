//! Elementary functions on sixteen lanes, written once for every instruction set and bit-identical on all of them.
//!
//! Each reduces its argument, evaluates a polynomial fitted to the remainder (minimax over the reduced range, its
//! coefficients rounded to `f32` one after another) and puts the result together again. Accuracy is at most 2 units in
//! the last place of the correctly rounded result where no other bound is given; the tests sweep each against `f64`.
//! Subnormal numbers may count as zeros, as they do while plans run. Lanes know nothing of each other: which argument stands where cannot change a bit.
//!
//! Every function requires that the instruction set `S` exists on this processor.

use std::f32::consts::{FRAC_2_PI, LOG2_E};

use super::simd::{LANES, Simd};

/// ln 2 in two parts; the first has so few bits that its products with exponents are exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

/// 1.5 2^23: a sum with it has its integral part in the lowest bits.
const INTEGRAL: f32 = 12_582_912.0;

/// π/2 in three parts.
const HALF_PI: [f32; 3] = [1.570_796_4, -4.371_139e-8, -1.715_124_5e-15];

/// Beyond this magnitude the three parts of π/2 no longer suffice for sine and cosine.
const TRIG_LIMIT: f32 = 30_000.0;

/// Horner's scheme, highest coefficient first.
#[inline(always)]
unsafe fn polynomial<S: Simd, const N: usize>(x: S::F, coefficients: [f32; N]) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let mut sum = S::splat(coefficients[0]);
        for c in &coefficients[1..] {
            sum = S::fma(sum, x, S::splat(*c));
        }
        sum
    }
}

/// 2^n for integral lanes of -126 to 127.
#[inline(always)]
unsafe fn power_of_two<S: Simd>(n: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe { S::from_bits(S::shl::<23>(S::bits(S::add(n, S::splat(INTEGRAL + 127.0))))) }
}

/// The integer n nearest to x / ln 2 and r = x - n ln 2, for |x| up to 2^21.
#[inline(always)]
unsafe fn reduced<S: Simd>(x: S::F) -> (S::F, S::F) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let n = S::sub(S::fma(x, S::splat(LOG2_E), S::splat(INTEGRAL)), S::splat(INTEGRAL));
        let r = S::fma(n, S::splat(-LN_2_HIGH), x);
        (n, S::fma(n, S::splat(-LN_2_LOW), r))
    }
}

/// e^r - 1 for |r| up to ln 2 / 2.
#[inline(always)]
unsafe fn expm1_near_zero<S: Simd>(r: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let q = polynomial::<S, 5>(r, [1.394_065e-3, 8.366_396e-3, 4.166_640_3e-2, 1.666_654_5e-1, 0.5]);
        S::fma(S::mul(r, r), q, r)
    }
}

/// e^x.
#[inline(always)]
pub(super) unsafe fn exp<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        // The operand that may be NaN stands second, where `min` and `max` let it through.
        let x = S::min(S::splat(90.0), S::max(S::splat(-105.0), x));
        let (n, r) = reduced::<S>(x);
        S::scale(S::add(expm1_near_zero::<S>(r), S::splat(1.0)), n)
    }
}

/// e^x - 1.
#[inline(always)]
pub(super) unsafe fn expm1<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let bounded = S::min(S::splat(90.0), S::max(S::splat(-18.0), x));
        let (n, r) = reduced::<S>(bounded);
        let p = expm1_near_zero::<S>(r);
        // Half of 2^n, which stays finite up to the overflow of the result; above it the product below overflows.
        let s = power_of_two::<S>(S::sub(S::min(n, S::splat(128.0)), S::splat(1.0)));
        let half = S::fma(s, p, S::sub(s, S::splat(0.5)));
        let y = S::add(half, half);
        let y = S::select(S::lt(S::splat(88.722_84), x), S::splat(f32::INFINITY), y);
        // Tiny arguments, zeros of either sign among them, are their own result.
        S::select(S::lt(S::abs(x), S::splat(1e-8)), x, y)
    }
}

/// The integer e with x = m 2^e for an m in [√½, √2), for positive normal x.
#[inline(always)]
unsafe fn exponent<S: Simd>(x: S::F) -> S::I {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        // Subtracting √½'s bits makes the exponent field count from √½ instead of from 1.
        S::sar::<23>(S::isub(S::bits(x), S::isplat(0x3f35_04f3)))
    }
}

/// x split into m in [√½, √2) and e with x = m 2^e, for positive normal x.
#[inline(always)]
unsafe fn mantissa_exponent<S: Simd>(x: S::F) -> (S::F, S::F) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let e = exponent::<S>(x);
        (S::from_bits(S::isub(S::bits(x), S::shl::<23>(e))), S::to_float(e))
    }
}

/// ln(1 + z) + e ln 2 for z in [√½ - 1, √2 - 1].
#[inline(always)]
unsafe fn log_parts<S: Simd>(z: S::F, e: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let p = polynomial::<S, 9>(
            z,
            [
                6.915_612_5e-2,
                -1.178_937e-1,
                1.187_261_9e-1,
                -1.238_440_2e-1,
                1.421_871_6e-1,
                -1.666_925e-1,
                2.000_222_4e-1,
                -2.499_998_7e-1,
                3.333_331e-1,
            ],
        );
        let square = S::mul(z, z);
        let tail = S::fma(S::mul(square, z), p, S::mul(e, S::splat(LN_2_LOW)));
        let tail = S::fma(square, S::splat(-0.5), tail);
        S::fma(e, S::splat(LN_2_HIGH), S::add(z, tail))
    }
}

/// ln x; NaN below zero, -∞ at both zeros.
#[inline(always)]
pub(super) unsafe fn log<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (m, e) = mantissa_exponent::<S>(x);
        S::log_edges(x, log_parts::<S>(S::sub(m, S::splat(1.0)), e))
    }
}

/// ln(1 + x).
#[inline(always)]
pub(super) unsafe fn log1p<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let one = S::splat(1.0);
        let u = S::add(one, x);
        let e = exponent::<S>(u);
        // 1 + x = (1 + z) 2^e, with z rounded once. Four times 2^-e is a normal number for every e.
        let s = S::from_bits(S::isub(S::bits(S::splat(4.0)), S::shl::<23>(e)));
        let quarter = S::splat(0.25);
        let z = S::fma(S::mul(x, quarter), s, S::fma(s, quarter, S::splat(-1.0)));
        let y = log_parts::<S>(z, S::to_float(e));
        // Tiny arguments, zeros of either sign among them, are their own result.
        S::select(S::eq(u, one), x, S::log_edges(u, y))
    }
}

/// The hyperbolic tangent, within 2.5 units in the last place.
#[inline(always)]
pub(super) unsafe fn tanh<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        // From 9.02 on the result rounds to 1.
        let a = S::min(S::splat(10.0), S::abs(x));
        let (n, r) = reduced::<S>(S::add(a, a));
        let s = power_of_two::<S>(n);
        let t = S::fma(s, expm1_near_zero::<S>(r), S::sub(s, S::splat(1.0)));
        S::with_sign(S::div(t, S::add(t, S::splat(2.0))), x)
    }
}

/// Halves of the hyperbolic sine and cosine of |x|, which do not overflow before the results do: with x = n ln 2 + r,
/// sinh x = sinh(n ln 2) cosh r + cosh(n ln 2) sinh r, and the other way round for the cosine.
#[inline(always)]
unsafe fn half_sinh_cosh<S: Simd>(x: S::F) -> (S::F, S::F) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (n, r) = reduced::<S>(S::min(S::splat(89.6), S::abs(x)));
        let square = S::mul(r, r);
        // Taylor's series: what they leave out is less than a tenth of a unit in the last place.
        let cosh_less_one = S::mul(square, polynomial::<S, 3>(square, [1.0 / 720.0, 1.0 / 24.0, 0.5]));
        let sinh = polynomial::<S, 3>(square, [1.0 / 5040.0, 1.0 / 120.0, 1.0 / 6.0]);
        let sinh = S::fma(S::mul(square, r), sinh, r);
        // A quarter of 2^n and of 2^-n.
        let up = power_of_two::<S>(S::sub(n, S::splat(2.0)));
        let down = power_of_two::<S>(S::max(S::splat(-126.0), S::sub(S::splat(-2.0), n)));
        let (s, c) = (S::sub(up, down), S::add(up, down));
        let half_sinh = S::add(s, S::fma(c, sinh, S::mul(s, cosh_less_one)));
        (half_sinh, S::add(c, S::fma(s, sinh, S::mul(c, cosh_less_one))))
    }
}

/// The hyperbolic cosine.
#[inline(always)]
pub(super) unsafe fn cosh<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (_, half) = half_sinh_cosh::<S>(x);
        S::add(half, half)
    }
}

/// The hyperbolic sine.
#[inline(always)]
pub(super) unsafe fn sinh<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (half, _) = half_sinh_cosh::<S>(x);
        // Of tiny arguments, which are their own result, half may be too small a number.
        S::select(S::lt(S::abs(x), S::splat(1e-4)), x, S::with_sign(S::add(half, half), x))
    }
}

/// e^x for x of at most 0.
#[inline(always)]
unsafe fn exp_of_negative<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        // The operand that may be NaN stands second, where `max` lets it through.
        let (n, r) = reduced::<S>(S::max(S::splat(-105.0), x));
        S::scale(S::add(expm1_near_zero::<S>(r), S::splat(1.0)), n)
    }
}

/// 1 / (1 + e^-x), within 2.1 units in the last place.
#[inline(always)]
pub(super) unsafe fn sigmoid<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let one = S::splat(1.0);
        let e = exp_of_negative::<S>(S::neg(S::abs(x)));
        let top = S::select(S::lt(x, S::splat(0.0)), e, one);
        S::div(top, S::add(one, e))
    }
}

/// The error function.
#[inline(always)]
pub(super) unsafe fn erf<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let t = S::min(S::splat(4.0), S::abs(x));
        let near = polynomial::<S, 6>(
            S::mul(x, x),
            [-5.980_214e-4, 4.991_762e-3, -2.676_623_1e-2, 1.128_182_7e-1, -3.761_249_8e-1, 1.283_791_5e-1],
        );
        let near = S::fma(near, x, x);
        // erfc(t) = e^(-t q(t)).
        let far = polynomial::<S, 8>(
            t,
            [
                4.941_268_3e-6,
                -4.561_329_5e-5,
                -4.944_664e-5,
                2.929_828_8e-3,
                -2.267_369e-2,
                1.052_623_5e-1,
                6.356_254e-1,
                1.128_551_7,
            ],
        );
        let far = S::sub(S::splat(1.0), exp_of_negative::<S>(S::neg(S::mul(t, far))));
        S::select(S::lt(t, S::splat(0.925)), near, S::with_sign(far, x))
    }
}

/// Sine and cosine share the reduction to [-π/4, π/4]; `quarter` is 0 for the sine and 1 for the cosine.
#[inline(always)]
unsafe fn sine_from<S: Simd>(x: S::F, quarter: i32) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let shifted = S::fma(x, S::splat(FRAC_2_PI), S::splat(INTEGRAL));
        let n = S::sub(shifted, S::splat(INTEGRAL));
        let r = S::fma(n, S::splat(-HALF_PI[0]), x);
        let r = S::fma(n, S::splat(-HALF_PI[1]), r);
        let r = S::fma(n, S::splat(-HALF_PI[2]), r);
        let u = S::mul(r, r);
        let sine = polynomial::<S, 4>(u, [2.830_803_6e-6, -1.985_298_3e-4, 8.333_38e-3, -1.666_666_7e-1]);
        let sine = S::fma(S::mul(sine, u), r, r);
        let cosine = polynomial::<S, 4>(u, [-2.886_055e-7, 2.482_191_8e-5, -1.388_898e-3, 4.166_666_8e-2]);
        let cosine = S::fma(S::mul(cosine, u), u, S::fma(u, S::splat(-0.5), S::splat(1.0)));
        let quadrant = S::iadd(S::bits(shifted), S::isplat(quarter));
        let odd = S::ieq(S::iand(quadrant, S::isplat(1)), S::isplat(1));
        let y = S::select(odd, cosine, sine);
        let flip = S::shl::<30>(S::iand(quadrant, S::isplat(2)));
        S::from_bits(S::ixor(S::bits(y), flip))
    }
}

/// Applies `exact` to the lanes where `far` holds; for arguments too rare to deserve vector code.
#[inline(always)]
unsafe fn patch<S: Simd>(far: S::M, x: S::F, y: S::F, exact: fn(f64) -> f64) -> S::F {
    // SAFETY: the caller vouches for the instruction set; the arrays hold a vector each.
    unsafe {
        if !S::any(far) {
            return y;
        }
        let mut lanes = [0f32; LANES];
        S::store(lanes.as_mut_ptr(), x);
        let lanes = lanes.map(|x| exact(f64::from(x)) as f32);
        S::select(far, S::load(lanes.as_ptr()), y)
    }
}

/// The sine of an angle in radians.
#[inline(always)]
pub(super) unsafe fn sin<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let far = S::not(S::le(S::abs(x), S::splat(TRIG_LIMIT)));
        let y = patch::<S>(far, x, sine_from::<S>(x, 0), f64::sin);
        // Zeros keep their sign.
        S::select(S::eq(x, S::splat(0.0)), x, y)
    }
}

/// The cosine of an angle in radians.
#[inline(always)]
pub(super) unsafe fn cos<S: Simd>(x: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let far = S::not(S::le(S::abs(x), S::splat(TRIG_LIMIT)));
        patch::<S>(far, x, sine_from::<S>(x, 1), f64::cos)
    }
}

/// ln x as a sum of two floats, good to about 2^-31 of it, for positive finite x.
#[inline(always)]
unsafe fn log_pair<S: Simd>(x: S::F) -> (S::F, S::F) {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (m, e) = mantissa_exponent::<S>(x);
        let one = S::splat(1.0);
        // s = (m - 1) / (m + 1) in two parts; ln m = 2 s + 2/3 s³ + 2/5 s⁵ + …, where only the first term needs both.
        let (above, below) = (S::sub(m, one), S::add(m, one));
        let rest = S::sub(m, S::sub(below, one));
        let s = S::div(above, below);
        let s_low = S::div(S::fma(S::neg(s), rest, S::fma(S::neg(s), below, above)), below);
        let square = S::mul(s, s);
        let series = polynomial::<S, 5>(square, [2.0 / 11.0, 2.0 / 9.0, 2.0 / 7.0, 2.0 / 5.0, 2.0 / 3.0]);
        let tail = S::fma(S::mul(square, s), series, S::add(s_low, s_low));
        let first = S::add(s, s);
        let high = S::add(first, tail);
        let low = S::sub(tail, S::sub(high, first));
        // The exponent's part is exact and, unless zero, the larger summand.
        let whole = S::mul(e, S::splat(LN_2_HIGH));
        let sum = S::add(whole, high);
        let lost = S::sub(high, S::sub(sum, whole));
        (sum, S::add(lost, S::fma(e, S::splat(LN_2_LOW), low)))
    }
}

/// x^y as in IEEE 754.
#[inline(always)]
pub(super) unsafe fn pow<S: Simd>(x: S::F, y: S::F) -> S::F {
    // SAFETY: the caller vouches for the instruction set.
    unsafe {
        let (a, limit) = (S::abs(x), S::splat(f32::INFINITY));
        let (log, log_low) = log_pair::<S>(a);
        let product = S::mul(y, log);
        let low = S::fma(y, log_low, S::fma(y, log, S::neg(product)));
        // Beyond the range of the exponential the low part means nothing, and may be no number.
        let low = S::select(S::lt(S::abs(product), S::splat(110.0)), low, S::splat(0.0));
        let bounded = S::min(S::splat(90.0), S::max(S::splat(-105.0), product));
        let (n, r) = reduced::<S>(bounded);
        let z = S::scale(S::add(expm1_near_zero::<S>(S::add(r, low)), S::splat(1.0)), n);
        // A negative base has a power only for integers, negative for odd ones.
        let whole = S::eq(S::floor(y), y);
        let halved = S::mul(y, S::splat(0.5));
        let even = S::eq(S::floor(halved), halved);
        let mirrored = S::select(whole, S::select(even, z, S::neg(z)), S::splat(f32::NAN));
        let z = S::select(S::lt(x, S::splat(0.0)), mirrored, z);
        // Zeros, infinities and NaN are left to scalar code.
        let finite = S::select(S::lt(a, limit), S::abs(y), limit);
        let edge = S::not(S::lt(S::select(S::lt(S::splat(0.0), a), finite, limit), limit));
        if !S::any(edge) {
            return z;
        }
        S::select(edge, by_lane::<S>(x, y, |x, y| f64::from(x).powf(f64::from(y)) as f32), z)
    }
}

/// Applies a scalar function of two lanes; for functions without vector code.
#[inline(always)]
pub(super) unsafe fn by_lane<S: Simd>(a: S::F, b: S::F, f: fn(f32, f32) -> f32) -> S::F {
    // SAFETY: the caller vouches for the instruction set; the arrays hold a vector each.
    unsafe {
        let (mut x, mut y) = ([0f32; LANES], [0f32; LANES]);
        S::store(x.as_mut_ptr(), a);
        S::store(y.as_mut_ptr(), b);
        for lane in 0..LANES {
            x[lane] = f(x[lane], y[lane]);
        }
        S::load(x.as_ptr())
    }
}
