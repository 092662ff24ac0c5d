//! A column of lists of different lengths in a Parquet file: the shape of every row, and the numbers of all rows one after the other.

use std::io::{self, Read};

use super::binary::{Layout, Number, Reading, index, load as load_numbers};
use super::column::Column;
use super::error::DataError;
use super::header::Header;
use super::parquet::{Field, Table};
use super::parquet_leaf::Leaf;
use super::shapes::Shapes;
use super::store::Budget;
use super::want::{Want, list};

/// How many rows are decoded at a time.
const ROWS: usize = 256;

/// The shapes of all rows.
///
/// # Errors
/// A row that is no array of numbers: with nulls, without an element, or with inner lists that differ in length.
pub(super) fn shapes(table: &Table, field: &Field) -> Result<Shapes, DataError> {
    let (mut leaf, mut shapes, mut numbers) = (Leaf::new(table, field), Shapes::default(), Vec::new());
    while shapes.rows() < table.rows {
        numbers.clear();
        leaf.lists(ROWS.min(table.rows - shapes.rows()), &mut numbers, &mut shapes)?;
    }
    Ok(shapes)
}

/// Reads the rows, which hold `number`s in `shapes` that fit what `want` feeds as `fitted`.
pub(super) fn load(
    table: &Table,
    field: &Field,
    number: Number,
    (shapes, fitted): (&Shapes, Shapes),
    (want, raw): (&Want, bool),
    budget: &Budget,
) -> Result<Column, DataError> {
    let length = |row: usize| shapes.of(row).iter().product::<usize>();
    let count = (0..shapes.rows()).map(length).sum();
    let header = Header { number, shape: vec![1; shapes.of(0).len()], rows: count };
    let layout = Layout { header, big_endian: false, fortran: false, offset: 0 };
    let single = Want { shape: None, ..want.clone() };
    let names = &[field.name.as_str()];
    let reading = Reading { path: table.path, want: &single, raw, plain: false, budget, names };
    let mut numbers = Numbers { leaf: Leaf::new(table, field), left: shapes.rows(), bytes: Vec::new(), given: 0 };
    let read = load_numbers(&reading, &layout, &mut numbers).map_err(|error| placed(error, shapes))?;
    let (form, bytes) = read.into_elements();
    Ok(Column::of_shapes(want.element, fitted, form, bytes))
}

/// `error` of the number that its row counts, in the row where that stands.
fn placed(error: DataError, shapes: &Shapes) -> DataError {
    let Some(mut left) = error.row.map(|number| number - 1) else { return error };
    for row in 0..shapes.rows() {
        let shape = shapes.of(row);
        let length: usize = shape.iter().product();
        if left < length {
            let message = format!("{} (at {} of the sample)", error.message, list(&index(left, shape)));
            return DataError { message, ..error }.at_row(row + 1);
        }
        left -= length;
    }
    error
}

/// The numbers of all rows as bytes. A fault of the file is an [`io::Error`] that carries the [`DataError`].
struct Numbers<'t> {
    leaf: Leaf<'t>,
    /// Rows that are still to come.
    left: usize,
    bytes: Vec<u8>,
    given: usize,
}

impl Read for Numbers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.bytes.len() && self.left > 0 {
            self.bytes.clear();
            self.given = 0;
            let mut shapes = Shapes::default();
            let read = self.leaf.lists(ROWS.min(self.left), &mut self.bytes, &mut shapes);
            read.map_err(io::Error::other)?;
            self.left = self.left.saturating_sub(shapes.rows());
        }
        let count = buffer.len().min(self.bytes.len() - self.given);
        buffer[..count].copy_from_slice(&self.bytes[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
