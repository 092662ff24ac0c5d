//! A step: work cut into tiles, and the buffers that it reads and writes. What kinds of work there are is told by the files that
//! implement [`Work`].

use std::ops::Range;

use super::memory::Memory;
use super::source::Source;
use super::view::BufferId;
use crate::engine::kernels::{Scratch, Tiling};
use crate::ir::Value;

/// Something that a team can do tile by tile.
pub(super) trait Work: Send + Sync {
    /// Number of tiles; depends on shapes alone.
    fn tiles(&self) -> usize;

    /// The tiles of worker `worker` of `workers`: consecutive, and the same in every run, so that caches stay warm.
    fn share(&self, worker: usize, workers: usize) -> Range<usize> {
        Tiling::share(self.tiles(), worker, workers)
    }

    /// About how many nanoseconds all tiles take one thread; depends on shapes alone. What is not known counts as long.
    fn nanoseconds(&self) -> usize {
        usize::MAX
    }

    /// The floating-point operations of all tiles, for profiles; 0 where data is only moved, none where it is not counted.
    fn operations(&self) -> Option<usize> {
        None
    }

    /// Does one tile. The result does not depend on the order of tiles.
    ///
    /// # Safety
    /// `memory` holds the buffers of the plan that this was built for; what is read was written before, and nobody else writes what
    /// this tile reads or touches what it writes.
    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch);

    /// Does consecutive tiles.
    ///
    /// # Safety
    /// As for [`run`](Work::run), for each of them.
    unsafe fn run_all(&self, tiles: Range<usize>, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the caller's promise.
        tiles.for_each(|tile| unsafe { self.run(tile, memory, scratch) });
    }
}

/// Work with what it touches.
pub(super) struct Step {
    /// What to do.
    pub work: Box<dyn Work>,
    /// What it reads.
    pub reads: Vec<BufferId>,
    /// What it writes, each buffer to be read only after the step.
    pub writes: Vec<BufferId>,
    /// What it is, if a loop nest that reads its result can do it on the way.
    pub source: Option<Source>,
    /// A value that it computes, for messages.
    pub value: Value,
    /// All values that it computes, when they are several.
    pub fused: Vec<Value>,
    /// What it is, for people: `gemm`, `fused`, an operation's name.
    pub label: &'static str,
}
