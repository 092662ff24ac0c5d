//! Inputs that are classes. NNabla has no type for them: what a label is follows from what reads it.

use std::collections::{BTreeMap, BTreeSet};

use super::count as size_of;
use super::term::{Formula, list};
use super::writer::{Fault, Writer, input};
use super::{Function, Network};

/// How many classes each input has that is read as a class.
pub fn find<'n>(network: &'n Network, needed: &BTreeSet<usize>) -> BTreeMap<&'n str, i64> {
    let mut found = BTreeMap::new();
    for function in needed.iter().map(|place| &network.functions[*place]) {
        let (Some(value), Some(count)) = (read_as_class(function), count(network, function)) else { continue };
        if network.feeds.iter().any(|feed| feed.variable == *value) {
            found.entry(value).or_insert(count);
        }
    }
    found
}

/// The operand of a function that is a class.
fn read_as_class(function: &Function) -> Option<&str> {
    match function.kind.as_str() {
        "SoftmaxCrossEntropy" | "CategoricalCrossEntropy" | "TopNError" => function.inputs.get(1).map(String::as_str),
        "OneHot" | "Embed" => function.inputs.first().map(String::as_str),
        _ => None,
    }
}

/// How many classes that operand has.
fn count(network: &Network, function: &Function) -> Option<i64> {
    match function.kind.as_str() {
        "OneHot" => function.args.list("shape").first().copied(),
        "Embed" => network.shape(function.inputs.get(1)?).first().copied(),
        _ => {
            let scores = network.shape(function.inputs.first()?);
            let axis = class_axis(function, scores.len());
            scores.get(axis).copied()
        }
    }
}

/// The axis of the scores, the batch counted.
pub fn class_axis(function: &Function, rank: usize) -> usize {
    let axis = function.args.whole("axis", rank as i64 - 1);
    usize::try_from(if axis < 0 { axis + rank as i64 } else { axis }).unwrap_or(0)
}

impl Writer<'_> {
    /// The class that a function reads, as a value of these sizes.
    pub fn class(&mut self, function: &Function, i: usize, shape: &[i64]) -> Result<Formula, Fault> {
        let value = input(function, i)?;
        let term = self.as_it_is(value)?;
        let Some(known) = term.classes else {
            return Err(format!("its class `{value}` is computed; only an input may be a class"));
        };
        let wanted = count(self.network, function);
        if wanted != Some(known) {
            let wanted = wanted.unwrap_or_default();
            return Err(format!("its class `{value}` is one of {wanted} here and one of {known} elsewhere"));
        }
        let name = term.expr.text();
        if term.shape == shape {
            return Ok(Formula::atom(name));
        }
        if size_of(&term.shape) != size_of(shape) {
            return Err(format!("its class `{value}` is not of the shape of what it is compared with"));
        }
        Ok(Formula::atom(format!("reshape({name}, {})", list(shape))))
    }

    /// The sizes that an input of classes has in the program: without the axis of size 1 that NNabla's losses want.
    pub fn class_shape(&self, value: &str) -> Vec<i64> {
        let mut shape = self.sample_shape(value);
        let readers = self.needed.iter().map(|place| &self.network.functions[*place]);
        let mut embedded = false;
        let mut axis = None;
        for function in readers.filter(|function| read_as_class(function) == Some(value)) {
            match function.kind.as_str() {
                "Embed" => embedded = true,
                "OneHot" => axis = Some(shape.len().saturating_sub(1)),
                _ => {
                    let rank = function.inputs.first().map_or(0, |scores| self.network.shape(scores).len());
                    axis = Some(class_axis(function, rank).saturating_sub(1));
                }
            }
        }
        if let Some(axis) = axis
            && !embedded
            && shape.get(axis) == Some(&1)
        {
            shape.remove(axis);
        }
        shape
    }
}
