//! What an optimizer's formula is built with: the parameter, its gradient, its slots, the fed scalars, and shorthands over primitives.

use super::{DECAY, Optimizer};
use crate::ir::{Op, Value};
use crate::ops::Builder;

/// One parameter's update in the making.
pub struct Formula<'b, 'g> {
    /// Where to build.
    pub b: &'b mut Builder<'g>,
    /// The optimizer.
    pub optimizer: &'b Optimizer,
    /// The parameter.
    pub w: Value,
    /// Its gradient.
    pub g: Value,
    /// The slots, in the rule's order.
    pub slots: &'b [Value],
    /// The fed scalars, in the rule's order, times the parameter's own factor.
    pub fed: &'b [Value],
    /// The parameter's factor on weight decay.
    pub decay: f64,
}

impl Formula<'_, '_> {
    /// A hyperparameter.
    pub fn get(&self, name: &str) -> f64 {
        self.optimizer.get(name)
    }

    /// The weight decay of this parameter.
    pub fn weight_decay(&self) -> f64 {
        self.get(DECAY) * self.decay
    }

    /// `factor * x`.
    pub fn scaled(&mut self, factor: f64, x: Value) -> Value {
        let factor = self.b.scalar(factor);
        self.b.mul(factor, x)
    }

    /// `decay * old + (1 - decay) * new`.
    pub fn mixed(&mut self, decay: f64, old: Value, new: Value) -> Value {
        let kept = self.scaled(decay, old);
        let fresh = self.scaled(1.0 - decay, new);
        self.b.add(kept, fresh)
    }

    /// `x + number`.
    pub fn plus(&mut self, x: Value, number: f64) -> Value {
        let number = self.b.scalar(number);
        self.b.add(x, number)
    }

    /// `x * x`.
    pub fn square(&mut self, x: Value) -> Value {
        self.b.mul(x, x)
    }

    /// The square root.
    pub fn root(&mut self, x: Value) -> Value {
        self.b.unary(Op("sqrt"), x)
    }

    /// The larger of two.
    pub fn larger(&mut self, x: Value, y: Value) -> Value {
        self.b.binary(Op("maximum"), x, y)
    }

    /// The smaller of two.
    pub fn smaller(&mut self, x: Value, y: Value) -> Value {
        self.b.binary(Op("minimum"), x, y)
    }

    /// The Euclidean norm of all elements.
    pub fn norm(&mut self, x: Value) -> Value {
        let square = self.square(x);
        let axes: Vec<i64> = (0..self.b.shape(square).rank() as i64).collect();
        let sum = if axes.is_empty() { square } else { self.b.sum(square, &axes, false) };
        self.root(sum)
    }

    /// `w - rate * direction`, where the rate is the first fed scalar.
    pub fn descend(&mut self, direction: Value) -> Value {
        let step = self.b.mul(self.fed[0], direction);
        self.b.sub(self.w, step)
    }

    /// `rate * m / (sqrt(v) + eps)` taken from the parameter.
    pub fn descend_by_root(&mut self, m: Value, v: Value) -> Value {
        let root = self.root(v);
        let divisor = self.plus(root, self.get("eps"));
        let direction = self.b.div(m, divisor);
        self.descend(direction)
    }

    /// Adam's two moments: the running means of the gradient and of its square.
    pub fn moments(&mut self) -> (Value, Value) {
        let (beta1, beta2) = (self.get("beta1"), self.get("beta2"));
        let square = self.square(self.g);
        (self.mixed(beta1, self.slots[0], self.g), self.mixed(beta2, self.slots[1], square))
    }
}
