//! What a reader would ask at each line: the type of a bound value, and of each stage of a chain that takes several lines.

use super::view::View;
use crate::check::{Note, Seen};
use crate::source::Span;
use crate::syntax::ast::{Ast, Block, ExprId, ExprKind, FnBody, Stmt, StmtKind};

/// A text that stands in the program without being of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The byte that it stands before.
    pub at: u32,
    /// The text.
    pub text: String,
}

/// The hints from byte `start` to byte `end`, in order.
pub fn hints(view: &View, start: u32, end: u32) -> Vec<Hint> {
    let mut found = Found { view, start, end, hints: Vec::new() };
    found.stmts(&view.syntax.ast.items);
    found.stages(&view.syntax.ast);
    found.hints.sort_by_key(|hint| hint.at);
    found.hints
}

struct Found<'v, 'a> {
    view: &'v View<'a>,
    start: u32,
    end: u32,
    hints: Vec<Hint>,
}

impl Found<'_, '_> {
    fn stmts(&mut self, stmts: &[Stmt]) {
        let (start, end) = (self.start, self.end);
        for stmt in stmts.iter().filter(|stmt| stmt.span.end >= start && stmt.span.start <= end) {
            match &stmt.kind {
                StmtKind::Bind { names, values } => {
                    // A call that several names are bound to says nothing that a reader sees; a number says all.
                    let exprs = &self.view.syntax.ast.exprs;
                    let plain = |id: &ExprId| {
                        matches!(exprs[*id].kind, ExprKind::Name(_) | ExprKind::Int(_) | ExprKind::Float(_))
                    };
                    if !values.iter().all(plain) {
                        names.iter().for_each(|name| self.name(name.span));
                    }
                }
                StmtKind::Metric { name, .. } => self.name(name.span),
                StmtKind::Output { name, .. } => self.name(name.span),
                StmtKind::Loss(loss) => loss.name.iter().for_each(|name| self.name(name.span)),
                StmtKind::Layer(def) => self.block(&def.body),
                StmtKind::Fn(def) => match &def.body {
                    FnBody::Block(block) => self.block(block),
                    FnBody::Exprs(_) => {}
                },
                StmtKind::For { body, .. } | StmtKind::Test { body, .. } => self.block(body),
                StmtKind::If { then, otherwise, .. } => {
                    self.block(then);
                    otherwise.iter().for_each(|block| self.block(block));
                }
                _ => {}
            }
        }
    }

    fn block(&mut self, block: &Block) {
        self.stmts(&block.stmts);
    }

    fn name(&mut self, span: Span) {
        let Some(facts) = self.view.facts else { return };
        let note = self.view.seen_at(span).and_then(|seen| facts.notes.names.get(&seen));
        self.push(span.end, note);
    }

    /// The stages of chains that end their line.
    fn stages(&mut self, ast: &Ast) {
        let Some(facts) = self.view.facts else { return };
        for expr in ast.exprs.iter() {
            let ExprKind::Pipe { target, .. } = &expr.kind else { continue };
            let span = ast.exprs[*target].span;
            if span.end < self.start || span.end > self.end {
                continue;
            }
            let rest = self.view.syntax.text[span.end as usize..].trim_start_matches([' ', '\t', '\r']);
            let next = rest.trim_start();
            if rest.starts_with('\n') && next.starts_with("|>") {
                let note = self.view.seen_at(span).and_then(|seen| facts.notes.results.get(&seen));
                self.push(span.end, note);
            }
        }
    }

    fn push(&mut self, at: u32, note: Option<&Note>) {
        let Some(Note { seen, varies: false }) = note else { return };
        if let [Seen::Tensor(ty)] = seen.as_slice()
            && (self.start..=self.end).contains(&at)
        {
            self.hints.push(Hint { at, text: format!(": {ty}") });
        }
    }
}
