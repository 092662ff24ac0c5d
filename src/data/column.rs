//! A column: one value per sample, kept about as small as in its file, and gathered into minibatches.
//!
//! Values are checked before they get here ([`Want`]); gathering cannot fail.

use std::path::Path;

use super::error::{DataError, DataErrorKind};
use super::want::{Element, Fault, Size, Want};

/// All samples of one input.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    element: Element,
    shape: Vec<usize>,
    rows: usize,
    values: Values,
}

/// The elements of all rows, row after row, in the smallest of these forms that holds the file's.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// Bytes as they are.
    U8(Vec<u8>),
    /// 8-bit intensities: a byte stands for itself divided by 255.
    Intensity(Vec<u8>),
    /// 16-bit integers.
    I16(Vec<i16>),
    /// 32-bit integers.
    I32(Vec<i32>),
    /// Real numbers.
    F32(Vec<f32>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::U8(values) | Values::Intensity(values) => values.len(),
            Values::I16(values) => values.len(),
            Values::I32(values) => values.len(),
            Values::F32(values) => values.len(),
        }
    }

    /// Element `position` as an f64.
    fn get(&self, position: usize) -> f64 {
        match self {
            Values::U8(values) => f64::from(values[position]),
            Values::Intensity(values) => f64::from(intensity(values[position])),
            Values::I16(values) => f64::from(values[position]),
            Values::I32(values) => f64::from(values[position]),
            Values::F32(values) => f64::from(values[position]),
        }
    }
}

fn intensity(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

impl Column {
    /// A column of checked `values`, `rows` times `shape` of them.
    pub(super) fn new(element: Element, shape: Vec<usize>, rows: usize, values: Values) -> Column {
        debug_assert_eq!(values.len(), rows * shape.iter().product::<usize>());
        Column { element, shape, rows, values }
    }

    /// A column of computed real numbers. `values` are row after row; `shape` is one sample's.
    ///
    /// # Panics
    /// If the count of values is not `rows` times the shape's.
    pub fn from_f32(shape: Vec<usize>, rows: usize, values: Vec<f32>) -> Column {
        assert_eq!(values.len(), rows * shape.iter().product::<usize>(), "values of a computed column");
        Column::new(Element::F32, shape, rows, Values::F32(values))
    }

    /// A column of computed integers. `values` are row after row; `shape` is one sample's.
    ///
    /// # Panics
    /// If the count of values is not `rows` times the shape's.
    pub fn from_i32(shape: Vec<usize>, rows: usize, values: Vec<i32>) -> Column {
        assert_eq!(values.len(), rows * shape.iter().product::<usize>(), "values of a computed column");
        Column::new(Element::I32, shape, rows, Values::I32(values))
    }

    /// This column as one that feeds an input which asks for `want`: reshaped by axes of size 1, each value checked. For columns
    /// that were computed; a file's are loaded as what is wanted.
    ///
    /// # Errors
    /// A shape that does not fit, or the first value that does not, with its row.
    pub fn cast(self, want: &Want) -> Result<Column, DataError> {
        let nowhere = Path::new("");
        let shape = want.fit(&self.shape).map_err(|fault| misfit(nowhere, DataErrorKind::Shape, fault))?;
        let per_row = shape.iter().product::<usize>().max(1);
        let at =
            |position: usize, fault: Fault| misfit(nowhere, DataErrorKind::Value, fault).at_row(position / per_row + 1);
        let positions = 0..self.values.len();
        let values = match want.element {
            Element::F32 => {
                if let Values::F32(_) = self.values {
                    for position in positions {
                        want.float(self.values.get(position)).map_err(|fault| at(position, fault))?;
                    }
                }
                self.values
            }
            _ => Values::I32(
                positions
                    .map(|position| want.whole(self.values.get(position)).map_err(|fault| at(position, fault)))
                    .collect::<Result<_, _>>()?,
            ),
        };
        Ok(Column::new(want.element, shape, self.rows, values))
    }

    /// What its elements are.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The shape of one sample.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of elements of one sample.
    pub fn row_len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Copies the samples numbered `rows` (from 0), one after the other, into `out` as f32; intensities as 0..1.
    ///
    /// # Panics
    /// If a row is out of range or `out` is not `rows.len() * row_len()` long.
    pub fn gather_f32(&self, rows: &[usize], out: &mut [f32]) {
        match &self.values {
            Values::U8(values) => self.gather(rows, values, out, f32::from),
            Values::Intensity(values) => self.gather(rows, values, out, intensity),
            Values::I16(values) => self.gather(rows, values, out, f32::from),
            Values::I32(values) => self.gather(rows, values, out, |value| value as f32),
            Values::F32(values) => self.gather(rows, values, out, |value| value),
        }
    }

    /// Copies the samples numbered `rows` (from 0), one after the other, into `out` as i32; a bool as 0 or 1. Real numbers lose
    /// their fraction; columns of other elements hold none.
    ///
    /// # Panics
    /// If a row is out of range or `out` is not `rows.len() * row_len()` long.
    pub fn gather_i32(&self, rows: &[usize], out: &mut [i32]) {
        match &self.values {
            Values::U8(values) => self.gather(rows, values, out, i32::from),
            Values::Intensity(values) => self.gather(rows, values, out, |byte| intensity(byte) as i32),
            Values::I16(values) => self.gather(rows, values, out, i32::from),
            Values::I32(values) => self.gather(rows, values, out, |value| value),
            Values::F32(values) => self.gather(rows, values, out, |value| value as i32),
        }
    }

    fn gather<A: Copy, B>(&self, rows: &[usize], values: &[A], out: &mut [B], convert: impl Fn(A) -> B) {
        let length = self.row_len();
        assert_eq!(out.len(), rows.len() * length, "the minibatch's length");
        for (slot, row) in rows.iter().enumerate() {
            let from = &values[row * length..(row + 1) * length];
            for (to, value) in out[slot * length..(slot + 1) * length].iter_mut().zip(from) {
                *to = convert(*value);
            }
        }
    }
}

/// `fault` as an error of the file at `path`.
pub(super) fn misfit(path: &Path, kind: DataErrorKind, fault: Fault) -> DataError {
    DataError { help: fault.help, ..DataError::new(path, kind, fault.message) }
}

/// The sizes that data fixed: each symbol of `wants` with its size in the fitted `shapes`, in order of first use.
///
/// # Errors
/// A symbol that two columns give different sizes; `names` are the inputs'.
pub fn free_sizes<'a>(
    columns: impl IntoIterator<Item = (&'a str, &'a Want, &'a [usize])>,
) -> Result<Vec<(String, usize)>, DataError> {
    let mut found: Vec<(String, usize, String)> = Vec::new();
    for (input, want, shape) in columns {
        for (wanted, size) in want.shape.iter().flatten().zip(shape) {
            let Size::Free(symbol) = wanted else { continue };
            match found.iter().find(|(known, ..)| known == symbol) {
                Some((_, known, first)) if known != size => {
                    let message = format!("`{symbol}` is {known} in `{first}`'s samples and {size} in `{input}`'s");
                    return Err(DataError::new(Path::new(""), DataErrorKind::Shape, message));
                }
                Some(_) => {}
                None => found.push((symbol.clone(), *size, input.to_string())),
            }
        }
    }
    Ok(found.into_iter().map(|(symbol, size, _)| (symbol, size)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_rows_in_the_order_asked_for() {
        let column = Column::new(Element::F32, vec![2], 3, Values::Intensity(vec![0, 255, 51, 102, 1, 2]));
        let mut out = [0.0; 4];
        column.gather_f32(&[1, 0], &mut out);
        assert_eq!(out, [0.2, 0.4, 0.0, 1.0]);
        let column = Column::from_i32(vec![], 3, vec![7, 8, 9]);
        let mut out = [0; 4];
        column.gather_i32(&[2, 2, 0, 1], &mut out);
        assert_eq!(out, [9, 9, 7, 8]);
    }

    #[test]
    fn computed_columns_are_checked_as_files_are() {
        let want = Want::input(Element::Index(3), vec![]);
        let column = Column::from_f32(vec![1], 3, vec![0.0, 2.0, 1.0]).cast(&want).unwrap();
        assert_eq!((column.element(), column.shape()), (Element::Index(3), &[][..]));
        let error = Column::from_f32(vec![], 3, vec![0.0, 2.0, 3.0]).cast(&want).unwrap_err();
        assert_eq!(error.row, Some(3));
        let want = Want::input(Element::F32, vec![Size::Known(2)]);
        let error = Column::from_f32(vec![2], 2, vec![0.0, 2.0, 3.0, f32::NAN]).cast(&want).unwrap_err();
        assert_eq!(error.to_string(), "row 2: the value is NaN, a finite number was expected");
        assert!(Column::from_i32(vec![3], 1, vec![1, 2, 3]).cast(&want).is_err());
    }

    #[test]
    fn a_symbol_has_one_size() {
        let want = Want::input(Element::F32, vec![Size::Free("T".into())]);
        let sizes = free_sizes([("x", &want, &[5][..]), ("y", &want, &[5][..])]).unwrap();
        assert_eq!(sizes, [("T".to_string(), 5)]);
        let error = free_sizes([("x", &want, &[5][..]), ("y", &want, &[6][..])]).unwrap_err();
        assert_eq!(error.message, "`T` is 5 in `x`'s samples and 6 in `y`'s");
    }
}
