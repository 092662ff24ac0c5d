//! The `nnlc` program: everything lives in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    nnlc::cli::main()
}
