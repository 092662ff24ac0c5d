//! What the certain fixes of some diagnostics make of the files. Writes nothing.

use std::collections::BTreeMap;

use super::{Applicability, Diagnostic, Edit};
use crate::source::{FileId, SourceMap};

/// The new text of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The file.
    pub file: FileId,
    /// Its text with the fixes applied.
    pub text: String,
    /// The lines of the old text (from 1) that fixes change, each with what the fix does, in order.
    pub done: Vec<(usize, String)>,
}

/// Applies the first certain fix of each diagnostic, as far as they do not touch each other: what is left over is for the next round.
/// The library is never changed.
pub fn fixed(diagnostics: &[Diagnostic], sources: &SourceMap) -> Vec<Fixed> {
    let mut accepted: BTreeMap<FileId, Vec<(&Edit, &str)>> = BTreeMap::new();
    for diagnostic in diagnostics {
        let Some(fix) = diagnostic.fixes.iter().find(|fix| fix.applicability == Applicability::Certain) else {
            continue;
        };
        let free = |edit: &Edit| {
            !sources.is_library(edit.span)
                && accepted.get(&edit.span.file).is_none_or(|others| others.iter().all(|(other, _)| apart(other, edit)))
        };
        if fix.edits.iter().all(free) {
            for edit in &fix.edits {
                accepted.entry(edit.span.file).or_default().push((edit, &fix.title));
            }
        }
    }
    let apply = |(file, mut edits): (FileId, Vec<(&Edit, &str)>)| {
        edits.sort_by_key(|(edit, _)| edit.span);
        let old = &sources.file(file).text;
        let (mut text, mut end) = (String::new(), 0);
        for (edit, _) in &edits {
            let range = edit.span.range();
            text += &old[end..range.start];
            text += &edit.text;
            end = range.end;
        }
        text += &old[end..];
        let line = |edit: &Edit| sources.line_column(edit.span).line;
        let mut done: Vec<(usize, String)> =
            edits.iter().map(|(edit, title)| (line(edit), (*title).to_owned())).collect();
        done.dedup();
        Fixed { file, text, done }
    };
    accepted.into_iter().map(apply).collect()
}

/// Whether two edits neither overlap nor touch.
fn apart(a: &Edit, b: &Edit) -> bool {
    a.span.file != b.span.file || a.span.end < b.span.start || b.span.end < a.span.start
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::source::Span;

    #[test]
    fn certain_fixes_that_do_not_touch_are_applied_together() {
        let mut sources = SourceMap::new();
        let id = sources.add("a.nn", "ab cd\nef");
        let fix = |start, end, text: &str, sure| {
            let span = Span::new(id, start, end);
            Diagnostic::at(Code::E0102, span, "title", "label").fix(format!("write `{text}`"), span, text, sure)
        };
        let (certain, maybe) = (Applicability::Certain, Applicability::Maybe);
        let all = [fix(6, 8, "EF", certain), fix(0, 2, "AB", certain), fix(1, 3, "x", certain), fix(3, 5, "CD", maybe)];
        let fixed = fixed(&all, &sources);
        assert_eq!(fixed.len(), 1);
        assert_eq!(fixed[0].text, "AB cd\nEF");
        assert_eq!(fixed[0].done, [(1, "write `AB`".to_owned()), (2, "write `EF`".to_owned())]);
    }
}
