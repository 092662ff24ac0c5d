//! Arrays of a `.safetensors` file: a length, a JSON table of names, types, shapes and places, then the numbers, little-endian.
//!
//! An array's first axis counts samples.

use std::io::{self, Read};
use std::path::Path;

use serde_json::Value;

use super::binary::{Layout, Number, Reading, fill, load as load_numbers};
use super::column::Column;
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::npy::quoted;
use super::open::{Body, Length, cut_short, open, signature};
use super::store::Budget;
use super::want::Want;
use crate::base::closest;

/// The format's own limit of the table's length.
const LONGEST_TABLE: u64 = 100_000_000;

/// Reads what the table says of the array `key`, and makes sure that the file is long enough for it.
pub(super) fn header(path: &Path, key: &str) -> Result<Header, DataError> {
    let (layout, body) = begin(path, key)?;
    let end = layout.file_length().unwrap_or(u64::MAX);
    match body.length {
        Length::Exact(length) if length < end => Err(cut_short(path, end, length).in_column(key)),
        _ => Ok(layout.header),
    }
}

/// Reads the array `key` as a column that feeds `want`.
pub(super) fn load(path: &Path, key: &str, want: &Want, raw: bool, budget: &Budget) -> Result<Column, DataError> {
    let (layout, body) = begin(path, key)?;
    layout.header.check(path, want).map_err(|error| error.in_column(key))?;
    let length = layout.file_length().unwrap_or(u64::MAX) - layout.offset;
    let reading = Reading { path, want, raw, plain: body.is_plain(), budget, names: &[] };
    load_numbers(&reading, &layout, &mut body.take(length)).map_err(|error| error.in_column(key))
}

/// Reads up to the first number of the array `key`.
fn begin(path: &Path, key: &str) -> Result<(Layout, Body), DataError> {
    let fault = |error: &io::Error| DataError::from_io(path, error);
    let mut body = open(path)?;
    let mut start = [0; 8];
    let filled = fill(&mut body, &mut start).map_err(|error| fault(&error))?;
    let length = u64::from_le_bytes(start);
    if filled < 8 || length > LONGEST_TABLE {
        return Err(not_safetensors(path, &start[..filled]));
    }
    let mut table = vec![0; length as usize];
    let filled = fill(&mut body, &mut table).map_err(|error| fault(&error))?;
    let Ok(Value::Object(table)) = serde_json::from_slice(&table[..filled]) else {
        return Err(not_safetensors(path, &start));
    };
    let Some(entry) = table.get(key) else {
        let mut keys: Vec<String> = table.keys().filter(|key| *key != "__metadata__").cloned().collect();
        keys.sort();
        let error = DataError::new(path, DataErrorKind::Name, format!("the file has no array `{key}`"));
        let near = closest(key, keys.iter().map(String::as_str));
        return Err(
            error.help(near.map_or_else(|| format!("it has {}", quoted(&keys)), |near| format!("it has `{near}`")))
        );
    };
    let (header, skip) = described(path, key, entry)?;
    let skipped = io::copy(&mut body.by_ref().take(skip), &mut io::sink()).map_err(|error| fault(&error))?;
    let offset = 8 + length + skip;
    if skipped < skip {
        return Err(cut_short(path, offset, 8 + length + skipped).in_column(key));
    }
    Ok((Layout { header, big_endian: false, fortran: false, offset }, body))
}

/// What an entry of the table says: the array's type and shape, and how many bytes stand before it.
fn described(path: &Path, key: &str, entry: &Value) -> Result<(Header, u64), DataError> {
    let malformed = |message: &str| DataError::new(path, DataErrorKind::Malformed, message).in_column(key);
    let dtype = entry["dtype"].as_str().unwrap_or_default();
    let number = match dtype {
        "BOOL" => Number::Bool,
        "U8" => Number::U8,
        "I8" => Number::I8,
        "U16" => Number::U16,
        "I16" => Number::I16,
        "U32" => Number::U32,
        "I32" => Number::I32,
        "U64" => Number::U64,
        "I64" => Number::I64,
        "F16" => Number::F16,
        "F32" => Number::F32,
        "F64" => Number::F64,
        _ => {
            let message = format!("arrays of type `{dtype}` cannot be read");
            return Err(DataError::new(path, DataErrorKind::Unsupported, message).in_column(key));
        }
    };
    let sizes = |value: &Value| -> Option<Vec<usize>> {
        value.as_array()?.iter().map(|size| usize::try_from(size.as_u64()?).ok()).collect()
    };
    let (shape, place) = (sizes(&entry["shape"]), sizes(&entry["data_offsets"]));
    let (Some(mut shape), Some([first, last])) = (shape, place.as_deref()) else {
        return Err(malformed("the table of contents gives the array no shape or no place"));
    };
    let count = shape.iter().try_fold(number.size(), |product, size| product.checked_mul(*size));
    if count.is_none() || last.checked_sub(*first) != count {
        return Err(malformed("the array's place in the file is not as long as its shape asks for"));
    }
    if shape.is_empty() {
        return Err(malformed("the array is a scalar: it has no axis for the samples"));
    }
    let rows = shape.remove(0);
    Ok((Header { number, shape, rows }, *first as u64))
}

fn not_safetensors(path: &Path, start: &[u8]) -> DataError {
    let error = DataError::new(path, DataErrorKind::Malformed, "this is no safetensors file: it begins with no table");
    match signature(start) {
        Some(what) => error.help(format!("it looks like {what}")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Element, Size};

    fn file(table: &str, numbers: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let bytes = [&(table.len() as u64).to_le_bytes(), table.as_bytes(), numbers].concat();
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    const TABLE: &str = r#"{"__metadata__":{"a":"b"},"y":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},
        "x":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]}}"#;

    fn numbers() -> Vec<u8> {
        let classes = [3i64, 1].into_iter().flat_map(i64::to_le_bytes);
        classes.chain([1.5f32, -2.0, 0.25, 8.0].into_iter().flat_map(f32::to_le_bytes)).collect()
    }

    #[test]
    fn arrays_are_read_by_name() {
        let (_folder, path) = file(TABLE, &numbers());
        let budget = Budget::new(1000);
        let x = load(&path, "x", &Want::input(Element::F32, vec![Size::Known(2)]), false, &budget).unwrap();
        let mut out = [0.0; 4];
        x.gather_f32(&[1, 0], &mut out).unwrap();
        assert_eq!(out, [0.25, 8.0, 1.5, -2.0]);
        let y = load(&path, "y", &Want::input(Element::Index(4), vec![]), false, &budget).unwrap();
        let mut out = [0; 2];
        y.gather_i32(&[0, 1], &mut out).unwrap();
        assert_eq!(out, [3, 1]);
        let on_disk =
            load(&path, "x", &Want::input(Element::F32, vec![Size::Known(2)]), false, &Budget::new(0)).unwrap();
        let mut again = [0.0; 4];
        on_disk.gather_f32(&[1, 0], &mut again).unwrap();
        assert_eq!((on_disk.memory(), again), (0, [0.25, 8.0, 1.5, -2.0]));
        let error = load(&path, "y", &Want::input(Element::Index(3), vec![]), false, &budget).unwrap_err();
        assert_eq!((error.row, error.message.as_str()), (Some(1), "found 3, expected an index<3> from 0 to 2"));
        assert_eq!(header(&path, "x").unwrap(), Header { number: Number::F32, shape: vec![2], rows: 2 });
    }

    #[test]
    fn what_is_wrong_is_told() {
        let (_folder, path) = file(TABLE, &numbers()[..20]);
        assert_eq!(header(&path, "x").unwrap_err().kind, DataErrorKind::Truncated);
        assert_eq!(header(&path, "xx").unwrap_err().help.as_deref(), Some("it has `x`, `y`"));
        let (_folder, path) = file(r#"{"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, &[0; 8]);
        assert!(header(&path, "x").unwrap_err().message.contains("not as long as its shape"));
        let (_folder, path) = file(r#"{"x":{"dtype":"BF16","shape":[3],"data_offsets":[0,6]}}"#, &[0; 6]);
        assert_eq!(header(&path, "x").unwrap_err().kind, DataErrorKind::Unsupported);
        let (_folder, path) = file("no table", &[]);
        assert_eq!(header(&path, "x").unwrap_err().kind, DataErrorKind::Malformed);
    }
}
