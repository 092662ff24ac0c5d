//! What constructs have in common: tokens with their comments, lists in brackets, runs of statements and blocks.

use super::doc::Doc;
use super::{Parts, Writer};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprKind, Stmt, StmtKind};

impl<'t> Writer<'t> {
    /// The next token, below the comments in front of it.
    pub fn take(&mut self) -> Doc<'t> {
        let mut parts: Parts = self.cursor.comments().into_iter().map(Doc::comment).collect();
        let token = Doc::text(self.cursor.next());
        if parts.is_empty() {
            return token;
        }
        parts.push(token);
        Doc::concat(parts)
    }

    /// The next token, which is `word`.
    pub fn expect(&mut self, word: &str) -> Doc<'t> {
        debug_assert_eq!(self.cursor.word(), word);
        self.take()
    }

    /// The next token, a comma. Comments in front of it come to stand behind it.
    pub fn comma(&mut self) -> Doc<'t> {
        self.cursor.defer();
        self.expect(",")
    }

    /// Leaves a comma out, if there is one. Its comments stay.
    pub fn skip_comma(&mut self) -> bool {
        let found = self.cursor.word() == ",";
        if found {
            self.cursor.defer();
            self.cursor.next();
        }
        found
    }

    /// The comment behind the last token, on whose line it stays.
    pub fn trailing(&mut self, out: &mut Parts<'t>) {
        out.extend(self.cursor.trailing().map(Doc::comment));
    }

    /// A place where a line may end, with the comment behind the last token in front of it.
    pub fn ending(&mut self, place: Doc<'t>, out: &mut Parts<'t>) {
        self.trailing(out);
        out.push(place);
    }

    /// The comments in front of the next token, one a line.
    pub fn comments(&mut self, mut first: bool, out: &mut Parts<'t>) {
        self.trailing(out);
        for comment in self.cursor.comments() {
            out.push(Doc::hard(comment.blank && !first));
            out.push(Doc::comment(comment));
            first = false;
        }
    }

    /// Names, or other things in a row, with commas between them.
    pub fn row<T>(&mut self, items: &[T], mut item: impl FnMut(&mut Self, &T) -> Doc<'t>) -> Doc<'t> {
        let first = item(self, &items[0]);
        let mut rest = Parts::new();
        for each in &items[1..] {
            rest.push(self.comma());
            let must = !self.cursor.gap().comments.is_empty();
            self.trailing(&mut rest);
            let next = item(self, each);
            rest.push(Doc::fill(must, &next));
            rest.push(next);
        }
        Doc::concat(vec![first, Doc::concat(rest).nest()]).group(false)
    }

    /// The next token, a word, behind a blank.
    pub fn word(&mut self, out: &mut Parts<'t>) {
        out.push(Doc::space());
        out.push(self.take());
    }

    /// A list in brackets. It stays broken where the author ended it with a comma. One of numbers keeps the author's rows while it is broken.
    pub fn bracket<T>(
        &mut self,
        items: &[T],
        numbers: bool,
        mut item: impl FnMut(&mut Self, &T) -> Doc<'t>,
    ) -> Doc<'t> {
        let mut parts = vec![self.take()];
        let mut inside = Parts::new();
        let mut ended = false;
        for (at, each) in items.iter().enumerate() {
            let breaks = self.cursor.gap().breaks;
            self.trailing(&mut inside);
            let doc = item(self, each);
            inside.push(match at {
                0 => Doc::soft(),
                _ if numbers => Doc::fill(breaks, &doc),
                _ => Doc::line(),
            });
            inside.push(doc);
            if at + 1 < items.len() {
                inside.push(self.comma());
            } else {
                ended = self.skip_comma();
                inside.push(Doc::comma());
            }
        }
        self.comments(true, &mut inside);
        let empty = inside.is_empty();
        parts.push(Doc::concat(inside).nest());
        if !empty {
            parts.push(Doc::soft());
        }
        parts.push(self.take());
        Doc::concat(parts).group(ended)
    }

    /// A token that goes on with the line, as `{` and `else` do. With comments in front of it, it begins one.
    pub fn goes_on(&mut self, token: &str, out: &mut Parts<'t>) {
        if self.cursor.gap().comments.is_empty() {
            out.push(Doc::space());
        } else {
            self.comments(true, out);
            out.push(Doc::hard(false));
        }
        out.push(self.expect(token));
    }

    /// `}`, below the comments in front of it.
    fn close_brace(&mut self, place: Doc<'t>, mut inside: Parts<'t>, out: &mut Parts<'t>) {
        let first = inside.is_empty();
        self.comments(first, &mut inside);
        let empty = inside.is_empty();
        out.push(Doc::concat(inside).nest());
        if !empty {
            out.push(place);
        }
        out.push(self.expect("}"));
    }

    /// The line break in front of a statement, and the comments above it. Says whether the one directly above wants the statement whole,
    /// as `# allow` does, which means a line.
    fn above(&mut self, first: bool, out: &mut Parts<'t>) -> bool {
        let comments = &self.cursor.gap().comments;
        let some = comments.iter().any(|comment| comment.trailing.is_none());
        let allow = comments.last().is_some_and(|comment| {
            comment.trailing.is_none() && comment.text.trim_start_matches('#').trim_start().starts_with("allow ")
        });
        self.comments(first, out);
        out.push(Doc::hard(self.cursor.gap().blank && (some || !first)));
        allow
    }

    /// A statement, a column or a setting. A line that an `# allow` above it means is not broken, as long as it was one.
    fn statement(&self, allow: bool, span: Span, doc: Doc<'t>) -> Doc<'t> {
        let text = &self.text[span.range()];
        let whole = allow && text.split_once('\n').is_none_or(|(line, _)| line.trim_end().ends_with('{'));
        doc.statement(whole)
    }

    /// All of a file.
    pub fn file(&mut self) -> Doc<'t> {
        let mut parts = Parts::new();
        self.run(&self.ast.items, &mut parts);
        let first = parts.is_empty();
        self.comments(first, &mut parts);
        Doc::concat(parts)
    }

    /// Statements, each on a line of its own, the blank lines between them kept.
    fn run(&mut self, stmts: &'t [Stmt], out: &mut Parts<'t>) {
        for stmt in stmts {
            let allow = self.above(out.is_empty(), out);
            let doc = self.stmt(stmt);
            out.push(self.statement(allow, stmt.span, doc));
        }
    }

    /// The body of `data` and `train`: entries without commas between them.
    pub fn entries<T>(
        &mut self,
        entries: &'t [T],
        out: &mut Parts<'t>,
        mut entry: impl FnMut(&mut Self, &'t T) -> (Span, Doc<'t>),
    ) -> bool {
        self.goes_on("{", out);
        let mut inside = Parts::new();
        if let [only] = entries
            && self.stays()
        {
            inside.push(Doc::line());
            inside.push(entry(self, only).1);
            self.skip_comma();
            self.close_brace(Doc::line(), inside, out);
            return true;
        }
        for each in entries {
            let allow = self.above(inside.is_empty(), &mut inside);
            let (span, doc) = entry(self, each);
            inside.push(self.statement(allow, span, doc));
            self.skip_comma();
        }
        self.close_brace(Doc::hard(false), inside, out);
        entries.is_empty()
    }

    /// Whether what stands behind a `{` may stay on its line.
    fn stays(&self) -> bool {
        !self.cursor.gap().breaks && self.cursor.gap().comments.is_empty()
    }

    /// `{ statements; return values }`, behind a blank. Says whether it may stand on one line: when it holds one simple thing, and the author
    /// did not begin a line behind its `{`.
    pub fn block(&mut self, block: &'t Block, out: &mut Parts<'t>) -> bool {
        self.goes_on("{", out);
        let mut inside = Parts::new();
        let short = match (&block.stmts[..], &block.result) {
            ([], None) => true,
            ([], Some(_)) => self.stays(),
            ([only], None) => self.stays() && is_simple(only),
            _ => false,
        };
        if short && let [only] = &block.stmts[..] {
            inside.push(Doc::line());
            inside.push(self.stmt(only));
        } else {
            self.run(&block.stmts, &mut inside);
        }
        if let Some((values, span)) = &block.result {
            let allow = if short {
                inside.push(Doc::line());
                false
            } else {
                self.above(inside.is_empty(), &mut inside)
            };
            let mut parts = Parts::new();
            if self.cursor.word() == "return" {
                parts.push(self.take());
                parts.push(Doc::space());
            }
            parts.push(self.exprs(values));
            let doc = Doc::concat(parts);
            inside.push(if short { doc } else { self.statement(allow, *span, doc) });
        }
        self.close_brace(if short { Doc::line() } else { Doc::hard(false) }, inside, out);
        short
    }

    /// Whether an expression is a written number.
    pub fn is_number(&self, kind: &ExprKind) -> bool {
        match kind {
            ExprKind::Int(_) | ExprKind::Float(_) => true,
            ExprKind::Unary { operand, .. } => {
                matches!(self.ast.exprs[*operand].kind, ExprKind::Int(_) | ExprKind::Float(_))
            }
            _ => false,
        }
    }
}

/// Whether a statement may stand on one line with the braces around it.
fn is_simple(stmt: &Stmt) -> bool {
    use StmtKind::*;
    stmt.doc.is_none()
        && matches!(
            stmt.kind,
            Bind { .. }
                | Const { .. }
                | Input { .. }
                | Param(_)
                | State { .. }
                | Update { .. }
                | Loss(_)
                | Metric { .. }
                | Output { .. }
                | Assert { .. }
        )
}
