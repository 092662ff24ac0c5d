//! `scan(step, carries, sequences)`: a step for each entry of a sequence. The steps are written out one after the other, as the rounds of
//! a loop are, so a scan is as long as its sequence in the graph; the step's parameters are shared.
//!
//! As long as the data has not fixed how long the sequences are, a scan over their first entries stands in for it: enough steps that
//! whatever a carry can reach is reached. It has the types, the gradient's paths and the roles of the whole, and is never run.

use super::call::Given;
use super::checker::Checker;
use super::stmt::count;
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, Op, op};
use crate::source::Span;
use crate::tensor::{Dim, Shape};

/// What a scan is called with.
struct Scan<'a> {
    step: (Val<'a>, Span),
    /// What each step hands to the next.
    carries: (Vec<ir::Value>, Span),
    /// What is run over, all of one length.
    sequences: (Vec<ir::Value>, Span),
    length: Dim,
}

impl<'a> Checker<'a> {
    /// The last carries, then each output of the step stacked along a new first axis.
    pub fn scan(&mut self, given: Vec<Given<'a>>, span: Span) -> Vec<Val<'a>> {
        let Some(mut scan) = self.scan_arguments(given, span) else { return vec![Val::Error] };
        if let Some(steps) = scan.length.constant() {
            return self.scan_steps(&scan, steps, None, span).unwrap_or_else(|| vec![Val::Error]);
        }
        let steps = scan.carries.0.len() as i64 + 1;
        let first = std::mem::take(&mut scan.sequences.0).into_iter();
        let Some(first) = first.map(|value| self.stand_in(value, Dim::new(steps), span)).collect() else {
            return vec![Val::Error];
        };
        scan.sequences.0 = first;
        let own = self.graph.nodes.next_index();
        let Some(mut results) = self.scan_steps(&scan, steps, Some(own), span) else { return vec![Val::Error] };
        for result in results.iter_mut().skip(scan.carries.0.len()) {
            let Val::Tensor(value) = *result else { continue };
            *result = self.stand_in(value, scan.length.clone(), span).map_or(Val::Error, Val::Tensor);
        }
        results
    }

    /// The value in place of one whose first axis has `length` entries.
    fn stand_in(&mut self, value: ir::Value, length: Dim, span: Span) -> Option<ir::Value> {
        let rest = self.graph.ty(value).shape.iter().skip(1).cloned();
        let attrs = Attrs::new().dims("shape", std::iter::once(length).chain(rest).collect());
        match self.emit(op::STAND_IN, &[value], attrs, span) {
            Val::Tensor(value) => Some(value),
            _ => None,
        }
    }

    /// What `carries` hold between two steps of a scan whose length is open, which is known by the value `scan`; `leaves` the last step.
    fn carried(&mut self, carries: &[ir::Value], scan: ir::Value, leaves: bool, span: Span) -> Option<Vec<ir::Value>> {
        let mut marked = Vec::new();
        for (number, value) in carries.iter().enumerate() {
            let carry = [i64::from(scan.0), number as i64, i64::from(leaves)];
            let shape = self.graph.ty(*value).shape.clone();
            let attrs = Attrs::new().dims("shape", shape).ints(op::CARRY, carry.to_vec());
            let Val::Tensor(value) = self.emit(op::STAND_IN, &[*value], attrs, span) else { return None };
            marked.push(value);
        }
        Some(marked)
    }

    /// The results of `steps` steps, one after the other. Those that stand for others mark what is carried by the value `open`.
    fn scan_steps(&mut self, scan: &Scan<'a>, steps: i64, open: Option<ir::Value>, span: Span) -> Option<Vec<Val<'a>>> {
        let mut carries = scan.carries.0.clone();
        let mut outputs: Vec<Vec<ir::Value>> = Vec::new();
        for place in 0..steps {
            if let Some(open) = open.filter(|_| place > 0) {
                carries = self.carried(&carries, open, false, span)?;
            }
            let results = self.scan_step(scan, &carries, place, span)?;
            let (next, rest) = results.split_at(carries.len());
            carries = next.to_vec();
            outputs.resize(rest.len(), Vec::new());
            for (column, value) in outputs.iter_mut().zip(rest) {
                column.push(*value);
            }
        }
        if let Some(open) = open {
            carries = self.carried(&carries, open, true, span)?;
        }
        let mut results: Vec<Val<'a>> = carries.into_iter().map(Val::Tensor).collect();
        for column in outputs {
            results.push(self.stacked(&column, span));
        }
        Some(results)
    }

    fn scan_arguments(&mut self, given: Vec<Given<'a>>, span: Span) -> Option<Scan<'a>> {
        const NAMES: [&str; 3] = ["step", "carries", "sequences"];
        let mut slots: [Option<(Val<'a>, Span)>; 3] = [None, None, None];
        for (position, given) in given.into_iter().enumerate() {
            let slot = match given.name {
                None => position,
                Some(name) => match NAMES.iter().position(|own| *own == name) {
                    Some(slot) => slot,
                    None => {
                        self.report_unknown_argument("scan", name, given.at, &NAMES);
                        return None;
                    }
                },
            };
            match (slots.get_mut(slot), given.val) {
                (_, Val::Error) => return None,
                (Some(free @ None), val) => *free = Some((val, given.span)),
                _ => {
                    self.error(Code::E0105, given.span, "`scan` takes three arguments", "one too many");
                    return None;
                }
            }
        }
        let [Some(step), Some((carries, carries_at)), Some((sequences, sequences_at))] = slots else {
            let diagnostic =
                Diagnostic::at(Code::E0105, span, "`scan` takes a step, carries and sequences", "one is missing").help(
                    "write `h, ys = scan(cell, [h0], xs)`, where `cell(h, x)` returns the next `h`, then outputs",
                );
            self.report(diagnostic);
            return None;
        };
        let carries = self.all_tensors(&carries, carries_at)?;
        let sequences = self.all_tensors(&sequences, sequences_at)?;
        let length = self.scan_length(&sequences, sequences_at)?;
        Some(Scan { step, carries: (carries, carries_at), sequences: (sequences, sequences_at), length })
    }

    /// One value or a list of them.
    fn all_tensors(&mut self, val: &Val<'a>, span: Span) -> Option<Vec<ir::Value>> {
        match val {
            Val::List(items) => items.iter().map(|item| self.tensor(item, span)).collect(),
            val => Some(vec![self.tensor(val, span)?]),
        }
    }

    /// The length that all sequences have.
    fn scan_length(&mut self, sequences: &[ir::Value], span: Span) -> Option<Dim> {
        let mut lengths: Vec<Dim> = Vec::new();
        for value in sequences {
            let ty = self.graph.ty(*value).clone();
            let Some(length) = ty.shape.first() else {
                self.error(
                    Code::E0206,
                    span,
                    "`scan` runs over the first axis, which a scalar has not",
                    format!("{ty}"),
                );
                return None;
            };
            lengths.push(length.clone());
        }
        let Some(first) = lengths.first() else {
            self.error(Code::E0105, span, "`scan` has no sequence to run over", "an empty list");
            return None;
        };
        if let Some(other) = lengths.iter().find(|length| *length != first) {
            let title = format!("the sequences of `scan` have different lengths: {first} and {other}");
            self.error(Code::E0202, span, title, "one step takes an entry of each");
            return None;
        }
        if first.constant().is_some_and(|length| length < 1) {
            let title = format!("this `scan` has no step to take: its sequences have length {first}");
            let diagnostic = Diagnostic::at(Code::E0205, span, title, "runs over the first axis of this");
            let diagnostic = self.with_origin(diagnostic, first);
            self.report(diagnostic);
            return None;
        }
        Some(first.clone())
    }

    /// What one step returns: as many carries as it got, of their types, then the outputs.
    fn scan_step(&mut self, scan: &Scan<'a>, carries: &[ir::Value], place: i64, span: Span) -> Option<Vec<ir::Value>> {
        let mut given: Vec<Given<'a>> =
            carries.iter().map(|value| Given::positional(Val::Tensor(*value), scan.carries.1)).collect();
        for value in &scan.sequences.0 {
            let entry = self.entry(*value, place, span);
            given.push(Given::positional(entry, scan.sequences.1));
        }
        let (step, step_at) = scan.step.clone();
        let mut results = Vec::new();
        for val in self.call_value(step, given, span, span) {
            results.push(self.tensor(&val, step_at)?);
        }
        if results.len() < carries.len() {
            let title = format!(
                "the step of `scan` returns {} for {}",
                count(results.len(), "value"),
                count(carries.len(), "carry")
            );
            let diagnostic = Diagnostic::at(Code::E0105, step_at, title.replace("carrys", "carries"), "this step")
                .note("a step returns the next carries, then its outputs");
            self.report(diagnostic);
            return None;
        }
        for (before, after) in carries.iter().zip(&results) {
            let (before, after) = (self.graph.ty(*before).to_string(), self.graph.ty(*after).to_string());
            if before != after {
                let title = format!("a step of `scan` turns a carry of {before} into one of {after}");
                let diagnostic = Diagnostic::at(Code::E0216, step_at, title, format!("returns {after}"))
                    .label(scan.carries.1, format!("starts as {before}"))
                    .note("every step takes what the one before it returned, so the type stays");
                self.report(diagnostic);
                return None;
            }
        }
        Some(results)
    }

    /// One entry of the first axis, which disappears.
    fn entry(&mut self, value: ir::Value, place: i64, span: Span) -> Val<'a> {
        let shape = self.graph.ty(value).shape.clone();
        let with_first = |first: i64, rest: &dyn Fn(&Dim) -> Dim| -> Shape {
            std::iter::once(Dim::new(first)).chain(shape.iter().skip(1).map(rest)).collect()
        };
        let attrs = Attrs::new()
            .dims("start", with_first(place, &|_| Dim::new(0)))
            .dims("stop", with_first(place + 1, &Dim::clone))
            .ints("step", vec![1; shape.rank()]);
        let Val::Tensor(sliced) = self.emit(Op("slice"), &[value], attrs, span) else { return Val::Error };
        let kept: Shape = shape.iter().skip(1).cloned().collect();
        self.emit(Op("reshape"), &[sliced], Attrs::new().dims("shape", kept), span)
    }

    /// Values of one shape along a new first axis.
    fn stacked(&mut self, values: &[ir::Value], span: Span) -> Val<'a> {
        let mut parts = Vec::new();
        for value in values {
            let shape = self.graph.ty(*value).shape.prepend(Dim::new(1));
            let Val::Tensor(part) = self.emit(Op("reshape"), &[*value], Attrs::new().dims("shape", shape), span) else {
                return Val::Error;
            };
            parts.push(part);
        }
        self.emit(Op("concatenate"), &parts, Attrs::new().int("axis", 0), span)
    }
}
