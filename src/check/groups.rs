//! What each loss trains: the paths behind `for`, and the parameters that are left to losses without one.

use std::collections::BTreeSet;

use super::checker::Checker;
use super::value::Val;
use crate::base::closest;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{ResultRole, VarId, Variable, VariableKind, group, op};
use crate::source::Span;
use crate::syntax::ast::Name;

/// One path behind a loss's `for`: the start of the names of the parameters that it means.
pub struct Target {
    path: String,
    /// The name is bound to something that may own no parameters.
    bound: bool,
    span: Span,
}

impl<'a> Checker<'a> {
    /// What a dotted path stands for: an instance, a parameter, or the start of parameters' names. None after an error.
    pub fn target(&mut self, path: &'a [Name]) -> Option<Target> {
        let (first, last) = (path.first()?, path.last()?);
        let binding = self.scopes.look_up(self.here.scope, &first.text);
        let bound = binding.is_some() && path.len() == 1;
        let start = match binding.map(|binding| binding.val) {
            Some(Val::Error) => return None,
            Some(Val::Instance(instance)) => instance.path.clone(),
            Some(Val::Tensor(node)) if self.graph.node(node).op == op::VARIABLE => {
                let variable = VarId(self.graph.node(node).attrs.get_int("index") as u32);
                self.graph.variables[variable].path.clone()
            }
            _ => first.text.clone(),
        };
        let rest = path[1..].iter().map(|name| name.text.as_str());
        let path = std::iter::once(start.as_str()).chain(rest).collect::<Vec<_>>().join(".");
        Some(Target { path, bound, span: first.span.to(last.span) })
    }

    /// Settles what every loss trains, once all parameters are known.
    pub fn settle_groups(&mut self) {
        if self.targets.is_empty() {
            return;
        }
        let trained = |this: &Self, id: VarId| group::is_trained(&this.graph, id);
        let mut named: BTreeSet<VarId> = BTreeSet::new();
        for (loss, targets) in std::mem::take(&mut self.targets) {
            let owned: BTreeSet<VarId> = targets.iter().flat_map(|target| self.owned(target)).collect();
            named.extend(&owned);
            let params = owned.into_iter().filter(|id| trained(self, *id)).collect();
            self.train_by(&loss, params);
        }
        let left = self.graph.variables.indices().filter(|id| trained(self, *id) && !named.contains(id));
        let left: Vec<VarId> = left.collect();
        let free =
            self.graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { trains: None, .. }));
        let free: Vec<String> = free.map(|result| result.name.clone()).collect();
        for loss in &free {
            self.train_by(loss, left.clone());
        }
        if free.is_empty() && !self.failed() {
            self.left_out(&left);
        }
    }

    fn train_by(&mut self, loss: &str, params: Vec<VarId>) {
        for result in &mut self.graph.results {
            if let ResultRole::Loss { trains, .. } = &mut result.role
                && result.name == loss
            {
                *trains = Some(params);
                return;
            }
        }
    }

    /// The parameters that a path means, frozen ones included; reported if there are none.
    fn owned(&mut self, target: &Target) -> Vec<VarId> {
        let variables = self.graph.variables.iter_enumerated();
        let params = variables.filter(|(_, variable)| matches!(variable.kind, VariableKind::Param { .. }));
        let params: Vec<(VarId, &Variable)> = params.collect();
        let below =
            |path: &str| path.strip_prefix(&target.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let owned: Vec<VarId> =
            params.iter().filter(|(_, variable)| below(&variable.path)).map(|(id, _)| *id).collect();
        if !owned.is_empty() {
            return owned;
        }
        let starts: BTreeSet<&str> = params
            .iter()
            .flat_map(|(_, variable)| {
                variable.path.match_indices('.').map(|(dot, _)| &variable.path[..dot]).chain([variable.path.as_str()])
            })
            .collect();
        let title = format!("`{}` owns no parameter", target.path);
        let (code, label) = match target.bound {
            true => (Code::E0114, "a loss trains instances and parameters"),
            false => (Code::E0102, "no instance and no parameter is called so"),
        };
        let diagnostic = Diagnostic::at(code, target.span, title, label);
        let diagnostic = match closest(&target.path, starts.iter().copied()) {
            Some(near) => diagnostic.help(format!("a similar name exists: `{near}`")),
            None => {
                let first: Vec<&str> = starts.into_iter().filter(|start| !start.contains('.')).take(6).collect();
                diagnostic.note(format!("parameters stand under `{}`", first.join("`, `")))
            }
        };
        self.report(diagnostic);
        Vec::new()
    }

    /// E0507: parameters that no step moves.
    fn left_out(&mut self, left: &[VarId]) {
        // The loss that moves them may be the statement that is not understood.
        if self.failed() || self.circumstances.broken.is_some() {
            return;
        }
        for id in left {
            let variable = self.graph.variables[*id].clone();
            let Some(span) = self.user_place(variable.place) else { continue };
            let title = format!("no loss trains parameter `{}`", variable.path);
            let start = variable.path.split('.').next().unwrap_or(&variable.path).to_owned();
            let diagnostic = Diagnostic::at(Code::E0507, span, title, "no `for` names it")
                .note("every loss says by `for` what it trains, so nothing moves what none of them names")
                .help(format!(
                    "add `{start}` behind the `for` of a loss, or mark it `frozen` if it is meant to stay as it is"
                ));
            self.report(diagnostic);
        }
    }
}
