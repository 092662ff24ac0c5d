//! Products of matrices, random numbers and the loop nest behind them as one step: each tile of a product or of the numbers is passed on
//! while it is in cache, and no barrier stands between.

use std::ops::Range;

use super::draw::Draw;
use super::fuse::Loops;
use super::matmul::Product;
use super::memory::Memory;
use super::step::{Source, Step, Work};
use super::view::BufferId;
use crate::engine::kernels::{Instr, Program, Scratch, Tiling};

/// How many steps back a source may stand.
const NEAR: usize = 16;

/// Products of one tiling and random numbers, then a loop nest over the same tiles.
struct Chain {
    /// The products.
    products: Vec<Product>,
    /// The random numbers.
    draws: Vec<Draw>,
    /// What is done with each tile of them.
    loops: Loops,
}

impl Work for Chain {
    fn tiles(&self) -> usize {
        self.loops.tiles()
    }

    fn share(&self, worker: usize, workers: usize) -> Range<usize> {
        self.loops.share(worker, workers)
    }

    fn nanoseconds(&self) -> usize {
        let products = self.products.iter().map(Work::nanoseconds);
        let draws = self.draws.iter().map(Work::nanoseconds);
        products.chain(draws).fold(self.loops.nanoseconds(), usize::saturating_add)
    }

    fn operations(&self) -> Option<usize> {
        let products = self.products.iter().map(Work::operations);
        products.chain([self.loops.operations()]).sum()
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the loop nest reads of each source the elements of its own tile only, and writes no operand of a product, as `absorb`
        // and `absorb_draws` saw to; the rest is the caller's promise.
        unsafe {
            self.products.iter().for_each(|product| product.run(tile, memory, scratch));
            self.draws.iter().for_each(|draw| draw.run_part(self.loops.tiling(), tile, memory));
            self.loops.run(tile, memory, scratch);
        }
    }
}

/// A loop nest behind its sources as one piece of work, and what it is called.
pub(super) fn work(products: Vec<Product>, draws: Vec<Draw>, loops: Loops) -> (Box<dyn Work>, &'static str) {
    let label = match (products.is_empty(), draws.is_empty()) {
        (true, true) => return (Box::new(loops), "fused"),
        (true, false) => "draw, fused",
        (false, true) => "gemm, fused",
        (false, false) => "gemm, draw, fused",
    };
    (Box::new(Chain { products, draws, loops }), label)
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
        let Some(Source::Product(product)) = &steps[index].source else { continue };
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
    let sources = absorbed.into_iter().filter_map(|index| steps.remove(index).source);
    let products =
        sources.filter_map(|source| if let Source::Product(product) = source { Some(product) } else { None });
    products.collect()
}

/// Takes the draws out of the last of `steps` whose numbers `program` reads nowhere but at the element that it is at.
pub(super) fn absorb_draws(steps: &mut Vec<Step>, program: &Program, buffers: &[BufferId]) -> Vec<Draw> {
    let mut draws = Vec::new();
    for index in (steps.len().saturating_sub(NEAR)..steps.len()).rev() {
        let Some(Source::Draw(draw)) = &steps[index].source else { continue };
        let in_time = steps[index + 1..].iter().all(|later| !later.reads.contains(&draw.output()));
        if in_time && reads_in_place(program, buffers, draw.output()) {
            draws.push(draw.clone());
            steps.remove(index);
        }
    }
    draws
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
    reads_in_place(program, buffers, buffer).then_some(outer)
}

/// Whether a program reads `buffer`, and nowhere but at the element that it is at, row-major from the buffer's start.
fn reads_in_place(program: &Program, buffers: &[BufferId], buffer: BufferId) -> bool {
    let sizes: Vec<usize> = program.outer.iter().chain(&program.inner).copied().collect();
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
            return false;
        }
        reads += 1;
    }
    reads > 0
}
