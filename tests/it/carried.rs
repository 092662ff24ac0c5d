//! `nnlc import`: what networks of other programs become, that it checks and computes the same, and how files that are not read are told.
//!
//! The networks in `tests/data/onnx` and what ONNX Runtime makes of them are written by the scripts that lie there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nnlc::driver::{InferOptions, Request, Session, import_file, write_imported};
use nnlc::import::onnx;
use nnlc::train::{Elements, Weights};
use proptest::prelude::*;

use super::cli::Desk;

fn networks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/onnx");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "onnx")).collect();
    paths.sort();
    assert!(paths.len() >= 16, "{} networks", paths.len());
    paths
}

fn floats(elements: &Elements) -> Vec<f32> {
    match elements {
        Elements::F32(values) => values.clone(),
        Elements::I32(values) => values.iter().map(|value| *value as f32).collect(),
    }
}

/// What is not as ONNX Runtime has it in the network at `path`, a line each; its inputs and outputs lie beside it.
fn differences(path: &Path) -> Vec<String> {
    let imported = import_file(path).unwrap_or_else(|why| panic!("{}: {why:?}", path.display()));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("network.nn");
    let carried = write_imported(&imported, &out, false).expect("it is written");
    let session = Session::open(&out, &Request::default());
    assert!(!session.failed(), "{}: {:#?}\n{}", path.display(), session.diagnostics, imported.text);
    let arrays = path.with_extension("arrays.safetensors");
    let kept = Weights::load(&arrays).unwrap();
    let weights = carried.weights.unwrap_or_else(|| {
        let none = folder.path().join("none.safetensors");
        Weights::default().save(&none).unwrap();
        none
    });
    let inputs = &session.program.as_ref().unwrap().graph.inputs;
    let inputs = inputs.iter().map(|input| (input.name.clone(), arrays.clone())).collect();
    let options = InferOptions { weights, inputs, outputs: Vec::new(), threads: 1, seed: 0 };
    let outputs =
        session.infer(&options).unwrap_or_else(|why| panic!("{}: {why:#?}\n{}", path.display(), imported.text));
    let mut faults = Vec::new();
    for output in outputs {
        let expected = kept.tensors.get(&output.name).unwrap_or_else(|| panic!("no output {}", output.name));
        let values = floats(&expected.elements);
        let scale = values.iter().fold(1.0_f32, |most, value| most.max(value.abs()));
        let worst = values.iter().zip(&output.values).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        if output.shape != expected.shape {
            faults.push(format!("{}: {:?}, not {:?}", output.name, output.shape, expected.shape));
        } else if worst.is_nan() || worst > 1e-5 * scale {
            faults.push(format!("{}: {worst:e} off, values to {scale}", output.name));
        }
    }
    faults
}

#[test]
fn networks_compute_what_onnx_runtime_computes() {
    let faults: Vec<String> = networks()
        .iter()
        .flat_map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            differences(path).into_iter().map(move |fault| format!("{name}: {fault}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn networks_read_as_a_person_would_write_them() {
    let operators: BTreeSet<&str> = ["elementwise", "moves", "reductions", "layers", "old", "new"].into();
    for path in networks() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if !operators.contains(&*name) {
            insta::assert_snapshot!(format!("onnx_{name}"), import_file(&path).expect("it is read").text);
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_with_the_exit_code_of_its_kind() {
    let desk = Desk::with(&[("net.tflite", ""), ("text.onnx", "no network at all\n")]);
    desk.nnlc("import net.tflite").is(2, &["error: `net.tflite` is not of a kind that is read: .onnx (ONNX)"]);
    desk.nnlc("import none.onnx").is(3, &["error: cannot read `none.onnx`: there is no such file"]);
    desk.nnlc("import text.onnx")
        .is(1, &["error: `text.onnx` is not carried over: it is damaged, cut short or no ONNX file"]);
    assert!(fs::metadata(desk.at("text.nn")).is_err(), "nothing is written");
}

#[test]
fn files_that_stand_there_are_kept_unless_forced() {
    let desk = Desk::with(&[("mlp.nn", "mine\n")]);
    fs::copy(networks().iter().find(|path| path.ends_with("mlp.onnx")).unwrap(), desk.at("mlp.onnx")).unwrap();
    desk.nnlc("import mlp.onnx")
        .is(2, &["error: `mlp.nn` is there already: `--force` replaces it, `-o` writes elsewhere"]);
    assert_eq!(fs::read_to_string(desk.at("mlp.nn")).unwrap(), "mine\n");
    assert!(fs::metadata(desk.at("mlp.safetensors")).is_err(), "nothing is written");
    let next = "next: nnlc check mlp.nn\n      nnlc infer mlp.nn --weights mlp.safetensors --input x=x.npy\n";
    desk.nnlc("import mlp.onnx --force").is(0, &["wrote mlp.nn and mlp.safetensors", next]);
    desk.nnlc("import mlp.onnx -o mlp.safetensors").is(2, &["a program's file does not end in `.safetensors`"]);
    desk.nnlc("import mlp.onnx -o no/such/folder.nn").is(3, &["no/such/folder"]);
    desk.nnlc("check mlp.nn").is(0, &["no errors"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Bytes that were changed are read or refused; what is read parses.
    #[test]
    fn broken_files_are_refused(which in 0..64_usize, changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..8), cut in any::<Option<usize>>()) {
        let paths = networks();
        let mut bytes = fs::read(&paths[which % paths.len()]).unwrap();
        let length = bytes.len();
        for (place, value) in changes {
            bytes[place % length] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut % length);
        }
        let absent = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        if let Ok(imported) = onnx::read(&bytes, "broken", &absent) {
            let (_, diagnostics) = nnlc::syntax::parse(nnlc::source::SourceMap::new().add("broken", &*imported.text), &imported.text);
            prop_assert!(!diagnostics.iter().any(nnlc::diagnostic::Diagnostic::is_error), "{}", imported.text);
        }
    }
}
