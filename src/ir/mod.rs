//! The graph: an SSA program in which every value is the result of one node.
//!
//! The same type serves twice. `check` builds a *per-sample* graph: no batch axis, one program for Main, with training-only
//! behaviour as [`op::SELECT_TRAINING`] nodes. `networks` slices it, and `lower` turns a slice into a *batched* graph, which
//! autodiff, passes and engines take. A node's inputs always come before it, so the vector's order is an order of evaluation.
//!
//! The graph knows operations by name and attributes only; what they mean is in `ops`.

mod attrs;
mod bind;
mod graph;
pub mod group;
pub mod op;
mod print;
mod verify;

pub use attrs::{Attr, Attrs};
pub use graph::{
    Extent, FED, Frame, FrameId, Graph, Input, Node, Place, ResultRole, ResultValue, Update, Value, VarId, Variable,
    VariableKind,
};
pub use op::Op;
pub use verify::{Fault, per_sample_only, verify_structure};
