//! A column: one value per sample, kept about as small as in its file, and gathered into minibatches.
//!
//! Values are checked before they get here ([`Want`]); gathering fails only when a file on disk does.

use std::path::Path;

use super::binary::Number;
use super::error::{DataError, DataErrorKind};
use super::shapes::Shapes;
use super::store::{Budget, Bytes, Form};
use super::want::{Element, Fault, Size, Want};

/// All samples of one input.
#[derive(Debug)]
pub struct Column {
    element: Element,
    shapes: Shapes,
    values: Values,
    /// The bytes at which the rows start, when they are not one stride apart.
    starts: Vec<usize>,
}

/// The elements of all rows.
#[derive(Debug)]
pub(super) struct Values {
    /// How one is stored.
    pub form: Form,
    /// Bytes from the start of one row to the start of the next; rows may overlap.
    pub stride: usize,
    /// Where they are.
    pub bytes: Bytes,
}

impl Column {
    /// A column of checked `values`: `rows` rows of a sample's `shape`.
    pub(super) fn new(element: Element, shape: Vec<usize>, rows: usize, values: Values) -> Column {
        Column { element, shapes: Shapes::alike(shape, rows), values, starts: Vec::new() }
    }

    /// A column of checked elements that stand row after row.
    pub(super) fn packed(element: Element, shape: Vec<usize>, rows: usize, form: Form, bytes: Bytes) -> Column {
        let stride = form.size() * shape.iter().product::<usize>();
        Column::new(element, shape, rows, Values { form, stride, bytes })
    }

    /// The same for samples whose shapes may differ.
    pub(super) fn of_shapes(element: Element, shapes: Shapes, form: Form, bytes: Bytes) -> Column {
        if !shapes.differ() {
            return Column::packed(element, shapes.of(0).to_vec(), shapes.rows(), form, bytes);
        }
        let length = |row: usize| form.size() * shapes.of(row).iter().product::<usize>();
        let starts =
            (0..shapes.rows()).scan(0, |next, row| Some(std::mem::replace(next, *next + length(row)))).collect();
        Column { element, shapes, values: Values { form, stride: 0, bytes }, starts }
    }

    /// How the elements are stored, and where.
    pub(super) fn into_elements(self) -> (Form, Bytes) {
        (self.values.form, self.values.bytes)
    }

    /// A column of real numbers that are in memory. `values` are row after row; `shape` is one sample's.
    ///
    /// # Panics
    /// If the count of values is not `rows` times the shape's.
    pub fn from_f32(shape: Vec<usize>, rows: usize, values: Vec<f32>) -> Column {
        assert_eq!(values.len(), rows * shape.iter().product::<usize>(), "values of a column");
        let bytes = values.into_iter().flat_map(f32::to_le_bytes).collect();
        Column::packed(Element::F32, shape, rows, Form::own(Number::F32), Bytes::Memory(bytes))
    }

    /// What its elements are.
    pub fn element(&self) -> Element {
        self.element
    }

    /// The shape of the first sample, and of all unless these differ.
    pub fn shape(&self) -> &[usize] {
        self.shapes.of(0)
    }

    /// The shapes of all samples.
    pub fn shapes(&self) -> &Shapes {
        &self.shapes
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.shapes.rows()
    }

    /// Number of elements of the first sample, and of all unless these differ.
    pub fn row_len(&self) -> usize {
        self.shape().iter().product()
    }

    /// Number of elements of the samples numbered `rows` (from 0) together.
    pub fn len_of(&self, rows: &[usize]) -> usize {
        if !self.shapes.differ() {
            return rows.len() * self.row_len();
        }
        rows.iter().map(|row| self.shapes.of(*row).iter().product::<usize>()).sum()
    }

    /// How much of the budget it holds, in bytes: nothing when it is read from disk.
    pub fn memory(&self) -> u64 {
        self.values.bytes.memory()
    }

    /// Lets go of the column and of its part of the budget.
    pub fn release(self, budget: &Budget) {
        budget.give_back(self.memory());
    }

    /// Copies the samples numbered `rows` (from 0), one after the other, into `out` as f32; intensities as 0..1.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    ///
    /// # Panics
    /// If a row is out of range or `out` is not as long as [`len_of`](Column::len_of) says.
    pub fn gather_f32(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        let form = self.values.form;
        self.gather(rows, out, |bytes, out| form.decode_f32(bytes, out))
    }

    /// Copies the samples numbered `rows` (from 0), one after the other, into `out` as i32; a bool as 0 or 1. Real numbers lose
    /// their fraction; columns of other elements hold none.
    ///
    /// # Errors
    /// A file that cannot be read any more.
    ///
    /// # Panics
    /// If a row is out of range or `out` is not as long as [`len_of`](Column::len_of) says.
    pub fn gather_i32(&self, rows: &[usize], out: &mut [i32]) -> Result<(), DataError> {
        let form = self.values.form;
        self.gather(rows, out, |bytes, out| form.decode_i32(bytes, out))
    }

    fn gather<T>(&self, rows: &[usize], out: &mut [T], decode: impl Fn(&[u8], &mut [T])) -> Result<(), DataError> {
        assert_eq!(out.len(), self.len_of(rows), "the minibatch's length");
        let Values { form, stride, bytes } = &self.values;
        let (mut scratch, mut rest) = (Vec::new(), out);
        // Rows that stand one after the other are one read.
        let follow = |row: &usize, next: &usize| {
            *next == row + 1 && (!self.starts.is_empty() || *stride == self.row_len() * form.size())
        };
        for run in rows.chunk_by(follow) {
            assert!(run[run.len() - 1] < self.rows(), "a row of the column");
            let start = self.starts.get(run[0]).copied().unwrap_or(run[0] * stride);
            let (part, after) = rest.split_at_mut(self.len_of(run));
            if !part.is_empty() {
                decode(bytes.part(start, part.len() * form.size(), &mut scratch)?, part);
            }
            rest = after;
        }
        Ok(())
    }
}

/// `fault` as an error of the file at `path`.
pub(super) fn misfit(path: &Path, kind: DataErrorKind, fault: Fault) -> DataError {
    DataError { help: fault.help, around: fault.around, ..DataError::new(path, kind, fault.message) }
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

    fn column(form: Form, shape: &[usize], rows: usize, bytes: Vec<u8>) -> Column {
        Column::packed(Element::F32, shape.to_vec(), rows, form, Bytes::Memory(bytes))
    }

    #[test]
    fn gathers_rows_in_the_order_asked_for() {
        let intensity = Form { intensity: true, ..Form::own(Number::U8) };
        let column = column(intensity, &[2], 3, vec![0, 255, 51, 102, 1, 2]);
        let mut out = [0.0; 4];
        column.gather_f32(&[1, 0], &mut out).unwrap();
        assert_eq!(out, [0.2, 0.4, 0.0, 1.0]);
        column.gather_f32(&[0, 1], &mut out).unwrap();
        assert_eq!(out, [0.0, 1.0, 0.2, 0.4]);
    }

    #[test]
    fn gathers_integers_and_overlapping_rows() {
        let bytes = [7i16, 8, 9].iter().flat_map(|value| value.to_be_bytes()).collect();
        let big = Form { big_endian: true, ..Form::own(Number::I16) };
        let mut out = [0; 4];
        column(big, &[], 3, bytes).gather_i32(&[2, 2, 0, 1], &mut out).unwrap();
        assert_eq!(out, [9, 9, 7, 8]);
        let values = Values { form: Form::own(Number::U8), stride: 1, bytes: Bytes::Memory(vec![1, 2, 3]) };
        Column::new(Element::I32, vec![2], 2, values).gather_i32(&[0, 1], &mut out).unwrap();
        assert_eq!(out, [1, 2, 2, 3]);
    }

    #[test]
    fn gathers_rows_of_several_lengths() {
        let mut shapes = Shapes::default();
        [2, 1, 3].into_iter().for_each(|length| shapes.push(vec![length]));
        let bytes = Bytes::Memory(vec![1, 2, 3, 4, 5, 6]);
        let column = Column::of_shapes(Element::F32, shapes, Form::own(Number::U8), bytes);
        assert_eq!((column.rows(), column.shape(), column.len_of(&[0, 2])), (3, &[2][..], 5));
        let mut out = [0.0; 6];
        column.gather_f32(&[2, 0, 1], &mut out).unwrap();
        assert_eq!(out, [4.0, 5.0, 6.0, 1.0, 2.0, 3.0]);
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
