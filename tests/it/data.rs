//! The data sets of the examples, read whole. What is expected was counted from the files by other means.

use std::path::PathBuf;

use nnlc::data::{Budget, Column, Columns, DataErrorKind, DataSet, Element, Size, Source, Want};

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "examples/data", name].iter().collect()
}

fn input(element: Element, shape: &[usize]) -> Want {
    Want::input(element, shape.iter().map(|size| Size::Known(*size)).collect())
}

fn all_f32(column: &Column) -> Vec<f32> {
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out).unwrap();
    out
}

fn sum(column: &Column) -> f64 {
    all_f32(column).into_iter().map(f64::from).sum()
}

#[test]
fn digits_are_read_whole() {
    for (set, rows, pixels, sevens) in [("train", 9000, 235_995_323.0, 959), ("test", 1000, 26_151_277.0, 111)] {
        let images = Source::Idx { path: path(&format!("mnist/{set}-images-idx3-ubyte.gz")), raw: false };
        let labels = Source::Idx { path: path(&format!("mnist/{set}-labels-idx1-ubyte.gz")), raw: false };
        let header = images.header().unwrap();
        assert_eq!((header.rows, header.shape), (rows, vec![28, 28]));
        let x = images.load(&input(Element::F32, &[1, 28, 28]), &Budget::of_machine()).unwrap();
        let y = labels.load(&input(Element::Index(10), &[]), &Budget::of_machine()).unwrap();
        let bytes: f64 = all_f32(&x).into_iter().map(|value| f64::from((value * 255.0).round())).sum();
        assert_eq!(bytes, pixels);
        assert_eq!(all_f32(&y).iter().filter(|label| **label == 7.0).count(), sevens);
        let set = DataSet::new(vec![("x".to_string(), x), ("y".to_string(), y)]).unwrap();
        assert_eq!(set.rows(), rows);
    }
}

#[test]
fn digits_of_the_wrong_kind_are_refused() {
    let images = Source::Idx { path: path("mnist/test-images-idx3-ubyte.gz"), raw: false };
    let labels = Source::Idx { path: path("mnist/test-labels-idx1-ubyte.gz"), raw: false };
    let error = images.load(&input(Element::F32, &[784]), &Budget::of_machine()).unwrap_err();
    assert_eq!(error.kind, DataErrorKind::Shape);
    assert_eq!(error.message, "each sample has shape [28, 28], the input takes [784]");
    let error = labels.load(&input(Element::Index(9), &[]), &Budget::of_machine()).unwrap_err();
    let diagnostic = error.diagnostic(None);
    assert_eq!(diagnostic.code.as_str(), "E0401");
    assert!(diagnostic.title.ends_with("row 10: found 9, expected an index<9> from 0 to 8"), "{}", diagnostic.title);
    let missing = Source::Idx { path: path("mnist/test-images-idx3-ubyte"), raw: false }.header().unwrap_err();
    assert_eq!(missing.diagnostic(None).code.as_str(), "E0403");
    assert_eq!(missing.help.as_deref(), Some("`test-images-idx3-ubyte.gz` is in that folder"));
}

#[test]
fn tables_are_read_whole() {
    let source = |file: &str, columns: &str| Source::Csv { path: path(file), columns: Columns::One(columns.into()) };
    let range = "sepal_length_(cm):petal_width_(cm)";
    let lengths = source("tabular/iris.csv", range).load(&input(Element::F32, &[4]), &Budget::of_machine()).unwrap();
    let species =
        source("tabular/iris.csv", "target").load(&input(Element::Index(3), &[]), &Budget::of_machine()).unwrap();
    assert_eq!((lengths.rows(), species.rows()), (150, 150));
    assert_eq!(all_f32(&lengths)[596..], [5.9, 3.0, 5.1, 1.8]);
    for class in 0..3 {
        assert_eq!(all_f32(&species).iter().filter(|label| **label == class as f32).count(), 50);
    }
    let target =
        source("tabular/diabetes.csv", "target").load(&input(Element::F32, &[]), &Budget::of_machine()).unwrap();
    assert_eq!((target.rows(), sum(&target)), (442, 67_243.0));
    let bmi = source("tabular/diabetes.csv", "bmi").load(&input(Element::F32, &[1]), &Budget::of_machine()).unwrap();
    assert!((sum(&bmi) - 11_658.1).abs() < 1e-2);
    let near = source("tabular/diabetes.csv", "bim").header().unwrap_err();
    assert_eq!(near.help.as_deref(), Some("it has `bmi`"));
}

#[test]
fn what_does_not_fit_in_memory_is_read_from_disk_alike() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let doubles: Vec<f64> = (0..600).map(|value| f64::from(value) * 0.37 - 11.0).collect();
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend(format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': False, 'shape': (100, 2, 3), }").bytes());
    npy.extend(doubles.iter().flat_map(|value| value.to_le_bytes()));
    std::fs::write(folder.path().join("a.npy"), npy).expect("a file");
    let wants = [
        (Source::Npy { path: folder.path().join("a.npy"), raw: false }, input(Element::F32, &[2, 3])),
        (Source::Idx { path: path("mnist/test-images-idx3-ubyte.gz"), raw: false }, input(Element::F32, &[1, 28, 28])),
        (Source::Idx { path: path("mnist/test-labels-idx1-ubyte.gz"), raw: false }, input(Element::Index(10), &[])),
        (
            Source::Csv { path: path("tabular/iris.csv"), columns: Columns::One("target".into()) },
            input(Element::Index(3), &[]),
        ),
    ];
    let asked: Vec<_> = wants.iter().map(|(source, want)| (source, want)).collect();
    let read = |bytes: u64| -> Vec<Column> {
        nnlc::data::load(&asked, &Budget::new(bytes)).into_iter().map(|column| column.expect("good files")).collect()
    };
    let (inside, outside) = (read(1 << 30), read(0));
    assert!(inside.iter().all(|column| column.memory() > 0));
    assert!(outside.iter().all(|column| column.memory() == 0));
    for (inside, outside) in inside.iter().zip(&outside) {
        assert_eq!(all_f32(inside), all_f32(outside));
        let rows: Vec<usize> = (0..64).map(|slot| (slot * 37 + 5) % inside.rows()).collect();
        let (mut a, mut b) = (vec![0.0; 64 * inside.row_len()], vec![0.0; 64 * inside.row_len()]);
        inside.gather_f32(&rows, &mut a).expect("in memory");
        outside.gather_f32(&rows, &mut b).expect("on disk");
        assert_eq!(a, b);
    }
    let expected: Vec<f32> = doubles.iter().map(|value| *value as f32).collect();
    assert_eq!(all_f32(&outside[0]), expected);
}
