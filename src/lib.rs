//! `nnlc`: a compiler for networks and losses.
//!
//! A `.nn` file goes through the stages below, each a folder that knows only the ones above it in this list (`ARCHITECTURE.md` has
//! the table, `tests/it/architecture.rs` holds the code to it).

pub mod base;
pub mod diagnostic;
pub mod source;
