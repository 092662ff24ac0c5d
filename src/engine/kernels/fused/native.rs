//! Loop nests as machine code: one call computes all rows of a tile that lie alike, with the bits that the interpreter
//! leaves. Where a nest does not qualify, each phase that does has its own code, called row by row and part by part;
//! it leaves what later phases need where the interpreter does.
//!
//! What qualifies is for [`record`](super::record) to decide.

use std::ops::Range;
use std::sync::Arc;

use super::super::block::SUMS;
use super::super::buffer::ALIGNMENT;
use super::super::jit::{Compiled, Graph, Rows, compile};
use super::compile::Fused;
use super::layout::Axes;
use super::program::Element;
use super::record::{self, Recording, RowFold, Scalar, Stream};
use super::run::Tile;

/// Rows shorter than this are better packed into blocks.
const SHORTEST_ROW: usize = 8;
/// Programs with fewer elements are not worth compiling.
const FEWEST: usize = 64;

/// All of a nest, or one phase of it, as machine code.
pub(super) struct Native {
    code: Arc<Compiled>,
    /// The same for workers far apart, and the streams that it stores past the caches.
    through: Option<(Arc<Compiled>, Vec<usize>)>,
    streams: Vec<Stream>,
    scalars: Vec<Scalar>,
    /// Places of the accumulators.
    sums: Vec<usize>,
    row_folds: Vec<RowFold>,
    /// What the loop over the rows of a nest does anew for each.
    rows: Rows,
    /// Place of the room for spilled values.
    room: usize,
    /// Whether a row falls into parts that are computed one by one.
    parted: bool,
}

/// Gives machine code to the nest, or else to the phases that qualify.
pub(super) fn attach(fused: &mut Fused) {
    if fused.tiling.rows * fused.columns < FEWEST || fused.columns < SHORTEST_ROW {
        return;
    }
    let nest = record::nest(fused).and_then(|recording| Native::new(fused, recording, true));
    let mut room = nest.as_ref().map_or(0, |nest| nest.code.room);
    if nest.is_none() {
        for phase in 0..fused.phases.len() {
            let native = record::phase(fused, phase).and_then(|recording| Native::new(fused, recording, false));
            room = room.max(native.as_ref().map_or(0, |native| native.code.room));
            fused.phases[phase].native = native;
        }
    }
    fused.native = nest;
    fused.words += room;
}

impl Native {
    /// Compiles what was recorded. What other workers read has a second version that stores it past the caches.
    fn new(fused: &Fused, recording: Recording, whole: bool) -> Option<Native> {
        let Recording { graph, streams, scalars, sums, row_folds, rows, parted, .. } = recording;
        let compile = |graph: &Graph| compile(graph, streams.len(), sums.len(), whole.then_some(&rows));
        let code = compile(&graph)?;
        let stored = graph.stored().filter(|stream| match streams[*stream] {
            Stream::Buffer(layout, _) => fused.shared.contains(&fused.layouts[layout].buffer),
            _ => false,
        });
        let stored: Vec<usize> = stored.collect();
        let through = if stored.is_empty() { None } else { compile(&graph.storing_through(&stored)) };
        let through = through.map(|code| (code, stored));
        Some(Native { code, through, streams, scalars, sums, row_folds, rows, room: fused.words, parted })
    }

    /// The code to run on the addresses of `tile`. Beyond the processor's caches only whole cache lines are stored.
    fn code(&self, tile: &Tile) -> &Compiled {
        let aligned = |stream: &usize| {
            let rows_are = self.outer_step(tile.fused, *stream).unsigned_abs().is_multiple_of(ALIGNMENT);
            tile.pointers[*stream].addr().is_multiple_of(ALIGNMENT) && rows_are
        };
        match &self.through {
            Some((code, streams)) if tile.far && streams.iter().all(aligned) => code,
            _ => &self.code,
        }
    }

    /// Runs the code on the addresses and numbers of `tile`.
    ///
    /// # Safety
    /// As for [`Fused::run_tiles`]; the tables are filled in.
    unsafe fn call(&self, tile: &mut Tile, count: usize) {
        let (pointers, scalars) = (tile.pointers.as_mut_ptr(), tile.scalars.as_mut_ptr());
        let code = self.code(tile);
        // SAFETY: the caller's promises.
        unsafe { code.code.run(pointers, scalars, code.constants.as_ptr(), tile.words.add(self.room), count) };
    }

    /// Bytes from a row to the next in a stream.
    fn outer_step(&self, fused: &Fused, stream: usize) -> isize {
        match self.streams[stream] {
            Stream::Buffer(layout, bytes) => fused.layouts[layout].outer.step() * bytes,
            Stream::Kept(_) | Stream::Columns(_) => 0,
        }
    }

    /// The outer and inner axes of everything that lies along axes.
    fn axes<'a>(&'a self, fused: &'a Fused) -> impl Iterator<Item = (&'a Axes, &'a Axes)> {
        let of_layout = |layout: usize| (&fused.layouts[layout].outer, &fused.layouts[layout].inner);
        let streams = self.streams.iter().filter_map(move |stream| match stream {
            Stream::Buffer(layout, _) => Some(of_layout(*layout)),
            _ => None,
        });
        let scalars = self.scalars.iter().filter_map(move |scalar| match scalar {
            Scalar::Element(layout, _) => Some(of_layout(*layout)),
            Scalar::Count(_, outer, inner) => Some((outer, inner)),
            _ => None,
        });
        streams.chain(scalars)
    }

    /// Fills in the addresses and numbers of the element in a row and a column; `local` counts the rows of a block.
    ///
    /// # Safety
    /// As for [`Fused::run_tiles`].
    unsafe fn point_to(&self, tile: &mut Tile, row: usize, local: usize, column: usize) {
        tile.pointers.clear();
        tile.scalars.clear();
        // SAFETY: the caller's promises.
        unsafe {
            for stream in &self.streams {
                let address = self.address(tile, *stream, row, local, column);
                tile.pointers.push(address);
            }
            for sums in &self.sums {
                tile.pointers.push(tile.words.add(*sums));
            }
            for scalar in &self.scalars {
                let number = self.number(tile, scalar, row, local, column);
                tile.scalars.push(number);
            }
        }
    }

    unsafe fn address(&self, tile: &Tile, stream: Stream, row: usize, local: usize, column: usize) -> *mut f32 {
        let along = column - tile.columns.start;
        // SAFETY: the caller's promises; places lie within the scratch memory.
        unsafe {
            match stream {
                Stream::Buffer(layout, bytes) => {
                    let layout = &tile.fused.layouts[layout];
                    let offset = layout.row(row + local) + layout.inner.offset(column);
                    tile.buffers[layout.buffer].byte_offset(offset * bytes)
                }
                Stream::Kept(at) => tile.words.add(at + local * tile.columns.len() + along),
                Stream::Columns(at) => tile.words.add(at + along),
            }
        }
    }

    unsafe fn number(&self, tile: &Tile, scalar: &Scalar, row: usize, local: usize, column: usize) -> f32 {
        // SAFETY: the caller's promises; operands hold a lane a row.
        unsafe {
            match scalar {
                Scalar::Uniform(entry) => tile.table[*entry].at.read(),
                Scalar::Row(entry) => tile.table[*entry].at.add(local).read(),
                Scalar::Element(layout, element) => {
                    let layout = &tile.fused.layouts[*layout];
                    let offset = layout.row(row + local) + layout.inner.offset(column);
                    let buffer = tile.buffers[layout.buffer];
                    match element {
                        Element::Word => buffer.offset(offset).read(),
                        Element::Byte => f32::from(u8::from(buffer.cast::<u8>().offset(offset).read() != 0)),
                    }
                }
                Scalar::Count(start, outer, inner) => {
                    let first = *start as isize + outer.offset(row + local) + inner.offset(column);
                    f32::from_bits((first as i32).cast_unsigned())
                }
                Scalar::Made => 0.0,
            }
        }
    }
}

/// Whole nests.
impl Native {
    /// All phases over rows, as many at once as lie alike.
    ///
    /// # Safety
    /// As for [`Fused::run_tiles`].
    pub(super) unsafe fn nest(&self, tile: &mut Tile, rows: Range<usize>) {
        let mut row = rows.start;
        while row < rows.end {
            let alike = self.axes(tile.fused).map(|(outer, _)| outer.run(row).1).min().unwrap_or(usize::MAX);
            let count = alike.min(rows.end - row);
            // SAFETY: the caller's promises.
            unsafe {
                self.point_to(tile, row, 0, tile.columns.start);
                self.point_to_rows(tile, row, count);
                self.call(tile, tile.columns.len());
            }
            row += count;
        }
    }

    /// Adds to the addresses what a loop over `count` rows from `row` needs, in the order of [`Rows`].
    ///
    /// # Safety
    /// As for [`nest`](Native::nest).
    unsafe fn point_to_rows(&self, tile: &mut Tile, row: usize, count: usize) {
        let entry = |number: isize| std::ptr::without_provenance_mut(number.cast_unsigned());
        let fused = tile.fused;
        tile.pointers.extend([entry(count as isize), entry(tile.columns.len() as isize)]);
        tile.pointers.extend((0..self.streams.len()).map(|stream| entry(self.outer_step(fused, stream))));
        let elements = self.rows.numbers.iter().filter_map(|index| match &self.scalars[*index as usize] {
            Scalar::Element(layout, _) => Some(&fused.layouts[*layout]),
            _ => None,
        });
        for layout in elements.clone() {
            // SAFETY: the caller's promises.
            let address = unsafe { tile.buffers[layout.buffer].offset(layout.row(row)) };
            tile.pointers.push(address);
        }
        tile.pointers.extend(elements.map(|layout| entry(layout.outer.step() * size_of::<f32>() as isize)));
    }
}

/// Single phases.
impl Native {
    /// The phase over `count` rows from `row`; reductions of a single row are begun and ended by the caller.
    ///
    /// # Safety
    /// As for [`Fused::run_tiles`]; what earlier phases leave is there.
    pub(super) unsafe fn phase(&self, tile: &mut Tile, row: usize, count: usize) {
        for local in 0..count {
            // SAFETY: the caller's promises.
            unsafe {
                if count > 1 {
                    self.begin_row(tile);
                }
                self.row(tile, row, local);
                if count > 1 {
                    self.end_row(tile, local);
                }
            }
        }
        for fold in &self.row_folds {
            tile.point(fold.out, fold.at);
        }
    }

    /// Reductions of a row start anew.
    ///
    /// # Safety
    /// As for [`phase`](Native::phase).
    unsafe fn begin_row(&self, tile: &mut Tile) {
        for RowFold { fold, sums, .. } in &self.row_folds {
            // SAFETY: the accumulators are scratch words of their step.
            unsafe { *tile.words.add(*sums).cast::<[f32; SUMS]>() = [fold.neutral(); SUMS] };
        }
    }

    /// Their results go to the row's lane.
    ///
    /// # Safety
    /// As for [`phase`](Native::phase).
    unsafe fn end_row(&self, tile: &mut Tile, local: usize) {
        for RowFold { fold, sums, at, .. } in &self.row_folds {
            // SAFETY: as for `begin_row`; the result has a lane for each row.
            unsafe { tile.words.add(at + local).write(fold.across(*tile.words.add(*sums).cast())) };
        }
    }

    /// One row, part by part.
    ///
    /// # Safety
    /// As for [`phase`](Native::phase).
    unsafe fn row(&self, tile: &mut Tile, row: usize, local: usize) {
        let Range { start, end } = tile.columns;
        let mut column = start;
        while column < end {
            let count = if self.parted { self.part(tile.fused, column).min(end - column) } else { end - column };
            // SAFETY: the caller's promises.
            unsafe {
                self.point_to(tile, row, local, column);
                self.call(tile, count);
            }
            column += count;
        }
    }

    /// How many elements from a column on lie alike.
    fn part(&self, fused: &Fused, column: usize) -> usize {
        self.axes(fused).map(|(_, inner)| inner.run(column).1).min().unwrap_or(usize::MAX)
    }
}
