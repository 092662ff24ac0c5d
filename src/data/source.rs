//! A file and what to take of it: the one way in to all readers.

use std::path::{Path, PathBuf};

use super::column::Column;
use super::error::DataError;
use super::header::Header;
use super::table::{Columns, Table, select};
use super::want::Want;
use super::{idx, nnc, npy};

/// Where a column comes from. Paths are resolved already: relative to the `.nn` file in its text, not here.
///
/// 8-bit samples with two or more axes reach an f32 input divided by 255, unless `raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An IDX file, plain or gzip.
    Idx {
        /// The file.
        path: PathBuf,
        /// Whether bytes stay 0 to 255.
        raw: bool,
    },
    /// A NumPy array, plain or gzip.
    Npy {
        /// The file.
        path: PathBuf,
        /// Whether bytes stay 0 to 255.
        raw: bool,
    },
    /// An array of a NumPy archive.
    Npz {
        /// The file.
        path: PathBuf,
        /// The array's name.
        key: String,
        /// Whether bytes stay 0 to 255.
        raw: bool,
    },
    /// Columns of a CSV with a header line, plain or gzip.
    Csv {
        /// The file.
        path: PathBuf,
        /// Which columns.
        columns: Columns,
    },
    /// A variable of a CSV in NNC's dataset format, plain or gzip.
    Dataset {
        /// The file.
        path: PathBuf,
        /// The variable's name.
        variable: String,
    },
}

impl Source {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Source::Idx { path, .. }
            | Source::Npy { path, .. }
            | Source::Npz { path, .. }
            | Source::Csv { path, .. }
            | Source::Dataset { path, .. } => path,
        }
    }

    /// What is known without the values. Of a text file all rows are counted; of a binary one its length is compared with what its
    /// header promises.
    ///
    /// # Errors
    /// A file that is missing, unreadable, cut short or not of its format, an unknown column, rows of unequal length.
    pub fn header(&self) -> Result<Header, DataError> {
        match self {
            Source::Idx { path, .. } => idx::header(path),
            Source::Npy { path, .. } => npy::header(path),
            Source::Npz { path, key, .. } => npy::npz_header(path, key),
            Source::Csv { path, columns } => {
                let table = Table::open(path)?;
                let cells = select(path, &table.names, columns)?;
                table.header(&cells)
            }
            Source::Dataset { path, variable } => {
                let table = Table::open(path)?;
                let cells = nnc::find(path, &table.names, variable)?;
                table.header(&cells)
            }
        }
    }

    /// Reads the values as a column that feeds `want`.
    ///
    /// # Errors
    /// What [`header`](Source::header) refuses, a shape that does not fit, and the first value that does not, with its row.
    pub fn load(&self, want: &Want) -> Result<Column, DataError> {
        match self {
            Source::Idx { path, raw } => idx::load(path, want, *raw),
            Source::Npy { path, raw } => npy::load(path, want, *raw),
            Source::Npz { path, key, raw } => npy::npz_load(path, key, want, *raw),
            Source::Csv { path, columns } => {
                let table = Table::open(path)?;
                let cells = select(path, &table.names, columns)?;
                table.load(&cells, want, false)
            }
            Source::Dataset { path, variable } => {
                let table = Table::open(path)?;
                let cells = nnc::find(path, &table.names, variable)?;
                table.load(&cells, want, true)
            }
        }
    }
}

/// The names of the variables that a CSV in NNC's dataset format declares, in order.
///
/// # Errors
/// A file that cannot be read, or a header with gaps or repetitions.
pub fn dataset_variables(path: &Path) -> Result<Vec<String>, DataError> {
    let table = Table::open(path)?;
    Ok(nnc::variables(path, &table.names)?.into_iter().map(|variable| variable.name).collect())
}
