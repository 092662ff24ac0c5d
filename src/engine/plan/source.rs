//! Work that one array is the result of, which can be done in part for each tile of a loop nest behind it.

use super::draw::Draw;
use super::matmul::Product;
use super::memory::Memory;
use super::step::Work;
use super::view::BufferId;
use crate::engine::kernels::{Scratch, Tiling};
use crate::ir::Value;

/// Such work.
#[derive(Clone)]
pub(super) enum Source {
    /// A product of matrices, in tiles of its own choice.
    Product(Product),
    /// Random numbers, in any tiles.
    Draw(Draw),
}

impl Source {
    fn work(&self) -> &dyn Work {
        match self {
            Source::Product(product) => product,
            Source::Draw(draw) => draw,
        }
    }

    /// The tiling that it has to have, if it is not free.
    pub fn tiling(&self) -> Option<Tiling> {
        match self {
            Source::Product(product) => Some(product.tiling()),
            Source::Draw(_) => None,
        }
    }

    /// The value that it computes.
    pub fn value(&self) -> Value {
        match self {
            Source::Product(product) => product.value(),
            Source::Draw(draw) => draw.value(),
        }
    }

    /// What it writes, row-major and from the start.
    pub fn output(&self) -> BufferId {
        match self {
            Source::Product(product) => product.output(),
            Source::Draw(draw) => draw.output(),
        }
    }

    /// What it reads.
    pub fn operands(&self) -> &[BufferId] {
        match self {
            Source::Product(product) => product.operands(),
            Source::Draw(_) => &[],
        }
    }

    /// As [`Work::nanoseconds`].
    pub fn nanoseconds(&self) -> usize {
        self.work().nanoseconds()
    }

    /// As [`Work::operations`]; random numbers count none.
    pub fn operations(&self) -> Option<usize> {
        match self {
            Source::Product(product) => product.operations(),
            Source::Draw(_) => Some(0),
        }
    }

    /// The same for places where the rows of a tile stand next to each other.
    pub fn into_tiles(self) -> Source {
        match self {
            Source::Product(product) => Source::Product(product.into_tiles()),
            draw @ Source::Draw(_) => draw,
        }
    }

    /// Computes one tile of the array at `start` whose rows stand `stride` apart: a tile's width if it is [for tiles](Self::into_tiles),
    /// else that of the array.
    ///
    /// # Safety
    /// As for [`Work::run`], with this place for the result.
    pub unsafe fn run_to(
        &self,
        (tiling, tile): (Tiling, usize),
        (start, stride): (*mut f32, usize),
        memory: &Memory,
        scratch: &mut Scratch,
    ) {
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                Source::Product(product) => product.run_to(tile, start, memory, scratch),
                Source::Draw(draw) => draw.run_to((tiling, tile), (start, stride), memory),
            }
        }
    }
}
