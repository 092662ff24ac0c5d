//! The standard library as every session sees it: parsed once a process, its files in front of the program's.

use std::sync::LazyLock;

use super::SOURCES;
use crate::base::Idx;
use crate::source::{FileId, SourceMap};
use crate::syntax::{self, ast::Ast};

/// A source map that holds the library's files.
pub fn sources() -> SourceMap {
    let mut sources = SourceMap::new();
    for (name, text) in SOURCES {
        sources.add_library(*name, *text);
    }
    sources
}

/// The library's syntax trees, in the order of the source map.
///
/// # Panics
/// When a file of the library does not parse, which a test excludes.
pub fn asts() -> &'static [Ast] {
    static ASTS: LazyLock<Vec<Ast>> = LazyLock::new(|| {
        let parse = |(index, (name, text)): (usize, &(&str, &str))| {
            let (ast, diagnostics) = syntax::parse(FileId::new(index), text);
            assert!(diagnostics.is_empty(), "the library's {name} does not parse: {diagnostics:?}");
            ast
        };
        SOURCES.iter().enumerate().map(parse).collect()
    });
    &ASTS
}
