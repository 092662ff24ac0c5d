//! Primitives that move a window over spatial axes: convolutions and poolings, with the window's geometry.
//!
//! Sizes follow NNabla with `ignore_border = true`: along each axis there are floor((size + 2 pad - window) / stride) + 1 positions,
//! where a kernel of k elements with `dilation` d spans a window of d (k - 1) + 1. Padding has the same width on both sides.

pub mod convolution;
pub mod pooling;

use super::Misfit;
use crate::ir::Attrs;
use crate::tensor::{Dim, Shape};

/// A window's size and movement along each spatial axis.
struct Window {
    kernel: Vec<Dim>,
    stride: Vec<i64>,
    pad: Vec<i64>,
    dilation: Vec<i64>,
}

impl Window {
    /// The window of these attributes; no attribute `dilation` means none.
    ///
    /// # Errors
    /// [`Misfit::Attribute`] unless there is one sensible entry per spatial axis.
    fn new(kernel: Vec<Dim>, attrs: &Attrs) -> Result<Window, Misfit> {
        let axes = kernel.len();
        let ints = |name: &'static str, least: i64| {
            let values = attrs.get_ints(name).to_vec();
            let message = if values.len() != axes {
                format!("has {} entries for {axes} spatial axes", values.len())
            } else if let Some(value) = values.iter().find(|value| **value < least) {
                format!("is {value}; the least is {least}")
            } else {
                return Ok(values);
            };
            Err(Misfit::Attribute { name, message })
        };
        let dilation = if attrs.get("dilation").is_some() { ints("dilation", 1)? } else { vec![1; axes] };
        if let Some(size) = kernel.iter().filter_map(Dim::constant).find(|size| *size < 1) {
            return Err(Misfit::Attribute { name: "kernel", message: format!("is {size}; the least is 1") });
        }
        Ok(Window { kernel, stride: ints("stride", 1)?, pad: ints("pad", 0)?, dilation })
    }

    /// The number of positions along each of `sizes`, the spatial axes of `argument` from `first` on.
    ///
    /// # Errors
    /// [`Misfit::Spatial`] where there is none.
    fn positions(&self, sizes: &[Dim], argument: usize, first: usize) -> Result<Shape, Misfit> {
        let along = |(axis, size): (usize, &Dim)| {
            let window = (self.kernel[axis].clone() - Dim::new(1)) * Dim::new(self.dilation[axis]) + Dim::new(1);
            let padded = size.clone() + Dim::new(2 * self.pad[axis]);
            let positions = (padded.clone() - window.clone()).floor_div(Dim::new(self.stride[axis])) + Dim::new(1);
            match (positions.constant(), window.constant()) {
                (Some(..1), Some(window)) => {
                    Err(Misfit::Spatial { argument, axis: first + axis, size: padded, window })
                }
                _ => Ok(positions),
            }
        };
        sizes.iter().enumerate().map(along).collect()
    }

    /// Calls `visit` with every position, element of the kernel, and place that this element covers in the data, each counted in
    /// row-major order over the spatial axes; elements that lie in the padding are left out.
    fn each_tap(&self, data: &[usize], positions: &[usize], mut visit: impl FnMut(usize, usize, usize)) {
        let kernel: Vec<usize> =
            self.kernel.iter().map(|size| size.constant().expect("a known kernel size") as usize).collect();
        for (position, at) in ndarray::indices(positions).into_iter().enumerate() {
            for (element, tap) in ndarray::indices(&kernel[..]).into_iter().enumerate() {
                let place = data.iter().enumerate().try_fold(0, |place, (axis, size)| {
                    let (stride, dilation) = (self.stride[axis] as usize, self.dilation[axis] as usize);
                    let own = (at[axis] * stride + tap[axis] * dilation).checked_sub(self.pad[axis] as usize)?;
                    (own < *size).then_some(place * size + own)
                });
                if let Some(place) = place {
                    visit(position, element, place);
                }
            }
        }
    }
}
