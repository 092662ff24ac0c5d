//! Which operations of a graph one box stands for.
//!
//! A call that stays folded is one box, with all that is inside. The steps of a scan are one. What is left are operators: those of one
//! expression are drawn together, as long as nothing else reads what is between them.

use std::collections::{BTreeMap, BTreeSet};

use super::Unfold;
use crate::base::IndexVec;
use crate::ir::{FrameId, Graph, Node, Value, op};
use crate::ops::parts::SLICE;
use crate::source::{SourceMap, Span};
use crate::tensor::Dim;

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A call.
    Call(FrameId),
    /// All steps of the scan that is called at a place, in one round of the loops around it.
    Scan(Option<FrameId>, Span, usize),
    /// An operation of the level that is shown.
    Own(Value),
}

/// Operations that one box stands for.
#[derive(Clone, Debug)]
pub struct Unit {
    /// What it is.
    pub key: Key,
    /// Its operations, in order, without constants and variables.
    pub nodes: Vec<Value>,
    /// The variables that it reads.
    pub variables: BTreeSet<Value>,
    /// The unfolded calls that it stands in, outermost first.
    pub within: Vec<FrameId>,
    /// Its expression in the text.
    pub span: Option<Span>,
}

/// The units of a graph, and the one that each operation is in.
pub struct Units {
    /// In the order of their first operations. One that was taken into another has no operations.
    pub units: Vec<Unit>,
    /// By value; none for constants and variables.
    pub of: BTreeMap<Value, usize>,
}

impl Units {
    /// The units of `graph`.
    pub fn new(graph: &Graph, sources: &SourceMap, unfold: Unfold) -> Units {
        let mut folding = Folding::new(graph, sources, unfold);
        let mut found = Units { units: Vec::new(), of: BTreeMap::new() };
        let mut known: BTreeMap<Key, usize> = BTreeMap::new();
        // The weights of losses are written in their boxes.
        let reached = graph.reached_from(graph.results.iter().map(|result| result.value));
        for (value, node) in graph.nodes.iter_enumerated().filter(|(value, node)| reached[*value] && !is_source(node)) {
            let (key, within) = folding.key(value, node);
            let units = &mut found.units;
            let index = *known.entry(key).or_insert_with(|| {
                let span = match key {
                    Key::Call(frame) => Some(graph.frames[frame].call),
                    Key::Scan(_, span, _) => Some(span),
                    Key::Own(_) => node.place.span,
                };
                units.push(Unit { key, nodes: Vec::new(), variables: BTreeSet::new(), within, span });
                units.len() - 1
            });
            units[index].nodes.push(value);
            units[index].variables.extend(node.inputs.iter().filter(|input| graph.node(**input).op == op::VARIABLE));
            found.of.insert(value, index);
        }
        if unfold != Unfold::Primitives {
            found.join_formulas(graph);
        }
        found
    }

    /// The units that read each unit.
    pub fn readers(&self, graph: &Graph) -> Vec<BTreeSet<usize>> {
        let mut readers = vec![BTreeSet::new(); self.units.len()];
        for (value, unit) in &self.of {
            for giver in graph.node(*value).inputs.iter().filter_map(|input| self.of.get(input)) {
                if giver != unit {
                    readers[*giver].insert(*unit);
                }
            }
        }
        readers
    }

    /// The values of each unit that others read, or that are results.
    pub fn given(&self, graph: &Graph) -> Vec<BTreeSet<Value>> {
        let mut given = vec![BTreeSet::new(); self.units.len()];
        for (value, unit) in &self.of {
            for input in &graph.node(*value).inputs {
                if let Some(giver) = self.of.get(input).filter(|giver| *giver != unit) {
                    given[*giver].insert(*input);
                }
            }
        }
        for result in &graph.results {
            if let Some(giver) = self.of.get(&result.value) {
                given[*giver].insert(result.value);
            }
        }
        given
    }

    /// Takes operators, and calls without parameters, into the operator whose expression they are written in, when nothing else reads them.
    fn join_formulas(&mut self, graph: &Graph) {
        let held: BTreeSet<usize> =
            graph.results.iter().filter_map(|result| self.of.get(&result.value).copied()).collect();
        let mut readers = self.readers(graph);
        for index in (0..self.units.len()).rev() {
            let Some(reader) = readers[index].first().copied().filter(|_| readers[index].len() == 1) else { continue };
            let (unit, into) = (&self.units[index], &self.units[reader]);
            let inside = unit.span.zip(into.span).is_some_and(|(own, other)| is_inside(own, other));
            let named = unit.nodes.iter().any(|value| graph.names.contains_key(value));
            let formula = matches!(into.key, Key::Own(_)) && unit.is_plain(graph) && unit.within == into.within;
            if formula && inside && !named && !held.contains(&index) {
                self.join(index, reader);
                for others in &mut readers {
                    if others.remove(&index) {
                        others.insert(reader);
                    }
                }
            }
        }
    }

    /// Takes one unit into another.
    fn join(&mut self, index: usize, into: usize) {
        let nodes = std::mem::take(&mut self.units[index].nodes);
        let variables = std::mem::take(&mut self.units[index].variables);
        for value in &nodes {
            self.of.insert(*value, into);
        }
        self.units[into].nodes.extend(nodes);
        self.units[into].nodes.sort_unstable();
        self.units[into].variables.extend(variables);
    }
}

impl Unit {
    /// Whether it is a formula or a function: no input, and nothing that owns parameters.
    pub fn is_plain(&self, graph: &Graph) -> bool {
        let input = self.nodes.iter().any(|value| graph.node(*value).op == op::INPUT);
        let owned = self.variables.iter().any(|variable| graph.node(*variable).place.frame.is_some());
        let called = match self.key {
            Key::Call(frame) => graph.frames[frame].instance.is_none(),
            Key::Scan(..) => false,
            Key::Own(_) => true,
        };
        !input && !owned && called && !self.nodes.is_empty()
    }
}

/// Whether one expression is written within another one.
fn is_inside(own: Span, other: Span) -> bool {
    own != other && own.file == other.file && other.start <= own.start && own.end <= other.end
}

/// Whether a node is no operation: a constant or a variable.
fn is_source(node: &Node) -> bool {
    [op::CONSTANT, op::VARIABLE].contains(&node.op)
}

/// Which calls are shown as what.
struct Folding<'g> {
    graph: &'g Graph,
    unfold: Unfold,
    /// Whether the body of each call is the library's.
    library: IndexVec<FrameId, bool>,
    /// Where scans are called; in which round of loops, and whether it is past its first step.
    scans: BTreeMap<(Option<FrameId>, Span), (usize, bool)>,
}

impl<'g> Folding<'g> {
    fn new(graph: &'g Graph, sources: &SourceMap, unfold: Unfold) -> Folding<'g> {
        let mut library: IndexVec<FrameId, bool> = graph.frames.iter().map(|_| false).collect();
        for frame in graph.frames.iter() {
            if let Some(parent) = frame.parent {
                library[parent] |= sources.is_library(frame.call);
            }
        }
        for node in graph.nodes.iter() {
            if let (Some(frame), Some(span)) = (node.place.frame, node.place.span) {
                library[frame] |= sources.is_library(span);
            }
        }
        // What a scan takes apart and joins stands at the very place where its steps are called.
        let places: BTreeSet<(Option<FrameId>, Span)> =
            graph.nodes.iter().filter_map(|node| Some((node.place.frame, node.place.span?))).collect();
        let calls = graph.frames.iter().map(|frame| (frame.parent, frame.call));
        let scans = calls.filter(|call| places.contains(call)).map(|call| (call, (0, false))).collect();
        Folding { graph, unfold, library, scans }
    }

    /// Follows a scan over the graph's nodes: a slice of its first entries after others begins another round.
    fn follow(&mut self, node: &Node) {
        let place = node.place.span.map(|span| (node.place.frame, span));
        let Some((round, later)) = place.and_then(|place| self.scans.get_mut(&place)) else { return };
        if node.op == SLICE {
            let first = node.attrs.get_dims("start").first().and_then(Dim::constant) == Some(0);
            *round += usize::from(first && *later);
            *later = !first;
        }
    }

    /// What a node is part of, and the unfolded calls around that. Nodes are asked about in their order.
    fn key(&mut self, value: Value, node: &Node) -> (Key, Vec<FrameId>) {
        self.follow(node);
        let graph = self.graph;
        let mut calls: Vec<FrameId> =
            std::iter::successors(node.place.frame, |frame| graph.frames[*frame].parent).collect();
        calls.reverse();
        for (depth, frame) in calls.iter().enumerate() {
            let (parent, call) = (graph.frames[*frame].parent, graph.frames[*frame].call);
            let unfolded = match self.unfold {
                Unfold::Primitives => true,
                Unfold::Definitions(levels) => depth < levels && !self.library[*frame],
            };
            if unfolded {
                continue;
            }
            let key = match self.scans.get(&(parent, call)) {
                Some((round, _)) => Key::Scan(parent, call, *round),
                None => Key::Call(*frame),
            };
            return (key, calls[..depth].to_vec());
        }
        let place = node.place.span.map(|span| (node.place.frame, span));
        let scan = place.and_then(|place| Some((place, self.scans.get(&place)?)));
        match scan.filter(|_| self.unfold != Unfold::Primitives) {
            Some(((frame, span), (round, _))) => (Key::Scan(frame, span, *round), calls),
            None => (Key::Own(value), calls),
        }
    }
}
