//! Diagnostics as text for people, short lines for terminals and editors, or JSON for programs. Writes nothing out itself.
//!
//! People see the first [`MOST_SHOWN`], errors before warnings when there are more. Places in the standard library are folded:
//! they are shown only where no place in the user's own files is known.

mod json;
mod text;

pub use json::json;
pub use text::text;

use crate::diagnostic::{Diagnostic, Label, Severity};
use crate::source::SourceMap;

/// How many diagnostics people are shown at once.
pub const MOST_SHOWN: usize = 20;

/// One line each: `file:line:column: error[E0102]: title`, then the summary.
pub fn short(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut lines = String::new();
    for diagnostic in shown(diagnostics) {
        if let Some(label) = labels(diagnostic, sources).first() {
            let place = sources.line_column(label.span);
            lines += &format!("{}:{}:{}: ", sources.file(label.span.file).name, place.line, place.column);
        }
        lines += &format!("{}: {}\n", heading(diagnostic), diagnostic.title);
    }
    lines + &summary(diagnostics)
}

/// `error[E0102]`.
fn heading(diagnostic: &Diagnostic) -> String {
    let word = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{word}[{}]", diagnostic.code)
}

/// The diagnostics that people are shown.
fn shown(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    if shown.len() > MOST_SHOWN {
        shown.sort_by_key(|diagnostic| !diagnostic.is_error());
        shown.truncate(MOST_SHOWN);
    }
    shown
}

/// `2 errors, 1 warning`, with how many were not shown; empty when there is nothing to say.
fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).count();
    let warnings = diagnostics.len() - errors;
    let counts: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if counts.is_empty() {
        return String::new();
    }
    let hidden = diagnostics.len().saturating_sub(MOST_SHOWN);
    let more = if hidden > 0 { format!("and {hidden} more\n") } else { String::new() };
    format!("{more}{}\n", counts.join(", "))
}

/// The labels to show, the primary one first: those in the user's files, or all if there are none. When the primary label is
/// folded away, the first that is left takes its place.
fn labels<'d>(diagnostic: &'d Diagnostic, sources: &SourceMap) -> Vec<&'d Label> {
    let users: Vec<&Label> = diagnostic.labels.iter().filter(|label| !sources.is_library(label.span)).collect();
    let mut labels = if users.is_empty() { diagnostic.labels.iter().collect() } else { users };
    labels.sort_by_key(|label| !label.primary);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Applicability, Code};
    use crate::source::Span;

    fn sources() -> SourceMap {
        let mut sources = SourceMap::new();
        sources.add("model.nn", "損失 = 1\n\tb = sigmid(損失)\nc = 3\n");
        sources.add_library("library/loss.nn", "fn huber(x) = x\n");
        sources
    }

    fn unknown(sources: &SourceMap) -> Diagnostic {
        let (user, library) = (crate::source::FileId(0), crate::source::FileId(1));
        let start = sources.file(user).text.find("sigmid").unwrap();
        let span = Span::new(user, start, start + 6);
        Diagnostic::at(Code::E0102, span, "unknown name `sigmid`", "not defined")
            .label(Span::new(user, 0, 6), "bound here")
            .label(Span::new(library, 3, 8), "in the library")
            .note("names are case-sensitive")
            .fix("write `sigmoid`", span, "sigmoid", Applicability::Certain)
    }

    #[test]
    fn short_lines_count_columns_in_characters() {
        let sources = sources();
        let text = short(&[unknown(&sources)], &sources);
        assert_eq!(text, "model.nn:2:6: error[E0102]: unknown name `sigmid`\n1 error\n");
    }

    #[test]
    fn text_shows_lines_labels_and_what_to_write() {
        let sources = sources();
        let text = text(&[unknown(&sources)], &sources, false);
        for part in [
            "error[E0102]: unknown name `sigmid`",
            "model.nn:2:6",
            "損失 = 1",
            "bound here",
            "    b = sigmid(損失)",
            "not defined",
            "Note: names are case-sensitive",
            "write `sigmoid`",
            "b = sigmoid(損失)",
            "1 error",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("library") && !text.contains('\u{1b}'), "{text}");
        assert!(super::text(&[unknown(&sources)], &sources, true).contains('\u{1b}'));
    }

    #[test]
    fn a_line_that_no_terminal_shows_is_named_and_not_drawn() {
        let mut sources = SourceMap::new();
        let id = sources.add("a.nn", format!("b = 1\nloss = {}", "(".repeat(100_000)));
        let place = Span::new(id, 200, 201);
        let deep = Diagnostic::at(Code::E0111, place, "too deep", "this one").help("bind parts").fix(
            "cut it",
            place,
            "",
            Applicability::Maybe,
        );
        let shown = super::text(&[deep], &sources, false);
        assert_eq!(
            shown,
            "error[E0111]: too deep\n  a.nn:2:195: this one\n  Help: bind parts\n  Help: cut it\n\n1 error\n"
        );
    }

    #[test]
    fn json_is_one_object_a_line() {
        let sources = sources();
        let lines = json(&[unknown(&sources), unknown(&sources)], &sources);
        let objects: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2);
        let label = &objects[0]["labels"][0];
        assert_eq!(objects[0]["code"], "E0102");
        assert_eq!(objects[0]["severity"], "error");
        assert_eq!((&label["start"]["line"], &label["start"]["column"]), (&2.into(), &6.into()));
        assert_eq!((&label["end"]["line"], &label["end"]["column"]), (&2.into(), &12.into()));
        assert_eq!(objects[0]["fixes"][0]["edits"][0]["text"], "sigmoid");
        assert_eq!(objects[0]["labels"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn what_is_not_shown_is_counted() {
        let sources = sources();
        let mut many = vec![Diagnostic::new(Code::W0604, "unused"); 15];
        many.extend(vec![Diagnostic::new(Code::E0403, "missing"); 10]);
        let text = short(&many, &sources);
        assert_eq!(text.matches("error[E0403]").count(), 10);
        assert_eq!(text.matches("warning[W0604]").count(), 10);
        assert!(text.ends_with("and 5 more\n10 errors, 15 warnings\n"), "{text}");
        assert_eq!(super::text(&[], &sources, false), "");
    }

    #[test]
    fn any_span_can_be_shown() {
        let mut sources = SourceMap::new();
        let id = sources.add("a.nn", "a\u{2028}b\r\nc\rd\u{1b}[31m\n\nlast");
        let text = &sources.file(id).text;
        let offsets: Vec<usize> = (0..=text.len()).filter(|at| text.is_char_boundary(*at)).collect();
        for &start in &offsets {
            for &end in offsets.iter().filter(|end| **end >= start) {
                let diagnostic = Diagnostic::at(Code::E0109, Span::new(id, start, end), "title", "label")
                    .label(Span::new(id, 0, start), "other");
                let shown = super::text(&[diagnostic], &sources, false);
                assert!(shown.contains("title") && !shown.contains('\u{1b}'), "{start}..{end}: {shown}");
            }
        }
    }
}
