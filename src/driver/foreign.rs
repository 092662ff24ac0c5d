//! Networks of other programs: read by the ending of their file, written as a program with its weights beside it.

use std::io;
use std::path::{Path, PathBuf};

use super::{Request, Session, reason, write_whole};
use crate::import::{Imported, READERS, Refusal};
use crate::tensor::Tensor;
use crate::train::{Elements, SavedTensor, Weights};

/// Why a network was not carried over.
#[derive(Debug)]
pub enum NotImported {
    /// No reader is known for the file's ending, or a file stands where one would be written; the sentence says what to do.
    Usage(String),
    /// The file holds what has no counterpart.
    Refused(Refusal),
    /// The system did not let a file be read or written, or the weights; the sentence says which and why.
    Failed(String),
}

/// What was written.
pub struct Carried {
    /// The program.
    pub program: PathBuf,
    /// Its weights, if it has any.
    pub weights: Option<PathBuf>,
    /// The program as it is checked: without errors, unless the reader has a bug.
    pub session: Session,
}

/// Reads the network in the file at `path`.
///
/// # Errors
/// When its ending is none of [`READERS`]', when it cannot be read, and when it holds what has no counterpart.
pub fn import_file(path: &Path) -> Result<Imported, NotImported> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let Some((_, _, reader)) = READERS.iter().find(|(known, _, _)| *known == ending) else {
        let known: Vec<String> = READERS.iter().map(|(ending, what, _)| format!(".{ending} ({what})")).collect();
        let shown = path.display();
        return Err(NotImported::Usage(format!("`{shown}` is not of a kind that is read: {}", known.join(", "))));
    };
    let failed = |error| NotImported::Failed(format!("cannot read `{}`: {}", path.display(), reason(&error)));
    let bytes = std::fs::read(path).map_err(failed)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let folder = path.parent().unwrap_or(Path::new(""));
    reader(&bytes, &name, &|inside| std::fs::read(within(folder, inside)?)).map_err(NotImported::Refused)
}

/// A path that a file names, which may not lead out of its folder.
fn within(folder: &Path, inside: &str) -> io::Result<PathBuf> {
    let plain = |part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
    if Path::new(inside).components().all(plain) {
        return Ok(folder.join(inside));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "the path leads out of the folder"))
}

/// Writes the program to `out` and its weights beside it, under the same name with the ending `.safetensors`, then checks the program.
///
/// # Errors
/// When a file stands at either place and `force` is not given, and when the system refuses.
pub fn write_imported(imported: &Imported, out: &Path, force: bool) -> Result<Carried, NotImported> {
    let weights = (!imported.weights.is_empty()).then(|| out.with_extension("safetensors"));
    if weights.as_deref() == Some(out) {
        return Err(NotImported::Usage(
            "a program's file does not end in `.safetensors`, as its weights do".to_owned(),
        ));
    }
    let standing = [Some(out), weights.as_deref()].into_iter().flatten().find(|path| path.exists());
    if let Some(path) = standing.filter(|_| !force) {
        let shown = path.display();
        return Err(NotImported::Usage(format!(
            "`{shown}` is there already: `--force` replaces it, `-o` writes elsewhere"
        )));
    }
    if let Some(path) = &weights {
        saved(imported).save(path).map_err(|error| NotImported::Failed(error.to_string()))?;
    }
    write_whole(out, imported.text.as_bytes()).map_err(|error| {
        NotImported::Failed(format!("`{}` could not be written: {}", out.display(), reason(&error)))
    })?;
    let session = Session::open(out, &Request { without_data: true, ..Request::default() });
    Ok(Carried { program: out.to_path_buf(), weights, session })
}

/// The weights as a file holds them.
fn saved(imported: &Imported) -> Weights {
    let saved = |tensor: &Tensor| {
        let elements = match tensor {
            Tensor::I32(array) => Elements::I32(array.iter().copied().collect()),
            other => Elements::F32(other.to_f32()),
        };
        SavedTensor { shape: tensor.shape().to_vec(), elements }
    };
    let tensors = imported.weights.iter().map(|(name, tensor)| (name.clone(), saved(tensor)));
    Weights { tensors: tensors.collect(), ..Weights::default() }
}
