//! Statements and calls that are almost those of the language: the form is another framework's, or a part of it is missing. What is
//! wrong within an expression is in `mistakes`.

use super::explain::Failure;
use super::tokens::TokenKind;
use crate::diagnostic::{Applicability, Diagnostic};

impl Failure<'_, '_> {
    /// What was probably meant, if the statement or call is one of the known forms.
    pub fn foreign_form(&self) -> Option<Diagnostic> {
        self.one_argument_list()
            .or_else(|| self.two_outputs())
            .or_else(|| self.metric_without_name())
            .or_else(|| self.classes_in_parentheses())
            .or_else(|| self.sizes_without_brackets())
            .or_else(|| self.braces_bound())
            .or_else(|| self.training_as_argument())
            .or_else(|| self.named_by_colon())
            .or_else(|| self.foreign_pipe())
    }

    /// `layer Head(h) { ... }`.
    fn one_argument_list(&self) -> Option<Diagnostic> {
        let list = self.range.start + 2;
        if self.word(self.range.start) != "layer" || self.kind(list)? != TokenKind::OpenParen {
            return None;
        }
        let close = self.stream.tokens[list].partner? as usize;
        if self.found != close + 1 || self.kind(self.found) == Some(TokenKind::OpenParen) {
            return None;
        }
        let span = self.span(list).to(self.span(close));
        let (name, args) = (self.word(self.range.start + 1), &self.stream.text[span.range()]);
        let diagnostic = self.error(list, "a layer has two argument lists", "only one here");
        Some(
            diagnostic
                .help(format!("write `layer {name}(){args}` if these are its tensors"))
                .note("the first list holds hyperparameters and may be empty, the second one tensors"),
        )
    }

    /// `output a, b`.
    fn two_outputs(&self) -> Option<Diagnostic> {
        let (word, comma) = (self.word(self.range.start), self.kind(self.found)? == TokenKind::Comma);
        if word != "output" || !comma || self.found != self.range.start + 2 {
            return None;
        }
        let first = self.word(self.range.start + 1);
        let diagnostic = self.error(self.found, "an `output` declares one value", "unexpected `,`");
        Some(
            diagnostic
                .help(format!("write `output {first}`, and an `output` on a line of its own for each other value")),
        )
    }

    /// `metric = accuracy(logits, y)`.
    fn metric_without_name(&self) -> Option<Diagnostic> {
        let start = self.range.start;
        if self.word(start) != "metric" || self.kind(self.found)? != TokenKind::Assign || self.found != start + 1 {
            return None;
        }
        let diagnostic = self.error(self.found, "a metric has a name", "the name should stand before this");
        Some(diagnostic.help("write it like `metric error = mean(abs(y - t))`; the name is what a run reports it by"))
    }

    /// `index(10)` as a type.
    fn classes_in_parentheses(&self) -> Option<Diagnostic> {
        let before = self.found.checked_sub(1)?;
        let is_type = before.checked_sub(1).is_some_and(|at| self.kind(at) == Some(TokenKind::Colon));
        if self.word(before) != "index" || !is_type {
            return None;
        }
        if !matches!(self.kind(self.found)?, TokenKind::OpenParen | TokenKind::OpenBracket) {
            return None;
        }
        let close = self.stream.tokens[self.found].partner? as usize;
        let whole = self.span(self.found).to(self.span(close));
        let inside = self.stream.text[whole.range()].trim_matches(['(', ')', '[', ']']).trim();
        let text = format!("<{inside}>");
        Some(self.error(self.found, "the number of classes stands in angle brackets", "should be `<`").fix(
            format!("write `index{text}`"),
            whole,
            text,
            Applicability::Maybe,
        ))
    }

    /// `input x: (28, 28)`, `input x: 28`.
    fn sizes_without_brackets(&self) -> Option<Diagnostic> {
        let declares = matches!(self.word(self.range.start), "input" | "param" | "state");
        if !declares || self.kind(self.found.checked_sub(1)?)? != TokenKind::Colon {
            return None;
        }
        let (whole, inside) = match self.kind(self.found)? {
            TokenKind::OpenParen => {
                let close = self.stream.tokens[self.found].partner? as usize;
                let whole = self.span(self.found).to(self.span(close));
                (whole, self.stream.text[whole.range()].trim_matches(['(', ')', ' ', ',']))
            }
            TokenKind::Number => (self.span(self.found), self.word(self.found)),
            _ => return None,
        };
        let text = format!("[{inside}]");
        let diagnostic = self.error(self.found, "sizes stand in square brackets", "a type should stand here");
        Some(diagnostic.fix(format!("write `{text}`"), whole, text, Applicability::Maybe))
    }

    /// `train = { ... }`, `data train = { ... }`.
    fn braces_bound(&self) -> Option<Diagnostic> {
        let word = self.word(self.range.start);
        let assign = self.found.checked_sub(1)?;
        if !matches!(word, "train" | "data")
            || self.kind(self.found)? != TokenKind::OpenBrace
            || self.kind(assign)? != TokenKind::Assign
            || assign > self.range.start + 2
        {
            return None;
        }
        let diagnostic = self.error(assign, "a block in braces is not bound", "unexpected `=`");
        Some(diagnostic.fix("remove it", self.span(assign), "", Applicability::Maybe))
    }

    /// `Dropout(0.5, training = true)`.
    fn training_as_argument(&self) -> Option<Diagnostic> {
        let word = self.found.checked_sub(1)?;
        if self.word(word) != "training" || self.kind(self.found)? != TokenKind::Assign || self.opener().is_none() {
            return None;
        }
        Some(
            self.error(word, "`training` is no argument", "the compiler sets it for each network")
                .help("leave it out; what differs in training is written `if training { ... } else { ... }`"),
        )
    }

    /// `adam(lr: 1e-3)`.
    fn named_by_colon(&self) -> Option<Diagnostic> {
        let (opener, name) = (self.opener()?, self.found.checked_sub(1)?);
        let first = name == opener + 1 || self.kind(name.checked_sub(1)?)? == TokenKind::Comma;
        if self.kind(self.found)? != TokenKind::Colon
            || self.kind(opener)? != TokenKind::OpenParen
            || !self.is_call(opener)
            || self.kind(name)? != TokenKind::Name
            || !first
        {
            return None;
        }
        Some(self.error(self.found, "a named argument is written with `=`", "unexpected `:`").fix(
            "write `=`",
            self.span(self.found),
            " =",
            Applicability::Maybe,
        ))
    }

    /// `x -> f`, `x >> f`.
    fn foreign_pipe(&self) -> Option<Diagnostic> {
        let before = self.found.checked_sub(1)?;
        let touching = || self.span(before).end == self.span(self.found).start;
        let span = match (self.word(before), self.word(self.found)) {
            (">", ">") if touching() => self.span(before).to(self.span(self.found)),
            (_, "->") if self.stream.ends_operand(before) && self.holds_assign(self.found) => self.span(self.found),
            _ => return None,
        };
        let mut diagnostic = self.error(self.found, "a value is passed on by `|>`", "unexpected");
        for label in &mut diagnostic.labels {
            label.span = span;
        }
        Some(diagnostic.fix("write `|>`", span, "|>", Applicability::Maybe))
    }

    /// Whether the statement binds something before the token `at`.
    fn holds_assign(&self, at: usize) -> bool {
        (self.range.start..at).any(|at| self.kind(at) == Some(TokenKind::Assign))
    }
}
