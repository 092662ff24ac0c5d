//! Ground floor: typed indices, edit distance and free names. Knows nothing of networks, files or diagnostics.

mod distance;
mod index_vec;
mod names;

pub use distance::{closest, edit_distance, surely_meant};
pub use index_vec::{Idx, IndexVec};
pub use names::free_name;
