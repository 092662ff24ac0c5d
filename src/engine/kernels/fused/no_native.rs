//! Processors that no machine code is made for: everything is interpreted.

use std::ops::Range;

use super::compile::Fused;
use super::run::Tile;

/// Machine code, which does not exist here.
pub(super) enum Native {}

/// Leaves the program as it is.
pub(super) fn attach(_: &mut Fused) {}

impl Native {
    /// Never called.
    ///
    /// # Safety
    /// None needed.
    pub(super) unsafe fn nest(&self, _: &mut Tile, _: Range<usize>) {
        match *self {}
    }

    /// Never called.
    ///
    /// # Safety
    /// None needed.
    pub(super) unsafe fn phase(&self, _: &mut Tile, _: usize, _: usize) {
        match *self {}
    }
}
