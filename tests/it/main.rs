//! The integration tests, one binary.

mod architecture;
mod data;
mod engine;
mod gradients;
mod graphs;
mod ops_batch;
mod passes;
mod reference;
