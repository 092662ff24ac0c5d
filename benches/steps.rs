//! Whole training steps as the engine runs them, from graph to new weights: microseconds a step, medians over blocks.
//!
//! `cargo bench --bench steps -- [threads] [part of a case's name]`. Most graphs are built directly on the operations, some from the
//! programs in `programs/`; what reading `.nn` and data costs is not here. `plan_ms` is the time from a graph to a plan, passes included;
//! `processor_us` is the processor time of a step, all threads and their waiting together. `barrier_ns` is what a meeting of the threads
//! takes, the median before the blocks: a virtual machine's processors lie near each other or far apart, and steps take accordingly.

use std::time::Instant;

use nnlc::autodiff::gradients;
use nnlc::driver::{Request, Session};
use nnlc::engine::kernels::Team;
use nnlc::engine::plan::{Engine, Feed, Options, Plan, Store};
use nnlc::ir::{Attrs, Graph, Input, Op, Place, ResultRole, ResultValue, Update, Value, VarId, Variable, VariableKind};
use nnlc::lower::lower;
use nnlc::networks::training;
use nnlc::ops::{Builder, RunContext};
use nnlc::passes::Pipeline;
use nnlc::tensor::{DType, Dim, Shape, Tensor, Type};
use nnlc::train::{initial_values, step_graph};

/// A graph in the making, with values for its variables.
struct Model {
    graph: Graph,
    store: Store,
    params: Vec<(VarId, Value)>,
    noise: u64,
}

impl Model {
    fn new() -> Model {
        Model { graph: Graph::new(), store: Store::new(), params: Vec::new(), noise: 1 }
    }

    fn noise(&mut self, len: usize, scale: f32) -> Vec<f32> {
        let mut next = || {
            self.noise = self.noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((self.noise >> 40) as f32 / (1u32 << 24) as f32 - 0.5) * 2.0 * scale
        };
        (0..len).map(|_| next()).collect()
    }

    fn variable(&mut self, path: &str, sizes: &[usize], scale: f32) -> (VarId, Value) {
        let ty = Type::f32(sizes);
        let values = self.noise(sizes.iter().product(), scale);
        self.store.set(path, &Tensor::f32(sizes, values));
        let kind = VariableKind::Param { frozen: false, lr: 1.0, decay: 1.0 };
        let variable = Variable { path: path.to_owned(), kind, ty: ty.clone(), init: None, place: Place::NONE };
        let id = self.graph.variables.push(variable);
        (id, self.b().variable(id, ty))
    }

    fn param(&mut self, path: &str, sizes: &[usize], scale: f32) -> Value {
        let param = self.variable(path, sizes, scale);
        self.params.push(param);
        param.1
    }

    fn input(&mut self, name: &str, shape: Shape) -> Value {
        let index = self.graph.inputs.len();
        let ty = Type { dtype: nnlc::tensor::DType::F32, shape };
        let value = self.b().input(index, ty);
        self.graph.inputs.push(Input { name: name.to_owned(), value, drawn: None });
        value
    }

    fn b(&mut self) -> Builder<'_> {
        Builder::new(&mut self.graph, Place::NONE)
    }

    fn result(&mut self, name: &str, value: Value) {
        let result = ResultValue { name: name.to_owned(), role: ResultRole::Extra, value, place: Place::NONE };
        self.graph.results.push(result);
    }

    fn matmul(&mut self, a: Value, b: Value) -> Value {
        let attrs = Attrs::new().ints("axes_a", [1]).ints("axes_b", [0]).ints("batch_a", []).ints("batch_b", []);
        self.b().emit(Op("contract"), &[a, b], attrs)
    }

    fn reduce(&mut self, op: &'static str, x: Value) -> Value {
        let axes: Vec<i64> = (0..self.graph.shape(x).len() as i64).collect();
        self.b().emit(Op(op), &[x], Attrs::new().ints("axis", axes).flag("keepdims", false))
    }

    /// Adam with the bias-corrected rate as an input, as the training loop gives it.
    fn adam(&mut self, loss: Value) {
        let params = self.params.clone();
        let wrt: Vec<Value> = params.iter().map(|(_, value)| *value).collect();
        let grads = gradients(&mut self.graph, loss, &wrt);
        let rate = self.input("rate", Shape::scalar());
        for ((id, param), grad) in params.into_iter().zip(grads) {
            let grad = grad.expect("every parameter is trained");
            let path = self.graph.variables[id].path.clone();
            let sizes = self.graph.variables[id].ty.shape.constant().expect("numbers");
            let (m_id, m) = self.variable(&format!("{path}.m"), &sizes, 0.0);
            let (v_id, v) = self.variable(&format!("{path}.v"), &sizes, 0.0);
            let mut b = self.b();
            let moving = |b: &mut Builder, old: Value, new: Value, keep: f64| {
                let (keep, take) = (b.scalar(keep), b.scalar(1.0 - keep));
                let (old, new) = (b.mul(old, keep), b.mul(new, take));
                b.add(old, new)
            };
            let m_new = moving(&mut b, m, grad, 0.9);
            let square = b.unary(Op("square"), grad);
            let v_new = moving(&mut b, v, square, 0.999);
            let (root, epsilon) = (b.unary(Op("sqrt"), v_new), b.scalar(1e-8));
            let bottom = b.add(root, epsilon);
            let top = b.mul(m_new, rate);
            let change = b.div(top, bottom);
            let next = b.sub(param, change);
            for (variable, value) in [(m_id, m_new), (v_id, v_new), (id, next)] {
                self.graph.updates.push(Update { variable, value, place: Place::NONE });
            }
        }
    }
}

fn batched(sizes: &[i64]) -> Shape {
    std::iter::once(Dim::batch()).chain(sizes.iter().map(|size| Dim::new(*size))).collect()
}

/// An affine layer and what follows it.
fn layer(model: &mut Model, name: usize, x: Value, sizes: &[usize; 2], activation: &'static str) -> Value {
    let w = model.param(&format!("w{name}"), sizes, 1.0 / (sizes[0] as f32).sqrt());
    let bias = model.param(&format!("b{name}"), &sizes[1..], 0.0);
    let z = model.matmul(x, w);
    let z = model.b().add(z, bias);
    model.b().unary(Op(activation), z)
}

/// 784–256–784 with sigmoids, applied.
fn inference() -> Model {
    let mut model = Model::new();
    let x = model.input("x", batched(&[784]));
    let code = layer(&mut model, 0, x, &[784, 256], "sigmoid");
    let y = layer(&mut model, 1, code, &[256, 784], "sigmoid");
    model.result("y", y);
    model
}

/// A chain of `depth` layers, affine of width 64 and tanh in turn; mean of squares, gradient descent.
fn deep(depth: usize) -> Model {
    let mut model = Model::new();
    let mut h = model.input("x", batched(&[64]));
    for name in 0..depth / 2 {
        h = layer(&mut model, name, h, &[64, 64], "tanh");
    }
    let square = model.b().unary(Op("square"), h);
    let loss = model.reduce("mean", square);
    model.result("loss", loss);
    let params = model.params.clone();
    let wrt: Vec<Value> = params.iter().map(|(_, value)| *value).collect();
    let grads = gradients(&mut model.graph, loss, &wrt);
    for ((variable, old), grad) in params.into_iter().zip(grads) {
        let mut b = model.b();
        let rate = b.scalar(1e-3);
        let change = b.mul(grad.expect("every parameter is trained"), rate);
        let value = b.sub(old, change);
        model.graph.updates.push(Update { variable, value, place: Place::NONE });
    }
    model
}

/// 784–256–784 with sigmoids, squared error, Adam.
fn auto_encoder() -> Model {
    let mut model = Model::new();
    let x = model.input("x", batched(&[784]));
    let mut h = x;
    for (name, sizes) in [[784, 256], [256, 784]].iter().enumerate() {
        h = layer(&mut model, name, h, sizes, "sigmoid");
    }
    let difference = model.b().sub(h, x);
    let two = model.b().scalar(2.0);
    let square = model.b().binary(Op("pow"), difference, two);
    let loss = model.reduce("mean", square);
    model.result("loss", loss);
    model.adam(loss);
    model
}

/// `mean(log(cosh(a - b)) + 0.1 sqrt((a - b)^2 + 1e-6) exp(-|b|))` and both gradients.
fn elementwise(len: i64) -> Model {
    let mut model = Model::new();
    let (a, c) = (model.input("a", Shape::from([len])), model.input("b", Shape::from([len])));
    let mut b = model.b();
    let d = b.sub(a, c);
    let cosh = b.unary(Op("cosh"), d);
    let log = b.unary(Op("log"), cosh);
    let (two, small, tenth) = (b.scalar(2.0), b.scalar(1e-6), b.scalar(0.1));
    let square = b.binary(Op("pow"), d, two);
    let shifted = b.add(square, small);
    let root = b.unary(Op("sqrt"), shifted);
    let scaled = b.mul(tenth, root);
    let size = b.unary(Op("abs"), c);
    let minus = b.neg(size);
    let decay = b.unary(Op("exp"), minus);
    let right = b.mul(scaled, decay);
    let sum = b.add(log, right);
    let loss = model.reduce("mean", sum);
    let grads = gradients(&mut model.graph, loss, &[a, c]);
    model.result("loss", loss);
    for (name, grad) in ["by a", "by b"].iter().zip(grads) {
        model.result(name, grad.expect("both matter"));
    }
    model
}

/// The training step of a program, with its initial values.
fn program(text: &str) -> Model {
    let session = Session::check("program.nn", text.to_owned(), std::path::PathBuf::new(), &Request::default());
    assert!(!session.failed(), "{:?}", session.diagnostics);
    let program = session.program.expect("a program without errors");
    let network = lower(&training(&program.graph)).expect("a network that can be batched");
    let mut model = Model::new();
    model.graph = step_graph(&network, &program.train).graph;
    initial_values(&program.graph, 1).iter().for_each(|(path, value)| model.store.set(path, value));
    for slot in model.graph.variables.iter().filter(|variable| variable.kind == VariableKind::Slot) {
        let sizes = slot.ty.shape.constant().expect("a slot is as large as its parameter");
        model.store.set(&slot.path, &Tensor::f32(&sizes, vec![0.0; sizes.iter().product()]));
    }
    model
}

/// What an input is fed with.
enum Fed {
    Floats(Vec<f32>),
    Indices(Vec<i32>),
}

impl Fed {
    /// Rates are 1e-3, data is noise, labels go round.
    fn new(model: &mut Model, ty: &Type, batch: usize) -> Fed {
        let len = ty.shape.evaluate(&|_| Some(batch as i64)).expect("numbers").iter().product();
        match ty.dtype {
            DType::Index(_) => Fed::Indices((0..len as i32).map(|label| label % 10).collect()),
            _ if len == 1 => Fed::Floats(vec![1e-3]),
            _ => Fed::Floats(model.noise(len, 1.0)),
        }
    }

    fn feed(&self) -> Feed<'_> {
        match self {
            Fed::Floats(values) => Feed::F32(values),
            Fed::Indices(values) => Feed::I32(values),
        }
    }
}

/// Seconds of processor time that this process has taken, all threads together.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the place is valid.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Nanoseconds of a meeting of all threads.
fn meeting(team: &Team) -> f64 {
    const MEETINGS: u32 = 5_000;
    let started = Instant::now();
    team.run(&|_| (0..MEETINGS).for_each(|_| team.barrier().wait()));
    started.elapsed().as_secs_f64() * 1e9 / f64::from(MEETINGS)
}

fn time(name: &str, mut model: Model, batch: usize, threads: usize) {
    let unplanned = std::mem::take(&mut model.graph);
    let started = Instant::now();
    let graph = Pipeline::standard().run(unplanned);
    let plan = Plan::new(&graph, batch, &model.store, &Options::default()).expect("a plan");
    let planned = started.elapsed().as_secs_f64() * 1e3;
    if std::env::var_os("STEPS").is_some() {
        eprintln!("{graph}");
        plan.labels().for_each(|(value, label)| eprintln!("{label} {value}"));
    }
    let feeds: Vec<Fed> = graph.inputs.iter().map(|input| Fed::new(&mut model, graph.ty(input.value), batch)).collect();
    let feeds: Vec<Feed> = feeds.iter().map(Fed::feed).collect();
    let mut engine = Engine::new(threads);
    let mut context = RunContext { seed: 1, step: 0, batch };
    let mut first = 0.0;
    let (mut blocks, mut meetings, mut work) = (Vec::new(), Vec::new(), f64::INFINITY);
    let team = Team::new(threads);
    for block in 0..12 {
        meetings.push(meeting(&team));
        let (started, spent) = (Instant::now(), processor_seconds());
        let mut steps = 0;
        while steps == 0 || started.elapsed().as_secs_f64() < 0.15 {
            let outcome = engine.run(&plan, &mut model.store, &feeds, &context).expect("a run");
            if block == 0 && steps == 0 {
                first = outcome.floats(0)[0];
            }
            steps += 1;
            context.step += 1;
        }
        blocks.push(started.elapsed().as_secs_f64() * 1e6 / f64::from(steps));
        work = work.min((processor_seconds() - spent) * 1e6 / f64::from(steps));
    }
    if std::env::var_os("BLOCKS").is_some() {
        blocks.iter().zip(&meetings).for_each(|(us, ns)| eprintln!("{us:.1} us, meeting {ns:.0} ns"));
    }
    blocks.sort_by(f64::total_cmp);
    meetings.sort_by(f64::total_cmp);
    let barrier = meetings[meetings.len() / 2];
    let (median, best) = (blocks[blocks.len() / 2], blocks[0]);
    println!(
        "{{\"case\": \"{name}\", \"threads\": {threads}, \"us\": {median:.1}, \"best_us\": {best:.1}, \"processor_us\": {work:.1}, \"plan_ms\": {planned:.2}, \
         \"barrier_ns\": {barrier:.0}, \"barriers\": {}, \"MiB\": {:.1}, \"first_loss\": {first:.5}}}",
        plan.barriers(),
        plan.bytes() as f64 / f64::from(1 << 20)
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let threads = words.iter().find_map(|word| word.parse().ok()).unwrap_or(2);
    let part = words.iter().find(|word| word.parse::<usize>().is_err());
    let run = |name: &str, model: &dyn Fn() -> Model, batch: usize| {
        if part.is_none_or(|part| name.contains(part.as_str())) {
            time(name, model(), batch, threads);
        }
    };
    run("auto-encoder, batch 64", &auto_encoder, 64);
    run("auto-encoder, batch 256", &auto_encoder, 256);
    run("LeNet, batch 64", &|| program(include_str!("programs/lenet.nn")), 64);
    run("elementwise loss, 10^6", &|| elementwise(1_000_000), 1);
    run("elementwise loss, 10^4", &|| elementwise(10_000), 1);
    run("auto-encoder applied, batch 1", &inference, 1);
    run("auto-encoder applied, batch 256", &inference, 256);
    run("chain of 200 layers, batch 32", &|| deep(200), 32);
    run("chain of 2000 layers, batch 32", &|| deep(2000), 32);
    run("transformer block, batch 8", &|| program(include_str!("programs/transformer_block.nn")), 8);
}
