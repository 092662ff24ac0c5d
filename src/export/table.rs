//! What a format says of each primitive, and the walk over a network that follows it.

use std::collections::BTreeSet;

use super::Unwritable;
use crate::base::free_name;
use crate::ir::{Graph, Op, Value};
use crate::ops::image::{convolution, pooling};
use crate::ops::random;

/// How a primitive is written, or why it is not.
#[derive(Clone, Copy)]
pub enum Rule<Write> {
    /// By a function of the format's own.
    Write(Write),
    /// As an operation of the same meaning, operand by operand.
    Call(&'static str),
    /// Not at all, and why.
    Refuse(&'static str),
}

/// A format's rules. Primitives without one are formulas, belong to networks that are not yet batched, or are refused by every format.
pub struct Table<Write: 'static>(pub &'static [(Op, Rule<Write>)]);

/// What no format has.
const REFUSED: &[(Op, &str)] = &[
    (convolution::CONVOLUTION_WEIGHT_GRADIENT, DERIVATIVE),
    (pooling::MAX_POOLING_GRADIENT, DERIVATIVE),
    (pooling::MAX_POOLING_PICK, DERIVATIVE),
    (pooling::SUM_POOLING_GRADIENT, DERIVATIVE),
    (random::RAND, DRAWN),
    (random::RANDN, DRAWN),
    (random::ORTHOGONAL, DRAWN),
];

const DERIVATIVE: &str = "is part of a derivative, which the format has no operation for";

const DRAWN: &str = "draws random numbers, which no two engines draw alike";

impl<Write: Copy> Table<Write> {
    /// Whether the table speaks of an operation.
    pub fn has(&self, op: Op) -> bool {
        self.0.iter().any(|(own, _)| *own == op)
    }

    /// How an operation is written.
    pub fn rule(&self, op: Op) -> Rule<Write> {
        let own = self.0.iter().find(|(own, _)| *own == op).map(|(_, rule)| *rule);
        let refused = || REFUSED.iter().find(|(own, _)| *own == op).map(|(_, reason)| Rule::Refuse(reason));
        own.or_else(refused).unwrap_or(Rule::Refuse("has no counterpart there"))
    }
}

/// Writes every value of a graph in order.
///
/// # Errors
/// All values that cannot be written.
pub fn in_order(graph: &Graph, mut write: impl FnMut(Value) -> Result<(), String>) -> Result<(), Vec<Unwritable>> {
    let mut faults = Vec::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        if let Err(reason) = write(value) {
            faults.push(Unwritable { op: node.op, place: node.place, reason });
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// The names that a file has given.
pub struct Names(BTreeSet<String>);

impl Names {
    /// With the names of a graph's inputs taken.
    pub fn of_inputs(graph: &Graph) -> Names {
        Names(graph.inputs.iter().map(|input| input.name.clone()).collect())
    }

    /// Takes a name; whether it was free.
    pub fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned())
    }

    /// A name that nothing has yet, like `name`.
    pub fn fresh(&mut self, name: &str) -> String {
        let unique = free_name(name, |name| !self.0.contains(name));
        self.take(&unique);
        unique
    }
}
