//! Exports: every primitive and every example in every format. That other programs compute the same from them is for
//! `tests/frameworks/judge.py`, which reads what this leaves in the folder `NNLC_EXPORTS` when that is set.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nnlc::driver::{ExportOptions, Request, Session};
use nnlc::engine::reference;
use nnlc::export::{Export, File, Format, Unwritable};
use nnlc::ir::{Graph, Input, Place, ResultRole, ResultValue};
use nnlc::ops::{self, Builder, Case, RunContext};
use nnlc::tensor::random::Stream;
use nnlc::tensor::{BATCH, DType, Sizes, Tensor, Type};
use nnlc::train::{Elements, SavedTensor, Weights};

/// How many samples the examples are run on.
const SAMPLES: usize = 3;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A graph of one operation, all of whose operands are fed, and what it gives.
fn of_case(op: nnlc::ir::Op, case: &Case) -> (Export, Vec<Tensor>, Tensor) {
    let inputs = case.draw(0);
    let mut graph = Graph::new();
    let mut operands = Vec::new();
    for (index, input) in case.inputs.iter().enumerate() {
        let value = Builder::new(&mut graph, Place::NONE).input(index, input.ty.clone());
        graph.inputs.push(Input { name: format!("x{index}"), value, drawn: None });
        operands.push(value);
    }
    let value = Builder::new(&mut graph, Place::NONE).emit(op, &operands, case.attrs.clone());
    let (name, role) = ("y".to_owned(), ResultRole::Output);
    graph.results.push(ResultValue { name, role, value, place: Place::NONE });
    let run = RunContext { seed: 0, step: 0, batch: SAMPLES };
    let expected = reference::run(&graph, &Default::default(), &inputs, &run, false).result("y").unwrap().clone();
    (Export { graph, weights: BTreeMap::new(), title: op.to_string() }, inputs, expected)
}

fn saved(tensor: &Tensor) -> SavedTensor {
    let shape = tensor.shape().to_vec();
    let elements = match tensor {
        Tensor::F32(_) | Tensor::F64(_) => Elements::F32(tensor.to_f32()),
        Tensor::I32(values) => Elements::I32(values.iter().copied().collect()),
        Tensor::Bool(values) => Elements::I32(values.iter().map(|value| i32::from(*value)).collect()),
    };
    SavedTensor { shape, elements }
}

/// Leaves an export with what is fed to it and what it gives, where somebody asked for it.
fn leave(format: Format, name: &str, files: &[File], tensors: Vec<(String, &Tensor)>) {
    let Some(folder) = std::env::var_os("NNLC_EXPORTS") else { return };
    let folder = PathBuf::from(folder).join(format.name().to_lowercase()).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for file in files {
        std::fs::write(folder.join("model").with_extension(file.ending), &file.bytes).unwrap();
    }
    let is_bool = |tensor: &Tensor| matches!(tensor, Tensor::Bool(_));
    let truths: Vec<&str> =
        tensors.iter().filter(|(_, tensor)| is_bool(tensor)).map(|(name, _)| name.as_str()).collect();
    let metadata = BTreeMap::from([("bool".to_owned(), truths.join(" "))]);
    let tensors = tensors.iter().map(|(name, tensor)| (name.clone(), saved(tensor))).collect();
    Weights { tensors, metadata }.save(&folder.join("case.safetensors")).unwrap();
}

/// Every test input of every primitive that stands in a batched graph, written in a format: which were refused, and why.
fn refused(format: Format) -> String {
    const PER_SAMPLE: [&str; 6] = ["all_samples", "sample_index", "select_training", "grad", "claim", "stand_in"];
    let mut refused = String::new();
    for primitive in ops::all().filter(|primitive| !PER_SAMPLE.contains(&primitive.op.0)) {
        let mut reasons = BTreeSet::new();
        for (number, case) in (primitive.cases)().iter().enumerate() {
            if (primitive.op.0 == "rand" || primitive.op.0 == "randn" || primitive.op.0 == "orthogonal") && number > 0 {
                continue;
            }
            let (export, inputs, expected) = of_case(primitive.op, case);
            match format.write(&export) {
                Ok(files) => {
                    let fed = inputs.iter().enumerate().map(|(index, tensor)| (format!("in.{index}.x{index}"), tensor));
                    let tensors = fed.chain([("out.0.y".to_owned(), &expected)]).collect();
                    leave(format, &format!("{}_{number}", primitive.op), &files, tensors);
                }
                Err(faults) => reasons.extend(faults.into_iter().map(|Unwritable { reason, .. }| reason)),
            }
        }
        for reason in reasons {
            refused += &format!("{}: {reason}\n", primitive.op);
        }
    }
    refused
}

#[test]
fn every_primitive_is_written_or_refused_with_a_reason() {
    for format in Format::ALL {
        insta::assert_snapshot!(format!("refused_by_{}", format.name().to_lowercase()), refused(format));
    }
}

/// A value of a type, drawn: floats from [0, 1), indices among their classes.
fn drawn(ty: &Type, name: &str, sizes: &Sizes) -> Tensor {
    let shape = ty.shape.bind(sizes).constant().unwrap();
    let mut numbers = vec![0.0; shape.iter().product()];
    let key = name.bytes().map(u64::from).sum();
    Stream { seed: 3, key, step: 0 }.fill_uniform(0, 0, &mut numbers);
    match &ty.dtype {
        DType::F32 => Tensor::f32(&shape, numbers),
        DType::I32 => Tensor::i32(&shape, numbers.iter().map(|x| (x * 8.0) as i32).collect()),
        DType::Bool => Tensor::bool(&shape, numbers.iter().map(|x| *x < 0.5).collect()),
        DType::Index(classes) => {
            let classes = classes.constant().unwrap() as f32;
            Tensor::i32(&shape, numbers.iter().map(|x| (x * classes) as i32).collect())
        }
    }
}

/// The examples, each at the sizes that its data has.
fn examples() -> Vec<(String, Session)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(root().join("examples")).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "nn"));
    paths.sort();
    let open = |path: &PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, Session::open(path, &Request::default()))
    };
    paths.iter().map(open).filter(|(_, session)| session.program.is_some()).collect()
}

#[test]
fn every_example_is_written_in_every_format() {
    let sizes = Sizes::from([(BATCH.to_owned(), SAMPLES as i64)]);
    for (name, session) in examples() {
        for format in Format::ALL {
            let batch = (!format.has_open_batch()).then_some(SAMPLES);
            let options = ExportOptions { format, weights: None, outputs: Vec::new(), batch };
            let network = session.exported(&options).unwrap_or_else(|found| panic!("{name}: {found:?}"));
            let files = session.export(&options).unwrap_or_else(|found| panic!("{name}: {found:?}"));
            let graph = &network.graph;
            let inputs: Vec<Tensor> =
                graph.inputs.iter().map(|input| drawn(graph.ty(input.value), &input.name, &sizes)).collect();
            let zero = |ty: &Type| {
                Tensor::f32(&ty.shape.constant().unwrap(), vec![0.0; ty.shape.size().constant().unwrap() as usize])
            };
            let variables = graph
                .variables
                .iter()
                .map(|variable| network.weights.get(&variable.path).cloned().unwrap_or_else(|| zero(&variable.ty)))
                .collect();
            let run = RunContext { seed: 0, step: 0, batch: SAMPLES };
            let evaluation = reference::run(graph, &variables, &inputs, &run, false);
            let fed = graph.inputs.iter().zip(&inputs).zip(0..);
            let fed = fed.map(|((input, tensor), place)| (format!("in.{place}.{}", input.name), tensor));
            let given = evaluation
                .results
                .iter()
                .zip(0..)
                .map(|((name, tensor), place)| (format!("out.{place}.{name}"), tensor));
            leave(format, &format!("example_{name}"), &files, fed.chain(given).collect());
        }
    }
}
