//! `nnlc import`: networks of other programs.

use std::path::Path;
use std::process::ExitCode;

use super::args::{Import, MessageFormat};
use super::{BUG, ERRORS, FAILED, WRONG_USAGE, show};
use crate::driver::{Carried, NotImported, import_file, write_imported};
use crate::import::Refusal;

/// Reads the network, writes the program and its weights, and says what to do with them.
pub fn import(command: &Import) -> ExitCode {
    let imported = match import_file(&command.file) {
        Ok(imported) => imported,
        Err(why) => return refuse(&command.file, why),
    };
    let out = command.out.clone().unwrap_or_else(|| command.file.with_extension("nn"));
    let carried = match write_imported(&imported, &out, command.force) {
        Ok(carried) => carried,
        Err(why) => return refuse(&command.file, why),
    };
    for note in &imported.notes {
        eprintln!("note: {note}");
    }
    if carried.session.failed() {
        show(&carried.session.diagnostics, &carried.session.sources, MessageFormat::Text);
        eprintln!("error: the program that was written has errors, which is a bug of nnlc");
        return ExitCode::from(BUG);
    }
    tell(&carried);
    ExitCode::SUCCESS
}

fn refuse(file: &Path, why: NotImported) -> ExitCode {
    match why {
        NotImported::Usage(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::from(WRONG_USAGE)
        }
        NotImported::Failed(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::from(FAILED)
        }
        NotImported::Refused(Refusal { title, notes, help }) => {
            eprintln!("error: `{}` is not carried over: {title}", file.display());
            notes.iter().for_each(|note| eprintln!("  {note}"));
            help.iter().for_each(|help| eprintln!("help: {help}"));
            ExitCode::from(ERRORS)
        }
    }
}

/// What was written, and what to run next.
fn tell(carried: &Carried) {
    let program = carried.program.display();
    match &carried.weights {
        None => eprintln!("wrote {program}"),
        Some(weights) => eprintln!("wrote {program} and {}", weights.display()),
    }
    eprintln!("next: nnlc check {program}");
    let (Some(weights), Some(checked)) = (&carried.weights, &carried.session.program) else { return };
    let inputs = checked.graph.inputs.iter().map(|input| format!(" --input {0}={0}.npy", input.name));
    eprintln!("      nnlc infer {program} --weights {}{}", weights.display(), inputs.collect::<String>());
}
