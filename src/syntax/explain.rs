//! Why a piece does not parse, in people's words: what was found, what could stand there, and what was probably meant.

use super::grammar::Rule;
use super::recover::{Place, Range};
use super::stream::Stream;
use super::tokens::TokenKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, Span};

/// A piece that does not parse. What was probably meant is looked for in `mistakes`.
pub(super) struct Failure<'f, 't> {
    pub file: FileId,
    pub stream: &'f Stream<'t>,
    /// What the piece was read as.
    pub rule: Rule,
    pub range: Range,
    /// The token that the grammar could not take; the end of the range when it ran out of tokens.
    pub found: usize,
    pub place: Place,
}

/// What follows `else` when it is neither a block nor an `if`.
pub(super) fn after_else(found: Span) -> Diagnostic {
    Diagnostic::at(Code::E0109, found, "`else` without a block", "`{` or `if` should follow")
        .help("write `else { ... }`")
}

impl Failure<'_, '_> {
    /// The message.
    pub fn explain(&self, expected: &[Rule]) -> Diagnostic {
        self.mistake(expected).unwrap_or_else(|| self.with_form(self.plain(expected)))
    }

    /// What was found and what could stand there, no more.
    fn plain(&self, expected: &[Rule]) -> Diagnostic {
        let expected = expectation(expected);
        if self.found >= self.range.end {
            let last = self.span(self.range.end - 1);
            let word = shorten(self.stream.word(self.range.end - 1));
            let title = match expected {
                Some(expected) => format!("expected {expected} after `{word}`"),
                None => format!("nothing can end with `{word}`"),
            };
            return Diagnostic::at(Code::E0109, last, title, "the statement ends here");
        }
        let found = self.found_in_words();
        let here = self.span(self.found);
        match expected {
            Some(expected) => {
                let label = format!("{expected} should stand here");
                Diagnostic::at(Code::E0109, here, format!("expected {expected}, found {found}"), label)
            }
            None => Diagnostic::at(Code::E0109, here, format!("{found} cannot stand here"), "unexpected"),
        }
    }

    /// Adds how the statement is written, where its keyword tells which it is and the fault is in its head.
    fn with_form(&self, diagnostic: Diagnostic) -> Diagnostic {
        let word = self.stream.word(self.range.start);
        let head = (self.range.start..self.found.min(self.range.end))
            .all(|at| self.stream.kind(at) != Some(TokenKind::Assign));
        match FORMS.iter().find(|(keyword, _)| *keyword == word) {
            Some((_, form)) if head => diagnostic.help(format!("write it like `{form}`")),
            _ => diagnostic,
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

    /// The bytes of one token.
    pub fn span(&self, at: usize) -> Span {
        let token = self.stream.tokens[at];
        Span::new(self.file, token.start as usize, token.end as usize)
    }
}

/// How each statement is written, by its first word.
pub(super) const FORMS: &[(&str, &str)] = &[
    ("import", "import \"blocks.nn\" as blocks"),
    ("const", "const width = 256"),
    ("fn", "fn twice(x) = 2 * x"),
    ("layer", "layer Double(width)(x) { return x |> Affine(width) }"),
    ("input", "input x: [1, 28, 28]"),
    ("param", "param w: [10, 20] = glorot_normal()"),
    ("state", "state mean: [10] = zeros()"),
    ("update", "update mean = 0.9 * mean + 0.1 * new"),
    ("loss", "loss = mean(square(y - t))"),
    ("metric", "metric error = mean(abs(y - t))"),
    ("output", "output y"),
    ("for", "for maps in [16, 32] { h = h |> Affine(maps) }"),
    ("if", "if training { h = h |> Dropout() }"),
    ("assert", "assert width > 0, \"width must be positive\""),
    ("data", "data train { x = npy(\"x.npy\") }"),
    ("train", "train { optimizer = adam() }"),
    ("test", "test \"relu cuts\" { assert relu(-1) == 0 }"),
];

/// A long word's beginning.
pub(super) fn shorten(word: &str) -> String {
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
    add(&[arg_default, init, fn_exprs], "`=`");
    add(&[colon, arg_type], "`:`");
    add(&[kw_in], "`in`");
    add(&[kw_else], "`else`");
    add(&[open_brace, block, body, arm, columns, settings], "`{`");
    add(&[params], "`(`");
    add(&[close_paren], "`)`");
    add(&[close_bracket], "`]`");
    add(&[close_brace], "`}`");
    add(&[close_angle], "`>`");
    // `=` and `,` together are what a name that begins a statement waits for; seldom was one begun.
    if words.is_empty() || !(has(&[assign]) && has(&[comma])) {
        words.extend([(assign, "`=`"), (comma, "`,`")].iter().filter(|(rule, _)| has(&[*rule])).map(|(_, word)| *word));
    }
    words.dedup();
    let last = words.pop()?;
    Some(if words.is_empty() { last.to_owned() } else { format!("{} or {last}", words.join(", ")) })
}
