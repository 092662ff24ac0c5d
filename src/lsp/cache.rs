//! Texts of the compiler's own that an editor opens: the library's files and the pages of diagnostics. They are written, for reading alone,
//! to a folder of the user's cache when they are first needed; without such a folder there are none.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gen_lsp_types::Uri;

use super::uri::uri_of;
use crate::diagnostic::{Code, info};
use crate::driver::write_whole;
use crate::library::SOURCES;

/// The folder with the texts.
#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    written: BTreeSet<PathBuf>,
}

impl Cache {
    /// The cache in `folder`, or where the system keeps such.
    pub fn new(folder: Option<PathBuf>) -> Cache {
        let own = || Some(system_folder()?.join("nnlc").join(env!("CARGO_PKG_VERSION")));
        Cache { folder: folder.or_else(own), written: BTreeSet::new() }
    }

    /// Whether a file is one of these texts.
    pub fn holds(&self, path: &Path) -> bool {
        self.folder.as_ref().is_some_and(|folder| path.starts_with(folder))
    }

    /// The library's file at place `file` among its files.
    pub fn library(&mut self, file: usize) -> Option<PathBuf> {
        let (name, text) = SOURCES.get(file)?;
        self.file(&Path::new("library").join(name), text)
    }

    /// The page that tells what a code means.
    pub fn page(&mut self, code: Code) -> Option<Uri> {
        let page = info(code.as_str())?.page;
        let path = self.file(&Path::new("errors").join(format!("{code}.md")), page)?;
        Some(uri_of(&path))
    }

    /// A file of the folder that holds `text`.
    fn file(&mut self, name: &Path, text: &str) -> Option<PathBuf> {
        let path = self.folder.as_ref()?.join(name);
        if self.written.contains(&path) || std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            self.written.insert(path.clone());
            return Some(path);
        }
        std::fs::create_dir_all(path.parent()?).ok()?;
        write_whole(&path, text.as_bytes()).ok()?;
        let mut permissions = std::fs::metadata(&path).ok()?.permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).ok()?;
        self.written.insert(path.clone());
        Some(path)
    }
}

/// Where programs keep what can be made again.
fn system_folder() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if cfg!(windows) {
        return of("LOCALAPPDATA");
    }
    let home = of("HOME");
    match cfg!(target_os = "macos") {
        true => Some(home?.join("Library/Caches")),
        false => of("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_once_and_for_reading() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cache = Cache::new(Some(folder.path().to_path_buf()));
        let path = cache.library(0).expect("a file");
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), SOURCES[0].1);
        assert!(std::fs::metadata(&path).expect("it is there").permissions().readonly());
        assert!(cache.holds(&path) && !cache.holds(Path::new("/models/a.nn")));
        assert!(cache.page(Code::E0202).expect("a page").0.ends_with("/errors/E0202.md"));
        assert_eq!(Cache::new(Some(folder.path().to_path_buf())).library(0), Some(path));
    }
}
