//! Strings that lack a quote: where each was probably meant to begin and end, so that one of them hides nothing else on its line. A
//! guess, on text that is wrong as it stands: the token stays a fault.

use std::ops::Range;

use super::tokens::{Token, TokenKind};

/// How many tokens are looked back on for open brackets.
const FAR: usize = 1000;

/// Cuts the string without an end that closes `tokens` to what was meant, and gives where the rest of its line begins.
pub(super) fn cut_open(text: &str, tokens: &mut Vec<Token>) -> Option<usize> {
    let line = line_start(text, tokens);
    let quoted = |token: &Token| matches!(token.kind, TokenKind::Str | TokenKind::OpenStr);
    let meant = (line..tokens.len()).filter(|at| quoted(&tokens[*at])).find_map(|at| {
        let token = tokens[at];
        let before = at.checked_sub(1).filter(|before| *before >= line).map(|before| tokens[before]);
        match before {
            Some(name) if is_word(name.kind) && name.end == token.start && !is_head(text, &tokens[line..at]) => {
                Some(unopened(text, tokens, line, at))
            }
            _ if token.kind == TokenKind::OpenStr => Some(unclosed(text, tokens, line, at)),
            _ if tokens.get(at + 1).is_some_and(|next| is_word(next.kind)) => Some(unclosed(text, tokens, line, at)),
            _ => None,
        }
    })?;
    if meant.end == tokens.last()?.end as usize && meant.start == tokens.last()?.start as usize {
        return None;
    }
    tokens.truncate(tokens.partition_point(|token| (token.start as usize) < meant.start));
    tokens.push(Token { kind: TokenKind::OpenStr, start: meant.start as u32, end: meant.end as u32 });
    Some(meant.end)
}

/// The first token of the line that the last one ends.
fn line_start(text: &str, tokens: &[Token]) -> usize {
    let breaks = |token: &Token| token.kind == TokenKind::Whitespace && text[token.range()].contains('\n');
    tokens.iter().rposition(breaks).map_or(0, |at| at + 1)
}

fn is_word(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Name | TokenKind::Number | TokenKind::BadNumber)
}

/// Whether these tokens of a line may stand directly before a string: `test"..."`.
fn is_head(text: &str, line: &[Token]) -> bool {
    let mut words = line.iter().filter(|token| !token.kind.is_trivia());
    words.next().is_some_and(|token| &text[token.range()] == "test") && words.next().is_none()
}

/// A string without its first quote: the characters before the quote of token `at`.
fn unopened(text: &str, tokens: &[Token], line: usize, at: usize) -> Range<usize> {
    let divides = |token: &Token| {
        token.kind.is_trivia() || token.kind.is_opener() || matches!(token.kind, TokenKind::Comma | TokenKind::Assign)
    };
    let first = (line..at).rev().find(|before| divides(&tokens[*before])).map_or(line, |before| before + 1);
    debug_assert!(text[tokens[at].range()].starts_with('"'));
    tokens[first].start as usize..tokens[at].start as usize + 1
}

/// A string without its last quote, which begins with token `at`.
fn unclosed(text: &str, tokens: &[Token], line: usize, at: usize) -> Range<usize> {
    let start = tokens[at].start as usize;
    let inside = &text[start + 1..tokens[at].end as usize];
    let inside = inside.split(" #").next().unwrap_or(inside);
    let inside = inside.strip_suffix('"').unwrap_or(inside).trim_end();
    let words: Vec<&str> =
        tokens[line..at].iter().filter(|token| !token.kind.is_trivia()).map(|token| &text[token.range()]).collect();
    let length = match words.as_slice() {
        ["import"] => inside.find(".nn").map(|end| end + ".nn".len()),
        ["test"] => inside.find('{'),
        ["param" | "state", _] => inside.find(':'),
        _ => Some(end_in_brackets(inside, &open_brackets(text, &tokens[..at]))),
    };
    let meant = inside[..length.unwrap_or(inside.len())].trim_end();
    start..start + 1 + meant.len()
}

/// The brackets that are open behind `tokens`, innermost first.
fn open_brackets<'t>(text: &'t str, tokens: &[Token]) -> Vec<&'t str> {
    let (mut closed, mut open) = (0_usize, Vec::new());
    for token in tokens.iter().rev().take(FAR) {
        if token.kind.opener().is_some() {
            closed += 1;
        } else if token.kind.is_opener() {
            match closed {
                0 => open.push(&text[token.range()]),
                _ => closed -= 1,
            }
        }
    }
    open
}

/// How much of `inside`, which stands in the `open` brackets, belongs to a string: in a call or a list up to a comma, and never what
/// closes the brackets.
fn end_in_brackets(inside: &str, open: &[&str]) -> usize {
    let comma = match open.first() {
        Some(&"(") => inside.find(", ").or(inside.strip_suffix(',').map(str::len)),
        Some(&"[") => inside.find(','),
        _ => None,
    };
    if let Some(comma) = comma {
        return comma;
    }
    let is_closing = |c: char| matches!(c, ')' | ']' | '}' | ' ' | ',');
    let kept = inside.trim_end_matches(is_closing).len();
    let closes = |from: &usize| {
        let closers = inside[*from..].chars().filter(|c| !matches!(c, ' ' | ','));
        let mut open = open.iter();
        closers.into_iter().all(|closer| match open.next() {
            Some(&"(") => closer == ')',
            Some(&"[") => closer == ']',
            Some(_) => closer == '}',
            None => false,
        })
    };
    (kept..inside.len()).find(closes).unwrap_or(inside.len())
}
