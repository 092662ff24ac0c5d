//! A data set: a column for each input, all with the same number of rows.

use std::path::Path;

use super::column::Column;
use super::error::{DataError, DataErrorKind};
use super::shapes::Kinds;

/// The columns of one set, by the names of the inputs that they feed.
#[derive(Debug)]
pub struct DataSet {
    columns: Vec<(String, Column)>,
    rows: usize,
    kinds: Kinds,
}

impl DataSet {
    /// A set of these columns, each under its input's name.
    ///
    /// # Errors
    /// Columns of different lengths, or no rows.
    pub fn new(columns: Vec<(String, Column)>) -> Result<DataSet, DataError> {
        let rows = common_rows(columns.iter().map(|(input, column)| (input.as_str(), Path::new(""), column.rows())))?;
        let kinds = Kinds::new(columns.iter().map(|(_, column)| column.shapes()));
        Ok(DataSet { columns, rows, kinds })
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Which samples agree in the shapes of all columns.
    pub fn kinds(&self) -> &Kinds {
        &self.kinds
    }

    /// The shape that the sample numbered `row` (from 0) has in the column that feeds `input`.
    pub fn shape(&self, input: &str, row: usize) -> Option<&[usize]> {
        self.column(input).map(|column| column.shapes().of(row))
    }

    /// The column that feeds `input`.
    pub fn column(&self, input: &str) -> Option<&Column> {
        self.columns.iter().find(|(name, _)| name == input).map(|(_, column)| column)
    }

    /// The columns again, each under its input's name.
    pub fn into_columns(self) -> Vec<(String, Column)> {
        self.columns
    }

    /// Inputs and columns, in order.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Column)> {
        self.columns.iter().map(|(input, column)| (input.as_str(), column))
    }
}

/// The number of rows that all columns of a set have: each is an input's name, the file, and its rows. 0 if there are no columns.
///
/// # Errors
/// Two columns that differ (E0401, naming both), or columns without rows.
pub fn common_rows<'a>(columns: impl IntoIterator<Item = (&'a str, &'a Path, usize)>) -> Result<usize, DataError> {
    let mut first: Option<(&str, &Path, usize)> = None;
    for (input, path, rows) in columns {
        match first {
            None if rows == 0 => return Err(DataError::new(path, DataErrorKind::Empty, "it holds no samples")),
            None => first = Some((input, path, rows)),
            Some((_, _, known)) if known == rows => {}
            Some((other, other_path, known)) => {
                let message = format!("`{input}` has {rows} rows{}, `{other}` has {known}{}", of(path), of(other_path));
                let error = DataError::new(Path::new(""), DataErrorKind::Rows, message);
                return Err(error.help("each row is one sample: all columns of a set need the same number of rows"));
            }
        }
    }
    Ok(first.map_or(0, |(_, _, rows)| rows))
}

fn of(path: &Path) -> String {
    if path.as_os_str().is_empty() { String::new() } else { format!(" (`{}`)", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::store::{Bytes, Form};
    use crate::data::{Element, Number};

    #[test]
    fn all_columns_have_the_same_rows() {
        let column = |rows: usize| {
            Column::packed(Element::F32, vec![], rows, Form::own(Number::F32), Bytes::Memory(vec![0; 4 * rows]))
        };
        let set = DataSet::new(vec![("x".into(), column(3)), ("y".into(), column(3))]).unwrap();
        assert_eq!((set.rows(), set.column("y").map(Column::rows), set.column("z").is_none()), (3, Some(3), true));
        let error = DataSet::new(vec![("x".into(), column(3)), ("y".into(), column(2))]).unwrap_err();
        assert_eq!(error.message, "`y` has 2 rows, `x` has 3");
        assert!(DataSet::new(vec![("x".into(), column(0))]).is_err());
        let files = [("x", Path::new("a.gz"), 5), ("y", Path::new("b.gz"), 4)];
        assert_eq!(common_rows(files).unwrap_err().message, "`y` has 4 rows (`b.gz`), `x` has 5 (`a.gz`)");
    }
}
