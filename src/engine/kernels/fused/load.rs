//! Moving elements between strided buffers and packed blocks.

use super::layout::{Axes, Layout};
use super::program::Element;

/// A rectangle of the space: `rows` rows from `row`, `columns` columns from `column`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub row: usize,
    pub rows: usize,
    pub column: usize,
    pub columns: usize,
}

impl Rect {
    /// Elements in the rectangle.
    pub(super) fn count(&self) -> usize {
        self.rows * self.columns
    }
}

/// Where the rectangle lies in memory as consecutive words, if it does.
pub(super) fn direct(layout: &Layout, rect: &Rect, width: usize) -> Option<isize> {
    if rect.rows == 1 {
        let (stride, length) = layout.inner.run(rect.column);
        let together = stride == 1 && length >= rect.columns;
        together.then(|| layout.row(rect.row) + layout.inner.offset(rect.column))
    } else {
        (layout.dense && rect.columns == width).then(|| layout.row(rect.row))
    }
}

/// Copies a rectangle into packed lanes.
///
/// # Safety
/// The layout addresses readable elements of `buffer` for the whole rectangle; `out` has room for it.
pub(super) unsafe fn gather(layout: &Layout, element: Element, buffer: *const f32, rect: &Rect, out: *mut f32) {
    for row in 0..rect.rows {
        let base = layout.row(rect.row + row);
        // SAFETY: rows are packed one after another.
        let mut to = unsafe { out.add(row * rect.columns) };
        layout.inner.for_each_run(rect.column, rect.columns, |offset, stride, count| {
            // SAFETY: by the contract every element of the run is readable, and `to` stays in the row.
            unsafe {
                match element {
                    Element::Word => read_words(buffer.offset(base + offset), stride, count, to),
                    Element::Byte => read_bytes(buffer.cast::<u8>().offset(base + offset), stride, count, to),
                }
                to = to.add(count);
            }
        });
    }
}

/// # Safety
/// `count` words, `stride` apart, are readable at `from`; `to` has room for them.
unsafe fn read_words(from: *const f32, stride: isize, count: usize, to: *mut f32) {
    // SAFETY: by the contract.
    unsafe {
        match stride {
            1 => from.copy_to_nonoverlapping(to, count),
            0 => std::slice::from_raw_parts_mut(to, count).fill(from.read()),
            _ => (0..count).for_each(|i| to.add(i).write(from.offset(i as isize * stride).read())),
        }
    }
}

/// # Safety
/// `count` bytes, `stride` apart, are readable at `from`; `to` has room for as many words.
unsafe fn read_bytes(from: *const u8, stride: isize, count: usize, to: *mut f32) {
    for i in 0..count {
        // SAFETY: by the contract.
        unsafe { to.add(i).write(if from.offset(i as isize * stride).read() != 0 { 1.0 } else { 0.0 }) };
    }
}

/// Copies packed lanes out to a rectangle; the counterpart of [`gather`]. A `step` of 0 repeats the first lane.
///
/// # Safety
/// The layout addresses writable elements of `buffer` for the whole rectangle; `from` holds it.
pub(super) unsafe fn scatter(
    layout: &Layout,
    element: Element,
    buffer: *mut f32,
    rect: &Rect,
    from: *const f32,
    step: usize,
) {
    let mut lane = 0;
    for row in 0..rect.rows {
        let base = layout.row(rect.row + row);
        layout.inner.for_each_run(rect.column, rect.columns, |offset, stride, count| {
            // SAFETY: by the contract every element of the run is writable, and lanes stay in the block.
            unsafe {
                let from = from.add(lane * step);
                match element {
                    Element::Word if stride == 1 && step == 1 => {
                        from.copy_to_nonoverlapping(buffer.offset(base + offset), count);
                    }
                    Element::Word => {
                        let to = buffer.offset(base + offset);
                        (0..count).for_each(|i| to.offset(i as isize * stride).write(from.add(i * step).read()));
                    }
                    Element::Byte => {
                        let to = buffer.cast::<u8>().offset(base + offset);
                        for i in 0..count {
                            to.offset(i as isize * stride).write(u8::from(from.add(i * step).read() != 0.0));
                        }
                    }
                }
            }
            lane += count;
        });
    }
}

/// Integers that grow along the axes, as lanes' bits, for a rectangle.
///
/// # Safety
/// `out` has room for the rectangle.
pub(super) unsafe fn count_up(start: i32, outer: &Axes, inner: &Axes, rect: &Rect, out: *mut f32) {
    let mut to = out;
    for row in 0..rect.rows {
        let base = start as isize + outer.offset(rect.row + row);
        inner.for_each_run(rect.column, rect.columns, |offset, stride, count| {
            for i in 0..count as isize {
                // SAFETY: at most as many words as the rectangle has elements.
                unsafe {
                    to.write(f32::from_bits(((base + offset + i * stride) as i32).cast_unsigned()));
                    to = to.add(1);
                }
            }
        });
    }
}
