//! What of a network a program needs, how often values are read, and which functions share parameters.

use std::collections::{BTreeMap, BTreeSet};

use super::names::identifier;
use super::writer::Writer;
use super::{Function, Network, classes};
use crate::import::Refusal;
use crate::import::names::Names;

/// How the parameters of a layer are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// By this function alone.
    Alone,
    /// By functions that are the same but for what they read; the first of them.
    Instance(usize),
    /// In several ways, or they are computed, or kept as they are: the layer is written out.
    Apart,
}

/// Losses of NNabla: what NNC takes for the end of a network, and takes out of the one that is used.
const LOSSES: [&str; 9] = [
    "SquaredError",
    "AbsoluteError",
    "HuberLoss",
    "EpsilonInsensitiveLoss",
    "BinaryCrossEntropy",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
    "CategoricalCrossEntropy",
    "KLMultinomial",
];

/// Functions that a layer's result usually goes through before it is used.
const ACTIVATIONS: [&str; 14] = [
    "ReLU",
    "LeakyReLU",
    "ELU",
    "SELU",
    "GELU",
    "Swish",
    "Mish",
    "Sigmoid",
    "Tanh",
    "Softmax",
    "LogSoftmax",
    "PReLU",
    "SoftPlus",
    "HardSigmoid",
];

impl<'n> Writer<'n> {
    /// A writer that knows what is to be written.
    pub fn new(network: &'n Network) -> Result<Writer<'n>, Refusal> {
        let mut notes = Vec::new();
        let outputs = outputs(network, &mut notes);
        let (metrics, ends) = ends(network, &mut notes);
        let wanted = ends.iter().chain(&metrics).copied().chain(outputs.iter().map(|(value, _)| *value));
        let needed = network.behind(wanted.clone());
        if needed.is_empty() {
            return Err(Refusal::new("it holds no network that computes anything"));
        }
        let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
        let wanted: Vec<&str> = wanted.collect();
        let read = needed.iter().flat_map(|place| network.functions[*place].inputs.iter().map(String::as_str));
        for value in read.chain(wanted) {
            *uses.entry(value).or_insert(0) += 1;
        }
        let classes = classes::find(network, &needed);
        Ok(Writer {
            network,
            needed,
            uses,
            classes,
            trained_losses: ends,
            metrics,
            outputs,
            terms: BTreeMap::new(),
            declared: Vec::new(),
            lines: Vec::new(),
            names: Names::default(),
            weights: Vec::new(),
            untrained: Vec::new(),
            notes,
            instances: BTreeMap::new(),
        })
    }
}

/// What the network ends in: what is only measured, and what is trained. An end that reaches no parameter trains nothing and is left out.
fn ends<'n>(network: &'n Network, notes: &mut Vec<String>) -> (Vec<&'n str>, Vec<&'n str>) {
    let producers = network.producers();
    let (mut metrics, mut losses) = (Vec::new(), Vec::new());
    for value in network.losses.iter().map(String::as_str) {
        let function = producers.get(value).map(|place| &network.functions[*place]);
        if function.is_some_and(|function| matches!(function.kind.as_str(), "TopNError" | "BinaryError")) {
            metrics.push(value);
        } else if trains(network, &producers, value) {
            losses.push(value);
        } else {
            notes.push(format!("`{value}` ends the network but trains nothing; it is left out"));
        }
    }
    (metrics, losses)
}

/// Whether a gradient gets from a value to a parameter.
fn trains(network: &Network, producers: &BTreeMap<&str, usize>, value: &str) -> bool {
    let mut open = vec![value];
    let mut seen = BTreeSet::new();
    while let Some(value) = open.pop() {
        if network.variables.get(value).is_some_and(|variable| variable.parameter && !variable.frozen) {
            return true;
        }
        let Some(place) = producers.get(value).filter(|place| seen.insert(**place)) else { continue };
        let function = &network.functions[*place];
        if !["Unlink", "OneHot"].contains(&function.kind.as_str()) {
            open.extend(function.inputs.iter().map(String::as_str));
        }
    }
    false
}

/// Outputs and their names: those that the source declares, else what its losses compare, as NNC has it, else the last layer's value.
fn outputs<'n>(network: &'n Network, notes: &mut Vec<String>) -> Vec<(&'n str, String)> {
    if !network.outputs.is_empty() {
        return network.outputs.iter().map(|(value, name)| (value.as_str(), identifier(name))).collect();
    }
    let behind = network.behind(network.losses.iter().map(String::as_str));
    let functions = || behind.iter().map(|place| &network.functions[*place]);
    let mut found: Vec<(&str, String)> = Vec::new();
    for function in functions().filter(|function| LOSSES.contains(&function.kind.as_str())) {
        let [predicted, target, ..] = function.inputs.as_slice() else { continue };
        let feed = network.feeds.iter().find(|feed| feed.variable == *target);
        let known = found.iter().any(|(value, _)| value == predicted);
        if !known && !network.is_parameter(predicted) {
            let name = feed.map_or("prediction".to_owned(), |feed| format!("{}_hat", identifier(&feed.name)));
            found.push((predicted, name));
        }
    }
    if found.is_empty()
        && let Some(layer) =
            functions().rev().find(|function| function.inputs.iter().skip(1).any(|v| network.is_parameter(v)))
        && let Some(mut value) = layer.outputs.first()
    {
        let activated = |value: &String| {
            let next = functions().find(|f| ACTIVATIONS.contains(&f.kind.as_str()) && f.inputs.first() == Some(value));
            next.and_then(|function| function.outputs.first())
        };
        for _ in 0..network.functions.len() {
            value = activated(value).unwrap_or(value);
        }
        notes.push(
            "the file marks no output, so the last layer's value is one: see that `output` names what you want"
                .to_owned(),
        );
        found.push((value, "prediction".to_owned()));
    }
    found
}

/// How the parameters of the function at `place` are shared with others that are needed.
pub fn sharing(network: &Network, needed: &BTreeSet<usize>, place: usize) -> Sharing {
    let function = &network.functions[place];
    let own = parameters(function);
    let kept = |value: &String| network.variables.get(value).is_some_and(|variable| variable.frozen);
    let statistics = function.kind == "BatchNormalization";
    if own.iter().any(|value| !network.is_parameter(value) || kept(value) && !statistics) {
        return Sharing::Apart;
    }
    let users: Vec<usize> = needed
        .iter()
        .copied()
        .filter(|other| network.functions[*other].inputs.iter().any(|value| own.contains(value)))
        .collect();
    let same = |other: &usize| {
        let other = &network.functions[*other];
        let first = other.inputs.first().is_some_and(|value| !own.contains(value));
        first && other.kind == function.kind && other.args == function.args && parameters(other) == own
    };
    match users.as_slice() {
        [_] => Sharing::Alone,
        [first, ..] if users.iter().all(same) => Sharing::Instance(*first),
        _ => Sharing::Apart,
    }
}

/// What a layer reads beside its first operand.
fn parameters(function: &Function) -> &[String] {
    function.inputs.get(1..).unwrap_or_default()
}
