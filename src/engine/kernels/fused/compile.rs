//! From a program to steps: at what level each value lives, in which phase it is computed, what of it is computed on the
//! way to a sum, and where it is stored.
//!
//! Levels: one value for everything, one a row, or one an element. Phases: a reduction over a row is complete only
//! when the row has been passed once, so what uses it belongs to the next phase over the same row. Full values live in
//! block-sized slots that are reused; a value that a later phase needs gets a slot as wide as the row, unless the row
//! fits a block anyway.

use super::super::block::{Blocks, Fold, Map1, Map2, Map3, blocks};
use super::super::simd::{Isa, LANES};
use super::super::tiling::{Order, Tiling};
use super::BLOCK;
use super::layout::{Axes, Layout};
use super::native::{self, Native};
use super::program::{Element, Instr, Program, Reg};
use super::slots;

/// What a value depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Uniform,
    Row,
    Full,
}

/// Where a step puts its result in the scratch memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub at: usize,
    /// As wide as the row, so that later phases find every block of it.
    pub wide: bool,
}

/// What a step does. Operands are entries of the operand table: registers first, then their expansions.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Splat(u32),
    Load(usize, Element),
    Count(i32, Axes, Axes),
    Map1(Map1, usize, Option<usize>),
    Map2(Map2, usize, usize, Option<usize>),
    Map3(Map3, [usize; 3], Option<usize>),
    /// One lane a row becomes one an element.
    Expand(usize),
    Store(usize, usize, Element),
    /// Accumulates rows; the last number is the place of the accumulators.
    FoldRow(Fold, Term, usize),
    /// Accumulates columns; the last number is that of the outlet.
    FoldColumns(Fold, Term, usize),
    FoldAll(Fold, Term, usize),
}

/// What a reduction takes of each element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Term {
    Value(usize),
    /// A product of two values, for sums of floats.
    Product(usize, usize),
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub action: Action,
    /// Entry of the operand table that the step defines.
    pub out: usize,
    pub slot: Slot,
}

/// One pass over the rows of a block.
#[derive(Default)]
pub(super) struct Phase {
    /// Steps on one lane a row, before the blocks.
    pub rows: Vec<Step>,
    /// Steps on every element, for each block.
    pub blocks: Vec<Step>,
    /// Machine code that does the same as `blocks`, unless the whole nest has some.
    pub native: Option<Native>,
}

/// A reduction whose result leaves the loop nest.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub fold: Fold,
    pub layout: usize,
    pub scale: f32,
    /// Place of the accumulators in the scratch memory.
    pub sums: usize,
    /// Place in the partial results, when there is more than one tile to combine.
    pub partials: Option<usize>,
}

/// A compiled loop nest; see the module's head.
pub struct Fused {
    pub(super) columns: usize,
    pub(super) tiling: Tiling,
    pub(super) blocks: &'static Blocks,
    pub(super) layouts: Vec<Layout>,
    /// Buffers that other workers read, as the program says.
    pub(super) shared: Vec<usize>,
    pub(super) uniform: Vec<Step>,
    pub(super) phases: Vec<Phase>,
    /// Machine code that does the same as all phases.
    pub(super) native: Option<Native>,
    /// Stores of values that depend on nothing, done by the first tile.
    pub(super) uniform_stores: Vec<Step>,
    pub(super) column_folds: Vec<Outlet>,
    pub(super) total_folds: Vec<Outlet>,
    /// Operand table entries of row-wide values and where they lie.
    pub(super) wide: Vec<(usize, usize)>,
    pub(super) table: usize,
    pub(super) words: usize,
    partials: usize,
}

/// Elements of a tile that are worth a thread's while, and so many at most that threads share evenly.
const TILE: std::ops::RangeInclusive<usize> = 2048..=32_768;
/// Tiles to aim for: enough for every thread, few enough to combine quickly.
const TILES: usize = 64;
/// Tiles that may leave partial results for every column.
const PARTS: usize = 16;
/// Elements whose sums of columns are worth a step that combines them, and the columns of such a tile.
const MANY: usize = 1 << 16;
const WIDE: usize = 256;

impl Fused {
    /// Compiles a program for this processor, cut into tiles as its shape suggests.
    ///
    /// # Panics
    /// If an instruction reads a register that is not defined before it, an access has the wrong number of strides, or
    /// a store broadcasts away an axis that its value depends on. Such programs are mistakes of the caller.
    pub fn new(mut program: Program) -> Fused {
        let tiling = Fused::suggested_tiling(&mut program);
        Fused::compile(&program, tiling, Isa::detect())
    }

    /// How [`new`](Fused::new) cuts a program. One without reductions over part of the axes becomes a single row for it.
    pub fn suggested_tiling(program: &mut Program) -> Tiling {
        flatten(program);
        suggested(program)
    }

    /// As [`new`](Fused::new), cut as given; programs that combine rows need tiles of whole rows.
    ///
    /// # Panics
    /// As [`new`](Fused::new), and if the tiling does not fit the program.
    pub fn with_tiling(program: &Program, tiling: Tiling) -> Fused {
        Fused::compile(program, tiling, Isa::detect())
    }

    /// The same program on another instruction set, for comparisons.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn on(mut self, isa: Isa) -> Fused {
        assert!(Isa::available().contains(&isa), "{isa:?} is not available here");
        self.blocks = blocks(isa);
        if isa != Isa::Avx512 {
            self.native = None;
            self.phases.iter_mut().for_each(|phase| phase.native = None);
        }
        self
    }

    /// How the work is cut.
    pub fn tiling(&self) -> Tiling {
        self.tiling
    }

    /// Number of tiles, fixed by the program alone.
    pub fn tiles(&self) -> usize {
        self.tiling.tiles()
    }

    /// Number of instructions times the elements that they are computed for.
    pub fn operations(&self) -> usize {
        let blocks: usize = self.phases.iter().map(|phase| phase.blocks.len()).sum();
        self.tiling.rows * self.tiling.columns * blocks
    }

    /// Words that the partial results of all tiles need; 0 when there is nothing for `finish` to combine.
    pub fn partials_len(&self) -> usize {
        self.partials
    }

    fn compile(program: &Program, tiling: Tiling, isa: Isa) -> Fused {
        assert_eq!((tiling.rows, tiling.columns), (program.rows(), program.columns()), "the tiling covers the space");
        let mut plan = Planner::new(program);
        plan.assign_levels();
        plan.assign_phases();
        plan.merge_products();
        assert!(
            plan.levels.is_empty()
                || !program.code.iter().any(|i| matches!(i, Instr::FoldRow(..)))
                || tiling.column_tiles() == 1,
            "a program that combines rows needs tiles of whole rows"
        );
        let mut fused = Fused {
            columns: program.columns(),
            tiling,
            blocks: blocks(isa),
            layouts: Vec::new(),
            shared: program.shared.clone(),
            uniform: Vec::new(),
            phases: Vec::new(),
            native: None,
            uniform_stores: Vec::new(),
            column_folds: Vec::new(),
            total_folds: Vec::new(),
            wide: Vec::new(),
            table: 2 * program.code.len(),
            words: 0,
            partials: 0,
        };
        plan.emit(&mut fused);
        fused.hoist_stores();
        slots::assign(&mut fused);
        if isa == Isa::Avx512 {
            native::attach(&mut fused);
        }
        fused
    }

    /// Lets a result be computed straight into the place it is stored at, where nothing could read that place later.
    fn hoist_stores(&mut self) {
        let registers = self.table / 2;
        for phase in &mut self.phases {
            let loads: Vec<(usize, usize)> = (phase.blocks.iter())
                .filter_map(|s| {
                    if let Action::Load(layout, _) = s.action {
                        Some((s.out, self.layouts[layout].buffer))
                    } else {
                        None
                    }
                })
                .collect();
            for store in 0..phase.blocks.len() {
                let Action::Store(value, layout, Element::Word) = phase.blocks[store].action else { continue };
                let buffer = self.layouts[layout].buffer;
                let Some(made) =
                    phase.blocks.iter().position(|s| s.out == value && value < registers && s.action.is_map())
                else {
                    continue;
                };
                let read_later = phase.blocks[made + 1..]
                    .iter()
                    .any(|step| step.action.operands().any(|o| loads.contains(&(o, buffer))));
                if !read_later {
                    phase.blocks[made].action.aim(layout);
                }
            }
        }
    }
}

impl Action {
    pub(super) fn operands(&self) -> impl Iterator<Item = usize> {
        let list = match *self {
            Action::Splat(_) | Action::Load(..) | Action::Count(..) => [None; 3],
            Action::Map1(_, a, _) | Action::Expand(a) | Action::Store(a, ..) => [Some(a), None, None],
            Action::FoldRow(_, term, _) | Action::FoldColumns(_, term, _) | Action::FoldAll(_, term, _) => match term {
                Term::Value(a) => [Some(a), None, None],
                Term::Product(a, b) => [Some(a), Some(b), None],
            },
            Action::Map2(_, a, b, _) => [Some(a), Some(b), None],
            Action::Map3(_, [a, b, c], _) => [Some(a), Some(b), Some(c)],
        };
        list.into_iter().flatten()
    }

    fn is_map(&self) -> bool {
        matches!(self, Action::Map1(..) | Action::Map2(..) | Action::Map3(..))
    }

    fn aim(&mut self, layout: usize) {
        if let Action::Map1(.., at) | Action::Map2(.., at) | Action::Map3(.., at) = self {
            at.get_or_insert(layout);
        }
    }
}

/// Without reductions over part of the axes, the space is one row.
fn flatten(program: &mut Program) {
    if !program.code.iter().any(|i| matches!(i, Instr::FoldRow(..) | Instr::FoldColumns(..))) {
        let mut axes = std::mem::take(&mut program.outer);
        axes.append(&mut program.inner);
        program.inner = axes;
    }
}

fn suggested(program: &Program) -> Tiling {
    let (rows, columns) = (program.rows(), program.columns());
    // A power of two, which most numbers of workers share evenly.
    let tiles = 1 << (rows * columns / TILE.start()).clamp(1, TILES).ilog2();
    let elements = (rows * columns).div_ceil(tiles).clamp(*TILE.start(), *TILE.end());
    let by_row = program.code.iter().any(|i| matches!(i, Instr::FoldRow(..)));
    let by_column = program.code.iter().any(|i| matches!(i, Instr::FoldColumns(..)));
    let (row_step, column_step) = if by_row {
        // With sums of columns, few tiles: each leaves a partial result for every column.
        let least = if by_column { rows.div_ceil(PARTS) } else { 1 };
        ((elements / columns.max(1)).max(least), columns)
    } else if rows <= 1 {
        (1, elements.next_multiple_of(BLOCK))
    } else if !by_column {
        // Long rows, of which few calls do many.
        let column_step = elements.next_multiple_of(64).min(columns.max(1));
        ((elements / column_step).max(1), column_step)
    } else if rows * columns >= MANY {
        (rows.div_ceil(PARTS / 2), columns.min(WIDE))
    } else {
        // Column sums: tall tiles, so that few need partial results; at least four cache lines wide.
        let column_step = (elements / rows).max(64).next_multiple_of(64).min(columns);
        ((2 * TILE.end() / column_step.max(1)).max(1), column_step)
    };
    // Whole rows to each worker, or whole columns where columns are summed.
    let order = if by_row || !by_column { Order::Across } else { Order::Down };
    Tiling { rows, columns, row_step: row_step.min(rows).max(1), column_step: column_step.max(1), order }
}

struct Planner<'a> {
    program: &'a Program,
    levels: Vec<Level>,
    /// The phase from which a value is available.
    available: Vec<usize>,
    /// The phase in which an instruction is executed.
    phase: Vec<usize>,
    /// The product that a sum, a difference or a reduction computes on the way, and its factors.
    product: Vec<Option<Product>>,
    /// Products that nothing else reads.
    merged: Vec<bool>,
}

/// A product that is not rounded.
#[derive(Clone, Copy)]
struct Product {
    value: Reg,
    factors: [Reg; 2],
}

impl<'a> Planner<'a> {
    fn new(program: &'a Program) -> Self {
        for (index, instr) in program.code.iter().enumerate() {
            assert!(
                instr.operands().all(|r| r < index && program.code[r].has_value()),
                "instruction {index} reads an undefined register"
            );
        }
        let count = program.code.len();
        let (levels, available, phase) = (Vec::new(), Vec::new(), Vec::new());
        Planner { program, levels, available, phase, product: vec![None; count], merged: vec![false; count] }
    }

    fn axes_level(&self, outer: &Axes, inner: &Axes) -> Level {
        match (inner.is_fixed(), outer.is_fixed()) {
            (true, true) => Level::Uniform,
            (true, false) => Level::Row,
            (false, _) => Level::Full,
        }
    }

    fn assign_levels(&mut self) {
        for instr in &self.program.code {
            let operands = instr.operands().map(|r| self.levels[r]).max().unwrap_or(Level::Uniform);
            let level = match instr {
                Instr::Load(access, _) | Instr::Store(_, access, _) => {
                    let layout = Layout::new(access, &self.program.outer, &self.program.inner);
                    let own = self.axes_level(&layout.outer, &layout.inner);
                    let (rows, columns) = (self.program.rows(), self.program.columns());
                    // Along an axis of one element, or of none, there is nothing to lose.
                    let kept = rows * columns == 0
                        || match operands {
                            Level::Uniform => true,
                            Level::Row => rows == 1 || own >= Level::Row,
                            Level::Full => columns == 1 || own == Level::Full,
                        };
                    assert!(kept, "a store broadcasts an axis away that its value depends on");
                    own.max(operands)
                }
                Instr::Iota { strides, .. } => {
                    let (outer, inner) = self.iota_axes(strides);
                    self.axes_level(&outer, &inner)
                }
                Instr::FoldRow(..) => Level::Row,
                Instr::FoldColumns(..) | Instr::FoldAll(..) => Level::Full,
                _ => operands,
            };
            self.levels.push(level);
        }
    }

    fn iota_axes(&self, strides: &[i32]) -> (Axes, Axes) {
        let strides: Vec<isize> = strides.iter().map(|s| *s as isize).collect();
        let (outer, inner) = strides.split_at(self.program.outer.len());
        (Axes::new(&self.program.outer, outer), Axes::new(&self.program.inner, inner))
    }

    fn assign_phases(&mut self) {
        for instr in &self.program.code {
            let phase = instr.operands().map(|r| self.available[r]).max().unwrap_or(0);
            self.phase.push(phase);
            self.available.push(if matches!(instr, Instr::FoldRow(..)) { phase + 1 } else { phase });
        }
        // A store waits until the last phase that still reads its buffer.
        let code = &self.program.code;
        for index in 0..code.len() {
            let Instr::Store(_, access, _) = &code[index] else { continue };
            let reads = |r: Reg| matches!(&code[r], Instr::Load(a, _) if a.buffer == access.buffer);
            let last = (0..code.len()).filter(|&i| code[i].operands().any(reads)).map(|i| self.phase[i]).max();
            // Rows are stored before the blocks of their phase, which may read.
            let wait = last.map_or(0, |phase| phase + usize::from(self.levels[index] == Level::Row));
            self.phase[index] = self.phase[index].max(wait);
        }
    }

    /// Lets sums, differences and reductions compute the products that they alone read: rounded once, in one instruction.
    fn merge_products(&mut self) {
        let code = &self.program.code;
        let mut readers = vec![Vec::new(); code.len()];
        for (index, instr) in code.iter().enumerate() {
            instr.operands().for_each(|r| readers[r].push(index));
        }
        for (value, readers) in readers.iter().enumerate() {
            let factors = match code[value] {
                Instr::Map2(Map2::Mul, a, b) => [a, b],
                Instr::Map1(Map1::Square, a) => [a, a],
                _ => continue,
            };
            self.merged[value] = !readers.is_empty() && readers.iter().all(|reader| self.takes(*reader, value));
            if self.merged[value] {
                readers.iter().for_each(|reader| self.product[*reader] = Some(Product { value, factors }));
            }
        }
    }

    /// Whether an instruction can compute a product that it reads.
    fn takes(&self, reader: usize, product: Reg) -> bool {
        let level = match self.program.code[reader] {
            Instr::Map2(Map2::Add | Map2::Sub, a, b) if a != b => self.levels[reader],
            Instr::FoldRow(Fold::Sum, _) | Instr::FoldColumns(Fold::Sum, ..) | Instr::FoldAll(Fold::Sum, ..) => {
                Level::Full
            }
            _ => return false,
        };
        self.product[reader].is_none() && self.levels[product] == level && self.phase[product] == self.phase[reader]
    }

    /// The registers that an instruction reads: the factors of its product first.
    fn operands(&self, index: usize) -> impl Iterator<Item = Reg> {
        let product = self.product[index];
        let others = self.program.code[index].operands().filter(move |r| product.is_none_or(|p| p.value != *r));
        product.map(|product| product.factors).into_iter().flatten().chain(others)
    }

    /// Writes the steps, phase by phase; loads and expansions come right before their first use in a phase.
    fn emit(&self, fused: &mut Fused) {
        let phases = 1 + self.phase.iter().chain(&self.available).max().copied().unwrap_or(0);
        fused.phases.resize_with(phases, Phase::default);
        for phase in 0..phases {
            let mut present = vec![false; fused.table];
            let mut stores = Vec::new();
            for index in 0..self.program.code.len() {
                let instr = &self.program.code[index];
                let leaf = matches!(instr, Instr::Load(..) | Instr::Iota { .. });
                let elsewhere = self.phase[index] != phase || (leaf && self.levels[index] == Level::Full);
                if elsewhere || self.merged[index] {
                    continue;
                }
                let level = if matches!(instr, Instr::FoldRow(..)) { Level::Full } else { self.levels[index] };
                let mut operands = [0; 3];
                for (operand, r) in operands.iter_mut().zip(self.operands(index)) {
                    *operand = self.operand(fused, phase, level, r, &mut present);
                }
                let Some(action) = self.action(fused, index, operands) else { continue };
                let step = Step { action, out: index, slot: Slot { at: 0, wide: false } };
                match (level, &step.action) {
                    (Level::Uniform, Action::Store(..)) => fused.uniform_stores.push(step),
                    (Level::Uniform, _) => fused.uniform.push(step),
                    (Level::Row, _) => fused.phases[phase].rows.push(step),
                    (Level::Full, Action::Store(..)) => stores.push(step),
                    (Level::Full, _) => fused.phases[phase].blocks.push(step),
                }
            }
            fused.phases[phase].blocks.append(&mut stores);
        }
        self.place_partials(fused);
    }

    /// The table entry of a register for a step at a level, with the steps that make it.
    fn operand(&self, fused: &mut Fused, phase: usize, level: Level, r: Reg, present: &mut [bool]) -> usize {
        if level != Level::Full || self.levels[r] == Level::Uniform {
            return r;
        }
        let instr = &self.program.code[r];
        let (out, action) = match (self.levels[r], instr) {
            (Level::Row, _) => (self.program.code.len() + r, Some(Action::Expand(r))),
            (_, Instr::Load(..) | Instr::Iota { .. }) => (r, None),
            _ => return r,
        };
        if !std::mem::replace(&mut present[out], true) {
            let action = action.or_else(|| self.action(fused, r, [0; 3])).expect("a leaf is an action");
            fused.phases[phase].blocks.push(Step { action, out, slot: Slot { at: 0, wide: false } });
        }
        out
    }

    fn action(&self, fused: &mut Fused, index: usize, operands: [usize; 3]) -> Option<Action> {
        let [a, b, c] = operands;
        let layout = |fused: &mut Fused, access| {
            fused.layouts.push(Layout::new(access, &self.program.outer, &self.program.inner));
            fused.layouts.len() - 1
        };
        Some(match &self.program.code[index] {
            Instr::Const(x) => Action::Splat(x.to_bits()),
            Instr::ConstInt(x) => Action::Splat(x.cast_unsigned()),
            Instr::Load(access, element) => Action::Load(layout(fused, access), *element),
            Instr::Iota { offset, strides } => {
                let (outer, inner) = self.iota_axes(strides);
                Action::Count(*offset, outer, inner)
            }
            Instr::Map1(op, _) => Action::Map1(*op, a, None),
            Instr::Map2(op, first, _) => match (self.product[index], op) {
                (None, _) => Action::Map2(*op, a, b, None),
                (Some(_), Map2::Add) => Action::Map3(Map3::MulAdd, [a, b, c], None),
                (Some(product), _) if product.value == *first => Action::Map3(Map3::MulSub, [a, b, c], None),
                (Some(_), _) => Action::Map3(Map3::NegMulAdd, [a, b, c], None),
            },
            Instr::Map3(op, ..) => Action::Map3(*op, [a, b, c], None),
            Instr::Store(_, access, element) => Action::Store(a, layout(fused, access), *element),
            Instr::FoldRow(fold, _) => Action::FoldRow(*fold, self.term(index, a, b), 0),
            Instr::FoldColumns(fold, _, access, scale) => {
                let layout = layout(fused, access);
                fused.column_folds.push(Outlet { fold: *fold, layout, scale: *scale, sums: 0, partials: None });
                Action::FoldColumns(*fold, self.term(index, a, b), fused.column_folds.len() - 1)
            }
            Instr::FoldAll(fold, _, access, scale) => {
                let layout = layout(fused, access);
                fused.total_folds.push(Outlet { fold: *fold, layout, scale: *scale, sums: 0, partials: None });
                Action::FoldAll(*fold, self.term(index, a, b), fused.total_folds.len() - 1)
            }
        })
    }

    /// What a reduction takes, by the table entries of its operands.
    fn term(&self, index: usize, a: usize, b: usize) -> Term {
        if self.product[index].is_some() { Term::Product(a, b) } else { Term::Value(a) }
    }

    fn place_partials(&self, fused: &mut Fused) {
        let (tiles, row_tiles) = (fused.tiling.tiles(), fused.tiling.row_tiles());
        let mut next = 0;
        let mut place = |words: usize, needed: bool| {
            needed.then(|| {
                next += words;
                next - words
            })
        };
        for outlet in &mut fused.total_folds {
            outlet.partials = place(tiles.next_multiple_of(LANES), tiles > 1);
        }
        for outlet in &mut fused.column_folds {
            outlet.partials = place(row_tiles * fused.columns.next_multiple_of(LANES), row_tiles > 1);
        }
        fused.partials = next;
    }
}

impl Instr {
    /// Whether the instruction defines a value that others can read.
    fn has_value(&self) -> bool {
        !matches!(self, Instr::Store(..) | Instr::FoldColumns(..) | Instr::FoldAll(..))
    }
}
