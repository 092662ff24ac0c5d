//! Where elements lie, in a normal form: axes of extent 1 are gone, axes that
//! continue each other are one, and there are none where every index leads to the same place.

use super::program::Access;

/// Axes of one half of the space (outer or inner), outermost first, as pairs of extent and stride.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axes(Vec<(usize, isize)>);

impl Axes {
    pub(super) fn new(extents: &[usize], strides: &[isize]) -> Self {
        assert_eq!(extents.len(), strides.len(), "an access has one stride for each axis");
        let mut axes: Vec<(usize, isize)> = Vec::new();
        for (&extent, &stride) in extents.iter().zip(strides).filter(|(extent, _)| **extent != 1) {
            match axes.last_mut() {
                Some(last) if last.1 == stride * extent as isize => *last = (last.0 * extent, stride),
                _ => axes.push((extent, stride)),
            }
        }
        if axes.iter().all(|(_, stride)| *stride == 0) {
            axes.clear();
        }
        Axes(axes)
    }

    /// Whether every index leads to the same place.
    pub(super) fn is_fixed(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether consecutive indices are `step` apart.
    pub(super) fn is_linear(&self, step: isize) -> bool {
        matches!(self.0[..], [(_, stride)] if stride == step)
    }

    /// The stride between consecutive indices, but for the ends of inner axes.
    pub(super) fn step(&self) -> isize {
        self.0.last().map_or(0, |(_, stride)| *stride)
    }

    /// How many consecutive indices share that stride, if not all do.
    pub(super) fn part(&self) -> Option<usize> {
        self.0.last().filter(|_| self.0.len() > 1).map(|(extent, _)| *extent)
    }

    /// How far the element of a flat index is from the first.
    pub(super) fn offset(&self, index: usize) -> isize {
        let mut rest = index;
        let mut offset = 0;
        for (position, &(extent, stride)) in self.0.iter().enumerate().rev() {
            // The outermost axis takes what is left, so that the common single axis needs no division.
            let along = if position == 0 { rest } else { rest % extent };
            offset += along as isize * stride;
            if position > 0 {
                rest /= extent;
            }
        }
        offset
    }

    /// From a flat index: the stride to the next elements and how many follow at that stride, this one included.
    pub(super) fn run(&self, index: usize) -> (isize, usize) {
        match self.0[..] {
            [] => (0, usize::MAX),
            [(extent, stride)] => (stride, extent - index),
            [.., (extent, stride)] => (stride, extent - index % extent),
        }
    }

    /// Splits `count` consecutive indices into runs and passes each one's offset, stride and length.
    pub(super) fn for_each_run(&self, start: usize, count: usize, mut visit: impl FnMut(isize, isize, usize)) {
        let mut index = start;
        while index < start + count {
            let (stride, length) = self.run(index);
            let length = length.min(start + count - index);
            visit(self.offset(index), stride, length);
            index += length;
        }
    }
}

/// A normalised access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub buffer: usize,
    pub offset: usize,
    pub outer: Axes,
    pub inner: Axes,
    /// Whether whole rows follow each other without gaps.
    pub dense: bool,
}

impl Layout {
    pub(super) fn new(access: &Access, outer: &[usize], inner: &[usize]) -> Self {
        let (outer_strides, inner_strides) = access.strides.split_at(outer.len());
        let (rows, columns) = (Axes::new(outer, outer_strides), Axes::new(inner, inner_strides));
        let width: usize = inner.iter().product();
        let dense = columns.is_linear(1) && rows.is_linear(width as isize);
        Layout { buffer: access.buffer, offset: access.offset, outer: rows, inner: columns, dense }
    }

    /// Offset of the first element of a row.
    pub(super) fn row(&self, row: usize) -> isize {
        self.offset as isize + self.outer.offset(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_continue_each_other_merge() {
        assert_eq!(Axes::new(&[2, 3, 4], &[12, 4, 1]), Axes(vec![(24, 1)]));
        assert_eq!(Axes::new(&[2, 1, 4], &[4, 99, 1]), Axes(vec![(8, 1)]));
        assert_eq!(Axes::new(&[2, 3], &[0, 0]), Axes(vec![]));
        assert_eq!(Axes::new(&[2, 3], &[1, 2]), Axes(vec![(2, 1), (3, 2)]));
    }

    #[test]
    fn runs_visit_every_element_in_order() {
        let (extents, strides) = ([3usize, 4, 5], [7isize, 0, 2]);
        let axes = Axes::new(&extents, &strides);
        let want: Vec<isize> = (0..60).map(|i| (i / 20) * 7 + i % 5 * 2).collect();
        for start in 0..60 {
            let mut seen = Vec::new();
            axes.for_each_run(start, 60 - start, |offset, stride, count| {
                seen.extend((0..count as isize).map(|i| offset + i * stride));
            });
            assert_eq!(seen, want[start..]);
        }
    }
}
