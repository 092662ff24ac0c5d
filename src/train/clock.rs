//! How far a run is, and the scalars that a graph is fed because of it.

use std::collections::BTreeMap;

use crate::ir::FED;

/// Scalars by the names of the inputs that they feed.
pub type Scalars = BTreeMap<String, f32>;

/// A moment of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clock {
    /// The iteration, from 1.
    pub step: u64,
    /// The epoch that it belongs to, from 1.
    pub epoch: u64,
    /// The part of the run that was done before it, from 0 to 1.
    pub progress: f64,
}

impl Clock {
    /// What the weights of losses read.
    pub fn scalars(&self) -> Scalars {
        let named = |name: &str, value: f64| (format!("{FED}{name}"), value as f32);
        let (step, epoch) = (self.step as f64, self.epoch as f64);
        Scalars::from([named("step", step), named("epoch", epoch), named("progress", self.progress)])
    }
}
