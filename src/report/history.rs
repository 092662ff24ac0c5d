//! What a run measured, point by point: the one table that the log and the learning curve are made of.

use std::time::Duration;

/// Whether a series is trained on or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A loss, or the total of several.
    Loss,
    /// A metric.
    Metric,
}

/// A loss or metric by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Its name in the program; `total` for the weighted sum of the losses.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What was measured at one moment. A value that was not is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// Epochs finished.
    pub epoch: u64,
    /// Steps finished.
    pub step: u64,
    /// Time since the run began.
    pub elapsed: Duration,
    /// One value a series: its mean over the training samples since the last point.
    pub train: Vec<Option<f64>>,
    /// One value a series: its mean over the validation set.
    pub validation: Vec<Option<f64>>,
    /// The learning rate of each of the history's groups in the last step.
    pub rates: Vec<f64>,
}

/// What a run is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Passes over the training set.
    Epochs,
    /// Moves of the optimizer.
    Steps,
}

/// All that a run measured.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// What was measured.
    pub series: Vec<Series>,
    /// The groups of losses that train in steps of their own, each by its first loss; none when there is one step.
    pub groups: Vec<String>,
    /// When, in order.
    pub points: Vec<Point>,
    /// What the run is counted in.
    pub axis: Axis,
    /// The position in `points` whose weights were kept, if some were better than others.
    pub best: Option<usize>,
}

impl History {
    /// A history without points and groups.
    pub fn new(series: Vec<Series>, axis: Axis) -> History {
        History { series, groups: Vec::new(), points: Vec::new(), axis, best: None }
    }

    /// Where `point` stands on the axis.
    pub fn place(&self, point: &Point) -> f64 {
        match self.axis {
            Axis::Epochs => point.epoch as f64,
            Axis::Steps => point.step as f64,
        }
    }
}
