//! Where a name is bound, where it is used, and what it may be called instead.

use std::collections::BTreeMap;

use super::names::{Form, Kind, Names, SymbolId};
use super::view::{Syntax, View};
use super::words::{self, CALLABLE};
use crate::diagnostic::Edit;
use crate::source::Span;
use crate::syntax::ast::StmtKind;
use crate::syntax::{TokenKind, tokenize};

/// Where a definition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// In the file itself.
    Own(Span),
    /// In an imported file: its path and the place there.
    Imported(std::path::PathBuf, Span),
    /// In the library: the file's place among the library's, and the place in it.
    Library(usize, Span),
}

/// Where what is named at byte `at` is bound.
pub fn definition(view: &View, at: u32) -> Option<Target> {
    let syntax = view.syntax;
    if let Some(module) = imported_path(view, at) {
        return Some(Target::Imported(module.path.clone(), module.syntax.span(0, 0)));
    }
    let word = syntax.word_at(at).filter(|word| word.kind == TokenKind::Name)?;
    let span = syntax.span(word.start, word.end);
    if let Some((module, symbol)) = view.imported(span) {
        let place = *module.syntax.names.symbols[symbol].bindings.first()?;
        return Some(Target::Imported(module.path.clone(), place));
    }
    if let Some(own) = syntax.names.at(word.start).filter(|own| own.span == span) {
        return Some(Target::Own(own.binding));
    }
    let (file, place) = CALLABLE.get(syntax.token_text(word))?.place?;
    Some(Target::Library(file, place))
}

/// The imported file whose written path is at byte `at`.
fn imported_path<'a>(view: &View<'a>, at: u32) -> Option<&'a super::view::Module> {
    let path = view.syntax.ast.items.iter().find_map(|item| match &item.kind {
        StmtKind::Import { path, .. } if path.span.start <= at && at <= path.span.end => Some(path),
        _ => None,
    })?;
    view.facts?.modules.get(&path.value)
}

/// Every place of the file that names what is named at byte `at`, its bindings among them if they are asked for.
pub fn references(view: &View, at: u32, bindings: bool) -> Vec<Span> {
    let names = &view.syntax.names;
    let Some(own) = names.at(at) else { return Vec::new() };
    let wanted = names.of_symbol(own.symbol).filter(|place| bindings || place.form != Form::Binding);
    wanted.map(|place| place.span).collect()
}

/// The name under which other files may import what is named at byte `at`.
pub fn exported<'a>(view: &View<'a>, at: u32) -> Option<&'a str> {
    let names = &view.syntax.names;
    let own = names.at(at)?.symbol;
    let name = names.symbols[own].name.as_str();
    (names.exported(name) == Some(own)).then_some(name)
}

/// The places of a file that name what another file defines as `name`; `leads` says whether a written path leads to that file.
pub fn uses_of_import(syntax: &Syntax, name: &str, leads: &dyn Fn(&str) -> bool) -> Vec<Span> {
    let names = &syntax.names;
    let is_from = |symbol: SymbolId| names.symbols[symbol].from.as_deref().is_some_and(leads);
    let mut found: Vec<Span> = names
        .occurrences
        .iter()
        .filter(|place| {
            let symbol = &names.symbols[place.symbol];
            symbol.kind == Kind::Imported && symbol.name == name && is_from(place.symbol)
        })
        .map(|place| place.span)
        .collect();
    let members = names.members.iter().filter(|(span, module)| syntax.text_of(*span) == name && is_from(*module));
    found.extend(members.map(|(span, _)| *span));
    found.sort();
    found
}

/// The edits that name in a file what another file now defines as `to`.
///
/// # Errors
/// When a name of the file would then mean another thing.
pub fn follow(syntax: &Syntax, uses: &[Span], to: &str) -> Result<Vec<Edit>, NoRename> {
    let edits: Vec<Edit> = uses.iter().map(|span| Edit { span: *span, text: to.to_owned() }).collect();
    clash(syntax, None, to, &edits)?;
    Ok(edits)
}

/// Why a name is not changed, as a sentence for the person who asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRename(pub String);

/// The name at byte `at`, if it may be changed.
///
/// # Errors
/// When it is no name of the file's own.
pub fn nameable(view: &View, at: u32) -> Result<Span, NoRename> {
    let syntax = view.syntax;
    let Some(word) = syntax.word_at(at) else { return Err(NoRename("there is no name here".to_owned())) };
    let text = syntax.token_text(word);
    let span = syntax.span(word.start, word.end);
    let Some(own) = syntax.names.at(word.start).filter(|own| own.span == span) else {
        return Err(NoRename(match word.kind {
            TokenKind::Keyword => format!("`{text}` is a word of the language"),
            _ if words::is_known(text) => format!("`{text}` is the library's"),
            _ => format!("`{text}` is no name that this file binds"),
        }));
    };
    let symbol = &syntax.names.symbols[own.symbol];
    match (symbol.kind, &symbol.from) {
        (Kind::Imported, Some(from)) => Err(NoRename(format!("`{text}` is defined in `{from}`: change it there"))),
        _ => Ok(span),
    }
}

/// The edits that call what is named at byte `at` by another name.
///
/// # Errors
/// When it is no name of the file's own, when `to` is no name, or when a name of the file would then mean another thing.
pub fn rename(view: &View, at: u32, to: &str) -> Result<Vec<Edit>, NoRename> {
    let syntax = view.syntax;
    let span = nameable(view, at)?;
    let refuse = |why: String| Err(NoRename(why));
    let Some(own) = syntax.names.at(span.start) else { return refuse("there is no name here".to_owned()) };
    let symbol = &syntax.names.symbols[own.symbol];
    match tokenize(to).as_slice() {
        [token] if token.kind == TokenKind::Name => {}
        [token] if token.kind == TokenKind::Keyword => return refuse(format!("`{to}` is a word of the language")),
        _ => return refuse(format!("`{to}` is no name: letters, digits and `_`, a digit not first")),
    }
    let upper = to.chars().next().is_some_and(char::is_uppercase);
    match symbol.kind {
        Kind::Layer if !upper => return refuse("layers are written in CapWords".to_owned()),
        Kind::Size if !upper => return refuse("the name of a size begins with a capital letter".to_owned()),
        Kind::Function if upper => return refuse("functions are written in snake_case".to_owned()),
        _ => {}
    }
    if symbol.bindings.first().is_some_and(|binding| syntax.text_of(*binding).starts_with('"')) {
        return refuse(format!("`{}` is the name of a file: write `as` behind its path", symbol.name));
    }
    let edits = edits(syntax, own.symbol, to);
    clash(syntax, Some(own.symbol), to, &edits)?;
    Ok(edits)
}

fn edits(syntax: &Syntax, symbol: SymbolId, to: &str) -> Vec<Edit> {
    let edit = |place: &super::names::Occurrence| match place.form {
        // The output keeps its name, which is the name of its file.
        Form::Shorthand => Edit { span: place.span.after(), text: format!(" = {to}") },
        _ => Edit { span: place.span, text: to.to_owned() },
    };
    let mut edits: Vec<Edit> = syntax.names.of_symbol(symbol).map(edit).collect();
    edits.dedup();
    edits
}

/// Refuses edits after which a name of the file stands for another thing than before.
fn clash(syntax: &Syntax, symbol: Option<SymbolId>, to: &str, edits: &[Edit]) -> Result<(), NoRename> {
    let (mut text, mut end) = (String::new(), 0);
    for edit in edits {
        text += &syntax.text[end..edit.span.start as usize];
        text += &edit.text;
        end = edit.span.end as usize;
    }
    text += &syntax.text[end..];
    let after = Syntax::new(text);
    if meanings(&syntax.names) == meanings(&after.names) {
        return Ok(());
    }
    let other = syntax.names.symbols.iter_enumerated().find(|(id, other)| Some(*id) != symbol && other.name == to);
    let why = match other {
        Some((_, other)) => {
            let line = syntax.text[..other.bindings[0].start as usize].matches('\n').count() + 1;
            format!("`{to}` is bound already, on line {line}")
        }
        None => format!("`{to}` means another thing here"),
    };
    Err(NoRename(why))
}

/// The places that name each symbol, by their order in the file: what a change of names leaves as it is. The name of an output that a
/// rename writes out is not counted.
fn meanings(names: &Names) -> Vec<(usize, bool)> {
    let mut seen: BTreeMap<SymbolId, usize> = BTreeMap::new();
    let counted = names
        .occurrences
        .iter()
        .filter(|place| !(place.form == Form::Binding && names.symbols[place.symbol].kind == Kind::Output));
    counted
        .map(|place| {
            let next = seen.len();
            (*seen.entry(place.symbol).or_insert(next), place.form == Form::Binding)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(text: &str, to: &str) -> Result<String, String> {
        let at = text.find('^').expect("a place") as u32;
        let syntax = Syntax::new(text.replacen('^', "", 1));
        let view = View::new(&syntax, None);
        let mut edits = rename(&view, at, to).map_err(|why| why.0)?;
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
        let mut text = syntax.text.clone();
        edits.iter().for_each(|edit| text.replace_range(edit.span.range(), &edit.text));
        Ok(text)
    }

    #[test]
    fn all_bindings_of_a_name_in_a_body_change_together() {
        let text = "input x: [4]\n^h = x\nfor n in [2, 3] {\n    h = h |> Affine(n)\n}\nfn f(h) = h\noutput y = f(h)\n";
        let want = "input x: [4]\ncode = x\nfor n in [2, 3] {\n    code = code |> Affine(n)\n}\nfn f(h) = h\noutput y = f(code)\n";
        assert_eq!(renamed(text, "code").as_deref(), Ok(want));
    }

    #[test]
    fn arguments_change_where_calls_name_them() {
        let text = "fn f(a, ^eps = 1) = a + eps\ny = f(2, eps = 3)\nz = g(eps = 3)\n";
        assert_eq!(renamed(text, "e").as_deref(), Ok("fn f(a, e = 1) = a + e\ny = f(2, e = 3)\nz = g(eps = 3)\n"));
        let layer = "layer L(^n: int)(x) { return x |> Affine(n) }\ny = x |> L(n = 3)\n";
        let want = "layer L(width: int)(x) { return x |> Affine(width) }\ny = x |> L(width = 3)\n";
        assert_eq!(renamed(layer, "width").as_deref(), Ok(want));
    }

    #[test]
    fn an_output_keeps_its_name() {
        assert_eq!(renamed("p^ = 1\noutput p\n", "q").as_deref(), Ok("q = 1\noutput p = q\n"));
    }

    #[test]
    fn inputs_change_in_data_too() {
        let text = "input ^x: [T]\ndata train { x = npy(\"x.npy\") }\n";
        assert_eq!(renamed(text, "a").as_deref(), Ok("input a: [T]\ndata train { a = npy(\"x.npy\") }\n"));
    }

    #[test]
    fn clashes_and_words_are_refused() {
        let refused = |text, to| renamed(text, to).expect_err("it is refused");
        assert_eq!(refused("^a = 1\nb = 2\nc = a + b\n", "b"), "`b` is bound already, on line 2");
        assert_eq!(refused("^a = 1\n", "loss"), "`loss` is a word of the language");
        assert_eq!(refused("^a = 1\n", "2a"), "`2a` is no name: letters, digits and `_`, a digit not first");
        assert_eq!(refused("y = re^lu(x)\n", "r"), "`relu` is the library's");
        assert_eq!(refused("y = q^q(x)\n", "r"), "`qq` is no name that this file binds");
        assert_eq!(refused("^a = 1\nb = relu(a)\n", "relu"), "`relu` means another thing here");
        assert_eq!(refused("layer ^L()(x) { return x }\n", "l"), "layers are written in CapWords");
        assert_eq!(refused("import \"m.nn\": ^f\n", "g"), "`f` is defined in `m.nn`: change it there");
    }

    #[test]
    fn a_function_reaches_names_that_are_bound_below_it() {
        let text = "fn f(x) = x * s^cale\nscale = 2\ny = f(1)\n";
        assert_eq!(renamed(text, "k").as_deref(), Ok("fn f(x) = x * k\nk = 2\ny = f(1)\n"));
    }

    #[test]
    fn a_name_of_the_librarys_is_its_own_until_it_is_bound() {
        let syntax = Syntax::new("y = mean(x)\nmean = mean(y)\nz = mean + 1\n");
        let places: Vec<u32> = syntax.names.occurrences.iter().map(|place| place.span.start).collect();
        assert_eq!(places, [0, 12, 24, 27, 31]);
    }
}
