//! The Runtime network in formats of other programs, a folder for each.
//!
//! A writer gets a batched graph with the values of its variables, in terms of the operations that its format has: [`known`] finds those
//! that are formulas here, [`plain`] writes as formulas what is an operation here alone. Each format's table says of every primitive how it is written, or why it cannot be. No file system: `driver`
//! gathers what is exported, `cli` writes the files.

mod known;
mod nnp;
mod onnx;
mod plain;
mod pytorch;
mod stablehlo;
mod table;

use std::collections::BTreeMap;

use crate::base::Idx;
use crate::ir::{Graph, Node, Op, Place, Value, VarId, Variable, VariableKind, op};
use crate::tensor::{Dim, Shape, Tensor};

/// What is exported.
#[derive(Clone, Debug)]
pub struct Export {
    /// The Runtime network, batched. The one symbol that its sizes may hold is the batch size.
    pub graph: Graph,
    /// The value of every variable that it reads, by path.
    pub weights: BTreeMap<String, Tensor>,
    /// The program's name.
    pub title: String,
}

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// ONNX, operator set 18.
    Onnx,
    /// A module of PyTorch, in Python.
    PyTorch,
    /// StableHLO, in MLIR's text.
    StableHlo,
    /// An archive for NNabla and Neural Network Console.
    Nnp,
}

/// One file of an export.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The ending of its name, without a dot.
    pub ending: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// An operation that a format cannot hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Unwritable {
    /// Which.
    pub op: Op,
    /// Where it comes from.
    pub place: Place,
    /// Why not.
    pub reason: String,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Onnx, Format::PyTorch, Format::StableHlo, Format::Nnp];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "ONNX",
            Format::PyTorch => "PyTorch",
            Format::StableHlo => "StableHLO",
            Format::Nnp => "NNP",
        }
    }

    /// Whether the batch size can stay open in it.
    pub fn has_open_batch(self) -> bool {
        match self {
            Format::Onnx | Format::PyTorch | Format::Nnp => true,
            Format::StableHlo => false,
        }
    }

    /// Writes a network. The first file is the network itself.
    ///
    /// # Errors
    /// Every operation that the format cannot hold.
    pub fn write(self, export: &Export) -> Result<Vec<File>, Vec<Unwritable>> {
        match self {
            Format::Onnx => onnx::write(export),
            Format::PyTorch => pytorch::write(export),
            Format::StableHlo => stablehlo::write(export),
            Format::Nnp => nnp::write(export),
        }
    }
}

/// The tensor of a value that is a constant.
fn constant(graph: &Graph, value: Value) -> Option<&Tensor> {
    let node = graph.node(value);
    (node.op == op::CONSTANT).then(|| &**node.attrs.get_tensor("value"))
}

/// The variable that a node reads.
fn variable<'g>(graph: &'g Graph, node: &Node) -> &'g Variable {
    &graph.variables[VarId::new(node.attrs.get_int("index") as usize)]
}

/// Whether further training would change a variable.
fn is_trained(variable: &Variable) -> bool {
    matches!(variable.kind, VariableKind::Param { frozen: false, .. })
}

/// How much wider the result of a transposed convolution is, along each spatial axis, than the least that its window and stride can give.
fn output_padding(node: &Node, dy: &Shape, kernel: &Shape) -> Result<Vec<i64>, String> {
    let list = |name: &str| node.attrs.get_ints(name);
    let along = |axis: usize| {
        let known = |size: &Dim| size.constant().ok_or_else(|| format!("has the size {size} along a spatial axis"));
        let window = list("dilation")[axis] * (known(&kernel[2 + axis])? - 1) + 1;
        let least = (known(&dy[2 + axis])? - 1) * list("stride")[axis] + window - 2 * list("pad")[axis];
        Ok(known(&node.ty.shape[2 + axis])? - least)
    };
    (0..list("stride").len()).map(along).collect()
}
