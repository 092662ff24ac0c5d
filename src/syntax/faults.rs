//! Faults that tokens show before the grammar is asked: characters that no program holds, what other languages write, strings
//! and brackets without an end, nesting without a bound.

use super::recover::Range;
use super::stream::{MAX_DEPTH, Stream};
use super::tokens::{Token, TokenKind, tokenize};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::{FileId, Span};

/// Reports the tokens that no program holds, and gives the text as it was meant where that is certain and takes as many bytes,
/// so that one of them hides nothing else.
pub(super) fn repair(file: FileId, text: &str, tokens: &[Token]) -> (Option<String>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let mut repaired: Option<String> = None;
    for token in tokens.iter().filter(|token| token.kind.is_fault()) {
        let word = &text[token.range()];
        let span = Span::new(file, token.start as usize, token.end as usize);
        diagnostics.push(match token.kind {
            TokenKind::OpenStr => open_string(span, word),
            TokenKind::BadNumber => bad_number(span, word),
            TokenKind::Stray => stray(span, word),
            _ if is_quotient(text, token) => Diagnostic::at(
                Code::E0109,
                Span { end: span.start + 2, ..span },
                "`//` is no operator",
                "unexpected here",
            )
            .help("a division without remainder is `floor(a / b)`; a comment begins with `#`"),
            _ => foreign(span, word, text[token.end as usize..].chars().next().unwrap_or(' ')),
        });
        if let Some(meant) = same_length(token.kind, word) {
            repaired.get_or_insert_with(|| text.to_owned()).replace_range(token.range(), &meant);
        }
    }
    (repaired, diagnostics)
}

/// Whether a `//` stands between two operands rather than before a comment.
fn is_quotient(text: &str, token: &Token) -> bool {
    let line = text[..token.start as usize].rsplit('\n').next().unwrap_or_default();
    let operand = |c: char| c.is_alphanumeric() || matches!(c, '_' | ')' | ']');
    let word = &text[token.range()];
    word.strip_prefix("//").is_some_and(|rest| {
        let rest = rest.trim();
        let single = !rest.is_empty() && rest.chars().all(|c| operand(c) || matches!(c, '(' | '[' | '.' | ',' | '}'));
        single && line.trim_end().ends_with(operand)
    })
}

/// What `word` means, in as many bytes.
fn same_length(kind: TokenKind, word: &str) -> Option<String> {
    if kind != TokenKind::Foreign {
        return None;
    }
    match word {
        ";" => Some(" ".to_owned()),
        "**" => Some("^ ".to_owned()),
        "..." => Some(".. ".to_owned()),
        _ if word.starts_with("//") => Some(" ".repeat(word.len())),
        _ if word.starts_with('\'') && !word.contains(['"', '\\']) => Some(word.replace('\'', "\"")),
        _ => None,
    }
}

fn open_string(span: Span, word: &str) -> Diagnostic {
    if !word.starts_with('"') {
        let quote = Span { start: span.end - 1, ..span };
        let first = Span { end: span.start, ..span };
        return Diagnostic::at(
            Code::E0101,
            quote,
            "this `\"` ends a string that none begins",
            "a quote too many, or one too few",
        )
        .fix("write `\"` where it begins", first, "\"", Applicability::Maybe);
    }
    let start = Span { end: span.start + 1, ..span };
    Diagnostic::at(Code::E0101, start, "this string has no end on its line", "opened here")
        .note("a string ends on the line it begins on; `\\n` stands for a line break")
        .fix("write `\"` at its end", span.after(), "\"", Applicability::Maybe)
}

fn bad_number(span: Span, word: &str) -> Diagnostic {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '_' && c != '.').unwrap_or(word.len());
    let rest = &word[digits..];
    let diagnostic = Diagnostic::at(
        Code::E0109,
        span,
        format!("`{word}` is neither a number nor a name"),
        "a number with letters in it",
    );
    match rest.chars().next() {
        None => diagnostic.help("an underscore stands between two digits: `1_000`"),
        Some('e' | 'E') if rest.len() <= 2 => diagnostic.help("an exponent has digits: `1e-3`"),
        Some('x' | 'X' | 'b' | 'o') if word.starts_with('0') => diagnostic.help("numbers are written in decimal"),
        _ => diagnostic.help(format!(
            "a product is written with `*`: `{} * {rest}`; a name begins with a letter",
            &word[..digits]
        )),
    }
}

/// Characters that look like, or are typed for, one of the language's.
const LOOKALIKES: &[(char, &str)] = &[
    ('“', "\""),
    ('”', "\""),
    ('„', "\""),
    ('«', "\""),
    ('»', "\""),
    ('＂', "\""),
    ('‘', "\""),
    ('’', "\""),
    ('×', "*"),
    ('·', "*"),
    ('∗', "*"),
    ('⋅', "*"),
    ('÷', "/"),
    ('−', "-"),
    ('–', "-"),
    ('—', "-"),
    ('－', "-"),
    ('＋', "+"),
    ('＊', "*"),
    ('／', "/"),
    ('＝', "="),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "!="),
    ('→', "->"),
    ('（', "("),
    ('）', ")"),
    ('［', "["),
    ('］', "]"),
    ('｛', "{"),
    ('｝', "}"),
    ('，', ","),
    ('、', ","),
    ('：', ":"),
    ('．', "."),
    ('\u{a0}', " "),
    ('\u{3000}', " "),
    ('\u{200b}', ""),
    ('…', ".."),
    ('²', "^2"),
    ('³', "^3"),
    ('√', "sqrt"),
    ('∧', "and"),
    ('∨', "or"),
    ('¬', "not"),
    ('|', "|>"),
    ('&', "and"),
];

fn stray(span: Span, word: &str) -> Diagnostic {
    let mut chars = word.chars();
    let first = chars.next().unwrap_or(' ');
    let shown = if first.is_control() || first.is_whitespace() || matches!(first, '\u{200b}') {
        format!("U+{:04X}", first as u32)
    } else {
        first.to_string()
    };
    if chars.next().is_some() {
        let title = format!("these {} characters are no part of the language", word.chars().count());
        return Diagnostic::at(Code::E0100, span, title, format!("`{shown}` and what follows")).help("remove them");
    }
    let diagnostic = Diagnostic::at(
        Code::E0100,
        span,
        format!("the character `{shown}` is no part of the language"),
        "begins no word, number or operator",
    );
    match LOOKALIKES.iter().find(|(like, _)| *like == first) {
        Some((_, "")) => diagnostic.fix("remove it", span, "", Applicability::Certain),
        Some((_, " ")) => diagnostic.fix("write a plain space", span, " ", Applicability::Certain),
        Some((_, right)) => diagnostic.fix(format!("write `{right}`"), span, *right, Applicability::Maybe),
        None => diagnostic.help("remove it"),
    }
}

/// What another language writes here, before the character `next`.
fn foreign(span: Span, word: &str, next: char) -> Diagnostic {
    let certain = |title: &str, right: &str| {
        let spelled = right.trim();
        Diagnostic::at(Code::E0109, span, title, format!("unexpected `{word}`")).fix(
            format!("write `{spelled}`"),
            span,
            right,
            Applicability::Certain,
        )
    };
    let at = |title: &str| Diagnostic::at(Code::E0109, span, title, "unexpected here");
    match word {
        "&&" => certain("`and` is the word for both", if next == ' ' { "and" } else { " and " }),
        "||" => certain("`or` is the word for either", if next == ' ' { "or" } else { " or " }),
        "!" => certain("`not` is the word for the opposite", if next == '(' { "not" } else { "not " }),
        "**" => certain("a power is written `^`", "^"),
        "..." => certain("all remaining axes are written `..`", ".."),
        ":=" => certain("a name is bound by `=`", "="),
        "=>" => at("`=>` is no operator").help("a comparison is `>=`; a function is `fn f(x) = x + 1`"),
        "+=" | "-=" | "*=" | "/=" => at(&format!("`{word}` is no operator: a name is bound, never changed"))
            .help(format!("bind it again: `total = total {} change`", &word[..1])),
        "?" => at("`?` is no operator")
            .help("a choice is `if condition { a } else { b }`, element by element `where(condition, a, b)`"),
        ";" => Diagnostic::at(Code::E0109, span, "statements need no `;`", "unexpected `;`").fix(
            "remove it",
            span,
            "",
            Applicability::Certain,
        ),
        _ if word.starts_with("//") => {
            let slashes = Span { end: span.start + 2, ..span };
            Diagnostic::at(Code::E0109, slashes, "a comment begins with `#`", "`//` begins no comment").fix(
                "write `#`",
                slashes,
                "#",
                Applicability::Maybe,
            )
        }
        _ => {
            let inner = word.trim_matches('\'').replace('"', "\\\"");
            Diagnostic::at(Code::E0109, span, "a string stands in double quotes", "in single quotes").fix(
                format!("write `\"{inner}\"`"),
                span,
                format!("\"{inner}\""),
                Applicability::Certain,
            )
        }
    }
}

/// Nesting that no later stage could follow.
pub(super) fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::at(Code::E0111, span, "this is nested too deep", format!("more than {MAX_DEPTH} levels"))
        .note("brackets, operators in a row and `else if`s each add a level")
        .help("bind the parts to names of their own, or use a `for`")
}

fn place(file: FileId, stream: &Stream<'_>, at: usize) -> Span {
    let token = stream.tokens[at];
    Span::new(file, token.start as usize, token.end as usize)
}

/// The brackets of a statement's piece that have no partner: one message for the innermost that is open, else for a closer
/// that closes nothing.
pub(super) fn brackets(file: FileId, stream: &Stream<'_>, range: Range) -> Option<Diagnostic> {
    let alone = |at: &usize| stream.tokens[*at].partner.is_none();
    let openers: Vec<usize> = range.clone().filter(alone).filter(|at| stream.tokens[*at].kind.is_opener()).collect();
    let closer = range.clone().filter(alone).find(|at| stream.tokens[*at].kind.opener().is_some());
    let Some(&opener) = openers.last() else {
        let closer = closer?;
        let word = stream.word(closer);
        let title = format!("this `{word}` closes nothing");
        return Some(Diagnostic::at(Code::E0109, place(file, stream, closer), title, "no bracket is open here"));
    };
    let (word, right) = (stream.word(opener), closing(stream.word(opener)));
    let diagnostic = Diagnostic::at(
        Code::E0101,
        place(file, stream, opener),
        format!("this `{word}` is never closed"),
        "opened here",
    );
    if let Some(closer) = closer.filter(|closer| *closer > opener) {
        let wrong = place(file, stream, closer);
        return Some(diagnostic.label(wrong, format!("`{}` does not close it", stream.word(closer))).fix(
            format!("write `{right}`"),
            wrong,
            right,
            Applicability::Maybe,
        ));
    }
    let end = place(file, stream, range.end - 1).after();
    if !stream.ends_operand(range.end - 1) && opener + 1 != range.end {
        return Some(diagnostic.help(format!("finish what it holds and write `{right}`")));
    }
    let certain = openers.len() == 1 && !has_operator(stream, opener + 1..range.end);
    let closers: String = openers.iter().rev().map(|at| closing(stream.word(*at))).collect();
    let applicability = if certain { Applicability::Certain } else { Applicability::Maybe };
    let diagnostic = if range.end < stream.tokens.len() && stream.tokens[range.end].starts_line {
        diagnostic.label(place(file, stream, range.end), "a new statement begins here")
    } else {
        diagnostic
    };
    Some(diagnostic.fix(format!("write `{closers}`"), end, closers, applicability))
}

/// Whether an operator stands in `range` outside closed brackets: then the bracket may have been meant to end before it.
fn has_operator(stream: &Stream<'_>, range: Range) -> bool {
    let mut at = range.start;
    while at < range.end {
        let token = stream.tokens[at];
        if token.kind == TokenKind::Operator {
            return true;
        }
        at = match token.partner {
            Some(partner) if token.kind.is_opener() => partner as usize + 1,
            _ => at + 1,
        };
    }
    false
}

/// A block's brace that has no partner; the block is the rest of `range`.
pub(super) fn unclosed_brace(file: FileId, stream: &Stream<'_>, range: Range, open: usize) -> Diagnostic {
    let last = place(file, stream, range.end - 1);
    let indent = " ".repeat(stream.tokens[range.start].column as usize);
    let diagnostic = Diagnostic::at(Code::E0101, place(file, stream, open), "this `{` is never closed", "opened here");
    let diagnostic = match stream.tokens.get(range.end) {
        Some(_) => diagnostic.label(place(file, stream, range.end), "the block seems to end before this"),
        None => diagnostic,
    };
    diagnostic.fix("write `}`", last.after(), format!("\n{indent}}}"), Applicability::Maybe)
}

fn closing(opener: &str) -> &'static str {
    match opener {
        "(" => ")",
        "[" => "]",
        _ => "}",
    }
}

/// The tokens of the repaired text, or those there were.
pub(super) fn retokenize(tokens: Vec<Token>, repaired: Option<&str>) -> Vec<Token> {
    repaired.map_or(tokens, tokenize)
}
