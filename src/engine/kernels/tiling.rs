//! How work is cut: a grid of rectangles over rows and columns, chosen from shapes alone, so that results do not
//! depend on how many threads share the tiles.

use std::ops::Range;

/// A grid of tiles over `rows` by `columns`; the last tile of each direction may be smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiling {
    /// Extent of the first direction.
    pub rows: usize,
    /// Extent of the second direction.
    pub columns: usize,
    /// Rows of a tile.
    pub row_step: usize,
    /// Columns of a tile.
    pub column_step: usize,
    /// Which way tiles count.
    pub order: Order,
}

/// Which tile follows a tile. Workers take consecutive tiles, so this decides what of a matrix stays with one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one to the right, then the next row of tiles.
    Across,
    /// The one below, then the next column of tiles.
    Down,
}

impl Tiling {
    /// One tile for everything.
    pub fn whole(rows: usize, columns: usize) -> Self {
        Tiling { rows, columns, row_step: rows.max(1), column_step: columns.max(1), order: Order::Across }
    }

    /// Number of tiles; an empty space has one (empty) tile, so that reductions over nothing still write their result.
    pub fn tiles(&self) -> usize {
        self.row_tiles() * self.column_tiles()
    }

    /// Tiles from top to bottom.
    pub fn row_tiles(&self) -> usize {
        self.rows.div_ceil(self.row_step).max(1)
    }

    /// Tiles from left to right.
    pub fn column_tiles(&self) -> usize {
        self.columns.div_ceil(self.column_step).max(1)
    }

    /// The row and column of tiles that a tile stands in.
    pub fn place(&self, tile: usize) -> (usize, usize) {
        match self.order {
            Order::Across => (tile / self.column_tiles(), tile % self.column_tiles()),
            Order::Down => (tile % self.row_tiles(), tile / self.row_tiles()),
        }
    }

    /// Rows and columns of a tile.
    pub fn rect(&self, tile: usize) -> (Range<usize>, Range<usize>) {
        let (row, column) = self.place(tile);
        let cut =
            |index: usize, step: usize, extent: usize| (index * step).min(extent)..((index + 1) * step).min(extent);
        (cut(row, self.row_step, self.rows), cut(column, self.column_step, self.columns))
    }

    /// The first of consecutive tiles that form a rectangle together: how many, and the rectangle's rows and columns.
    pub fn rectangle(&self, tiles: Range<usize>) -> (usize, Range<usize>, Range<usize>) {
        let line = match self.order {
            Order::Across => self.column_tiles(),
            Order::Down => self.row_tiles(),
        };
        let whole = if tiles.start.is_multiple_of(line) { tiles.len() / line * line } else { 0 };
        let count = if whole > 0 { whole } else { tiles.len().min(line - tiles.start % line) };
        let ((top, left), (bottom, right)) = (self.rect(tiles.start), self.rect(tiles.start + count.max(1) - 1));
        (count, top.start..bottom.end, left.start..right.end)
    }

    /// Where the first element of the whole space would stand if `tile` lay at `start`, its rows next to each other.
    pub fn origin(&self, tile: usize, start: *mut f32) -> *mut f32 {
        let (rows, columns) = self.rect(tile);
        start.wrapping_sub(rows.start * self.column_step + columns.start)
    }

    /// The consecutive tiles that worker `worker` of `workers` takes, about as many elements as the others. Where the
    /// cuts fall depends on the whole space more than on the tiles, so that tilings of one space give each worker the
    /// same part of it.
    pub fn part(&self, worker: usize, workers: usize) -> Range<usize> {
        self.cut(worker, workers)..self.cut(worker + 1, workers)
    }

    /// The first tile that is not among the first `worker` of `workers` parts of the elements.
    fn cut(&self, worker: usize, workers: usize) -> usize {
        if worker == workers {
            return self.tiles();
        }
        // Along: the direction in which lines of tiles follow each other. Across: the direction within a line.
        let (along, step, across, across_step, line) = match self.order {
            Order::Across => (self.rows, self.row_step, self.columns, self.column_step, self.column_tiles()),
            Order::Down => (self.columns, self.column_step, self.rows, self.row_step, self.row_tiles()),
        };
        let elements = along * across * worker / workers;
        let first = elements / (step * across).max(1);
        let width = step.min(along - (first * step).min(along));
        let rest = elements.saturating_sub(first * step * across);
        let tile = (width * across_step).max(1);
        (first * line + ((rest + tile / 2) / tile).min(line)).min(self.tiles())
    }

    /// The consecutive pieces out of `tiles` that worker `worker` of `workers` takes; the same in every step keep its cache warm.
    pub fn share(tiles: usize, worker: usize, workers: usize) -> Range<usize> {
        tiles * worker / workers..tiles * (worker + 1) / workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_space_once() {
        for tiling in tilings() {
            let mut seen = vec![0; tiling.rows * tiling.columns];
            for tile in 0..tiling.tiles() {
                let (r, c) = tiling.rect(tile);
                for row in r {
                    c.clone().for_each(|column| seen[row * tiling.columns + column] += 1);
                }
            }
            assert!(seen.iter().all(|n| *n == 1));
        }
    }

    fn tilings() -> impl Iterator<Item = Tiling> {
        let sizes = [(64, 784, 64, 112), (256, 784, 48, 128), (5, 7, 2, 3), (1, 1, 8, 8), (3, 0, 2, 2), (0, 3, 1, 2)];
        sizes.into_iter().flat_map(|(rows, columns, row_step, column_step)| {
            [Order::Across, Order::Down].map(|order| Tiling { rows, columns, row_step, column_step, order })
        })
    }

    #[test]
    fn rectangles_cover_consecutive_tiles_once() {
        for tiling in tilings() {
            let mut tiles = 1.min(tiling.tiles() - 1)..tiling.tiles();
            let mut seen = vec![0; tiling.rows * tiling.columns];
            let mut see = |(rows, columns): (Range<usize>, Range<usize>), by: i32| {
                for row in rows {
                    columns.clone().for_each(|column| seen[row * tiling.columns + column] += by);
                }
            };
            tiles.clone().for_each(|tile| see(tiling.rect(tile), -1));
            while !tiles.is_empty() {
                let (count, rows, columns) = tiling.rectangle(tiles.clone());
                see((rows, columns), 1);
                tiles.start += count;
            }
            assert!(seen.iter().all(|n| *n == 0), "{tiling:?}");
        }
    }

    #[test]
    fn parts_are_complete_and_even() {
        for tiling in tilings() {
            for workers in 1..9 {
                let parts: Vec<_> = (0..workers).map(|worker| tiling.part(worker, workers)).collect();
                assert_eq!((parts[0].start, parts[workers - 1].end), (0, tiling.tiles()));
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{tiling:?}: {parts:?}");
                let elements = |tile| {
                    let (rows, columns) = tiling.rect(tile);
                    rows.len() * columns.len()
                };
                for part in parts {
                    let own: usize = part.map(elements).sum();
                    let tile = tiling.row_step * tiling.column_step;
                    let even = tiling.rows * tiling.columns / workers;
                    assert!(own <= even + tile + 1 && own + tile + 1 >= even, "{tiling:?}: {own} of {even}");
                }
            }
        }
    }

    #[test]
    fn a_worker_keeps_its_columns_from_one_tiling_to_another() {
        let space = Tiling { rows: 64, columns: 784, row_step: 64, column_step: 64, order: Order::Down };
        let flat = Tiling { rows: 256, row_step: 48, column_step: 128, ..space };
        let first_column = |tiling: Tiling| tiling.rect(tiling.part(1, 2).start).1.start;
        assert_eq!((first_column(space), first_column(flat)), (384, 384));
    }

    #[test]
    fn shares_are_consecutive_and_complete() {
        for workers in 1..9 {
            let ends: Vec<_> = (0..workers).map(|w| Tiling::share(13, w, workers)).collect();
            assert_eq!((ends[0].start, ends[workers - 1].end), (0, 13));
            assert!(ends.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
    }
}
