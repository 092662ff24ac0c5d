//! One mistake gives one message, at its place: every example is changed in hundreds of ways, and what the compiler says of each is held to
//! that. The changes are drawn from a fixed seed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nnlc::diagnostic::Diagnostic;
use nnlc::driver::check_text;

/// How many changes of one kind an example gets at most.
const MOST: usize = 40;

/// The share of changes that may give more than two messages.
const NOISY: f64 = 0.05;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    NameMisspelt,
    ArgumentDropped,
    SizeChanged,
    BracketRemoved,
    LineDeleted,
    LineMoved,
    SignDoubled,
    QuoteRemoved,
}

/// A changed program.
struct Mutant {
    kind: Kind,
    text: String,
    /// The line that is changed, from 1.
    line: usize,
    /// The names that stand in what is changed, before and after.
    names: Vec<String>,
    /// Other lines that are changed: between and behind which a line was moved, and those with the other bracket of one in the line.
    others: Vec<usize>,
}

/// A word, number or sign of a program, without comments and strings.
#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    at: usize,
    text: &'t str,
}

fn tokens(program: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = program.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '#' => while rest.next_if(|(_, c)| *c != '\n').is_some() {},
            '"' => {
                while rest.next_if(|(_, c)| *c != '"').is_some() {}
                rest.next();
            }
            c if c.is_whitespace() => {}
            c => {
                let word = |c: char| c.is_alphanumeric() || c == '_';
                let mut end = at + c.len_utf8();
                while word(c) && rest.next_if(|(_, next)| word(*next)).is_some() {
                    end = rest.peek().map_or(program.len(), |(at, _)| *at);
                }
                found.push(Token { at, text: &program[at..end] });
            }
        }
    }
    found
}

fn line_of(program: &str, at: usize) -> usize {
    program[..at].matches('\n').count() + 1
}

fn replaced(program: &str, range: std::ops::Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &program[..range.start], &program[range.end..])
}

const KEYWORDS: &[&str] = &[
    "const", "input", "loss", "metric", "output", "data", "train", "if", "else", "training", "for", "in", "param",
    "fn", "layer", "return", "state", "update", "weight", "from", "f32", "index", "true", "false", "and", "or", "not",
];

/// Every way to change `program` by one of the kinds.
fn mutants(program: &str) -> Vec<Mutant> {
    let tokens = tokens(program);
    let mut found = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let line = line_of(program, token.at);
        let range = token.at..token.at + token.text.len();
        let first = token.text.chars().next().unwrap_or(' ');
        if (first.is_alphabetic() || first == '_') && !KEYWORDS.contains(&token.text) {
            for wrong in misspelt(token.text) {
                let names = vec![token.text.to_owned(), wrong.clone()];
                found.push(Mutant {
                    kind: Kind::NameMisspelt,
                    text: replaced(program, range.clone(), &wrong),
                    line,
                    names,
                    others: Vec::new(),
                });
            }
        }
        if let Ok(size) = token.text.parse::<i64>() {
            for other in [size + 1, size * 2 + 3] {
                let text = replaced(program, range.clone(), &other.to_string());
                found.push(Mutant { kind: Kind::SizeChanged, text, line, names: Vec::new(), others: Vec::new() });
            }
        }
        if "()[]{}".contains(token.text) {
            let text = replaced(program, range.clone(), "");
            let others = partner(&tokens, place).map(|other| line_of(program, tokens[other].at)).into_iter().collect();
            found.push(Mutant { kind: Kind::BracketRemoved, text, line, names: Vec::new(), others });
        }
        if "=,*/+".contains(token.text) {
            let text = replaced(program, range.clone(), &token.text.repeat(2));
            found.push(Mutant { kind: Kind::SignDoubled, text, line, names: Vec::new(), others: Vec::new() });
        }
        if token.text == "(" && place > 0 {
            let changed = without_last_argument(program, &tokens[place..]);
            let mutant = |(text, names)| Mutant { kind: Kind::ArgumentDropped, text, line, names, others: Vec::new() };
            found.extend(changed.map(mutant));
        }
    }
    found.extend(lines_changed(program));
    found.extend(quotes_removed(program));
    found
}

/// The program without one of the quotes of its strings.
fn quotes_removed(program: &str) -> Vec<Mutant> {
    let (mut found, mut start) = (Vec::new(), 0);
    for (number, whole) in program.split_inclusive('\n').enumerate() {
        let code = whole.split('#').next().unwrap_or(whole);
        for (at, _) in code.match_indices('"') {
            let text = replaced(program, start + at..start + at + 1, "");
            let (kind, line) = (Kind::QuoteRemoved, number + 1);
            found.push(Mutant { kind, text, line, names: Vec::new(), others: Vec::new() });
        }
        start += whole.len();
    }
    found
}

/// A name with a letter doubled, left out, and two letters changed for one another.
fn misspelt(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let middle = letters.len() / 2;
    let mut doubled = letters.clone();
    doubled.insert(middle, letters[middle]);
    let mut all = vec![doubled];
    if letters.len() > 2 {
        let mut short = letters.clone();
        short.remove(middle);
        let mut swapped = letters.clone();
        swapped.swap(middle - 1, middle);
        all.extend([short, swapped]);
    }
    let words = all.into_iter().map(|letters| letters.into_iter().collect::<String>());
    words.filter(|word| word != name && !word.starts_with(|c: char| c.is_ascii_digit())).collect()
}

/// The program without the last argument of the call or definition whose parenthesis comes first, and the words of that argument.
fn without_last_argument(program: &str, tokens: &[Token]) -> Option<(String, Vec<String>)> {
    let (mut depth, mut from) = (0, tokens[0].at + 1);
    for token in tokens {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 1 => from = token.at,
            _ => {}
        }
        if depth == 0 {
            let dropped = tokens.iter().filter(|dropped| (from..token.at).contains(&dropped.at));
            let names = dropped.map(|dropped| dropped.text.to_owned()).collect();
            return (token.at > from).then(|| (replaced(program, from..token.at, ""), names));
        }
    }
    None
}

/// The other bracket of the one at `place`.
fn partner(tokens: &[Token], place: usize) -> Option<usize> {
    let step = |token: &Token| match token.text {
        "(" | "[" | "{" => 1,
        ")" | "]" | "}" => -1,
        _ => 0,
    };
    let own = step(&tokens[place]);
    let mut depth = 0;
    let mut met = |other: &usize| {
        depth += step(&tokens[*other]);
        depth == 0
    };
    match own {
        1 => (place..tokens.len()).find(&mut met),
        -1 => (0..=place).rev().find(&mut met),
        _ => None,
    }
}

/// The program without one of its lines, and with one changed for the line below.
fn lines_changed(program: &str) -> Vec<Mutant> {
    let lines: Vec<&str> = program.lines().collect();
    let all = tokens(program);
    let mut found = Vec::new();
    for index in 0..lines.len() {
        if lines[index].trim().is_empty() || lines[index].starts_with('#') {
            continue;
        }
        let names: Vec<String> = tokens(lines[index]).iter().map(|token| token.text.to_owned()).collect();
        let mut without = lines.clone();
        without.remove(index);
        let text = without.join("\n") + "\n";
        found.push(Mutant { kind: Kind::LineDeleted, text, line: index + 1, names: names.clone(), others: Vec::new() });
        if index + 2 < lines.len() {
            let mut moved = lines.clone();
            let line = moved.remove(index);
            moved.insert(index + 2, line);
            // Where the lines of the program are after the move.
            let now = |line: usize| match line - 1 {
                old if old == index => index + 3,
                old if old > index && old <= index + 2 => line - 1,
                _ => line,
            };
            let brackets = (0..all.len()).filter(|place| line_of(program, all[*place].at) == index + 1);
            let partners = brackets.filter_map(|place| partner(&all, place));
            let partners = partners.map(|other| now(line_of(program, all[other].at)));
            // A bracket that is missing is told where it should stand: behind the line above.
            let above = (lines[index].trim().len() == 1).then_some(index);
            let others = (index + 2..=index + 3).chain(partners).chain(above).collect();
            let text = moved.join("\n") + "\n";
            found.push(Mutant { kind: Kind::LineMoved, text, line: index + 1, names, others });
        }
    }
    found
}

/// At most [`MOST`] of each kind, the same each time.
fn chosen(mutants: Vec<Mutant>, seed: u64) -> Vec<Mutant> {
    let mut state = seed;
    let mut keyed: Vec<(Kind, u64, Mutant)> = mutants
        .into_iter()
        .map(|mutant| {
            // Numerical Recipes' linear congruential generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (mutant.kind, state >> 11, mutant)
        })
        .collect();
    keyed.sort_by_key(|(kind, key, _)| (*kind, *key));
    let mut taken = BTreeMap::new();
    keyed.retain(|(kind, _, _)| {
        let count = taken.entry(*kind).or_insert(0);
        *count += 1;
        *count <= MOST
    });
    keyed.into_iter().map(|(_, _, mutant)| mutant).collect()
}

/// The lines on which a mistake in `line` may show first: that line, those with one of `names`, and, for what changes a value, all that
/// are computed from it.
fn allowed(mutant: &Mutant) -> BTreeSet<usize> {
    let lines: Vec<&str> = mutant.text.lines().collect();
    let mentions = |line: &str, names: &BTreeSet<String>| tokens(line).iter().any(|token| names.contains(token.text));
    let mut names: BTreeSet<String> = mutant.names.iter().cloned().collect();
    let mut allowed: BTreeSet<usize> = mutant.others.iter().copied().chain([mutant.line]).collect();
    if mutant.kind == Kind::NameMisspelt {
        allowed.extend((1..=lines.len()).filter(|line| mentions(lines[line - 1], &names)));
        return allowed;
    }
    for line in &allowed {
        names.extend(lines.get(line - 1).into_iter().flat_map(|line| bound(line)));
    }
    if mutant.kind == Kind::LineMoved {
        // What it gives may be missing where it is declared.
        let own: BTreeSet<String> = lines.get(mutant.line + 1).into_iter().flat_map(|line| bound(line)).collect();
        allowed.extend((1..=lines.len()).filter(|line| mentions(lines[line - 1], &own)));
    }
    for (index, line) in lines.iter().enumerate().skip(mutant.line) {
        if mentions(line, &names) {
            allowed.insert(index + 1);
            names.extend(bound(line));
        }
    }
    allowed
}

/// The names that a line binds: the words before its first `=`, or an input's.
fn bound(line: &str) -> Vec<String> {
    let head = line.split(['=', ':']).next().unwrap_or_default();
    tokens(head).iter().filter(|token| !KEYWORDS.contains(&token.text)).map(|token| token.text.to_owned()).collect()
}

/// Whether it can be told where the first message belongs. A binding under another name leaves an earlier one of its own in place, and
/// what follows from that may show anywhere.
fn is_decidable(mutant: &Mutant) -> bool {
    let line = mutant.text.lines().nth(mutant.line - 1).unwrap_or_default();
    match mutant.kind {
        Kind::NameMisspelt => !bound(line).iter().any(|name| mutant.names.last() == Some(name)),
        kind => matches!(kind, Kind::ArgumentDropped | Kind::SizeChanged | Kind::BracketRemoved | Kind::LineMoved),
    }
}

#[test]
fn a_changed_example_gets_few_messages_and_at_their_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut paths: Vec<_> = fs::read_dir(folder).expect("examples").flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "nn"));
    paths.sort();
    let (mut wrong, mut noisy) = (String::new(), BTreeMap::<Kind, Vec<String>>::new());
    let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
    for (index, path) in paths.iter().enumerate() {
        let program = fs::read_to_string(path).expect("an example is text");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if program.contains("\nimport ") {
            continue; // Without its folder an import is an error already.
        }
        for mutant in chosen(mutants(&program), index as u64) {
            *counts.entry(mutant.kind).or_default() += 1;
            let (sources, diagnostics) = check_text(&name, &mutant.text);
            let place = |diagnostic: &Diagnostic| diagnostic.span().filter(|span| !sources.is_library(*span));
            let shown = || {
                let line = mutant.text.lines().nth(mutant.line - 1).unwrap_or_default();
                let said: Vec<String> = diagnostics
                    .iter()
                    .map(|found| {
                        let line = place(found).map_or(0, |span| sources.line_column(span).line);
                        format!("{line}: {}: {}", found.code, found.title)
                    })
                    .collect();
                format!("{name} {:?} line {}: {line}\n    {}\n", mutant.kind, mutant.line, said.join("\n    "))
            };
            if diagnostics.iter().any(|diagnostic| place(diagnostic).is_none()) {
                wrong += &format!("without a place: {}", shown());
            }
            if diagnostics.len() > 2 {
                noisy.entry(mutant.kind).or_default().push(shown());
            }
            // A mistake that shows inside a definition names the call.
            let lines = |found: &Diagnostic| -> BTreeSet<usize> {
                found.labels.iter().map(|label| sources.line_column(label.span).line).collect()
            };
            let first = diagnostics.iter().find(|diagnostic| diagnostic.is_error()).filter(|_| is_decidable(&mutant));
            if first.is_some_and(|first| lines(first).is_disjoint(&allowed(&mutant))) {
                wrong += &format!("in another place: {}", shown());
            }
        }
    }
    assert!(counts.values().sum::<usize>() > 1000, "{counts:?}");
    assert!(wrong.is_empty(), "{wrong}");
    let mut shares = BTreeMap::new();
    for (kind, many) in &noisy {
        let share = many.len() as f64 / counts[kind] as f64;
        shares.insert(*kind, share);
        println!("{:.1} % of {kind:?} give more than two messages:\n{}", share * 100.0, many.concat());
    }
    shares.retain(|_, share| *share > NOISY);
    assert!(shares.is_empty(), "{shares:?}");
    let all = noisy.values().map(Vec::len).sum::<usize>() as f64 / counts.values().sum::<usize>() as f64;
    assert!(all <= NOISY, "{:.1} % give more than two messages", all * 100.0);
}
