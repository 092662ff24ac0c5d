//! W0508: losses reduced differently. Where one is the sum over many elements and another the mean over many, an element of the sum
//! weighs as much as all that the mean is taken over.

use std::collections::BTreeMap;

use super::fused::library_callee;
use super::losses;
use crate::base::IndexVec;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Graph, ResultRole, op};
use crate::ops::elementwise::NEG;
use crate::ops::elementwise_binary::{ADD, DIV, MUL, SUB};
use crate::ops::index::ONE_HOT;
use crate::ops::reduce::{MEAN, SUM};
use crate::ops::shape::RESHAPE;
use crate::source::Span;

/// Factors between these are part of a definition, as the ½ of a divergence; others were chosen to balance the terms.
const PLAIN: std::ops::RangeInclusive<f64> = 0.5..=2.0;

/// A term of the objective.
struct Term {
    value: ir::Value,
    /// The product of the constants that it is multiplied with.
    factor: f64,
    /// Where its loss is declared, when the term is all of it.
    declared: Option<Span>,
}

/// A term that is one reduction over all elements, with their number.
struct Reduced {
    span: Span,
    elements: i64,
    sum: bool,
}

impl Checker<'_> {
    /// Judges all terms of all losses together.
    pub fn uneven_reductions(&mut self) {
        let mut terms = Vec::new();
        for loss in losses(&self.graph) {
            let weight = match loss.role {
                ResultRole::Loss { weight: Some(weight), .. } => constant(&self.graph, weight).unwrap_or(f64::INFINITY),
                _ => 1.0,
            };
            split(&self.graph, Term { value: loss.value, factor: weight, declared: loss.place.span }, &mut terms);
        }
        let picking = self.picking();
        let reduced: Vec<Reduced> = terms.iter().filter_map(|term| self.reduced(term, &picking)).collect();
        let mean = reduced.iter().filter(|term| !term.sum).max_by_key(|term| term.elements);
        let sum = reduced.iter().filter(|term| term.sum).max_by_key(|term| term.elements);
        let (Some(sum), Some(mean)) = (sum, mean) else { return };
        let title = format!("one loss is a sum over {} elements, another a mean over {}", sum.elements, mean.elements);
        let diagnostic = Diagnostic::at(Code::W0508, sum.span, title, format!("the sum of {} elements", sum.elements))
            .label(mean.span, format!("the mean of {} elements", mean.elements))
            .note(format!("an element of the sum weighs {} times as much as an element of the mean", mean.elements))
            .help("reduce both in the same way, or give one of them a factor or a `weight` that says how they compare");
        self.report(diagnostic);
    }

    fn reduced(&self, term: &Term, picking: &IndexVec<ir::Value, bool>) -> Option<Reduced> {
        let graph = &self.graph;
        let node = graph.node(term.value);
        if !PLAIN.contains(&term.factor.abs()) || !node.per_sample {
            return None;
        }
        let place = self.user_place(node.place);
        let whole = |value: ir::Value| graph.ty(value).shape.size().constant().filter(|size| *size > 1);
        let (operand, sum) = match node.op {
            SUM if node.ty.shape.rank() == 0 => (node.inputs[0], true),
            MEAN if node.ty.shape.rank() == 0 => (node.inputs[0], false),
            // What a loss leaves of its axes is averaged.
            _ => (term.value, false),
        };
        let from_elements = !sum || !picking[operand];
        let span = if operand == term.value { term.declared } else { place }?;
        whole(operand).filter(|_| from_elements).map(|elements| Reduced { span, elements, sum })
    }

    /// For each value whether its entries are the parts of a cross entropy: their sum picks one, or weighs them by probabilities.
    fn picking(&self) -> IndexVec<ir::Value, bool> {
        let graph = &self.graph;
        let mut picking: IndexVec<ir::Value, bool> = IndexVec::new();
        for node in graph.nodes.iter() {
            let distribution = library_callee(graph, self.sources, node)
                .is_some_and(|name| ["softmax", "log_softmax", "negative_at"].contains(&name));
            let alike = |input: &&ir::Value| graph.ty(**input).shape == node.ty.shape;
            let passed = node.inputs.iter().filter(|input| picking[**input]).any(|input| alike(&input));
            picking.push(node.op == ONE_HOT || distribution || passed);
        }
        picking
    }
}

/// Takes a loss apart into the terms that are added. A term that is added twice is one, with both factors.
fn split(graph: &Graph, loss: Term, terms: &mut Vec<Term>) {
    let declared = loss.declared;
    let mut open = BTreeMap::from([(loss.value, loss.factor)]);
    while let Some((value, factor)) = open.pop_last() {
        let node = graph.node(value);
        // A sum of terms, or a number.
        let scalar = node.ty.shape.rank() == 0;
        let parts: &[(ir::Value, f64)] = match (node.op, node.inputs.as_slice()) {
            (ADD | SUB, [a, b]) if scalar => &[(*a, 1.0), (*b, 1.0)],
            (NEG | RESHAPE | op::SELECT_TRAINING, [a, ..]) if scalar => &[(*a, 1.0)],
            (MUL, [a, b]) => match (constant(graph, *a), constant(graph, *b)) {
                (Some(by), _) => &[(*b, by)],
                (_, Some(by)) => &[(*a, by)],
                _ => &[],
            },
            (DIV, [a, b]) => match constant(graph, *b) {
                Some(divisor) => &[(*a, 1.0 / divisor)],
                None => &[],
            },
            _ => &[],
        };
        for (part, by) in parts {
            *open.entry(*part).or_insert(0.0) += factor * by;
        }
        if parts.is_empty() {
            terms.push(Term { value, factor, declared });
        }
    }
}

/// The number that a value is, if it is a constant one.
fn constant(graph: &Graph, value: ir::Value) -> Option<f64> {
    let node = graph.node(value);
    let scalar = node.op == op::CONSTANT && node.ty.shape.size().constant() == Some(1);
    scalar.then(|| node.attrs.get_tensor("value").to_f64()[0])
}
