//! Where a value stopped being finite: the first node of a graph, in order, whose value holds a NaN or an infinity though none of its
//! inputs does.

use crate::base::IndexVec;
use crate::engine::reference;
use crate::ir::{Graph, Value};
use crate::ops::RunContext;
use crate::tensor::Tensor;

/// Runs the graph in the reference engine and finds the node; none when every value is finite there.
pub fn first_non_finite(
    graph: &Graph,
    variables: &IndexVec<crate::ir::VarId, Tensor>,
    inputs: &[Tensor],
    run: &RunContext,
) -> Option<Value> {
    let roots = graph.roots();
    let reached = graph.reached_from(roots);
    let asked: Vec<Value> = graph.nodes.indices().filter(|value| reached[*value]).collect();
    let values = reference::run_nodes(graph, &asked, variables, inputs, run, false);
    asked.into_iter().find(|value| values[*value].as_ref().is_some_and(|tensor| !is_finite(tensor)))
}

fn is_finite(tensor: &Tensor) -> bool {
    match tensor {
        Tensor::F32(array) => array.iter().all(|x| x.is_finite()),
        Tensor::F64(array) => array.iter().all(|x| x.is_finite()),
        Tensor::I32(_) | Tensor::Bool(_) => true,
    }
}
