//! Cells of NNC's dataset format that name files instead of holding numbers: a picture, a sound, a NumPy array, or a matrix as CSV
//! without a header line. Each file is one sample.

use std::path::Path;

use super::binary::Number;
use super::column::misfit;
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::open;
use super::shapes::Shapes;
use super::store::Budget;
use super::table::{Cells, Table};
use super::want::{Element, Want};
use super::{npy, picture, sound};

/// Whether a cell names a file that is read here.
pub(super) fn is_file(text: &str) -> bool {
    picture::is_picture(text) || ["npy", "csv", "wav"].iter().any(|ending| ends(text, ending))
}

fn ends(text: &str, ending: &str) -> bool {
    text.rsplit_once('.').is_some_and(|(_, own)| own.eq_ignore_ascii_case(ending))
}

/// What the one sample of a file is.
pub(super) fn sample(path: &Path) -> Result<Header, DataError> {
    let name = path.to_string_lossy();
    if ends(&name, "npy") {
        return npy::header(path).map(whole);
    }
    if ends(&name, "csv") {
        return matrix(path).map(|(header, _)| header);
    }
    if ends(&name, "wav") {
        return sound::header(path);
    }
    picture::header(path)
}

/// The sample of a file: its elements last axis fastest, as [`sample`] says. A sound gives its stored numbers if `raw`.
pub(super) fn read(path: &Path, raw: bool) -> Result<(Header, Vec<u8>), DataError> {
    let name = path.to_string_lossy();
    if ends(&name, "csv") {
        return matrix(path);
    }
    if ends(&name, "wav") {
        return sound::read(path, raw);
    }
    if !ends(&name, "npy") {
        return picture::read(path);
    }
    let header = npy::header(path).map(whole)?;
    let column = npy::load(path, &Want::any(Element::F32), true, &Budget::of_machine())?;
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut values = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut values)?;
    let bytes = match header.number {
        Number::U8 => values.into_iter().map(|value| value as u8).collect(),
        _ => values.into_iter().flat_map(f32::to_ne_bytes).collect(),
    };
    Ok((header, bytes))
}

/// An array whose first axis does not count samples. Bytes stay bytes, all else becomes `f32`.
fn whole(header: Header) -> Header {
    let shape = [header.rows].into_iter().chain(header.shape).collect();
    Header { number: if header.number == Number::U8 { Number::U8 } else { Number::F32 }, shape, rows: 1 }
}

/// The numbers of a CSV without a header line: rows and columns.
fn matrix(path: &Path) -> Result<(Header, Vec<u8>), DataError> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(open(path)?);
    let (mut bytes, mut columns, mut rows) = (Vec::new(), 0, 0);
    for record in reader.records() {
        rows += 1;
        let unreadable = "the rows of a matrix are numbers separated by commas, all rows of one length";
        let record = record.map_err(|_| DataError::new(path, DataErrorKind::Malformed, unreadable).at_line(rows))?;
        columns = record.len();
        for cell in &record {
            let number: f32 = cell.trim().parse().map_err(|_| {
                let message = format!("found `{cell}`, a number was expected");
                DataError::new(path, DataErrorKind::Value, message).at_line(rows)
            })?;
            bytes.extend(number.to_ne_bytes());
        }
    }
    if rows == 0 {
        return Err(DataError::new(path, DataErrorKind::Truncated, "the file is empty"));
    }
    Ok((Header { number: Number::F32, shape: vec![rows, columns], rows: 1 }, bytes))
}

/// The elements of a sample as what `want` feeds keeps them: `bytes` are `number`s in this machine's order.
pub(super) fn elements(path: &Path, bytes: &[u8], number: Number, want: &Want) -> Result<Vec<u8>, DataError> {
    let value = |word: &[u8]| match *word {
        [byte] => f64::from(byte),
        [a, b] => f64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => f64::from(f32::from_ne_bytes([a, b, c, d])),
        _ => f64::NAN,
    };
    if want.element == Element::F32 && number != Number::F32 {
        return Ok(bytes.to_vec());
    }
    let mut kept = Vec::with_capacity(bytes.len());
    for word in bytes.chunks_exact(number.size()) {
        let converted = match want.element {
            Element::F32 => want.float(value(word)).map(f32::to_ne_bytes),
            _ => want.whole(value(word)).map(i32::to_le_bytes),
        };
        kept.extend(converted.map_err(|fault| misfit(path, DataErrorKind::Value, fault))?);
    }
    Ok(kept)
}

/// What the files are that the cells of a variable name, and their shapes; none if the first row names none. They are all of one shape,
/// unless they feed what leaves sizes `open`: each then fits that.
///
/// # Errors
/// A cell that names none, a file that is missing or damaged, or one that does not fit, each with its row and column.
pub(super) fn header(path: &Path, cells: &Cells, open: Option<&Want>) -> Result<Option<(Header, Shapes)>, DataError> {
    let ([place], true) = (&cells.places[..], cells.shape.is_empty()) else { return Ok(None) };
    let mut table = Table::open(path)?;
    let mut first: Option<Header> = None;
    let mut shapes = Shapes::default();
    while table.next_row()? {
        if first.is_none() && !table.names_file(*place)? {
            return Ok(None);
        }
        let found = sample(&table.file_at(*place)?).map_err(|error| table.of_cell(error, *place))?;
        let first = first.get_or_insert_with(|| found.clone());
        match open {
            Some(want) => table.file_fits(*place, &found, first, want)?,
            None => table.file_alike(*place, &found, first)?,
        }
        shapes.push(found.shape);
    }
    Ok(first.map(|first| (Header { rows: shapes.rows(), ..first }, shapes)))
}
