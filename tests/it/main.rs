//! The integration tests, one binary.

mod data;
mod engine;
mod graphs;
mod passes;
