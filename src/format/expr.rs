//! Expressions and types.

use super::doc::{Doc, Kind};
use super::{Parts, Writer};
use crate::syntax::ast::{BinaryOp, Block, CallArg, DimExpr, ExprId, ExprKind, Index, TypeExpr, TypeKind, UnaryOp};

/// How a value is broken that does not fit behind its `=`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Below {
    /// Inside, but for operators and what has no inside: those move to a line of their own where they fit there.
    Operators,
    /// It moves to a line of its own where it fits there.
    All,
}

impl<'t> Writer<'t> {
    /// `= values`, behind a blank.
    pub fn assign(&mut self, values: &[ExprId], below: Below, out: &mut Parts<'t>) {
        self.word(out);
        let open = match values {
            [only] => self.is_parenthesised(*only) || !self.is_operator(*only),
            _ => true,
        };
        out.push(self.exprs(values).value(below == Below::All || !open));
    }

    /// `name = value`, the value being broken inside.
    fn named(&mut self, value: ExprId, out: &mut Parts<'t>) {
        self.word(out);
        out.push(Doc::space());
        out.push(self.expr(value));
    }

    /// Whether an expression has nothing to be broken inside, or only operators.
    fn is_operator(&self, id: ExprId) -> bool {
        use ExprKind::*;
        !matches!(self.ast.exprs[id].kind, Call { .. } | Index { .. } | List(_) | If { .. } | Pipe { .. } | Cast { .. })
    }

    /// Whether parentheses stand around the expression that comes next.
    fn is_parenthesised(&self, id: ExprId) -> bool {
        self.cursor.peek().is_some_and(|token| token.start < self.ast.exprs[id].span.start)
    }

    /// `a, b`.
    pub fn exprs(&mut self, ids: &[ExprId]) -> Doc<'t> {
        if let [only] = ids {
            return self.expr(*only);
        }
        let first = self.expr(ids[0]);
        let mut rest = Parts::new();
        for id in &ids[1..] {
            rest.push(self.comma());
            self.ending(Doc::line(), &mut rest);
            rest.push(self.expr(*id));
        }
        Doc::concat(vec![first, Doc::concat(rest).nest()]).group(false)
    }

    /// An expression, with the parentheses around it.
    pub fn expr(&mut self, id: ExprId) -> Doc<'t> {
        if !self.is_parenthesised(id) {
            return self.bare(id);
        }
        let mut doubled = 0;
        while self.cursor.is_doubled() && self.is_second_parenthesis(id) {
            self.cursor.defer();
            self.cursor.next();
            doubled += 1;
        }
        let open = self.expect("(");
        let mut inside = Parts::new();
        self.ending(Doc::soft(), &mut inside);
        inside.push(self.expr(id));
        self.comments(true, &mut inside);
        let parts = vec![open, Doc::concat(inside).nest(), Doc::soft(), self.expect(")")];
        for _ in 0..doubled {
            self.cursor.next();
        }
        Doc::concat(parts).group(false)
    }

    /// Whether the token behind the next one is a parenthesis around the expression, too.
    fn is_second_parenthesis(&self, id: ExprId) -> bool {
        self.cursor.second().is_some_and(|token| token.start < self.ast.exprs[id].span.start)
    }

    /// An expression without the parentheses around it.
    fn bare(&mut self, id: ExprId) -> Doc<'t> {
        match &self.ast.exprs[id].kind {
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bool(_) => self.take(),
            ExprKind::Training | ExprKind::Name(_) => self.take(),
            ExprKind::Unary { op, operand, .. } => {
                let mut parts = vec![self.take()];
                if *op == UnaryOp::Not {
                    parts.push(Doc::space());
                }
                parts.push(self.expr(*operand));
                Doc::concat(parts)
            }
            ExprKind::Binary { op: BinaryOp::Pow, left, right, .. } => {
                let mut parts = vec![self.expr(*left)];
                self.word(&mut parts);
                parts.push(Doc::space());
                parts.push(self.expr(*right));
                Doc::concat(parts)
            }
            ExprKind::Binary { .. } => self.operators(id),
            ExprKind::Pipe { .. } => self.pipes(id),
            ExprKind::Range { start, end } => {
                let parts = vec![self.expr(*start), self.expect(".."), self.expr(*end)];
                Doc::concat(parts)
            }
            ExprKind::Call { callee, args, .. } => {
                let callee = self.expr(*callee);
                let args = self.call_args(args);
                // Of the two lists of `f(a)(b)` the longer one is broken first.
                let args = if args.width < callee.width && callee.ends { args.solid() } else { args };
                Doc::concat(vec![callee, args])
            }
            ExprKind::Index { value, indices, .. } => {
                let value = self.expr(*value);
                let indices = self.bracket(indices, false, |writer, index| writer.index(index));
                Doc::concat(vec![value, indices.solid()])
            }
            ExprKind::Member { value, .. } => {
                let parts = vec![self.expr(*value), self.expect("."), self.take()];
                Doc::concat(parts)
            }
            ExprKind::Cast { value, ty } => {
                let mut parts = vec![self.expr(*value)];
                self.word(&mut parts);
                parts.push(Doc::space());
                parts.push(self.type_expr(ty));
                Doc::concat(parts)
            }
            ExprKind::If { condition, then, otherwise } => {
                let mut parts = Parts::new();
                let short = self.branches(*condition, then, Some(otherwise), &mut parts);
                Doc::concat(parts).group(!short)
            }
            ExprKind::List(items) => {
                let numbers = items.len() > 1 && items.iter().all(|id| self.is_number(&self.ast.exprs[*id].kind));
                self.bracket(items, numbers, |writer, id| writer.expr(*id))
            }
        }
    }

    /// The arguments of a call. A list that is the only one is broken together with the parentheses around it.
    fn call_args(&mut self, args: &[CallArg]) -> Doc<'t> {
        if let [CallArg { name: None, value }] = args
            && matches!(self.ast.exprs[*value].kind, ExprKind::List(_))
            && self.cursor.is_doubled()
        {
            let parts = vec![self.expect("("), self.expr(*value), self.expect(")")];
            return Doc::concat(parts);
        }
        self.bracket(args, false, |writer, arg| match &arg.name {
            None => writer.expr(arg.value),
            Some(_) => {
                let mut parts = vec![writer.take()];
                writer.named(arg.value, &mut parts);
                Doc::concat(parts)
            }
        })
    }

    fn index(&mut self, index: &Index) -> Doc<'t> {
        match index {
            Index::At(id) => self.expr(*id),
            Index::Rest(_) => self.take(),
            Index::Slice { start, stop, step, .. } => {
                let mut parts = Parts::new();
                parts.extend(start.map(|id| self.expr(id)));
                parts.push(self.expect(":"));
                parts.extend(stop.map(|id| self.expr(id)));
                if self.cursor.word() == ":" {
                    parts.push(self.take());
                }
                parts.extend(step.map(|id| self.expr(id)));
                Doc::concat(parts)
            }
        }
    }

    /// Operators that bind alike, `a + b - c`: broken in front of each of them or of none.
    fn operators(&mut self, id: ExprId) -> Doc<'t> {
        let begin = self.ast.exprs[id].span.start;
        let mut operands = Vec::new();
        let mut left = id;
        let level = self.level(id);
        while let ExprKind::Binary { left: next, right, .. } = self.ast.exprs[left].kind
            && self.level(left) == level
            && self.ast.exprs[left].span.start == begin
        {
            operands.push(right);
            left = next;
        }
        let first = self.expr(left);
        let mut rest = Parts::new();
        for operand in operands.into_iter().rev() {
            self.cursor.advance();
            self.ending(Doc::line(), &mut rest);
            rest.push(self.take());
            rest.push(Doc::space());
            rest.push(self.expr(operand));
        }
        Doc::concat(vec![first, Doc::concat(rest).nest()]).group(false)
    }

    /// How tightly the operator of an expression binds, if it is one that lines may begin with.
    fn level(&self, id: ExprId) -> Option<u8> {
        use BinaryOp::*;
        let ExprKind::Binary { op, .. } = self.ast.exprs[id].kind else { return None };
        Some(match op {
            Or => 0,
            And => 1,
            Equal | NotEqual | Less | LessEqual | Greater | GreaterEqual => 2,
            Add | Sub => 3,
            Mul | Div | Mod | MatMul => 4,
            Pow => return None,
        })
    }

    /// `a |> f |> g`: broken in front of each bar or of none. A bar that the author began a line with stays there.
    fn pipes(&mut self, id: ExprId) -> Doc<'t> {
        let begin = self.ast.exprs[id].span.start;
        let mut targets = Vec::new();
        let mut head = id;
        while let ExprKind::Pipe { value, target } = self.ast.exprs[head].kind
            && self.ast.exprs[head].span.start == begin
        {
            targets.push(target);
            head = value;
        }
        let first = self.expr(head);
        let mut broken = self.cursor.gap().breaks;
        let mut rest = Parts::new();
        if targets.len() == 1 && !broken && matches!(first.kind, Kind::Text(_)) && self.cursor.is_free() {
            let bar = self.expect("|>");
            return Doc::pipe(first, bar, self.expr(targets[0]));
        }
        for target in targets.into_iter().rev() {
            broken |= self.cursor.gap().breaks;
            self.cursor.advance();
            self.ending(Doc::line(), &mut rest);
            rest.push(self.expect("|>"));
            rest.push(Doc::space());
            rest.push(self.expr(target));
        }
        Doc::concat(vec![first, Doc::concat(rest).nest()]).group(broken)
    }

    /// `if c { .. } else { .. }`, as a statement or an expression. Says whether it may stand on one line.
    pub fn branches(
        &mut self,
        condition: ExprId,
        then: &'t Block,
        otherwise: Option<&'t Block>,
        out: &mut Parts<'t>,
    ) -> bool {
        out.push(self.expect("if"));
        out.push(Doc::space());
        out.push(self.expr(condition));
        let mut short = self.block(then, out);
        if let Some(otherwise) = otherwise {
            self.goes_on("else", out);
            short &= match self.otherwise_if(otherwise) {
                Some((condition, then, otherwise)) if self.cursor.word() == "if" => {
                    out.push(Doc::space());
                    self.branches(condition, then, otherwise, out)
                }
                _ => self.block(otherwise, out),
            };
        }
        short
    }

    /// The tensor type, `index<K>[T]`.
    pub fn type_expr(&mut self, ty: &TypeExpr) -> Doc<'t> {
        let TypeKind::Tensor { dtype, classes, dims } = &ty.kind;
        let mut parts = Parts::new();
        if dtype.is_some() {
            parts.push(self.take());
        }
        if let Some(classes) = classes {
            parts.extend([self.expect("<"), self.expr(*classes), self.expect(">")]);
        }
        if let Some(dims) = dims {
            let dims = self.bracket(dims, false, |writer, dim| match dim {
                DimExpr::Size(id) => writer.expr(*id),
                DimExpr::Run(_) => Doc::concat(vec![writer.expect(".."), writer.take()]),
            });
            parts.push(dims.unbroken());
        }
        Doc::concat(parts)
    }
}
