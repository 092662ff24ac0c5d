//! A window that moves over up to three spatial axes, and the two ways to spell its contents out as a matrix.

/// Sizes and movement along three axes; fewer are padded in front with axes of one element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Size of the data.
    pub size: [usize; 3],
    /// Size of the kernel.
    pub kernel: [usize; 3],
    /// Step of the window.
    pub stride: [usize; 3],
    /// Zeros on either side.
    pub pad: [usize; 3],
    /// Distance between neighbouring elements of the kernel.
    pub dilation: [usize; 3],
    /// Number of places that the window takes.
    pub positions: [usize; 3],
}

impl Window {
    /// A window over the last one to three axes: data sizes, kernel, stride, padding, dilation.
    ///
    /// # Panics
    /// If the lists differ in length, are longer than three, or the window does not fit the padded data.
    pub fn new(size: &[usize], kernel: &[usize], stride: &[usize], pad: &[usize], dilation: &[usize]) -> Self {
        let fill = |values: &[usize], rest: usize| -> [usize; 3] {
            assert!(values.len() == size.len() && size.len() <= 3, "one entry for each of at most three axes");
            let mut all = [rest; 3];
            all[3 - values.len()..].copy_from_slice(values);
            all
        };
        let (size_, kernel, stride) = (fill(size, 1), fill(kernel, 1), fill(stride, 1));
        let (pad, dilation) = (fill(pad, 0), fill(dilation, 1));
        let positions = std::array::from_fn(|axis| {
            let room = (size_[axis] + 2 * pad[axis]).checked_sub(dilation[axis] * (kernel[axis] - 1) + 1);
            room.expect("the window fits the padded data") / stride[axis] + 1
        });
        Window { size: size_, kernel, stride, pad, dilation, positions }
    }

    /// Elements of one map of the data.
    pub fn volume(&self) -> usize {
        self.size.iter().product()
    }

    /// Elements of the kernel.
    pub fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// Number of positions.
    pub fn places(&self) -> usize {
        self.positions.iter().product()
    }

    /// The positions along an axis at which element `tap` of the kernel lies within the data.
    fn within(&self, axis: usize, tap: usize) -> std::ops::Range<usize> {
        let (shift, stride) = (tap * self.dilation[axis], self.stride[axis]);
        let start = self.pad[axis].saturating_sub(shift).div_ceil(stride);
        let end = (self.size[axis] + self.pad[axis]).saturating_sub(shift).div_ceil(stride);
        let end = end.min(self.positions[axis]);
        start.min(end)..end
    }

    /// Where element `tap` of the kernel lies at `position`, which must be [`within`](Self::within).
    fn place(&self, axis: usize, position: usize, tap: usize) -> usize {
        position * self.stride[axis] + tap * self.dilation[axis] - self.pad[axis]
    }

    /// For every element of the kernel and every line of positions: the element's number, the first position's number,
    /// the positions of the line that lie within the data, and the place of the first of these.
    fn each_line(&self, mut visit: impl FnMut(usize, usize, std::ops::Range<usize>, usize)) {
        let [_, height, width] = self.size;
        for tap in 0..self.taps() {
            let (z, y, x) = self.tap(tap);
            let (deep, high, wide) = (self.within(0, z), self.within(1, y), self.within(2, x));
            for d in 0..self.positions[0] {
                for h in 0..self.positions[1] {
                    let first = (d * self.positions[1] + h) * self.positions[2];
                    if !deep.contains(&d) || !high.contains(&h) || wide.is_empty() {
                        visit(tap, first, 0..0, 0);
                        continue;
                    }
                    let line = (self.place(0, d, z) * height + self.place(1, h, y)) * width;
                    visit(tap, first, wide.clone(), line + self.place(2, wide.start, x));
                }
            }
        }
    }

    fn tap(&self, tap: usize) -> (usize, usize, usize) {
        let [_, height, width] = self.kernel;
        (tap / (height * width), tap / width % height, tap % width)
    }

    /// Spells a map out: one row for each element of the kernel, one column for each position, padding as zeros.
    pub(super) fn unfold(&self, map: &[f32], rows: &mut [f32]) {
        let (places, length, stride) = (self.places(), self.positions[2], self.stride[2]);
        self.each_line(|tap, first, within, place| {
            let line = &mut rows[tap * places + first..][..length];
            line[..within.start].fill(0.0);
            line[within.end..].fill(0.0);
            let line = &mut line[within.clone()];
            if stride == 1 {
                line.copy_from_slice(&map[place..place + line.len()]);
            } else {
                line.iter_mut()
                    .zip(map[place.min(map.len())..].iter().step_by(stride))
                    .for_each(|(to, from)| *to = *from);
            }
        });
    }

    /// Adds rows as [`unfold`](Self::unfold) makes them back to the places they came from.
    pub(super) fn fold(&self, rows: &[f32], map: &mut [f32]) {
        let (places, stride) = (self.places(), self.stride[2]);
        self.each_line(|tap, first, within, place| {
            let line = &rows[tap * places + first..][within];
            if stride == 1 {
                map[place..place + line.len()].iter_mut().zip(line).for_each(|(to, from)| *to += from);
            } else {
                let start = place.min(map.len());
                map[start..].iter_mut().step_by(stride).zip(line).for_each(|(to, from)| *to += from);
            }
        });
    }

    /// Spells a map out the other way: one row for each position, `width` apart, with the kernel's elements side by side.
    pub(super) fn patches(&self, map: &[f32], rows: &mut [f32], width: usize) {
        // Outside the data the difference wraps around and is larger than any size.
        let place = |axis: usize, position: usize, tap: usize| {
            let place = (position * self.stride[axis] + tap * self.dilation[axis]).wrapping_sub(self.pad[axis]);
            (place < self.size[axis]).then_some(place)
        };
        let ([deep, high, wide], run) = (self.positions, self.kernel[2]);
        for line in 0..deep * high {
            let (d, h) = (line / high, line % high);
            for group in 0..self.kernel[0] * self.kernel[1] {
                let (z, y) = (group / self.kernel[1], group % self.kernel[1]);
                let start = (place(0, d, z).zip(place(1, h, y))).map(|(z, y)| (z * self.size[1] + y) * self.size[2]);
                for w in 0..wide {
                    let to = &mut rows[(line * wide + w) * width + group * run..][..run];
                    let Some(start) = start else {
                        to.fill(0.0);
                        continue;
                    };
                    for (x, to) in to.iter_mut().enumerate() {
                        *to = place(2, w, x).map_or(0.0, |along| map[start + along]);
                    }
                }
            }
        }
    }
}
