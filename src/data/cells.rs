//! Cells of NNC's dataset format that name pictures instead of holding numbers.

use std::path::Path;

use super::error::DataError;
use super::header::Header;
use super::picture;
use super::table::{Cells, Table};

/// What the pictures are that the cells of a variable name, all of the same shape; none if the first row names none.
///
/// # Errors
/// A cell that names none, a picture that is missing or damaged, or one of another shape, each with its row and column.
pub(super) fn header(path: &Path, cells: &Cells) -> Result<Option<Header>, DataError> {
    let ([place], true) = (&cells.places[..], cells.shape.is_empty()) else { return Ok(None) };
    let mut table = Table::open(path)?;
    let mut first: Option<Header> = None;
    let mut rows = 0;
    while table.next_row()? {
        if rows == 0 && !table.names_picture(*place) {
            return Ok(None);
        }
        rows += 1;
        let found = picture::header(&table.file_at(*place)?).map_err(|error| table.of_cell(error, *place))?;
        match &first {
            Some(first) => table.picture_alike(*place, &found, first)?,
            None => first = Some(found),
        }
    }
    Ok(first.map(|first| Header { rows, ..first }))
}
