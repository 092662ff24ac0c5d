//! Sizes that the data fixes: one program on data sets of different lengths, against the formulas in f64.

use std::sync::atomic::AtomicBool;

use nnlc::check::{Keep, Length, Program, TrainSettings};
use nnlc::data::{Column, DataSet};
use nnlc::driver::{Request, Session};
use nnlc::networks::{self, Network};
use nnlc::optimizers::Optimizer;
use nnlc::train::{Elements, Event, Observer, Trainer, Training, sizes_of, unmet_claim};

/// The mean step and the last one, weighed by `w`.
const MODEL: &str = "input x: [T, 2]\n\
    input next: [T + 1]\n\
    input y: f32\n\
    param w: [2] = tensor([0.5, -0.25])\n\
    h = x @ w\n\
    p = sum(h) / T + h[-1] + sum(next[1:] - next[:T])\n\
    loss = (p - y) ^ 2\n\
    metric steps = T\n\
    output p\n\
    output halves = size(h[::2])\n";

const SAMPLES: usize = 6;

fn program(text: &str) -> Program {
    let session = Session::check("test.nn", text.to_owned(), Default::default(), &Request::default());
    session.program.unwrap_or_else(|| panic!("{:#?}\n{text}", session.diagnostics))
}

fn wave(at: usize, factor: f64) -> f32 {
    ((at as f64 + 1.0) * factor).sin() as f32
}

fn x(length: usize) -> Vec<f32> {
    (0..SAMPLES * length * 2).map(|at| wave(at, 0.7)).collect()
}

fn next(length: usize) -> Vec<f32> {
    (0..SAMPLES * (length + 1)).map(|at| wave(at, 1.1)).collect()
}

fn y() -> Vec<f32> {
    (0..SAMPLES).map(|at| wave(at, 2.3)).collect()
}

fn data(length: usize) -> DataSet {
    let columns = vec![
        ("x".into(), Column::from_f32(vec![length, 2], SAMPLES, x(length))),
        ("next".into(), Column::from_f32(vec![length + 1], SAMPLES, next(length))),
        ("y".into(), Column::from_f32(vec![], SAMPLES, y())),
    ];
    DataSet::new(columns).expect("columns of as many rows")
}

/// The loss over all samples and its gradient by `w`.
fn formula(length: usize, w: [f64; 2]) -> (f64, [f64; 2]) {
    let (x, next, y) = (x(length), next(length), y());
    let (mut loss, mut gradient) = (0.0, [0.0; 2]);
    for sample in 0..SAMPLES {
        let at = |t: usize, i: usize| f64::from(x[(sample * length + t) * 2 + i]);
        let slope = [0, 1].map(|i| (0..length).map(|t| at(t, i)).sum::<f64>() / length as f64 + at(length - 1, i));
        let ends = |t: usize| f64::from(next[sample * (length + 1) + t]);
        let p = w[0] * slope[0] + w[1] * slope[1] + ends(length) - ends(0);
        let distance = p - f64::from(y[sample]);
        loss += distance * distance / SAMPLES as f64;
        for i in 0..2 {
            gradient[i] += 2.0 * distance * slope[i] / SAMPLES as f64;
        }
    }
    (loss, gradient)
}

struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) -> Result<(), String> {
        Ok(())
    }
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-5 * (1.0 + b.abs())
}

#[test]
fn a_program_trains_and_validates_on_sets_of_different_lengths() {
    let program = program(MODEL);
    let settings = TrainSettings {
        optimizer: Optimizer::named("sgd").expect("an optimizer").with("lr", 0.1),
        batch: SAMPLES,
        length: Length::Epochs(1),
        keep: Keep::Last,
        ..TrainSettings::default()
    };
    for (long, short) in [(5, 3), (1, 4)] {
        let (train, validation) = (data(long), data(short));
        let sets = Training {
            program: &program,
            resize: None,
            settings: &settings,
            train: Some(&train),
            validation: Some(&validation),
            threads: 1,
        };
        let mut trainer = Trainer::new(sets, None).expect("a plan");
        let outcome = trainer.run(&mut Silent, &AtomicBool::new(false)).expect("a run");
        let start = [0.5, -0.25];
        let (loss, gradient) = formula(long, start);
        let stepped = [0, 1].map(|i| start[i] - 0.1 * gradient[i]);
        let Elements::F32(w) = &outcome.weights.tensors["w"].elements else { panic!("floats") };
        for i in 0..2 {
            assert!(close(f64::from(w[i]), stepped[i]), "{w:?} should be {stepped:?}");
        }
        let point = &outcome.history.points[0];
        assert!(close(point.train[0].expect("the loss"), loss), "{:?} should be {loss}", point.train);
        let validated: Vec<f64> = point.validation.iter().flatten().copied().collect();
        assert!(close(validated[0], formula(short, stepped).0), "{validated:?}");
        assert_eq!(validated[1], short as f64, "the metric is the length");
    }
}

#[test]
fn a_network_with_open_sizes_is_printed_with_them() {
    let program = program(MODEL);
    for (network, name) in Network::ALL {
        let text = networks::expand(&program.graph, network);
        assert!(text.contains("input x: [T, 2]"), "{name}:\n{text}");
        let request = Request { options: nnlc::check::Options { no_runtime: true }, ..Request::default() };
        let session = Session::check(name, text.clone(), Default::default(), &request);
        assert!(session.program.is_some(), "{:#?}\n{text}", session.diagnostics);
    }
}

/// The dot product of two inputs that are claimed to be of one length, and a parameter that depends on a claimed one.
const CLAIMS: &str = "input x: [T]\n\
    input z: [U + 1]\n\
    input four: [V]\n\
    param w: f32 = tensor(0.5)\n\
    param v: [4] = ones()\n\
    fn dot(a: [N], b: [N]) = sum(a * b)\n\
    inner = dot(w * x, z[1:] as [T])\n\
    loss = (inner + dot(v, four as [4])) ^ 2\n\
    output inner\n\
    output slope = grad(inner, x) as [U]\n";

fn claimed(x: usize, z: usize, four: usize) -> DataSet {
    let column = |length: usize, factor: f64| {
        Column::from_f32(vec![length], SAMPLES, (0..SAMPLES * length).map(|at| wave(at, factor)).collect())
    };
    let columns = vec![("x".into(), column(x, 0.7)), ("z".into(), column(z, 1.1)), ("four".into(), column(four, 1.7))];
    DataSet::new(columns).expect("columns of as many rows")
}

#[test]
fn a_claimed_size_trains_as_the_known_one() {
    let program = program(CLAIMS);
    let settings = TrainSettings {
        optimizer: Optimizer::named("sgd").expect("an optimizer").with("lr", 0.1),
        batch: SAMPLES,
        length: Length::Epochs(1),
        keep: Keep::Last,
        ..TrainSettings::default()
    };
    let length = 5;
    let train = claimed(length, length + 1, 4);
    let sets = Training {
        program: &program,
        resize: None,
        settings: &settings,
        train: Some(&train),
        validation: Some(&train),
        threads: 1,
    };
    let mut trainer = Trainer::new(sets, None).expect("a plan");
    let outcome = trainer.run(&mut Silent, &AtomicBool::new(false)).expect("a run");
    let (mut gradient_w, mut gradient_v) = (0.0, [0.0; 4]);
    for sample in 0..SAMPLES {
        let x = |t: usize| f64::from(wave(sample * length + t, 0.7));
        let z = |t: usize| f64::from(wave(sample * (length + 1) + t + 1, 1.1));
        let four = |t: usize| f64::from(wave(sample * 4 + t, 1.7));
        let inner: f64 = (0..length).map(|t| x(t) * z(t)).sum();
        let whole = 0.5 * inner + (0..4).map(four).sum::<f64>();
        gradient_w += 2.0 * whole * inner / SAMPLES as f64;
        for (t, gradient) in gradient_v.iter_mut().enumerate() {
            *gradient += 2.0 * whole * four(t) / SAMPLES as f64;
        }
    }
    let trained = |name: &str| match &outcome.weights.tensors[name].elements {
        Elements::F32(values) => values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>(),
        _ => panic!("floats"),
    };
    assert!(close(trained("w")[0], 0.5 - 0.1 * gradient_w), "{:?}", trained("w"));
    for (found, gradient) in trained("v").into_iter().zip(gradient_v) {
        assert!(close(found, 1.0 - 0.1 * gradient), "{found}");
    }
}

#[test]
fn a_claim_is_held_against_the_sizes_of_the_data() {
    let graph = program(CLAIMS).graph;
    for (x, z, four, wrong) in [(5, 6, 4, None), (5, 5, 4, Some("[4]")), (5, 6, 3, Some("[3]"))] {
        let set = claimed(x, z, four);
        let sizes = sizes_of(&graph, |name| set.column(name).map(Column::shape)).expect("sizes");
        let unmet = unmet_claim(&graph, &sizes).map(|unmet| unmet.found.to_string());
        assert_eq!(unmet.as_deref(), wrong);
    }
}

#[test]
fn a_claim_is_printed_as_one() {
    let program = program(CLAIMS);
    let text = networks::expand(&program.graph, Network::Main);
    assert!(text.contains(" as [T]") && text.contains(" as [4]"), "{text}");
    let request = Request { options: nnlc::check::Options { no_runtime: true }, ..Request::default() };
    let session = Session::check("main.nn", text.clone(), Default::default(), &request);
    assert!(session.program.is_some(), "{:#?}\n{text}", session.diagnostics);
}
