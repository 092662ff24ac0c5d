//! E0502 and W0503: losses that train nothing, parameters that no gradient gets to.

use std::collections::{BTreeMap, BTreeSet};

use super::losses;
use crate::check::checker::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::group::is_trained;
use crate::ir::{self, Graph, ResultRole, VarId, op};
use crate::ops::reach::{self, Cut, Cuts};
use crate::source::Span;

impl Checker<'_> {
    /// Judges where gradient arrives. The places that were named as cutting it off.
    pub fn gradient_paths(&mut self) -> BTreeSet<Span> {
        let mut named = BTreeSet::new();
        let trained = trained(&self.graph);
        let mut groups: BTreeMap<Option<Vec<VarId>>, Vec<ir::ResultValue>> = BTreeMap::new();
        for loss in losses(&self.graph) {
            groups.entry(own_params(loss).map(<[VarId]>::to_vec)).or_default().push(loss.clone());
        }
        if trained.is_empty() || groups.is_empty() {
            return named;
        }
        let mut reached = BTreeSet::new();
        let mut cut_off: BTreeMap<VarId, Cut> = BTreeMap::new();
        for (params, losses) in groups {
            let own =
                |(id, _): &&(VarId, ir::Value)| params.as_ref().is_none_or(|params| params.binary_search(id).is_ok());
            let own: Vec<(VarId, ir::Value)> = trained.iter().filter(own).copied().collect();
            let nodes: Vec<ir::Value> = own.iter().map(|(_, node)| *node).collect();
            let objectives = || losses.iter().map(|loss| loss.value);
            let (leads, receives) = (reach::leading(&self.graph, &nodes), reach::receiving(&self.graph, objectives()));
            let cuts = Cuts::new(&self.graph, objectives(), &nodes);
            for (variable, node) in own {
                match cuts.first_after[node] {
                    _ if receives[node] => drop(reached.insert(variable)),
                    Some(cut) => drop(cut_off.entry(variable).or_insert(cut)),
                    None => {}
                }
            }
            for loss in losses.iter().filter(|loss| !leads[loss.value]) {
                self.trains_nothing(loss, cuts.last_before[loss.value]);
            }
        }
        if self.failed() {
            return named;
        }
        for (variable, _) in trained.into_iter().filter(|(variable, _)| !reached.contains(variable)) {
            let cut = cut_off.get(&variable).and_then(|cut| self.cut_at(cut));
            named.extend(cut.as_ref().map(|(at, _)| *at));
            self.untrained(variable, cut);
        }
        named
    }

    fn untrained(&mut self, variable: VarId, cut: Option<(Span, String)>) {
        let variable = self.graph.variables[variable].clone();
        let Some(span) = self.user_place(variable.place) else { return };
        let title = format!("parameter `{}` gets no gradient", variable.path);
        let mut diagnostic = Diagnostic::at(Code::W0503, span, title, "no loss depends on it");
        if let Some((cut, reason)) = cut {
            diagnostic = diagnostic.label(cut, reason);
        }
        self.report(diagnostic.help("mark it `frozen` if it is meant to stay as it is"));
    }

    fn trains_nothing(&mut self, loss: &ir::ResultValue, cut: Option<Cut>) {
        let Some(span) = loss.place.span else { return };
        let title = format!("loss `{}` trains nothing", loss.name);
        let params = own_params(loss);
        let label = match params {
            Some([]) => "no parameter is left to it",
            Some(_) => "no gradient gets from here to what it is `for`",
            None => "no gradient gets from here to a parameter",
        };
        let diagnostic = Diagnostic::at(Code::E0502, span, title, label);
        let diagnostic = match (params, cut.and_then(|cut| self.cut_at(&cut))) {
            (Some([]), _) => diagnostic
                .note("a loss without `for` trains what no `for` names, and a frozen parameter is not trained"),
            (_, Some((at, reason))) => diagnostic.label(at, reason),
            (Some(_), None) => diagnostic.note("it depends on none of these parameters"),
            (None, None) => diagnostic.note("it depends on no parameter"),
        };
        self.report(diagnostic);
    }

    /// The place of an operation that cuts gradient off, and how it does.
    fn cut_at(&self, cut: &Cut) -> Option<(Span, String)> {
        let node = self.graph.node(cut.value);
        self.user_place(node.place).map(|span| (span, format!("`{}` {}", node.op, cut.reason)))
    }
}

/// The parameters that a loss trains, where it does not train all.
fn own_params(loss: &ir::ResultValue) -> Option<&[VarId]> {
    match &loss.role {
        ResultRole::Loss { trains, .. } => trains.as_deref(),
        _ => None,
    }
}

/// The trained parameters with their nodes.
pub fn trained(graph: &Graph) -> Vec<(VarId, ir::Value)> {
    let nodes = graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::VARIABLE);
    let variables = nodes.map(|(value, node)| (VarId(node.attrs.get_int("index") as u32), value));
    variables.filter(|(id, _)| id.0 < graph.variables.len() as u32 && is_trained(graph, *id)).collect()
}
