//! `nnlc fix`: applies what is certain, until nothing certain is left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::Fix;
use super::difference::difference;
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
