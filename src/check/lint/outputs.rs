//! W0601, W0603, W0605: outputs that need a label, are random in Runtime, or depend on other samples.

use super::labels::labels;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, Node, ResultRole, op};
use crate::source::Span;

impl Checker<'_> {
    /// W0601, W0603, W0605.
    pub fn outputs(&mut self) {
        let labels = labels(&self.graph);
        let is_label = |node: &Node| node.op == op::INPUT && labels[node.attrs.get_int("index") as usize];
        let concerned = runtime_dependents(&self.graph, |node| is_label(node) || fault(node).is_some());
        let results = self.graph.results.clone();
        for output in results.iter().filter(|result| result.role == ResultRole::Output && concerned[result.value]) {
            let Some(span) = output.place.span else { continue };
            let reached = runtime_reached(&self.graph, output.value);
            for value in reached {
                let node = self.graph.node(value).clone();
                if is_label(&node) {
                    self.needs_label(&output.name, span, &node);
                } else if let Some((code, what, label)) = fault(&node) {
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

    fn needs_label(&mut self, output: &str, span: Span, label: &Node) {
        let input = &self.graph.inputs[label.attrs.get_int("index") as usize].name;
        let title = format!("output `{output}` needs the label `{input}`");
        let mut diagnostic = Diagnostic::at(Code::W0601, span, title, "Runtime will ask for it");
        if let Some(at) = label.place.span {
            diagnostic = diagnostic.label(at, "a label: only losses and metrics compare it with what is computed");
        }
        self.report(diagnostic);
    }
}

/// What is amiss when an output depends on a node, and the label for the node's place.
fn fault(node: &Node) -> Option<(Code, &'static str, &'static str)> {
    match node.op {
        op::ALL_SAMPLES | op::SAMPLE_INDEX => {
            Some((Code::W0605, "depends on the other samples of the minibatch", "the batch is seen here"))
        }
        _ if node.per_sample && node.attrs.get("path").is_some() => {
            Some((Code::W0603, "is random in Runtime", "drawn here"))
        }
        _ => None,
    }
}

/// The operands that a value depends on in Runtime, where every choice takes its second arm.
fn taken(node: &Node) -> &[ir::Value] {
    if node.op == op::SELECT_TRAINING { &node.inputs[1..] } else { &node.inputs }
}

/// The values that depend, in Runtime, on a node of which `is_source` holds.
pub fn runtime_dependents(graph: &Graph, is_source: impl Fn(&Node) -> bool) -> IndexVec<ir::Value, bool> {
    let mut depends: IndexVec<ir::Value, bool> = IndexVec::new();
    for node in graph.nodes.iter() {
        let own = is_source(node) || taken(node).iter().any(|input| depends[*input]);
        depends.push(own);
    }
    depends
}

/// What a value depends on in Runtime, itself included, in evaluation order.
fn runtime_reached(graph: &Graph, root: ir::Value) -> Vec<ir::Value> {
    let mut reached: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    reached[root] = true;
    let mut found = Vec::new();
    for value in graph.nodes.indices().rev().filter(|value| *value <= root) {
        if reached[value] {
            found.push(value);
            taken(graph.node(value)).iter().for_each(|input| reached[*input] = true);
        }
    }
    found.reverse();
    found
}
