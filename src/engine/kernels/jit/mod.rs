//! Machine code made while the program runs, for straight-line work on vectors of sixteen lanes.
//!
//! [`graph`] records what is computed along a row, phase by phase, by running the very functions that the block code is
//! made of, so the two cannot differ, and [`rules`] make nodes simpler; [`lower`] gives values registers and picks instructions; [`rows`] puts a loop over
//! rows around all phases; [`emit`] writes them; [`buffer`] owns memory that can be executed. What to record, and what
//! streams and scalars stand for, is the caller's business.

mod buffer;
mod emit;
mod graph;
mod lower;
mod order;
mod rows;
mod rules;

pub(super) use graph::{Graph, Recorder, Value, record};
pub(super) use lower::{Compiled, compile};
pub(super) use rows::Rows;
