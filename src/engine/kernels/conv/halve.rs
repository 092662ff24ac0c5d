//! The largest of two by two elements, in vector code: what nearly every max pooling is.
//!
//! Which element wins cannot be foreseen, so nothing jumps: the places of the winners are lanes like the values.

#[cfg(target_arch = "aarch64")]
use super::super::simd::Neon;
#[cfg(target_arch = "x86_64")]
use super::super::simd::{Avx2, Avx512};
use super::super::simd::{Isa, LANES, Portable, Simd};

/// The sizes of a map: its width, and the rows and columns of its half.
#[derive(Clone, Copy)]
pub(super) struct Halves {
    pub width: usize,
    pub high: usize,
    pub wide: usize,
}

/// Values, and the place of each in its window: 0 and 1 above, 2 and 3 below.
struct Best<S: Simd> {
    value: S::F,
    place: S::F,
}

impl<S: Simd> Best<S> {
    /// The larger of the two; of equals the first; a NaN is larger than all numbers.
    ///
    /// # Safety
    /// The instruction set exists.
    #[inline(always)]
    unsafe fn or(self, next: Self) -> Self {
        // SAFETY: the caller's promise.
        unsafe {
            let larger = S::lt(self.value, next.value);
            let (number, first_number) = (S::eq(next.value, next.value), S::eq(self.value, self.value));
            let place = S::select(larger, next.place, self.place);
            let value = S::select(larger, next.value, self.value);
            Best {
                value: S::select(number, value, next.value),
                place: S::select(number, place, S::select(first_number, next.place, self.place)),
            }
        }
    }
}

/// The larger of neighbours in a row of up to sixteen windows, whose places are `first` and the next.
///
/// # Safety
/// `2 * lanes` elements are readable; the instruction set exists.
#[inline(always)]
unsafe fn row<S: Simd>(x: *const f32, first: f32, lanes: usize) -> Best<S> {
    // SAFETY: the caller's promises.
    unsafe {
        let zero = S::splat(0.0);
        let low = S::load_first(x, LANES.min(2 * lanes), zero);
        let high = S::load_first(x.wrapping_add(LANES), (2 * lanes).saturating_sub(LANES), zero);
        let (even, odd) = S::unzip(low, high);
        let left = Best::<S> { value: even, place: S::splat(first) };
        left.or(Best { value: odd, place: S::splat(first + 1.0) })
    }
}

/// The best of up to sixteen windows, the first at `x`.
///
/// # Safety
/// Two rows of `2 * lanes` elements, `width` apart, are readable; the instruction set exists.
#[inline(always)]
unsafe fn best<S: Simd>(x: *const f32, width: usize, lanes: usize) -> Best<S> {
    // SAFETY: the caller's promises.
    unsafe { row::<S>(x, 0.0, lanes).or(row::<S>(x.add(width), 2.0, lanes)) }
}

/// What goes to two places of each window: `dy` where they are the best, else 0.
///
/// # Safety
/// `2 * lanes` elements are writable; the instruction set exists.
#[inline(always)]
unsafe fn put<S: Simd>(best: &Best<S>, dy: S::F, first: f32, lanes: usize, to: *mut f32) {
    // SAFETY: the caller's promises.
    unsafe {
        let zero = S::splat(0.0);
        let even = S::select(S::eq(best.place, S::splat(first)), dy, zero);
        let odd = S::select(S::eq(best.place, S::splat(first + 1.0)), dy, zero);
        let (low, high) = S::zip(even, odd);
        S::store_first(to, LANES.min(2 * lanes), low);
        S::store_first(to.wrapping_add(LANES), (2 * lanes).saturating_sub(LANES), high);
    }
}

/// # Safety
/// `x` has the map's elements and `y` those of its half; the instruction set exists.
#[inline(always)]
unsafe fn max<S: Simd>(sizes: Halves, x: *const f32, y: *mut f32) {
    for row in 0..sizes.high {
        for first in (0..sizes.wide).step_by(LANES) {
            let lanes = LANES.min(sizes.wide - first);
            // SAFETY: the caller's promises.
            unsafe {
                let best = best::<S>(x.add(2 * row * sizes.width + 2 * first), sizes.width, lanes);
                S::store_first(y.add(row * sizes.wide + first), lanes, best.value);
            }
        }
    }
}

/// # Safety
/// As for [`max`], with `dx` like `x` and `dy` like `y`.
#[inline(always)]
unsafe fn gradient<S: Simd>(sizes: Halves, x: *const f32, dy: *const f32, dx: *mut f32) {
    for row in 0..sizes.high {
        for first in (0..sizes.wide).step_by(LANES) {
            let lanes = LANES.min(sizes.wide - first);
            let at = 2 * row * sizes.width + 2 * first;
            // SAFETY: the caller's promises.
            unsafe {
                let best = best::<S>(x.add(at), sizes.width, lanes);
                let dy = S::load_first(dy.add(row * sizes.wide + first), lanes, S::splat(0.0));
                put(&best, dy, 0.0, lanes, dx.add(at));
                put(&best, dy, 2.0, lanes, dx.add(at + sizes.width));
            }
        }
    }
}

/// The functions of an instruction set: [`max`], and [`gradient`], which leaves what no window covers as it is.
#[derive(Clone, Copy)]
pub(super) struct Halve {
    pub max: unsafe fn(Halves, *const f32, *mut f32),
    pub gradient: unsafe fn(Halves, *const f32, *const f32, *mut f32),
}

/// Declares the functions for an instruction set.
macro_rules! instantiate {
    ($module:ident, $S:ty $(, $features:literal)?) => {
        mod $module {
            use super::*;

            pub(super) const ALL: Halve = Halve { max: halve, gradient: spread };

            $(#[target_feature(enable = $features)])?
            unsafe fn halve(sizes: Halves, x: *const f32, y: *mut f32) {
                // SAFETY: as for the caller.
                unsafe { max::<$S>(sizes, x, y) }
            }
            $(#[target_feature(enable = $features)])?
            unsafe fn spread(sizes: Halves, x: *const f32, dy: *const f32, dx: *mut f32) {
                // SAFETY: as for the caller.
                unsafe { gradient::<$S>(sizes, x, dy, dx) }
            }
        }
    };
}

instantiate!(portable, Portable);
#[cfg(target_arch = "x86_64")]
instantiate!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
instantiate!(avx512, Avx512, "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma");
#[cfg(target_arch = "aarch64")]
instantiate!(neon, Neon, "neon");

/// The functions of an instruction set.
pub(super) fn halve(isa: Isa) -> &'static Halve {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => &avx2::ALL,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => &avx512::ALL,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => &neon::ALL,
        _ => &portable::ALL,
    }
}
