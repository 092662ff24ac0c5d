//! The house rules that a reader cannot see in one file: who may import whom, heads, sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms by layer, as in `ARCHITECTURE.md`. A room imports rooms of lower layers, or those listed beside it.
const LAYERS: &[(usize, &str, &[&str])] = &[
    (0, "base", &[]),
    (0, "source", &["base"]),
    (1, "diagnostic", &[]),
    (1, "formats", &[]),
    (1, "tensor", &[]),
    (2, "syntax", &[]),
    (2, "ir", &[]),
    (3, "ops", &[]),
    (3, "library", &[]),
    (3, "format", &[]),
    (4, "optimizers", &[]),
    (4, "check", &["optimizers"]),
    (4, "autodiff", &[]),
    (4, "passes", &["engine"]),
    (5, "lower", &[]),
    (5, "networks", &[]),
    (5, "engine", &[]),
    (6, "data", &[]),
    (6, "train", &["data", "report"]),
    (6, "diagram", &["report"]),
    (6, "report", &[]),
    (6, "import", &[]),
    (6, "export", &["train"]),
    (6, "ide", &[]),
    (7, "driver", &[]),
    (7, "render", &[]),
    (8, "lsp", &[]),
    (8, "cli", &["lsp"]),
];

/// The most lines that a file of the library may have, and a function.
const FILE_LINES: usize = 800;
const FUNCTION_LINES: usize = 80;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut entries: Vec<_> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The code of a file without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a source file");
    text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
}

#[test]
fn rooms_import_only_rooms_below_them() {
    let layers: BTreeMap<&str, (usize, &[&str])> =
        LAYERS.iter().map(|(layer, room, more)| (*room, (*layer, *more))).collect();
    let mut faults = Vec::new();
    for path in files(&root().join("src")) {
        let inside = path.strip_prefix(root().join("src")).expect("a file of src");
        let room =
            inside.iter().next().and_then(|part| part.to_str()).expect("a name").trim_end_matches(".rs").to_owned();
        let Some((layer, more)) = layers.get(room.as_str()) else { continue };
        let tests = inside.to_string_lossy().ends_with("tests.rs");
        let text = code(&path);
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in lines.filter(|_| !tests) {
            for part in line.split("crate::").skip(1) {
                let names = part.strip_prefix('{').map_or(vec![part], |list| list.split(',').map(str::trim).collect());
                for name in names {
                    let target: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                    let Some((below, _)) = layers.get(target.as_str()) else { continue };
                    if target != room && below >= layer && !more.contains(&target.as_str()) {
                        faults.push(format!("{}: `{room}` imports `{target}`", inside.display()));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_room_is_in_the_table_of_architecture_md() {
    let table = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rooms: BTreeSet<String> = fs::read_dir(root().join("src"))
        .expect("src")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let known: BTreeSet<String> = LAYERS.iter().map(|(_, room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, known);
    for room in rooms {
        assert!(table.contains(&format!("`{room}`")), "ARCHITECTURE.md does not tell of `{room}`");
    }
}

#[test]
fn every_file_has_a_head() {
    let folders = ["src", "tests", "benches"].map(|folder| root().join(folder));
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let text = fs::read_to_string(&path).expect("a source file");
        assert!(text.starts_with("//! "), "{} does not say what it is for", path.display());
    }
}

#[test]
fn files_and_functions_stay_readable() {
    let mut faults = Vec::new();
    for path in files(&root().join("src")) {
        let text = fs::read_to_string(&path).expect("a source file");
        let lines = text.lines().count();
        if lines > FILE_LINES {
            faults.push(format!("{}: {lines} lines", path.display()));
        }
        let mut open: Option<(usize, String, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent: String = line.chars().take_while(|c| *c == ' ').collect();
            let words = line.trim_start();
            let is_function = [
                "fn ",
                "pub fn ",
                "pub(crate) fn ",
                "pub(super) fn ",
                "unsafe fn ",
                "pub unsafe fn ",
                "pub(super) unsafe fn ",
            ]
            .iter()
            .any(|start| words.starts_with(start));
            match &open {
                None if is_function && !words.ends_with('}') => {
                    open = Some((number, indent, words.to_owned()));
                }
                Some((start, at, name)) if line == format!("{at}}}") => {
                    if number - start + 1 > FUNCTION_LINES {
                        faults.push(format!("{}:{}: {} lines: {name}", path.display(), start + 1, number - start + 1));
                    }
                    open = None;
                }
                _ => {}
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
