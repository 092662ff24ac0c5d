//! Products of matrices, random numbers and the loop nest behind them as one step: each tile of a product or of the numbers is passed on
//! while it is in cache, and no barrier stands between. What nothing but the loop nest reads never reaches the arena.

use std::ops::Range;

use super::fuse::Loops;
use super::memory::Memory;
use super::source::Source;
use super::step::{Step, Work};
use super::view::BufferId;
use crate::engine::kernels::{Instr, Program, Scratch, Tiling};

/// How many steps back a source may stand.
const NEAR: usize = 16;
/// Words of a tile that a worker keeps to itself at most.
const LARGEST: usize = 1 << 17;

/// A source that a loop nest continues.
pub(super) struct Link {
    /// The source.
    pub source: Source,
    /// The position of what it computes among the loop nest's buffers, if each worker keeps its tile of it to itself.
    own: Option<usize>,
}

impl Link {
    /// What it leaves in memory.
    pub fn written(&self) -> Option<BufferId> {
        self.own.is_none().then(|| self.source.output())
    }
}

/// Sources, then a loop nest over the same tiles.
struct Chain {
    links: Vec<Link>,
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
        let sources = self.links.iter().map(|link| link.source.nanoseconds());
        sources.fold(self.loops.nanoseconds(), usize::saturating_add)
    }

    fn operations(&self) -> Option<usize> {
        let sources = self.links.iter().map(|link| link.source.operations());
        sources.chain([self.loops.operations()]).sum()
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        let tiling = self.loops.tiling();
        let size = tiling.row_step * tiling.column_step;
        let tiles = scratch.tiles(self.links.iter().filter(|link| link.own.is_some()).count() * size);
        let mut kept = 0;
        let (mut pointers, partials) = self.loops.pointers(memory);
        for Link { source, own } in &self.links {
            let to = match own {
                Some(buffer) => {
                    pointers[*buffer] = tiling.origin(tile, tiles.wrapping_add(kept * size));
                    kept += 1;
                    (pointers[*buffer], tiling.column_step)
                }
                None => (memory.pointer(source.output()).cast(), tiling.columns),
            };
            // SAFETY: a source writes its own tile only; the rest is the caller's promise.
            unsafe { source.run_to((tiling, tile), to, memory, scratch) };
        }
        // SAFETY: the loop nest reads of each source the elements of its own tile only, and writes no operand of one, as `absorb` saw to;
        // the rest is the caller's promise.
        unsafe { self.loops.run_on(tile..tile + 1, &(pointers, partials), scratch) };
    }
}

/// `loops` behind its sources as one piece of work, and what it is called.
pub(super) fn work(links: Vec<Link>, loops: Loops) -> (Box<dyn Work>, &'static str) {
    let has = |holds: fn(&Source) -> bool| links.iter().any(|link| holds(&link.source));
    let label = match (has(|s| matches!(s, Source::Product(_))), has(|s| matches!(s, Source::Draw(_)))) {
        (false, false) => return (Box::new(loops), "fused"),
        (false, true) => "draw, fused",
        (true, false) => "gemm, fused",
        (true, true) => "gemm, draw, fused",
    };
    (Box::new(Chain { links, loops }), label)
}

/// Takes the sources that `program` continues tile by tile out of the last of `steps`, and splits the program's axes into rows and
/// columns as products do. `writes` is what the program writes. All products have one tiling, which is given; there may be none.
pub(super) fn absorb(
    steps: &mut Vec<Step>,
    program: &mut Program,
    buffers: &[BufferId],
    writes: &[BufferId],
) -> (Vec<Link>, Option<Tiling>) {
    let (mut links, mut tiling) = (Vec::new(), None);
    // Products first: they decide how the program is cut.
    for wanted in [true, false] {
        for index in (steps.len().saturating_sub(NEAR)..steps.len()).rev() {
            let Some(source) = steps[index].source.as_ref().filter(|s| s.tiling().is_some() == wanted) else {
                continue;
            };
            let needed = links.iter().any(|link: &Link| link.source.operands().contains(&source.output()));
            if needed || !in_time(source, &steps[index + 1..], writes) {
                continue;
            }
            match source.tiling() {
                Some(own) if tiling.is_none_or(|tiling| tiling == own) => {
                    let Some(outer) = continues(program, buffers, source.output(), own) else { continue };
                    split(program, outer);
                    tiling = Some(own);
                }
                None if reads_in_place(program, buffers, source.output()) => {}
                _ => continue,
            }
            links.extend(steps.remove(index).source.map(|source| Link { source, own: None }));
        }
    }
    (links, tiling)
}

/// Whether a source may as well run behind `later` steps, together with what writes to `writes`.
fn in_time(source: &Source, later: &[Step], writes: &[BufferId]) -> bool {
    let unread = later.iter().all(|step| !step.reads.contains(&source.output()));
    let unchanged = |operand| !writes.contains(operand) && later.iter().all(|step| !step.writes.contains(operand));
    unread && source.operands().iter().all(unchanged)
}

/// Makes the first `outer` of a program's axes its rows.
fn split(program: &mut Program, outer: usize) {
    let mut axes = std::mem::take(&mut program.outer);
    axes.append(&mut program.inner);
    program.inner = axes.split_off(outer);
    program.outer = axes;
}

/// Lets each worker keep its tile of what `is_private` says nothing else reads, and the program read it there: rows next to each other.
pub(super) fn keep_tiles(
    links: &mut [Link],
    program: &mut Program,
    buffers: &[BufferId],
    tiling: Tiling,
    is_private: impl Fn(&Source) -> bool,
) {
    if tiling.row_step * tiling.column_step > LARGEST {
        return;
    }
    for link in links.iter_mut().filter(|link| is_private(&link.source)) {
        link.own = buffers.iter().position(|buffer| *buffer == link.source.output());
        link.source = link.source.clone().into_tiles();
        let rows = program.outer.len();
        for instr in &mut program.code {
            if let Instr::Load(access, _) = instr
                && Some(access.buffer) == link.own
            {
                let in_tile =
                    |stride: &mut isize| *stride = *stride / tiling.columns as isize * tiling.column_step as isize;
                access.strides[..rows].iter_mut().for_each(in_tile);
            }
        }
    }
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
