//! Where a value's elements lie: a buffer, an offset, and a stride for every axis. Reshaping, transposing, slicing, flipping and
//! broadcasting are new views of the same buffer wherever strides can say so; what needs a copy answers `None`.

use smallvec::SmallVec;

use crate::newtype_index;

newtype_index! {
    /// A buffer of a plan.
    pub struct BufferId;
}

/// Sizes or strides, axis by axis.
pub type Axes<T> = SmallVec<[T; 4]>;

/// A strided window on a buffer. Counts elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// The element at index 0 of every axis.
    pub offset: usize,
    /// Sizes of the axes.
    pub sizes: Axes<usize>,
    /// Elements from one index to the next, axis by axis; 0 where the value is stretched.
    pub strides: Axes<isize>,
}

impl View {
    /// All of a buffer, row-major.
    pub fn contiguous(buffer: BufferId, sizes: &[usize]) -> View {
        View { buffer, offset: 0, sizes: sizes.into(), strides: row_major(sizes) }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }

    /// Whether the elements lie row-major without gaps.
    pub fn is_contiguous(&self) -> bool {
        let packed = row_major(&self.sizes);
        self.len() == 0
            || self.sizes.iter().zip(self.strides.iter().zip(&packed)).all(|(size, (a, b))| *size == 1 || a == b)
    }

    /// With other sizes of the same product, if the elements can stay where they are.
    pub fn reshape(&self, sizes: &[usize]) -> Option<View> {
        if self.len() == 0 || self.is_contiguous() {
            return Some(View { sizes: sizes.into(), strides: row_major(sizes), ..self.clone() });
        }
        let old: Vec<(usize, isize)> =
            self.sizes.iter().copied().zip(self.strides.iter().copied()).filter(|(size, _)| *size != 1).collect();
        let mut strides: Axes<isize> = SmallVec::from_elem(0, sizes.len());
        let (mut from, mut to) = (0, 0);
        while from < old.len() {
            // The smallest runs of old and new axes with equal products.
            let (mut next, mut after) = (from + 1, to);
            let (mut have, mut want) = (old[from].0, 1);
            while have != want {
                if want < have {
                    want *= *sizes.get(after)?;
                    after += 1;
                } else {
                    have *= old.get(next)?.0;
                    next += 1;
                }
            }
            let joined = old[from..next].windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize);
            if !joined {
                return None;
            }
            let mut stride = old[next - 1].1;
            for axis in (to..after).rev() {
                strides[axis] = stride;
                stride *= sizes[axis] as isize;
            }
            (from, to) = (next, after);
        }
        Some(View { sizes: sizes.into(), strides, ..self.clone() })
    }

    /// With the axes in another order: axis `i` of the result is axis `axes[i]` of this one.
    pub fn transpose(&self, axes: &[i64]) -> View {
        let sizes = axes.iter().map(|axis| self.sizes[*axis as usize]).collect();
        let strides = axes.iter().map(|axis| self.strides[*axis as usize]).collect();
        View { sizes, strides, ..self.clone() }
    }

    /// Stretched to `sizes`, aligned at the right.
    pub fn broadcast(&self, sizes: &[usize]) -> View {
        let missing = sizes.len() - self.sizes.len();
        let stride = |axis: usize| match axis.checked_sub(missing) {
            Some(own) if self.sizes[own] == sizes[axis] => self.strides[own],
            _ => 0,
        };
        View { sizes: sizes.into(), strides: (0..sizes.len()).map(stride).collect(), ..self.clone() }
    }

    /// Every `step`-th index from `start`, `sizes` of them, axis by axis.
    pub fn slice(&self, start: &[usize], step: &[i64], sizes: &[usize]) -> View {
        if sizes.contains(&0) {
            return View { sizes: sizes.into(), ..self.clone() };
        }
        let shift: isize = start.iter().zip(&self.strides).map(|(start, stride)| *start as isize * stride).sum();
        let strides = self.strides.iter().zip(step).map(|(stride, step)| stride * *step as isize).collect();
        View { offset: self.offset.strict_add_signed(shift), sizes: sizes.into(), strides, ..self.clone() }
    }

    /// Some axes backwards.
    pub fn flip(&self, axes: &[i64]) -> View {
        let mut view = self.clone();
        for axis in axes.iter().map(|axis| *axis as usize).filter(|axis| self.sizes[*axis] > 0) {
            view.offset = view.offset.strict_add_signed(view.strides[axis] * (self.sizes[axis] as isize - 1));
            view.strides[axis] = -view.strides[axis];
        }
        view
    }

    /// The offset of every element, in row-major order of the indices.
    pub fn offsets(&self) -> impl Iterator<Item = usize> + '_ {
        let mut index: Axes<usize> = SmallVec::from_elem(0, self.sizes.len());
        let mut at = self.offset;
        (0..self.len()).map(move |_| {
            let here = at;
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at = at.wrapping_add_signed(self.strides[axis]);
                if index[axis] < self.sizes[axis] {
                    break;
                }
                at = at.wrapping_add_signed(-(self.strides[axis] * self.sizes[axis] as isize));
                index[axis] = 0;
            }
            here
        })
    }
}

/// The strides of a packed row-major array.
pub fn row_major(sizes: &[usize]) -> Axes<isize> {
    let mut strides: Axes<isize> = SmallVec::from_elem(1, sizes.len());
    for axis in (1..sizes.len()).rev() {
        strides[axis - 1] = strides[axis] * sizes[axis].max(1) as isize;
    }
    strides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Idx;

    fn packed(sizes: &[usize]) -> View {
        View::contiguous(BufferId::new(0), sizes)
    }

    fn offsets(view: &View) -> Vec<usize> {
        view.offsets().collect()
    }

    #[test]
    fn transposing_and_slicing_move_no_element() {
        let view = packed(&[2, 3]).transpose(&[1, 0]);
        assert_eq!(offsets(&view), [0, 3, 1, 4, 2, 5]);
        assert!(!view.is_contiguous());
        let view = packed(&[4, 5]).slice(&[1, 0], &[2, 3], &[2, 2]);
        assert_eq!(offsets(&view), [5, 8, 15, 18]);
        assert_eq!(offsets(&packed(&[3]).flip(&[0])), [2, 1, 0]);
        assert_eq!(offsets(&packed(&[2, 1]).broadcast(&[2, 2, 2])), [0, 0, 1, 1, 0, 0, 1, 1]);
    }

    #[test]
    fn a_reshape_is_a_view_exactly_when_strides_can_say_it() {
        let view = packed(&[2, 3, 4]).transpose(&[0, 2, 1]);
        assert_eq!(view.reshape(&[2, 2, 2, 3]).map(|view| offsets(&view)), Some(offsets(&view)));
        assert_eq!(view.reshape(&[1, 2, 4, 1, 3]).map(|view| offsets(&view)), Some(offsets(&view)));
        assert!(view.reshape(&[2, 12]).is_none());
        assert!(packed(&[3]).broadcast(&[2, 3]).reshape(&[6]).is_none());
        let rows = packed(&[6, 4]).slice(&[0, 0], &[1, 1], &[6, 2]);
        assert_eq!(rows.reshape(&[2, 3, 2]).map(|view| offsets(&view)), Some(offsets(&rows)));
        assert!(rows.reshape(&[12]).is_none());
    }
}
