//! Products of matrices, in batches, with any strides.
//!
//! [`Gemm`] knows shapes and strides; [`micro`] holds the register blocks. What follows a product (a bias, an
//! activation, an optimizer's step) is a fused loop nest compiled with the product's own [`Tiling`], run on each tile
//! right after it while its result is in cache.

mod micro;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::fused::Scratch;
use super::simd::{Isa, LANES};
use super::tiling::{Order, Tiling};
pub(super) use micro::View;
use micro::{Blocks, ROWS, Target, blocks};

/// Columns of a tile: four cache lines, the widest register block.
const PANEL: usize = 64;
/// The longest stretch of k whose panel is packed at once: 256 KiB.
const DEPTH: usize = 1024;
/// From this many rows on, a panel that lies in memory row by row is still worth copying together.
const PACK_ROWS: usize = 24;

/// Strides of an operand in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matrix {
    /// From one matrix of the batch to the next; 0 shares one.
    pub batch: isize,
    /// From row to row.
    pub row: isize,
    /// From column to column.
    pub column: isize,
}

impl Matrix {
    /// A batch of row-major matrices without gaps.
    pub fn dense(rows: usize, columns: usize) -> Self {
        Matrix { batch: (rows * columns) as isize, row: columns as isize, column: 1 }
    }

    /// The same memory with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Matrix { row: self.column, column: self.row, ..self }
    }
}

/// C = A B, or C += A B, for `batch` matrices A of `m` by `k`, B of `k` by `n`, C of `m` by `n`.
#[derive(Clone, Debug)]
pub struct Gemm {
    m: usize,
    k: usize,
    a: Matrix,
    b: Matrix,
    c: Matrix,
    /// Where the matrices of A and B start, when no stride can say it.
    starts: Option<Arc<[[isize; 2]]>>,
    accumulate: bool,
    tiling: Tiling,
    isa: Isa,
}

impl Gemm {
    /// Describes the product of `[batch, m, n, k]`.
    pub fn new([batch, m, n, k]: [usize; 4], a: Matrix, b: Matrix, c: Matrix) -> Self {
        let tiling = tiling(batch, m, n, k);
        Gemm { m, k, a, b, c, starts: None, accumulate: false, tiling, isa: Isa::detect() }
    }

    /// The matrices of A and B start at these offsets instead of one stride apart.
    ///
    /// # Panics
    /// If there is not one pair for each matrix of the batch.
    pub fn starting_at(self, starts: Vec<[isize; 2]>) -> Self {
        assert_eq!(starts.len() * self.m, self.tiling.rows, "a start for each matrix of the batch");
        Gemm { starts: Some(starts.into()), ..self }
    }

    /// Adds to C instead of overwriting it.
    pub fn accumulating(self) -> Self {
        Gemm { accumulate: true, ..self }
    }

    /// The rows of C stand no further apart than a tile is wide: each tile is written to a place of its own, the address of C being that
    /// of the first element less where the tile begins.
    pub fn into_tiles(self) -> Self {
        let row = self.tiling.column_step as isize;
        Gemm { c: Matrix { batch: self.m as isize * row, row, column: 1 }, ..self }
    }

    /// The same product on another instruction set, for comparisons.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn on(self, isa: Isa) -> Self {
        assert!(Isa::available().contains(&isa), "{isa:?} is not available here");
        Gemm { isa, ..self }
    }

    /// How the work is cut: rows are those of all matrices of the batch, one below the other.
    pub fn tiling(&self) -> Tiling {
        self.tiling
    }

    /// Number of tiles, fixed by the shape alone.
    pub fn tiles(&self) -> usize {
        self.tiling.tiles()
    }

    /// Number of multiply-adds of the whole product.
    pub fn multiply_adds(&self) -> usize {
        self.tiling.rows * self.tiling.columns * self.k
    }

    /// Number of elements of the three operands, those of all matrices of the batch.
    pub fn words(&self) -> usize {
        let batch = self.tiling.rows / self.m.max(1);
        self.tiling.rows * (self.k + self.tiling.columns) + batch * self.k * self.tiling.columns
    }

    /// Whether tiles below each other share what is packed of B.
    fn keeps_panels(&self) -> bool {
        let below = self.tiling.order == Order::Down || self.tiling.column_tiles() == 1;
        below && self.m == self.tiling.rows && self.tiling.row_tiles() > 1 && self.k <= DEPTH
    }

    /// Words for a block, and one panel or all of a tile.
    fn panels_len(&self, columns: usize) -> usize {
        let wide = if self.keeps_panels() { columns.next_multiple_of(LANES) } else { PANEL };
        ROWS * PANEL + DEPTH.min(self.k) * wide
    }

    /// Computes one tile of C. Different tiles may be computed at the same time.
    ///
    /// # Safety
    /// The strides address valid elements of all three operands; nobody else touches this tile of C or writes A and B,
    /// and C overlaps neither.
    pub unsafe fn run_tile(&self, tile: usize, a: *const f32, b: *const f32, c: *mut f32, scratch: &mut Scratch) {
        let (rows, columns) = self.tiling.rect(tile);
        let len = self.panels_len(columns.len());
        let mut row = rows.start;
        while row < rows.end && !columns.is_empty() {
            let matrix = row / self.m;
            let end = rows.end.min((matrix + 1) * self.m);
            let view = |at: *mut f32, start: isize, m: Matrix| View {
                at: at.wrapping_offset(start),
                row: m.row,
                column: m.column,
            };
            let along = |m: Matrix| matrix as isize * m.batch;
            let [a_start, b_start] = match &self.starts {
                Some(starts) => starts[matrix],
                None => [along(self.a), along(self.b)],
            };
            let (a, b) = (view(a.cast_mut(), a_start, self.a), view(b.cast_mut(), b_start, self.b));
            let c = view(c, along(self.c), self.c);
            let (top, height) = (row - matrix * self.m, end - row);
            let (a, b, c) = (a.from(top, 0), b.from(0, columns.start), c.from(top, columns.start));
            let held = self.keeps_panels() && scratch.holds_panels((b, len));
            let words = scratch.panels(len);
            let call = Call { add: self.accumulate, panels: words, keep: self.keeps_panels(), held };
            // SAFETY: the caller's promises for this matrix of the batch; the panels have as much room as they need.
            unsafe { multiply(self.isa, [height, columns.len(), self.k], a, b, c, &call) };
            if self.keeps_panels() {
                scratch.hold_panels((b, len));
            }
            row = end;
        }
    }
}

/// How to multiply, and where panels are packed.
struct Call {
    /// Whether C's elements are the first summands.
    add: bool,
    /// Room for a block, then for one panel, or for all panels if they are kept.
    panels: *mut f32,
    /// Whether all panels are kept for the next call.
    keep: bool,
    /// Whether the last call kept the very panels that this one needs.
    held: bool,
}

/// C = A B or C += A B for A of `m` by `k` and B of `k` by `n`, panel by panel, on one thread.
///
/// # Safety
/// The views address valid elements, C overlaps neither A nor B, nobody else touches C or writes A and B; there is room
/// for the panels; panels are kept only of one depth; the instruction set exists.
unsafe fn multiply(isa: Isa, [m, n, k]: [usize; 3], a: View, b: View, c: View, call: &Call) {
    let Blocks { block, packing_block, width, .. } = blocks(isa);
    let aside = View { at: call.panels, row: PANEL as isize, column: 1 };
    // SAFETY: the panels stand behind the block.
    let panels = unsafe { call.panels.add(ROWS * PANEL) };
    let mut depth = 0;
    // An empty sum still writes zeros.
    loop {
        let deep = DEPTH.min(k - depth);
        for column in (0..n).step_by(width) {
            let columns = width.min(n - column);
            let source = b.from(depth, column);
            let to = panels.wrapping_add(if call.keep { column * k } else { 0 });
            let packed = View { at: to, row: columns.next_multiple_of(LANES) as isize, column: 1 };
            let on_the_way = source.column == 1 && c.column == 1 && m >= ROWS;
            let mut panel = match () {
                _ if call.held => packed,
                _ if source.column == 1 && m <= PACK_ROWS && !call.keep => source,
                _ if on_the_way => source,
                _ => {
                    // SAFETY: the caller's promises.
                    unsafe { pack(isa, source, deep, columns, packed) };
                    packed
                }
            };
            for row in (0..m).step_by(ROWS) {
                let height = ROWS.min(m - row);
                let target = Target { c: c.from(row, column), add: call.add || depth > 0, columns };
                // SAFETY: the caller's promises; `aside` has room for a block.
                unsafe {
                    if c.column != 1 {
                        block_aside(isa, [height, deep], a.from(row, depth), panel, target, aside);
                    } else if row == 0 && on_the_way && !call.held && (m > PACK_ROWS || call.keep) {
                        packing_block(deep, a.from(row, depth), panel, target, to);
                        panel = packed;
                    } else {
                        block(height, deep, a.from(row, depth), panel, target);
                    }
                }
            }
        }
        depth += deep;
        if depth == k {
            return;
        }
    }
}

/// A block whose columns are not consecutive in C: computed beside it and copied.
///
/// # Safety
/// As for [`multiply`]; `aside` holds a block.
unsafe fn block_aside(isa: Isa, [height, deep]: [usize; 2], a: View, b: View, target: Target, aside: View) {
    let each = |visit: &dyn Fn(*mut f32, *mut f32)| {
        for row in 0..height {
            (0..target.columns).for_each(|column| visit(target.c.from(row, column).at, aside.from(row, column).at));
        }
    };
    // SAFETY: the caller's promises; `aside` is scratch.
    unsafe {
        if target.add {
            each(&|there, here| here.write(there.read()));
        }
        (blocks(isa).block)(height, deep, a, b, Target { c: aside, ..target });
    }
    // SAFETY: as above.
    each(&|there, here| unsafe { there.write(here.read()) });
}

/// Copies `deep` rows of `count` columns together to `to`, whose rows are whole vectors.
///
/// # Safety
/// B holds that many readable elements, and `to` has room for `deep` rows.
unsafe fn pack(isa: Isa, b: View, deep: usize, count: usize, to: View) {
    let (words, stride) = (to.at, to.row.cast_unsigned());
    // SAFETY: the caller's promises; `stride` is at most `PANEL`.
    unsafe {
        if b.column == 1 {
            for p in 0..deep {
                let to = words.add(p * stride);
                b.from(p, 0).at.copy_to_nonoverlapping(to, count);
            }
        } else {
            // Sixteen columns at a time, so that both sides stay within a few pages.
            for first in (0..count).step_by(LANES) {
                let lanes = LANES.min(count - first);
                let column = b.from(0, first);
                let mut done = 0;
                if b.row == 1 && lanes == LANES {
                    done = deep - deep % LANES;
                    for p in (0..done).step_by(LANES) {
                        (blocks(isa).turn)(column.from(p, 0).at, b.column, words.add(p * stride + first), stride);
                    }
                }
                for p in done..deep {
                    let (from, to) = (column.at.wrapping_offset(p as isize * b.row), words.add(p * stride + first));
                    (0..lanes).for_each(|x| to.add(x).write(from.wrapping_offset(x as isize * b.column).read()));
                }
            }
        }
    }
}

/// Tiles of whole panels; more than one row of tiles only where there are few panels and much to do in each. A worker takes whole
/// columns of one matrix. Where a sum is short, what follows the product takes longer than the product: tiles are some whole rows then,
/// which a loop nest passes in the order in which they lie in memory, few enough to be in cache still.
fn tiling(batch: usize, m: usize, n: usize, k: usize) -> Tiling {
    /// Tiles to aim for, the fewest rows that pay for packing a panel, and multiply-adds that are worth a tile.
    const TILES: usize = 16;
    const TALL: usize = 96;
    const WORK: usize = 1 << 18;
    /// The longest sum and the fewest rows and columns that make flat tiles; the elements of one, its most rows and columns.
    const SHORT: usize = 256;
    const WIDE: [usize; 2] = [96, 128];
    const FLAT: usize = 1 << 14;
    const FLAT_MOST: [usize; 2] = [48, 1024];

    if batch == 1 && k <= SHORT && m >= WIDE[0] && n >= WIDE[1] {
        let column_step = n.min(FLAT_MOST[1]);
        let row_step = even_rows(m, (FLAT / column_step).clamp(ROWS, FLAT_MOST[0]));
        return Tiling { rows: m, columns: n, row_step, column_step, order: Order::Across };
    }
    let column_step = PANEL.min(n).max(1);
    let panels = n.div_ceil(PANEL).max(1);
    let row_step = if batch == 1 {
        let parts = TILES.div_ceil(panels).min(m / TALL).max(1);
        m.div_ceil(parts).next_multiple_of(ROWS)
    } else {
        // Whole matrices, several of them if they are small.
        m * (WORK / (m * n * k).max(1)).max(1)
    };
    let order = if batch == 1 { Order::Down } else { Order::Across };
    Tiling { rows: batch * m, columns: n, row_step: row_step.max(1), column_step, order }
}

/// Rows of tiles that divide `m` rows evenly between two workers, and so well into register blocks: at most `most`, and more than half
/// of it.
fn even_rows(m: usize, most: usize) -> usize {
    /// A block with fewer rows takes as long as one with these: it waits for B.
    const SLIM: usize = 3;

    let time = |rows: usize| rows / ROWS * ROWS + if rows.is_multiple_of(ROWS) { 0 } else { SLIM.max(rows % ROWS) };
    let times = |rows: usize, step: usize| rows / step * time(step) + time(rows % step);
    // The longer of the two parts, cut between tiles as close to the middle as may be.
    let slowest = |step: usize| {
        let upper = ((m / 2 + step / 2) / step * step).min(m);
        times(upper, step).max(times(m - upper, step))
    };
    (most / 2 + 1..=most).rev().min_by_key(|step| slowest(*step)).unwrap_or(most)
}
