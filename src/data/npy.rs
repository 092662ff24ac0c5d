//! NumPy's `.npy`, versions 1 to 3, and `.npz`, a zip archive of them.
//!
//! The header is a Python dictionary in text; the little of Python that NumPy writes there is read here. Structured, complex, text
//! and object arrays are refused by name.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use zip::ZipArchive;
use zip::result::ZipError;

use super::binary::{Layout, Number, Reading, fill, load as load_numbers};
use super::column::Column;
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{check_length, cut_short, open, open_file, signature, surplus};
use super::store::Budget;
use super::want::Want;
use crate::base::closest;

const MAGIC: &[u8; 6] = b"\x93NUMPY";
/// NumPy's own headers are under 200 bytes; a longer text than this is no header.
const LONGEST_HEADER: usize = 1 << 20;

/// Reads the header of a `.npy` file and makes sure that the file is as long as it says.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    let mut body = open(path)?;
    let (layout, expected) = begin(path, &mut body)?;
    check_length(path, &mut body, layout.offset, expected)?;
    Ok(layout.header)
}

/// Reads a whole `.npy` file as a column that feeds `want`.
pub(super) fn load(path: &Path, want: &Want, raw: bool, budget: &Budget) -> Result<Column, DataError> {
    let mut body = open(path)?;
    let (layout, _) = begin(path, &mut body)?;
    layout.header.check(path, want)?;
    load_numbers(&Reading { path, want, raw, plain: body.is_plain(), budget, names: &[] }, &layout, &mut body)
}

/// Reads the header of the array `key` of a `.npz` file and makes sure that the array is as long as it says.
pub(super) fn npz_header(path: &Path, key: &str) -> Result<Header, DataError> {
    in_entry(path, key, |entry, size| {
        let (layout, expected) = begin(path, entry)?;
        match size.cmp(&expected) {
            std::cmp::Ordering::Less => Err(cut_short(path, expected, size)),
            std::cmp::Ordering::Equal => Ok(layout.header),
            std::cmp::Ordering::Greater => Err(surplus(path, expected, Some(size))),
        }
    })
}

/// Reads the array `key` of a `.npz` file as a column that feeds `want`.
pub(super) fn npz_load(path: &Path, key: &str, want: &Want, raw: bool, budget: &Budget) -> Result<Column, DataError> {
    in_entry(path, key, |entry, _| {
        let (layout, _) = begin(path, entry)?;
        layout.header.check(path, want)?;
        load_numbers(&Reading { path, want, raw, plain: false, budget, names: &[] }, &layout, entry)
    })
}

/// Opens the member `key.npy` and hands it with its decompressed size to `read`; the key is added to its faults.
fn in_entry<T>(
    path: &Path,
    key: &str,
    read: impl FnOnce(&mut dyn Read, u64) -> Result<T, DataError>,
) -> Result<T, DataError> {
    let mut archive = open_archive(path)?;
    let mut keys: Vec<String> = archive
        .file_names()
        .flatten()
        .map(|name| name.strip_suffix(".npy").map_or_else(|| name.to_string(), str::to_string))
        .collect();
    keys.sort();
    if !keys.iter().any(|known| known == key) {
        let error = DataError::new(path, DataErrorKind::Name, format!("the archive has no array `{key}`"));
        let near = closest(key, keys.iter().map(String::as_str));
        return Err(error.help(match near {
            Some(near) => format!("it has `{near}`"),
            None => format!("it has {}", quoted(&keys)),
        }));
    }
    let member = format!("{key}.npy");
    let name = if archive.index_for_name(&member).is_some() { member.as_str() } else { key };
    let mut entry = archive.by_name(name).map_err(|error| from_zip(path, &error).in_column(key))?;
    let size = entry.size();
    read(&mut entry, size).map_err(|error| error.in_column(key))
}

fn open_archive(path: &Path) -> Result<ZipArchive<BufReader<File>>, DataError> {
    ZipArchive::new(BufReader::new(open_file(path)?)).map_err(|error| from_zip(path, &error))
}

fn from_zip(path: &Path, error: &ZipError) -> DataError {
    match error {
        ZipError::Io(error) => DataError::from_io(path, error),
        ZipError::InvalidArchive(_) => {
            let mut start = [0; 8];
            let filled = File::open(path).and_then(|mut file| fill(&mut file, &mut start)).unwrap_or(0);
            if start.starts_with(b"PK") {
                let message = "the zip archive's table of contents is missing or damaged";
                return DataError::new(path, DataErrorKind::Truncated, message).help("fetch or write the file again");
            }
            let error = DataError::new(path, DataErrorKind::Malformed, "this is no zip archive");
            match signature(&start[..filled]) {
                Some(what) => error.help(format!("it looks like {what}")),
                None => error,
            }
        }
        other => DataError::new(path, DataErrorKind::Unsupported, format!("the zip archive cannot be read: {other}")),
    }
}

/// The names, each in backquotes, the first ten of them.
pub(super) fn quoted(names: &[String]) -> String {
    let mut shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    if names.len() > shown.len() {
        shown.push(format!("and {} more", names.len() - shown.len()));
    }
    if shown.is_empty() { "nothing".to_string() } else { shown.join(", ") }
}

/// Reads up to the first number; also gives the length that the whole array has with its header.
fn begin(path: &Path, body: &mut dyn Read) -> Result<(Layout, u64), DataError> {
    let mut start = [0; 8];
    let filled = fill(body, &mut start).map_err(|error| DataError::from_io(path, &error))?;
    if filled == 0 {
        return Err(DataError::new(path, DataErrorKind::Truncated, "the file is empty"));
    }
    if !start.starts_with(MAGIC) || filled < 8 {
        let error = malformed(path, "this is no NumPy array: it does not begin with 93 and `NUMPY`");
        return Err(match signature(&start[..filled]) {
            Some(what) => error.help(format!("it looks like {what}")),
            None => error,
        });
    }
    let width = match start[6] {
        1 => 2,
        2 | 3 => 4,
        version => {
            let message = format!("NumPy's format version {version} is not known here, 1 to 3 are");
            return Err(DataError::new(path, DataErrorKind::Unsupported, message));
        }
    };
    let mut length = [0; 4];
    read_exact(path, body, &mut length[..width])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_HEADER {
        return Err(malformed(path, &format!("the header claims {length} bytes of text")));
    }
    let mut text = vec![0; length];
    read_exact(path, body, &mut text)?;
    let text = String::from_utf8_lossy(&text);
    let fields =
        Fields::parse(&text).ok_or_else(|| malformed(path, &format!("the header is not NumPy's: {}", text.trim())))?;
    let (number, big_endian) = number(path, &fields.descr)?;
    let mut shape = fields.shape;
    if shape.is_empty() {
        let error = malformed(path, "the array has no axes, its first axis should be the samples");
        return Err(DataError { kind: DataErrorKind::Shape, ..error });
    }
    let rows = shape.remove(0);
    let header = Header { number, shape, rows };
    let offset = (8 + width + length) as u64;
    let layout = Layout { header, big_endian, fortran: fields.fortran, offset };
    let expected = layout
        .file_length()
        .ok_or_else(|| malformed(path, "the header's sizes multiply to more than any memory holds"))?;
    Ok((layout, expected))
}

fn read_exact(path: &Path, body: &mut dyn Read, buffer: &mut [u8]) -> Result<(), DataError> {
    let filled = fill(body, buffer).map_err(|error| DataError::from_io(path, &error))?;
    if filled == buffer.len() {
        return Ok(());
    }
    Err(DataError::new(path, DataErrorKind::Truncated, "the file ends within NumPy's header")
        .help("fetch or write the file again"))
}

fn malformed(path: &Path, message: &str) -> DataError {
    DataError::new(path, DataErrorKind::Malformed, message)
}

/// The number that NumPy's `descr` (`<f4`) stands for, and whether its bytes are big-endian.
fn number(path: &Path, descr: &str) -> Result<(Number, bool), DataError> {
    let (order, kind) = match descr.split_at_checked(1) {
        Some((order, kind)) if "<>|=".contains(order) => (order, kind),
        _ => ("|", descr),
    };
    let number = match kind {
        "b1" | "?" => Number::Bool,
        "u1" => Number::U8,
        "i1" => Number::I8,
        "u2" => Number::U16,
        "i2" => Number::I16,
        "u4" => Number::U32,
        "i4" => Number::I32,
        "u8" => Number::U64,
        "i8" => Number::I64,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        _ => {
            let what = match kind.chars().next() {
                Some('O') => "Python objects",
                Some('U' | 'S') => "text",
                Some('c') => "complex numbers",
                Some('M' | 'm') => "times",
                Some('f') => "extended floating point",
                _ if descr.starts_with('[') => "records of several fields",
                _ => "elements of an unknown type",
            };
            let message = format!("the array holds {what} (`{descr}`), numbers are read here");
            let error = DataError::new(path, DataErrorKind::Unsupported, message);
            return Err(error.help("save it with `.astype(numpy.float32)` or as an integer array"));
        }
    };
    Ok((number, order == ">"))
}

/// The three entries of the header's dictionary.
struct Fields {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Fields {
    fn parse(text: &str) -> Option<Fields> {
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{')?;
        loop {
            rest = rest.trim_start_matches([' ', ',', '\n']);
            if rest.starts_with('}') {
                break;
            }
            let (key, after) = string(rest)?;
            let value = after.trim_start().strip_prefix(':')?.trim_start();
            rest = match key {
                "descr" if value.starts_with('[') => {
                    let end = value.find("]")? + 1;
                    descr = Some(value[..end].to_string());
                    &value[end..]
                }
                "descr" => {
                    let (found, after) = string(value)?;
                    descr = Some(found.to_string());
                    after
                }
                "fortran_order" => {
                    let after = value.strip_prefix("True").or_else(|| value.strip_prefix("False"))?;
                    fortran = Some(value.starts_with("True"));
                    after
                }
                "shape" => {
                    let (inside, after) = value.strip_prefix('(')?.split_once(')')?;
                    let sizes = inside.split(',').map(str::trim).filter(|size| !size.is_empty());
                    shape = Some(sizes.map(|size| size.trim_end_matches('L').parse().ok()).collect::<Option<_>>()?);
                    after
                }
                _ => return None,
            };
        }
        Some(Fields { descr: descr?, fortran: fortran?, shape: shape? })
    }
}

/// The text within quotes at the start of `text`, and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|quote| "'\"".contains(*quote))?;
    text[1..].split_once(quote)
}

#[cfg(test)]
#[path = "npy_tests.rs"]
mod tests;
