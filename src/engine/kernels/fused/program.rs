//! What a fused loop computes: a straight-line program over an iteration space, as plain data.
//!
//! The space has outer axes (together: the *rows*) and inner axes (together: the *columns*), in any order that suits,
//! because every access has its own strides. A register is named by the index of the instruction that defines it, and
//! holds one 32-bit lane for each element, or one for each row, or one for everything, depending on what it was
//! computed from; the narrower kinds broadcast. So a value reduced over the columns can be used by what follows in the
//! same row: a softmax is a row maximum, an exponential, a row sum and a division in one program.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use super::super::block::{Fold, Map1, Map2, Map3};

/// Names the instruction that defines a value.
pub type Reg = usize;

/// How elements lie in a buffer: the words before the first one, and a stride for every axis of the space, outer axes
/// first. Stride 0 broadcasts. Everything counts in elements.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Index into the buffers that the program is run with.
    pub buffer: usize,
    /// Position of the element at index 0 of every axis.
    pub offset: usize,
    /// One stride for each axis, outer axes first.
    pub strides: Vec<isize>,
}

/// What a buffer's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Element {
    /// `f32` or `i32`: the lane's 32 bits as they are.
    Word,
    /// A boolean in one byte; a lane holds 1.0 for anything but zero, else 0.0.
    Byte,
}

/// One instruction. Truth values are the floats 0 and 1.
#[derive(Clone, Debug, PartialEq)]
pub enum Instr {
    /// The same float everywhere.
    Const(f32),
    /// The same integer everywhere.
    ConstInt(i32),
    /// Elements of a buffer.
    Load(Access, Element),
    /// The integer `offset` plus each index times its stride (one for each axis, outer axes first).
    Iota {
        /// Value at index 0 of every axis.
        offset: i32,
        /// One step for each axis, outer axes first.
        strides: Vec<i32>,
    },
    /// A function of one value.
    Map1(Map1, Reg),
    /// A function of two.
    Map2(Map2, Reg, Reg),
    /// A function of three.
    Map3(Map3, Reg, Reg, Reg),
    /// Combines each row; the result has one lane a row and can be used further on.
    FoldRow(Fold, Reg),
    /// Writes a value. Where a stride is 0 along an axis the value must not depend on that axis.
    Store(Reg, Access, Element),
    /// Combines over the rows and writes one element for each column, times a factor (floats only); the outer axes'
    /// strides are ignored.
    FoldColumns(Fold, Reg, Access, f32),
    /// Combines everything and writes one element at the access's offset, times a factor (floats only).
    FoldAll(Fold, Reg, Access, f32),
}

/// A fused loop nest. Compile it with [`Fused::new`](super::Fused::new).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// Extents of the outer axes, outermost first; their product is the number of rows.
    pub outer: Vec<usize>,
    /// Extents of the inner axes, outermost first; their product is the number of columns.
    pub inner: Vec<usize>,
    /// The instructions, in order.
    pub code: Vec<Instr>,
    /// Buffers whose elements other workers than the one that stores them have read, and will read again.
    pub shared: Vec<usize>,
}

impl Program {
    /// An empty program over a space.
    pub fn new(outer: &[usize], inner: &[usize]) -> Self {
        Program { outer: outer.to_vec(), inner: inner.to_vec(), code: Vec::new(), shared: Vec::new() }
    }

    /// Appends an instruction and names its result.
    pub fn push(&mut self, instr: Instr) -> Reg {
        self.code.push(instr);
        self.code.len() - 1
    }

    /// Whether it computes the same bits as another program. Of NaNs it does not know.
    pub fn is_same(&self, other: &Program) -> bool {
        self == other && self.floats().eq(other.floats())
    }

    /// The bits of the floats in the code, in order.
    fn floats(&self) -> impl Iterator<Item = u32> {
        self.code.iter().filter_map(|instr| match instr {
            Instr::Const(number) | Instr::FoldColumns(.., number) | Instr::FoldAll(.., number) => {
                Some(number.to_bits())
            }
            _ => None,
        })
    }

    /// A number that is equal for programs that are the same.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = FxHasher::default();
        (&self.outer, &self.inner, &self.shared).hash(&mut hasher);
        for instr in &self.code {
            std::mem::discriminant(instr).hash(&mut hasher);
            instr.operands().for_each(|operand| operand.hash(&mut hasher));
            match instr {
                Instr::Const(_) => {}
                Instr::ConstInt(number) => number.hash(&mut hasher),
                Instr::Load(access, _) | Instr::Store(_, access, _) => access.hash(&mut hasher),
                Instr::Iota { offset, strides } => (offset, strides).hash(&mut hasher),
                Instr::Map1(map, _) => map.hash(&mut hasher),
                Instr::Map2(map, ..) => map.hash(&mut hasher),
                Instr::Map3(map, ..) => map.hash(&mut hasher),
                Instr::FoldRow(fold, _) => fold.hash(&mut hasher),
                Instr::FoldColumns(fold, _, access, _) | Instr::FoldAll(fold, _, access, _) => {
                    (fold, access).hash(&mut hasher);
                }
            }
        }
        self.floats().for_each(|bits| bits.hash(&mut hasher));
        hasher.finish()
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.outer.iter().product()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.inner.iter().product()
    }
}

impl Instr {
    /// The registers that the instruction reads.
    pub fn operands(&self) -> impl Iterator<Item = Reg> {
        let list = match *self {
            Instr::Const(_) | Instr::ConstInt(_) | Instr::Load(..) | Instr::Iota { .. } => [None; 3],
            Instr::Map1(_, a) | Instr::FoldRow(_, a) | Instr::Store(a, ..) => [Some(a), None, None],
            Instr::FoldColumns(_, a, ..) | Instr::FoldAll(_, a, ..) => [Some(a), None, None],
            Instr::Map2(_, a, b) => [Some(a), Some(b), None],
            Instr::Map3(_, a, b, c) => [Some(a), Some(b), Some(c)],
        };
        list.into_iter().flatten()
    }
}
