//! W0512: a logit, or another number that is no probability, where a loss takes probabilities.

use std::collections::BTreeSet;

use super::carried::ranges;
use super::fused::{called, library_callee, source_of};
use super::range::Range;
use crate::base::IndexVec;
use crate::check::checker::{Checker, user_place};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::group::is_trained;
use crate::ir::{self, Graph, Node, VarId, op};
use crate::ops::compare::{GREATER_EQUAL, WHERE};
use crate::ops::elementwise::{LOG, RECIPROCAL, RSQRT, TANH};
use crate::ops::elementwise_binary::{DIV, MAXIMUM, MUL};
use crate::source::{SourceMap, Span};

/// A library's function that takes probabilities.
struct Taker {
    name: &'static str,
    /// What makes probabilities of the logits that it is not to be given.
    makes: &'static str,
    /// The function that takes the logits instead.
    fused: Option<&'static str>,
}

const TAKERS: [Taker; 5] = [
    Taker { name: "binary_cross_entropy", makes: "sigmoid", fused: Some("sigmoid_cross_entropy") },
    Taker { name: "categorical_cross_entropy", makes: "softmax", fused: Some("softmax_cross_entropy") },
    Taker { name: "kl_multinomial", makes: "softmax", fused: None },
    Taker { name: "dice_loss", makes: "sigmoid", fused: None },
    Taker { name: "binary_error", makes: "sigmoid", fused: None },
];

impl Checker<'_> {
    /// Judges what the losses and metrics that take probabilities are given. Silent about inputs and states, which may hold some.
    pub fn logits_as_probabilities(&mut self) {
        let reached = self.graph.reached_from(self.graph.results.iter().map(|result| result.value));
        let nodes = self.graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]);
        let taking = nodes.filter_map(|(_, node)| Some((taker(&self.graph, self.sources, node)?, node)));
        let taking: Vec<((&Taker, Span), &Node)> = taking.collect();
        if taking.is_empty() {
            return;
        }
        let free = free(&self.graph);
        let mut told: BTreeSet<Span> = BTreeSet::new();
        let mut found = Vec::new();
        for ((taker, call), node) in taking {
            for given in &node.inputs {
                let source = source_of(&self.graph, *given);
                let Some(misfit) = misfit(&self.graph, self.sources, source, free[*given]) else { continue };
                if told.insert(call) {
                    found.push((taker, call, source, misfit));
                }
            }
        }
        for (taker, call, source, misfit) in found {
            let what = match misfit {
                Misfit::Logits => "logits".to_owned(),
                Misfit::Logarithms => "logarithms".to_owned(),
                Misfit::Activation(name) => format!("what `{name}` gives"),
            };
            let title = format!("`{}` takes probabilities, not {what}", taker.name);
            let mut diagnostic = Diagnostic::at(Code::W0512, call, title, "this may be given what is not in 0..1");
            if let Some(at) = self.user_place(self.graph.node(source).place).filter(|at| *at != call) {
                diagnostic = diagnostic.label(at, "made here");
            }
            if let Some(fused) = taker.fused {
                diagnostic = diagnostic.help(format!("give the logits to `{fused}`, which applies `{}`", taker.makes));
            }
            self.report(diagnostic.help(match misfit {
                Misfit::Logits => format!("`{}(logits)` makes probabilities of them", taker.makes),
                Misfit::Logarithms => "`exp(...)` makes probabilities of their logarithms".to_owned(),
                Misfit::Activation(name) => format!("`{}` in the place of `{name}` gives probabilities", taker.makes),
            }));
        }
    }
}

/// What is given where a probability is taken.
#[derive(Clone, Copy)]
enum Misfit {
    /// What training may move anywhere.
    Logits,
    /// Logarithms, of probabilities perhaps.
    Logarithms,
    /// What this function gives.
    Activation(&'static str),
}

/// The function that reads its probabilities by `node`, and the program's call of it.
fn taker(graph: &Graph, sources: &SourceMap, node: &Node) -> Option<(&'static Taker, Span)> {
    let reads = match (library_callee(graph, sources, node)?, node.op) {
        ("above_zero", MAXIMUM) | ("binary_error", GREATER_EQUAL) => true,
        ("dice_loss", MUL) => node.ty.shape == graph.ty(node.inputs[0]).shape,
        _ => false,
    };
    let name = called(graph, sources, node).filter(|_| reads)?;
    let taker = TAKERS.iter().find(|taker| taker.name == name)?;
    Some((taker, user_place(sources, graph, node.place)?))
}

/// What a value is, if it is no probability; `free` says whether training may move it anywhere.
fn misfit(graph: &Graph, sources: &SourceMap, source: ir::Value, free: bool) -> Option<Misfit> {
    let node = graph.node(source);
    match (library_callee(graph, sources, node), node.op) {
        (_, TANH) => Some(Misfit::Activation("tanh")),
        (Some("relu"), WHERE) => Some(Misfit::Activation("relu")),
        (Some("softplus"), DIV) => Some(Misfit::Activation("softplus")),
        (Some("log_softmax"), _) | (_, LOG) => Some(Misfit::Logarithms),
        _ => free.then_some(Misfit::Logits),
    }
}

/// Whether a product divides: its second factor is a reciprocal, or that of a root.
fn normalises(graph: &Graph, node: &Node) -> bool {
    matches!(graph.node(node.inputs[1]).op, RECIPROCAL | RSQRT)
}

/// Which values may be any negative number by what is trained: a parameter, and what is computed from one without bounding it. A
/// quotient by what depends on an input is taken to be bounded: it normalises.
fn free(graph: &Graph) -> IndexVec<ir::Value, bool> {
    let ranges: IndexVec<ir::Value, Range> = ranges(graph);
    let fed = super::labels::dependents(graph, |node| node.op == op::INPUT);
    let mut free: IndexVec<ir::Value, bool> = IndexVec::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        let own = match node.op {
            op::VARIABLE => is_trained(graph, VarId(node.attrs.get_int("index") as u32)),
            DIV => free[node.inputs[0]] && !fed[node.inputs[1]],
            MUL if normalises(graph, node) => free[node.inputs[0]] && !fed[node.inputs[1]],
            _ => node.inputs.iter().any(|input| free[*input]),
        };
        free.push(own && ranges[value].low == f64::NEG_INFINITY);
    }
    free
}
