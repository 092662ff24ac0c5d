//! Fused loop nests: a program over an iteration space, compiled once and run tile by tile.
//!
//! [`program`] is the data, [`layout`] normalises accesses, [`compile`] decides where every value lives, [`run`]
//! executes a tile block by block with the block functions, [`load`] brings operands into blocks. Where the processor
//! has AVX-512, [`native`] runs what [`record`] could make machine code of.

mod compile;
mod layout;
mod load;
#[cfg_attr(not(target_arch = "x86_64"), path = "no_native.rs")]
mod native;
#[cfg(test)]
mod native_tests;
mod program;
#[cfg(target_arch = "x86_64")]
mod record;
mod run;
mod slots;
#[cfg(test)]
mod tests;

pub use compile::Fused;
pub use program::{Access, Element, Instr, Program, Reg};
pub use run::Scratch;

/// Lanes of a block: with two dozen values of 1 KiB alive, a block's work stays in the first-level cache.
const BLOCK: usize = 256;
