//! Phases as machine code: one call computes all steps of a phase over a row, with the bits that the interpreter leaves.
//!
//! A phase qualifies when all that it reads and writes lies one element after another along the row, or is the same in
//! long parts of it, and when every function it uses can be recorded. The rest stays with the interpreter, phase by
//! phase; both leave what later phases need in the same places.

use std::sync::Arc;

use super::super::block::{Fold, Map2, SUMS, value1, value2, value3};
use super::super::buffer::ALIGNMENT;
use super::super::jit::{Compiled, Graph, Recorder, Rows, Value, compile, record};
use super::super::simd::LANES;
use super::compile::{Action, Fused, Step};
use super::layout::Axes;
use super::program::Element;
use super::run::{Tile, rows_of_block};

/// Rows shorter than this are better packed into blocks.
const SHORTEST_ROW: usize = 16;
/// Parts of a row shorter than this are not worth a call.
const SHORTEST_PART: usize = 64;
/// Programs with fewer elements are not worth compiling.
const FEWEST: usize = 64;

/// Elements that the loop walks along.
#[derive(Clone, Copy)]
enum Stream {
    /// A buffer's, with the bytes of an element.
    Buffer(usize, isize),
    /// A value kept for later phases: its place.
    Kept(usize),
    /// A value of an earlier phase, by its entry of the operand table.
    Earlier(usize),
    /// The accumulators of columns at that place.
    Columns(usize),
}

/// Numbers that do not change along a part of the row.
enum Scalar {
    /// An entry of the operand table with one lane for everything.
    Uniform(usize),
    /// An entry with one lane a row.
    Row(usize),
    /// An element of a buffer.
    Element(usize, Element),
    /// Where integers start that grow along the axes.
    Count(i32, Axes, Axes),
}

/// A loop over one row, and one over many rows if it is of a kind that can be.
struct Loops {
    row: Arc<Compiled>,
    rows: Option<Arc<Compiled>>,
}

/// A phase as machine code.
pub(super) struct Native {
    code: Loops,
    /// The same for workers far apart, and the streams that it stores past the caches.
    through: Option<(Loops, Vec<usize>)>,
    /// What the loop over many rows does anew for each.
    rows: Rows,
    streams: Vec<Stream>,
    scalars: Vec<Scalar>,
    /// Places of the accumulators.
    sums: Vec<usize>,
    /// Reductions of rows: how, the accumulators' place, the results' place and entry.
    row_folds: Vec<(Fold, usize, usize, usize)>,
    /// Place of the room for spilled values.
    room: usize,
    /// Whether a row falls into parts that are computed one by one.
    parted: bool,
}

/// Gives machine code to all phases that qualify.
pub(super) fn attach(fused: &mut Fused) {
    if fused.tiling.rows * fused.columns < FEWEST || fused.columns < SHORTEST_ROW {
        return;
    }
    let mut room = 0;
    for phase in 0..fused.phases.len() {
        let mut native = Builder::new(fused, phase).build();
        if let Some(native) = &mut native {
            native.room = fused.words;
            room = room.max(native.code.room());
        }
        fused.phases[phase].native = native;
    }
    fused.words += room;
}

/// Records a phase.
struct Builder<'a> {
    fused: &'a Fused,
    phase: usize,
    graph: Graph,
    /// The node of each entry that the phase defines.
    values: Vec<Option<Value>>,
    streams: Vec<Stream>,
    scalars: Vec<Scalar>,
    sums: Vec<usize>,
    row_folds: Vec<(Fold, usize, usize, usize)>,
}

impl<'a> Builder<'a> {
    fn new(fused: &'a Fused, phase: usize) -> Self {
        Builder {
            fused,
            phase,
            graph: Graph::default(),
            values: vec![None; fused.table],
            streams: Vec::new(),
            scalars: Vec::new(),
            sums: Vec::new(),
            row_folds: Vec::new(),
        }
    }

    fn build(mut self) -> Option<Native> {
        let steps = &self.fused.phases[self.phase].blocks;
        if steps.is_empty() || !self.order_is_kept(steps) {
            return None;
        }
        let parted = self.parted(steps)?;
        for step in steps {
            self.step(step)?;
        }
        if !self.graph.is_complete() {
            return None;
        }
        self.graph.end_body();
        self.finish_rows();
        let rows = self.rows();
        let single = parted || self.fused.together().min(self.fused.tiling.row_step) == 1;
        let many = if single { None } else { rows.as_ref() };
        let code = self.loops(&self.graph, many)?;
        let through = self.through(many);
        let Builder { streams, scalars, sums, row_folds, .. } = self;
        let rows = rows.unwrap_or_default();
        Some(Native { code, through, rows, streams, scalars, sums, row_folds, room: 0, parted })
    }

    /// The machine code of a graph.
    fn loops(&self, graph: &Graph, rows: Option<&Rows>) -> Option<Loops> {
        let compile = |rows| compile(graph, self.streams.len(), self.sums.len(), rows);
        Some(Loops { row: compile(None)?, rows: rows.and_then(|rows| compile(Some(rows))) })
    }

    /// Records how the accumulators of a row become one number each: as [`Fold::across`] has it, by halves.
    fn finish_rows(&mut self) {
        for index in 0..self.row_folds.len() {
            let (fold, sums, ..) = self.row_folds[index];
            let Some(sum) = self.sums.iter().position(|at| *at == sums) else { continue };
            let [first, second] = self.graph.halves(sum);
            let mut all = self.combine(fold.pairwise(), first, second);
            for lanes in [16, 8, 4, 2] {
                let upper = self.graph.down(lanes, all);
                all = self.combine(fold.pairwise(), all, upper);
            }
            self.graph.store_first(index, all);
        }
    }

    /// What changes from row to row, if a loop over rows can follow it.
    fn rows(&self) -> Option<Rows> {
        let layouts = &self.fused.layouts;
        let steady = self.streams.iter().all(|stream| match stream {
            Stream::Buffer(layout, _) => layouts[*layout].outer.stride().is_some(),
            _ => true,
        });
        let mut rows = Rows::default();
        for (index, scalar) in (0..).zip(&self.scalars) {
            match scalar {
                Scalar::Uniform(_) => {}
                Scalar::Row(_) => rows.numbers.push(index),
                Scalar::Element(layout, element) => match (element, layouts[*layout].outer.stride()) {
                    (_, Some(0)) => {}
                    (Element::Word, Some(_)) => rows.numbers.push(index),
                    _ => return None,
                },
                Scalar::Count(_, outer, _) => rows.counts.push((index, i32::try_from(outer.stride()?).ok()?)),
            }
        }
        rows.starts = self
            .row_folds
            .iter()
            .filter_map(|(fold, sums, ..)| {
                Some((self.sums.iter().position(|at| at == sums)?, fold.neutral().to_bits()))
            })
            .collect();
        steady.then_some(rows)
    }

    /// The loop that stores what other workers read past the caches, if there is any.
    fn through(&self, rows: Option<&Rows>) -> Option<(Loops, Vec<usize>)> {
        let stored = self.graph.stored().filter(|stream| match self.streams[*stream] {
            Stream::Buffer(layout, _) => self.fused.shared.contains(&self.fused.layouts[layout].buffer),
            _ => false,
        });
        let stored: Vec<usize> = stored.collect();
        let graph = (!stored.is_empty()).then(|| self.graph.storing_through(&stored))?;
        Some((self.loops(&graph, rows)?, stored))
    }

    /// Whether sums over everything meet their elements in the interpreter's order, which packs short rows.
    fn order_is_kept(&self, steps: &[Step]) -> bool {
        let tiling = self.fused.tiling;
        let total = steps.iter().any(|s| matches!(s.action, Action::FoldAll(..)));
        let width = tiling.column_step.min(tiling.columns);
        let rest = tiling.columns % width;
        let packed = |width: usize| {
            width > 0 && !width.is_multiple_of(LANES) && rows_of_block(width, tiling.columns).min(tiling.row_step) > 1
        };
        !total || !(packed(width) || packed(rest))
    }

    /// Whether a row falls into parts; `None` if they are too short, or would change the order of a reduction.
    fn parted(&self, steps: &[Step]) -> Option<bool> {
        let folds = steps.iter().any(|s| matches!(s.action, Action::FoldAll(..) | Action::FoldRow(..)));
        let tiling = self.fused.tiling;
        let mut parted = false;
        for step in steps {
            let axes = match &step.action {
                Action::Load(layout, _) | Action::Store(_, layout, _) => &self.fused.layouts[*layout].inner,
                Action::Count(_, _, inner) => inner,
                _ => continue,
            };
            let Some(part) = axes.part() else { continue };
            let whole =
                part.is_multiple_of(LANES) && (tiling.column_tiles() == 1 || tiling.column_step.is_multiple_of(LANES));
            if part < SHORTEST_PART || (folds && !whole) {
                return None;
            }
            parted = true;
        }
        Some(parted)
    }

    fn stream(&mut self, stream: Stream) -> usize {
        self.streams.push(stream);
        self.streams.len() - 1
    }

    fn scalar(&mut self, scalar: Scalar) -> usize {
        self.scalars.push(scalar);
        self.scalars.len() - 1
    }

    /// The node of an operand, which an earlier phase may have computed.
    fn value(&mut self, entry: usize) -> Value {
        if let Some(value) = self.values[entry] {
            return value;
        }
        let value = if self.fused.uniform.iter().any(|s| s.out == entry) {
            let scalar = self.scalar(Scalar::Uniform(entry));
            self.graph.scalar(scalar)
        } else {
            let stream = match self.fused.wide.iter().find(|(out, _)| *out == entry) {
                Some((_, at)) => Stream::Kept(*at),
                None => Stream::Earlier(entry),
            };
            let stream = self.stream(stream);
            self.graph.load(stream)
        };
        self.values[entry] = Some(value);
        value
    }

    /// Records a step; `None` if it cannot be.
    fn step(&mut self, step: &Step) -> Option<()> {
        let inputs: Vec<Value> = step.action.operands().map(|o| self.value(o)).collect();
        let graph = &mut self.graph;
        // SAFETY: recording executes nothing.
        let value = unsafe {
            match step.action {
                Action::Map1(op, ..) => record(graph, || value1::<Recorder>(op, [inputs[0]])),
                Action::Map2(op, ..) => record(graph, || value2::<Recorder>(op, [inputs[0], inputs[1]])),
                Action::Map3(op, ..) => record(graph, || value3::<Recorder>(op, [inputs[0], inputs[1], inputs[2]])),
                _ => return self.edge(step, &inputs),
            }
        };
        self.values[step.out] = Some(value);
        self.keep(step, value);
        Some(())
    }

    /// Steps that bring values in, take them out, or reduce them.
    fn edge(&mut self, step: &Step, inputs: &[Value]) -> Option<()> {
        let value = match &step.action {
            Action::Load(layout, element) => self.load(*layout, *element)?,
            Action::Expand(row) => {
                let scalar = self.scalar(Scalar::Row(*row));
                self.graph.scalar(scalar)
            }
            Action::Count(start, outer, inner) => {
                let scalar = self.scalar(Scalar::Count(*start, outer.clone(), inner.clone()));
                self.graph.count(scalar, i32::try_from(inner.step()).ok()?)
            }
            Action::Store(_, layout, element) => {
                if self.fused.layouts[*layout].inner.step() != 1 {
                    return None;
                }
                let stream = self.stream(Stream::Buffer(*layout, bytes(*element)));
                match element {
                    Element::Word => self.graph.store(stream, inputs[0]),
                    Element::Byte => self.graph.store_bool(stream, inputs[0]),
                }
                return Some(());
            }
            Action::FoldRow(fold, _, sums) => {
                self.row_folds.push((*fold, *sums, step.slot.at, step.out));
                return self.fold(*fold, *sums, inputs[0]);
            }
            Action::FoldAll(fold, _, outlet) => {
                return self.fold(*fold, self.fused.total_folds[*outlet].sums, inputs[0]);
            }
            Action::FoldColumns(fold, _, outlet) => {
                let stream = self.stream(Stream::Columns(self.fused.column_folds[*outlet].sums));
                let sum = self.graph.load(stream);
                let sum = self.combine(fold.pairwise(), sum, inputs[0]);
                self.graph.store(stream, sum);
                return Some(());
            }
            Action::Splat(_) | Action::Map1(..) | Action::Map2(..) | Action::Map3(..) => return None,
        };
        self.values[step.out] = Some(value);
        Some(())
    }

    fn load(&mut self, layout: usize, element: Element) -> Option<Value> {
        match (self.fused.layouts[layout].inner.step(), element) {
            (1, Element::Word) => {
                let stream = self.stream(Stream::Buffer(layout, bytes(element)));
                Some(self.graph.load(stream))
            }
            (1, Element::Byte) => {
                let stream = self.stream(Stream::Buffer(layout, bytes(element)));
                Some(self.graph.load_bool(stream))
            }
            (0, _) => {
                let scalar = self.scalar(Scalar::Element(layout, element));
                Some(self.graph.scalar(scalar))
            }
            _ => None,
        }
    }

    fn combine(&mut self, op: Map2, a: Value, b: Value) -> Value {
        // SAFETY: recording executes nothing.
        unsafe { record(&mut self.graph, || value2::<Recorder>(op, [a, b])) }
    }

    /// Accumulates lane by lane.
    fn fold(&mut self, fold: Fold, sums: usize, value: Value) -> Option<()> {
        let index = self.sums.len();
        self.sums.push(sums);
        let sum = self.graph.sum(index);
        let sum = self.combine(fold.pairwise(), sum, value);
        self.graph.set_sum(index, sum);
        Some(())
    }

    /// Stores a value that a later phase reads.
    fn keep(&mut self, step: &Step, value: Value) {
        let later = &self.fused.phases[self.phase + 1..];
        if later.iter().any(|phase| phase.blocks.iter().any(|s| s.action.operands().any(|o| o == step.out))) {
            let stream = self.stream(Stream::Kept(step.slot.at));
            self.graph.store(stream, value);
        }
    }
}

fn bytes(element: Element) -> isize {
    match element {
        Element::Word => 4,
        Element::Byte => 1,
    }
}

impl Loops {
    /// Words of room for spilled values.
    fn room(&self) -> usize {
        self.row.room.max(self.rows.as_ref().map_or(0, |rows| rows.room))
    }
}

impl Native {
    /// The loops to run on the addresses of `tile`. Beyond the processor's caches only whole cache lines are stored.
    fn code(&self, tile: &Tile) -> &Loops {
        let aligned = |stream: &usize| {
            let stride = tile.strides.get(*stream).map_or(0, |stride| stride.unsigned_abs());
            tile.pointers[*stream].addr().is_multiple_of(ALIGNMENT) && stride.is_multiple_of(ALIGNMENT)
        };
        match &self.through {
            Some((code, streams)) if tile.far && streams.iter().all(aligned) => code,
            _ => &self.code,
        }
    }

    /// Runs a loop on the addresses and numbers of `tile`.
    ///
    /// # Safety
    /// As for [`run`](Native::run); the tables are filled in for `code`.
    unsafe fn call(&self, tile: &mut Tile, code: &Compiled, count: usize) {
        let (pointers, scalars) = (tile.pointers.as_mut_ptr(), tile.scalars.as_mut_ptr());
        // SAFETY: the caller's promises.
        unsafe { code.code.run(pointers, scalars, code.constants.as_ptr(), tile.words.add(self.room), count) };
    }

    /// The phase over `count` rows from `row`; reductions of a single row are begun and ended by the caller.
    ///
    /// # Safety
    /// As for [`Fused::run_tile`]; what earlier phases leave is there.
    pub(super) unsafe fn run(&self, tile: &mut Tile, row: usize, count: usize) {
        // SAFETY: the caller's promises.
        unsafe {
            if count == 1 {
                tile.strides.clear();
                self.row(tile, row, 0);
            } else if self.code.rows.is_some() && self.find_strides(tile) {
                self.rows(tile, row, count);
            } else {
                tile.strides.clear();
                for local in 0..count {
                    self.begin_row(tile);
                    self.row(tile, row, local);
                    self.end_row(tile, local);
                }
            }
        }
        for (.., at, out) in &self.row_folds {
            tile.point(*out, *at);
        }
    }

    /// Reductions of a row start anew.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn begin_row(&self, tile: &mut Tile) {
        for (fold, sums, ..) in &self.row_folds {
            // SAFETY: the accumulators are scratch words of their step.
            unsafe { *tile.words.add(*sums).cast::<[f32; SUMS]>() = [fold.neutral(); SUMS] };
        }
    }

    /// Their results go to the row's lane.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn end_row(&self, tile: &mut Tile, local: usize) {
        for (fold, sums, at, _) in &self.row_folds {
            // SAFETY: as for `begin_row`; the result has a lane for each row.
            unsafe { tile.words.add(at + local).write(fold.across(*tile.words.add(*sums).cast())) };
        }
    }

    /// Finds how far each stream moves from row to row; false if that is not the same everywhere, or rows fall into parts.
    fn find_strides(&self, tile: &mut Tile) -> bool {
        tile.strides.clear();
        let packed = (tile.columns.len() * size_of::<f32>()) as isize;
        for stream in &self.streams {
            let stride = match stream {
                Stream::Buffer(layout, bytes) => {
                    tile.fused.layouts[*layout].outer.stride().map(|stride| stride * bytes)
                }
                Stream::Columns(_) => Some(0),
                Stream::Kept(_) | Stream::Earlier(_) => Some(packed),
            };
            let Some(stride) = stride else { return false };
            tile.strides.push(stride);
        }
        !self.parted
    }

    /// Several rows whose streams move by `strides`, in one call.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn rows(&self, tile: &mut Tile, row: usize, count: usize) {
        let (start, width) = (tile.columns.start, tile.columns.len());
        // SAFETY: the caller's promises; rows follow each other at the strides.
        unsafe {
            self.point_to(tile, row, 0, start);
            self.point_to_rows(tile, row, count);
            if let Some(code) = self.code(tile).rows.as_ref().or(self.code.rows.as_ref()) {
                self.call(tile, code, width);
            }
        }
    }

    /// Adds to the addresses what a loop over `count` rows from `row` needs, in the order of [`Rows`].
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn point_to_rows(&self, tile: &mut Tile, row: usize, count: usize) {
        let entry = |number: isize| std::ptr::without_provenance_mut(number.cast_unsigned());
        tile.pointers.extend([entry(count as isize), entry(tile.columns.len() as isize)]);
        tile.pointers.extend(tile.strides.iter().map(|stride| entry(*stride)));
        let numbers = self.rows.numbers.iter().map(|index| &self.scalars[*index as usize]);
        for number in numbers.clone() {
            // SAFETY: the caller's promises.
            let address = unsafe { self.number_address(tile, number, row) };
            tile.pointers.push(address);
        }
        for number in numbers {
            let step = match number {
                Scalar::Element(layout, _) => tile.fused.layouts[*layout].outer.stride().unwrap_or(0),
                _ => 1,
            };
            tile.pointers.push(entry(step * size_of::<f32>() as isize));
        }
        for (.., at, _) in &self.row_folds {
            // SAFETY: the result has a lane for each row.
            let result = unsafe { tile.words.add(*at) };
            tile.pointers.push(result);
        }
    }

    /// Where the number of a row is that those of the next rows follow.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn number_address(&self, tile: &Tile, number: &Scalar, row: usize) -> *mut f32 {
        match number {
            Scalar::Element(layout, _) => {
                let layout = &tile.fused.layouts[*layout];
                let offset = layout.row(row) + layout.inner.offset(tile.columns.start);
                // SAFETY: the caller's promises.
                unsafe { tile.buffers[layout.buffer].offset(offset) }
            }
            Scalar::Row(entry) => tile.table[*entry].at.cast_mut(),
            Scalar::Uniform(_) | Scalar::Count(..) => std::ptr::null_mut(),
        }
    }

    /// Fills in the addresses and numbers for a place.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn point_to(&self, tile: &mut Tile, row: usize, local: usize, column: usize) {
        tile.pointers.clear();
        // SAFETY: the caller's promises.
        unsafe {
            for stream in &self.streams {
                let address = self.address(tile, stream, row, local, column);
                tile.pointers.push(address);
            }
            for sums in &self.sums {
                tile.pointers.push(tile.words.add(*sums));
            }
            self.read_numbers(tile, row, local, column);
        }
    }

    /// Fills in the numbers for a place.
    ///
    /// # Safety
    /// As for [`run`](Native::run).
    unsafe fn read_numbers(&self, tile: &mut Tile, row: usize, local: usize, column: usize) {
        tile.scalars.clear();
        for scalar in &self.scalars {
            // SAFETY: the caller's promises.
            let number = unsafe { self.number(tile, scalar, row, local, column) };
            tile.scalars.push(number);
        }
    }

    /// One row, part by part.
    unsafe fn row(&self, tile: &mut Tile, row: usize, local: usize) {
        let (start, end) = (tile.columns.start, tile.columns.end);
        let mut column = start;
        while column < end {
            let count = if self.parted { self.part(tile.fused, column).min(end - column) } else { end - column };
            // SAFETY: the caller's promises.
            unsafe {
                self.point_to(tile, row, local, column);
                self.call(tile, &self.code(tile).row, count);
            }
            column += count;
        }
    }

    /// How many elements from a column on lie alike.
    fn part(&self, fused: &Fused, column: usize) -> usize {
        let streams = self.streams.iter().filter_map(|stream| match stream {
            Stream::Buffer(layout, _) => Some(&fused.layouts[*layout].inner),
            _ => None,
        });
        let scalars = self.scalars.iter().filter_map(|scalar| match scalar {
            Scalar::Element(layout, _) => Some(&fused.layouts[*layout].inner),
            Scalar::Count(_, _, inner) => Some(inner),
            _ => None,
        });
        streams.chain(scalars).map(|axes| axes.run(column).1).min().unwrap_or(usize::MAX)
    }

    unsafe fn address(&self, tile: &Tile, stream: &Stream, row: usize, local: usize, column: usize) -> *mut f32 {
        let along = column - tile.columns.start;
        let packed = local * tile.columns.len() + along;
        // SAFETY: the caller's promises; places lie within the scratch memory.
        unsafe {
            match *stream {
                Stream::Buffer(layout, bytes) => {
                    let layout = &tile.fused.layouts[layout];
                    let offset = layout.row(row + local) + layout.inner.offset(column);
                    tile.buffers[layout.buffer].byte_offset(offset * bytes)
                }
                Stream::Kept(at) => tile.words.add(at + packed),
                Stream::Earlier(entry) => tile.table[entry].at.cast_mut().add(packed),
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
            }
        }
    }
}
