//! The training loop: optimizers, checkpoints, metrics.

mod weights;

pub use weights::{Elements, Expected, SavedTensor, Weights, WeightsError};
