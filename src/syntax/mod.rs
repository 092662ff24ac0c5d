//! From text to AST: lossless tokens, the grammar's parser, recovery. Knows no types and no operations.
//!
//! `grammar/nn.pest` is the only definition of the syntax. A file that it accepts is built as it was read; any other is cut into
//! statements by tokens, and each is read on its own. What was left out is told by [`Ast::broken`](ast::Ast::broken).

pub mod ast;
mod build;
mod cut;
#[cfg(test)]
mod dump;
mod explain;
mod faults;
mod forms;
mod grammar;
mod languages;
mod mistakes;
mod recover;
mod stream;
mod strings;
#[cfg(test)]
mod tests;
mod tokens;

pub use tokens::{Token, TokenKind, is_keyword, tokenize};

use crate::diagnostic::Diagnostic;
use crate::source::FileId;
use ast::Ast;
use build::Builder;
use grammar::Rule;
use stream::Stream;

/// The AST of `text` and what is wrong with it, in source order. Total, and linear in the text.
pub fn parse(file: FileId, text: &str) -> (Ast, Vec<Diagnostic>) {
    let tokens = tokenize(text);
    let (repaired, mut diagnostics) = faults::repair(file, text, &tokens);
    let tokens = faults::retokenize(tokens, repaired.as_deref());
    let stream = Stream::new(repaired.as_deref().unwrap_or(text), &tokens);
    let ast = match whole(file, &stream) {
        Some((ast, more)) => {
            diagnostics.extend(more);
            ast
        }
        None => {
            let (ast, more) = recover::recover(file, &stream);
            diagnostics.extend(more);
            ast
        }
    };
    diagnostics.sort_by_key(Diagnostic::span);
    (ast, diagnostics)
}

/// The AST of a file that the grammar accepts.
fn whole(file: FileId, stream: &Stream<'_>) -> Option<(Ast, Vec<Diagnostic>)> {
    if !stream.clean {
        return None;
    }
    let nodes = grammar::parse(Rule::program, stream.text).ok()?;
    let mut builder = Builder::new(file, stream);
    for node in nodes.filter(|node| node.as_rule() != Rule::EOI) {
        let stmt = builder.stmt(node);
        builder.ast.items.push(stmt);
    }
    Some((builder.ast, builder.diagnostics))
}
