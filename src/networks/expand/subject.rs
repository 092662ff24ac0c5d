//! The graph that a network's text is made of: the derived network, with the initial values that the text gives.
//!
//! A text has no `training`, so what it says holds in all of its own networks. That is why Main's metrics, which are evaluated as
//! in MainValidation, get the values of that network here.

use super::super::{Network, slice};
use crate::base::IndexVec;
use crate::ir::{Graph, ResultRole, ResultValue, Value, VarId, VariableKind, op};

/// What is appended to the names of values that Main computes once more, as MainValidation does.
const EVALUATED: &str = "_validation";

/// Derives `network` from a program, keeping the initial values: of all variables in Main, else of states, which cannot be declared
/// without.
pub fn subject(program: &Graph, network: Network) -> Graph {
    let mut asked = program.clone();
    asked.results.retain(|result| network.keeps(&result.role));
    if network == Network::Main {
        evaluate_metrics(&mut asked);
    } else {
        asked.updates.clear();
    }
    let declared = asked.results.len();
    let mut initialised: Vec<VarId> = Vec::new();
    for (id, variable) in program.variables.iter_enumerated() {
        if let Some(value) = variable.init
            && (network == Network::Main || variable.kind == VariableKind::State)
        {
            let (name, place) = (variable.path.clone(), variable.place);
            asked.results.push(ResultValue { name, role: ResultRole::Extra, value, place });
            initialised.push(id);
        }
    }
    let mut out = slice(&asked, network.choice(), network != Network::MainRuntime);
    for (id, initial) in initialised.into_iter().zip(out.results.split_off(declared)) {
        out.variables[id].init = Some(initial.value);
    }
    out
}

/// Makes metrics read what MainValidation computes: whatever depends on a choice is computed once more with its second arm.
fn evaluate_metrics(graph: &mut Graph) {
    let mut evaluated: IndexVec<Value, Value> = IndexVec::new();
    for id in graph.nodes.indices().collect::<Vec<_>>() {
        let node = graph.node(id);
        let inputs: Vec<Value> = node.inputs.iter().map(|input| evaluated[*input]).collect();
        let value = match node.op {
            op::SELECT_TRAINING => inputs[1],
            _ if inputs[..] == node.inputs[..] => id,
            _ => {
                let mut node = node.clone();
                node.inputs = inputs.into_iter().collect();
                let copy = graph.push(node);
                if let Some(name) = graph.names.get(&id).cloned() {
                    graph.names.insert(copy, name + EVALUATED);
                }
                copy
            }
        };
        evaluated.push(value);
    }
    for result in &mut graph.results {
        if result.role == ResultRole::Metric {
            result.value = evaluated[result.value];
        }
    }
}
