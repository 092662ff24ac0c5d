//! The integration tests, one binary.

mod data;
mod graphs;
mod passes;
