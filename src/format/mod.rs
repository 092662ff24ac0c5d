//! The canonical layout of `.nn`: what `nnlc fmt` makes of a text.
//!
//! The text's own tokens are written again, in their order, with other blanks and line breaks between them; only commas at the end of a
//! broken list come and go, and doubled parentheses. So a formatted program means the same, and every comment stays where it was
//! among the tokens. Line breaks are chosen by width, but for those that an author uses to say what belongs together: before a `|>`,
//! behind a `{`, behind a comma that ends a list, between the rows of a list of numbers, and one blank line between statements.
//!
//! The AST says how tokens belong together, and a [`Doc`] where lines may end; `layout` decides where they do. Reads and writes no files.

mod cursor;
mod doc;
mod expr;
mod item;
mod layout;
mod stmt;
#[cfg(test)]
mod tests;

use crate::diagnostic::Diagnostic;
use crate::source::FileId;
use crate::syntax;
use crate::syntax::ast::Ast;
use cursor::Cursor;
use doc::Doc;

/// How long a line may get, in characters.
pub const WIDTH: usize = 100;

/// How far a block is indented.
const STEP: usize = 4;

/// The text of a file in canonical layout. Takes time in proportion to the text.
///
/// # Errors
/// What the parser says of a text with faults, which is not formatted.
pub fn format(file: FileId, text: &str) -> Result<String, Vec<Diagnostic>> {
    let (ast, diagnostics) = syntax::parse(file, text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let mut writer = Writer { ast: &ast, cursor: Cursor::new(text), text };
    let file = writer.file();
    assert!(writer.cursor.peek().is_none(), "the AST holds all tokens");
    Ok(layout::render(&file))
}

/// Makes a [`Doc`] of the AST. The tokens are taken one after the other; each method takes those of the construct that it is named after.
struct Writer<'t> {
    ast: &'t Ast,
    cursor: Cursor<'t>,
    text: &'t str,
}

/// Pieces of a document in their order.
type Parts<'t> = Vec<Doc<'t>>;
