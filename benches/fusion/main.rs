//! What the library's definitions cost beside loops written by hand: each case is a loss of one function or layer with the gradient of its input,
//! and of its parameters, for a minibatch of 256 samples on one thread. The loops by hand ([`by_hand`]) are AVX-512 and compute the same in as few
//! passes as they can; both results are compared before anything is timed.
//!
//! `cargo bench --bench fusion -- [part of a case's name]`. Both are timed in turn, block by block; `ratio` is the median of the blocks' ratios.
//! `PLAN=1` prints what is computed, and the time of each step.

#[cfg(target_arch = "x86_64")]
mod by_hand;

#[cfg(target_arch = "x86_64")]
fn main() {
    if std::arch::is_x86_feature_detected!("avx512f") {
        cases::all();
    } else {
        println!("the loops by hand are for processors with AVX-512");
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("the loops by hand are for processors with AVX-512");
}

#[cfg(target_arch = "x86_64")]
mod cases {
    use std::path::PathBuf;
    use std::time::Instant;

    use nnlc::autodiff::gradients;
    use nnlc::driver::{Request, Session};
    use nnlc::engine::plan::{Engine, Feed, Options, Plan, Profile, Store};
    use nnlc::ir::{Graph, ResultRole, ResultValue, Value, op};
    use nnlc::lower::{OBJECTIVE, lower};
    use nnlc::networks::training;
    use nnlc::ops::RunContext;
    use nnlc::passes::Pipeline;
    use nnlc::train::initial_values;

    use super::by_hand::{self, Problem, SAMPLES, WIDTH};

    /// Blocks that each side is timed for.
    const BLOCKS: usize = 21;
    /// Seconds of a block.
    const BLOCK: f64 = 0.02;

    /// Runs that a profile is made of.
    const PROFILED: u32 = 200;

    /// A loop by hand.
    type ByHand = unsafe fn(&mut Problem);

    /// Runs and prints every case whose name has what the command line asks for.
    pub fn all() {
        let part = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
        let values = "input x: [512]\ninput t: [512]\n";
        let labels = "input x: [512]\ninput t: index<512>\n";
        let cases: [(&str, &str, &str, ByHand); 6] = [
            ("softmax", values, "loss = sum(softmax(x) * t)", by_hand::softmax),
            ("layer normalisation", values, "loss = sum(LayerNormalization()(x) * t)", by_hand::layer_norm),
            ("batch normalisation", values, "loss = sum(BatchNormalization()(x) * t)", by_hand::batch_norm),
            ("softmax cross entropy", labels, "loss = softmax_cross_entropy(x, t)", by_hand::softmax_cross_entropy),
            (
                "sigmoid cross entropy",
                values,
                "loss = sum(sigmoid_cross_entropy(x, t))",
                by_hand::sigmoid_cross_entropy,
            ),
            ("gelu", values, "loss = sum(gelu(x) * t)", by_hand::gelu),
        ];
        for (name, inputs, loss, by_hand) in cases {
            if part.as_ref().is_none_or(|part| name.contains(part.as_str())) {
                compare(name, &format!("{inputs}{loss}\noutput y = x\n"), by_hand);
            }
        }
    }

    /// The batched graph of a program's loss, with the gradients of `x` and of all parameters behind it.
    fn graph(text: &str) -> (Graph, Store) {
        let session = Session::check("case.nn", text.to_owned(), PathBuf::new(), &Request::default());
        let program = session.program.unwrap_or_else(|| panic!("{:#?}", session.diagnostics));
        let mut graph = lower(&training(&program.graph)).expect("a network that can be batched");
        let objective = graph.results.iter().find(|result| result.name == OBJECTIVE).expect("a loss").value;
        let params = graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::VARIABLE).map(|(value, _)| value);
        let wrt: Vec<Value> = std::iter::once(graph.inputs[0].value).chain(params).collect();
        let found = gradients(&mut graph, objective, &wrt);
        let result = |(number, value)| {
            let (name, role) = (number_name(number), ResultRole::Extra);
            ResultValue { name, role, value, place: nnlc::ir::Place::NONE }
        };
        let kept = std::iter::once(objective).chain(found.into_iter().flatten());
        graph.results = kept.enumerate().map(result).collect();
        let mut store = Store::new();
        initial_values(&program.graph, 1).iter().for_each(|(path, value)| store.set(path, value));
        (Pipeline::standard().run(graph), store)
    }

    fn number_name(number: usize) -> String {
        format!("result {number}")
    }

    fn compare(name: &str, text: &str, by_hand: ByHand) {
        let (graph, mut store) = graph(text);
        let plan = Plan::new(&graph, SAMPLES, &store, &Options::default()).expect("a plan");
        if std::env::var_os("PLAN").is_some() {
            eprintln!("{graph}\n{plan}");
        }
        let mut problem = Problem::new();
        let (x, t, labels) = (problem.x.clone(), problem.t.clone(), problem.labels.clone());
        let feeds: Vec<Feed> = graph
            .inputs
            .iter()
            .map(|input| match (input.name.as_str(), graph.ty(input.value).dtype.is_float()) {
                ("x", _) => Feed::F32(&x),
                (_, true) => Feed::F32(&t),
                _ => Feed::I32(&labels),
            })
            .collect();
        let mut engine = Engine::new(1);
        let context = RunContext { seed: 1, step: 0, batch: SAMPLES };
        let mut ours = || {
            let outcome = engine.run(&plan, &mut store, &feeds, &context).expect("a run");
            (outcome.floats(0)[0], outcome.floats(1).to_vec())
        };
        let (loss, dx) = ours();
        // SAFETY: the processor has AVX-512.
        unsafe { by_hand(&mut problem) };
        assert!((loss - problem.loss).abs() <= 1e-4 * loss.abs().max(1.0), "{name}: {loss} and {}", problem.loss);
        let worst = dx.iter().zip(&problem.dx).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let largest = dx.iter().fold(0.0, |most: f32, d| most.max(d.abs()));
        assert!(worst <= 1e-4 * largest, "{name}: gradients differ by {worst} of {largest}");

        if std::env::var_os("PLAN").is_some() {
            let mut profile = Profile::new(&plan, &engine);
            for _ in 0..PROFILED {
                profile.run(&mut engine, &plan, &mut store, &feeds, &context).expect("a run");
            }
            let steps = profile.steps(&plan).into_iter().enumerate();
            steps.for_each(|(number, step)| {
                eprintln!("{number:>4} {:.1} us", step.time.as_secs_f64() * 1e6 / f64::from(PROFILED))
            });
        }
        let mut run = || {
            engine.run(&plan, &mut store, &feeds, &context).expect("a run");
        };
        // SAFETY: as above.
        let mut hand = || unsafe { by_hand(&mut problem) };
        let mut blocks: Vec<[f64; 2]> = (0..BLOCKS).map(|_| [block(&mut run), block(&mut hand)]).collect();
        blocks.sort_by(|a, b| (a[0] / a[1]).total_cmp(&(b[0] / b[1])));
        let [ours, hand] = blocks[BLOCKS / 2];
        println!(
            "{{\"case\": \"{name}\", \"us\": {ours:.1}, \"by_hand_us\": {hand:.1}, \"ratio\": {:.3}, \"steps\": {}}}",
            ours / hand,
            plan.labels().count(),
        );
    }

    /// Microseconds of a run.
    fn block(run: &mut dyn FnMut()) -> f64 {
        let (started, mut runs) = (Instant::now(), 0u32);
        while runs == 0 || started.elapsed().as_secs_f64() < BLOCK {
            run();
            runs += 1;
        }
        started.elapsed().as_secs_f64() * 1e6 / f64::from(runs)
    }

    const _: () = assert!(WIDTH == 512, "the programs above say so");
}
