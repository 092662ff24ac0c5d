//! Parquet files as pyarrow, pandas, polars and Hugging Face's datasets write them. `tests/data/parquet/make.py` says what they hold.

use std::fs;
use std::path::PathBuf;

use nnlc::data::{Budget, Catalog, Column, Columns, DataError, DataErrorKind, Element, Size, Source, Want};
use nnlc::driver::{DataOverride, Request, Session, Sets};

const ROWS: usize = 60;

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/data/parquet", name].iter().collect()
}

fn one(file: &str, column: &str) -> Source {
    Source::Parquet { path: path(file), columns: Columns::One(column.to_owned()), raw: false }
}

fn several(file: &str, columns: &[&str]) -> Source {
    let columns = Columns::Several(columns.iter().map(|column| (*column).to_owned()).collect());
    Source::Parquet { path: path(file), columns, raw: false }
}

fn input(element: Element, shape: &[usize]) -> Want {
    Want::input(element, shape.iter().map(|size| Size::Known(*size)).collect())
}

fn load(source: &Source, element: Element, shape: &[usize]) -> Result<Column, DataError> {
    source.load(&input(element, shape), &Budget::new(1 << 20))
}

fn all(column: &Column) -> Vec<f32> {
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out).expect("readable");
    out
}

fn floats(source: &Source, shape: &[usize]) -> Vec<f32> {
    all(&load(source, Element::F32, shape).expect("good data"))
}

fn made(value: impl Fn(f32) -> f32) -> Vec<f32> {
    (0..ROWS).map(|i| value(i as f32)).collect()
}

#[test]
fn every_width_is_read_from_every_writer() {
    let files = ["none", "snappy", "zstd", "gzip", "lz4", "pages_v2", "plain", "polars", "pandas"];
    for file in files.map(|file| format!("{file}.parquet")) {
        for name in ["int16", "int32", "int64"] {
            assert_eq!(floats(&one(&file, name), &[]), made(|i| 3.0 * i - 20.0), "{file} {name}");
        }
        assert_eq!(floats(&one(&file, "int8"), &[]), made(|i| i - 20.0), "{file}");
        for name in ["uint8", "uint16", "uint32", "uint64"] {
            assert_eq!(floats(&one(&file, name), &[]), made(|i| 3.0 * i), "{file} {name}");
        }
        // Polars has no numbers of 16 bits with a fraction.
        for name in
            ["float16", "float32", "float64"].iter().filter(|name| **name != "float16" || file != "polars.parquet")
        {
            assert_eq!(floats(&one(&file, name), &[]), made(|i| 0.25 * (3.0 * i - 20.0)), "{file} {name}");
        }
        let flag = load(&one(&file, "flag"), Element::Bool, &[]).expect("truth values");
        assert_eq!(all(&flag), made(|i| f32::from(u8::from(i % 3.0 == 0.0))));
        let mut classes = [0; 3];
        let label = load(&one(&file, "label"), Element::Index(10), &[]).expect("classes");
        label.gather_i32(&[59, 0, 13], &mut classes).expect("readable");
        assert_eq!(classes, [9, 0, 3]);
        let vector: Vec<f32> = (0..ROWS).flat_map(|i| [i as f32, -(i as f32), i as f32 / 2.0]).collect();
        assert_eq!(floats(&one(&file, "vector"), &[3]), vector, "{file}");
        if file == "pandas.parquet" {
            continue;
        }
        assert_eq!(floats(&one(&file, "fixed"), &[3, 1]), vector, "{file}");
        assert_eq!(floats(&one(&file, "point.x"), &[]), made(|i| i), "{file}");
        let matrix = (0..ROWS as u8).flat_map(|i| [i, i + 1, i + 2, 2 * i, 0, 255]);
        let matrix: Vec<f32> = matrix.map(|byte| f32::from(byte) / 255.0).collect();
        assert_eq!(floats(&one(&file, "matrix"), &[2, 3]), matrix, "{file}");
    }
}

#[test]
fn the_footer_tells_shape_and_rows() {
    for (name, shape) in [("int8", vec![]), ("vector", vec![3]), ("fixed", vec![3]), ("matrix", vec![2, 3])] {
        let header = one("zstd.parquet", name).header().expect("a footer");
        assert_eq!((header.shape, header.rows), (shape, ROWS), "{name}");
    }
    let header = one("pictures.parquet", "image").header().expect("a picture");
    assert_eq!((header.shape, header.rows), (vec![3, 3, 4], 5));
}

#[test]
fn columns_side_by_side_are_a_vector() {
    let expected: Vec<f32> = (0..ROWS).flat_map(|i| [3 * i, i % 10].map(|value| value as f32)).collect();
    assert_eq!(floats(&several("zstd.parquet", &["uint8", "label"]), &[2]), expected);
    let range = floats(&one("zstd.parquet", "float32:label"), &[4]);
    let quarter = 0.25 * (3.0 * 59.0 - 20.0);
    assert_eq!(range[59 * 4..], [quarter, quarter, 0.0, 9.0]);
    let error = several("zstd.parquet", &["uint8", "vector"]).header().expect_err("a vector in a vector");
    assert_eq!(error.message, "a row of the column is [3]; only single numbers make a vector");
    assert_eq!(error.column.as_deref(), Some("vector"));
}

#[test]
fn encoded_pictures_are_decoded() {
    let planes = |i: usize| {
        let pixels = move |channel: usize| (0..12).map(move |at| [i, at / 4, at % 4][channel] as f32);
        (0..3).flat_map(pixels).collect::<Vec<f32>>()
    };
    let expected: Vec<f32> = (0..5).flat_map(planes).collect();
    let intensities: Vec<f32> = expected.iter().map(|byte| byte / 255.0).collect();
    for name in ["image", "file"] {
        assert_eq!(floats(&one("pictures.parquet", name), &[3, 3, 4]), intensities, "{name}");
    }
    let raw = Source::Parquet { path: path("pictures.parquet"), columns: Columns::One("image".into()), raw: true };
    assert_eq!(floats(&raw, &[3, 3, 4]), expected);
    let fault = |name: &str| load(&one("pictures.parquet", name), Element::F32, &[3, 3, 4]).expect_err("a fault");
    let unequal = fault("unequal");
    assert_eq!((unequal.row, unequal.kind), (Some(4), DataErrorKind::Shape));
    assert_eq!(unequal.message, "it is [3, 2, 4], `that of row 1` is [3, 3, 4]");
    let damaged = fault("damaged");
    assert!(damaged.row == Some(3) && damaged.message.starts_with("this is no picture that is read here"), "{damaged}");
    let missing = fault("missing");
    assert_eq!((missing.row, missing.message.as_str()), (Some(5), "the picture is missing (null)"));
}

#[test]
fn lists_differ_in_a_size_that_is_left_open() {
    let open = |element: Element, more: &[usize]| {
        let known = more.iter().map(|size| Size::Known(*size));
        Want::input(element, [Size::Free("T".to_owned())].into_iter().chain(known).collect())
    };
    let load = |name: &str, want: &Want| one("faults.parquet", name).load(want, &Budget::new(1 << 20));
    for (name, lengths) in [("ragged", [2, 2, 1, 2]), ("shifted", [2, 1, 3, 2])] {
        for element in [Element::F32, Element::I32] {
            let column = load(name, &open(element, &[])).expect("good data");
            let shapes: Vec<&[usize]> = (0..4).map(|row| column.shapes().of(row)).collect();
            assert_eq!(shapes, lengths.each_ref().map(std::slice::from_ref), "{name}");
            let rows = [3, 0, 2, 1];
            let mut out = vec![0.0; column.len_of(&rows)];
            column.gather_f32(&rows, &mut out).expect("readable");
            let first = |row: usize| lengths[..row].iter().sum::<usize>();
            let expected = rows.into_iter().flat_map(|row| (0..lengths[row]).map(move |at| (row, at)));
            let expected: Vec<f32> = expected.map(|(row, at)| (first(row) + at + 1) as f32).collect();
            assert_eq!(out, expected, "{name}");
        }
        let header = Catalog::default().shapes(&one("faults.parquet", name), &open(Element::F32, &[]));
        let header = header.expect("good data");
        // The numbers of `shifted` are as many as if all lists had the first one's length: that takes the values to see.
        assert_eq!((header.rows(), header.differ()), (4, name == "ragged"));
    }
    let fault = |name: &str, want: &Want| {
        let error = load(name, want).expect_err("a fault");
        assert!(error.column.as_deref() == Some(name), "{error:?}");
        (error.row, error.message)
    };
    let row = |row: usize, message: &str| (Some(row), message.to_owned());
    let classes = fault("ragged", &open(Element::Index(7), &[]));
    assert_eq!(classes, row(4, "found 7, expected an index<7> from 0 to 6 (at [1] of the sample)"));
    assert_eq!(fault("empty", &open(Element::F32, &[])), row(4, "the list is empty"));
    assert_eq!(fault("holes", &open(Element::F32, &[])), row(2, "a value is missing (null)"));
    assert_eq!(fault("within", &open(Element::F32, &[2])), row(1, "lists within the row differ in length"));
    let misfit = fault("ragged", &open(Element::F32, &[2]));
    assert_eq!(misfit, row(1, "each sample has shape [2], the input takes [T, 2]"));
}

#[test]
fn what_is_wrong_is_told_with_row_and_column() {
    let fault = |name: &str, shape: &[usize]| {
        let error = load(&one("faults.parquet", name), Element::F32, shape).expect_err("a fault");
        assert!(error.column.as_deref() == Some(name), "{error:?}");
        (error.row, error.message)
    };
    let row = |row: usize, message: &str| (Some(row), message.to_owned());
    assert_eq!(fault("null", &[]), row(3, "a value is missing (null)"));
    assert_eq!(fault("nan", &[]), row(2, "the value is NaN, a finite number was expected"));
    assert_eq!(fault("ragged", &[2]), row(3, "the list has 1 numbers, that of row 1 has 2"));
    assert_eq!(fault("shifted", &[2]), row(2, "the list has 1 numbers, that of row 1 has 2"));
    assert_eq!(fault("empty", &[2]), row(4, "the list is empty"));
    assert_eq!(fault("holes", &[2]), row(2, "a value is missing (null)"));
    assert_eq!(fault("within", &[2, 2]), row(1, "lists within the row differ in length"));
    let (_, text) = fault("text", &[]);
    assert_eq!(text, "the column holds text, numbers and pictures are read here");
    assert!(fault("price", &[]).1.contains("decimal fractions") && fault("day", &[]).1.contains("dates"));
    assert_eq!(fault("ragged", &[3]).0, Some(3));
    assert_eq!(fault("holes", &[3]).1, "each sample has shape [2], the input takes [3]");
    let class = load(&one("faults.parquet", "label"), Element::Index(3), &[]).expect_err("a class too many");
    assert_eq!((class.row, class.message.as_str()), (Some(4), "found 3, expected an index<3> from 0 to 2"));
    let nan = load(&several("faults.parquet", &["label", "nan"]), Element::F32, &[2]).expect_err("a NaN");
    assert_eq!((nan.row, nan.column.as_deref()), (Some(2), Some("nan")));
    assert_eq!(nan.message, "the value is NaN, a finite number was expected");
    let null = load(&several("faults.parquet", &["label", "null"]), Element::F32, &[2]).expect_err("a null");
    assert_eq!((null.row, null.column.as_deref()), (Some(3), Some("null")));
    let near = one("faults.parquet", "lable").header().expect_err("no such column");
    assert_eq!(
        (near.message.as_str(), near.help.as_deref()),
        ("the file has no column `lable`", Some("it has `label`"))
    );
    let none = one("pictures.parquet", "x").header().expect_err("no such column");
    assert_eq!(none.help.as_deref(), Some("it has `image`, `file`, `unequal`, `damaged`, `missing`, `label`"));
    let brotli = one("brotli.parquet", "label").header().expect_err("not read");
    assert_eq!(brotli.message, "the column is compressed by Brotli, which is not read here");
    assert_eq!(
        load(&one("no_rows.parquet", "a"), Element::F32, &[]).expect_err("empty").message,
        "it holds no samples"
    );
}

#[test]
fn bad_files_are_faults_and_never_panics() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("f.parquet");
    let source =
        |column: &str| Source::Parquet { path: file.clone(), columns: Columns::One(column.into()), raw: false };
    let fault = |bytes: &[u8]| {
        fs::write(&file, bytes).expect("a file");
        source("label").header().expect_err("a fault")
    };
    assert_eq!(fault(b"").message, "the file is empty");
    let table = fault(b"a,b\n1,2\n");
    assert_eq!(
        (table.message.as_str(), table.help.as_deref()),
        ("this is no Parquet file: it does not begin with `PAR1`", Some("it looks like text"))
    );
    let whole = fs::read(path("zstd.parquet")).expect("a file");
    for length in [5, 13, 1000, whole.len() - 1] {
        assert_eq!(fault(&whole[..length]).kind, DataErrorKind::Truncated, "{length}");
    }
    // Bytes changed anywhere give other values or a fault.
    let (mut faults, mut state) = (0, 1u32);
    for _ in 0..300 {
        let mut bytes = whole.clone();
        for _ in 0..2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes[state as usize % whole.len()] = (state >> 24) as u8;
        }
        fs::write(&file, bytes).expect("a file");
        for (column, shape) in [("matrix", &[2, 3][..]), ("float32", &[])] {
            faults += usize::from(load(&source(column), Element::F32, shape).is_err());
        }
    }
    assert!(faults > 50, "{faults}");
}

const MODEL: &str = "input vector: [3]\ninput label: index<10>\np = vector |> Affine(10)\n\
    loss = softmax_cross_entropy(p, label)\noutput p\n";

/// The training set of the program, or the titles of what is wrong.
fn sets(data: &str, given: Vec<DataOverride>) -> Result<Sets, Vec<String>> {
    let folder = path("");
    let request = Request { data: given.clone(), ..Request::default() };
    let session = Session::check("m.nn", format!("{MODEL}{data}"), folder.clone(), &request);
    let titles = |found: &[nnlc::diagnostic::Diagnostic]| found.iter().map(|one| one.title.clone()).collect::<Vec<_>>();
    let Some(program) = &session.program else { return Err(titles(&session.diagnostics)) };
    Sets::load(program, &folder, &given, &Budget::new(1 << 20)).map_err(|found| titles(&found))
}

#[test]
fn programs_read_columns_by_name_and_compute_with_them() {
    let given = DataOverride { set: "train".to_owned(), path: path("polars.parquet") };
    let whole = "data train = parquet(\"zstd.parquet\")\n";
    let own = "data train { vector = parquet(\"zstd.parquet\") label = parquet(\"zstd.parquet\") }\n";
    let computed = "data train { vector = parquet(\"zstd.parquet\", \"vector\") / 2\n\
        label = as_index(9 - parquet(\"zstd.parquet\", \"label\"), 10) }\n";
    for (data, given, scale) in
        [(whole, vec![], 1.0), (own, vec![], 1.0), ("", vec![given], 1.0), (computed, vec![], 0.5)]
    {
        let set = sets(data, given).expect("good data").train.expect("a training set");
        assert_eq!(set.rows(), ROWS);
        let vector = all(set.column("vector").expect("vectors"));
        assert_eq!(vector[59 * 3..], [59.0 * scale, -59.0 * scale, 29.5 * scale], "{data}");
        assert_eq!(all(set.column("label").expect("labels"))[57], if scale == 1.0 { 7.0 } else { 2.0 });
    }
    let Err(wrong) = sets(
        "data train { vector = parquet(\"zstd.parquet\", \"vector\") label = parquet(\"zstd.parquet\", \"uint8\") }",
        vec![],
    ) else {
        panic!("classes of 177")
    };
    assert!(wrong[0].ends_with("row 5, column `uint8`: found 12, expected an index<10> from 0 to 9"), "{wrong:?}");
}
