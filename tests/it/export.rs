//! Exports: every primitive and every example in every format. That other programs compute the same from them is for
//! `tests/frameworks/judge.py`, which reads what this leaves in the folder `NNLC_EXPORTS` when that is set.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};

use nnlc::driver::{ExportOptions, Request, Session};
use nnlc::engine::reference;
use nnlc::export::{Export, File, Format, Unwritable};
use nnlc::formats::onnx;
use nnlc::import::READERS;
use nnlc::ir::{Graph, Input, Place, ResultRole, ResultValue};
use nnlc::ops::{self, Builder, Case, RunContext};
use nnlc::tensor::random::Stream;
use nnlc::tensor::{BATCH, DType, Sizes, Tensor, Type};
use nnlc::train::{Elements, SavedTensor, Weights};
use prost::Message;

use crate::cli::Desk;

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

/// What a network gives for these inputs, in the reference engine.
fn computed(network: &Export, inputs: &[Tensor]) -> Vec<(String, Tensor)> {
    let zero =
        |ty: &Type| Tensor::f32(&ty.shape.constant().unwrap(), vec![0.0; ty.shape.size().constant().unwrap() as usize]);
    let variables = network.graph.variables.iter();
    let variables =
        variables.map(|own| network.weights.get(&own.path).cloned().unwrap_or_else(|| zero(&own.ty))).collect();
    let run = RunContext { seed: 0, step: 0, batch: SAMPLES };
    reference::run(&network.graph, &variables, inputs, &run, false).results
}

/// Inputs for a network, drawn.
fn fed(graph: &Graph) -> Vec<Tensor> {
    let sizes = Sizes::from([(BATCH.to_owned(), SAMPLES as i64)]);
    graph.inputs.iter().map(|input| drawn(graph.ty(input.value), &input.name, &sizes)).collect()
}

fn options(format: Format) -> ExportOptions {
    let batch = (!format.has_open_batch()).then_some(SAMPLES);
    ExportOptions { format, weights: None, outputs: Vec::new(), batch }
}

#[test]
fn every_example_is_written_in_every_format() {
    for (name, session) in examples() {
        for format in Format::ALL {
            let files = session.export(&options(format)).unwrap_or_else(|found| panic!("{name}: {found:?}"));
            assert!(!files[0].bytes.is_empty(), "{name}");
            if std::env::var_os("NNLC_EXPORTS").is_none() {
                continue; // What it gives is for others to compare.
            }
            let network = session.exported(&options(format)).unwrap_or_else(|found| panic!("{name}: {found:?}"));
            let inputs = fed(&network.graph);
            let given = computed(&network, &inputs);
            let fed = network.graph.inputs.iter().zip(&inputs).zip(0..);
            let fed = fed.map(|((input, tensor), place)| (format!("in.{place}.{}", input.name), tensor));
            let given = given.iter().zip(0..);
            let given = given.map(|((name, tensor), place)| (format!("out.{place}.{name}"), tensor));
            leave(format, &format!("example_{name}"), &files, fed.chain(given).collect());
        }
    }
}

/// How far apart two results are, relative to the largest value of the second.
fn distance(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.shape(), expected.shape());
    let (found, expected) = (found.to_f64(), expected.to_f64());
    let scale = expected.iter().fold(1e-3, |most: f64, value| most.max(value.abs()));
    found.iter().zip(&expected).map(|(a, b)| (a - b).abs() / scale).fold(0.0, f64::max)
}

#[test]
fn what_is_written_comes_back_and_computes_the_same() {
    let nowhere = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    for (ending, format) in [("onnx", Format::Onnx), ("nnp", Format::Nnp)] {
        let (_, _, read) = READERS.iter().find(|(own, ..)| *own == ending).unwrap();
        for (name, session) in examples() {
            if (ending, &name[..]) == ("onnx", "char_lstm") {
                continue; // A thousand nodes of one kind.
            }
            let network = session.exported(&options(format)).unwrap();
            let files = session.export(&options(format)).unwrap();
            let imported = match read(&files[0].bytes, &format!("{name}.{ending}"), &nowhere) {
                Ok(imported) => imported,
                Err(refusal) => {
                    let known = ending == "nnp" && ["char_lstm", "transformer"].contains(&&name[..]);
                    assert!(known, "{name}.{ending}: {refusal:?}");
                    continue;
                }
            };
            let again = Session::check("again.nn", imported.text.clone(), PathBuf::new(), &Request::default());
            assert!(!again.failed(), "{name}.{ending}: {:?}\n{}", again.diagnostics, imported.text);
            let mut second = again.exported(&options(format)).unwrap();
            second.weights.extend(imported.weights);
            let inputs = fed(&network.graph);
            let (first, second) = (computed(&network, &inputs), computed(&second, &inputs));
            assert_eq!(first.len(), second.len(), "{name}.{ending}");
            for (output, expected) in &first {
                // A name of the library's is not kept, for the text to mean the library's by it.
                let renamed = |own: &&(String, Tensor)| first.iter().all(|(name, _)| *name != own.0);
                let (_, found) = second.iter().find(|(own, _)| own == output).or(second.iter().find(renamed)).unwrap();
                let off = distance(found, expected);
                assert!(off < 1e-5, "{name}.{ending}: `{output}` is off by {off:e}\n{}", imported.text);
            }
        }
    }
}

/// A network with a convolution, an affine layer, and the two formulas that formats have an operation for.
const SMALL: &str = "input x: [1, 4, 4]\n\
    h = x |> Convolution(2, kernel = 3) |> relu\n\
    y = h |> Affine(3) |> softmax\n\
    output y\n\
    output most = argmax(y)\n";

/// An ONNX model, a line for each node.
fn listed(bytes: &[u8]) -> String {
    let model = onnx::Model::decode(bytes).unwrap();
    let graph = model.graph.unwrap();
    let mut defined: BTreeSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    defined.extend(graph.input.iter().map(|input| input.name.as_str()));
    let mut lines = String::new();
    for node in &graph.node {
        let unknown: Vec<&String> = node.input.iter().filter(|input| !defined.contains(input.as_str())).collect();
        assert!(unknown.is_empty(), "`{}` reads {unknown:?} before they are there", node.name);
        for output in &node.output {
            assert!(defined.insert(output), "`{output}` is there twice");
        }
        let attributes = node.attribute.iter().map(|own| match own.i {
            Some(value) => format!(" {}={value}", own.name),
            None => format!(" {}={:?}", own.name, own.ints),
        });
        let attributes: String = attributes.collect();
        lines += &format!("{} = {}({}){attributes}\n", node.output.join(", "), node.op_type, node.input.join(", "));
    }
    let size = |dimension: &onnx::Dimension| match dimension.size.as_ref().unwrap() {
        onnx::Size::Value(size) => size.to_string(),
        onnx::Size::Param(name) => name.clone(),
    };
    for (side, infos) in [("in", &graph.input), ("out", &graph.output)] {
        for info in infos {
            let ty = info.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
            let sizes: Vec<String> = ty.shape.as_ref().unwrap().dim.iter().map(size).collect();
            lines += &format!("{side} {}: type {} [{}]\n", info.name, ty.elem_type, sizes.join(", "));
        }
    }
    lines
}

/// A text without the weights in it, which are drawn.
fn without_bytes(text: &str) -> String {
    let parts = text.split("dense<\"0x").enumerate();
    parts
        .map(|(place, part)| if place == 0 { part } else { part.split_once('"').unwrap().1 })
        .collect::<Vec<_>>()
        .join("dense<..")
}

/// The network's text in an NNP archive.
fn network_in(bytes: &[u8]) -> String {
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
    let mut text = String::new();
    archive.by_name("network.nntxt").unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_small_network_reads_so_in_each_format() {
    let session = Session::check("small.nn", SMALL.to_owned(), PathBuf::new(), &Request::default());
    for format in Format::ALL {
        let open = ExportOptions { batch: None, ..options(format) };
        let files = session.export(&open).unwrap();
        let bytes = &files[0].bytes;
        let text = match format {
            Format::Onnx => listed(bytes),
            Format::Nnp => network_in(bytes),
            Format::PyTorch | Format::StableHlo => without_bytes(&String::from_utf8(bytes.clone()).unwrap()),
        };
        insta::assert_snapshot!(format!("small_in_{}", format.name().to_lowercase()), text);
    }
}

/// A program whose outputs are drawn, computed, and derived, and one of an open length.
fn desk() -> Desk {
    let drawn = "input x: [4]\n\
        y = x |> Affine(3)\n\
        noisy = y + randn([3])\n\
        output y\n\
        output noisy\n\
        output slope = grad(sum(square(y)), x)\n";
    let open = "input t: index<7>[T]\ny = t |> Embed(4) |> mean(axis = 0)\noutput y\n";
    Desk::with(&[("drawn.nn", drawn), ("open.nn", open)])
}

#[test]
fn what_a_format_lacks_is_told_at_the_expression() {
    let desk = desk();
    for format in ["onnx", "pytorch", "stablehlo", "nnp"] {
        let said = desk.nnlc(&format!("export drawn.nn --to {format}"));
        said.is(1, &["error[E0609]", "cannot hold `randn`: it draws random numbers", "drawn.nn:3:13"]);
        desk.nnlc(&format!("export drawn.nn --to {format} --output slope --out s/{format}")).is(0, &["s/"]);
    }
    desk.nnlc("export drawn.nn --to onnx --output z").is(3, &["error[E0102]: no output is called `z`"]);
    desk.nnlc("export drawn.nn --to onnx --output y --weights w.safetensors").is(3, &["error[E0803]"]);
    desk.nnlc("export drawn.nn --to keras").is(2, &["onnx, pytorch, stablehlo, nnp"]);
    desk.nnlc("export drawn.nn --to onnx --output y --batch 0").is(2, &["expected a positive integer"]);
}

#[test]
fn sizes_are_numbers_and_the_batch_size_where_it_has_to_be() {
    let desk = desk();
    desk.nnlc("export open.nn --to onnx").is(1, &["error[E0115]: the size `T` of input `t` is open", "--set T=24"]);
    desk.nnlc("export open.nn --to onnx --set T=5").is(0, &["open.onnx", "note: its weights are those"]);
    let of = |name: &str| listed(&std::fs::read(desk.at(name)).unwrap());
    assert!(of("open.onnx").contains("in t: type 7 [batch, 5]\nout y: type 1 [batch, 4]\n"), "{}", of("open.onnx"));
    desk.nnlc("export open.nn --to onnx --set T=5 --batch 8 --out eight.onnx").is(0, &[]);
    assert!(of("eight.onnx").contains("in t: type 7 [8, 5]\nout y: type 1 [8, 4]\n"), "{}", of("eight.onnx"));
    desk.nnlc("export open.nn --to stablehlo --set T=5").is(0, &[]);
    let text = std::fs::read_to_string(desk.at("open.mlir")).unwrap();
    assert!(text.contains("@main(%t: tensor<1x5xi32>) -> (tensor<1x4xf32>)"), "{text}");
}

#[test]
fn trained_weights_are_those_of_the_file() {
    let model = "input x: [2]\nparam w: [2] = ones()\nparam scale: [2] frozen = ones()\noutput y = x * w * scale\n";
    let desk = Desk::with(&[("m.nn", model)]);
    let saved = |values: [f32; 2]| SavedTensor { shape: vec![2], elements: Elements::F32(values.to_vec()) };
    let tensors = BTreeMap::from([("w".to_owned(), saved([2.5, -4.0])), ("scale".to_owned(), saved([1.0, 0.5]))]);
    Weights { tensors, ..Weights::default() }.save(&desk.at("w.safetensors")).unwrap();
    let said = desk.nnlc("export m.nn --to onnx --weights w.safetensors");
    said.is(0, &["m.onnx"]);
    assert!(!said.err.contains("note:"), "{}", said.err);
    let model = onnx::Model::decode(&std::fs::read(desk.at("m.onnx")).unwrap()[..]).unwrap();
    let bytes: Vec<u8> = [2.5f32, -4.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(model.graph.unwrap().initializer[0].raw_data, bytes);
    desk.nnlc("export m.nn --to pytorch --weights w.safetensors").is(0, &["m.py", "m.safetensors"]);
    let module = std::fs::read_to_string(desk.at("m.py")).unwrap();
    assert!(module.contains("self.weight(\"w\", [2])") && module.contains("self.state(\"scale\", [2])"), "{module}");
    let kept = Weights::load(&desk.at("m.safetensors")).unwrap();
    assert_eq!(kept.tensors["w"].elements, Elements::F32(vec![2.5, -4.0]));
}
