//! Every optimizer against its NNabla definition (`src/nbla/solver/`) written out in f64, and against PyTorch where that has the same.

use std::collections::BTreeMap;

use nnlc::check::{Program, TrainSettings};
use nnlc::driver::{Request, Session};
use nnlc::optimizers::{Optimizer, RULES};
use nnlc::train::{Elements, Trainer, Training};

/// Six steps on `(w0 - 0.5)^2 / 2 + 3 (w1 + 2)^2 / 2 + w0 w1` from `[1, 0.5]`.
const STEPS: u64 = 6;
const START: [f64; 2] = [1.0, 0.5];

fn gradient(w: [f64; 2]) -> [f64; 2] {
    [w[0] - 0.5 + w[1], 3.0 * (w[1] + 2.0) + w[0]]
}

fn program(clauses: &str) -> Program {
    let text = format!(
        "param w: [2] {clauses} = tensor([1.0, 0.5])\n\
         loss = (w[0] - 0.5) ^ 2 / 2 + 3 * (w[1] + 2) ^ 2 / 2 + w[0] * w[1]\n\
         output y = sum(w)\n"
    );
    let session = Session::check("test.nn", text, Default::default(), &Request::default());
    assert!(!session.failed(), "{:#?}", session.diagnostics);
    session.program.expect("a program without errors")
}

/// Where the trainer ends.
fn trained(clauses: &str, settings: &TrainSettings) -> Vec<f64> {
    let program = program(clauses);
    let training = Training { program: &program, resize: None, settings, train: None, validation: None, threads: 1 };
    let mut trainer = Trainer::new(training, None).expect("a plan");
    for step in 1..=STEPS {
        trainer.step(step, &[0]).expect("a step");
    }
    match &trainer.weights().tensors["w"].elements {
        Elements::F32(values) => values.iter().copied().map(f64::from).collect(),
        Elements::I32(_) => panic!("a parameter is real"),
    }
}

fn with(optimizer: Optimizer) -> TrainSettings {
    TrainSettings { optimizer, batch: 1, ..TrainSettings::default() }
}

#[track_caller]
fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < tolerance, "{what}: {found} against {expected}");
    }
}

fn norm(x: [f64; 2]) -> f64 {
    (x[0] * x[0] + x[1] * x[1]).sqrt()
}

/// The definitions in f64. `r` and `d` are the parameter's factors on rate and decay.
fn plain(optimizer: &Optimizer, r: f64, d: f64) -> [f64; 2] {
    let mut w = START;
    let mut memory: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
    for t in 1..=STEPS as i32 {
        let g = gradient(w);
        let before = w;
        for (i, weight) in w.iter_mut().enumerate() {
            let mut slot = |name| memory.entry(name).or_insert([0.0; 2])[i];
            let (m, v, u) = (slot("m"), slot("v"), slot("u"));
            let (new, m, v, u) = element(optimizer, [r, d], t, [before, g], i, [m, v, u]);
            *weight = new;
            for (name, value) in [("m", m), ("v", v), ("u", u)] {
                memory.get_mut(name).expect("made above")[i] = value;
            }
        }
        if optimizer.rule.name == "lamb" {
            // The direction is known for all elements only now: `w` holds it.
            let (size, weight) = (norm(w), norm(before).clamp(optimizer.get("least"), optimizer.get("most")));
            let trust = if size > optimizer.get("eps") { weight / size } else { 1.0 };
            w = [0, 1].map(|i| before[i] - r * optimizer.get("lr") * trust * w[i]);
        }
    }
    w
}

/// One element: the new weight, and `m`, `v`, `u`.
fn element(
    optimizer: &Optimizer,
    [r, d]: [f64; 2],
    t: i32,
    [all_w, all_g]: [[f64; 2]; 2],
    i: usize,
    [m, v, u]: [f64; 3],
) -> (f64, f64, f64, f64) {
    let get = |name: &str| optimizer.get(name);
    let (w, g, lr) = (all_w[i], all_g[i], r * get("lr"));
    let mixed = |decay: f64, old: f64, new: f64| decay * old + (1.0 - decay) * new;
    let moments = || (mixed(get("beta1"), m, g), mixed(get("beta2"), v, g * g));
    let corrected = || lr * (1.0 - get("beta2").powi(t)).sqrt() / (1.0 - get("beta1").powi(t));
    match optimizer.rule.name {
        "sgd" => (w - lr * g, m, v, u),
        "momentum" => {
            let v = get("momentum") * v + lr * g;
            (w - v, m, v, u)
        }
        "nesterov" => {
            let new = get("momentum") * v - lr * g;
            (w - get("momentum") * v + (1.0 + get("momentum")) * new, m, new, u)
        }
        "adagrad" => (w - lr * g / ((v + g * g).sqrt() + get("eps")), m, v + g * g, u),
        "adadelta" => {
            let v = mixed(get("decay"), v, g * g);
            let delta = ((u + get("eps")) / (v + get("eps"))).sqrt() * g;
            (w - lr * delta, m, v, mixed(get("decay"), u, delta * delta))
        }
        "rmsprop" => {
            let v = mixed(get("decay"), v, g * g);
            (w - lr / (v.sqrt() + get("eps")) * g, m, v, u)
        }
        "adam" | "adamw" => {
            let (m, v) = moments();
            let decay = if optimizer.decays() { r * d * get("weight_decay") * w } else { 0.0 };
            (w - corrected() * m / (v.sqrt() + get("eps")) - decay, m, v, u)
        }
        "adamax" => {
            let (m, u) = (moments().0, (get("beta2") * u).max(g.abs()));
            (w - lr / (1.0 - get("beta1").powi(t)) * m / (u + get("eps")), m, v, u)
        }
        "amsgrad" => {
            let (m, v) = moments();
            (w - lr * m / (u.max(v).sqrt() + get("eps")), m, v, u.max(v))
        }
        "adabound" => {
            let (m, v) = moments();
            let (last, pace) = (r * get("final_lr"), get("gamma") * f64::from(t));
            let (low, high) = (last * (1.0 - 1.0 / (pace + 1.0)), last * (1.0 + 1.0 / pace));
            (w - high.min(low.max(corrected() / (v.sqrt() + get("eps")))) * m, m, v, u)
        }
        "adabelief" => {
            let m = moments().0;
            let v = mixed(get("beta2"), v, (g - m) * (g - m));
            (w - corrected() * m / ((v + get("eps")).sqrt() + get("eps")), m, v, u)
        }
        "sgdw" => {
            let v = get("momentum") * v + lr * g;
            (w - v - r * d * get("weight_decay") * w, m, v, u)
        }
        "lars" => {
            let decay = d * get("weight_decay");
            let local = lr * get("coefficient") * norm(all_w) / (norm(all_g) + decay * norm(all_w));
            let v = get("momentum") * v + local * (g + decay * w);
            (w - v, m, v, u)
        }
        "lamb" => {
            let (m, v) = moments();
            (m / (v.sqrt() + get("eps")) + d * get("weight_decay") * w, m, v, u)
        }
        "lion" => {
            let ahead = mixed(get("beta1"), m, g);
            (w - lr * (ahead.signum() + d * get("weight_decay") * w), mixed(get("beta2"), m, g), v, u)
        }
        name => panic!("`{name}` is not written out here"),
    }
}

/// An optimizer whose rate moves visibly in six steps, with decay if it has any.
fn lively(name: &str) -> Optimizer {
    let optimizer = Optimizer::named(name).expect("a rule");
    let lr = if name == "lars" { 20.0 } else { 0.07 };
    let optimizer = optimizer.with("lr", lr);
    if optimizer.decays() { optimizer.with("weight_decay", 0.05) } else { optimizer }
}

#[test]
fn every_optimizer_follows_nnablas_formula() {
    for rule in &RULES {
        let optimizer = lively(rule.name);
        close(&trained("", &with(optimizer.clone())), &plain(&optimizer, 1.0, 1.0), 2e-6, rule.name);
    }
}

#[test]
fn a_parameters_own_factors_change_rate_and_decay() {
    for rule in &RULES {
        let optimizer = lively(rule.name);
        let found = trained("lr 0.25 decay 3", &with(optimizer.clone()));
        close(&found, &plain(&optimizer, 0.25, 3.0), 2e-6, rule.name);
        assert_eq!(trained("frozen", &with(optimizer)), START, "{}", rule.name);
    }
}

/// What PyTorch 2.15 gives in f64 after the same six steps (`torch.optim`); Adam's family with an `eps` of 1e-12, since it stands elsewhere.
#[test]
fn what_pytorch_has_too_agrees_with_it() {
    type Case = (&'static str, &'static [(&'static str, f64)], [f64; 2]);
    let cases: [Case; 8] = [
        ("sgd", &[("lr", 0.05)], [0.97718909375, -1.25222734375]),
        ("momentum", &[("lr", 0.05)], [1.22316021875, -3.87430590625]),
        ("adagrad", &[("lr", 0.1)], [0.7005084382623586, 0.1478620853513144]),
        ("adadelta", &[], [0.9729752185658542, 0.47266565927411025]),
        ("rmsprop", &[("lr", 0.02)], [0.7821233684701102, 0.26265821770952685]),
        ("adam", &[("lr", 0.1), ("eps", 1e-12)], [0.4542649414971253, -0.09531084175168024]),
        // PyTorch's decay of 0.2 is multiplied by its rate of 0.1.
        ("adamw", &[("lr", 0.1), ("eps", 1e-12), ("weight_decay", 0.02)], [0.38391142002616707, -0.1227125973473572]),
        ("adamax", &[("lr", 0.1), ("eps", 1e-12)], [0.55398615605142, -0.06418307273902019]),
    ];
    for (name, values, expected) in cases {
        let optimizer = Optimizer::named(name).expect("a rule");
        let optimizer = values.iter().fold(optimizer, |optimizer, (name, value)| optimizer.with(name, *value));
        close(&trained("", &with(optimizer)), &expected, 2e-6, name);
    }
}

#[test]
fn the_decay_of_the_gradient_is_a_parameters_own_too() {
    let settings =
        TrainSettings { weight_decay: 0.3, ..with(Optimizer::named("sgd").expect("a rule").with("lr", 0.05)) };
    let mut w = START;
    for _ in 0..STEPS {
        let g = gradient(w);
        w = [0, 1].map(|i| w[i] - 0.05 * (g[i] + 0.3 * 0.5 * w[i]));
    }
    close(&trained("decay 0.5", &settings), &w, 2e-6, "sgd");
}
