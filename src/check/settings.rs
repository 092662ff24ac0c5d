//! `data` and `train` statements: calls that name readers and optimizers, read as records rather than evaluated.

use super::checker::Checker;
use super::program::{DataColumns, DataStatement, Format, Keep, Length, Optimizer, Reader, Select, TrainSettings};
use super::value::{Truth, Val};
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir::ResultRole;
use crate::source::Span;
use crate::syntax::ast::{CallArg, DataSource, ExprId, ExprKind, Name, Setting, Stmt, StmtKind};

/// The keys of a `train` block.
const KEYS: [&str; 15] = [
    "optimizer",
    "schedule",
    "batch",
    "epochs",
    "steps",
    "seed",
    "shuffle",
    "clip_norm",
    "clip_value",
    "accumulate",
    "order",
    "keep",
    "monitor",
    "patience",
    "weight_decay",
];

/// Readers that the language has and this version does not.
const READERS_TO_COME: [&str; 4] = ["text", "safetensors", "parquet", "images"];

/// Optimizers that the language has and this version does not.
const OPTIMIZERS_TO_COME: [&str; 12] = [
    "adagrad",
    "adadelta",
    "rmsprop",
    "adamw",
    "adamax",
    "amsgrad",
    "adabound",
    "adabelief",
    "sgdw",
    "lars",
    "lamb",
    "lion",
];

impl<'a> Checker<'a> {
    /// The `data` statements of the file.
    pub fn data_statements(&mut self, items: &'a [Stmt]) -> Vec<DataStatement> {
        let mut found: Vec<DataStatement> = Vec::new();
        for item in items {
            let StmtKind::Data { name, source } = &item.kind else { continue };
            if !["train", "validation", "test"].contains(&name.text.as_str()) {
                let title = format!("a data set is `train`, `validation` or `test`, not `{}`", name.text);
                let mut diagnostic = Diagnostic::at(Code::E0102, name.span, title, "unknown data set");
                if let Some(near) = closest(&name.text, ["train", "validation", "test"]) {
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
            if let Some(source) = self.data_source(name, source) {
                found.push(DataStatement { set: name.text.clone(), span: name.span, source });
            }
        }
        found
    }

    fn data_source(&mut self, set: &'a Name, source: &'a DataSource) -> Option<DataColumns> {
        let columns = match source {
            DataSource::Whole(value) => return self.reader(*value).map(DataColumns::Whole),
            DataSource::Columns(columns) => columns,
        };
        let inputs: Vec<String> = self.graph.inputs.iter().map(|input| input.name.clone()).collect();
        let mut readers: Vec<(String, Reader)> = Vec::new();
        for (name, value) in columns {
            if !inputs.contains(&name.text) {
                let title = format!("no input is called `{}`", name.text);
                let mut diagnostic = Diagnostic::at(Code::E0102, name.span, title, "a column feeds an input");
                if let Some(near) = closest(&name.text, inputs.iter().map(String::as_str)) {
                    diagnostic = diagnostic.fix(format!("write `{near}`"), name.span, near, Applicability::Maybe);
                }
                self.report(diagnostic);
            }
            if let Some(reader) = self.reader(*value) {
                readers.push((name.text.clone(), reader));
            }
        }
        for input in self.graph.inputs.clone() {
            let fed = columns.iter().any(|(name, _)| name.text == input.name);
            if fed || input.drawn.is_some() {
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
        Some(DataColumns::Each(readers))
    }

    /// A call of a reader.
    fn reader(&mut self, id: ExprId) -> Option<Reader> {
        let expr = self.ast_expr(id);
        let span = expr.span;
        let call = match &expr.kind {
            ExprKind::Call { callee, args, .. } => match &self.ast_expr(*callee).kind {
                ExprKind::Name(name) => Some((name.as_str(), args)),
                _ => None,
            },
            _ => None,
        };
        let Some((name, args)) = call else {
            self.unsupported(span, "column expressions other than a reader's call");
            return None;
        };
        let format = match name {
            "idx" => Format::Idx,
            "npy" => Format::Npy,
            "npz" => Format::Npz,
            "csv" => Format::Csv,
            _ => {
                self.unknown_reader(name, span);
                return None;
            }
        };
        let (mut positional, mut raw) = (Vec::new(), false);
        for arg in args {
            let val = self.expr(arg.value);
            match (&arg.name, val) {
                (_, Val::Error) => return None,
                (None, val) => positional.push((val, self.ast_expr(arg.value).span)),
                (Some(key), Val::Bool(Truth::Known(value))) if key.text == "raw" => raw = value,
                (Some(key), _) => {
                    self.report_unknown_argument(name, &key.text, key.span, &["raw"]);
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
        let select = match positional.next() {
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
        };
        if format == Format::Npz && select == Select::All {
            self.error(Code::E0105, span, "`npz` needs the array's key", "write `npz(\"f.npz\", \"key\")`");
            return None;
        }
        Some(Reader { format, path, select, raw, span })
    }

    fn unknown_reader(&mut self, name: &str, span: Span) {
        if READERS_TO_COME.contains(&name) {
            self.unsupported(span, &format!("`{name}(...)` files"));
            return;
        }
        let known = ["idx", "npy", "npz", "csv"];
        let mut diagnostic =
            Diagnostic::at(Code::E0102, span, format!("unknown reader `{name}`"), "not a reader of data");
        diagnostic = match closest(name, known) {
            Some(near) => diagnostic.help(format!("a similar reader exists: `{near}`")),
            None => diagnostic.note("the readers are `idx`, `npy`, `npz` and `csv`"),
        };
        self.report(diagnostic);
    }

    /// The `train` block.
    pub fn train_settings(&mut self, items: &'a [Stmt]) -> TrainSettings {
        let mut settings = TrainSettings::default();
        let mut first: Option<Span> = None;
        for item in items {
            let StmtKind::Train { settings: written } = &item.kind else { continue };
            if let Some(first) = first {
                let diagnostic = Diagnostic::at(Code::E0106, item.span, "two `train` blocks", "the second one")
                    .label(first, "the first one");
                self.report(diagnostic);
                continue;
            }
            first = Some(item.span);
            let mut seen: Vec<&'a Name> = Vec::new();
            for setting in written {
                if let Some(old) = seen.iter().find(|old| old.text == setting.key.text && setting.qualifier.is_none()) {
                    let title = format!("`{}` is set twice", setting.key.text);
                    let diagnostic = Diagnostic::at(Code::E0106, setting.key.span, title, "set again here")
                        .label(old.span, "first here");
                    self.report(diagnostic);
                    continue;
                }
                seen.push(&setting.key);
                self.setting(setting, &mut settings);
            }
        }
        settings
    }

    fn setting(&mut self, setting: &'a Setting, settings: &mut TrainSettings) {
        let key = setting.key.text.as_str();
        let span = self.ast_expr(setting.value).span;
        if let Some(qualifier) = &setting.qualifier {
            self.unsupported(qualifier.span, "settings for one loss of several");
            return;
        }
        match key {
            "optimizer" => {
                if let Some(optimizer) = self.optimizer(setting.value) {
                    settings.optimizer = optimizer;
                }
            }
            "keep" | "monitor" => self.word_setting(key, setting.value, settings),
            "schedule" | "accumulate" | "order" => self.unsupported(setting.key.span, &format!("`{key}` settings")),
            "shuffle" => match self.expr(setting.value) {
                Val::Bool(Truth::Known(value)) => settings.shuffle = value,
                Val::Error => {}
                other => self.bad_setting(span, key, "true or false", &other),
            },
            "batch" | "epochs" | "steps" | "seed" | "patience" => self.count_setting(key, setting.value, settings),
            "clip_norm" | "clip_value" | "weight_decay" => {
                let val = self.expr(setting.value);
                match (key, val.number()) {
                    (_, None) if matches!(val, Val::Error) => {}
                    ("weight_decay", Some(value)) if value >= 0.0 => settings.weight_decay = value,
                    ("clip_norm", Some(value)) if value > 0.0 => settings.clip_norm = Some(value),
                    ("clip_value", Some(value)) if value > 0.0 => settings.clip_value = Some(value),
                    _ => self.bad_setting(span, key, "a positive number", &val),
                }
            }
            _ => {
                let title = format!("unknown training setting `{key}`");
                let mut diagnostic = Diagnostic::at(Code::E0801, setting.key.span, title, "not a setting");
                diagnostic = match closest(key, KEYS) {
                    Some(near) => diagnostic.help(format!("a similar setting exists: `{near}`")).fix(
                        format!("write `{near}`"),
                        setting.key.span,
                        near,
                        Applicability::Certain,
                    ),
                    None if key == "lr" || key == "learning_rate" => {
                        diagnostic.help("the learning rate belongs to the optimizer: `optimizer = adam(lr = 1e-3)`")
                    }
                    None => diagnostic.note(format!("the settings are `{}`", KEYS.join("`, `"))),
                };
                self.report(diagnostic);
            }
        }
    }

    fn bad_setting(&mut self, span: Span, key: &str, needed: &str, val: &Val<'a>) {
        let title = format!("`{key}` is {needed}");
        self.error(Code::E0801, span, title, format!("this is {}", val.show()));
    }

    fn count_setting(&mut self, key: &str, value: ExprId, settings: &mut TrainSettings) {
        let span = self.ast_expr(value).span;
        let val = self.expr(value);
        let least = i64::from(key != "seed");
        let number = val.integer().filter(|number| *number >= least).and_then(|number| usize::try_from(number).ok());
        match (key, number) {
            (_, None) if matches!(val, Val::Error) => {}
            (_, None) => {
                self.bad_setting(span, key, if least == 1 { "a positive integer" } else { "an integer from 0" }, &val)
            }
            ("batch", Some(number)) => settings.batch = number,
            ("epochs", Some(number)) => settings.length = Length::Epochs(number),
            ("steps", Some(number)) => settings.length = Length::Steps(number),
            ("seed", Some(number)) => settings.seed = number as u64,
            (_, number) => settings.patience = number,
        }
    }

    /// `keep = best`, `monitor = accuracy`: words, not values.
    fn word_setting(&mut self, key: &str, value: ExprId, settings: &mut TrainSettings) {
        let expr = self.ast_expr(value);
        let word = match &expr.kind {
            ExprKind::Name(word) | ExprKind::Str(word) => word.clone(),
            _ => String::new(),
        };
        if key == "keep" {
            match word.as_str() {
                "best" => settings.keep = Keep::Best,
                "last" => settings.keep = Keep::Last,
                _ => {
                    self.error(Code::E0801, expr.span, "`keep` is `best` or `last`", "which weights a run leaves");
                }
            }
            return;
        }
        let monitored = self.graph.results.iter().filter(|result| result.role != ResultRole::Output);
        let names: Vec<String> = monitored.map(|result| result.name.clone()).collect();
        if names.contains(&word) {
            settings.monitor = Some(word);
            return;
        }
        let title = "`monitor` names a loss or a metric";
        let diagnostic = Diagnostic::at(Code::E0801, expr.span, title, "none is called so")
            .note(format!("there are `{}`", names.join("`, `")));
        self.report(diagnostic);
    }

    fn optimizer(&mut self, id: ExprId) -> Option<Optimizer> {
        let expr = self.ast_expr(id);
        let (name, args, at): (&str, &'a [CallArg], Span) = match &expr.kind {
            ExprKind::Call { callee, args, .. } => match &self.ast_expr(*callee).kind {
                ExprKind::Name(name) => (name, args, self.ast_expr(*callee).span),
                _ => ("", &[], expr.span),
            },
            ExprKind::Name(name) => (name, &[], expr.span),
            _ => ("", &[], expr.span),
        };
        let parameters: &[(&str, f64)] = match name {
            "sgd" => &[("lr", 0.01)],
            "momentum" | "nesterov" => &[("lr", 0.01), ("momentum", 0.9)],
            "adam" => &[("lr", 0.001), ("beta1", 0.9), ("beta2", 0.999), ("eps", 1e-8)],
            _ if OPTIMIZERS_TO_COME.contains(&name) => {
                self.unsupported(at, &format!("`{name}` optimizers"));
                return None;
            }
            _ => {
                let known = ["sgd", "momentum", "nesterov", "adam"];
                let mut diagnostic = Diagnostic::at(Code::E0801, at, "unknown optimizer", "not an optimizer");
                diagnostic = match closest(name, known) {
                    Some(near) => diagnostic.help(format!("a similar optimizer exists: `{near}`")),
                    None => diagnostic.note(format!("the optimizers are `{}`", known.join("`, `"))),
                };
                self.report(diagnostic);
                return None;
            }
        };
        let values = self.numbers_of(name, parameters, args)?;
        Some(match name {
            "sgd" => Optimizer::Sgd { lr: values[0] },
            "momentum" => Optimizer::Momentum { lr: values[0], momentum: values[1] },
            "nesterov" => Optimizer::Nesterov { lr: values[0], momentum: values[1] },
            _ => Optimizer::Adam { lr: values[0], beta1: values[1], beta2: values[2], eps: values[3] },
        })
    }

    /// The arguments of an optimizer, all numbers with defaults.
    fn numbers_of(&mut self, name: &str, parameters: &[(&str, f64)], args: &'a [CallArg]) -> Option<Vec<f64>> {
        let mut values: Vec<f64> = parameters.iter().map(|(_, default)| *default).collect();
        for (index, arg) in args.iter().enumerate() {
            let span = self.ast_expr(arg.value).span;
            let slot = match &arg.name {
                None => Some(index).filter(|index| *index < values.len()),
                Some(key) => parameters.iter().position(|(name, _)| *name == key.text),
            };
            let Some(slot) = slot else {
                let names: Vec<_> = parameters.iter().map(|(name, _)| *name).collect();
                match &arg.name {
                    Some(key) => self.report_unknown_argument(name, &key.text, key.span, &names),
                    None => self.error(Code::E0105, span, format!("`{name}` takes fewer arguments"), "too many"),
                };
                return None;
            };
            let val = self.expr(arg.value);
            match val.number() {
                Some(value) if value >= 0.0 => values[slot] = value,
                _ if matches!(val, Val::Error) => return None,
                _ => {
                    let title = format!("`{}` of `{name}` is a number from 0", parameters[slot].0);
                    self.error(Code::E0801, span, title, format!("this is {}", val.show()));
                    return None;
                }
            }
        }
        Some(values)
    }
}
