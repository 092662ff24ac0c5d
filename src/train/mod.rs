//! The training loop: optimizers, checkpoints, metrics.
