//! Recovery: a file that does not parse as a whole is cut into statements by tokens, blocks apart from their heads, and each
//! piece is parsed on its own. So every broken statement gives one message, and everything else is in the AST.
//!
//! Here, and only here, lines matter: a piece ends before a line that begins a statement.

use super::ast::{Ast, Block, Broken, DataSource, FnBody, Name, Setting, Stmt, StmtKind};
use super::build::{Builder, Signature};
use super::explain;
use super::faults;
use super::grammar::{self, Node, Rule, Stop};
use super::stream::Stream;
use super::tokens::TokenKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// Positions of neighbouring tokens.
pub(super) type Range = std::ops::Range<usize>;

/// Where statements stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the file itself.
    Top,
    /// In a function's or layer's block, which may end with `return`.
    Function,
    /// In the block of a `for`, an `if` or a `test`.
    Inner,
}

/// The AST of a file that does not parse as a whole, and why it does not.
pub(super) fn recover(file: FileId, stream: &Stream<'_>) -> (Ast, Vec<Diagnostic>) {
    let mut recovery = Recovery { file, stream, builder: Builder::new(file, stream) };
    let items = recovery.block(0..stream.tokens.len(), Place::Top).stmts;
    let mut ast = recovery.builder.ast;
    ast.items = items;
    (ast, recovery.builder.diagnostics)
}

struct Recovery<'s, 't> {
    file: FileId,
    stream: &'s Stream<'t>,
    builder: Builder<'s, 't>,
}

impl<'t> Recovery<'_, 't> {
    /// The statements in `range`. The block's span is the caller's to set.
    fn block(&mut self, range: Range, place: Place) -> Block {
        let mut block = Block { stmts: Vec::new(), result: None, span: self.span(range.start..range.start) };
        let (mut at, mut searched) = (range.start, range.start);
        while at < range.end {
            if place == Place::Top && at >= searched {
                let closer = self.orphaned(at);
                searched = closer.unwrap_or_else(|end| end);
                if let Ok(closer) = closer {
                    self.lost_head(at..closer);
                    at = closer + 1;
                    continue;
                }
            }
            let end = self.stream.colon_head(at, range.end).unwrap_or_else(|| self.stream.cut(at, range.end));
            let start = at;
            let body_end = self.indented_body(at..end, range.end);
            at = if self.stream.word(at) == "return" {
                self.result(at..end, range.end, place, &mut block);
                end
            } else {
                self.statement(at..end, place, &mut block.stmts)
            };
            if let Some(body_end) = body_end {
                self.forget_each(at..body_end);
                at = self.further_arms(start, body_end, range.end);
            }
        }
        block
    }

    /// Where the lines end that are indented below a `head` that ends with a colon, as Python's do. The colon is what is told of them.
    fn indented_body(&self, head: Range, end: usize) -> Option<usize> {
        let tokens = &self.stream.tokens;
        let (first, next) = (tokens[head.start], head.end);
        let colon = self.stream.kind(next - 1) == Some(TokenKind::Colon);
        if !colon || !first.starts_line || next >= end || !tokens[next].starts_line {
            return None;
        }
        let outside = |at: &usize| tokens[*at].starts_line && tokens[*at].column <= first.column;
        let closes = |at: &usize| tokens[*at].partner.is_some_and(|partner| (next..*at).contains(&(partner as usize)));
        (next..end).find(|at| outside(at) && !closes(at)).or(Some(end)).filter(|body_end| *body_end > next)
    }

    /// Where the brace stands that ends the indented statements from `at` on and closes nothing: they are a body that lost its head.
    /// If there is none, as an error, up to where there is none.
    fn orphaned(&self, at: usize) -> Result<usize, usize> {
        let tokens = &self.stream.tokens;
        let column = tokens[at].column;
        if column == 0 || !tokens[at].starts_line {
            return Err(at + 1);
        }
        let outside = (at + 1..tokens.len()).find(|next| tokens[*next].starts_line && tokens[*next].column < column);
        let closes = |place: &usize| tokens[*place].kind == TokenKind::CloseBrace && tokens[*place].partner.is_none();
        outside.filter(closes).ok_or_else(|| outside.unwrap_or(tokens.len()))
    }

    /// Where the `elif` and `else` with a colon end that belong to the `if` at `start`, whose own colon was told.
    fn further_arms(&mut self, start: usize, end_of_first: usize, end: usize) -> usize {
        let mut at = end_of_first;
        while at < end
            && matches!(self.stream.word(at), "elif" | "else")
            && self.stream.tokens[at].column == self.stream.tokens[start].column
            && let Some(head) = self.stream.colon_head(at, end)
            && let Some(body_end) = self.indented_body(at..head, end)
        {
            self.forget_each(head..body_end);
            at = body_end;
        }
        at
    }

    /// Reports a body without a head, and what it would bind as broken.
    fn lost_head(&mut self, body: Range) {
        let closer = self.span(body.end..body.end + 1);
        let diagnostic = Diagnostic::at(Code::E0109, closer, "this `}` closes nothing", "no bracket is open here")
            .label(self.span(body.start..body.start + 1), "these lines look like the body of something")
            .help("write the line that opens the block above them, or remove the brace");
        self.builder.diagnostics.push(diagnostic);
        self.forget_each(body);
    }

    /// Keeps the names that the statements in `body` would have bound.
    fn forget_each(&mut self, body: Range) {
        let mut at = body.start;
        while at < body.end {
            let end = self.stream.cut(at, body.end);
            self.forget(at..end);
            at = end;
        }
    }

    /// `return e, f`, which must be the last statement of a function's block.
    fn result(&mut self, range: Range, block_end: usize, place: Place, block: &mut Block) {
        let keyword = self.span(range.start..range.start + 1);
        if place != Place::Function {
            let title = "`return` stands outside a function or layer";
            let mut diagnostic = Diagnostic::at(Code::E0109, keyword, title, "nothing to return from here");
            diagnostic = match place {
                Place::Top => diagnostic.help("a result of the network is declared by `output name = value`"),
                _ => diagnostic
                    .help("the last line of a function or layer returns: `return if condition { a } else { b }`"),
            };
            self.report(range, diagnostic);
            return;
        }
        if range.end < block_end && !self.stream.word(range.end).starts_with('}') {
            let title = "`return` is not the last statement of its block";
            let next = self.span(range.end..range.end + 1);
            let diagnostic = Diagnostic::at(Code::E0109, keyword, title, "returns here")
                .label(next, "this would never be reached")
                .help("a function or layer has one `return`, its last line");
            self.report(range, diagnostic);
            return;
        }
        if let Some(node) = self.piece(Rule::piece_return, range) {
            block.result = Some(self.builder.result(node));
        }
    }

    /// The statement in `range`, and where what follows it begins.
    fn statement(&mut self, range: Range, place: Place, stmts: &mut Vec<Stmt>) -> usize {
        let Some(open) = self.stream.body_opener(&range).filter(|open| !self.stream.tokens[*open].too_deep) else {
            if let Some(nodes) = self.pieces(Rule::program, range.clone(), place) {
                for node in nodes.filter(|node| node.as_rule() != Rule::EOI) {
                    let stmt = self.builder.stmt(node);
                    stmts.push(stmt);
                }
            }
            return range.end;
        };
        let (kind, end) = self.with_body(range.clone(), open);
        if let Some(kind) = kind {
            let span = self.span(range.start..end);
            stmts.push(Stmt { kind, span, doc: self.builder.doc(span) });
        }
        end
    }

    /// A statement whose body opens at `open`, and where it ends.
    fn with_body(&mut self, range: Range, open: usize) -> (Option<StmtKind>, usize) {
        let start = range.start;
        let head = start..open;
        let (inside, end) = self.body(&range, open);
        let kind = match self.stream.word(start) {
            "fn" => self.definition(head, inside, end, Rule::piece_fn, |head, body| head.function(FnBody::Block(body))),
            "layer" => self.definition(head, inside, end, Rule::piece_layer, Signature::layer),
            "if" => return self.if_chain(range, open),
            "for" => {
                let head = self.piece(Rule::piece_for, head).map(|node| self.builder.for_head(node));
                let body = self.braces(inside, end, open, Place::Inner);
                head.map(|(names, iterable)| StmtKind::For { names, iterable, body })
            }
            "test" => {
                let head = self.piece(Rule::piece_test, head).map(|node| self.builder.test_head(node));
                let body = self.braces(inside, end, open, Place::Inner);
                head.map(|title| StmtKind::Test { title, body })
            }
            "data" => {
                let head = self.piece(Rule::piece_data, head).map(|node| self.builder.data_head(node));
                let columns = self.columns(inside);
                head.map(|name| StmtKind::Data { name, source: DataSource::Columns(columns) })
            }
            _ => {
                let head = self.piece(Rule::piece_train, head);
                let settings = self.settings(inside);
                head.map(|_| StmtKind::Train { settings })
            }
        };
        (kind, end)
    }

    /// What lies between the brace at `open` and its partner, and where what follows begins. Without a partner, the rest of
    /// `range` is inside, and the brace is reported.
    fn body(&mut self, range: &Range, open: usize) -> (Range, usize) {
        match self.stream.tokens[open].partner {
            Some(partner) => (open + 1..partner as usize, partner as usize + 1),
            None => {
                let diagnostic = faults::unclosed_brace(self.file, self.stream, range.clone(), open);
                self.builder.diagnostics.push(diagnostic);
                self.builder.ast.broken.push(Broken { names: Vec::new(), span: self.span(open..open + 1) });
                (open + 1..range.end, range.end)
            }
        }
    }

    /// The block `inside`, braces included in its span.
    fn braces(&mut self, inside: Range, end: usize, open: usize, place: Place) -> Block {
        let mut block = self.block(inside, place);
        block.span = self.span(open..end);
        block
    }

    /// A function or layer. One whose `return` is broken is broken as a whole: nobody knows what it gives.
    fn definition(
        &mut self,
        head: Range,
        inside: Range,
        end: usize,
        rule: Rule,
        make: impl FnOnce(Signature, Block) -> StmtKind,
    ) -> Option<StmtKind> {
        let open = head.end;
        let signature = self.piece(rule, head.clone()).map(|node| self.builder.signature(node))?;
        let broken = self.builder.ast.broken.len();
        let body = self.braces(inside, end, open, Place::Function);
        let lost = body.result.is_none()
            && self.builder.ast.broken[broken..]
                .iter()
                .any(|broken| self.stream.text[broken.span.range()].starts_with("return") || broken.names.is_empty());
        if lost {
            let span = signature.name.span;
            self.builder.ast.broken.push(Broken { names: vec![signature.name], span });
            return None;
        }
        Some(make(signature, body))
    }

    /// `if c { } else if d { } else { }`, where it ends.
    fn if_chain(&mut self, range: Range, open: usize) -> (Option<StmtKind>, usize) {
        let mut arms = Vec::new();
        let mut otherwise = None;
        let (mut start, mut open) = (range.start, open);
        let end = loop {
            let condition = self.piece(Rule::piece_if, start..open).map(|node| self.builder.if_head(node));
            let (inside, end) = self.body(&range, open);
            let then = self.braces(inside, end, open, Place::Inner);
            arms.push((start, condition, then));
            if end >= range.end || self.stream.word(end) != "else" {
                break end;
            }
            if self.stream.kind(end + 1) == Some(TokenKind::OpenBrace) {
                let (inside, last) = self.body(&range, end + 1);
                otherwise = Some(self.braces(inside, last, end + 1, Place::Inner));
                break last;
            }
            start = end + 1;
            match self.stream.body_opener(&(start..range.end)) {
                Some(next) if self.stream.word(start) == "if" => open = next,
                _ => {
                    self.broken(end..range.end, explain::after_else);
                    break range.end;
                }
            }
        };
        let mut kind = None;
        for (start, condition, then) in arms.into_iter().rev() {
            if let Some(kind) = kind.take() {
                let span = self.span(start..end);
                otherwise = Some(Block { stmts: vec![Stmt { kind, span, doc: None }], result: None, span });
            }
            let Some(condition) = condition else { return (None, end) };
            kind = Some(StmtKind::If { condition, then, otherwise: otherwise.take() });
        }
        (kind, end)
    }

    /// The entries of a `data` block.
    fn columns(&mut self, inside: Range) -> Vec<(Name, super::ast::ExprId)> {
        let mut columns = Vec::new();
        for entry in self.stream.entries(inside) {
            let nodes = self.pieces(Rule::piece_column, entry, Place::Inner).into_iter().flatten();
            for node in nodes.filter(|node| node.as_rule() == Rule::column) {
                columns.push(self.builder.column(node));
            }
        }
        columns
    }

    /// The entries of a `train` block.
    fn settings(&mut self, inside: Range) -> Vec<Setting> {
        let mut settings = Vec::new();
        for entry in self.stream.entries(inside) {
            let nodes = self.pieces(Rule::piece_setting, entry, Place::Inner).into_iter().flatten();
            for node in nodes.filter(|node| node.as_rule() == Rule::setting) {
                settings.push(self.builder.setting(node));
            }
        }
        settings
    }

    /// The one node of a head or a `return`.
    fn piece(&mut self, rule: Rule, range: Range) -> Option<Node<'t>> {
        self.pieces(rule, range, Place::Inner)?.next()
    }

    /// The nodes of a piece. A piece that does not parse is reported, and the names it would have bound are kept.
    fn pieces(&mut self, rule: Rule, range: Range, place: Place) -> Option<grammar::Nodes<'t>> {
        let tokens = &self.stream.tokens[range.clone()];
        if let Some(deep) = range.clone().find(|at| self.stream.tokens[*at].too_deep) {
            let diagnostic = faults::too_deep(self.span(deep..deep + 1));
            self.report(range, diagnostic);
            return None;
        }
        if tokens.iter().any(|token| token.kind.is_fault()) {
            self.forget(range);
            return None;
        }
        if let Some(diagnostic) = faults::brackets(self.file, self.stream, range.clone()) {
            self.report(range, diagnostic);
            return None;
        }
        let bytes = self.span(range.clone()).range();
        self.builder.base = bytes.start;
        match grammar::parse(rule, &self.stream.text[bytes]) {
            Ok(nodes) => Some(nodes),
            Err(stop) => {
                let diagnostic = self.explain(rule, range.clone(), stop, place);
                self.report(range, diagnostic);
                None
            }
        }
    }

    fn explain(&self, rule: Rule, range: Range, stop: Stop, place: Place) -> Diagnostic {
        let at = self.builder.base + stop.at;
        let found = self.stream.tokens.partition_point(|token| (token.end as usize) <= at).min(range.end);
        explain::Failure { file: self.file, stream: self.stream, rule, range, found, place }.explain(&stop.expected)
    }

    fn broken(&mut self, range: Range, make: impl FnOnce(Span) -> Diagnostic) {
        let diagnostic = make(self.span(range.start..range.start + 1));
        self.report(range, diagnostic);
    }

    /// Reports a piece that is not in the AST.
    fn report(&mut self, range: Range, diagnostic: Diagnostic) {
        self.builder.diagnostics.push(diagnostic);
        self.forget(range);
    }

    /// The names of a definition's head that lost its body: the arguments and sizes that the body, which now stands by itself, reads.
    fn signature_names(&self, range: Range) -> Vec<Name> {
        let defines = matches!(self.stream.word(range.start), "fn" | "layer");
        let has_body = range.clone().any(|at| self.stream.kind(at) == Some(TokenKind::OpenBrace));
        let is_name = |at: &usize| self.stream.kind(*at) == Some(TokenKind::Name);
        let name = |at: usize| Name { text: self.stream.word(at).to_owned(), span: self.span(at..at + 1) };
        range.filter(|_| defines && !has_body).filter(is_name).map(name).collect()
    }

    /// Keeps the names that a piece would have bound: at its own level, those before `=`, and those behind its keyword.
    fn forget(&mut self, range: Range) {
        let mut names = Vec::new();
        let mut pending = Vec::new();
        let keyword = self.stream.kind(range.start) == Some(TokenKind::Keyword);
        let binds = !matches!(self.stream.word(range.start), "if" | "assert" | "return");
        let mut head = binds;
        let mut at = range.start;
        while at < range.end {
            let token = self.stream.tokens[at];
            match token.kind {
                TokenKind::Name => {
                    pending.push(Name { text: self.stream.word(at).to_owned(), span: self.span(at..at + 1) });
                }
                TokenKind::Comma => {}
                TokenKind::Keyword if at == range.start => {}
                TokenKind::Assign if binds => {
                    names.append(&mut pending);
                    head = false;
                }
                kind if head && (keyword || matches!(kind, TokenKind::Colon | TokenKind::OpenParen)) => {
                    names.append(&mut pending);
                    head = false;
                }
                _ => pending.clear(),
            }
            at = match token.partner {
                Some(partner) if token.kind.is_opener() => partner as usize + 1,
                _ => at + 1,
            };
        }
        if head && keyword {
            names.append(&mut pending);
        }
        names.extend(self.signature_names(range.clone()));
        let span = self.span(range);
        self.builder.ast.broken.push(Broken { names, span });
    }

    /// The bytes of neighbouring tokens; an empty range is the place before its first token.
    fn span(&self, range: Range) -> Span {
        let tokens = &self.stream.tokens;
        let start = tokens.get(range.start).map_or(self.stream.text.len(), |token| token.start as usize);
        let end = if range.is_empty() { start } else { tokens[range.end - 1].end as usize };
        Span::new(self.file, start, end.max(start))
    }
}
