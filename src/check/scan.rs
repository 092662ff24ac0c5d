//! `scan(step, carries, sequences)`: a step for each entry of a sequence. The steps are written out one after the other, as the rounds of
//! a loop are, so a scan is as long as its sequence in the graph; the step's parameters are shared.

use super::call::Given;
use super::checker::Checker;
use super::stmt::count;
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, Op};
use crate::source::Span;
use crate::tensor::{Dim, Shape};

/// What a scan is called with.
struct Scan<'a> {
    step: (Val<'a>, Span),
    /// What each step hands to the next.
    carries: (Vec<ir::Value>, Span),
    /// What is run over, all of one length.
    sequences: (Vec<ir::Value>, Span),
    length: i64,
}

impl<'a> Checker<'a> {
    /// The last carries, then each output of the step stacked along a new first axis.
    pub fn scan(&mut self, given: Vec<Given<'a>>, span: Span) -> Vec<Val<'a>> {
        let Some(scan) = self.scan_arguments(given, span) else { return vec![Val::Error] };
        let mut carries = scan.carries.0.clone();
        let mut outputs: Vec<Vec<ir::Value>> = Vec::new();
        for place in 0..scan.length {
            let Some(results) = self.scan_step(&scan, &carries, place, span) else { return vec![Val::Error] };
            let (next, rest) = results.split_at(carries.len());
            carries = next.to_vec();
            outputs.resize(rest.len(), Vec::new());
            for (column, value) in outputs.iter_mut().zip(rest) {
                column.push(*value);
            }
        }
        let mut results: Vec<Val<'a>> = carries.into_iter().map(Val::Tensor).collect();
        for column in outputs {
            results.push(self.stacked(&column, span));
        }
        results
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
    fn scan_length(&mut self, sequences: &[ir::Value], span: Span) -> Option<i64> {
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
        let length = first.constant();
        if length.is_none() {
            let title = format!("the length {first} of this `scan` is not known before anything runs");
            let claimed = self.graph.ty(sequences[0]).shape.iter().skip(1).map(|dim| format!(", {dim}"));
            let diagnostic = Diagnostic::at(Code::E0115, span, title, "its steps are written out one by one")
                .help(format!("if all data has one length, claim it: `... as [24{}]`", claimed.collect::<String>()));
            self.report(diagnostic);
        }
        length
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
