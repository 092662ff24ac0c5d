//! `nnlc import`: what networks of other programs become, that it checks and computes the same, and how files that are not read are told.
//!
//! The networks in `tests/data/onnx` and what ONNX Runtime makes of them are written by the scripts that lie there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use nnlc::driver::{InferOptions, Request, Session, import_file, write_imported};
use nnlc::formats::onnx::{
    Attribute, AttributeKind, Dimension, ElementType, Entry, Graph, Model, Node, OperatorSet, Shape, Size, Tensor,
    TensorType, Type, ValueInfo,
};
use nnlc::import::onnx;
use nnlc::train::{Elements, Weights};
use proptest::prelude::*;
use prost::Message;

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
    desk.nnlc("import net.tflite").is(2, &["error: `net.tflite` is not of a kind that is read: .nnp (NNabla), .onnx (ONNX), .sdcproj (Neural Network Console)"]);
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

/// A network of these nodes: operator, name, inputs, outputs. Its input `x` is `[n, 2, 3]`, its output `y`.
fn network(nodes: &[(&str, &str, &[&str], &[&str])]) -> Model {
    let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let dim = |size| Dimension { size: Some(size) };
    let shape = Shape { dim: vec![dim(Size::Param("n".to_owned())), dim(Size::Value(2)), dim(Size::Value(3))] };
    let ty = Type { tensor_type: Some(TensorType { elem_type: ElementType::Float as i32, shape: Some(shape) }) };
    let node = |(kind, name, inputs, outputs): &(&str, &str, &[&str], &[&str])| Node {
        input: texts(inputs),
        output: texts(outputs),
        name: (*name).to_owned(),
        op_type: (*kind).to_owned(),
        ..Node::default()
    };
    let graph = Graph {
        node: nodes.iter().map(node).collect(),
        input: vec![ValueInfo { name: "x".to_owned(), r#type: Some(ty) }],
        output: vec![ValueInfo { name: "y".to_owned(), r#type: None }],
        ..Graph::default()
    };
    let opset_import = vec![OperatorSet { domain: String::new(), version: 17 }];
    Model { ir_version: 8, graph: Some(graph), opset_import, ..Model::default() }
}

#[test]
fn all_that_has_no_counterpart_is_told_at_once() {
    let nodes: &[(&str, &str, &[&str], &[&str])] = &[
        ("NonZero", "places", &["x"], &["a"]),
        ("Transpose", "turn", &["a"], &["b"]),
        ("Loop", "again", &["b"], &["c"]),
        ("ReduceSum", "whole", &["x"], &["d"]),
        ("Add", "sum", &["c", "d"], &["y"]),
    ];
    let desk = Desk::with(&[]);
    fs::write(desk.at("net.onnx"), network(nodes).encode_to_vec()).unwrap();
    let said = desk.nnlc("import net.onnx");
    let expected = "error: `net.onnx` is not carried over: 3 parts of it have no counterpart\n\
        \u{20} NonZero `places`: the operator is not known here\n\
        \u{20} Loop `again`: the operator is not known here\n\
        \u{20} ReduceSum `whole`: it works across samples\n\
        help: a program in `.nn` is written for one sample; the first axis of the inputs is taken for that of the samples\n";
    assert_eq!((said.code, &*said.err), (Some(1), expected));
}

#[test]
fn every_sample_against_every_other_is_refused() {
    let mut model = network(&[("Unsqueeze", "apart", &["x"], &["a"]), ("Sub", "each", &["x", "a"], &["y"])]);
    model.opset_import[0].version = 11;
    let axes =
        Attribute { name: "axes".to_owned(), ints: vec![1], kind: AttributeKind::Ints as i32, ..Attribute::default() };
    model.graph.as_mut().unwrap().node[0].attribute.push(axes);
    let absent = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let why = onnx::read(&model.encode_to_vec(), "all", &absent).unwrap_err();
    assert_eq!(why.notes, ["Sub `each`: it works across samples"]);
}

#[test]
fn files_that_are_too_old_or_leave_sizes_open_are_told_what_to_do() {
    let absent = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let mut old = network(&[("Relu", "r", &["x"], &["y"])]);
    old.opset_import[0].version = 6;
    let why = onnx::read(&old.encode_to_vec(), "old", &absent).unwrap_err();
    assert_eq!(why.title, "its operators are of version 6, versions from 7 on are read");
    let mut open = network(&[("Relu", "r", &["x"], &["y"])]);
    let graph = open.graph.as_mut().unwrap();
    graph.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().shape.as_mut().unwrap().dim[2].size = None;
    let why = onnx::read(&open.encode_to_vec(), "open", &absent).unwrap_err();
    assert_eq!(why.notes, ["input `x`: the size of axis 2 is open"]);
    assert_eq!(why.help.unwrap(), "write the file with fixed sizes for all axes but that of the samples");
}

#[test]
fn weights_in_a_file_of_their_own_are_read_from_beside_the_network() {
    let mut model = network(&[("Add", "sum", &["x", "offset"], &["y"])]);
    let entry = |key: &str, value: &str| Entry { key: key.to_owned(), value: value.to_owned() };
    model.graph.as_mut().unwrap().initializer = vec![Tensor {
        dims: vec![3],
        data_type: ElementType::Float as i32,
        name: "offset".to_owned(),
        external_data: vec![entry("location", "w.bin"), entry("offset", "4"), entry("length", "12")],
        data_location: 1,
        ..Tensor::default()
    }];
    let desk = Desk::with(&[]);
    fs::write(desk.at("net.onnx"), model.encode_to_vec()).unwrap();
    let missing = "weight `offset`: its elements are in `w.bin`, which cannot be read";
    desk.nnlc("import net.onnx").is(1, &["1 part of it has no counterpart", missing]);
    let bytes: Vec<u8> = [9.0_f32, 0.5, -1.5, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    fs::write(desk.at("w.bin"), bytes).unwrap();
    desk.nnlc("import net.onnx").is(0, &[]);
    let text = fs::read_to_string(desk.at("net.nn")).unwrap();
    assert!(text.ends_with("input x: [2, 3]\n\nparam offset: [3]\n\noutput y = x + offset\n"), "{text}");
    let weights = Weights::load(&desk.at("net.safetensors")).unwrap();
    assert_eq!(weights.tensors["offset"].elements, Elements::F32(vec![0.5, -1.5, 2.0]));
    // A path that leads elsewhere is not followed.
    let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
    tensor.external_data[0].value = "../w.bin".to_owned();
    fs::write(desk.at("net.onnx"), model.encode_to_vec()).unwrap();
    desk.nnlc("import net.onnx --force").is(1, &["the path leads out of the folder"]);
}

#[test]
fn exported_examples_are_read_again() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let desk = Desk::with(&[]);
    for name in ["lenet", "residual", "denoise_unet", "transformer", "vae"] {
        let example = root.join("examples").join(name).with_extension("nn");
        desk.nnlc(&format!("export {} --to onnx --out {name}.onnx", example.display())).is(0, &[]);
        desk.nnlc(&format!("import {name}.onnx")).is(0, &[]);
        desk.nnlc(&format!("check {name}.nn")).is(0, &[]);
    }
}

#[test]
fn the_page_shows_what_lenet_becomes() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md")).unwrap();
    let lenet = networks().into_iter().find(|path| path.ends_with("lenet.onnx")).unwrap();
    let text = import_file(&lenet).expect("it is read").text;
    let program = text.split_once("\n\n").unwrap().1;
    assert!(page.contains(&format!("```nn\n{program}```\n")), "{program}");
}

/// Numbers at the edges of what sizes, axes and places may be.
const EDGES: &[i64] = &[i64::MIN, -2, -1, 0, 1, 2, 3, 5, 7, 1 << 31, 1 << 40, i64::MAX];

/// Changes one fact of a network: an attribute, a size, an integer of a constant, an operand or an operator.
fn change(graph: &mut Graph, (what, which, place, value): (u8, usize, usize, usize)) {
    let edge = EDGES[value % EDGES.len()];
    let (count, kinds): (usize, Vec<String>) =
        (graph.node.len(), graph.node.iter().map(|node| node.op_type.clone()).collect());
    let operands: Vec<String> = graph.node.iter().flat_map(|node| node.input.clone()).collect();
    let node = &mut graph.node[which % count];
    match what {
        0 => node.op_type = kinds[value % count].clone(),
        1 if !node.input.is_empty() => {
            let place = place % node.input.len();
            node.input[place] = operands[value % operands.len()].clone();
        }
        2 if !graph.initializer.is_empty() => {
            let count = graph.initializer.len();
            let dims = &mut graph.initializer[which % count].dims;
            let rank = dims.len().max(1);
            if let Some(size) = dims.get_mut(place % rank) {
                *size = edge;
            }
        }
        3 => {
            let constants = graph.initializer.iter_mut().filter(|tensor| tensor.data_type == ElementType::Int64 as i32);
            let inner =
                graph.node.iter_mut().flat_map(|node| &mut node.attribute).filter_map(|attribute| attribute.t.as_mut());
            let inner = inner.filter(|tensor| tensor.data_type == ElementType::Int64 as i32);
            let mut all: Vec<&mut Tensor> =
                constants.chain(inner).filter(|tensor| tensor.raw_data.len() >= 8).collect();
            if !all.is_empty() {
                let count = all.len();
                let raw = &mut all[which % count].raw_data;
                let at = place % (raw.len() / 8) * 8;
                raw[at..at + 8].copy_from_slice(&edge.to_le_bytes());
            }
        }
        _ => {
            let count = node.attribute.len().max(1);
            let Some(attribute) = node.attribute.get_mut(place % count) else { return };
            attribute.i = attribute.i.map(|_| edge);
            attribute.f = attribute.f.map(|_| edge as f32);
            if !attribute.ints.is_empty() {
                let at = value % attribute.ints.len();
                attribute.ints[at] = edge;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

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

    /// Networks that were changed are refused, or read as programs that check.
    #[test]
    fn changed_networks_are_refused_or_check(
        which in any::<usize>(),
        changes in prop::collection::vec((0..5_u8, any::<usize>(), any::<usize>(), any::<usize>()), 1..4),
    ) {
        let paths = networks();
        let path = &paths[which % paths.len()];
        let mut model = Model::decode(&*fs::read(path).unwrap()).unwrap();
        changes.into_iter().for_each(|facts| change(model.graph.as_mut().unwrap(), facts));
        let absent = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        if let Ok(imported) = onnx::read(&model.encode_to_vec(), "changed", &absent) {
            let (_, diagnostics) = nnlc::driver::check_text("changed.nn", &imported.text);
            let errors: Vec<_> = diagnostics.iter().filter(|found| found.is_error()).map(|found| &found.title).collect();
            prop_assert!(errors.is_empty(), "{errors:?}\n{}", imported.text);
        }
    }
}
