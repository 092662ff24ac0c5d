//! Pictures and sounds as Pillow, SciPy and Python's `wave` write them. `tests/data/media/make.py` says what they hold.

use std::fs;
use std::path::{Path, PathBuf};

use nnlc::data::{Budget, DataError, DataErrorKind, Element, Size, Source, Want};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/media", name].iter().collect()
}

fn values(source: &Source, element: Element, shape: &[usize]) -> Result<Vec<f32>, DataError> {
    let want = Want::input(element, shape.iter().map(|size| Size::Known(*size)).collect());
    let column = source.load(&want, &Budget::new(1 << 20))?;
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out)?;
    Ok(out)
}

/// One picture, its numbers as they are stored.
fn picture(name: &str, shape: &[usize]) -> Vec<f32> {
    values(&Source::Images { path: path(name), raw: true }, Element::F32, shape).expect(name)
}

/// A table whose cells name the files, one a row.
fn table(folder: &Path, files: &[&str], raw: bool) -> Source {
    let cells: String = files.iter().map(|file| format!("{file}\n")).collect();
    fs::write(folder.join("table.csv"), format!("x:sound\n{cells}")).expect("a table");
    Source::Dataset { path: folder.join("table.csv"), variable: "x".to_owned(), raw }
}

/// The sounds of this folder, in a folder of their own beside a table that names them.
fn sounds(files: &[&str], raw: bool) -> (tempfile::TempDir, Source) {
    let folder = tempfile::tempdir().expect("a folder");
    for file in files {
        fs::copy(path(file), folder.path().join(file)).expect("a sound");
    }
    let source = table(folder.path(), files, raw);
    (folder, source)
}

#[test]
fn pictures_of_every_format_are_planes_of_channels() {
    let coloured = [255, 0, 1, 1, 0, 255, 0, 128, 2, 2, 128, 0, 0, 0, 3, 3, 0, 0].map(|tone: u8| f32::from(tone));
    for name in ["coloured.bmp", "two_frames.gif", "coloured.tif"] {
        assert_eq!(picture(name, &[3, 2, 3]), coloured, "{name}");
    }
    for name in ["gray.bmp", "gray.tiff"] {
        assert_eq!(picture(name, &[1, 2, 3]), [0.0, 51.0, 255.0, 102.0, 3.0, 7.0], "{name}");
    }
    assert_eq!(picture("black_and_white.tif", &[1, 2, 3]), [0.0, 255.0, 255.0, 255.0, 0.0, 0.0]);
    assert_eq!(picture("deep.tif", &[1, 1, 2]), [65535.0, 256.0]);
    // What is transparent is black.
    assert_eq!(picture("transparent.gif", &[3, 1, 2]), [0.0, 200.0, 0.0, 100.0, 0.0, 50.0]);
    let divided = values(&Source::Images { path: path("gray.bmp"), raw: false }, Element::F32, &[1, 2, 3]);
    assert_eq!(divided.expect("good data")[..3], [0.0, 0.2, 1.0]);
}

#[test]
fn pictures_that_are_not_read_are_named() {
    for name in ["palette.tif", "fractions.tif"] {
        let error = Source::Images { path: path(name), raw: false }.header().expect_err(name);
        assert!(error.kind == DataErrorKind::Unsupported && error.path.ends_with(name), "{error}");
        assert!(error.message.starts_with("this kind of picture is not read here: "), "{error}");
        assert_eq!(error.help.as_deref(), Some("convert it to PNG"), "{error}");
    }
    // A good header, and too few pixels.
    let folder = tempfile::tempdir().expect("a folder");
    for (name, kept) in [("coloured.bmp", 60), ("two_frames.gif", 40), ("coloured.tif", 20), ("gray.tiff", 9)] {
        let bytes = fs::read(path(name)).expect("a picture");
        let cut = folder.path().join(name);
        fs::write(&cut, &bytes[..kept]).expect("written");
        let error = values(&Source::Images { path: cut, raw: false }, Element::F32, &[3, 2, 3]).expect_err(name);
        assert!(error.path.ends_with(name) && error.code().as_str() == "E0403", "{error}");
    }
}

#[test]
fn a_folder_of_pictures_mixes_their_formats() {
    let folder = tempfile::tempdir().expect("a folder");
    for (class, name) in [("a", "coloured.bmp"), ("b", "coloured.tif"), ("b", "two_frames.gif")] {
        fs::create_dir_all(folder.path().join(class)).expect("a folder");
        fs::copy(path(name), folder.path().join(class).join(name)).expect("a picture");
    }
    let images = Source::Images { path: folder.path().to_path_buf(), raw: false };
    assert_eq!(images.header().expect("good data").rows, 3);
    let all = values(&images, Element::F32, &[3, 2, 3]).expect("good data");
    assert!(all[..18] == all[18..36] && all[..18] == all[36..], "{all:?}");
    let classes = values(&Source::ImageClasses { path: folder.path().to_path_buf() }, Element::Index(2), &[]);
    assert_eq!(classes.expect("good data"), [0.0, 1.0, 1.0]);
}

#[test]
fn sounds_are_moments_of_channels() {
    let read = |name: &str, raw: bool, element: Element, shape: &[usize]| {
        let (_folder, source) = sounds(&[name], raw);
        assert_eq!((source.header().expect(name).shape, source.header().expect(name).rows), (shape.to_vec(), 1));
        values(&source, element, shape).expect(name)
    };
    let stereo = read("stereo.wav", false, Element::F32, &[3, 2]);
    assert_eq!(stereo, [-1.0, 0.5, 32767.0 / 32768.0, -1.0 / 32768.0, 0.0, 1.0 / 128.0]);
    let stored = [-32768.0, 16384.0, 32767.0, -1.0, 0.0, 256.0];
    assert_eq!(read("stereo.wav", true, Element::F32, &[3, 2]), stored);
    assert_eq!(read("stereo.wav", false, Element::I32, &[3, 2]), stored);
    assert_eq!(read("eight.wav", false, Element::F32, &[3, 1]), [-1.0, 0.0, 0.5]);
    assert_eq!(read("twenty_four.wav", false, Element::F32, &[2, 1]), [-1.0, 0.5]);
    assert_eq!(read("thirty_two.wav", false, Element::F32, &[2, 1]), [-1.0, 0.5]);
    assert_eq!(read("fractions.wav", false, Element::F32, &[3, 1]), [0.5, -0.25, 1.5]);
    // Depths may differ, as all of them are -1 to 1; a sound of one channel feeds a plain vector.
    let (_folder, mixed) = sounds(&["twenty_four.wav", "thirty_two.wav"], false);
    assert_eq!(values(&mixed, Element::F32, &[2]).expect("good data"), [-1.0, 0.5, -1.0, 0.5]);
}

#[test]
fn sounds_that_are_not_read_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let fault = |bytes: &[u8]| {
        fs::copy(path("stereo.wav"), folder.path().join("good.wav")).expect("a sound");
        fs::write(folder.path().join("bad.wav"), bytes).expect("written");
        let error = table(folder.path(), &["good.wav", "bad.wav"], false).header().expect_err("a fault");
        assert_eq!((error.row, error.line, error.column.as_deref()), (Some(2), Some(3), Some("x:sound")), "{error}");
        assert!(error.message.contains("bad.wav`: "), "{error}");
        error
    };
    let stereo = fs::read(path("stereo.wav")).expect("a sound");
    let cut = fault(&stereo[..stereo.len() - 2]);
    assert!(cut.message.ends_with("the sound is cut short: its header promises 12 bytes, it has 10"), "{cut}");
    assert_eq!(cut.kind, DataErrorKind::Truncated);
    let header = fault(&stereo[..20]);
    assert!(header.message.ends_with("the sound is damaged: it ends too early"), "{header}");
    let other = fault(&fs::read(path("coloured.tif")).expect("a picture"));
    assert!(other.message.ends_with("this is not a WAV file"), "{other}");
    assert_eq!(other.help.as_deref(), Some("it looks like a TIFF picture"));
    // Format 7 is mu-law.
    let mut compressed = stereo.clone();
    compressed[20] = 7;
    let compressed = fault(&compressed);
    assert_eq!(compressed.kind, DataErrorKind::Unsupported);
    assert_eq!(compressed.help.as_deref(), Some("save it with 16 bits (PCM)"));
    let doubles = fault(&fs::read(path("doubles.wav")).expect("a sound"));
    assert_eq!((doubles.kind, doubles.help), (DataErrorKind::Unsupported, compressed.help), "{}", doubles.message);
    let length = fault(&fs::read(path("eight.wav")).expect("a sound"));
    assert!(length.message.ends_with("bad.wav`: it is [3, 1], `that of row 1` is [3, 2]"), "{length}");
}
