//! A team of worker threads that lives as long as its engine, and the barrier at which its members meet.
//!
//! [`Team::run`] hands one closure to every worker; inside it, workers meet at [`Barrier::wait`], so a whole training
//! step is one `run`. Waiting spins (tens of nanoseconds when everybody has a processor), then yields, then parks, so
//! that a loaded or single-core machine still makes progress. Which worker does what is the caller's business.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::affinity;

/// The most threads a team may have.
pub const MAX_THREADS: usize = 64;

/// Rounds of busy waiting before a waiter starts to yield its processor: about 50 µs.
const SPINS: usize = 20_000;
/// Yields before a waiter parks.
const YIELDS: usize = 200;

/// A counter that only grows and that threads can wait for to change.
struct Gate {
    turn: AtomicUsize,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    wake: Condvar,
    spins: usize,
}

impl Gate {
    fn new(spins: usize) -> Self {
        Gate {
            turn: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            lock: Mutex::new(()),
            wake: Condvar::new(),
            spins,
        }
    }

    fn turn(&self) -> usize {
        self.turn.load(Ordering::Acquire)
    }

    fn advance(&self) {
        self.turn.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            self.wake.notify_all();
        }
    }

    /// Returns once the counter is no longer at `seen`.
    fn wait_past(&self, seen: usize) {
        for _ in 0..self.spins {
            if self.turn() != seen {
                return;
            }
            std::hint::spin_loop();
        }
        for _ in 0..YIELDS {
            if self.turn() != seen {
                return;
            }
            std::thread::yield_now();
        }
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // Announced before the counter is read again; `advance` moves the counter before it looks for sleepers.
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while self.turn.load(Ordering::SeqCst) == seen {
            guard = self.wake.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The meeting point of a fixed number of workers.
pub struct Barrier {
    members: usize,
    arrived: AtomicUsize,
    gate: Gate,
    broken: AtomicBool,
}

impl Barrier {
    fn new(members: usize, spins: usize) -> Self {
        Barrier { members, arrived: AtomicUsize::new(0), gate: Gate::new(spins), broken: AtomicBool::new(false) }
    }

    /// Returns when every member has called it; what each wrote before is visible to all after.
    ///
    /// # Panics
    /// If another member panicked and will never arrive.
    pub fn wait(&self) {
        if self.members == 1 {
            return;
        }
        // A break-up either happened before this reading and is seen below, or moves the gate on.
        let turn = self.gate.turn();
        self.check();
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == self.members {
            self.arrived.store(0, Ordering::Relaxed);
            self.gate.advance();
        } else {
            self.gate.wait_past(turn);
        }
        self.check();
    }

    fn check(&self) {
        assert!(!self.broken.load(Ordering::Acquire), "another worker of the team panicked");
    }

    /// Lets everybody who waits now or later fail instead of waiting for a member that is gone.
    fn break_up(&self) {
        self.broken.store(true, Ordering::Release);
        self.gate.advance();
    }
}

/// One closure for all workers. The lifetime is erased: `run` outlives every use of it.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the closure is `Sync`, and `Team::run` keeps it alive until every worker is done with it.
unsafe impl Send for Job {}

struct Shared {
    start: Gate,
    job: Mutex<Option<Job>>,
    finished: AtomicUsize,
    done: Gate,
    barrier: Barrier,
    panicked: AtomicBool,
}

/// A fixed set of threads; the thread that calls [`Team::run`] is worker 0.
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// The processor that the caller should run on, when every worker has one of its own.
    home: Option<usize>,
    running: Mutex<()>,
}

impl Team {
    /// Starts a team of `threads` workers, limited to 1..=[`MAX_THREADS`].
    pub fn new(threads: usize) -> Self {
        let threads = threads.clamp(1, MAX_THREADS);
        let processors = affinity::allowed();
        let roomy = threads <= processors.len();
        // Without a processor for each, spinning only keeps the others from arriving.
        let crowded = std::thread::available_parallelism().map_or(1, |n| n.get()) < threads;
        let spins = if crowded { 0 } else { SPINS };
        let shared = Arc::new(Shared {
            start: Gate::new(spins),
            job: Mutex::new(None),
            finished: AtomicUsize::new(0),
            done: Gate::new(spins),
            barrier: Barrier::new(threads, spins),
            panicked: AtomicBool::new(false),
        });
        let workers = (1..threads)
            .map(|worker| {
                let shared = Arc::clone(&shared);
                let processor = roomy.then(|| processors[worker]);
                std::thread::Builder::new()
                    .name(format!("worker-{worker}"))
                    .spawn(move || {
                        if let Some(processor) = processor {
                            affinity::pin(processor);
                        }
                        serve(&shared, worker);
                    })
                    .expect("the system has room for a worker thread")
            })
            .collect();
        let home = (roomy && threads > 1).then(|| processors[0]);
        Team { shared, workers, home, running: Mutex::new(()) }
    }

    /// Number of workers, the caller included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Where the workers of a `run` meet.
    pub fn barrier(&self) -> &Barrier {
        &self.shared.barrier
    }

    /// Calls `f(0)`, `f(1)`, … on all workers at once and returns when all are done.
    ///
    /// # Panics
    /// If `f` panics on any worker; the team cannot be used afterwards.
    pub fn run(&self, f: &(dyn Fn(usize) + Sync)) {
        let _one_at_a_time = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if self.workers.is_empty() {
            return f(0);
        }
        let shared = &*self.shared;
        assert!(!shared.panicked.load(Ordering::Acquire), "a worker of this team panicked earlier");
        let _visit = self.home.and_then(affinity::visit);
        // SAFETY: only the lifetime changes, and the wait below keeps `f` alive beyond its last use.
        let job = unsafe {
            std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(f)
        };
        *shared.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(Job(job));
        shared.finished.store(0, Ordering::Relaxed);
        let turn = shared.done.turn();
        shared.start.advance();
        let mine = catch_unwind(AssertUnwindSafe(|| f(0)));
        if mine.is_err() {
            shared.panicked.store(true, Ordering::Release);
            shared.barrier.break_up();
        }
        shared.done.wait_past(turn);
        match mine {
            Err(payload) => resume_unwind(payload),
            Ok(()) => assert!(!shared.panicked.load(Ordering::Acquire), "a worker of the team panicked"),
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        *self.shared.job.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shared.start.advance();
        for worker in self.workers.drain(..) {
            // A worker's panic was reported by `run`; a second report could only abort.
            let _ = worker.join();
        }
    }
}

fn serve(shared: &Shared, worker: usize) {
    let mut turn = 0;
    loop {
        shared.start.wait_past(turn);
        turn += 1;
        let Some(job) = *shared.job.lock().unwrap_or_else(PoisonError::into_inner) else { return };
        // SAFETY: `run` waits for this worker before the closure goes out of scope.
        if catch_unwind(AssertUnwindSafe(|| unsafe { (*job.0)(worker) })).is_err() {
            shared.panicked.store(true, Ordering::Release);
            shared.barrier.break_up();
        }
        if shared.finished.fetch_add(1, Ordering::AcqRel) + 2 == shared.barrier.members {
            shared.done.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_runs_once_and_barriers_order_their_writes() {
        for threads in [1, 2, 3, 8] {
            let team = Team::new(threads);
            let cells: Vec<AtomicUsize> = (0..threads).map(|_| AtomicUsize::new(0)).collect();
            for round in 1..50 {
                team.run(&|worker| {
                    for step in 0..4 {
                        cells[worker].fetch_add(1, Ordering::Relaxed);
                        team.barrier().wait();
                        let sum: usize = cells.iter().map(|c| c.load(Ordering::Relaxed)).sum();
                        assert_eq!(sum, threads * ((round - 1) * 4 + step + 1));
                        team.barrier().wait();
                    }
                });
            }
        }
    }

    #[test]
    fn parked_workers_wake_up() {
        let team = Team::new(3);
        let calls = AtomicUsize::new(0);
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            team.run(&|worker| {
                if worker == 1 {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                team.barrier().wait();
                calls.fetch_add(1, Ordering::Relaxed);
            });
        }
        assert_eq!(calls.load(Ordering::Relaxed), 9);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_nobody_waits_for_ever() {
        for culprit in [0, 1] {
            let team = Team::new(2);
            let result = catch_unwind(AssertUnwindSafe(|| {
                team.run(&|worker| {
                    assert_ne!(worker, culprit);
                    team.barrier().wait();
                })
            }));
            assert!(result.is_err());
        }
    }
}
