//! Trained tensors by name in a safetensors file.
//!
//! A file is written beside its place and renamed into it, so there is always a whole one. The same tensors give the same bytes: the
//! header is written here, since the crate's order of metadata changes from run to run; reading is the crate's. What the tensors mean
//! (parameters, an optimizer's moments) is their owner's business.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde_json::{Map, Value, json};

use crate::base::closest;

/// Elements of a saved tensor, last axis fastest.
#[derive(Clone, Debug, PartialEq)]
pub enum Elements {
    /// Real numbers.
    F32(Vec<f32>),
    /// Integers.
    I32(Vec<i32>),
}

impl Elements {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Elements::F32(values) => values.len(),
            Elements::I32(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn dtype(&self) -> &'static str {
        match self {
            Elements::F32(_) => "F32",
            Elements::I32(_) => "I32",
        }
    }
}

/// A tensor with its shape. The count of elements is the shape's product.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedTensor {
    /// Sizes of the axes; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements.
    pub elements: Elements,
}

/// What a weights file holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// The tensors by name.
    pub tensors: BTreeMap<String, SavedTensor>,
    /// Free text by key: the model, the epoch, what wrote it.
    pub metadata: BTreeMap<String, String>,
}

/// What a network asks of one tensor of a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Expected<'a> {
    /// The tensor's name.
    pub name: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
}

/// Why weights could not be saved, loaded or used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightsError {
    /// The file could not be written; nothing that stood there before is harmed.
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file could not be read.
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file's tensors are not the network's; each fault is a sentence.
    Mismatch {
        /// The faults: tensors of other shapes, missing ones, surplus ones.
        faults: Vec<String>,
    },
}

impl fmt::Display for WeightsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WeightsError::Write { path, reason } => write!(f, "`{}` could not be written: {reason}", path.display()),
            WeightsError::Read { path, reason } => write!(f, "`{}` could not be read: {reason}", path.display()),
            WeightsError::Mismatch { faults } => {
                write!(f, "the weights do not fit the network: {}", faults.join("; "))
            }
        }
    }
}

impl std::error::Error for WeightsError {}

impl Weights {
    /// Writes the file at `path`, replacing what was there only once the new one is whole and on the disk.
    ///
    /// # Errors
    /// The folder is missing or not writable, or the disk is full.
    pub fn save(&self, path: &Path) -> Result<(), WeightsError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let partial = path.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        let written = self.write(&partial).and_then(|()| std::fs::rename(&partial, path));
        written.map_err(|error| {
            // What went wrong is in `error`; a partial file that cannot be removed either changes nothing.
            let _ = std::fs::remove_file(&partial);
            WeightsError::Write { path: path.to_path_buf(), reason: why(&error) }
        })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        self.write_to(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    /// The bytes of a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes).expect("memory takes every byte");
        bytes
    }

    fn write_to(&self, file: &mut impl Write) -> io::Result<()> {
        let mut header = Map::new();
        if !self.metadata.is_empty() {
            header.insert("__metadata__".to_string(), json!(self.metadata));
        }
        let mut offset = 0;
        for (name, tensor) in &self.tensors {
            debug_assert_eq!(tensor.elements.len(), tensor.shape.iter().product::<usize>(), "{name}");
            let end = offset + 4 * tensor.elements.len();
            let entry = json!({"dtype": tensor.elements.dtype(), "shape": tensor.shape, "data_offsets": [offset, end]});
            header.insert(name.clone(), entry);
            offset = end;
        }
        let mut header = Value::Object(header).to_string().into_bytes();
        header.resize(header.len().next_multiple_of(8), b' ');
        file.write_all(&(header.len() as u64).to_le_bytes())?;
        file.write_all(&header)?;
        for tensor in self.tensors.values() {
            match &tensor.elements {
                Elements::F32(values) => values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))?,
                Elements::I32(values) => values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))?,
            }
        }
        Ok(())
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It is missing, unreadable, cut short, no safetensors file, or holds elements other than f32 and i32.
    pub fn load(path: &Path) -> Result<Weights, WeightsError> {
        let fault = |reason: String| WeightsError::Read { path: path.to_path_buf(), reason };
        let bytes = std::fs::read(path).map_err(|error| fault(why(&error)))?;
        let damaged = |error| fault(format!("it is damaged, cut short or no safetensors file ({error})"));
        let file = SafeTensors::deserialize(&bytes).map_err(damaged)?;
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(damaged)?;
        let mut weights = Weights::default();
        for (name, view) in file.iter() {
            let words = view.data().chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]]);
            let elements = match view.dtype() {
                Dtype::F32 => Elements::F32(words.map(f32::from_le_bytes).collect()),
                Dtype::I32 => Elements::I32(words.map(i32::from_le_bytes).collect()),
                other => return Err(fault(format!("`{name}` holds {other:?}, F32 and I32 are read here"))),
            };
            weights.tensors.insert(name.to_string(), SavedTensor { shape: view.shape().to_vec(), elements });
        }
        let metadata = header.metadata().iter().flatten();
        weights.metadata = metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(weights)
    }

    /// Makes sure that the tensors are those that a network has.
    ///
    /// # Errors
    /// All tensors of another shape, all that are missing, each with a surplus one that may be it under another name, and all that
    /// are left over.
    pub fn check(&self, expected: &[Expected]) -> Result<(), WeightsError> {
        let known: BTreeSet<&str> = expected.iter().map(|tensor| tensor.name).collect();
        let mut surplus: Vec<&str> =
            self.tensors.keys().map(String::as_str).filter(|name| !known.contains(name)).collect();
        let mut faults = Vec::new();
        for Expected { name, shape } in expected {
            match self.tensors.get(*name) {
                Some(tensor) if tensor.shape == *shape => {}
                Some(tensor) => {
                    faults.push(format!("`{name}` is {:?} in the file, the network has {shape:?}", tensor.shape))
                }
                None => {
                    let alike = |other: &&str| self.tensors[*other].shape == *shape;
                    let same_shape: Vec<&str> = surplus.iter().copied().filter(alike).collect();
                    let near = closest(name, same_shape.iter().copied()).or(match same_shape[..] {
                        [only] => Some(only),
                        _ => None,
                    });
                    surplus.retain(|other| Some(*other) != near);
                    faults.push(match near {
                        Some(near) => format!("`{name}` is missing; the file has `{near}` of the same shape"),
                        None => format!("`{name}` {shape:?} is missing"),
                    });
                }
            }
        }
        faults.extend(surplus.iter().map(|name| format!("the network has no `{name}`")));
        if faults.is_empty() { Ok(()) } else { Err(WeightsError::Mismatch { faults }) }
    }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".to_string(),
        io::ErrorKind::PermissionDenied => "the system does not allow it".to_string(),
        io::ErrorKind::StorageFull => "the disk is full".to_string(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".to_string(),
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_string(),
        io::ErrorKind::IsADirectory => "it is a folder".to_string(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Weights {
        let tensor = |shape: &[usize], elements| SavedTensor { shape: shape.to_vec(), elements };
        Weights {
            tensors: BTreeMap::from([
                (
                    "code.Affine.W".to_string(),
                    tensor(&[2, 3], Elements::F32(vec![1.0, -2.5, 0.0, 1e-40, 3.0, f32::MAX])),
                ),
                ("code.Affine.b".to_string(), tensor(&[3], Elements::F32(vec![0.5; 3]))),
                ("steps".to_string(), tensor(&[], Elements::I32(vec![-7]))),
            ]),
            metadata: BTreeMap::from([("epoch".to_string(), "3".to_string()), ("名".to_string(), "\"q\"".to_string())]),
        }
    }

    #[test]
    fn what_is_saved_is_loaded_and_the_bytes_repeat() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        sample().save(&path).unwrap();
        assert_eq!(Weights::load(&path).unwrap(), sample());
        let first = std::fs::read(&path).unwrap();
        sample().save(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), first);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
        let empty = Weights::default();
        empty.save(&path).unwrap();
        assert_eq!(Weights::load(&path).unwrap(), empty);
    }

    #[test]
    fn the_file_is_laid_out_as_the_format_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        sample().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        assert_eq!(length % 8, 0);
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        assert_eq!(header["code.Affine.b"], json!({"dtype": "F32", "shape": [3], "data_offsets": [24, 36]}));
        assert_eq!(bytes[8 + length + 24..8 + length + 28], 0.5f32.to_le_bytes());
        assert_eq!(bytes.len(), 8 + length + 40);
    }

    #[test]
    fn damage_and_foreign_elements_are_faults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        assert!(Weights::load(&path).unwrap_err().to_string().ends_with("there is no such file or folder"));
        sample().save(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        for length in [0, 5, 20, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert!(matches!(Weights::load(&path), Err(WeightsError::Read { .. })), "{length} bytes");
        }
        let header = br#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}          "#;
        let file = [&(header.len() as u64).to_le_bytes()[..], header, &[0, 0]].concat();
        std::fs::write(&path, file).unwrap();
        assert!(Weights::load(&path).unwrap_err().to_string().contains("`a` holds F16"));
    }

    #[test]
    fn an_unwritable_place_harms_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = sample().save(&folder.path().join("none/w.safetensors")).unwrap_err();
        assert!(matches!(error, WeightsError::Write { .. }), "{error}");
        let occupied = folder.path().join("folder");
        std::fs::create_dir(&occupied).unwrap();
        assert!(sample().save(&occupied).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no partial file stays");
    }

    #[test]
    fn a_full_disk_is_said_to_be_full() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(why(&full), "the disk is full");
    }

    #[test]
    fn all_that_does_not_fit_is_listed() {
        let (two_by_three, three): (&[usize], &[usize]) = (&[2, 3], &[3]);
        let expected = |name, shape| Expected { name, shape };
        let fits = [expected("code.Affine.W", two_by_three), expected("code.Affine.b", three), expected("steps", &[])];
        assert_eq!(sample().check(&fits), Ok(()));
        let other = [expected("code.Affine.W", three), expected("kode.Affine.b", three), expected("bias", &[5])];
        let Err(WeightsError::Mismatch { faults }) = sample().check(&other) else { panic!("these do not fit") };
        assert_eq!(
            faults,
            [
                "`code.Affine.W` is [2, 3] in the file, the network has [3]",
                "`kode.Affine.b` is missing; the file has `code.Affine.b` of the same shape",
                "`bias` [5] is missing",
                "the network has no `steps`",
            ]
        );
    }
}
