//! Faults of data files as values: what was found, what was expected, and where.
//!
//! The place in the `.nn` file is not known here; whoever asked for the column adds it through [`DataError::diagnostic`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Applicability, Code, Diagnostic, Edit, Fix};
use crate::source::Span;

/// What sort of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataErrorKind {
    /// There is no such file.
    Missing,
    /// The file is there but the system or the decompressor does not give its bytes.
    Unreadable,
    /// The bytes are not what the format asks for.
    Malformed,
    /// The file ends before its header says it does.
    Truncated,
    /// The file is well formed and holds something that no reader here takes.
    Unsupported,
    /// The file has no column or array of that name, or more than one.
    Name,
    /// A sample's shape is not the input's.
    Shape,
    /// A value is no number, not finite, or outside the input's range.
    Value,
    /// Numbers of rows differ.
    Rows,
    /// There are no samples.
    Empty,
}

impl DataErrorKind {
    /// The code under which the fault is reported: E0403 if the file cannot be read, E0401 if what it holds does not fit.
    pub fn code(self) -> Code {
        match self {
            DataErrorKind::Missing
            | DataErrorKind::Unreadable
            | DataErrorKind::Malformed
            | DataErrorKind::Truncated
            | DataErrorKind::Unsupported => Code::E0403,
            DataErrorKind::Name
            | DataErrorKind::Shape
            | DataErrorKind::Value
            | DataErrorKind::Rows
            | DataErrorKind::Empty => Code::E0401,
        }
    }
}

/// One fault of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataError {
    /// The file; empty for values that were computed.
    pub path: PathBuf,
    /// The data row, counted from 1.
    pub row: Option<usize>,
    /// The line of a text file, counted from 1.
    pub line: Option<usize>,
    /// The column's header, or the array's key.
    pub column: Option<Box<str>>,
    /// What sort of fault it is.
    pub kind: DataErrorKind,
    /// What was found and what was expected; lower case, without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<Box<str>>,
    /// What to write around the column, as the help says.
    pub around: Option<Around>,
}

/// What is written before and after a column to make it fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    before: Box<str>,
    after: Box<str>,
}

impl Around {
    /// `before` and `after`.
    pub(super) fn new(before: impl Into<Box<str>>, after: impl Into<Box<str>>) -> Around {
        Around { before: before.into(), after: after.into() }
    }

    fn edits(&self, span: Span) -> Vec<Edit> {
        let insert =
            |at: u32, text: &str| Edit { span: Span::new(span.file, at as usize, at as usize), text: text.into() };
        vec![insert(span.start, &self.before), insert(span.end, &self.after)]
    }
}

impl fmt::Display for Around {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.before, self.after)
    }
}

impl DataError {
    /// A fault of the whole file at `path`.
    pub fn new(path: &Path, kind: DataErrorKind, message: impl Into<String>) -> DataError {
        DataError {
            path: path.to_path_buf(),
            row: None,
            line: None,
            column: None,
            kind,
            message: message.into(),
            help: None,
            around: None,
        }
    }

    /// A fault that the system reported while `path` was opened or read, or the fault that a decoder handed on as an [`io::Error`].
    pub(super) fn from_io(path: &Path, error: &io::Error) -> DataError {
        if let Some(own) = error.get_ref().and_then(|inner| inner.downcast_ref::<DataError>()) {
            return own.clone();
        }
        let (kind, message) = match error.kind() {
            io::ErrorKind::NotFound => (DataErrorKind::Missing, "there is no such file".to_string()),
            io::ErrorKind::PermissionDenied => {
                (DataErrorKind::Unreadable, "the system does not allow reading it".to_string())
            }
            io::ErrorKind::UnexpectedEof => {
                (DataErrorKind::Truncated, "the file ends in the middle of its data".to_string())
            }
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                (DataErrorKind::Unreadable, format!("the compressed data is damaged ({error})"))
            }
            _ => (DataErrorKind::Unreadable, format!("reading fails: {error}")),
        };
        let help = (kind == DataErrorKind::Truncated).then(|| "fetch or write the file again".into());
        DataError { help, ..DataError::new(path, kind, message) }
    }

    /// The same with the data row, counted from 1.
    pub fn at_row(mut self, row: usize) -> DataError {
        self.row = Some(row);
        self
    }

    /// The same with the line of the file, counted from 1.
    pub fn at_line(mut self, line: usize) -> DataError {
        self.line = Some(line);
        self
    }

    /// The same with the name of the column or array.
    pub fn in_column(mut self, column: impl Into<Box<str>>) -> DataError {
        self.column = Some(column.into());
        self
    }

    /// The same with advice.
    pub fn help(mut self, help: impl Into<Box<str>>) -> DataError {
        self.help = Some(help.into());
        self
    }

    /// The same for a column that stands in no expression of its own: nothing can be written around it.
    pub fn bare(self) -> DataError {
        let Some(around) = &self.around else { return self };
        let write = format!(": write `{around}`");
        let help = self.help.as_deref().map(|help| help.strip_suffix(write.as_str()).unwrap_or(help).into());
        DataError { help, around: None, ..self }
    }

    /// The code under which the fault is reported.
    pub fn code(&self) -> Code {
        self.kind.code()
    }

    /// Where it is, as text: the file, the row, the line, the column; empty for computed values without a row.
    pub fn place(&self) -> String {
        let mut parts = Vec::new();
        if !self.path.as_os_str().is_empty() {
            parts.push(format!("`{}`", self.path.display()));
        }
        match (self.row, self.line) {
            (Some(row), Some(line)) => parts.push(format!("row {row} (line {line})")),
            (Some(row), None) => parts.push(format!("row {row}")),
            (None, Some(line)) => parts.push(format!("line {line}")),
            (None, None) => {}
        }
        if let Some(column) = &self.column {
            parts.push(format!("column `{column}`"));
        }
        parts.join(", ")
    }

    /// The fault as a diagnostic at `span`, the place of the `.nn` file that asked for the data, if one did.
    pub fn diagnostic(&self, span: Option<Span>) -> Diagnostic {
        let title = match self.kind {
            DataErrorKind::Missing => format!("`{}` is missing", self.path.display()),
            _ => self.to_string(),
        };
        let diagnostic = match span {
            Some(span) => Diagnostic::at(self.code(), span, title, self.label()),
            None => Diagnostic::new(self.code(), title),
        };
        match (&self.help, &self.around, span) {
            (Some(help), Some(around), Some(span)) => {
                let (title, edits) = (help.to_string(), around.edits(span));
                let fix = Fix { title, edits, applicability: Applicability::Maybe };
                Diagnostic { fixes: vec![fix], ..diagnostic }
            }
            (Some(help), ..) => diagnostic.help(&**help),
            (None, ..) => diagnostic,
        }
    }

    fn label(&self) -> &'static str {
        match self.kind {
            DataErrorKind::Missing if self.path.as_os_str().as_encoded_bytes().ends_with(b"/") => {
                "there is no such folder"
            }
            DataErrorKind::Missing => "there is no such file",
            DataErrorKind::Unreadable => "this cannot be read",
            DataErrorKind::Malformed => "this is not in the format that is read here",
            DataErrorKind::Truncated => "this file is cut short",
            DataErrorKind::Unsupported => "this cannot be read yet",
            DataErrorKind::Name => "no such column here",
            DataErrorKind::Shape => "the samples have another shape",
            DataErrorKind::Value => "a value does not fit the input",
            DataErrorKind::Rows => "the numbers of rows do not agree",
            DataErrorKind::Empty => "no samples here",
        }
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place();
        if place.is_empty() { f.write_str(&self.message) } else { write!(f, "{place}: {}", self.message) }
    }
}

impl std::error::Error for DataError {}
