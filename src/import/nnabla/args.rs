//! The constants of a function: words by name, read as what is asked for.

use std::collections::BTreeMap;

/// Constants by name; one that is a list has several words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Args {
    words: BTreeMap<String, Vec<String>>,
    /// Whether what is not there is zero: protobuf leaves zeros out.
    zeros: bool,
}

impl Args {
    /// Constants of which those that are missing are 0 or false.
    pub fn of_message() -> Args {
        Args { zeros: true, ..Args::default() }
    }

    /// Adds words to a constant.
    pub fn push(&mut self, name: &str, words: impl IntoIterator<Item = String>) {
        self.words.entry(name.to_owned()).or_default().extend(words);
    }

    /// These constants and one more.
    pub fn with(mut self, name: &str, words: impl IntoIterator<Item = impl ToString>) -> Args {
        self.push(name, words.into_iter().map(|word| word.to_string()));
        self
    }

    /// The words of a constant.
    pub fn words(&self, name: &str) -> &[String] {
        self.words.get(name).map_or(&[], Vec::as_slice)
    }

    /// A word; empty without one.
    pub fn word(&self, name: &str) -> &str {
        self.words(name).last().map_or("", String::as_str)
    }

    /// A number, or `without`.
    pub fn number(&self, name: &str, without: f64) -> f64 {
        let read = self.words(name).last().and_then(|word| word.parse().ok());
        let without = if self.zeros { 0.0 } else { without };
        read.filter(|number: &f64| number.is_finite()).unwrap_or(without)
    }

    /// A whole number, or `without`.
    pub fn whole(&self, name: &str, without: i64) -> i64 {
        let without = if self.zeros { 0 } else { without };
        self.words(name).last().and_then(|word| whole(word)).unwrap_or(without)
    }

    /// A list of whole numbers.
    pub fn list(&self, name: &str) -> Vec<i64> {
        self.words(name).iter().filter_map(|word| whole(word)).collect()
    }

    /// Whether a constant is there and true.
    pub fn flag(&self, name: &str) -> bool {
        self.is(name, false)
    }

    /// A truth value, or `without`.
    pub fn is(&self, name: &str, without: bool) -> bool {
        match self.words(name).last().map(|word| word.to_lowercase()) {
            Some(word) => matches!(word.as_str(), "true" | "1"),
            None => without && !self.zeros,
        }
    }
}

/// A whole number, kept within what sizes may be, so that sums and products of two are safe.
fn whole(word: &str) -> Option<i64> {
    word.parse().ok().map(super::bounded)
}
