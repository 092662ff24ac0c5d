//! Tables of numbers as text: CSV, plain or gzip, with a header line of column names.
//!
//! Knows which cells to take only by their places; names are found by [`select`] and, in NNC's dataset format, by `nnc`.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::ByteRecord;

use super::binary::Number;
use super::column::{Column, misfit};
use super::error::{Around, DataError, DataErrorKind};
use super::header::Header;
use super::npy::quoted;
use super::open::{open, signature};
use super::shapes::Shapes;
use super::store::{Budget, Form, Sink};
use super::want::{Element, Fault, Want};
use super::{cells, picture};
use crate::base::closest;

/// What cells may name.
const FILES: &str = "cells name pictures (`.png`, `.jpg`, `.bmp`, `.gif`, `.tif`), `.wav`, `.npy` or `.csv` files, in all rows or in none";

/// A table whose header line is read.
pub(super) struct Table<'a> {
    path: &'a Path,
    /// The names of the columns, as they are written.
    pub names: Vec<String>,
    reader: csv::Reader<Box<dyn Read>>,
    record: ByteRecord,
    /// Rows read so far.
    rows: usize,
}

/// The places of an input's cells in a row, and the shape that they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cells {
    pub places: Vec<usize>,
    pub shape: Vec<usize>,
}

/// A column that is asked of a table.
pub(super) struct Asked<'a> {
    pub cells: Cells,
    pub want: &'a Want,
    /// Whether a cell that is no number may name a file, as in NNC's format.
    pub files: bool,
    /// What the files are that the cells name, if they do, and of which shapes.
    pub named: Option<(Header, Shapes)>,
    /// Whether their numbers stay as they are stored, bytes 0 to 255.
    pub raw: bool,
}

/// Which columns of a plain table feed an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Columns {
    /// The column of that name, one number a sample; or, if none has it, `first:last`: all columns from one to the other.
    One(String),
    /// These columns, a vector a sample.
    Several(Vec<String>),
}

impl<'a> Table<'a> {
    /// Opens the table and reads its header line.
    pub fn open(path: &'a Path) -> Result<Table<'a>, DataError> {
        let mut reader = csv::ReaderBuilder::new().from_reader(text(path)?);
        let header = reader.byte_headers().map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => DataError::from_io(path, &error),
            _ => DataError::new(path, DataErrorKind::Malformed, "the header line cannot be read"),
        })?;
        if header.is_empty() {
            return Err(DataError::new(
                path,
                DataErrorKind::Truncated,
                "the file is empty, a line of column names was expected",
            ));
        }
        let names = header.iter().map(|name| String::from_utf8(name.to_vec()).ok()).collect::<Option<Vec<_>>>();
        let Some(names) = names else {
            let message = "the header line is not UTF-8 text";
            let error = DataError::new(path, DataErrorKind::Malformed, message).at_line(1);
            return Err(match signature(header.as_slice()) {
                Some(what) => error.help(format!("it looks like {what}")),
                None => error.help("save the table as UTF-8"),
            });
        };
        Ok(Table { path, names, reader, record: ByteRecord::new(), rows: 0 })
    }

    /// The number of rows; makes sure that they are of equal length.
    pub fn count(mut self) -> Result<usize, DataError> {
        while self.next_row()? {}
        Ok(self.rows)
    }

    /// Reads all columns that are asked for in one pass: for each the column, or its first fault.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn load(mut self, asked: &[Asked], budget: &Budget) -> Result<Vec<Result<Column, DataError>>, DataError> {
        let path = self.path;
        let mut sinks: Vec<_> = asked.iter().map(|_| Ok(Sink::new(path, budget))).collect();
        let mut bytes = Vec::new();
        while self.next_row()? {
            for (asked, sink) in asked.iter().zip(&mut sinks) {
                let Ok(open) = sink else { continue };
                bytes.clear();
                if let Err(error) = self.row(asked, &mut bytes).and_then(|()| open.push(&bytes)) {
                    *sink = Err(error);
                }
            }
        }
        if self.rows == 0 {
            return Err(DataError::new(path, DataErrorKind::Empty, "it holds no samples"));
        }
        let column = |(asked, sink): (&Asked, Result<Sink, DataError>)| {
            let Asked { cells, want, named, .. } = asked;
            let fit = |shape: &[usize]| want.fit(shape).map_err(|fault| misfit(path, DataErrorKind::Shape, fault));
            let (form, shapes) = match named {
                Some((first, shapes)) => (picture::form(first.number, want, asked.raw), shapes.map(fit)?),
                None => {
                    let number = if want.element == Element::F32 { Number::F32 } else { Number::I32 };
                    (Form::own(number), Shapes::alike(fit(&cells.shape)?, self.rows))
                }
            };
            Ok(Column::of_shapes(want.element, shapes, form, sink?.finish()?))
        };
        Ok(asked.iter().zip(sinks).map(column).collect())
    }

    /// The asked column's elements of the row that was read last, as bytes.
    fn row(&self, asked: &Asked, bytes: &mut Vec<u8>) -> Result<(), DataError> {
        let Asked { cells, want, files, .. } = asked;
        if let (Some((first, shapes)), [place]) = (&asked.named, &cells.places[..]) {
            let known = Header { shape: shapes.of(self.rows - 1).to_vec(), ..first.clone() };
            bytes.extend(self.file(*place, &known, asked)?);
            return Ok(());
        }
        for place in &cells.places {
            let text = str::from_utf8(&self.record[*place]).unwrap_or("\u{fffd}").trim();
            let parsed = match want.element {
                Element::F32 => parse_float(text, want).map(f32::to_le_bytes),
                _ => parse_whole(text, want).map(i32::to_le_bytes),
            };
            let parsed = parsed.map_err(|mut fault| {
                if *files && is_file(text) {
                    fault.kind = DataErrorKind::Unsupported;
                    fault.message = format!("the cell names the file `{text}`, a number was expected");
                    fault.help = Some(FILES.into());
                }
                self.here(fault).in_column(self.names[*place].clone())
            });
            bytes.extend(parsed?);
        }
        Ok(())
    }

    /// The elements of the file that a cell of the row that was read last names, which is as it was `known` to be.
    fn file(&self, place: usize, known: &Header, asked: &Asked) -> Result<Vec<u8>, DataError> {
        let (path, want) = (self.file_at(place)?, asked.want);
        let raw = asked.raw || want.element != Element::F32;
        let (header, bytes) = cells::read(&path, raw).map_err(|error| self.of_cell(error, place))?;
        self.file_alike(place, &header, known)?;
        cells::elements(&path, &bytes, header.number, want).map_err(|error| self.of_cell(error, place))
    }

    /// Refuses the file of a cell that is not as that of the first row.
    pub fn file_alike(&self, place: usize, found: &Header, first: &Header) -> Result<(), DataError> {
        let alike = picture::alike(&self.file_at(place)?, found, Path::new("that of row 1"), first);
        alike.map_err(|error| self.of_cell(error, place))
    }

    /// Refuses the file of a cell that is not of the depth of the first row's, or does not fit `want`.
    pub fn file_fits(&self, place: usize, found: &Header, first: &Header, want: &Want) -> Result<(), DataError> {
        self.file_alike(place, &Header { shape: first.shape.clone(), ..found.clone() }, first)?;
        let path = self.file_at(place)?;
        let fitted = want.fit(&found.shape).map_err(|fault| misfit(&path, DataErrorKind::Shape, fault));
        fitted.map(|_| ()).map_err(|error| self.of_cell(error, place))
    }

    /// Whether a cell of the row that was read last names a file.
    ///
    /// # Errors
    /// A file of a type that is not read here.
    pub fn names_file(&self, place: usize) -> Result<bool, DataError> {
        let text = str::from_utf8(&self.record[place]).unwrap_or("\u{fffd}").trim();
        if cells::is_file(text) || !is_file(text) {
            return Ok(cells::is_file(text));
        }
        let message = format!("the cell names the file `{text}`, whose type is not read here");
        let fault = CellFault { help: Some(FILES.into()), ..CellFault::new(DataErrorKind::Unsupported, message) };
        Err(self.here(fault).in_column(self.names[place].clone()))
    }

    /// The file that a cell of the row that was read last names, relative to the table's own.
    pub fn file_at(&self, place: usize) -> Result<PathBuf, DataError> {
        let text = str::from_utf8(&self.record[place]).unwrap_or("\u{fffd}").trim();
        if cells::is_file(text) {
            return Ok(self.path.parent().unwrap_or(Path::new("")).join(text.replace('\\', "/")));
        }
        let refused = not_a_number(text, "the name of a file, as in the first row,");
        Err(self.here(CellFault { help: Some(FILES.into()), ..refused }).in_column(self.names[place].clone()))
    }

    /// The fault of a file that a cell of the row that was read last names.
    pub fn of_cell(&self, error: DataError, place: usize) -> DataError {
        let message = error.to_string();
        // The table itself is there.
        let kind = if error.kind == DataErrorKind::Missing { DataErrorKind::Unreadable } else { error.kind };
        let fault = CellFault { help: error.help, ..CellFault::new(kind, message) };
        self.here(fault).in_column(self.names[place].clone())
    }

    /// Goes to the next row, if there is one.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn next_row(&mut self) -> Result<bool, DataError> {
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {
                self.rows += 1;
                Ok(true)
            }
            Ok(false) => Ok(false),
            Err(error) => Err(match error.into_kind() {
                csv::ErrorKind::Io(error) => DataError::from_io(self.path, &error),
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let message =
                        format!("the row has {}, the header names {expected_len}", count(len as usize, "cell"));
                    let error = DataError::new(self.path, DataErrorKind::Malformed, message).at_row(self.rows + 1);
                    let error = match pos.and_then(|position| line_at(self.path, position.byte())) {
                        Some(line) => error.at_line(line),
                        None => error,
                    };
                    if self.record.iter().any(|cell| cell.contains(&b'\n')) {
                        error.help("a cell spans several lines; is a `\"` not closed?")
                    } else {
                        error
                    }
                }
                _ => {
                    DataError::new(self.path, DataErrorKind::Malformed, "the row cannot be read").at_row(self.rows + 1)
                }
            }),
        }
    }

    /// `fault` with the file, row and line that were read last.
    fn here(&self, fault: CellFault) -> DataError {
        let error = DataError::new(self.path, fault.kind, fault.message).at_row(self.rows);
        let error = match self.record.position().and_then(|position| line_at(self.path, position.byte())) {
            Some(line) => error.at_line(line),
            None => error,
        };
        DataError { help: fault.help, around: fault.around, ..error }
    }
}

/// The places of `columns` in a table with these `names`.
pub(super) fn select(path: &Path, names: &[String], columns: &Columns) -> Result<Cells, DataError> {
    match columns {
        Columns::One(name) => match (find(path, names, name), name.split_once(':')) {
            (Ok(place), _) => Ok(Cells { places: vec![place], shape: Vec::new() }),
            (Err(error), None) => Err(error),
            (Err(_), Some((first, last))) => {
                let (from, to) = (find(path, names, first)?, find(path, names, last)?);
                if to < from {
                    let message = format!("`{last}` stands before `{first}`, so `{name}` holds no column");
                    let error = DataError::new(path, DataErrorKind::Name, message);
                    return Err(error.help(format!("write `{last}:{first}`")));
                }
                Ok(Cells { places: (from..=to).collect(), shape: vec![to - from + 1] })
            }
        },
        Columns::Several(wanted) => {
            let places = wanted.iter().map(|name| find(path, names, name)).collect::<Result<Vec<_>, _>>()?;
            Ok(Cells { shape: vec![places.len()], places })
        }
    }
}

fn find(path: &Path, names: &[String], name: &str) -> Result<usize, DataError> {
    let mut places = (0..names.len()).filter(|place| names[*place] == name);
    match (places.next(), places.count()) {
        (Some(place), 0) => Ok(place),
        (Some(_), more) => {
            let message = format!("{} columns are named `{name}`, so it is not clear which is meant", more + 1);
            Err(DataError::new(path, DataErrorKind::Name, message).help("give the columns different names"))
        }
        (None, _) => Err(unknown(path, "column", name, names)),
    }
}

/// The file has no `what` of that name; says which near ones it has.
pub(super) fn unknown(path: &Path, what: &str, name: &str, names: &[String]) -> DataError {
    let error = DataError::new(path, DataErrorKind::Name, format!("the file has no {what} `{name}`"));
    let trimmed = names.iter().find(|known| known.trim() == name.trim());
    if let [only] = names
        && only.contains([';', '\t'])
    {
        let separator = if only.contains(';') { "semicolons" } else { "tabs" };
        return error.help(format!("its cells seem to be separated by {separator}, commas were expected"));
    }
    if !names.is_empty() && names.iter().all(|known| known.trim().parse::<f64>().is_ok()) {
        return error.help("its first line must name the columns, and holds numbers");
    }
    error.help(match trimmed.map(String::as_str).or_else(|| closest(name, names.iter().map(String::as_str))) {
        Some(near) => format!("it has `{near}`"),
        None => format!("it has {}", quoted(names)),
    })
}

/// Why a cell is not what was wanted.
struct CellFault {
    kind: DataErrorKind,
    message: String,
    help: Option<Box<str>>,
    /// What to write around the column, as the help says.
    around: Option<Around>,
}

impl CellFault {
    fn new(kind: DataErrorKind, message: String) -> CellFault {
        CellFault { kind, message, help: None, around: None }
    }
}

impl From<Fault> for CellFault {
    fn from(fault: Fault) -> CellFault {
        let Fault { message, help, around } = fault;
        CellFault { help, around, ..CellFault::new(DataErrorKind::Value, message) }
    }
}

fn parse_float(text: &str, want: &Want) -> Result<f32, CellFault> {
    let value: f32 = text.parse().map_err(|_| not_a_number(text, "a number"))?;
    if value.is_finite() || !want.finite {
        return Ok(value);
    }
    let wide: f64 = text.parse().unwrap_or(f64::NAN);
    if wide.is_infinite() && text.contains(|digit: char| digit.is_ascii_digit()) {
        return Err(fault(format!("{text} is too large for f32")));
    }
    want.float(wide).map_err(CellFault::from)
}

fn parse_whole(text: &str, want: &Want) -> Result<i32, CellFault> {
    if want.element == Element::Bool && (text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false")) {
        return Ok(i32::from(text.eq_ignore_ascii_case("true")));
    }
    let refused = match text.parse::<i64>() {
        Ok(value) => want.integer(value),
        Err(_) => {
            let value: f64 =
                text.parse().map_err(|_| not_a_number(text, &format!("a whole number for {}", want.element)))?;
            want.whole(value)
        }
    };
    refused.map_err(CellFault::from)
}

fn fault(message: String) -> CellFault {
    CellFault::new(DataErrorKind::Value, message)
}

fn not_a_number(text: &str, expected: &str) -> CellFault {
    if text.is_empty() {
        let help = Some("fill in missing values, or leave their rows out".into());
        return CellFault { help, ..fault(format!("the cell is empty, {expected} was expected")) };
    }
    let comma = text.replace(',', ".").parse::<f64>().is_ok();
    let missing = ["na", "n/a", "null", "none", "?", "-"].contains(&text.to_ascii_lowercase().as_str());
    let help = match (comma, missing) {
        (true, _) => Some("write the decimal separator as a point".into()),
        (_, true) => Some("fill in missing values, or leave their rows out".into()),
        _ => None,
    };
    let shown: String = text.chars().take(40).collect();
    let shown = if shown.len() < text.len() { format!("{shown}…") } else { shown };
    CellFault { help, ..fault(format!("found `{shown}`, {expected} was expected")) }
}

/// Whether a cell names a file of a type that NNC puts into cells.
fn is_file(text: &str) -> bool {
    const TYPES: [&str; 12] = ["png", "jpg", "jpeg", "gif", "bmp", "tif", "tiff", "dcm", "csv", "npy", "wav", "txt"];
    text.rsplit_once('.').is_some_and(|(_, extension)| TYPES.contains(&extension.to_ascii_lowercase().as_str()))
}

/// `1 cell`, `2 cells`.
fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

/// The file's text without its byte order mark.
fn text(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut body = BufReader::new(open(path)?);
    let start = body.fill_buf().map_err(|error| DataError::from_io(path, &error))?;
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err(DataError::new(path, DataErrorKind::Malformed, "the table is UTF-16 text").help("save it as UTF-8"));
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        body.consume(3);
    }
    Ok(Box::new(body))
}

/// The line of the row that begins at `byte` or, as the reader stops before a line break and skips empty lines, soon after it.
fn line_at(path: &Path, byte: u64) -> Option<usize> {
    let mut reader = BufReader::new(text(path).ok()?);
    let mut line = 1;
    let mut skip = |reader: &mut dyn BufRead, mut left: Option<u64>| -> io::Result<()> {
        loop {
            let buffer = reader.fill_buf()?;
            let length =
                left.map_or(buffer.len(), |left| buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
            let breaks_only = left.is_none();
            let end = buffer[..length].iter().position(|byte| breaks_only && !b"\r\n".contains(byte)).unwrap_or(length);
            line += buffer[..end].iter().filter(|byte| **byte == b'\n').count();
            reader.consume(end);
            if end == 0 || end < length {
                return Ok(());
            }
            left = left.map(|left| left - end as u64);
        }
    };
    skip(&mut reader, Some(byte)).ok()?;
    skip(&mut reader, None).ok()?;
    Some(line)
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
