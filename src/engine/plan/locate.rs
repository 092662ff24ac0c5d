//! Where a value that is no number came from: the step again, node by node, on the reference engine. For the one run that failed, so it
//! may be slow; training itself never looks.

use super::Store;
use crate::base::IndexVec;
use crate::engine::reference;
use crate::ir::{Graph, Value, VarId, op};
use crate::ops::RunContext;
use crate::tensor::Tensor;

/// The first node whose value holds a NaN though nothing that it is computed from does, or else, if there is no NaN, the first that is
/// infinite without being a constant. None if all that the results and updates depend on is finite. `inputs` and `run` are those of the
/// run, `store` holds the variables as they were before it.
///
/// # Panics
/// When inputs or store do not fit the graph, which a run would have refused.
pub fn first_non_finite(graph: &Graph, store: &Store, inputs: &[Tensor], run: &RunContext) -> Option<Value> {
    let empty = || Tensor::f32(&[0], Vec::new());
    let variables: IndexVec<VarId, Tensor> =
        graph.variables.iter().map(|variable| store.get(&variable.path).unwrap_or_else(empty)).collect();
    let values = reference::run_nodes(graph, &graph.roots(), &variables, inputs, run, false);
    let first = |holds: &dyn Fn(&f32) -> bool| {
        let mut nodes = graph.nodes.iter_enumerated().filter(|(_, node)| node.op != op::CONSTANT);
        nodes.find(|(value, _)| matches!(&values[*value], Some(Tensor::F32(array)) if array.iter().any(holds)))
    };
    first(&|x| x.is_nan()).or_else(|| first(&|x| x.is_infinite())).map(|(value, _)| value)
}
