//! Kernels: what the fast engine's steps are made of. They know slices, strides and small descriptors, but no graph.
//!
//! Work is cut into tiles by shape alone ([`Tiling`]), and every lane is computed the same way wherever it stands, so
//! results do not depend on the number of threads. All of it runs on any of the instruction sets in [`Isa`], with plain
//! Rust as the twin that tests compare the others with. Buffers are raw pointers because workers write disjoint parts of
//! one arena; this is the only part of the library with `unsafe` code.

mod affinity;
mod along;
mod block;
mod buffer;
mod conv;
mod draw;
mod fused;
mod gather;
mod gemm;
#[cfg(target_arch = "x86_64")]
mod jit;
mod math;
#[cfg(test)]
mod math_tests;
mod pool;
mod simd;
mod subnormal;
mod tiling;

pub use along::{Along, RowElement, RowOp};
pub use block::{Fold, Map1, Map2, Map3};
pub use buffer::{ALIGNMENT, AlignedBuf};
pub use conv::{Convolution, Pooling, Window};
pub use draw::fill_uniform;
pub use fused::{Access, Element, Fused, Instr, Program, Reg, Scratch};
pub use gather::Gather;
pub use gemm::{Gemm, Matrix};
pub use pool::{Barrier, MAX_THREADS, Team};
pub use simd::{Isa, LANES, settle_stores};
pub use subnormal::SubnormalsAreZero;
pub use tiling::Tiling;
