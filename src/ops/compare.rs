//! Truth values: comparisons, logic, choice between two values, and conversion between dtypes.

use super::elementwise_binary::A_B;
use super::{Case, CaseInput, Default, Domain, EvalCall, GradientCall, InferCall, Misfit, Param, ParamKind};
use super::{Gradient, Primitive, batch, eval, infer};
use crate::ir::{Attr, Attrs, Op, Value};
use crate::tensor::{DType, Dim, Tensor, Type};

names! {
    EQUAL "equal" "`a == b`."
    NOT_EQUAL "not_equal" "`a != b`."
    GREATER "greater" "`a > b`."
    GREATER_EQUAL "greater_equal" "`a >= b`."
    LESS "less" "`a < b`."
    LESS_EQUAL "less_equal" "`a <= b`."
    LOGICAL_AND "logical_and" "Both."
    LOGICAL_OR "logical_or" "At least one."
    LOGICAL_XOR "logical_xor" "Exactly one."
    LOGICAL_NOT "logical_not" "Not `x`."
    WHERE "where" "One of two values by a condition."
    IS_NAN "is_nan" "Whether a float is not a number."
    IS_INF "is_inf" "Whether a float is infinite."
    CAST "cast" "Conversion of dtype."
}

/// The family.
pub static TABLE: &[Primitive] = &[
    comparison(EQUAL, "Whether `a` equals `b`. NaN equals nothing.", infer_equality, |call| {
        compare(call, |a, b| a == b)
    }),
    comparison(NOT_EQUAL, "Whether `a` differs from `b`.", infer_equality, |call| compare(call, |a, b| a != b)),
    comparison(GREATER, "Whether `a > b`.", infer_order, |call| compare(call, |a, b| a > b)),
    comparison(GREATER_EQUAL, "Whether `a >= b`.", infer_order, |call| compare(call, |a, b| a >= b)),
    comparison(LESS, "Whether `a < b`.", infer_order, |call| compare(call, |a, b| a < b)),
    comparison(LESS_EQUAL, "Whether `a <= b`.", infer_order, |call| compare(call, |a, b| a <= b)),
    logic(LOGICAL_AND, "Whether both `a` and `b` hold.", |call| compare(call, |a, b| a * b != 0.0)),
    logic(LOGICAL_OR, "Whether `a` or `b` or both hold.", |call| compare(call, |a, b| a + b != 0.0)),
    logic(LOGICAL_XOR, "Whether exactly one of `a` and `b` holds.", |call| compare(call, |a, b| a != b)),
    Primitive {
        op: LOGICAL_NOT,
        doc: "Whether `x` does not hold.",
        params: X,
        infer: |call| infer::truth(call, 0).cloned(),
        eval: |call| Tensor::Bool(eval::map(eval::truths(call, 0), |x| !x)),
        gradient: NO_GRADIENT,
        batch: batch::elementwise,
        cases: || vec![case(&[flag(&[2, 3])])],
    },
    Primitive {
        op: WHERE,
        doc: "`a` where `condition` holds, else `b`, element by element. Both are differentiated, each where it is chosen.",
        params: &[tensor("condition"), tensor("a"), tensor("b")],
        infer: infer_where,
        eval: eval_where,
        gradient: Gradient::Rule(where_gradient),
        batch: batch::elementwise,
        cases: where_cases,
    },
    classification(IS_NAN, "Whether `x` is not a number.", |call| classify(call, f64::is_nan)),
    classification(IS_INF, "Whether `x` is infinite, of either sign.", |call| classify(call, f64::is_infinite)),
    Primitive {
        op: CAST,
        doc: "`x` converted to `dtype`: to an integer towards zero, to bool as `x != 0`, from bool as 0 and 1.",
        params: &[tensor("x"), Param { name: "dtype", kind: ParamKind::DType, default: Default::Required }],
        infer: |call| {
            let dtype = call.attrs.get_dtype("dtype").clone();
            Ok(Type { dtype, shape: call.inputs[0].shape.clone() })
        },
        eval: |call| eval::finish(call, eval::floats(call, 0)),
        gradient: Gradient::Rule(|call| vec![Some(call.grad)]),
        batch: batch::elementwise,
        cases: cast_cases,
    },
];

pub(super) const NO_GRADIENT: Gradient = Gradient::Zero("gives truth values, which have no derivative");

const X: &[Param] = &[tensor("x")];

const fn tensor(name: &'static str) -> Param {
    Param { name, kind: ParamKind::Tensor, default: Default::Required }
}

type Infer = fn(&InferCall) -> Result<Type, Misfit>;

const fn comparison(op: Op, doc: &'static str, infer: Infer, eval: fn(&EvalCall) -> Tensor) -> Primitive {
    let cases = || {
        vec![
            Case::floats(&[(&[2, 3], -1.0, 1.0), (&[3], -1.0, 1.0)], Attrs::new()),
            case(&[int(&[2, 8], 3), int(&[2, 1], 3)]),
            case(&[class(&[8]), class(&[])]),
            case(&[class(&[8]), int(&[8], 4)]),
        ]
    };
    Primitive { op, doc, params: A_B, infer, eval, gradient: NO_GRADIENT, batch: batch::elementwise, cases }
}

const fn logic(op: Op, doc: &'static str, eval: fn(&EvalCall) -> Tensor) -> Primitive {
    let infer = |call: &InferCall| {
        infer::truth(call, 0)?;
        infer::truth(call, 1)?;
        bool_of_both(call)
    };
    let cases = || vec![case(&[flag(&[2, 8]), flag(&[8])]), case(&[flag(&[2, 1]), flag(&[1, 8])])];
    Primitive { op, doc, params: A_B, infer, eval, gradient: NO_GRADIENT, batch: batch::elementwise, cases }
}

const fn classification(op: Op, doc: &'static str, eval: fn(&EvalCall) -> Tensor) -> Primitive {
    let infer = |call: &InferCall| Ok(Type { dtype: DType::Bool, shape: infer::float(call, 0)?.shape.clone() });
    let cases = || vec![Case::floats(&[(&[2, 3], -1.0, 1.0)], Attrs::new())];
    Primitive { op, doc, params: X, infer, eval, gradient: NO_GRADIENT, batch: batch::elementwise, cases }
}

fn bool_of_both(call: &InferCall) -> Result<Type, Misfit> {
    let shape = infer::broadcast(&[&call.inputs[0].shape, &call.inputs[1].shape])?;
    Ok(Type { dtype: DType::Bool, shape })
}

fn infer_equality(call: &InferCall) -> Result<Type, Misfit> {
    comparable(call)?;
    bool_of_both(call)
}

fn infer_order(call: &InferCall) -> Result<Type, Misfit> {
    for (argument, ty) in call.inputs.iter().enumerate() {
        if ty.dtype == DType::Bool {
            return Err(Misfit::DType { argument, expected: "a number or an index", found: DType::Bool });
        }
    }
    infer_equality(call)
}

/// Equal dtypes compare, and indices with integers.
fn comparable(call: &InferCall) -> Result<(), Misfit> {
    match (&call.inputs[0].dtype, &call.inputs[1].dtype) {
        (DType::Index(_), DType::I32) | (DType::I32, DType::Index(_)) => Ok(()),
        _ => infer::same_dtype(call, 0, 1),
    }
}

/// Compares as f64, which holds every f32, i32 and truth value exactly.
fn compare(call: &EvalCall, holds: fn(f64, f64) -> bool) -> Tensor {
    let (a, b) = (eval::floats(call, 0), eval::floats(call, 1));
    Tensor::Bool(eval::map2(&call.shape, &a, &b, |a, b| holds(*a, *b)))
}

fn classify(call: &EvalCall, holds: fn(f64) -> bool) -> Tensor {
    Tensor::Bool(eval::map(&eval::floats(call, 0), |x| holds(*x)))
}

fn infer_where(call: &InferCall) -> Result<Type, Misfit> {
    infer::truth(call, 0)?;
    infer::same_dtype(call, 1, 2)?;
    let shape = infer::broadcast(&[&call.inputs[0].shape, &call.inputs[1].shape, &call.inputs[2].shape])?;
    Ok(Type { dtype: call.inputs[1].dtype.clone(), shape })
}

fn eval_where(call: &EvalCall) -> Tensor {
    let condition = eval::stretch(eval::truths(call, 0), &call.shape);
    let (a, b) = (eval::floats(call, 1), eval::floats(call, 2));
    let pairs = eval::stretch(&a, &call.shape).into_iter().zip(eval::stretch(&b, &call.shape));
    let chosen = condition.iter().zip(pairs).map(|(condition, (a, b))| if *condition { *a } else { *b });
    eval::finish(call, eval::array(&call.shape, chosen.collect()))
}

fn where_gradient(call: &mut GradientCall) -> Vec<Option<Value>> {
    let (condition, grad, zero) = (call.node.inputs[0], call.grad, call.b.scalar(0.0));
    let part = |operand: usize, a: Value, b: Value, call: &mut GradientCall| {
        call.wanted[operand].then(|| {
            let chosen = call.b.choose(condition, a, b);
            let shape = call.b.shape(call.node.inputs[operand]);
            call.b.unbroadcast(chosen, &shape)
        })
    };
    vec![None, part(1, grad, zero, call), part(2, zero, grad, call)]
}

type Operand<'a> = (&'a [usize], DType, Domain);

fn case(inputs: &[Operand]) -> Case {
    let input = |(shape, dtype, domain): &Operand| CaseInput {
        ty: Type { dtype: dtype.clone(), shape: (*shape).into() },
        domain: domain.clone(),
    };
    Case { inputs: inputs.iter().map(input).collect(), attrs: Attrs::new() }
}

fn float(shape: &[usize]) -> Operand<'_> {
    (shape, DType::F32, Domain::Range(-3.0, 3.0))
}

fn int(shape: &[usize], below: i64) -> Operand<'_> {
    (shape, DType::I32, Domain::Index(below))
}

fn class(shape: &[usize]) -> Operand<'_> {
    (shape, DType::Index(Dim::new(3)), Domain::Index(3))
}

fn flag(shape: &[usize]) -> Operand<'_> {
    (shape, DType::Bool, Domain::Bool)
}

fn where_cases() -> Vec<Case> {
    vec![
        case(&[flag(&[2, 3]), float(&[2, 3]), float(&[2, 3])]),
        case(&[flag(&[3]), float(&[2, 3]), float(&[])]),
        case(&[flag(&[2, 1]), float(&[3]), float(&[2, 3])]),
        case(&[flag(&[4]), int(&[4], 9), int(&[], 9)]),
    ]
}

fn cast_cases() -> Vec<Case> {
    let to =
        |dtype: DType, from: Operand| Case { attrs: Attrs::new().with("dtype", Attr::DType(dtype)), ..case(&[from]) };
    vec![
        to(DType::I32, float(&[2, 8])),
        to(DType::F32, float(&[4])),
        to(DType::F32, int(&[4], 5)),
        to(DType::F32, flag(&[4])),
        to(DType::Bool, int(&[8], 2)),
        to(DType::I32, class(&[4])),
        to(DType::F32, class(&[4])),
    ]
}
