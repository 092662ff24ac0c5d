//! `nnlc lsp`: serves an editor.

use std::process::ExitCode;

use crate::lsp;

/// Serves until the editor is done.
pub fn lsp() -> ExitCode {
    match lsp::serve_stdio() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(super::FAILED)
        }
    }
}
