//! What is written for people is held to what the compiler does: programs in the documentation and the examples are checked, every page
//! of a diagnostic raises that diagnostic, and the library's reference is made from the library's own text.

use std::fs;
use std::path::{Path, PathBuf};

use nnlc::diagnostic::TABLE;
use nnlc::driver::{Chapter, Entry, Request, Session, library_chapters};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The fenced programs of a Markdown text and whether each is marked as wrong.
fn programs(markdown: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        let wrong = match line.trim() {
            "```nn" => false,
            "```nn wrong" => true,
            _ => continue,
        };
        let text: Vec<_> = lines.by_ref().take_while(|line| line.trim() != "```").collect();
        found.push((wrong, text.join("\n") + "\n"));
    }
    found
}

/// The codes that a program raises when it stands in the repository's root.
fn codes(text: &str) -> Vec<&'static str> {
    let target = root().join("target");
    fs::create_dir_all(&target).expect("a folder for what is built");
    let folder = tempfile::tempdir_in(target).expect("a folder to write to");
    let path = folder.path().join("program.nn");
    let from_there = text.replace("\"examples/", "\"../../examples/");
    fs::write(&path, from_there).expect("a file to write");
    codes_of_file(&path)
}

fn codes_of_file(path: &Path) -> Vec<&'static str> {
    let session = Session::open(path, &Request::default());
    session.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

/// What only a run or an export meets (a NaN, other weights, a full disk): a check of the program alone raises nothing.
const OF_RUNS_ALONE: [&str; 4] = ["E0609", "E0802", "E0803", "E0804"];

#[test]
fn every_diagnostic_has_a_page_that_shows_it() {
    for row in TABLE {
        let code = row.code.as_str();
        assert!(row.page.starts_with(&format!("# {code}: {}\n", row.summary)), "the title of {code}'s page");
        let programs = programs(row.page);
        let both = programs.iter().any(|(wrong, _)| *wrong) && programs.iter().any(|(wrong, _)| !wrong);
        let of_runs = OF_RUNS_ALONE.contains(&code);
        assert!(both || of_runs, "{code}'s page shows no wrong and right program");
        for (wrong, text) in programs {
            let expected = if wrong && !of_runs { vec![code] } else { Vec::new() };
            assert_eq!(codes(&text), expected, "a program on {code}'s page:\n{text}");
        }
    }
}

#[test]
fn programs_in_the_documentation_compile() {
    for page in crate::book::pages() {
        let name = page.display();
        for (wrong, text) in programs(&fs::read_to_string(&page).expect("a page")) {
            let raised = codes(&text);
            assert_eq!(!raised.is_empty(), wrong, "a program in {name} raises {raised:?}:\n{text}");
        }
    }
}

#[test]
fn examples_compile_and_their_data_fits() {
    let folder = root().join("examples");
    let listed = fs::read_to_string(folder.join("README.md")).expect("the list of examples");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).expect("examples").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "nn"));
    paths.sort();
    assert!(paths.len() >= 8);
    for path in paths {
        assert_eq!(codes_of_file(&path), Vec::<&str>::new(), "{}", path.display());
        let name = path.file_name().and_then(|name| name.to_str()).expect("a plain name");
        assert!(listed.contains(&format!("[{name}]({name})")), "{name} is not listed in examples/README.md");
    }
}

#[test]
fn the_auto_encoder_has_as_many_parameters_as_the_sample_it_follows() {
    for (name, hand_written) in [("auto_encoder.nn", false), ("runtime_by_hand.nn", true)] {
        let session = Session::open(&root().join("examples").join(name), &Request::default());
        let program = session.program.expect(name);
        let variables = &program.graph.variables;
        let paths: Vec<_> = variables.iter().map(|variable| variable.path.as_str()).collect();
        assert_eq!(paths, ["code.Affine.W", "code.Affine.b", "recon.Affine.W", "recon.Affine.b"], "{name}");
        let sizes = variables.iter().map(|variable| variable.ty.shape.size().constant().expect("a known size"));
        assert_eq!(sizes.sum::<i64>(), 402_448, "{name}, written by hand: {hand_written}");
    }
}

/// The library's reference in Markdown.
fn reference() -> String {
    let mut out = String::from(
        "# The library\n\nFunctions, losses, layers and initialisers, written in `.nn` over the [primitives](#primitives): \
         [src/library](../src/library) is their definition.\nMade from those files by `UPDATE=1 cargo test docs`; do not edit.\n",
    );
    for Chapter { title, about, entries } in library_chapters() {
        out += &format!("\n## {title}\n\n{about}\n");
        for Entry { signature, doc, .. } in entries {
            out += &format!("\n### `{signature}`\n\n{doc}\n");
        }
    }
    out
}

#[test]
fn everything_in_the_library_is_documented_once() {
    let mut names = Vec::new();
    for chapter in library_chapters() {
        for entry in chapter.entries.iter().filter(|entry| entry.definition.is_some()) {
            let (doc, head) = (&entry.doc, &entry.signature);
            assert!(doc.ends_with(['.', ')']), "`{head}` has no documentation that ends as a sentence");
            names.push(entry.name().to_owned());
        }
    }
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count, "a name is defined twice");
}

#[test]
fn the_reference_is_the_librarys_own_text() {
    let path = root().join("docs/library.md");
    let expected = reference();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, &expected).expect("docs/library.md can be written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/library.md differs from src/library: run `UPDATE=1 cargo test docs`");
}
