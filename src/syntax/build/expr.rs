//! Expressions. The grammar gives a flat list of operands and operators; precedence climbing makes the tree.

use std::iter::Peekable;

use super::literal::{self, Number};
use super::{Builder, Parts};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{BinaryOp, Block, CallArg, Expr, ExprId, ExprKind, Index, UnaryOp};
use crate::syntax::grammar::{Node, Nodes, Rule};

/// An expression and its bytes with the parentheses around it, which an operator's span covers.
#[derive(Clone, Copy)]
pub(super) struct Built {
    pub id: ExprId,
    pub span: Span,
}

// How tightly operators bind; comparisons and ranges do not chain, by the grammar.
const PIPE: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const COMPARE: u8 = 3;
const RANGE: u8 = 4;
const SUM: u8 = 5;
const PRODUCT: u8 = 6;
const NEGATE: u8 = 7;
const POWER: u8 = 8;

impl Builder<'_, '_> {
    /// An `expr`.
    pub(super) fn expr(&mut self, node: Node<'_>) -> ExprId {
        self.built(node).id
    }

    /// An `expr` with its bytes.
    pub(super) fn built(&mut self, node: Node<'_>) -> Built {
        self.operators(node.into_inner())
    }

    /// `exprs`, and the bytes from the first to the last.
    pub(super) fn exprs(&mut self, node: Node<'_>) -> (Vec<ExprId>, Span) {
        let mut parts = Parts::of(node);
        let first = self.built(parts.demand());
        let (mut ids, mut span) = (vec![first.id], first.span);
        for part in parts {
            let next = self.built(part);
            ids.push(next.id);
            span = span.to(next.span);
        }
        (ids, span)
    }

    /// `loss` as a value: the name of the loss that was given none.
    pub(super) fn loss_word(&mut self, node: Node<'_>) -> ExprId {
        let span = self.span(&node);
        self.push(ExprKind::Name("loss".to_owned()), span).id
    }

    /// A flat list of operands and operators.
    pub(super) fn operators(&mut self, nodes: Nodes<'_>) -> Built {
        self.climb(&mut nodes.peekable(), PIPE)
    }

    fn push(&mut self, kind: ExprKind, span: Span) -> Built {
        Built { id: self.ast.exprs.push(Expr { kind, span }), span }
    }

    fn climb(&mut self, nodes: &mut Peekable<Nodes<'_>>, least: u8) -> Built {
        let mut left = self.prefixed(nodes);
        while let Some(node) = nodes.peek() {
            let Some((op, power)) = infix(node) else { break };
            if power < least {
                break;
            }
            let op_span = self.span(node);
            nodes.next();
            // Only `^` takes its own kind on the right.
            let right = match power {
                PIPE => self.prefixed(nodes),
                POWER => self.climb(nodes, POWER),
                _ => self.climb(nodes, power + 1),
            };
            let kind = match op {
                Infix::Pipe => ExprKind::Pipe { value: left.id, target: right.id },
                Infix::Range => ExprKind::Range { start: left.id, end: right.id },
                Infix::Binary(op) => ExprKind::Binary { op, op_span, left: left.id, right: right.id },
            };
            left = self.push(kind, left.span.to(right.span));
        }
        left
    }

    /// Prefix operators, then an operand.
    fn prefixed(&mut self, nodes: &mut Peekable<Nodes<'_>>) -> Built {
        let node = nodes.next().expect("the grammar ends operators with an operand");
        let (op, power) = match node.as_rule() {
            Rule::not => (UnaryOp::Not, COMPARE),
            Rule::neg => (UnaryOp::Neg, NEGATE),
            _ => return self.postfix(node),
        };
        let op_span = self.span(&node);
        let operand = self.climb(nodes, power);
        self.push(ExprKind::Unary { op, op_span, operand: operand.id }, op_span.to(operand.span))
    }

    fn postfix(&mut self, node: Node<'_>) -> Built {
        let mut nodes = node.into_inner();
        let mut value = self.primary(nodes.next().expect("a postfix expression begins with a primary one"));
        for node in nodes {
            let place = self.span(&node);
            let (kind, end) = match node.as_rule() {
                Rule::call => (ExprKind::Call { callee: value.id, args: self.call_args(node), parens: place }, place),
                Rule::index => {
                    (ExprKind::Index { value: value.id, indices: self.indices(node), brackets: place }, place)
                }
                Rule::member => {
                    let name = self.name(Parts::of(node).demand());
                    let end = name.span;
                    (ExprKind::Member { value: value.id, name }, end)
                }
                _ => {
                    let ty = self.type_expr(Parts::of(node).demand());
                    let end = ty.span;
                    (ExprKind::Cast { value: value.id, ty }, end)
                }
            };
            value = self.push(kind, value.span.to(end));
        }
        value
    }

    fn primary(&mut self, node: Node<'_>) -> Built {
        let span = self.span(&node);
        match node.as_rule() {
            Rule::name => {
                let kind = self.name_or_foreign(node.as_str(), span);
                self.push(kind, span)
            }
            Rule::number => {
                let kind = self.number(node.as_str(), span);
                self.push(kind, span)
            }
            Rule::string => self.push(ExprKind::Str(literal::unescape(node.as_str())), span),
            Rule::boolean => self.push(ExprKind::Bool(node.as_str() == "true"), span),
            Rule::training => self.push(ExprKind::Training, span),
            Rule::group => Built { span, ..self.built(Parts::of(node).demand()) },
            Rule::list => {
                let items = Parts::of(node).map(|item| self.expr(item)).collect();
                self.push(ExprKind::List(items), span)
            }
            _ => self.if_expr(node),
        }
    }

    fn number(&mut self, text: &str, span: Span) -> ExprKind {
        match literal::number(text) {
            Number::Int(value) => ExprKind::Int(value),
            Number::Float(value) => ExprKind::Float(value),
            Number::TooLarge => {
                let title = format!("the number `{text}` is too large");
                self.diagnostics.push(
                    Diagnostic::at(Code::E0109, span, title, "does not fit 64 bits")
                        .note("integers go up to 9223372036854775807, floats up to about 1.8e308"),
                );
                ExprKind::Int(1)
            }
        }
    }

    /// A name; `True` and `False` are reported and taken for what they mean.
    fn name_or_foreign(&mut self, text: &str, span: Span) -> ExprKind {
        let (right, kind) = match text {
            "True" => ("true", ExprKind::Bool(true)),
            "False" => ("false", ExprKind::Bool(false)),
            _ => return ExprKind::Name(text.to_owned()),
        };
        self.diagnostics.push(
            Diagnostic::at(Code::E0109, span, format!("`{text}` is written `{right}` here"), "unexpected name").fix(
                format!("write `{right}`"),
                span,
                right,
                Applicability::Certain,
            ),
        );
        kind
    }

    fn call_args(&mut self, node: Node<'_>) -> Vec<CallArg> {
        let mut args: Vec<CallArg> = Vec::new();
        for arg in Parts::of(node) {
            let part = Parts::of(arg).demand();
            if part.as_rule() == Rule::named_arg {
                let mut parts = Parts::of(part);
                let name = self.name(parts.demand());
                let value = self.expr(parts.demand());
                args.push(CallArg { name: Some(name), value });
                continue;
            }
            let value = self.built(part);
            if let Some(named) = args.iter().rev().find_map(|arg| arg.name.as_ref()) {
                self.diagnostics.push(
                    Diagnostic::at(
                        Code::E0109,
                        value.span,
                        "an argument without a name follows one with a name",
                        "this argument has no name",
                    )
                    .label(named.span, "this one has")
                    .help("put the arguments without names first, or name this one too"),
                );
            }
            // As it is surely meant, so that nothing else is told of it.
            let unnamed = args.iter().take_while(|arg| arg.name.is_none()).count();
            args.insert(unnamed, CallArg { name: None, value: value.id });
        }
        args
    }

    fn indices(&mut self, node: Node<'_>) -> Vec<Index> {
        Parts::of(node).map(|entry| self.index(entry)).collect()
    }

    fn index(&mut self, node: Node<'_>) -> Index {
        let mut parts = Parts::of(node);
        if let Some(rest) = parts.take_if(Rule::rest) {
            let op = rest.into_inner().next().expect("`..` stands for the rest");
            return Index::Rest(self.span(&op));
        }
        let start = parts.take_if(Rule::expr).map(|node| self.built(node));
        let Some(slice) = parts.take_if(Rule::slice) else {
            let at = start.expect("an index without a colon is an expression");
            return self.range_for_slice(at).unwrap_or(Index::At(at.id));
        };
        let (mut stop, mut step) = (None, None);
        let mut span = start.map(|start| start.span);
        for node in slice.into_inner() {
            let rule = node.as_rule();
            let colon = if rule == Rule::slice_step { node.clone().into_inner().next() } else { None };
            let place = self.span(colon.as_ref().unwrap_or(&node));
            let value = if rule == Rule::colon { None } else { Parts::of(node).next().map(|node| self.built(node)) };
            let place = value.map_or(place, |value| value.span);
            span = Some(span.map_or(place, |span| span.to(place)));
            match rule {
                Rule::slice_stop => stop = value.map(|value| value.id),
                Rule::slice_step => step = value.map(|value| value.id),
                _ => {}
            }
        }
        let span = span.expect("a slice has a colon");
        Index::Slice { start: start.map(|start| start.id), stop, step, span }
    }

    /// `x[0..4]` is reported and taken for `x[0:4]`.
    fn range_for_slice(&mut self, at: Built) -> Option<Index> {
        let ExprKind::Range { start, end } = self.ast.exprs[at.id].kind else { return None };
        let gap = Span { start: self.ast.exprs[start].span.end, end: self.ast.exprs[end].span.start, ..at.span };
        self.diagnostics.push(
            Diagnostic::at(Code::E0109, at.span, "a slice is written with `:`", "this is a range")
                .help("`x[0:4]` takes the elements 0 to 3; `0..4` is a range to loop over")
                .fix("write `:`", gap, ":", Applicability::Certain),
        );
        Some(Index::Slice { start: Some(start), stop: Some(end), step: None, span: at.span })
    }

    fn if_expr(&mut self, node: Node<'_>) -> Built {
        let start = self.span(&node);
        let mut parts = Parts::of(node);
        let condition = self.expr(Parts::of(parts.demand()).demand());
        let then = self.arm(parts.demand());
        let last = parts.demand();
        let otherwise = if last.as_rule() == Rule::arm {
            self.arm(last)
        } else {
            let inner = self.if_expr(last);
            Block { stmts: Vec::new(), result: Some((vec![inner.id], inner.span)), span: inner.span }
        };
        let span = Span { end: otherwise.span.end, ..start };
        self.push(ExprKind::If { condition, then, otherwise }, span)
    }

    fn arm(&mut self, node: Node<'_>) -> Block {
        let span = self.span(&node);
        let mut block = Block { stmts: Vec::new(), result: None, span };
        for part in Parts::of(node) {
            if part.as_rule() == Rule::exprs {
                block.result = Some(self.exprs(part));
            } else {
                let stmt = self.stmt(part);
                block.stmts.push(stmt);
            }
        }
        block
    }
}

enum Infix {
    Pipe,
    Range,
    Binary(BinaryOp),
}

fn infix(node: &Node<'_>) -> Option<(Infix, u8)> {
    use BinaryOp::*;
    let (op, power) = match node.as_rule() {
        Rule::pipe => return Some((Infix::Pipe, PIPE)),
        Rule::range_op => return Some((Infix::Range, RANGE)),
        Rule::logic_op | Rule::compare_op | Rule::arithmetic_op => match node.as_str() {
            "or" => (Or, OR),
            "and" => (And, AND),
            "==" => (Equal, COMPARE),
            "!=" => (NotEqual, COMPARE),
            "<" => (Less, COMPARE),
            "<=" => (LessEqual, COMPARE),
            ">" => (Greater, COMPARE),
            ">=" => (GreaterEqual, COMPARE),
            "+" => (Add, SUM),
            "-" => (Sub, SUM),
            "*" => (Mul, PRODUCT),
            "/" => (Div, PRODUCT),
            "%" => (Mod, PRODUCT),
            "@" => (MatMul, PRODUCT),
            _ => (Pow, POWER),
        },
        _ => return None,
    };
    Some((Infix::Binary(op), power))
}
