//! The `nnlc` program as a user meets it: arguments in; messages, exit codes and files out.
//!
//! Exit codes: 0 fine, 1 the program has errors, 2 wrong usage, 3 a run failed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nnlc::base::IndexVec;
use nnlc::driver::{Request, Session};
use nnlc::engine::reference;
use nnlc::ir::VarId;
use nnlc::lower::lower;
use nnlc::networks::{Network, derive};
use nnlc::ops::RunContext;
use nnlc::tensor::Tensor;
use nnlc::train::{Elements, Weights};
use tempfile::TempDir;

/// What a call of the program came to.
pub struct Said {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Demands an exit code and texts on standard error.
    #[track_caller]
    pub fn is(&self, code: i32, texts: &[&str]) -> &Said {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        for text in texts {
            assert!(self.err.contains(text), "no `{text}` in\n{}", self.err);
        }
        self
    }
}

/// A folder with files, where the program is called.
pub struct Desk(TempDir);

impl Desk {
    pub fn with(files: &[(&str, &str)]) -> Desk {
        let desk = Desk(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            fs::write(desk.at(name), text).expect("a file");
        }
        desk
    }

    pub fn at(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
        command.args(arguments.split_whitespace()).current_dir(self.0.path()).env("NO_COLOR", "1");
        command
    }

    pub fn nnlc(&self, arguments: &str) -> Said {
        let output = self.command(arguments).output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn log(&self, folder: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.at(folder).join("log.csv")).expect("a log");
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }
}

/// A classifier of two numbers without data statements.
const MODEL: &str = "const width = 4\n\
    input x: [2]\n\
    input y: index<3>\n\
    p = x |> Dropout(0.5) |> Affine(width) |> tanh |> Affine(3)\n\
    loss = softmax_cross_entropy(p, y)\n\
    output q = softmax(p)\n\
    train {\n    batch = 4\n    epochs = 2\n}\n";

const TABLE: &str = "x__0,x__1,y\n0.5,1,0\n1,-0.5,1\n0.25,2,2\n3,1,0\n-1,2,1\n";

fn classifier() -> Desk {
    Desk::with(&[("m.nn", MODEL), ("t.csv", TABLE)])
}

#[test]
fn texts_that_are_no_program_are_refused() {
    let deep = format!("input x: [4]\nloss = {}x{}\n", "(".repeat(100_000), ")".repeat(100_000));
    let desk = Desk::with(&[("empty.nn", ""), ("deep.nn", &deep)]);
    fs::write(desk.at("bytes.nn"), b"input x: [2]\n# \xff\n").unwrap();
    desk.nnlc("check bytes.nn").is(1, &["error[E0100]", "bytes.nn:2:3", "byte 15 is 0xff"]);
    desk.nnlc("check empty.nn").is(1, &["error[E0103]: no loss is declared"]);
    let begun = Instant::now();
    desk.nnlc("check deep.nn --message-format short").is(1, &["deep.nn:2:", "error[E0111]"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "deep nesting takes {:?}", begun.elapsed());
    desk.nnlc("check none.nn").is(1, &["error[E0403]: cannot read `none.nn`: there is no such file"]);
    desk.nnlc("check .").is(1, &["cannot read `.`: it is a folder"]);
}

#[test]
fn a_size_beyond_all_memory_is_told_with_what_it_would_take() {
    let text = "input x: [1000000, 1000000, 1000000]\np = x |> Affine(2)\nloss = mean(square(p))\noutput p\n";
    // 1e18 elements of 4 bytes.
    Desk::with(&[("m.nn", text)]).nnlc("check m.nn").is(1, &["error[E0205]", "m.nn:1:10", "3552.7 PiB"]);
}

#[test]
fn data_that_does_not_fit_is_told_by_file_row_and_column() {
    let wide = MODEL.to_owned() + "data train { x = npy(\"x.npy\") y = csv(\"t.csv\", \"y\") }\n";
    let desk = Desk::with(&[
        ("m.nn", MODEL),
        ("wide.nn", &wide),
        ("range.csv", &TABLE.replace("-0.5,1", "-0.5,3")),
        ("nan.csv", &TABLE.replace("-0.5,1", "nan,1")),
        ("shape.csv", "x,y\n1,2\n"),
        ("t.csv", TABLE),
    ]);
    for command in ["check", "run", "profile"] {
        desk.nnlc(&format!("{command} m.nn")).is(1, &["error[E0402]: input `x` is never fed", "m.nn:2:7"]);
    }
    let range = ["error[E0401]: `range.csv`, row 2 (line 3), column `y`: found 3, expected an index<3> from 0 to 2"];
    desk.nnlc("run m.nn --data train=range.csv").is(3, &range);
    desk.nnlc("run m.nn --data train=nan.csv").is(3, &["`nan.csv`, row 2 (line 3), column `x__1`: the value is NaN"]);
    desk.nnlc("run m.nn --data train=shape.csv").is(
        1,
        &["error[E0401]: `shape.csv`: each sample is a single number, the input takes [2]", "columns `x__0`, `x__1`"],
    );
    desk.nnlc("run m.nn --data train=none.csv").is(1, &["error[E0403]: `none.csv` is missing"]);
    desk.nnlc("check wide.nn").is(1, &["error[E0403]: `x.npy` is missing", "wide.nn:11:18"]);
    assert!(!desk.at("runs").exists(), "nothing is left of a run that never began");
}

#[test]
fn only_what_is_to_be_trained_needs_data() {
    let drawn = "input z: [2] from normal(0, 1)\np = z |> Affine(1)\nloss = square(p)\noutput p\ntrain { steps = 5 }\n";
    let network = "input x: [2]\np = x |> Affine(1)\nloss = square(p)\noutput p\ntest \"t\" { assert 1 == 1 }\n";
    let away = network.to_owned() + "train { epochs = 1 }\ndata train { x = 2 * csv(\"away.csv\", \"a:b\") }\n";
    let desk = Desk::with(&[
        ("drawn.nn", drawn),
        ("network.nn", network),
        ("module.nn", "fn twice(x) = 2 * x\n"),
        ("m.nn", &away),
        ("t.csv", "x__0,x__1\n1,2\n3,4\n"),
    ]);
    for program in ["drawn", "network", "module"] {
        desk.nnlc(&format!("check {program}.nn")).is(0, &["no errors"]);
    }
    desk.nnlc("run network.nn").is(3, &["error[E0402]: input `x` is never fed: there is no `data train`"]);
    desk.nnlc("run m.nn --data train=t.csv --out r").is(0, &[]);
    desk.nnlc("check m.nn").is(1, &["error[E0403]: `away.csv` is missing"]);
    desk.nnlc("infer m.nn --weights r/weights.safetensors --input x=t.csv --out y").is(0, &["p.npy"]);
    desk.nnlc("expand m.nn --network MainRuntime").is(0, &[]);
    desk.nnlc("test m.nn").is(0, &[]);
}

#[test]
fn a_size_that_is_claimed_is_held_against_the_data_of_each_set() {
    let text = "input x: [T]\ninput z: [U]\np = sum(x * (z as [T])) |> Affine([])\nloss = p ^ 2\noutput p\n\
        train { epochs = 1 }\ndata train { x = csv(\"t.csv\", \"a:b\")  z = csv(\"t.csv\", \"b:c\") }\n";
    let desk =
        Desk::with(&[("m.nn", text), ("wrong.nn", &text.replace("b:c", "a:c")), ("t.csv", "a,b,c\n1,2,3\n4,5,6\n")]);
    let told = "error[E0401]: `as [T]` does not hold for this data: the value is [3], not [2]";
    for command in ["check", "run"] {
        desk.nnlc(&format!("{command} wrong.nn")).is(1, &[told, "wrong.nn:3:14", "the data fixes T = 2, U = 3"]);
    }
    desk.nnlc("run m.nn --out r").is(0, &["best"]);
    let infer =
        |z: &str| format!("infer m.nn --weights r/weights.safetensors --input x=x.csv --input z={z}.csv --out y");
    fs::write(desk.at("x.csv"), "x__0,x__1\n1,2\n").expect("a file");
    fs::write(desk.at("z.csv"), "z__0,z__1\n1,2\n").expect("a file");
    fs::write(desk.at("long.csv"), "z__0,z__1,z__2\n1,2,3\n").expect("a file");
    desk.nnlc(&infer("z")).is(0, &["p.npy"]);
    desk.nnlc(&infer("long")).is(3, &[told, "m.nn:3:14"]);
}

#[test]
fn a_compressed_file_that_is_cut_is_told() {
    let text = "input x: [3]\np = x |> Affine(1)\nloss = square(p)\noutput p\ndata train { x = idx(\"x.gz\") }\n";
    let desk = Desk::with(&[("m.nn", text)]);
    // IDX: unsigned bytes, two axes, 1000 samples of 3.
    let mut bytes = vec![0, 0, 8, 2, 0, 0, 3, 232, 0, 0, 0, 3];
    bytes.extend((0..3000u64).map(|i| ((i * i * 2_654_435_761) >> 13) as u8));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&bytes).unwrap();
    let whole = gzip.finish().unwrap();
    fs::write(desk.at("x.gz"), &whole[..whole.len() / 2]).unwrap();
    desk.nnlc("run m.nn").is(1, &["error[E0403]: `x.gz`", "the file ends in the middle of its data", "m.nn:5:18"]);
    fs::write(desk.at("x.gz"), &whole).unwrap();
    desk.nnlc("run m.nn --epochs 1").is(0, &["1,000 samples to train on"]);
}

/// `w` falls by 0.1 / (w - x) a step. With the rows below the third step's logarithm is that of a negative number.
const SINKING: &str = "input x: []\n\
    param w: [] = constant(0.5)\n\
    d = w - x\n\
    loss fit = log(d)\n\
    output d\n\
    data train { x = csv(\"x.csv\", \"x\") }\n\
    train {\n    optimizer = sgd(lr = 0.1)\n    batch = 1\n    epochs = 3\n    shuffle = false\n}\n";

#[test]
fn a_loss_that_is_not_finite_stops_at_its_expression_and_keeps_the_weights_before() {
    let desk = Desk::with(&[("m.nn", SINKING), ("x.csv", "x\n-1\n-2\n9\n0\n")]);
    let said = desk.nnlc("run m.nn --out r");
    said.is(3, &["error[E0802]: `fit` is not finite in step 3", "m.nn:4:12", "the weights from before this"]);
    let weights = Weights::load(&desk.at("r/weights.safetensors")).unwrap();
    let first = 0.5 - 0.1 / (0.5 + 1.0);
    let second = first - 0.1 / (first + 2.0);
    let Elements::F32(w) = &weights.tensors["w"].elements else { panic!("a real number") };
    assert!((f64::from(w[0]) - second).abs() < 1e-6, "{w:?} against {second}");
    fs::write(desk.at("i.csv"), "x\n0\n").unwrap();
    desk.nnlc("infer m.nn --weights r/weights.safetensors --input x=i.csv").is(0, &["d.npy: [1]"]);
}

#[test]
fn what_cannot_be_written_is_told_and_leaves_no_half_file() {
    let desk = classifier();
    fs::write(desk.at("file"), "kept").unwrap();
    desk.nnlc("run m.nn --data train=t.csv --out file").is(3, &["error[E0804]: `file` could not be written", "--out"]);
    assert_eq!(fs::read_to_string(desk.at("file")).unwrap(), "kept");
    fs::create_dir_all(desk.at("taken/weights.safetensors")).unwrap();
    let said = desk.nnlc("run m.nn --data train=t.csv --out taken");
    said.is(3, &["error[E0804]: `taken/weights.safetensors` could not be written: it is a folder"]);
    let left = fs::read_dir(desk.at("taken")).unwrap().flatten().map(|entry| entry.file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().contains("partial")));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_to_be_full() {
    let desk = classifier();
    fs::create_dir(desk.at("full")).unwrap();
    std::os::unix::fs::symlink("/dev/full", desk.at("full/log.csv")).unwrap();
    let said = desk.nnlc("run m.nn --data train=t.csv --out full");
    said.is(3, &["error[E0804]: `full/log.csv` could not be written: the disk is full"]);
    assert!(!desk.at("full/weights.safetensors").exists());
}

#[test]
fn arguments_change_what_they_say() {
    let desk = classifier();
    let said = desk.nnlc("run m.nn --data train=t.csv --set width=7 --epochs 3 --seed 5 --threads 1 --out a");
    // 2 * 7 + 7 and 7 * 3 + 3.
    said.is(0, &["45 parameters, 5 samples to train on", "epoch   3/3", "weights: a/weights.safetensors"]);
    let log = desk.log("a");
    assert_eq!(log[0][..4], ["epoch", "step", "seconds", "train.loss"]);
    // Five samples in batches of four are two steps an epoch.
    let steps: Vec<&str> = log[1..].iter().map(|line| line[1].as_str()).collect();
    assert_eq!(steps, ["2", "4", "6"]);
    assert!(fs::read_to_string(desk.at("a/curve.svg")).unwrap().starts_with("<svg"));
    let config: serde_json::Value = serde_json::from_slice(&fs::read(desk.at("a/config.json")).unwrap()).unwrap();
    assert_eq!((&config["seed"], &config["epochs"]), (&5.into(), &3.into()));
    let weights = |folder: &str| fs::read(desk.at(folder).join("weights.safetensors")).unwrap();
    desk.nnlc("run m.nn --data train=t.csv --set width=7 --epochs 3 --seed 5 --threads 2 --out b").is(0, &[]);
    assert_eq!(weights("a"), weights("b"), "the number of threads changes nothing");
    desk.nnlc("run m.nn --data train=t.csv --set width=7 --epochs 3 --seed 6 --out c").is(0, &[]);
    assert_ne!(weights("a"), weights("c"), "the seed does");
    desk.nnlc("run m.nn --data train=t.csv").is(0, &["weights: runs/m/weights.safetensors"]);
}

#[test]
fn wrong_usage_is_told_apart_from_wrong_programs() {
    let desk = classifier();
    desk.nnlc("check m.nn --data train=t.csv").is(0, &["m.nn: no errors"]);
    desk.nnlc("check m.nn --set widht=7").is(1, &["error[E0102]", "widht"]);
    for (arguments, text) in [
        ("run", "MODEL.nn"),
        ("train m.nn", "unrecognized subcommand"),
        ("run m.nn --epochs 0", "expected a positive integer"),
        ("run m.nn --threads 65", "expected 1 to 64"),
        ("run m.nn --seed x", "invalid"),
        ("run m.nn --data tarin=t.csv", "expected train=FILE"),
        ("check m.nn --set width", "expected NAME=VALUE"),
        ("explain E9999", "no diagnostic has the code `E9999`"),
    ] {
        desk.nnlc(arguments).is(2, &[text]);
    }
    let page = desk.nnlc("explain e0202");
    page.is(0, &[]);
    assert!(page.out.starts_with("# E0202: shapes cannot be combined elementwise"), "{}", page.out);
}

#[test]
fn messages_come_for_people_and_for_machines() {
    let desk = Desk::with(&[("m.nn", "input x: [2]\np = x |> Affine(1) |> sigmid\nloss = square(p)\noutput p\n")]);
    desk.nnlc("check m.nn").is(1, &["error[E0102]", "m.nn:2:23", "p = x |> Affine(1) |> sigmid"]);
    let short = desk.nnlc("check m.nn --message-format short");
    assert!(short.is(1, &[]).err.starts_with("m.nn:2:23: error[E0102]: "), "{}", short.err);
    let said = desk.nnlc("check m.nn --message-format json");
    assert_eq!((said.code, said.err.as_str(), said.out.lines().count()), (Some(1), "", 1));
    let object: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&object["code"], &object["severity"]), (&"E0102".into(), &"error".into()));
    assert_eq!(object["labels"][0]["start"], serde_json::json!({"line": 2, "column": 23}));
    assert_eq!(object["fixes"][0]["edits"][0]["text"], "sigmoid");
}

/// The sizes and elements of a NumPy file of format 1.0 that holds little-endian f32.
fn read_npy(path: &Path) -> (String, Vec<f32>) {
    let bytes = fs::read(path).expect("a file");
    assert_eq!(bytes[..8], *b"\x93NUMPY\x01\x00");
    let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(start % 64, 0, "the data is aligned");
    let values = bytes[start..].chunks_exact(4).map(|word| f32::from_le_bytes(word.try_into().expect("four bytes")));
    (String::from_utf8(bytes[10..start].to_vec()).expect("ASCII"), values.collect())
}

#[test]
fn infer_computes_what_the_reference_engine_does() {
    let desk = classifier();
    desk.nnlc("run m.nn --data train=t.csv --epochs 5 --out r").is(0, &[]);
    let infer = "infer m.nn --weights r/weights.safetensors --output q --out y --input x=t.csv";
    desk.nnlc(infer).is(0, &["y/q.npy: [5, 3]"]);
    let (header, found) = read_npy(&desk.at("y/q.npy"));
    assert!(header.contains("'descr': '<f4'") && header.contains("'shape': (5, 3,)"), "{header}");

    let session = Session::open(&desk.at("m.nn"), &Request { without_data: true, ..Request::default() });
    let graph = &session.program.as_ref().unwrap().graph;
    let weights = session.weights(graph, &desk.at("r/weights.safetensors")).unwrap();
    let tensor = |variable: &nnlc::ir::Variable| match &weights.tensors[&variable.path] {
        saved @ nnlc::train::SavedTensor { elements: Elements::F32(values), .. } => {
            Tensor::f32(&saved.shape, values.clone())
        }
        _ => panic!("all parameters are real"),
    };
    let variables: IndexVec<VarId, Tensor> = graph.variables.iter().map(tensor).collect();
    let runtime = lower(&derive(graph, Network::MainRuntime)).unwrap();
    let x = vec![0.5, 1.0, 1.0, -0.5, 0.25, 2.0, 3.0, 1.0, -1.0, 2.0];
    let run = RunContext { seed: 0, step: 0, batch: 5 };
    let expected = reference::run(&runtime, &variables, &[Tensor::f32(&[5, 2], x)], &run, true);
    for (found, expected) in found.iter().zip(expected.result("q").unwrap().to_f64()) {
        assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} against {expected}");
    }
    assert_eq!(found.len(), 15);

    desk.nnlc(&infer.replace("x=t.csv", "y=t.csv")).is(3, &["the Runtime network has no input `y`"]);
    desk.nnlc(&infer.replace("--input x=t.csv", "")).is(3, &["the Runtime network needs input `x`"]);
    desk.nnlc(&infer.replace("--output q", "--output p")).is(3, &["no output is called `p`"]);
    desk.nnlc(&format!("{infer} --set width=5")).is(3, &["error[E0803]", "[2, 4] in the file"]);
}

#[test]
fn tests_of_a_model_are_run_and_counted() {
    let text = "fn twice(x) = 2 * x\n\
        test \"doubles\" {\n    assert close(twice(1.5), 3)\n}\n\
        test \"halves\" {\n    assert close(twice(tensor([1, 2])), tensor([2, 5]))\n}\n";
    let desk =
        Desk::with(&[("t.nn", text), ("none.nn", "fn twice(x) = 2 * x\n"), ("bad.nn", "test \"t\" { assert q }\n")]);
    let said = desk.nnlc("test t.nn");
    said.is(1, &["error[E0117]: 4 is not close to 5", "element [1]: 4 against 5", "right: [2] of 2, 5"]);
    assert_eq!(said.out, "ok     doubles\nFAILED halves\n1 passed, 1 failed\n");
    let json = desk.nnlc("test t.nn --message-format json");
    assert!(json.is(1, &[]).out.starts_with('{') && json.out.contains("E0117"), "{}", json.out);
    desk.nnlc("test none.nn").is(0, &["none.nn: no tests"]);
    desk.nnlc("test bad.nn").is(1, &["error[E0102]: unknown name `q`"]);
    desk.nnlc("check t.nn").is(0, &["no errors"]);
    desk.nnlc("run t.nn").is(3, &["this program has no loss"]);
}

#[cfg(unix)]
#[test]
fn a_profile_tells_the_lines_and_the_steps() {
    let desk = classifier();
    let said = desk.nnlc("profile m.nn --data train=t.csv --steps 3 --threads 2");
    said.is(0, &[]);
    assert!(said.out.contains("m: a training step of 4 samples takes "), "{}", said.out);
    assert!(said.out.contains("   4  p = x |> Dropout(0.5)"), "{}", said.out);
    let steps: Vec<&str> = said.out.lines().skip_while(|line| !line.ends_with("  step")).skip(1).collect();
    assert!(steps.iter().any(|step| step.contains("gemm") && step.contains("(line 4")), "{}", said.out);
    assert!(fs::read_dir(desk.at(".")).expect("a folder").count() == 2, "a profile writes nothing");
}

#[test]
fn a_profile_prints_graphs_and_plans() {
    let desk = classifier();
    let built = desk.nnlc("profile m.nn --data train=t.csv --print-after step");
    built.is(0, &[]);
    assert!(built.out.starts_with("# training step of "), "{}", built.out);
    let nodes = |text: &str| -> usize {
        let (count, _) =
            text.lines().next().and_then(|line| line.rsplit_once(": ")?.1.split_once(' ')).expect("a count");
        count.parse().expect("a number")
    };
    let after = desk.nnlc("profile m.nn --data train=t.csv --print-after dce");
    let parts: Vec<&str> = after.is(0, &[]).out.split_inclusive("\n# ").collect();
    assert_eq!(parts.len(), 2, "`dce` runs twice: {}", after.out);
    assert!(nodes(parts[1]) < nodes(&built.out), "passes leave fewer nodes");
    let plan = desk.nnlc("profile m.nn --data train=t.csv --print-plan --threads 1");
    assert!(plan.is(0, &[]).out.contains(" waves, ") && plan.out.contains("wave 0"), "{}", plan.out);
    assert!(
        plan.out.contains("gemm") && plan.out.contains("arena+") && plan.out.contains("variable @0"),
        "{}",
        plan.out
    );
    desk.nnlc("profile m.nn --print-after nothing")
        .is(2, &["[possible values: step, dce, fold, simplify, cse, factor]"]);
    desk.nnlc("profile m.nn --print-after cse --print-plan").is(2, &["cannot be used with"]);
}

#[test]
fn an_interrupt_saves_the_weights_and_is_no_failure() {
    let desk = classifier();
    let mut child =
        desk.command("run m.nn --data train=t.csv --epochs 100000000 --out r").stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    let lines = || fs::read_to_string(desk.at("r/log.csv")).map_or(0, |text| text.lines().count());
    while lines() < 3 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut told = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{told}");
    assert!(told.contains("stopping: the weights are saved") && told.contains("stopped after"), "{told}");
    assert_eq!(Weights::load(&desk.at("r/weights.safetensors")).unwrap().tensors.len(), 4);
}

#[test]
fn the_commands_of_the_readme_are_those_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let block = readme.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let [run, test] = block.lines().collect::<Vec<_>>()[..] else { panic!("two commands, not\n{block}") };
    let arguments = run.strip_prefix("cargo run --release -- run ").unwrap();
    assert!(!arguments.contains(' '), "the example alone: {arguments}");
    let desk = Desk::with(&[]);
    desk.nnlc(&format!("check {}", root.join(arguments).display())).is(0, &["no errors"]);
    assert!(desk.nnlc("run --help").is(0, &[]).out.contains("MODEL.nn"));
    let check = fs::read_to_string(root.join(".ci/run")).unwrap();
    let tests = check.lines().filter(|line| line.starts_with("cargo test"));
    assert_eq!(tests.map(|line| line.replace(" --locked", "")).collect::<Vec<_>>(), [test]);
}

#[test]
fn fix_makes_what_is_certain_and_shows_what_is_left() {
    let wrong = "import \"part.nn\": twice\ninput x: [2]\np = x |> Afine(3) |> BatchNormalization\nq = twice(p) + unknown_thing\noutput q\n";
    let part = "fn twice(v) = v + .5 * v\n";
    let half = "input x: [2]\nq = sigmod(x) * .5\noutput q\n";
    let desk = Desk::with(&[("m.nn", wrong), ("part.nn", part), ("half.nn", half)]);
    let dry = desk.nnlc("fix m.nn --dry-run");
    assert!(
        dry.is(0, &[])
            .out
            .contains("-p = x |> Afine(3) |> BatchNormalization\n+p = x |> Affine(3) |> BatchNormalization()\n")
    );
    // What shows only after another fix is among it, and what is to be made of imported files.
    let half = desk.nnlc("fix half.nn --dry-run");
    half.is(0, &[]);
    assert!(half.out.contains("-q = sigmod(x) * .5\n+q = sigmoid(x) * 0.5\n"), "{}", half.out);
    assert!(dry.out.contains("-fn twice(v) = v + .5 * v\n+fn twice(v) = v + 0.5 * v\n"), "{}", dry.out);
    assert_eq!(fs::read_to_string(desk.at("m.nn")).unwrap(), wrong, "a dry run writes nothing");
    let said = desk.nnlc("fix m.nn");
    said.is(1, &["m.nn:3: write `Affine`", "m.nn: 3 fixes applied", "error[E0102]: unknown name `unknown_thing`"]);
    let fixed = fs::read_to_string(desk.at("m.nn")).unwrap();
    assert!(fixed.contains("p = x |> Affine(3) |> BatchNormalization()\n"), "{fixed}");
    assert_eq!(fs::read_to_string(desk.at("part.nn")).unwrap(), "fn twice(v) = v + 0.5 * v\n");
    desk.nnlc("fix none.nn").is(1, &["there is no such file"]);
}

#[test]
fn json_messages_have_the_documented_fields() {
    let desk = Desk::with(&[("m.nn", "input x: [2]\nq = x |> Afine(3)\noutput q\n")]);
    let said = desk.nnlc("check m.nn --message-format json");
    let object: serde_json::Value = serde_json::from_str(said.out.trim_end()).unwrap();
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&object), "code fixes helps labels notes severity title");
    assert_eq!(keys(&object["labels"][0]), "bytes end file message primary start");
    assert_eq!(keys(&object["fixes"][0]), "certain edits title");
    assert_eq!(keys(&object["fixes"][0]["edits"][0]), "bytes end file start text");
    assert_eq!(object["labels"][0]["bytes"], serde_json::json!([22, 27]));
}

/// Writes a gray picture of one tone, `width` by `height`.
fn picture(path: &Path, width: u32, height: u32, tone: u8) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    image::GrayImage::from_pixel(width, height, image::Luma([tone])).save(path).expect("a picture");
}

#[test]
fn a_folder_of_pictures_is_learnt_and_asked() {
    let model = "input x: [1, 4, 4]\ninput y: index<2>\np = x |> Affine(2)\nloss = softmax_cross_entropy(p, y)\n\
        metric right = accuracy(p, y)\noutput q = softmax(p)\n\
        data train {\n    x = images(\"tones\")\n    y = images(\"tones\", \"class\")\n}\n\
        data validation = csv(\"v.csv\")\ntrain {\n    batch = 4\n    epochs = 200\n    optimizer = adam(lr = 0.05)\n}\n";
    let desk = Desk::with(&[("m.nn", model), ("v.csv", "x:image,y\ntones/dark/0.png,0\ntones/light/1.jpg,1\n")]);
    for i in 0..3 {
        picture(&desk.at(&format!("tones/dark/{i}.png")), 4, 4, 10 + 20 * i);
        picture(&desk.at(&format!("tones/light/{i}.jpg")), 4, 4, 245 - 20 * i);
    }
    desk.nnlc("run m.nn --out r").is(0, &["6 samples to train on, 2 to validate", "right 1.000"]);
    let infer = "infer m.nn --weights r/weights.safetensors --input x=tones";
    desk.nnlc(infer).is(0, &["q.npy: [6, 2]"]);
    desk.nnlc(&(infer.to_owned() + "/light/0.jpg")).is(0, &["q.npy: [1, 2]"]);
    // What is wrong is told by the check, with the picture's place.
    picture(&desk.at("tones/dark/wide.png"), 5, 4, 0);
    let wide = "tones/dark/wide.png`: it is [1, 4, 5]";
    desk.nnlc("check m.nn").is(1, &["error[E0401]", "m.nn:8:9", wide]);
    fs::remove_file(desk.at("tones/dark/wide.png")).expect("it is there");
    let three = model.replace("[1, 4, 4]", "[3, 4, 4]");
    fs::write(desk.at("m.nn"), three).expect("a program");
    desk.nnlc("check m.nn").is(1, &["`tones`: each sample has shape [1, 4, 4], the input takes [3, 4, 4]", "m.nn:8:9"]);
}

#[test]
fn files_and_folders_are_formatted_in_place() {
    let desk = Desk::with(&[
        ("a.nn", "a=1   \r\nb = 2\r\n"),
        ("b.nn", "a = 1\n"),
        ("wrong.nn", "a = (1\nb=2\n"),
        ("a.txt", "a=1"),
    ]);
    fs::create_dir_all(desk.at("deep/er")).unwrap();
    fs::create_dir_all(desk.at(".hidden")).unwrap();
    fs::write(desk.at("deep/er/c.nn"), "c=1").unwrap();
    fs::write(desk.at(".hidden/d.nn"), "d=1").unwrap();
    let untouched = fs::metadata(desk.at("b.nn")).unwrap().modified().unwrap();

    let check = desk.nnlc("fmt --check .");
    let told = [
        "error[E0101]",
        "wrong.nn:1:5",
        "2 files would be formatted, 1 file already formatted, 1 file with errors left alone",
    ];
    check.is(1, &told);
    assert!(check.out.contains("--- ./deep/er/c.nn\n+++ ./deep/er/c.nn\n@@ -1 +1 @@\n-c=1\n"), "{}", check.out);
    assert_eq!(fs::read_to_string(desk.at("deep/er/c.nn")).unwrap(), "c=1", "a check writes nothing");

    assert_eq!(
        desk.nnlc("fmt --check deep --message-format short").is(1, &[]).out,
        "deep/er/c.nn: would be formatted\n"
    );
    let json = desk.nnlc("fmt --check deep wrong.nn --message-format json");
    assert!(json.is(1, &[]).out.lines().count() == 1 && json.out.starts_with("{\"code\":\"E0101\""), "{}", json.out);

    // A file that is named twice, and in a folder, is formatted once.
    let summary = "2 files formatted, 1 file already formatted, 1 file with errors left alone";
    desk.nnlc("fmt . a.nn ./a.nn").is(1, &["error[E0101]", summary]);
    let holds = |name: &str, text: &str| assert_eq!(fs::read_to_string(desk.at(name)).unwrap(), text, "{name}");
    holds("a.nn", "a = 1\nb = 2\n");
    holds("deep/er/c.nn", "c = 1\n");
    holds("wrong.nn", "a = (1\nb=2\n");
    holds("a.txt", "a=1");
    holds(".hidden/d.nn", "d=1");
    assert_eq!(
        fs::metadata(desk.at("b.nn")).unwrap().modified().unwrap(),
        untouched,
        "what is formatted is not written"
    );

    desk.nnlc("fmt --check a.nn deep").is(0, &["2 files already formatted"]);
    desk.nnlc("fmt a.txt").is(0, &["1 file formatted"]);
    desk.nnlc("fmt none.nn").is(1, &["error[E0403]: cannot read `none.nn`: there is no such file"]);
    desk.nnlc("fmt").is(2, &["required arguments"]);
    desk.nnlc("fmt - a.nn").is(2, &["`-`, the standard input, stands alone"]);
    fs::create_dir(desk.at("empty")).unwrap();
    desk.nnlc("fmt empty").is(0, &["no .nn files"]);
}

#[cfg(unix)]
#[test]
fn what_is_written_again_keeps_its_permissions_and_its_links() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::with(&[("real.nn", "a=1")]);
    fs::set_permissions(desk.at("real.nn"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.nn", desk.at("link.nn")).unwrap();
    desk.nnlc("fmt link.nn").is(0, &["1 file formatted"]);
    assert!(fs::symlink_metadata(desk.at("link.nn")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(desk.at("real.nn")).unwrap(), "a = 1\n");
    assert_eq!(fs::metadata(desk.at("real.nn")).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn standard_input_is_formatted_to_standard_output() {
    let desk = Desk::with(&[]);
    let filter = |arguments: &str, text: &[u8]| {
        let mut command = desk.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    };
    let said = filter("fmt -", b"a=1\t# one\n");
    said.is(0, &[]);
    assert_eq!((said.out.as_str(), said.err.as_str()), ("a = 1  # one\n", ""));
    let wrong = filter("fmt -", b"a=(1\n");
    wrong.is(1, &["error[E0101]", "<stdin>:1:3"]);
    assert_eq!(wrong.out, "a=(1\n", "a text with faults goes through as it is");
    filter("fmt -", b"a = \"\xff\"\n").is(1, &["not valid UTF-8"]);
    let check = filter("fmt --check -", b"a=1\n");
    check.is(1, &[]);
    assert_eq!(check.out, "--- <stdin>\n+++ <stdin>\n@@ -1 +1 @@\n-a=1\n+a = 1\n");
    filter("fmt --check -", b"a = 1\n").is(0, &[]);
    let short = filter("fmt - --message-format short", b"a=(1\n");
    assert!(short.err.starts_with("<stdin>:1:3: error[E0101]"), "{}", short.err);
}

/// What bash offers for the last of these words.
#[cfg(unix)]
fn offered(desk: &Desk, words: &[&str]) -> Vec<String> {
    let script = format!(
        "source nnlc.bash; COMP_WORDS=({words}); COMP_CWORD={last}; _nnlc nnlc \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        last = words.len() - 1,
    );
    let output =
        Command::new("bash").args(["--norc", "-c", &script]).current_dir(desk.0.path()).output().expect("bash");
    String::from_utf8(output.stdout).unwrap().split_whitespace().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_options_values_and_files() {
    let desk = Desk::with(&[("model.nn", MODEL)]);
    let script = desk.nnlc("completions bash");
    fs::write(desk.at("nnlc.bash"), &script.is(0, &[]).out).unwrap();
    assert_eq!(offered(&desk, &["nnlc", "ru"]), ["run"]);
    assert_eq!(offered(&desk, &["nnlc", "fmt", "--ch"]), ["--check"]);
    assert!(offered(&desk, &["nnlc", "run", "--"]).contains(&"--resume".to_owned()));
    assert_eq!(offered(&desk, &["nnlc", "check", "model.nn", "--message-format", "s"]), ["short"]);
    assert_eq!(offered(&desk, &["nnlc", "infer", "model.nn", "--weights", "mod"]), ["model.nn"]);
    // A program's place is left to bash, which offers files.
    assert_eq!(offered(&desk, &["nnlc", "run", "mod"]), [""; 0]);
    assert!(script.out.contains("complete -F _nnlc -o nosort -o bashdefault -o default nnlc"), "{}", script.out);
}

#[test]
fn every_shell_has_its_script() {
    let desk = Desk::with(&[]);
    let programs = [
        ("zsh", ":_files"),
        ("fish", "__fish_nnlc"),
        ("elvish", "edit:completion"),
        ("powershell", "Register-ArgumentCompleter"),
    ];
    for (shell, text) in programs {
        let said = desk.nnlc(&format!("completions {shell}"));
        assert!(said.is(0, &[]).out.contains(text) && said.out.contains("resume"), "{shell}:\n{}", said.out);
    }
    desk.nnlc("completions csh").is(2, &["[possible values: bash, elvish, fish, powershell, zsh]"]);
}
