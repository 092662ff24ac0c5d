//! Memory for kernels: zeroed 32-bit words that start on a cache line. Who owns which part of it is the plan's business.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of alignment: one cache line, one AVX-512 register.
pub const ALIGNMENT: usize = 64;

/// Zeroed `f32` storage aligned to [`ALIGNMENT`] bytes, readable up to the end of its last cache line.
pub struct AlignedBuf {
    start: NonNull<f32>,
    len: usize,
}

// SAFETY: the buffer owns plain words; it is as sendable as `Vec<f32>`.
unsafe impl Send for AlignedBuf {}
// SAFETY: shared access hands out `&[f32]` only.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// Allocates `len` zeros. The allocation is rounded up to whole cache lines.
    pub fn zeroed(len: usize) -> Self {
        let layout = Self::layout(len);
        // SAFETY: the layout is never empty.
        let start = unsafe { alloc_zeroed(layout) }.cast::<f32>();
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        AlignedBuf { start, len }
    }

    /// A copy of `values` that starts on a cache line.
    pub fn from_slice(values: &[f32]) -> Self {
        let mut buffer = Self::zeroed(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// The first word, for kernels that share the buffer between workers.
    pub fn as_mut_ptr(&mut self) -> *mut f32 {
        self.start.as_ptr()
    }

    /// Makes room for at least `len` words, losing the contents if it has to grow.
    pub fn ensure(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeroed(len);
        }
    }

    fn layout(len: usize) -> Layout {
        let bytes = (len.max(1) * size_of::<f32>()).next_multiple_of(ALIGNMENT);
        Layout::from_size_align(bytes, ALIGNMENT).expect("a buffer's size fits the address space")
    }
}

impl Deref for AlignedBuf {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `start` points to `len` initialised words that live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        // SAFETY: allocated in `zeroed` with this very layout.
        unsafe { dealloc(self.start.as_ptr().cast(), Self::layout(self.len)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_start_on_a_cache_line_and_hold_zeros() {
        for len in [0, 1, 15, 16, 17, 1000] {
            let buffer = AlignedBuf::zeroed(len);
            assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|x| *x == 0.0));
        }
    }
}
