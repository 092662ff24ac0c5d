//! The graph of one training step: losses, gradients, clipping, optimizer, state updates.

use crate::base::IndexVec;
use crate::check::TrainSettings;
use crate::ir::group::{Group, groups};
use crate::ir::{
    Attrs, FED, Graph, Input, Node, Op, Place, ResultRole, Update, Value, VarId, Variable, VariableKind, op,
};
use crate::lower::OBJECTIVE;
use crate::ops::Builder;
use crate::tensor::{Shape, Type};
use crate::{autodiff, tensor};

use crate::optimizers::{Formula, Optimizer};

/// The input that is fed a minibatch's part of the samples whose gradients are averaged.
pub const SHARE: &str = "@share";

/// The name of the slot that holds the sum of gradients so far.
const SUM: &str = "sum";

/// A step's graph, ready for passes and plans.
#[derive(Clone, Debug)]
pub struct StepGraph {
    /// The graph. Its results are the losses in order, then the objective; its last inputs are the scalars of the optimizer.
    pub graph: Graph,
    /// The names of the losses, in the order of the results.
    pub losses: Vec<String>,
}

/// What a graph does with the gradients that it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Adds them to sums, for a later graph to finish with.
    Gather,
    /// Moves the parameters.
    Finish {
        /// Whether sums were gathered before.
        sums: bool,
        /// Whether states are updated: in an iteration's last step.
        updates: bool,
    },
}

/// The name of the scalar that an optimizer is fed as its `index`-th.
pub fn rate_name(index: usize) -> String {
    format!("{FED}rate.{index}")
}

/// Builds the one step of a lowered Main network that has one group of losses. See [`group_graph`].
///
/// # Panics
/// When the network has no loss: the checker lets no such program train.
pub fn step_graph(network: &Graph, settings: &TrainSettings) -> StepGraph {
    let groups = groups(network);
    let group = groups.first().expect("a program that trains has a loss");
    group_graph(network, settings, group, groups.len() > 1, Part::Finish { sums: false, updates: true })
}

/// Builds a step of a lowered network that holds the losses of `group` alone: `network` with the gradient of its objective by the
/// group's parameters, and what `part` does with it. Optimizer slots become variables called `<parameter>@<slot>`, and
/// `<parameter>@<group>.<slot>` in a program of several groups.
///
/// # Panics
/// When the network has no loss: the checker lets no such program train.
pub fn group_graph(network: &Graph, settings: &TrainSettings, group: &Group, several: bool, part: Part) -> StepGraph {
    let mut graph = network.clone();
    let losses = graph.results.iter().filter(|result| matches!(result.role, ResultRole::Loss { .. }));
    let losses = losses.map(|loss| loss.name.clone()).collect();
    let objective = graph.results.iter().find(|result| result.name == OBJECTIVE && result.role == ResultRole::Extra);
    let objective = objective.expect("a program that trains has a loss").value;
    let params = moved(&graph, group);
    let nodes: Vec<Value> = params.iter().map(|(_, node)| *node).collect();
    let gradients = autodiff::gradients(&mut graph, objective, &nodes);
    let mut moving: Vec<(VarId, Value, Value)> =
        params.into_iter().zip(gradients).filter_map(|((id, node), grad)| grad.map(|grad| (id, node, grad))).collect();
    let own = if several { format!("{FED}{}.", group.name()) } else { FED.to_string() };
    if !matches!(part, Part::Finish { updates: true, .. }) {
        graph.updates.clear();
    }
    if !matches!(part, Part::Finish { sums: false, .. }) {
        gather(&mut graph, &mut moving, &own, part);
    }
    if let Part::Finish { .. } = part {
        let optimizer = settings.optimizer_of(group.name());
        let count = (optimizer.rule.fed)(optimizer, 1.0, 1.0).len();
        let fed: Vec<Value> = (0..count).map(|index| scalar_input(&mut graph, &rate_name(index))).collect();
        let grads = prepared(&mut graph, settings, &moving);
        for ((id, node, _), grad) in moving.iter().zip(grads) {
            move_parameter(&mut graph, optimizer, &own, (*id, *node, grad), &fed);
        }
    }
    StepGraph { graph, losses }
}

/// Makes each gradient the sum of what was gathered and its share; a sum starts anew once it was used.
fn gather(graph: &mut Graph, moving: &mut [(VarId, Value, Value)], own: &str, part: Part) {
    let share = scalar_input(graph, SHARE);
    for (id, _, grad) in moving {
        let variable = graph.variables[*id].clone();
        let slot = add_slot(graph, &variable, own, SUM);
        let mut b = Builder::new(graph, variable.place);
        let before = b.variable(slot, variable.ty.clone());
        let part_of = b.mul(share, *grad);
        *grad = b.add(before, part_of);
        let left = match part {
            Part::Gather => *grad,
            Part::Finish { .. } => {
                let (zero, shape) = (b.scalar(0.0), b.shape(before));
                b.broadcast(zero, shape)
            }
        };
        graph.updates.push(Update { variable: slot, value: left, place: variable.place });
    }
}

fn add_slot(graph: &mut Graph, variable: &Variable, own: &str, name: &str) -> VarId {
    let path = format!("{}{own}{name}", variable.path);
    graph.variables.push(Variable { path, kind: VariableKind::Slot, init: None, ..variable.clone() })
}

/// The group's parameters that the graph reads, each with its one node.
fn moved(graph: &Graph, group: &Group) -> Vec<(VarId, Value)> {
    let mut nodes: IndexVec<VarId, Option<Value>> = graph.variables.iter().map(|_| None).collect();
    for (value, node) in graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::VARIABLE) {
        nodes[VarId(node.attrs.get_int("index") as u32)].get_or_insert(value);
    }
    group.params.iter().filter_map(|id| Some((*id, nodes[*id]?))).collect()
}

fn scalar_input(graph: &mut Graph, name: &str) -> Value {
    let ty = Type { dtype: tensor::DType::F32, shape: Shape::scalar() };
    let attrs = Attrs::new().int("index", graph.inputs.len() as i64);
    let node = Node { op: op::INPUT, inputs: Default::default(), attrs, ty, per_sample: false, place: Place::NONE };
    let value = graph.push(node);
    graph.inputs.push(Input { name: name.to_owned(), value, drawn: None });
    value
}

/// The gradients after weight decay and clipping, in NNabla's order: decay is part of the gradient, then values, then the norm.
fn prepared(graph: &mut Graph, settings: &TrainSettings, moving: &[(VarId, Value, Value)]) -> Vec<Value> {
    let mut grads: Vec<Value> = Vec::new();
    for (id, node, grad) in moving {
        let variable = graph.variables[*id].clone();
        let mut b = Builder::new(graph, variable.place);
        let decay = match variable.kind {
            VariableKind::Param { decay, .. } => decay * settings.weight_decay,
            _ => 0.0,
        };
        let mut grad = *grad;
        if decay != 0.0 {
            let factor = b.scalar(decay);
            let pull = b.mul(factor, *node);
            grad = b.add(grad, pull);
        }
        if let Some(limit) = settings.clip_value {
            let (low, high) = (b.scalar(-limit), b.scalar(limit));
            let above = b.binary(Op("maximum"), grad, low);
            grad = b.binary(Op("minimum"), above, high);
        }
        grads.push(grad);
    }
    match settings.clip_norm {
        Some(limit) if !grads.is_empty() => clipped(graph, &grads, limit),
        _ => grads,
    }
}

/// All gradients times `limit / max(norm, limit)`, where the norm is that of all of them together.
fn clipped(graph: &mut Graph, grads: &[Value], limit: f64) -> Vec<Value> {
    let mut b = Builder::new(graph, Place::NONE);
    let squares: Vec<Value> = grads
        .iter()
        .map(|grad| {
            let square = b.mul(*grad, *grad);
            let axes: Vec<i64> = (0..b.shape(square).rank() as i64).collect();
            if axes.is_empty() { square } else { b.sum(square, &axes, false) }
        })
        .collect();
    let total = squares[1..].iter().fold(squares[0], |sum, square| b.add(sum, *square));
    let norm = b.unary(Op("sqrt"), total);
    let limit = b.scalar(limit);
    let larger = b.binary(Op("maximum"), norm, limit);
    let factor = b.div(limit, larger);
    grads.iter().map(|grad| b.mul(factor, *grad)).collect()
}

fn move_parameter(
    graph: &mut Graph,
    optimizer: &Optimizer,
    own: &str,
    (id, w, g): (VarId, Value, Value),
    fed: &[Value],
) {
    let variable = graph.variables[id].clone();
    let names = optimizer.rule.slots.iter();
    let slots: Vec<VarId> = names.map(|name| add_slot(graph, &variable, own, name)).collect();
    let (lr, decay) = match variable.kind {
        VariableKind::Param { lr, decay, .. } => (lr, decay),
        _ => (1.0, 1.0),
    };
    let mut b = Builder::new(graph, variable.place);
    let old: Vec<Value> = slots.iter().map(|slot| b.variable(*slot, variable.ty.clone())).collect();
    let mut fed = fed.to_vec();
    if lr != 1.0 {
        let factor = b.scalar(lr);
        fed = fed.into_iter().map(|scalar| b.mul(factor, scalar)).collect();
    }
    let formula = &mut Formula { b: &mut b, optimizer, w, g, slots: &old, fed: &fed, decay };
    let new = (optimizer.rule.formula)(formula);
    let targets = std::iter::once(id).chain(slots);
    graph.updates.extend(targets.zip(new).map(|(variable_id, value)| Update {
        variable: variable_id,
        value,
        place: variable.place,
    }));
}
