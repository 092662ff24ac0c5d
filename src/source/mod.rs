//! Source files as text in memory: spans in bytes, lines and columns. Reads no file system.

use crate::base::IndexVec;
use crate::newtype_index;

newtype_index! {
    /// A file in a [`SourceMap`].
    pub struct FileId;
}

/// A range of bytes of one file. `start <= end`; both lie on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        debug_assert!(start <= end);
        Span { file, start: start as u32, end: end as u32 }
    }

    /// The smallest span that covers both; they are of one file.
    pub fn to(self, other: Span) -> Span {
        debug_assert_eq!(self.file, other.file);
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The bytes as a range.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The empty span where this one ends.
    pub fn after(self) -> Span {
        Span { start: self.end, ..self }
    }
}

/// A place as people count: both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One file's name and text.
#[derive(Debug)]
pub struct SourceFile {
    /// The name to show, usually the path as it was given.
    pub name: String,
    /// The whole text.
    pub text: String,
    /// Whether this is the embedded standard library, whose frames are folded in messages.
    pub library: bool,
    line_starts: Vec<u32>,
}

impl SourceFile {
    /// Line and column of byte `offset`.
    pub fn line_column(&self, offset: u32) -> LineColumn {
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts[line - 1] as usize;
        let column = self.text[start..(offset as usize).min(self.text.len())].chars().count() + 1;
        LineColumn { line, column }
    }

    /// The text of line `line` (from 1) without its line break; empty past the end.
    pub fn line(&self, line: usize) -> &str {
        let Some(&start) = self.line_starts.get(line - 1) else { return "" };
        let end = self.line_starts.get(line).map_or(self.text.len(), |next| *next as usize);
        self.text[start as usize..end].trim_end_matches(['\n', '\r'])
    }

    /// Number of lines; an empty text has one.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }
}

/// All files of one compilation. Files are only ever added.
#[derive(Debug, Default)]
pub struct SourceMap {
    files: IndexVec<FileId, SourceFile>,
}

impl SourceMap {
    /// An empty map.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a file of the user's.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.insert(name.into(), text.into(), false)
    }

    /// Adds a file of the standard library.
    pub fn add_library(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        self.insert(name.into(), text.into(), true)
    }

    fn insert(&mut self, name: String, text: String, library: bool) -> FileId {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at as u32 + 1);
        let line_starts = std::iter::once(0).chain(starts).collect();
        self.files.push(SourceFile { name, text, library, line_starts })
    }

    /// A file by its id.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id]
    }

    /// Files with their ids, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files.iter_enumerated()
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        &self.files[span.file].text[span.range()]
    }

    /// Where a span begins.
    pub fn line_column(&self, span: Span) -> LineColumn {
        self.files[span.file].line_column(span.start)
    }

    /// Whether a span lies in the standard library.
    pub fn is_library(&self, span: Span) -> bool {
        self.files[span.file].library
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let mut map = SourceMap::new();
        let id = map.add("a.nn", "損失 = 1\nb = 2\r\n");
        let file = map.file(id);
        assert_eq!(file.line_column(6), LineColumn { line: 1, column: 3 });
        assert_eq!(file.line_column(11), LineColumn { line: 2, column: 1 });
        assert_eq!(file.line(2), "b = 2");
        assert_eq!(file.line_count(), 3);
        assert_eq!(map.text(Span::new(id, 0, 6)), "損失");
    }
}
