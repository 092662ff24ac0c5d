//! Scans over sequences whose length the data fixes: trained, validated, tested and inferred at several lengths, against the recurrence in
//! f64, and against the same program with the length written down.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use nnlc::check::Options;
use nnlc::driver::{InferOptions, Prepared, ProfileOptions, Request, RunOptions, RunReport, Session, Watch};
use nnlc::lower::lower;
use nnlc::networks::{Network, derive, expand};
use nnlc::train::{Elements, Event, Observer};
use tempfile::TempDir;

const SAMPLES: usize = 6;
const RATE: f64 = 0.1;
pub const START: [f64; 2] = [0.5, -0.75];

/// `h = a h + b x` from 0 over `x`; the last `h` and the mean of all are fitted to `y`.
pub fn model(sequence: &str) -> String {
    format!(
        "layer Decay()(h, x) {{\n    param a: f32 = tensor(0.5)\n    param b: f32 = tensor(-0.75)\n    h = a * h + b * x\n    \
         return h, h\n}}\ninput x: [T]\ninput y: f32\ncell = Decay()\nh, hs = scan(cell, 0, {sequence})\n\
         loss = (h + mean(hs) - y) ^ 2\noutput h\noutput hs\n"
    )
}

const TRAIN: &str = "train {\n    optimizer = sgd(lr = 0.1)\n    batch = 6\n    epochs = 1\n    keep = last\n}\n";

fn columns(set: &str) -> String {
    format!("data {set} {{ x = npy(\"{set}_x.npy\") y = npy(\"{set}_y.npy\") }}\n")
}

pub fn wave(at: usize, factor: f64) -> f32 {
    ((at as f64 + 1.0) * factor).sin() as f32
}

fn x(length: usize) -> Vec<f32> {
    (0..SAMPLES * length).map(|at| wave(at, 0.7)).collect()
}

fn y() -> Vec<f32> {
    (0..SAMPLES).map(|at| wave(at, 2.3)).collect()
}

/// A NumPy array, format version 1.0.
pub fn npy(path: &Path, shape: &[usize], values: &[f32]) {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    fs::write(path, bytes).expect("an array");
}

/// A folder with the program and, for each set, sequences of the given length.
fn folder(program: &str, sets: &[(&str, usize)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.nn"), program).expect("a program");
    for (set, length) in sets {
        npy(&folder.path().join(format!("{set}_x.npy")), &[SAMPLES, *length], &x(*length));
        npy(&folder.path().join(format!("{set}_y.npy")), &[SAMPLES], &y());
    }
    folder
}

fn open(folder: &TempDir) -> Session {
    Session::open(&folder.path().join("m.nn"), &Request::default())
}

pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) -> Result<(), String> {
        Ok(())
    }
}

impl Watch for Silent {
    fn prepared(&mut self, _: &Prepared) {}
}

fn run(folder: &TempDir) -> RunReport {
    let session = open(folder);
    let options = RunOptions {
        out: folder.path().join("out"),
        threads: 1,
        epochs: None,
        seed: None,
        data: vec![],
        resume: false,
    };
    let report = session.run(&options, &mut Silent, &AtomicBool::new(false));
    report.unwrap_or_else(|found| panic!("{found:#?}\n{:#?}", session.diagnostics))
}

pub fn weights(report: &RunReport) -> Vec<f32> {
    let value = |elements: &Elements| match elements {
        Elements::F32(values) => values[0],
        other => panic!("{other:?} are no floats"),
    };
    report.outcome.weights.tensors.values().map(|saved| value(&saved.elements)).collect()
}

/// All states of a sample.
pub fn states(sequence: &[f32], [a, b]: [f64; 2]) -> Vec<f64> {
    let mut h = 0.0;
    let step = |x: &f32| {
        h = a * h + b * f64::from(*x);
        h
    };
    sequence.iter().map(step).collect()
}

fn loss(length: usize, weights: [f64; 2]) -> f64 {
    let (x, y) = (x(length), y());
    let of = |(sequence, y): (&[f32], &f32)| {
        let hs = states(sequence, weights);
        (hs[length - 1] + hs.iter().sum::<f64>() / length as f64 - f64::from(*y)).powi(2)
    };
    x.chunks(length).zip(&y).map(of).sum::<f64>() / SAMPLES as f64
}

/// The weights after a step of steepest descent, by central differences.
fn stepped(length: usize) -> [f64; 2] {
    let slope = |index: usize| {
        let moved = |by: f64| {
            let mut weights = START;
            weights[index] += by;
            loss(length, weights)
        };
        (moved(1e-5) - moved(-1e-5)) / 2e-5
    };
    [0, 1].map(|index| START[index] - RATE * slope(index))
}

pub fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-5 * (1.0 + b.abs())
}

#[test]
fn every_set_may_have_a_length_of_its_own() {
    let text = model("x") + &columns("train") + &columns("validation") + &columns("test") + TRAIN;
    for [train, validation, test] in [[5, 3, 8], [1, 4, 1], [2, 2, 2]] {
        let folder = folder(&text, &[("train", train), ("validation", validation), ("test", test)]);
        let session = open(&folder);
        assert!(session.diagnostics.is_empty(), "{:#?}", session.diagnostics);
        let report = run(&folder);
        let (found, expected) = (weights(&report), stepped(train));
        for (found, expected) in found.iter().zip(expected) {
            assert!(close(f64::from(*found), expected), "{found} should be {expected}");
        }
        let point = &report.outcome.history.points[0];
        assert!(close(point.train[0].expect("the loss"), loss(train, START)), "{:?}", point.train);
        let validated = point.validation[0].expect("the loss");
        assert!(close(validated, loss(validation, expected)), "{validated}");
        assert!(close(report.test[0].1, loss(test, expected)), "{:?}", report.test);
    }
}

#[test]
fn an_open_length_trains_to_the_bits_of_the_written_one() {
    let trained = |sequence: &str| {
        let folder = folder(&(model(sequence) + &columns("train") + TRAIN), &[("train", 7)]);
        weights(&run(&folder)).into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    assert_eq!(trained("x"), trained("x as [7]"));
}

#[test]
fn outputs_are_inferred_at_any_length() {
    let folder = folder(&(model("x") + &columns("train") + TRAIN), &[("train", 5), ("short", 1), ("long", 12)]);
    let after: Vec<f64> = weights(&run(&folder)).into_iter().map(f64::from).collect();
    for (set, length) in [("short", 1), ("long", 12)] {
        let options = InferOptions {
            weights: folder.path().join("out/weights.safetensors"),
            inputs: vec![("x".to_owned(), folder.path().join(format!("{set}_x.npy")))],
            outputs: vec!["hs".to_owned()],
            threads: 1,
            seed: 0,
        };
        let outputs = open(&folder).infer(&options).unwrap_or_else(|found| panic!("{found:#?}"));
        assert_eq!(outputs[0].shape, [SAMPLES, length]);
        let x = x(length);
        let expected = x.chunks(length).flat_map(|sequence| states(sequence, [after[0], after[1]]));
        for (found, expected) in outputs[0].values.iter().zip(expected) {
            assert!(close(f64::from(*found), expected), "{found} should be {expected}");
        }
    }
}

#[test]
fn outputs_are_inferred_at_a_length_that_only_a_loss_refuses() {
    // The differences of a sequence of one step are none.
    let late = "late = hs[1:] - hs[:-1]\nloss smooth = late ^ 2\n";
    let folder = folder(&(model("x") + late + &columns("train") + TRAIN), &[("train", 5), ("short", 1)]);
    run(&folder);
    let options = |outputs: &[&str]| InferOptions {
        weights: folder.path().join("out/weights.safetensors"),
        inputs: vec![("x".to_owned(), folder.path().join("short_x.npy"))],
        outputs: outputs.iter().map(|output| (*output).to_owned()).collect(),
        threads: 1,
        seed: 0,
    };
    let session = open(&folder);
    let outputs = session.infer(&options(&["hs"])).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(outputs[0].shape, [SAMPLES, 1]);
    fs::write(folder.path().join("m.nn"), model("x") + late + "output late\n" + &columns("train") + TRAIN)
        .expect("a program");
    let refused = open(&folder).infer(&options(&["late"])).expect_err("no difference");
    assert!(refused.iter().all(|found| found.notes.contains(&"the data fixes T = 1".to_owned())), "{refused:#?}");
}

#[test]
fn networks_are_printed_and_inferred_without_the_data() {
    let columns = "data train {\n    x = npy(\"train_x.npy\") * scale\n    y = npy(\"train_y.npy\")\n}\n";
    let text = "const scale = tensor([2])\n".to_owned() + &model("x") + columns + TRAIN;
    let folder = folder(&text, &[("train", 5), ("short", 3)]);
    run(&folder);
    let set = std::collections::BTreeMap::from([("T".to_owned(), "2".to_owned())]);
    let request = Request { set, without_data: true, ..Request::default() };
    let refused = Request { without_data: false, ..request.clone() };
    let refused = Session::open(&folder.path().join("m.nn"), &refused);
    let first = refused.diagnostics.iter().find(|found| found.is_error()).expect("data of another length");
    assert!(first.notes.contains(&"with `--set T=2`".to_owned()), "{first:#?}");
    for there in [true, false] {
        if !there {
            fs::remove_file(folder.path().join("train_x.npy")).expect("it was there");
        }
        let session = Session::open(&folder.path().join("m.nn"), &request);
        assert!(session.diagnostics.is_empty(), "{:#?}", session.diagnostics);
        let program = session.program.as_ref().expect("a program");
        let sized = session.at_training_sizes(program).expect("a length");
        assert!(expand(&sized.graph, Network::Main).contains("x: [2]"));
    }
    let request = Request { without_data: true, ..Request::default() };
    let options = InferOptions {
        weights: folder.path().join("out/weights.safetensors"),
        inputs: vec![("x".to_owned(), folder.path().join("short_x.npy"))],
        outputs: vec!["h".to_owned()],
        threads: 1,
        seed: 0,
    };
    let outputs = Session::open(&folder.path().join("m.nn"), &request).infer(&options);
    assert_eq!(outputs.unwrap_or_else(|found| panic!("{found:#?}"))[0].shape, [SAMPLES]);
}

fn checked(text: &str, set: &[(&str, &str)]) -> Session {
    let set = set.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let request = Request { set, options: Options { no_runtime: true }, ..Request::default() };
    Session::check("m.nn", text.to_owned(), PathBuf::new(), &request)
}

fn titles(session: &Session) -> Vec<String> {
    session.diagnostics.iter().map(|found| format!("{}: {}", found.code.as_str(), found.title)).collect()
}

#[test]
fn what_a_carry_hands_on_late_is_reached() {
    let text = "layer Late()(a, b, c, x) {\n    param w: f32 = ones()\n    return w * x, a, b, c\n}\ninput x: [T]\ninput y: f32\n\
                late = Late()\n_a, _b, c, _cs = scan(late, [0, 0, 0], x)\nloss = (c - y) ^ 2\noutput c\n";
    assert_eq!(titles(&checked(text, &[])), [""; 0]);
}

#[test]
fn mistakes_in_a_step_are_told_before_the_length_is_known() {
    let text =
        "fn grows(h, x) = concatenate([h, x]), x\ninput x: [T, 2]\nh, _hs = scan(grows, [zeros([2])], x)\noutput h\n";
    assert_eq!(titles(&checked(text, &[])), ["E0216: a step of `scan` turns a carry of [2] into one of [4]"]);
}

#[test]
fn what_stands_in_for_a_scan_is_never_run() {
    let session = checked(&model("x"), &[]);
    let program = session.program.as_ref().expect("a program");
    for (network, _) in Network::ALL {
        assert!(lower(&derive(&program.graph, network)).is_err());
    }
    let found = session.at_training_sizes(program).expect_err("no length");
    assert_eq!(found[0].title, "how many steps this `scan` takes is for the data to fix");
    assert_eq!(found[0].helps, ["choose a length: `--set T=24`"]);
}

#[test]
fn a_length_is_set_on_the_command_line() {
    let session = checked(&model("x"), &[("T", "3")]);
    let program = session.program.as_ref().expect("a program");
    let sized = session.at_training_sizes(program).expect("a length");
    let text = expand(&sized.graph, Network::MainRuntime);
    assert!(text.contains("input x: [3]"), "{text}");
    assert!(checked(&text, &[]).program.is_some(), "{text}");
    assert_eq!(titles(&checked(&model("x"), &[("T", "0")])), ["E0114: `--set T=0` does not fit the size"]);
    let unknown = titles(&checked(&model("x"), &[("U", "3")]));
    assert_eq!(unknown, ["E0102: `--set U=...` names neither a `const` of the file nor a size of its inputs"]);
}

#[test]
fn data_that_is_too_short_is_refused_with_its_size() {
    let text = model("x[1:]") + &columns("train") + &columns("validation") + TRAIN;
    let session = open(&folder(&text, &[("train", 4), ("validation", 1)]));
    let wrong: Vec<_> = session.diagnostics.iter().filter(|found| found.is_error()).collect();
    assert_eq!(wrong.len(), 1, "{wrong:#?}");
    assert_eq!(wrong[0].code.as_str(), "E0205");
    assert_eq!(wrong[0].notes, ["the data fixes T = 1"]);
    let last = wrong[0].labels.last().expect("labels");
    assert_eq!((session.sources.text(last.span), last.message.as_str()), ("validation", "the data set"));
}

#[test]
fn a_step_is_timed_by_the_lines_of_the_program() {
    let text = "input x: [T]\ninput y: f32\n_hs, h = unsqueeze(x, 1) |> GRU(3)\nloss = (sum(h) - y) ^ 2\noutput h\n"
        .to_owned()
        + &columns("train")
        + TRAIN;
    let folder = folder(&text, &[("train", 5)]);
    let session = open(&folder);
    let options = ProfileOptions { threads: 1, steps: 2, batch: None, data: vec![] };
    let report = session.profile(&options).unwrap_or_else(|found| panic!("{found:#?}"));
    assert!(report.lines.iter().any(|(line, _)| *line == 3), "{:?}", report.lines);
}
