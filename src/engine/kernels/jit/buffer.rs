//! Memory that holds machine code: written once, then executable and no longer writable, unmapped when dropped.

use std::ptr::NonNull;

/// Executable code that starts with a function.
pub(in super::super) struct Code {
    start: NonNull<libc::c_void>,
    len: usize,
}

// SAFETY: the code is never written again.
unsafe impl Send for Code {}
// SAFETY: as above.
unsafe impl Sync for Code {}

impl Code {
    /// Copies instructions to where they can be executed; `None` where the system does not allow that.
    pub(super) fn new(bytes: &[u8]) -> Option<Code> {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping anywhere.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes.len(), protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        let code = Code { start: NonNull::new(start)?, len: bytes.len() };
        // SAFETY: the mapping is ours, writable and long enough; afterwards nobody writes.
        let sealed = unsafe {
            start.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            libc::mprotect(start, bytes.len(), libc::PROT_READ | libc::PROT_EXEC)
        };
        (sealed == 0).then_some(code)
    }

    /// Runs the loop: addresses of the streams and then of the accumulators, scalars, constants, room for spilled values
    /// (on a cache line), and the number of lanes. A loop over rows finds more in the first table, and changes both tables.
    ///
    /// # Safety
    /// The tables are as long as the graph has streams, accumulators and scalars, the constants are those that belong
    /// to the code, the room is as large as it asks for, and every stream holds `count` elements.
    pub(in super::super) unsafe fn run(
        &self,
        streams: *mut *mut f32,
        scalars: *mut f32,
        constants: *const f32,
        room: *mut f32,
        count: usize,
    ) {
        type Entry = unsafe extern "sysv64" fn(*mut *mut f32, *mut f32, *const f32, *mut f32, usize);
        // SAFETY: the mapping starts with a function of this type; the rest are the caller's promises.
        unsafe {
            let entry: Entry = std::mem::transmute(self.start.as_ptr());
            entry(streams, scalars, constants, room, count);
        }
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and nobody can call it any more.
        unsafe { libc::munmap(self.start.as_ptr(), self.len) };
    }
}
