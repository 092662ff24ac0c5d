//! The settings of a `train` block that concern more than one step: the learning rate's schedule, the order of the steps of an
//! iteration, and an optimizer of its own for one of them.

use super::checker::Checker;
use super::program::TrainSettings;
use super::value::Val;
use crate::base::closest;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::group::{Group, groups};
use crate::optimizers::{SCHEDULES, Schedule};
use crate::source::Span;
use crate::syntax::ast::{ExprId, ExprKind, Name, Setting};

impl<'a> Checker<'a> {
    /// The schedule that an expression names.
    pub fn schedule(&mut self, id: ExprId) -> Option<Schedule> {
        let mut record = self.record(id);
        let Some((name, _, parameters)) = SCHEDULES.iter().find(|(name, ..)| *name == record.name) else {
            let names: Vec<&str> = SCHEDULES.iter().map(|(name, ..)| *name).collect();
            self.unknown_record("schedule", &record, &names);
            return None;
        };
        let is_at = |arg: &&'a crate::syntax::ast::CallArg| arg.name.as_ref().is_some_and(|name| name.text == "at");
        let at = record.args.iter().find(|arg| *name == "step" && is_at(arg));
        let at = match at {
            Some(arg) => self.iterations(arg.value)?,
            None if *name == "step" => {
                let title = "`step` needs the iterations at which the learning rate falls";
                let diagnostic = Diagnostic::at(Code::E0105, record.span, title, "`at` is missing")
                    .help("give them: `step(gamma = 0.1, at = [1000, 2000])`");
                self.report(diagnostic);
                return None;
            }
            None => Vec::new(),
        };
        if *name == "step" {
            record.args.retain(|arg| !is_at(arg));
        }
        let numbers = self.numbers(&record, parameters)?;
        Schedule::named(name, &numbers, at)
    }

    /// `[1000, 2000]`: increasing integers from 1.
    fn iterations(&mut self, id: ExprId) -> Option<Vec<f64>> {
        let span = self.ast_expr(id).span;
        let val = self.expr(id);
        let items = match &val {
            Val::Error => return None,
            Val::List(items) => items.iter().map(Val::integer).collect::<Option<Vec<i64>>>(),
            _ => None,
        };
        let rising = |items: &Vec<i64>| items.iter().all(|item| *item > 0) && items.is_sorted_by(|a, b| a < b);
        match items.filter(|items| !items.is_empty() && rising(items)) {
            Some(items) => Some(items.into_iter().map(|item| item as f64).collect()),
            None => {
                let title = "`at` of `step` is a list of iterations, each after the one before";
                self.error(Code::E0801, span, title, format!("this is {}", val.show()));
                None
            }
        }
    }

    /// `optimizer d = e`.
    pub fn own_setting(&mut self, setting: &'a Setting, loss: &'a Name, settings: &mut TrainSettings) {
        if setting.key.text != "optimizer" {
            let title = format!("`{}` holds for the whole run", setting.key.text);
            let diagnostic = Diagnostic::at(Code::E0801, loss.span, title, "not for one loss alone")
                .note("an optimizer is what the step of one loss may have to itself: `optimizer d = adam()`");
            self.report(diagnostic);
            return;
        }
        let (Some(group), Some(optimizer)) = (self.step_of(&loss.text, loss.span), self.optimizer(setting.value))
        else {
            return;
        };
        if settings.optimizers.insert(group.name().to_owned(), optimizer).is_some() {
            let title = format!("the step of loss `{}` has an optimizer already", loss.text);
            let diagnostic = Diagnostic::at(Code::E0106, loss.span, title, "set again here")
                .note(format!("`{}` train the same parameters, so they are one step", group.losses.join("` and `")));
            self.report(diagnostic);
        }
    }

    /// `order = [d, d, g]`.
    pub fn order(&mut self, id: ExprId) -> Option<Vec<String>> {
        let expr = self.ast_expr(id);
        let ExprKind::List(items) = &expr.kind else {
            let title = "`order` is a list of losses";
            let diagnostic = Diagnostic::at(Code::E0801, expr.span, title, "no list")
                .help("name the loss of each step of an iteration: `order = [d, d, g]`");
            self.report(diagnostic);
            return None;
        };
        let mut order: Vec<String> = Vec::new();
        let mut said: Vec<&str> = Vec::new();
        for item in items {
            let item = self.ast_expr(*item);
            let name = match &item.kind {
                ExprKind::Name(name) | ExprKind::Str(name) => name.as_str(),
                _ => "",
            };
            let group = self.step_of(name, item.span)?;
            let other = group.losses.iter().find(|loss| *loss != name && said.contains(&loss.as_str()));
            if let Some(other) = other {
                let title = format!("`{other}` and `{name}` are one step");
                let diagnostic = Diagnostic::at(Code::E0801, item.span, title, "this would run the step once more")
                    .note("losses that train the same parameters are minimised together")
                    .help(format!("name one of them, as often as the step is to run: `{other}`"));
                self.report(diagnostic);
                return None;
            }
            said.push(name);
            order.push(group.name().to_owned());
        }
        let groups = groups(&self.graph);
        if let Some(left) = groups.iter().find(|group| !order.iter().any(|name| name == group.name())) {
            let title = format!("`order` leaves out loss `{}`", left.name());
            let diagnostic = Diagnostic::at(Code::E0801, expr.span, title, "its step would never run");
            self.report(diagnostic.help(match left.name() {
                "loss" => "give it a name, `loss fit ... = ...`, and list that too: `[..., fit]`".to_owned(),
                name => format!("name it too, or remove the loss: `[..., {name}]`"),
            }));
            return None;
        }
        Some(order)
    }

    /// The step that minimises a loss; reported if there is none of that name.
    fn step_of(&mut self, loss: &str, span: Span) -> Option<Group> {
        let groups = groups(&self.graph);
        let found = groups.iter().find(|group| group.losses.iter().any(|name| name == loss));
        if found.is_some() || self.failed() {
            return found.cloned();
        }
        let names: Vec<&str> = groups.iter().flat_map(|group| &group.losses).map(String::as_str).collect();
        let title = match loss {
            "" => "this names no loss".to_owned(),
            _ => format!("no loss is called `{loss}`"),
        };
        let diagnostic = Diagnostic::at(Code::E0801, span, title, "not a loss");
        let diagnostic = match closest(loss, names.iter().copied()) {
            Some(near) => diagnostic.help(format!("a similar name exists: `{near}`")),
            None if names.is_empty() => diagnostic.note("there are no losses"),
            None => diagnostic.note(format!("the losses are `{}`", names.join("`, `"))),
        };
        self.report(diagnostic);
        None
    }
}
