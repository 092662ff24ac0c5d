//! Products of matrices and the loop nest behind them as one step: each tile of the product is passed on while it is in cache, and no
//! barrier stands between.

use std::ops::Range;

use super::fuse::Loops;
use super::matmul::Product;
use super::memory::Memory;
use super::step::{Step, Work};
use super::view::BufferId;
use crate::engine::kernels::{Instr, Program, Scratch, Tiling};

/// How many steps back a product may stand.
const NEAR: usize = 16;

/// Products of one tiling, then a loop nest over the same tiles.
pub(super) struct Chain {
    /// The products.
    pub products: Vec<Product>,
    /// What is done with each tile of them.
    pub loops: Loops,
}

impl Work for Chain {
    fn tiles(&self) -> usize {
        self.loops.tiles()
    }

    fn share(&self, worker: usize, workers: usize) -> Range<usize> {
        self.loops.share(worker, workers)
    }

    fn nanoseconds(&self) -> usize {
        self.products.iter().fold(self.loops.nanoseconds(), |sum, product| sum.saturating_add(product.nanoseconds()))
    }

    fn operations(&self) -> Option<usize> {
        let products = self.products.iter().map(Work::operations);
        products.chain([self.loops.operations()]).sum()
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the loop nest reads of each product the elements of its own tile only, and writes no operand of it, as `absorb` saw to;
        // the rest is the caller's promise.
        unsafe {
            self.products.iter().for_each(|product| product.run(tile, memory, scratch));
            self.loops.run(tile, memory, scratch);
        }
    }
}

/// Takes the products that `program` continues tile by tile out of the last of `steps`, and splits the program's axes into rows and
/// columns as they do. `writes` is what the program writes. The products all have one tiling; there may be none.
pub(super) fn absorb(
    steps: &mut Vec<Step>,
    program: &mut Program,
    buffers: &[BufferId],
    writes: &[BufferId],
) -> Vec<Product> {
    let mut absorbed: Vec<usize> = Vec::new();
    let mut tiling: Option<Tiling> = None;
    for index in (steps.len().saturating_sub(NEAR)..steps.len()).rev() {
        let Some(product) = &steps[index].product else { continue };
        let own = product.tiling();
        let in_time = steps[index + 1..].iter().all(|later| {
            !later.reads.contains(&product.output()) && product.operands().iter().all(|x| !later.writes.contains(x))
        });
        let apart = product.operands().iter().all(|operand| !writes.contains(operand));
        let fits = in_time && apart && tiling.is_none_or(|tiling| tiling == own);
        if let Some(outer) = fits.then(|| continues(program, buffers, product.output(), own)).flatten() {
            let mut axes = std::mem::take(&mut program.outer);
            axes.append(&mut program.inner);
            program.inner = axes.split_off(outer);
            program.outer = axes;
            tiling = Some(own);
            absorbed.push(index);
        }
    }
    absorbed.into_iter().filter_map(|index| steps.remove(index).product).collect()
}

/// The number of outer axes with which `program` goes over the rows and columns of `tiling` and reads `buffer` nowhere but at the
/// element that it is at; none if it does not, or reads no element of it.
fn continues(program: &Program, buffers: &[BufferId], buffer: BufferId, tiling: Tiling) -> Option<usize> {
    let has = |holds: fn(&Instr) -> bool| program.code.iter().any(holds);
    let by_row = has(|instr| matches!(instr, Instr::FoldRow(..)));
    let by_column = has(|instr| matches!(instr, Instr::FoldColumns(..)));
    if by_row && tiling.column_tiles() > 1 {
        return None;
    }
    let sizes: Vec<usize> = program.outer.iter().chain(&program.inner).copied().collect();
    let outer = if by_row || by_column {
        program.outer.len()
    } else {
        (0..=sizes.len()).find(|outer| sizes[*outer..].iter().product::<usize>() == tiling.columns)?
    };
    let (rows, columns) = sizes.split_at(outer);
    if rows.iter().product::<usize>() != tiling.rows || columns.iter().product::<usize>() != tiling.columns {
        return None;
    }
    let mut reads = 0;
    for instr in &program.code {
        let (Instr::Load(access, _)
        | Instr::Store(_, access, _)
        | Instr::FoldColumns(_, _, access, _)
        | Instr::FoldAll(_, _, access, _)) = instr
        else {
            continue;
        };
        if buffers[access.buffer] != buffer {
            continue;
        }
        let mut reach = 1;
        let dense = sizes.iter().zip(&access.strides).rev().all(|(size, stride)| {
            let own = reach;
            reach *= *size as isize;
            *size == 1 || *stride == own
        });
        if !(dense && access.offset == 0 && matches!(instr, Instr::Load(..))) {
            return None;
        }
        reads += 1;
    }
    (reads > 0).then_some(outer)
}
