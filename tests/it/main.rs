//! The integration tests, one binary.

mod data;
mod engine;
mod gradients;
mod graphs;
mod passes;
