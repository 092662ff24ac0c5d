//! Formulas that formats have an operation for, found in a graph: the ways of the library to write them.
//!
//! What is found is a node of an operation of this room's own, or a convolution with a third operand, its bias. Only the writers see
//! such a graph.

use super::constant;
use crate::base::IndexVec;
use crate::ir::{Attrs, Graph, Node, Op, Value};
use crate::ops::contract::CONTRACT;
use crate::ops::image::convolution::CONVOLUTION;
use crate::ops::{compare, elementwise, elementwise_binary as binary, graph, reduce, shape};
use crate::passes::{dce, rebuild};

/// `max(x, 0)`.
pub const RELU: Op = Op("relu");

/// `exp(x) / Σ exp(x)` along attribute `axis`.
pub const SOFTMAX: Op = Op("softmax");

/// `x @ w + b`: the last axis of the first operand with the first of the second, a matrix, and a number added for each of its columns.
pub const AFFINE: Op = Op("affine");

/// `graph` with what is known put in, as far as `has` says that the format has it, and without the nodes that are only for training.
pub fn known(graph: Graph, has: impl Fn(Op) -> bool) -> Graph {
    let for_one = for_one(&graph);
    let found = rebuild(
        graph,
        |_| true,
        |new, old, node| {
            let known = match node.op {
                graph::STOP_GRADIENT => return node.inputs[0],
                compare::WHERE if has(RELU) => relu(new, &node),
                binary::MUL if has(SOFTMAX) => softmax(new, &node),
                binary::ADD if for_one[old] => {
                    biased(new, &node).or_else(|| affine(new, &node).filter(|_| has(AFFINE)))
                }
                _ => None,
            };
            new.push(known.unwrap_or(node))
        },
    );
    dce(found)
}

/// Of each node, whether it alone reads its first operand.
fn for_one(graph: &Graph) -> IndexVec<Value, bool> {
    let mut uses: IndexVec<Value, usize> = graph.nodes.iter().map(|_| 0).collect();
    let operands = graph.nodes.iter().flat_map(|node| node.inputs.iter().copied());
    for value in operands.chain(graph.roots()) {
        uses[value] += 1;
    }
    graph.nodes.iter().map(|node| node.inputs.first().is_some_and(|first| uses[*first] == 1)).collect()
}

fn is_zero(graph: &Graph, value: Value) -> bool {
    constant(graph, value).is_some_and(|tensor| tensor.to_f64().iter().all(|number| *number == 0.0))
}

/// The operands of `value`, if it is of this operation.
fn of(graph: &Graph, value: Value, op: Op) -> Option<&Node> {
    Some(graph.node(value)).filter(|node| node.op == op)
}

/// `where(x <= 0, 0, x)`.
fn relu(graph: &Graph, node: &Node) -> Option<Node> {
    let [condition, zero, x] = node.inputs[..] else { return None };
    let compared = of(graph, condition, compare::LESS_EQUAL)?;
    let fits = compared.inputs[0] == x && is_zero(graph, compared.inputs[1]) && is_zero(graph, zero);
    let same = graph.ty(x) == &node.ty;
    (fits && same).then(|| Node { op: RELU, inputs: [x].into_iter().collect(), attrs: Attrs::new(), ..node.clone() })
}

/// `e * reciprocal(sum(e))` with `e = exp(x - max(x))`.
fn softmax(graph: &Graph, node: &Node) -> Option<Node> {
    let [e, factor] = node.inputs[..] else { return None };
    let sum = of(graph, of(graph, factor, elementwise::RECIPROCAL)?.inputs[0], reduce::SUM)?;
    let less = of(graph, of(graph, e, elementwise::EXP)?.inputs[0], binary::SUB)?;
    let max = of(graph, less.inputs[1], reduce::MAX)?;
    let axes = sum.attrs.get_ints("axis");
    let along = |reduced: &Node| reduced.attrs.get_ints("axis") == axes && reduced.attrs.get_bool("keepdims");
    let fits = sum.inputs[0] == e && max.inputs[0] == less.inputs[0] && along(sum) && along(max) && axes.len() == 1;
    fits.then(|| Node {
        op: SOFTMAX,
        inputs: [less.inputs[0]].into_iter().collect(),
        attrs: Attrs::new().int("axis", axes[0]),
        ..node.clone()
    })
}

/// A convolution whose only use is to have one number added for each map.
fn biased(graph: &Graph, node: &Node) -> Option<Node> {
    let [sum, lined_up] = node.inputs[..] else { return None };
    let convolution = of(graph, sum, CONVOLUTION).filter(|own| own.inputs.len() == 2)?;
    let bias = of(graph, lined_up, shape::RESHAPE)?.inputs[0];
    let spatial = convolution.attrs.get_ints("stride").len();
    let (from, to) = (graph.shape(bias), graph.shape(lined_up));
    let fits =
        from.len() == 1 && to.len() == spatial + 1 && to[0] == from[0] && to[1..].iter().all(|size| size.is_one());
    fits.then(|| Node {
        inputs: convolution.inputs.iter().copied().chain([bias]).collect(),
        ty: node.ty.clone(),
        place: node.place,
        ..convolution.clone()
    })
}

/// A product with a matrix whose only use is to have one number added for each column.
fn affine(graph: &Graph, node: &Node) -> Option<Node> {
    let [product, bias] = node.inputs[..] else { return None };
    let product = of(graph, product, CONTRACT)?;
    let [x, w] = [graph.shape(product.inputs[0]), graph.shape(product.inputs[1])];
    let ints = |name: &str| product.attrs.get_ints(name);
    let is_product = ints("axes_a") == [x.len() as i64 - 1] && ints("axes_b") == [0] && ints("batch_a").is_empty();
    let fits = is_product && x.len() > 1 && w.len() == 2 && graph.shape(bias) == &w[1..];
    fits.then(|| Node {
        op: AFFINE,
        inputs: product.inputs.iter().copied().chain([bias]).collect(),
        attrs: Attrs::new(),
        ..node.clone()
    })
}
