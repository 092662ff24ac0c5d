//! Ground floor: typed indices and edit distance. Knows nothing of networks, files or diagnostics.

mod distance;
mod index_vec;

pub use distance::{closest, edit_distance, surely_meant};
pub use index_vec::{Idx, IndexVec};
