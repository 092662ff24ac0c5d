//! Rows picked by index and rows added by index.
//!
//! An axis of size `rows` is indexed; what lies in front of it is `outer`, what lies behind is one row of `width` words.
//! Copies with arbitrary strides are fused loops of one load and one store.

use std::ops::Range;

use super::tiling::Tiling;

/// Words that are worth a tile.
const TILE: usize = 1 << 14;
/// Tiles to aim for at most.
const TILES: usize = 64;

/// `[outer, rows, width]` indexed along its middle axis by `count` integers, which gives `[outer, count, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// Elements in front of the indexed axis.
    pub outer: usize,
    /// Size of the indexed axis.
    pub rows: usize,
    /// Words of a row.
    pub width: usize,
    /// Number of indices.
    pub count: usize,
}

impl Gather {
    /// The row that an index means, if it lies on the axis.
    fn row(&self, index: i32) -> Option<usize> {
        usize::try_from(index).ok().filter(|row| *row < self.rows)
    }

    /// Tiles of [`pick`](Self::pick): runs of picked rows.
    pub fn tiles(&self) -> usize {
        (self.outer * self.count * self.width / TILE).clamp(1, TILES)
    }

    /// Copies the picked rows of one tile; an index outside the axis picks zeros.
    ///
    /// # Safety
    /// `x` has `outer * rows * width` words, `indices` has `count`, `y` has `outer * count * width` and overlaps neither;
    /// nobody else touches this tile of it.
    pub unsafe fn pick(&self, tile: usize, x: *const f32, indices: *const i32, y: *mut f32) {
        for part in Tiling::share(self.outer * self.count, tile, self.tiles()) {
            let outer = part / self.count;
            // SAFETY: the caller's promises; a row found lies on the axis.
            unsafe {
                let to = y.add(part * self.width);
                match self.row(indices.add(part % self.count).read()) {
                    Some(row) => x.add((outer * self.rows + row) * self.width).copy_to_nonoverlapping(to, self.width),
                    None => to.write_bytes(0, self.width),
                }
            }
        }
    }

    /// Tiles of [`add`](Self::add): parts of the outer axis, or of the row if there is only one.
    pub fn add_tiles(&self) -> usize {
        let parts = if self.outer > 1 { self.outer } else { self.width / 16 };
        (self.outer * self.count * self.width / TILE).min(parts).clamp(1, TILES)
    }

    /// The transpose of [`pick`](Self::pick): adds the rows of `updates` to the rows of `y` that the indices mean, in the
    /// order of the indices; an index outside the axis adds nothing. A tile covers whole columns, so that no two tiles add to the same word.
    ///
    /// # Safety
    /// As for [`pick`](Self::pick), with `updates` in the place of its result and `y` in the place of its source.
    pub unsafe fn add(&self, tile: usize, updates: *const f32, indices: *const i32, y: *mut f32) {
        let tiles = self.add_tiles();
        let (outer, columns): (Range<usize>, Range<usize>) = if self.outer > 1 {
            (Tiling::share(self.outer, tile, tiles), 0..self.width)
        } else {
            (0..self.outer, Tiling::share(self.width, tile, tiles))
        };
        for outer in outer {
            for place in 0..self.count {
                // SAFETY: the caller's promises; a row found lies on the axis, and the columns lie within it.
                unsafe {
                    let Some(row) = self.row(indices.add(place).read()) else { continue };
                    let from = updates.add((outer * self.count + place) * self.width + columns.start);
                    let to = y.add((outer * self.rows + row) * self.width + columns.start);
                    let from = std::slice::from_raw_parts(from, columns.len());
                    let to = std::slice::from_raw_parts_mut(to, columns.len());
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_and_adds_rows() {
        for (outer, rows, width, count) in
            [(1, 5, 3, 7), (4, 3, 1, 9), (2, 1000, 65, 300), (1, 10, 4096, 33), (3, 2, 4, 0)]
        {
            let gather = Gather { outer, rows, width, count };
            let indices: Vec<i32> = (0..count).map(|i| (i * 7919 % rows) as i32).collect();
            let x: Vec<f32> = (0..outer * rows * width).map(|i| i as f32).collect();
            let mut y = vec![-1.0; outer * count * width];
            for tile in (0..gather.tiles()).rev() {
                // SAFETY: the vectors have the described sizes.
                unsafe { gather.pick(tile, x.as_ptr(), indices.as_ptr(), y.as_mut_ptr()) };
            }
            let mut sums = vec![1.0f32; x.len()];
            for tile in (0..gather.add_tiles()).rev() {
                // SAFETY: as above.
                unsafe { gather.add(tile, y.as_ptr(), indices.as_ptr(), sums.as_mut_ptr()) };
            }
            let mut want = vec![1.0f32; x.len()];
            for o in 0..outer {
                for (place, &index) in indices.iter().enumerate() {
                    for w in 0..width {
                        let from = (o * rows + index as usize) * width + w;
                        assert_eq!(y[(o * count + place) * width + w], x[from]);
                        want[from] += x[from];
                    }
                }
            }
            assert_eq!(sums, want);
        }
    }

    #[test]
    fn indices_outside_read_zeros_and_add_nothing() {
        let gather = Gather { outer: 1, rows: 3, width: 1, count: 4 };
        let (indices, mut y, mut sums) = ([-1, 2, 3, i32::MAX], [9.0; 4], [1.0; 3]);
        // SAFETY: sizes as described.
        unsafe {
            gather.pick(0, [5.0, 6.0, 7.0].as_ptr(), indices.as_ptr(), y.as_mut_ptr());
            gather.add(0, [1.0, 2.0, 4.0, 8.0].as_ptr(), indices.as_ptr(), sums.as_mut_ptr());
        }
        assert_eq!((y, sums), ([0.0, 7.0, 0.0, 0.0], [1.0, 1.0, 3.0]));
    }
}
