//! Networks of other programs, as programs in `.nn` with their trained weights.
//!
//! A folder for each format. A reader gives a text that a person would write: layers where the source has layers, the names that the
//! source has, and a note for whatever could not be carried over. It knows no file system; `driver` reads and writes files.

use crate::tensor::Tensor;

/// A network that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The program, in the canonical layout.
    pub text: String,
    /// Trained values by the paths of the program's variables; none when the source holds none.
    pub weights: Vec<(String, Tensor)>,
    /// What could not be carried over, a sentence each.
    pub notes: Vec<String>,
}

/// Why a file is not read: what it holds that has no counterpart, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The fault in one line, with the layer or node that it is about.
    pub title: String,
    /// Further facts, a line each.
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
}
