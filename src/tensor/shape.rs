//! Dtypes, shapes and the two together.

use std::fmt;

use smallvec::SmallVec;

use super::Dim;

/// What the elements are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// A number that carries gradient; f64 in the reference engine when asked for.
    F32,
    /// A 32-bit integer.
    I32,
    /// True or false.
    Bool,
    /// An integer from 0 to the size minus 1: a class, a token, a row.
    Index(Dim),
}

impl DType {
    /// Whether gradient can flow through values of this dtype.
    pub fn is_float(&self) -> bool {
        *self == DType::F32
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DType::F32 => f.write_str("f32"),
            DType::I32 => f.write_str("i32"),
            DType::Bool => f.write_str("bool"),
            DType::Index(classes) => write!(f, "index<{classes}>"),
        }
    }
}

/// The sizes of a tensor's axes, first axis first.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(pub SmallVec<[Dim; 4]>);

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Shape {
        Shape::default()
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The product of the sizes.
    pub fn size(&self) -> Dim {
        self.0.iter().cloned().fold(Dim::new(1), |product, dim| product * dim)
    }

    /// The sizes as numbers, when `value_of` knows every symbol.
    pub fn evaluate(&self, value_of: &dyn Fn(&str) -> Option<i64>) -> Option<Vec<usize>> {
        self.0.iter().map(|dim| dim.evaluate(value_of).and_then(|size| usize::try_from(size).ok())).collect()
    }

    /// The sizes as numbers, when none holds a symbol.
    pub fn constant(&self) -> Option<Vec<usize>> {
        self.evaluate(&|_| None)
    }

    /// This shape with `dim` in front.
    pub fn prepend(&self, dim: Dim) -> Shape {
        std::iter::once(dim).chain(self.0.iter().cloned()).collect()
    }
}

impl std::ops::Deref for Shape {
    type Target = [Dim];

    fn deref(&self) -> &[Dim] {
        &self.0
    }
}

impl FromIterator<Dim> for Shape {
    fn from_iter<I: IntoIterator<Item = Dim>>(dims: I) -> Shape {
        Shape(dims.into_iter().collect())
    }
}

impl<const N: usize> From<[i64; N]> for Shape {
    fn from(dims: [i64; N]) -> Shape {
        dims.into_iter().map(Dim::new).collect()
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Shape {
        dims.iter().map(|dim| Dim::from(*dim)).collect()
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (axis, dim) in self.0.iter().enumerate() {
            write!(f, "{}{dim}", if axis == 0 { "" } else { ", " })?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The dtype and shape of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Type {
    /// What the elements are.
    pub dtype: DType,
    /// How many there are along each axis.
    pub shape: Shape,
}

impl Type {
    /// A float tensor.
    pub fn f32(shape: impl Into<Shape>) -> Type {
        Type { dtype: DType::F32, shape: shape.into() }
    }
}

impl fmt::Display for Type {
    /// As a user writes it: `[1, 28, 28]`, `f32`, `index<10>`, `bool[3]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.dtype, self.shape.rank()) {
            (DType::F32, 1..) => write!(f, "{}", self.shape),
            (dtype, 0) => write!(f, "{dtype}"),
            (dtype, _) => write!(f, "{dtype}{}", self.shape),
        }
    }
}
