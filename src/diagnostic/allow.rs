//! `# allow W0503`: a comment line that silences warnings of the next line.
//!
//! Several codes may follow, divided by commas, and then any words. Comments of this kind may stand on top of each other; all mean the
//! first line below that is none. Errors cannot be silenced.

use super::{Applicability, Code, Diagnostic, Severity, info};
use crate::source::{FileId, SourceFile, SourceMap, Span};

/// One code of one comment.
struct Allow<'s> {
    /// The code as it is written.
    word: &'s str,
    span: Span,
    /// The line that it stands on, with its break.
    whole: Span,
    /// The line that it silences, from 1.
    line: usize,
    used: bool,
}

/// The diagnostics that no comment of the user's files silences, and what is wrong with those comments.
pub fn settle(diagnostics: Vec<Diagnostic>, sources: &SourceMap) -> Vec<Diagnostic> {
    let users = sources.files().filter(|(_, file)| !file.library);
    let mut allows: Vec<Allow> = users.flat_map(|(id, file)| allows(id, file)).collect();
    if allows.is_empty() {
        return diagnostics;
    }
    let mut left = Vec::new();
    for diagnostic in diagnostics {
        let silences = |allow: &&mut Allow| {
            let here = diagnostic.span().filter(|span| span.file == allow.span.file);
            here.is_some_and(|span| sources.line_column(span).line == allow.line)
                && allow.word.eq_ignore_ascii_case(diagnostic.code.as_str())
                && diagnostic.severity == Severity::Warning
        };
        match allows.iter_mut().find(silences) {
            Some(allow) => allow.used = true,
            None => left.push(diagnostic),
        }
    }
    // With an error, most warnings were never looked for.
    let failed = left.iter().any(Diagnostic::is_error);
    left.extend(allows.iter().filter(|allow| !allow.used).filter_map(|allow| idle(allow, failed)));
    left
}

/// What is wrong with a comment that silences nothing.
fn idle(allow: &Allow, failed: bool) -> Option<Diagnostic> {
    let at = |title: String, label: &str| Diagnostic::at(Code::W0607, allow.span, title, label);
    let diagnostic = match info(allow.word) {
        None => at(format!("no diagnostic has the code `{}`", allow.word), "unknown code")
            .help("`nnlc explain CODE` shows what a code means"),
        Some(row) if row.code.severity() == Severity::Error => {
            at(format!("`{}` is an error and cannot be silenced", row.code), "an error")
                .help(format!("`nnlc explain {}` shows how to mend it", row.code))
        }
        Some(_) if failed => return None,
        Some(row) => at(format!("the next line raises no {}", row.code), "silences nothing").fix(
            "remove the comment",
            allow.whole,
            "",
            Applicability::Certain,
        ),
    };
    Some(diagnostic)
}

/// The comments of one file.
fn allows(id: FileId, file: &SourceFile) -> Vec<Allow<'_>> {
    let mut found = Vec::new();
    let mut waiting = 0;
    let mut start = 0;
    for (index, line) in file.text.split_inclusive('\n').enumerate() {
        let words = codes(line);
        if words.is_empty() {
            found[waiting..].iter_mut().for_each(|allow: &mut Allow| allow.line = index + 1);
            waiting = found.len();
        }
        let whole = Span::new(id, start, start + line.len());
        found.extend(words.into_iter().map(|(at, word)| {
            let span = Span::new(id, start + at, start + at + word.len());
            Allow { word, span, whole, line: 0, used: false }
        }));
        start += line.len();
    }
    found
}

/// The codes of an `# allow` line with their places in it; none in any other line, prose that starts with "allow" among them.
fn codes(line: &str) -> Vec<(usize, &str)> {
    let Some(rest) =
        line.trim_start().strip_prefix('#').and_then(|comment| comment.trim_start().strip_prefix("allow "))
    else {
        return Vec::new();
    };
    let mut at = line.len() - rest.len();
    let mut found = Vec::new();
    for piece in rest.split_inclusive([' ', ',', '\n', '\r', '\t']) {
        let word = piece.trim_end_matches([' ', ',', '\n', '\r', '\t']);
        let digits = word.get(1..).unwrap_or_default();
        let is_code = word.starts_with(|c: char| c.is_ascii_alphabetic())
            && digits.len() >= 3
            && digits.bytes().all(|byte| byte.is_ascii_digit());
        match word.is_empty() {
            true => {}
            false if is_code => found.push((at, word)),
            false => break,
        }
        at += piece.len();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_read_with_its_codes() {
        assert_eq!(codes("  # allow W0503, W0604 because of that\n"), [(10, "W0503"), (17, "W0604")]);
        assert_eq!(codes("# allow the weights to move\n"), []);
        assert_eq!(codes("x = 1 # allow W0503\n"), []);
    }

    #[test]
    fn comments_on_top_of_each_other_mean_one_line() {
        let mut sources = SourceMap::new();
        let id = sources.add("a.nn", "# allow W0503\n# allow W0604\nx = 1\ny = 2\n");
        let at = |code: Code, start: usize| Diagnostic::at(code, Span::new(id, start, start + 1), "title", "label");
        let left = settle(vec![at(Code::W0503, 28), at(Code::W0604, 28), at(Code::W0604, 34)], &sources);
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].span().map(|span| span.start), Some(34));
        let left = settle(vec![at(Code::W0503, 28), at(Code::E0102, 28)], &sources);
        assert_eq!(left.len(), 1, "an error stays, and what it may have hidden is not told: {left:?}");
    }
}
