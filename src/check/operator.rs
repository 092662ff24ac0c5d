//! Operators and indexing. An operator is the library's function of the same meaning; on compile-time values it is computed.

use std::rc::Rc;

use super::call::Given;
use super::checker::Checker;
use super::primitive::is_narrow;
use super::value::{Truth, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, Op};
use crate::ops;
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, ExprId, Index, UnaryOp};
use crate::tensor::{DType, Dim, Ordering3, Shape};

/// The function that an operator stands for.
fn function_of(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "logical_or",
        BinaryOp::And => "logical_and",
        BinaryOp::Equal => "equal",
        BinaryOp::NotEqual => "not_equal",
        BinaryOp::Less => "less",
        BinaryOp::LessEqual => "less_equal",
        BinaryOp::Greater => "greater",
        BinaryOp::GreaterEqual => "greater_equal",
        BinaryOp::Add => "add",
        BinaryOp::Sub => "sub",
        BinaryOp::Mul => "mul",
        BinaryOp::Div => "div",
        BinaryOp::Mod => "mod",
        BinaryOp::MatMul => "matmul",
        BinaryOp::Pow => "pow",
    }
}

impl<'a> Checker<'a> {
    /// `-x`, `not x`.
    pub fn unary(&mut self, op: UnaryOp, op_span: Span, operand: ExprId, span: Span) -> Val<'a> {
        let val = self.expr(operand);
        match (op, &val) {
            (_, Val::Error) => Val::Error,
            (UnaryOp::Not, Val::Bool(truth)) => Val::Bool(!*truth),
            (UnaryOp::Neg, Val::Int(dim)) => Val::Int(Dim::new(0) - dim.clone()),
            (UnaryOp::Neg, Val::Float(value)) => Val::Float(-value),
            _ => {
                let name = if op == UnaryOp::Neg { "neg" } else { "logical_not" };
                let at = self.ast_expr(operand).span;
                self.call_named(name, vec![Given::positional(val, at)], span, op_span)
            }
        }
    }

    /// `a + b` and its like.
    pub fn binary(&mut self, op: BinaryOp, op_span: Span, left: ExprId, right: ExprId, span: Span) -> Val<'a> {
        let a = self.expr(left);
        // The right side of a decided `and` or `or` is not evaluated: it may guard it.
        if let (BinaryOp::And, Val::Bool(Truth::Known(false))) | (BinaryOp::Or, Val::Bool(Truth::Known(true))) =
            (op, &a)
        {
            return a;
        }
        let b = self.expr(right);
        let (at, bt) = (self.ast_expr(left).span, self.ast_expr(right).span);
        self.operate(op, op_span, (a, at), (b, bt), span)
    }

    /// An operator on two values, each with its place.
    pub fn operate(
        &mut self,
        op: BinaryOp,
        op_span: Span,
        (a, at): (Val<'a>, Span),
        (b, bt): (Val<'a>, Span),
        span: Span,
    ) -> Val<'a> {
        if matches!(a, Val::Error) || matches!(b, Val::Error) {
            return Val::Error;
        }
        if let Some(val) = self.compile_time(op, &a, &b, span) {
            return val;
        }
        self.call_named(function_of(op), vec![Given::positional(a, at), Given::positional(b, bt)], span, op_span)
    }

    /// Calls the primitive or library function `name`.
    fn call_named(&mut self, name: &str, given: Vec<Given<'a>>, span: Span, parens: Span) -> Val<'a> {
        let head = match self.scopes.peek(self.library_scope, name) {
            Some(binding) => binding.val.clone(),
            None => match ops::find(name) {
                Some(primitive) => Val::Primitive(primitive),
                None => return Val::Error,
            },
        };
        self.call_value(head, given, span, parens).into_iter().next().unwrap_or(Val::Error)
    }

    /// An operator on compile-time values; none when a tensor takes part.
    fn compile_time(&mut self, op: BinaryOp, a: &Val<'a>, b: &Val<'a>, span: Span) -> Option<Val<'a>> {
        if let (Val::Bool(a), Val::Bool(b)) = (a, b) {
            match op {
                BinaryOp::And => return Some(Val::Bool(a.and(*b))),
                BinaryOp::Or => return Some(Val::Bool(!(!*a).and(!*b))),
                _ => {}
            }
        }
        if let (BinaryOp::Add, Val::List(a), Val::List(b)) = (op, a, b) {
            return Some(Val::List(Rc::new(a.iter().chain(b.iter()).cloned().collect())));
        }
        if let (BinaryOp::Mul, Val::List(items), Some(times)) = (op, a, b.integer()) {
            let times = usize::try_from(times).unwrap_or(0);
            return Some(Val::List(Rc::new(items.iter().cycle().take(items.len() * times).cloned().collect())));
        }
        if matches!(op, BinaryOp::Equal | BinaryOp::NotEqual) {
            return Some(match a.same(b)? {
                Ordering3::Undecided => self.undecided_condition(op, a, b, span),
                same => Val::Bool(Truth::Known((same == Ordering3::Equal) == (op == BinaryOp::Equal))),
            });
        }
        let result = match (a, b) {
            (Val::Int(a), Val::Int(b)) => self.sizes(op, a, b, span),
            _ => a.number().zip(b.number()).and_then(|(a, b)| numbers(op, a, b)),
        };
        // What depends on an unknown hyperparameter is not known either.
        let unknown = || self.is_generic() && a.is_compile_time() && b.is_compile_time();
        result.or_else(|| unknown().then_some(Val::Error))
    }

    /// A condition on sizes that holds for some values of their symbols only.
    fn undecided_condition(&mut self, op: BinaryOp, a: &Val<'a>, b: &Val<'a>, span: Span) -> Val<'a> {
        let word = match op {
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            _ => ">=",
        };
        let title = format!("it cannot be told whether {} {word} {}", a.show(), b.show());
        let diagnostic = Diagnostic::at(Code::E0213, span, title, "this depends on a size that the data fixes")
            .note("compile-time conditions are settled before any data is read");
        self.report(diagnostic)
    }

    /// A comparison of two sizes.
    fn compare_sizes(&mut self, op: BinaryOp, a: &Dim, b: &Dim, span: Span) -> Val<'a> {
        let below = |a: &Dim, b: &Dim| (a.clone() + Dim::new(1)).at_most(b);
        let (yes, no) = match op {
            BinaryOp::Less => (below(a, b), b.at_most(a)),
            BinaryOp::LessEqual => (a.at_most(b), below(b, a)),
            BinaryOp::Greater => (below(b, a), a.at_most(b)),
            _ => (b.at_most(a), below(a, b)),
        };
        match yes || no {
            true => Val::Bool(Truth::Known(yes)),
            false => self.undecided_condition(op, &Val::Int(a.clone()), &Val::Int(b.clone()), span),
        }
    }

    /// An operator on two compile-time integers.
    fn sizes(&mut self, op: BinaryOp, a: &Dim, b: &Dim, span: Span) -> Option<Val<'a>> {
        let zero = *b == Dim::new(0);
        if zero && matches!(op, BinaryOp::Div | BinaryOp::Mod) {
            return Some(self.error(Code::E0205, span, "a division by zero", "the divisor is 0"));
        }
        let (x, y) = (a.clone(), b.clone());
        Some(Val::Int(match op {
            BinaryOp::Add => x + y,
            BinaryOp::Sub => x - y,
            BinaryOp::Mul => x * y,
            BinaryOp::Mod => x.modulo(y),
            BinaryOp::Div if x.clone().modulo(y.clone()) == Dim::new(0) => x.floor_div(y),
            BinaryOp::Div if x.constant().is_none() || y.constant().is_none() => return Some(Val::Ratio(x, y)),
            BinaryOp::Pow => match (x.constant(), y.constant()) {
                (Some(x), Some(y)) if y >= 0 => match x.checked_pow(u32::try_from(y).ok()?) {
                    Some(power) => Dim::new(power),
                    None => return numbers(op, x as f64, y as f64),
                },
                (Some(x), Some(y)) => return numbers(op, x as f64, y as f64),
                (None, Some(y @ 0..=8)) => (0..y).fold(Dim::new(1), |power, _| power * x.clone()),
                _ => return None,
            },
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
                return Some(self.compare_sizes(op, a, b, span));
            }
            _ => return numbers(op, x.constant()? as f64, y.constant()? as f64),
        }))
    }

    /// `x[i, a:b, ..]` of a tensor or a list.
    pub fn index(&mut self, value: ExprId, indices: &'a [Index], brackets: Span, span: Span) -> Val<'a> {
        match self.expr(value) {
            Val::Error => Val::Error,
            Val::List(items) => self.index_list(&items, indices, brackets),
            Val::Tensor(value) => self.index_tensor(value, indices, brackets, span),
            other => {
                let title = format!("{} cannot be indexed", other.kind());
                self.error(Code::E0114, brackets, title, "only tensors and lists have elements")
            }
        }
    }

    fn index_list(&mut self, items: &Rc<Vec<Val<'a>>>, indices: &'a [Index], brackets: Span) -> Val<'a> {
        let length = items.len() as i64;
        match indices {
            [Index::At(id)] => {
                let at = match self.expr(*id) {
                    Val::Error => return Val::Error,
                    val => val.integer(),
                };
                let found = at.filter(|at| (-length..length).contains(at));
                match found {
                    Some(at) => items[at.rem_euclid(length) as usize].clone(),
                    None => {
                        let title = format!("a list of {length} has no such element");
                        self.error(Code::E0209, brackets, title, "out of its range")
                    }
                }
            }
            [Index::Slice { start, stop, step: None, .. }] => {
                let mut end = |id: &Option<ExprId>, default: i64| match id {
                    None => Some(default),
                    Some(id) => {
                        self.expr(*id).integer().map(|at| if at < 0 { at + length } else { at }.clamp(0, length))
                    }
                };
                match (end(start, 0), end(stop, length)) {
                    (Some(start), Some(stop)) => {
                        let range = start as usize..stop.max(start) as usize;
                        Val::List(Rc::new(items[range].to_vec()))
                    }
                    _ => self.error(Code::E0115, brackets, "a slice of a list has integer ends", "not known now"),
                }
            }
            _ => self.error(Code::E0206, brackets, "a list has one axis", "one index or `a:b` is needed"),
        }
    }

    fn index_tensor(&mut self, value: ir::Value, indices: &'a [Index], brackets: Span, span: Span) -> Val<'a> {
        let shape = self.graph.ty(value).shape.clone();
        if let Some(answer) = self.added_axis(indices) {
            return answer;
        }
        let explicit = indices.iter().filter(|index| !matches!(index, Index::Rest(_))).count();
        if explicit > shape.rank() {
            let indices = if explicit == 1 { "index" } else { "indices" };
            let axes = if shape.rank() == 1 { "axis" } else { "axes" };
            let title = format!("{explicit} {indices} for a value of {} {axes}", shape.rank());
            return self.error(Code::E0206, brackets, title, format!("the value is {}", self.graph.ty(value)));
        }
        // Start, stop and step along each axis so far.
        let (mut ends, mut dropped): (Vec<(Dim, Dim, i64)>, Vec<usize>) = (Vec::new(), Vec::new());
        let whole = |axis: usize| (Dim::new(0), shape[axis].clone(), 1);
        for index in indices {
            let axis = ends.len();
            ends.push(match index {
                Index::Rest(_) => {
                    ends.extend((axis..axis + shape.rank() - explicit).map(whole));
                    continue;
                }
                Index::At(id) => match self.index_at(value, *id, &shape[axis], indices.len() == 1, span) {
                    Ok(at) => {
                        dropped.push(axis);
                        (at.clone(), at + Dim::new(1), 1)
                    }
                    Err(val) => return val,
                },
                Index::Slice { start, stop, step, span } => {
                    match self.slice_ends([*start, *stop, *step], &shape[axis], *span) {
                        Some(ends) => ends,
                        None => return Val::Error,
                    }
                }
            });
        }
        ends.extend((ends.len()..shape.rank()).map(whole));
        let attrs = Attrs::new()
            .dims("start", ends.iter().map(|(start, ..)| start.clone()).collect())
            .dims("stop", ends.iter().map(|(_, stop, _)| stop.clone()).collect())
            .ints("step", ends.iter().map(|(.., step)| *step).collect::<Vec<_>>());
        let Val::Tensor(sliced) = self.emit(Op("slice"), &[value], attrs, span) else { return Val::Error };
        if dropped.is_empty() {
            return Val::Tensor(sliced);
        }
        let kept = self.graph.ty(sliced).shape.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis));
        let kept: Shape = kept.map(|(_, dim)| dim.clone()).collect();
        self.emit(Op("reshape"), &[sliced], Attrs::new().dims("shape", kept), span)
    }

    /// The position along one axis; a tensor of indices gathers instead and is the whole result.
    fn index_at(&mut self, value: ir::Value, id: ExprId, size: &Dim, alone: bool, span: Span) -> Result<Dim, Val<'a>> {
        let at = self.ast_expr(id).span;
        match self.expr(id) {
            Val::Error => Err(Val::Error),
            Val::Tensor(indices) if alone && !matches!(self.graph.ty(indices).dtype, DType::F32 | DType::Bool) => {
                Err(self.emit(Op("gather"), &[value, indices], Attrs::new().int("axis", 0), span))
            }
            Val::Int(dim) => self.position(dim, size, at).ok_or(Val::Error),
            other => {
                let title = format!("an index is an integer, not {}", other.kind());
                Err(self.error(Code::E0114, at, title, "along this axis"))
            }
        }
    }

    fn position(&mut self, at: Dim, size: &Dim, span: Span) -> Option<Dim> {
        let (Some(position), Some(length)) = (at.constant(), size.constant()) else {
            return self.symbolic_position(at, size, span);
        };
        if (-length..length).contains(&position) {
            return Some(Dim::new(position.rem_euclid(length)));
        }
        let title = format!("index {position} is outside an axis of size {length}");
        let diagnostic = Diagnostic::at(Code::E0209, span, title, format!("0 to {} (or negative)", length - 1));
        let diagnostic = self.with_origin(diagnostic, size);
        self.report(diagnostic);
        None
    }

    /// A position along an axis, where the one or the size of the other depends on symbols.
    fn symbolic_position(&mut self, at: Dim, size: &Dim, span: Span) -> Option<Dim> {
        let from_back = at.constant().is_some_and(|at| at < 0);
        let position = if from_back { size.clone() + at } else { at };
        let inside = Dim::new(0).at_most(&position) && (position.clone() + Dim::new(1)).at_most(size);
        if inside || self.is_generic() {
            return Some(position);
        }
        let title = format!("it cannot be told whether index {position} is inside an axis of size {size}");
        let diagnostic = Diagnostic::at(Code::E0213, span, title, "this depends on a size that the data fixes");
        let diagnostic = self.with_origin(diagnostic, size);
        self.report(diagnostic.help("declare that the axis is long enough, as `[T + 4]` does for index 4"));
        None
    }

    fn slice_ends(&mut self, ends: [Option<ExprId>; 3], size: &Dim, span: Span) -> Option<(Dim, Dim, i64)> {
        let mut number = |id: Option<ExprId>| match id {
            None => Some(None),
            Some(id) => match self.expr(id) {
                Val::Int(dim) => Some(Some(dim)),
                Val::Error => None,
                other => {
                    let title = format!("the ends of a slice are integers, not {}", other.kind());
                    self.error(Code::E0114, span, title, "known before anything runs");
                    None
                }
            },
        };
        let [start, stop, step] = [number(ends[0])?, number(ends[1])?, number(ends[2])?];
        let from_back = |dim: Dim| match dim.constant() {
            Some(value) if value < 0 => size.clone() + dim,
            _ => dim,
        };
        let bounded = |dim: Dim| dim.min(size.clone()).max(Dim::new(0));
        let start = start.map_or(Dim::new(0), |start| bounded(from_back(start)));
        let stop = stop.map_or(size.clone(), |stop| bounded(from_back(stop)));
        let step = step.and_then(|step| step.constant()).unwrap_or(1);
        if step < 1 {
            let diagnostic = Diagnostic::at(Code::E0114, span, format!("a slice steps forward, not by {step}"), "step")
                .help("`flip(x, axis = ...)` reverses an axis");
            self.report(diagnostic);
            return None;
        }
        if let (Some(start), Some(stop)) = (start.constant(), stop.constant())
            && start >= stop
        {
            let diagnostic = Diagnostic::at(Code::E0205, span, "an empty slice", format!("{start} to {stop}"));
            let diagnostic = self.with_origin(diagnostic, size);
            self.report(diagnostic);
            return None;
        }
        Some((start, stop, step))
    }

    /// The narrow rule of broadcasting: only one operand stretches.
    pub fn narrow(&mut self, op: Op, inputs: &[ir::Value], span: Span) -> Option<Val<'a>> {
        debug_assert!(is_narrow(op));
        for (first, a) in inputs.iter().enumerate() {
            for b in &inputs[first + 1..] {
                let (left, right) = (self.graph.ty(*a).shape.clone(), self.graph.ty(*b).shape.clone());
                let (a_stretches, b_stretches) = stretches(&left, &right);
                if let (Some(i), Some(j)) = (a_stretches, b_stretches) {
                    // A symbol may be 1, which stretches nothing.
                    if self.is_generic() && (right[i].constant().is_none() || left[j].constant().is_none()) {
                        return Some(Val::Error);
                    }
                    return Some(self.both_stretch(op, (*a, i), (*b, j), span));
                }
            }
        }
        None
    }

    fn both_stretch(&mut self, op: Op, a: (ir::Value, usize), b: (ir::Value, usize), span: Span) -> Val<'a> {
        let (left, right) = (self.graph.ty(a.0).to_string(), self.graph.ty(b.0).to_string());
        let title = format!("both sides of `{op}` would stretch: {left} and {right}");
        let mut diagnostic = Diagnostic::at(Code::E0203, span, title, "the result would be larger than either side")
            .note("only one side may be stretched, so that a mistake cannot grow a tensor unseen")
            .help("say it outright: `broadcast(x, [...])` on one side");
        for (value, axis) in [a, b] {
            if let Some(dim) = self.graph.shape(value).get(axis).cloned() {
                diagnostic = self.with_origin(diagnostic, &dim);
            }
        }
        self.report(diagnostic)
    }
}

/// For each of two shapes aligned at the right, an axis of the *other* that it would stretch to.
fn stretches(left: &Shape, right: &Shape) -> (Option<usize>, Option<usize>) {
    let rank = left.rank().max(right.rank());
    let at = |shape: &Shape, axis: usize| (axis + shape.rank()).checked_sub(rank).map(|axis| shape[axis].clone());
    let (mut a, mut b) = (None, None);
    for axis in 0..rank {
        let (x, y) = (at(left, axis), at(right, axis));
        let small = |dim: &Option<Dim>| dim.as_ref().is_none_or(Dim::is_one);
        if small(&x) && !small(&y) {
            a = Some(axis + right.rank() - rank);
        } else if small(&y) && !small(&x) {
            b = Some(axis + left.rank() - rank);
        }
    }
    (b, a)
}

fn numbers<'a>(op: BinaryOp, a: f64, b: f64) -> Option<Val<'a>> {
    let truth = |value| Some(Val::Bool(Truth::Known(value)));
    match op {
        BinaryOp::Less => return truth(a < b),
        BinaryOp::LessEqual => return truth(a <= b),
        BinaryOp::Greater => return truth(a > b),
        BinaryOp::GreaterEqual => return truth(a >= b),
        _ => {}
    }
    Some(Val::Float(match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::Mod => a - b * (a / b).floor(),
        BinaryOp::Pow => a.powf(b),
        _ => return None,
    }))
}
