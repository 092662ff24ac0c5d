//! What is judged once the whole program is known: roles that must be there, what reaches what, what nothing uses.

use super::checker::Checker;
use super::scope::Role;
use crate::base::{Idx, IndexVec};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::group::{Group, groups, is_trained};
use crate::ir::{self, Graph, ResultRole, VarId, op};
use crate::ops::{self, Gradient};
use crate::source::Span;
use crate::syntax::ast::{Stmt, StmtKind};

/// What a check may let pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// A file with a loss and no output.
    pub no_runtime: bool,
}

impl<'a> Checker<'a> {
    /// Judges the whole program. Runs only when nothing was wrong before, so that a mistake is not reported twice.
    pub fn judge(&mut self, items: &'a [Stmt]) {
        let losses = self.graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. })).count();
        let outputs = self.graph.results.iter().filter(|result| result.role == ResultRole::Output).count();
        if losses == 0 && outputs == 0 && !is_module(items) {
            self.no_loss(items);
            return;
        }
        let trains = items.iter().any(|item| matches!(item.kind, StmtKind::Train { .. }));
        if losses == 0 && trains {
            self.no_loss(items);
        }
        if losses > 0 && outputs == 0 && !self.circumstances.options.no_runtime {
            self.no_output();
        }
        self.gradient_paths();
        self.outputs();
    }

    fn no_loss(&mut self, items: &'a [Stmt]) {
        let near = items.iter().find_map(|item| match &item.kind {
            StmtKind::Bind { names, .. } => names.iter().find(|name| name.text.to_lowercase().contains("loss")),
            _ => None,
        });
        let end = Span::new(self.file, 0, 0);
        let diagnostic = match near {
            Some(name) => {
                self.scopes.excuse(name.span);
                Diagnostic::at(Code::E0103, name.span, "no loss is declared", "an ordinary value").help(format!(
                    "`{}` only looks like one: a loss is declared by the keyword, `loss = ...` or `loss {} = ...`",
                    name.text,
                    name.text.to_lowercase()
                ))
            }
            None => {
                Diagnostic::at(Code::E0103, end, "no loss is declared", "this file trains nothing and gives nothing")
                    .help("declare what to minimise, `loss = ...`, or what to compute, `output y`")
            }
        };
        self.report(diagnostic);
    }

    fn no_output(&mut self) {
        let loss = self.graph.results.iter().find(|result| matches!(result.role, ResultRole::Loss { .. }));
        let Some(span) = loss.and_then(|loss| loss.place.span) else { return };
        let mut diagnostic = Diagnostic::at(
            Code::E0602,
            span,
            "there is a loss but no output",
            "trained for this, but nothing says what the Runtime network gives",
        );
        let candidates = output_candidates(&self.graph);
        diagnostic = match candidates.last() {
            Some(_) => {
                let list = candidates.iter().rev().take(4).map(|name| format!("`output {name}`")).collect::<Vec<_>>();
                diagnostic.help(format!("no label reaches these values: {}", list.join(", ")))
            }
            None => diagnostic.help("declare it: `output y`"),
        };
        self.report(diagnostic.note("`nnlc check --no-runtime` lets it pass"));
    }

    /// E0502 and W0503.
    fn gradient_paths(&mut self) {
        let trained: Vec<VarId> = self.graph.variables.indices().filter(|id| is_trained(&self.graph, *id)).collect();
        let mut arrives = vec![false; self.graph.variables.len()];
        let groups = groups(&self.graph);
        for group in &groups {
            let is_own = |result: &&ir::ResultValue| {
                matches!(result.role, ResultRole::Loss { .. }) && group.losses.contains(&result.name)
            };
            let losses: Vec<_> = self.graph.results.iter().filter(is_own).cloned().collect();
            let trains = trains_something(&self.graph, &group.params);
            for loss in &losses {
                if !trains[loss.value] && !trained.is_empty() {
                    self.trains_nothing(loss, group);
                }
            }
            let carried = carries_gradient(&self.graph, losses.iter().map(|loss| loss.value));
            for (id, node) in self.graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::VARIABLE) {
                let variable = variable_of(node);
                arrives[variable.index()] |= carried[id] && group.params.contains(&variable);
            }
        }
        if groups.is_empty() || self.failed() {
            return;
        }
        for id in trained.into_iter().filter(|id| !arrives[id.index()]) {
            let variable = self.graph.variables[id].clone();
            let Some(span) = self.user_place(variable.place) else { continue };
            let title = format!("parameter `{}` gets no gradient", variable.path);
            let mut diagnostic = Diagnostic::at(Code::W0503, span, title, "no loss depends on it");
            if let Some((cut, reason)) = self.cut_from(id) {
                diagnostic = diagnostic.label(cut, reason);
            }
            self.report(diagnostic.help("mark it `frozen` if it is meant to stay as it is"));
        }
    }

    fn trains_nothing(&mut self, loss: &ir::ResultValue, group: &Group) {
        let Some(span) = loss.place.span else { return };
        let title = format!("loss `{}` trains nothing", loss.name);
        let among_others = matches!(loss.role, ResultRole::Loss { trains: Some(_), .. });
        let label = match among_others {
            true if group.params.is_empty() => "no parameter is left to it",
            true => "no gradient gets from here to what it is `for`",
            false => "no gradient gets from here to a parameter",
        };
        let mut diagnostic = Diagnostic::at(Code::E0502, span, title, label);
        let reached = self.graph.reached_from([loss.value]);
        let cut = self.graph.nodes.indices().rev().filter(|id| reached[*id]).find_map(|id| self.cut_at(id));
        diagnostic = match cut {
            _ if group.params.is_empty() => diagnostic
                .note("a loss without `for` trains what no `for` names, and a frozen parameter is not trained"),
            Some((at, reason)) => diagnostic.label(at, reason),
            None if among_others => diagnostic.note("it depends on none of these parameters"),
            None => diagnostic.note("it depends on no parameter"),
        };
        self.report(diagnostic);
    }

    /// The place and reason when a node lets no gradient through to a parameter.
    fn cut_at(&self, id: ir::Value) -> Option<(Span, String)> {
        let node = self.graph.node(id);
        let Gradient::Zero(reason) = ops::primitive(node.op).gradient else { return None };
        if node.inputs.is_empty() {
            return None;
        }
        let behind = self.graph.reached_from(node.inputs.iter().copied());
        let trained = self.graph.nodes.iter_enumerated().any(|(value, node)| behind[value] && node.op == op::VARIABLE);
        let span = self.user_place(node.place)?;
        trained.then(|| (span, format!("`{}` {reason}", node.op)))
    }

    fn cut_from(&self, variable: VarId) -> Option<(Span, String)> {
        let depends = dependents(&self.graph, |node| {
            node.op == op::VARIABLE && node.attrs.get_int("index") as usize == variable.index()
        });
        self.graph.nodes.indices().filter(|id| depends[*id]).find_map(|id| self.cut_at(id))
    }

    /// W0601, W0603, W0605.
    fn outputs(&mut self) {
        let results = self.graph.results.clone();
        let labels = labels(&self.graph);
        for output in results.iter().filter(|result| result.role == ResultRole::Output) {
            let Some(span) = output.place.span else { continue };
            let reached = runtime_reached(&self.graph, output.value);
            let inputs = self.graph.inputs.clone();
            for (position, input) in inputs.iter().enumerate() {
                if labels[position] && reached[input.value] {
                    let title = format!("output `{}` needs the label `{}`", output.name, input.name);
                    let mut diagnostic = Diagnostic::at(Code::W0601, span, title, "Runtime will ask for it");
                    if let Some(at) = self.graph.node(input.value).place.span {
                        diagnostic =
                            diagnostic.label(at, "a label: only losses and metrics compare it with what is computed");
                    }
                    self.report(diagnostic);
                }
            }
            let reached = self.graph.nodes.iter_enumerated().filter(|(id, _)| reached[*id]);
            for node in reached.map(|(_, node)| node.clone()).collect::<Vec<_>>() {
                let warning = match node.op {
                    op::ALL_SAMPLES | op::SAMPLE_INDEX => {
                        Some((Code::W0605, "depends on the other samples of the minibatch", "the batch is seen here"))
                    }
                    _ if node.per_sample && node.attrs.get("path").is_some() => {
                        Some((Code::W0603, "is random in Runtime", "drawn here"))
                    }
                    _ => None,
                };
                if let Some((code, what, label)) = warning {
                    let title = format!("output `{}` {what}", output.name);
                    let mut diagnostic = Diagnostic::at(code, span, title, "this output");
                    if let Some(place) = self.user_place(node.place) {
                        diagnostic = diagnostic.label(place, label);
                    }
                    self.report(diagnostic.help("keep it behind `if training`"));
                }
            }
        }
    }

    /// `--set` values that no constant took.
    pub fn unused_overrides(&mut self) {
        let overrides = self.circumstances.overrides;
        for name in overrides.keys().filter(|name| !self.overridden.contains(*name)) {
            let title = format!("`--set {name}=...` names no `const` of the file");
            self.diagnostics.push(Diagnostic::new(Code::E0102, title));
        }
    }

    /// W0604: what nothing uses.
    pub fn unused(&mut self) {
        let own: Vec<_> = self.scopes.own(self.here.scope).map(|(name, binding)| (name, binding.clone())).collect();
        for (name, binding) in own {
            let Some(span) = binding.span else { continue };
            if self.scopes.is_used(span) || name.starts_with('_') {
                continue;
            }
            let what = match binding.role {
                Role::Value => "value",
                Role::Input => "input",
                Role::Param => "parameter",
                Role::State => "state",
                Role::Import => "import",
                Role::Definition | Role::Argument | Role::Size | Role::Given => continue,
            };
            let diagnostic =
                Diagnostic::at(Code::W0604, span, format!("{what} `{name}` is never used"), "not used anywhere")
                    .help(format!("remove it, or call it `_{name}`"));
            self.report(diagnostic);
        }
    }
}

/// Whether a file only defines what others import or its tests use.
fn is_module(items: &[Stmt]) -> bool {
    let defines = |item: &Stmt| {
        use StmtKind::{Const, Fn, Import, Layer, Test};
        matches!(item.kind, Fn(_) | Layer(_) | Const { .. } | Import { .. } | Test { .. })
    };
    !items.is_empty() && items.iter().all(defines)
}

fn variable_of(node: &ir::Node) -> VarId {
    VarId::new(node.attrs.get_int("index") as usize)
}

/// The operands that gradient of a node's value passes to.
fn gradient_operands<'g>(graph: &'g Graph, node: &'g ir::Node) -> impl Iterator<Item = ir::Value> + 'g {
    let passes = matches!(ops::primitive(node.op).gradient, Gradient::Rule(_));
    node.inputs.iter().copied().filter(move |input| passes && graph.ty(*input).dtype.is_float())
}

/// The values through which gradient of any of `roots` flows, themselves included.
fn carries_gradient(graph: &Graph, roots: impl Iterator<Item = ir::Value>) -> IndexVec<ir::Value, bool> {
    let mut carried: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    roots.for_each(|root| carried[root] = true);
    for id in graph.nodes.indices().rev() {
        if carried[id] {
            gradient_operands(graph, graph.node(id)).for_each(|input| carried[input] = true);
        }
    }
    carried
}

/// The values from which gradient gets to one of `params`.
fn trains_something(graph: &Graph, params: &[VarId]) -> IndexVec<ir::Value, bool> {
    let mut trains: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for (id, node) in graph.nodes.iter_enumerated() {
        trains[id] = match node.op {
            op::VARIABLE => params.contains(&variable_of(node)),
            _ => gradient_operands(graph, node).any(|input| trains[input]),
        };
    }
    trains
}

/// The values that depend on a node of which `is_source` holds.
fn dependents(graph: &Graph, is_source: impl Fn(&ir::Node) -> bool) -> IndexVec<ir::Value, bool> {
    let mut depends: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for (id, node) in graph.nodes.iter_enumerated() {
        depends[id] = is_source(node) || node.inputs.iter().any(|input| depends[*input]);
    }
    depends
}

/// What a value depends on in Runtime, where every choice takes its second arm.
fn runtime_reached(graph: &Graph, root: ir::Value) -> IndexVec<ir::Value, bool> {
    let mut reached: IndexVec<ir::Value, bool> = graph.nodes.iter().map(|_| false).collect();
    reached[root] = true;
    for id in graph.nodes.indices().rev().filter(|id| *id <= root) {
        if !reached[id] {
            continue;
        }
        let node = graph.node(id);
        let taken = if node.op == op::SELECT_TRAINING { &node.inputs[1..] } else { &node.inputs[..] };
        for input in taken {
            reached[*input] = true;
        }
    }
    reached
}

/// Which inputs are labels: they reach a loss, and no operation combines what depends on them with a parameter or with a value
/// computed from parameters and constants alone.
pub fn labels(graph: &Graph) -> Vec<bool> {
    let weights = dependents(graph, |node| node.op == op::VARIABLE);
    let fed = dependents(graph, |node| node.op == op::INPUT);
    let losses = graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }));
    let reached = graph.reached_from(losses.map(|loss| loss.value));
    let is_label = |input: &ir::Input| {
        let depends = dependents(graph, |node| {
            node.op == op::INPUT && graph.inputs[node.attrs.get_int("index") as usize].value == input.value
        });
        reached[input.value]
            && !graph.nodes.iter().any(|node| {
                node.inputs.iter().any(|a| depends[*a]) && node.inputs.iter().any(|b| weights[*b] && !fed[*b])
            })
    };
    graph.inputs.iter().map(is_label).collect()
}

/// The named values between inputs and losses that no label reaches, in order.
fn output_candidates(graph: &Graph) -> Vec<String> {
    let labels = labels(graph);
    let tainted = dependents(graph, |node| node.op == op::INPUT && labels[node.attrs.get_int("index") as usize]);
    let fed = dependents(graph, |node| node.op == op::INPUT);
    let losses: Vec<_> =
        graph.results.iter().filter(|r| matches!(r.role, ResultRole::Loss { .. })).map(|r| r.value).collect();
    let reached = graph.reached_from(losses.iter().copied());
    let weights = dependents(graph, |node| node.op == op::VARIABLE);
    let names = graph.names.iter().filter(|(value, _)| {
        let value = **value;
        reached[value] && fed[value] && weights[value] && !tainted[value] && !losses.contains(&value)
    });
    names.map(|(_, name)| name.clone()).collect()
}
