//! The table of codes. A code is never renumbered or given another meaning.
//!
//! Each code has a page in `docs/errors/`, embedded here, which `nnlc explain` shows: what it means, a wrong and a right program.

use std::fmt;

use super::Severity;

/// A stable code such as `E0102`. Made only by the table below.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code(&'static str);

impl Code {
    /// The code's text.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// Errors begin with `E`, warnings with `W`.
    pub fn severity(self) -> Severity {
        if self.0.starts_with('W') { Severity::Warning } else { Severity::Error }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct CodeInfo {
    /// The code.
    pub code: Code,
    /// What it means, in a few words.
    pub summary: &'static str,
    /// The page that `nnlc explain` shows, in Markdown.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident $summary:literal)*) => {
        impl Code {
            $(#[doc = $summary] pub const $name: Code = Code(stringify!($name));)*
        }

        /// All codes in ascending order.
        pub static TABLE: &[CodeInfo] = &[
            $(CodeInfo {
                code: Code::$name,
                summary: $summary,
                page: include_str!(concat!("../../docs/errors/", stringify!($name), ".md")),
            },)*
        ];
    };
}

codes! {
    E0100 "text that is not valid UTF-8 or holds a stray character"
    E0101 "unclosed delimiter"
    E0102 "unknown name"
    E0103 "no loss declared"
    E0104 "unknown argument"
    E0105 "missing or surplus argument"
    E0106 "duplicate definition"
    E0107 "a value needs itself"
    E0108 "layer and function confused"
    E0109 "unexpected token"
    E0110 "`if` on a tensor"
    E0111 "nesting too deep"
    E0112 "name used before it is bound"
    E0113 "statement in the wrong place"
    E0114 "an argument of the wrong kind"
    E0115 "a compile-time value was needed"
    E0116 "a part of the language that is not supported yet"
    E0117 "an assertion fails"
    E0201 "contraction sizes differ"
    E0202 "shapes cannot be combined elementwise"
    E0203 "both sides would stretch"
    E0204 "a built-in loss got two shapes"
    E0205 "a size is negative, fractional or too large"
    E0206 "wrong rank"
    E0207 "spatial size below 1"
    E0208 "reshape changes the number of elements"
    E0209 "no such axis"
    E0210 "concatenated parts differ off the axis"
    E0211 "a `where` clause fails"
    E0212 "dimension cannot be inferred"
    E0213 "sizes cannot be proved equal"
    E0214 "parameter size depends on a run-time size"
    E0215 "returned shape is not the declared one"
    E0216 "`if`, `for` or `scan` changes a shape"
    E0217 "shared layer given another shape"
    E0218 "an argument's shape is not the declared one"
    E0301 "dtype misfit"
    E0302 "class counts differ"
    E0401 "data does not match the input"
    E0402 "input never fed"
    E0403 "file missing or unreadable"
    E0502 "loss trains nothing"
    W0503 "parameter gets no gradient"
    W0504 "step-like operation on the gradient's path"
    W0505 "softmax before a cross entropy that applies it"
    W0506 "unsafe at zero"
    E0507 "parameter in no group of losses"
    W0508 "losses reduced differently"
    E0509 "bad `grad`"
    W0510 "label stretched against a larger prediction"
    E0511 "per-sample value in `update`"
    W0512 "logits where probabilities are taken"
    W0601 "output needs a label"
    E0602 "loss but no output"
    W0603 "randomness left in Runtime"
    W0604 "unused value, input or import"
    W0605 "output depends on other samples"
    W0606 "output is a logit"
    W0607 "an `allow` that silences nothing"
    W0608 "argument that its definition never reads"
    E0609 "operation that a format does not have"
    E0701 "import cycle or missing file"
    E0801 "bad training setting"
    E0802 "a value became NaN or infinite"
    E0803 "weights do not fit the program"
    E0804 "results could not be written"
    W0805 "the training set says which epoch is best"
}

/// The table's row of the code written `text`, in any case.
pub fn info(text: &str) -> Option<&'static CodeInfo> {
    TABLE.iter().find(|row| row.code.as_str().eq_ignore_ascii_case(text))
}
