//! Poolings: the largest element or the sum of each window, and their gradients. Padding never wins and adds nothing.

use std::ops::Range;

use super::super::simd::Isa;
use super::super::tiling::Tiling;
use super::Window;
use super::halve::{Halves, halve};

/// A pooling of `maps` maps, each `[size..]` without gaps; the result has `[positions..]` for each.
#[derive(Clone, Copy, Debug)]
pub struct Pooling {
    maps: usize,
    window: Window,
    isa: Isa,
}

/// Tiles that a pooling is cut into at most.
const TILES: usize = 64;

impl Pooling {
    /// Describes a pooling; maps of all samples count.
    pub fn new(maps: usize, window: Window) -> Self {
        Pooling { maps, window, isa: Isa::detect() }
    }

    /// The same pooling on another instruction set, for comparisons.
    ///
    /// # Panics
    /// If this processor does not have it.
    pub fn on(self, isa: Isa) -> Self {
        assert!(Isa::available().contains(&isa), "{isa:?} is not available here");
        Pooling { isa, ..self }
    }

    /// Number of tiles, fixed by the shape alone.
    pub fn tiles(&self) -> usize {
        self.maps.clamp(1, TILES)
    }

    fn share(&self, tile: usize) -> Range<usize> {
        Tiling::share(self.maps, tile, self.tiles())
    }

    /// Calls `visit` with every position's number and the places of its window's elements, map by map.
    fn each_window(&self, mut visit: impl FnMut(usize, &mut dyn Iterator<Item = usize>)) {
        let w = &self.window;
        let along = |axis: usize, position: usize| -> (usize, usize, usize) {
            // First place, number of elements and step, of the part of the window within the data.
            let start = position * w.stride[axis];
            let skip = w.pad[axis].saturating_sub(start).div_ceil(w.dilation[axis]);
            let room = (w.size[axis] + w.pad[axis]).saturating_sub(start).div_ceil(w.dilation[axis]);
            let end = room.min(w.kernel[axis]);
            ((start + skip * w.dilation[axis]).wrapping_sub(w.pad[axis]), end.saturating_sub(skip), w.dilation[axis])
        };
        let mut number = 0;
        for d in 0..w.positions[0] {
            let (z0, zs, zd) = along(0, d);
            for h in 0..w.positions[1] {
                let (y0, ys, yd) = along(1, h);
                for x in 0..w.positions[2] {
                    let (x0, xs, xd) = along(2, x);
                    let lines = (0..zs).flat_map(|z| (0..ys).map(move |y| (z0 + z * zd) * w.size[1] + y0 + y * yd));
                    visit(number, &mut lines.flat_map(|line| (0..xs).map(move |x| line * w.size[2] + x0 + x * xd)));
                    number += 1;
                }
            }
        }
    }

    /// The sizes where windows are two by two, side by side, over an image without padding: the usual case.
    fn halving(&self) -> Option<Halves> {
        let w = &self.window;
        let halves = w.kernel == [1, 2, 2] && w.stride == [1, 2, 2] && w.pad == [0; 3] && w.dilation == [1; 3];
        let lines = w.size[0] == 1;
        (halves && lines).then(|| Halves { width: w.size[2], high: w.positions[1], wide: w.positions[2] })
    }

    /// Places of the first largest element of each window, a NaN being larger than all, with each position's number.
    fn winners(&self, x: &[f32], mut visit: impl FnMut(usize, usize)) {
        let beats = |x: f32, best: f32| (x > best) | (x.is_nan() & !best.is_nan());
        self.each_window(|number, places| {
            let first = places.next().expect("no window lies in padding alone");
            visit(number, places.fold(first, |best, place| if beats(x[place], x[best]) { place } else { best }));
        });
    }

    /// A map of the data and one of the result.
    ///
    /// # Safety
    /// Both have the elements of all maps.
    unsafe fn maps<'a>(&self, map: usize, data: *const f32, result: *const f32) -> (&'a [f32], &'a [f32]) {
        let (volume, places) = (self.window.volume(), self.window.places());
        // SAFETY: the caller's promise.
        unsafe {
            (
                std::slice::from_raw_parts(data.add(map * volume), volume),
                std::slice::from_raw_parts(result.add(map * places), places),
            )
        }
    }

    /// # Safety
    /// `data` has `length` elements a map, and nobody else touches this one.
    unsafe fn out<'a>(map: usize, data: *mut f32, length: usize) -> &'a mut [f32] {
        // SAFETY: the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(data.add(map * length), length) }
    }

    /// The largest element of each window.
    ///
    /// # Safety
    /// `x` and `y` have the elements of their shapes, do not overlap, and nobody else touches this tile of `y`.
    pub unsafe fn max(&self, tile: usize, x: *const f32, y: *mut f32) {
        for map in self.share(tile) {
            // SAFETY: the caller's promises.
            let (x, y) = unsafe { (self.maps(map, x, y).0, Self::out(map, y, self.window.places())) };
            match self.halving() {
                // SAFETY: an image and its halves, on an instruction set that there is.
                Some(sizes) => unsafe { (halve(self.isa).max)(sizes, x.as_ptr(), y.as_mut_ptr()) },
                None => self.winners(x, |number, place| y[number] = x[place]),
            }
        }
    }

    /// The gradient of [`max`](Self::max): each window's goes to its first largest element.
    ///
    /// # Safety
    /// As for [`max`](Self::max), with `dx` the one that is written.
    pub unsafe fn max_gradient(&self, tile: usize, x: *const f32, dy: *const f32, dx: *mut f32) {
        for map in self.share(tile) {
            // SAFETY: the caller's promises.
            let ((x, dy), dx) = unsafe { (self.maps(map, x, dy), Self::out(map, dx, self.window.volume())) };
            let halves = self.halving();
            if halves.is_none_or(|sizes| 2 * sizes.wide != sizes.width || 2 * sizes.high != self.window.size[1]) {
                dx.fill(0.0);
            }
            match halves {
                // SAFETY: an image and its halves, on an instruction set that there is.
                Some(sizes) => unsafe { (halve(self.isa).gradient)(sizes, x.as_ptr(), dy.as_ptr(), dx.as_mut_ptr()) },
                None => self.winners(x, |number, place| dx[place] += dy[number]),
            }
        }
    }

    /// What `v` holds at the place of the largest element of each window of `x`.
    ///
    /// # Safety
    /// As for [`max`](Self::max), with `v` of the shape of `x`.
    pub unsafe fn pick(&self, tile: usize, x: *const f32, v: *const f32, y: *mut f32) {
        for map in self.share(tile) {
            // SAFETY: the caller's promises.
            let (x, v) = unsafe { (self.maps(map, x, y).0, self.maps(map, v, y).0) };
            // SAFETY: as above.
            let y = unsafe { Self::out(map, y, self.window.places()) };
            self.winners(x, |number, place| y[number] = v[place]);
        }
    }

    /// The sum of each window.
    ///
    /// # Safety
    /// As for [`max`](Self::max).
    pub unsafe fn sum(&self, tile: usize, x: *const f32, y: *mut f32) {
        for map in self.share(tile) {
            // SAFETY: the caller's promises.
            let (x, y) = unsafe { (self.maps(map, x, y).0, Self::out(map, y, self.window.places())) };
            self.each_window(|number, places| y[number] = places.map(|place| x[place]).sum());
        }
    }

    /// The gradient of [`sum`](Self::sum): each window's goes to all its elements.
    ///
    /// # Safety
    /// As for [`max`](Self::max), with `dx` the one that is written.
    pub unsafe fn sum_gradient(&self, tile: usize, dy: *const f32, dx: *mut f32) {
        for map in self.share(tile) {
            // SAFETY: the caller's promises.
            let (dy, dx) = unsafe { (self.maps(map, dx, dy).1, Self::out(map, dx, self.window.volume())) };
            dx.fill(0.0);
            self.each_window(|number, places| places.for_each(|place| dx[place] += dy[number]));
        }
    }
}
