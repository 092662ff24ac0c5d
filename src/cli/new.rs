//! `nnlc new`: a folder with a model that trains at once.

use std::process::ExitCode;

use super::args::New;
use super::{FAILED, WRONG_USAGE};
use crate::driver::project::{NoProject, create_project};

/// Makes the folder, and says what to do in it.
pub fn new(command: &New) -> ExitCode {
    let shown = command.name.display();
    match create_project(&command.name, &command.template.template()) {
        Ok(files) => {
            eprintln!("created `{shown}`: {}", files.join(", "));
            eprintln!("next: cd {shown}, then nnlc run model.nn");
            ExitCode::SUCCESS
        }
        Err(NoProject::Refused(why)) => {
            eprintln!("error: {why}");
            ExitCode::from(WRONG_USAGE)
        }
        Err(NoProject::Unwritten(path, error)) => {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            ExitCode::from(FAILED)
        }
    }
}
