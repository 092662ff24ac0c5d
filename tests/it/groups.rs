//! Programs that train in more than one step: losses with `for`, weights that change, schedules, gradients of several minibatches, and
//! moving averages, against plain f64 arithmetic.

use std::sync::atomic::AtomicBool;

use nnlc::check::Program;
use nnlc::data::{Column, DataSet};
use nnlc::driver::{Request, Session};
use nnlc::train::{Elements, Event, Observer, Outcome, Trainer, Training, Weights};

fn program(text: &str) -> Program {
    let session = Session::check("test.nn", text.to_owned(), Default::default(), &Request::default());
    assert!(!session.failed(), "{:#?}", session.diagnostics);
    session.program.expect("a program without errors")
}

/// Watches nothing.
struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) -> Result<(), String> {
        Ok(())
    }
}

/// Trains `text` on scalars `x`, as its `train` block says.
fn run(text: &str, x: &[f32]) -> Outcome {
    let program = program(text);
    let data = DataSet::new(vec![("x".into(), Column::from_f32(vec![], x.len(), x.to_vec()))]).expect("a set");
    let training = Training {
        program: &program,
        resize: None,
        settings: &program.train,
        train: Some(&data),
        validation: Some(&data),
        threads: 1,
    };
    let mut trainer = Trainer::new(training, None).expect("a plan");
    trainer.run(&mut Silent, &AtomicBool::new(false)).expect("a run")
}

fn scalar(weights: &Weights, path: &str) -> f64 {
    match &weights.tensors[path].elements {
        Elements::F32(values) => f64::from(values[0]),
        Elements::I32(values) => f64::from(values[0]),
    }
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 2e-6 * expected.abs().max(1.0), "{found} against {expected}");
}

const X: [f32; 4] = [0.5, -1.25, 2.0, 0.75];

fn mean(f: impl Fn(f64) -> f64) -> f64 {
    X.iter().map(|x| f(f64::from(*x))).sum::<f64>() / X.len() as f64
}

#[test]
fn each_step_moves_its_own_parameters_from_where_the_last_one_left_them() {
    let text = "input x: f32\nparam a: [] = constant(0.5)\nparam b: [] = constant(-0.25)\n\
        state seen: [] = zeros()\nupdate seen = seen + b\n\
        loss d for a = (a * b - x) ^ 2\nloss small for a weight 0.5 = a ^ 2\nloss g for b = (a * b + x) ^ 2\n\
        output p = a * b * x\n\
        train {\n optimizer = sgd(lr = 0.1)\n optimizer d = momentum(lr = 0.05, momentum = 0.5)\n \
        order = [d, d, g]\n batch = 4\n epochs = 3\n}\n";
    let outcome = run(text, &X);
    let (mut a, mut b, mut v, mut seen) = (0.5, -0.25, 0.0, 0.0);
    let mut reported = [0.0; 3];
    for _ in 0..3 {
        reported = [0.0; 3];
        for _ in 0..2 {
            reported[0] += mean(|x| (a * b - x) * (a * b - x)) / 2.0;
            reported[1] += a * a / 2.0;
            let grad = mean(|x| 2.0 * (a * b - x) * b) + 0.5 * 2.0 * a;
            v = 0.5 * v + 0.05 * grad;
            a -= v;
        }
        reported[2] = mean(|x| (a * b + x) * (a * b + x));
        seen += b;
        b -= 0.1 * mean(|x| 2.0 * (a * b + x) * a);
    }
    near(scalar(&outcome.weights, "a"), a);
    near(scalar(&outcome.weights, "b"), b);
    near(scalar(&outcome.weights, "seen"), seen);
    let last = outcome.history.points.last().expect("three epochs");
    for (found, expected) in last.train.iter().zip(reported) {
        near(found.expect("a loss"), expected);
    }
    assert_eq!(outcome.history.best, None, "rivals have no best epoch: the last weights are kept");
}

#[test]
fn a_parameter_of_several_groups_has_a_memory_for_each() {
    let text = "input x: f32\nparam a: [] = constant(0.5)\nparam b: [] = constant(1)\n\
        loss one for a = (a - x) ^ 2\nloss both for a, b = (a * b + x) ^ 2\noutput p = a * b * x\n\
        train {\n optimizer = momentum(lr = 0.1, momentum = 0.9)\n batch = 4\n epochs = 3\n}\n";
    let outcome = run(text, &X);
    let (mut a, mut b, mut v) = (0.5, 1.0, [0.0; 3]);
    for _ in 0..3 {
        v[0] = 0.9 * v[0] + 0.1 * mean(|x| 2.0 * (a - x));
        a -= v[0];
        let error = mean(|x| 2.0 * (a * b + x));
        v[1] = 0.9 * v[1] + 0.1 * error * b;
        v[2] = 0.9 * v[2] + 0.1 * error * a;
        a -= v[1];
        b -= v[2];
    }
    near(scalar(&outcome.weights, "a"), a);
    near(scalar(&outcome.weights, "b"), b);
}

#[test]
fn what_no_for_names_is_left_to_the_losses_without_one() {
    let text = "input x: f32\nparam a: [] = constant(1)\nparam b: [] = constant(1)\nparam c: [] frozen = constant(1)\n\
        loss d for a = a * b * c + 0 * x\nloss rest = a * b * c\noutput p = x\n\
        train {\n optimizer = sgd(lr = 0.25)\n batch = 4\n epochs = 1\n}\n";
    let outcome = run(text, &X);
    let found = ["a", "b", "c"].map(|path| scalar(&outcome.weights, path));
    assert_eq!(found, [0.75, 1.0 - 0.25 * 0.75, 1.0]);
}

#[test]
fn every_step_draws_anew() {
    let text = "input x: f32\ninput z: f32 from normal(0, 1)\nparam a: [] = zeros()\nparam b: [] = zeros()\n\
        loss d for a = a * z + 0 * x\nloss g for b = b * z\noutput p = x\n\
        train {\n optimizer = sgd(lr = 1)\n batch = 4\n epochs = 1\n}\n";
    let weights = run(text, &X).weights;
    let (a, b) = (scalar(&weights, "a"), scalar(&weights, "b"));
    assert!(a != b && a != 0.0 && b != 0.0, "{a} and {b}");
}

#[test]
fn weights_follow_the_run() {
    let text = "input x: f32\nparam a: [] = zeros()\nparam b: [] = zeros()\nparam c: [] = zeros()\n\
        loss p weight progress = a + 0 * x\nloss e weight epoch = b + 0 * x\nloss s weight minimum(step, 4) = c + 0 * x\n\
        output o = x\ntrain {\n optimizer = sgd(lr = 1)\n batch = 2\n epochs = 3\n keep = last\n}\n";
    let outcome = run(text, &X);
    near(scalar(&outcome.weights, "a"), -(0.0 + 1.0 + 2.0 + 3.0 + 4.0 + 5.0) / 6.0);
    near(scalar(&outcome.weights, "b"), -(1.0 + 1.0 + 2.0 + 2.0 + 3.0 + 3.0));
    near(scalar(&outcome.weights, "c"), -(1.0 + 2.0 + 3.0 + 4.0 + 4.0 + 4.0));
    let last = outcome.history.points.last().expect("three epochs");
    let values: Vec<f64> = last.validation.iter().map(|value| value.expect("a validation set")).collect();
    near(values[0], -2.5);
    near(values[3], -2.5 * 5.0 / 6.0 - 12.0 * 3.0 - 18.0 * 4.0);
}

#[test]
fn the_schedule_multiplies_the_learning_rate() {
    let moved = |schedule: &str| {
        let text = format!(
            "input x: f32\nparam a: [] = zeros()\nloss = a + 0 * x\noutput p = x\n\
             train {{\n optimizer = sgd(lr = 0.5)\n schedule = {schedule}\n batch = 2\n steps = 6\n keep = last\n}}\n"
        );
        scalar(&run(&text, &X).weights, "a") / -0.5
    };
    let sum = |factor: fn(f64) -> f64| (0..6).map(|t| factor(f64::from(t))).sum::<f64>();
    near(moved("constant"), 6.0);
    near(moved("cosine()"), sum(|t| (1.0 + (std::f64::consts::PI * t / 6.0).cos()) / 2.0));
    near(moved("polynomial(power = 2)"), sum(|t| (1.0 - t / 6.0).powi(2)));
    near(moved("exponential(gamma = 0.5, every = 2)"), 1.0 + 1.0 + 0.5 + 0.5 + 0.25 + 0.25);
    near(moved("step(gamma = 0.1, at = [2, 5])"), 1.0 + 1.0 + 0.1 + 0.1 + 0.1 + 0.01);
    near(moved("constant(warmup = 4)"), 0.25 + 0.5 + 0.75 + 3.0);
}

#[test]
fn gradients_of_several_minibatches_are_those_of_one_as_large() {
    let trained = |sizes: &str| {
        let text = format!(
            "input x: f32\nparam a: [] = constant(0.5)\nparam b: [] = constant(0.25)\n\
             loss = (a * x + b - x ^ 2) ^ 2\noutput p = a * x + b\n\
             train {{\n optimizer = momentum(lr = 0.05)\n shuffle = false\n {sizes}\n epochs = 4\n keep = last\n}}\n"
        );
        let x: Vec<f32> = (0..10).map(|i| (i as f32 * 0.7).sin()).collect();
        let outcome = run(&text, &x);
        let loss = outcome.history.points.last().and_then(|point| point.train[0]).expect("a loss");
        (outcome.history.points[3].step, [scalar(&outcome.weights, "a"), scalar(&outcome.weights, "b"), loss])
    };
    let (steps, whole) = trained("batch = 6");
    // Six samples and then four: three minibatches of two, then two; or four and two, then four.
    for sizes in ["batch = 2 accumulate = 3", "batch = 3 accumulate = 2"] {
        let (own_steps, parts) = trained(sizes);
        assert_eq!(own_steps, steps, "{sizes}");
        parts.into_iter().zip(whole).for_each(|(found, expected)| near(found, expected));
    }
}

#[test]
fn a_moving_average_follows_its_instance() {
    let text = "layer Scale()(x: []) -> [] {\n param w: [] = constant(0.5)\n return w * x\n}\n\
        input x: f32\nstudent = Scale()\nteacher = ema(student, 0.9)\ns = student(x)\nt = teacher(x)\n\
        loss fit = (s - 2 * x) ^ 2\nloss agree = (s - stop_gradient(t)) ^ 2\noutput t\n\
        train {\n optimizer = sgd(lr = 0.1)\n batch = 4\n epochs = 5\n keep = last\n}\n";
    let weights = run(text, &X).weights;
    let square = mean(|x| x * x);
    let (mut s, mut t) = (0.5, 0.5);
    for _ in 0..5 {
        let grad = 2.0 * (s - 2.0) * square + 2.0 * (s - t) * square;
        t = 0.9 * t + 0.1 * s;
        s -= 0.1 * grad;
    }
    assert_eq!(weights.tensors.keys().collect::<Vec<_>>(), ["student.w", "teacher.w"]);
    near(scalar(&weights, "student.w"), s);
    near(scalar(&weights, "teacher.w"), t);
}

#[test]
fn a_loss_that_order_means_is_to_be_named() {
    let fault = |order: &str| {
        let text = format!(
            "input x: []\nparam a: [] = ones()\nparam b: [] = ones()\nloss fit for a = (x - a) ^ 2\nloss for b = (x - b) ^ 2\n\
             output a\ntrain {{\n    order = {order}\n}}\n"
        );
        let session = Session::check("test.nn", text, Default::default(), &Request::default());
        let first = session.diagnostics.into_iter().find(|diagnostic| diagnostic.is_error()).expect("a fault");
        (first.title, first.helps.concat())
    };
    let (title, help) = fault("[fit, loss]");
    assert_eq!(title, "`loss` is a word of the language and names no value");
    assert!(help.starts_with("to mean a loss, name it where it is declared, `loss fit = ...`"), "{help}");
    let (title, help) = fault("[fit, fit]");
    assert_eq!(title, "`order` leaves out loss `loss`");
    assert_eq!(help, "give it a name, `loss fit ... = ...`, and list that too: `[..., fit]`");
}
