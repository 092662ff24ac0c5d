//! Text as bytes: windows of equal length, one a sample, as they overlap or stand apart in the file.
//!
//! Plain or gzip. Bytes are taken as they are: a letter beyond ASCII is several of them in UTF-8.

use std::path::Path;

use super::binary::{Number, fill};
use super::column::{Column, Values, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{Length, open};
use super::store::{Budget, Form, Sink};
use super::want::{Element, Want};

/// How the file is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Bytes of one sample.
    pub window: usize,
    /// Bytes from the start of one sample to that of the next.
    pub stride: usize,
}

impl Windows {
    /// How many whole windows a file of `length` bytes has; none is a fault.
    fn count(self, path: &Path, length: u64) -> Result<usize, DataError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match length.checked_sub(self.window) {
            Some(rest) => Ok(rest / self.stride + 1),
            None => {
                let message = format!("it holds {length} bytes, a window takes {}", self.window);
                Err(DataError::new(path, DataErrorKind::Empty, message).help("choose a smaller `window`"))
            }
        }
    }
}

/// Counts the windows; the bytes themselves are not looked at.
pub(super) fn header(path: &Path, windows: Windows) -> Result<Header, DataError> {
    let mut body = open(path)?;
    let length = match body.length {
        Length::Exact(length) => length,
        Length::Gzip(_) => {
            std::io::copy(&mut body, &mut std::io::sink()).map_err(|error| DataError::from_io(path, &error))?
        }
    };
    Ok(Header { number: Number::U8, shape: vec![windows.window], rows: windows.count(path, length)? })
}

/// Reads the file as a column that feeds `want`, each byte compared with it.
pub(super) fn load(path: &Path, windows: Windows, want: &Want, budget: &Budget) -> Result<Column, DataError> {
    let shape = want.fit(&[windows.window]).map_err(|fault| misfit(path, DataErrorKind::Shape, fault))?;
    let mut body = open(path)?;
    let mut sink = Sink::new(path, budget);
    let (mut piece, mut done) = (vec![0; 1 << 16], 0);
    loop {
        let filled = fill(&mut body, &mut piece).map_err(|error| DataError::from_io(path, &error))?;
        for (place, byte) in piece[..filled].iter().enumerate() {
            let at = done + place;
            // The first window that has not ended before this byte.
            let first = at.saturating_sub(windows.window - 1).div_ceil(windows.stride);
            if want.element != Element::F32
                && first * windows.stride <= at
                && let Err(fault) = want.integer(i64::from(*byte))
            {
                let mut error = misfit(path, DataErrorKind::Value, fault).at_row(first + 1);
                error.message = format!("{} (byte {} of the file)", error.message, at + 1);
                return Err(error);
            }
        }
        sink.push(&piece[..filled])?;
        done += filled;
        if filled < piece.len() {
            break;
        }
    }
    let rows = windows.count(path, done as u64)?;
    let values = Values { form: Form::own(Number::U8), stride: windows.stride, bytes: sink.finish()? };
    Ok(Column::new(want.element, shape, rows, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Size;

    fn file(text: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn want(classes: usize, window: usize) -> Want {
        Want::input(Element::Index(classes), vec![Size::Known(window)])
    }

    #[test]
    fn windows_overlap_or_stand_apart() {
        let (_folder, path) = file(b"abcdefgh");
        for (window, stride, rows, last) in [(3, 3, 2, b"def"), (3, 1, 6, b"fgh"), (3, 4, 2, b"efg")] {
            let windows = Windows { window, stride };
            assert_eq!(header(&path, windows).unwrap().rows, rows);
            // In memory, and from disk.
            for budget in [Budget::new(100), Budget::new(0)] {
                let column = load(&path, windows, &want(256, 3), &budget).unwrap();
                let mut out = [0; 6];
                column.gather_i32(&[rows - 1, 0], &mut out).unwrap();
                assert_eq!(out[..3], last.map(i32::from), "{window} {stride}");
                assert_eq!(out[3..], b"abc".map(i32::from));
                assert_eq!(column.rows(), rows);
            }
        }
    }

    #[test]
    fn a_short_file_and_a_byte_beyond_the_classes_are_faults() {
        let (_folder, path) = file("caffè".as_bytes());
        let windows = Windows { window: 10, stride: 1 };
        assert!(header(&path, windows).unwrap_err().message.contains("6 bytes, a window takes 10"));
        let windows = Windows { window: 2, stride: 2 };
        let error = load(&path, windows, &want(128, 2), &Budget::new(100)).unwrap_err();
        assert_eq!(error.row, Some(3));
        assert!(error.message.contains("found 195, expected an index<128> from 0 to 127 (byte 5 of the file)"));
        assert!(load(&path, windows, &want(256, 3), &Budget::new(100)).is_err());
    }
}
