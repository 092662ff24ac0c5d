//! The examples in use: each learns, a regression finds known coefficients, the two networks of two losses train alike, and the
//! derived Runtime network is the hand-written one.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use nnlc::base::IndexVec;
use nnlc::check::{Length, Program, TrainSettings};
use nnlc::data::Budget;
use nnlc::driver::{Request, Session, Sets};
use nnlc::engine::plan::{Options, Plan, Store};
use nnlc::engine::reference;
use nnlc::ir::group::groups;
use nnlc::ir::{Graph, VarId, VariableKind};
use nnlc::lower::lower;
use nnlc::networks::{Network, derive, training_of};
use nnlc::ops::RunContext;
use nnlc::passes::Pipeline;
use nnlc::tensor::Tensor;
use nnlc::train::{Elements, Event, Observer, Part, Trainer, group_graph, initial_values};

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "examples"].iter().collect()
}

fn program(name: &str) -> Program {
    let session = Session::open(&folder().join(name), &Request::default());
    assert!(session.diagnostics.is_empty(), "{name}: {:#?}", session.diagnostics);
    session.program.expect("a program without errors")
}

/// All programs of the folder.
fn example_names() -> Vec<String> {
    let entries = folder().read_dir().expect("the examples").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(".nn")).collect()
}

/// The total loss, and for rivals the first one's, at each step of `steps` on the program's own data and settings.
fn losses(name: &str, steps: &[Vec<usize>]) -> Vec<f64> {
    let program = program(name);
    let sets = Sets::load(&program, &folder(), &[], &Budget::of_machine()).expect("the data is in the repository");
    let mut trainer = Trainer::new(sets.training(&program, &program.train, 2), None).expect("a plan");
    let mut loss = |(step, rows): (u64, &Vec<usize>)| {
        let values = trainer.step(step, rows).expect("a step");
        let rivals = groups(&program.graph).len() > 1;
        f64::from(values[if rivals { 0 } else { values.len() - 1 }])
    };
    (1..).zip(steps).map(&mut loss).collect()
}

#[test]
fn every_example_learns_a_minibatch() {
    let mut count = 0;
    for name in example_names().into_iter().filter(|name| name != "runtime_by_hand.nn") {
        count += 1;
        let found = losses(&name, &vec![(0..16).collect(); 10]);
        assert!(found.iter().all(|loss| loss.is_finite()), "{name}: {found:?}");
        assert!(found[9] < found[0], "{name}: {found:?}");
    }
    assert!(count >= 17, "{count} examples train");
}

/// The plan of one of a program's graphs.
fn plan(graph: &Graph, program: &Program, batch: usize) -> Plan {
    let mut store = Store::new();
    initial_values(&program.graph, 1).into_iter().for_each(|(path, value)| store.set(&path, &value));
    for slot in graph.variables.iter().filter(|variable| variable.kind == VariableKind::Slot) {
        let shape = slot.ty.shape.constant().expect("a slot is as large as its parameter");
        store.set(&slot.path, &Tensor::f32(&shape, vec![0.0; shape.iter().product()]));
    }
    Plan::new(graph, batch, &store, &Options::default()).expect("a plan")
}

/// The graphs that training a program runs, and that of its Runtime network.
fn graphs(program: &Program) -> Vec<Graph> {
    let groups = groups(&program.graph);
    let steps = groups.iter().map(|group| {
        let network = training_of(&program.graph, |name| group.losses.iter().any(|loss| loss == name), true);
        let network = lower(&network).expect("a network that can be batched");
        let part = Part::Finish { sums: false, updates: true };
        Pipeline::standard().run(group_graph(&network, &program.train, group, groups.len() > 1, part).graph)
    });
    let validation = lower(&derive(&program.graph, Network::MainValidation)).expect("a network that can be batched");
    let runtime = lower(&derive(&program.graph, Network::MainRuntime)).expect("a network that can be batched");
    steps.chain([Pipeline::standard().run(validation), runtime]).collect()
}

/// What a plan leaves to the reference evaluation is slow, and takes memory anew in each run.
#[test]
fn every_step_of_the_examples_has_a_kernel() {
    for name in example_names().iter().filter(|name| *name != "runtime_by_hand.nn") {
        let program = program(name);
        for graph in graphs(&program) {
            let plan = plan(&graph, &program, 8);
            let left = plan.labels().filter(|(_, label)| *label == Plan::UNPLANNED);
            let left: Vec<String> = left.map(|(value, _)| format!("{value} = {}", graph.node(value).op)).collect();
            assert_eq!(left, [""; 0], "{name}\n{graph}");
        }
    }
}

/// No more than 1.3 times what is alive at one time, beside some cache lines for small buffers.
#[test]
fn arenas_of_the_examples_are_little_larger_than_what_is_alive() {
    const LINES: usize = 1 << 14;
    for name in example_names().iter().filter(|name| *name != "runtime_by_hand.nn") {
        let program = program(name);
        for graph in graphs(&program) {
            let plan = plan(&graph, &program, 64);
            let (arena, alive) = (plan.arena_bytes(), plan.live_bytes());
            assert!(arena <= alive / 10 * 13 + LINES, "{name}: {arena} bytes for {alive}\n{plan}");
        }
    }
}

/// `statsmodels` 0.15.0 on the same table: `GLM(mdvis, add_constant(covariates), family=Poisson())`, the constant last.
const POISSON: [f32; 10] =
    [-0.05254, -0.24709, 0.03529, -0.03458, 0.27171, 0.03394, -0.01263, 0.05406, 0.20612, 0.70035];

#[test]
fn poisson_regression_finds_the_coefficients_of_an_independent_package() {
    let program = program("poisson.nn");
    let sets = Sets::load(&program, &folder(), &[], &Budget::of_machine()).expect("the data is in the repository");
    let mut trainer = Trainer::new(sets.training(&program, &program.train, 2), None).expect("a plan");
    let rows: Vec<usize> = (0..20_190).collect();
    for step in 1..=200 {
        trainer.step(step, &rows).expect("a step");
    }
    let weights = trainer.weights();
    let runtime = lower(&derive(&program.graph, Network::MainRuntime)).expect("a network that can be batched");
    let trained = |path: &str| {
        let saved = &weights.tensors[path];
        let Elements::F32(values) = &saved.elements else { panic!("`{path}` holds floats") };
        Tensor::f32(&saved.shape, values.clone())
    };
    let variables: IndexVec<VarId, Tensor> = runtime.variables.iter().map(|variable| trained(&variable.path)).collect();
    let run = RunContext { seed: 0, step: 0, batch: 1 };
    let evaluation = reference::run(&runtime, &variables, &[Tensor::f32(&[1, 9], vec![0.0; 9])], &run, false);
    let mut found = evaluation.result("coefficients").expect("the output").to_f32();
    found.extend(evaluation.result("constant").expect("the output").to_f32());
    assert_eq!(found.len(), POISSON.len());
    for (found, known) in found.iter().zip(POISSON) {
        assert!((found - known).abs() < 1e-3, "{found} against {known}");
    }
}

#[test]
fn two_losses_and_their_sum_written_by_hand_train_alike() {
    // Different minibatches, a short one among them.
    let steps: Vec<Vec<usize>> =
        (0..24).map(|step| (64 * step..64 * step + if step == 11 { 40 } else { 64 }).collect()).collect();
    let (a, b) = (losses("loss_terminals_a.nn", &steps), losses("loss_terminals_b.nn", &steps));
    for (step, (a, b)) in a.iter().zip(&b).enumerate() {
        assert!((a - b).abs() <= 1e-6 * b.abs(), "step {step}: {a} against {b}");
    }
    assert!(a[23] < a[0]);
}

#[test]
fn the_derived_runtime_network_computes_what_the_hand_written_one_does() {
    let images: Vec<f32> = (0..3 * 784).map(|i| (i as f32 * 0.11).sin().abs()).collect();
    let recon = |name: &str| {
        let program = program(name);
        let runtime = lower(&derive(&program.graph, Network::MainRuntime)).expect("a network that can be batched");
        let initial = initial_values(&program.graph, 5);
        let variables: IndexVec<VarId, Tensor> =
            runtime.variables.iter().map(|variable| initial[&variable.path].clone()).collect();
        let run = RunContext { seed: 0, step: 0, batch: 3 };
        let inputs = [Tensor::f32(&[3, 1, 28, 28], images.clone())];
        let evaluation = reference::run(&runtime, &variables, &inputs, &run, false);
        evaluation.result("recon").expect("the output").to_f32()
    };
    let derived = recon("auto_encoder.nn");
    assert_eq!(derived.len(), 3 * 784);
    assert_eq!(derived, recon("runtime_by_hand.nn"));
}

/// Watches nothing.
struct Unwatched;

impl Observer for Unwatched {
    fn event(&mut self, _: Event) -> Result<(), String> {
        Ok(())
    }
}

/// Runs a program for `length`, or as long as it says, and gives the validation value of the loss or metric `name` at the kept epoch.
fn reached(program_name: &str, name: &str, length: Option<Length>) -> f64 {
    let program = program(program_name);
    let sets = Sets::load(&program, &folder(), &[], &Budget::of_machine()).expect("the data is in the repository");
    let settings = TrainSettings { length: length.unwrap_or(program.train.length), ..program.train.clone() };
    let mut trainer = Trainer::new(sets.training(&program, &settings, 1), None).expect("a plan");
    let outcome = trainer.run(&mut Unwatched, &AtomicBool::new(false)).expect("a run");
    let history = outcome.history;
    let series = history.series.iter().position(|series| series.name == name).expect("a loss or metric of that name");
    let point = &history.points[history.best.unwrap_or(history.points.len() - 1)];
    point.validation[series].expect("it is validated")
}

#[test]
fn what_is_quickly_trained_reaches_its_figure() {
    let near = |found: f64, stated: f64, by: f64| assert!((found - stated).abs() <= by, "{found}, {stated} is stated");
    near(reached("quantile.nn", "coverage", None), 0.787, 0.03);
    near(reached("quantile.nn", "below_median", None), 0.517, 0.03);
    near(reached("iris.nn", "accuracy", None), 0.9667, 0.034);
    let worst = reached("pinn.nn", "worst", Some(Length::Steps(3600)));
    assert!(worst < 1e-2, "the largest error is {worst}");
}

#[test]
fn what_takes_longer_is_on_its_way() {
    // The mean digit costs 206 nats.
    let digit = reached("vae.nn", "reconstruction", Some(Length::Steps(100)));
    assert!(digit < 170.0, "the pixels of a digit cost {digit} nats");
    let teacher = reached("mean_teacher.nn", "teacher_accuracy", Some(Length::Steps(140)));
    assert!(teacher > 0.5, "the teacher is right on {teacher}");
    for rivals in ["gan.nn", "wgan_gp.nn"] {
        let (first, later) = (Length::Steps(1), Length::Steps(40));
        let made = [first, later].map(|length| reached(rivals, "energy", Some(length)));
        assert!(made[1] < 0.7 * made[0], "{rivals}: the energy distance goes from {} to {}", made[0], made[1]);
    }
}

/// The numbers with a decimal point in a text, as they are written.
fn figures(text: &str) -> Vec<String> {
    let words = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    let numbers = words.map(|word| word.trim_matches('.')).filter(|word| word.contains('.'));
    numbers.map(str::to_owned).collect()
}

/// Whether `short` is `long`, perhaps rounded.
fn is_rounded(short: &str, long: &str) -> bool {
    let decimals = short.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let (Ok(short), Ok(long)) = (short.parse::<f64>(), long.parse::<f64>()) else { return false };
    (short - long).abs() <= 0.5001 * 0.1f64.powi(decimals as i32)
}

#[test]
fn a_header_states_a_figure_of_the_table_of_results() {
    let readme = std::fs::read_to_string(folder().join("README.md")).expect("the examples' page");
    let results = readme.split_once("## Results").expect("a table of results").1;
    let mut count = 0;
    // The header of poisson.nn states coefficients, which have a test of their own.
    for name in example_names().into_iter().filter(|name| name != "poisson.nn") {
        let text = std::fs::read_to_string(folder().join(&name)).expect("a program");
        let header: String = text.lines().take_while(|line| line.starts_with("##")).collect();
        if header.is_empty() {
            continue;
        }
        count += 1;
        let row = results.lines().find(|line| line.split('|').nth(1).is_some_and(|cell| cell.contains(&name)));
        let known = figures(row.unwrap_or_else(|| panic!("{name} is not in the table")));
        let told = figures(&header);
        assert!(
            told.iter().any(|told| known.iter().any(|known| is_rounded(told, known))),
            "{name}: {told:?}, {known:?}"
        );
    }
    assert!(count >= 14, "{count} programs state a figure");
}
