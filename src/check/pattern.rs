//! The small language of axes inside the texts that `einsum` and `rearrange` take: its words, with places inside the text.

use std::ops::Range;

use super::call::Given;
use super::checker::Checker;
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir;
use crate::source::Span;

/// A word of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word<'p> {
    /// Letters, digits and `_`.
    Name(&'p str),
    /// `...`: all axes that are not named.
    Rest,
    Open,
    Close,
    Comma,
    Arrow,
}

/// An axis of a pattern and where it is named.
#[derive(Clone, Debug)]
pub struct Axis {
    pub name: String,
    pub span: Span,
}

/// What the axes of `...` are called: from the right, so that operands of different ranks line up there.
pub fn rest(count: usize, span: Span) -> impl Iterator<Item = Axis> {
    (0..count).rev().map(move |place| Axis { name: format!("...{place}"), span })
}

/// The words of a pattern, or the place of the first character that is none.
pub fn words(text: &str) -> Result<Vec<(Word<'_>, Range<usize>)>, Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let tail = &text[at..];
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (word, length) = match c {
            ' ' => {
                at += 1;
                continue;
            }
            '(' => (Word::Open, 1),
            ')' => (Word::Close, 1),
            ',' => (Word::Comma, 1),
            '-' if tail.starts_with("->") => (Word::Arrow, 2),
            '.' if tail.starts_with("...") => (Word::Rest, 3),
            c if is_name(c) => {
                let length = tail.find(|c| !is_name(c)).unwrap_or(tail.len());
                (Word::Name(&tail[..length]), length)
            }
            _ => return Err(at..at + c.len_utf8()),
        };
        words.push((word, at..at + length));
        at += length;
    }
    Ok(words)
}

/// A pattern as it was given.
pub struct Pattern {
    pub text: String,
    /// The place of the whole.
    pub span: Span,
    /// Where its first character stands; none when it is not written out in the call.
    start: Option<u32>,
}

impl Pattern {
    /// The place of a part of the text.
    pub fn at(&self, part: Range<usize>) -> Span {
        match self.start {
            Some(start) => Span { start: start + part.start as u32, end: start + part.end as u32, ..self.span },
            None => self.span,
        }
    }
}

/// What a call with a pattern gives: the pattern, tensors with their places, named arguments.
pub type Patterned<'a> = (Pattern, Vec<(ir::Value, Span)>, Vec<Given<'a>>);

impl<'a> Checker<'a> {
    /// Takes a call's arguments apart: one text, the pattern, among tensors, then named arguments.
    pub fn patterned(&mut self, callee: &str, given: Vec<Given<'a>>, span: Span) -> Option<Patterned<'a>> {
        let (mut pattern, mut tensors, mut named) = (None, Vec::new(), Vec::new());
        for given in given {
            match (&given.val, given.name) {
                (_, Some(_)) => named.push(given),
                (Val::Str(text), None) if pattern.is_none() => {
                    let written = self.sources.text(given.span) == format!("\"{text}\"");
                    let start = written.then_some(given.span.start + 1);
                    pattern = Some(Pattern { text: text.to_string(), span: given.span, start });
                }
                (val, None) => tensors.push((self.tensor(val, given.span)?, given.span)),
            }
        }
        match pattern {
            Some(pattern) => Some((pattern, tensors, named)),
            None => {
                let example = if callee == "einsum" {
                    "einsum(\"ij,jk->ik\", a, b)"
                } else {
                    "rearrange(x, \"c h w -> (c h w)\")"
                };
                let diagnostic =
                    Diagnostic::at(Code::E0105, span, format!("`{callee}` needs a pattern"), "no text is given")
                        .help(format!("write `{example}`"));
                self.report(diagnostic);
                None
            }
        }
    }

    /// Reports a pattern that cannot be read.
    pub fn bad_pattern(&mut self, span: Span, title: impl Into<String>, label: &str, example: &str) {
        let diagnostic =
            Diagnostic::at(Code::E0114, span, title, label).help(format!("a pattern is written like `\"{example}\"`"));
        self.report(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_places() {
        let found = words("(h w)->..., é").unwrap();
        let expected = [
            (Word::Open, 0..1),
            (Word::Name("h"), 1..2),
            (Word::Name("w"), 3..4),
            (Word::Close, 4..5),
            (Word::Arrow, 5..7),
            (Word::Rest, 7..10),
            (Word::Comma, 10..11),
            (Word::Name("é"), 12..14),
        ];
        assert_eq!(found, expected);
        assert_eq!(words("ij->i*"), Err(5..6));
        assert_eq!(words("i - j"), Err(2..3));
    }
}
