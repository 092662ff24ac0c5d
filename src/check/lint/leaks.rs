//! W0601 once more: an output that is computed from the very class or number that a loss compares it with. Such an input meets
//! parameters, so it is no label by itself; but what is predicted from it is its own echo.

use std::collections::{BTreeMap, BTreeSet};

use super::fused::library_callee;
use super::labels::dependents;
use super::losses;
use super::outputs::runtime_dependents;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, Node, ResultRole, op};
use crate::ops::compare::CAST;
use crate::ops::contract::CONTRACT;
use crate::ops::elementwise_binary::{MUL, SUB};
use crate::ops::graph::STOP_GRADIENT;
use crate::ops::image::convolution::{CONVOLUTION, CONVOLUTION_DATA_GRADIENT};
use crate::ops::index::{GATHER, ONE_HOT};
use crate::ops::shape::{BROADCAST, RESHAPE};
use crate::source::{SourceMap, Span};

impl Checker<'_> {
    /// Judges the outputs. Silent about sequences and larger inputs, of which a part may predict another, and about drawn ones.
    pub fn leaked_targets(&mut self) {
        for (target, compared) in compared(&self.graph, self.sources) {
            let is_target = |node: &Node| node.op == op::INPUT && input_of(node) == target;
            let (fed, weights) = (dependents(&self.graph, is_target), computed(&self.graph));
            let depends = self.graph.nodes.indices().map(|value| fed[value] && weights[value]).collect();
            let trace = |values: &[ir::Value]| traced(&self.graph, self.sources, values, &depends);
            let predictions = trace(&compared);
            let in_runtime = runtime_dependents(&self.graph, is_target);
            let results = self.graph.results.iter();
            let outputs = results.filter(|result| result.role == ResultRole::Output && in_runtime[result.value]);
            let echoes = outputs.filter(|output| !trace(&[output.value]).is_disjoint(&predictions));
            let echoes: Vec<_> = echoes.map(|output| (output.name.clone(), output.place.span)).collect();
            let entry = self.entry_of_target(self.graph.inputs[target].value, predictions);
            for (output, span) in echoes {
                self.echo(&output, span, target, entry);
            }
        }
    }

    /// Where `predictions` first read `input`.
    fn entry_of_target(&self, input: ir::Value, predictions: BTreeSet<ir::Value>) -> Option<Span> {
        let reached = self.graph.reached_from(predictions);
        let mut readers = self.graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]);
        let (_, reader) = readers.find(|(_, node)| node.inputs.contains(&input))?;
        self.user_place(reader.place)
    }

    fn echo(&mut self, output: &str, span: Option<Span>, target: usize, entry: Option<Span>) {
        let Some(span) = span else { return };
        let input = &self.graph.inputs[target];
        let title = format!("output `{output}` is computed from the label `{}`", input.name);
        let mut diagnostic = Diagnostic::at(Code::W0601, span, title, "Runtime will ask for it");
        if let Some(at) = self.graph.node(input.value).place.span {
            diagnostic = diagnostic.label(at, "a label: a loss compares the prediction with it");
        }
        if let Some(at) = entry {
            diagnostic = diagnostic.label(at, "the prediction reads it here");
        }
        self.report(diagnostic.help("predict from what is known in use; let losses and metrics alone read the label"));
    }
}

/// The inputs of one class or number a sample that losses compare with what is computed from them, each with that.
fn compared(graph: &Graph, sources: &SourceMap) -> BTreeMap<usize, Vec<ir::Value>> {
    let reached = graph.reached_from(losses(graph).map(|loss| loss.value));
    let fed = dependents(graph, |node| node.op == op::INPUT);
    let weights = computed(graph);
    let mut found: BTreeMap<usize, Vec<ir::Value>> = BTreeMap::new();
    for (_, node) in graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]) {
        let in_loss = || library_callee(graph, sources, node).is_some_and(|name| LOSSES.contains(&name));
        let compares = node.op == SUB || node.op == MUL && in_loss();
        let &[a, b] = node.inputs.as_slice() else { continue };
        for (target, prediction) in [(a, b), (b, a)].into_iter().filter(|_| compares) {
            let Some(input) = bare_input(graph, target) else { continue };
            if fed[prediction] && weights[prediction] {
                found.entry(input).or_default().push(prediction);
            }
        }
    }
    found
}

/// The library's functions that multiply what is predicted with its target.
const LOSSES: [&str; 5] =
    ["negative_at", "sigmoid_cross_entropy", "binary_cross_entropy", "hinge_loss", "poisson_loss"];

/// The input that a value is, when it is one class or number a sample that data feeds, as it is or converted.
fn bare_input(graph: &Graph, mut value: ir::Value) -> Option<usize> {
    const KEEP: [ir::Op; 5] = [ONE_HOT, CAST, RESHAPE, BROADCAST, STOP_GRADIENT];
    while KEEP.contains(&graph.node(value).op) {
        value = graph.node(value).inputs[0];
    }
    let node = graph.node(value);
    let position = (node.op == op::INPUT && node.ty.shape.rank() == 0).then(|| input_of(node))?;
    let input = &graph.inputs[position];
    (input.drawn.is_none() && !input.is_scalar()).then_some(position)
}

fn input_of(node: &Node) -> usize {
    node.attrs.get_int("index") as usize
}

fn computed(graph: &Graph) -> IndexVec<ir::Value, bool> {
    dependents(graph, |node| node.op == op::VARIABLE)
}

/// What `values` were made of by functions without parameters of their own, as far back as they `depend` on one value alone (within a
/// function of the library, on several): the scores behind a softmax, say.
fn traced(
    graph: &Graph,
    sources: &SourceMap,
    values: &[ir::Value],
    depend: &IndexVec<ir::Value, bool>,
) -> BTreeSet<ir::Value> {
    const ENDS: [ir::Op; 5] = [CONTRACT, CONVOLUTION, CONVOLUTION_DATA_GRADIENT, GATHER, op::INPUT];
    let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), values.to_vec());
    while let Some(value) = open.pop() {
        if !depend[value] || !seen.insert(value) {
            continue;
        }
        let node = graph.node(value);
        let behind: BTreeSet<ir::Value> = node.inputs.iter().copied().filter(|input| depend[*input]).collect();
        let passes = behind.len() == 1 || library_callee(graph, sources, node).is_some();
        match passes && !ENDS.contains(&node.op) {
            true => open.extend(behind),
            false => drop(found.insert(value)),
        }
    }
    found
}
