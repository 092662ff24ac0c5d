//! What is written for people is held to what the compiler does: programs in the documentation and the examples are checked, every page
//! of a diagnostic raises that diagnostic, and the library's reference is made from the library's own text.

use std::fs;
use std::path::{Path, PathBuf};

use nnlc::diagnostic::TABLE;
use nnlc::driver::{Request, Session};
use nnlc::library::SOURCES;
use nnlc::ops::{Default, Gradient, Param};
use nnlc::source::SourceMap;
use nnlc::syntax::ast::{Stmt, StmtKind};

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

/// What only a run meets (a NaN, other weights, a full disk): a check of the program alone raises nothing.
const OF_RUNS_ALONE: [&str; 3] = ["E0802", "E0803", "E0804"];

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

/// The definitions of one library file: signature and documentation.
fn definitions(name: &str, text: &str) -> Vec<(String, String)> {
    let mut sources = SourceMap::new();
    let file = sources.add_library(name, text);
    let (ast, diagnostics) = nnlc::syntax::parse(file, text);
    assert!(diagnostics.is_empty(), "{name}: {diagnostics:#?}");
    let definition = |stmt: &Stmt| {
        let end = match &stmt.kind {
            StmtKind::Fn(def) => def.wheres.first().map(|clause| ast.exprs[clause.condition].span.start),
            StmtKind::Layer(def) => {
                let first = def.wheres.first().map(|clause| ast.exprs[clause.condition].span.start);
                Some(first.unwrap_or(def.body.span.start))
            }
            _ => panic!("{name} holds more than definitions"),
        };
        let whole = &text[stmt.span.range()];
        let head = &whole[..end.map_or(whole.len(), |end| end as usize - stmt.span.start as usize)];
        (signature(head), stmt.doc.clone().unwrap_or_default())
    };
    ast.items.iter().map(definition).collect()
}

/// A definition up to its body, on one line.
fn signature(head: &str) -> String {
    let mut depth = 0i32;
    let mut end = head.len();
    for (at, c) in head.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '=' | '{' if depth == 0 => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let words: Vec<_> = head[..end].split_whitespace().collect();
    let line = words.join(" ").replace("( ", "(").replace(", )", ")");
    line.strip_suffix(" where").unwrap_or(&line).to_owned()
}

/// The library's reference in Markdown.
fn reference() -> String {
    let mut out = String::from(
        "# The library\n\nFunctions, losses, layers and initialisers, written in `.nn` over the [primitives](#primitives): \
         [src/library](../src/library) is their definition.\nMade from those files by `UPDATE=1 cargo test docs`; do not edit.\n",
    );
    out += &primitives();
    for (name, text) in SOURCES {
        let head: Vec<_> = text.lines().map_while(|line| line.strip_prefix("# ")).collect();
        out += &format!("\n## {}\n\n{}\n", name.trim_end_matches(".nn"), head.join("\n"));
        for (signature, doc) in definitions(name, text) {
            out += &format!("\n### `{signature}`\n\n{doc}\n");
        }
    }
    out
}

/// What is not written in `.nn`: the compiler's own functions, and the primitives that no function of the library hides.
fn primitives() -> String {
    let mut out = String::from(
        "\n## compile-time and special functions\n\nFunctions of the compiler's own. The first ones give values that are known while \
         compiling.\n",
    );
    for (signature, doc) in nnlc::check::builtin_documentation() {
        out += &format!("\n### `{signature}`\n\n{doc}\n");
    }
    out += "\n## primitives\n\nWhat everything else is made of. The operators are these functions: `a - b` is `sub(a, b)`. Where none \
            is named, the derivative is the function's own.\n";
    let defined: Vec<String> =
        SOURCES.iter().flat_map(|(name, text)| definitions(name, text)).map(|(head, _)| head).collect();
    // What derivatives, and the library's matrix products and convolutions, are made of.
    let of_the_compiler = |name: &str| name == "contract" || name.contains("pooling_") || name.contains("convolution_");
    let hides = |name: &str| defined.iter().any(|head| head.starts_with(&format!("fn {name}(")));
    for primitive in nnlc::check::callable_primitives()
        .filter(|primitive| !hides(primitive.op.0) && !of_the_compiler(primitive.op.0))
    {
        let params = primitive.params.iter().filter_map(parameter).collect::<Vec<_>>().join(", ");
        out += &format!("\n### `{}({params})`\n\n{}\n", primitive.op, primitive.doc);
        if let Gradient::Zero(reason) = primitive.gradient {
            out += &format!("No gradient passes: it {reason}.\n");
        }
    }
    out
}

/// A primitive's parameter as it stands in its signature; none that the compiler sets.
fn parameter(param: &Param) -> Option<String> {
    Some(match param.default {
        Default::Required => param.name.to_owned(),
        Default::Int(value) => format!("{} = {value}", param.name),
        Default::Float(value) => format!("{} = {value}", param.name),
        Default::Bool(value) => format!("{} = {value}", param.name),
        Default::AllAxes => format!("{} = all", param.name),
        Default::Internal => return None,
    })
}

#[test]
fn everything_in_the_library_is_documented_once() {
    let mut names = Vec::new();
    for (name, text) in SOURCES {
        for (signature, doc) in definitions(name, text) {
            assert!(doc.ends_with(['.', ')']), "`{signature}` in {name} has no documentation that ends as a sentence");
            names.push(signature.split(['(', ' ']).nth(1).expect("a name").to_owned());
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
