//! `nnlc import` of NNabla's archives and of projects of Neural Network Console: what they become, and that it computes what NNabla's
//! own program `nbla` computed of the same archive, inputs and weights.

use std::fs;
use std::path::{Path, PathBuf};

use nnlc::driver::{InferOptions, NotImported, Session, import_file, write_imported};
use nnlc::formats::{hdf5, nnabla::text};
use nnlc::import::{Imported, Refusal, nnp, sdcproj};
use proptest::prelude::*;
use tempfile::TempDir;

use super::cli::Desk;
use super::lengths::npy;

/// How far a value may be from NNabla's.
const NEAR: f32 = 1e-5;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nnabla").join(name)
}

fn imported(name: &str) -> Imported {
    import_file(&data(name)).unwrap_or_else(|why| panic!("{name}: {why:?}"))
}

/// A tensor of the file beside an archive: its role and name, the sizes of its axes, its elements.
type Told = (String, String, Vec<usize>, Vec<f32>);

/// What `nbla` was given and what it gave.
fn told(name: &str) -> Vec<Told> {
    let text = fs::read_to_string(data(name).with_extension("txt")).unwrap();
    let line = |line: &str| {
        let (head, values) = line.split_once(": ").unwrap();
        let [role, name, sizes] = head.split(' ').collect::<Vec<_>>()[..] else { panic!("{head}") };
        let sizes = sizes.split('x').map(|size| size.parse().unwrap()).collect();
        (role.to_owned(), name.to_owned(), sizes, values.split(' ').map(|value| value.parse().unwrap()).collect())
    };
    text.lines().map(line).collect()
}

/// Imports an archive, checks what was written and compares what it computes with what `nbla` computed. Gives how many outputs were.
fn computes_the_same(name: &str) -> usize {
    let folder = TempDir::new().unwrap();
    let told = told(name);
    let carried = write_imported(&imported(name), &folder.path().join("net.nn"), false).unwrap();
    assert!(!carried.session.failed(), "{:#?}", carried.session.diagnostics);
    let graph = &carried.session.program.as_ref().unwrap().graph;
    let mut inputs = Vec::new();
    for input in graph.inputs.iter() {
        let Some((_, _, sizes, values)) = told.iter().find(|(role, own, _, _)| role == "input" && *own == input.name)
        else {
            continue;
        };
        let path = folder.path().join(format!("{}.npy", input.name));
        npy(&path, sizes, values);
        inputs.push((input.name.clone(), path));
    }
    // Functions alone have no weights, but a file of them is asked for.
    let weights = carried.weights.unwrap_or_else(|| {
        let path = folder.path().join("none.safetensors");
        fs::write(&path, b"\x02\0\0\0\0\0\0\0{}").unwrap();
        path
    });
    let session = Session::open(&carried.program, &nnlc::driver::Request { without_data: true, ..Default::default() });
    let options = InferOptions { weights, inputs, outputs: Vec::new(), threads: 1, seed: 0 };
    let found = session.infer(&options).unwrap_or_else(|why| panic!("{name}: {why:#?}"));
    let mut compared = 0;
    for (_, own, _, values) in told.iter().filter(|(role, _, _, _)| role == "output") {
        let own = own.replace('\'', "_hat");
        // A name of the library's own gets a number.
        let numbered = format!("{own}_2");
        let output = found
            .iter()
            .find(|output| output.name == own || output.name == numbered)
            .unwrap_or_else(|| panic!("no output `{own}` of {name}"));
        assert_eq!(output.values.len(), values.len(), "{name}: {own}");
        for (ours, theirs) in output.values.iter().zip(values) {
            assert!((ours - theirs).abs() < NEAR, "{name}: {own} is {ours}, NNabla's {theirs}");
        }
        compared += 1;
    }
    compared
}

#[test]
fn imported_networks_compute_what_nnabla_computes() {
    assert_eq!(computes_the_same("auto_encoder.nnp"), 1);
    assert_eq!(computes_the_same("lenet.nnp"), 1);
}

#[test]
fn every_function_computes_what_nnabla_computes() {
    assert_eq!(computes_the_same("functions.nnp"), 86);
}

#[test]
fn every_layer_computes_what_nnabla_computes_with_its_weights() {
    assert_eq!(computes_the_same("layers.nnp"), 15);
    assert_eq!(computes_the_same("classes.nnp"), 5);
}

/// The text of a program, then its notes and the paths of its weights.
fn shown(imported: &Imported) -> String {
    let notes: String = imported.notes.iter().map(|note| format!("note: {note}\n")).collect();
    let weights = imported.weights.iter().map(|(path, tensor)| format!("{path}: {:?}\n", tensor.shape()));
    format!("{}---\n{notes}{}", imported.text, weights.collect::<String>())
}

#[test]
fn archives_become_programs_that_a_person_would_write() {
    insta::assert_snapshot!("nnp_auto_encoder", shown(&imported("auto_encoder.nnp")));
    insta::assert_snapshot!("nnp_lenet", shown(&imported("lenet.nnp")));
    insta::assert_snapshot!("nnp_layers", shown(&imported("layers.nnp")));
    insta::assert_snapshot!("nnp_classes", shown(&imported("classes.nnp")));
}

#[test]
fn projects_become_programs_that_a_person_would_write() {
    for name in ["auto_encoder", "classifier", "vae"] {
        let imported = imported(&format!("{name}.sdcproj"));
        let session = Session::check(
            "net.nn",
            imported.text.clone(),
            ".".into(),
            &nnlc::driver::Request { without_data: true, ..Default::default() },
        );
        assert!(!session.failed(), "{name}: {:#?}", session.diagnostics);
        insta::assert_snapshot!(format!("sdcproj_{name}"), shown(&imported));
    }
}

#[test]
fn an_imported_project_trains_on_the_data_that_it_names() {
    let rows: String = (0..24)
        .map(|i| (0..6).map(|k| format!("{}", (i * (k + 1)) % 7)).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    let table = format!("x__0,x__1,x__2,x__3,x__4,x__5\n{rows}");
    let desk = Desk::with(&[("train.csv", &table), ("valid.csv", &table)]);
    fs::copy(data("vae.sdcproj"), desk.at("vae.sdcproj")).unwrap();
    desk.nnlc("import vae.sdcproj").is(0, &["wrote vae.nn", "next: nnlc check vae.nn"]);
    desk.nnlc("check vae.nn").is(0, &[]);
    let ran = desk.nnlc("run vae.nn --epochs 2");
    ran.is(0, &[]);
    assert!(fs::metadata(desk.at("runs/vae/weights.safetensors")).is_ok());
}

#[test]
fn the_page_shows_what_a_project_becomes() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md")).unwrap();
    let text = imported("vae.sdcproj").text;
    let (_, program) = text.split_once("\n\n").unwrap();
    let (program, _) = program.split_once("\n\ndata").unwrap();
    assert!(page.contains(&format!("```nn\n{program}\n```\n")), "{program}");
}

fn refusal(result: Result<Imported, Refusal>) -> String {
    let Refusal { title, notes, help } = result.unwrap_err();
    std::iter::once(title).chain(notes).chain(help).collect::<Vec<_>>().join("\n")
}

fn project(text: &str) -> Result<Imported, Refusal> {
    sdcproj::read(text.as_bytes(), "net", &|_| Err(std::io::ErrorKind::NotFound.into()))
}

/// An archive of this network, without parameters.
fn archive(network: &str) -> Vec<u8> {
    packed(&[("network.nntxt", network.as_bytes())])
}

fn packed(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in members {
        zip.start_file(*name, stored).unwrap();
        std::io::Write::write_all(&mut zip, bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn read_archive(bytes: &[u8]) -> Result<Imported, Refusal> {
    nnp::read(bytes, "net", &|_| Err(std::io::ErrorKind::NotFound.into()))
}

#[test]
fn layers_without_a_counterpart_are_told_all_at_once() {
    let original = fs::read_to_string(data("vae.sdcproj")).unwrap();
    let changed = original.replace("Type=Exp", "Type=RepeatStart").replace("Type=MulScalar", "Type=Unit");
    insta::assert_snapshot!(refusal(project(&changed)), @r"
    4 layers have no counterpart
    Unit `MulScalar`: no layer of `.nn` corresponds to it
    RepeatStart `Exp`: no layer of `.nn` corresponds to it
    RepeatStart `Exp_2`: no layer of `.nn` corresponds to it
    Unit `KL`: no layer of `.nn` corresponds to it
    ");
    let unclear = original.replace("Property_1_Value=8", "Property_1_Value=*Calc 2*4");
    insta::assert_snapshot!(refusal(project(&unclear)), @r"
    a layer has no counterpart
    `Affine`: its property OutShape is the expression `*Calc 2*4`
    ");
}

#[test]
fn several_networks_in_turn_are_refused_by_name() {
    let original = fs::read_to_string(data("vae.sdcproj")).unwrap();
    let changed =
        original.replace("NumOptimizer=1", "NumOptimizer=2") + "[Optimizer_1]\nOptimizer_NetworkName=Critic\n";
    assert!(refusal(project(&changed)).starts_with("it trains the networks `Critic`, `Main` in turn"));
    assert!(refusal(project("x")).contains("no project of Neural Network Console"));
}

#[test]
fn what_mixes_samples_is_refused_with_its_reason() {
    let network = |functions: &str| {
        let variable =
            |name: &str, sizes: &str| format!("variable {{ name: '{name}' type: 'Buffer' shape {{ {sizes} }} }}\n");
        let variables = variable("x", "dim: -1 dim: 4") + &variable("a", "dim: 4") + &variable("b", "dim: 4");
        archive(&format!("network {{ name: 'n' {variables} {functions} }}"))
    };
    let sum = network("function { name: 'all' type: 'Sum' input: 'x' output: 'a' sum_param { axes: 0 } }");
    assert!(refusal(read_archive(&sum)).contains("Sum `all`: it takes the sum over the samples of a minibatch"));
    let mean = network(
        "function { type: 'Mean' input: 'x' output: 'a' mean_param { axes: 0 } } function { name: 'e' type: 'Exp' input: 'a' output: 'b' }",
    );
    assert!(refusal(read_archive(&mean)).contains("Exp `e`: it is computed from a mean over the samples"));
    let circle = network(
        "function { name: 'm' type: 'Mean' input: 'a' output: 'a' } function { type: 'ReLU' input: 'b' output: 'b' }",
    );
    assert!(!refusal(read_archive(&circle)).is_empty(), "a circle ends");
    let delay = network(
        "function { name: 'd' type: 'Delay' input: 'x' output: 'a' } function { name: 's' type: 'Slide' input: 'x' output: 'b' }",
    );
    insta::assert_snapshot!(refusal(read_archive(&delay)), @r"
    2 parts of the network have no counterpart
    Delay `d`: there is no counterpart
    Slide `s`: there is no counterpart
    ");
}

#[test]
fn arrays_of_an_hdf5_file_are_read_with_their_groups() {
    let (_, bytes) = members("layers.nnp").into_iter().find(|(name, _)| name == "parameter.h5").unwrap();
    let arrays = hdf5::arrays(&bytes).unwrap();
    assert_eq!(arrays.len(), 31);
    let scale = arrays.iter().find(|array| array.path == "scale").unwrap();
    assert_eq!((scale.shape.as_slice(), scale.values.len()), ([1, 3, 1].as_slice(), 3));
    assert!(arrays.iter().any(|array| array.path == "c/conv/W" && array.shape == [4, 1, 3, 2]));
}

#[test]
fn damaged_files_are_told_as_such() {
    let desk = Desk::with(&[("text.nnp", "no archive at all\n"), ("text.sdcproj", "no project\n")]);
    desk.nnlc("import text.nnp")
        .is(1, &["`text.nnp` is not carried over: it is damaged, cut short or no NNabla archive"]);
    desk.nnlc("import text.sdcproj").is(1, &["it is no project of Neural Network Console"]);
    let broken = packed(&[("network.nntxt", b"network {"), ("parameter.h5", b"\x89HDF\r\n\x1a\n\x03")]);
    assert!(refusal(read_archive(&broken)).contains("network.nntxt: line 1: a message is not closed"));
    let newer = packed(&[("network.nntxt", b"network { }"), ("parameter.h5", b"\x89HDF\r\n\x1a\n\x03")]);
    let told = refusal(read_archive(&newer));
    assert!(told.contains("`parameter.h5` are not read: it is of HDF5's newer form (superblock 3)"), "{told}");
    assert!(told.contains("parameter_format=\".protobuf\""), "{told}");
    assert!(matches!(import_file(&data("none.nnp")), Err(NotImported::Failed(_))));
}

/// The members of an archive of the test data.
fn members(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(fs::File::open(data(name)).unwrap()).unwrap();
    let count = zip.len();
    let member = |i| {
        let mut member = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut member, &mut bytes).unwrap();
        (member.name().unwrap().into_owned(), bytes)
    };
    (0..count).map(member).collect()
}

/// Bytes with a few of them replaced, and perhaps cut.
fn damaged(bytes: &[u8], edits: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in edits {
        let length = bytes.len();
        bytes[at % length] = *byte;
    }
    if cut.is_multiple_of(4) {
        bytes.truncate(cut % bytes.len().max(1));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_archives_never_panic(edits in prop::collection::vec((0usize..1 << 20, any::<u8>()), 1..6), cut in 0usize..1 << 20) {
        for name in ["layers.nnp", "lenet.nnp"] {
            let _refused = read_archive(&damaged(&fs::read(data(name)).unwrap(), &edits, cut));
            let members: Vec<(String, Vec<u8>)> =
                members(name).into_iter().map(|(name, bytes)| (name, damaged(&bytes, &edits, cut))).collect();
            for (name, bytes) in members.iter().filter(|(name, _)| name.ends_with(".h5")) {
                prop_assert!(name == "parameter.h5");
                let _fault = hdf5::arrays(bytes);
            }
            let borrowed: Vec<(&str, &[u8])> = members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
            let _refused = read_archive(&packed(&borrowed));
        }
    }

    #[test]
    fn networks_with_other_numbers_never_panic(at in 0usize..4000, number in prop::sample::select(vec!["0", "-1", "-9223372036854775808", "9223372036854775807", "3", "1e308", "x"])) {
        for name in ["layers.nnp", "functions.nnp", "classes.nnp"] {
            let text = members(name).into_iter().find(|(name, _)| name.ends_with(".nntxt")).unwrap().1;
            let text = String::from_utf8(text).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            let place = at % lines.len();
            let changed = match lines[place].split_once(": ") {
                Some((key, _)) => format!("{key}: {number}"),
                None => lines[place].to_owned(),
            };
            let whole = [&lines[..place], &[changed.as_str()], &lines[place + 1..]].concat().join("\n");
            let _either = read_archive(&archive(&whole));
        }
    }

    #[test]
    fn damaged_projects_never_panic(at in 0usize..4000, number in prop::sample::select(vec!["", "0", "-1", "-9223372036854775808", "9223372036854775807", "*Input", "1,2", "0,0,0,0", "x"])) {
        for name in ["vae.sdcproj", "classifier.sdcproj", "auto_encoder.sdcproj"] {
            let original = fs::read_to_string(data(name)).unwrap();
            let lines: Vec<&str> = original.lines().collect();
            let place = at % lines.len();
            let changed = match lines[place].split_once('=') {
                Some((key, _)) => format!("{key}={number}"),
                None => lines[place].to_owned(),
            };
            let whole = [&lines[..place], &[changed.as_str()], &lines[place + 1..]].concat().join("\n");
            let _either = project(&whole);
        }
    }

    #[test]
    fn any_text_is_a_tree_or_a_fault(bytes in "[a-c{}<>:\\[\\]\"'\\\\,0-9#\n -]{0,60}") {
        if let Ok(tree) = text::parse(&bytes) {
            prop_assert_eq!(text::parse(&tree.to_string()), Ok(tree));
        }
    }
}
