//! What is known of the word at a place, as Markdown.

use super::names::{Kind, Occurrence, Symbol};
use super::signature::{called, defined};
use super::view::View;
use super::words::{CALLABLE, READERS, RECORDS, SETTINGS, TYPES, Word};
use crate::check::{Note, Owned, Seen};
use crate::source::Span;
use crate::syntax::ast::{ExprKind, StmtKind};
use crate::syntax::{Token, TokenKind};
use crate::tensor::Type;

/// How many parameters are told one by one.
const MOST_PARAMETERS: usize = 12;

/// How long a library's definition may be, in lines, to be shown.
const LONGEST_DEFINITION: usize = 12;

/// What is told of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The word.
    pub span: Span,
    /// What is told, in Markdown.
    pub text: String,
}

/// What is known of the word at byte `at`.
pub fn hover(view: &View, at: u32) -> Option<Hover> {
    let word = view.syntax.word_at(at)?;
    let span = view.syntax.span(word.start, word.end);
    let text = told(view, word, span)?;
    Some(Hover { span, text })
}

fn told(view: &View, word: Token, span: Span) -> Option<String> {
    let name = view.syntax.token_text(word);
    if let Some((module, symbol)) = view.imported(span) {
        let own = &module.syntax.names.symbols[symbol];
        let head = match defined(&module.syntax, symbol) {
            Some((head, _)) => code(&head),
            None => value(view, span, own),
        };
        let from = format!("From `{}`.", module.path.display());
        return Some(joined([head, given(view, span), made(view, span), own.doc.clone().unwrap_or_default(), from]));
    }
    if let Some(own) = view.syntax.names.at(word.start).filter(|own| own.span == span) {
        return Some(of_symbol(view, own));
    }
    if let Some(setting) = setting(view, span) {
        return setting;
    }
    let ty = TYPES.iter().find(|(ty, _)| *ty == name).map(|(_, told)| (*told).to_owned());
    if ty.is_some() && is_type(view, word) {
        return ty;
    }
    if let Some(word) = CALLABLE.get(name).filter(|_| word.kind == TokenKind::Name && !is_label(view, span)) {
        let head = code(&word.entry.signature);
        return Some(joined([head, given(view, span), made(view, span), about_word(word)]));
    }
    if let Some(forms) = READERS.get(name).filter(|_| is_called(view, span)) {
        let line = |(call, told): &(String, String)| format!("- `{call}`: {told}");
        return Some(forms.iter().map(line).collect::<Vec<_>>().join("\n"));
    }
    if let Some(label) = label(view, span) {
        return Some(label);
    }
    if name == "training" && word.kind == TokenKind::Keyword {
        return Some(
            "`training` is true in Main, false in MainValidation and MainRuntime. It is known while compiling.".into(),
        );
    }
    // A result's own name: `loss`, `metric accuracy` where no symbol has it.
    if let Some(note) = note(view, span) {
        return Some(code(&shown(name, note)));
    }
    ty.filter(|_| word.kind == TokenKind::Name)
}

/// Whether a word stands where a type does: behind a colon, an arrow or `as`.
fn is_type(view: &View, word: Token) -> bool {
    let syntax = view.syntax;
    let before = syntax.tokens[..syntax.token_after(word.start)].iter().rev().find(|token| !token.kind.is_trivia());
    before.is_some_and(|before| {
        matches!(before.kind, TokenKind::Colon | TokenKind::Arrow) || syntax.token_text(*before) == "as"
    })
}

fn of_symbol(view: &View, own: &Occurrence) -> String {
    let symbol = &view.syntax.names.symbols[own.symbol];
    let doc = symbol.doc.clone().unwrap_or_default();
    match symbol.kind {
        Kind::Function | Kind::Layer => {
            let head = defined(view.syntax, own.symbol).map_or_else(|| symbol.name.clone(), |(head, _)| head);
            joined([code(&head), given(view, own.span), made(view, own.span), doc])
        }
        Kind::Module => {
            let path = symbol.from.as_deref().unwrap_or_default();
            let names = view.module(own.symbol).map(|module| {
                let exports = module.syntax.names.symbols.iter().filter(|symbol| {
                    symbol.body.0 == 0 && matches!(symbol.kind, Kind::Function | Kind::Layer | Kind::Const)
                });
                let names: Vec<String> = exports.map(|symbol| format!("`{}`", symbol.name)).collect();
                format!("It defines {}.", names.join(", "))
            });
            joined([format!("The file `{path}`."), names.unwrap_or_default()])
        }
        Kind::Imported => format!("From `{}`.", symbol.from.as_deref().unwrap_or_default()),
        Kind::Size => {
            // Its binding is in a type, which is no value: what it is was seen where it is used.
            let mut places = view.syntax.names.of_symbol(own.symbol).map(|place| place.span);
            let seen = places.find(|place| note(view, *place).is_some()).unwrap_or(own.span);
            value(view, seen, symbol)
        }
        _ => joined([value(view, own.span, symbol), doc]),
    }
}

/// A value with what it is: its type, number or layer as it was seen here, or where it is bound.
fn value(view: &View, span: Span, symbol: &Symbol) -> String {
    let bound = symbol.bindings.iter().rev().find_map(|binding| note(view, *binding));
    let note = note(view, span).or(bound);
    let head = match note {
        Some(note) => code(&shown(&symbol.name, note)),
        None => code(&symbol.name),
    };
    let varies = note.is_some_and(|note| note.varies).then_some("Of the first round or call; in others it is another.");
    let owned = note.map(|note| owned_by(view, note)).unwrap_or_default();
    joined([head, kind(symbol.kind).to_owned(), varies.unwrap_or_default().to_owned(), owned])
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Value => "",
        Kind::Const => "A constant.",
        Kind::Input => "An input.",
        Kind::Param => "A parameter, trained.",
        Kind::State => "A state, saved with the weights and not trained.",
        Kind::Argument => "An argument.",
        Kind::Hyper => "A hyperparameter.",
        Kind::Size => "A size.",
        Kind::Loss => "A loss.",
        Kind::Metric => "A metric.",
        Kind::Output => "An output of the Runtime network.",
        Kind::Function | Kind::Layer | Kind::Module | Kind::Imported => "",
    }
}

/// As a program would bind it: `h: [256]`, `width = 64`, `encode = Affine(64)`.
fn shown(name: &str, note: &Note) -> String {
    let one = |seen: &Seen| match seen {
        Seen::Tensor(ty) => format!("{name}: {ty}"),
        Seen::Constant(text) => format!("{name} = {text}"),
        Seen::Instance { layer, given, .. } => format!("{name} = {layer}({given})"),
        Seen::Other(what) => format!("{name}  # {what}"),
    };
    note.seen.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// What was seen at a place of this text.
fn note<'a>(view: &View<'a>, span: Span) -> Option<&'a Note> {
    view.facts?.notes.names.get(&view.seen_at(span)?)
}

/// The parameters of the instance that a name stands for.
fn owned_by(view: &View, note: &Note) -> String {
    match note.seen.as_slice() {
        [Seen::Instance { path, .. }] => parameters(view, std::slice::from_ref(path)),
        _ => String::new(),
    }
}

/// The parameters of the instances that the call of the layer named at `span` makes.
fn made(view: &View, span: Span) -> String {
    let paths = call_of(view, span).and_then(|call| view.facts?.notes.instances.get(&view.seen_at(call)?));
    paths.map(|paths| parameters(view, paths)).unwrap_or_default()
}

/// What the call, or the stage of a chain, of the name at `span` gives.
fn given(view: &View, span: Span) -> String {
    let results = |span: Span| view.facts?.notes.results.get(&view.seen_at(span)?);
    let Some(note) = call_of(view, span).and_then(results).or_else(|| results(span)) else { return String::new() };
    let types: Vec<String> = note
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Tensor(ty) => Some(format!("`{ty}`")),
            Seen::Constant(text) => Some(format!("`{text}`")),
            _ => None,
        })
        .collect();
    match (types.is_empty(), note.varies) {
        (true, _) => String::new(),
        (false, false) => format!("Gives {} here.", types.join(", ")),
        (false, true) => format!("Gives {} in the first round or call.", types.join(", ")),
    }
}

/// The whole call whose callee ends in the name at `span`.
fn call_of(view: &View, span: Span) -> Option<Span> {
    let exprs = &view.syntax.ast.exprs;
    exprs.iter().find_map(|expr| match &expr.kind {
        ExprKind::Call { callee, .. } => {
            let callee = exprs[*callee].span;
            (callee.end == span.end && callee.start <= span.start).then_some(expr.span)
        }
        _ => None,
    })
}

/// The parameters below some paths, with their types and how many numbers they are.
fn parameters(view: &View, paths: &[String]) -> String {
    let Some(facts) = view.facts else { return String::new() };
    let below = |owned: &&Owned| {
        paths.iter().any(|path| owned.path.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with('.')))
    };
    let owned: Vec<&Owned> = facts.notes.variables.iter().filter(below).collect();
    if owned.is_empty() {
        return String::new();
    }
    let total: i64 = owned.iter().filter(|owned| !owned.state).map(|owned| count(&owned.ty)).sum();
    let mut lines: Vec<String> = owned.iter().take(MOST_PARAMETERS).map(|owned| row(owned)).collect();
    if owned.len() > MOST_PARAMETERS {
        lines.push(format!("- and {} more", owned.len() - MOST_PARAMETERS));
    }
    format!("Parameters, {} numbers:\n\n{}", grouped(total), lines.join("\n"))
}

fn row(owned: &Owned) -> String {
    let what = match (owned.state, owned.frozen) {
        (true, _) => ", a state",
        (false, true) => ", frozen",
        (false, false) => "",
    };
    format!("- `{}: {}`, {}{what}", owned.path, owned.ty, grouped(count(&owned.ty)))
}

fn count(ty: &Type) -> i64 {
    ty.shape.size().constant().unwrap_or(0)
}

/// A number with commas between its thousands.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A word of the library, of the optimizers or the schedules.
pub(super) fn of_word(word: &Word) -> String {
    joined([code(&word.entry.signature), about_word(word)])
}

/// What a word gives, with an example and its definition if that is short.
fn about_word(word: &Word) -> String {
    let short = |text: &&String| text.lines().count() <= LONGEST_DEFINITION;
    let definition = word.entry.definition.as_ref().filter(short);
    let definition = definition.map(|text| format!("Its definition, in the library:\n\n{}", code(text)));
    let example = word.entry.example().map(|example| format!("For example: `{example}`"));
    joined([word.entry.doc.clone(), example.unwrap_or_default(), definition.unwrap_or_default()])
}

/// What is told of a word in a `train` block; none outside of one, and nothing for what has no page there.
fn setting(view: &View, span: Span) -> Option<Option<String>> {
    let name = view.syntax.text_of(span);
    let settings = view.syntax.ast.items.iter().find_map(|item| match &item.kind {
        StmtKind::Train { settings } if item.span.start <= span.start && span.end <= item.span.end => Some(settings),
        _ => None,
    })?;
    if settings.iter().any(|setting| setting.key.span == span) {
        return SETTINGS.get(name).map(|told| Some(joined([format!("**{name}**"), told.clone()])));
    }
    RECORDS.get(name).map(|word| Some(of_word(word)))
}

/// Whether a list of arguments follows the name at `span`.
fn is_called(view: &View, span: Span) -> bool {
    view.syntax.text[span.end as usize..].trim_start().starts_with('(')
}

/// Whether the name at `span` is that of an argument in a call.
fn is_label(view: &View, span: Span) -> bool {
    let after = view.syntax.text[span.end as usize..].trim_start();
    let assigns = after.starts_with('=') && !after.starts_with("==");
    assigns && super::signature::open_call(view.syntax, span.start).is_some()
}

/// The parameter that an argument's name means.
fn label(view: &View, span: Span) -> Option<String> {
    let call = super::signature::open_call(view.syntax, span.start).filter(|_| is_label(view, span))?;
    let (head, _) = called(view, call.callee)?;
    let lists = super::signature::parameters(&head);
    let parameter = lists.into_iter().flatten().find(|parameter| parameter.name == view.syntax.text_of(span))?;
    Some(format!("{}\n\nAn argument of `{}`.", code(&parameter.text), view.syntax.token_text(call.callee)))
}

/// A text as a block of the language's.
pub(super) fn code(text: &str) -> String {
    format!("```nn\n{text}\n```")
}

/// Parts with an empty line between them, without the empty ones.
pub(super) fn joined<const N: usize>(parts: [String; N]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n")
}
