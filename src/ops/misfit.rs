//! Why an operation does not accept its arguments: structured, without places. `check` turns a misfit into a diagnostic at the call.

#![allow(missing_docs, reason = "each side is (argument, axis, size)")]

use std::fmt;

use crate::diagnostic::Code;
use crate::tensor::{DType, Dim, Shape};

/// What is wrong. Arguments are positions among the tensor inputs, axes count from the front.
#[derive(Clone, Debug, PartialEq)]
pub enum Misfit {
    /// The contracted sizes differ.
    Contraction { left: (usize, usize, Dim), right: (usize, usize, Dim) },
    /// Two sizes that must agree elementwise do not.
    Elementwise { left: (usize, usize, Dim), right: (usize, usize, Dim) },
    /// An argument has the wrong number of axes.
    Rank { argument: usize, expected: String, found: usize },
    /// A window does not fit: the resulting spatial size is below 1.
    Spatial { argument: usize, axis: usize, size: Dim, window: i64 },
    /// A reshape changes the number of elements; `shape` is the one asked for.
    Count { from: Dim, to: Dim, shape: Shape },
    /// There is no such axis.
    Axis { axis: i64, rank: usize },
    /// Concatenated parts differ off the axis.
    Parts { left: (usize, usize, Dim), right: (usize, usize, Dim) },
    /// An argument has the wrong dtype.
    DType { argument: usize, expected: &'static str, found: DType },
    /// Two class counts differ.
    Classes { left: (usize, Dim), right: (usize, Dim) },
    /// An attribute has a value that makes no sense.
    Attribute { name: &'static str, message: String },
    /// A size must be known and is a symbol, or two sizes cannot be compared.
    Undecided { left: Dim, right: Dim },
}

impl Misfit {
    /// The code under which it is reported.
    pub fn code(&self) -> Code {
        match self {
            Misfit::Contraction { .. } => Code::E0201,
            Misfit::Elementwise { .. } => Code::E0202,
            Misfit::Rank { .. } => Code::E0206,
            Misfit::Spatial { .. } => Code::E0207,
            Misfit::Count { .. } => Code::E0208,
            Misfit::Axis { .. } => Code::E0209,
            Misfit::Parts { .. } => Code::E0210,
            Misfit::DType { .. } => Code::E0301,
            Misfit::Classes { .. } => Code::E0302,
            Misfit::Attribute { .. } => Code::E0114,
            Misfit::Undecided { .. } => Code::E0213,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Contraction { left, right } => {
                write!(f, "the sizes to contract differ: {} and {}", left.2, right.2)
            }
            Misfit::Elementwise { left, right } => {
                write!(f, "sizes {} and {} cannot be combined elementwise", left.2, right.2)
            }
            Misfit::Rank { expected, found, .. } => write!(f, "{expected} needed, found {found} axes"),
            Misfit::Spatial { size, window, .. } => write!(f, "a window of {window} does not fit in a size of {size}"),
            Misfit::Count { from, to, .. } => write!(f, "{from} elements cannot be arranged as {to}"),
            Misfit::Axis { axis, rank: 0 } => write!(f, "there is no axis {axis}: the value is a scalar"),
            Misfit::Axis { axis, rank } => write!(f, "there is no axis {axis}: the value has axes 0 to {}", rank - 1),
            Misfit::Parts { left, right } => {
                write!(f, "parts of sizes {} and {} differ along axis {}", left.2, right.2, left.1)
            }
            Misfit::DType { expected, found, .. } => write!(f, "{expected} needed, found {found}"),
            Misfit::Classes { left, right } => write!(f, "{} classes against {}", left.1, right.1),
            Misfit::Attribute { name, message } => write!(f, "`{name}` {message}"),
            Misfit::Undecided { left, right } => write!(f, "cannot tell whether {left} equals {right}"),
        }
    }
}
