//! `nnlc export`: the Runtime network as a file of another program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::Export;
use super::{ERRORS, FAILED, open_without_data, show};
use crate::diagnostic::Code;
use crate::driver::{ExportOptions, write_whole};

/// Writes the files of an export.
pub fn export(command: &Export) -> ExitCode {
    let session = match open_without_data(&command.model) {
        Ok(session) => session,
        Err(code) => return code,
    };
    let options = ExportOptions {
        format: command.to.format(),
        weights: command.weights.clone(),
        outputs: command.output.clone(),
        batch: command.batch,
    };
    let files = match session.export(&options) {
        Ok(files) => files,
        Err(diagnostics) => {
            show(&diagnostics, &session.sources, command.model.message_format);
            let of_program = diagnostics.iter().any(|found| matches!(found.code, Code::E0609 | Code::E0115));
            return ExitCode::from(if of_program { ERRORS } else { FAILED });
        }
    };
    let usual = || PathBuf::from(session.title()).with_extension(files[0].ending);
    let out = command.out.clone().unwrap_or_else(usual);
    for (index, file) in files.iter().enumerate() {
        let path = if index == 0 { out.clone() } else { out.with_extension(file.ending) };
        if let Err(error) = write(&path, &file.bytes) {
            eprintln!("error: `{}` could not be written: {error}", path.display());
            return ExitCode::from(FAILED);
        }
        eprintln!("{}", path.display());
    }
    if command.weights.is_none() {
        eprintln!("note: its weights are those that training starts with; `--weights FILE` takes trained ones");
    }
    ExitCode::SUCCESS
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    write_whole(path, bytes)
}
