//! The structural contract of a graph, which every stage may rely on. Types and attributes are verified by `ops::verify`, which
//! knows the operations.
//!
//! 1. A node's inputs are earlier nodes.
//! 2. Input and variable nodes name an existing input or variable, and agree with its type.
//! 3. Results, weights, updates, drawn inputs and initial values name existing nodes; weights are scalars; an update has its variable's type.
//! 4. Variable paths are unique; a variable's shape holds no symbol.

use std::collections::BTreeSet;
use std::fmt;

use super::{Graph, Op, ResultRole, Value, VarId, op};
use crate::base::Idx;

/// A broken rule of the contract: a bug in whatever made the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The offending node, if it is one.
    pub value: Option<Value>,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{value}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}

/// Checks the rules above.
///
/// # Errors
/// The first broken rule.
pub fn verify_structure(graph: &Graph) -> Result<(), Fault> {
    nodes(graph)?;
    variables(graph)?;
    references(graph)
}

fn fault<T>(value: Option<Value>, message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { value, message: message.into() })
}

fn nodes(graph: &Graph) -> Result<(), Fault> {
    for (value, node) in graph.nodes.iter_enumerated() {
        if let Some(late) = node.inputs.iter().find(|input| **input >= value) {
            return fault(Some(value), format!("uses {late}, which is not earlier"));
        }
        let declared = match node.op {
            op::INPUT => graph.inputs.get(index_of(graph, value)).map(|_| &node.ty),
            op::VARIABLE => graph.variables.get(VarId::new(index_of(graph, value))).map(|variable| &variable.ty),
            _ => continue,
        };
        match declared {
            None => {
                return fault(Some(value), format!("names {} {} that does not exist", node.op, index_of(graph, value)));
            }
            Some(ty) if *ty != node.ty => return fault(Some(value), format!("is {}, its declaration {ty}", node.ty)),
            Some(_) => {}
        }
    }
    Ok(())
}

fn index_of(graph: &Graph, value: Value) -> usize {
    usize::try_from(graph.node(value).attrs.get_int("index")).unwrap_or(usize::MAX)
}

fn variables(graph: &Graph) -> Result<(), Fault> {
    let mut paths = BTreeSet::new();
    for variable in graph.variables.iter() {
        if !paths.insert(variable.path.as_str()) {
            return fault(None, format!("two variables are called `{}`", variable.path));
        }
        if variable.ty.shape.constant().is_none() {
            return fault(None, format!("variable `{}` has the symbolic type {}", variable.path, variable.ty));
        }
    }
    Ok(())
}

fn references(graph: &Graph) -> Result<(), Fault> {
    let inits = graph.variables.iter().filter_map(|variable| variable.init);
    let inputs = graph.inputs.iter().flat_map(|input| std::iter::once(input.value).chain(input.drawn));
    for value in graph.roots().into_iter().chain(inits).chain(inputs) {
        if graph.nodes.get(value).is_none() {
            return fault(None, format!("{value} is referred to but does not exist"));
        }
    }
    for (position, input) in graph.inputs.iter().enumerate() {
        if graph.node(input.value).op != op::INPUT || index_of(graph, input.value) != position {
            return fault(Some(input.value), format!("is not the node of input `{}`", input.name));
        }
    }
    for result in &graph.results {
        if let ResultRole::Loss { weight: Some(weight), .. } = result.role
            && graph.ty(weight).shape.rank() != 0
        {
            return fault(Some(weight), format!("weighs loss `{}` but is no scalar", result.name));
        }
    }
    for update in &graph.updates {
        let Some(variable) = graph.variables.get(update.variable) else {
            return fault(Some(update.value), "updates a variable that does not exist");
        };
        if variable.ty != *graph.ty(update.value) {
            return fault(
                Some(update.value),
                format!("is {}, `{}` {}", graph.ty(update.value), variable.path, variable.ty),
            );
        }
    }
    Ok(())
}

/// Whether an operation may stand only in a per-sample graph.
pub fn per_sample_only(op: Op) -> bool {
    [op::SELECT_TRAINING, op::ALL_SAMPLES, op::SAMPLE_INDEX, op::GRAD].contains(&op)
}
