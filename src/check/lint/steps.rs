//! W0504: an operation that moves in steps stands between a loss and what it should train.

use std::collections::BTreeSet;

use super::gradients::trained;
use super::losses;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, op};
use crate::ops::compare::CAST;
use crate::ops::elementwise::{CEIL, FLOOR, ROUND, SIGN};
use crate::ops::index::ONE_HOT;
use crate::ops::reach;
use crate::source::Span;

impl Checker<'_> {
    /// Judges every loss; what stands at `named` was told already.
    pub fn steps(&mut self, named: &BTreeSet<Span>) {
        let parameters: Vec<ir::Value> = trained(&self.graph).into_iter().map(|(_, node)| node).collect();
        let leads = reach::leading(&self.graph, &parameters);
        let losses: Vec<_> = losses(&self.graph).map(|loss| (loss.name.clone(), loss.value)).collect();
        for (name, value) in losses {
            for step in steps_before(&self.graph, value, &leads) {
                let node = self.graph.node(step).clone();
                let Some(span) = self.user_place(node.place).filter(|span| !named.contains(span)) else { continue };
                let title = format!("`{}` stands on the gradient's path from loss `{name}`", node.op);
                let diagnostic = Diagnostic::at(Code::W0504, span, title, "moves in steps: no gradient passes")
                    .help("a smooth function in its place trains: `sigmoid(10 * x)` for a step, `softmax` for `argmax`")
                    .help("`stop_gradient(...)` around it says that it is meant");
                self.report(diagnostic);
            }
        }
    }
}

/// The steps that read what `leads` to a parameter and give numbers to which gradient of `loss` gets.
fn steps_before(graph: &Graph, loss: ir::Value, leads: &IndexVec<ir::Value, bool>) -> BTreeSet<ir::Value> {
    let receives = reach::receiving(graph, loss);
    let mut found = BTreeSet::new();
    for (value, node) in graph.nodes.iter_enumerated().filter(|(value, _)| receives[*value]) {
        let from_trained = node.inputs.iter().any(|input| leads[*input]);
        match node.op {
            SIGN | FLOOR | CEIL | ROUND if from_trained => {
                found.insert(value);
            }
            CAST | ONE_HOT if node.ty.dtype.is_float() && !graph.ty(node.inputs[0]).dtype.is_float() => {
                found.extend(discrete_step(graph, node.inputs[0], leads));
            }
            _ => {}
        }
    }
    found
}

/// The last operation behind a value that is no real number that read one on the gradient's path.
fn discrete_step(graph: &Graph, value: ir::Value, leads: &IndexVec<ir::Value, bool>) -> Option<ir::Value> {
    let mut open = vec![value];
    let mut seen = BTreeSet::new();
    while let Some(value) = open.pop() {
        let node = graph.node(value);
        if node.ty.dtype.is_float() || !seen.insert(value) {
            continue;
        }
        if node.inputs.iter().any(|input| leads[*input]) {
            return Some(value);
        }
        let operands = if node.op == op::SELECT_TRAINING { &node.inputs[..1] } else { &node.inputs };
        open.extend(operands);
    }
    None
}
