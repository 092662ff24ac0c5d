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
}

impl Tiling {
    /// One tile for everything.
    pub fn whole(rows: usize, columns: usize) -> Self {
        Tiling { rows, columns, row_step: rows.max(1), column_step: columns.max(1) }
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

    /// Rows and columns of a tile; tiles count from left to right, then down.
    pub fn rect(&self, tile: usize) -> (Range<usize>, Range<usize>) {
        let (row, column) = (tile / self.column_tiles(), tile % self.column_tiles());
        let cut =
            |index: usize, step: usize, extent: usize| (index * step).min(extent)..((index + 1) * step).min(extent);
        (cut(row, self.row_step, self.rows), cut(column, self.column_step, self.columns))
    }

    /// The consecutive tiles that worker `worker` of `workers` takes; the same tiles in every step keep its cache warm.
    pub fn share(tiles: usize, worker: usize, workers: usize) -> Range<usize> {
        tiles * worker / workers..tiles * (worker + 1) / workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_the_space_once() {
        for (rows, columns, row_step, column_step) in [(64, 784, 64, 112), (5, 7, 2, 3), (1, 1, 8, 8), (3, 0, 2, 2)] {
            let tiling = Tiling { rows, columns, row_step, column_step };
            let mut seen = vec![0; rows * columns];
            for tile in 0..tiling.tiles() {
                let (r, c) = tiling.rect(tile);
                for row in r {
                    c.clone().for_each(|column| seen[row * columns + column] += 1);
                }
            }
            assert!(seen.iter().all(|n| *n == 1));
        }
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
