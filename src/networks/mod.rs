//! Main, MainValidation and MainRuntime, derived from the one program: settle what depends on `training`, then keep what the
//! network's results need.
//!
//! All networks are per-sample graphs and keep the program's variables under the same ids, so weights fit all of them.

mod comparison;
mod expand;
mod slice;
mod why;

use crate::base::Idx;
use crate::ir::{Attrs, Graph, Op, ResultRole, ResultValue, Value, VarId, op};
use crate::ops::Builder;

pub use comparison::{Comparison, compared, comparisons};
pub use expand::expand;
pub use slice::{Choice, slice};
pub use why::{Fate, Row, render_why, why};

/// One of the networks that a program stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Training: losses, metrics and updates, `training` true.
    Main,
    /// Losses and metrics, `training` false.
    MainValidation,
    /// Outputs, `training` false; what only a loss needs is gone.
    MainRuntime,
}

impl Network {
    /// All three with their names.
    pub const ALL: [(Network, &'static str); 3] =
        [(Network::Main, "Main"), (Network::MainValidation, "MainValidation"), (Network::MainRuntime, "MainRuntime")];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Network::Main => "Main",
            Network::MainValidation => "MainValidation",
            Network::MainRuntime => "MainRuntime",
        }
    }

    fn keeps(self, role: &ResultRole) -> bool {
        match self {
            Network::Main | Network::MainValidation => matches!(role, ResultRole::Loss { .. } | ResultRole::Metric),
            Network::MainRuntime => *role == ResultRole::Output,
        }
    }

    /// How this network settles what depends on `training`.
    pub fn choice(self) -> Choice {
        if self == Network::Main { Choice::Training } else { Choice::Evaluation }
    }
}

/// What a network computes, for pictures of it: drawn inputs stay inputs, and what is assigned after a step is left out.
pub fn undrawn(program: &Graph, network: Network) -> Graph {
    let mut asked = program.clone();
    asked.results.retain(|result| network.keeps(&result.role));
    asked.updates.clear();
    slice(&asked, network.choice(), false)
}

/// Derives a network from a program's graph.
pub fn derive(program: &Graph, network: Network) -> Graph {
    let mut asked = program.clone();
    asked.results.retain(|result| network.keeps(&result.role));
    if network != Network::Main {
        asked.updates.clear();
    }
    let draws = network != Network::MainRuntime;
    slice(&asked, network.choice(), draws)
}

/// The training steps' network: Main without its metrics, which are evaluated as in MainValidation.
pub fn training(program: &Graph) -> Graph {
    training_of(program, |_| true, true)
}

/// The network of a training step that minimises the losses for whose names `is_own` holds, with or without the updates of states.
pub fn training_of(program: &Graph, is_own: impl Fn(&str) -> bool, updates: bool) -> Graph {
    let mut asked = program.clone();
    asked.results.retain(|result| matches!(result.role, ResultRole::Loss { .. }) && is_own(&result.name));
    if !updates {
        asked.updates.clear();
    }
    slice(&asked, Choice::Training, true)
}

/// MainRuntime with only the outputs called `names`.
pub fn runtime_of(program: &Graph, names: &[String]) -> Graph {
    let mut asked = program.clone();
    asked.results.retain(|result| result.role == ResultRole::Output && names.contains(&result.name));
    asked.updates.clear();
    slice(&asked, Choice::Evaluation, false)
}

/// The graph that computes every variable's initial value: one result a variable, in order, called by its path. A state that starts
/// as a copy of a parameter reads that parameter's initial value.
pub fn initial(program: &Graph) -> Graph {
    let mut asked = program.clone();
    asked.updates.clear();
    asked.results.clear();
    let variables: Vec<_> = program.variables.iter().cloned().collect();
    for variable in &variables {
        let value = variable.init.unwrap_or_else(|| zeros(&mut asked, variable.ty.shape.clone()));
        let (name, place) = (variable.path.clone(), variable.place);
        asked.results.push(ResultValue { name, role: ResultRole::Extra, value, place });
    }
    substitute_initial(&mut asked);
    slice(&asked, Choice::Training, true)
}

fn zeros(graph: &mut Graph, shape: crate::tensor::Shape) -> Value {
    let mut b = Builder::new(graph, crate::ir::Place::NONE);
    let zero = b.scalar(0.0);
    b.emit(Op("broadcast"), &[zero], Attrs::new().dims("shape", shape))
}

/// Makes every reader of a variable read its initial value; initial values stand before the variables' nodes that they fill.
fn substitute_initial(graph: &mut Graph) {
    let initial = |graph: &Graph, mut value: Value| {
        while graph.node(value).op == op::VARIABLE {
            let variable = VarId::new(graph.node(value).attrs.get_int("index") as usize);
            match graph.variables[variable].init {
                Some(init) if init < value => value = init,
                _ => break,
            }
        }
        value
    };
    for id in graph.nodes.indices() {
        let inputs: Vec<Value> = graph.node(id).inputs.iter().map(|input| initial(graph, *input)).collect();
        if inputs.iter().all(|input| *input < id) {
            graph.nodes[id].inputs = inputs.into_iter().collect();
        }
    }
    for result in 0..graph.results.len() {
        graph.results[result].value = initial(graph, graph.results[result].value);
    }
}
