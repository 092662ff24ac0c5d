//! Elementwise primitives of two operands, broadcast by NumPy's rule. Both may stretch in a graph; the language's narrow rule is the
//! checker's business.

use super::{Builder, Case, Default, EvalCall, GradientCall, InferCall, Misfit, Param, ParamKind};
use super::{Gradient, Primitive, batch, compare, elementwise, eval, infer};
use crate::ir::{Attrs, Op, Value, op};
use crate::tensor::{Tensor, Type};

names! {
    ADD "add" "`a + b`."
    SUB "sub" "`a - b`."
    MUL "mul" "`a * b`."
    DIV "div" "`a / b`."
    POW "pow" "`a` to the power `b`."
    MOD "mod" "The remainder with the divisor's sign."
    MINIMUM "minimum" "The smaller."
    MAXIMUM "maximum" "The larger."
    ATAN2 "atan2" "The angle of a point."
}

/// The family.
pub static TABLE: &[Primitive] = &[
    number(
        ADD,
        "`a + b`.",
        |call| map_number(call, |a, b| a + b, |a, b| a + b),
        |call| partials(call, |call| call.grad, |call| call.grad),
        || shapes((-2.0, 2.0), (-2.0, 2.0)),
    ),
    number(
        SUB,
        "`a - b`.",
        |call| map_number(call, |a, b| a - b, |a, b| a - b),
        |call| partials(call, |call| call.grad, |call| call.b.neg(call.grad)),
        || shapes((-2.0, 2.0), (-2.0, 2.0)),
    ),
    number(
        MUL,
        "`a * b`, element by element.",
        |call| map_number(call, |a, b| a * b, |a, b| a * b),
        |call| {
            partials(
                call,
                |call| call.b.mul(call.grad, call.node.inputs[1]),
                |call| call.b.mul(call.grad, call.node.inputs[0]),
            )
        },
        || shapes((-2.0, 2.0), (-2.0, 2.0)),
    ),
    float(
        DIV,
        "`a / b`, element by element.",
        |call| map_float(call, |a, b| a / b),
        div_gradient,
        || shapes((-2.0, 2.0), (0.5, 2.0)),
    ),
    number(
        POW,
        "`a` to the power `b`. For integers with a negative exponent the result is truncated: 0, except for `a` 1 and -1.",
        |call| map_number(call, f64::powf, int_power),
        |call| partials(call, pow_by_base, pow_by_exponent),
        || shapes((0.3, 2.0), (-2.0, 3.0)),
    ),
    number(
        MOD,
        "`a - b * floor(a / b)`, the remainder of `a / b` with the sign of `b`, as in Python. Integers modulo 0 give 0.",
        |call| map_number(call, float_modulo, int_modulo),
        |call| partials(call, |call| call.grad, mod_by_divisor),
        || shapes((2.2, 2.8), (0.9, 1.0)),
    ),
    number(
        MINIMUM,
        "The smaller of `a` and `b`; NaN if either is. The gradient goes to the smaller one, half to each where they are equal.",
        |call| map_number(call, |a, b| if b.is_nan() || b < a { b } else { a }, Ord::min),
        extreme_gradient,
        || [shapes((-2.0, -0.1), (0.1, 2.0)), shapes((0.1, 2.0), (-2.0, -0.1))].concat(),
    ),
    number(
        MAXIMUM,
        "The larger of `a` and `b`; NaN if either is. The gradient goes to the larger one, half to each where they are equal.",
        |call| map_number(call, |a, b| if b.is_nan() || b > a { b } else { a }, Ord::max),
        extreme_gradient,
        || [shapes((-2.0, -0.1), (0.1, 2.0)), shapes((0.1, 2.0), (-2.0, -0.1))].concat(),
    ),
    float(
        ATAN2,
        "The angle, from -pi to pi, of the point with ordinate `a` and abscissa `b`.",
        |call| map_float(call, f64::atan2),
        |call| {
            partials(
                call,
                |call| angle_part(call, 1),
                |call| {
                    let part = angle_part(call, 0);
                    call.b.neg(part)
                },
            )
        },
        || shapes((0.3, 2.0), (-2.0, 2.0)),
    ),
];

pub(super) const A_B: &[Param] = &[
    Param { name: "a", kind: ParamKind::Tensor, default: Default::Required },
    Param { name: "b", kind: ParamKind::Tensor, default: Default::Required },
];

type Rule = fn(&mut GradientCall) -> Vec<Option<Value>>;

/// A row of the table for a function of floats.
const fn float(
    op: Op,
    doc: &'static str,
    eval: fn(&EvalCall) -> Tensor,
    rule: Rule,
    cases: fn() -> Vec<Case>,
) -> Primitive {
    let infer = |call: &InferCall| {
        infer::float(call, 0)?;
        infer_number(call)
    };
    Primitive { op, doc, params: A_B, infer, eval, gradient: Gradient::Rule(rule), batch: batch::elementwise, cases }
}

/// A row of the table for a function of floats or integers.
const fn number(
    op: Op,
    doc: &'static str,
    eval: fn(&EvalCall) -> Tensor,
    rule: Rule,
    cases: fn() -> Vec<Case>,
) -> Primitive {
    let gradient = Gradient::Rule(rule);
    Primitive { op, doc, params: A_B, infer: infer_number, eval, gradient, batch: batch::elementwise, cases }
}

fn infer_number(call: &InferCall) -> Result<Type, Misfit> {
    let dtype = infer::number(call, 0)?.dtype.clone();
    infer::number(call, 1)?;
    infer::same_dtype(call, 0, 1)?;
    Ok(Type { dtype, shape: infer::broadcast(&[&call.inputs[0].shape, &call.inputs[1].shape])? })
}

fn map_float(call: &EvalCall, f: fn(f64, f64) -> f64) -> Tensor {
    let (a, b) = (eval::floats(call, 0), eval::floats(call, 1));
    eval::finish(call, eval::map2(&call.shape, &a, &b, |a, b| f(*a, *b)))
}

fn map_number(call: &EvalCall, float: fn(f64, f64) -> f64, int: fn(i64, i64) -> i64) -> Tensor {
    match (call.inputs[0], call.inputs[1]) {
        (Tensor::I32(a), Tensor::I32(b)) => {
            let f = |a: &i32, b: &i32| int(i64::from(*a), i64::from(*b)) as i32;
            Tensor::I32(eval::map2(&call.shape, a, b, f))
        }
        _ => map_float(call, float),
    }
}

fn int_power(base: i64, exponent: i64) -> i64 {
    match u32::try_from(exponent) {
        Ok(exponent) => base.wrapping_pow(exponent),
        Err(_) if base == -1 && exponent % 2 != 0 => -1,
        Err(_) => i64::from(base.abs() == 1),
    }
}

fn float_modulo(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}

fn int_modulo(a: i64, b: i64) -> i64 {
    match a.checked_rem(b) {
        None => 0,
        Some(rest) if rest != 0 && (rest < 0) != (b < 0) => rest + b,
        Some(rest) => rest,
    }
}

/// The gradients by both operands: each of the result's shape, then summed to the operand's. Only what is wanted is built.
fn partials(
    call: &mut GradientCall,
    by_a: fn(&mut GradientCall) -> Value,
    by_b: fn(&mut GradientCall) -> Value,
) -> Vec<Option<Value>> {
    vec![partial(call, 0, by_a), partial(call, 1, by_b)]
}

/// The gradient by one operand, if it is wanted, summed over what the operand was stretched to.
fn partial(call: &mut GradientCall, operand: usize, by: fn(&mut GradientCall) -> Value) -> Option<Value> {
    call.wanted[operand].then(|| {
        let grad = by(call);
        let shape = call.b.shape(call.node.inputs[operand]);
        call.b.unbroadcast(grad, &shape)
    })
}

/// `1 / b` and `-(a / b) / b`. The second is summed over what the divisor was stretched to before it is divided once more.
fn div_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let by_divided = partial(call, 0, |call| call.b.div(call.grad, call.node.inputs[1]));
    let share = partial(call, 1, |call| call.b.mul(call.grad, call.output));
    let by_divisor = share.map(|share| {
        let change = call.b.div(share, call.node.inputs[1]);
        call.b.neg(change)
    });
    vec![by_divided, by_divisor]
}

/// `b a^(b - 1)`, and 0 where `b` is 0, also at `a = 0`.
fn pow_by_base(call: &mut GradientCall) -> Value {
    let (base, exponent) = (call.node.inputs[0], call.node.inputs[1]);
    let one = call.b.scalar(1.0);
    let lower = call.b.sub(exponent, one);
    let power = call.b.binary(POW, base, lower);
    let mut derivative = call.b.mul(exponent, power);
    if may_hold_zero(call.b, exponent) {
        let zero = call.b.scalar(0.0);
        let at_zero = call.b.binary(compare::EQUAL, exponent, zero);
        derivative = call.b.choose(at_zero, zero, derivative);
    }
    call.b.mul(call.grad, derivative)
}

/// False only of constants without a 0, as exponents mostly are.
fn may_hold_zero(b: &Builder, x: Value) -> bool {
    let node = b.graph.node(x);
    node.op != op::CONSTANT || node.attrs.get_tensor("value").to_f64().contains(&0.0)
}

/// `a^b log(a)`, and 0 where `a` is 0: its limit for every positive exponent.
fn pow_by_exponent(call: &mut GradientCall) -> Value {
    let base = call.node.inputs[0];
    let (zero, one) = (call.b.scalar(0.0), call.b.scalar(1.0));
    let at_zero = call.b.binary(compare::EQUAL, base, zero);
    let safe = call.b.choose(at_zero, one, base);
    let log = call.b.unary(elementwise::LOG, safe);
    let derivative = call.b.mul(call.output, log);
    call.b.mul(call.grad, derivative)
}

/// `-floor(a / b)`.
fn mod_by_divisor(call: &mut GradientCall) -> Value {
    let quotient = call.b.div(call.node.inputs[0], call.node.inputs[1]);
    let whole = call.b.unary(elementwise::FLOOR, quotient);
    let derivative = call.b.neg(whole);
    call.b.mul(call.grad, derivative)
}

/// To each operand where it is the result; halved where both are.
fn extreme_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    partials(call, |call| extreme_share(call, 0), |call| extreme_share(call, 1))
}

fn extreme_share(call: &mut GradientCall, operand: usize) -> Value {
    let (own, other) = (call.node.inputs[operand], call.node.inputs[1 - operand]);
    let (zero, half) = (call.b.scalar(0.0), call.b.scalar(0.5));
    let chosen = call.b.binary(compare::EQUAL, own, call.output);
    let tied = call.b.binary(compare::EQUAL, own, other);
    let shared = call.b.mul(call.grad, half);
    let share = call.b.choose(tied, shared, call.grad);
    call.b.choose(chosen, share, zero)
}

/// The gradient times operand `operand` over `a^2 + b^2`.
fn angle_part(call: &mut GradientCall, operand: usize) -> Value {
    let square = |b: &mut Builder, x: Value| b.unary(elementwise::SQUARE, x);
    let (a, b) = (square(call.b, call.node.inputs[0]), square(call.b, call.node.inputs[1]));
    let radius = call.b.add(a, b);
    let derivative = call.b.div(call.node.inputs[operand], radius);
    call.b.mul(call.grad, derivative)
}

/// Operands from two intervals, in shapes that stretch neither, one or both sides.
fn shapes(a: (f64, f64), b: (f64, f64)) -> Vec<Case> {
    let case = |left: &[usize], right: &[usize]| Case::floats(&[(left, a.0, a.1), (right, b.0, b.1)], Attrs::new());
    vec![case(&[2, 3], &[2, 3]), case(&[2, 3], &[3]), case(&[2, 1], &[1, 3]), case(&[], &[4]), case(&[2, 3], &[])]
}
