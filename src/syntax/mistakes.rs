//! The mistakes that people make, recognised around the token that the grammar stopped at. Each check is a few tokens wide and
//! answers with what to write; where none knows better, `explain` says what was expected.

use super::explain::{FORMS, Failure, shorten};
use super::grammar::{self, Rule};
use super::recover::Place;
use super::tokens::TokenKind;
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic, Edit, Fix};
use crate::source::Span;

impl Failure<'_, '_> {
    /// What was probably meant, if it is one of the known mistakes.
    pub fn mistake(&self, expected: &[Rule]) -> Option<Diagnostic> {
        self.other_language()
            .or_else(|| self.foreign_form())
            .or_else(|| self.lone_else())
            .or_else(|| self.block_by_colon())
            .or_else(|| self.shape_on_binding())
            .or_else(|| self.reserved_word(expected))
            .or_else(|| self.first_word())
            .or_else(|| self.half_number())
            .or_else(|| self.bad_escape())
            .or_else(|| self.tuple())
            .or_else(|| self.chained_comparison())
            .or_else(|| self.operator_after_pipe())
            .or_else(|| self.assignment())
            .or_else(|| self.bound_part())
            .or_else(|| self.missing_else(expected))
            .or_else(|| self.value_alone())
            .or_else(|| self.side_by_side(expected))
    }

    pub(super) fn word(&self, at: usize) -> &str {
        if self.range.contains(&at) { self.stream.word(at) } else { "" }
    }

    pub(super) fn kind(&self, at: usize) -> Option<TokenKind> {
        if self.range.contains(&at) { self.stream.kind(at) } else { None }
    }

    pub(super) fn error(&self, at: usize, title: impl Into<String>, label: impl Into<String>) -> Diagnostic {
        Diagnostic::at(Code::E0109, self.span(at), title, label)
    }

    /// The tokens before the one found that lie in the same bracket, nearest first; a bracket in between counts as its closer.
    fn before(&self) -> Vec<usize> {
        let mut positions = Vec::new();
        let mut at = self.found;
        while at > self.range.start {
            at -= 1;
            let token = self.stream.tokens[at];
            if token.kind.is_opener() {
                break;
            }
            positions.push(at);
            if let (true, Some(partner)) = (token.kind.opener().is_some(), token.partner) {
                at = partner as usize;
            }
        }
        positions
    }

    /// The bracket around the token found.
    pub(super) fn opener(&self) -> Option<usize> {
        let first = self.before().last().map_or(self.found, |last| {
            let token = self.stream.tokens[*last];
            token.partner.filter(|_| token.kind.opener().is_some()).map_or(*last, |partner| partner as usize)
        });
        first.checked_sub(1).filter(|at| self.kind(*at).is_some_and(TokenKind::is_opener))
    }

    /// Whether the bracket at `at` holds arguments or indices rather than standing by itself.
    pub(super) fn is_call(&self, at: usize) -> bool {
        at > self.range.start && self.stream.ends_operand(at - 1)
    }

    /// `else` behind something that is no `if` block.
    fn lone_else(&self) -> Option<Diagnostic> {
        if self.found != self.range.start || self.word(self.found) != "else" {
            return None;
        }
        Some(
            self.error(self.found, "this `else` belongs to no `if`", "no block of an `if` ends before it")
                .help("write `if condition { ... } else { ... }`"),
        )
    }

    /// `if x:` and its like.
    fn block_by_colon(&self) -> Option<Diagnostic> {
        let blocks = ["if", "for", "fn", "layer", "test", "train", "data", "else"];
        let last = self.stream.tokens.get(self.found + 1).is_none_or(|next| next.starts_line);
        if self.kind(self.found)? != TokenKind::Colon || !last || !blocks.contains(&self.word(self.range.start)) {
            return None;
        }
        Some(
            self.error(self.found, "a block stands in braces", "unexpected `:`")
                .help("write `{` here, and `}` on a line of its own behind the block"),
        )
    }

    /// `x: [3] = 4`.
    fn shape_on_binding(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        if self.found != first + 1 || self.kind(first)? != TokenKind::Name || self.kind(self.found)? != TokenKind::Colon
        {
            return None;
        }
        let name = self.word(first);
        Some(
            self.error(self.found, "a bound name has the type of its value", "unexpected `:`")
                .help(format!(
                    "to read `{name}` from data, write `input {name}: ...`; to train it, `param {name}: ...`"
                ))
                .help(format!("to check the shape of a value, write `{name} = value as [2, 3]`")),
        )
    }

    /// A keyword where a name or a value belongs.
    fn reserved_word(&self, expected: &[Rule]) -> Option<Diagnostic> {
        let wanted = |rules: &[Rule]| expected.iter().any(|rule| rules.contains(rule));
        if self.kind(self.found)? != TokenKind::Keyword {
            // `input = 3`: the name was taken for the keyword.
            let keyword = self.found.checked_sub(1).filter(|at| *at == self.range.start)?;
            if self.kind(keyword)? != TokenKind::Keyword || self.kind(self.found)? != TokenKind::Assign {
                return None;
            }
            return Some(self.names_nothing(keyword));
        }
        let name =
            [Rule::name, Rule::names, Rule::arg, Rule::path, Rule::call_arg, Rule::expr, Rule::postfix, Rule::neg];
        let word = self.word(self.found);
        let operator = matches!(word, "and" | "or" | "in" | "else" | "not" | "if");
        if operator || !wanted(&name) || self.stream.tokens[self.found].starts_line {
            return None;
        }
        Some(self.names_nothing(self.found))
    }

    fn names_nothing(&self, at: usize) -> Diagnostic {
        let word = self.word(at);
        let other = format!("choose another name, such as `{word}_`");
        self.error(at, format!("`{word}` is a word of the language and names no value"), "a name should stand here")
            .help(match word {
                "loss" => format!("to mean a loss, name it where it is declared, `loss fit = ...`; else {other}"),
                _ => other,
            })
    }

    /// `outputs y`, `parameter w: [4]`: two names beside each other, the first of them nearly a word that begins a statement.
    fn first_word(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        let is_name = |at: usize| self.kind(at) == Some(TokenKind::Name);
        if self.found != first + 1
            || !is_name(first)
            || !is_name(self.found)
            || self.stream.tokens[self.found].starts_line
        {
            return None;
        }
        let word = self.word(first);
        let known = || FORMS.iter().map(|(keyword, _)| *keyword);
        let longer = known().find(|keyword| keyword.len() > 3 && word.starts_with(keyword));
        let meant = longer.or_else(|| closest(word, known()))?;
        let diagnostic = self.error(first, format!("`{word}` begins no statement"), format!("`{meant}` does"));
        Some(diagnostic.fix(format!("write `{meant}`"), self.span(first), meant, Applicability::Maybe))
    }

    /// `.5` and `5.`.
    fn half_number(&self) -> Option<Diagnostic> {
        let touches = |left: usize, right: usize| {
            self.range.contains(&right) && self.stream.tokens[left].end == self.stream.tokens[right].start
        };
        let title = "a point has digits on both sides";
        let found = self.found;
        if self.kind(found) == Some(TokenKind::Dot)
            && self.kind(found + 1) == Some(TokenKind::Number)
            && touches(found, found + 1)
        {
            let span = self.span(found).to(self.span(found + 1));
            let text = format!("0.{}", self.word(found + 1));
            let fix = format!("write `{text}`");
            return Some(Diagnostic::at(Code::E0109, span, title, "no digit before the point").fix(
                fix,
                span,
                text,
                Applicability::Certain,
            ));
        }
        let dot = found.checked_sub(1).filter(|at| self.kind(*at) == Some(TokenKind::Dot))?;
        let number = dot.checked_sub(1).filter(|at| self.kind(*at) == Some(TokenKind::Number))?;
        if !touches(number, dot) {
            return None;
        }
        let span = self.span(number).to(self.span(dot));
        let text = format!("{}.0", self.word(number));
        let fix = format!("write `{text}`");
        Some(Diagnostic::at(Code::E0109, span, title, "no digit behind the point").fix(
            fix,
            span,
            text,
            Applicability::Certain,
        ))
    }

    /// `"C:\data"`.
    fn bad_escape(&self) -> Option<Diagnostic> {
        if self.kind(self.found)? != TokenKind::Str {
            return None;
        }
        let mut chars = self.word(self.found).char_indices();
        while let Some((at, c)) = chars.next() {
            let Some((_, escaped)) = (if c == '\\' { chars.next() } else { None }) else { continue };
            if !matches!(escaped, 'n' | 't' | 'r' | '\\' | '"') {
                let start = self.span(self.found).start as usize + at;
                let span = Span::new(self.file, start, start + 1 + escaped.len_utf8());
                return Some(
                    Diagnostic::at(Code::E0109, span, format!("unknown escape `\\{escaped}`"), "in this string")
                        .note("the escapes are `\\n`, `\\t`, `\\r`, `\\\\` and `\\\"`")
                        .fix(
                            "write `\\\\` for a backslash",
                            Span { end: span.start + 1, ..span },
                            "\\\\",
                            Applicability::Maybe,
                        ),
                );
            }
        }
        None
    }

    /// `(a, b)`.
    fn tuple(&self) -> Option<Diagnostic> {
        let title = "there are no tuples";
        if self.found == self.range.start && self.kind(self.found)? == TokenKind::OpenParen {
            return Some(
                self.error(self.found, title, "a statement begins with no bracket")
                    .help("bind several results without parentheses: `mu, sigma = encode(x)`"),
            );
        }
        let opener = self.opener()?;
        if self.kind(self.found)? != TokenKind::Comma
            || self.kind(opener)? != TokenKind::OpenParen
            || self.is_call(opener)
        {
            return None;
        }
        Some(
            self.error(self.found, title, "unexpected `,`")
                .label(self.span(opener), "this parenthesis holds one value")
                .help("a list is written `[a, b]`; several results are returned without parentheses: `return a, b`"),
        )
    }

    /// `a < b < c`.
    fn chained_comparison(&self) -> Option<Diagnostic> {
        let comparison = |at: usize| matches!(self.word(at), "==" | "!=" | "<" | "<=" | ">" | ">=");
        if !comparison(self.found) {
            return None;
        }
        let first = self.before().into_iter().take_while(|at| !self.ends_comparison(*at)).find(|at| comparison(*at))?;
        if first + 1 >= self.found {
            return None;
        }
        let middle = self.span(first + 1).to(self.span(self.found - 1));
        let text = &self.stream.text[middle.range()];
        Some(
            self.error(self.found, "comparisons do not chain", "a second comparison")
                .label(self.span(first), "the first one")
                .fix(
                    format!("write `and {}` in between", shorten(text)),
                    middle.after(),
                    format!(" and {text}"),
                    Applicability::Certain,
                ),
        )
    }

    fn ends_comparison(&self, at: usize) -> bool {
        matches!(self.word(at), "and" | "or" | "not" | "," | "=" | "|>" | "if" | "assert" | "return" | "where" | ":")
    }

    /// `x |> f + 1`.
    fn operator_after_pipe(&self) -> Option<Diagnostic> {
        let operator = self.kind(self.found)? == TokenKind::Operator
            || self.kind(self.found)? == TokenKind::DotDot
            || matches!(self.word(self.found), "and" | "or");
        let before: Vec<usize> =
            self.before().into_iter().take_while(|at| !matches!(self.word(*at), "," | "=" | "return")).collect();
        let pipe = *before.iter().find(|at| self.word(**at) == "|>")?;
        if !operator || pipe + 1 >= self.found {
            return None;
        }
        let first = *before.last()?;
        let start = self.stream.tokens[first].partner.map_or(first, |partner| partner as usize).min(first);
        let (open, close) = (self.span(start), self.span(self.found - 1).after());
        let mut diagnostic = self
            .error(self.found, format!("`|>` ends before `{}`", self.word(self.found)), "what follows `|>` is one call")
            .label(self.span(pipe), "binds loosest of all")
            .help("put the whole pipe in parentheses, or bind it to a name first");
        diagnostic.fixes.push(Fix {
            title: "put the pipe in parentheses".to_owned(),
            edits: vec![
                Edit { span: Span { end: open.start, ..open }, text: "(".to_owned() },
                Edit { span: close, text: ")".to_owned() },
            ],
            applicability: Applicability::Maybe,
        });
        Some(diagnostic)
    }

    /// `=` inside an expression, or behind something that is no name.
    fn assignment(&self) -> Option<Diagnostic> {
        if self.kind(self.found)? != TokenKind::Assign {
            return None;
        }
        let heads = [Rule::piece_if, Rule::piece_for, Rule::piece_return, Rule::piece_fn, Rule::piece_layer];
        let inside = self.opener().is_some()
            || heads.contains(&self.rule)
            || matches!(self.word(self.range.start), "assert" | "if");
        if inside {
            return Some(self.error(self.found, "a comparison is written `==`", "`=` binds a name").fix(
                "write `==`",
                self.span(self.found),
                "==",
                Applicability::Maybe,
            ));
        }
        let before = self.before();
        if before.iter().any(|at| self.kind(*at) == Some(TokenKind::Assign)) {
            return Some(
                self.error(self.found, "a statement binds once", "a second `=`")
                    .help("bind each name on a line of its own; a comparison is written `==`"),
            );
        }
        None
    }

    /// `x[0] = 3`, `f(x) = 3`.
    fn bound_part(&self) -> Option<Diagnostic> {
        let first = self.range.start;
        let suffix = matches!(self.kind(self.found)?, TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::Dot);
        if self.found != first + 1 || self.kind(first)? != TokenKind::Name || !suffix {
            return None;
        }
        let mut at = self.found;
        while self.kind(at)? != TokenKind::Assign {
            at = self.stream.tokens[at].partner.map_or(at, |partner| partner as usize) + 1;
        }
        let target = self.span(first).to(self.span(at - 1));
        let diagnostic = Diagnostic::at(Code::E0109, target, "only a name can be bound", "not a name");
        Some(if self.kind(self.found) == Some(TokenKind::OpenParen) {
            diagnostic.help(format!("a function is defined by `fn {} = ...`", &self.stream.text[target.range()]))
        } else {
            diagnostic
                .note("values are never changed; a name may be bound again")
                .help("build the new value as a whole, with `concatenate`, `where` or `pad`, and bind it")
        })
    }

    /// An `if` that gives a value in one case only.
    fn missing_else(&self, expected: &[Rule]) -> Option<Diagnostic> {
        if !expected.contains(&Rule::kw_else) || self.rule == Rule::program && self.word(self.range.start) == "if" {
            return None;
        }
        let at = self.found.min(self.range.end) - 1;
        Some(
            self.error(at, "an `if` that gives a value needs an `else`", "`else` should follow")
                .help("write `if condition { a } else { b }`"),
        )
    }

    /// `print(y)`, `x |> relu`: an expression that stands as a statement.
    fn value_alone(&self) -> Option<Diagnostic> {
        if self.rule != Rule::program || self.kind(self.range.start)? == TokenKind::Keyword {
            return None;
        }
        let span = self.span(self.range.start).to(self.span(self.range.end - 1));
        grammar::parse(Rule::piece_expr, &self.stream.text[span.range()]).ok()?;
        let diagnostic = Diagnostic::at(Code::E0109, span, "this value is not used", "a value is no statement");
        let closes = self.stream.kind(self.range.end) == Some(TokenKind::CloseBrace);
        Some(if self.place == Place::Function && closes {
            let start = Span { end: span.start, ..span };
            diagnostic.fix("return it", start, "return ", Applicability::Certain)
        } else {
            diagnostic.help("bind it to a name: `h = ...`; or declare it: `output name = ...`, `loss = ...`")
        })
    }

    /// Two values side by side: a comma or a `|>` is missing. A second name is taken for the start of a statement, so that the
    /// grammar stops one token late.
    fn side_by_side(&self, expected: &[Rule]) -> Option<Diagnostic> {
        let wants = |rule: Rule| expected.contains(&rule);
        let late = wants(Rule::assign)
            && wants(Rule::comma)
            && self.found > self.range.start + 1
            && self.kind(self.found - 1) == Some(TokenKind::Name)
            && self.stream.ends_operand(self.found - 2)
            && !matches!(self.word(self.found - 1), "as" | "from" | "lr" | "decay" | "weight");
        let at = if late { self.found - 1 } else { self.found };
        let value = matches!(self.kind(at)?, TokenKind::Name | TokenKind::Number | TokenKind::Str);
        let before = at.checked_sub(1).filter(|at| self.range.contains(at) && self.stream.ends_operand(*at))?;
        let bracket = self.opener().filter(|opener| self.kind(*opener) != Some(TokenKind::OpenBrace));
        if !value || self.stream.tokens[at].starts_line && bracket.is_none() {
            return None;
        }
        let word = shorten(self.word(at));
        let gap = self.span(before).after();
        if bracket.is_some() {
            let title = format!("expected `,` before `{word}`");
            return Some(self.error(at, title, "a second value").fix("write `,`", gap, ",", Applicability::Maybe));
        }
        if !late && !wants(Rule::arithmetic_op) {
            return None;
        }
        let diagnostic = self.error(at, format!("expected an operator before `{word}`"), "a second value");
        Some(if self.kind(at + 1) == Some(TokenKind::OpenParen) {
            diagnostic.fix("write `|>` to pass the value on", gap, " |>", Applicability::Maybe)
        } else {
            diagnostic.help("a product is written `a * b`; two statements stand on two lines")
        })
    }
}
