//! Where a program compares a class that it is told with one that it predicts: what a confusion matrix counts.
//!
//! A program says so by the losses and metrics that it declares: the value of one is that of a call that takes scores and classes, maybe
//! summed, averaged or scaled. What a sample can take out, as the mask in `where(known, accuracy(p, y), 0)`, is none: a matrix of all
//! samples would not be about the same ones.

use std::collections::BTreeSet;

use super::{Choice, Network, derive, slice};
use crate::ir::{Attr, Attrs, Frame, FrameId, Graph, Node, ResultRole, ResultValue, Value, op};
use crate::ops::{Builder, compare, reduce, shape};
use crate::tensor::{DType, Shape};

/// The functions of the library that take a score for every class, then the class.
const OF_CLASSES: [&str; 5] = ["accuracy", "top_n_error", MATRIX, "softmax_cross_entropy", "categorical_cross_entropy"];

/// The one whose value is a matrix.
const MATRIX: &str = "confusion_matrix";

/// The one that takes a probability, and what is right on the same side of ½.
const OF_SIDES: &str = "binary_error";

/// Classes that a program predicts, and the true ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The name of the true class in the program; of the loss or metric, where it has none.
    pub truth: String,
    /// The name of what the prediction is read off.
    pub scores: String,
    /// How many classes there are.
    pub classes: usize,
    /// The metrics that are this very matrix.
    pub matrices: Vec<String>,
}

/// The comparisons of a program's MainValidation network, each once.
pub fn comparisons(program: &Graph) -> Vec<Comparison> {
    let network = derive(program, Network::MainValidation);
    let mut found: Vec<(Pair, Comparison)> = Vec::new();
    for result in &network.results {
        let Some((frame, pair, classes)) = pair_of(&network, result) else { continue };
        let named = |value: Value| name_of(&network, value).unwrap_or_else(|| result.name.clone());
        let (truth, scores) = pair.sources(&network);
        let fresh = Comparison { truth: named(truth), scores: named(scores), classes, matrices: Vec::new() };
        let known = found.iter().position(|(known, _)| *known == pair);
        let index = known.unwrap_or_else(|| {
            found.push((pair, fresh));
            found.len() - 1
        });
        if is_matrix(&network, frame, result) {
            found[index].1.matrices.push(result.name.clone());
        }
    }
    found.into_iter().map(|(_, comparison)| comparison).collect()
}

/// The network whose results are, for each of the [`comparisons`], the predicted classes and the true ones.
pub fn compared(program: &Graph) -> Graph {
    let mut network = derive(program, Network::MainValidation);
    let mut pairs: Vec<Pair> = Vec::new();
    for result in &network.results {
        pairs.extend(pair_of(&network, result).map(|(_, pair, _)| pair).filter(|pair| !pairs.contains(pair)));
    }
    network.results.clear();
    for (number, pair) in pairs.into_iter().enumerate() {
        let (prediction, truth) = pair.classes(&mut network);
        for (what, value) in [("prediction", prediction), ("truth", truth)] {
            let (name, place) = (format!("{what}.{number}"), network.node(value).place);
            network.results.push(ResultValue { name, role: ResultRole::Output, value, place });
        }
    }
    slice(&network, Choice::Evaluation, true)
}

/// A prediction and what is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pair {
    /// The place of the largest of `scores` along `axis`, and a class.
    Largest { scores: Value, axis: i64, truth: Value },
    /// Two truth values: the classes are 0 and 1.
    Sides { prediction: Value, truth: Value },
}

impl Pair {
    /// What people call the truth and the scores.
    fn sources(self, network: &Graph) -> (Value, Value) {
        let compared = |value: Value| network.node(value).inputs.first().copied().unwrap_or(value);
        match self {
            Pair::Largest { scores, truth, .. } => (truth, scores),
            Pair::Sides { prediction, truth } => (compared(truth), compared(prediction)),
        }
    }

    /// The predicted classes and the true ones, of one shape.
    fn classes(self, network: &mut Graph) -> (Value, Value) {
        match self {
            Pair::Largest { scores, axis, truth } => {
                let place = network.node(scores).place;
                let largest =
                    Builder::new(network, place).emit(reduce::ARGMAX, &[scores], Attrs::new().int("axis", axis));
                (largest, truth)
            }
            Pair::Sides { prediction, truth } => (prediction, truth),
        }
    }
}

/// What a loss or metric compares, in which call, and the number of classes.
fn pair_of(network: &Graph, result: &ResultValue) -> Option<(FrameId, Pair, usize)> {
    let frame = call_of(network, result.value)?;
    let inside: Vec<&Node> = network.nodes.iter().filter(|node| within(network, node, frame)).collect();
    if network.frames[frame].callee == OF_SIDES {
        let differ = inside.iter().find(|node| node.op == compare::NOT_EQUAL)?;
        let [prediction, truth] = differ.inputs[..] else { return None };
        let alike = network.ty(prediction) == network.ty(truth) && network.ty(truth).dtype == DType::Bool;
        let differs = network.node(prediction).per_sample && network.node(truth).per_sample;
        return (alike && differs).then_some((frame, Pair::Sides { prediction, truth }, 2));
    }
    let read: BTreeSet<Value> = inside.iter().flat_map(|node| &node.inputs).copied().collect();
    let given = |value: &&Value| !within(network, network.node(**value), frame) && network.node(**value).per_sample;
    let (mut truths, mut scores) = (Vec::new(), Vec::new());
    for value in read.iter().filter(given) {
        match network.ty(*value).dtype {
            DType::Index(_) => truths.push(*value),
            _ => scores.push(*value),
        }
    }
    let (&[truth], &[scores]) = (&truths[..], &scores[..]) else { return None };
    let axis = axis_of(network, &inside, scores);
    let (classes, of_truth) = (network.shape(scores).get(axis)?, &network.ty(truth).shape);
    let left: Shape =
        (0..network.shape(scores).len()).filter(|at| *at != axis).map(|at| network.shape(scores)[at].clone()).collect();
    let DType::Index(known) = &network.ty(truth).dtype else { return None };
    let classes = classes.constant().filter(|classes| known.constant() == Some(*classes))?;
    let pair = Pair::Largest { scores, axis: axis as i64, truth };
    (left == *of_truth).then_some((frame, pair, usize::try_from(classes).ok()?))
}

/// The call whose value `value` is, maybe reduced or changed by what is the same for all samples.
fn call_of(network: &Graph, mut value: Value) -> Option<FrameId> {
    let compares = |frame: &FrameId| {
        let callee = network.frames[*frame].callee.as_str();
        callee == OF_SIDES || OF_CLASSES.contains(&callee)
    };
    loop {
        let node = network.node(value);
        if let Some(frame) = calls(network, node).filter(compares).last() {
            return Some(frame);
        }
        let mut differing = node.inputs.iter().copied().filter(|input| network.node(*input).per_sample);
        value = differing.next()?;
        if differing.any(|other| other != value) {
            return None;
        }
    }
}

/// The axis of classes of `scores`: that of the first operation on them which has one, or the one that is moved to the end; else the last.
fn axis_of(network: &Graph, inside: &[&Node], scores: Value) -> usize {
    let last = network.shape(scores).len().saturating_sub(1);
    let readers = inside.iter().filter(|node| node.inputs.contains(&scores));
    let axis = readers.filter_map(|node| match (node.op, node.attrs.get("axis")) {
        (shape::TRANSPOSE, _) => node.attrs.get_ints("axes").last().copied(),
        (_, Some(Attr::Int(axis))) => Some(*axis),
        (_, Some(Attr::Ints(axes))) => axes.first().copied().filter(|_| axes.len() == 1),
        _ => None,
    });
    axis.filter_map(|axis| usize::try_from(axis).ok()).next().unwrap_or(last)
}

/// Whether a metric is the matrix of the call `frame` itself.
fn is_matrix(network: &Graph, frame: FrameId, result: &ResultValue) -> bool {
    let own = within(network, network.node(result.value), frame);
    result.role == ResultRole::Metric && own && network.frames[frame].callee == MATRIX
}

/// The calls that a node stands in, innermost first.
fn calls<'g>(network: &'g Graph, node: &Node) -> impl Iterator<Item = FrameId> + use<'g> {
    std::iter::successors(node.place.frame, |frame| {
        let Frame { parent, .. } = &network.frames[*frame];
        *parent
    })
}

fn within(network: &Graph, node: &Node, frame: FrameId) -> bool {
    calls(network, node).any(|call| call == frame)
}

/// The name that the program's top level gives to a value.
fn name_of(network: &Graph, value: Value) -> Option<String> {
    let node = network.node(value);
    if node.op == op::INPUT {
        return Some(network.inputs[node.attrs.get_int("index") as usize].name.clone());
    }
    network.names.get(&value).cloned()
}
