//! Operations by name, and the few that the graph itself has to know.
//!
//! All other names are declared beside their definitions in `ops`.

use std::fmt;

/// An operation's name, also its name in `.nn` where it can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Op(pub &'static str);

/// A value fed from outside; attribute `index` is its place in [`super::Graph::inputs`].
pub const INPUT: Op = Op("input");

/// The value of a variable before the step; attribute `index` is its [`super::VarId`].
pub const VARIABLE: Op = Op("variable");

/// A constant; attribute `value` is its tensor.
pub const CONSTANT: Op = Op("constant");

/// Per-sample graphs only: the first input in Main, the second in MainValidation and MainRuntime.
pub const SELECT_TRAINING: Op = Op("select_training");

/// Per-sample graphs only: a per-sample value `[d..]` as the whole batch's `[batch, d..]`.
pub const ALL_SAMPLES: Op = Op("all_samples");

/// Per-sample graphs only: a sample's own place in the minibatch, `index<batch>`.
pub const SAMPLE_INDEX: Op = Op("sample_index");

/// Per-sample graphs only: the derivative of the first input, a scalar, by the second.
pub const GRAD: Op = Op("grad");

/// The first input, claimed to have the shape of attribute `shape`: what the checker could not prove of sizes that the data fixes. Once
/// these are known and the claim was found to hold, [`super::Graph::bind`] puts the input itself in its place.
pub const CLAIM: Op = Op("claim");

/// The first input, standing for a value of the shape of attribute `shape`: what a scan is made of as long as the data has not fixed how
/// long it is. A graph with one is checked, never run; see [`super::Graph::is_open`].
pub const STAND_IN: Op = Op("stand_in");

/// The attribute of a [`STAND_IN`] that stands for what such a scan carries from step to step: three integers, the scan's own, the number of
/// the carry, and 0 where it enters a step or 1 where it leaves the last.
pub const CARRY: &str = "carry";

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
