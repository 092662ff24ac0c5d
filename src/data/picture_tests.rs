//! Pictures against bytes written by other means, and what is refused.

use std::fs;
use std::path::PathBuf;

use super::super::source::{Catalog, Source};
use super::super::want::Size;
use super::*;

// Written by Python's zlib and struct, not by the crate that reads them.
const PALETTE: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x03\x00\
    \x00\x00\x02\x08\x03\x00\x00\x00\xaa\xaa\x96\x28\x00\x00\x00\x09\x50\x4c\x54\x45\xff\x00\x00\x00\x80\x00\x01\
    \x02\x03\xd1\x37\x0c\x16\x00\x00\x00\x10\x49\x44\x41\x54\x78\xda\x63\x60\x60\x64\x62\x60\x62\x64\x00\x00\x00\
    \x20\x00\x07\xf5\x2a\xdf\x2f\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const SIXTEEN: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\
    \x00\x00\x01\x10\x00\x00\x00\x00\x81\xd9\xfc\x15\x00\x00\x00\x0d\x49\x44\x41\x54\x78\xda\x63\xf8\xff\x9f\x91\
    \x01\x00\x07\x00\x02\x00\x4c\xcb\x5e\xca\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const TWO_TONES: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x02\x00\
    \x00\x00\x01\x01\x00\x00\x00\x00\xdc\x59\x42\x27\x00\x00\x00\x0a\x49\x44\x41\x54\x78\xda\x63\x70\x00\x00\x00\
    \x42\x00\x41\x84\xbf\x8e\x62\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

const TRANSPARENT: &[u8] = b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\
    \x00\x00\x00\x01\x08\x04\x00\x00\x00\xb5\x1c\x0c\x02\x00\x00\x00\x0b\x49\x44\x41\x54\x78\xda\x63\x60\x3f\x01\
    \x00\x00\xd9\x00\xd0\x44\x02\x55\xdb\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82";

fn desk(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn want(element: Element, shape: &[usize]) -> Want {
    Want::input(element, shape.iter().map(|size| Size::Known(*size)).collect())
}

fn images(folder: &tempfile::TempDir, raw: bool) -> Source {
    Source::Images { path: folder.path().to_path_buf(), raw }
}

fn values(source: &Source, want: &Want) -> Result<Vec<f32>, DataError> {
    let column = source.load(want, &Budget::of_machine())?;
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out)?;
    Ok(out)
}

/// A file that the crate writes: gray, `width` by `height`, of one tone.
fn gray(ending: &str, width: u32, height: u32, tone: u8) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("a.{ending}"));
    image::GrayImage::from_pixel(width, height, image::Luma([tone])).save(&path).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn pictures_are_planes_of_channels() {
    let folder = desk(&[("p.png", PALETTE)]);
    assert_eq!(images(&folder, false).header().unwrap(), Header { number: Number::U8, shape: vec![3, 2, 3], rows: 1 });
    let (red, green, blue) = ([255, 0, 1, 1, 0, 255], [0, 128, 2, 2, 128, 0], [0, 0, 3, 3, 0, 0]);
    let planes: Vec<f32> = red.into_iter().chain(green).chain(blue).map(|tone| tone as f32).collect();
    let of_one: Vec<f32> = planes.iter().map(|tone| tone / 255.0).collect();
    assert_eq!(values(&images(&folder, false), &want(Element::F32, &[3, 2, 3])).unwrap(), of_one);
    assert_eq!(values(&images(&folder, true), &want(Element::F32, &[3, 2, 3])).unwrap(), planes);
    assert_eq!(values(&images(&folder, false), &want(Element::Index(256), &[3, 2, 3])).unwrap(), planes);
    let few = values(&images(&folder, false), &want(Element::Index(128), &[3, 2, 3])).unwrap_err();
    assert!(few.path.ends_with("p.png") && few.message == "found 255, expected an index<128> from 0 to 127", "{few}");
}

#[test]
fn depths_are_divided_out() {
    let sixteen = values(&images(&desk(&[("a.png", SIXTEEN)]), false), &want(Element::F32, &[1, 1, 2])).unwrap();
    assert_eq!(sixteen, [1.0, 256.0 / 65535.0]);
    let raw = values(&images(&desk(&[("a.png", SIXTEEN)]), true), &want(Element::I32, &[1, 2])).unwrap();
    assert_eq!(raw, [65535.0, 256.0]);
    let tones = values(&images(&desk(&[("a.png", TWO_TONES)]), false), &want(Element::F32, &[1, 1, 2])).unwrap();
    assert_eq!(tones, [0.0, 1.0]);
    let opacity = values(&images(&desk(&[("a.png", TRANSPARENT)]), true), &want(Element::F32, &[2, 1, 1])).unwrap();
    assert_eq!(opacity, [7.0, 200.0]);
    // A JPEG of one tone is that tone.
    let jpeg =
        values(&images(&desk(&[("a.JPG", &gray("jpg", 16, 8, 77))]), true), &want(Element::F32, &[1, 8, 16])).unwrap();
    assert!(jpeg.iter().all(|tone| (tone - 77.0).abs() <= 1.0), "{jpeg:?}");
}

#[test]
fn folders_are_read_by_name_and_their_folders_are_classes() {
    let tone = |tone| gray("png", 1, 1, tone);
    let (a, b, c) = (tone(1), tone(2), tone(3));
    let folder =
        desk(&[("dog/2.png", &b), ("cat/9.png", &a), ("dog/1.png", &c), ("dog/notes.txt", b"-"), (".x/1.png", b"-")]);
    assert_eq!(values(&images(&folder, true), &want(Element::F32, &[1, 1, 1])).unwrap(), [1.0, 3.0, 2.0]);
    let classes = Source::ImageClasses { path: folder.path().to_path_buf() };
    assert_eq!(classes.header().unwrap(), Header { number: Number::I32, shape: vec![], rows: 3 });
    assert_eq!(values(&classes, &want(Element::Index(2), &[])).unwrap(), [0.0, 1.0, 1.0]);
    let few = values(&classes, &want(Element::Index(1), &[])).unwrap_err();
    assert_eq!((few.row, &*few.message), (Some(2), "found 1, expected an index<1> from 0 to 0"));
    fs::write(folder.path().join("stray.png"), &a).unwrap();
    let stray = classes.header().unwrap_err();
    assert!(stray.path.ends_with("stray.png") && stray.message.contains("no sub-folder"), "{stray}");
}

#[test]
fn bad_pictures_are_named() {
    let good = gray("png", 2, 2, 5);
    let fault = |files: &[(&str, &[u8])]| images(&desk(files), false).header().unwrap_err();
    let size = fault(&[("a.png", &good), ("b.png", &gray("png", 2, 3, 5))]);
    assert!(size.path.ends_with("b.png") && size.message.starts_with("it is [1, 3, 2], `"), "{size}");
    assert!(size.message.ends_with("a.png` is [1, 2, 2]"), "{size}");
    let depth = fault(&[("a.png", SIXTEEN), ("b.png", &gray("png", 2, 1, 5))]);
    assert!(
        depth.message.starts_with("its numbers have 8 bits, those of `") && depth.message.ends_with("a.png` 16"),
        "{depth}"
    );
    let other = fault(&[("a.png", b"PAR1....")]);
    assert_eq!(other.kind, DataErrorKind::Malformed);
    assert_eq!(other.help.as_deref(), Some("it looks like a Parquet file (`parquet` reads it)"));
    assert_eq!(fault(&[("a.txt", b"-")]).kind, DataErrorKind::Empty);
    let missing = Source::Images { path: PathBuf::from("none/here"), raw: false }.header().unwrap_err();
    assert_eq!(missing.kind, DataErrorKind::Missing);
    // A picture that is cut short has a good header and bad pixels.
    let folder = desk(&[("a.png", &PALETTE[..PALETTE.len() - 20])]);
    let error = values(&images(&folder, false), &want(Element::F32, &[3, 2, 3])).unwrap_err();
    assert!(error.path.ends_with("a.png") && error.code().as_str() == "E0403", "{error}");
}

#[test]
fn cells_of_a_table_name_pictures() {
    let table = |cells: &str| format!("x:image,y:label\n{cells}");
    let files = |cells: &str| {
        let text = table(cells);
        let (a, b) = (gray("png", 2, 1, 9), gray("png", 1, 2, 9));
        desk(&[("d.csv", text.as_bytes()), ("img/a.png", &a), ("img/b.png", &b), ("img/c.png", b"-")])
    };
    let source = |folder: &tempfile::TempDir, raw| Source::Dataset {
        path: folder.path().join("d.csv"),
        variable: "x".to_owned(),
        raw,
    };
    let folder = files("img/a.png,0\n.\\img\\a.png,1\n");
    assert_eq!(source(&folder, false).header().unwrap(), Header { number: Number::U8, shape: vec![1, 1, 2], rows: 2 });
    let ninth = 9.0 / 255.0;
    assert_eq!(values(&source(&folder, false), &want(Element::F32, &[1, 1, 2])).unwrap(), [ninth; 4]);
    assert_eq!(values(&source(&folder, true), &want(Element::F32, &[2])).unwrap(), [9.0; 4]);
    // The table's other columns are numbers still, and both are read in one pass.
    let y = Source::Dataset { path: folder.path().join("d.csv"), variable: "y".to_owned(), raw: false };
    assert_eq!(values(&y, &want(Element::Index(2), &[])).unwrap(), [0.0, 1.0]);
    assert_eq!(Catalog::default().dataset_variables(&folder.path().join("d.csv")).unwrap(), ["x", "y"]);

    let fault = |cells: &str| source(&files(cells), false).header().unwrap_err();
    let place = |error: &DataError| (error.row, error.line, error.column.as_deref() == Some("x:image"));
    let size = fault("img/a.png,0\nimg/b.png,1\n");
    assert_eq!(place(&size), (Some(2), Some(3), true), "{size}");
    assert!(size.message.contains("b.png`: it is [1, 2, 1], `that of row 1` is [1, 1, 2]"), "{size}");
    let missing = fault("img/a.png,0\nimg/z.png,1\n");
    assert_eq!((place(&missing), missing.code().as_str()), ((Some(2), Some(3), true), "E0403"), "{missing}");
    assert!(missing.message.ends_with("z.png`: there is no such file"), "{missing}");
    assert_eq!(missing.help.as_deref(), Some("`a.png` is in that folder"));
    let number = fault("img/a.png,0\n7,1\n");
    assert!(number.message.starts_with("found `7`, the name of a file, as in the first row, was expected"), "{number}");
    let damaged = fault("img/c.png,0\n");
    assert!(
        damaged.message.ends_with("c.png`: this is no picture that is read here: PNG, JPEG, BMP, GIF or TIFF"),
        "{damaged}"
    );
    let late = values(&source(&files("7,0\nimg/a.png,1\n"), false), &want(Element::F32, &[])).unwrap_err();
    assert_eq!(place(&late), (Some(2), Some(3), true), "{late}");
    let shape = values(&source(&files("img/a.png,0\n"), false), &want(Element::F32, &[3, 1, 2])).unwrap_err();
    assert_eq!(shape.message, "each sample has shape [1, 1, 2], the input takes [3, 1, 2]");
}

#[test]
fn cells_of_a_table_name_arrays_and_matrices() {
    let npy = |descr: &str, bytes: &[u8]| {
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, 2), }}");
        file.extend(format!("{header:<117}\n").bytes().chain(bytes.iter().copied()));
        file
    };
    let doubles: Vec<u8> = [1.5f64, -2.0, 0.25, 1e-3].iter().flat_map(|value| value.to_le_bytes()).collect();
    let folder = desk(&[
        ("d.csv", b"a,b,c\na.npy,m/1.csv,u.npy\na.npy,m/2.csv,u.npy\n"),
        ("bad.csv", b"b\nm/1.csv\nm/3.csv\n"),
        ("a.npy", &npy("<f8", &doubles)),
        ("u.npy", &npy("|u1", &[0, 51, 102, 255])),
        ("m/1.csv", b"1,2,3\n4,5,6.5\n"),
        ("m/2.csv", b"7,8,9\n-1, 0 ,1e2\n"),
        ("m/3.csv", b"7,8,9\n-1,x,1\n"),
    ]);
    let source = |file: &str, variable: &str, raw| Source::Dataset {
        path: folder.path().join(file),
        variable: variable.to_owned(),
        raw,
    };
    let read = |variable: &str, shape: &[usize], raw| {
        values(&source("d.csv", variable, raw), &want(Element::F32, shape)).unwrap()
    };
    assert_eq!(
        source("d.csv", "a", false).header().unwrap(),
        Header { number: Number::F32, shape: vec![2, 2], rows: 2 }
    );
    assert_eq!(read("a", &[2, 2], false), [1.5, -2.0, 0.25, 1e-3, 1.5, -2.0, 0.25, 1e-3]);
    assert_eq!(read("b", &[1, 2, 3], false), [1.0, 2.0, 3.0, 4.0, 5.0, 6.5, 7.0, 8.0, 9.0, -1.0, 0.0, 100.0]);
    assert_eq!(read("c", &[2, 2], false)[..4], [0.0, 0.2, 0.4, 1.0]);
    assert_eq!(read("c", &[2, 2], true)[4..], [0.0, 51.0, 102.0, 255.0]);
    let fraction = values(&source("d.csv", "b", false), &want(Element::I32, &[2, 3])).unwrap_err();
    assert_eq!((fraction.row, fraction.column.as_deref()), (Some(1), Some("b")));
    assert!(fraction.message.ends_with("1.csv`: 6.5 is not a whole number, expected i32"), "{fraction}");
    fs::write(folder.path().join("dcm.csv"), "b\na.DCM\n").unwrap();
    let other = source("dcm.csv", "b", false).header().unwrap_err();
    assert_eq!((other.kind, other.row), (DataErrorKind::Unsupported, Some(1)));
    assert!(other.message.contains("`a.DCM`, whose type is not read here"), "{other}");
    let bad = source("bad.csv", "b", false).header().unwrap_err();
    assert_eq!((bad.row, bad.line), (Some(2), Some(3)));
    assert!(bad.message.ends_with("3.csv`, line 2: found `x`, a number was expected"), "{bad}");
}
