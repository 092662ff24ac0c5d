//! W0601, W0603, W0605: outputs that need a label, are random in Runtime, or depend on other samples.

use super::labels::labels;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, ResultRole, op};

impl Checker<'_> {
    /// W0601, W0603, W0605.
    pub fn outputs(&mut self) {
        let results = self.graph.results.clone();
        let labels = labels(&self.graph);
        for output in results.iter().filter(|result| result.role == ResultRole::Output) {
            let Some(span) = output.place.span else { continue };
            let reached = runtime_reached(&self.graph, output.value);
            let inputs = self.graph.inputs.clone();
            for (position, input) in inputs.iter().enumerate() {
                if labels[position] && reached[input.value] {
                    let title = format!("output `{}` needs the label `{}`", output.name, input.name);
                    let mut diagnostic = Diagnostic::at(Code::W0601, span, title, "Runtime will ask for it");
                    if let Some(at) = self.graph.node(input.value).place.span {
                        diagnostic =
                            diagnostic.label(at, "a label: only losses and metrics compare it with what is computed");
                    }
                    self.report(diagnostic);
                }
            }
            let reached = self.graph.nodes.iter_enumerated().filter(|(id, _)| reached[*id]);
            for node in reached.map(|(_, node)| node.clone()).collect::<Vec<_>>() {
                let warning = match node.op {
                    op::ALL_SAMPLES | op::SAMPLE_INDEX => {
                        Some((Code::W0605, "depends on the other samples of the minibatch", "the batch is seen here"))
                    }
                    _ if node.per_sample && node.attrs.get("path").is_some() => {
                        Some((Code::W0603, "is random in Runtime", "drawn here"))
                    }
                    _ => None,
                };
                if let Some((code, what, label)) = warning {
                    let title = format!("output `{}` {what}", output.name);
                    let mut diagnostic = Diagnostic::at(code, span, title, "this output");
                    if let Some(place) = self.user_place(node.place) {
                        diagnostic = diagnostic.label(place, label);
                    }
                    self.report(diagnostic.help("keep it behind `if training`"));
                }
            }
        }
    }
}

/// What a value depends on in Runtime, where every choice takes its second arm.
fn runtime_reached(graph: &Graph, root: ir::Value) -> IndexVec<ir::Value, bool> {
    let mut reached: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    reached[root] = true;
    for id in graph.nodes.indices().rev().filter(|id| *id <= root) {
        if !reached[id] {
            continue;
        }
        let node = graph.node(id);
        let taken = if node.op == op::SELECT_TRAINING { &node.inputs[1..] } else { &node.inputs[..] };
        for input in taken {
            reached[*input] = true;
        }
    }
    reached
}
