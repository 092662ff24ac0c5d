//! The values of one leaf of a Parquet file, row group after row group, each row held to the shape of the first; and several leaves side
//! by side, as bytes.
//!
//! A value comes with two levels: how many of the lists around it go on (repetition), and how many of the optional and repeated nodes on
//! its path are there (definition).

use std::io::{self, Read};
use std::ops::Range;

use ::parquet::basic::Repetition;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{ByteArray, DataType};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::FileReader;
use ::parquet::schema::types::Type;

use super::binary::{Number, Stored, stored};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::parquet::{Field, Kind, Table, damaged};
use super::shapes::Shapes;
use super::want::list;

/// How many bytes of a column are decoded at a time, about.
const PIECE: usize = 1 << 17;

/// What may be missing on the way to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gap {
    Null,
    EmptyList,
}

/// A leaf being read.
pub(super) struct Leaf<'t> {
    table: &'t Table<'t>,
    field: &'t Field,
    reader: Option<ColumnReader>,
    /// The next row group.
    group: usize,
    /// Rows that were read.
    row: usize,
    /// The highest level of repetition: how many lists are nested.
    depth: i16,
    /// What is missing when a value's level of definition is so much.
    gaps: Vec<Gap>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl<'t> Leaf<'t> {
    /// The column `field` before its first row.
    pub fn new(table: &'t Table<'t>, field: &'t Field) -> Leaf<'t> {
        let schema = table.file.metadata().file_metadata().schema_descr();
        let column = schema.column(field.leaf);
        let mut gaps = Vec::new();
        let mut node: &Type = schema.root_schema();
        for part in column.path().parts() {
            let Some(child) = node.get_fields().iter().find(|child| child.name() == part) else { break };
            node = child;
            match node.get_basic_info().repetition() {
                Repetition::OPTIONAL => gaps.push(Gap::Null),
                Repetition::REPEATED => gaps.push(Gap::EmptyList),
                Repetition::REQUIRED => {}
            }
        }
        Leaf {
            table,
            field,
            reader: None,
            group: 0,
            row: 0,
            depth: column.max_rep_level(),
            gaps,
            definition: Vec::new(),
            repetition: Vec::new(),
        }
    }

    /// The shape of the first row; no row is counted as read.
    ///
    /// # Errors
    /// A null, an empty list, and lists within the row that differ in length.
    pub fn first_shape(mut self) -> Result<Vec<usize>, DataError> {
        self.decode(1, &mut Vec::new())?;
        self.defined(&self.definition)?;
        self.shape(&self.repetition)
    }

    /// Whether a row is a list, not one number.
    pub fn is_list(&self) -> bool {
        self.depth > 0
    }

    /// The shape of the row at hand, whose numbers have these levels of repetition.
    fn shape(&self, repetition: &[i16]) -> Result<Vec<usize>, DataError> {
        // So many lists of each depth begin in the row.
        let begun = |depth: i16| repetition.iter().filter(|level| **level <= depth).count();
        let shape: Vec<usize> = (1..=self.depth).map(|depth| begun(depth) / begun(depth - 1).max(1)).collect();
        match self.depth > 0 && *repetition != pattern(&shape) {
            true => Err(self.fault(DataErrorKind::Shape, "lists within the row differ in length".to_owned())),
            false => Ok(shape),
        }
    }

    /// Appends the numbers of up to `count` rows of lists to `out`, and what shapes these rows have to `shapes`.
    pub fn lists(&mut self, count: usize, out: &mut Vec<u8>, shapes: &mut Shapes) -> Result<(), DataError> {
        self.decode(count, out)?;
        let (definition, repetition) = (std::mem::take(&mut self.definition), std::mem::take(&mut self.repetition));
        for row in each_row(&repetition) {
            self.defined(definition.get(row.clone()).unwrap_or_default())?;
            shapes.push(self.shape(&repetition[row])?);
            self.row += 1;
        }
        (self.definition, self.repetition) = (definition, repetition);
        Ok(())
    }

    /// Appends the numbers of up to `count` rows, each of `shape`, and says how many rows there were.
    fn numbers(
        &mut self,
        count: usize,
        pattern: &[i16],
        shape: &[usize],
        out: &mut Vec<u8>,
    ) -> Result<usize, DataError> {
        let rows = self.decode(count, out)?;
        let (definition, repetition) = (std::mem::take(&mut self.definition), std::mem::take(&mut self.repetition));
        if self.depth == 0 {
            for level in 0..rows {
                self.defined(definition.get(level..=level).unwrap_or_default())?;
                self.row += 1;
            }
        } else {
            for row in each_row(&repetition) {
                self.defined(definition.get(row.clone()).unwrap_or_default())?;
                if repetition[row.clone()] != *pattern {
                    return Err(self.unequal(row.len(), shape));
                }
                self.row += 1;
            }
        }
        (self.definition, self.repetition) = (definition, repetition);
        Ok(rows)
    }

    /// The files of up to `count` rows of pictures, at least one.
    pub fn pictures(&mut self, count: usize) -> Result<Vec<ByteArray>, DataError> {
        let mut files = Vec::new();
        let rows = self.next(count, |reader, levels, count| match reader {
            ColumnReader::ByteArrayColumnReader(reader) => {
                take(reader, count, levels, |file: &ByteArray| files.push(file.clone()))
            }
            _ => Err(ParquetError::General("the column is not of bytes".to_owned())),
        })?;
        for level in 0..rows {
            self.defined(self.definition.get(level..=level).unwrap_or_default())?;
            self.row += 1;
        }
        if rows == 0 { Err(self.ended()) } else { Ok(files) }
    }

    /// Appends the numbers of up to `count` rows to `out`, little-endian, each as narrow as its type. Their levels are left beside.
    fn decode(&mut self, count: usize, out: &mut Vec<u8>) -> Result<usize, DataError> {
        let Kind::Number(number) = self.field.kind else { return Ok(0) };
        let size = number.size();
        let rows = self.next(count, |reader, levels, count| match reader {
            ColumnReader::BoolColumnReader(reader) => take(reader, count, levels, |value| out.push(u8::from(*value))),
            // The low bytes of a narrow integer are the integer.
            ColumnReader::Int32ColumnReader(reader) => {
                take(reader, count, levels, |value| out.extend_from_slice(&value.to_le_bytes()[..size]))
            }
            ColumnReader::Int64ColumnReader(reader) => {
                take(reader, count, levels, |value| out.extend(value.to_le_bytes()))
            }
            ColumnReader::FloatColumnReader(reader) => {
                take(reader, count, levels, |value| out.extend(value.to_le_bytes()))
            }
            ColumnReader::DoubleColumnReader(reader) => {
                take(reader, count, levels, |value| out.extend(value.to_le_bytes()))
            }
            ColumnReader::FixedLenByteArrayColumnReader(reader) => {
                take(reader, count, levels, |value| out.extend_from_slice(&value.data()[..size]))
            }
            _ => Err(ParquetError::General("the column is not of numbers".to_owned())),
        })?;
        if rows == 0 { Err(self.ended()) } else { Ok(rows) }
    }

    /// Lets `read` have the rows that follow, going on to the next row group where one ends.
    fn next(
        &mut self,
        count: usize,
        mut read: impl FnMut(&mut ColumnReader, &mut Levels, usize) -> Result<usize, ParquetError>,
    ) -> Result<usize, DataError> {
        loop {
            if self.reader.is_none() {
                if self.group == self.table.file.num_row_groups() {
                    return Ok(0);
                }
                let group = self.table.file.get_row_group(self.group);
                let reader = group.and_then(|group| group.get_column_reader(self.field.leaf));
                self.reader = Some(reader.map_err(|error| self.damaged(&error))?);
                self.group += 1;
            }
            self.definition.clear();
            self.repetition.clear();
            let Some(mut reader) = self.reader.take() else { continue };
            let levels = &mut Levels { definition: &mut self.definition, repetition: &mut self.repetition };
            let rows = read(&mut reader, levels, count).map_err(|error| self.damaged(&error))?;
            if rows > 0 {
                self.reader = Some(reader);
                return Ok(rows);
            }
        }
    }

    /// Refuses the row at hand if a value of it is missing.
    fn defined(&self, levels: &[i16]) -> Result<(), DataError> {
        let missing = levels.iter().find_map(|level| self.gaps.get(usize::try_from(*level).unwrap_or(0)));
        let what = match missing {
            None => return Ok(()),
            Some(Gap::Null) if self.field.kind == Kind::Picture => "the picture is missing (null)",
            Some(Gap::Null) => "a value is missing (null)",
            Some(Gap::EmptyList) => "the list is empty",
        };
        let error = self.fault(DataErrorKind::Value, what.to_owned());
        Err(error.help("fill in missing values, or leave their rows out"))
    }

    /// The row at hand, of `count` numbers, is not of the first's `shape`.
    fn unequal(&self, count: usize, shape: &[usize]) -> DataError {
        let message = match shape {
            [first] => format!("the list has {count} numbers, that of row 1 has {first}"),
            _ => format!("the lists are not {} as in row 1", list(shape)),
        };
        let help = "this input takes samples of one shape: leave its size open as in `[T]`, or pad the lists";
        self.fault(DataErrorKind::Shape, message).help(help)
    }

    fn ended(&self) -> DataError {
        let message = format!("the footer promises {} rows, there are {}", self.table.rows, self.row);
        let error = self.table.fault(self.field, DataErrorKind::Truncated, message);
        error.help("fetch or write the file again")
    }

    fn damaged(&self, error: &ParquetError) -> DataError {
        damaged(self.table.path, "the column's data", error).at_row(self.row + 1).in_column(self.field.name.as_str())
    }

    /// A fault of the row at hand.
    fn fault(&self, kind: DataErrorKind, message: String) -> DataError {
        self.table.fault(self.field, kind, message).at_row(self.row + 1)
    }
}

/// The levels of the values that were read last.
struct Levels<'l> {
    definition: &'l mut Vec<i16>,
    repetition: &'l mut Vec<i16>,
}

/// Reads up to `count` whole rows and hands their values to `give`; says how many rows there were.
fn take<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    count: usize,
    levels: &mut Levels,
    give: impl FnMut(&T::T),
) -> Result<usize, ParquetError> {
    let mut values = Vec::new();
    let (rows, ..) = reader.read_records(count, Some(levels.definition), Some(levels.repetition), &mut values)?;
    values.iter().for_each(give);
    Ok(rows)
}

/// The places of each row's numbers among those with these levels of repetition.
fn each_row(repetition: &[i16]) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..repetition.len()).filter(|place| repetition[*place] == 0);
    let ends = (1..=repetition.len()).filter(|place| repetition.get(*place).is_none_or(|level| *level == 0));
    starts.zip(ends).map(|(start, end)| start..end)
}

/// The levels of repetition of a row of that shape: 0 for its first value, for each other the outermost list that goes on.
fn pattern(shape: &[usize]) -> Vec<i16> {
    let level = |position: usize| {
        let mut left = position;
        let whole = shape.iter().rev().take_while(|size| {
            let begins = left.is_multiple_of(**size);
            left /= **size;
            begins
        });
        (shape.len() - whole.count()) as i16
    };
    (0..shape.iter().product()).map(level).collect()
}

/// The numbers of columns side by side, row after row, as bytes.
///
/// A fault of the file is an [`io::Error`] that carries the [`DataError`].
pub(super) struct Rows<'t> {
    leaves: Vec<Leaf<'t>>,
    number: Number,
    shape: Vec<usize>,
    pattern: Vec<i16>,
    /// Rows that are still to come.
    left: usize,
    bytes: Vec<u8>,
    given: usize,
}

impl<'t> Rows<'t> {
    /// The columns `fields`, whose samples are together as `header` says.
    pub fn new(table: &'t Table<'t>, fields: &'t [Field], header: &Header) -> Rows<'t> {
        Rows {
            leaves: fields.iter().map(|field| Leaf::new(table, field)).collect(),
            number: header.number,
            shape: header.shape.clone(),
            pattern: pattern(&header.shape),
            left: header.rows,
            bytes: Vec::new(),
            given: 0,
        }
    }

    /// Decodes some rows more.
    fn refill(&mut self) -> Result<(), DataError> {
        let of_row = self.number.size() * self.pattern.len().max(1);
        let wanted = (PIECE / of_row).clamp(1, self.left);
        self.bytes.clear();
        self.given = 0;
        if let [leaf] = &mut self.leaves[..] {
            let rows = leaf.numbers(wanted, &self.pattern, &self.shape, &mut self.bytes)?;
            self.left = self.left.saturating_sub(rows);
            return Ok(());
        }
        let mut columns = Vec::with_capacity(self.leaves.len());
        for leaf in &mut self.leaves {
            let Kind::Number(number) = leaf.field.kind else { continue };
            let (mut rows, mut bytes) = (0, Vec::new());
            while rows < wanted {
                rows += leaf.numbers(wanted - rows, &[], &[], &mut bytes)?;
            }
            columns.push((number, bytes));
        }
        for row in 0..wanted {
            for (number, bytes) in &columns {
                let word = &bytes[row * number.size()..(row + 1) * number.size()];
                if *number == self.number {
                    self.bytes.extend_from_slice(word);
                    continue;
                }
                let value = match stored(*number, word, false) {
                    Stored::Integer(value) => value as f64,
                    Stored::Float(value) => value,
                };
                self.bytes.extend(value.to_le_bytes());
            }
        }
        self.left -= wanted;
        Ok(())
    }
}

impl Read for Rows<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.bytes.len() && self.left > 0 {
            self.refill().map_err(io::Error::other)?;
        }
        let count = buffer.len().min(self.bytes.len() - self.given);
        buffer[..count].copy_from_slice(&self.bytes[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
