//! Pictures: PNG, JPEG, BMP, GIF and TIFF files, one sample each, as planes of channels; and folders of them.
//!
//! A gray picture has one channel, a coloured one three, in the order red, green, blue; a transparent one has its opacity as a last
//! channel. Palettes are written out. A picture is taken as it is stored: no resizing, no turning. `stored` opens the files.

use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};

use super::binary::Number;
use super::cells;
use super::column::{Column, misfit};
use super::error::{DataError, DataErrorKind};
use super::header::Header;
use super::open::{missing, open_file};
use super::store::{Budget, Form, Sink};
use super::stored::Stored;
use super::want::{Element, Want, list};

/// The endings of pictures' names.
const ENDINGS: [&str; 7] = ["png", "jpg", "jpeg", "bmp", "gif", "tif", "tiff"];

/// Whether a file of that name is a picture that is read here.
pub fn is_picture(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// What one picture is: a sample of so many channels, rows and columns.
pub(super) fn header(path: &Path) -> Result<Header, DataError> {
    Stored::open(path, BufReader::new(open_file(path)?))?.header(path)
}

/// The picture's elements, plane after plane, as the header at `path` has them.
pub(super) fn read(path: &Path) -> Result<(Header, Vec<u8>), DataError> {
    Stored::open(path, BufReader::new(open_file(path)?))?.planes(path)
}

/// As [`header`], of a picture in memory; `path` is for messages.
pub(super) fn header_in(path: &Path, bytes: &[u8]) -> Result<Header, DataError> {
    Stored::open(path, Cursor::new(bytes))?.header(path)
}

/// As [`read`], of a picture in memory; `path` is for messages.
pub(super) fn read_in(path: &Path, bytes: &[u8]) -> Result<(Header, Vec<u8>), DataError> {
    Stored::open(path, Cursor::new(bytes))?.planes(path)
}

/// The pictures of a folder and of the folders in it, by name; or the one picture, when `path` is a file. Hidden files and what is no
/// picture by its name are left out.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, DataError> {
    if !path.exists() {
        return Err(missing(path));
    }
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut found = Vec::new();
    gather(path, &mut found)?;
    if found.is_empty() {
        let error = DataError::new(path, DataErrorKind::Empty, "the folder holds no pictures");
        return Err(error.help("names of pictures end in `.png`, `.jpg`, `.jpeg`, `.bmp`, `.gif`, `.tif` or `.tiff`"));
    }
    found.sort();
    Ok(found)
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), DataError> {
    let refuse = |error: std::io::Error| DataError::from_io(folder, &error);
    for entry in std::fs::read_dir(folder).map_err(refuse)? {
        let path = entry.map_err(refuse)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            gather(&path, found)?;
        } else if is_picture(&name) {
            found.push(path);
        }
    }
    Ok(())
}

/// What is known of a folder's pictures: their one shape, and how many there are.
pub(super) fn folder_header(path: &Path) -> Result<Header, DataError> {
    let files = files(path)?;
    let first = header(&files[0])?;
    for file in &files[1..] {
        alike(file, &header(file)?, &files[0], &first)?;
    }
    Ok(Header { rows: files.len(), ..first })
}

/// Refuses a file that is not of the shape and depth of the first.
pub(super) fn alike(path: &Path, found: &Header, first_path: &Path, first: &Header) -> Result<(), DataError> {
    let known = first_path.display();
    if found.shape != first.shape {
        let message = format!("it is {}, `{known}` is {}", list(&found.shape), list(&first.shape));
        let error = DataError::new(path, DataErrorKind::Shape, message);
        return Err(error.help("all files of a column have one shape; of pictures that is channels, height, width"));
    }
    if found.number != first.number {
        let message = format!("its numbers have {} bits, those of `{known}` {}", bits(found), bits(first));
        return Err(DataError::new(path, DataErrorKind::Shape, message).help("save all of them with the same depth"));
    }
    Ok(())
}

fn bits(header: &Header) -> usize {
    8 * header.number.size()
}

/// Reads a folder's pictures as a column that feeds `want`.
pub(super) fn load(path: &Path, want: &Want, raw: bool, budget: &Budget) -> Result<Column, DataError> {
    let files = files(path)?;
    let first = header(&files[0])?;
    let shape = first.check(path, want)?;
    let mut sink = Sink::new(path, budget);
    for file in &files {
        let (header, planes) = read(file)?;
        alike(file, &header, &files[0], &first)?;
        sink.push(&cells::elements(file, &planes, header.number, want)?)?;
    }
    let form = form(first.number, want, raw);
    Ok(Column::packed(want.element, shape, files.len(), form, sink.finish()?))
}

/// How the elements of files are kept for what `want` feeds: as they are for real numbers, else as integers. Those of fewer bits than
/// an `f32` are intensities, unless `raw`.
pub(super) fn form(number: Number, want: &Want, raw: bool) -> Form {
    match want.element {
        Element::F32 => {
            Form { big_endian: cfg!(target_endian = "big"), intensity: !raw && number != Number::F32, number }
        }
        _ => Form::own(Number::I32),
    }
}

/// The number of each picture's class: the place of its sub-folder among all by name.
pub(super) fn classes(path: &Path) -> Result<Vec<i32>, DataError> {
    let files = files(path)?;
    let folder_of = |file: &PathBuf| {
        let within = file.strip_prefix(path).ok()?;
        let mut parts = within.components();
        let first = parts.next()?.as_os_str().to_owned();
        parts.next().map(|_| first)
    };
    let mut folders = Vec::with_capacity(files.len());
    for file in &files {
        let Some(folder) = folder_of(file) else {
            let error =
                DataError::new(file, DataErrorKind::Name, "the picture stands in no sub-folder, so it has no class");
            return Err(error.help("put the pictures of each class into a folder of their own"));
        };
        folders.push(folder);
    }
    let mut names = folders.clone();
    names.sort();
    names.dedup();
    Ok(folders.iter().map(|folder| names.partition_point(|name| name < folder) as i32).collect())
}

/// Reads the classes of a folder's pictures as a column that feeds `want`.
pub(super) fn load_classes(path: &Path, want: &Want, budget: &Budget) -> Result<Column, DataError> {
    let classes = classes(path)?;
    let shape = want.fit(&[]).map_err(|fault| misfit(path, DataErrorKind::Shape, fault))?;
    let mut sink = Sink::new(path, budget);
    for (row, class) in classes.iter().enumerate() {
        let class = want.integer(i64::from(*class));
        let class = class.map_err(|fault| misfit(path, DataErrorKind::Value, fault).at_row(row + 1))?;
        sink.push(&class.to_le_bytes())?;
    }
    Ok(Column::packed(want.element, shape, classes.len(), Form::own(Number::I32), sink.finish()?))
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
