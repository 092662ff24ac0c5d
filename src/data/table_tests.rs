//! Tests of tables: what spreadsheets and scripts write, and what people get wrong.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::data::want::Size;
use crate::data::{Catalog, Header, Number, Source};

struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(name: &str, bytes: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    File { _folder: folder, path }
}

fn csv(text: &str, columns: Columns) -> (File, Source) {
    let file = file("t.csv", text.as_bytes());
    let source = Source::Csv { path: file.path.clone(), columns };
    (file, source)
}

fn one(name: &str) -> Columns {
    Columns::One(name.to_string())
}

fn real(shape: &[usize]) -> Want {
    Want::input(Element::F32, shape.iter().map(|size| Size::Known(*size)).collect())
}

fn values(column: &Column) -> Vec<f32> {
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out).unwrap();
    out
}

fn refusal(text: &str, name: &str, want: &Want) -> DataError {
    let (_file, source) = csv(text, one(name));
    source.load(want, &Budget::of_machine()).unwrap_err()
}

#[test]
fn columns_are_chosen_by_name_list_and_range() {
    let text = "a,b,c\n1,2,3\n4,5,6\n";
    let (_file, source) = csv(text, one("b"));
    assert_eq!(source.header().unwrap(), Header { number: Number::Text, shape: vec![], rows: 2 });
    assert_eq!(values(&source.load(&real(&[]), &Budget::of_machine()).unwrap()), [2.0, 5.0]);
    let (_file, source) = csv(text, Columns::Several(vec!["c".into(), "a".into()]));
    assert_eq!(values(&source.load(&real(&[2]), &Budget::of_machine()).unwrap()), [3.0, 1.0, 6.0, 4.0]);
    let (_file, source) = csv(text, one("a:c"));
    assert_eq!(values(&source.load(&real(&[3]), &Budget::of_machine()).unwrap()), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let (_file, source) = csv("a:b,b\n1,2\n", one("a:b"));
    assert_eq!(
        values(&source.load(&real(&[]), &Budget::of_machine()).unwrap()),
        [1.0],
        "a name with a colon comes first"
    );
    let (_file, source) = csv(text, one("c:a"));
    assert_eq!(source.header().unwrap_err().help.as_deref(), Some("write `a:c`"));
}

#[test]
fn spreadsheets_quirks_are_read() {
    let quirky = "\u{feff}\"name, first\",x\r\n\"a \"\"b\"\"\", 1.5 \r\n\r\n\"two\nlines\",\"2e1\"\r\n";
    let (_file, source) = csv(quirky, one("x"));
    assert_eq!(values(&source.load(&real(&[]), &Budget::of_machine()).unwrap()), [1.5, 20.0]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(quirky.as_bytes()).unwrap();
    let packed = file("t.csv.gz", &encoder.finish().unwrap());
    let source = Source::Csv { path: packed.path.clone(), columns: one("x") };
    assert_eq!(source.header().unwrap().rows, 2);
    assert_eq!(values(&source.load(&real(&[]), &Budget::of_machine()).unwrap()), [1.5, 20.0]);
}

#[test]
fn cells_that_are_no_numbers_are_faults_with_row_and_line() {
    let error = refusal("x\n1\n\"2\n3\"\n", "x", &real(&[]));
    assert_eq!((error.row, error.line, error.column.as_deref()), (Some(2), Some(3), Some("x")));
    let error = refusal("x,y\n1,1\n,1\n", "x", &real(&[]));
    assert_eq!(error.message, "the cell is empty, a number was expected");
    let error = refusal("x\r\n1\r\n\r\nNA\r\n", "x", &real(&[]));
    assert_eq!((error.row, error.line), (Some(2), Some(4)));
    assert!(error.place().ends_with("row 2 (line 4), column `x`"), "{}", error.place());
    assert!(error.help.unwrap().contains("missing"));
    let error = refusal("\u{feff}x\n\"1,5\"\n", "x", &real(&[]));
    assert_eq!((error.line, error.help.as_deref()), (Some(2), Some("write the decimal separator as a point")));
    assert_eq!(refusal("x\nnan\n", "x", &real(&[])).message, "the value is NaN, a finite number was expected");
    assert_eq!(refusal("x\n-inf\n", "x", &real(&[])).message, "the value is -inf, a finite number was expected");
    assert_eq!(refusal("x\n1e50\n", "x", &real(&[])).message, "1e50 is too large for f32");
}

#[test]
fn labels_are_whole_and_in_range() {
    let want = Want::input(Element::Index(3), vec![]);
    let (_file, source) = csv("y\n0\n2.0\n1e0\n", one("y"));
    assert_eq!(values(&source.load(&want, &Budget::of_machine()).unwrap()), [0.0, 2.0, 1.0]);
    assert_eq!(refusal("y\n0\n3\n", "y", &want).message, "found 3, expected an index<3> from 0 to 2");
    assert_eq!(refusal("y\n0\n-1\n", "y", &want).row, Some(2));
    assert_eq!(refusal("y\n0.5\n", "y", &want).message, "0.5 is not a whole number, expected index<3>");
    assert_eq!(refusal("y\ncat\n", "y", &want).message, "found `cat`, a whole number for index<3> was expected");
    assert_eq!(refusal("y\nnan\n", "y", &want).message, "the value is NaN, a whole number was expected");
    let (_file, source) = csv("y\nTrue\nfalse\n1\n", one("y"));
    assert_eq!(
        values(&source.load(&Want::input(Element::Bool, vec![]), &Budget::of_machine()).unwrap()),
        [1.0, 0.0, 1.0]
    );
}

#[test]
fn tables_of_the_wrong_form_are_faults() {
    let header = |text: &[u8], name: &str| {
        let file = file("t.csv", text);
        Source::Csv { path: file.path.clone(), columns: one(name) }.header()
    };
    let error = header(b"a,b\n1,2\n1,2,3\n", "a").unwrap_err();
    assert_eq!((error.kind, error.row, error.line), (DataErrorKind::Malformed, Some(2), Some(3)));
    assert_eq!(error.message, "the row has 3 cells, the header names 2");
    let error = header(b"a,b\n1,\"2\n3,4\n", "b:b").unwrap();
    assert_eq!(error.rows, 1, "a quote that is never closed swallows the rest as one cell");
    let error = header(b"", "a").unwrap_err();
    assert_eq!((error.kind, error.message.starts_with("the file is empty")), (DataErrorKind::Truncated, true));
    assert_eq!(header(b"a,b\n", "a").unwrap().rows, 0);
    assert_eq!(refusal("a,b\n", "a", &real(&[])).kind, DataErrorKind::Empty);
    assert_eq!(header(b"age,height\n1,2\n", "hieght").unwrap_err().help.as_deref(), Some("it has `height`"));
    assert_eq!(header(b"age , b\n1,2\n", "age").unwrap_err().help.as_deref(), Some("it has `age `"));
    assert_eq!(header(b"a,b\n1,2\n", "target").unwrap_err().help.as_deref(), Some("it has `a`, `b`"));
    assert!(header(b"a;b\n1;2\n", "a").unwrap_err().help.unwrap().contains("semicolons"));
    assert!(header(b"a,a\n1,2\n", "a").unwrap_err().message.starts_with("2 columns are named `a`"));
    assert_eq!(header(b"\xff\xfea\0", "a").unwrap_err().help.as_deref(), Some("save it as UTF-8"));
    assert_eq!(header(b"\x89PNG\xff\x01", "a").unwrap_err().help.as_deref(), Some("it looks like a PNG picture"));
    let error = refusal("a,b\n1,2\n", "a:b", &real(&[3]));
    assert_eq!(error.message, "each sample has shape [2], the input takes [3]");
}

#[test]
fn nnc_datasets_are_read_by_variable() {
    let text = "\u{feff}#id,x__0:left,x__1:right,y:label\r\na,1,2,0\r\nb,3,4,1\r\n";
    let file = file("d.csv", text.as_bytes());
    assert_eq!(Catalog::default().dataset_variables(&file.path).unwrap(), ["x", "y"]);
    let source =
        |variable: &str| Source::Dataset { path: file.path.clone(), variable: variable.to_string(), raw: false };
    assert_eq!(source("x").header().unwrap(), Header { number: Number::Text, shape: vec![2], rows: 2 });
    assert_eq!(values(&source("x").load(&real(&[2]), &Budget::of_machine()).unwrap()), [1.0, 2.0, 3.0, 4.0]);
    let labels = source("y").load(&Want::input(Element::Index(2), vec![]), &Budget::of_machine()).unwrap();
    assert_eq!(values(&labels), [0.0, 1.0]);
    assert_eq!(source("z").header().unwrap_err().help.as_deref(), Some("it has `x`, `y`"));
}
