//! What an editor asks about a program, answered with plain data: positions are bytes, texts are Markdown. Knows no protocol, reads no
//! files and writes nothing; `lsp` does.
//!
//! Two things are known of a file. Its [`Syntax`] is of the text as it stands, made anew in a moment: names, definitions, outlines and
//! completions come from it, and half a program is enough. Its [`Facts`] are of the last check that ended, a few letters ago: types and
//! fixes. A [`View`] holds both, and leads from one text to the other.

mod complete;
mod fixes;
pub mod handbook;
mod hints;
mod hover;
mod names;
mod outline;
mod references;
mod signature;
mod view;
mod words;

pub use complete::{Completion, CompletionKind, complete, documentation};
pub use fixes::{Action, actions, fix_all};
pub use hints::{Hint, hints};
pub use hover::{Hover, hover};
pub use names::{Form, Kind, Names, Occurrence, Symbol, SymbolId};
pub use outline::{Entry, Fold, FoldKind, folds, outline};
pub use references::{NoRename, Target, definition, exported, follow, nameable, references, rename, uses_of_import};
pub use signature::{Signature, signature};
pub use view::{Facts, Module, Syntax, View};
