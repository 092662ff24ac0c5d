//! Which values carry gradient, and what cuts it off where it does not arrive: what the checker tells its user, and what reverse
//! mode visits.
//!
//! Works on batched graphs and on per-sample graphs; in those it follows Main, so `select_training` leads to its first operand only.
//! An operation with a gradient rule is taken to pass gradient to every float operand.

use super::{Gradient, primitive};
use crate::base::IndexVec;
use crate::ir::{Graph, Node, Value, op};

/// What [`reach`] found.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Which values lie on a differentiable path from one of the given values to the objective.
    pub carries: IndexVec<Value, bool>,
    /// For each of the given values, in order, whether gradient arrives there.
    pub flows: Vec<Flow>,
}

/// Whether gradient arrives at a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It does.
    Reaches,
    /// The objective depends on the value, but every path is cut: the operations that do, in evaluation order.
    Cut(Vec<Cut>),
    /// The objective does not depend on the value.
    Unrelated,
}

/// An operation through which no gradient passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Its value.
    pub value: Value,
    /// Why, continuing a sentence that starts with the operation's name: "is flat: ...".
    pub reason: &'static str,
}

/// Finds out where the gradient of `objective`, of any shape, arrives among `wrt`.
pub fn reach(graph: &Graph, objective: Value, wrt: &[Value]) -> Reach {
    let carries = carrying(graph, objective, wrt);
    let used = spread_back(graph, objective, |_| true);
    let flow = |value: &Value| match (carries[*value], used[*value]) {
        (true, _) => Flow::Reaches,
        (false, false) => Flow::Unrelated,
        (false, true) => Flow::Cut(cuts(graph, *value, &used)),
    };
    let flows = wrt.iter().map(flow).collect();
    Reach { carries, flows }
}

/// Which values lie on a differentiable path from one of `wrt` to `objective`.
pub fn carrying(graph: &Graph, objective: Value, wrt: &[Value]) -> IndexVec<Value, bool> {
    let from = leading(graph, wrt);
    let to = receiving(graph, objective);
    graph.nodes.indices().map(|value| from[value] && to[value]).collect()
}

/// The operands that an operation's value depends on in Main.
fn operands(node: &Node) -> &[Value] {
    if node.op == op::SELECT_TRAINING { &node.inputs[..1] } else { &node.inputs }
}

/// Why no gradient passes through a node, if none does.
fn cut_by(node: &Node) -> Option<&'static str> {
    match primitive(node.op).gradient {
        Gradient::Zero(reason) => Some(reason),
        Gradient::Rule(_) if node.ty.dtype.is_float() => None,
        Gradient::Rule(_) => Some("gives no real numbers"),
    }
}

/// The values at which gradient of `objective` arrives, whatever is behind them. A value that is no real number is among them when an
/// operation that has a derivative reads it.
pub fn receiving(graph: &Graph, objective: Value) -> IndexVec<Value, bool> {
    spread_back(graph, objective, |node| cut_by(node).is_none())
}

/// The floats from which gradient gets to one of `roots`: that depend differentiably on it, themselves included if they are floats.
pub fn leading(graph: &Graph, roots: &[Value]) -> IndexVec<Value, bool> {
    let mut reached: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for root in roots {
        reached[*root] = graph.ty(*root).dtype.is_float();
    }
    for (value, node) in graph.nodes.iter_enumerated() {
        let passes = cut_by(node).is_none() && operands(node).iter().any(|operand| reached[*operand]);
        reached[value] = reached[value] || passes;
    }
    reached
}

/// What `root` depends on, itself included, through nodes that `passes`.
fn spread_back(graph: &Graph, root: Value, passes: impl Fn(&Node) -> bool) -> IndexVec<Value, bool> {
    let mut reached: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    reached[root] = true;
    for value in graph.nodes.indices().rev() {
        let node = graph.node(value);
        if reached[value] && passes(node) {
            for operand in operands(node) {
                reached[*operand] = true;
            }
        }
    }
    reached
}

/// The nodes at which every path from `value` to what is `used` ends.
fn cuts(graph: &Graph, value: Value, used: &IndexVec<Value, bool>) -> Vec<Cut> {
    if !graph.ty(value).dtype.is_float() {
        return vec![Cut { value, reason: "holds no real numbers" }];
    }
    let depends = leading(graph, &[value]);
    let nodes = graph.nodes.iter_enumerated().filter(|(node, _)| used[*node]);
    let cutting = nodes.filter(|(_, node)| operands(node).iter().any(|operand| depends[*operand]));
    cutting.filter_map(|(value, node)| cut_by(node).map(|reason| Cut { value, reason })).collect()
}
