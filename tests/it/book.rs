//! The pages of `docs/` are true: links lead somewhere, outputs that a page shows are what the command answers, and lists that the compiler
//! has are the compiler's. `UPDATE=1 cargo test book` rewrites outputs and lists; that programs compile is tested in `docs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nnlc::diagnostic::{Severity, TABLE};
use nnlc::optimizers::{RULES, SCHEDULES};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn markdown_in(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).expect(folder).flatten().map(|entry| entry.path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "md")).collect();
    paths.sort();
    paths
}

/// The pages for users that show programs: the README and `docs/`, without the pages of diagnostics.
pub fn pages() -> Vec<PathBuf> {
    let mut paths = markdown_in("docs");
    paths.push(root().join("README.md"));
    paths
}

/// Compares a page with what it should be, or writes that under `UPDATE`.
fn hold(path: &Path, found: &str, expected: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, expected).unwrap();
        return;
    }
    let difference = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
    assert!(found == expected, "{}: run `UPDATE=1 cargo test book`; {difference:#?}", path.display());
}

/// What `nnlc ARGS program.nn` answers, on both streams.
fn answer(args: &str, program: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("program.nn"), program).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
    command.args(args.split_whitespace()).arg("program.nn").current_dir(folder.path());
    let output = command.output().expect("nnlc runs");
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// The page with every block "```text nnlc ARGS" holding what the command answers to the program above it.
fn with_outputs(page: &str) -> String {
    let (mut out, mut program) = (String::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out += &format!("{line}\n");
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let body: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        match info.strip_prefix("text nnlc ") {
            Some(args) => out += &answer(args, &program),
            None => out += &body,
        }
        out += "```\n";
        if info.starts_with("nn") {
            program = body;
        }
    }
    out
}

#[test]
fn outputs_on_the_pages_are_what_the_command_answers() {
    let mut shown = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        shown += page.lines().filter(|line| line.starts_with("```text nnlc ")).count();
        hold(&path, &page, &with_outputs(&page));
    }
    assert!(shown >= 5, "{shown} outputs are shown");
}

/// The page with what stands between the heading and the next one of its level replaced.
fn with_section(page: &str, heading: &str, body: &str) -> String {
    let start =
        page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no section `{heading}`")) + heading.len() + 2;
    let end = page[start..].find("\n## ").map_or(page.len(), |length| start + length);
    format!("{}\n{body}{}", &page[..start], &page[end..])
}

#[test]
fn the_codes_are_all_listed() {
    let row = |row: &nnlc::diagnostic::CodeInfo| {
        let code = row.code.as_str();
        let kind = if row.code.severity() == Severity::Error { "error" } else { "warning" };
        format!("| [{code}](errors/{code}.md) | {kind} | {} |\n", row.summary)
    };
    let table: String = TABLE.iter().map(row).collect();
    let path = root().join("docs/diagnostics.md");
    let page = fs::read_to_string(&path).unwrap();
    let body = format!("| code | is | says |\n|---|---|---|\n{table}");
    hold(&path, &page, &with_section(&page, "## All codes", &body));
}

#[test]
fn the_optimizers_are_all_listed() {
    let row = |rule: &nnlc::optimizers::Rule| {
        let small = |value: f64| if value > 0.0 && value < 1e-3 { format!("{value:e}") } else { value.to_string() };
        let numbers =
            rule.parameters.iter().map(|parameter| format!("{} = {}", parameter.name, small(parameter.default)));
        let doc = rule.doc.replace('|', "\\|");
        format!("| `{}({})` | {doc} |\n", rule.name, numbers.collect::<Vec<_>>().join(", "))
    };
    let table: String = RULES.iter().map(row).collect();
    let path = root().join("docs/optimizers.md");
    let page = fs::read_to_string(&path).unwrap();
    let body = format!(
        "`w` is a parameter, `g` its gradient, `s` the schedule's factor (1 without one), `t` the step from 1; all else starts at 0.\n\
         The numbers shown are the defaults.\n\n| optimizer | step |\n|---|---|\n{table}"
    );
    hold(&path, &page, &with_section(&page, "## The table", &body));
}

#[test]
fn the_schedules_are_all_listed() {
    let page = fs::read_to_string(root().join("docs/optimizers.md")).unwrap();
    for (name, doc, numbers) in SCHEDULES {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}("))).expect(name);
        assert!(row.ends_with(&format!("| {doc} |")), "{name}");
        for number in numbers.iter().filter(|number| number.name != "warmup") {
            assert!(row.contains(&format!("{} = {}", number.name, number.default)), "{name}: {}", number.name);
        }
    }
}

/// A heading's anchor, as forges make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The lines of a page outside code blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    page.lines().filter(move |line| {
        fenced ^= line.starts_with("```");
        !fenced
    })
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for folder in [".", "docs", "docs/errors", "examples", "editors", "editors/vscode"] {
        for path in markdown_in(folder) {
            let page = fs::read_to_string(&path).unwrap();
            for link in prose(&page).flat_map(|line| line.split("](").skip(1)) {
                let link = link.split(')').next().unwrap();
                if link.contains("://") {
                    continue;
                }
                let (file, part) = link.split_once('#').unwrap_or((link, ""));
                let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                let text = fs::read_to_string(&target).unwrap_or_default();
                let named = part.is_empty()
                    || prose(&text).any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == part);
                if !target.exists() || !named {
                    broken.push(format!("{}: {link}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_is_in_the_contents() {
    let contents = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for path in markdown_in("docs") {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name == "README.md" || contents.contains(&format!("({name})")), "docs/README.md leaves {name} out");
    }
}

#[test]
fn every_name_that_replaces_a_layer_of_nnc_exists() {
    let page = fs::read_to_string(root().join("docs/nnc.md")).unwrap();
    let table = page.split("\n## Layer by layer\n").nth(1).expect("the table of layers");
    let (functions, layers) = crate::editors::functions_and_layers();
    let call = fancy_regex::Regex::new(r"(?:\|> |\b)(\w+)\(|\|> (\w+)").unwrap();
    let mut checked = 0;
    for code in table.split('`').skip(1).step_by(2) {
        for found in call.captures_iter(code).map(Result::unwrap) {
            let name = found.get(1).or(found.get(2)).unwrap().as_str();
            let known = functions.contains(name) || layers.contains(name) || name == "Block";
            assert!(known, "docs/nnc.md names `{name}`, which does not exist: `{code}`");
            checked += 1;
        }
    }
    assert!(checked > 80, "{checked}");
}

/// The program of the README's picture of an error; the page shows the lines that are told.
const DIGITS: &str = "input x: [1, 28, 28]\ninput y: index<10>\n\nh = x |> Affine(32) |> relu\nlogits = h |> Affine(7)\n\n\
    loss = softmax_cross_entropy(logits, y)\noutput q = softmax(logits)\n";

/// What the consoles on a page show: the arguments of `nnlc`, and what it answers.
fn consoles(page: &str) -> Vec<(String, Vec<String>)> {
    let page = fs::read_to_string(root().join(page)).expect("a page");
    let mut found = Vec::new();
    let mut lines = page.lines();
    while lines.by_ref().any(|line| line == "```console") {
        let mut body = lines.by_ref().take_while(|line| *line != "```").map(str::to_owned);
        let command = body.next().expect("a command");
        found.push((command.strip_prefix("$ nnlc ").expect("a call of nnlc").to_owned(), body.collect()));
    }
    found
}

/// Whether a line is as told. Times and speeds are the machine's; numbers are compared to a hundredth of themselves, since processors
/// round sums differently.
fn alike(shown: &str, told: &str) -> bool {
    const DURATION: &str = "trained after ";
    if shown.starts_with(DURATION) {
        return told.starts_with(DURATION);
    }
    let object = shown.starts_with('{');
    let between = |c: char| c.is_whitespace() || "()".contains(c) || object && "{}[],:\"".contains(c);
    let words = |line| str::split(line, between).filter(|word| !word.is_empty()).collect::<Vec<&str>>();
    let (shown, told) = (words(shown), words(told));
    let number = |word: &str| word.trim_end_matches(',').parse::<f64>().ok();
    shown.len() == told.len()
        && shown.iter().zip(&told).enumerate().all(|(place, (one, other))| match (number(one), number(other)) {
            _ if shown.get(place + 1) == Some(&"samples/s") => true,
            (Some(one), Some(other)) => (one - other).abs() <= 0.01 * other.abs(),
            _ => one == other,
        })
}

#[test]
fn consoles_show_what_is_answered() {
    for (page, count) in [("README.md", 2), ("docs/command-line.md", 6)] {
        let consoles = consoles(page);
        assert!(consoles.len() >= count, "{page} shows {} consoles", consoles.len());
        hold_consoles(page, consoles);
    }
}

/// Runs the consoles of a page one after the other in one folder, which holds some of the examples.
fn hold_consoles(page: &str, consoles: Vec<(String, Vec<String>)>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("digits.nn"), DIGITS).unwrap();
    let tables = folder.path().join("examples/data/tabular");
    fs::create_dir_all(&tables).unwrap();
    for file in ["iris.nn", "data/tabular/iris_train.csv", "data/tabular/iris_validation.csv"] {
        fs::copy(root().join("examples").join(file), folder.path().join("examples").join(file)).unwrap();
    }
    for (args, shown) in consoles {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nnlc"));
        let output = command.args(args.split_whitespace()).current_dir(folder.path()).output().expect("nnlc runs");
        let told = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        let told: Vec<&str> = told.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let mut shown: Vec<&str> = shown.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        if shown[0] == "..." {
            shown.remove(0);
        } else {
            assert_eq!(shown.len(), told.len(), "`nnlc {args}` answers\n{}", told.join("\n"));
        }
        assert!(shown.len() <= told.len(), "`nnlc {args}` answers\n{}", told.join("\n"));
        for (shown, told) in shown.iter().rev().zip(told.iter().rev()) {
            assert!(alike(shown, told), "{page} shows\n{shown}\nnnlc tells\n{told}");
        }
    }
}

#[test]
fn lines_of_a_console_are_compared_but_for_the_machine() {
    assert!(alike("loss 0.3320 / 0.3481  5,762 samples/s  best", "loss 0.3321 / 0.3480  9 samples/s  best"));
    assert!(!alike("loss 0.3320  9 samples/s", "loss 0.3520  9 samples/s"));
    assert!(!alike("best: epoch 59, loss 0.3481", "last: epoch 59, loss 0.3481"));
    assert!(alike("{\"loss\":0.5031,\"counts\":[[0,1,9]]}", "{\"loss\":0.5032,\"counts\":[[0,1,9]]}"));
    assert!(!alike("{\"loss\":0.5}", "{\"lost\":0.5}") && !alike("{[[0,1,9]]}", "{[[0,1,8]]}"));
    assert!(alike("trained after 1.25 s", "trained after 2 min 9 s") && !alike("trained in 1 s", "trained after 1 s"));
}
