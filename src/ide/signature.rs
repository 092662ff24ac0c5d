//! The call around a place: what is called, what it takes, and which argument the place is in. Told by tokens, so that a call without an
//! end is enough.

use super::handbook;
use super::names::{Kind, SymbolId};
use super::view::{Syntax, View};
use super::words::{CALLABLE, READERS, RECORDS};
use crate::syntax::ast::{Stmt, StmtKind};
use crate::syntax::{Token, TokenKind};

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The head of what is called: `fn huber(x, t, delta = 1)`.
    pub label: String,
    /// Where each parameter of the list stands in the label, in bytes.
    pub parameters: Vec<(usize, usize)>,
    /// The parameter that the place gives.
    pub active: Option<usize>,
    /// What is called, in Markdown.
    pub doc: String,
}

/// A call that is being written.
pub(super) struct OpenCall {
    /// The name of what is called.
    pub callee: Token,
    /// Whether it is the second list of a layer.
    pub second: bool,
    /// Whether a value is piped into it.
    pub piped: bool,
    /// The names of the arguments before the place.
    pub named: Vec<String>,
    /// How many arguments stand before the place.
    pub before: usize,
    /// The name of the argument that the place is in.
    pub at: Option<String>,
}

/// A parameter as its signature has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// Where the text stands in the signature.
    pub place: (usize, usize),
    /// Whether it may be left out.
    pub optional: bool,
}

/// The call around byte `at`.
pub fn signature(view: &View, at: u32) -> Option<Signature> {
    let call = open_call(view.syntax, at)?;
    let (label, doc) = called(view, call.callee)?;
    let lists = parameters(&label);
    let is_layer = lists.len() > 1 || label.starts_with("layer ");
    let list = lists.get(usize::from(call.second && is_layer))?;
    let shift = usize::from(call.piped && (!is_layer || call.second));
    let active = match &call.at {
        Some(name) => list.iter().position(|parameter| parameter.name == *name),
        None if call.before + shift < list.len() => Some(call.before + shift),
        None => list.iter().position(|parameter| parameter.name.ends_with("...")),
    };
    Some(Signature { parameters: list.iter().map(|parameter| parameter.place).collect(), active, doc, label })
}

/// How what a name stands for is called, and its documentation.
pub(super) fn called(view: &View, callee: Token) -> Option<(String, String)> {
    let syntax = view.syntax;
    let name = syntax.token_text(callee);
    let span = syntax.span(callee.start, callee.end);
    if let Some((module, symbol)) = view.imported(span) {
        return defined(&module.syntax, symbol);
    }
    if let Some(own) = syntax.names.at(callee.start).filter(|own| own.span == span) {
        let kind = syntax.names.symbols[own.symbol].kind;
        return match kind {
            Kind::Function | Kind::Layer => defined(syntax, own.symbol),
            _ => None,
        };
    }
    if let Some(word) = CALLABLE.get(name).or_else(|| RECORDS.get(name)) {
        return Some((word.entry.signature.clone(), word.entry.doc.clone()));
    }
    let (call, told) = READERS.get(name)?.first()?;
    Some((call.clone(), told.clone()))
}

/// The head of a file's own definition, and its documentation.
pub(super) fn defined(syntax: &Syntax, symbol: SymbolId) -> Option<(String, String)> {
    let symbol = &syntax.names.symbols[symbol];
    let stmt = definition(&syntax.ast.items, *symbol.bindings.first()?)?;
    Some((handbook::signature(&syntax.ast, stmt, &syntax.text), symbol.doc.clone().unwrap_or_default()))
}

/// The definition whose name stands at `name`, among statements and what stands in them.
fn definition(stmts: &[Stmt], name: crate::source::Span) -> Option<&Stmt> {
    let around = |stmt: &&Stmt| stmt.span.start <= name.start && name.end <= stmt.span.end;
    let stmt = stmts.iter().find(around)?;
    match &stmt.kind {
        StmtKind::Fn(def) if def.name.span == name => Some(stmt),
        StmtKind::Layer(def) if def.name.span == name => Some(stmt),
        StmtKind::Const { name: own, .. } if own.span == name => Some(stmt),
        StmtKind::Layer(def) => definition(&def.body.stmts, name),
        StmtKind::Fn(def) => match &def.body {
            crate::syntax::ast::FnBody::Block(block) => definition(&block.stmts, name),
            crate::syntax::ast::FnBody::Exprs(_) => None,
        },
        StmtKind::For { body, .. } | StmtKind::Test { body, .. } => definition(&body.stmts, name),
        StmtKind::If { then, otherwise, .. } => {
            definition(&then.stmts, name).or_else(|| definition(&otherwise.as_ref()?.stmts, name))
        }
        _ => None,
    }
}

/// The innermost call whose list is open at byte `at`.
pub(super) fn open_call(syntax: &Syntax, at: u32) -> Option<OpenCall> {
    let end = syntax.tokens.partition_point(|token| token.start < at);
    let inside = |token: &Token| token.start < at && at < token.end;
    let last = syntax.tokens[..end].last()?;
    if inside(last) && (last.kind == TokenKind::Str || last.kind.is_trivia() && last.kind != TokenKind::Whitespace) {
        return None;
    }
    let words: Vec<Token> = syntax.tokens[..end].iter().copied().filter(|token| !token.kind.is_trivia()).collect();
    let open = unclosed(&words, words.len())?;
    if words[open].kind != TokenKind::OpenParen {
        return None;
    }
    let (head, second) = head(&words, open)?;
    let before_head = words[..head].iter().rev();
    let piped = before_head.clone().next().is_some_and(|token| syntax.token_text(*token) == "|>");
    if before_head.clone().next().is_some_and(|token| ["fn", "layer"].contains(&syntax.token_text(*token))) {
        return None;
    }
    let arguments = arguments(&words[open + 1..]);
    let name_of = |argument: &[Token]| match argument {
        [name, equals, ..] if name.kind == TokenKind::Name && equals.kind == TokenKind::Assign => {
            Some(syntax.token_text(*name).to_owned())
        }
        _ => None,
    };
    let (current, before) = arguments.split_last()?;
    let named: Vec<String> = before.iter().filter_map(|argument| name_of(argument)).collect();
    Some(OpenCall { callee: words[head], second, piped, named, before: before.len(), at: name_of(current) })
}

/// The last bracket before `end` that is still open there.
pub(super) fn unclosed(words: &[Token], end: usize) -> Option<usize> {
    let mut depth = 0usize;
    for place in (0..end).rev() {
        if words[place].kind.opener().is_some() {
            depth += 1;
        } else if words[place].kind.is_opener() {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return Some(place),
            }
        }
    }
    None
}

/// The name that the list opened at `open` is of, and whether it is its second list.
fn head(words: &[Token], open: usize) -> Option<(usize, bool)> {
    let before = open.checked_sub(1)?;
    match words[before].kind {
        TokenKind::Name => Some((before, false)),
        TokenKind::CloseParen => {
            let first = unclosed(words, before)?;
            let name = first.checked_sub(1)?;
            (words[name].kind == TokenKind::Name).then_some((name, true))
        }
        _ => None,
    }
}

/// The arguments of a list, by the commas that stand in no bracket of their own.
fn arguments(words: &[Token]) -> Vec<&[Token]> {
    let (mut depth, mut start, mut found) = (0i32, 0, Vec::new());
    for (place, word) in words.iter().enumerate() {
        if word.kind.is_opener() {
            depth += 1;
        } else if word.kind.opener().is_some() {
            depth -= 1;
        } else if word.kind == TokenKind::Comma && depth == 0 {
            found.push(&words[start..place]);
            start = place + 1;
        }
    }
    found.push(&words[start..]);
    found
}

/// The parameters of a signature, a list for each pair of parentheses.
pub(super) fn parameters(label: &str) -> Vec<Vec<Parameter>> {
    let (mut lists, mut depth, mut start) = (Vec::new(), 0, 0);
    let mut list: Vec<Parameter> = Vec::new();
    for (at, letter) in label.char_indices() {
        match letter {
            '(' | '[' | '{' => {
                depth += 1;
                if depth == 1 && letter == '(' {
                    start = at + 1;
                }
            }
            ')' | ']' | '}' => {
                depth -= 1;
                if depth == 0 && letter == ')' {
                    list.extend(parameter(label, start, at));
                    lists.push(std::mem::take(&mut list));
                }
            }
            ',' if depth == 1 => {
                list.extend(parameter(label, start, at));
                start = at + 1;
            }
            '-' if depth == 0 && !lists.is_empty() => break,
            _ => {}
        }
    }
    lists
}

fn parameter(label: &str, start: usize, end: usize) -> Option<Parameter> {
    let text = label.get(start..end)?.trim();
    if text.is_empty() {
        return None;
    }
    let begin = start + label[start..end].find(text)?;
    let name = text.split([':', '=']).next().unwrap_or(text).trim().to_owned();
    let optional = text.contains('=') || name.ends_with("...");
    Some(Parameter { name, text: text.to_owned(), place: (begin, begin + text.len()), optional })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(String, Option<String>)> {
        let at = text.find('|').filter(|at| !text[*at..].starts_with("|>"));
        let at = at.unwrap_or_else(|| text.rfind('|').expect("a place"));
        let text = format!("{}{}", &text[..at], &text[at + 1..]);
        let syntax = Syntax::new(text);
        let found = signature(&View::new(&syntax, None), at as u32)?;
        let active = found.active.map(|active| found.parameters[active]);
        Some((found.label.clone(), active.map(|(start, end)| found.label[start..end].to_owned())))
    }

    #[test]
    fn the_argument_at_the_place_is_found() {
        let active = |text| told(text).expect("a call").1.expect("an argument");
        assert_eq!(active("y = log_cosh(a, |"), "t");
        assert_eq!(active("y = log_cosh(|"), "x");
        assert_eq!(active("fn f(a, b: float = 1e-3) = a + b\ny = f([1, 2], |)"), "b: float = 1e-3");
        assert_eq!(active("y = log_cosh(t = |, x = 1)"), "t");
        assert_eq!(told("fn f(a|) = a"), None);
        assert_eq!(told("y = [1, |"), None);
    }

    #[test]
    fn lists_of_layers_are_told_apart() {
        let label = "layer L(width: int, act: fn = relu)(x: [..S], m = zeros([2, 3])) -> [(1)]";
        let lists = parameters(label);
        let names: Vec<Vec<&str>> =
            lists.iter().map(|list| list.iter().map(|parameter| parameter.name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["width", "act"], vec!["x", "m"]]);
        assert_eq!(&label[lists[1][1].place.0..lists[1][1].place.1], "m = zeros([2, 3])");
    }
}
