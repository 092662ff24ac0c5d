//! What a check sees beside what is wrong: types of values, instances and their parameters, by places of the program's own file. For
//! editors; nothing is noted unless [`Circumstances::noting`](super::Circumstances) asks for it.

use std::collections::BTreeMap;

use super::checker::Checker;
use super::value::Val;
use crate::ir::{Graph, VariableKind};
use crate::source::Span;
use crate::tensor::Type;

/// How many entries a list may have to be shown whole.
const LONGEST_LIST: usize = 16;

/// How many instances of one construction are noted: the rounds of a loop make one each.
const MOST_INSTANCES: usize = 64;

/// What was seen in a program.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// What names stand for, where they are bound and where they are used.
    pub names: BTreeMap<Span, Note>,
    /// What calls and the stages of chains give, a type for each result.
    pub results: BTreeMap<Span, Note>,
    /// The paths of the instances that a call of a layer's name makes.
    pub instances: BTreeMap<Span, Vec<String>>,
    /// The parameters and states, in the order in which they were made.
    pub variables: Vec<Owned>,
}

/// What stands at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// What was seen there first.
    pub seen: Vec<Seen>,
    /// Whether it is another thing in another round or call.
    pub varies: bool,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// A tensor.
    Tensor(Type),
    /// What is known before anything runs, as a program would write it.
    Constant(String),
    /// A layer's instance: the layer, the hyperparameters that are written, and the path of its parameters.
    Instance {
        /// The layer's name.
        layer: String,
        /// `64, act = tanh`.
        given: String,
        /// `encode`.
        path: String,
    },
    /// Anything else, in people's words.
    Other(&'static str),
}

/// A parameter or state.
#[derive(Clone, Debug, PartialEq)]
pub struct Owned {
    /// Its name in the weights file.
    pub path: String,
    /// Its type.
    pub ty: Type,
    /// Whether it is a state.
    pub state: bool,
    /// Whether it is a parameter that stays as it is.
    pub frozen: bool,
}

impl Notes {
    /// Notes what the graph owns.
    pub(super) fn finish(mut self, graph: &Graph) -> Notes {
        let owned = graph.variables.iter().map(|variable| Owned {
            path: variable.path.clone(),
            ty: variable.ty.clone(),
            state: variable.kind == VariableKind::State,
            frozen: matches!(variable.kind, VariableKind::Param { frozen: true, .. }),
        });
        self.variables = owned.collect();
        self
    }
}

fn add(notes: &mut BTreeMap<Span, Note>, span: Span, seen: impl FnOnce() -> Option<Vec<Seen>>) {
    let old = notes.get_mut(&span);
    if old.as_ref().is_some_and(|old| old.varies) {
        return;
    }
    let Some(seen) = seen() else { return };
    match old {
        Some(old) => old.varies = old.seen != seen,
        None => drop(notes.insert(span, Note { seen, varies: false })),
    }
}

impl<'a> Checker<'a> {
    /// Notes what the name at `span` stands for.
    pub fn note_name(&mut self, span: Span, val: &Val<'a>) {
        let Some(notes) = self.notes.as_mut().filter(|_| span.file == self.file) else { return };
        let graph = &self.graph;
        add(&mut notes.names, span, || seen(graph, val).map(|seen| vec![seen]));
    }

    /// Notes what the call or the stage at `span` gives.
    pub fn note_results(&mut self, span: Span, vals: &[Val<'a>]) {
        let Some(notes) = self.notes.as_mut().filter(|_| span.file == self.file) else { return };
        let graph = &self.graph;
        add(&mut notes.results, span, || vals.iter().map(|val| seen(graph, val)).collect());
    }

    /// Notes that the call at `span` makes the instance at `path`.
    pub fn note_instance(&mut self, span: Span, path: &str) {
        let Some(notes) = self.notes.as_mut().filter(|_| span.file == self.file) else { return };
        let paths = notes.instances.entry(span).or_default();
        if paths.len() < MOST_INSTANCES && !paths.iter().any(|old| old == path) {
            paths.push(path.to_owned());
        }
    }
}

/// What is told of a value; nothing of what is wrong.
fn seen(graph: &Graph, val: &Val<'_>) -> Option<Seen> {
    Some(match val {
        Val::Error => return None,
        Val::Tensor(value) => Seen::Tensor(graph.ty(*value).clone()),
        Val::List(items) if items.len() > LONGEST_LIST => Seen::Constant(format!("a list of {}", items.len())),
        Val::Instance(instance) => Seen::Instance {
            layer: instance.layer.def.name.text.clone(),
            given: instance.given.clone(),
            path: instance.path.clone(),
        },
        val if val.is_compile_time() => Seen::Constant(val.show()),
        val => Seen::Other(val.kind()),
    })
}
