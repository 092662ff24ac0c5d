//! W0608 and W0604 inside definitions: arguments and values that a definition never reads. Judged by its text, so that an arm that no
//! call takes counts as well.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::closest;
use crate::check::call::SHAPE;
use crate::check::checker::Checker;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{Arg, Ast, Block, DimExpr, ExprKind, FnBody, Name, Param, Stmt, StmtKind, TypeExpr, TypeKind};

/// The names that a file reads, by where they stand.
struct Reads<'a>(BTreeMap<usize, &'a str>);

impl<'a> Reads<'a> {
    fn new(ast: &'a Ast) -> Reads<'a> {
        let mut reads = BTreeMap::new();
        for expr in ast.exprs.iter() {
            match &expr.kind {
                ExprKind::Name(name) => drop(reads.insert(expr.span.start as usize, name.as_str())),
                ExprKind::Cast { ty, .. } => {
                    reads.extend(runs(ty).map(|name| (name.span.start as usize, name.text.as_str())));
                }
                _ => {}
            }
        }
        Reads(reads)
    }

    /// The names read within `span`, each with the place where it is read first.
    fn within(&self, span: Span) -> BTreeMap<&'a str, Span> {
        let mut found = BTreeMap::new();
        for (start, name) in self.0.range(span.start as usize..span.end as usize) {
            found.entry(*name).or_insert_with(|| Span::new(span.file, *start, start + name.len()));
        }
        found
    }
}

/// What the text of a definition binds.
#[derive(Default)]
struct Bound<'a> {
    /// The values of its body.
    values: Vec<&'a Name>,
    /// All names: arguments, values, rounds of loops, parameters, definitions of its own.
    all: BTreeSet<&'a str>,
    /// The names that it reads where no expression stands.
    read: BTreeSet<&'a str>,
    /// The definitions in its body.
    inner: Vec<&'a Stmt>,
}

impl<'a> Bound<'a> {
    fn block(&mut self, block: &'a Block) {
        for stmt in &block.stmts {
            match &stmt.kind {
                StmtKind::Bind { names, .. } => self.values.extend(names),
                StmtKind::Const { name, .. } => self.values.push(name),
                StmtKind::Param(Param { name, ty, .. }) | StmtKind::State { name, ty, .. } => {
                    self.all.insert(&name.text);
                    self.runs(ty);
                }
                StmtKind::Update { name, .. } => drop(self.read.insert(&name.text)),
                StmtKind::For { names, body, .. } => {
                    self.all.extend(names.iter().map(|name| name.text.as_str()));
                    self.block(body);
                }
                StmtKind::If { then, otherwise, .. } => {
                    self.block(then);
                    otherwise.iter().for_each(|block| self.block(block));
                }
                StmtKind::Fn(def) => {
                    self.all.insert(&def.name.text);
                    self.inner.push(stmt);
                }
                StmtKind::Layer(def) => {
                    self.all.insert(&def.name.text);
                    self.inner.push(stmt);
                }
                _ => {}
            }
        }
        self.all.extend(self.values.iter().map(|name| name.text.as_str()));
    }

    fn args(&mut self, args: impl Iterator<Item = &'a Arg>) {
        for arg in args {
            self.all.insert(&arg.name.text);
            arg.ty.iter().for_each(|ty| self.runs(ty));
        }
    }

    fn runs(&mut self, ty: &'a TypeExpr) {
        self.read.extend(runs(ty).map(|name| name.text.as_str()));
    }
}

/// The runs of sizes that a type names.
fn runs(ty: &TypeExpr) -> impl Iterator<Item = &Name> {
    let TypeKind::Tensor { dims, .. } = &ty.kind;
    dims.iter().flatten().filter_map(|dim| match dim {
        DimExpr::Run(name) => Some(name),
        DimExpr::Size(_) => None,
    })
}

impl<'a> Checker<'a> {
    /// Judges all definitions of the file.
    pub fn unused_in_definitions(&mut self, items: &'a [Stmt]) {
        let reads = Reads::new(self.here.ast);
        let mut open: Vec<&Stmt> = items.iter().collect();
        while let Some(stmt) = open.pop() {
            let mut bound = Bound::default();
            let (args, name): (Vec<&Arg>, &Name) = match &stmt.kind {
                StmtKind::Fn(def) => {
                    if let FnBody::Block(block) = &def.body {
                        bound.block(block);
                    }
                    def.returns.iter().for_each(|ty| bound.runs(ty));
                    (def.args.iter().collect(), &def.name)
                }
                StmtKind::Layer(def) => {
                    bound.block(&def.body);
                    def.returns.iter().for_each(|ty| bound.runs(ty));
                    (def.hypers.iter().chain(&def.args).collect(), &def.name)
                }
                _ => continue,
            };
            bound.args(args.iter().copied());
            let read = reads.within(stmt.span);
            let is_unused = |name: &Name| {
                let text = name.text.as_str();
                !read.contains_key(text) && !bound.read.contains(text) && !text.starts_with('_')
            };
            for arg in args.iter().filter(|arg| is_unused(&arg.name) && arg.name.text != SHAPE) {
                let outer = read.iter().filter(|(text, _)| !bound.all.contains(**text));
                self.unread_argument(&arg.name, name, &outer.map(|(text, span)| (*text, *span)).collect());
            }
            for value in bound.values.iter().filter(|value| is_unused(value)) {
                let title = format!("value `{}` is never used", value.text);
                let diagnostic = Diagnostic::at(Code::W0604, value.span, title, "not used in this definition")
                    .help(format!("remove it, or call it `_{}`", value.text));
                self.report(diagnostic);
            }
            open.extend(bound.inner);
        }
    }

    /// Reports an argument that is not read; `outer` are the names from outside that the definition reads instead.
    fn unread_argument(&mut self, arg: &Name, owner: &Name, outer: &BTreeMap<&str, Span>) {
        let title = format!("`{}` never reads its argument `{}`", owner.text, arg.text);
        let mut diagnostic = Diagnostic::at(Code::W0608, arg.span, title, "whatever is given makes no difference");
        let near = closest(&arg.text, outer.keys().copied()).filter(|near| self.is_own(near));
        if let Some((near, at)) = near.and_then(|near| Some((near, *outer.get(near)?))) {
            diagnostic = diagnostic
                .label(at, "this is bound outside the definition")
                .help(format!("if the argument is meant there, write `{}`", arg.text))
                .fix(format!("call the argument `{near}`"), arg.span, near, Applicability::Maybe);
        }
        self.report(diagnostic.help(format!("remove it, or call it `_{}`", arg.text)));
    }

    /// Whether the file itself binds a name, not the library.
    fn is_own(&self, name: &str) -> bool {
        let span = self.scopes.peek(self.here.scope, name).and_then(|binding| binding.span);
        span.is_some_and(|span| !self.sources.is_library(span))
    }
}
