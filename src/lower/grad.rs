//! `grad(y, x)` in a minibatch: what the reverse mode gives for the sum of `y` over the samples.
//!
//! Nothing on the way from `x` to `y` mixes samples, the checker saw to that, so the gradient of the sum by a per-sample `x` holds for
//! each sample the derivative of its own `y`. An `x` that is one for all samples (a parameter) is first repeated for each of them, and
//! the way from it to `y` computed once more with a copy a sample. The result is made of ordinary nodes, which have gradients themselves.

use super::{Lowering, Unbatchable};
use crate::autodiff::gradients;
use crate::base::IndexVec;
use crate::ir::{Node, Place, Value};
use crate::ops::{Builder, batch};

impl Lowering<'_> {
    /// The derivative of the node's first operand by its second.
    pub fn grad(&mut self, node: &Node) -> Result<Value, Unbatchable> {
        let (y, x) = (node.inputs[0], node.inputs[1]);
        if !self.batched[y] || self.batched[x] {
            return Ok(self.derivative(self.map[y], self.map[x], self.batched[y], node.place));
        }
        let before = (self.map.clone(), self.batched.clone());
        let copies = batch::repeat(&mut Builder::new(&mut self.out, node.place), self.map[x]);
        (self.map[x], self.batched[x]) = (copies, true);
        for id in self.between(x, y) {
            self.map[id] = self.node(id)?;
            self.batched[id] = true;
        }
        let derivative = self.derivative(self.map[y], copies, true, node.place);
        (self.map, self.batched) = before;
        Ok(derivative)
    }

    /// What depends on `x` and `y` depends on, in order.
    fn between(&self, x: Value, y: Value) -> Vec<Value> {
        let reached = self.network.reached_from([y]);
        let mut depends: IndexVec<Value, bool> = self.network.nodes.iter().map(|_| false).collect();
        depends[x] = true;
        let mut between = Vec::new();
        for (id, node) in self.network.nodes.iter_enumerated() {
            if id > x && id <= y && reached[id] && node.inputs.iter().any(|input| depends[*input]) {
                depends[id] = true;
                between.push(id);
            }
        }
        between
    }

    fn derivative(&mut self, y: Value, x: Value, batched: bool, place: Place) -> Value {
        let mut b = Builder::new(&mut self.out, place);
        let total = if batched { b.sum(y, &[0], false) } else { y };
        let found = gradients(&mut self.out, total, &[x])[0];
        found.unwrap_or_else(|| {
            let mut b = Builder::new(&mut self.out, place);
            let (zero, shape) = (b.scalar(0.0), b.shape(x));
            b.broadcast(zero, shape)
        })
    }
}
