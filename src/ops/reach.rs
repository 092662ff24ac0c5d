//! Which values carry gradient, and what cuts it off where it does not arrive: what the checker tells its user, and what reverse
//! mode visits.
//!
//! Works on batched graphs and on per-sample graphs; in those it follows Main, so `select_training` leads to its first operand only.
//! An operation with a gradient rule is taken to pass gradient to every float operand.

use super::{Gradient, primitive};
use crate::base::{Idx, IndexVec};
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
    let used = spread_back(graph, [objective], first_of(graph, wrt), |_| true);
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
    let to = spread_back(graph, [objective], first_of(graph, wrt), |node| cut_by(node).is_none());
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

/// The values at which gradient of one of `objectives` arrives, whatever is behind them. A value that is no real number is among them
/// when an operation that has a derivative reads it.
pub fn receiving(graph: &Graph, objectives: impl IntoIterator<Item = Value>) -> IndexVec<Value, bool> {
    spread_back(graph, objectives, 0, |node| cut_by(node).is_none())
}

/// At which of `objectives` gradient of each value arrives first, by its position: [`receiving`] for each of them, in one walk.
pub fn first_receiving(graph: &Graph, objectives: &[Value]) -> IndexVec<Value, Option<usize>> {
    let mut first: IndexVec<Value, Option<usize>> = graph.nodes.iter().map(|_| None).collect();
    for (position, objective) in objectives.iter().enumerate() {
        first[*objective].get_or_insert(position);
    }
    for (value, node) in graph.nodes.iter_enumerated().rev() {
        let Some(position) = first[value].filter(|_| cut_by(node).is_none()) else { continue };
        for operand in operands(node) {
            first[*operand] = Some(first[*operand].map_or(position, |other| other.min(position)));
        }
    }
    first
}

/// The floats from which gradient gets to one of `roots`: that depend differentiably on it, themselves included if they are floats.
pub fn leading(graph: &Graph, roots: &[Value]) -> IndexVec<Value, bool> {
    let mut reached: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    for root in roots {
        reached[*root] = graph.ty(*root).dtype.is_float();
    }
    for value in (first_of(graph, roots)..graph.nodes.len()).map(Value::new) {
        let node = graph.node(value);
        let passes = cut_by(node).is_none() && operands(node).iter().any(|operand| reached[*operand]);
        reached[value] = reached[value] || passes;
    }
    reached
}

/// The position of the first of some values, or that after all nodes.
fn first_of(graph: &Graph, values: &[Value]) -> usize {
    values.iter().min().map_or(graph.nodes.len(), |first| first.index())
}

/// What `roots` depend on, themselves included, through nodes that `passes`. What stands before position `since` is not looked at.
fn spread_back(
    graph: &Graph,
    roots: impl IntoIterator<Item = Value>,
    since: usize,
    passes: impl Fn(&Node) -> bool,
) -> IndexVec<Value, bool> {
    let mut reached: IndexVec<Value, bool> = graph.nodes.iter().map(|_| false).collect();
    let mut past = 0;
    for root in roots {
        reached[root] = true;
        past = past.max(root.index() + 1);
    }
    for value in (since..past).rev().map(Value::new) {
        let node = graph.node(value);
        if reached[value] && passes(node) {
            for operand in operands(node) {
                reached[*operand] = true;
            }
        }
    }
    reached
}

/// The operations that cut gradient off between `wrt` and `objectives`, found for all of them in two walks.
pub struct Cuts {
    /// For each value the first that cuts off what comes from it, on a way to an objective.
    pub first_after: IndexVec<Value, Option<Cut>>,
    /// For each value the last, itself included, that cuts off what comes from one of `wrt`.
    pub last_before: IndexVec<Value, Option<Cut>>,
}

impl Cuts {
    /// Finds them.
    pub fn new(graph: &Graph, objectives: impl IntoIterator<Item = Value>, wrt: &[Value]) -> Cuts {
        let used = graph.reached_from(objectives);
        let leads = leading(graph, wrt);
        let none = || graph.nodes.iter().map(|_| None).collect();
        let mut cuts = Cuts { first_after: none(), last_before: none() };
        for (value, node) in graph.nodes.iter_enumerated() {
            let own = cut_by(node).filter(|_| operands(node).iter().any(|operand| leads[*operand]));
            let earlier = operands(node).iter().filter_map(|operand| cuts.last_before[*operand]);
            let earlier = earlier.max_by_key(|cut| cut.value);
            cuts.last_before[value] = own.map(|reason| Cut { value, reason }).or(earlier);
        }
        for (value, node) in graph.nodes.iter_enumerated().rev().filter(|(value, _)| used[*value]) {
            let next = cut_by(node).map(|reason| Cut { value, reason }).or(cuts.first_after[value]);
            for operand in operands(node) {
                let known = cuts.first_after[*operand];
                cuts.first_after[*operand] = known.into_iter().chain(next).min_by_key(|cut| cut.value);
            }
        }
        cuts
    }
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
