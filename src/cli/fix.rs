//! `nnlc fix`: applies what is certain, until nothing certain is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::Fix;
use super::{ERRORS, FAILED, show};
use crate::diagnostic::fixed;
use crate::driver::{Session, write_whole};

/// How many rounds at most: each answers at least one diagnostic, and a fix that another undoes must not go on for ever.
const ROUNDS: usize = 100;

/// What the fixes make of a file.
struct Change {
    /// What it holds.
    old: String,
    /// Where each fix stands in the text that it was made in, and what it does.
    done: Vec<(usize, String)>,
}

/// Applies the certain fixes, or prints them, then shows what is left.
pub fn fix(command: &Fix) -> ExitCode {
    let mut request = command.model.request(false, &[]);
    let mut changes: BTreeMap<PathBuf, Change> = BTreeMap::new();
    for _ in 0..ROUNDS {
        let session = Session::open(&command.model.path, &request);
        let files = fixed(&session.diagnostics, &session.sources);
        if files.is_empty() {
            break;
        }
        for file in files {
            let source = session.sources.file(file.file);
            let path = PathBuf::from(&source.name);
            let fresh = || Change { old: source.text.clone(), done: Vec::new() };
            changes.entry(path.clone()).or_insert_with(fresh).done.extend(file.done);
            request.texts.insert(path, file.text);
        }
    }
    if command.dry_run {
        let shown = changes
            .iter()
            .map(|(path, change)| difference(&path.display().to_string(), &change.old, &request.texts[path]));
        super::print(&shown.collect::<String>());
        return ExitCode::SUCCESS;
    }
    for (path, change) in &changes {
        if let Err(error) = write_whole(path, request.texts[path].as_bytes()) {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            return ExitCode::from(FAILED);
        }
        change.done.iter().for_each(|(line, what)| eprintln!("{}:{line}: {what}", path.display()));
    }
    left(&command.model.path, command, changes.values().map(|change| change.done.len()).sum())
}

/// Says how many fixes there were, and shows what people have to look at themselves.
fn left(path: &Path, command: &Fix, count: usize) -> ExitCode {
    eprintln!("{}: {count} fix{} applied", path.display(), if count == 1 { "" } else { "es" });
    let session = Session::open(path, &command.model.request(false, &[]));
    show(&session.diagnostics, &session.sources, command.model.message_format);
    if session.failed() { ExitCode::from(ERRORS) } else { ExitCode::SUCCESS }
}

/// The lines that differ, as a unified difference without context. Fixes change few lines: what is alike in front and behind is left
/// out, and all between is shown.
fn difference(name: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let mut out = format!("--- {name}\n+++ {name}\n");
    for (a, b) in hunks(&old, &new) {
        out += &format!("@@ -{},{} +{},{} @@\n", first(&a), a.len(), first(&b), b.len());
        old[a].iter().for_each(|line| out += &format!("-{line}\n"));
        new[b].iter().for_each(|line| out += &format!("+{line}\n"));
    }
    out
}

/// The first line of a hunk as `diff` counts: an empty one stands behind the line that it names.
fn first(range: &std::ops::Range<usize>) -> usize {
    if range.is_empty() { range.start } else { range.start + 1 }
}

type Hunk = (std::ops::Range<usize>, std::ops::Range<usize>);

/// The runs of lines that differ: a run ends at the nearest line of both that is alike.
fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let mut found = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            continue;
        }
        let most = (old.len() - i) + (new.len() - j);
        let meet = (1..=most).flat_map(|far| (0..=far).map(move |a| (a, far - a)));
        let alike = |(a, b): &(usize, usize)| {
            let (x, y) = (old.get(i + a), new.get(j + b));
            (x.is_some() && x == y) || (x.is_none() && y.is_none() && i + a == old.len() && j + b == new.len())
        };
        let (a, b) = meet.into_iter().find(alike).unwrap_or((old.len() - i, new.len() - j));
        found.push((i..i + a, j..j + b));
        (i, j) = (i + a, j + b);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_the_changed_lines_alone() {
        let shown = difference("m.nn", "a\nb\nc\nd\n", "a\nB\nc\nd\ne\n");
        assert_eq!(shown, "--- m.nn\n+++ m.nn\n@@ -2,1 +2,1 @@\n-b\n+B\n@@ -4,0 +5,1 @@\n+e\n");
        assert_eq!(difference("m.nn", "a\nb\n", "b\n"), "--- m.nn\n+++ m.nn\n@@ -1,1 +0,0 @@\n-a\n");
    }
}
