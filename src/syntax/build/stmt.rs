//! Statements, their heads and their blocks. Recovery builds heads and blocks apart, so they are functions of their own.

use super::{Builder, Parts};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{
    Arg, Block, DataSource, ExprId, FnBody, Function, LayerDef, Loss, Name, Param, Setting, Stmt, StmtKind, Str,
    TypeExpr, Where,
};
use crate::syntax::grammar::{Node, Rule};

/// The head of a function (one list) or a layer (two).
pub(in crate::syntax) struct Signature {
    pub name: Name,
    pub lists: Vec<Vec<Arg>>,
    pub returns: Vec<TypeExpr>,
    pub wheres: Vec<Where>,
}

impl Signature {
    /// The function of this head with `body`.
    pub fn function(self, body: FnBody) -> StmtKind {
        let args = self.lists.into_iter().flatten().collect();
        StmtKind::Fn(Function { name: self.name, args, returns: self.returns, wheres: self.wheres, body })
    }

    /// The layer of this head with `body`.
    pub fn layer(self, body: Block) -> StmtKind {
        let mut lists = self.lists.into_iter();
        let hypers = lists.next().unwrap_or_default();
        let args = lists.next().unwrap_or_default();
        StmtKind::Layer(LayerDef { name: self.name, hypers, args, returns: self.returns, wheres: self.wheres, body })
    }
}

impl Builder<'_, '_> {
    /// A statement with its documentation.
    pub fn stmt(&mut self, node: Node<'_>) -> Stmt {
        let span = self.trimmed(&node);
        let kind = self.stmt_kind(node);
        Stmt { kind, span, doc: self.doc(span) }
    }

    /// The documentation of what begins where `span` does.
    pub fn doc(&self, span: Span) -> Option<String> {
        self.stream.doc(span.start as usize)
    }

    fn stmt_kind(&mut self, node: Node<'_>) -> StmtKind {
        let rule = node.as_rule();
        let start = self.span(&node);
        let mut parts = Parts::of(node);
        match rule {
            Rule::bind => {
                let names = self.names(parts.demand());
                StmtKind::Bind { names, values: self.exprs(parts.demand()).0 }
            }
            Rule::import => self.import(parts),
            Rule::const_stmt => StmtKind::Const { name: self.name(parts.demand()), value: self.expr(parts.demand()) },
            Rule::fn_stmt => {
                let signature = self.signature(parts.demand());
                let body = parts.demand();
                signature.function(match body.as_rule() {
                    Rule::block => FnBody::Block(self.block(body)),
                    _ => FnBody::Exprs(self.exprs(Parts::of(body).demand()).0),
                })
            }
            Rule::layer => {
                let signature = self.signature(parts.demand());
                signature.layer(self.block(parts.demand()))
            }
            Rule::input => {
                let names = self.names(parts.demand());
                let ty = self.type_expr(parts.demand());
                StmtKind::Input { names, ty, from: self.clause(&mut parts, Rule::from) }
            }
            Rule::param => self.param(parts),
            Rule::state => {
                let name = self.name(parts.demand());
                let path = parts.take_if(Rule::string).map(|node| self.string(node));
                let ty = self.type_expr(parts.demand());
                StmtKind::State { name, path, ty, init: self.expr(parts.demand()) }
            }
            Rule::update => StmtKind::Update { name: self.name(parts.demand()), value: self.expr(parts.demand()) },
            Rule::loss => self.loss(start, parts),
            Rule::metric => StmtKind::Metric { name: self.name(parts.demand()), value: self.expr(parts.demand()) },
            Rule::output => {
                StmtKind::Output { name: self.name(parts.demand()), value: self.clause(&mut parts, Rule::init) }
            }
            Rule::for_stmt => {
                let (names, iterable) = self.for_head(parts.demand());
                StmtKind::For { names, iterable, body: self.block(parts.demand()) }
            }
            Rule::if_stmt => self.if_stmt(parts),
            Rule::assert => {
                let condition = self.expr(parts.demand());
                StmtKind::Assert { condition, message: self.message(&mut parts) }
            }
            Rule::data => self.data(parts),
            Rule::train => {
                let settings = Parts::of(parts.nth(1).expect("`train` has settings"));
                StmtKind::Train { settings: settings.map(|node| self.setting(node)).collect() }
            }
            _ => {
                let title = self.test_head(parts.demand());
                StmtKind::Test { title, body: self.block(parts.demand()) }
            }
        }
    }

    /// `{ ... }` with or without a `return`.
    fn block(&mut self, node: Node<'_>) -> Block {
        let span = self.span(&node);
        let mut block = Block { stmts: Vec::new(), result: None, span };
        for part in Parts::of(node) {
            if part.as_rule() == Rule::result {
                block.result = Some(self.result(part));
            } else {
                let stmt = self.stmt(part);
                block.stmts.push(stmt);
            }
        }
        block
    }

    /// `return e, f`.
    pub fn result(&mut self, node: Node<'_>) -> (Vec<ExprId>, Span) {
        let start = self.span(&node);
        let (values, span) = self.exprs(Parts::of(node).demand());
        (values, Span { end: span.end, ..start })
    }

    /// The head of a `fn` or a `layer`.
    pub fn signature(&mut self, node: Node<'_>) -> Signature {
        let mut parts = Parts::of(node);
        let name = self.name(parts.demand());
        let mut signature = Signature { name, lists: Vec::new(), returns: Vec::new(), wheres: Vec::new() };
        for part in parts {
            match part.as_rule() {
                Rule::params => signature.lists.push(Parts::of(part).map(|arg| self.arg(arg)).collect()),
                Rule::returns => signature.returns = Parts::of(part).map(|ty| self.type_expr(ty)).collect(),
                _ => signature.wheres = Parts::of(part).map(|item| self.where_item(item)).collect(),
            }
        }
        signature
    }

    fn arg(&mut self, node: Node<'_>) -> Arg {
        let mut parts = Parts::of(node);
        let name = self.name(parts.demand());
        let ty = parts.take_if(Rule::arg_type).map(|node| self.type_expr(Parts::of(node).demand()));
        Arg { name, ty, default: self.clause(&mut parts, Rule::arg_default) }
    }

    fn where_item(&mut self, node: Node<'_>) -> Where {
        let mut parts = Parts::of(node);
        let condition = self.expr(parts.demand());
        Where { condition, message: self.message(&mut parts) }
    }

    fn message(&mut self, parts: &mut Parts<'_>) -> Option<Str> {
        parts.take_if(Rule::message).map(|node| self.string(Parts::of(node).demand()))
    }

    /// The expression of an optional clause such as `from e` or `= e`.
    fn clause(&mut self, parts: &mut Parts<'_>, rule: Rule) -> Option<ExprId> {
        parts.take_if(rule).map(|node| self.expr(Parts::of(node).demand()))
    }

    fn import(&mut self, mut parts: Parts<'_>) -> StmtKind {
        let path = self.string(parts.demand());
        let (mut alias, mut names) = (None, Vec::new());
        if let Some(part) = parts.next() {
            let rule = part.as_rule();
            let part = Parts::of(part).demand();
            if rule == Rule::import_as {
                alias = Some(self.name(part));
            } else {
                names = self.names(part);
            }
        }
        StmtKind::Import { path, alias, names }
    }

    fn param(&mut self, mut parts: Parts<'_>) -> StmtKind {
        let name = self.name(parts.demand());
        let path = parts.take_if(Rule::string).map(|node| self.string(node));
        let ty = self.type_expr(parts.demand());
        let mut param = Param { name, path, ty, frozen: None, lr: None, decay: None, init: None };
        for part in parts {
            let rule = part.as_rule();
            let span = self.span(&part);
            if rule == Rule::kw_frozen {
                self.once("frozen", span, param.frozen.is_some());
                param.frozen = Some(span);
                continue;
            }
            let value = Some(self.expr(Parts::of(part).demand()));
            match rule {
                Rule::lr => {
                    self.once("lr", Span { end: span.start + 2, ..span }, param.lr.is_some());
                    param.lr = value;
                }
                Rule::decay => {
                    self.once("decay", Span { end: span.start + 5, ..span }, param.decay.is_some());
                    param.decay = value;
                }
                _ => param.init = value,
            }
        }
        StmtKind::Param(param)
    }

    /// Reports a clause that was written before.
    fn once(&mut self, word: &str, span: Span, again: bool) {
        if again {
            let title = format!("`{word}` is said twice");
            self.diagnostics.push(Diagnostic::at(Code::E0109, span, title, "once is enough"));
        }
    }

    fn loss(&mut self, start: Span, mut parts: Parts<'_>) -> StmtKind {
        let keyword = Span { end: start.start + 4, ..start };
        let name = parts.take_if(Rule::loss_name).map(|node| self.name(Parts::of(node).demand()));
        let targets = parts.take_if(Rule::targets).map(|node| Parts::of(node).map(|path| self.names(path)).collect());
        let weight = self.clause(&mut parts, Rule::weight);
        let value = self.expr(parts.demand());
        StmtKind::Loss(Loss { name, keyword, targets: targets.unwrap_or_default(), weight, value })
    }

    /// The head of a `for`: its names, and what it runs over.
    pub fn for_head(&mut self, node: Node<'_>) -> (Vec<Name>, ExprId) {
        let mut parts = Parts::of(node);
        (self.names(parts.demand()), self.expr(parts.demand()))
    }

    /// The head of an `if`: its condition.
    pub fn if_head(&mut self, node: Node<'_>) -> ExprId {
        self.expr(Parts::of(node).demand())
    }

    fn if_stmt(&mut self, mut parts: Parts<'_>) -> StmtKind {
        let condition = self.if_head(parts.demand());
        let then = self.block(parts.demand());
        let otherwise = parts.next().map(|node| match node.as_rule() {
            Rule::if_stmt => {
                let stmt = self.stmt(node);
                let span = stmt.span;
                Block { stmts: vec![stmt], result: None, span }
            }
            _ => self.block(node),
        });
        StmtKind::If { condition, then, otherwise }
    }

    /// The head of a `data` statement: its name.
    pub fn data_head(&mut self, node: Node<'_>) -> Name {
        self.name(Parts::of(node).demand())
    }

    fn data(&mut self, mut parts: Parts<'_>) -> StmtKind {
        let name = self.data_head(parts.demand());
        let part = parts.demand();
        let source = match part.as_rule() {
            Rule::columns => DataSource::Columns(Parts::of(part).map(|node| self.column(node)).collect()),
            _ => DataSource::Whole(self.expr(Parts::of(part).demand())),
        };
        StmtKind::Data { name, source }
    }

    /// `name = e` in a `data` block.
    pub fn column(&mut self, node: Node<'_>) -> (Name, ExprId) {
        let mut parts = Parts::of(node);
        (self.name(parts.demand()), self.expr(parts.demand()))
    }

    /// `key = e` or `key loss = e` in a `train` block.
    pub fn setting(&mut self, node: Node<'_>) -> Setting {
        let mut parts = node.into_inner().filter(|node| !matches!(node.as_rule(), Rule::comma)).peekable();
        let key = self.name(parts.next().expect("a setting has a key"));
        let qualifier = parts.next_if(|node| node.as_rule() != Rule::assign).map(|node| self.name(node));
        let value = parts.find(|node| node.as_rule() != Rule::assign).expect("a setting has a value");
        let value = match value.as_rule() {
            Rule::loss_word => self.loss_word(value),
            _ => self.expr(value),
        };
        Setting { key, qualifier, value }
    }

    /// The head of a `test`: its title.
    pub fn test_head(&mut self, node: Node<'_>) -> Str {
        self.string(Parts::of(node).demand())
    }
}
