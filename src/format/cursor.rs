//! The significant tokens of a text, taken in order, each with the comments and line breaks in front of it.

use crate::syntax::{Token, TokenKind, tokenize};

/// A comment.
#[derive(Clone, Copy, Debug)]
pub struct Comment<'t> {
    /// From its `#` on, without blanks at its end.
    pub text: &'t str,
    /// Where it begins, in characters from the start of its line, when it stands behind a token on that line.
    pub trailing: Option<usize>,
    /// Whether a blank line stands above it.
    pub blank: bool,
}

/// What stands between two tokens.
#[derive(Clone, Debug, Default)]
pub struct Gap<'t> {
    /// The comments. At most the first one stands behind a token on its line.
    pub comments: Vec<Comment<'t>>,
    /// Whether the two tokens stand on different lines.
    pub breaks: bool,
    /// Whether a blank line stands directly above the second one.
    pub blank: bool,
}

/// A place among the tokens.
pub struct Cursor<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// What stands before each token, and behind the last.
    gaps: Vec<Gap<'t>>,
    /// The closer of each opener.
    partners: Vec<Option<usize>>,
    at: usize,
}

impl<'t> Cursor<'t> {
    /// In front of the first token.
    pub fn new(text: &'t str) -> Cursor<'t> {
        let all = tokenize(text);
        let (tokens, gaps) = (Vec::with_capacity(all.len()), vec![Gap::default()]);
        let mut cursor = Cursor { text, tokens, gaps, partners: Vec::new(), at: 0 };
        for token in all {
            let word = &text[token.range()];
            let first = cursor.tokens.is_empty();
            let gap = cursor.gaps.last_mut().expect("there is always a gap");
            match token.kind {
                TokenKind::Whitespace => {
                    let breaks = word.bytes().filter(|byte| *byte == b'\n').count();
                    gap.breaks |= breaks > 0;
                    gap.blank = breaks > 1;
                }
                TokenKind::Comment | TokenKind::DocComment => {
                    let trailing = (!gap.breaks && !first).then(|| column(text, token.start as usize));
                    gap.comments.push(Comment { text: word.trim_end(), trailing, blank: gap.blank });
                    (gap.breaks, gap.blank) = (true, false);
                }
                _ => {
                    cursor.tokens.push(token);
                    cursor.gaps.push(Gap::default());
                }
            }
        }
        cursor.pair();
        cursor
    }

    fn pair(&mut self) {
        self.partners = vec![None; self.tokens.len()];
        let mut open = Vec::new();
        for (at, token) in self.tokens.iter().enumerate() {
            if token.kind.is_opener() {
                open.push(at);
            } else if token.kind.opener().is_some()
                && let Some(opener) = open.pop()
            {
                self.partners[opener] = Some(at);
            }
        }
    }

    /// The next token.
    pub fn peek(&self) -> Option<Token> {
        self.tokens.get(self.at).copied()
    }

    /// The text of the next token; empty at the end.
    pub fn word(&self) -> &'t str {
        self.peek().map_or("", |token| &self.text[token.range()])
    }

    /// What stands in front of the next token.
    pub fn gap(&self) -> &Gap<'t> {
        &self.gaps[self.at]
    }

    /// The comments in front of the next token, which are not given again.
    pub fn comments(&mut self) -> Vec<Comment<'t>> {
        std::mem::take(&mut self.gaps[self.at].comments)
    }

    /// The comment on the line of the last token, which is not given again.
    pub fn trailing(&mut self) -> Option<Comment<'t>> {
        let comments = &mut self.gaps[self.at].comments;
        let found = comments.first()?.trailing.is_some();
        found.then(|| comments.remove(0))
    }

    /// Goes past the next token and gives its text. Its comments must have been taken.
    pub fn next(&mut self) -> &'t str {
        debug_assert!(self.gap().comments.is_empty());
        let word = self.word();
        self.at += 1;
        word
    }

    /// Moves the comments and line breaks in front of the next token behind it.
    pub fn defer(&mut self) {
        self.join(self.at + 1);
    }

    /// Moves the comments and line breaks behind the next token in front of it.
    pub fn advance(&mut self) {
        self.join(self.at);
    }

    /// Makes the gaps around the next token one, in front of the token at `place`. Only the first comment can stand behind a token.
    fn join(&mut self, place: usize) {
        let before = std::mem::take(&mut self.gaps[self.at]);
        let behind = std::mem::take(&mut self.gaps[self.at + 1]);
        let mut comments = before.comments;
        comments.extend(behind.comments);
        comments.iter_mut().skip(1).for_each(|comment| comment.trailing = None);
        self.gaps[place] = Gap { comments, breaks: before.breaks || behind.breaks, blank: behind.blank };
    }

    /// The token behind the next one.
    pub fn second(&self) -> Option<Token> {
        self.tokens.get(self.at + 1).copied()
    }

    /// Whether no comment stands behind the next token.
    pub fn is_free(&self) -> bool {
        self.gaps.get(self.at + 1).is_none_or(|gap| gap.comments.is_empty())
    }

    /// Whether the next token and the one behind it open brackets that close side by side, with no comments between the two.
    pub fn is_doubled(&self) -> bool {
        let closer = |at: usize| self.partners.get(at).copied().flatten();
        match (closer(self.at), closer(self.at + 1)) {
            (Some(outer), Some(inner)) => outer == inner + 1 && self.is_free() && self.gaps[outer].comments.is_empty(),
            _ => false,
        }
    }
}

/// The characters between the start of the line and byte `at`.
fn column(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    text[start..at].chars().count()
}
