//! Elementwise operations as instructions of a fused program.

use super::store::Kind;
use crate::engine::kernels::{Fold, Instr, Map1, Map2, Map3, Program, Reg};
use crate::ir::Node;

/// Whether fused programs know an elementwise operation on operands of these kinds.
pub(super) fn is_known(node: &Node, kinds: &[Kind]) -> bool {
    let floats = kinds.iter().all(|kind| *kind == Kind::F32);
    match node.op.0 {
        "iota" | "one_hot" | "where" | "cast" => true,
        name if kinds.len() == 1 => unary(name, kinds[0]).is_some() || (floats && name == "is_inf"),
        name if kinds.len() == 2 => kinds[0] == kinds[1] && binary(name, kinds[0]).is_some(),
        _ => false,
    }
}

/// Appends the instructions of an elementwise node that has operands `inputs` of kinds `kinds`.
pub(super) fn emit(program: &mut Program, node: &Node, inputs: &[Reg], kinds: &[Kind]) -> Reg {
    match node.op.0 {
        "where" => program.push(Instr::Map3(Map3::Select, inputs[0], inputs[1], inputs[2])),
        "cast" => cast(program, inputs[0], kinds[0], Kind::of(&node.ty.dtype)),
        "is_inf" => {
            let finite = program.push(Instr::Map1(Map1::IsFinite, inputs[0]));
            let nan = program.push(Instr::Map1(Map1::IsNan, inputs[0]));
            let either = program.push(Instr::Map2(Map2::Or, finite, nan));
            program.push(Instr::Map1(Map1::Not, either))
        }
        name if inputs.len() == 1 => {
            let map = unary(name, kinds[0]).expect("the group took only known operations");
            program.push(Instr::Map1(map, inputs[0]))
        }
        name => {
            let (map, swapped) = binary(name, kinds[0]).expect("the group took only known operations");
            let (a, b) = if swapped { (inputs[1], inputs[0]) } else { (inputs[0], inputs[1]) };
            program.push(Instr::Map2(map, a, b))
        }
    }
}

fn unary(name: &str, kind: Kind) -> Option<Map1> {
    Some(match (name, kind) {
        ("neg", Kind::F32) => Map1::Neg,
        ("abs", Kind::F32) => Map1::Abs,
        ("sign", Kind::F32) => Map1::Sign,
        ("neg", Kind::I32) => Map1::NegInt,
        ("abs", Kind::I32) => Map1::AbsInt,
        ("sign", Kind::I32) => Map1::SignInt,
        ("logical_not", Kind::Bool) => Map1::Not,
        (_, Kind::I32 | Kind::Bool) => return None,
        ("square", _) => Map1::Square,
        ("reciprocal", _) => Map1::Reciprocal,
        ("sqrt", _) => Map1::Sqrt,
        ("rsqrt", _) => Map1::Rsqrt,
        ("exp", _) => Map1::Exp,
        ("expm1", _) => Map1::Expm1,
        ("log", _) => Map1::Log,
        ("log1p", _) => Map1::Log1p,
        ("tanh", _) => Map1::Tanh,
        ("sigmoid", _) => Map1::Sigmoid,
        ("erf", _) => Map1::Erf,
        ("sin", _) => Map1::Sin,
        ("cos", _) => Map1::Cos,
        ("tan", _) => Map1::Tan,
        ("asin", _) => Map1::Asin,
        ("acos", _) => Map1::Acos,
        ("atan", _) => Map1::Atan,
        ("sinh", _) => Map1::Sinh,
        ("cosh", _) => Map1::Cosh,
        ("asinh", _) => Map1::Asinh,
        ("acosh", _) => Map1::Acosh,
        ("atanh", _) => Map1::Atanh,
        ("floor", _) => Map1::Floor,
        ("ceil", _) => Map1::Ceil,
        ("round", _) => Map1::Round,
        ("is_nan", _) => Map1::IsNan,
        _ => return None,
    })
}

/// The instruction of two operands, and whether it takes them the other way round.
fn binary(name: &str, kind: Kind) -> Option<(Map2, bool)> {
    let map = match (name, kind) {
        ("logical_and", Kind::Bool) => Map2::And,
        ("logical_or", Kind::Bool) => Map2::Or,
        ("logical_xor", Kind::Bool) => Map2::Xor,
        ("equal", Kind::F32 | Kind::Bool) => Map2::Eq,
        ("not_equal", Kind::F32 | Kind::Bool) => Map2::Ne,
        (_, Kind::Bool) => return None,
        ("less" | "greater", Kind::F32) => Map2::Lt,
        ("less_equal" | "greater_equal", Kind::F32) => Map2::Le,
        ("add", Kind::F32) => Map2::Add,
        ("sub", Kind::F32) => Map2::Sub,
        ("mul", Kind::F32) => Map2::Mul,
        ("div", Kind::F32) => Map2::Div,
        ("pow", Kind::F32) => Map2::Pow,
        ("mod", Kind::F32) => Map2::Mod,
        ("minimum", Kind::F32) => Map2::Minimum,
        ("maximum", Kind::F32) => Map2::Maximum,
        ("atan2", Kind::F32) => Map2::Atan2,
        ("equal", Kind::I32) => Map2::EqInt,
        ("not_equal", Kind::I32) => Map2::NeInt,
        ("less" | "greater", Kind::I32) => Map2::LtInt,
        ("less_equal" | "greater_equal", Kind::I32) => Map2::LeInt,
        ("add", Kind::I32) => Map2::AddInt,
        ("sub", Kind::I32) => Map2::SubInt,
        ("mul", Kind::I32) => Map2::MulInt,
        ("minimum", Kind::I32) => Map2::MinimumInt,
        ("maximum", Kind::I32) => Map2::MaximumInt,
        _ => return None,
    };
    Some((map, matches!(name, "greater" | "greater_equal")))
}

fn cast(program: &mut Program, x: Reg, from: Kind, to: Kind) -> Reg {
    match (from, to) {
        (Kind::F32 | Kind::Bool, Kind::I32) => program.push(Instr::Map1(Map1::FloatToInt, x)),
        (Kind::I32, Kind::F32) => program.push(Instr::Map1(Map1::IntToFloat, x)),
        (Kind::F32, Kind::Bool) => {
            let zero = program.push(Instr::Const(0.0));
            program.push(Instr::Map2(Map2::Ne, x, zero))
        }
        (Kind::I32, Kind::Bool) => {
            let zero = program.push(Instr::ConstInt(0));
            program.push(Instr::Map2(Map2::NeInt, x, zero))
        }
        _ => x,
    }
}

/// Whether fused programs know a reduction of an operand of this kind.
pub(super) fn is_fold(node: &Node, kinds: &[Kind]) -> bool {
    matches!(kinds, [kind] if fold(node.op.0, *kind).is_some())
}

/// The reduction that an operation is.
pub(super) fn fold(name: &str, kind: Kind) -> Option<Fold> {
    Some(match (name, kind) {
        ("sum" | "mean", Kind::F32 | Kind::Bool) => Fold::Sum,
        ("sum", Kind::I32) => Fold::SumInt,
        ("prod", Kind::F32) => Fold::Product,
        ("max", Kind::F32) => Fold::Max,
        ("min", Kind::F32) => Fold::Min,
        _ => return None,
    })
}
