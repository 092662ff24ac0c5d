//! Copies: a strided view made contiguous, or written into a part of another buffer.

use super::memory::Memory;
use super::step::Work;
use super::view::View;
use crate::engine::kernels::Scratch;

/// Copies a view's elements to another view of equal sizes.
pub(super) struct Copy {
    /// From where.
    pub from: View,
    /// To where; no element twice.
    pub to: View,
    /// Bytes of an element: 4 or 1.
    pub bytes: usize,
}

impl Work for Copy {
    fn tiles(&self) -> usize {
        1
    }

    unsafe fn run(&self, _: usize, memory: &Memory, _: &mut Scratch) {
        let (from, to) = (memory.pointer(self.from.buffer), memory.pointer(self.to.buffer));
        if self.from.is_contiguous() && self.to.is_contiguous() {
            // SAFETY: both views lie within their buffers, which differ.
            unsafe {
                let (from, to) = (from.add(self.from.offset * self.bytes), to.add(self.to.offset * self.bytes));
                std::ptr::copy_nonoverlapping(from, to, self.from.len() * self.bytes);
            }
            return;
        }
        for (source, target) in self.from.offsets().zip(self.to.offsets()) {
            // SAFETY: as above, element by element.
            unsafe {
                std::ptr::copy_nonoverlapping(from.add(source * self.bytes), to.add(target * self.bytes), self.bytes);
            }
        }
    }
}
