//! Why a piece does not parse, in people's words: what was found, what could stand there, and what was probably meant.

use super::grammar::Rule;
use super::recover::Range;
use super::stream::Stream;
use super::tokens::TokenKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// A piece that does not parse.
pub(super) struct Failure<'f, 't> {
    pub file: FileId,
    pub stream: &'f Stream<'t>,
    pub range: Range,
    /// The token that the grammar could not take; the end of the range when it ran out of tokens.
    pub found: usize,
}

/// What follows `else` when it is neither a block nor an `if`.
pub(super) fn after_else(found: Span) -> Diagnostic {
    Diagnostic::at(Code::E0109, found, "`else` without a block", "`{` or `if` should follow")
        .help("write `else { ... }`")
}

impl Failure<'_, '_> {
    /// The message.
    pub fn explain(&self, expected: &[Rule]) -> Diagnostic {
        let expected = expectation(expected);
        if self.found >= self.range.end {
            let last = self.span(self.range.end - 1);
            let word = self.stream.word(self.range.end - 1);
            let expected = expected.unwrap_or_else(|| "something".to_owned());
            let title = format!("expected {expected} after `{}`", shorten(word));
            return Diagnostic::at(Code::E0109, last, title, "the statement ends here");
        }
        let found = self.found_in_words();
        let here = self.span(self.found);
        match expected {
            Some(expected) => {
                let title = format!("expected {expected}, found {found}");
                Diagnostic::at(Code::E0109, here, title, format!("{expected} should stand here"))
            }
            None => {
                Diagnostic::at(Code::E0109, here, format!("unexpected {found}"), "nothing like this can stand here")
            }
        }
    }

    fn found_in_words(&self) -> String {
        let word = shorten(self.stream.word(self.found));
        match self.stream.kind(self.found) {
            Some(TokenKind::Keyword) => format!("the word `{word}`"),
            Some(TokenKind::Str) => "a string".to_owned(),
            _ => format!("`{word}`"),
        }
    }

    fn span(&self, at: usize) -> Span {
        let token = self.stream.tokens[at];
        Span::new(self.file, token.start as usize, token.end as usize)
    }
}

/// A long word's beginning.
fn shorten(word: &str) -> String {
    const LONGEST: usize = 24;
    if word.chars().count() <= LONGEST {
        return word.to_owned();
    }
    let start: String = word.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// What the rules that were tried stand for; none when it is only operators, which can stand nearly anywhere.
fn expectation(expected: &[Rule]) -> Option<String> {
    use Rule::*;
    let has = |rules: &[Rule]| expected.iter().any(|rule| rules.contains(rule));
    let mut words: Vec<&str> = Vec::new();
    let mut add = |rules: &[Rule], word: &'static str| {
        if has(rules) {
            words.push(word);
        }
    };
    add(&[expr, exprs, postfix, neg, not, call_arg, named_arg, number, group, list, where_item], "an expression");
    add(&[type_expr, type_name, dims], "a type");
    add(&[name, names, arg, path, loss_name, column, setting, index_entry], "a name");
    add(&[string], "a string");
    add(&[assign, arg_default, init, fn_exprs], "`=`");
    add(&[colon, arg_type], "`:`");
    add(&[kw_in], "`in`");
    add(&[kw_else], "`else`");
    add(&[open_brace, block, body, arm, columns, settings], "`{`");
    add(&[params, open_paren], "`(`");
    add(&[comma], "`,`");
    add(&[close_paren], "`)`");
    add(&[close_bracket], "`]`");
    add(&[close_brace], "`}`");
    add(&[close_angle], "`>`");
    let last = words.pop()?;
    Some(if words.is_empty() { last.to_owned() } else { format!("{} or {last}", words.join(", ")) })
}
