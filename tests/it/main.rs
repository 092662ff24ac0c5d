//! The integration tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test stops where something is not as it should be")]

mod architecture;
mod book;
mod calls;
mod carried;
mod cli;
mod columns;
mod data;
mod diagram;
mod docs;
mod editors;
mod engine;
mod eval;
mod examples;
mod export;
mod foreign;
mod format;
mod grad;
mod gradients;
mod graphs;
mod groups;
mod handbook;
mod imports;
mod lengths;
mod library;
mod lsp;
mod media;
mod mixed;
mod model_tests;
mod mutations;
mod networks;
mod nnabla;
mod ops_batch;
mod optimizers;
mod parquet;
mod passes;
mod project;
mod recurrent;
mod reference;
mod resume;
mod sizes;
mod speed;
mod training;
mod ui;
