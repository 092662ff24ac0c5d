//! The integration tests, one binary.

mod architecture;
mod data;
mod docs;
mod engine;
mod gradients;
mod graphs;
mod library;
mod networks;
mod ops_batch;
mod passes;
mod reference;
mod ui;
