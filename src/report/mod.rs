//! What a run leaves to look at: the log and the learning curve.
//!
//! A [`History`] is filled as the run goes; [`Log`] writes it down line by line, [`svg`] draws it. Knows nothing of how training is done.

mod curve;
mod history;
mod log;
pub mod numbers;
mod scale;

pub use curve::svg;
pub use history::{Axis, History, Kind, Point, Series};
pub use log::Log;
