//! Elementwise primitives of one operand: float functions, and the few that integers have too.

use super::{Builder, Case, Default, EvalCall, GradientCall, InferCall, Param, ParamKind};
use super::{Gradient, Primitive, batch, eval, infer};
use crate::ir::{Attrs, Op, Value};
use crate::tensor::Tensor;

names! {
    NEG "neg" "-x."
    ABS "abs" "|x|."
    SIGN "sign" "-1, 0 or 1."
    EXP "exp" "e to the x."
    LOG "log" "The natural logarithm."
    LOG1P "log1p" "log(1 + x)."
    EXPM1 "expm1" "exp(x) - 1."
    SQRT "sqrt" "The square root."
    RSQRT "rsqrt" "1 / sqrt(x)."
    SQUARE "square" "x times x."
    RECIPROCAL "reciprocal" "1 / x."
    SIN "sin" "The sine."
    COS "cos" "The cosine."
    TAN "tan" "The tangent."
    SINH "sinh" "The hyperbolic sine."
    COSH "cosh" "The hyperbolic cosine."
    TANH "tanh" "The hyperbolic tangent."
    ASIN "asin" "The inverse sine."
    ACOS "acos" "The inverse cosine."
    ATAN "atan" "The inverse tangent."
    ASINH "asinh" "The inverse hyperbolic sine."
    ACOSH "acosh" "The inverse hyperbolic cosine."
    ATANH "atanh" "The inverse hyperbolic tangent."
    ERF "erf" "The error function."
    FLOOR "floor" "Rounded down."
    CEIL "ceil" "Rounded up."
    ROUND "round" "Rounded to the nearest integer, half to even."
    SIGMOID "sigmoid" "1 / (1 + exp(-x))."
}

/// The family.
pub static TABLE: &[Primitive] = &[
    number(
        NEG,
        "`-x`.",
        |call| map_number(call, |x| -x, |x| -x),
        Gradient::Rule(|call| vec![Some(call.b.neg(call.grad))]),
        || smooth(-2.0, 2.0),
    ),
    number(
        ABS,
        "The absolute value. Its derivative at 0 is taken as 0.",
        |call| map_number(call, f64::abs, i64::abs),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(SIGN, x))),
        two_sided,
    ),
    number(
        SIGN,
        "-1 below 0, 0 at 0, 1 above.",
        |call| map_number(call, |x| if x == 0.0 { 0.0 } else { x.signum() }, i64::signum),
        Gradient::Zero(FLAT),
        two_sided,
    ),
    number(
        SQUARE,
        "`x * x`.",
        |call| map_number(call, |x| x * x, |x| x * x),
        Gradient::Rule(|call| chain(call, |b, x, _| times(b, x, 2.0))),
        || smooth(-2.0, 2.0),
    ),
    float(
        EXP,
        "The exponential function.",
        |call| map_float(call, f64::exp),
        Gradient::Rule(|call| chain(call, |_, _, y| y)),
        || smooth(-2.0, 2.0),
    ),
    float(
        LOG,
        "The natural logarithm.",
        |call| map_float(call, f64::ln),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(RECIPROCAL, x))),
        || smooth(0.3, 4.0),
    ),
    float(
        LOG1P,
        "`log(1 + x)`, exact near 0.",
        |call| map_float(call, f64::ln_1p),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let shifted = add(b, x, 1.0);
                b.unary(RECIPROCAL, shifted)
            })
        }),
        || smooth(-0.7, 3.0),
    ),
    float(
        EXPM1,
        "`exp(x) - 1`, exact near 0.",
        |call| map_float(call, f64::exp_m1),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(EXP, x))),
        || smooth(-2.0, 2.0),
    ),
    float(
        SQRT,
        "The square root; NaN below 0.",
        |call| map_float(call, f64::sqrt),
        Gradient::Rule(|call| {
            chain(call, |b, _, y| {
                let half = b.scalar(0.5);
                b.div(half, y)
            })
        }),
        || smooth(0.3, 4.0),
    ),
    float(
        RSQRT,
        "`1 / sqrt(x)`.",
        |call| map_float(call, |x| 1.0 / x.sqrt()),
        Gradient::Rule(|call| {
            chain(call, |b, _, y| {
                let square = b.unary(SQUARE, y);
                let cube = b.mul(square, y);
                times(b, cube, -0.5)
            })
        }),
        || smooth(0.3, 4.0),
    ),
    float(
        RECIPROCAL,
        "`1 / x`.",
        |call| map_float(call, f64::recip),
        Gradient::Rule(|call| {
            chain(call, |b, _, y| {
                let square = b.unary(SQUARE, y);
                b.neg(square)
            })
        }),
        || smooth(0.3, 4.0),
    ),
    float(
        SIN,
        "The sine of `x` radians.",
        |call| map_float(call, f64::sin),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(COS, x))),
        || smooth(-3.0, 3.0),
    ),
    float(
        COS,
        "The cosine of `x` radians.",
        |call| map_float(call, f64::cos),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let sine = b.unary(SIN, x);
                b.neg(sine)
            })
        }),
        || smooth(-3.0, 3.0),
    ),
    float(
        TAN,
        "The tangent of `x` radians.",
        |call| map_float(call, f64::tan),
        Gradient::Rule(|call| {
            chain(call, |b, _, y| {
                let square = b.unary(SQUARE, y);
                add(b, square, 1.0)
            })
        }),
        || smooth(-1.2, 1.2),
    ),
    float(
        SINH,
        "The hyperbolic sine.",
        |call| map_float(call, f64::sinh),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(COSH, x))),
        || smooth(-2.0, 2.0),
    ),
    float(
        COSH,
        "The hyperbolic cosine.",
        |call| map_float(call, f64::cosh),
        Gradient::Rule(|call| chain(call, |b, x, _| b.unary(SINH, x))),
        || smooth(-2.0, 2.0),
    ),
    float(
        TANH,
        "The hyperbolic tangent.",
        |call| map_float(call, f64::tanh),
        Gradient::Rule(|call| chain(call, |b, _, y| one_minus_square(b, y))),
        || smooth(-2.0, 2.0),
    ),
    float(
        ASIN,
        "The inverse sine, in radians.",
        |call| map_float(call, f64::asin),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let rest = one_minus_square(b, x);
                b.unary(RSQRT, rest)
            })
        }),
        || smooth(-0.9, 0.9),
    ),
    float(
        ACOS,
        "The inverse cosine, in radians.",
        |call| map_float(call, f64::acos),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let rest = one_minus_square(b, x);
                let root = b.unary(RSQRT, rest);
                b.neg(root)
            })
        }),
        || smooth(-0.9, 0.9),
    ),
    float(
        ATAN,
        "The inverse tangent, in radians.",
        |call| map_float(call, f64::atan),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let sum = square_plus(b, x, 1.0);
                b.unary(RECIPROCAL, sum)
            })
        }),
        || smooth(-3.0, 3.0),
    ),
    float(
        ASINH,
        "The inverse hyperbolic sine.",
        |call| map_float(call, f64::asinh),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let sum = square_plus(b, x, 1.0);
                b.unary(RSQRT, sum)
            })
        }),
        || smooth(-3.0, 3.0),
    ),
    float(
        ACOSH,
        "The inverse hyperbolic cosine; NaN below 1.",
        |call| map_float(call, f64::acosh),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let rest = square_plus(b, x, -1.0);
                b.unary(RSQRT, rest)
            })
        }),
        || smooth(1.3, 4.0),
    ),
    float(
        ATANH,
        "The inverse hyperbolic tangent.",
        |call| map_float(call, f64::atanh),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let rest = one_minus_square(b, x);
                b.unary(RECIPROCAL, rest)
            })
        }),
        || smooth(-0.9, 0.9),
    ),
    float(
        ERF,
        "The error function, `2/sqrt(pi)` times the integral of `exp(-t^2)` from 0 to `x`.",
        |call| map_float(call, erf),
        Gradient::Rule(|call| {
            chain(call, |b, x, _| {
                let square = b.unary(SQUARE, x);
                let falling = b.neg(square);
                let bell = b.unary(EXP, falling);
                times(b, bell, std::f64::consts::FRAC_2_SQRT_PI)
            })
        }),
        || smooth(-2.0, 2.0),
    ),
    float(
        SIGMOID,
        "`1 / (1 + exp(-x))`.",
        |call| map_float(call, |x| 1.0 / (1.0 + (-x).exp())),
        Gradient::Rule(|call| {
            chain(call, |b, _, y| {
                let rest = one_minus(b, y);
                b.mul(y, rest)
            })
        }),
        || smooth(-3.0, 3.0),
    ),
    float(FLOOR, "Rounded down to an integer.", |call| map_float(call, f64::floor), Gradient::Zero(FLAT), steps),
    float(CEIL, "Rounded up to an integer.", |call| map_float(call, f64::ceil), Gradient::Zero(FLAT), steps),
    float(
        ROUND,
        "Rounded to the nearest integer, halves to the even one.",
        |call| map_float(call, f64::round_ties_even),
        Gradient::Zero(FLAT),
        steps,
    ),
];

pub(super) const FLAT: &str = "is flat: its derivative is zero wherever it has one";

const X: &[Param] = &[Param { name: "x", kind: ParamKind::Tensor, default: Default::Required }];

/// A row of the table for a function of floats.
const fn float(
    op: Op,
    doc: &'static str,
    eval: fn(&EvalCall) -> Tensor,
    gradient: Gradient,
    cases: fn() -> Vec<Case>,
) -> Primitive {
    let infer = |call: &InferCall| infer::float(call, 0).cloned();
    Primitive { op, doc, params: X, infer, eval, gradient, batch: batch::elementwise, cases }
}

/// A row of the table for a function of floats or integers.
const fn number(
    op: Op,
    doc: &'static str,
    eval: fn(&EvalCall) -> Tensor,
    gradient: Gradient,
    cases: fn() -> Vec<Case>,
) -> Primitive {
    let infer = |call: &InferCall| infer::number(call, 0).cloned();
    Primitive { op, doc, params: X, infer, eval, gradient, batch: batch::elementwise, cases }
}

fn map_float(call: &EvalCall, f: fn(f64) -> f64) -> Tensor {
    eval::finish(call, eval::map(&eval::floats(call, 0), |x| f(*x)))
}

fn map_number(call: &EvalCall, float: fn(f64) -> f64, int: fn(i64) -> i64) -> Tensor {
    match call.inputs[0] {
        Tensor::I32(x) => Tensor::I32(eval::map(x, |x| int(i64::from(*x)) as i32)),
        _ => map_float(call, float),
    }
}

/// The chain rule: the gradient times the derivative, which is built from operand and result.
fn chain(call: &mut GradientCall, derivative: fn(&mut Builder, Value, Value) -> Value) -> Vec<Option<Value>> {
    let derivative = derivative(call.b, call.node.inputs[0], call.output);
    vec![Some(call.b.mul(call.grad, derivative))]
}

fn add(b: &mut Builder, x: Value, number: f64) -> Value {
    let number = b.scalar(number);
    b.add(x, number)
}

fn times(b: &mut Builder, x: Value, number: f64) -> Value {
    let number = b.scalar(number);
    b.mul(x, number)
}

fn one_minus(b: &mut Builder, x: Value) -> Value {
    let one = b.scalar(1.0);
    b.sub(one, x)
}

fn one_minus_square(b: &mut Builder, x: Value) -> Value {
    let square = b.unary(SQUARE, x);
    one_minus(b, square)
}

fn square_plus(b: &mut Builder, x: Value, number: f64) -> Value {
    let square = b.unary(SQUARE, x);
    add(b, square, number)
}

/// The error function by its series of positive terms, `2/sqrt(pi) exp(-x^2) sum_n 2^n x^(2n+1) / (2n+1)!!` (Abramowitz and Stegun
/// 7.1.6). Beyond 6 it is 1 to the last bit.
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum, mut n) = (x, x, 0.0);
    while term.abs() > sum.abs() * 1e-17 {
        n += 1.0;
        term *= 2.0 * x * x / (2.0 * n + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// One input from an interval on which the function is smooth, as a matrix and as a scalar.
fn smooth(low: f64, high: f64) -> Vec<Case> {
    let case = |shape: &[usize]| Case::floats(&[(shape, low, high)], Attrs::new());
    vec![case(&[2, 3]), case(&[])]
}

/// On either side of a step or kink at 0.
fn two_sided() -> Vec<Case> {
    [smooth(-2.0, -0.2), smooth(0.2, 2.0)].concat()
}

/// Between the steps of a rounding.
fn steps() -> Vec<Case> {
    [smooth(-0.9, -0.6), smooth(1.1, 1.4)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from Abramowitz and Stegun, table 7.1.
    #[test]
    fn erf_matches_the_published_table() {
        for (x, y) in [(0.0, 0.0), (0.5, 0.520_499_877_8), (1.0, 0.842_700_792_9), (2.0, 0.995_322_265_0)] {
            assert!((erf(x) - y).abs() < 1e-10, "{x}");
            assert_eq!(erf(-x), -erf(x));
        }
        assert!(erf(f64::NAN).is_nan() && erf(9.0) == 1.0 && 1.0 - erf(5.9) < 1e-15);
    }
}
