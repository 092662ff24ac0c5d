//! The training loop: optimizers as formulas, minibatches, checkpoints, metrics.
//!
//! ```text
//! network Main ──lower──▶ batched graph ──step──▶ + gradients + optimizer formulas ──plan──▶ Trainer ──▶ events, weights
//! ```
//!
//! The loop reports through [`Observer`] and returns what it learned; it prints nothing and knows no terminal.

mod batches;
mod clock;
mod course;
mod evaluate;
mod forms;
mod initial;
mod inspect;
mod sizes;
mod step;
mod trainer;
mod unit;
mod weights;

pub use batches::{Batch, Order};
pub use clock::{Clock, Scalars};
pub use course::{Checkpoint, Course, restore, saved};
pub use evaluate::{Evaluator, Means, Moment, View};
pub use forms::room;
pub use initial::{initial_values, stored};
pub use inspect::{BUILT, Planned, Profiled};
pub use sizes::{Clash, Programs, Resize, Unmet, sizes_by_kind, sizes_of, unmet_claim};
pub use step::{Part, StepGraph, group_graph, step_graph};
pub use trainer::{Culprit, Ended, Event, Failure, Observer, Outcome, Trainer, Training};
pub use weights::{Elements, Expected, SavedTensor, Weights, WeightsError};
