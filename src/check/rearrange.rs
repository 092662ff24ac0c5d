//! `rearrange(x, "(h w) c -> c h w", h = 8)`: axes split, moved and joined by name, settled while the program is checked.

use super::call::Given;
use super::checker::Checker;
use super::pattern::{Axis, Pattern, Word, rest, words};
use super::stmt::count;
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Attrs, Op};
use crate::source::Span;
use crate::tensor::{Dim, Ordering3, Shape};

const EXAMPLE: &str = "(h w) c -> c h w";

/// An axis of a value as a pattern writes it: the axes that it is split into; none for `1`.
struct Group {
    axes: Vec<Axis>,
    span: Span,
    /// Whether it is `...`.
    rest: bool,
}

impl<'a> Checker<'a> {
    /// The value of a call of `rearrange`.
    pub fn rearrange(&mut self, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        let Some((pattern, tensors, named)) = self.patterned("rearrange", given, span) else { return Val::Error };
        let [(value, at)] = tensors[..] else {
            let title = format!("`rearrange` takes one value, {} given", tensors.len());
            return self.error(Code::E0105, span, title, "write `rearrange(x, \"...\")`");
        };
        let shape = self.graph.ty(value).shape.clone();
        let settled = self.sides(&pattern).and_then(|[left, right]| {
            let unnamed = self.count_axes(&left, &shape, at)?;
            let (left, right) = (expand(left, unnamed), expand(right, unnamed));
            self.same_axes(&left, &right)?;
            let sizes = self.axis_sizes(&left, &shape, named)?;
            Some((right, sizes))
        });
        let Some((right, sizes)) = settled else { return Val::Error };
        let apart: Shape = sizes.iter().map(|(_, size)| size.clone()).collect();
        let split = self.emit(Op("reshape"), &[value], Attrs::new().dims("shape", apart), span);
        let place = |axis: &Axis| sizes.iter().position(|(name, _)| *name == axis.name);
        let order: Vec<usize> = right.iter().flat_map(|group| &group.axes).filter_map(place).collect();
        let moved = match split {
            Val::Tensor(split) if !order.is_sorted() => {
                let axes: Vec<i64> = order.iter().map(|axis| *axis as i64).collect();
                self.emit(Op("transpose"), &[split], Attrs::new().ints("axes", axes), span)
            }
            other => other,
        };
        let joined = right.iter().map(|group| {
            group.axes.iter().filter_map(place).fold(Dim::new(1), |product, axis| product * sizes[axis].1.clone())
        });
        match moved {
            Val::Tensor(moved) => {
                let attrs = Attrs::new().dims("shape", joined.collect::<Shape>());
                self.emit(Op("reshape"), &[moved], attrs, span)
            }
            other => other,
        }
    }

    /// Both sides of a pattern.
    fn sides(&mut self, pattern: &Pattern) -> Option<[Vec<Group>; 2]> {
        let found = match words(&pattern.text) {
            Ok(found) => found,
            Err(at) => {
                let title = format!("`{}` has no meaning in a pattern of `rearrange`", &pattern.text[at.clone()]);
                self.bad_pattern(pattern.at(at), title, "not a name, a bracket, `->` or `...`", EXAMPLE);
                return None;
            }
        };
        let (mut sides, mut open) = (vec![Vec::new()], None::<Group>);
        for (word, at) in found {
            let span = pattern.at(at.clone());
            let side: &mut Vec<Group> = sides.last_mut()?;
            match (word, &mut open) {
                (Word::Name("1"), None) => side.push(Group { axes: Vec::new(), span, rest: false }),
                (Word::Name(name), _) if !name.starts_with(|c: char| c.is_ascii_digit()) => {
                    let axis = Axis { name: name.to_owned(), span };
                    match &mut open {
                        Some(group) => group.axes.push(axis),
                        None => side.push(Group { axes: vec![axis], span, rest: false }),
                    }
                }
                (Word::Rest, None) if !side.iter().any(|group| group.rest) => {
                    side.push(Group { axes: Vec::new(), span, rest: true });
                }
                (Word::Open, None) => open = Some(Group { axes: Vec::new(), span, rest: false }),
                (Word::Close, Some(group)) => {
                    let group = Group { span: group.span.to(span), axes: std::mem::take(&mut group.axes), rest: false };
                    side.push(group);
                    open = None;
                }
                (Word::Arrow, None) if sides.len() == 1 => sides.push(Vec::new()),
                _ => {
                    let title = format!("`{}` is out of place in a pattern of `rearrange`", &pattern.text[at]);
                    self.bad_pattern(span, title, "not here", EXAMPLE);
                    return None;
                }
            }
        }
        let title = "a pattern of `rearrange` has a bracket that nothing closes";
        match (open, <[Vec<Group>; 2]>::try_from(sides)) {
            (Some(group), _) => self.bad_pattern(group.span, title, "opened here", EXAMPLE),
            (None, Ok(sides)) => return Some(sides),
            (None, Err(_)) => {
                let title = "a pattern of `rearrange` says how the axes stand afterwards";
                self.bad_pattern(pattern.span, title, "there is no `->`", EXAMPLE);
            }
        }
        None
    }

    /// How many axes `...` stands for.
    fn count_axes(&mut self, left: &[Group], shape: &Shape, at: Span) -> Option<usize> {
        let named = left.iter().filter(|group| !group.rest).count();
        match shape.rank().checked_sub(named) {
            Some(unnamed) if unnamed == 0 || named < left.len() => Some(unnamed),
            _ => {
                let named = if named == 1 { "1 axis".to_owned() } else { format!("{named} axes") };
                let title = format!("the pattern names {named} of a value that has {}", shape.rank());
                let span =
                    left.first().map_or(at, |first| left.iter().fold(first.span, |all, group| all.to(group.span)));
                let diagnostic =
                    Diagnostic::at(Code::E0206, span, title, "the value's axes").label(at, format!("this is {shape}"));
                self.report(diagnostic);
                None
            }
        }
    }

    /// Both sides name the same axes, each once.
    fn same_axes(&mut self, left: &[Group], right: &[Group]) -> Option<()> {
        let names = |side: &[Group]| -> Vec<Axis> { side.iter().flat_map(|group| group.axes.clone()).collect() };
        let (left, right) = (names(left), names(right));
        for (own, other, side) in [(&left, &right, "left"), (&right, &left, "right")] {
            for (place, axis) in own.iter().enumerate() {
                let shown = if axis.name.starts_with('.') { "..." } else { axis.name.as_str() };
                if own[..place].iter().any(|earlier| earlier.name == axis.name) {
                    let title = format!("the {side} side names axis `{shown}` twice");
                    self.bad_pattern(axis.span, title, "named again here", EXAMPLE);
                    return None;
                }
                if !other.iter().any(|known| known.name == axis.name) {
                    let title = format!("axis `{shown}` stands on the {side} side only");
                    let label = "`rearrange` neither drops nor repeats: both sides name the same axes";
                    self.bad_pattern(axis.span, title, label, EXAMPLE);
                    return None;
                }
            }
        }
        Some(())
    }

    /// The size of each axis of the left side: given by name, or what the others leave of the value's axis.
    fn axis_sizes(&mut self, left: &[Group], shape: &Shape, named: Vec<Given<'a>>) -> Option<Vec<(String, Dim)>> {
        let names: Vec<&str> = left.iter().flat_map(|group| &group.axes).map(|axis| axis.name.as_str()).collect();
        let mut given: Vec<(&str, Dim)> = Vec::new();
        for Given { name, at, val, span } in named {
            let name = name.unwrap_or_default();
            if !names.contains(&name) {
                self.report_unknown_argument("rearrange", name, at, &names);
                return None;
            }
            given.push((name, self.as_size(val, span)?));
        }
        let mut sizes = Vec::new();
        for (group, whole) in left.iter().zip(shape.iter()) {
            sizes.extend(self.group_sizes(group, whole, &given)?);
        }
        Some(sizes)
    }

    fn group_sizes(&mut self, group: &Group, whole: &Dim, given: &[(&str, Dim)]) -> Option<Vec<(String, Dim)>> {
        let known = |axis: &Axis| given.iter().find(|(name, _)| *name == axis.name).map(|(_, size)| size.clone());
        let product = group.axes.iter().filter_map(known).fold(Dim::new(1), |product, size| product * size);
        let unknown: Vec<&Axis> = group.axes.iter().filter(|axis| known(axis).is_none()).collect();
        let (fits, free) = match unknown[..] {
            [] => (product.compare(whole), Dim::new(1)),
            [_] if product == Dim::new(0) => (Ordering3::Different, Dim::new(1)),
            [_] => {
                let remainder = whole.clone().modulo(product.clone());
                (remainder.compare(&Dim::new(0)), whole.clone().floor_div(product.clone()))
            }
            [_, second, ..] => {
                let title = format!("{} of one axis have no size", count(unknown.len(), "part"));
                let diagnostic = Diagnostic::at(Code::E0212, group.span, title, format!("they share {whole} elements"))
                    .help(format!("give all but one: `rearrange(x, \"...\", {} = ...)`", second.name));
                self.report(diagnostic);
                return None;
            }
        };
        match fits {
            Ordering3::Equal => {}
            Ordering3::Different => {
                let title = match unknown.is_empty() {
                    true => format!("an axis of {whole} is not one of {product}"),
                    false => format!("an axis of {whole} does not split into parts of {product}"),
                };
                let diagnostic = Diagnostic::at(Code::E0208, group.span, title, format!("this axis is {whole}"));
                let diagnostic = self.with_origin(diagnostic, whole);
                self.report(diagnostic);
                return None;
            }
            Ordering3::Undecided => {
                let whole_parts = product * free;
                let diagnostic = self.unproved(whole, &whole_parts, group.span);
                self.report(diagnostic);
                return None;
            }
        }
        let sized = group.axes.iter().map(|axis| (axis.name.clone(), known(axis).unwrap_or_else(|| free.clone())));
        Some(sized.collect())
    }
}

/// A side with `...` written out.
fn expand(side: Vec<Group>, unnamed: usize) -> Vec<Group> {
    let groups = side.into_iter().flat_map(|group| match group.rest {
        true => {
            rest(unnamed, group.span).map(|axis| Group { span: axis.span, axes: vec![axis], rest: false }).collect()
        }
        false => vec![group],
    });
    groups.collect()
}
