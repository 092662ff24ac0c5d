//! Annotated programs: every diagnostic is marked in the text of `tests/ui/*.nn`, and every mark is a diagnostic.
//!
//! A comment of carets points at the line above it, at the primary label of a diagnostic, and says its code and (a part of) its
//! title: `# ^^^^ E0202: cannot be combined`. A label that begins in column 0 takes the `#` as its first caret. A diagnostic
//! without a place in the file is told on the first lines: `# nowhere E0103: no loss`. What is checked is the text without its
//! annotations. `UPDATE=1` rewrites them all, with whole titles.
//!
//! `tests/ui/E0101.nn` is the case of its code: the first diagnostic of that code is rendered in full to
//! `tests/ui/snapshots`; `INSTA_UPDATE=always` rewrites those.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nnlc::diagnostic::{Applicability, Diagnostic, TABLE};
use nnlc::driver::{Request, Session};
use nnlc::source::SourceMap;
use nnlc::{driver, render};

/// Codes that need a run of the program; their own rooms test them.
const ELSEWHERE: &[&str] = &["E0609", "E0802", "E0803", "E0804"];

/// Cases whose data files are there, in `tests/ui/data`; those that others name are not looked at.
const WITH_DATA: &[&str] = &["E0401", "E0403"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui")
}

/// The cases with their names, in order.
fn cases() -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(folder()).expect("tests/ui exists");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let programs = paths.filter(|path| path.extension().is_some_and(|extension| extension == "nn"));
    let mut cases: Vec<(String, PathBuf)> =
        programs.map(|path| (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), path)).collect();
    cases.sort();
    cases
}

/// The sources and diagnostics of the case `name` whose program is `text`.
fn checked(name: &str, text: &str) -> (SourceMap, Vec<Diagnostic>) {
    if !WITH_DATA.contains(&name) {
        return driver::check_text(&format!("{name}.nn"), text);
    }
    // Tests run in the package's folder, so that messages name the same paths on all machines.
    let path = Path::new("tests/ui").join(format!("{name}.nn"));
    let request = Request { texts: BTreeMap::from([(path.clone(), text.to_owned())]), ..Request::default() };
    let session = Session::open(&path, &request);
    (session.sources, session.diagnostics)
}

/// A diagnostic as it is marked: the line (from 0) and the columns of its carets; none without a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    place: Option<(usize, usize, usize)>,
    code: String,
    title: String,
}

impl Mark {
    /// Whether this annotation announces `found`.
    fn announces(&self, found: &Mark) -> bool {
        self.place == found.place && self.code == found.code && found.title.contains(&self.title)
    }

    fn line(&self) -> String {
        let Some((_, start, end)) = self.place else { return format!("# nowhere {}: {}", self.code, self.title) };
        assert!(start != 1, "column 1 cannot be marked: {self:?}");
        let carets = "^".repeat(end - start.max(1));
        let blanks = " ".repeat(start.saturating_sub(1));
        format!("#{blanks}{carets} {}: {}", self.code, self.title)
    }
}

/// The program without its annotations, and what they announce.
fn read(text: &str) -> (String, Vec<Mark>) {
    let mut program: Vec<&str> = Vec::new();
    let mut marks = Vec::new();
    for line in text.lines() {
        let Some(mark) = annotation(line, program.len()) else {
            program.push(line);
            continue;
        };
        marks.push(mark);
    }
    (program.join("\n") + "\n", marks)
}

fn annotation(line: &str, lines_before: usize) -> Option<Mark> {
    let comment = line.strip_prefix('#')?;
    let marked = comment.trim_start_matches(' ');
    let rest = marked.trim_start_matches('^');
    let (blanks, carets) = (comment.len() - marked.len(), marked.len() - rest.len());
    let (nowhere, rest) = match rest.strip_prefix("nowhere ") {
        Some(rest) => (true, rest),
        None => (false, rest.trim_start_matches(' ')),
    };
    let (code, title) = rest.split_once(": ")?;
    TABLE.iter().find(|row| row.code.as_str() == code)?;
    // Without blanks before the carets, or without carets, the `#` is the first of them.
    let (start, end) = if blanks == 0 || carets == 0 { (0, 1 + carets) } else { (blanks + 1, blanks + 1 + carets) };
    let place = if nowhere { None } else { Some((lines_before.checked_sub(1)?, start, end)) };
    Some(Mark { place, code: code.to_owned(), title: title.to_owned() })
}

/// How a diagnostic is marked.
fn mark(diagnostic: &Diagnostic, sources: &SourceMap) -> Mark {
    let place = diagnostic.span().filter(|span| !sources.is_library(*span)).map(|span| {
        let (start, end) = (sources.line_column(span), sources.line_column(span.after()));
        let line_end = sources.file(span.file).line(start.line).chars().count();
        let end = if end.line == start.line { end.column - 1 } else { line_end };
        (start.line - 1, start.column - 1, end.max(start.column))
    });
    Mark { place, code: diagnostic.code.to_string(), title: diagnostic.title.clone() }
}

/// The program with marks under its lines.
fn annotate(program: &str, marks: &[Mark]) -> String {
    let on =
        |line: Option<usize>| marks.iter().filter(move |mark| mark.place.map(|place| place.0) == line).map(Mark::line);
    let mut lines: Vec<String> = on(None).collect();
    for (number, line) in program.lines().enumerate() {
        lines.push(line.to_owned());
        lines.extend(on(Some(number)));
    }
    lines.join("\n") + "\n"
}

#[test]
fn every_diagnostic_is_annotated_and_every_annotation_emitted() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut failures = String::new();
    for (name, path) in cases() {
        let text = std::fs::read_to_string(&path).expect("a case is text");
        let (program, announced) = read(&text);
        let (sources, diagnostics) = checked(&name, &program);
        let mut found: Vec<Mark> = diagnostics.iter().map(|diagnostic| mark(diagnostic, &sources)).collect();
        found.sort();
        let mut left = announced.clone();
        left.sort();
        let same = left.len() == found.len() && left.iter().zip(&found).all(|(mark, found)| mark.announces(found));
        if same {
            continue;
        }
        let annotated = annotate(&program, &found);
        if update {
            std::fs::write(&path, annotated).expect("a case can be rewritten");
        } else {
            failures += &format!("==== {name}.nn should be\n{annotated}");
        }
    }
    assert!(failures.is_empty(), "{failures}\nUPDATE=1 rewrites the annotations");
}

#[test]
fn every_code_has_a_case_and_is_rendered_as_before() {
    let cases = cases();
    for row in TABLE {
        let code = row.code.as_str();
        let case = cases.iter().find(|(name, _)| name == code);
        assert_eq!(case.is_none(), ELSEWHERE.contains(&code), "tests/ui/{code}.nn");
        let Some((name, path)) = case else { continue };
        let (program, _) = read(&std::fs::read_to_string(path).expect("a case is text"));
        let (sources, diagnostics) = checked(name, &program);
        let first: Vec<Diagnostic> =
            diagnostics.into_iter().filter(|diagnostic| diagnostic.code == row.code).take(1).collect();
        assert!(!first.is_empty(), "tests/ui/{code}.nn does not raise {code}");
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder().join("snapshots"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(code, render::text(&first, &sources, false)));
    }
}

/// The errors of a program by code and title, sorted.
fn errors(diagnostics: &[Diagnostic]) -> Vec<(String, String)> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let mut errors: Vec<_> = errors.map(|error| (error.code.to_string(), error.title.clone())).collect();
    errors.sort();
    errors
}

#[test]
fn a_certain_fix_removes_its_error_and_brings_none() {
    let mut applied = 0;
    for (name, path) in cases() {
        let (mut program, _) = read(&std::fs::read_to_string(&path).expect("a case is text"));
        for round in 0.. {
            assert!(round < 20, "{name}: the fixes never end:\n{program}");
            let (sources, before) = checked(&name, &program);
            let certain = |diagnostic: &Diagnostic| {
                diagnostic.fixes.iter().any(|fix| fix.applicability == Applicability::Certain)
            };
            // One at a time, so that each is seen to do what it says.
            let Some(first) = before.iter().find(|diagnostic| certain(diagnostic)) else { break };
            let fixed = nnlc::diagnostic::fixed(std::slice::from_ref(first), &sources);
            let (_, after) = checked(&name, &fixed[0].text);
            let mut expected = errors(&before);
            let gone = (first.code.to_string(), first.title.clone());
            if first.is_error() {
                let at = expected.iter().position(|error| *error == gone).expect("it was among them");
                expected.remove(at);
            }
            let left = errors(&after);
            let new: Vec<_> = left.iter().filter(|error| !expected.contains(error)).collect();
            assert!(new.is_empty(), "{name}: after `{}`:\n{}{new:#?}", first.title, fixed[0].text);
            assert!(left.len() <= expected.len(), "{name}: `{}` is still there:\n{}", first.title, fixed[0].text);
            program.clone_from(&fixed[0].text);
            applied += 1;
        }
    }
    assert!(applied >= 20, "{applied} certain fixes");
}

#[test]
fn annotations_are_read_as_they_are_written() {
    let marks = [
        Mark { place: None, code: "E0103".to_owned(), title: "no loss".to_owned() },
        Mark { place: Some((0, 0, 3)), code: "E0102".to_owned(), title: "unknown".to_owned() },
        Mark { place: Some((0, 4, 5)), code: "W0604".to_owned(), title: "unused: x".to_owned() },
        Mark { place: Some((1, 0, 1)), code: "E0109".to_owned(), title: "a # b".to_owned() },
    ];
    let program = "abc d\n# a comment: not E0101: one\n";
    let text = annotate(program, &marks);
    assert_eq!(text.lines().nth(2), Some("#^^ E0102: unknown"));
    let (read_program, read_marks) = read(&text);
    assert_eq!(read_program, program);
    assert_eq!(read_marks, marks);
}
