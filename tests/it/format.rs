//! The formatter on real programs and on mangled ones: the program stays the same, no comment is lost or leaves its place, and what is
//! formatted stays as it is.

use std::fs;
use std::path::{Path, PathBuf};

use fancy_regex::Regex;
use nnlc::driver::{check_text, programs};
use nnlc::format::{WIDTH, format};
use nnlc::library::SOURCES;
use nnlc::source::{FileId, SourceMap};
use nnlc::syntax::{TokenKind, parse, tokenize};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file() -> FileId {
    SourceMap::new().add("program.nn", "")
}

/// The text in canonical layout; none for a text that does not parse.
fn formatted(text: &str) -> Option<String> {
    format(file(), text).ok()
}

/// The syntax tree of a text without places, documentation included.
fn meaning(text: &str) -> String {
    let (ast, diagnostics) = parse(file(), text);
    assert!(diagnostics.is_empty(), "{diagnostics:#?}\n{text}");
    let place = Regex::new(r"Span \{ [^}]* \}").unwrap();
    place.replace_all(&format!("{ast:?}"), "_").into_owned()
}

/// The comments of a text among its words, in their order. Layout may move a comment only over an operator or a comma.
fn comments_and_words(text: &str) -> Vec<&str> {
    let of_interest = |kind: TokenKind, word: &str| match kind {
        TokenKind::Comment | TokenKind::DocComment | TokenKind::Name | TokenKind::Number | TokenKind::Str => true,
        TokenKind::Keyword => !matches!(word, "and" | "or"),
        _ => false,
    };
    let tokens = tokenize(text).into_iter().map(|token| (token.kind, text[token.range()].trim_end()));
    tokens.filter(|(kind, word)| of_interest(*kind, word)).map(|(_, word)| word).collect()
}

/// Demands all that formatting promises of one text, and gives what it makes of it.
#[track_caller]
fn holds(name: &str, text: &str) -> String {
    let once = formatted(text).unwrap_or_else(|| panic!("{name} does not parse:\n{text}"));
    assert_eq!(meaning(text), meaning(&once), "{name} means something else:\n{text}\nbecomes\n{once}");
    assert_eq!(comments_and_words(text), comments_and_words(&once), "{name}:\n{text}\nbecomes\n{once}");
    let twice = formatted(&once).unwrap_or_else(|| panic!("{name} no longer parses:\n{once}"));
    assert_eq!(once, twice, "{name} changes again");
    let clean = |line: &str| !line.ends_with([' ', '\t', '\r']) && !line.contains('\t');
    assert!(once.lines().all(|line| clean(line) || line.contains('#') || line.contains('"')), "{name}:\n{once}");
    assert!(once.is_empty() || once.ends_with('\n') && !once.ends_with("\n\n"), "{name}:\n{once}");
    once
}

/// The code blocks of a page, each with the line that opens it.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```nn") {
            let body = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n"));
            found.push((info.trim().to_owned(), body.collect()));
        }
    }
    found
}

fn pages() -> Vec<PathBuf> {
    let folder = |name: &str| fs::read_dir(root().join(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> = ["docs", "docs/errors", "."].into_iter().flat_map(folder).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Every program of the repository that parses, with its name: examples, library, cases of diagnostics, code on the pages.
fn corpus() -> Vec<(String, String)> {
    let folders = ["examples", "src/library", "tests/ui", "benches/programs", "editors/test"];
    let paths = programs(&folders.map(|folder| root().join(folder))).unwrap();
    let mut found: Vec<(String, String)> =
        paths.iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        found.extend(blocks(&text).into_iter().map(|(_, program)| (page.display().to_string(), program)));
    }
    found.retain(|(_, text)| parse(file(), text).1.is_empty());
    found
}

#[test]
fn every_program_of_the_repository_keeps_its_meaning_and_its_comments() {
    let corpus = corpus();
    assert!(corpus.len() > 250, "{}", corpus.len());
    for (name, text) in corpus {
        holds(&name, &text);
        holds(&format!("{name} with other line ends"), &text.replace('\n', "\r\n"));
        if !text.contains('#') {
            holds(&format!("{name} on one line"), &text.replace('\n', " "));
        }
    }
}

#[test]
fn what_is_told_of_a_program_stays_the_same() {
    let codes = |text: &str| -> Vec<&str> {
        check_text("program.nn", text).1.iter().map(|diagnostic| diagnostic.code.as_str()).collect()
    };
    let mut told = 0;
    for (name, text) in corpus().into_iter().filter(|(name, _)| !name.contains("src/library")) {
        let before = codes(&text);
        told += before.len();
        assert_eq!(before, codes(&formatted(&text).unwrap()), "{name}:\n{text}");
    }
    assert!(told > 100, "{told}");
}

#[test]
fn examples_and_library_are_formatted() {
    let paths = programs(&[root().join("examples"), root().join("src/library")]).unwrap();
    assert!(paths.len() > SOURCES.len() + 20);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let expected = formatted(&text).unwrap();
        // Other tests read these files: what is formatted is not written.
        if text != expected && std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &expected).unwrap();
        } else {
            assert!(text == expected, "{}: run `nnlc fmt examples src/library`", path.display());
        }
    }
}

#[test]
fn programs_on_the_pages_are_formatted() {
    for page in pages() {
        let mut text = fs::read_to_string(&page).unwrap();
        for (_, program) in blocks(&text).into_iter().filter(|(info, _)| info != "unformatted") {
            let Some(expected) = formatted(&program) else { continue };
            if program != expected && std::env::var_os("UPDATE").is_some() {
                text = text.replace(&format!("\n{program}```"), &format!("\n{expected}```"));
                fs::write(&page, &text).unwrap();
            } else {
                assert!(program == expected, "{}:\n{program}becomes\n{expected}", page.display());
            }
        }
    }
}

/// Whether two tokens would be read as others if nothing stood between them.
fn must_be_apart(left: (TokenKind, &str), right: (TokenKind, &str)) -> bool {
    let joined = format!("{}{}", left.1, right.1);
    let read = tokenize(&joined);
    read.len() != 2 || read[0].kind != left.0 || read[0].end as usize != left.1.len() || read[1].kind != right.0
}

/// The program with other blanks, line breaks and, by a chance in a hundred, comments between its tokens.
fn mangled(text: &str, comments: u32, rng: &mut TestRng) -> String {
    let mut pick = |count: u32| rng.next_u32() % count;
    let mut out = String::new();
    let mut last: Option<(TokenKind, &str)> = None;
    let mut number = 0;
    for token in tokenize(text) {
        let word = &text[token.range()];
        if token.kind == TokenKind::Whitespace {
            continue;
        }
        let is_comment = |kind| matches!(kind, TokenKind::Comment | TokenKind::DocComment);
        let blanks = ["", "", " ", " ", "  ", "\n", "\n    ", "\t", "\r\n", "\n\n", "\n\n\n  "];
        let mut between = blanks[pick(blanks.len() as u32) as usize].to_owned();
        if last.is_some_and(|(kind, _)| is_comment(kind)) && !between.contains('\n') {
            between.push('\n');
        }
        let apart = last.is_some_and(|last| must_be_apart(last, (token.kind, word)));
        if between.is_empty() && apart {
            between.push(' ');
        }
        out += &between;
        if pick(100) < comments {
            number += 1;
            let hash = ["#", "#", "##", "# allow W0503"][pick(4) as usize];
            let blank = if out.ends_with('\n') { "" } else { " " };
            out += &format!("{blank}{hash} {number}\n");
        }
        out += word;
        last = Some((token.kind, word));
    }
    out + ["", "\n", " # the end", "\n\n# the end\n\n"][pick(4) as usize]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_programs_keep_their_meaning_and_their_comments(
        program in any::<prop::sample::Index>(),
        comments in prop::sample::select(vec![0, 2, 10, 40]),
        mut rng in Just(()).prop_perturb(|(), rng| rng),
    ) {
        static CORPUS: std::sync::LazyLock<Vec<(String, String)>> = std::sync::LazyLock::new(corpus);
        let (name, text) = program.get(&CORPUS);
        let mangled = mangled(text, comments, &mut rng);
        let once = holds(name, &mangled);
        if comments == 0 && !text.contains('#') {
            let long = once.lines().find(|line| line.chars().count() > WIDTH && !line.contains('"'));
            prop_assert!(long.is_none(), "{name}: {long:?}");
        }
    }
}
