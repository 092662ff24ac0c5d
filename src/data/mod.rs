//! Readers of data files, and the data sets that they make.
//!
//! A [`Source`] names a file and what to take of it. Its header, from a [`Catalog`], is cheap and says shape and rows, so that most
//! faults are found before anything runs; [`load`] gives [`Column`]s, every value checked against the [`Want`] of the input that it
//! feeds. Columns take memory from a [`Budget`]; those beyond it are read from disk a minibatch at a time. Columns of equal length
//! make a [`DataSet`]. Column expressions are computed elsewhere, on columns loaded as [`Want::any`], into [`Computed`] ones.

mod binary;
mod cells;
mod column;
mod computed;
mod error;
mod header;
mod idx;
mod memory;
mod misfit;
mod nnc;
mod npy;
mod open;
mod parquet;
mod parquet_leaf;
mod parquet_lists;
mod picture;
mod safetensors;
mod set;
mod shapes;
mod sound;
mod source;
mod store;
mod stored;
mod table;
mod text;
mod want;

pub use binary::Number;
pub use column::{Column, free_sizes};
pub use computed::Computed;
pub use error::{Around, DataError, DataErrorKind};
pub use header::Header;
pub use picture::is_picture;
pub use set::{DataSet, common_rows};
pub use shapes::{Kinds, Shapes};
pub use source::{Catalog, Source, load};
pub use store::Budget;
pub use table::Columns;
pub use text::Windows;
pub use want::{Element, Fault, Size, Want};
