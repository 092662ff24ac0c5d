//! `nnlc explain CODE`: the page of a diagnostic's code.

use std::process::ExitCode;

use crate::base::closest;
use crate::diagnostic;

/// Prints the page.
pub fn explain(code: &str) -> ExitCode {
    match diagnostic::info(code) {
        Some(info) => {
            super::print(info.page);
            ExitCode::SUCCESS
        }
        None => {
            let near = closest(code, diagnostic::TABLE.iter().map(|info| info.code.as_str()));
            let near = near.map_or(String::new(), |near| format!("; a similar one exists: {near}"));
            eprintln!("error: no diagnostic has the code `{code}`{near}");
            ExitCode::from(super::WRONG_USAGE)
        }
    }
}
