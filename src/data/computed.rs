//! A column that is computed rather than read: values come in order, are checked as a file's are, and are kept within the budget.

use std::path::Path;

use super::binary::Number;
use super::column::{Column, misfit};
use super::error::{DataError, DataErrorKind};
use super::store::{Budget, Form, Sink};
use super::want::{Element, Want};

/// A computed column in the making.
pub struct Computed<'a> {
    want: &'a Want,
    shape: Vec<usize>,
    done: usize,
    sink: Sink<'a>,
}

impl<'a> Computed<'a> {
    /// A column without rows yet, whose samples are computed with this `shape`. Axes of size 1 are added or removed as for a file.
    ///
    /// # Errors
    /// A shape that does not fit.
    pub fn new(shape: &[usize], want: &'a Want, budget: &'a Budget) -> Result<Computed<'a>, DataError> {
        let nowhere = Path::new("");
        let shape = want.fit(shape).map_err(|fault| misfit(nowhere, DataErrorKind::Shape, fault))?;
        Ok(Computed { want, shape, done: 0, sink: Sink::new(nowhere, budget) })
    }

    /// Adds the elements of further rows.
    ///
    /// # Errors
    /// The first value that does not fit, with its row.
    pub fn push(&mut self, values: impl Iterator<Item = f64>) -> Result<(), DataError> {
        let per_row = self.shape.iter().product::<usize>().max(1);
        let mut bytes = Vec::new();
        for value in values {
            let converted = match self.want.element {
                Element::F32 => self.want.float(value).map(f32::to_le_bytes),
                _ => self.want.whole(value).map(i32::to_le_bytes),
            };
            let row = self.done / per_row + 1;
            bytes.extend(converted.map_err(|fault| misfit(Path::new(""), DataErrorKind::Value, fault).at_row(row))?);
            self.done += 1;
        }
        self.sink.push(&bytes)
    }

    /// The column of all rows.
    ///
    /// # Errors
    /// When what exceeds the budget cannot be written to a temporary file.
    pub fn finish(self) -> Result<Column, DataError> {
        let per_row = self.shape.iter().product::<usize>().max(1);
        let number = if self.want.element == Element::F32 { Number::F32 } else { Number::I32 };
        let bytes = self.sink.finish()?;
        Ok(Column::packed(self.want.element, self.shape, self.done / per_row, Form::own(number), bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Size;

    fn computed(shape: &[usize], values: &[f64], want: &Want) -> Result<Column, DataError> {
        let budget = Budget::new(0);
        let mut column = Computed::new(shape, want, &budget)?;
        column.push(values.iter().copied())?;
        column.finish()
    }

    #[test]
    fn computed_columns_are_checked_as_files_are() {
        let want = Want::input(Element::Index(3), vec![]);
        let column = computed(&[1], &[0.0, 2.0, 1.0], &want).unwrap();
        assert_eq!((column.element(), column.shape(), column.rows()), (Element::Index(3), &[][..], 3));
        let mut out = [0; 2];
        column.gather_i32(&[2, 1], &mut out).unwrap();
        assert_eq!(out, [1, 2]);
        assert_eq!(computed(&[], &[0.0, 2.0, 3.0], &want).unwrap_err().row, Some(3));
        let want = Want::input(Element::F32, vec![Size::Known(2)]);
        let error = computed(&[2], &[0.0, 2.0, 3.0, f64::NAN], &want).unwrap_err();
        assert_eq!(error.to_string(), "row 2: the value is NaN, a finite number was expected");
        assert!(computed(&[3], &[1.0, 2.0, 3.0], &want).is_err());
    }
}
