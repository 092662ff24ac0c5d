//! The IDX format (MNIST's): two zero bytes, a type, the number of axes, their sizes, then the numbers, all big-endian.

use std::path::Path;

use super::binary::{Layout, Number, Reading, fill, load as load_numbers};
use super::column::Column;
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{Body, check_length, cut_short, open, signature};
use super::store::Budget;
use super::want::Want;

/// Reads the header and makes sure that the file is as long as it says.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    let (layout, mut body) = begin(path)?;
    let expected = layout.file_length().ok_or_else(|| too_large(path))?;
    check_length(path, &mut body, layout.offset, expected)?;
    Ok(layout.header)
}

/// Reads the whole file as a column that feeds `want`.
pub(super) fn load(path: &Path, want: &Want, raw: bool, budget: &Budget) -> Result<Column, DataError> {
    let (layout, mut body) = begin(path)?;
    layout.file_length().ok_or_else(|| too_large(path))?;
    layout.header.check(path, want)?;
    load_numbers(&Reading { path, want, raw, plain: body.is_plain(), budget, names: &[] }, &layout, &mut body)
}

fn begin(path: &Path) -> Result<(Layout, Body), DataError> {
    let mut body = open(path)?;
    let mut start = [0; 4];
    let filled = fill(&mut body, &mut start).map_err(|error| DataError::from_io(path, &error))?;
    if filled == 0 {
        return Err(DataError::new(path, DataErrorKind::Truncated, "the file is empty"));
    }
    let [0, 0, kind, axes] = start else { return Err(not_idx(path, &start[..filled])) };
    let number = match kind {
        0x08 => Number::U8,
        0x09 => Number::I8,
        0x0b => Number::I16,
        0x0c => Number::I32,
        0x0d => Number::F32,
        0x0e => Number::F64,
        _ => return Err(not_idx(path, &start[..filled])),
    };
    if filled < 4 || axes == 0 {
        return Err(DataError::new(path, DataErrorKind::Malformed, "the IDX header names no axis for the samples"));
    }
    let mut sizes = vec![0; 4 * usize::from(axes)];
    let filled = fill(&mut body, &mut sizes).map_err(|error| DataError::from_io(path, &error))?;
    let offset = 4 + sizes.len() as u64;
    if filled < sizes.len() {
        return Err(cut_short(path, offset, 4 + filled as u64));
    }
    let mut shape: Vec<usize> =
        sizes.chunks_exact(4).map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize).collect();
    let rows = shape.remove(0);
    let header = Header { number, shape, rows };
    Ok((Layout { header, big_endian: true, fortran: false, offset }, body))
}

fn not_idx(path: &Path, start: &[u8]) -> DataError {
    let found: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
    let message = format!(
        "this is no IDX file: it begins with {}, expected 00 00, a type from 08 to 0e, and the number of axes",
        found.join(" ")
    );
    let error = DataError::new(path, DataErrorKind::Malformed, message);
    match signature(start) {
        Some(what) => error.help(format!("it looks like {what}")),
        None => error,
    }
}

fn too_large(path: &Path) -> DataError {
    DataError::new(path, DataErrorKind::Malformed, "the header's sizes multiply to more than any memory holds")
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::PathBuf;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::super::want::{Element, Size};
    use super::*;

    fn bytes(kind: u8, sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, kind, sizes.len() as u8];
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn write(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join("a.idx");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn load(path: &Path, want: &Want, raw: bool) -> Result<Column, DataError> {
        super::load(path, want, raw, &Budget::of_machine())
    }

    fn image() -> Want {
        Want::input(Element::F32, vec![Size::Known(1), Size::Known(2), Size::Known(2)])
    }

    #[test]
    fn images_arrive_as_intensities() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, &gzip(&bytes(8, &[2, 2, 2], &[0, 255, 51, 102, 1, 2, 3, 4])));
        let expected = Header { number: Number::U8, shape: vec![2, 2], rows: 2 };
        assert_eq!(header(&path), Ok(expected));
        let column = load(&path, &image(), false).unwrap();
        let mut out = [0.0; 4];
        column.gather_f32(&[0], &mut out).unwrap();
        assert_eq!((column.shape(), out), (&[1, 2, 2][..], [0.0, 1.0, 0.2, 0.4]));
        load(&path, &image(), true).unwrap().gather_f32(&[1], &mut out).unwrap();
        assert_eq!(out, [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn all_types_are_read_big_endian() {
        let folder = tempfile::tempdir().unwrap();
        let cases: [(u8, Vec<u8>); 6] = [
            (0x08, vec![3, 7]),
            (0x09, vec![3, 0xf9]),
            (0x0b, [3i16.to_be_bytes(), (-7i16).to_be_bytes()].concat()),
            (0x0c, [3i32.to_be_bytes(), (-7i32).to_be_bytes()].concat()),
            (0x0d, [3f32.to_be_bytes(), (-7f32).to_be_bytes()].concat()),
            (0x0e, [3f64.to_be_bytes(), (-7f64).to_be_bytes()].concat()),
        ];
        for (kind, data) in cases {
            let path = write(&folder, &bytes(kind, &[2], &data));
            let mut real = [0.0; 2];
            load(&path, &Want::input(Element::F32, vec![]), false).unwrap().gather_f32(&[0, 1], &mut real).unwrap();
            let mut whole = [0; 2];
            load(&path, &Want::input(Element::I32, vec![]), false).unwrap().gather_i32(&[0, 1], &mut whole).unwrap();
            let expected = if kind == 8 { [3, 7] } else { [3, -7] };
            assert_eq!((real, whole), (expected.map(|value| value as f32), expected), "type {kind:02x}");
        }
    }

    #[test]
    fn labels_are_checked_with_their_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = write(&folder, &bytes(8, &[3], &[0, 9, 10]));
        let error = load(&path, &Want::input(Element::Index(10), vec![]), false).unwrap_err();
        assert_eq!((error.kind, error.row), (DataErrorKind::Value, Some(3)));
        assert_eq!(error.message, "found 10, expected an index<10> from 0 to 9");
        assert!(load(&path, &Want::input(Element::Index(11), vec![]), false).is_ok());
    }

    #[test]
    fn damaged_files_are_faults() {
        let folder = tempfile::tempdir().unwrap();
        let whole = bytes(8, &[2, 2, 2], &[0, 255, 51, 102, 1, 2, 3, 4]);
        let fault = |bytes: &[u8]| {
            let path = write(&folder, bytes);
            (header(&path).err().map(|error| error.kind), load(&path, &image(), false).err().map(|error| error.kind))
        };
        let truncated = Some(DataErrorKind::Truncated);
        let malformed = Some(DataErrorKind::Malformed);
        assert_eq!(fault(&[]), (truncated, truncated));
        assert_eq!(fault(&whole[..7]), (truncated, truncated));
        assert_eq!(fault(&whole[..whole.len() - 1]), (truncated, truncated));
        assert_eq!(fault(&[&whole[..], &[0]].concat()), (malformed, malformed));
        assert_eq!(fault(b"\x89PNG\r\n\x1a\n"), (malformed, malformed));
        assert_eq!(fault(&bytes(8, &[u32::MAX, u32::MAX, u32::MAX], &[])), (malformed, malformed));
        assert_eq!(fault(&gzip(&whole[..whole.len() - 2])), (truncated, truncated));
        let packed = gzip(&whole);
        assert_eq!(fault(&packed[..packed.len() - 9]).1, truncated);
        let mut corrupt = packed.clone();
        let checksum = corrupt.len() - 6;
        corrupt[checksum] ^= 1;
        assert_eq!(fault(&corrupt).1, Some(DataErrorKind::Unreadable));
        assert_eq!(fault(&bytes(8, &[0, 2, 2], &[])), (None, Some(DataErrorKind::Empty)));
        let several = [gzip(&whole[..9]), gzip(&whole[9..])].concat();
        assert_eq!(fault(&several), (None, None));
    }

    #[test]
    fn a_wrong_format_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = header(&write(&folder, b"\x93NUMPY\x01\x00")).unwrap_err();
        assert!(error.message.contains("begins with 93 4e 55 4d"), "{}", error.message);
        let error = header(&write(&folder, b"a,b\n1,2\n")).unwrap_err();
        assert_eq!(error.help.as_deref(), Some("it looks like text"));
    }
}
