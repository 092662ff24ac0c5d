//! The `train` block: settings and calls that name optimizers, read as records rather than evaluated.

use super::checker::Checker;
use super::foreign_keys;
use super::program::{DataStatement, Keep, Length, Monitor, TrainSettings};
use super::value::{Truth, Val};
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir::ResultRole;
use crate::ir::group::groups;
use crate::source::Span;
use crate::syntax::ast::{ExprId, ExprKind, Name, Setting, Stmt, StmtKind};

/// The keys of a `train` block.
pub const KEYS: [&str; 15] = [
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

impl<'a> Checker<'a> {
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
                if let Some(loss) = &setting.qualifier {
                    self.own_setting(setting, loss, &mut settings);
                    continue;
                }
                if let Some(old) = seen.iter().find(|old| old.text == setting.key.text) {
                    let title = format!("`{}` is set twice", setting.key.text);
                    let diagnostic = Diagnostic::at(Code::E0106, setting.key.span, title, "set again here")
                        .label(old.span, "first here");
                    self.report(diagnostic);
                    continue;
                }
                seen.push(&setting.key);
                self.setting(setting, &mut settings);
            }
            self.one_decay(&settings, &seen);
            self.one_length(&seen);
            let chosen = seen.iter().any(|key| ["keep", "monitor"].contains(&key.text.as_str()));
            if !chosen && groups(&self.graph).len() > 1 {
                settings.keep = Keep::Last;
            }
        }
        settings
    }

    /// W0805: epochs are compared though there is no validation set.
    pub fn judged_by_training(&mut self, data: &[DataStatement], settings: &TrainSettings) {
        let has = |set: &str| data.iter().any(|statement| statement.set == set);
        let Some(span) = settings.judged.filter(|_| has("train") && !has("validation")) else { return };
        let title = "without `data validation` the training set says which epoch is best";
        let mut diagnostic = Diagnostic::at(Code::W0805, span, title, "this compares epochs")
            .help("add `data validation { ... }`, or write `keep = last` instead");
        if let Some(monitor) = &settings.monitor
            && self.graph.results.iter().any(|result| result.name == monitor.name && result.role == ResultRole::Metric)
        {
            let note =
                format!("the metric `{}` is measured on a validation set alone, so here it never is", monitor.name);
            diagnostic = diagnostic.note(note);
        }
        self.report(diagnostic);
    }

    fn setting(&mut self, setting: &'a Setting, settings: &mut TrainSettings) {
        let key = setting.key.text.as_str();
        let span = self.ast_expr(setting.value).span;
        if ["monitor", "patience"].contains(&key) || key == "keep" && self.word(setting.value) == "best" {
            settings.judged.get_or_insert(setting.key.span.to(span));
        }
        match key {
            "optimizer" => {
                if let Some(optimizer) = self.optimizer(setting.value) {
                    settings.optimizer = optimizer;
                }
            }
            "keep" => self.keep(setting.value, settings),
            "monitor" => self.monitor(setting.value, settings),
            "schedule" => settings.schedule = self.schedule(setting.value).unwrap_or_default(),
            "order" => settings.order = self.order(setting.value).unwrap_or_default(),
            "shuffle" => match self.expr(setting.value) {
                Val::Bool(Truth::Known(value)) => settings.shuffle = value,
                Val::Error => {}
                other => self.bad_setting(span, key, "true or false", &other),
            },
            "batch" | "epochs" | "steps" | "seed" | "patience" | "accumulate" => {
                self.count_setting(key, setting.value, settings)
            }
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
                    None if foreign_keys::key(key, &KEYS).is_some() => {
                        let same = foreign_keys::key(key, &KEYS).unwrap_or_default();
                        let fix = format!("write `{same}`");
                        let diagnostic = diagnostic.help(format!("it is called `{same}` here"));
                        diagnostic.fix(fix, setting.key.span, same, Applicability::Maybe)
                    }
                    None if key == "lr" || key == "learning_rate" => {
                        diagnostic.help("the learning rate belongs to the optimizer: `optimizer = adam(lr = 1e-3)`")
                    }
                    None => diagnostic.note(format!("the settings are `{}`", KEYS.join("`, `"))),
                };
                self.report(diagnostic);
            }
        }
    }

    /// An optimizer that decays weights by itself leaves nothing to the setting.
    fn one_decay(&mut self, settings: &TrainSettings, seen: &[&'a Name]) {
        let Some(key) = seen.iter().find(|key| key.text == "weight_decay") else { return };
        let mut optimizers = std::iter::once(&settings.optimizer).chain(settings.optimizers.values());
        if settings.weight_decay > 0.0
            && let Some(optimizer) = optimizers.find(|optimizer| optimizer.decays())
        {
            let name = optimizer.rule.name;
            let title = format!("`{name}` has a weight decay of its own");
            let diagnostic = Diagnostic::at(Code::E0801, key.span, title, "this one is part of the gradient")
                .help(format!("give it to the optimizer: `{name}(weight_decay = {})`", settings.weight_decay));
            self.report(diagnostic);
        }
    }

    /// Refuses `epochs` beside `steps`.
    fn one_length(&mut self, seen: &[&'a Name]) {
        let mut lengths = seen.iter().filter(|key| ["epochs", "steps"].contains(&key.text.as_str()));
        if let (Some(first), Some(second)) = (lengths.next(), lengths.next()) {
            let title = "`epochs` and `steps` both say how long the run is";
            let diagnostic = Diagnostic::at(Code::E0801, second.span, title, "said again here")
                .label(first.span, "said here")
                .help("keep one: `epochs` are passes over the data, `steps` iterations");
            self.report(diagnostic);
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
            ("accumulate", Some(number)) => settings.accumulate = number,
            ("seed", Some(number)) => settings.seed = number as u64,
            (_, number) => settings.patience = number,
        }
    }

    /// The word that an expression is; empty when it is another one.
    fn word(&self, value: ExprId) -> &'a str {
        match &self.ast_expr(value).kind {
            ExprKind::Name(word) | ExprKind::Str(word) => word,
            _ => "",
        }
    }

    /// `keep = best` or `keep = last`.
    fn keep(&mut self, value: ExprId, settings: &mut TrainSettings) {
        match self.word(value) {
            "best" => settings.keep = Keep::Best,
            "last" => settings.keep = Keep::Last,
            _ => {
                let span = self.ast_expr(value).span;
                self.error(Code::E0801, span, "`keep` is `best` or `last`", "which weights a run leaves");
            }
        }
    }

    /// `monitor = loss`, `monitor = highest(accuracy)`, `monitor = lowest(distance)`. Of a loss, less is better; of a metric, the
    /// program says which.
    fn monitor(&mut self, value: ExprId, settings: &mut TrainSettings) {
        let (named, way) = match &self.ast_expr(value).kind {
            ExprKind::Call { callee, args, .. } if args.len() == 1 && args[0].name.is_none() => {
                (args[0].value, Some(self.word(*callee)))
            }
            _ => (value, None),
        };
        let (name, span) = (self.word(named), self.ast_expr(named).span);
        let monitored = self.graph.results.iter().filter(|result| result.role != ResultRole::Output);
        let Some(found) = monitored.clone().find(|result| result.name == name) else {
            // What is declared and yet not there was told already.
            if self.declares_result(&self.here.ast.items, name) || self.is_excused(name) {
                return;
            }
            let names: Vec<&str> = monitored.map(|result| result.name.as_str()).collect();
            let title = "`monitor` names a loss or a metric";
            let diagnostic = Diagnostic::at(Code::E0801, span, title, "none is called so");
            let diagnostic = match name.strip_prefix("val_").filter(|own| names.contains(own)) {
                Some(own) => diagnostic
                    .help(format!("write `{own}`"))
                    .note("a run watches the validation set, if there is one, so nothing is called `val_...`"),
                None => diagnostic.note(format!("the program declares `{}`", names.join("`, `"))),
            };
            self.report(diagnostic);
            return;
        };
        let highest = match (way, &found.role) {
            (Some("highest"), _) => true,
            (Some("lowest"), _) | (None, ResultRole::Loss { .. }) => false,
            (way, _) => {
                let title = match way {
                    Some(_) => "`monitor` takes the `highest` or the `lowest` value".to_owned(),
                    None => format!("`monitor` does not say whether more of the metric `{name}` is better"),
                };
                let diagnostic = Diagnostic::at(Code::E0801, self.ast_expr(value).span, title, "which way is better?")
                    .help(format!("write `highest({name})` or `lowest({name})`"));
                self.report(diagnostic);
                return;
            }
        };
        settings.monitor = Some(Monitor { name: name.to_owned(), highest });
    }

    /// Whether a statement declares a loss or metric called `name`.
    fn declares_result(&self, stmts: &[Stmt], name: &str) -> bool {
        stmts.iter().any(|stmt| match &stmt.kind {
            StmtKind::Loss(loss) => loss.name.as_ref().map_or("loss", |own| &own.text) == name,
            StmtKind::Metric { name: own, .. } => own.text == name,
            StmtKind::For { body, .. } => self.declares_result(&body.stmts, name),
            StmtKind::If { then, otherwise, .. } => {
                let arms = std::iter::once(then).chain(otherwise);
                arms.into_iter().any(|block| self.declares_result(&block.stmts, name))
            }
            _ => false,
        })
    }
}
