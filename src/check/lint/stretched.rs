//! W0510: a label stretched against a larger prediction, so that every entry is compared with the same number.

use super::fused::library_callee;
use super::gradients::trained;
use super::labels::{dependents, labels};
use super::losses;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, op};
use crate::ops::elementwise_binary::{MUL, SUB};
use crate::ops::reach;

impl Checker<'_> {
    /// Judges the differences between labels and predictions, and the library's losses that multiply them.
    pub fn stretched_labels(&mut self) {
        let graph = &self.graph;
        let labels = labels(graph);
        let label = dependents(graph, |node| node.op == op::INPUT && labels[node.attrs.get_int("index") as usize]);
        let computed = dependents(graph, |node| node.op == op::VARIABLE);
        let parameters: Vec<ir::Value> = trained(graph).into_iter().map(|(_, node)| node).collect();
        let leads = reach::leading(graph, &parameters);
        let reached = graph.reached_from(losses(graph).map(|loss| loss.value));
        let mut found = Vec::new();
        for (_, node) in graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]) {
            let compares = node.op == SUB
                || node.op == MUL
                    && library_callee(graph, self.sources, node).is_some_and(|name| name.contains("entropy"));
            let &[a, b] = node.inputs.as_slice() else { continue };
            for (small, large) in [(a, b), (b, a)].into_iter().filter(|_| compares) {
                let is_label = label[small] && !computed[small];
                let shapes = (&graph.ty(small).shape, &graph.ty(large).shape);
                if is_label && leads[large] && shapes.0.size() != shapes.1.size() {
                    found.push((node.place, small, large));
                }
            }
        }
        let first = first_inputs(graph);
        for (place, small, large) in found {
            let Some(span) = self.user_place(place) else { continue };
            let (label, prediction) = (self.graph.ty(small).to_string(), self.graph.ty(large).to_string());
            let title = format!("a label of {label} is stretched against a prediction of {prediction}");
            let mut diagnostic =
                Diagnostic::at(Code::W0510, span, title, "every entry is compared with the same number");
            let input = first[small].map(|position| &self.graph.inputs[position]);
            if let Some(input) = input
                && let Some(at) = self.graph.node(input.value).place.span
            {
                diagnostic = diagnostic.label(at, format!("`{}` is {}", input.name, self.graph.ty(input.value)));
            }
            self.report(diagnostic.help(format!(
                "predict one number (`Affine([])`), or say that it is meant: `broadcast(label, {})`",
                self.graph.ty(large).shape
            )));
        }
    }
}

/// The first input, by its position, that each value depends on.
fn first_inputs(graph: &Graph) -> IndexVec<ir::Value, Option<usize>> {
    let mut first: IndexVec<ir::Value, Option<usize>> = IndexVec::new();
    for node in graph.nodes.iter() {
        let own = (node.op == op::INPUT).then(|| node.attrs.get_int("index") as usize);
        let behind = node.inputs.iter().filter_map(|input| first[*input]);
        first.push(own.into_iter().chain(behind).min());
    }
    first
}
