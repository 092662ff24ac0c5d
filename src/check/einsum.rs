//! `einsum("ij,jk->ik", a, b)`: products of axes by letters, settled into contractions while the program is checked.
//!
//! Operands meet two at a time, from the left; an axis that neither a later operand nor the result names is summed over as soon as
//! nothing needs it.

use std::collections::BTreeMap;

use super::call::Given;
use super::checker::Checker;
use super::pattern::{Axis, Pattern, Word, rest, words};
use super::stmt::count;
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attr, Attrs, Op};
use crate::source::Span;
use crate::tensor::{DType, Dim, Ordering3, Shape};

const EXAMPLE: &str = "ij,jk->ik";

/// An axis as written: a letter, or `...`.
#[derive(Clone)]
enum Letter {
    Axis(Axis),
    Rest(Span),
}

/// One operand or the result of a pattern.
struct Term {
    letters: Vec<Letter>,
    span: Span,
}

/// An operand with its axes' names.
struct Part {
    value: ir::Value,
    axes: Vec<String>,
}

impl Part {
    fn place(&self, name: &str) -> Option<usize> {
        self.axes.iter().position(|own| own == name)
    }
}

impl<'a> Checker<'a> {
    /// The value of a call of `einsum`.
    pub fn einsum(&mut self, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        let Some((pattern, tensors, named)) = self.patterned("einsum", given, span) else { return Val::Error };
        if let Some(given) = named.first() {
            return self.report_unknown_argument("einsum", given.name.unwrap_or_default(), given.at, &[]);
        }
        let result = self.einsum_terms(&pattern, tensors.len()).and_then(|(terms, result)| {
            let axes = self.einsum_axes(&terms, &tensors)?;
            let wanted = self.einsum_result(&result, &axes)?;
            let parts = tensors.iter().zip(axes).map(|((value, _), axes)| Part {
                value: *value,
                axes: axes.into_iter().map(|axis| axis.name).collect(),
            });
            self.einsum_value(parts.collect(), &wanted, span)
        });
        result.map_or(Val::Error, Val::Tensor)
    }

    /// The operands and the result that a pattern names.
    fn einsum_terms(&mut self, pattern: &Pattern, given: usize) -> Option<(Vec<Term>, Term)> {
        let found = match words(&pattern.text) {
            Ok(found) => found,
            Err(at) => {
                let title = format!("`{}` has no meaning in a pattern of `einsum`", &pattern.text[at.clone()]);
                self.bad_pattern(pattern.at(at), title, "not a letter, `,`, `->` or `...`", EXAMPLE);
                return None;
            }
        };
        let term = |start: usize| Term { letters: Vec::new(), span: pattern.at(start..start) };
        let (mut terms, mut arrow) = (vec![term(0)], false);
        for (word, at) in found {
            let span = pattern.at(at.clone());
            match word {
                Word::Comma if !arrow => terms.push(term(at.end)),
                Word::Arrow if !arrow => {
                    arrow = true;
                    terms.push(term(at.end));
                }
                Word::Name(letters) => {
                    let axes = letters.char_indices().map(|(place, letter)| {
                        let start = at.start + place;
                        let span = pattern.at(start..start + letter.len_utf8());
                        Letter::Axis(Axis { name: letter.to_string(), span })
                    });
                    let axes: Vec<Letter> = axes.collect();
                    extend(terms.last_mut()?, axes, span);
                }
                Word::Rest if !terms.last()?.letters.iter().any(|letter| matches!(letter, Letter::Rest(_))) => {
                    extend(terms.last_mut()?, vec![Letter::Rest(span)], span);
                }
                _ => {
                    let title = format!("`{}` is out of place in a pattern of `einsum`", &pattern.text[at]);
                    self.bad_pattern(span, title, "not here", EXAMPLE);
                    return None;
                }
            }
        }
        if !arrow {
            let title = "a pattern of `einsum` says which axes its result has";
            self.bad_pattern(pattern.span, title, "there is no `->`", EXAMPLE);
            return None;
        }
        let result = terms.pop()?;
        if terms.len() != given {
            let title = format!("the pattern names {}, {given} given", count(terms.len(), "operand"));
            let label = format!("`{}`", pattern.text);
            self.error(Code::E0105, pattern.span, title, label);
            return None;
        }
        Some((terms, result))
    }

    /// The named axes of each operand; their sizes agree.
    fn einsum_axes(&mut self, terms: &[Term], tensors: &[(ir::Value, Span)]) -> Option<Vec<Vec<Axis>>> {
        let mut sizes: BTreeMap<String, (Dim, Span)> = BTreeMap::new();
        let mut all = Vec::new();
        for (term, (value, at)) in terms.iter().zip(tensors) {
            let shape = self.graph.ty(*value).shape.clone();
            let Some(axes) = expand(&term.letters, shape.rank()) else {
                let named = count(term.letters.len(), "axis").replace("axiss", "axes");
                let title = format!("the pattern names {named} of a value that has {}", shape.rank());
                let label = format!("the value is {}", self.graph.ty(*value));
                let diagnostic = Diagnostic::at(Code::E0206, term.span, title, label).label(*at, "this value");
                self.report(diagnostic);
                return None;
            };
            for (axis, size) in axes.iter().zip(shape.iter()) {
                let (known, first) =
                    sizes.entry(axis.name.clone()).or_insert_with(|| (size.clone(), axis.span)).clone();
                match known.compare(size) {
                    Ordering3::Equal => {}
                    Ordering3::Different => {
                        self.einsum_sizes_differ((&axis.name, axis.span, size), (first, &known));
                        return None;
                    }
                    Ordering3::Undecided => {
                        let diagnostic = self.unproved(&known, size, axis.span);
                        self.report(diagnostic);
                        return None;
                    }
                }
            }
            all.push(axes);
        }
        Some(all)
    }

    fn einsum_sizes_differ(&mut self, (name, span, size): (&str, Span, &Dim), (first, known): (Span, &Dim)) {
        let shown = if name.starts_with('.') { "..." } else { name };
        let title = format!("axis `{shown}` is {known} in one operand and {size} in another");
        let diagnostic =
            Diagnostic::at(Code::E0201, span, title, format!("{size} here")).label(first, format!("{known} here"));
        let diagnostic = self.with_origin(diagnostic, known);
        let diagnostic = self.with_origin(diagnostic, size);
        self.report(diagnostic);
    }

    /// The names of the result's axes; each is some operand's.
    fn einsum_result(&mut self, result: &Term, axes: &[Vec<Axis>]) -> Option<Vec<String>> {
        let mut wanted: Vec<String> = Vec::new();
        for letter in &result.letters {
            match letter {
                Letter::Rest(span) => {
                    let most = axes.iter().map(|axes| axes.iter().filter(|axis| axis.name.starts_with('.')).count());
                    wanted.extend(rest(most.max().unwrap_or(0), *span).map(|axis| axis.name));
                }
                Letter::Axis(axis) if wanted.contains(&axis.name) => {
                    let title = format!("the result names axis `{}` twice", axis.name);
                    self.bad_pattern(axis.span, title, "named again here", EXAMPLE);
                    return None;
                }
                Letter::Axis(axis) if !axes.iter().flatten().any(|own| own.name == axis.name) => {
                    let title = format!("no operand has the axis `{}` of the result", axis.name);
                    self.bad_pattern(axis.span, title, "where should it come from?", EXAMPLE);
                    return None;
                }
                Letter::Axis(axis) => wanted.push(axis.name.clone()),
            }
        }
        Some(wanted)
    }

    fn einsum_value(&mut self, parts: Vec<Part>, wanted: &[String], span: Span) -> Option<ir::Value> {
        let mut rest: Vec<Part> = Vec::new();
        for part in parts {
            rest.push(self.diagonal(part, span)?);
        }
        let mut left = rest.remove(0);
        while !rest.is_empty() {
            let right = rest.remove(0);
            let later: Vec<String> = rest.iter().flat_map(|part| part.axes.clone()).chain(wanted.to_vec()).collect();
            let lone = |own: &Part, other: &Part| -> Vec<String> {
                let alone = own.axes.iter().filter(|name| other.place(name).is_none() && !later.contains(name));
                alone.cloned().collect()
            };
            let (lone_left, lone_right) = (lone(&left, &right), lone(&right, &left));
            let (a, b) = (self.summed(left, &lone_left, span)?, self.summed(right, &lone_right, span)?);
            left = self.contracted(&a, &b, &later, span)?;
        }
        let lone: Vec<String> = left.axes.iter().filter(|name| !wanted.contains(name)).cloned().collect();
        let left = self.summed(left, &lone, span)?;
        let order: Vec<i64> = wanted.iter().filter_map(|name| left.place(name)).map(|place| place as i64).collect();
        self.permuted(left.value, order, span)
    }

    fn permuted(&mut self, value: ir::Value, order: Vec<i64>, span: Span) -> Option<ir::Value> {
        if order.is_sorted() {
            return Some(value);
        }
        self.emitted(Op("transpose"), &[value], Attrs::new().ints("axes", order), span)
    }

    /// A node, as long as it fits.
    fn emitted(&mut self, op: Op, inputs: &[ir::Value], attrs: Attrs, span: Span) -> Option<ir::Value> {
        match self.emit(op, inputs, attrs, span) {
            Val::Tensor(value) => Some(value),
            _ => None,
        }
    }

    /// Sums over the named axes.
    fn summed(&mut self, part: Part, names: &[String], span: Span) -> Option<Part> {
        if names.is_empty() {
            return Some(part);
        }
        let mut places: Vec<i64> = names.iter().filter_map(|name| part.place(name)).map(|place| place as i64).collect();
        places.sort_unstable();
        let attrs = Attrs::new().ints("axis", places).flag("keepdims", false);
        let value = self.emitted(Op("sum"), &[part.value], attrs, span)?;
        let axes = part.axes.into_iter().filter(|name| !names.contains(name)).collect();
        Some(Part { value, axes })
    }

    /// Two operands as one: shared axes that are still needed stay, the others are summed over.
    fn contracted(&mut self, a: &Part, b: &Part, needed: &[String], span: Span) -> Option<Part> {
        let shared = a.axes.iter().filter(|name| b.place(name).is_some());
        let (kept, summed): (Vec<&String>, Vec<&String>) = shared.partition(|name| needed.contains(name));
        let places = |part: &Part, names: &[&String]| -> Vec<i64> {
            names.iter().filter_map(|name| part.place(name)).map(|place| place as i64).collect()
        };
        let attrs = Attrs::new()
            .ints("axes_a", places(a, &summed))
            .ints("axes_b", places(b, &summed))
            .ints("batch_a", places(a, &kept))
            .ints("batch_b", places(b, &kept));
        let value = self.emitted(Op("contract"), &[a.value, b.value], attrs, span)?;
        let free_a = a.axes.iter().filter(|name| b.place(name).is_none());
        let free_b = b.axes.iter().filter(|name| a.place(name).is_none());
        Some(Part { value, axes: kept.into_iter().chain(free_a).chain(free_b).cloned().collect() })
    }

    /// An operand that names an axis twice as its diagonal: what lies beside it is multiplied by 0 and summed away.
    fn diagonal(&mut self, part: Part, span: Span) -> Option<Part> {
        let repeated = (0..part.axes.len()).find_map(|second| {
            let first = part.axes[..second].iter().position(|name| *name == part.axes[second])?;
            Some((first, second))
        });
        let Some((first, second)) = repeated else { return Some(part) };
        let others = (0..part.axes.len()).filter(|axis| *axis != first && *axis != second);
        let order: Vec<usize> = others.chain([first, second]).collect();
        let moved = self.permuted(part.value, order.iter().map(|axis| *axis as i64).collect(), span)?;
        let size = self.graph.shape(part.value)[first].clone();
        let square: Shape = [size.clone(), size].into_iter().collect();
        let mut place = |axis: i64| {
            let attrs = Attrs::new().dims("shape", square.clone()).int("axis", axis);
            self.emitted(Op("iota"), &[], attrs.with("dtype", Attr::DType(DType::I32)), span)
        };
        let (row, column) = (place(0)?, place(1)?);
        let same = self.emitted(Op("equal"), &[row, column], Attrs::new(), span)?;
        let dtype = self.graph.ty(moved).dtype.clone();
        let eye = self.emitted(Op("cast"), &[same], Attrs::new().with("dtype", Attr::DType(dtype)), span)?;
        let kept = self.emitted(Op("mul"), &[moved, eye], Attrs::new(), span)?;
        let last = order.len() as i64 - 1;
        let value =
            self.emitted(Op("sum"), &[kept], Attrs::new().ints("axis", vec![last]).flag("keepdims", false), span)?;
        let axes = order[..order.len() - 1].iter().map(|axis| part.axes[*axis].clone()).collect();
        self.diagonal(Part { value, axes }, span)
    }
}

/// Adds letters to a term, whose place grows over them.
fn extend(term: &mut Term, letters: Vec<Letter>, span: Span) {
    term.span = if term.letters.is_empty() { span } else { term.span.to(span) };
    term.letters.extend(letters);
}

/// The axes of a value of that rank; none when the letters are not as many.
fn expand(letters: &[Letter], rank: usize) -> Option<Vec<Axis>> {
    let named = letters.iter().filter(|letter| matches!(letter, Letter::Axis(_))).count();
    let left = rank.checked_sub(named)?;
    if left > 0 && named == letters.len() {
        return None;
    }
    let axes = letters.iter().flat_map(|letter| match letter {
        Letter::Axis(axis) => vec![axis.clone()],
        Letter::Rest(span) => rest(left, *span).collect(),
    });
    Some(axes.collect())
}
