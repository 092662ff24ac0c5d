//! Where a value that is no number came from: the step again, node by node, on the reference engine. For the one run that failed, so it
//! may be slow; training itself never looks.

use ndarray::{ArrayD, IxDyn};

use super::{Feed, Store};
use crate::base::IndexVec;
use crate::engine::reference;
use crate::ir::{Graph, Value, VarId, op};
use crate::ops::RunContext;
use crate::tensor::Tensor;

/// The first node whose value holds a NaN though nothing that it is computed from does, or else, if there is no NaN, the first that is
/// infinite without being a constant. None if all that the results and updates depend on is finite. `feeds` and `run` are those of the
/// run, `store` holds the variables as they were before it.
///
/// # Panics
/// When feeds or store do not fit the graph, which a run would have refused.
pub fn first_non_finite(graph: &Graph, store: &Store, feeds: &[Feed<'_>], run: &RunContext) -> Option<Value> {
    let roots = graph.roots();
    let reached = graph.reached_from(roots.iter().copied());
    let empty = || Tensor::f32(&[0], Vec::new());
    let variables: IndexVec<VarId, Tensor> =
        graph.variables.iter().map(|variable| store.get(&variable.path).unwrap_or_else(empty)).collect();
    let inputs: Vec<Tensor> = graph
        .inputs
        .iter()
        .zip(feeds)
        .map(
            |(input, feed)| {
                if reached[input.value] { tensor(*feed, &run.sizes(&graph.ty(input.value).shape)) } else { empty() }
            },
        )
        .collect();
    let values = reference::run_nodes(graph, &roots, &variables, &inputs, run, false);
    let first = |holds: &dyn Fn(&f32) -> bool| {
        let mut nodes = graph.nodes.iter_enumerated().filter(|(_, node)| node.op != op::CONSTANT);
        nodes.find(|(value, _)| matches!(&values[*value], Some(Tensor::F32(array)) if array.iter().any(holds)))
    };
    first(&|x| x.is_nan()).or_else(|| first(&|x| x.is_infinite())).map(|(value, _)| value)
}

fn tensor(feed: Feed<'_>, sizes: &[usize]) -> Tensor {
    fn array<T: Clone>(values: &[T], sizes: &[usize]) -> ArrayD<T> {
        ArrayD::from_shape_vec(IxDyn(sizes), values.to_vec()).expect("a feed has as many elements as its input")
    }
    match feed {
        Feed::F32(values) => Tensor::F32(array(values, sizes)),
        Feed::I32(values) => Tensor::I32(array(values, sizes)),
        Feed::Bool(values) => Tensor::Bool(array(values, sizes)),
        Feed::Nothing => Tensor::f32(&[0], Vec::new()),
    }
}
