//! What runs along one axis: totals so far, orders, places of extremes. Sums are kept in double precision and rounded once each.

use super::fused::Scratch;
use super::tiling::Tiling;

/// What is done with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOp {
    /// Each element becomes the sum of those up to it.
    Sums,
    /// Each element becomes the product of those up to it.
    Products,
    /// Ascending order, NaN last.
    Sort,
    /// The places of the elements in ascending order, equal ones in their own, NaN last.
    Order,
    /// The place of the first NaN, else of the first largest element.
    Largest,
    /// The place of the first NaN, else of the first smallest element.
    Smallest,
    /// Whether one of the bytes is not 0.
    Any,
    /// Whether none of the bytes is 0.
    All,
}

/// What a row's elements are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowElement {
    /// 32-bit floats.
    Float,
    /// 32-bit integers.
    Int,
    /// Truth values.
    Byte,
}

/// `[outer, length, inner]`, an operation along its middle axis. Places are 32-bit integers; what is not along the axis any more gives
/// `[outer, inner]`.
#[derive(Clone, Copy, Debug)]
pub struct Along {
    /// What is done.
    pub op: RowOp,
    /// The elements; floats for totals and orders, bytes for truth.
    pub element: RowElement,
    /// Elements in front of the axis.
    pub outer: usize,
    /// Size of the axis.
    pub length: usize,
    /// Elements behind the axis.
    pub inner: usize,
}

/// Elements that are worth a tile, and the most tiles.
const TILE: usize = 1 << 12;
const TILES: usize = 64;

impl Along {
    /// Number of tiles, fixed by the shape alone.
    pub fn tiles(&self) -> usize {
        let rows = self.outer * self.inner;
        (rows * self.length / TILE).min(rows).clamp(1, TILES)
    }

    /// Does the rows of one tile.
    ///
    /// # Safety
    /// `x` and `out` have the elements of their shapes and do not overlap; nobody else touches this tile's rows of `out`.
    pub unsafe fn run(&self, tile: usize, x: *const u8, out: *mut u8, scratch: &mut Scratch) {
        for row in Tiling::share(self.outer * self.inner, tile, self.tiles()) {
            let first = row / self.inner * self.length * self.inner + row % self.inner;
            let place = |index: usize| first + index * self.inner;
            let (floats, words, bytes) = (out.cast::<f32>(), out.cast::<i32>(), x);
            // SAFETY: the row's elements, by the caller's promises.
            let number = |index: usize| unsafe {
                match self.element {
                    RowElement::Float => f64::from(x.cast::<f32>().add(place(index)).read()),
                    RowElement::Int => f64::from(x.cast::<i32>().add(place(index)).read()),
                    RowElement::Byte => f64::from(x.add(place(index)).read()),
                }
            };
            // SAFETY: as above; results go to the row's own places.
            unsafe {
                match self.op {
                    RowOp::Sums => self.total(number, |a, b| a + b, |at, x| floats.add(place(at)).write(x)),
                    RowOp::Products => self.total(number, |a, b| a * b, |at, x| floats.add(place(at)).write(x)),
                    RowOp::Sort => {
                        let order = self.order(number, scratch);
                        let each = order.iter().enumerate();
                        each.for_each(|(at, from)| floats.add(place(at)).write(number(*from as usize) as f32));
                    }
                    RowOp::Order => {
                        let order = self.order(number, scratch);
                        let each = order.iter().enumerate();
                        each.for_each(|(at, from)| words.add(place(at)).write(*from as i32));
                    }
                    RowOp::Largest => words.add(row).write(self.first(number, |x, best| x > best)),
                    RowOp::Smallest => words.add(row).write(self.first(number, |x, best| x < best)),
                    RowOp::Any => out.add(row).write(u8::from((0..self.length).any(|at| *bytes.add(place(at)) != 0))),
                    RowOp::All => out.add(row).write(u8::from((0..self.length).all(|at| *bytes.add(place(at)) != 0))),
                }
            }
        }
    }

    fn total(&self, x: impl Fn(usize) -> f64, join: impl Fn(f64, f64) -> f64, write: impl Fn(usize, f32)) {
        let mut total = None;
        for at in 0..self.length {
            let next = total.map_or(x(at), |total| join(total, x(at)));
            write(at, next as f32);
            total = Some(next);
        }
    }

    fn first(&self, x: impl Fn(usize) -> f64, better: impl Fn(f64, f64) -> bool) -> i32 {
        let mut best = 0;
        for at in 0..self.length {
            if x(at).is_nan() {
                return at as i32;
            }
            best = if better(x(at), x(best)) { at } else { best };
        }
        best as i32
    }

    fn order<'a>(&self, x: impl Fn(usize) -> f64, scratch: &'a mut Scratch) -> &'a [u32] {
        // SAFETY: words of scratch memory, as many as the row has elements.
        let order = unsafe { std::slice::from_raw_parts_mut(scratch.words(self.length).cast::<u32>(), self.length) };
        order.iter_mut().zip(0..).for_each(|(to, place)| *to = place);
        order.sort_unstable_by(|a, b| {
            let (left, right) = (x(*a as usize), x(*b as usize));
            let numbers = left.partial_cmp(&right).unwrap_or(left.is_nan().cmp(&right.is_nan()));
            numbers.then(a.cmp(b))
        });
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(op: RowOp, [outer, length, inner]: [usize; 3], x: &[f32], results: usize) -> Vec<u32> {
        let along = Along { op, element: RowElement::Float, outer, length, inner };
        let mut out = vec![9; results];
        // SAFETY: the vectors have the sizes of their shapes.
        (0..along.tiles()).for_each(|tile| unsafe {
            along.run(tile, x.as_ptr().cast(), out.as_mut_ptr().cast(), &mut Scratch::new());
        });
        out
    }

    #[test]
    fn rows_along_a_middle_axis() {
        // Columns 1 5 3 and 4 2 2.
        let x = [1.0, 4.0, 5.0, 2.0, 3.0, 2.0];
        let floats = |op| run(op, [1, 3, 2], &x, 6).into_iter().map(f32::from_bits).collect::<Vec<_>>();
        assert_eq!(floats(RowOp::Sums), [1.0, 4.0, 6.0, 6.0, 9.0, 8.0]);
        assert_eq!(floats(RowOp::Products), [1.0, 4.0, 5.0, 8.0, 15.0, 16.0]);
        assert_eq!(floats(RowOp::Sort), [1.0, 2.0, 3.0, 2.0, 5.0, 4.0]);
        assert_eq!(run(RowOp::Order, [1, 3, 2], &x, 6), [0, 1, 2, 2, 1, 0]);
        assert_eq!(run(RowOp::Largest, [1, 3, 2], &x, 2), [1, 0]);
        assert_eq!(run(RowOp::Smallest, [1, 3, 2], &x, 2), [0, 1]);
    }

    #[test]
    fn nan_is_last_in_order_and_first_among_extremes() {
        let x = [f32::NAN, 2.0, f32::INFINITY, f32::NAN, -1.0, 2.0];
        assert_eq!(run(RowOp::Order, [1, 6, 1], &x, 6), [4, 1, 5, 2, 0, 3]);
        assert_eq!(run(RowOp::Largest, [2, 3, 1], &x, 2), [0, 0]);
        assert_eq!(run(RowOp::Smallest, [1, 5, 1], &x[1..], 1), [2]);
    }

    #[test]
    fn many_rows_are_cut_alike() {
        let x: Vec<f32> = (0..40_000).map(|i| (i * 7919 % 1009) as f32).collect();
        let largest = run(RowOp::Largest, [200, 10, 20], &x, 4000);
        for (row, place) in largest.iter().enumerate() {
            let at = |index: usize| x[row / 20 * 200 + index * 20 + row % 20];
            assert!((0..10).all(|index| at(index) <= at(*place as usize)));
        }
    }
}
