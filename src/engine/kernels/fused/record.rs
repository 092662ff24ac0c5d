//! What machine code is to do, recorded from steps: all of a loop nest, or one phase of it.
//!
//! A phase qualifies when all that it reads and writes lies one element after another along the row, or is the same in
//! long parts of it, and when every function it uses can be recorded. A nest qualifies when all phases do, no row falls
//! into parts, and what is done once a row can be recorded as well. Where everything lies is for
//! [`native`](super::native) to say.

use super::super::block::{Fold, Map2, Map3, value1, value2, value3};
use super::super::jit::{Graph, Recorder, Rows, Value, record};
use super::super::simd::LANES;
use super::compile::{Action, Fused, Phase, Step, Term};
use super::layout::Axes;
use super::program::Element;
use super::run::rows_of_block;

/// Parts of a row shorter than this are not worth a call.
const SHORTEST_PART: usize = 64;

/// Elements that a loop walks along, or the one word that is written for a row.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// A buffer's, with the bytes of an element.
    Buffer(usize, isize),
    /// A value kept for later phases: its place.
    Kept(usize),
    /// The accumulators of columns at that place.
    Columns(usize),
}

/// Numbers that do not change along a part of the row.
pub(super) enum Scalar {
    /// An entry of the operand table with one lane for everything.
    Uniform(usize),
    /// An entry with one lane a row.
    Row(usize),
    /// An element of a buffer.
    Element(usize, Element),
    /// Where integers start that grow along the axes.
    Count(i32, Axes, Axes),
    /// What the machine code itself computes once a row.
    Made,
}

/// A reduction of rows that the caller begins and ends.
pub(super) struct RowFold {
    pub fold: Fold,
    /// Place of the accumulators.
    pub sums: usize,
    /// Place of the results, one lane a row, and their entry of the operand table.
    pub at: usize,
    pub out: usize,
}

/// Machine code to be, and what it is to be called with.
pub(super) struct Recording<'a> {
    fused: &'a Fused,
    phase: usize,
    /// Whether the nest is recorded as a whole.
    whole: bool,
    /// The node of each entry that the part in work can read.
    values: Vec<Option<Value>>,
    /// Entries that are scalars for all parts that follow.
    numbers: Vec<(usize, usize)>,
    /// Reductions of rows that the phase in work has to finish: how, the accumulator and the entry of the result.
    unfinished: Vec<(Fold, usize, usize)>,
    pub graph: Graph,
    pub streams: Vec<Stream>,
    pub scalars: Vec<Scalar>,
    /// Places of the accumulators.
    pub sums: Vec<usize>,
    pub row_folds: Vec<RowFold>,
    /// What the loop over rows does anew for each.
    pub rows: Rows,
    /// Whether a row falls into parts that are computed one by one.
    pub parted: bool,
}

/// All phases of a nest, if it qualifies.
pub(super) fn nest(fused: &Fused) -> Option<Recording<'_>> {
    let mut new = Recording::new(fused, true);
    for (number, phase) in fused.phases.iter().enumerate() {
        new.phase = number;
        new.all_of(phase)?;
    }
    new.find_rows()?;
    let loops = fused.phases.iter().any(|phase| !phase.blocks.is_empty());
    (loops && !new.parted && new.graph.is_complete()).then_some(new)
}

/// The blocks of one phase, if it qualifies.
pub(super) fn phase(fused: &Fused, number: usize) -> Option<Recording<'_>> {
    let blocks = &fused.phases[number].blocks;
    let mut new = Recording::new(fused, false);
    new.phase = number;
    new.end_part();
    new.blocks(blocks)?;
    new.end_part();
    new.end_part();
    (!blocks.is_empty() && new.graph.is_complete()).then_some(new)
}

impl<'a> Recording<'a> {
    fn new(fused: &'a Fused, whole: bool) -> Self {
        Recording {
            fused,
            phase: 0,
            whole,
            values: vec![None; fused.table],
            numbers: Vec::new(),
            unfinished: Vec::new(),
            graph: Graph::default(),
            streams: Vec::new(),
            scalars: Vec::new(),
            sums: Vec::new(),
            row_folds: Vec::new(),
            rows: Rows::default(),
            parted: false,
        }
    }

    /// What a phase does before its loop, in it, and behind it.
    fn all_of(&mut self, phase: &Phase) -> Option<()> {
        phase.rows.iter().try_for_each(|step| self.row_step(step))?;
        self.end_part();
        self.blocks(&phase.blocks)?;
        self.end_part();
        self.finish_rows();
        self.end_part();
        Some(())
    }

    fn blocks(&mut self, steps: &[Step]) -> Option<()> {
        if !self.order_is_kept(steps) {
            return None;
        }
        self.parted |= self.falls_into_parts(steps)?;
        steps.iter().try_for_each(|step| self.step(step))
    }

    /// The next part begins: it has no values but numbers.
    fn end_part(&mut self) {
        self.graph.end_part();
        self.values.fill(None);
        for (entry, scalar) in &self.numbers {
            self.values[*entry] = Some(self.graph.scalar(*scalar));
        }
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
    fn falls_into_parts(&self, steps: &[Step]) -> Option<bool> {
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

    /// The index of a stream. What lies alike is one stream.
    fn stream(&mut self, stream: Stream) -> usize {
        let layouts = &self.fused.layouts;
        let known = self.streams.iter().position(|known| match (*known, stream) {
            (Stream::Buffer(a, x), Stream::Buffer(b, y)) => layouts[a] == layouts[b] && x == y,
            (Stream::Kept(a), Stream::Kept(b)) | (Stream::Columns(a), Stream::Columns(b)) => a == b,
            _ => false,
        });
        known.unwrap_or_else(|| {
            self.streams.push(stream);
            self.streams.len() - 1
        })
    }

    fn scalar(&mut self, scalar: Scalar) -> usize {
        self.scalars.push(scalar);
        self.scalars.len() - 1
    }

    /// An entry becomes a scalar for all parts that follow, and for this one as well.
    fn number(&mut self, entry: usize, scalar: Scalar) -> Value {
        let scalar = self.scalar(scalar);
        self.numbers.push((entry, scalar));
        self.graph.scalar(scalar)
    }

    /// The node of an operand, which an earlier phase may have computed.
    fn value(&mut self, entry: usize) -> Option<Value> {
        if self.values[entry].is_none() {
            self.values[entry] = Some(match self.fused.uniform.iter().find(|step| step.out == entry) {
                Some(Step { action: Action::Splat(bits), .. }) => self.graph.constant(*bits),
                Some(_) => self.number(entry, Scalar::Uniform(entry)),
                None => {
                    let (_, at) = self.fused.wide.iter().find(|(out, _)| *out == entry)?;
                    let stream = self.stream(Stream::Kept(*at));
                    self.graph.load(stream)
                }
            });
        }
        self.values[entry]
    }

    /// Records a function.
    fn map(&mut self, action: &Action) -> Option<Value> {
        let inputs: Vec<Value> = action.operands().map(|o| self.value(o)).collect::<Option<_>>()?;
        let graph = &mut self.graph;
        // SAFETY: recording executes nothing.
        unsafe {
            match *action {
                Action::Map1(op, ..) => Some(record(graph, || value1::<Recorder>(op, [inputs[0]]))),
                Action::Map2(op, ..) => Some(record(graph, || value2::<Recorder>(op, [inputs[0], inputs[1]]))),
                Action::Map3(op, ..) => {
                    Some(record(graph, || value3::<Recorder>(op, [inputs[0], inputs[1], inputs[2]])))
                }
                _ => None,
            }
        }
    }

    fn combine(&mut self, op: Map2, a: Value, b: Value) -> Value {
        // SAFETY: recording executes nothing.
        unsafe { record(&mut self.graph, || value2::<Recorder>(op, [a, b])) }
    }
}

/// Steps on elements.
impl Recording<'_> {
    /// Records a step; `None` if it cannot be.
    fn step(&mut self, step: &Step) -> Option<()> {
        let value = match &step.action {
            Action::Load(layout, element) => self.load(*layout, *element)?,
            Action::Count(start, outer, inner) => {
                let scalar = self.scalar(Scalar::Count(*start, outer.clone(), inner.clone()));
                self.graph.count(scalar, i32::try_from(inner.step()).ok()?)
            }
            Action::Expand(row) if self.whole => self.value(*row)?,
            Action::Expand(row) => {
                let scalar = self.scalar(Scalar::Row(*row));
                self.graph.scalar(scalar)
            }
            Action::Store(value, layout, element) => return self.store(*value, *layout, *element),
            Action::FoldRow(fold, term, sums) => {
                let sum = self.fold(*fold, *term, *sums)?;
                self.fold_row(*fold, sum, step);
                return Some(());
            }
            Action::FoldAll(fold, term, outlet) => {
                return self.fold(*fold, *term, self.fused.total_folds[*outlet].sums).map(|_| ());
            }
            Action::FoldColumns(fold, term, outlet) => return self.fold_columns(*fold, *term, *outlet),
            action => {
                let value = self.map(action)?;
                self.keep(step, value);
                value
            }
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

    fn store(&mut self, value: usize, layout: usize, element: Element) -> Option<()> {
        if self.fused.layouts[layout].inner.step() != 1 {
            return None;
        }
        let value = self.value(value)?;
        let stream = self.stream(Stream::Buffer(layout, bytes(element)));
        match element {
            Element::Word => self.graph.store(stream, value),
            Element::Byte => self.graph.store_bool(stream, value),
        }
        Some(())
    }

    /// Stores a value that a later phase reads.
    fn keep(&mut self, step: &Step, value: Value) {
        let later = &self.fused.phases[self.phase + 1..];
        if later.iter().any(|phase| reads(&phase.blocks, step.out)) {
            let stream = self.stream(Stream::Kept(step.slot.at));
            self.graph.store(stream, value);
        }
    }

    /// Accumulates lane by lane; yields the accumulator.
    fn fold(&mut self, fold: Fold, term: Term, sums: usize) -> Option<usize> {
        let index = self.sums.len();
        self.sums.push(sums);
        let sum = self.graph.sum(index);
        let sum = self.accumulate(fold, sum, term)?;
        self.graph.set_sum(index, sum);
        Some(index)
    }

    /// Notes what is to be done with the accumulator of a row.
    fn fold_row(&mut self, fold: Fold, sum: usize, step: &Step) {
        if self.whole {
            self.rows.starts.push((sum, fold.neutral().to_bits()));
            self.unfinished.push((fold, sum, step.out));
        } else {
            self.row_folds.push(RowFold { fold, sums: self.sums[sum], at: step.slot.at, out: step.out });
        }
    }

    /// An accumulator with one more element.
    fn accumulate(&mut self, fold: Fold, sum: Value, term: Term) -> Option<Value> {
        Some(match term {
            Term::Value(value) => {
                let value = self.value(value)?;
                self.combine(fold.pairwise(), sum, value)
            }
            Term::Product(a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                // SAFETY: recording executes nothing.
                unsafe { record(&mut self.graph, || value3::<Recorder>(Map3::MulAdd, [a, b, sum])) }
            }
        })
    }

    fn fold_columns(&mut self, fold: Fold, term: Term, outlet: usize) -> Option<()> {
        let stream = self.stream(Stream::Columns(self.fused.column_folds[outlet].sums));
        let sum = self.graph.load(stream);
        let sum = self.accumulate(fold, sum, term)?;
        self.graph.store(stream, sum);
        Some(())
    }
}

/// Steps on the one number of a row, in machine code of whole nests.
impl Recording<'_> {
    /// Records a step; `None` if it cannot be.
    fn row_step(&mut self, step: &Step) -> Option<()> {
        match &step.action {
            Action::Load(layout, Element::Word) => {
                let value = self.number(step.out, Scalar::Element(*layout, Element::Word));
                self.values[step.out] = Some(value);
            }
            Action::Count(start, outer, inner) => {
                let value = self.number(step.out, Scalar::Count(*start, outer.clone(), inner.clone()));
                self.values[step.out] = Some(value);
            }
            // Of several tiles in a row only the first would store.
            Action::Store(value, layout, Element::Word) if self.fused.tiling.column_tiles() == 1 => {
                let value = self.value(*value)?;
                let stream = self.stream(Stream::Buffer(*layout, bytes(Element::Word)));
                self.graph.store_first(stream, value);
            }
            action => {
                let value = self.map(action)?;
                self.make(step.out, value);
            }
        }
        Some(())
    }

    /// A number of the row is computed: a scalar, if other parts read it.
    fn make(&mut self, entry: usize, value: Value) {
        self.values[entry] = Some(value);
        let [phase, later @ ..] = &self.fused.phases[self.phase..] else { return };
        let read = reads(&phase.blocks, entry)
            || later.iter().any(|phase| reads(&phase.rows, entry) || reads(&phase.blocks, entry));
        if read {
            let scalar = self.scalar(Scalar::Made);
            self.numbers.push((entry, scalar));
            self.graph.set_scalar(scalar, value);
        }
    }

    /// Records how the accumulators of a row become one number each: as [`Fold::across`] has it, by halves.
    fn finish_rows(&mut self) {
        for (fold, sum, out) in std::mem::take(&mut self.unfinished) {
            let [first, second] = self.graph.halves(sum);
            let mut all = self.combine(fold.pairwise(), first, second);
            for lanes in [16, 8, 4, 2] {
                let upper = self.graph.down(lanes, all);
                all = self.combine(fold.pairwise(), all, upper);
            }
            self.make(out, all);
        }
    }

    /// Finds what changes from row to row; `None` if a loop cannot follow it.
    fn find_rows(&mut self) -> Option<()> {
        for (index, scalar) in (0..).zip(&self.scalars) {
            match scalar {
                Scalar::Element(_, Element::Word) => self.rows.numbers.push(index),
                Scalar::Count(_, outer, _) => self.rows.counts.push((index, i32::try_from(outer.step()).ok()?)),
                Scalar::Uniform(_) | Scalar::Made => {}
                Scalar::Element(_, Element::Byte) | Scalar::Row(_) => return None,
            }
        }
        Some(())
    }
}

fn reads(steps: &[Step], entry: usize) -> bool {
    steps.iter().any(|step| step.action.operands().any(|operand| operand == entry))
}

fn bytes(element: Element) -> isize {
    match element {
        Element::Word => 4,
        Element::Byte => 1,
    }
}
