//! `nnlc test`: the tests inside a model.

use std::process::ExitCode;

use super::args::{MessageFormat, Test};
use super::{ERRORS, open_without_data, print, show};

/// Evaluates the tests and says of each how it went.
pub fn test(command: &Test) -> ExitCode {
    let session = match open_without_data(&command.model) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let text = command.model.message_format == MessageFormat::Text;
    let outcomes = session.test();
    if outcomes.is_empty() && text {
        eprintln!("{}: no tests", command.model.path.display());
    }
    let mut failed = 0;
    for outcome in &outcomes {
        let passed = outcome.failures.is_empty();
        failed += usize::from(!passed);
        if text {
            print(&format!("{} {}\n", if passed { "ok    " } else { "FAILED" }, outcome.title));
        }
        show(&outcome.failures, &session.sources, command.model.message_format);
    }
    if text && !outcomes.is_empty() {
        print(&format!("{} passed, {failed} failed\n", outcomes.len() - failed));
    }
    if failed > 0 { ExitCode::from(ERRORS) } else { ExitCode::SUCCESS }
}
