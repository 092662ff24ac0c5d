//! Running a compiled loop nest: tile by tile, block by block, step by step.
//!
//! The operand table says where each value is at the moment: in a slot, or directly in a buffer when the block's
//! elements lie there one after another. A block is as many whole rows as fit, or a part of one row.

use std::ops::Range;

use super::super::block::{Fold, Map3, Operand, SUMS};
use super::super::buffer::AlignedBuf;
use super::super::gemm::View;
use super::super::simd::LANES;
use super::BLOCK;
use super::compile::{Action, Fused, Outlet, Slot, Step, Term};
use super::load::{Rect, count_up, direct, gather, scatter};

/// A worker's own memory. It grows to what the largest kernel needs and is then reused.
pub struct Scratch {
    words: AlignedBuf,
    /// Panels of a product, and of which operand they are as long as that is known, with their length.
    panels: AlignedBuf,
    held: Option<(View, usize)>,
    /// What a loop nest reads of products and draws that nothing else reads.
    tiles: AlignedBuf,
    table: Vec<Operand>,
    /// What a call of machine code gets: addresses, and numbers.
    pointers: Vec<*mut f32>,
    scalars: Vec<f32>,
    /// Whether other workers' processors are far away: what they share is then written past the caches.
    far: bool,
}

// SAFETY: the pointers in the tables are rewritten before they are read in each run; between runs they are not used.
unsafe impl Send for Scratch {}

impl Default for Scratch {
    fn default() -> Self {
        Scratch::new()
    }
}

impl Scratch {
    /// Empty; kernels make room.
    pub fn new() -> Self {
        Scratch {
            words: AlignedBuf::zeroed(0),
            panels: AlignedBuf::zeroed(0),
            held: None,
            tiles: AlignedBuf::zeroed(0),
            table: Vec::new(),
            pointers: Vec::new(),
            scalars: Vec::new(),
            far: false,
        }
    }

    /// Says whether the processors of other workers are far away. It changes no result.
    pub fn set_far(&mut self, far: bool) {
        self.far = far;
    }

    /// To be called whenever operands may have changed: what was kept of them is not used any more.
    pub fn forget(&mut self) {
        self.held = None;
    }

    /// Room for `len` words of panels.
    pub(in super::super) fn panels(&mut self, len: usize) -> *mut f32 {
        self.panels.ensure(len);
        self.panels.as_mut_ptr()
    }

    /// Whether the panels are those of an operand.
    pub(in super::super) fn holds_panels(&self, of: (View, usize)) -> bool {
        self.held == Some(of)
    }

    /// The panels are now those of an operand.
    pub(in super::super) fn hold_panels(&mut self, of: (View, usize)) {
        self.held = Some(of);
    }

    /// Room for `len` words of what is computed for one tile.
    pub fn tiles(&mut self, len: usize) -> *mut f32 {
        self.tiles.ensure(len);
        self.tiles.as_mut_ptr()
    }

    /// At least `len` words, whatever they hold.
    pub(in super::super) fn words(&mut self, len: usize) -> *mut f32 {
        self.words.ensure(len);
        self.words.as_mut_ptr()
    }
}

/// Everything a step needs while a tile runs.
pub(super) struct Tile<'a> {
    pub fused: &'a Fused,
    pub buffers: &'a [*mut f32],
    pub words: *mut f32,
    pub table: &'a mut [Operand],
    pub pointers: &'a mut Vec<*mut f32>,
    pub scalars: &'a mut Vec<f32>,
    pub far: bool,
    pub columns: Range<usize>,
}

impl Fused {
    /// Runs consecutive tiles; if nothing is left for each of them, as one. Different tiles may run at the same time.
    ///
    /// # Safety
    /// Every access addresses valid elements of its buffer over the whole space, and `partials` has
    /// [`partials_len`](Fused::partials_len) words. No other code writes what the tiles read or touches what they write.
    /// Accesses with the same buffer index may overlap where they address an element at the same indices (in place),
    /// buffers of different indices must not overlap; a value that broadcasts over tiles must not be stored where the
    /// same program loads.
    pub unsafe fn run_tiles(
        &self,
        tiles: Range<usize>,
        buffers: &[*mut f32],
        partials: *mut f32,
        scratch: &mut Scratch,
    ) {
        if tiles.is_empty() {
            return;
        }
        let none = Operand { at: std::ptr::null(), step: 0 };
        if scratch.table.len() < self.table {
            scratch.table.resize(self.table, none);
        }
        let words = scratch.words(self.words);
        let Scratch { table, pointers, scalars, far, .. } = scratch;
        let mut run = Tile { fused: self, buffers, words, table, pointers, scalars, far: *far, columns: 0..0 };
        // SAFETY: the caller's promises; slots lie within `words` by construction.
        unsafe {
            run.start(tiles.start == 0);
            if self.column_folds.is_empty() && self.total_folds.is_empty() {
                run.rectangles(tiles);
            } else {
                tiles.for_each(|tile| run.tile(tile, partials));
            }
        }
    }

    /// Combines what the tiles left in `partials`, in tile order. One worker calls it when all tiles are done; there
    /// is nothing to do when [`partials_len`](Fused::partials_len) is 0.
    ///
    /// # Safety
    /// As for [`run_tiles`](Fused::run_tiles), which has run for every tile with these partials.
    pub unsafe fn finish(&self, buffers: &[*mut f32], partials: *const f32) {
        for outlet in &self.total_folds {
            let Some(at) = outlet.partials else { continue };
            // SAFETY: one word a tile was written there.
            unsafe {
                let values = std::slice::from_raw_parts(partials.add(at), self.tiles());
                self.emit_total(outlet, buffers, outlet.fold.in_order(values.iter().copied()));
            }
        }
        let stride = self.columns.next_multiple_of(LANES);
        for outlet in &self.column_folds {
            let Some(at) = outlet.partials else { continue };
            for first in (0..self.columns).step_by(BLOCK) {
                let columns = first..self.columns.min(first + BLOCK);
                // SAFETY: one word a column and row of tiles was written there.
                unsafe {
                    let row = |tile: usize| {
                        std::slice::from_raw_parts(partials.add(at + tile * stride + first), columns.len())
                    };
                    let mut values = [0.0; BLOCK];
                    outlet.fold.rows_in_order((0..self.tiling.row_tiles()).map(row), &mut values);
                    self.emit_columns(outlet, buffers, columns.start, &values[..columns.len()]);
                }
            }
        }
    }

    unsafe fn emit_total(&self, outlet: &Outlet, buffers: &[*mut f32], value: f32) {
        let layout = &self.layouts[outlet.layout];
        // SAFETY: the access addresses a valid element.
        unsafe { buffers[layout.buffer].add(layout.offset).write(outlet.scaled(value)) };
    }

    unsafe fn emit_columns(&self, outlet: &Outlet, buffers: &[*mut f32], first: usize, values: &[f32]) {
        let layout = &self.layouts[outlet.layout];
        for (column, value) in (first..).zip(values) {
            let offset = layout.offset as isize + layout.inner.offset(column);
            // SAFETY: the access addresses a valid element for every column.
            unsafe { buffers[layout.buffer].offset(offset).write(outlet.scaled(*value)) };
        }
    }
}

impl Outlet {
    fn scaled(&self, value: f32) -> f32 {
        if self.scale == 1.0 { value } else { value * self.scale }
    }
}

/// Rows that share a block: several when they are short, or lie next to each other in full.
pub(super) fn rows_of_block(width: usize, columns: usize) -> usize {
    if width > BLOCK / 2 || (width >= 128 && width != columns) { 1 } else { BLOCK / width.max(1) }
}

impl Tile<'_> {
    unsafe fn slot(&self, slot: Slot, column: usize) -> *mut f32 {
        let shift = if slot.wide { column } else { 0 };
        // SAFETY: slots lie within the scratch memory.
        unsafe { self.words.add(slot.at + shift) }
    }

    /// A value lies at a place of the scratch memory.
    pub(super) fn point(&mut self, out: usize, at: usize) {
        // SAFETY: places lie within the scratch memory.
        self.table[out] = Operand { at: unsafe { self.words.add(at) }, step: LANES };
    }

    /// Consecutive tiles that leave no results of their own: those that form a rectangle together.
    unsafe fn rectangles(&mut self, mut tiles: Range<usize>) {
        while !tiles.is_empty() {
            let (count, rows, columns) = self.fused.tiling.rectangle(tiles.clone());
            // SAFETY: the caller's promises.
            unsafe { self.rectangle(rows, columns) };
            tiles.start += count;
        }
    }

    /// A tile, with its accumulators.
    unsafe fn tile(&mut self, tile: usize, partials: *mut f32) {
        let (rows, columns) = self.fused.tiling.rect(tile);
        // SAFETY: the caller's promises.
        unsafe {
            self.clear(columns.len());
            self.rectangle(rows, columns);
            self.end(tile, partials);
        }
    }

    unsafe fn rectangle(&mut self, rows: Range<usize>, columns: Range<usize>) {
        self.columns = columns;
        // SAFETY: the caller's promises.
        unsafe {
            match &self.fused.native {
                Some(native) => native.nest(self, rows),
                None => self.all_rows(rows),
            }
        }
    }

    /// What is the same in all tiles; the first one stores it where that is asked for.
    unsafe fn start(&mut self, first: bool) {
        let point = Rect { row: 0, rows: 1, column: 0, columns: 1 };
        let fused = self.fused;
        // SAFETY: the caller's promises.
        unsafe {
            for step in &fused.uniform {
                self.step(step, &point);
                self.table[step.out].step = 0;
            }
            if first {
                for step in &fused.uniform_stores {
                    self.step(step, &point);
                }
            }
        }
    }

    /// Accumulators, as many of columns as a tile has, at their neutral values.
    unsafe fn clear(&mut self, columns: usize) {
        let (fused, lanes) = (self.fused, columns.next_multiple_of(LANES));
        // SAFETY: accumulators are scratch words.
        unsafe {
            for (outlet, lanes) in
                fused.column_folds.iter().map(|o| (o, lanes)).chain(fused.total_folds.iter().map(|o| (o, SUMS)))
            {
                std::slice::from_raw_parts_mut(self.words.add(outlet.sums), lanes).fill(outlet.fold.neutral());
            }
        }
    }

    /// All phases over rows, as many at once as share a block.
    unsafe fn all_rows(&mut self, rows: Range<usize>) {
        let group = rows_of_block(self.columns.len(), self.fused.columns);
        let mut row = rows.start;
        while row < rows.end {
            let count = group.min(rows.end - row);
            // SAFETY: the caller's promises.
            unsafe { self.rows(row, count) };
            row += count;
        }
    }

    /// All phases over `count` rows from `row`.
    unsafe fn rows(&mut self, row: usize, count: usize) {
        let fused = self.fused;
        let (start, end) = (self.columns.start, self.columns.end);
        for phase in &fused.phases {
            // SAFETY: the caller's promises.
            unsafe {
                let narrow = Rect { row, rows: count, column: start, columns: 1 };
                for step in &phase.rows {
                    if start == 0 || !matches!(step.action, Action::Store(..)) {
                        self.step(step, &Rect { column: 0, ..narrow });
                    }
                }
                self.begin_row_folds(&phase.blocks);
                if let Some(native) = &phase.native {
                    native.phase(self, row, count);
                } else {
                    let mut column = start;
                    while column < end {
                        let columns = BLOCK.min(end - column);
                        self.block(&phase.blocks, &Rect { row, rows: count, column, columns });
                        column += columns;
                    }
                }
                self.end_row_folds(&phase.blocks, count);
            }
        }
    }

    unsafe fn block(&mut self, steps: &[Step], rect: &Rect) {
        for &(out, at) in &self.fused.wide {
            // SAFETY: wide slots are as wide as the row.
            self.table[out] = Operand { at: unsafe { self.words.add(at + rect.column) }, step: LANES };
        }
        for step in steps {
            // SAFETY: the caller's promises.
            unsafe { self.step(step, rect) };
        }
    }

    /// Where a result that is stored at `aim` can be computed in place.
    fn target(&self, aim: Option<usize>, slot: Slot, rect: &Rect) -> Option<*mut f32> {
        let layout = &self.fused.layouts[aim.filter(|_| !slot.wide && self.whole_vectors(rect))?];
        let offset = direct(layout, rect, self.fused.columns)?;
        // SAFETY: the access addresses valid elements for the whole rectangle.
        Some(unsafe { self.buffers[layout.buffer].offset(offset) })
    }

    /// Whether a rectangle of consecutive elements can be processed without padding.
    fn whole_vectors(&self, rect: &Rect) -> bool {
        let sums_ragged = !self.fused.column_folds.is_empty() && !rect.columns.is_multiple_of(LANES);
        rect.count().is_multiple_of(LANES) && !sums_ragged
    }

    unsafe fn step(&mut self, step: &Step, rect: &Rect) {
        let lanes = rect.count().next_multiple_of(LANES);
        let blocks = self.fused.blocks;
        // SAFETY: operands of a step hold at least `lanes` lanes: slots are large enough, and buffers are used directly
        // only for whole vectors. The block functions' instruction set exists, as checked when they were chosen.
        unsafe {
            let slot = self.slot(step.slot, rect.column);
            let out = match step.action {
                Action::Splat(bits) => {
                    std::slice::from_raw_parts_mut(slot, LANES).fill(f32::from_bits(bits));
                    slot
                }
                Action::Map1(op, a, aim) => {
                    let out = self.target(aim, step.slot, rect).unwrap_or(slot);
                    (blocks.map1)(op, out, [self.table[a]], lanes);
                    out
                }
                Action::Map2(op, a, b, aim) => {
                    let out = self.target(aim, step.slot, rect).unwrap_or(slot);
                    (blocks.map2)(op, out, [self.table[a], self.table[b]], lanes);
                    out
                }
                Action::Map3(op, [a, b, c], aim) => {
                    let out = self.target(aim, step.slot, rect).unwrap_or(slot);
                    (blocks.map3)(op, out, [self.table[a], self.table[b], self.table[c]], lanes);
                    out
                }
                _ => return self.move_or_fold(step, slot, rect),
            };
            self.table[step.out] = Operand { at: out, step: LANES };
        }
    }

    /// The steps that bring values in, take them out, or reduce them.
    unsafe fn move_or_fold(&mut self, step: &Step, slot: *mut f32, rect: &Rect) {
        let fused = self.fused;
        // SAFETY: as for `step`; the caller vouches for the accesses.
        unsafe {
            match &step.action {
                Action::Load(layout, element) => {
                    let layout = &fused.layouts[*layout];
                    let buffer = self.buffers[layout.buffer];
                    let word = *element == super::Element::Word && self.whole_vectors(rect);
                    let at = match if word { direct(layout, rect, fused.columns) } else { None } {
                        Some(offset) => buffer.offset(offset),
                        None => {
                            gather(layout, *element, buffer, rect, slot);
                            widen(slot, rect);
                            slot
                        }
                    };
                    self.table[step.out] = Operand { at, step: LANES };
                }
                Action::Count(start, outer, inner) => {
                    count_up(*start, outer, inner, rect, slot);
                    widen(slot, rect);
                    self.table[step.out] = Operand { at: slot, step: LANES };
                }
                Action::Expand(row) => {
                    let from = self.table[*row];
                    if rect.rows > 1 {
                        for row in 0..rect.rows {
                            let lanes = std::slice::from_raw_parts_mut(slot.add(row * rect.columns), rect.columns);
                            lanes.fill(from.at.add(row).read());
                        }
                    }
                    self.table[step.out] = if rect.rows > 1 {
                        Operand { at: slot, step: LANES }
                    } else {
                        Operand { at: from.at, step: 0 }
                    };
                }
                Action::Store(value, layout, element) => {
                    let layout = &fused.layouts[*layout];
                    let (from, buffer) = (self.table[*value], self.buffers[layout.buffer]);
                    // Words may have been computed where they belong; bytes never are.
                    let place = direct(layout, rect, fused.columns).filter(|_| *element == super::Element::Word);
                    if place.map(|offset| buffer.offset(offset).cast_const()) != Some(from.at) {
                        scatter(layout, *element, buffer, rect, from.at, from.step.min(1));
                    }
                }
                Action::FoldRow(fold, term, sums) => {
                    let sums = self.words.add(*sums);
                    if rect.rows == 1 {
                        self.fold(*fold, sums, *term, |from| from, rect.columns);
                    } else {
                        for row in 0..rect.rows {
                            *sums.cast::<[f32; SUMS]>() = [fold.neutral(); SUMS];
                            self.fold(*fold, sums, *term, |from| row_of(from, row, rect), rect.columns);
                            slot.add(row).write(fold.across(*sums.cast()));
                        }
                    }
                    self.table[step.out] = Operand { at: slot, step: LANES };
                }
                Action::FoldColumns(fold, term, outlet) => self.fold_columns(*fold, *term, *outlet, rect),
                Action::FoldAll(fold, term, outlet) => {
                    let sums = self.words.add(fused.total_folds[*outlet].sums);
                    self.fold(*fold, sums, *term, |from| from, rect.count());
                }
                Action::Splat(_) | Action::Map1(..) | Action::Map2(..) | Action::Map3(..) => {}
            }
        }
    }

    /// Accumulates `count` elements, of the part of each operand that `part` makes of it.
    unsafe fn fold(&self, fold: Fold, sums: *mut f32, term: Term, part: impl Fn(Operand) -> Operand, count: usize) {
        let from = |entry: usize| part(self.table[entry]);
        // SAFETY: the caller's promises.
        unsafe {
            match term {
                Term::Value(a) => (self.fused.blocks.fold)(fold, sums, from(a), count),
                Term::Product(a, b) => (self.fused.blocks.add_products)(sums, [from(a), from(b)], count),
            }
        }
    }

    /// Accumulates the rows of a rectangle, column by column.
    unsafe fn fold_columns(&self, fold: Fold, term: Term, outlet: usize, rect: &Rect) {
        let (fused, lanes) = (self.fused, rect.columns.next_multiple_of(LANES));
        // SAFETY: the caller's promises; there is an accumulator for each column.
        unsafe {
            let sums = self.words.add(fused.column_folds[outlet].sums + rect.column - self.columns.start);
            let old = Operand { at: sums, step: LANES };
            for row in 0..rect.rows {
                let from = |entry: usize| row_of(self.table[entry], row, rect);
                match term {
                    Term::Value(a) => (fused.blocks.map2)(fold.pairwise(), sums, [old, from(a)], lanes),
                    Term::Product(a, b) => (fused.blocks.map3)(Map3::MulAdd, sums, [from(a), from(b), old], lanes),
                }
            }
        }
    }

    unsafe fn begin_row_folds(&mut self, steps: &[Step]) {
        for step in steps {
            if let Action::FoldRow(fold, _, sums) = step.action {
                // SAFETY: words of scratch.
                unsafe { *self.words.add(sums).cast::<[f32; SUMS]>() = [fold.neutral(); SUMS] };
            }
        }
    }

    /// The result of a row that was passed in several blocks, in all lanes.
    unsafe fn end_row_folds(&mut self, steps: &[Step], rows: usize) {
        for step in steps {
            if let (Action::FoldRow(fold, _, sums), 1) = (&step.action, rows) {
                // SAFETY: the accumulators and the slot are scratch words of this step.
                unsafe {
                    let slot = self.slot(step.slot, 0);
                    let value = fold.across(*self.words.add(*sums).cast());
                    *slot.cast::<[f32; LANES]>() = [value; LANES];
                    self.table[step.out] = Operand { at: slot, step: LANES };
                }
            }
        }
    }

    /// Hands the tile's accumulators over: to their destination, or to the partial results.
    unsafe fn end(&mut self, tile: usize, partials: *mut f32) {
        let fused = self.fused;
        let (row_tile, _) = fused.tiling.place(tile);
        let stride = fused.columns.next_multiple_of(LANES);
        // SAFETY: the caller's promises; accumulators are scratch words.
        unsafe {
            for outlet in &fused.total_folds {
                let value = outlet.fold.across(*self.words.add(outlet.sums).cast());
                match outlet.partials {
                    Some(at) => partials.add(at + tile).write(value),
                    None => fused.emit_total(outlet, self.buffers, value),
                }
            }
            for outlet in &fused.column_folds {
                let (first, count) = (self.columns.start, self.columns.len());
                let sums = std::slice::from_raw_parts(self.words.add(outlet.sums), count);
                match outlet.partials {
                    Some(at) => {
                        partials.add(at + row_tile * stride + first).copy_from_nonoverlapping(sums.as_ptr(), count)
                    }
                    None => fused.emit_columns(outlet, self.buffers, first, sums),
                }
            }
        }
    }
}

/// One row's part of a packed block.
unsafe fn row_of(block: Operand, row: usize, rect: &Rect) -> Operand {
    if block.step == 0 {
        return block;
    }
    // SAFETY: rows are packed one after another.
    Operand { at: unsafe { block.at.add(row * rect.columns) }, step: block.step }
}

/// A single value fills its vector, so that it can stand for all lanes.
unsafe fn widen(slot: *mut f32, rect: &Rect) {
    if rect.count() == 1 {
        // SAFETY: every slot has room for a vector.
        unsafe { *slot.cast::<[f32; LANES]>() = [slot.read(); LANES] };
    }
}
