//! Names of another program made legal and free in `.nn`.

use std::collections::BTreeSet;

use crate::base::free_name;
use crate::syntax::is_keyword;
use crate::{check, library, ops};

/// Words that mean something in one place of a statement, and types: as names they would mislead.
const WORDS: &[&str] = &[
    "state", "update", "data", "train", "test", "weight", "lr", "decay", "from", "as", "where", "prim", "batch",
    "file", "f32", "i32", "bool", "index",
];

/// The names that are taken.
pub struct Names(BTreeSet<String>);

impl Names {
    /// Those of the language and of its library.
    pub fn new() -> Names {
        let words = WORDS.iter().map(|word| (*word).to_owned());
        let builtins = check::builtin_names().map(str::to_owned);
        let primitives = ops::all().map(|primitive| primitive.op.0.to_owned());
        let lines = library::SOURCES.iter().flat_map(|(_, text)| text.lines());
        let defined = lines.filter_map(|line| line.strip_prefix("fn ").or_else(|| line.strip_prefix("layer ")));
        let defined = defined.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned()));
        Names(words.chain(builtins).chain(primitives).chain(defined).collect())
    }

    /// A free name for an input or output: like `wanted`, or like `short` if that means something in the language already.
    pub fn take_role(&mut self, wanted: &str, short: &str) -> String {
        let wanted_name = legal(wanted);
        let meant = self.0.contains(&wanted_name) || is_keyword(&wanted_name);
        self.take(if meant { short } else { wanted })
    }

    /// A free name like `wanted`, which is taken from now on.
    pub fn take(&mut self, wanted: &str) -> String {
        self.claim(&legal(wanted))
    }

    /// A free name: `name`, which is legal, or that with a number.
    pub fn claim(&mut self, name: &str) -> String {
        let found = free_name(name, |name| !self.0.contains(name) && !is_keyword(name));
        self.0.insert(found.clone());
        found
    }
}

impl Default for Names {
    fn default() -> Names {
        Names::new()
    }
}

/// `wanted` as a name of a value: letters, digits and `_`, a small letter first. Names that begin with `_` mean values that are not read.
pub fn legal(wanted: &str) -> String {
    let mut name = String::new();
    for c in wanted.chars().take(40) {
        match c {
            c if c.is_alphanumeric() && c.is_ascii() => name.push(c),
            _ if !name.ends_with('_') => name.push('_'),
            _ => {}
        }
    }
    let name = name.trim_matches('_');
    match name.chars().next() {
        None => "h".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("h{name}"),
        Some(first) if first.is_uppercase() && name.chars().any(char::is_lowercase) => snake(name),
        Some(first) if first.is_uppercase() => name.to_lowercase(),
        Some(_) => name.to_owned(),
    }
}

/// `CapWords` as `cap_words`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before: Option<char> = None;
    for c in name.chars() {
        if c.is_uppercase() && before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit()) {
            out.push('_');
        }
        out.extend(c.to_lowercase());
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_legal_and_free() {
        let mut names = Names::new();
        let taken =
            ["/Relu_1", "relu", "relu", "0", "Input.1", "ImageData", "X", "", "_x_", "é", "loss", "layers.0.fc"]
                .map(|wanted| names.take(wanted));
        let expected = [
            "relu_1",
            "relu_2",
            "relu_3",
            "h0",
            "input_1",
            "image_data",
            "x",
            "h",
            "x_2",
            "h_2",
            "loss_2",
            "layers_0_fc",
        ];
        assert_eq!(taken, expected);
    }
}
