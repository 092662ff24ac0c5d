//! `ema(instance, decay)`: a copy of an instance whose parameters follow the instance's as moving averages.
//!
//! The copy is the same layer at a path of its own. Where its body declares a parameter, the copy declares a state: it starts as the
//! instance's parameter does, and `update s = decay * s + (1 - decay) * w` follows it. States of the layer are the copy's own.

use std::rc::Rc;

use super::call::Given;
use super::checker::{Body, Checker, Known};
use super::scope::Role;
use super::value::{Instance, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Update, Variable, VariableKind};
use crate::source::Span;
use crate::syntax::ast::Name;
use crate::tensor::Type;

/// A moving average in the making.
#[derive(Clone)]
pub struct Average {
    /// The copy's path.
    path: String,
    /// The path of what it follows.
    source: String,
    decay: f64,
}

/// What a parameter inside a copy is.
pub struct Follower {
    /// The state's path.
    pub path: String,
    source: String,
    decay: f64,
}

impl<'a> Checker<'a> {
    /// Makes the copy.
    pub fn ema(&mut self, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        let mut slots: [Option<Given<'a>>; 2] = [None, None];
        for (position, given) in given.into_iter().enumerate() {
            let slot = match given.name {
                None => position,
                Some(name) => match ["instance", "decay"].iter().position(|own| *own == name) {
                    Some(slot) => slot,
                    None => return self.report_unknown_argument("ema", name, given.at, &["instance", "decay"]),
                },
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some(given),
                _ => return self.error(Code::E0105, given.span, "`ema` takes two arguments", "one too many"),
            }
        }
        let [Some(instance), Some(decay)] = slots else {
            return self.error(Code::E0105, span, "`ema` takes an instance and a decay", "one is missing");
        };
        let Val::Instance(original) = &instance.val else {
            let title = format!("`ema` copies an instance of a layer, not {}", instance.val.kind());
            let diagnostic =
                Diagnostic::at(Code::E0114, instance.span, title, format!("this is {}", instance.val.kind()))
                    .help("make the instance first: `student = Affine(10)`, then `teacher = ema(student, 0.99)`");
            return self.report(diagnostic);
        };
        let Some(decay) = decay.val.number().filter(|decay| (0.0..1.0).contains(decay)) else {
            let title = "the decay of `ema` is a number from 0 to below 1";
            return self.error(Code::E0114, decay.span, title, format!("this is {}", decay.val.show()));
        };
        if self.here.body == Body::Function {
            let diagnostic =
                Diagnostic::at(Code::E0108, span, "a function cannot own parameters", "`ema` makes a copy here")
                    .note("functions are pure; a `layer` owns what it constructs");
            return self.report(diagnostic);
        }
        let path = self.path.claim(None);
        self.averages.push(Average { path: path.clone(), source: original.path.clone(), decay });
        let Instance { layer, scope, given, .. } = &**original;
        Val::Instance(Rc::new(Instance { layer: layer.clone(), scope: *scope, path, given: given.clone() }))
    }

    /// What a parameter follows whose path is `path`, set outright or not, if the body that declares it is a copy's.
    pub fn follower(&self, path: &str, outright: bool) -> Option<Follower> {
        let here = self.path.prefix.as_str();
        let holds = |average: &&Average| {
            here.strip_prefix(&average.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let Average { path: own, source, decay } =
            self.averages.iter().filter(holds).max_by_key(|average| average.path.len())?;
        let (path, source) = match outright {
            true => (format!("{own}.{path}"), path.to_owned()),
            false => (path.to_owned(), format!("{source}{}", &path[own.len()..])),
        };
        Some(Follower { path, source, decay: *decay })
    }

    /// Declares the state that follows a parameter of type `ty`, and its update.
    pub fn follow(&mut self, name: &'a Name, ty: Type, follower: &Follower) {
        let Follower { path, source, decay } = follower;
        let Some(Known { variable, node, .. }) = self.known.get(source).cloned() else {
            self.bind(name, Val::Error, Role::State);
            // The call that makes the parameters may be the one that failed.
            if !self.failed() {
                let span = self.outermost_call(self.place(name.span)).unwrap_or(name.span);
                let title = format!("there is no `{source}` to follow yet");
                let diagnostic =
                    Diagnostic::at(Code::E0112, span, title, "a copy starts as the parameters of its instance")
                        .help("call the instance before its moving average");
                self.report(diagnostic);
            }
            return;
        };
        if self.graph.variables[variable].ty != ty {
            let title =
                format!("`{source}` is {}, its moving average would be {ty}", self.graph.variables[variable].ty);
            let diagnostic = Diagnostic::at(Code::E0217, name.span, title, "this use needs another shape")
                .note("a copy takes what its instance takes");
            self.report(diagnostic);
            return self.bind(name, Val::Error, Role::State);
        }
        let place = self.place(name.span);
        let state = Variable { path: path.clone(), kind: VariableKind::State, ty: ty.clone(), init: Some(node), place };
        let state = self.graph.variables.push(state);
        let old = self.variable_node(state, ty, name.span);
        let mut b = self.builder(name.span);
        let (keep, take) = (b.scalar(*decay), b.scalar(1.0 - decay));
        let (kept, taken) = (b.mul(keep, old), b.mul(take, node));
        let value = b.add(kept, taken);
        self.graph.updates.push(Update { variable: state, value, place });
        self.known.insert(path.clone(), Known { variable: state, node: old, span: name.span });
        self.bind(name, Val::Tensor(old), Role::State);
    }
}
