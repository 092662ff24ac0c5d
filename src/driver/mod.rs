//! `Session`: the public API; the pipeline on one page.
//!
//! A session holds one program: its text, what the compiler says of it, and, without errors, the checked program and its networks.
//! Everything here returns values and diagnostics; printing and exiting is for `cli`.

mod column;
mod data;
mod definitions;
mod eval;
mod export;
mod file;
mod foreign;
mod format;
mod imports;
mod infer;
mod profile;
pub mod project;
mod resume;
mod run;
mod sized;
mod test;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

pub use data::{DataOverride, Sets, feeds_of, want_of};
pub use eval::{EvalOptions, EvalReport};
pub use export::ExportOptions;
pub use file::write_whole;
pub use foreign::{Carried, NotImported, import_file, write_imported};
pub use format::{Formatted, format_bytes, format_file, programs};
pub use infer::{InferOptions, Output};
pub use profile::{Inside, ProfileOptions, ProfileReport, ProfiledStep, stages};
pub use run::{Prepared, RunOptions, RunReport, Watch};
pub use test::TestOutcome;

use crate::check::{self, Imports, Notes, Options, Program};
use crate::diagnostic::{self, Code, Diagnostic};
pub use crate::ide::handbook::{Chapter, Entry, Meant, chapters, library_chapters, meant};
use crate::library;
use crate::source::{FileId, SourceMap, Span};
use crate::syntax;
use crate::syntax::ast::{Ast, StmtKind};
use crate::tensor::Sizes;
use data::{SetSizes, unfed};

/// What a program is checked with.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Values that replace those of top-level `const`s, or stand for sizes that the data fixes (`--set k=v`).
    pub set: BTreeMap<String, String>,
    /// Data files that replace those of the program (`--data train=f.csv`).
    pub data: Vec<DataOverride>,
    /// What may pass.
    pub options: Options,
    /// Whether the program's data is beside the point: its files may be missing, or not fit.
    pub without_data: bool,
    /// Texts that stand in for what files hold, by their paths.
    pub texts: BTreeMap<PathBuf, String>,
    /// Whether the session keeps what the check saw.
    pub noting: bool,
}

impl Request {
    /// What `--set` says, if anything.
    fn given(&self) -> Option<String> {
        let given: Vec<String> = self.set.iter().map(|(name, value)| format!("`--set {name}={value}`")).collect();
        (!given.is_empty()).then(|| format!("with {}", given.join(", ")))
    }

    /// What the file at `path` holds.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        match self.texts.get(path).or_else(|| self.texts.get(&plain(path))) {
            Some(text) => Ok(text.clone().into_bytes()),
            None => std::fs::read(path),
        }
    }
}

/// A checked program, or why there is none.
pub struct Session {
    /// All texts: the library's, then the program's.
    pub sources: SourceMap,
    /// The program's file.
    pub file: FileId,
    /// Where the program's relative paths start.
    pub folder: PathBuf,
    /// What the compiler says, in source order, errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// The program, when no diagnostic is an error.
    pub program: Option<Program>,
    /// What the check saw in the program's own file; empty unless it was asked for.
    pub notes: Notes,
    /// What the program was checked from, to check it again when sizes are known.
    origin: Option<Origin>,
    /// The sizes that each data set fixes, by the headers of its files.
    sizes: Vec<SetSizes>,
}

/// What a program was checked from, beside its sources.
struct Origin {
    ast: Ast,
    imports: Imports,
    request: Request,
}

impl Session {
    /// Reads and checks the program at `path`, and the headers of the data files that it names.
    pub fn open(path: &Path, request: &Request) -> Session {
        let name = path.display().to_string();
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let bytes = match request.read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let title = format!("cannot read `{name}`: {}", reason(&error));
                return Session::refused(&name, String::new(), folder, vec![Diagnostic::new(Code::E0403, title)]);
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => {
                let mut session = Session::check(&name, text, folder, request);
                session.check_data(request);
                session
            }
            Err(error) => Session::not_utf8(&name, folder, &error),
        }
    }

    /// Checks a text that is in memory and the files that it imports, without its data files but for the headers of those
    /// that columns are computed from. Relative paths in it start at `folder`.
    pub fn check(name: &str, text: String, folder: PathBuf, request: &Request) -> Session {
        let mut sources = library::sources();
        let file = sources.add(name, text);
        let (ast, mut diagnostics) = syntax::parse(file, &sources.file(file).text);
        let (imports, found) = imports::load(&mut sources, file, &ast, &folder, request);
        let broken = match broken_names(std::iter::once(&ast).chain(imports.files.values())) {
            None if !found.is_empty() => Some(BTreeSet::new()),
            broken => broken,
        };
        diagnostics.extend(found);
        let origin = Some(Origin { ast, imports, request: request.clone() });
        let mut session = Session { origin, ..Session::empty(sources, file, folder) };
        let checked = session.checked(&Sizes::new(), broken.as_ref(), None);
        diagnostics.extend(checked.diagnostics);
        session.notes = checked.notes;
        session.program = checked.program.filter(|_| !diagnostics.iter().any(Diagnostic::is_error));
        session.diagnostics = diagnostic::settle(diagnostics, &session.sources);
        session.sort();
        session
    }

    /// The paths that the program's own imports write, and the files that they lead to.
    pub fn imports(&self) -> Vec<(&str, FileId)> {
        let Some(Origin { ast, imports, .. }) = &self.origin else { return Vec::new() };
        let paths = check::imported_paths(&ast.items);
        paths.filter_map(|path| Some((path.value.as_str(), *imports.links.get(&path.span)?))).collect()
    }

    fn empty(sources: SourceMap, file: FileId, folder: PathBuf) -> Session {
        let (diagnostics, sizes, notes) = (Vec::new(), Vec::new(), Notes::default());
        Session { sources, file, folder, diagnostics, program: None, notes, origin: None, sizes }
    }

    fn refused(name: &str, text: String, folder: PathBuf, diagnostics: Vec<Diagnostic>) -> Session {
        let mut sources = library::sources();
        let file = sources.add(name, text);
        Session { diagnostics, ..Session::empty(sources, file, folder) }
    }

    fn not_utf8(name: &str, folder: PathBuf, error: &std::string::FromUtf8Error) -> Session {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let end = text[valid..].chars().next().map_or(valid, |c| valid + c.len_utf8());
        let mut session = Session::refused(name, text, folder, Vec::new());
        let byte = error.as_bytes()[valid];
        let diagnostic = Diagnostic::at(
            Code::E0100,
            Span::new(session.file, valid, end),
            "the file is not valid UTF-8",
            format!("byte {valid} is 0x{byte:02x}, which starts no character here"),
        )
        .help("save the file as UTF-8");
        session.diagnostics.push(diagnostic);
        session
    }

    /// Whether anything is an error.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    fn check_data(&mut self, request: &Request) {
        let Some(program) = &self.program else { return };
        let (mut found, sizes) = data::check_headers(program, &self.folder, &request.data);
        if request.without_data {
            self.sizes = sizes;
            return;
        }
        if let Some(given) = request.given() {
            let noted = |found: Diagnostic| if found.code == Code::E0401 { found.note(&given) } else { found };
            found = found.into_iter().map(noted).collect();
        }
        if self.trains() {
            let replaced = request.data.iter().map(|over| over.set.as_str());
            let mut sets = program.data.iter().map(|statement| statement.set.as_str()).chain(replaced);
            found.extend(unfed(program, sets.any(|set| set == "train")));
        }
        if !found.iter().any(Diagnostic::is_error) {
            found.extend(self.wrong_at(&sizes));
        }
        self.sizes = sizes;
        if found.iter().any(Diagnostic::is_error) {
            self.program = None;
        }
        self.diagnostics.extend(found);
        if request.data.iter().any(|over| over.set == "validation") {
            self.diagnostics.retain(|diagnostic| diagnostic.code != Code::W0805);
        }
        self.sort();
    }

    /// Whether the program says how it is trained.
    fn trains(&self) -> bool {
        let items = self.origin.iter().flat_map(|origin| &origin.ast.items);
        items.into_iter().any(|item| matches!(item.kind, StmtKind::Train { .. }))
    }

    fn sort(&mut self) {
        self.diagnostics.sort_by_key(|diagnostic| diagnostic.span().map(|span| (span.file, span.start)));
    }
}

/// The names that broken statements would have bound, which are not reported as unknown; none when nothing was left out.
fn broken_names<'a>(asts: impl Iterator<Item = &'a Ast>) -> Option<BTreeSet<String>> {
    let mut broken = asts.flat_map(|ast| &ast.broken).peekable();
    broken.peek()?;
    Some(broken.flat_map(|part| &part.names).map(|name| name.text.clone()).collect())
}

/// Checks a text without files: its sources and diagnostics.
pub fn check_text(name: &str, text: &str) -> (SourceMap, Vec<Diagnostic>) {
    let session = Session::check(name, text.to_owned(), PathBuf::new(), &Request::default());
    (session.sources, session.diagnostics)
}

/// A path without `.` and `..`, as far as it can be told by the path alone.
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if plain.file_name().is_some() => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// Why the system refused, in people's words.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "the system does not allow reading it".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
            "a file stands where a folder is needed".to_owned()
        }
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}
