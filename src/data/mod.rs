//! Readers of data files, and the data sets that they make.
//!
//! A [`Source`] names a file and what to take of it. Its `header` is cheap and says shape and rows, so that most faults are found
//! before anything runs; its `load` gives a [`Column`], every value checked against the [`Want`] of the input that it feeds. Columns
//! of equal length make a [`DataSet`]. Column expressions are computed elsewhere, on columns loaded as [`Want::any`].

mod binary;
mod column;
mod error;
mod header;
mod idx;
mod nnc;
mod npy;
mod open;
mod set;
mod source;
mod table;
mod want;

pub use binary::Number;
pub use column::{Column, free_sizes};
pub use error::{DataError, DataErrorKind};
pub use header::Header;
pub use set::{DataSet, common_rows};
pub use source::{Source, dataset_variables};
pub use table::Columns;
pub use want::{Element, Fault, Size, Want};
