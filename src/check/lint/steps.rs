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
    /// Judges what every loss depends on; what stands at `named` was told already.
    pub fn steps(&mut self, named: &BTreeSet<Span>) {
        let parameters: Vec<ir::Value> = trained(&self.graph).into_iter().map(|(_, node)| node).collect();
        let leads = reach::leading(&self.graph, &parameters);
        let (names, values): (Vec<_>, Vec<_>) = losses(&self.graph).map(|loss| (loss.name.clone(), loss.value)).unzip();
        for (loss, step) in steps_before(&self.graph, &values, &leads) {
            let node = self.graph.node(step).clone();
            let Some(span) = self.user_place(node.place).filter(|span| !named.contains(span)) else { continue };
            let title = format!("`{}` stands on the gradient's path from loss `{}`", node.op, names[loss]);
            let diagnostic = Diagnostic::at(Code::W0504, span, title, "moves in steps: no gradient passes")
                .help("a smooth function in its place trains: `sigmoid(10 * x)` for a step, `softmax` for `argmax`")
                .help("`stop_gradient(...)` around it says that it is meant");
            self.report(diagnostic);
        }
    }
}

/// The steps that read what `leads` to a parameter and give numbers to which gradient of a loss gets, each behind the first such loss.
fn steps_before(
    graph: &Graph,
    losses: &[ir::Value],
    leads: &IndexVec<ir::Value, bool>,
) -> BTreeSet<(usize, ir::Value)> {
    let receives = reach::first_receiving(graph, losses);
    let behind = discrete_steps(graph, leads);
    let mut found = BTreeSet::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        let Some(loss) = receives[value] else { continue };
        let from_trained = node.inputs.iter().any(|input| leads[*input]);
        match node.op {
            SIGN | FLOOR | CEIL | ROUND if from_trained => {
                found.insert((loss, value));
            }
            CAST | ONE_HOT if node.ty.dtype.is_float() => {
                found.extend(behind[node.inputs[0]].map(|step| (loss, step)));
            }
            _ => {}
        }
    }
    found
}

/// For each value that is no real number, the last operation behind it that read one on the gradient's path.
fn discrete_steps(graph: &Graph, leads: &IndexVec<ir::Value, bool>) -> IndexVec<ir::Value, Option<ir::Value>> {
    let mut behind: IndexVec<ir::Value, Option<ir::Value>> = IndexVec::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        let operands = if node.op == op::SELECT_TRAINING { &node.inputs[..1] } else { &node.inputs };
        let step = if node.ty.dtype.is_float() {
            None
        } else if node.inputs.iter().any(|input| leads[*input]) {
            Some(value)
        } else {
            operands.iter().rev().find_map(|operand| behind[*operand])
        };
        behind.push(step);
    }
    behind
}
