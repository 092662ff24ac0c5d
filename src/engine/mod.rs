//! Running a graph: `reference` is obviously right, `plan` with `kernels` is fast, and the two agree.

pub mod kernels;
pub mod plan;
pub mod reference;
