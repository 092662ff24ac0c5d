//! Optimizers as formulas: each builds its update of one parameter out of elementwise primitives, so every engine runs it and the
//! planned one fuses it.
//!
//! Definitions are NNabla's (`src/nbla/solver/`). What changes from step to step, the learning rate and its bias correction, is fed
//! as one scalar; everything else is constant.

use crate::check::Optimizer;
use crate::ir::{Op, Value};
use crate::ops::Builder;

/// The scalar that a step is fed: the learning rate with whatever correction its number asks for.
#[derive(Clone, Copy, Debug)]
pub struct Rates(Optimizer);

impl Rates {
    /// The rates of an optimizer.
    pub fn new(optimizer: Optimizer) -> Rates {
        Rates(optimizer)
    }

    /// The scalar for step `step`, counted from 1. Adam's is `lr * sqrt(1 - beta2^t) / (1 - beta1^t)`.
    pub fn at(self, step: u64) -> f32 {
        let t = step as f64;
        (match self.0 {
            Optimizer::Sgd { lr } | Optimizer::Momentum { lr, .. } | Optimizer::Nesterov { lr, .. } => lr,
            Optimizer::Adam { lr, beta1, beta2, .. } => lr * (1.0 - beta2.powf(t)).sqrt() / (1.0 - beta1.powf(t)),
        }) as f32
    }
}

/// The names of the tensors that an optimizer remembers for each parameter, all zero at first.
pub fn slots(optimizer: &Optimizer) -> &'static [&'static str] {
    match optimizer {
        Optimizer::Sgd { .. } => &[],
        Optimizer::Momentum { .. } | Optimizer::Nesterov { .. } => &["v"],
        Optimizer::Adam { .. } => &["m", "v"],
    }
}

/// Builds one parameter's update: its new value, then the new value of each slot. `rate` is the fed scalar times the parameter's factor.
pub fn update(
    b: &mut Builder,
    optimizer: &Optimizer,
    w: Value,
    grad: Value,
    rate: Value,
    slots: &[Value],
) -> Vec<Value> {
    match optimizer {
        Optimizer::Sgd { .. } => {
            let move_by = b.mul(rate, grad);
            vec![b.sub(w, move_by)]
        }
        // v = momentum * v + lr * g; w = w - v
        Optimizer::Momentum { momentum, .. } => {
            let kept = scaled(b, slots[0], *momentum);
            let push = b.mul(rate, grad);
            let v = b.add(kept, push);
            vec![b.sub(w, v), v]
        }
        // v' = momentum * v - lr * g; w = w - momentum * v + (1 + momentum) * v'
        Optimizer::Nesterov { momentum, .. } => {
            let kept = scaled(b, slots[0], *momentum);
            let push = b.mul(rate, grad);
            let v = b.sub(kept, push);
            let back = b.sub(w, kept);
            let ahead = scaled(b, v, 1.0 + momentum);
            vec![b.add(back, ahead), v]
        }
        // m = beta1 * m + (1 - beta1) * g; v = beta2 * v + (1 - beta2) * g^2; w = w - rate * m / (sqrt(v) + eps)
        Optimizer::Adam { beta1, beta2, eps, .. } => {
            let square = b.mul(grad, grad);
            let m = mixed(b, slots[0], grad, *beta1);
            let v = mixed(b, slots[1], square, *beta2);
            let root = b.unary(Op("sqrt"), v);
            let eps = b.scalar(*eps);
            let divisor = b.add(root, eps);
            let direction = b.div(m, divisor);
            let move_by = b.mul(rate, direction);
            vec![b.sub(w, move_by), m, v]
        }
    }
}

fn scaled(b: &mut Builder, x: Value, factor: f64) -> Value {
    let factor = b.scalar(factor);
    b.mul(factor, x)
}

/// `decay * old + (1 - decay) * new`.
fn mixed(b: &mut Builder, old: Value, new: Value, decay: f64) -> Value {
    let kept = scaled(b, old, decay);
    let fresh = scaled(b, new, 1.0 - decay);
    b.add(kept, fresh)
}
