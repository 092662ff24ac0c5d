//! What a file holds at a glance: its statements as a tree, and the parts that fold.

use super::names::Kind;
use super::view::Syntax;
use crate::source::Span;
use crate::syntax::TokenKind;
use crate::syntax::ast::{Arg, Block, ExprKind, FnBody, Name, Stmt, StmtKind};

/// One line of an outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// What it is; none of a data set, a `train` block or a test.
    pub kind: Option<Kind>,
    /// What stands behind the name, on one line.
    pub detail: String,
    /// The whole statement.
    pub span: Span,
    /// The name alone.
    pub name_span: Span,
    /// What stands in it.
    pub inside: Vec<Entry>,
}

/// The longest detail, in letters.
const DETAIL: usize = 60;

/// The outline of a file.
pub fn outline(syntax: &Syntax) -> Vec<Entry> {
    entries(syntax, &syntax.ast.items)
}

fn entries(syntax: &Syntax, stmts: &[Stmt]) -> Vec<Entry> {
    stmts.iter().flat_map(|stmt| entry(syntax, stmt)).collect()
}

/// What a statement adds to the outline: an entry for each name that it declares.
fn entry(syntax: &Syntax, stmt: &Stmt) -> Vec<Entry> {
    let one = |name: &Name, kind: Kind, detail: String| Entry {
        name: name.text.clone(),
        kind: Some(kind),
        detail,
        span: stmt.span,
        name_span: name.span,
        inside: Vec::new(),
    };
    let value = |id: crate::syntax::ast::ExprId| line(syntax.text_of(syntax.ast.exprs[id].span));
    let block = |name: &str, name_span: Span, body: Vec<Entry>| Entry {
        name: name.to_owned(),
        kind: None,
        detail: String::new(),
        span: stmt.span,
        name_span,
        inside: body,
    };
    match &stmt.kind {
        StmtKind::Const { name, value: id } => vec![one(name, Kind::Const, value(*id))],
        StmtKind::Fn(def) => {
            let body = match &def.body {
                FnBody::Block(body) => entries(syntax, &body.stmts),
                FnBody::Exprs(_) => Vec::new(),
            };
            let detail = format!("({})", arguments(syntax, &def.args));
            vec![Entry { inside: body, ..one(&def.name, Kind::Function, detail) }]
        }
        StmtKind::Layer(def) => {
            let detail = format!("({})({})", arguments(syntax, &def.hypers), arguments(syntax, &def.args));
            vec![Entry { inside: entries(syntax, &def.body.stmts), ..one(&def.name, Kind::Layer, detail) }]
        }
        StmtKind::Input { names, ty, .. } => {
            names.iter().map(|name| one(name, Kind::Input, line(syntax.text_of(ty.span)))).collect()
        }
        StmtKind::Param(param) => vec![one(&param.name, Kind::Param, line(syntax.text_of(param.ty.span)))],
        StmtKind::State { name, ty, .. } => vec![one(name, Kind::State, line(syntax.text_of(ty.span)))],
        StmtKind::Loss(loss) => {
            let keyword = Name { text: "loss".to_owned(), span: loss.keyword };
            vec![one(loss.name.as_ref().unwrap_or(&keyword), Kind::Loss, value(loss.value))]
        }
        StmtKind::Metric { name, value: id } => vec![one(name, Kind::Metric, value(*id))],
        StmtKind::Output { name, value: id } => vec![one(name, Kind::Output, id.map(value).unwrap_or_default())],
        StmtKind::Bind { names, values } => {
            let detail = if let [id] = values[..] { value(id) } else { String::new() };
            names.iter().map(|name| one(name, Kind::Value, detail.clone())).collect()
        }
        StmtKind::For { body, .. } => entries(syntax, &body.stmts),
        StmtKind::If { then, otherwise, .. } => {
            let otherwise = otherwise.iter().flat_map(|block: &Block| entries(syntax, &block.stmts));
            entries(syntax, &then.stmts).into_iter().chain(otherwise).collect()
        }
        StmtKind::Data { name, .. } => vec![block(&format!("data {}", name.text), name.span, Vec::new())],
        StmtKind::Train { .. } => {
            vec![block("train", Span { end: stmt.span.start + "train".len() as u32, ..stmt.span }, Vec::new())]
        }
        StmtKind::Test { title, body } => {
            vec![block(&format!("test \"{}\"", title.value), title.span, entries(syntax, &body.stmts))]
        }
        StmtKind::Import { .. } | StmtKind::Update { .. } | StmtKind::Assert { .. } => Vec::new(),
    }
}

fn arguments(syntax: &Syntax, args: &[Arg]) -> String {
    let text = |arg: &Arg| {
        let ty = arg.ty.as_ref().map(|ty| format!(": {}", line(syntax.text_of(ty.span)))).unwrap_or_default();
        format!("{}{ty}", arg.name.text)
    };
    args.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// A text on one line, cut where it is long.
fn line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.chars().count() > DETAIL {
        true => line.chars().take(DETAIL - 1).chain(['…']).collect(),
        false => line,
    }
}

/// What folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldKind {
    /// Lines of comments.
    Comment,
    /// `import` statements.
    Imports,
    /// Anything else.
    Region,
}

/// A part that folds: it takes several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// Its first byte.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// What it is.
    pub kind: FoldKind,
}

/// The parts of a file that fold: brackets, chains, comments, imports.
pub fn folds(syntax: &Syntax) -> Vec<Fold> {
    let mut found = brackets(syntax);
    found.extend(comments(syntax));
    let region = |span: Span| Fold { start: span.start, end: span.end, kind: FoldKind::Region };
    let is_chain = |stmt: &&Stmt| match &stmt.kind {
        StmtKind::Bind { values, .. } => {
            values.iter().any(|id| matches!(syntax.ast.exprs[*id].kind, ExprKind::Pipe { .. }))
        }
        _ => false,
    };
    found.extend(syntax.ast.items.iter().filter(is_chain).map(|stmt| region(stmt.span)));
    let mut imports = syntax.ast.items.iter().filter(|item| matches!(item.kind, StmtKind::Import { .. }));
    if let (Some(first), Some(last)) = (imports.next(), imports.next_back()) {
        found.push(Fold { start: first.span.start, end: last.span.end, kind: FoldKind::Imports });
    }
    found.retain(|fold| syntax.text[fold.start as usize..fold.end as usize].contains('\n'));
    found.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
    found.dedup_by_key(|fold| fold.start);
    found
}

fn brackets(syntax: &Syntax) -> Vec<Fold> {
    let (mut open, mut found) = (Vec::new(), Vec::new());
    for token in &syntax.tokens {
        if token.kind.is_opener() {
            open.push(*token);
        } else if let Some(opener) = token.kind.opener()
            && open.last().is_some_and(|last| last.kind == opener)
            && let Some(start) = open.pop()
        {
            found.push(Fold { start: start.start, end: token.end, kind: FoldKind::Region });
        }
    }
    found
}

fn comments(syntax: &Syntax) -> Vec<Fold> {
    let mut found: Vec<Fold> = Vec::new();
    let mut run: Option<Fold> = None;
    for token in &syntax.tokens {
        match token.kind {
            TokenKind::Comment | TokenKind::DocComment => {
                let start = run.map_or(token.start, |run| run.start);
                run = Some(Fold { start, end: token.end, kind: FoldKind::Comment });
            }
            TokenKind::Whitespace if syntax.token_text(*token).matches('\n').count() < 2 => {}
            _ => found.extend(run.take()),
        }
    }
    found.extend(run);
    found.retain(|fold| begins_line(&syntax.text, fold.start));
    found
}

/// Whether nothing but blanks stands before byte `at` on its line.
fn begins_line(text: &str, at: u32) -> bool {
    let before = text[..at as usize].trim_end_matches([' ', '\t']);
    before.is_empty() || before.ends_with('\n')
}
