//! The table of optimizers.

use super::Range::{Fraction, FromZero, Positive};
use super::{Formula, Optimizer, Parameter, Range, Rule};
use crate::ir::{Op, Value};

const fn number(name: &'static str, default: f64, range: Range) -> Parameter {
    Parameter { name, default, range }
}

const fn lr(default: f64) -> Parameter {
    number("lr", default, Positive)
}

const fn eps(default: f64) -> Parameter {
    number("eps", default, Positive)
}

const fn weight_decay(default: f64) -> Parameter {
    number(super::DECAY, default, FromZero)
}

const MOMENTUM: Parameter = number("momentum", 0.9, Fraction);
const BETA1: Parameter = number("beta1", 0.9, Fraction);
const BETA2: Parameter = number("beta2", 0.999, Fraction);

/// All of them, as the language's page lists them.
pub static RULES: [Rule; 16] = [
    Rule {
        name: "sgd",
        doc: "`w -= s lr g`.",
        parameters: &[lr(0.01)],
        slots: &[],
        fed: rate,
        formula: |f| vec![f.descend(f.g)],
    },
    Rule {
        name: "momentum",
        doc: "`v = momentum v + s lr g; w -= v`.",
        parameters: &[lr(0.01), MOMENTUM],
        slots: &["v"],
        fed: rate,
        formula: |f| {
            let v = velocity(f, f.fed[0], f.g);
            vec![f.b.sub(f.w, v), v]
        },
    },
    Rule {
        name: "nesterov",
        doc: "`u = momentum v - s lr g; w += (1 + momentum) u - momentum v; v = u`.",
        parameters: &[lr(0.01), MOMENTUM],
        slots: &["v"],
        fed: rate,
        formula: nesterov,
    },
    Rule {
        name: "adagrad",
        doc: "`v += g^2; w -= s lr g / (sqrt(v) + eps)`.",
        parameters: &[lr(0.01), eps(1e-8)],
        slots: &["v"],
        fed: rate,
        formula: |f| {
            let square = f.square(f.g);
            let v = f.b.add(f.slots[0], square);
            vec![f.descend_by_root(f.g, v), v]
        },
    },
    Rule {
        name: "adadelta",
        doc: "`v = decay v + (1 - decay) g^2; d = sqrt((u + eps) / (v + eps)) g; u = decay u + (1 - decay) d^2; w -= s lr d`.",
        parameters: &[lr(1.0), number("decay", 0.95, Fraction), eps(1e-6)],
        slots: &["v", "u"],
        fed: rate,
        formula: adadelta,
    },
    Rule {
        name: "rmsprop",
        doc: "`v = decay v + (1 - decay) g^2; w -= s lr g / (sqrt(v) + eps)`.",
        parameters: &[lr(0.001), number("decay", 0.9, Fraction), eps(1e-8)],
        slots: &["v"],
        fed: rate,
        formula: |f| {
            let square = f.square(f.g);
            let v = f.mixed(f.get("decay"), f.slots[0], square);
            vec![f.descend_by_root(f.g, v), v]
        },
    },
    Rule {
        name: "adam",
        doc: "`m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g^2; w -= s lr c m / (sqrt(v) + eps)`, where \
              `c = sqrt(1 - beta2^t) / (1 - beta1^t)` in step `t`. PyTorch adds its `eps` before the correction.",
        parameters: &[lr(0.001), BETA1, BETA2, eps(1e-8)],
        slots: &["m", "v"],
        fed: corrected,
        formula: |f| {
            let (m, v) = f.moments();
            vec![f.descend_by_root(m, v), m, v]
        },
    },
    Rule {
        name: "adamw",
        doc: "Adam, and `w -= s weight_decay w` apart from the gradient. PyTorch's decay is multiplied by `lr` as well.",
        parameters: &[lr(0.001), BETA1, BETA2, eps(1e-8), weight_decay(1e-4)],
        slots: &["m", "v"],
        fed: |optimizer, s, t| [corrected(optimizer, s, t), vec![s]].concat(),
        formula: |f| {
            let (m, v) = f.moments();
            let moved = f.descend_by_root(m, v);
            vec![shrunk(f, moved), m, v]
        },
    },
    Rule {
        name: "adamax",
        doc: "`m = beta1 m + (1 - beta1) g; u = max(beta2 u, |g|); w -= s lr m / (u + eps) / (1 - beta1^t)`.",
        parameters: &[lr(0.002), BETA1, BETA2, eps(1e-8)],
        slots: &["m", "u"],
        fed: |optimizer, s, t| vec![s * optimizer.get("lr") / (1.0 - optimizer.get("beta1").powf(t))],
        formula: adamax,
    },
    Rule {
        name: "amsgrad",
        doc: "Adam without its correction, dividing by the largest `v` so far: `w -= s lr m / (sqrt(max(v)) + eps)`.",
        parameters: &[lr(0.001), BETA1, BETA2, eps(1e-8)],
        slots: &["m", "v", "largest"],
        fed: rate,
        formula: |f| {
            let (m, v) = f.moments();
            let largest = f.larger(f.slots[2], v);
            vec![f.descend_by_root(m, largest), m, v, largest]
        },
    },
    Rule {
        name: "adabound",
        doc: "Adam whose rate for each element, `s lr c / (sqrt(v) + eps)`, is kept between `s final_lr (1 - 1 / (gamma t + 1))` \
              and `s final_lr (1 + 1 / (gamma t))`.",
        parameters: &[
            lr(0.001),
            BETA1,
            BETA2,
            eps(1e-8),
            number("final_lr", 0.1, Positive),
            number("gamma", 0.001, Positive),
        ],
        slots: &["m", "v"],
        fed: |optimizer, s, t| {
            let (last, pace) = (s * optimizer.get("final_lr"), optimizer.get("gamma") * t);
            [corrected(optimizer, s, t), vec![last * (1.0 - 1.0 / (pace + 1.0)), last * (1.0 + 1.0 / pace)]].concat()
        },
        formula: adabound,
    },
    Rule {
        name: "adabelief",
        doc: "Adam with `v` the running mean of `(g - m)^2`: `w -= s lr c m / (sqrt(v + eps) + eps)`.",
        parameters: &[lr(0.001), BETA1, BETA2, eps(1e-8)],
        slots: &["m", "v"],
        fed: corrected,
        formula: adabelief,
    },
    Rule {
        name: "sgdw",
        doc: "Momentum, and `w -= s weight_decay w` apart from the gradient.",
        parameters: &[lr(0.01), MOMENTUM, weight_decay(1e-4)],
        slots: &["v"],
        fed: |optimizer, s, t| [rate(optimizer, s, t), vec![s]].concat(),
        formula: |f| {
            let v = velocity(f, f.fed[0], f.g);
            let moved = f.b.sub(f.w, v);
            vec![shrunk(f, moved), v]
        },
    },
    Rule {
        name: "lars",
        doc: "Momentum with the rate `s lr coefficient |w| / (|g| + weight_decay |w|)` for each parameter as a whole, on `g + weight_decay w`.",
        parameters: &[lr(0.01), MOMENTUM, number("coefficient", 0.001, Positive), eps(1e-6), weight_decay(0.0)],
        slots: &["v"],
        fed: rate,
        formula: lars,
    },
    Rule {
        name: "lamb",
        doc: "`r = m / (sqrt(v) + eps) + weight_decay w` with Adam's `m` and `v`, uncorrected; `w -= s lr r |w| / |r|` for each parameter as \
              a whole, `|w|` kept between `least` and `most`.",
        parameters: &[
            lr(0.001),
            BETA1,
            BETA2,
            number("least", 0.0, FromZero),
            number("most", 10.0, Positive),
            eps(1e-6),
            weight_decay(0.0),
        ],
        slots: &["m", "v"],
        fed: rate,
        formula: lamb,
    },
    Rule {
        name: "lion",
        doc: "`w -= s lr (sign(beta1 m + (1 - beta1) g) + weight_decay w); m = beta2 m + (1 - beta2) g`.",
        parameters: &[lr(1e-4), BETA1, number("beta2", 0.99, Fraction), weight_decay(0.0)],
        slots: &["m"],
        fed: rate,
        formula: lion,
    },
];

fn rate(optimizer: &Optimizer, s: f64, _: f64) -> Vec<f64> {
    vec![s * optimizer.get("lr")]
}

/// The rate times Adam's bias correction.
fn corrected(optimizer: &Optimizer, s: f64, t: f64) -> Vec<f64> {
    let (beta1, beta2) = (optimizer.get("beta1"), optimizer.get("beta2"));
    vec![s * optimizer.get("lr") * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t))]
}

/// `momentum v + rate g`.
fn velocity(f: &mut Formula, rate: Value, g: Value) -> Value {
    let kept = f.scaled(f.get("momentum"), f.slots[0]);
    let push = f.b.mul(rate, g);
    f.b.add(kept, push)
}

/// `moved - s weight_decay w`, where `s` is the second fed scalar.
fn shrunk(f: &mut Formula, moved: Value) -> Value {
    if f.weight_decay() == 0.0 {
        return moved;
    }
    let pull = f.scaled(f.weight_decay(), f.w);
    let pull = f.b.mul(f.fed[1], pull);
    f.b.sub(moved, pull)
}

/// `x + weight_decay w`.
fn pulled(f: &mut Formula, x: Value) -> Value {
    if f.weight_decay() == 0.0 {
        return x;
    }
    let pull = f.scaled(f.weight_decay(), f.w);
    f.b.add(x, pull)
}

fn nesterov(f: &mut Formula) -> Vec<Value> {
    let momentum = f.get("momentum");
    let kept = f.scaled(momentum, f.slots[0]);
    let push = f.b.mul(f.fed[0], f.g);
    let v = f.b.sub(kept, push);
    let back = f.b.sub(f.w, kept);
    let ahead = f.scaled(1.0 + momentum, v);
    vec![f.b.add(back, ahead), v]
}

fn adadelta(f: &mut Formula) -> Vec<Value> {
    let (decay, eps) = (f.get("decay"), f.get("eps"));
    let square = f.square(f.g);
    let v = f.mixed(decay, f.slots[0], square);
    let (above, below) = (f.plus(f.slots[1], eps), f.plus(v, eps));
    let ratio = f.b.div(above, below);
    let root = f.root(ratio);
    let delta = f.b.mul(root, f.g);
    let square = f.square(delta);
    let u = f.mixed(decay, f.slots[1], square);
    vec![f.descend(delta), v, u]
}

fn adamax(f: &mut Formula) -> Vec<Value> {
    let m = f.mixed(f.get("beta1"), f.slots[0], f.g);
    let kept = f.scaled(f.get("beta2"), f.slots[1]);
    let size = f.b.unary(Op("abs"), f.g);
    let u = f.larger(kept, size);
    let divisor = f.plus(u, f.get("eps"));
    let direction = f.b.div(m, divisor);
    vec![f.descend(direction), m, u]
}

fn adabound(f: &mut Formula) -> Vec<Value> {
    let (m, v) = f.moments();
    let root = f.root(v);
    let divisor = f.plus(root, f.get("eps"));
    let rate = f.b.div(f.fed[0], divisor);
    let above = f.larger(rate, f.fed[1]);
    let bounded = f.smaller(f.fed[2], above);
    let step = f.b.mul(bounded, m);
    vec![f.b.sub(f.w, step), m, v]
}

fn adabelief(f: &mut Formula) -> Vec<Value> {
    let m = f.mixed(f.get("beta1"), f.slots[0], f.g);
    let surprise = f.b.sub(f.g, m);
    let square = f.square(surprise);
    let v = f.mixed(f.get("beta2"), f.slots[1], square);
    let inside = f.plus(v, f.get("eps"));
    vec![f.descend_by_root(m, inside), m, v]
}

/// As NNabla: a divisor below `eps` grows by it, and a parameter whose norm is below `eps` takes the plain rate.
fn lars(f: &mut Formula) -> Vec<Value> {
    let eps = f.get("eps");
    let (size, weight) = (f.norm(f.g), f.norm(f.w));
    let pull = f.scaled(f.weight_decay(), weight);
    let divisor = f.b.add(size, pull);
    let limit = f.b.scalar(eps);
    let small = f.b.binary(Op("less"), divisor, limit);
    let grown = f.plus(divisor, eps);
    let divisor = f.b.choose(small, grown, divisor);
    let numerator = f.scaled(f.get("coefficient"), weight);
    let trust = f.b.div(numerator, divisor);
    let (tiny, one) = (f.b.binary(Op("less"), weight, limit), f.b.scalar(1.0));
    let trust = f.b.choose(tiny, one, trust);
    let rate = f.b.mul(f.fed[0], trust);
    let g = pulled(f, f.g);
    let v = velocity(f, rate, g);
    vec![f.b.sub(f.w, v), v]
}

/// As NNabla: where `|r|` is not above `eps` the rate stays as it is.
fn lamb(f: &mut Formula) -> Vec<Value> {
    let (m, v) = f.moments();
    let root = f.root(v);
    let divisor = f.plus(root, f.get("eps"));
    let direction = f.b.div(m, divisor);
    let r = pulled(f, direction);
    let (size, weight) = (f.norm(r), f.norm(f.w));
    let (least, most) = (f.b.scalar(f.get("least")), f.b.scalar(f.get("most")));
    let weight = f.larger(weight, least);
    let weight = f.smaller(weight, most);
    let (limit, one) = (f.b.scalar(f.get("eps")), f.b.scalar(1.0));
    let large = f.b.binary(Op("greater"), size, limit);
    let safe = f.b.choose(large, size, one);
    let ratio = f.b.div(weight, safe);
    let trust = f.b.choose(large, ratio, one);
    let step = f.b.mul(trust, r);
    vec![f.descend(step), m, v]
}

fn lion(f: &mut Formula) -> Vec<Value> {
    let ahead = f.mixed(f.get("beta1"), f.slots[0], f.g);
    let sign = f.b.unary(Op("sign"), ahead);
    let direction = pulled(f, sign);
    let m = f.mixed(f.get("beta2"), f.slots[0], f.g);
    vec![f.descend(direction), m]
}
