//! Why a network holds what it holds: each piece of the program's text as kept, dropped or replaced, with the reason.
//!
//! A piece is an input, a declaration with a role, or the smallest expression of the user's text that made a node: the nodes inside
//! a library call count as the call.

use std::collections::{BTreeMap, BTreeSet};

use super::{Network, slice};
use crate::base::IndexVec;
use crate::check::{labels, user_place};
use crate::ir::{Graph, Node, ResultRole, Value, op};
use crate::source::{SourceMap, Span};

/// What becomes of a piece of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is in the network as it is written.
    Kept,
    /// It is not in the network.
    Dropped,
    /// The network holds another form of it.
    Replaced,
}

/// One piece of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its line, from 1.
    pub line: usize,
    /// The text, without what earlier rows say of it.
    pub text: String,
    /// What becomes of it.
    pub fate: Fate,
    /// Why.
    pub reason: String,
}

/// What becomes of each piece of a program in `network`, in source order. `sources` hold the program's text.
pub fn why(program: &Graph, network: Network, sources: &SourceMap) -> Vec<Row> {
    let judge = Judge::new(program, network, sources);
    let mut pieces: BTreeMap<Span, Vec<Value>> = BTreeMap::new();
    for (id, node) in program.nodes.iter_enumerated() {
        let told = ![op::CONSTANT, op::VARIABLE].contains(&node.op) && !judge.initial_only[id];
        if let (true, Some(span)) = (told, user_place(sources, program, node.place)) {
            pieces.entry(span).or_default().push(id);
        }
    }
    let mut found: Vec<(Span, String, Fate, String)> = Vec::new();
    for (span, nodes) in &pieces {
        let (fate, reason) = judge.piece(nodes);
        let text = own_text(*span, pieces.keys(), sources);
        let text = if program.node(nodes[0]).op == op::INPUT { format!("input {text}") } else { text };
        found.push((*span, text, fate, reason));
    }
    for result in &program.results {
        if let Some(span) = result.place.span {
            let (fate, reason) = judge.result(&result.role);
            found.push((span, format!("{} {}", role_name(&result.role), result.name), fate, reason));
        }
    }
    for update in &program.updates {
        if let Some(span) = user_place(sources, program, update.place) {
            let (fate, reason) = match network {
                Network::Main => (Fate::Kept, "assigned at the end of each training step".to_owned()),
                _ => (Fate::Dropped, "states are assigned in training only".to_owned()),
            };
            found.push((span, format!("update {}", program.variables[update.variable].path), fate, reason));
        }
    }
    found.sort_by_key(|(span, ..)| (span.file, span.end, std::cmp::Reverse(span.start)));
    let line = |span: Span| sources.file(span.file).line_column(span.end.saturating_sub(1)).line;
    found.into_iter().map(|(span, text, fate, reason)| Row { line: line(span), text, fate, reason }).collect()
}

/// The rows as a table.
pub fn render_why(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.text.chars().count()).max().unwrap_or(0);
    let line = |row: &Row| {
        let fate = match row.fate {
            Fate::Kept => "kept",
            Fate::Dropped => "dropped",
            Fate::Replaced => "replaced",
        };
        format!("{:>5}  {fate:<8}  {:<width$}  {}", row.line, row.text, row.reason).trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// What is known of a network while pieces are judged.
struct Judge<'a> {
    program: &'a Graph,
    sources: &'a SourceMap,
    network: Network,
    /// What the network holds.
    held: IndexVec<Value, bool>,
    /// What it would hold with both arms of every choice.
    either: IndexVec<Value, bool>,
    /// What only initial values need.
    initial_only: IndexVec<Value, bool>,
    labels: Vec<bool>,
}

impl<'a> Judge<'a> {
    fn new(program: &'a Graph, network: Network, sources: &'a SourceMap) -> Judge<'a> {
        let mut asked = program.clone();
        asked.results.retain(|result| network.keeps(&result.role));
        if network != Network::Main {
            asked.updates.clear();
        }
        let settled = slice::settle(&asked, network.choice(), network != Network::MainRuntime);
        let needed = program.reached_from(program.roots().into_iter().chain(drawn(program)));
        Judge {
            held: slice::reached(&asked, &settled),
            either: asked.reached_from(asked.roots()),
            initial_only: needed.iter().map(|needed| !needed).collect(),
            labels: labels(program),
            program,
            sources,
            network,
        }
    }

    fn piece(&self, nodes: &[Value]) -> (Fate, String) {
        let node = self.program.node(nodes[0]);
        if node.op == op::INPUT {
            return self.input(node, nodes[0]);
        }
        let choice = nodes.iter().find(|id| self.program.node(**id).op == op::SELECT_TRAINING);
        let computed = || nodes.iter().filter(|id| self.program.node(**id).op != op::SELECT_TRAINING);
        let held = computed().filter(|id| self.held[**id]).count();
        let other = computed().any(|id| !self.held[*id] && self.either[*id]);
        match (held, choice) {
            (0, _) => (Fate::Dropped, self.absence(nodes)),
            (_, Some(choice)) if other || held < computed().count() => {
                let arm = if self.network == Network::Main { "training" } else { "evaluation" };
                (Fate::Replaced, format!("its {arm} form: {}", self.condition(*choice)))
            }
            _ => (Fate::Kept, String::new()),
        }
    }

    fn input(&self, node: &Node, id: Value) -> (Fate, String) {
        let input = &self.program.inputs[node.attrs.get_int("index") as usize];
        if input.drawn.is_some() && self.network != Network::MainRuntime {
            return (Fate::Replaced, "drawn, not fed".to_owned());
        }
        let label = self.labels[node.attrs.get_int("index") as usize];
        match self.held[id] {
            true if input.drawn.is_some() => (Fate::Kept, "drawn in training, fed here".to_owned()),
            true => (Fate::Kept, String::new()),
            false if label => (Fate::Dropped, format!("a label: {}", self.absence(&[id]))),
            false => (Fate::Dropped, self.absence(&[id])),
        }
    }

    /// Why the network holds none of these nodes.
    fn absence(&self, nodes: &[Value]) -> String {
        if nodes.iter().any(|id| self.either[*id]) {
            let own = nodes.iter().copied().find(|id| self.program.node(*id).op == op::SELECT_TRAINING);
            let reader = || self.choices().find(|choice| self.program.reached_from([*choice])[nodes[0]]);
            let when = if self.network == Network::Main { "outside training only" } else { "in training only" };
            return match own.or_else(reader) {
                Some(choice) => format!("happens {when}: {}", self.condition(choice)),
                None => format!("happens {when}"),
            };
        }
        let mut readers: BTreeSet<String> = BTreeSet::new();
        for result in &self.program.results {
            if nodes.iter().any(|id| self.program.reached_from([result.value])[*id]) {
                readers.insert(format!("{} `{}`", role_name(&result.role), result.name));
            }
        }
        for update in &self.program.updates {
            if nodes.iter().any(|id| self.program.reached_from([update.value])[*id]) {
                readers.insert(format!("the update of `{}`", self.program.variables[update.variable].path));
            }
        }
        match readers.len() {
            0 => "nothing reads it".to_owned(),
            _ => format!("only {} reads it", readers.into_iter().collect::<Vec<_>>().join(" or ")),
        }
    }

    fn choices(&self) -> impl Iterator<Item = Value> {
        let choices = self.program.nodes.iter_enumerated().filter(|(_, node)| node.op == op::SELECT_TRAINING);
        choices.map(|(id, _)| id).filter(|id| self.either[*id])
    }

    /// Where a choice on `training` is written: a line of the user's, or the library's definition that the user called.
    fn condition(&self, choice: Value) -> String {
        let place = self.program.node(choice).place;
        match place.span {
            Some(span) if !self.sources.is_library(span) => {
                format!("`if training` on line {}", self.sources.line_column(span).line)
            }
            _ => {
                let mut frame = place.frame;
                let mut callee = "the library";
                while let Some(id) = frame {
                    let own = &self.program.frames[id];
                    callee = &own.callee;
                    frame = own.parent.filter(|_| self.sources.is_library(own.call));
                }
                format!("`if training` inside `{callee}`")
            }
        }
    }

    fn result(&self, role: &ResultRole) -> (Fate, String) {
        match (self.network.keeps(role), role, self.network) {
            (true, ResultRole::Metric, Network::Main) => (Fate::Kept, "evaluated as in MainValidation".to_owned()),
            (true, ..) => (Fate::Kept, String::new()),
            (false, _, Network::MainRuntime) => (Fate::Dropped, "MainRuntime gives the outputs alone".to_owned()),
            (false, ..) => (Fate::Dropped, "outputs belong to MainRuntime".to_owned()),
        }
    }
}

fn drawn(program: &Graph) -> impl Iterator<Item = Value> {
    program.inputs.iter().flat_map(|input| std::iter::once(input.value).chain(input.drawn))
}

fn role_name(role: &ResultRole) -> &'static str {
    match role {
        ResultRole::Loss { .. } => "loss",
        ResultRole::Metric => "metric",
        ResultRole::Output | ResultRole::Extra => "output",
    }
}

/// The text of a piece on one line, without a longer pipe's beginning that is a piece of its own.
fn own_text<'s>(span: Span, pieces: impl Iterator<Item = &'s Span>, sources: &SourceMap) -> String {
    let shorter = pieces.filter(|other| other.file == span.file && other.start == span.start && other.end < span.end);
    let text = sources.text(span);
    let before = shorter.map(|other| (other.end - span.start) as usize).max().unwrap_or(0);
    let own = text[before..].trim_start();
    let own = if own.starts_with("|>") { own } else { text };
    own.split_whitespace().collect::<Vec<_>>().join(" ")
}
