//! A file and what to take of it: the one way in to all readers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::binary::Number;
use super::column::{Column, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::shapes::Shapes;
use super::store::Budget;
use super::table::{Asked, Cells, Columns, Table, select};
use super::text::{self, Windows};
use super::want::Want;
use super::{cells, idx, nnc, npy, parquet, picture, safetensors};

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
        /// Whether the bytes of files that cells name stay 0 to 255.
        raw: bool,
    },
    /// The pictures of a folder, by name.
    Images {
        /// The folder, or a single picture.
        path: PathBuf,
        /// Whether bytes stay 0 to 255.
        raw: bool,
    },
    /// The classes of a folder's pictures: the numbers of its sub-folders.
    ImageClasses {
        /// The folder.
        path: PathBuf,
    },
    /// Columns of a Parquet file.
    Parquet {
        /// The file.
        path: PathBuf,
        /// Which columns.
        columns: Columns,
        /// Whether bytes and pictures stay whole numbers.
        raw: bool,
    },
    /// An array of a `.safetensors` file, plain or gzip.
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The array's name.
        key: String,
        /// Whether bytes stay 0 to 255.
        raw: bool,
    },
    /// Windows of the bytes of a file, plain or gzip.
    Text {
        /// The file.
        path: PathBuf,
        /// How it is cut.
        windows: Windows,
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
            | Source::Dataset { path, .. }
            | Source::Safetensors { path, .. }
            | Source::Images { path, .. }
            | Source::Parquet { path, .. }
            | Source::ImageClasses { path }
            | Source::Text { path, .. } => path,
        }
    }

    /// The variable or columns that it takes of a table with these `names`; none for what is no table.
    fn cells(&self, names: &[String]) -> Result<Option<Cells>, DataError> {
        match self {
            Source::Csv { path, columns } => select(path, names, columns).map(Some),
            Source::Dataset { path, variable, .. } => nnc::find(path, names, variable).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether cells may name files, as in NNC's format.
    fn names_files(&self) -> bool {
        matches!(self, Source::Dataset { .. })
    }

    fn is_table(&self) -> bool {
        matches!(self, Source::Csv { .. } | Source::Dataset { .. })
    }

    /// What is known without the values; several headers are read best through one [`Catalog`].
    ///
    /// # Errors
    /// As [`Catalog::header`].
    pub fn header(&self) -> Result<Header, DataError> {
        Catalog::default().header(self)
    }

    /// Reads the values as a column that feeds `want`; several are read best by one [`load`].
    ///
    /// # Errors
    /// What [`header`](Source::header) refuses, a shape that does not fit, and the first value that does not, with its row.
    pub fn load(&self, want: &Want, budget: &Budget) -> Result<Column, DataError> {
        match self {
            Source::Idx { path, raw } => idx::load(path, want, *raw, budget),
            Source::Npy { path, raw } => npy::load(path, want, *raw, budget),
            Source::Npz { path, key, raw } => npy::npz_load(path, key, want, *raw, budget),
            Source::Safetensors { path, key, raw } => safetensors::load(path, key, want, *raw, budget),
            Source::Text { path, windows } => text::load(path, *windows, want, budget),
            Source::Parquet { path, columns, raw } => parquet::load(path, columns, want, *raw, budget),
            Source::Images { path, raw } => picture::load(path, want, *raw, budget),
            Source::ImageClasses { path } => picture::load_classes(path, want, budget),
            Source::Csv { path, .. } | Source::Dataset { path, .. } => {
                load_table(path, &[(self, want)], budget).remove(0)
            }
        }
    }
}

/// What headers say, each table read once however many columns are taken of it.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: RefCell<BTreeMap<PathBuf, Result<Known, DataError>>>,
}

/// What is known of a table.
#[derive(Clone, Debug)]
struct Known {
    names: Vec<String>,
    rows: usize,
}

impl Catalog {
    /// What is known of a column without its values. Of a text file all rows are counted; of a binary one its length is compared
    /// with what its header promises.
    ///
    /// # Errors
    /// A file that is missing, unreadable, cut short or not of its format, an unknown column, rows of unequal length.
    pub fn header(&self, source: &Source) -> Result<Header, DataError> {
        match source {
            Source::Idx { path, .. } => idx::header(path),
            Source::Npy { path, .. } => npy::header(path),
            Source::Npz { path, key, .. } => npy::npz_header(path, key),
            Source::Safetensors { path, key, .. } => safetensors::header(path, key),
            Source::Text { path, windows } => text::header(path, *windows),
            Source::Parquet { path, columns, .. } => parquet::header(path, columns),
            Source::Images { path, .. } => picture::folder_header(path),
            Source::ImageClasses { path } => {
                Ok(Header { number: Number::I32, shape: Vec::new(), rows: picture::classes(path)?.len() })
            }
            Source::Csv { path, .. } | Source::Dataset { path, .. } => {
                let Known { names, rows } = self.table(path)?;
                let cells = source.cells(&names)?.unwrap_or_default();
                let named = if source.names_files() { cells::header(path, &cells, None)? } else { None };
                Ok(named.map_or(Header { number: Number::Text, shape: cells.shape, rows }, |(header, _)| header))
            }
        }
    }

    /// The shapes that the samples of a column take in what wants it so. Where it leaves a size open, and the format can hold samples
    /// of several sizes, they may differ in it.
    ///
    /// # Errors
    /// Those of [`header`](Catalog::header), and samples that do not fit; their row where not all are alike.
    pub fn shapes(&self, source: &Source, want: &Want) -> Result<Shapes, DataError> {
        let path = source.path();
        let fit = |shape: &[usize]| want.fit(shape).map_err(|fault| misfit(path, DataErrorKind::Shape, fault));
        match source {
            Source::Dataset { .. } if want.is_open() => {
                let Known { names, .. } = self.table(path)?;
                if let Some((_, shapes)) = cells::header(path, &source.cells(&names)?.unwrap_or_default(), Some(want))?
                {
                    return shapes.map(fit);
                }
            }
            Source::Parquet { columns, .. } if want.is_open() => {
                if let Some(shapes) = parquet::shapes(path, columns, want)? {
                    return Ok(shapes);
                }
            }
            _ => {}
        }
        let header = self.header(source)?;
        Ok(Shapes::alike(header.check(path, want)?, header.rows))
    }

    /// The names of the variables that a CSV in NNC's dataset format declares, in order.
    ///
    /// # Errors
    /// A file that cannot be read, or a header with gaps or repetitions.
    pub fn dataset_variables(&self, path: &Path) -> Result<Vec<String>, DataError> {
        let Known { names, .. } = self.table(path)?;
        Ok(nnc::variables(path, &names)?.into_iter().map(|variable| variable.name).collect())
    }

    fn table(&self, path: &Path) -> Result<Known, DataError> {
        let read = || {
            let table = Table::open(path)?;
            Ok(Known { names: table.names.clone(), rows: table.count()? })
        };
        self.tables.borrow_mut().entry(path.to_path_buf()).or_insert_with(read).clone()
    }
}

/// Reads columns, each as what it feeds wants it, every table in one pass: for each the column, or its first fault.
pub fn load(asked: &[(&Source, &Want)], budget: &Budget) -> Vec<Result<Column, DataError>> {
    let mut loaded: Vec<Option<Result<Column, DataError>>> = asked.iter().map(|_| None).collect();
    for index in 0..asked.len() {
        let (source, want) = asked[index];
        if loaded[index].is_some() {
            continue;
        }
        if !source.is_table() {
            loaded[index] = Some(source.load(want, budget));
            continue;
        }
        let same = |(_, (other, _)): &(usize, &(&Source, &Want))| other.is_table() && other.path() == source.path();
        let places: Vec<usize> = asked.iter().enumerate().filter(same).map(|(place, _)| place).collect();
        let columns: Vec<_> = places.iter().map(|place| asked[*place]).collect();
        for (place, column) in places.into_iter().zip(load_table(source.path(), &columns, budget)) {
            loaded[place] = Some(column);
        }
    }
    loaded.into_iter().flatten().collect()
}

/// Reads columns of one table in one pass.
fn load_table(path: &Path, columns: &[(&Source, &Want)], budget: &Budget) -> Vec<Result<Column, DataError>> {
    let all = |error: DataError| columns.iter().map(|_| Err(error.clone())).collect();
    let table = match Table::open(path) {
        Ok(table) => table,
        Err(error) => return all(error),
    };
    let mut asked = Vec::new();
    let mut refused: Vec<Option<DataError>> = Vec::new();
    for (source, want) in columns {
        match ask(source, want, &table.names) {
            Ok(fitting) => {
                asked.push(fitting);
                refused.push(None);
            }
            Err(error) => refused.push(Some(error)),
        }
    }
    match table.load(&asked, budget) {
        Ok(read) => {
            let mut read = read.into_iter();
            let next = |error: Option<DataError>| error.map(Err).or_else(|| read.next());
            refused.into_iter().filter_map(next).collect()
        }
        Err(error) => all(error),
    }
}

/// What is asked of a table with these `names`.
fn ask<'a>(source: &Source, want: &'a Want, names: &[String]) -> Result<Asked<'a>, DataError> {
    let cells = source.cells(names)?.unwrap_or_default();
    let open = Some(want).filter(|want| want.is_open());
    let named = if source.names_files() { cells::header(source.path(), &cells, open)? } else { None };
    let shape = named.as_ref().map_or(&cells.shape, |(first, _)| &first.shape);
    want.fit(shape).map_err(|fault| misfit(source.path(), DataErrorKind::Shape, fault))?;
    let raw = matches!(source, Source::Dataset { raw: true, .. });
    Ok(Asked { cells, want, files: source.names_files(), named, raw })
}
