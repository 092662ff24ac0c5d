//! Names of another program made legal and free in `.nn`.

use std::collections::BTreeSet;

use crate::{library, ops};

/// Words that begin a statement or clause, and what the checker itself defines: they would be read as something else, or hidden.
const WORDS: &[&str] = &[
    "import",
    "const",
    "fn",
    "layer",
    "input",
    "param",
    "for",
    "if",
    "in",
    "else",
    "return",
    "assert",
    "training",
    "and",
    "or",
    "not",
    "true",
    "false",
    "frozen",
    "loss",
    "metric",
    "output",
    "state",
    "update",
    "data",
    "train",
    "test",
    "weight",
    "lr",
    "decay",
    "from",
    "as",
    "where",
    "shape",
    "rank",
    "size",
    "len",
    "is_list",
    "is_str",
    "tensor",
    "close",
    "gradients_match",
    "grad",
    "ema",
    "scan",
    "einsum",
    "rearrange",
    "file",
    "prim",
    "batch",
    "f32",
    "i32",
    "bool",
    "index",
];

/// The names that are taken.
pub struct Names(BTreeSet<String>);

impl Names {
    /// Those of the language and of its library.
    pub fn new() -> Names {
        let words = WORDS.iter().map(|word| (*word).to_owned());
        let primitives = ops::all().map(|primitive| primitive.op.0.to_owned());
        let lines = library::SOURCES.iter().flat_map(|(_, text)| text.lines());
        let defined = lines.filter_map(|line| line.strip_prefix("fn ").or_else(|| line.strip_prefix("layer ")));
        let defined = defined.filter_map(|rest| Some(rest.split_once('(')?.0.to_owned()));
        Names(words.chain(primitives).chain(defined).collect())
    }

    /// A free name for an input or output: like `wanted`, or like `short` if that means something in the language already.
    pub fn take_role(&mut self, wanted: &str, short: &str) -> String {
        let meant = self.0.contains(&legal(wanted));
        self.take(if meant { short } else { wanted })
    }

    /// A free name like `wanted`, which is taken from now on.
    pub fn take(&mut self, wanted: &str) -> String {
        self.claim(&legal(wanted))
    }

    /// A free name: `name`, which is legal, or that with a number.
    pub fn claim(&mut self, name: &str) -> String {
        let free = |name: &String| !self.0.contains(name);
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let found = std::iter::once(name.to_owned()).chain(numbered).find(free).expect("numbers do not end");
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
