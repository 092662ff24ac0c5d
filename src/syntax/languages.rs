//! What stands in programs of other languages, most of all Python: `def`, `class`, `import numpy`, `lambda`, comprehensions, `a if c else
//! b`. The forms of other frameworks are in `forms`.

use super::explain::Failure;
use super::tokens::TokenKind;
use crate::diagnostic::{Applicability, Diagnostic};

/// Packages that a program of another language begins with.
const PACKAGES: [&str; 20] = [
    "collections",
    "functools",
    "itertools",
    "jax",
    "keras",
    "math",
    "matplotlib",
    "nnabla",
    "np",
    "numpy",
    "os",
    "pandas",
    "random",
    "scipy",
    "sklearn",
    "sys",
    "tensorflow",
    "torch",
    "torchvision",
    "typing",
];

impl Failure<'_, '_> {
    /// What another language's form is here, if this is one.
    pub fn other_language(&self) -> Option<Diagnostic> {
        self.foreign_statement()
            .or_else(|| self.package())
            .or_else(|| self.comprehension())
            .or_else(|| self.identity())
            .or_else(|| self.documentation())
            .or_else(|| self.prefixed_string())
            .or_else(|| self.method_alone())
            .or_else(|| self.conditional())
    }

    /// Statements of other languages, by their first word.
    fn foreign_statement(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        let lambda = (self.found.saturating_sub(2)..=self.found).find(|at| self.word(*at) == "lambda");
        if let Some(at) = lambda {
            return Some(
                self.error(at, "there are no functions without a name", "`lambda` is no word of the language")
                    .help("write `fn f(x) = x + 1` on a line of its own, and pass `f`"),
            );
        }
        if self.found > first + 1
            || self.kind(first)? != TokenKind::Name
            || matches!(self.kind(first + 1), Some(TokenKind::Assign | TokenKind::Dot))
        {
            return None;
        }
        let (means, help) = match self.word(first) {
            "def" | "function" | "func" | "fun" | "proc" => {
                return Some(
                    self.error(first, "a function is defined by `fn`", "not a statement of this language").help(
                        match self.plain_head(first + 1) {
                            Some(head) => format!("write `fn {head} {{ ... }}`; its last line is `return ...`"),
                            None => "write it like `fn f(x, k = 2) { return k * x }`".to_owned(),
                        },
                    ),
                );
            }
            "class" | "struct" | "module" | "model" => {
                ("a layer is defined by `layer`", "layer Block(width)(x) { return x |> Affine(width) |> relu }")
            }
            "let" | "var" | "val" | "auto" => ("a name is bound by `=` alone", "h = x |> relu"),
            "while" | "loop" | "repeat" => {
                ("loops run over a list or a range known beforehand", "for i in 0..4 { h = h |> Affine(8) }")
            }
            "elif" | "elseif" | "elsif" => {
                ("a further case is `else if`, behind the `}`", "if a { y = 1 } else if b { y = 2 }")
            }
            "from" | "use" | "include" | "using" => ("files are imported by their path", "import \"blocks.nn\": Block"),
            "print" | "println" | "printf" => {
                ("a network prints nothing; a metric is reported after each epoch", "metric size = mean(abs(h))")
            }
            "try" | "with" | "raise" | "throw" => {
                ("a condition is checked by `assert`, before anything runs", "assert n > 0, \"why\"")
            }
            "pass" => ("an empty block needs no word", "fn same(x) { return x }"),
            "break" | "continue" => {
                ("a loop runs all of its rounds", "for i in 0..4 { if i < 2 { h = h |> Affine(8) } }")
            }
            _ => return None,
        };
        Some(self.error(first, means, "not a statement of this language").help(format!("write it like `{help}`")))
    }

    /// `f(a, b = 2)`, as it stands from `at` on, when it holds nothing that a `fn` could not.
    fn plain_head(&self, at: usize) -> Option<&str> {
        let close = self.stream.tokens.get(at + 1)?.partner? as usize;
        if self.kind(at)? != TokenKind::Name || (at + 2..close).any(|inner| self.kind(inner) == Some(TokenKind::Colon))
        {
            return None;
        }
        Some(&self.stream.text[self.span(at).to(self.span(close)).range()])
    }

    /// `import numpy as np`, and `import blocks`.
    fn package(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        if self.word(first) != "import" || self.found != first + 1 || self.kind(self.found)? != TokenKind::Name {
            return None;
        }
        let name = self.word(self.found);
        if PACKAGES.contains(&name) {
            let title = format!("there is no package `{name}` to import");
            let diagnostic = self.error(self.found, title, "an import names a `.nn` file");
            return Some(diagnostic.help("remove the line: the library's functions and layers are known everywhere"));
        }
        let path = format!("\"{name}.nn\"");
        let diagnostic = self.error(self.found, "a file is imported by its path", "a string should stand here");
        let fix = format!("write `{path}`");
        Some(diagnostic.fix(fix, self.span(self.found), path, Applicability::Maybe))
    }

    /// `[2 * x for x in xs]`.
    fn comprehension(&self) -> Option<Diagnostic> {
        let list = self.opener().is_some_and(|opener| self.kind(opener) == Some(TokenKind::OpenBracket));
        if self.word(self.found) != "for" || !list {
            return None;
        }
        Some(
            self.error(self.found, "a list is not made by a `for` inside it", "unexpected `for`")
                .help("let it grow in a loop: `ys = []` and `for x in xs { ys = ys + [2 * x] }`")
                .help("a function of a tensor is applied to all its elements at once: `2 * x`"),
        )
    }

    /// `a is b`, `a is not b`.
    fn identity(&self) -> Option<Diagnostic> {
        let at = (self.found.saturating_sub(1)..=self.found).find(|at| self.word(*at) == "is")?;
        if at == self.range.start || !self.stream.ends_operand(at - 1) {
            return None;
        }
        let (span, right) = match self.word(at + 1) {
            "not" => (self.span(at).to(self.span(at + 1)), "!="),
            _ => (self.span(at), "=="),
        };
        let diagnostic = self.error(at, "values are compared by `==` and `!=`", "no word of the language");
        Some(diagnostic.fix(format!("write `{right}`"), span, right, Applicability::Maybe))
    }

    /// A string that stands for itself: a comment in Python.
    fn documentation(&self) -> Option<Diagnostic> {
        if self.found != self.range.start || self.kind(self.found)? != TokenKind::Str {
            return None;
        }
        Some(
            self.error(self.found, "a string is no statement", "does nothing here")
                .help("a comment begins with `#`; `##` documents the item below it"),
        )
    }

    /// `f"..."`.
    fn prefixed_string(&self) -> Option<Diagnostic> {
        let at =
            (self.found.saturating_sub(1)..=self.found).find(|at| matches!(self.word(*at), "f" | "r" | "b" | "u"))?;
        if self.kind(at + 1)? != TokenKind::Str || self.span(at).end != self.span(at + 1).start {
            return None;
        }
        let diagnostic = self.error(at, "a string has no letter before it", "unexpected");
        let diagnostic = match self.word(at) {
            "f" => diagnostic.note("in the message of an `assert` or a `where`, `{n}` shows a value as it is"),
            _ => diagnostic,
        };
        Some(diagnostic.fix("remove it", self.span(at), "", Applicability::Maybe))
    }

    /// `loss.backward()`, `xs.append(x)`.
    fn method_alone(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        if self.kind(first + 1)? != TokenKind::Dot || self.kind(first + 3)? != TokenKind::OpenParen {
            return None;
        }
        let (value, method) = (self.word(first), self.word(first + 2));
        let title = format!("nothing is to be done by `{method}`");
        match method {
            "backward" | "step" | "zero_grad" | "fit" | "compile" | "minimize" | "eval" | "cuda" | "to" => Some(
                self.error(first + 2, title, "no statement of this language")
                    .note("gradients and steps are the compiler's: `nnlc run` trains what the file declares")
                    .help("remove the line; how it trains is written `train { optimizer = adam(lr = 1e-3) }`"),
            ),
            "append" | "extend" => Some(
                self.error(first + 2, "a list is never changed", "no statement of this language")
                    .help(format!("bind a longer one: `{value} = {value} + [x]`")),
            ),
            _ => None,
        }
    }

    /// `a if c else b`.
    fn conditional(&self) -> Option<Diagnostic> {
        let at = match self.word(self.found) {
            "if" => self.found,
            "else" => (self.range.start..self.found).rev().find(|at| self.word(*at) == "if")?,
            _ => return None,
        };
        let before = at.checked_sub(1)?;
        let braced = (at..self.found).any(|at| self.kind(at) == Some(TokenKind::OpenBrace));
        if self.stream.tokens[at].starts_line
            || braced
            || !self.range.contains(&before)
            || !self.stream.ends_operand(before)
        {
            return None;
        }
        let follows = (at..self.range.end).any(|at| self.word(at) == "else");
        follows.then(|| {
            self.error(at, "the condition of a choice stands first", "unexpected `if`")
                .help("write `if condition { a } else { b }`; for a tensor's elements, `where(condition, a, b)`")
        })
    }
}
