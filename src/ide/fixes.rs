//! Changes that answer diagnostics: the diagnostics' own fixes, as far as their places still stand.

use super::view::View;
use crate::diagnostic::{Applicability, Diagnostic, Edit, fixed};
use crate::source::Span;

/// A change that an editor may offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What it does, as a command.
    pub title: String,
    /// The edits of the file.
    pub edits: Vec<Edit>,
    /// Whether it is what was meant.
    pub certain: bool,
    /// The place of the diagnostic among those of the last check.
    pub answers: usize,
}

/// The changes that answer what is wrong somewhere from byte `start` to byte `end`; certain ones first.
pub fn actions(view: &View, start: u32, end: u32) -> Vec<Action> {
    let Some(facts) = view.facts else { return Vec::new() };
    let mut found = Vec::new();
    for (answers, diagnostic) in facts.diagnostics.iter().enumerate() {
        let place = diagnostic.span().and_then(|span| view.now_at(span));
        if !place.is_some_and(|place| touches(place, start, end)) {
            continue;
        }
        for fix in &diagnostic.fixes {
            let edits: Option<Vec<Edit>> = fix.edits.iter().map(|edit| moved(view, edit)).collect();
            let Some(edits) = edits else { continue };
            let certain = fix.applicability == Applicability::Certain;
            found.push(Action { title: fix.title.clone(), edits, certain, answers });
        }
    }
    found.sort_by_key(|action| !action.certain);
    found
}

/// The file's text with every certain fix applied; none when that changes nothing, or the file has changed since it was checked.
pub fn fix_all(view: &View) -> Option<String> {
    let facts = view.facts.filter(|facts| facts.text() == view.syntax.text)?;
    let own: Vec<Diagnostic> = facts.diagnostics.iter().filter(|found| in_file(found, facts.file)).cloned().collect();
    let all = fixed(&own, &facts.sources);
    Some(all.into_iter().find(|fixed| fixed.file == facts.file)?.text)
}

fn in_file(diagnostic: &Diagnostic, file: crate::source::FileId) -> bool {
    diagnostic.fixes.iter().flat_map(|fix| &fix.edits).all(|edit| edit.span.file == file)
}

fn touches(place: Span, start: u32, end: u32) -> bool {
    place.start <= end && start <= place.end
}

fn moved(view: &View, edit: &Edit) -> Option<Edit> {
    Some(Edit { span: view.now_at(edit.span)?, text: edit.text.clone() })
}
