//! Where statements begin and end, told by tokens and lines. Used on text that the grammar does not accept, so it guesses: what it
//! takes for a statement is the grammar's to judge.

use super::recover::Range;
use super::stream::Stream;
use super::tokens::TokenKind;

impl Stream<'_> {
    /// Where the statement that begins at `start` ends: before the next line that begins a statement. Inside a bracket
    /// without a partner, that line must not be indented more than the statement.
    pub fn cut(&self, start: usize, end: usize) -> usize {
        let column = self.tokens[start].column;
        let mut unclosed = false;
        let mut at = start;
        while at < end {
            let token = self.tokens[at];
            let begins = at > start
                && if unclosed {
                    token.starts_line && token.column <= column && self.opens(at)
                } else {
                    token.starts_line && self.begins(at)
                };
            if begins {
                return at;
            }
            if token.kind.is_opener() {
                match token.partner {
                    Some(partner) => at = partner as usize,
                    None => unclosed = true,
                }
            }
            at += 1;
        }
        end
    }

    /// Where the head of a block ends that begins at `start` and is written as in Python: behind the colon that ends its line.
    pub fn colon_head(&self, start: usize, end: usize) -> Option<usize> {
        const HEADS: [&str; 17] = [
            "class",
            "data",
            "def",
            "elif",
            "else",
            "fn",
            "for",
            "func",
            "function",
            "if",
            "layer",
            "test",
            "train",
            "try",
            "validation",
            "while",
            "with",
        ];
        let first = self.tokens[start];
        if !first.starts_line || !HEADS.contains(&self.word(start)) {
            return None;
        }
        let mut at = start;
        while at < end {
            let token = self.tokens[at];
            let ends_line = self.tokens.get(at + 1).is_none_or(|next| next.starts_line);
            match token.kind {
                TokenKind::Colon if ends_line => return Some(at + 1),
                kind if kind.is_opener() => at = token.partner? as usize,
                _ if ends_line => return None,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Whether the token at `at`, the first of its line, begins a statement, a broken one perhaps.
    fn begins(&self, at: usize) -> bool {
        let before = at - 1;
        if self.opens(at) {
            return match self.word(at) {
                "if" => self.ends_operand(before),
                "for" => self.ends_operand(before) && self.word(before) != "loss",
                _ => self.kind(before) != Some(TokenKind::Comma),
            };
        }
        self.ends_operand(before)
            && match self.kind(at) {
                Some(TokenKind::Name) => !matches!(self.word(at), "weight" | "lr" | "decay" | "from" | "as" | "where"),
                Some(TokenKind::Keyword) => !matches!(self.word(at), "and" | "or" | "in" | "else" | "frozen"),
                Some(kind) => matches!(kind, TokenKind::Str | TokenKind::Number | TokenKind::CloseBrace),
                None => false,
            }
    }

    /// Whether a statement opens at `at`: its keyword, or names and `=`.
    pub fn opens(&self, at: usize) -> bool {
        match self.kind(at) {
            Some(TokenKind::Keyword) => match self.word(at) {
                "for" => matches!(self.word(at + 2), "in" | ","),
                word => {
                    !matches!(word, "in" | "else" | "training" | "and" | "or" | "not" | "true" | "false" | "frozen")
                }
            },
            Some(TokenKind::Name) => {
                let next = self.kind(at + 1);
                let soft = match self.word(at) {
                    "state" | "update" | "data" => next == Some(TokenKind::Name),
                    "train" => next == Some(TokenKind::OpenBrace),
                    "test" => next == Some(TokenKind::Str),
                    _ => false,
                };
                soft || self.binds(at)
            }
            _ => false,
        }
    }

    /// Whether `a, b =` stands at `at`.
    fn binds(&self, at: usize) -> bool {
        let mut at = at;
        while self.kind(at) == Some(TokenKind::Name) {
            match self.kind(at + 1) {
                Some(TokenKind::Assign) => return true,
                Some(TokenKind::Comma) => at += 2,
                _ => return false,
            }
        }
        false
    }

    /// The brace that opens the body of the statement in `range`, if it is of a kind that has one.
    pub fn body_opener(&self, range: &Range) -> Option<usize> {
        let word = self.word(range.start);
        let has_body = match self.kind(range.start)? {
            TokenKind::Keyword => matches!(word, "fn" | "layer" | "for" | "if"),
            TokenKind::Name => {
                matches!(word, "data" | "train" | "test") && self.opens(range.start) && !self.binds(range.start)
            }
            _ => false,
        };
        if !has_body {
            return None;
        }
        let mut at = range.start + 1;
        while at < range.end {
            let token = self.tokens[at];
            match token.kind {
                TokenKind::OpenBrace => return Some(at),
                TokenKind::Assign => return None,
                TokenKind::Keyword if self.word(at) == "if" => return None,
                kind if kind.is_opener() => at = token.partner? as usize,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// The lines of a `data` or `train` block that begin with a name.
    pub fn entries(&self, inside: Range) -> Vec<Range> {
        let mut entries = Vec::new();
        let mut start = inside.start;
        let mut at = inside.start;
        while at < inside.end {
            let token = self.tokens[at];
            let named = token.kind == TokenKind::Name
                && (self.ends_operand(at.max(1) - 1)
                    || self.kind(at.max(1) - 1) == Some(TokenKind::Comma)
                    || self.kind(at + 1) == Some(TokenKind::Assign));
            if at > start && token.starts_line && named {
                entries.push(start..at);
                start = at;
            }
            at = match token.partner {
                Some(partner) if token.kind.is_opener() => partner as usize + 1,
                _ => at + 1,
            };
        }
        if start < inside.end {
            entries.push(start..inside.end);
        }
        entries
    }
}
