//! What NNabla archives and projects of Neural Network Console have in common: networks of NNabla's functions, and their text in `.nn`.
//!
//! A reader makes a [`Network`] of its file; [`write`] makes a program of it. A network has NNabla's conventions: every value has the
//! batch as its first axis, and axes in arguments count it. A program is written for one sample, so the writer takes it off.
//!
//! What is written like a person would: chains of values that are used once, short names, layers for parameters. What has no
//! counterpart is told all at once, function by function.

mod args;
mod classes;
mod declare;
mod elementwise;
mod initial;
mod layers;
mod losses;
mod names;
mod needed;
mod rearrange;
mod reduce;
mod term;
pub mod training;
mod windows;
mod writer;

use std::collections::{BTreeMap, BTreeSet};

pub use args::Args;
pub use names::identifier;
pub use term::number;
pub use writer::write;

/// A network of NNabla's functions, with what is known of its use.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// What the program is called in its first line, and where it comes from.
    pub title: String,
    /// Functions, each behind those that it reads.
    pub functions: Vec<Function>,
    /// Every value by its name.
    pub variables: BTreeMap<String, Variable>,
    /// Values that come from data, or are drawn.
    pub feeds: Vec<Feed>,
    /// Values whose means are added up to what is trained.
    pub losses: Vec<String>,
    /// Values that a use of the network asks for, and the names that it gives them.
    pub outputs: Vec<(String, String)>,
    /// Trained values of parameters.
    pub trained: BTreeMap<String, Trained>,
    /// How it is trained.
    pub training: training::Training,
    /// What could not be carried over, a sentence each.
    pub notes: Vec<String>,
}

/// A parameter's trained value.
#[derive(Clone, Debug, PartialEq)]
pub struct Trained {
    /// The sizes of its axes, as NNabla has them.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// A value.
#[derive(Clone, Debug, Default)]
pub struct Variable {
    /// Its sizes; -1 or the batch size first where it differs from sample to sample.
    pub shape: Vec<i64>,
    /// Whether it is a parameter.
    pub parameter: bool,
    /// Whether training leaves it alone.
    pub frozen: bool,
    /// How a parameter starts: a kind such as `NormalAffineGlorot` and its multiplier.
    pub initializer: Option<(String, f64)>,
}

/// A value that comes from data.
#[derive(Clone, Debug)]
pub struct Feed {
    /// The value.
    pub variable: String,
    /// The data's name for it.
    pub name: String,
    /// A kind such as `Normal` and its multiplier, when it is drawn.
    pub generator: Option<(String, f64)>,
}

/// One function.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its own name.
    pub name: String,
    /// What it computes, by NNabla's name: `Convolution`.
    pub kind: String,
    /// The values that it reads.
    pub inputs: Vec<String>,
    /// The values that it gives.
    pub outputs: Vec<String>,
    /// Its constants.
    pub args: Args,
}

/// The largest size of an axis that is believed.
const MOST: i64 = 1 << 31;

/// How many elements a shape has.
pub fn count(shape: &[i64]) -> i64 {
    shape.iter().fold(1, |all: i64, size| all.saturating_mul(*size))
}

/// A size or place, brought within bounds: a damaged file may say anything.
pub fn bounded(number: i64) -> i64 {
    number.clamp(-MOST, MOST)
}

impl Function {
    /// The function as a message names it.
    fn shown(&self) -> String {
        if self.name == self.kind { format!("`{}`", self.name) } else { format!("{} `{}`", self.kind, self.name) }
    }
}

impl Network {
    /// The sizes of a value; none when nothing is known of it.
    fn shape(&self, value: &str) -> &[i64] {
        self.variables.get(value).map_or(&[], |variable| variable.shape.as_slice())
    }

    /// Whether a value is a parameter.
    fn is_parameter(&self, value: &str) -> bool {
        self.variables.get(value).is_some_and(|variable| variable.parameter)
    }

    /// The place of the function that gives each value.
    fn producers<'n>(&'n self) -> BTreeMap<&'n str, usize> {
        let named = |(place, function): (usize, &'n Function)| {
            function.outputs.iter().map(move |value| (value.as_str(), place))
        };
        self.functions.iter().enumerate().flat_map(named).collect()
    }

    /// The functions that these values are computed by.
    fn behind<'v>(&self, values: impl IntoIterator<Item = &'v str>) -> BTreeSet<usize> {
        let producers = self.producers();
        let mut open: Vec<usize> = values.into_iter().filter_map(|value| producers.get(value).copied()).collect();
        let mut found = BTreeSet::new();
        while let Some(place) = open.pop() {
            if found.insert(place) {
                open.extend(self.functions[place].inputs.iter().filter_map(|value| producers.get(value.as_str())));
            }
        }
        found
    }

    /// Puts functions behind those that they read; of a circle they keep their order.
    pub fn sort(&mut self) {
        let mut given: BTreeSet<String> = BTreeSet::new();
        let made: BTreeSet<String> = self.functions.iter().flat_map(|function| function.outputs.clone()).collect();
        let mut left = std::mem::take(&mut self.functions);
        while !left.is_empty() {
            let mut waiting = Vec::new();
            let before = left.len();
            for function in left {
                if function.inputs.iter().all(|value| given.contains(value) || !made.contains(value)) {
                    given.extend(function.outputs.iter().cloned());
                    self.functions.push(function);
                } else {
                    waiting.push(function);
                }
            }
            if waiting.len() == before {
                self.functions.append(&mut waiting);
            }
            left = waiting;
        }
    }
}
