//! `nnlc`: a compiler for networks and losses.
//!
//! A `.nn` file goes through the stages below, each a folder that knows only the ones it builds on (`ARCHITECTURE.md` has the
//! table, `tests/it/architecture.rs` holds the code to it).

pub mod base;
pub mod source;

pub mod diagnostic;
pub mod formats;
pub mod tensor;

pub mod ir;
pub mod syntax;

pub mod format;
pub mod library;
pub mod ops;

pub mod optimizers;

pub mod autodiff;
pub mod check;
pub mod passes;

pub mod engine;
pub mod lower;
pub mod networks;

pub mod data;
pub mod diagram;
pub mod export;
pub mod ide;
pub mod import;
pub mod report;
pub mod train;

pub mod driver;
pub mod render;

pub mod cli;
pub mod lsp;
