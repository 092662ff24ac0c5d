//! What is known of a column before its values are read.

use std::path::Path;

use super::binary::Number;
use super::column::misfit;
use super::error::{DataError, DataErrorKind};
use super::want::Want;

/// What a file's header says of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How its numbers are stored.
    pub number: Number,
    /// The shape of one sample.
    pub shape: Vec<usize>,
    /// Number of samples.
    pub rows: usize,
}

impl Header {
    /// Checks against what an input asks for all that can be known without the values, and returns the shape that its samples
    /// take. `path` is for the message.
    ///
    /// # Errors
    /// No rows, or a shape that does not fit.
    pub fn check(&self, path: &Path, want: &Want) -> Result<Vec<usize>, DataError> {
        if self.rows == 0 {
            return Err(DataError::new(path, DataErrorKind::Empty, "it holds no samples"));
        }
        want.fit(&self.shape).map_err(|fault| misfit(path, DataErrorKind::Shape, fault))
    }
}
