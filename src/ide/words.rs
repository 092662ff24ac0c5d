//! The words that a program finds rather than binds: the library's functions and layers, optimizers, schedules, settings, readers, types.
//! Each is told by the page or the definition that it has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::handbook::{self, Entry};
use crate::library::SOURCES;
use crate::source::Span;
use crate::syntax::ast::StmtKind;

/// The page that tells the settings of `train`, and the one that tells the readers.
const PAGES: [(&str, &str); 2] =
    [(include_str!("../../docs/running.md"), "| setting |"), (include_str!("../../docs/data.md"), "| reader |")];

/// The element types, and what hyperparameters are declared as.
pub const TYPES: [(&str, &str); 10] = [
    ("f32", "Numbers, in single precision. What a type without a word is made of."),
    ("i32", "Integers."),
    ("bool", "True or false. Of a hyperparameter: a truth value that is known while compiling."),
    ("index", "`index<K>`: integers from 0 to K - 1, so that the number of classes is part of the type."),
    ("int", "A hyperparameter: an integer that is known while compiling."),
    ("float", "A hyperparameter: a number that is known while compiling."),
    ("str", "A hyperparameter: a text."),
    ("fn", "A hyperparameter: a function, or a layer's instance."),
    ("list", "A hyperparameter: a list."),
    ("dtype", "A hyperparameter: `f32`, `i32` or `bool`."),
];

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// A function: the library's, a primitive, or the checker's own.
    Function,
    /// A layer of the library.
    Layer,
    /// An optimizer.
    Optimizer,
    /// A schedule.
    Schedule,
}

/// A word that is called.
#[derive(Clone, Debug)]
pub struct Word {
    /// What it is.
    pub kind: WordKind,
    /// How it is called and what it gives.
    pub entry: Entry,
    /// Where its name stands in the library, by the file's place among the library's.
    pub place: Option<(usize, Span)>,
}

/// What a program calls: functions and layers.
pub static CALLABLE: LazyLock<BTreeMap<String, Word>> = LazyLock::new(|| {
    let places = places();
    let mut words = BTreeMap::new();
    for entry in handbook::library_chapters().into_iter().flat_map(|chapter| chapter.entries) {
        let kind = if entry.signature.starts_with("layer ") { WordKind::Layer } else { WordKind::Function };
        let name = entry.name().to_owned();
        let place = entry.definition.as_ref().and_then(|_| places.get(&name).copied());
        words.insert(name, Word { kind, entry, place });
    }
    words
});

/// What `train` calls: optimizers and schedules.
pub static RECORDS: LazyLock<BTreeMap<String, Word>> = LazyLock::new(|| {
    let mut words = BTreeMap::new();
    for chapter in handbook::chapters() {
        let kind = match chapter.title.as_str() {
            "optimizers" => WordKind::Optimizer,
            "schedules" => WordKind::Schedule,
            _ => continue,
        };
        words.extend(
            chapter.entries.into_iter().map(|entry| (entry.name().to_owned(), Word { kind, entry, place: None })),
        );
    }
    words
});

/// The settings of `train` with what they are.
pub static SETTINGS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let mut settings = BTreeMap::new();
    for (words, told) in rows(PAGES[0]) {
        let told = match told.as_slice() {
            [is, without] => format!("{is}\n\nWithout it: {without}."),
            _ => told.join("\n\n"),
        };
        for word in words.iter().map(|word| word.split(' ').next().unwrap_or(word)) {
            settings.entry(word.to_owned()).or_insert_with(|| told.clone());
        }
    }
    for (key, kind) in [("optimizer", WordKind::Optimizer), ("schedule", WordKind::Schedule)] {
        let names = RECORDS.iter().filter(|(_, word)| word.kind == kind).map(|(name, _)| format!("`{name}`"));
        let list = names.collect::<Vec<_>>().join(", ");
        settings.entry(key.to_owned()).and_modify(|told| *told += &format!("\n\nThere are {list}."));
    }
    settings
});

/// The readers of data files: each way to call one, and what it gives.
pub static READERS: LazyLock<BTreeMap<String, Vec<(String, String)>>> = LazyLock::new(|| {
    let mut readers: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (calls, told) in rows(PAGES[1]) {
        for call in calls {
            let name = call.split('(').next().unwrap_or_default().to_owned();
            readers.entry(name).or_default().push((call, told.join(" ")));
        }
    }
    readers
});

/// Whether a program finds `name` without binding it.
pub fn is_known(name: &str) -> bool {
    CALLABLE.contains_key(name)
}

/// Where each definition of the library has its name.
fn places() -> BTreeMap<String, (usize, Span)> {
    let mut places = BTreeMap::new();
    for (file, ast) in crate::library::asts().iter().enumerate() {
        for item in &ast.items {
            let name = match &item.kind {
                StmtKind::Fn(def) => &def.name,
                StmtKind::Layer(def) => &def.name,
                _ => continue,
            };
            places.insert(name.text.clone(), (file, name.span));
        }
    }
    debug_assert!(places.values().all(|(file, _)| *file < SOURCES.len()));
    places
}

/// The rows of the table on a page that begins with `head`: the code in the first column, and the other columns without their links.
fn rows((page, head): (&str, &str)) -> Vec<(Vec<String>, Vec<String>)> {
    let lines = page.lines().skip_while(|line| !line.starts_with(head)).skip(2);
    let row = |line: &str| {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let codes = cells.next().unwrap_or_default().split('`').skip(1).step_by(2).map(str::to_owned).collect();
        (codes, cells.map(unlinked).collect())
    };
    lines.take_while(|line| line.starts_with('|')).map(row).collect()
}

/// Markdown with the words of its links alone.
fn unlinked(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        out += before;
        match link.split_once("](").and_then(|(words, end)| Some((words, end.split_once(')')?.1))) {
            Some((words, after)) if !words.contains('[') => {
                out += words;
                rest = after;
            }
            _ => {
                out.push('[');
                rest = link;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_and_reader_is_told() {
        for name in crate::check::setting_names() {
            assert!(SETTINGS.get(*name).is_some_and(|told| told.len() > 20), "{name}");
        }
        let readers: Vec<&str> = READERS.keys().map(String::as_str).collect();
        assert_eq!(readers, crate::check::reader_names());
        assert!(READERS.values().flatten().all(|(call, told)| call.contains("(\"") && !told.is_empty()));
    }

    #[test]
    fn links_become_words() {
        assert_eq!(unlinked("one of [these](optimizers.md), `[d]`"), "one of these, `[d]`");
        assert_eq!(unlinked("no link ["), "no link [");
    }

    #[test]
    fn definitions_of_the_library_have_a_place() {
        let affine = &CALLABLE["Affine"];
        let (file, span) = affine.place.expect("it is written in `.nn`");
        assert_eq!(affine.kind, WordKind::Layer);
        assert_eq!(&SOURCES[file].1[span.range()], "Affine");
        assert!(CALLABLE["exp"].place.is_none());
    }
}
