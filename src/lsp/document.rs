//! An open text: as the client has it, and what is known of it.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use gen_lsp_types::{TextDocumentContentChangeEvent, Uri};

use super::position::{Encoding, Lines};
use super::uri::path_of;
use crate::driver::plain;
use crate::ide::{Facts, Syntax, View};

/// An open text.
pub struct Document {
    /// What the client calls it.
    pub uri: Uri,
    /// The client's number for the text as it stands.
    pub version: i32,
    /// Where it is, if it is a file.
    pub path: Option<PathBuf>,
    /// What the last check saw.
    pub facts: Option<Arc<Facts>>,
    /// When it is to be checked; none when nothing has changed since the last check began.
    pub due: Option<Instant>,
    text: String,
    syntax: OnceCell<Syntax>,
}

impl Document {
    /// A text that a client opens; it is due at once.
    pub fn new(uri: Uri, version: i32, text: String) -> Document {
        let path = path_of(&uri).map(|path| plain(&path));
        Document { uri, version, path, facts: None, due: Some(Instant::now()), text, syntax: OnceCell::new() }
    }

    /// The text as it stands.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The syntax of the text as it stands; made when it is first asked for.
    pub fn syntax(&self) -> &Syntax {
        self.syntax.get_or_init(|| Syntax::new(self.text.as_str()))
    }

    /// What is known of the text.
    pub fn view(&self) -> View<'_> {
        View::new(self.syntax(), self.facts.as_deref())
    }

    /// Makes the changes that the client made, in order.
    pub fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        for change in changes {
            match change {
                TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
                    let lines = Lines::new(&self.text, encoding);
                    let (start, end) = (lines.byte(change.range.start), lines.byte(change.range.end));
                    self.text.replace_range(start.min(end) as usize..end.max(start) as usize, &change.text);
                }
                TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
                    self.text = change.text
                }
            }
        }
        self.version = version;
        self.syntax = OnceCell::new();
    }
}
