//! `nnlc fmt`: programs in canonical layout.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use super::args::{Fmt, MessageFormat};
use super::difference::difference;
use super::{ERRORS, FAILED, WRONG_USAGE, print, show};
use crate::driver::{Formatted, format_bytes, format_file, programs, write_whole};

/// How many files there are of each kind.
#[derive(Default)]
struct Count {
    changed: usize,
    same: usize,
    wrong: usize,
}

/// Formats the files, or standard input.
pub fn fmt(command: &Fmt) -> ExitCode {
    if command.paths == [Path::new("-")] {
        return standard(command);
    }
    if command.paths.iter().any(|path| path == Path::new("-")) {
        eprintln!("error: `-`, the standard input, stands alone");
        return ExitCode::from(WRONG_USAGE);
    }
    let paths = match programs(&command.paths) {
        Ok(paths) => paths,
        Err((folder, reason)) => {
            eprintln!("error: `{}` could not be read: {reason}", folder.display());
            return ExitCode::from(FAILED);
        }
    };
    let mut count = Count::default();
    for path in &paths {
        let formatted = format_file(path);
        show(&formatted.diagnostics, &formatted.sources, command.message_format);
        match &formatted.new {
            None => count.wrong += 1,
            Some(new) if formatted.changes() => {
                count.changed += 1;
                if command.check {
                    tell(command, &path.display().to_string(), &formatted.old, new);
                } else if let Err(error) = write_whole(path, new.as_bytes()) {
                    eprintln!("error: `{}` could not be written: {error}", path.display());
                    return ExitCode::from(FAILED);
                }
            }
            Some(_) => count.same += 1,
        }
    }
    if command.message_format == MessageFormat::Text {
        eprintln!("{}", summary(&count, command.check));
    }
    code(count.wrong > 0 || command.check && count.changed > 0)
}

/// Formats standard input. A text with faults comes out as it went in, so that an editor that filters through this loses nothing.
fn standard(command: &Fmt) -> ExitCode {
    let mut bytes = Vec::new();
    if let Err(error) = std::io::stdin().read_to_end(&mut bytes) {
        eprintln!("error: standard input could not be read: {error}");
        return ExitCode::from(FAILED);
    }
    let formatted = format_bytes("<stdin>", bytes);
    show(&formatted.diagnostics, &formatted.sources, command.message_format);
    let Formatted { old, new, .. } = &formatted;
    match new {
        Some(new) if command.check && formatted.changes() => tell(command, "<stdin>", old, new),
        _ if command.check => {}
        new => print(new.as_ref().unwrap_or(old)),
    }
    code(new.is_none() || command.check && formatted.changes())
}

/// Says that a text would change: the difference, the name alone in a line, or nothing among messages for machines.
fn tell(command: &Fmt, name: &str, old: &str, new: &str) {
    match command.message_format {
        MessageFormat::Text => print(&difference(name, old, new)),
        MessageFormat::Short => print(&format!("{name}: would be formatted\n")),
        MessageFormat::Json => {}
    }
}

fn code(failed: bool) -> ExitCode {
    if failed { ExitCode::from(ERRORS) } else { ExitCode::SUCCESS }
}

/// What was done, or would be.
fn summary(count: &Count, check: bool) -> String {
    let files = |number: usize| format!("{number} file{}", if number == 1 { "" } else { "s" });
    if count.changed + count.same + count.wrong == 0 {
        return "no .nn files".to_owned();
    }
    let mut parts = Vec::new();
    if count.changed > 0 {
        parts.push(files(count.changed) + if check { " would be formatted" } else { " formatted" });
    }
    if count.same > 0 {
        parts.push(files(count.same) + " already formatted");
    }
    if count.wrong > 0 {
        parts.push(files(count.wrong) + " with errors left alone");
    }
    parts.join(", ")
}
