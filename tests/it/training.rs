//! The training loop against a plain f64 implementation of NNabla's formulas on linear regression, and its promises: the same bits on
//! any number of threads, short minibatches counted by their samples, the best epoch kept.

use std::sync::atomic::AtomicBool;

use nnlc::check::{Keep, Length, Monitor, Program, TrainSettings};
use nnlc::data::{Column, DataSet};
use nnlc::driver::{Request, Session};
use nnlc::optimizers::{Curve, Optimizer, Schedule};
use nnlc::train::{Elements, Ended, Event, Observer, Outcome, Trainer, Training, Weights};

fn program(text: &str) -> Program {
    let session = Session::check("test.nn", text.to_owned(), Default::default(), &Request::default());
    assert!(!session.failed(), "{:#?}", session.diagnostics);
    session.program.expect("a program without errors")
}

fn training<'a>(program: &'a Program, settings: &'a TrainSettings, train: &'a DataSet) -> Training<'a> {
    Training { program, resize: None, settings, train: Some(train), validation: None, threads: 1 }
}

fn elements(weights: &Weights, path: &str) -> Vec<f64> {
    match &weights.tensors[path].elements {
        Elements::F32(values) => values.iter().copied().map(f64::from).collect(),
        Elements::I32(values) => values.iter().copied().map(f64::from).collect(),
    }
}

/// Watches nothing.
struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) -> Result<(), String> {
        Ok(())
    }
}

fn run(training: Training) -> Outcome {
    let mut trainer = Trainer::new(training, None).expect("a plan");
    trainer.run(&mut Silent, &AtomicBool::new(false)).expect("a run")
}

// Linear regression: p = w . x + b, the mean of (p - y)^2.

const LINEAR: &str = "input x: [2]\n\
    input y: f32\n\
    param w: [2] = tensor([0.5, -0.3])\n\
    param b: [] decay 0 = constant(0.1)\n\
    p = sum(w * x) + b\n\
    loss = (p - y) ^ 2\n\
    output p\n";

/// Ten samples: two numbers and a target.
fn samples() -> Vec<[f64; 3]> {
    let wave = |i: usize, f: f64| ((i as f64 + 1.0) * f).sin();
    // Rounded to f32, so that both sides start from the same numbers.
    (0..10).map(|i| [wave(i, 1.3), 2.0 * wave(i, 0.7), 3.0 * wave(i, 2.1)].map(|v| f64::from(v as f32))).collect()
}

fn linear_data() -> DataSet {
    let rows = samples();
    let x = rows.iter().flat_map(|[a, b, _]| [*a as f32, *b as f32]).collect();
    let y = rows.iter().map(|[.., y]| *y as f32).collect();
    let columns = vec![("x".into(), Column::from_f32(vec![2], 10, x)), ("y".into(), Column::from_f32(vec![], 10, y))];
    DataSet::new(columns).expect("columns of ten rows")
}

/// The parameters `[w0, w1, b]` and what the optimizers remember of each.
struct Plain {
    w: [f64; 3],
    v: [f64; 3],
    m: [f64; 3],
}

impl Plain {
    fn new() -> Plain {
        Plain { w: [0.5f32, -0.3, 0.1].map(f64::from), v: [0.0; 3], m: [0.0; 3] }
    }

    /// The loss and its gradient on some samples.
    fn gradient(&self, rows: &[usize]) -> (f64, [f64; 3]) {
        let (mut loss, mut grad) = (0.0, [0.0; 3]);
        for [x0, x1, y] in rows.iter().map(|row| samples()[*row]) {
            let d = self.w[0] * x0 + self.w[1] * x1 + self.w[2] - y;
            loss += d * d / rows.len() as f64;
            for (g, x) in grad.iter_mut().zip([x0, x1, 1.0]) {
                *g += 2.0 * d * x / rows.len() as f64;
            }
        }
        (loss, grad)
    }

    /// One step; the bias is exempt from decay.
    fn step(&mut self, t: i32, rows: &[usize], settings: &TrainSettings) -> f64 {
        let (loss, mut g) = self.gradient(rows);
        g[0] += settings.weight_decay * self.w[0];
        g[1] += settings.weight_decay * self.w[1];
        if let Some(limit) = settings.clip_value {
            g = g.map(|g| g.clamp(-limit, limit));
        }
        if let Some(limit) = settings.clip_norm {
            let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
            g = g.map(|g| if norm > limit { g * limit / norm } else { g });
        }
        for (i, g) in g.into_iter().enumerate() {
            let (w, v, m) = (&mut self.w[i], &mut self.v[i], &mut self.m[i]);
            let optimizer = &settings.optimizer;
            let (lr, get) = (optimizer.get("lr"), |name| optimizer.get(name));
            match optimizer.rule.name {
                "sgd" => *w -= lr * g,
                "momentum" => {
                    *v = get("momentum") * *v + lr * g;
                    *w -= *v;
                }
                "nesterov" => {
                    let (before, momentum) = (*v, get("momentum"));
                    *v = momentum * before - lr * g;
                    *w += -momentum * before + (1.0 + momentum) * *v;
                }
                _ => {
                    let (beta1, beta2) = (get("beta1"), get("beta2"));
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    let rate = lr * (1.0 - beta2.powi(t)).sqrt() / (1.0 - beta1.powi(t));
                    *w -= rate * *m / (v.sqrt() + get("eps"));
                }
            }
        }
        loss
    }
}

/// Twelve steps over batches of four, four and two, both ways.
#[track_caller]
fn follows_the_formulas(settings: &TrainSettings) {
    let (program, data) = (program(LINEAR), linear_data());
    let mut trainer = Trainer::new(training(&program, settings, &data), None).expect("a plan");
    let mut plain = Plain::new();
    let batches = [vec![0, 1, 2, 3], vec![7, 6, 5, 4], vec![8, 9]];
    for (step, rows) in (1..=12).zip(batches.iter().cycle()) {
        let found = trainer.step(step, rows).expect("a step");
        let loss = plain.step(step as i32, rows, settings);
        assert!((f64::from(found[0]) - loss).abs() < 1e-5 * (1.0 + loss), "step {step}: {} against {loss}", found[0]);
        let weights = trainer.weights();
        let w = [elements(&weights, "w"), elements(&weights, "b")].concat();
        for (found, expected) in w.iter().zip(plain.w) {
            assert!((found - expected).abs() < 1e-5, "{settings:?}, step {step}: {w:?} against {:?}", plain.w);
        }
    }
}

fn optimizer(name: &str, lr: f64) -> Optimizer {
    Optimizer::named(name).expect("an optimizer").with("lr", lr)
}

fn optimizers() -> [Optimizer; 4] {
    [
        optimizer("sgd", 0.05),
        optimizer("momentum", 0.02),
        optimizer("nesterov", 0.02).with("momentum", 0.8),
        optimizer("adam", 0.05).with("beta2", 0.99),
    ]
}

#[test]
fn optimizers_follow_nnablas_formulas() {
    for optimizer in optimizers() {
        follows_the_formulas(&TrainSettings { optimizer, ..TrainSettings::default() });
    }
}

#[test]
fn decay_and_clipping_change_the_gradient_before_the_optimizer() {
    for optimizer in optimizers() {
        let plain = TrainSettings { optimizer, ..TrainSettings::default() };
        follows_the_formulas(&TrainSettings { weight_decay: 0.1, ..plain.clone() });
        follows_the_formulas(&TrainSettings { clip_value: Some(0.4), ..plain.clone() });
        follows_the_formulas(&TrainSettings { clip_norm: Some(0.7), ..plain.clone() });
        let all = TrainSettings { weight_decay: 0.1, clip_value: Some(1.5), clip_norm: Some(1.2), ..plain };
        follows_the_formulas(&all);
    }
}

#[test]
fn the_train_block_says_what_training_does() {
    let block = "train {\n    optimizer = nesterov(lr = 0.25, momentum = 0.75)\n    weight_decay = 0.5\n    batch = 3\n    \
                 steps = 17\n    seed = 9\n    shuffle = false\n    clip_norm = 2\n    clip_value = 3\n    keep = last\n    \
                 monitor = loss\n    patience = 4\n    accumulate = 5\n    \
                 schedule = exponential(gamma = 0.5, every = 4, warmup = 2)\n}\n";
    let expected = TrainSettings {
        optimizer: optimizer("nesterov", 0.25).with("momentum", 0.75),
        weight_decay: 0.5,
        batch: 3,
        length: Length::Steps(17),
        seed: 9,
        shuffle: false,
        clip_norm: Some(2.0),
        clip_value: Some(3.0),
        keep: Keep::Last,
        monitor: Some(Monitor { name: "loss".into(), highest: false }),
        patience: Some(4),
        accumulate: 5,
        schedule: Schedule { curve: Curve::Exponential { gamma: 0.5, every: 4.0 }, warmup: 2.0 },
        ..TrainSettings::default()
    };
    let found = program(&format!("{LINEAR}{block}")).train;
    assert!(found.judged.is_some(), "`monitor` and `patience` compare epochs");
    assert_eq!(TrainSettings { judged: None, ..found }, expected);
}

#[test]
fn a_short_last_minibatch_counts_by_its_samples() {
    let (program, data) = (program(LINEAR), linear_data());
    // A rate so small that no weight moves.
    let optimizer = optimizer("sgd", 1e-30);
    let settings = TrainSettings { optimizer, batch: 4, length: Length::Epochs(1), ..TrainSettings::default() };
    let all: Vec<usize> = (0..10).collect();
    let (mean, _) = Plain::new().gradient(&all);
    let both = Training { validation: Some(&data), ..training(&program, &settings, &data) };
    let outcome = run(both);
    let point = &outcome.history.points[0];
    assert_eq!((outcome.ended, point.epoch, point.step), (Ended::Done, 1, 3));
    for value in [point.train[0], point.validation[0]] {
        let value = value.expect("a measured loss");
        assert!((value - mean).abs() < 1e-6, "{value} against {mean}");
    }
    let settings = TrainSettings { length: Length::Steps(4), ..settings };
    let outcome = run(training(&program, &settings, &data));
    assert_eq!(outcome.history.points.iter().map(|point| point.step).collect::<Vec<_>>(), [3, 4]);
}

// One number that training pulls to 10 and validation wants at 3: with a rate of 0.05 the epochs end at 10 (1 - 0.9^k), that is
// 1, 1.9, 2.71, 3.439, 4.0951, ...; the third is the nearest to 3.

const PULLED: &str = "input y: f32\n\
    param w: [] = constant(0.0)\n\
    p = w + 0 * y\n\
    loss = (w - y) ^ 2\n\
    metric nearness = -abs(w - y)\n\
    output p\n";

fn pulled(change: impl FnOnce(&mut TrainSettings)) -> Outcome {
    let program = program(PULLED);
    let constant = |value: f32| DataSet::new(vec![("y".into(), Column::from_f32(vec![], 4, vec![value; 4]))]);
    let (train, validation) = (constant(10.0).expect("a set"), constant(3.0).expect("a set"));
    let optimizer = optimizer("sgd", 0.05);
    let mut settings = TrainSettings { optimizer, length: Length::Epochs(8), ..TrainSettings::default() };
    change(&mut settings);
    run(Training { validation: Some(&validation), ..training(&program, &settings, &train) })
}

#[track_caller]
fn keeps(outcome: &Outcome, best: Option<usize>, w: f64) {
    assert_eq!(outcome.history.best, best);
    let found = elements(&outcome.weights, "w")[0];
    assert!((found - w).abs() < 1e-5, "{found} against {w}");
}

#[test]
fn the_best_epoch_is_kept_unless_the_last_is_asked_for() {
    let best = pulled(|_| ());
    assert_eq!((best.ended, best.history.points.len()), (Ended::Done, 8));
    keeps(&best, Some(2), 2.71);
    keeps(&pulled(|settings| settings.keep = Keep::Last), None, 10.0 * (1.0 - 0.9f64.powi(8)));
    // Which way a metric is better is the program's to say; the last epoch is the farthest from 3.
    let monitor = |highest| Some(Monitor { name: "nearness".into(), highest });
    keeps(&pulled(|settings| settings.monitor = monitor(true)), Some(2), 2.71);
    keeps(&pulled(|settings| settings.monitor = monitor(false)), Some(7), 10.0 * (1.0 - 0.9f64.powi(8)));
}

#[test]
fn patience_ends_a_run_that_gets_no_better() {
    let outcome = pulled(|settings| settings.patience = Some(2));
    assert_eq!((outcome.ended, outcome.history.points.len()), (Ended::Patience, 5));
    keeps(&outcome, Some(2), 2.71);
}

#[test]
fn a_stop_keeps_what_there_is() {
    let (program, data, settings) = (program(LINEAR), linear_data(), TrainSettings::default());
    let mut trainer = Trainer::new(training(&program, &settings, &data), None).expect("a plan");
    let outcome = trainer.run(&mut Silent, &AtomicBool::new(true)).expect("a stop is no failure");
    assert_eq!((outcome.ended, outcome.history.points.len()), (Ended::Stopped, 0));
    assert_eq!(elements(&outcome.weights, "b"), [f64::from(0.1f32)]);
}

#[test]
fn samples_are_shuffled_by_the_seed() {
    let (program, data) = (program(LINEAR), linear_data());
    let minibatches = |seed: u64, shuffle: bool, epoch: u64| {
        let settings = TrainSettings { seed, shuffle, batch: 4, ..TrainSettings::default() };
        Trainer::new(training(&program, &settings, &data), None).expect("a plan").minibatches(epoch)
    };
    let first = minibatches(1, true, 1);
    assert_eq!(first.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
    let mut rows = first.concat();
    rows.sort_unstable();
    assert_eq!(rows, (0..10).collect::<Vec<_>>(), "each sample once");
    assert_eq!(first, minibatches(1, true, 1));
    assert_ne!(first, minibatches(2, true, 1), "another seed, another order");
    assert_ne!(first, minibatches(1, true, 2), "another epoch, another order");
    assert_eq!(minibatches(1, false, 2).concat(), (0..10).collect::<Vec<_>>());
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let text = "input x: [40]\ncode = x |> Dropout(0.3) |> Affine(33) |> BatchNormalization() |> tanh\n\
                p = code |> Affine(40)\nloss = (p - x) ^ 2\noutput p\n";
    let program = program(text);
    let values = (0..70 * 40).map(|i| (i as f32 * 0.37).sin()).collect();
    let data = DataSet::new(vec![("x".into(), Column::from_f32(vec![40], 70, values))]).expect("a set");
    let settings = TrainSettings { batch: 32, length: Length::Epochs(3), seed: 4, ..TrainSettings::default() };
    let outcome = |threads| run(Training { threads, validation: Some(&data), ..training(&program, &settings, &data) });
    let values = |outcome: &Outcome| -> Vec<_> {
        outcome.history.points.iter().map(|point| (point.train.clone(), point.validation.clone())).collect()
    };
    let one = outcome(1);
    for threads in [2, 3] {
        let several = outcome(threads);
        assert_eq!(one.weights, several.weights, "{threads} threads");
        assert_eq!(values(&one), values(&several), "{threads} threads");
    }
}
