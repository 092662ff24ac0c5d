//! Where a program's losses read logits: the calls that apply `softmax` or `sigmoid` themselves, and what they were given.

use super::losses;
use crate::check::checker::user_place;
use crate::ir::{self, Graph, op};
use crate::ops::elementwise::SIGMOID;
use crate::ops::elementwise_binary::{MAXIMUM, MUL};
use crate::ops::graph::STOP_GRADIENT;
use crate::ops::parts::SLICE;
use crate::ops::reduce::MAX;
use crate::ops::shape::{BROADCAST, FLIP, RESHAPE, TRANSPOSE};
use crate::source::{SourceMap, Span};

/// A call that takes logits.
pub struct Fused {
    /// The function that the program calls.
    pub name: String,
    /// What it applies to its first argument.
    pub applies: &'static str,
    /// That argument.
    pub logits: ir::Value,
    /// The program's call.
    pub call: Span,
}

/// The calls that a loss depends on, in order. They are known by one operation on the logits in each of the library's definitions.
pub fn fused(graph: &Graph, sources: &SourceMap) -> Vec<Fused> {
    let reached = graph.reached_from(losses(graph).map(|loss| loss.value));
    let nodes = graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]);
    let call = |node: &ir::Node| {
        let applies = match (library_callee(graph, sources, node)?, node.op) {
            ("log_softmax", MAX) => "softmax",
            ("sigmoid_cross_entropy", MAXIMUM) => "sigmoid",
            _ => return None,
        };
        let (call, name) = (user_place(sources, graph, node.place)?, called(graph, sources, node)?);
        Some(Fused { name, applies, logits: node.inputs[0], call })
    };
    nodes.filter_map(|(_, node)| call(node)).collect()
}

/// The library's function whose own text a node comes from.
pub fn library_callee<'g>(graph: &'g Graph, sources: &SourceMap, node: &ir::Node) -> Option<&'g str> {
    let in_library = node.place.span.is_some_and(|span| sources.is_library(span));
    node.place.frame.filter(|_| in_library).map(|frame| graph.frames[frame].callee.as_str())
}

/// The function that the program called to get to a node of the library.
pub fn called(graph: &Graph, sources: &SourceMap, node: &ir::Node) -> Option<String> {
    let mut frame = node.place.frame?;
    while sources.is_library(graph.frames[frame].call) {
        frame = graph.frames[frame].parent?;
    }
    Some(graph.frames[frame].callee.clone())
}

/// The function that gave a value, when it gives probabilities.
pub fn gives_probabilities(graph: &Graph, sources: &SourceMap, value: ir::Value) -> Option<&'static str> {
    let node = graph.node(value);
    match (library_callee(graph, sources, node), node.op) {
        (Some("softmax"), MUL) => Some("softmax"),
        (None, SIGMOID) => Some("sigmoid"),
        _ => None,
    }
}

/// The value whose entries these are, in another order or form.
pub fn source_of(graph: &Graph, mut value: ir::Value) -> ir::Value {
    const KEEP: [ir::Op; 9] =
        [op::CLAIM, op::STAND_IN, RESHAPE, TRANSPOSE, BROADCAST, SLICE, FLIP, STOP_GRADIENT, op::SELECT_TRAINING];
    while KEEP.contains(&graph.node(value).op) {
        value = graph.node(value).inputs[0];
    }
    value
}
