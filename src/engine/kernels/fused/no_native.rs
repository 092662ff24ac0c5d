//! Processors that no machine code is made for: every phase is interpreted.

use super::compile::Fused;
use super::run::Tile;

/// A phase as machine code, which does not exist here.
pub(super) enum Native {}

/// Leaves the program as it is.
pub(super) fn attach(_: &mut Fused) {}

impl Native {
    /// Never called.
    ///
    /// # Safety
    /// None needed.
    pub(super) unsafe fn run(&self, _: &mut Tile, _: usize, _: usize) {
        match *self {}
    }
}
