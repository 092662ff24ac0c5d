//! Processors that this process may use, and how a thread stays on one. Everything here is best effort: where the
//! system says no, or is not Linux, threads simply run where the scheduler puts them.
//!
//! Why at all: two spinning threads that start on one processor can stay there for seconds, because each runs too
//! often to count as movable.

/// Restores the calling thread's processors when dropped.
pub(super) struct Visit {
    #[cfg(target_os = "linux")]
    before: libc::cpu_set_t,
}

#[cfg(target_os = "linux")]
mod linux {
    use super::Visit;

    fn current() -> Option<libc::cpu_set_t> {
        // SAFETY: an all-zero set is a valid value, and the call writes within the size it is given.
        unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            (libc::sched_getaffinity(0, size_of_val(&set), &mut set) == 0).then_some(set)
        }
    }

    fn assign(set: &libc::cpu_set_t) -> bool {
        // SAFETY: the set is initialised and its size is passed along.
        unsafe { libc::sched_setaffinity(0, size_of_val(set), set) == 0 }
    }

    /// The processors that the calling thread may run on, in ascending order.
    pub(in super::super) fn allowed() -> Vec<usize> {
        let Some(set) = current() else { return Vec::new() };
        // SAFETY: the index stays below the set's capacity.
        (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
    }

    /// Keeps the calling thread on one processor.
    pub(in super::super) fn pin(processor: usize) -> bool {
        // SAFETY: an all-zero set is valid, and `processor` came from `allowed`.
        let set = unsafe {
            let mut set: libc::cpu_set_t = std::mem::zeroed();
            libc::CPU_SET(processor, &mut set);
            set
        };
        assign(&set)
    }

    /// Moves the calling thread to `processor` until the result is dropped; nothing to do when it is there already.
    pub(in super::super) fn visit(processor: usize) -> Option<Visit> {
        // SAFETY: no arguments, no memory.
        if unsafe { libc::sched_getcpu() } == processor as libc::c_int {
            return None;
        }
        let before = current()?;
        pin(processor).then_some(Visit { before })
    }

    impl Drop for Visit {
        fn drop(&mut self) {
            assign(&self.before);
        }
    }
}

#[cfg(target_os = "linux")]
pub(super) use linux::{allowed, pin, visit};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::Visit;

    pub(in super::super) fn allowed() -> Vec<usize> {
        Vec::new()
    }

    pub(in super::super) fn pin(_processor: usize) -> bool {
        false
    }

    pub(in super::super) fn visit(_processor: usize) -> Option<Visit> {
        None
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{allowed, pin, visit};
