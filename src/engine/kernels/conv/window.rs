//! A window that moves over up to three spatial axes.

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
}
