//! `nnlc doc`: what a name means, what names there are, or what a file defines.

use std::path::Path;
use std::process::ExitCode;

use super::args::{MessageFormat, Model};
use super::{WRONG_USAGE, open_without_data, print};
use crate::driver::{Chapter, Entry, Meant, chapters, meant};

/// Looks up.
pub fn doc(name: Option<&str>) -> ExitCode {
    match name {
        None => list(),
        Some(path) if path.ends_with(".nn") => file(Path::new(path)),
        Some(name) => one(name),
    }
}

/// The documentation of a file's own definitions.
fn file(path: &Path) -> ExitCode {
    let model = Model { path: path.to_path_buf(), set: Vec::new(), message_format: MessageFormat::Text };
    match open_without_data(&model) {
        Ok(session) => {
            print(&session.documentation());
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

/// All names, each with a line.
fn list() -> ExitCode {
    let mut out = String::new();
    for chapter in chapters() {
        let width = chapter.entries.iter().map(|entry| entry.name().chars().count()).max().unwrap_or(0);
        out += &format!("{}:\n", chapter.title);
        for entry in &chapter.entries {
            out += &format!("  {:<width$}  {}\n", entry.name(), entry.summary());
        }
        out.push('\n');
    }
    out += "`nnlc doc NAME` shows one of them, `nnlc doc model.nn` what a file defines.\n";
    print(&out);
    ExitCode::SUCCESS
}

fn one(name: &str) -> ExitCode {
    let chapters = chapters();
    let found = pages(&chapters, |entry| entry.name() == name);
    if !found.is_empty() {
        print(&found.join("\n"));
        return ExitCode::SUCCESS;
    }
    match meant(name, &chapters) {
        Meant::Elsewhere(answer) => {
            print(&told(name, answer, &chapters));
            ExitCode::SUCCESS
        }
        Meant::Here(known) => {
            print(&told(name, &known, &chapters));
            ExitCode::SUCCESS
        }
        Meant::Alike(near) => {
            eprintln!("error: nothing is called `{name}`; a similar name exists: `{near}`");
            ExitCode::from(WRONG_USAGE)
        }
        Meant::Nothing => {
            eprintln!("error: nothing is called `{name}`; `nnlc doc` lists all names");
            ExitCode::from(WRONG_USAGE)
        }
    }
}

/// What another framework's name is here, and the pages of what that names.
fn told(name: &str, answer: &str, chapters: &[Chapter]) -> String {
    let words: Vec<&str> = answer.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let own = pages(chapters, |entry| entry.name().len() > 1 && words.contains(&entry.name()));
    format!("`{name}` is `{answer}` in `.nn`.\n\n{}", own.join("\n"))
}

/// The pages of the entries that are `wanted`.
fn pages(chapters: &[Chapter], wanted: impl Fn(&Entry) -> bool) -> Vec<String> {
    let all = chapters.iter().flat_map(|chapter| chapter.entries.iter().map(move |entry| (chapter, entry)));
    all.filter(|(_, entry)| wanted(entry)).map(|(chapter, entry)| page(chapter, entry)).collect()
}

fn page(chapter: &Chapter, entry: &Entry) -> String {
    let mut out = format!("{}\n\n{}\n", entry.signature, entry.doc);
    if let Some(example) = entry.example() {
        out += &format!("\nFor example: `{example}`\n");
    }
    match &entry.definition {
        Some(definition) => {
            out += &format!("\nIts definition, in the library's {}.nn:\n\n", chapter.title);
            definition.lines().for_each(|line| out += &format!("{}\n", format!("    {line}").trim_end()));
        }
        None => out += &format!("\nOne of the {}. {}\n", chapter.title, chapter.about),
    }
    out
}
