//! The significant tokens of a file with what recovery and limits need to know of them: lines, partners of brackets, depth,
//! and the documentation above them.

use super::tokens::{Token, TokenKind};

/// How deep brackets, operators and `else if` may nest in one another, so that no later stage runs out of stack.
/// Elements of a list and statements of a block stand beside one another and do not count.
pub(super) const MAX_DEPTH: u32 = 200;

/// A token that the grammar sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sig {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
    /// Bytes between the line's start and the token.
    pub column: u32,
    /// Whether nothing but blanks stands before it on its line.
    pub starts_line: bool,
    /// Whether it lies deeper than [`MAX_DEPTH`].
    pub too_deep: bool,
    /// The position of the bracket that belongs to it.
    pub partner: Option<u32>,
}

/// The documentation of the item that begins at `before`.
struct Doc {
    before: u32,
    text: String,
}

/// A file's significant tokens.
pub(super) struct Stream<'t> {
    pub text: &'t str,
    pub tokens: Vec<Sig>,
    /// Whether all brackets have partners, nothing is too deep and no token is a fault.
    pub clean: bool,
    docs: Vec<Doc>,
}

impl<'t> Stream<'t> {
    pub fn new(text: &'t str, tokens: &[Token]) -> Stream<'t> {
        let mut stream = Stream { text, tokens: Vec::with_capacity(tokens.len()), clean: true, docs: Vec::new() };
        stream.collect(tokens);
        if !stream.match_brackets(false) {
            stream.match_brackets(true);
            stream.clean = false;
        }
        stream.measure_depth();
        stream.clean &= !stream.tokens.iter().any(|token| token.too_deep || token.kind.is_fault());
        stream
    }

    /// The text of the token at `position`; empty past the end.
    pub fn word(&self, position: usize) -> &'t str {
        self.tokens.get(position).map_or("", |token| &self.text[token.start as usize..token.end as usize])
    }

    /// The kind of the token at `position`.
    pub fn kind(&self, position: usize) -> Option<TokenKind> {
        self.tokens.get(position).map(|token| token.kind)
    }

    /// Where the last token that begins before byte `at` ends.
    pub fn last_end(&self, at: usize) -> usize {
        let count = self.tokens.partition_point(|token| (token.start as usize) < at);
        if count == 0 { 0 } else { self.tokens[count - 1].end as usize }
    }

    /// The documentation of what begins at byte `start`.
    pub fn doc(&self, start: usize) -> Option<String> {
        let found = self.docs.binary_search_by_key(&start, |doc| doc.before as usize).ok()?;
        Some(self.docs[found].text.clone())
    }

    /// Whether the token at `position` ends an operand, so that a name behind it begins something new.
    pub fn ends_operand(&self, position: usize) -> bool {
        match self.kind(position) {
            Some(TokenKind::Keyword) => matches!(self.word(position), "true" | "false" | "training" | "frozen"),
            Some(kind) => matches!(
                kind,
                TokenKind::Name
                    | TokenKind::Number
                    | TokenKind::Str
                    | TokenKind::CloseParen
                    | TokenKind::CloseBracket
                    | TokenKind::CloseBrace
            ),
            None => false,
        }
    }

    /// Keeps the tokens that are not trivia, and the `##` lines directly above one.
    fn collect(&mut self, tokens: &[Token]) {
        let mut line_start = 0;
        let mut fresh_line = true;
        let mut doc = String::new();
        for token in tokens {
            let text = &self.text[token.range()];
            match token.kind {
                TokenKind::Whitespace => {
                    if let Some(last) = text.rfind('\n') {
                        line_start = token.start + last as u32 + 1;
                        fresh_line = true;
                        if text.bytes().filter(|byte| *byte == b'\n').count() > 1 {
                            doc.clear();
                        }
                    }
                }
                TokenKind::Comment => {}
                TokenKind::DocComment if fresh_line => {
                    if !doc.is_empty() {
                        doc.push('\n');
                    }
                    let line = text[2..].trim_end();
                    doc.push_str(line.strip_prefix(' ').unwrap_or(line));
                }
                TokenKind::DocComment => {}
                kind => {
                    if !doc.is_empty() {
                        self.docs.push(Doc { before: token.start, text: std::mem::take(&mut doc) });
                    }
                    self.tokens.push(Sig {
                        kind,
                        start: token.start,
                        end: token.end,
                        column: token.start - line_start,
                        starts_line: fresh_line,
                        too_deep: false,
                        partner: None,
                    });
                    fresh_line = false;
                }
            }
        }
    }

    /// Pairs the brackets and tells whether all have partners. With `by_layout`, a `}` that begins its line closes the brace whose
    /// line begins in the same column, and a line that begins a statement, not indented more than the line of an open `(` or
    /// `[`, leaves that without a partner: so the bracket that is really unclosed is the one found.
    fn match_brackets(&mut self, by_layout: bool) -> bool {
        let mut open: Vec<(usize, u32)> = Vec::new();
        let mut line_column = 0;
        let mut complete = true;
        for position in 0..self.tokens.len() {
            let token = self.tokens[position];
            self.tokens[position].partner = None;
            if token.starts_line {
                line_column = token.column;
            }
            if by_layout && token.starts_line && !open.is_empty() && self.opens(position) {
                let kept = open
                    .iter()
                    .rposition(|(at, column)| self.tokens[*at].kind == TokenKind::OpenBrace || *column < token.column);
                open.truncate(kept.map_or(0, |last| last + 1));
            }
            if token.kind.is_opener() {
                open.push((position, line_column));
            } else if let Some(opener) = token.kind.opener() {
                let Some(depth) = self.find_opener(&open, opener, by_layout.then_some(token)) else {
                    complete = false;
                    continue;
                };
                complete &= depth + 1 == open.len();
                let partner = open[depth].0;
                self.tokens[partner].partner = Some(position as u32);
                self.tokens[position].partner = Some(partner as u32);
                open.truncate(depth);
            }
        }
        complete && open.is_empty()
    }

    /// Which of the `open` brackets a closer of `opener` closes: the innermost of its kind; `)` and `]` do not reach across a `{`.
    fn find_opener(&self, open: &[(usize, u32)], opener: TokenKind, closer: Option<Sig>) -> Option<usize> {
        let kind = |depth: usize| self.tokens[open[depth].0].kind;
        let mut candidates = (0..open.len())
            .rev()
            .take_while(|&depth| opener == TokenKind::OpenBrace || kind(depth) != TokenKind::OpenBrace)
            .filter(|&depth| kind(depth) == opener);
        let nearest = candidates.next()?;
        match closer {
            Some(closer) if closer.starts_line && opener == TokenKind::OpenBrace && open[nearest].1 > closer.column => {
                candidates
                    .take_while(|&depth| open[depth].1 >= closer.column)
                    .find(|&depth| open[depth].1 == closer.column)
            }
            _ => None,
        }
        .or(Some(nearest))
    }

    /// Marks the tokens that lie deeper than [`MAX_DEPTH`]: the sum, over the brackets around a token, of the operators,
    /// brackets and `else if`s met so far in the expression or chain that each holds.
    fn measure_depth(&mut self) {
        let mut levels: Vec<u32> = vec![0];
        let mut total = 0;
        for position in 0..self.tokens.len() {
            let kind = self.tokens[position].kind;
            let (adds, resets) = self.depth_effect(position);
            let level = levels.last_mut().expect("the file's own level is never popped");
            if resets {
                total -= *level;
                *level = 0;
            }
            if adds {
                total += 1;
                *level += 1;
            }
            if kind.is_opener() {
                levels.push(0);
            } else if kind.opener().is_some() && levels.len() > 1 {
                total -= levels.pop().unwrap_or(0);
            }
            self.tokens[position].too_deep = total > MAX_DEPTH;
        }
    }

    /// Whether a word that is a keyword at a statement's start stands where one may start: after an operand.
    fn opens_statement(&self, position: usize) -> bool {
        let Some(before) = position.checked_sub(1) else { return true };
        ["state", "update", "data", "train", "test"].contains(&self.word(position))
            && self.ends_operand(before)
            && self.word(before) != "as"
    }

    /// Whether a token makes what follows one deeper, and whether it begins a new expression.
    fn depth_effect(&self, position: usize) -> (bool, bool) {
        let word = self.word(position);
        match self.tokens[position].kind {
            TokenKind::Comma | TokenKind::Assign => (false, true),
            TokenKind::Operator | TokenKind::Dot | TokenKind::DotDot => (true, false),
            TokenKind::Name => (word == "as", self.opens_statement(position)),
            TokenKind::Keyword => match word {
                "and" | "or" | "not" => (true, false),
                "if" => {
                    let before = position.checked_sub(1);
                    let begins = before.is_none_or(|before| {
                        self.ends_operand(before) || self.tokens[before].kind == TokenKind::OpenBrace
                    });
                    (true, begins)
                }
                "else" | "in" | "true" | "false" | "training" | "frozen" => (false, false),
                _ => (false, true),
            },
            kind => (kind.is_opener(), false),
        }
    }
}
