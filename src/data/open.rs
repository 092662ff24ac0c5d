//! Opening a data file: plain or gzip by its first bytes, whatever its name; what is known of its length beforehand.
//!
//! Knows no format. A fault names near files, and says what a file is when it is recognisably something else.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::error::{DataError, DataErrorKind};
use crate::base::closest;

const BUFFER: usize = 1 << 16;

/// The decompressed bytes of a file.
pub(super) struct Body {
    reader: Box<dyn Read>,
    /// How many bytes `reader` gives in all.
    pub length: Length,
}

/// What is known of the decompressed length without decompressing.
#[derive(Clone, Copy)]
pub(super) enum Length {
    /// The file is plain and has this many bytes.
    Exact(u64),
    /// The last member of the gzip file says that its length is this, modulo 2^32.
    Gzip(u32),
}

impl Body {
    /// Whether the bytes are the file's own.
    pub fn is_plain(&self) -> bool {
        matches!(self.length, Length::Exact(_))
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// Opens the file at `path`, decompressing it if it begins as gzip.
pub(super) fn open(path: &Path) -> Result<Body, DataError> {
    let fault = |error: &io::Error| DataError::from_io(path, error);
    let mut file = open_file(path)?;
    let size = file.metadata().map_err(|error| fault(&error))?.len();
    let mut magic = [0; 2];
    let is_gzip = size >= 2 && file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    if !is_gzip {
        file.rewind().map_err(|error| fault(&error))?;
        let reader = Box::new(BufReader::with_capacity(BUFFER, file));
        return Ok(Body { reader, length: Length::Exact(size) });
    }
    let mut trailer = [0; 4];
    if size >= 18 {
        file.seek(SeekFrom::End(-4)).and_then(|_| file.read_exact(&mut trailer)).map_err(|error| fault(&error))?;
    }
    file.rewind().map_err(|error| fault(&error))?;
    let decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file));
    Ok(Body { reader: Box::new(decoder), length: Length::Gzip(u32::from_le_bytes(trailer)) })
}

/// Opens the file at `path` as it is; a missing one is reported with the nearest name beside it.
pub(super) fn open_file(path: &Path) -> Result<File, DataError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => missing(path),
        _ => DataError::from_io(path, &error),
    })?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(DataError::new(path, DataErrorKind::Unreadable, "it is a folder, a file was expected"));
    }
    Ok(file)
}

/// There is nothing at `path`; says what is near.
pub(super) fn missing(path: &Path) -> DataError {
    let error = DataError::new(path, DataErrorKind::Missing, "there is no such file");
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let Ok(entries) = std::fs::read_dir(folder) else {
        return error
            .help(format!("there is no folder `{}` either; paths are relative to the `.nn` file", folder.display()));
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let wanted = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let with_or_without_gz = names.iter().find(|name| {
        name.strip_suffix(".gz") == Some(wanted.as_str()) || wanted.strip_suffix(".gz") == Some(name.as_str())
    });
    match with_or_without_gz.map(String::as_str).or_else(|| closest(&wanted, names.iter().map(String::as_str))) {
        Some(near) => error.help(format!("`{near}` is in that folder")),
        None => error.help("paths are relative to the `.nn` file"),
    }
}

/// Fails unless the file's body is exactly `expected` bytes. Of a gzip file whose trailer disagrees (it may have several members)
/// the rest of `body` is decompressed to be sure; `consumed` bytes of it have been read.
pub(super) fn check_length(path: &Path, body: &mut Body, consumed: u64, expected: u64) -> Result<(), DataError> {
    let found = match body.length {
        Length::Exact(found) => found,
        Length::Gzip(found) if u64::from(found) == expected & 0xffff_ffff => return Ok(()),
        Length::Gzip(_) => {
            let rest = io::copy(body, &mut io::sink()).map_err(|error| DataError::from_io(path, &error))?;
            consumed + rest
        }
    };
    match found.cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Less => Err(cut_short(path, expected, found)),
        std::cmp::Ordering::Greater => Err(surplus(path, expected, Some(found))),
    }
}

/// The file gives `found` bytes where its header promises `expected`.
pub(super) fn cut_short(path: &Path, expected: u64, found: u64) -> DataError {
    let message = format!("the file is cut short: its header promises {expected} bytes, it has {found}");
    DataError::new(path, DataErrorKind::Truncated, message).help("fetch or write the file again")
}

/// The file goes on after the `expected` bytes of its header.
pub(super) fn surplus(path: &Path, expected: u64, found: Option<u64>) -> DataError {
    let has = found.map_or("it has more".to_string(), |found| format!("it has {found}"));
    DataError::new(path, DataErrorKind::Malformed, format!("the file's header promises {expected} bytes, {has}"))
}

/// What a file that begins with `bytes` is, for a message; `None` if it is not recognised.
pub(super) fn signature(bytes: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 15] = [
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"II*\0", "a TIFF picture"),
        (b"MM\0*", "a TIFF picture"),
        (b"RIFF", "a RIFF file, as WAV sounds are"),
        (b"\x93NUM", "a NumPy array (`npy` reads it)"),
        (b"PK\x03\x04", "a zip archive (`npz` reads NumPy's)"),
        (b"\x1f\x8b", "gzip data within gzip data"),
        (b"PAR1", "a Parquet file (`parquet` reads it)"),
        (b"\x89HDF", "an HDF5 file"),
        (b"%PDF", "a PDF document"),
        (b"<!DO", "a web page, perhaps a failed download"),
        (b"<htm", "a web page, perhaps a failed download"),
        (b"vers", "text, perhaps a Git LFS pointer"),
    ];
    if let Some((_, name)) = KNOWN.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Some(name);
    }
    match bytes {
        [0, 0, 8..=14, _, ..] => Some("an IDX file (`idx` reads it)"),
        _ if !bytes.is_empty() && bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \t\r\n".contains(byte)) => {
            Some("text")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_names_its_neighbour() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.idx.gz"), b"x").unwrap();
        let error = open(&folder.path().join("train.idx")).err().unwrap();
        assert_eq!(error.kind, DataErrorKind::Missing);
        assert_eq!(error.help.as_deref(), Some("`train.idx.gz` is in that folder"));
        let error = open(&folder.path().join("deep/train.idx")).err().unwrap();
        assert!(error.help.unwrap().starts_with("there is no folder"));
        let error = open(folder.path()).err().unwrap();
        assert_eq!(error.kind, DataErrorKind::Unreadable);
    }

    #[test]
    fn recognises_what_a_file_is() {
        assert_eq!(signature(b"\x89PNG\r\n"), Some("a PNG picture"));
        assert_eq!(signature(b"a,b\n1,2"), Some("text"));
        assert_eq!(signature(&[0, 0, 8, 3, 0]), Some("an IDX file (`idx` reads it)"));
        assert_eq!(signature(&[7, 200]), None);
    }
}
