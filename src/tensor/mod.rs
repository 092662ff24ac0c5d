//! What a tensor is: dtype, symbolic dimensions and shapes, values in memory, counter-based random numbers.
//!
//! Knows no graph, no operation and no source text. A [`Dim`] carries an opaque [`Origin`] tag that the checker hands out and reads
//! back, so that a message can say where a size came from; equality ignores it.

mod dim;
pub mod random;
mod shape;
mod solve;
mod value;

pub use dim::{Dim, Ordering3, Origin};
pub use shape::{DType, Shape, Type};
pub use solve::Sizes;
pub use value::Tensor;

/// The name of the symbol that stands for the number of samples in a minibatch.
pub const BATCH: &str = "batch";
