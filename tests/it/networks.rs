//! Derived networks and their text: the expansion of a program compiles on its own, takes the same weights and computes the same
//! bits; Runtime is Main with `training` false.

use std::path::{Path, PathBuf};

use nnlc::base::IndexVec;
use nnlc::check::{Options, Program};
use nnlc::driver::{Request, Session};
use nnlc::engine::reference;
use nnlc::ir::{Graph, VarId};
use nnlc::lower::lower;
use nnlc::networks::{self, Network};
use nnlc::ops::{CaseInput, Domain, RunContext};
use nnlc::tensor::random::{Stream, key_of};
use nnlc::tensor::{DType, Tensor, Type};

const RUN: RunContext = RunContext { seed: 7, step: 3, batch: 3 };

fn session(name: &str, text: &str) -> Session {
    let request = Request { options: Options { no_runtime: true }, ..Request::default() };
    Session::check(name, text.to_owned(), PathBuf::from("examples"), &request)
}

fn checked(name: &str, text: &str) -> Program {
    let session = session(name, text);
    session.program.unwrap_or_else(|| panic!("{name}: {:#?}\n{text}", session.diagnostics))
}

/// The examples, in the order of their names.
fn examples() -> Vec<(String, String)> {
    let entries =
        std::fs::read_dir("examples").expect("the examples' folder").map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "nn")).collect();
    paths.sort();
    let read = |path: &Path| (path.display().to_string(), std::fs::read_to_string(path).expect("a text"));
    paths.iter().map(|path| read(path)).collect()
}

/// Programs that say what no example does.
const PROGRAMS: &[(&str, &str)] = &[
    (
        "random",
        "input x: [4]\ninput z: [4] from normal(0, 2)\nparam w: [4] frozen = uniform(-1, 1)\nparam v: [4] lr 0.5 = ones()\n\
         noisy = if training { x + 0.1 * randn([4]) } else { x }\nh = noisy * w + z * v\nh = h / sqrt(sum(h ^ 2) + 1e-6)\n\
         loss near weight 0.25 = sum((h - x) ^ 2)\nloss small = abs(v) |> mean\nmetric size = sum(h * h)\noutput h",
    ),
    (
        "names",
        "input sum: [3]\ninput flatten: [2, 3]\nconst mean = tensor([1, -2, 0.5])\nparam exp: [3] = zeros()\n\
         t1 = sum * mean + exp\nt1 = reshape(flatten, [6])[1:4] - t1\nloss = (t1 - 1) ^ 2\noutput log = -t1 + t1[0]\n\
         output where = where(t1 <= 0 or t1 > 2, 1, int(t1) == 2 |> float)",
    ),
    (
        "truth",
        "const odd = tensor([true, false, true])\ninput x: [3]\nparam turn: [3, 3] = orthogonal()\n\
         p = where(odd, x @ turn, 0)\nloss = mean((p - x @ orthogonal(1, [3, 3])) ^ 2)\noutput p",
    ),
    (
        "sequence",
        "input t: index<5>[6]\ninput y: index<3>\nh = t |> Embed(8)\nq = h |> Affine(8, axis = -1)\n\
         a = softmax(q @ transpose(h) / sqrt(8))\nlogits = (a @ h)[-1] |> LayerNormalization() |> Affine(3)\n\
         loss = softmax_cross_entropy(logits, y)\nmetric top = top_n_error(logits, y, n = 2)\noutput p = softmax(logits)",
    ),
    (
        "batch",
        "input a: [4]\ninput b: [4]\nu = a |> Affine(3)\nv = b |> Affine(3) |> Dropout(0.25)\n\
         loss = softmax_cross_entropy(all_samples(v) @ u / 0.07, sample_index())\nloss even = mean(all_samples(u), axis = 0) ^ 2\n\
         output u",
    ),
    (
        "signal",
        "input x: [2, 17]\nh = x |> Convolution(4, 3, stride = 2, pad = 1) |> BatchNormalization() |> relu\n\
         h = pad(h, [0, 1], [0, 2], value = -1) |> MaxPooling(3, stride = 2) |> AveragePooling([2])\n\
         y = concatenate([flatten(h), flatten(flip(h, axis = 1))[::2]]) |> PReLU() |> Affine([2, 2])\n\
         loss = mean(huber_loss(y, 1.5), axis = 0)\noutput y",
    ),
];

fn programs() -> Vec<(String, String)> {
    let own = PROGRAMS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    examples().into_iter().chain(own).collect()
}

/// Numbers that depend on `name` alone. All floats are positive, so that running variances are, and small, so that no exponential overflows.
fn drawn(name: &str, ty: &Type, batch: Option<i64>) -> Tensor {
    let shape = batch.map_or(ty.shape.clone(), |batch| ty.shape.prepend(batch.into()));
    let domain = match &ty.dtype {
        DType::F32 => Domain::Range(0.002, 0.01),
        DType::I32 => Domain::Index(9),
        DType::Index(classes) => Domain::Index(classes.constant().expect("a number of classes")),
        DType::Bool => Domain::Bool,
    };
    CaseInput { ty: Type { dtype: ty.dtype.clone(), shape }, domain }
        .draw(Stream { seed: 1, key: key_of(name), step: 0 }, 0)
}

/// The results of a network in the reference engine, each under its name and role, then the updated states by path.
fn results(network: &Graph) -> Vec<(String, Tensor)> {
    let batched = lower(network).unwrap_or_else(|fault| panic!("{fault}"));
    let variables: IndexVec<VarId, Tensor> =
        batched.variables.iter().map(|variable| drawn(&variable.path, &variable.ty, None)).collect();
    let feed = |input: &nnlc::ir::Input| {
        let batch = Some(RUN.batch as i64).filter(|_| !input.is_scalar());
        drawn(&input.name, network.ty(input.value), batch)
    };
    let inputs: Vec<Tensor> = network.inputs.iter().map(feed).collect();
    let found = reference::run(&batched, &variables, &inputs, &RUN, false);
    let updates =
        found.updates.iter().map(|(id, value)| (format!("update {}", batched.variables[*id].path), value.clone()));
    let roles = batched.results.iter().map(|result| format!("{:?}", std::mem::discriminant(&result.role)));
    let results = roles.zip(found.results).map(|(role, (name, value))| (format!("{name} {role}"), value));
    results.chain(updates).collect()
}

/// The results that the text of a network should have: those of the network, but metrics as in MainValidation.
fn expected(program: &Graph, network: Network) -> Vec<(String, Tensor)> {
    let mut wanted = results(&networks::derive(program, network));
    if network == Network::Main {
        let metrics: Vec<&str> = program
            .results
            .iter()
            .filter(|result| result.role == nnlc::ir::ResultRole::Metric)
            .map(|result| result.name.as_str())
            .collect();
        let evaluated = results(&networks::derive(program, Network::MainValidation));
        for (name, value) in &mut wanted {
            if let Some((_, other)) = evaluated.iter().find(|(own, _)| own == name)
                && metrics.iter().any(|metric| name.starts_with(&format!("{metric} ")))
            {
                *value = other.clone();
            }
        }
    }
    wanted
}

#[test]
fn an_expansion_compiles_and_computes_the_same() {
    for (name, text) in programs() {
        let program = checked(&name, &text).graph;
        for (network, label) in Network::ALL {
            // A file with outputs alone has nothing to train.
            if networks::derive(&program, network).results.is_empty() {
                continue;
            }
            let expansion = networks::expand(&program, network);
            let session = session(label, &expansion);
            let again =
                session.program.unwrap_or_else(|| panic!("{name}: {:#?}\n{expansion}", session.diagnostics)).graph;
            let kinds = |graph: &Graph| -> Vec<String> {
                graph.variables.iter().map(|v| format!("{} {:?} {}", v.path, v.kind, v.ty)).collect()
            };
            assert_eq!(kinds(&again), kinds(&program), "{name} {label}");
            assert_eq!(
                results(&networks::derive(&again, network)),
                expected(&program, network),
                "{name} {label}\n{expansion}"
            );
            assert_eq!(networks::expand(&again, network), expansion, "{name} {label} expanded twice");
        }
    }
}

#[test]
fn an_expansion_of_main_starts_with_the_same_weights() {
    for (name, text) in programs() {
        let program = checked(&name, &text).graph;
        if networks::training(&program).results.is_empty() {
            continue;
        }
        let again = checked(&name, &networks::expand(&program, Network::Main)).graph;
        let start = |graph: &Graph| results(&networks::initial(graph));
        assert_eq!(start(&again), start(&program), "{name}");
    }
}

#[test]
fn runtime_is_main_with_training_false() {
    let derived = |text: &str| networks::derive(&checked("a program", text).graph, Network::MainRuntime);
    for (name, text) in programs() {
        let by_hand = derived(&text.replace("if training", "if false"));
        assert_eq!(results(&derived(&text)), results(&by_hand), "{name}");
    }
    let [full, by_hand] = ["auto_encoder", "runtime_by_hand"]
        .map(|name| derived(&std::fs::read_to_string(format!("examples/{name}.nn")).expect("an example")));
    assert_eq!(results(&full), results(&by_hand));
}

#[test]
fn runtime_has_neither_dropout_nor_loss_nor_labels() {
    for (name, text) in examples() {
        let text = networks::expand(&checked(&name, &text).graph, Network::MainRuntime);
        for gone in ["rand", "loss", "metric", "update", "input y", "all_samples"] {
            assert!(
                !text.lines().any(|line| !line.starts_with('#') && line.contains(gone)),
                "{name}: {gone} in\n{text}"
            );
        }
        assert!(!name.contains("batch_norm") || text.contains("(code_var + "), "{text}");
    }
}

#[test]
fn expansions_read_well() {
    let text = |name: &str, network| {
        let program = std::fs::read_to_string(format!("examples/{name}.nn")).expect("an example");
        networks::expand(&checked(name, &program).graph, network)
    };
    insta::assert_snapshot!("auto_encoder_main", text("auto_encoder", Network::Main));
    insta::assert_snapshot!("auto_encoder_validation", text("auto_encoder", Network::MainValidation));
    insta::assert_snapshot!("auto_encoder_runtime", text("auto_encoder", Network::MainRuntime));
    insta::assert_snapshot!("auto_encoder_batch_norm_runtime", text("auto_encoder_batch_norm", Network::MainRuntime));
}

#[test]
fn reasons_name_what_the_reader_wrote() {
    let rows = |name: &str, network| {
        let text = std::fs::read_to_string(format!("examples/{name}.nn")).expect("an example");
        let session = session(name, &text);
        let program = session.program.expect("an example checks");
        networks::render_why(&networks::why(&program.graph, network, &session.sources))
    };
    insta::assert_snapshot!("why_auto_encoder_main", rows("auto_encoder", Network::Main));
    insta::assert_snapshot!(
        "why_auto_encoder_batch_norm_runtime",
        rows("auto_encoder_batch_norm", Network::MainRuntime)
    );
    insta::assert_snapshot!("why_lenet_runtime", rows("lenet", Network::MainRuntime));
}
