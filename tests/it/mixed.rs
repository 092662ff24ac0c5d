//! Samples of several lengths in one set: how they are trained, validated, inferred and refused, against the recurrence in f64 and against
//! sets of one length.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use nnlc::driver::{InferOptions, ProfileOptions, Request, RunOptions, RunReport, Session};
use tempfile::TempDir;

use crate::lengths::{START, Silent, close, model, npy, states, wave, weights};

/// The lengths of a set's samples.
const LENGTHS: [usize; 7] = [5, 2, 5, 3, 2, 5, 3];

fn sequence(sample: usize, length: usize) -> Vec<f32> {
    (0..length).map(|at| wave(10 * sample + at, 0.7)).collect()
}

fn target(sample: usize) -> f32 {
    wave(sample, 2.3)
}

/// Writes a set as NNC does: a table whose cells name arrays.
fn table(folder: &Path, set: &str, samples: &[(usize, usize)]) {
    fs::create_dir_all(folder.join(set)).expect("a folder");
    let mut rows = "x,y\n".to_owned();
    for (sample, length) in samples {
        let file = format!("{set}/{sample}.npy");
        npy(&folder.join(&file), &[*length], &sequence(*sample, *length));
        rows += &format!("{file},{}\n", target(*sample));
    }
    fs::write(folder.join(format!("{set}.csv")), rows).expect("a table");
}

fn all() -> Vec<(usize, usize)> {
    LENGTHS.into_iter().enumerate().collect()
}

fn folder(program: &str, sets: &[(&str, &[(usize, usize)])]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("m.nn"), program).expect("a program");
    sets.iter().for_each(|(set, samples)| table(folder.path(), set, samples));
    folder
}

fn open(folder: &TempDir) -> Session {
    Session::open(&folder.path().join("m.nn"), &Request::default())
}

fn run_with(folder: &TempDir, change: impl FnOnce(&mut RunOptions)) -> RunReport {
    let session = open(folder);
    assert!(session.diagnostics.is_empty(), "{:#?}", session.diagnostics);
    let out = folder.path().join("out");
    let mut options = RunOptions { out, threads: 1, epochs: None, seed: None, data: vec![], resume: false };
    change(&mut options);
    let report = session.run(&options, &mut Silent, &AtomicBool::new(false));
    report.unwrap_or_else(|found| panic!("{found:#?}"))
}

fn run(folder: &TempDir) -> RunReport {
    run_with(folder, |_| ())
}

fn bits(report: &RunReport) -> Vec<u32> {
    weights(report).into_iter().map(f32::to_bits).collect()
}

/// A training block for one epoch, and the sets that it needs.
fn settings(more: &str) -> String {
    format!(
        "data train = csv(\"train.csv\")\ntrain {{\n    optimizer = sgd(lr = 0.1)\n    keep = last\n    epochs = 1\n    {more}\n}}\n"
    )
}

/// The loss of a sample of [`model`].
fn loss((sample, length): (usize, usize), weights: [f64; 2]) -> f64 {
    let hs = states(&sequence(sample, length), weights);
    (hs[length - 1] + hs.iter().sum::<f64>() / length as f64 - f64::from(target(sample))).powi(2)
}

fn mean(samples: &[(usize, usize)], weights: [f64; 2]) -> f64 {
    samples.iter().map(|sample| loss(*sample, weights)).sum::<f64>() / samples.len() as f64
}

const VALIDATED: &str = "data validation = csv(\"validation.csv\")\ndata test = csv(\"test.csv\")\n";

#[test]
fn losses_are_means_over_samples_of_all_lengths() {
    for batch in [1, 2, 64] {
        let program = model("x") + VALIDATED + &settings(&format!("batch = {batch}"));
        let folder = folder(&program, &[("train", &all()), ("validation", &all()[1..]), ("test", &all()[2..6])]);
        let report = run(&folder);
        let after = weights(&report);
        let after = [f64::from(after[0]), f64::from(after[1])];
        let validated = report.outcome.history.points[0].validation[0].expect("the loss");
        assert!(close(validated, mean(&all()[1..], after)), "{validated} with minibatches of {batch}");
        assert!(close(report.test[0].1, mean(&all()[2..6], after)), "{:?}", report.test);
    }
}

#[test]
fn a_minibatch_of_a_length_trains_as_in_a_set_of_that_length() {
    let five: Vec<(usize, usize)> = all().into_iter().filter(|(_, length)| *length == 5).collect();
    // Without shuffling the first minibatch is that of the first sample's length.
    let program = model("x") + &settings("batch = 3\n    shuffle = false").replace("epochs", "steps");
    let mixed = bits(&run(&folder(&program, &[("train", &all())])));
    let (alone, set) = (folder(&program, &[("train", &five)]), five.as_slice());
    assert_eq!(mixed, bits(&run(&alone)));
    let slope = |index: usize| {
        let moved = |by: f64| {
            let mut weights = START;
            weights[index] += by;
            mean(set, weights)
        };
        (moved(1e-5) - moved(-1e-5)) / 2e-5
    };
    for (found, index) in mixed.iter().zip(0..) {
        let (found, expected) = (f64::from(f32::from_bits(*found)), START[index] - 0.1 * slope(index));
        assert!(close(found, expected), "{found} should be {expected}");
    }
}

const GRU: &str = "input x: [T]\ninput y: f32\n_hs, h = unsqueeze(x, 1) |> GRU(4)\nscore = h |> Dropout(0.2) |> Affine([])\n\
                   loss = (score - y) ^ 2\noutput score\n";

#[test]
fn a_seed_decides_all_whatever_the_threads() {
    let program = GRU.to_owned() + &settings("batch = 2").replace("epochs = 1", "epochs = 4");
    let outcome = |threads: usize, seed: u64| {
        let folder = folder(&program, &[("train", &all())]);
        let report = run_with(&folder, |options| {
            options.threads = threads;
            options.seed = Some(seed);
        });
        let losses = report.outcome.history.points.iter().map(|point| point.train[0].expect("a loss").to_bits());
        (losses.collect::<Vec<_>>(), bits(&report))
    };
    let first = outcome(1, 7);
    assert_eq!(first, outcome(2, 7));
    assert_ne!(first, outcome(1, 8));
}

#[test]
fn a_run_goes_on_as_if_it_had_not_stopped() {
    let program = model("x") + &settings("batch = 2\n    accumulate = 2");
    let whole = folder(&program, &[("train", &all())]);
    let whole = run_with(&whole, |options| options.epochs = Some(4));
    let halved = folder(&program, &[("train", &all())]);
    run_with(&halved, |options| options.epochs = Some(2));
    let resumed = run_with(&halved, |options| {
        options.epochs = Some(4);
        options.resume = true;
    });
    assert_eq!(bits(&whole), bits(&resumed));
    // Four of length 5 make one step, and so do two of 2 and two of 3.
    assert_eq!(whole.outcome.history.points[3].step, 12);
}

#[test]
fn a_step_is_timed_on_one_length() {
    let folder = folder(&(model("x") + &settings("batch = 3")), &[("train", &all())]);
    let options = ProfileOptions { threads: 1, steps: 2, batch: None, data: vec![] };
    let report = open(&folder).profile(&options).unwrap_or_else(|found| panic!("{found:#?}"));
    assert!(!report.steps.is_empty());
}

#[test]
fn outputs_of_different_shapes_are_one_of_each_sample() {
    let folder = folder(&(model("x") + "output unit = x * 0 + 1\n" + &settings("")), &[("train", &all())]);
    let after: Vec<f64> = weights(&run(&folder)).into_iter().map(f64::from).collect();
    let options = InferOptions {
        weights: folder.path().join("out/weights.safetensors"),
        inputs: vec![("x".to_owned(), folder.path().join("train.csv"))],
        outputs: vec!["h".to_owned(), "hs".to_owned()],
        threads: 1,
        seed: 0,
    };
    let outputs = open(&folder).infer(&options).unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!((outputs.len(), outputs[0].sample, &outputs[0].shape[..]), (8, None, &[7][..]));
    for (sample, length) in all() {
        let expected = states(&sequence(sample, length), [after[0], after[1]]);
        let own = &outputs[1 + sample];
        assert_eq!((own.name.as_str(), own.sample, &own.shape[..]), ("hs", Some(sample), &[length][..]));
        assert!(close(f64::from(outputs[0].values[sample]), expected[length - 1]), "sample {sample}");
        for (found, expected) in own.values.iter().zip(expected) {
            assert!(close(f64::from(*found), expected), "sample {sample}: {found} should be {expected}");
        }
    }
}

#[test]
fn inferred_arrays_are_a_data_set_again() {
    let folder = folder(&(model("x") + &settings("")), &[("train", &all())]);
    run(&folder);
    let infer = |input: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
        command.current_dir(folder.path()).args(["infer", "m.nn", "--weights", "out/weights.safetensors"]);
        let output = command.args(["--output", "hs", "--out", "found", "--input", input]).output().expect("a run");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(infer("x=train.csv"), "found/hs.csv: 7 arrays of different shapes\n");
    assert!(fs::read_to_string(folder.path().join("found/hs.csv")).expect("a table").starts_with("hs\nhs/1.npy\nhs/2"));
    let table = fs::read_to_string(folder.path().join("found/hs.csv")).expect("a table");
    fs::write(folder.path().join("found/again.csv"), table.replacen("hs\n", "x\n", 1)).expect("a table");
    assert_eq!(infer("x=found/again.csv"), "found/hs.csv: 7 arrays of different shapes\n");
}

/// The titles and notes of a program's errors.
fn errors(session: &Session) -> Vec<(String, Vec<String>)> {
    let found = session.diagnostics.iter().filter(|found| found.is_error());
    found.map(|found| (format!("{}: {}", found.code.as_str(), found.title), found.notes.clone())).collect()
}

#[test]
fn a_length_that_is_too_short_names_its_sample() {
    let convolution = "input x: [T]\ninput y: f32\nh = unsqueeze(x, 0) |> Convolution(2, kernel = 3) |> mean\n\
                       loss = (h - y) ^ 2\noutput h\n";
    let scan = model("x[2:]");
    for (program, code) in [(convolution, "E0207"), (scan.as_str(), "E0205")] {
        let folder = folder(&(program.to_owned() + &settings("")), &[("train", &all())]);
        let found = errors(&open(&folder));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].0.starts_with(code), "{found:#?}");
        assert_eq!(found[0].1[found[0].1.len() - 2..], ["the data fixes T = 2", "sample 2 is the first of that size"]);
    }
}

#[test]
fn two_inputs_agree_in_every_sample() {
    let program =
        "input x: [T]\ninput y: [T]\nparam a: f32 = tensor(0.5)\np = a * x\nloss = squared_error(p, y)\noutput p\n"
            .to_owned()
            + &settings("");
    let folder = folder(&program, &[("train", &all())]);
    let rows = |lengths: &[usize]| {
        let mut table = "x,y\n".to_owned();
        for (sample, length) in lengths.iter().enumerate() {
            npy(&folder.path().join(format!("train/y{sample}.npy")), &[*length], &sequence(sample, *length));
            table += &format!("train/{sample}.npy,train/y{sample}.npy\n");
        }
        fs::write(folder.path().join("train.csv"), table).expect("a table");
    };
    rows(&LENGTHS);
    run(&folder);
    rows(&[5, 2, 5, 4, 2, 5, 3]);
    let found = errors(&open(&folder));
    assert_eq!(found.len(), 1, "{found:#?}");
    let place = format!("`{}`, row 4, column `y`", folder.path().join("train.csv").display());
    assert_eq!(found[0].0, format!("E0401: {place}: `y` has a size of 4 for T = 3, where `T` is 3 by `x`"));
}

#[test]
fn a_known_size_still_holds_all_samples() {
    let folder = folder(&(model("x").replace("[T]", "[5]") + &settings("")), &[("train", &all())]);
    let found = errors(&open(&folder));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].0.contains("train.csv`, row 2 (line 3), column `x`"), "{found:#?}");
}

#[test]
fn matrices_as_text_are_sequences_too() {
    let program =
        "input x: [T, 2]\ninput y: f32\nparam a: f32 = tensor(0.5)\nh = a * sum(x)\nloss = (h - y) ^ 2\noutput h\n"
            .to_owned()
            + VALIDATED
            + &settings("batch = 2");
    let folder = folder(&program, &[]);
    for set in ["train", "validation", "test"] {
        fs::write(folder.path().join(format!("{set}.csv")), "x,y\n1.csv,1\n2.csv,2\n3.csv,3\n").expect("a table");
    }
    for (name, text) in [("1", "1,2\n"), ("2", "1,2\n3,4\n"), ("3", "1,2\n3,4\n5,6\n")] {
        fs::write(folder.path().join(format!("{name}.csv")), text).expect("a matrix");
    }
    let report = run(&folder);
    let a = f64::from(weights(&report)[0]);
    let expected = [(3.0, 1.0), (10.0, 2.0), (21.0, 3.0)].map(|(sum, y)| (a * sum - y) * (a * sum - y));
    assert!(close(report.test[0].1, expected.iter().sum::<f64>() / 3.0), "{:?}", report.test);
}
