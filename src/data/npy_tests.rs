//! Tests of `.npy` and `.npz`: files written byte by byte as NumPy's format description says.

use std::io::Write;
use std::path::PathBuf;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::data::want::{Element, Size};

fn array(version: u8, descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    let width = if version == 1 { 2 } else { 4 };
    while (8 + width + text.len() + 1) % 64 != 0 {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = [&MAGIC[..], &[version, 0]].concat();
    bytes.extend(&(text.len() as u32).to_le_bytes()[..width]);
    bytes.extend(text.as_bytes());
    bytes.extend(data);
    bytes
}

fn write(folder: &tempfile::TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("a.npy");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn load(path: &Path, want: &Want, raw: bool) -> Result<Column, DataError> {
    super::load(path, want, raw, &Budget::of_machine())
}

fn npz_load(path: &Path, key: &str, want: &Want, raw: bool) -> Result<Column, DataError> {
    super::npz_load(path, key, want, raw, &Budget::of_machine())
}

fn real(column: &Column) -> Vec<f32> {
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out).unwrap();
    out
}

fn input(element: Element, shape: &[usize]) -> Want {
    Want::input(element, shape.iter().map(|size| Size::Known(*size)).collect())
}

#[test]
fn every_number_and_order_of_bytes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, Vec<u8>); 14] = [
        ("'|u1'", vec![3, 7]),
        ("'|i1'", vec![3, 7]),
        ("'<u2'", vec![3, 0, 7, 0]),
        ("'<i2'", vec![3, 0, 7, 0]),
        ("'>i2'", vec![0, 3, 0, 7]),
        ("'<i4'", [3i32.to_le_bytes(), 7i32.to_le_bytes()].concat()),
        ("'>u4'", [3u32.to_be_bytes(), 7u32.to_be_bytes()].concat()),
        ("'<i8'", [3i64.to_le_bytes(), 7i64.to_le_bytes()].concat()),
        ("'>i8'", [3i64.to_be_bytes(), 7i64.to_be_bytes()].concat()),
        ("'<u8'", [3u64.to_le_bytes(), 7u64.to_le_bytes()].concat()),
        ("'<f2'", vec![0x00, 0x42, 0x00, 0x47]),
        ("'<f4'", [3f32.to_le_bytes(), 7f32.to_le_bytes()].concat()),
        ("'>f4'", [3f32.to_be_bytes(), 7f32.to_be_bytes()].concat()),
        ("'<f8'", [3f64.to_le_bytes(), 7f64.to_le_bytes()].concat()),
    ];
    for (version, (descr, data)) in cases.iter().enumerate() {
        let path = write(&folder, &array(version as u8 % 3 + 1, descr, false, "(2,)", data));
        assert_eq!(header(&path).unwrap().rows, 2, "{descr}");
        assert_eq!(real(&load(&path, &input(Element::F32, &[]), false).unwrap()), [3.0, 7.0], "{descr}");
        let whole = load(&path, &input(Element::Index(8), &[]), false).unwrap();
        let mut out = [0; 2];
        whole.gather_i32(&[1, 0], &mut out).unwrap();
        assert_eq!(out, [7, 3], "{descr}");
        assert_eq!(load(&path, &input(Element::Index(7), &[]), false).unwrap_err().row, Some(2), "{descr}");
    }
}

#[test]
fn half_precision_covers_its_whole_range() {
    let folder = tempfile::tempdir().unwrap();
    let words: [u16; 5] = [0x0001, 0x03ff, 0x8400, 0x7bff, 0x3555];
    let data: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let path = write(&folder, &array(1, "'<f2'", false, "(5,)", &data));
    let values = real(&load(&path, &input(Element::F32, &[]), false).unwrap());
    assert_eq!(values, [5.960_464_5e-8, 6.097_555e-5, -6.103_515_6e-5, 65504.0, 0.333_251_95]);
    let path = write(&folder, &array(1, "'<f2'", false, "(1,)", &[0x00, 0x7c]));
    assert!(load(&path, &input(Element::F32, &[]), false).is_err(), "an infinity");
}

#[test]
fn bools_and_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, &array(1, "'|b1'", false, "(2, 1)", &[0, 1]));
    assert_eq!(real(&load(&path, &input(Element::Bool, &[]), false).unwrap()), [0.0, 1.0]);
    let path = write(&folder, &array(1, "'|u1'", false, "(1, 1, 2)", &[0, 255]));
    assert_eq!(real(&load(&path, &input(Element::F32, &[1, 2]), false).unwrap()), [0.0, 1.0]);
    assert_eq!(real(&load(&path, &input(Element::F32, &[1, 2]), true).unwrap()), [0.0, 255.0]);
}

#[test]
fn fortran_order_is_undone() {
    let folder = tempfile::tempdir().unwrap();
    // The array a[i, j, k] = 100 i + 10 j + k of shape (2, 3, 2): i runs fastest in the file.
    let mut data = Vec::new();
    for k in 0..2 {
        for j in 0..3 {
            (0..2).for_each(|i| data.extend(((100 * i + 10 * j + k) as f32).to_le_bytes()));
        }
    }
    let path = write(&folder, &array(1, "'<f4'", true, "(2, 3, 2)", &data));
    let values = real(&load(&path, &input(Element::F32, &[3, 2]), false).unwrap());
    assert_eq!(values, [0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 100.0, 101.0, 110.0, 111.0, 120.0, 121.0]);
    let last = data.len() - 4;
    data[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    let path = write(&folder, &array(1, "'<f4'", true, "(2, 3, 2)", &data));
    let error = load(&path, &input(Element::F32, &[3, 2]), false).unwrap_err();
    assert_eq!(error.row, Some(2));
    assert_eq!(error.message, "the value is NaN, a finite number was expected (at [2, 1] of the sample)");
}

#[test]
fn faults_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |bytes: &[u8]| header(&write(&folder, bytes)).unwrap_err().kind;
    let whole = array(1, "'<f4'", false, "(2,)", &[0; 8]);
    assert_eq!(fault(&whole[..whole.len() - 1]), DataErrorKind::Truncated);
    assert_eq!(fault(&whole[..20]), DataErrorKind::Truncated);
    assert_eq!(fault(&[]), DataErrorKind::Truncated);
    assert_eq!(fault(&[&whole[..], &[0]].concat()), DataErrorKind::Malformed);
    assert_eq!(fault(b"1,2,3\n4,5,6\n"), DataErrorKind::Malformed);
    assert_eq!(fault(&array(1, "'<f4'", false, "()", &[0; 4])), DataErrorKind::Shape);
    assert_eq!(fault(&array(1, "'<f4'", false, "(two,)", &[0; 8])), DataErrorKind::Malformed);
    assert_eq!(fault(&array(4, "'<f4'", false, "(2,)", &[0; 8])), DataErrorKind::Unsupported);
    assert_eq!(fault(&array(1, "'|O'", false, "(2,)", &[])), DataErrorKind::Unsupported);
    assert_eq!(fault(&array(1, "[('a', '<f4')]", false, "(2,)", &[0; 8])), DataErrorKind::Unsupported);
    let huge = array(1, "'<f8'", false, "(4294967296, 4294967296)", &[]);
    assert_eq!(fault(&huge), DataErrorKind::Malformed);
}

#[test]
fn archives_are_read_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let mut archive = ZipWriter::new(File::create(&path).unwrap());
    for (name, method) in [("images", CompressionMethod::Stored), ("labels", CompressionMethod::Deflated)] {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(&array(1, "'<i8'", false, "(3,)", &[[5u8, 0, 0, 0, 0, 0, 0, 0]; 3].concat())).unwrap();
    }
    archive.finish().unwrap();
    for key in ["images", "labels"] {
        assert_eq!(npz_header(&path, key).unwrap().rows, 3);
        let column = npz_load(&path, key, &input(Element::Index(6), &[]), false).unwrap();
        assert_eq!(real(&column), [5.0; 3]);
        let error = npz_load(&path, key, &input(Element::Index(5), &[]), false).unwrap_err();
        assert_eq!((error.column.as_deref(), error.row), (Some(key), Some(1)));
    }
    let error = npz_header(&path, "label").unwrap_err();
    assert_eq!((error.kind, error.help.as_deref()), (DataErrorKind::Name, Some("it has `labels`")));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 40]).unwrap();
    assert_eq!(npz_header(&path, "labels").unwrap_err().kind, DataErrorKind::Truncated);
    std::fs::write(&path, b"a,b\n").unwrap();
    let error = npz_header(&path, "labels").unwrap_err();
    assert_eq!((error.kind, error.help.as_deref()), (DataErrorKind::Malformed, Some("it looks like text")));
}
