//! Networks of other programs, as programs in `.nn` with their trained weights.
//!
//! A folder for each format. A reader gives a text that a person would write: layers where the source has layers, the names that the
//! source has, and a note for whatever could not be carried over. It knows no file system; `driver` reads and writes files.

pub mod names;
pub mod nnabla;
pub mod nnp;
pub mod onnx;
pub mod program;
pub mod sdcproj;

use crate::format;
use crate::source::SourceMap;
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

/// Reads a file that lies beside the one that is imported, by its path from that folder.
pub type Beside<'b> = dyn Fn(&str) -> std::io::Result<Vec<u8>> + 'b;

/// A reader of one format: the file's bytes, its name without the ending, and a way to the files beside it.
pub type Reader = fn(&[u8], &str, &Beside) -> Result<Imported, Refusal>;

/// The formats that are read: the ending of their files, what they are, and their reader.
pub const READERS: &[(&str, &str, Reader)] =
    &[("nnp", "NNabla", nnp::read), ("onnx", "ONNX", onnx::read), ("sdcproj", "Neural Network Console", sdcproj::read)];

impl Refusal {
    /// A refusal that is told in one line.
    pub fn new(title: impl Into<String>) -> Refusal {
        Refusal { title: title.into(), notes: Vec::new(), help: None }
    }
}

/// A program in the canonical layout. Readers write texts that parse; one that does not is left as it is, for the check to tell of.
pub fn canonical(text: &str) -> String {
    let mut sources = SourceMap::new();
    let file = sources.add("imported", text);
    format::format(file, text).unwrap_or_else(|_| text.to_owned())
}
