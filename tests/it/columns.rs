//! Columns that are computed from what files hold: values against the same arithmetic by hand, and what is refused while loading.

use std::fs;

use nnlc::data::{Budget, Column};
use nnlc::driver::{Request, Session, Sets};
use tempfile::TempDir;

/// 300 rows, more than are computed at a time: `a` counts from 1, `class` goes from 1 to 3 again and again.
fn table() -> String {
    let row = |i: usize| format!("{i},{},{}\n", 0.25 * i as f64, (i - 1) % 3 + 1);
    "a,b,class\n".to_owned() + &(1..=300).map(row).collect::<String>()
}

/// A program with these columns for `x: [2]` and `y: index<3>`, and the table `t.csv` beside it.
fn folder(x: &str, y: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "const scale = tensor([100, 0.5])\ninput x: [2]\ninput y: index<3>\np = x |> Affine(3)\n\
         loss = softmax_cross_entropy(p, y)\noutput p\ndata train {{\n    x = {x}\n    y = {y}\n}}\n"
    );
    fs::write(folder.path().join("m.nn"), text).expect("a program");
    fs::write(folder.path().join("t.csv"), table()).expect("a table");
    folder
}

fn open(folder: &TempDir) -> Session {
    Session::open(&folder.path().join("m.nn"), &Request::default())
}

/// The training set, or the titles of what is wrong.
fn load(folder: &TempDir, budget: u64) -> Result<Sets, Vec<String>> {
    let session = open(folder);
    let titles = |found: &[nnlc::diagnostic::Diagnostic]| -> Vec<String> {
        found.iter().map(|diagnostic| format!("{}: {}", diagnostic.code.as_str(), diagnostic.title)).collect()
    };
    let Some(program) = &session.program else { return Err(titles(&session.diagnostics)) };
    Sets::load(program, folder.path(), &[], &Budget::new(budget)).map_err(|found| titles(&found))
}

fn floats(column: &Column) -> Vec<f32> {
    let rows: Vec<usize> = (0..column.rows()).collect();
    let mut out = vec![0.0; rows.len() * column.row_len()];
    column.gather_f32(&rows, &mut out).expect("readable");
    out
}

const X: &str = "csv(\"t.csv\", [\"a\", \"b\"])";
const Y: &str = "csv(\"t.csv\", \"class\") - 1";

#[test]
fn computed_columns_hold_what_the_arithmetic_gives() {
    let folder = folder(&format!("({X} - [1, 2][0]) / scale |> minimum(2)"), Y);
    let by_hand = |i: usize| [((i as f32 - 1.0) / 100.0).min(2.0), ((0.25 * i as f32 - 1.0) / 0.5).min(2.0)];
    let expected: Vec<f32> = (1..=300).flat_map(by_hand).collect();
    for budget in [1 << 20, 0] {
        let set = load(&folder, budget).expect("good data").train.expect("a training set");
        assert_eq!(set.rows(), 300);
        assert_eq!(floats(set.column("x").expect("x")), expected);
        let classes: Vec<f32> = (0..300).map(|i| (i % 3) as f32).collect();
        assert_eq!(floats(set.column("y").expect("y")), classes);
    }
}

#[test]
fn classes_pictures_and_text_are_what_they_are_in_expressions() {
    let x = "one_hot(csv(\"t.csv\", \"class\") as index<4>)[1:3]";
    let set = load(&folder(x, Y), 1 << 20).expect("good data").train.expect("a training set");
    assert_eq!(floats(set.column("x").expect("x"))[..6], [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    // Pictures of bytes are 0 to 1, integers are i32, windows of text are bytes.
    let x = "npy(\"p.npy\")[0] - 0.2";
    let y = "int(npy(\"i.npy\") > 5) + int(text(\"a.txt\", window = 1)[0] == 98)";
    let folder = folder(x, y);
    let write = |name: &str, bytes: Vec<u8>| fs::write(folder.path().join(name), bytes).expect("a file");
    write("p.npy", npy("|u1", "(2, 1, 2)", &[0, 255, 51, 102]));
    write("i.npy", npy("<i4", "(2,)", &[9, 0, 0, 0, 5, 0, 0, 0]));
    write("a.txt", b"ab".to_vec());
    let set = load(&folder, 1 << 20).expect("good data").train.expect("a training set");
    assert_eq!(floats(set.column("x").expect("x")), [-0.2, 0.8, 0.0, 0.2]);
    assert_eq!(floats(set.column("y").expect("y")), [1.0, 1.0]);
}

#[test]
fn what_does_not_fit_is_told_with_its_row() {
    let refused = |x: &str, y: &str| load(&folder(x, y), 1 << 20).expect_err("a fault");
    // The values of a file as they are, and after a computation.
    let raw = refused(X, "csv(\"t.csv\", \"class\")");
    assert!(
        raw[0].ends_with("t.csv`, row 3 (line 4), column `class`: found 3, expected an index<3> from 0 to 2"),
        "{raw:?}"
    );
    assert_eq!(
        refused(X, "csv(\"t.csv\", \"class\") - 2"),
        ["E0401: row 1: found -1, expected an index<3> from 0 to 2"]
    );
    assert_eq!(refused(X, "csv(\"t.csv\", \"b\") * 2"), ["E0401: row 1: 0.5 is not a whole number, expected index<3>"]);
    let infinite = format!("{X} / ({X} - 7)");
    assert_eq!(refused(&infinite, Y), ["E0401: row 7: the value is inf, a finite number was expected"]);
    let cast = refused("one_hot(csv(\"t.csv\", \"class\") as index<3>)[1:]", Y);
    assert!(cast[0].contains("row 3 (line 4), column `class`: found 3, expected an index<3>"), "{cast:?}");
}

#[test]
fn shapes_and_lengths_are_compared_before_anything_is_read() {
    let checked = |x: &str, y: &str| {
        let session = open(&folder(x, y));
        assert!(session.program.is_none());
        let errors = session.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        errors.map(|error| format!("{}: {}", error.code.as_str(), error.title)).collect::<Vec<_>>()
    };
    let misfit = "E0401: each sample has shape [3], the input takes [2]";
    assert_eq!(checked("csv(\"t.csv\", \"a:class\") * 2", Y), [misfit]);
    assert_eq!(checked("one_hot(csv(\"t.csv\", \"class\") as index<3>)", Y), [misfit]);
    let cast = checked("reshape(csv(\"t.csv\", \"a\") as index<3>[5], [5])[:2]", Y);
    assert!(
        cast[0].starts_with("E0401: `")
            && cast[0].ends_with("t.csv`: each sample is a single number, the input takes [5]"),
        "{cast:?}"
    );
    let classes = open(&folder("one_hot(csv(\"t.csv\", \"class\"))[1:]", Y));
    let error = classes.diagnostics.iter().find(|diagnostic| diagnostic.is_error()).expect("an error");
    assert_eq!(error.title, "`y` of `one_hot` must be index<K>");
    assert_eq!(error.helps, ["say what the file holds: `csv(\"f.csv\", \"class\") as index<3>`"]);
    let folder = folder(&format!("{X} + csv(\"short.csv\", \"a\")"), Y);
    fs::write(folder.path().join("short.csv"), "a\n1\n2\n").expect("a table");
    let found = load(&folder, 1 << 20).expect_err("a fault");
    let rows = found.last().expect("one");
    assert!(rows.starts_with("E0401: `x` has 2 rows (`") && rows.contains("`x` has 300 (`"), "{found:?}");
}

/// The first error of the program, and its line in which the first fix has been made.
fn mended(program: &str, files: &[(&str, Vec<u8>)]) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.nn"), program).expect("a program");
    files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).expect("a file"));
    let session = open(&folder);
    let loaded = |program| Sets::load(program, folder.path(), &[], &Budget::new(1 << 20)).err().unwrap_or_default();
    let found = session.program.as_ref().map_or(session.diagnostics.clone(), loaded);
    let error = found.iter().find(|diagnostic| diagnostic.is_error()).expect("an error");
    let mut text = program.to_owned();
    for edit in error.fixes.first().iter().flat_map(|fix| fix.edits.iter().rev()) {
        text.replace_range(edit.span.range(), &edit.text);
    }
    let line = text.lines().nth(session.sources.line_column(error.span().expect("a place")).line - 1);
    let text = line.unwrap_or_default().trim().to_owned();
    (error.title.rsplit('/').next().unwrap_or_default().to_owned(), text)
}

#[test]
fn what_to_write_around_a_column_stands_in_the_help() {
    let program = |input: &str, data: &str| {
        format!(
            "input x: {input}\ninput y: f32\np = x |> Affine([])\nloss = squared_error(p, y)\noutput p\n\
             data train {{\n    x = {data}\n    y = npy(\"y.npy\")\n}}\n"
        )
    };
    let files = [
        ("y.npy", floats_npy("(2,)", &[0.0, 1.0])),
        ("hwc.npy", npy("|u1", "(2, 6, 5, 3)", &[7; 2 * 6 * 5 * 3])),
        ("nan.npy", floats_npy("(2, 2)", &[1.0, 2.0, f32::NAN, 3.0])),
    ];
    let (title, line) = mended(&program("[3, 6, 5]", "npy(\"hwc.npy\")"), &files);
    assert_eq!(title, "hwc.npy`: each sample has shape [6, 5, 3], the input takes [3, 6, 5]");
    assert_eq!(line, "x = transpose(npy(\"hwc.npy\"), [2, 0, 1])");
    let (_, line) = mended(&program("[1, 6, 5]", "npy(\"hwc.npy\") / 2"), &files);
    assert_eq!(line, "x = mean(npy(\"hwc.npy\") / 2, axis = 2)");
    let (title, line) = mended(&program("[2]", "npy(\"nan.npy\")"), &files);
    assert_eq!(title, "nan.npy`, row 2: the value is NaN, a finite number was expected (at [0] of the sample)");
    assert_eq!(line, "x = reset_nan(npy(\"nan.npy\"))");
    for (input, data) in [
        ("[3, 6, 5]", "transpose(npy(\"hwc.npy\"), [2, 0, 1])"),
        ("[1, 6, 5]", "mean(npy(\"hwc.npy\") / 2, axis = 2)"),
        ("[2]", "reset_nan(npy(\"nan.npy\"))"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("m.nn"), program(input, data)).expect("a program");
        files.iter().for_each(|(name, bytes)| fs::write(folder.path().join(name), bytes).expect("a file"));
        load(&folder, 1 << 20).unwrap_or_else(|found| panic!("{data}: {found:?}"));
    }
    // A whole file feeds several inputs: nothing can stand around it.
    let whole = "input a: [2]\ninput y: f32\np = a |> Affine([])\nloss = squared_error(p, y)\noutput p\n\
        data train = csv(\"t.csv\")\n";
    let table = ("t.csv", b"a__0,a__1,y\n1,nan,2\n".to_vec());
    let (title, line) = mended(whole, &[table]);
    assert_eq!(title, "t.csv`, row 1 (line 2), column `a__1`: the value is NaN, a finite number was expected");
    assert_eq!(line, "data train = csv(\"t.csv\")");
}

#[test]
fn what_cannot_be_written_around_a_column_is_not_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "input x: [3, 6, 5]\np = x |> Affine(2)\nloss = p ^ 2\noutput p\n";
    fs::write(folder.path().join("m.nn"), text).expect("a program");
    fs::write(folder.path().join("x.npy"), npy("|u1", "(2, 6, 5, 3)", &[7; 2 * 6 * 5 * 3])).expect("an array");
    let options = nnlc::driver::InferOptions {
        weights: folder.path().join("none"),
        inputs: vec![("x".to_owned(), folder.path().join("x.npy"))],
        outputs: vec![],
        threads: 1,
        seed: 0,
    };
    let found = open(&folder).infer(&options).expect_err("another shape");
    assert_eq!(found[0].helps, ["the file has the channels last, convolutions take them first"]);
}

#[test]
fn columns_that_disagree_in_a_length_are_both_shown() {
    let program = "input x: index<256>[T]\ninput z: index<256>[T]\nparam w: f32\n\
        loss = w * mean(float(int(x) + int(z)))\noutput x\n\
        data train {\n    x = text(\"t.txt\", window = 4)\n    z = text(\"t.txt\", window = 5)\n}\n";
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.nn"), program).expect("a program");
    fs::write(folder.path().join("t.txt"), "twenty bytes of text").expect("a text");
    let session = open(&folder);
    let errors: Vec<_> = session.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    let titles: Vec<_> = errors.iter().map(|error| error.title.as_str()).collect();
    assert_eq!(titles, ["`z` has a size of 5 for T = 4, where `T` is 4 by `x`"]);
    let labels: Vec<_> =
        errors[0].labels.iter().map(|label| (session.sources.text(label.span), &*label.message)).collect();
    let expected =
        [("text(\"t.txt\", window = 5)", "samples of 5 here"), ("text(\"t.txt\", window = 4)", "`T` is 4 here")];
    assert_eq!(labels, expected);
}

#[test]
fn a_program_with_computed_columns_trains() {
    let folder = folder(&format!("{X} / 300"), Y);
    let session = open(&folder);
    let program = session.program.expect("a program");
    let sets = Sets::load(&program, folder.path(), &[], &Budget::new(1 << 20)).expect("good data");
    let training = sets.training(&program, &program.train, 1);
    let mut trainer = nnlc::train::Trainer::new(training, None).expect("a plan");
    let before = trainer.step(1, &[0, 1, 2]).expect("a step")[0];
    // The first loss of a fresh classifier is near ln 3.
    assert!((before - 3.0f32.ln()).abs() < 0.5, "{before}");
}

/// A `.npy` file.
fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    file.extend(format!("{header:<117}\n").bytes().chain(bytes.iter().copied()));
    file
}

fn floats_npy(shape: &str, values: &[f32]) -> Vec<u8> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", shape, &bytes)
}

#[test]
fn parameters_begin_with_what_a_file_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = |w: &str| {
        let text = format!(
            "input x: [2]\nparam w: [2, 3] = {w}\nstate s: [2, 3] = 2 * {w}\nupdate s = w\n\
             loss = mean(square(x @ w)) + mean(square(x @ s))\noutput y = x @ w\n"
        );
        fs::write(folder.path().join("m.nn"), text).expect("a program");
        open(&folder)
    };
    let values = [0.5, -1.0, 2.0, 1e-3, 7.0, -0.25];
    fs::write(folder.path().join("w.npy"), floats_npy("(2, 3)", &values)).expect("a file");
    let mut weights = nnlc::train::Weights::default();
    let elements = nnlc::train::Elements::F32(values.to_vec());
    weights.tensors.insert("a.w".to_owned(), nnlc::train::SavedTensor { shape: vec![2, 3], elements });
    weights.save(&folder.path().join("w.safetensors")).expect("a file");
    for w in ["file(\"w.npy\")", "file(\"w.safetensors\", \"a.w\")"] {
        let session = program(w);
        let program = session.program.unwrap_or_else(|| panic!("{:#?}", session.diagnostics));
        let initial = nnlc::train::initial_values(&program.graph, 0);
        assert_eq!(initial["w"].to_f32(), values);
        assert_eq!(initial["s"].to_f32(), values.map(|value| 2.0 * value));
    }
    let title =
        |w: &str| program(w).diagnostics.iter().map(|one| format!("{}: {}", one.code.as_str(), one.title)).next();
    let text = |w: &str| title(w).unwrap_or_default();
    fs::write(folder.path().join("v.npy"), floats_npy("(3, 2)", &values)).expect("a file");
    assert_eq!(text("file(\"v.npy\")"), "E0218: the initial value is [3, 2], the declaration [2, 3]");
    assert!(
        text("file(\"none.npy\")").starts_with("E0403: `")
            && text("file(\"none.npy\")").ends_with("none.npy` is missing")
    );
    assert_eq!(text("file(\"w.safetensors\")"), "E0105: a `.safetensors` file holds several arrays");
    assert!(
        text("file(\"w.safetensors\", \"b\")").starts_with("E0401: "),
        "{}",
        text("file(\"w.safetensors\", \"b\")")
    );
    assert_eq!(text("file(\"w.csv\")"), "E0105: `file` reads `.npy`, `.npz` and `.safetensors`");
    assert_eq!(text("file(3)"), "E0114: `file` takes texts, not an integer");
}

#[test]
fn a_large_array_of_a_file_is_not_written_into_the_networks() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "input x: [2]\nparam w: [2, 600] = file(\"w.npy\")\nloss = mean(square(x @ w))\noutput y = x @ w\n";
    fs::write(folder.path().join("m.nn"), text).expect("a program");
    fs::write(folder.path().join("w.npy"), floats_npy("(2, 600)", &[0.125; 1200])).expect("a file");
    let program = open(&folder).program.expect("a program");
    let main = nnlc::networks::expand(&program.graph, nnlc::networks::Network::Main);
    assert!(main.contains("param w: [2, 600] = zeros()") && main.len() < 1000, "{main}");
}

#[test]
fn a_replaced_set_needs_no_files() {
    let folder = folder(&format!("{X} / 300"), Y);
    fs::rename(folder.path().join("t.csv"), folder.path().join("u.csv")).expect("it is there");
    assert!(open(&folder).failed(), "the table is missing");
    fs::write(folder.path().join("o.csv"), "x__0,x__1,y\n1,2,0\n").expect("a table");
    let data = vec![nnlc::driver::DataOverride { set: "train".to_owned(), path: folder.path().join("o.csv") }];
    let request = Request { data, ..Request::default() };
    let session = Session::open(&folder.path().join("m.nn"), &request);
    let program = session.program.unwrap_or_else(|| panic!("{:#?}", session.diagnostics));
    let sets = Sets::load(&program, folder.path(), &request.data, &Budget::new(1 << 20)).expect("good data");
    assert_eq!(floats(sets.train.expect("a set").column("x").expect("x")), [1.0, 2.0]);
}
