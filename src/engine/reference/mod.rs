//! The reference engine: one node at a time by its primitive's own evaluation, in f32 or f64. It is what other engines, passes and
//! derivatives are held against, so it does nothing clever: no fusing, no reuse, no threads.
//!
//! It takes verified graphs whose only symbol is the batch. A fault in a graph or in what is fed is the caller's bug and panics.

use crate::base::{Idx, IndexVec};
use crate::ir::{Graph, Node, Value, VarId, op};
use crate::ops::{EvalCall, RunContext, primitive};
use crate::tensor::{DType, Tensor};

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The value of every node that a root depends on.
    pub values: IndexVec<Value, Option<Tensor>>,
    /// The results under their names, in declaration order.
    pub results: Vec<(String, Tensor)>,
    /// The new values of the variables that are updated, in the order of the updates.
    pub updates: Vec<(VarId, Tensor)>,
}

impl Evaluation {
    /// The result called `name`.
    pub fn result(&self, name: &str) -> Option<&Tensor> {
        self.results.iter().find(|(own, _)| own == name).map(|(_, tensor)| tensor)
    }
}

/// Evaluates all that a graph's results and updates depend on. `inputs` holds one tensor for each of the graph's inputs; those that
/// nothing reads are not looked at. With `double`, all floats are f64.
///
/// # Panics
/// When a variable or an input that is read is missing or not of its declared type.
pub fn run(
    graph: &Graph,
    variables: &IndexVec<VarId, Tensor>,
    inputs: &[Tensor],
    run: &RunContext,
    double: bool,
) -> Evaluation {
    let values = run_nodes(graph, &graph.roots(), variables, inputs, run, double);
    let get = |value: Value| values[value].clone().expect("a root is evaluated");
    let results = graph.results.iter().map(|result| (result.name.clone(), get(result.value))).collect();
    let updates = graph.updates.iter().map(|update| (update.variable, get(update.value))).collect();
    Evaluation { values, results, updates }
}

/// Evaluates `targets` and all that they depend on, and nothing else.
///
/// # Panics
/// As [`run`].
pub fn run_nodes(
    graph: &Graph,
    targets: &[Value],
    variables: &IndexVec<VarId, Tensor>,
    inputs: &[Tensor],
    run: &RunContext,
    double: bool,
) -> IndexVec<Value, Option<Tensor>> {
    let reached = graph.reached_from(targets.iter().copied());
    let mut values: IndexVec<Value, Option<Tensor>> = graph.nodes.iter().map(|_| None).collect();
    for (value, node) in graph.nodes.iter_enumerated().filter(|(value, _)| reached[*value]) {
        let index = || usize::try_from(node.attrs.get_int("index")).expect("a place");
        let result = match node.op {
            op::INPUT => widened(&inputs[index()], double),
            op::VARIABLE => widened(&variables[VarId::new(index())], double),
            _ => {
                let operand = |input: &Value| values[*input].as_ref().expect("inputs are earlier and reached");
                let operands: Vec<&Tensor> = node.inputs.iter().map(operand).collect();
                let shape = run.sizes(&node.ty.shape);
                (primitive(node.op).eval)(&EvalCall { node, inputs: &operands, shape, double, run })
            }
        };
        assert_typed(value, node, &result, run, double);
        values[value] = Some(result);
    }
    values
}

fn widened(tensor: &Tensor, double: bool) -> Tensor {
    if double { tensor.widen() } else { tensor.clone() }
}

fn assert_typed(value: Value, node: &Node, tensor: &Tensor, run: &RunContext, double: bool) {
    let fits = match node.ty.dtype {
        DType::F32 if double => matches!(tensor, Tensor::F64(_)),
        DType::F32 => matches!(tensor, Tensor::F32(_)),
        DType::I32 | DType::Index(_) => matches!(tensor, Tensor::I32(_)),
        DType::Bool => matches!(tensor, Tensor::Bool(_)),
    };
    assert!(fits, "{value} = {} should be {}, is {tensor:?}", node.op, node.ty);
    assert_eq!(tensor.shape(), run.sizes(&node.ty.shape), "{value} = {} should be {}", node.op, node.ty);
}
