//! `data` statements: which file feeds which input.

use super::checker::Checker;
use super::foreign_keys;
use super::program::{DataColumns, DataStatement, Format, Reader, Select};
use super::scope::Role;
use super::value::{Truth, Val};
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::source::Span;
use crate::syntax::ast::{CallArg, DataSource, ExprId, ExprKind, Name, Stmt, StmtKind};

/// The readers of data files.
pub const READERS: [&str; 8] = ["csv", "idx", "images", "npy", "npz", "parquet", "safetensors", "text"];

/// Whether `name` is a reader's.
pub fn is_reader(name: &str) -> bool {
    READERS.contains(&name)
}

impl<'a> Checker<'a> {
    /// The `data` statements of the file.
    pub fn data_statements(&mut self, items: &'a [Stmt]) -> Vec<DataStatement> {
        let mut found: Vec<DataStatement> = Vec::new();
        for item in items {
            let StmtKind::Data { name, source } = &item.kind else { continue };
            if !["train", "validation", "test"].contains(&name.text.as_str()) {
                let title = format!("a data set is `train`, `validation` or `test`, not `{}`", name.text);
                let mut diagnostic = Diagnostic::at(Code::E0102, name.span, title, "unknown data set");
                let near = closest(&name.text, ["train", "validation", "test"]);
                if let Some(near) = near.or_else(|| foreign_keys::data_set(&name.text)) {
                    diagnostic = diagnostic.fix(format!("write `{near}`"), name.span, near, Applicability::Maybe);
                }
                self.report(diagnostic);
                continue;
            }
            if let Some(first) = found.iter().find(|set| set.set == name.text) {
                let title = format!("data set `{}` is declared twice", name.text);
                let diagnostic = Diagnostic::at(Code::E0106, name.span, title, "declared again here")
                    .label(first.span, "first here");
                self.report(diagnostic);
                continue;
            }
            if let Some(source) = self.data_source(name, source, item.span) {
                found.push(DataStatement { set: name.text.clone(), span: name.span, source });
            }
        }
        found
    }

    fn data_source(&mut self, set: &'a Name, source: &'a DataSource, span: Span) -> Option<DataColumns> {
        let columns = match source {
            DataSource::Whole(value) => return self.whole(*value).map(DataColumns::Whole),
            DataSource::Columns(columns) => columns,
        };
        let inputs: Vec<String> =
            self.graph.inputs.iter().filter(|input| !input.is_scalar()).map(|input| input.name.clone()).collect();
        let mut sources = Vec::new();
        // What follows a part that did not parse may belong to another statement.
        let broken = self.here.ast.broken.iter().map(|part| part.span);
        let broken =
            broken.filter(|part| span.start <= part.start && part.end <= span.end).map(|part| part.start).min();
        let mut misnamed = broken.is_some();
        for (position, (name, value)) in columns.iter().enumerate() {
            let known = inputs.contains(&name.text) || self.is_broken_input(&name.text);
            if !known && broken.is_some_and(|broken| broken < name.span.start) {
                continue;
            }
            if let Some((first, _)) = columns[..position].iter().find(|(other, _)| other.text == name.text) {
                let title = format!("column `{}` is given twice", name.text);
                let diagnostic = Diagnostic::at(Code::E0106, name.span, title, "given again here");
                self.report(diagnostic.label(first.span, "first given here"));
            }
            misnamed |= !known;
            if !known && !self.is_excused(&name.text) {
                let title = format!("no input is called `{}`", name.text);
                let mut diagnostic = Diagnostic::at(Code::E0102, name.span, title, "a column feeds an input");
                if let Some(near) = closest(&name.text, inputs.iter().map(String::as_str)) {
                    diagnostic = diagnostic.fix(format!("write `{near}`"), name.span, near, Applicability::Maybe);
                }
                self.report_unknown(&name.text, diagnostic);
            }
            if let Some(source) = self.column(set, name, *value) {
                sources.push((name.text.clone(), source));
            }
        }
        for input in self.graph.inputs.clone() {
            let fed = columns.iter().any(|(name, _)| name.text == input.name);
            // A column under a wrong name may be the one that is missing.
            if fed || misnamed || input.drawn.is_some() || input.is_scalar() || self.is_poisoned(&input.name) {
                continue;
            }
            let title = format!("input `{}` is never fed by the data set `{}`", input.name, set.text);
            let mut diagnostic = Diagnostic::at(Code::E0402, set.span, title, "no column for it here");
            if let Some(span) = self.graph.node(input.value).place.span {
                diagnostic = diagnostic.label(span, "declared here");
            }
            let diagnostic = diagnostic.help(format!("add `{} = ...` inside the braces", input.name));
            self.report(diagnostic);
        }
        Some(DataColumns::Each(sources))
    }

    /// Whether a name was bound again to what nobody knows: perhaps by a column that stands outside its braces.
    fn is_poisoned(&self, name: &str) -> bool {
        let binding = self.scopes.peek(self.here.scope, name);
        binding.is_some_and(|binding| binding.role == Role::Value && matches!(binding.val, Val::Error))
    }

    /// Whether an input of that name is declared, though its declaration is wrong.
    fn is_broken_input(&self, name: &str) -> bool {
        let binding = self.scopes.peek(self.here.scope, name);
        binding.is_some_and(|binding| binding.role == Role::Input && matches!(binding.val, Val::Error))
    }

    /// The reader of a whole set.
    fn whole(&mut self, id: ExprId) -> Option<Reader> {
        let expr = self.ast_expr(id);
        if let ExprKind::Call { callee, args, .. } = &expr.kind
            && let ExprKind::Name(name) = &self.ast_expr(*callee).kind
        {
            return self.reader(name, args, expr.span);
        }
        let diagnostic = Diagnostic::at(
            Code::E0114,
            expr.span,
            "a whole data set is read by `csv` or `parquet`",
            "this is no reader",
        );
        self.report(
            diagnostic
                .help("write `csv(\"f.csv\")` or `parquet(\"f.parquet\")`, or give each input a column in braces"),
        );
        None
    }

    /// The call of the reader `name`.
    pub fn reader(&mut self, name: &str, args: &'a [CallArg], span: Span) -> Option<Reader> {
        let format = match name {
            "idx" => Format::Idx,
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "parquet" => Format::Parquet,
            "safetensors" => Format::Safetensors,
            "csv" => Format::Csv,
            "images" => Format::Images,
            "text" => Format::Text { window: 0, stride: 0 },
            _ => {
                self.unknown_reader(name, span);
                return None;
            }
        };
        let is_text = name == "text";
        let (mut positional, mut raw, mut window, mut stride) = (Vec::new(), false, None, None);
        for arg in args {
            if self.is_bare_column(arg, positional.len()) {
                return None;
            }
            let val = self.expr(arg.value);
            match (&arg.name, val) {
                (_, Val::Error) => return None,
                (None, val) => positional.push((val, self.ast_expr(arg.value).span)),
                (Some(key), Val::Bool(Truth::Known(value))) if key.text == "raw" && !is_text => raw = value,
                (Some(key), val) if is_text && ["window", "stride"].contains(&key.text.as_str()) => {
                    let bytes = self.bytes_of(&val, &key.text, self.ast_expr(arg.value).span)?;
                    *(if key.text == "window" { &mut window } else { &mut stride }) = Some(bytes);
                }
                (Some(key), _) => {
                    let known: &[&str] = if is_text { &["window", "stride"] } else { &["raw"] };
                    self.report_unknown_argument(name, &key.text, key.span, known);
                    return None;
                }
            }
        }
        let mut positional = positional.into_iter();
        let path = match positional.next() {
            Some((Val::Str(path), _)) => path.to_string(),
            other => {
                let span = other.map_or(span, |(_, span)| span);
                let title = format!("`{name}` needs the file's name");
                self.error(Code::E0105, span, title, format!("write `{name}(\"...\")`"));
                return None;
            }
        };
        if is_text {
            return self.text_reader(path, window, stride, positional.next(), span);
        }
        let select = self.selection(positional.next())?;
        if matches!(format, Format::Npz | Format::Safetensors) && !matches!(select, Select::Name(_)) {
            let title = format!("`{name}` needs the array's key");
            self.error(Code::E0105, span, title, format!("write `{name}(\"f.{name}\", \"key\")`"));
            return None;
        }
        if format == Format::Images && !matches!(&select, Select::All) && select != Select::Name("class".to_owned()) {
            let title = "`images` takes a folder, and `\"class\"` for the numbers of its sub-folders";
            self.error(Code::E0114, span, title, "write `images(\"folder/\")` or `images(\"folder/\", \"class\")`");
            return None;
        }
        Some(Reader { format, path, select, raw, span })
    }

    /// Whether a column's name stands there without its quotes, which is reported then.
    fn is_bare_column(&mut self, arg: &'a CallArg, position: usize) -> bool {
        let expr = self.ast_expr(arg.value);
        let ExprKind::Name(name) = &expr.kind else { return false };
        if position != 1 || arg.name.is_some() || self.scopes.peek(self.here.scope, name).is_some() {
            return false;
        }
        let title = format!("unknown name `{name}`");
        let diagnostic = Diagnostic::at(Code::E0102, expr.span, title, "the name of a column is a text");
        let quoted = format!("\"{name}\"");
        self.report(diagnostic.fix(format!("write `{quoted}`"), expr.span, quoted, Applicability::Certain));
        true
    }

    /// What the argument behind a file's name takes of it.
    fn selection(&mut self, given: Option<(Val<'a>, Span)>) -> Option<Select> {
        Some(match given {
            None => Select::All,
            Some((Val::Str(column), _)) => Select::Name(column.to_string()),
            Some((Val::List(columns), at)) => {
                let names = columns.iter().map(|val| match val {
                    Val::Str(name) => Some(name.to_string()),
                    _ => None,
                });
                match names.collect::<Option<Vec<_>>>() {
                    Some(names) => Select::Names(names),
                    None => {
                        self.error(Code::E0114, at, "columns are named by texts", "a list of names is needed");
                        return None;
                    }
                }
            }
            Some((other, at)) => {
                let title = format!("a column is named by a text, not by {}", other.kind());
                self.error(Code::E0114, at, title, "which column?");
                return None;
            }
        })
    }

    /// `text(path, window = ..., stride = ...)`; the stride is the window unless given.
    fn text_reader(
        &mut self,
        path: String,
        window: Option<usize>,
        stride: Option<usize>,
        surplus: Option<(Val<'a>, Span)>,
        span: Span,
    ) -> Option<Reader> {
        if let Some((_, at)) = surplus {
            self.error(Code::E0105, at, "`text` takes one file; its numbers have names", "write `window = 128`");
            return None;
        }
        let Some(window) = window else {
            let title = "`text` needs the length of a sample in bytes";
            self.error(Code::E0105, span, title, "write `text(\"f.txt\", window = 128)`");
            return None;
        };
        let format = Format::Text { window, stride: stride.unwrap_or(window) };
        Some(Reader { format, path, select: Select::All, raw: false, span })
    }

    /// A number of bytes, at least 1.
    fn bytes_of(&mut self, val: &Val<'a>, name: &str, span: Span) -> Option<usize> {
        let bytes = val.integer().and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
        if bytes.is_none() {
            let title = format!("`{name}` of `text` is a number of bytes, at least 1");
            self.error(Code::E0114, span, title, format!("this is {}", val.show()));
        }
        bytes
    }

    fn unknown_reader(&mut self, name: &str, span: Span) {
        let mut diagnostic =
            Diagnostic::at(Code::E0102, span, format!("unknown reader `{name}`"), "not a reader of data");
        let near = closest(name, READERS).map(|near| format!("a similar reader exists: `{near}`"));
        let meant = foreign_keys::reader(name).map(|reader| format!("write `{reader}(...)`"));
        diagnostic = match meant.or(near) {
            Some(help) => diagnostic.help(help),
            None => diagnostic
                .note("the readers are `csv`, `idx`, `images`, `npy`, `npz`, `parquet`, `safetensors` and `text`"),
        };
        self.report(diagnostic);
    }
}
