//! The files that a program imports: read, parsed and linked before the check, which knows no file system.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Request, reason};
use crate::check::{Imports, imported_paths};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::{self, ast::Ast};

/// Reads whatever the program `ast` in `file` imports, and what those files import. Written paths start at the folder of the file
/// that they stand in, the program's own at `folder`.
pub fn load(
    sources: &mut SourceMap,
    file: FileId,
    ast: &Ast,
    folder: &Path,
    request: &Request,
) -> (Imports, Vec<Diagnostic>) {
    let name = Path::new(&sources.file(file).name).file_name().map(PathBuf::from).unwrap_or_default();
    let mut loader = Loader {
        sources,
        request,
        imports: Imports::default(),
        known: BTreeMap::new(),
        open: Vec::new(),
        diagnostics: Vec::new(),
    };
    loader.enter(file, ast, &folder.join(name));
    (loader.imports, loader.diagnostics)
}

struct Loader<'s> {
    sources: &'s mut SourceMap,
    request: &'s Request,
    imports: Imports,
    /// Files by the path that the system knows them under.
    known: BTreeMap<PathBuf, FileId>,
    /// The files whose imports are being read, the program first.
    open: Vec<(PathBuf, FileId)>,
    diagnostics: Vec<Diagnostic>,
}

impl Loader<'_> {
    fn enter(&mut self, file: FileId, ast: &Ast, path: &Path) {
        self.open.push((canonical(path), file));
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        for written in imported_paths(&ast.items) {
            if let Some(target) = self.follow(&folder.join(&written.value), &written.value, written.span) {
                self.imports.links.insert(written.span, target);
            }
        }
        self.open.pop();
    }

    /// The file at `path`, read when it is new.
    fn follow(&mut self, path: &Path, written: &str, span: Span) -> Option<FileId> {
        let own = canonical(path);
        if let Some(first) = self.open.iter().position(|(open, _)| *open == own) {
            self.circle(first, written, span);
            return None;
        }
        if let Some(file) = self.known.get(&own) {
            return Some(*file);
        }
        let text = match self.request.read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => return self.refuse(written, span, "it is not valid UTF-8", path),
            Err(error) => return self.refuse(written, span, &reason(&error), path),
        };
        let file = self.sources.add(path.display().to_string(), text);
        let (ast, diagnostics) = syntax::parse(file, &self.sources.file(file).text);
        self.diagnostics.extend(diagnostics);
        self.known.insert(own, file);
        self.enter(file, &ast, path);
        self.imports.files.insert(file, ast);
        Some(file)
    }

    fn refuse(&mut self, written: &str, span: Span, why: &str, path: &Path) -> Option<FileId> {
        let title = format!("cannot import `{written}`: {why}");
        let diagnostic = Diagnostic::at(Code::E0701, span, title, format!("looked for `{}`", path.display()));
        self.diagnostics.push(diagnostic.note("the path starts at the folder of the file that it stands in"));
        None
    }

    /// Reports an import that leads back to one of the files that led here.
    fn circle(&mut self, first: usize, written: &str, span: Span) {
        let mut names: Vec<String> =
            self.open[first..].iter().map(|(_, file)| format!("`{}`", self.sources.file(*file).name)).collect();
        names.push(names[0].clone());
        let title = match names.len() {
            2 => format!("`{written}` imports itself"),
            _ => format!("the imports go in a circle: {}", names.join(" -> ")),
        };
        let diagnostic = Diagnostic::at(Code::E0701, span, title, "leads back to where it began")
            .help("move what both need to a file of its own");
        self.diagnostics.push(diagnostic);
    }
}

/// The path that the system knows a file under; the path itself when there is no such file.
fn canonical(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}
