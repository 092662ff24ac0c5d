//! What a run leaves to look at: the log, the learning curve, and what was taken for what.
//!
//! A [`History`] is filled as the run goes; [`Log`] writes it down line by line, [`svg`] draws it. Knows nothing of how training is done.

mod confusion;
mod curve;
mod history;
mod log;
pub mod numbers;
mod scale;

pub use confusion::{Confusion, OfClass};
pub use curve::svg;
pub use history::{Axis, History, Kind, Point, Series};
pub use log::Log;
