//! Statements.

use super::doc::Doc;
use super::expr::Below;
use super::{Parts, Writer};
use crate::source::Span;
use crate::syntax::ast::{
    Arg, Block, DataSource, ExprId, ExprKind, FnBody, Function, LayerDef, Loss, Name, Param, Setting, Stmt, StmtKind,
    TypeExpr, Where,
};

/// `if c { .. } else { .. }`.
type Branches<'t> = (ExprId, &'t Block, Option<&'t Block>);

impl<'t> Writer<'t> {
    /// A statement without the comments around it.
    pub fn stmt(&mut self, stmt: &'t Stmt) -> Doc<'t> {
        let mut out = Parts::new();
        if !matches!(stmt.kind, StmtKind::Bind { .. } | StmtKind::If { .. }) {
            out.push(self.take());
        }
        let short = self.behind_keyword(&stmt.kind, &mut out);
        Doc::concat(out).group(!short)
    }

    /// What follows the word that a statement of this kind begins with, if one does. Says whether the statement may stand on one line.
    fn behind_keyword(&mut self, kind: &'t StmtKind, out: &mut Parts<'t>) -> bool {
        match kind {
            StmtKind::Bind { names, values } => {
                out.push(self.row(names, |writer, _| writer.take()));
                self.assign(values, Below::Operators, out);
            }
            StmtKind::If { condition, then, otherwise } => {
                return self.branches(*condition, then, otherwise.as_ref(), out);
            }
            StmtKind::Import { names, .. } => self.import(names, out),
            StmtKind::Fn(function) => return self.function(function, out),
            StmtKind::Layer(layer) => return self.layer(layer, out),
            StmtKind::Input { names, ty, from } => {
                out.push(Doc::space());
                out.push(self.row(names, |writer, _| writer.take()));
                self.annotation(ty, out);
                if let Some(from) = from {
                    self.clause(*from, out);
                }
            }
            StmtKind::Param(param) => self.param(param, out),
            StmtKind::State { path, ty, init, .. } => {
                self.word(out);
                if path.is_some() {
                    self.word(out);
                }
                self.annotation(ty, out);
                self.assign(&[*init], Below::Operators, out);
            }
            StmtKind::Loss(loss) => self.loss(loss, out),
            StmtKind::Const { value, .. } | StmtKind::Update { value, .. } | StmtKind::Metric { value, .. } => {
                self.word(out);
                self.assign(&[*value], Below::Operators, out);
            }
            StmtKind::Output { value, .. } => {
                self.word(out);
                if let Some(value) = value {
                    self.assign(&[*value], Below::Operators, out);
                }
            }
            StmtKind::For { names, iterable, body } => {
                out.push(Doc::space());
                out.push(self.row(names, |writer, _| writer.take()));
                self.clause(*iterable, out);
                return self.block(body, out);
            }
            StmtKind::Assert { condition, message } => {
                out.push(Doc::space());
                out.push(self.claim(*condition, message.is_some()));
            }
            StmtKind::Data { source, .. } => {
                self.word(out);
                return match source {
                    DataSource::Whole(value) => {
                        self.assign(&[*value], Below::Operators, out);
                        true
                    }
                    DataSource::Columns(columns) => self.entries(columns, out, |writer, (name, value)| {
                        let span = name.span.to(writer.ast.exprs[*value].span);
                        let mut parts = vec![writer.take()];
                        writer.assign(&[*value], Below::Operators, &mut parts);
                        (span, Doc::concat(parts))
                    }),
                };
            }
            StmtKind::Train { settings } => return self.entries(settings, out, Self::setting),
            StmtKind::Test { body, .. } => {
                self.word(out);
                return self.block(body, out);
            }
        }
        true
    }

    fn import(&mut self, names: &[Name], out: &mut Parts<'t>) {
        self.word(out);
        match self.cursor.word() {
            ":" => {
                out.push(self.take());
                out.push(Doc::space());
                out.push(self.row(names, |writer, _| writer.take()));
            }
            "as" => {
                self.word(out);
                self.word(out);
            }
            _ => {}
        }
    }

    /// `word expression`, behind a blank.
    fn clause(&mut self, value: ExprId, out: &mut Parts<'t>) {
        self.word(out);
        out.push(Doc::space());
        out.push(self.expr(value));
    }

    /// `: type`.
    fn annotation(&mut self, ty: &TypeExpr, out: &mut Parts<'t>) {
        out.push(self.expect(":"));
        out.push(Doc::space());
        out.push(self.type_expr(ty));
    }

    fn function(&mut self, function: &'t Function, out: &mut Parts<'t>) -> bool {
        self.word(out);
        out.push(self.params(&function.args));
        self.returns(&function.returns, out);
        self.wheres(&function.wheres, out);
        match &function.body {
            FnBody::Block(block) => self.block(block, out),
            FnBody::Exprs(values) => {
                self.assign(values, Below::All, out);
                true
            }
        }
    }

    fn layer(&mut self, layer: &'t LayerDef, out: &mut Parts<'t>) -> bool {
        self.word(out);
        out.push(self.params(&layer.hypers));
        out.push(self.params(&layer.args).solid());
        self.returns(&layer.returns, out);
        self.wheres(&layer.wheres, out);
        self.block(&layer.body, out)
    }

    fn params(&mut self, args: &[Arg]) -> Doc<'t> {
        self.bracket(args, false, |writer, arg| {
            let mut parts = vec![writer.take()];
            if let Some(ty) = &arg.ty {
                writer.annotation(ty, &mut parts);
            }
            if let Some(default) = arg.default {
                writer.clause(default, &mut parts);
            }
            Doc::concat(parts)
        })
    }

    /// `-> type, type`.
    fn returns(&mut self, types: &[TypeExpr], out: &mut Parts<'t>) {
        if types.is_empty() {
            return;
        }
        let mut parts = vec![Doc::space(), self.expect("->"), Doc::space()];
        parts.push(self.row(types, Self::type_expr));
        out.push(Doc::concat(parts).solid());
    }

    /// `where` begins a line, and so does what follows it.
    fn wheres(&mut self, wheres: &[Where], out: &mut Parts<'t>) {
        if wheres.is_empty() {
            return;
        }
        let mut inside = Parts::new();
        self.ending(Doc::hard(false), &mut inside);
        inside.push(self.expect("where"));
        inside.push(Doc::space());
        let messages = wheres.iter().any(|item| item.message.is_some());
        let mut items = Parts::new();
        for (at, item) in wheres.iter().enumerate() {
            if at > 0 {
                items.push(self.comma());
                self.ending(Doc::line(), &mut items);
            }
            items.push(self.claim(item.condition, item.message.is_some()));
        }
        let items = Doc::concat(items);
        let items = if wheres.len() > 1 { items.nest() } else { items };
        inside.push(items.group(messages && wheres.len() > 1));
        out.push(Doc::concat(inside).nest());
        self.trailing(out);
        out.push(Doc::hard(false));
    }

    /// `condition, "message"`.
    fn claim(&mut self, condition: ExprId, message: bool) -> Doc<'t> {
        let condition = self.expr(condition);
        if !message {
            return condition;
        }
        let mut rest = vec![self.comma()];
        self.ending(Doc::line(), &mut rest);
        rest.push(self.take());
        Doc::concat(vec![condition, Doc::concat(rest).nest()]).group(false)
    }

    fn param(&mut self, param: &Param, out: &mut Parts<'t>) {
        self.word(out);
        if param.path.is_some() {
            self.word(out);
        }
        self.annotation(&param.ty, out);
        // The clauses stand in any order.
        loop {
            let value = match self.cursor.word() {
                "frozen" => None,
                "lr" => param.lr,
                "decay" => param.decay,
                _ => break,
            };
            match value {
                None => self.word(out),
                Some(value) => self.clause(value, out),
            }
        }
        if let Some(init) = param.init {
            self.assign(&[init], Below::Operators, out);
        }
    }

    fn loss(&mut self, loss: &Loss, out: &mut Parts<'t>) {
        if loss.name.is_some() {
            self.word(out);
        }
        if !loss.targets.is_empty() {
            self.word(out);
            out.push(Doc::space());
            out.push(self.row(&loss.targets, |writer, path| {
                let mut parts = vec![writer.take()];
                for _ in 1..path.len() {
                    parts.push(writer.expect("."));
                    parts.push(writer.take());
                }
                Doc::concat(parts)
            }));
        }
        if let Some(weight) = loss.weight {
            self.clause(weight, out);
        }
        self.assign(&[loss.value], Below::Operators, out);
    }

    fn setting(&mut self, setting: &'t Setting) -> (Span, Doc<'t>) {
        let mut parts = vec![self.take()];
        if setting.qualifier.is_some() {
            self.word(&mut parts);
        }
        self.assign(&[setting.value], Below::Operators, &mut parts);
        (setting.key.span.to(self.ast.exprs[setting.value].span), Doc::concat(parts))
    }

    /// The `if` that an `else` holds alone.
    pub fn otherwise_if(&self, block: &'t Block) -> Option<Branches<'t>> {
        match (&block.stmts[..], &block.result) {
            ([Stmt { kind: StmtKind::If { condition, then, otherwise }, .. }], None) => {
                Some((*condition, then, otherwise.as_ref()))
            }
            ([], Some((values, _))) => match &self.ast.exprs[*values.first()?].kind {
                ExprKind::If { condition, then, otherwise } => Some((*condition, then, Some(otherwise))),
                _ => None,
            },
            _ => None,
        }
    }
}
