//! From an operation's misfit to a diagnostic at the call: which value has which type, and where its sizes came from.

use super::checker::Checker;
use super::value::Val;
use crate::diagnostic::Diagnostic;
use crate::ir::{self, Op};
use crate::ops::Misfit;
use crate::source::Span;
use crate::tensor::Dim;

impl<'a> Checker<'a> {
    /// Reports why `op` does not accept its operands.
    pub fn misfit(&mut self, op: Op, misfit: &Misfit, inputs: &[ir::Value], span: Span) -> Val<'a> {
        if let Misfit::Undecided { left, right } = misfit {
            let diagnostic = self.unproved(left, right, span);
            return self.report(diagnostic);
        }
        let (title, label) = self.misfit_words(op, misfit, inputs);
        let mut diagnostic = Diagnostic::at(misfit.code(), span, title, label);
        for dim in sizes_of(misfit) {
            diagnostic = self.with_origin(diagnostic, dim);
        }
        diagnostic = self.misfit_help(diagnostic, misfit, inputs);
        self.report(diagnostic)
    }

    fn type_of(&self, inputs: &[ir::Value], argument: usize) -> String {
        inputs.get(argument).map_or_else(|| "nothing".to_owned(), |value| self.graph.ty(*value).to_string())
    }

    /// Title and primary label.
    fn misfit_words(&self, op: Op, misfit: &Misfit, inputs: &[ir::Value]) -> (String, String) {
        let ty = |argument: usize| self.type_of(inputs, argument);
        match misfit {
            Misfit::Contraction { left, right } => (
                format!("the sizes to contract differ: {} and {}", left.2, right.2),
                format!("{} against {}", ty(left.0), ty(right.0)),
            ),
            Misfit::Elementwise { left, right } | Misfit::Parts { left, right } => {
                let (a, b) = (ty(left.0), ty(right.0));
                let title = match misfit {
                    Misfit::Parts { .. } => format!("{a} and {b} cannot be concatenated"),
                    _ => format!("{a} and {b} cannot be combined elementwise"),
                };
                (title, format!("{} against {}", left.2, right.2))
            }
            Misfit::Rank { argument, expected, .. } => {
                (format!("`{op}` needs {expected}"), format!("its operand is {}", ty(*argument)))
            }
            Misfit::Spatial { argument, size, window, .. } => (
                format!("a window of {window} does not fit in a size of {size}"),
                format!("the input is {}", ty(*argument)),
            ),
            Misfit::Count { from, to, shape } => (
                format!("{from} elements cannot be arranged as {shape}, which has {to}"),
                format!("the value is {}", ty(0)),
            ),
            Misfit::Axis { .. } => (misfit.to_string(), format!("the value is {}", ty(0))),
            Misfit::DType { argument, expected, found } => {
                (format!("`{op}` needs {expected}, not {found}"), format!("this is {}", ty(*argument)))
            }
            Misfit::Classes { left, right } => {
                (format!("{} classes against {}", left.1, right.1), format!("{} against {}", ty(left.0), ty(right.0)))
            }
            Misfit::Attribute { name, message } => (format!("`{name}` of `{op}` {message}"), "this call".to_owned()),
            Misfit::Undecided { left, right } => {
                (format!("it cannot be told whether {left} equals {right}"), "both sizes meet here".to_owned())
            }
        }
    }

    fn misfit_help(&self, diagnostic: Diagnostic, misfit: &Misfit, inputs: &[ir::Value]) -> Diagnostic {
        match misfit {
            Misfit::Spatial { argument, axis, .. } => match self.size_chain(inputs[*argument], *axis) {
                Some(chain) => diagnostic.note(format!("the size went {chain}")),
                None => diagnostic,
            },
            Misfit::Count { from, shape, .. } => match (from.constant(), shape.constant()) {
                (Some(from), Some(shape)) => {
                    let near: Vec<String> = nearest(from, &shape).iter().map(|shape| format!("`{shape:?}`")).collect();
                    match near.is_empty() {
                        true => diagnostic.note(format!("{from} = {}", factors(from))),
                        false => diagnostic.help(format!("{} would fit", near.join(" or "))),
                    }
                }
                _ => diagnostic,
            },
            Misfit::DType { found: crate::tensor::DType::Index(_), .. } => {
                diagnostic.help("`one_hot(y)` makes numbers of classes, `int(y)` an integer")
            }
            Misfit::DType { expected: "an index or i32", found: crate::tensor::DType::F32, .. } => {
                diagnostic.help("`int(v)` makes integers of numbers, also of `tensor([0, 2])`")
            }
            Misfit::DType { expected: "an index", .. } => {
                diagnostic.help("declare a label by its number of classes: `input y: index<10>`")
            }
            Misfit::DType { found: crate::tensor::DType::I32 | crate::tensor::DType::Bool, .. } => {
                diagnostic.help("`float(...)` converts to numbers")
            }
            _ => diagnostic,
        }
    }

    /// How a spatial size shrank on its way: `28 -> 24 -> 12`.
    fn size_chain(&self, value: ir::Value, axis: usize) -> Option<String> {
        let rank = self.graph.ty(value).shape.rank();
        let from_back = rank.checked_sub(axis)?;
        let mut sizes: Vec<Dim> = Vec::new();
        let mut next = Some(value);
        while let Some(value) = next {
            let shape = &self.graph.ty(value).shape;
            if shape.rank() != rank {
                break;
            }
            let size = shape[rank - from_back].clone();
            if sizes.last() != Some(&size) {
                sizes.push(size);
            }
            next = self.graph.node(value).inputs.first().copied();
        }
        sizes.reverse();
        (sizes.len() > 1).then(|| sizes.iter().map(Dim::to_string).collect::<Vec<_>>().join(" -> "))
    }
}

/// The sizes that a misfit is about.
fn sizes_of(misfit: &Misfit) -> Vec<&Dim> {
    match misfit {
        Misfit::Contraction { left, right } | Misfit::Elementwise { left, right } | Misfit::Parts { left, right } => {
            vec![&left.2, &right.2]
        }
        Misfit::Classes { left, right } => vec![&left.1, &right.1],
        Misfit::Undecided { left, right } => vec![left, right],
        Misfit::Spatial { size, .. } => vec![size],
        _ => Vec::new(),
    }
}

/// The shapes of `count` elements that differ from `shape` along one axis only.
fn nearest(count: i64, shape: &[usize]) -> Vec<Vec<usize>> {
    let count = usize::try_from(count).unwrap_or_default();
    let with_axis = |axis: usize| {
        let others: usize =
            shape.iter().enumerate().filter(|(other, _)| *other != axis).map(|(_, size)| size).product();
        let fits = others > 0 && count > 0 && count % others == 0;
        fits.then(|| {
            shape.iter().enumerate().map(|(at, size)| if at == axis { count / others } else { *size }).collect()
        })
    };
    (0..shape.len()).filter_map(with_axis).collect()
}

/// A number as the product of its prime factors.
fn factors(number: i64) -> String {
    let (mut rest, mut parts, mut divisor) = (number, Vec::new(), 2);
    while divisor * divisor <= rest {
        while rest % divisor == 0 {
            parts.push(divisor.to_string());
            rest /= divisor;
        }
        divisor += 1;
    }
    if rest > 1 || parts.is_empty() {
        parts.push(rest.to_string());
    }
    parts.join(" * ")
}
