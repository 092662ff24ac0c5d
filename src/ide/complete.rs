//! What may be written at a place. The place is told by the tokens before it, so that half a statement is enough; the letters of the word
//! that is begun are left to the editor, which sorts and filters.

use super::hover::{code, joined, of_word};
use super::names::{Kind, Symbol};
use super::signature::{OpenCall, called, defined, open_call, parameters, unclosed};
use super::view::{Syntax, View};
use super::words::{CALLABLE, READERS, RECORDS, SETTINGS, TYPES, Word, WordKind};
use crate::check::Seen;
use crate::source::Span;
use crate::syntax::ast::{FnBody, Function, Stmt, StmtKind};
use crate::syntax::{Token, TokenKind};

/// What a completion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionKind {
    /// A value of the program.
    Value,
    /// A constant.
    Constant,
    /// A function.
    Function,
    /// A layer.
    Layer,
    /// An argument of the call.
    Argument,
    /// A setting of `train`.
    Setting,
    /// A type.
    Type,
    /// A word of the language.
    Keyword,
    /// An imported file.
    Module,
}

/// Something that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The word.
    pub label: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What stands behind it: its type or its arguments.
    pub detail: String,
    /// What is written; `${1:name}` are places to fill in.
    pub snippet: String,
    /// How far up it belongs: 0 is first.
    pub rank: u8,
}

/// The statements that a line may begin with, and what they look like.
const STATEMENTS: [(&str, &str); 20] = [
    ("input", "input ${1:x}: [${2:4}]"),
    ("param", "param ${1:w}: [${2:4}]"),
    ("state", "state ${1:s}: [${2:4}] = ${3:zeros()}"),
    ("update", "update ${1:s} = ${2}"),
    ("const", "const ${1:name} = ${2}"),
    ("loss", "loss = ${1}"),
    ("metric", "metric ${1:accuracy} = ${2}"),
    ("output", "output ${1:y}"),
    ("fn", "fn ${1:name}(${2:x}) = ${3}"),
    ("layer", "layer ${1:Name}(${2})(${3:x}) {\n    return ${4:x}\n}"),
    ("for", "for ${1:width} in [${2:64, 32}] {\n    ${3}\n}"),
    ("if", "if ${1:training} {\n    ${2}\n}"),
    ("import", "import \"${1:file.nn}\": ${2:name}"),
    ("data train", "data train {\n    ${1:x} = ${2}\n}"),
    ("data validation", "data validation {\n    ${1:x} = ${2}\n}"),
    ("train", "train {\n    optimizer = ${1:adam(lr = 1e-3)}\n    batch = ${2:64}\n    epochs = ${3:10}\n}"),
    ("test", "test \"${1:what holds}\" {\n    assert ${2}\n}"),
    ("assert", "assert ${1}"),
    ("return", "return ${1}"),
    ("where", "where ${1}"),
];

/// Where a word stands.
enum Place<'a> {
    /// Where nothing is offered: in a comment or a text, or behind a name that is being made.
    Nowhere,
    /// Behind `module.`.
    Member(Token),
    /// A type.
    Type,
    /// A key in `train`, or what stands behind the `=` of one.
    Setting(Option<&'a str>),
    /// The name of a data set.
    DataSet,
    /// A column in `data`.
    Column,
    /// Behind the `=` in `data`.
    Reader,
    /// Where a statement begins.
    Statement,
    /// Behind `|>`.
    Stage,
    /// Any other expression.
    Expression,
}

/// What may be written at byte `at`.
pub fn complete(view: &View, at: u32) -> Vec<Completion> {
    let syntax = view.syntax;
    let start = syntax.word_at(at).map_or(at, |word| word.start);
    let mut found = Vec::new();
    match place(syntax, start) {
        Place::Nowhere => return found,
        Place::Member(module) => members(view, module, &mut found),
        Place::Type => {
            found.extend(TYPES.iter().map(|(name, _)| {
                let snippet = if *name == "index" { "index<${1:10}>" } else { name };
                simple(name, CompletionKind::Type, "", snippet, 1)
            }));
        }
        Place::Setting(None) => found.extend(SETTINGS.keys().map(|name| {
            let snippet =
                if name == "optimizer" { "optimizer = ${1:adam(lr = 1e-3)}".into() } else { format!("{name} = ") };
            simple(name, CompletionKind::Setting, "", &snippet, 0)
        })),
        Place::Setting(Some(key)) => values_of_setting(view, key, start, &mut found),
        Place::DataSet => found.extend(
            ["train", "validation", "test"]
                .map(|name| simple(name, CompletionKind::Keyword, "", &format!("{name} {{\n    ${{1}}\n}}"), 0)),
        ),
        Place::Column => {
            let inputs = syntax.names.symbols.iter().filter(|symbol| symbol.kind == Kind::Input);
            found.extend(inputs.map(|input| {
                simple(&input.name, CompletionKind::Value, &detail(view, input), &format!("{} = ", input.name), 0)
            }));
        }
        Place::Reader => {
            for (name, forms) in READERS.iter() {
                let shape = forms.first().map_or("", |(call, _)| call.as_str());
                found.push(simple(name, CompletionKind::Function, shape, &reader_snippet(name, shape), 0));
            }
            expressions(view, start, false, &mut found);
        }
        Place::Statement => {
            found.extend(STATEMENTS.map(|(word, snippet)| simple(word, CompletionKind::Keyword, "", snippet, 1)));
            let rebound = syntax
                .names
                .symbols
                .iter()
                .filter(|symbol| symbol.kind == Kind::Value && is_seen(view.syntax, symbol, start));
            found.extend(
                rebound
                    .map(|symbol| simple(&symbol.name, CompletionKind::Value, &detail(view, symbol), &symbol.name, 2)),
            );
        }
        Place::Stage => expressions(view, start, true, &mut found),
        Place::Expression => {
            if let Some(call) = open_call(syntax, start) {
                arguments(view, &call, &mut found);
            }
            expressions(view, start, false, &mut found);
        }
    }
    found.sort_by(|a, b| (a.rank, &a.label).cmp(&(b.rank, &b.label)));
    found.dedup_by(|b, a| a.label == b.label && a.kind == b.kind);
    found
}

/// What is told of a word that is offered, in Markdown.
pub fn documentation(view: &View, label: &str, kind: CompletionKind) -> Option<String> {
    let own = |kinds: &[Kind]| {
        let mut symbols = view.syntax.names.symbols.iter_enumerated();
        symbols.find(|(_, symbol)| symbol.name == label && kinds.contains(&symbol.kind))
    };
    match kind {
        CompletionKind::Setting => SETTINGS.get(label).cloned(),
        CompletionKind::Type => TYPES.iter().find(|(name, _)| *name == label).map(|(_, told)| (*told).to_owned()),
        CompletionKind::Function | CompletionKind::Layer => {
            if let Some((id, _)) = own(&[Kind::Function, Kind::Layer]) {
                let (head, doc) = defined(view.syntax, id)?;
                return Some(joined([code(&head), doc]));
            }
            if let Some(word) = CALLABLE.get(label).or_else(|| RECORDS.get(label)) {
                return Some(of_word(word));
            }
            let forms = READERS.get(label)?;
            let line = |(call, told): &(String, String)| format!("- `{call}`: {told}");
            Some(forms.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        CompletionKind::Value | CompletionKind::Constant | CompletionKind::Module => {
            own(&[Kind::Value, Kind::Const, Kind::Input, Kind::Param, Kind::State])
                .and_then(|(_, symbol)| symbol.doc.clone())
        }
        CompletionKind::Argument | CompletionKind::Keyword => None,
    }
}

/// What stands before the word that begins at byte `start`.
fn place(syntax: &Syntax, start: u32) -> Place<'_> {
    let end = syntax.tokens.partition_point(|token| token.start < start);
    let Some(last) = syntax.tokens[..end].last() else { return Place::Statement };
    let inside = start < last.end
        || last.end == start && matches!(last.kind, TokenKind::Comment | TokenKind::DocComment | TokenKind::OpenStr);
    if inside && last.kind != TokenKind::Whitespace || last.kind == TokenKind::Number && last.end == start {
        return Place::Nowhere;
    }
    let words: Vec<Token> = syntax.tokens[..end].iter().copied().filter(|token| !token.kind.is_trivia()).collect();
    let Some(before) = words.last().copied() else { return Place::Statement };
    let text = |token: Token| syntax.token_text(token);
    let fresh = syntax.text[before.end as usize..start as usize].contains('\n');
    let open = unclosed(&words, words.len());
    let owner = open
        .map(|open| block_owner(syntax, &words[..open]))
        .filter(|_| open.is_some_and(|open| words[open].kind == TokenKind::OpenBrace));
    match before.kind {
        TokenKind::Dot => words.len().checked_sub(2).map_or(Place::Nowhere, |module| Place::Member(words[module])),
        TokenKind::Colon if in_type(syntax, &words, open) => Place::Type,
        TokenKind::Arrow => Place::Type,
        TokenKind::Operator if text(before) == "|>" => Place::Stage,
        TokenKind::Operator => Place::Expression,
        _ if owner == Some("train") => in_train(syntax, &words, fresh),
        _ if owner == Some("data") => match before.kind {
            TokenKind::Assign => Place::Reader,
            _ if fresh || before.kind == TokenKind::OpenBrace => Place::Column,
            _ => Place::Expression,
        },
        TokenKind::Name if text(before) == "data" && !fresh => Place::DataSet,
        TokenKind::Assign if words.len() > 2 && text(words[words.len() - 3]) == "data" => Place::Reader,
        TokenKind::Keyword if ["fn", "layer", "input", "const", "metric", "for"].contains(&text(before)) => {
            Place::Nowhere
        }
        TokenKind::Name if ["param", "state", "test"].contains(&text(before)) && !fresh => Place::Nowhere,
        TokenKind::OpenBrace => Place::Statement,
        _ if fresh && open.is_none_or(|open| words[open].kind == TokenKind::OpenBrace) => match before.kind {
            TokenKind::Assign | TokenKind::Comma => Place::Expression,
            _ => Place::Statement,
        },
        _ => Place::Expression,
    }
}

/// The word that opens the statement whose block begins behind `words`: `train` or `data`, if it is one of them.
fn block_owner<'a>(syntax: &'a Syntax, words: &[Token]) -> &'a str {
    let text = |place: Option<usize>| place.map_or("", |place| syntax.token_text(words[place]));
    let (last, before) = (words.len().checked_sub(1), words.len().checked_sub(2));
    match (text(last), text(before)) {
        ("train", before) if before != "data" => "train",
        (_, "data") => "data",
        _ => "",
    }
}

/// Whether the colon that ends `words` stands before a type rather than in a slice.
fn in_type(syntax: &Syntax, words: &[Token], open: Option<usize>) -> bool {
    match open.map(|open| (open, words[open].kind)) {
        Some((_, TokenKind::OpenBracket)) => false,
        Some((open, TokenKind::OpenParen)) => {
            // Of a signature: `fn name(`, `layer Name(`, `layer Name(...)(`.
            let mut head = open;
            if head > 0 && words[head - 1].kind == TokenKind::CloseParen {
                head = unclosed(words, head - 1).unwrap_or(head);
            }
            head.checked_sub(2).is_some_and(|word| ["fn", "layer"].contains(&syntax.token_text(words[word])))
        }
        _ => true,
    }
}

fn in_train<'a>(syntax: &'a Syntax, words: &[Token], fresh: bool) -> Place<'a> {
    let before = words[words.len() - 1];
    match before.kind {
        TokenKind::Assign => {
            let keys = words[..words.len() - 1].iter().rev().take_while(|word| word.kind == TokenKind::Name);
            let names: Vec<&str> = keys.map(|word| syntax.token_text(*word)).collect();
            let key = names.iter().find(|name| SETTINGS.contains_key(**name)).or(names.last());
            Place::Setting(Some(key.copied().unwrap_or_default()))
        }
        TokenKind::OpenBrace => Place::Setting(None),
        _ if fresh => Place::Setting(None),
        _ => Place::Expression,
    }
}

fn simple(label: &str, kind: CompletionKind, detail: &str, snippet: &str, rank: u8) -> Completion {
    Completion { label: label.to_owned(), kind, detail: detail.to_owned(), snippet: snippet.to_owned(), rank }
}

/// What an imported file defines, or `prim` holds.
fn members(view: &View, module: Token, found: &mut Vec<Completion>) {
    let syntax = view.syntax;
    if syntax.token_text(module) == "prim" {
        let primitives = crate::check::callable_primitives();
        found.extend(
            primitives.map(|primitive| simple(primitive.op.0, CompletionKind::Function, "", primitive.op.0, 1)),
        );
        return;
    }
    let Some(module) = syntax.names.at(module.start).and_then(|own| view.module(own.symbol)) else { return };
    for (id, symbol) in module.syntax.names.symbols.iter_enumerated().filter(|(_, symbol)| symbol.body.0 == 0) {
        match (symbol.kind, defined(&module.syntax, id)) {
            (Kind::Function | Kind::Layer, Some((head, _))) => found.push(of_head(&symbol.name, &head, false, 0)),
            (Kind::Const, _) => found.push(simple(&symbol.name, CompletionKind::Constant, "", &symbol.name, 0)),
            _ => {}
        }
    }
}

fn values_of_setting(view: &View, key: &str, start: u32, found: &mut Vec<Completion>) {
    let record = |kind: WordKind| RECORDS.iter().filter(move |(_, word)| word.kind == kind);
    let of_record = |(name, word): (&String, &Word)| of_head(name, &word.entry.signature, false, 0);
    match key {
        "optimizer" => found.extend(record(WordKind::Optimizer).map(of_record)),
        "schedule" => found.extend(record(WordKind::Schedule).map(of_record)),
        "keep" => found.extend(["best", "last"].map(|word| simple(word, CompletionKind::Keyword, "", word, 0))),
        "shuffle" => found.extend(["true", "false"].map(|word| simple(word, CompletionKind::Keyword, "", word, 0))),
        "monitor" => {
            for symbol in view.syntax.names.symbols.iter() {
                match symbol.kind {
                    Kind::Loss => found.push(simple(&symbol.name, CompletionKind::Value, "a loss", &symbol.name, 0)),
                    Kind::Metric => {
                        let snippet = format!("highest({})", symbol.name);
                        found.push(simple(&symbol.name, CompletionKind::Value, "a metric", &snippet, 0));
                    }
                    _ => {}
                }
            }
        }
        _ => constants(view, start, found),
    }
}

fn constants(view: &View, start: u32, found: &mut Vec<Completion>) {
    let names = view
        .syntax
        .names
        .symbols
        .iter()
        .filter(|symbol| symbol.kind == Kind::Const && is_seen(view.syntax, symbol, start));
    found.extend(
        names.map(|symbol| simple(&symbol.name, CompletionKind::Constant, &detail(view, symbol), &symbol.name, 0)),
    );
}

/// The arguments that the call does not have yet.
fn arguments(view: &View, call: &OpenCall, found: &mut Vec<Completion>) {
    let Some((head, _)) = called(view, call.callee).filter(|_| call.at.is_none()) else { return };
    let lists = parameters(&head);
    let is_layer = lists.len() > 1 || head.starts_with("layer ");
    let Some(list) = lists.get(usize::from(call.second && is_layer)) else { return };
    let piped = usize::from(call.piped && (!is_layer || call.second));
    let positional = call.before - call.named.len() + piped;
    let free = list.iter().skip(positional).filter(|parameter| !call.named.contains(&parameter.name));
    for parameter in free.filter(|parameter| parameter.name.chars().all(|c| c.is_alphanumeric() || c == '_')) {
        let snippet = format!("{} = ", parameter.name);
        found.push(simple(&parameter.name, CompletionKind::Argument, &parameter.text, &snippet, 0));
    }
}

/// Values that may stand at a place, and what makes them; in a chain only what a value can be piped into.
fn expressions(view: &View, start: u32, piped: bool, found: &mut Vec<Completion>) {
    for (id, symbol) in
        view.syntax.names.symbols.iter_enumerated().filter(|(_, symbol)| is_seen(view.syntax, symbol, start))
    {
        match symbol.kind {
            Kind::Function | Kind::Layer => {
                if let Some((head, _)) = defined(view.syntax, id) {
                    found.push(of_head(&symbol.name, &head, piped, 2));
                }
            }
            Kind::Imported => {
                let head = symbol.bindings.first().and_then(|place| view.imported(*place));
                let head = head.and_then(|(module, id)| defined(&module.syntax, id));
                let own = || simple(&symbol.name, CompletionKind::Function, "imported", &symbol.name, 2);
                found.push(head.map_or_else(own, |(head, _)| of_head(&symbol.name, &head, piped, 2)));
            }
            Kind::Module => found.push(simple(&symbol.name, CompletionKind::Module, "imported", &symbol.name, 2)),
            Kind::Const if !piped => {
                found.push(simple(&symbol.name, CompletionKind::Constant, &detail(view, symbol), &symbol.name, 1));
            }
            Kind::Loss | Kind::Metric | Kind::Output | Kind::Const => {}
            _ if piped && !is_instance(view, symbol) => {}
            _ => found.push(simple(&symbol.name, CompletionKind::Value, &detail(view, symbol), &symbol.name, 1)),
        }
    }
    found.extend(CALLABLE.iter().map(|(name, word)| of_head(name, &word.entry.signature, piped, 3)));
    if !piped {
        let words = ["training", "true", "false", "not"];
        found.extend(words.map(|word| simple(word, CompletionKind::Keyword, "", word, 4)));
        found.push(simple("if", CompletionKind::Keyword, "", "if ${1:training} { ${2} } else { ${3} }", 4));
    }
}

/// Whether a symbol can be named at byte `at`.
fn is_seen(syntax: &Syntax, symbol: &Symbol, at: u32) -> bool {
    let hoisted = matches!(symbol.kind, Kind::Function | Kind::Layer | Kind::Imported | Kind::Module);
    let inside = symbol.body.0 <= at && at <= symbol.body.1;
    let Some(first) = symbol.bindings.first().filter(|_| inside) else { return false };
    hoisted || first.end < at && !is_being_bound(&syntax.ast.items, *first, at)
}

/// Whether byte `at` is in the statement that binds the name at `name`, which has its own value only behind it.
fn is_being_bound(stmts: &[Stmt], name: Span, at: u32) -> bool {
    let around = |stmt: &&Stmt| stmt.span.start <= name.start && name.start < stmt.span.end;
    let Some(stmt) = stmts.iter().find(around) else { return false };
    match &stmt.kind {
        StmtKind::Bind { .. } | StmtKind::Const { .. } | StmtKind::Input { .. } => at <= stmt.span.end,
        StmtKind::Layer(def) => is_being_bound(&def.body.stmts, name, at),
        StmtKind::Fn(Function { body: FnBody::Block(body), .. }) => is_being_bound(&body.stmts, name, at),
        StmtKind::For { body, .. } | StmtKind::Test { body, .. } => is_being_bound(&body.stmts, name, at),
        StmtKind::If { then, otherwise, .. } => {
            let mut blocks = std::iter::once(then).chain(otherwise);
            blocks.any(|block| is_being_bound(&block.stmts, name, at))
        }
        _ => false,
    }
}

fn is_instance(view: &View, symbol: &Symbol) -> bool {
    seen(view, symbol).is_some_and(|seen| matches!(seen, Seen::Instance { .. } | Seen::Other(_)))
}

/// What the last binding of a symbol was seen to be.
fn seen<'a>(view: &View<'a>, symbol: &Symbol) -> Option<&'a Seen> {
    let note = |place: &Span| view.facts?.notes.names.get(&view.seen_at(*place)?);
    symbol.bindings.iter().rev().find_map(note)?.seen.first()
}

fn detail(view: &View, symbol: &Symbol) -> String {
    match seen(view, symbol) {
        Some(Seen::Tensor(ty)) => ty.to_string(),
        Some(Seen::Constant(text)) => text.clone(),
        Some(Seen::Instance { layer, given, .. }) => format!("{layer}({given})"),
        Some(Seen::Other(what)) => (*what).to_owned(),
        None => String::new(),
    }
}

/// A function or a layer by its head; in a chain the piped value is no place to fill in.
fn of_head(name: &str, head: &str, piped: bool, rank: u8) -> Completion {
    let lists = parameters(head);
    let is_layer = head.starts_with("layer ") || lists.len() > 1;
    let first = lists.first().map(Vec::as_slice).unwrap_or_default();
    let needed = first.iter().filter(|parameter| !parameter.optional).skip(usize::from(piped && !is_layer));
    let places: Vec<String> = needed
        .enumerate()
        .map(|(place, parameter)| format!("${{{}:{}}}", place + 1, escaped(&parameter.name)))
        .collect();
    let snippet = match (places.is_empty(), is_layer, piped) {
        (true, false, true) => name.to_owned(),
        (true, ..) => format!("{name}(${{1}})"),
        _ => format!("{name}({})", places.join(", ")),
    };
    let kind = if is_layer { CompletionKind::Layer } else { CompletionKind::Function };
    let detail = head.find('(').map_or("", |open| &head[open..]);
    simple(name, kind, detail, &snippet, rank)
}

fn reader_snippet(name: &str, shape: &str) -> String {
    match shape.matches(", ").count() {
        0 => format!("{name}(\"${{1}}\")"),
        _ => format!("{name}(\"${{1}}\", ${{2}})"),
    }
}

/// A text as a snippet holds it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}").replace('"', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Vec<Completion> {
        let place = text.find('^').expect("a place") as u32;
        let syntax = Syntax::new(text.replacen('^', "", 1));
        complete(&View::new(&syntax, None), place)
    }

    fn first(text: &str) -> Vec<String> {
        let found = at(text);
        let rank = found.first().map_or(0, |first| first.rank);
        found.into_iter().take_while(|completion| completion.rank == rank).map(|completion| completion.label).collect()
    }

    fn snippet(text: &str, label: &str) -> String {
        let found = at(text).into_iter().find(|completion| completion.label == label);
        found.unwrap_or_else(|| panic!("{label} is not offered")).snippet
    }

    #[test]
    fn a_place_is_told_by_what_stands_before_it() {
        assert_eq!(first("input x: [4]\ntrain {\n    ^\n}\n").len(), SETTINGS.len());
        assert!(first("train {\n    optimizer = ^\n}\n").contains(&"adam".to_owned()));
        assert_eq!(first("train {\n    batch = 4\n    keep = ^\n}\n"), ["best", "last"]);
        assert_eq!(first("input x, y: [4]\ndata train {\n    ^\n}\n"), ["x", "y"]);
        assert!(first("input x: [4]\ndata train {\n    x = ^\n}\n").contains(&"csv".to_owned()));
        assert_eq!(first("data ^"), ["test", "train", "validation"]);
        assert_eq!(first("input x: ^").len(), TYPES.len());
        assert_eq!(first("layer L(n: int)(x: ^").len(), TYPES.len());
        assert_eq!(first("input x: [4]\ny = ^"), ["x"]);
        assert!(at("y = 1  # a ^").is_empty());
        assert!(at("y = \"a ^\"").is_empty());
        assert!(at("input ^").is_empty());
        assert!(at("y = 12^").is_empty());
    }

    #[test]
    fn the_arguments_that_a_call_does_not_have_come_first() {
        assert_eq!(first("y = log_cosh(^)"), ["t", "x"]);
        assert_eq!(first("y = log_cosh(t = 1, ^)"), ["x"]);
        assert_eq!(first("x = 1\ny = x |> log_cosh(^)"), ["t"]);
        let affine = first("y = x |> Affine(3, ^)");
        assert!(affine.contains(&"with_bias".to_owned()) && !affine.contains(&"n".to_owned()));
    }

    #[test]
    fn snippets_leave_out_what_is_piped() {
        assert_eq!(snippet("y = x |> ^", "relu"), "relu");
        assert_eq!(snippet("y = x |> ^", "log_cosh"), "log_cosh(${1:t})");
        assert_eq!(snippet("y = ^", "log_cosh"), "log_cosh(${1:x}, ${2:t})");
        assert_eq!(snippet("y = x |> ^", "Affine"), "Affine(${1:n})");
    }

    #[test]
    fn names_of_a_body_stay_there() {
        let text = "fn f(inner) = inner\nouter = 1\ny = ^\n";
        let labels: Vec<String> = at(text).into_iter().map(|completion| completion.label).collect();
        assert!(labels.contains(&"outer".to_owned()) && labels.contains(&"f".to_owned()));
        assert!(!labels.contains(&"inner".to_owned()));
    }
}
