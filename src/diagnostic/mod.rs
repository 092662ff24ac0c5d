//! What the compiler has to say: diagnostics as plain data, and the table of their codes.
//!
//! A diagnostic is built where the fault is seen and carries everything a reader needs: a title that stands alone, the smallest
//! primary label, secondary labels for where the other facts came from, notes for why, helps for what to write, and fixes that an
//! editor may apply. Nothing here prints; `render` does.

mod allow;
mod codes;
mod fix;

pub use allow::settle;
pub use codes::{Code, CodeInfo, TABLE, info};
pub use fix::{Fixed, fixed};

use crate::source::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The program runs, but probably not as meant.
    Warning,
    /// The program cannot run.
    Error,
}

/// A place and what is to be seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What it shows; lower case, without a full stop.
    pub message: String,
    /// Whether this is the place of the fault itself. Each diagnostic with a place has exactly one such label.
    pub primary: bool,
}

/// Whether a fix may be applied without a person looking at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// It is what was meant.
    Certain,
    /// It may be what was meant.
    Maybe,
}

/// The replacement of one span's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What to replace; empty to insert.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// A change of the source that answers a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, as a command: "write `sigmoid`".
    pub title: String,
    /// The edits; they do not overlap.
    pub edits: Vec<Edit>,
    /// Whether it is sure.
    pub applicability: Applicability,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// Error or warning, as the code says.
    pub severity: Severity,
    /// A sentence that stands alone, lower case, without a full stop.
    pub title: String,
    /// Places, the primary one first. Empty only when the fault is in no file (a missing data file named on the command line).
    pub labels: Vec<Label>,
    /// Why it is so.
    pub notes: Vec<String>,
    /// What to write instead.
    pub helps: Vec<String>,
    /// Edits that answer it.
    pub fixes: Vec<Fix>,
}

impl Diagnostic {
    /// A diagnostic without a place.
    pub fn new(code: Code, title: impl Into<String>) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            title: title.into(),
            labels: Vec::new(),
            notes: Vec::new(),
            helps: Vec::new(),
            fixes: Vec::new(),
        }
    }

    /// A diagnostic at `span`.
    pub fn at(code: Code, span: Span, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        let mut diagnostic = Diagnostic::new(code, title);
        diagnostic.labels.push(Label { span, message: label.into(), primary: true });
        diagnostic
    }

    /// Adds a secondary label.
    pub fn label(mut self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.labels.push(Label { span, message: message.into(), primary: false });
        self
    }

    /// Adds a note: why.
    pub fn note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Adds a help: what to write.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.helps.push(help.into());
        self
    }

    /// Adds a fix that replaces `span` by `text`.
    pub fn fix(
        mut self,
        title: impl Into<String>,
        span: Span,
        text: impl Into<String>,
        applicability: Applicability,
    ) -> Diagnostic {
        self.fixes.push(Fix { title: title.into(), edits: vec![Edit { span, text: text.into() }], applicability });
        self
    }

    /// The place of the fault.
    pub fn span(&self) -> Option<Span> {
        self.labels.iter().find(|label| label.primary).map(|label| label.span)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
