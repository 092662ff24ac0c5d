//! Files in canonical layout: which ones are meant, and what each becomes. Writes nothing.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::Session;
use crate::diagnostic::{Code, Diagnostic};
use crate::format;
use crate::source::SourceMap;

/// What formatting makes of a text.
pub struct Formatted {
    /// The text as it was.
    pub old: String,
    /// The text in canonical layout; none when it cannot be read or does not parse.
    pub new: Option<String>,
    /// What is wrong with it.
    pub diagnostics: Vec<Diagnostic>,
    /// The sources that the diagnostics point into.
    pub sources: SourceMap,
}

impl Formatted {
    /// Whether formatting changes the text.
    pub fn changes(&self) -> bool {
        self.new.as_ref().is_some_and(|new| *new != self.old)
    }

    fn refused(session: Session, old: String) -> Formatted {
        Formatted { old, new: None, diagnostics: session.diagnostics, sources: session.sources }
    }
}

/// Formats the file at `path`.
pub fn format_file(path: &Path) -> Formatted {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => format_bytes(&name, bytes),
        Err(error) => {
            let title = format!("cannot read `{name}`: {}", super::reason(&error));
            let found = vec![Diagnostic::new(Code::E0403, title)];
            Formatted::refused(Session::refused(&name, String::new(), PathBuf::new(), found), String::new())
        }
    }
}

/// Formats a text that is called `name`.
pub fn format_bytes(name: &str, bytes: Vec<u8>) -> Formatted {
    let old = match String::from_utf8(bytes) {
        Ok(old) => old,
        Err(error) => {
            let old = String::from_utf8_lossy(error.as_bytes()).into_owned();
            return Formatted::refused(Session::not_utf8(name, PathBuf::new(), &error), old);
        }
    };
    let mut sources = SourceMap::new();
    let file = sources.add(name, &*old);
    match format::format(file, &old) {
        Ok(new) => Formatted { old, new: Some(new), diagnostics: Vec::new(), sources },
        Err(diagnostics) => Formatted { old, new: None, diagnostics, sources },
    }
}

/// The programs that `paths` mean, each once: files as they are named, and every `.nn` file in folders and the folders in those. Hidden
/// folders and links to folders are passed by.
///
/// # Errors
/// The folder that cannot be read, and why.
pub fn programs(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            walk(path, &mut found).map_err(|(folder, error)| (folder, super::reason(&error)))?;
        } else {
            found.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    Ok(found)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (folder.to_path_buf(), error);
    let mut entries = std::fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed)?);
        if kind.is_dir() {
            if !entry.file_name().to_string_lossy().starts_with('.') {
                walk(&path, found)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "nn") && path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}
