//! The engine: runs plans on a team of threads, in memory that it keeps.

use std::cell::UnsafeCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::memory::{Home, Memory};
use super::{Kind, Plan, Store};
use crate::base::Idx;
use crate::engine::kernels::{AlignedBuf, Scratch, SubnormalsAreZero, Team, settle_stores};
use crate::ops::RunContext;
use crate::tensor::Tensor;

/// The value of one input of the graph, row-major, the batch in front.
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Integers or indices.
    I32(&'a [i32]),
    /// Truth values.
    Bool(&'a [bool]),
    /// Nothing, for an input that no result depends on.
    Nothing,
}

/// Why a plan cannot run on what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// There are more or fewer feeds than inputs.
    Feeds {
        /// Inputs of the graph.
        expected: usize,
        /// Feeds.
        found: usize,
    },
    /// A feed has another dtype or number of elements than its input.
    Feed {
        /// Its position.
        index: usize,
        /// What the input is.
        expected: (Kind, usize),
        /// What was fed.
        found: Option<(Kind, usize)>,
    },
    /// The run's batch size is not the plan's.
    Batch {
        /// The plan's.
        expected: usize,
        /// The run's.
        found: usize,
    },
    /// The plan was made for another store.
    Store,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::Feeds { expected, found } => write!(f, "{found} feeds for {expected} inputs"),
            RunError::Feed { index, expected: (kind, len), found } => {
                write!(f, "input {index} takes {len} elements of kind {kind:?}, ")?;
                match found {
                    Some((kind, len)) => write!(f, "found {len} of kind {kind:?}"),
                    None => f.write_str("found nothing"),
                }
            }
            RunError::Batch { expected, found } => write!(f, "the plan is for {expected} samples, the run for {found}"),
            RunError::Store => f.write_str("the plan was made for another store"),
        }
    }
}

impl std::error::Error for RunError {}

impl Feed<'_> {
    fn parts(self) -> Option<(Kind, usize, *const u8)> {
        match self {
            Feed::F32(values) => Some((Kind::F32, values.len(), values.as_ptr().cast())),
            Feed::I32(values) => Some((Kind::I32, values.len(), values.as_ptr().cast())),
            Feed::Bool(values) => Some((Kind::Bool, values.len(), values.as_ptr().cast())),
            Feed::Nothing => None,
        }
    }
}

/// Is told of every worker's share of every step.
pub(super) trait Watch: Sync {
    /// Has to do `work`, which is what worker number `worker` does of step number `step`.
    fn step(&self, worker: usize, step: usize, work: impl FnOnce());
}

/// Does not look.
struct Unwatched;

impl Watch for Unwatched {
    #[inline(always)]
    fn step(&self, _: usize, _: usize, work: impl FnOnce()) {
        work();
    }
}

/// A worker's scratch memory, used by that worker only. Two workers' never share a cache line (processors fetch pairs of lines):
/// loops rewrite its tables for every row, and would wait for each other's line each time.
#[repr(align(128))]
struct Own(UnsafeCell<Scratch>);

// SAFETY: `Engine::run` lets worker `w` alone touch element `w`.
unsafe impl Sync for Own {}

/// A team of threads and the memory that plans run in.
pub struct Engine {
    team: Team,
    scratch: Vec<Own>,
    arena: AlignedBuf,
    memory: Memory,
    /// Runs so far.
    runs: u64,
    /// Nanoseconds of a meeting of the workers when it was measured last.
    meeting: AtomicU64,
}

impl Engine {
    /// An engine of `threads` threads, at least one. The number changes the speed, never a result.
    pub fn new(threads: usize) -> Engine {
        let team = Team::new(threads);
        let scratch = (0..team.threads()).map(|_| Own(UnsafeCell::default())).collect();
        let memory = Memory { pointers: Vec::new(), run: RunContext::default() };
        Engine { team, scratch, arena: AlignedBuf::zeroed(0), memory, runs: 0, meeting: AtomicU64::new(0) }
    }

    /// The number of threads.
    pub fn threads(&self) -> usize {
        self.team.threads()
    }

    /// Runs a plan: computes its results and assigns its updates in `store`. `feeds` are the graph's inputs in order; `run.batch` is the
    /// plan's. The outcome can be read until the engine runs again.
    ///
    /// # Errors
    /// When feeds, batch size or store are not what the plan was made for; nothing has run then.
    pub fn run<'a>(
        &'a mut self,
        plan: &'a Plan,
        store: &mut Store,
        feeds: &[Feed<'_>],
        run: &RunContext,
    ) -> Result<Outcome<'a>, RunError> {
        self.run_watched(plan, store, feeds, run, &Unwatched)
    }

    /// [`run`](Self::run) under the eyes of `watch`.
    pub(super) fn run_watched<'a>(
        &'a mut self,
        plan: &'a Plan,
        store: &mut Store,
        feeds: &[Feed<'_>],
        run: &RunContext,
        watch: &impl Watch,
    ) -> Result<Outcome<'a>, RunError> {
        check(plan, store, feeds, run)?;
        self.arena.ensure(plan.arena_bytes / size_of::<f32>());
        self.memory.run = *run;
        let arena = self.arena.as_mut_ptr().cast::<u8>();
        let constants = plan.constants.as_ptr().cast::<u8>().cast_mut();
        self.memory.pointers.clear();
        self.memory.pointers.extend(plan.buffers.iter_enumerated().map(|(id, buffer)| match buffer.home {
            Home::Arena => arena.wrapping_add(plan.offsets[id]),
            Home::Plan => constants.wrapping_add(plan.offsets[id]),
            Home::Input(index) => feeds[index].parts().map_or(std::ptr::null(), |(_, _, start)| start).cast_mut(),
            Home::Variable(index) => plan.slots[index].map_or(std::ptr::null_mut(), |slot| store.pointer(slot)),
        }));
        let measure = self.runs.is_multiple_of(MEASURED_EVERY) && self.team.threads() > 1;
        self.runs += 1;
        let (meeting, far) = (&self.meeting, self.meeting.load(Ordering::Relaxed) > FAR);
        let (memory, scratch, team, threads) = (&self.memory, &self.scratch, &self.team, self.team.threads());
        team.run(&|worker| {
            let _zeros = SubnormalsAreZero::begin();
            // SAFETY: each worker has a number of its own.
            let scratch = unsafe { &mut *scratch[worker].0.get() };
            if measure {
                measure_meeting(team, worker, meeting);
            }
            let mut first = 0;
            for (number, wave) in plan.waves.iter().enumerate() {
                let solo = wave.is_solo(far);
                // What one worker writes alone is most often its own to read: it stays in the caches.
                scratch.set_far(far && !solo);
                for (index, step) in plan.steps[first..first + wave.steps].iter().enumerate() {
                    let tiles = step.work.tiles();
                    // Steps of a single tile take turns over the workers.
                    let share = if solo {
                        if worker == 0 { 0..tiles } else { 0..0 }
                    } else if tiles == 1 {
                        let mine = (first + index) % threads == worker;
                        0..usize::from(mine)
                    } else {
                        step.work.share(worker, threads)
                    };
                    scratch.forget();
                    watch.step(worker, first + index, || {
                        // SAFETY: the memory is the plan's; a wave's steps do not touch what another of them writes, and
                        // barriers stand between waves.
                        unsafe { step.work.run_all(share, memory, scratch) };
                    });
                }
                first += wave.steps;
                if far && !solo {
                    settle_stores();
                }
                let goes_on = solo && plan.waves.get(number + 1).is_some_and(|next| next.is_solo(far));
                if !goes_on {
                    team.barrier().wait();
                }
            }
        });
        Ok(Outcome { plan, memory: &self.memory })
    }
}

/// Runs after which the meeting of workers is measured again: virtual machines move their processors now and then.
const MEASURED_EVERY: u64 = 64;
/// Meetings that take longer than this many nanoseconds are between processors that share no cache.
const FAR: u64 = 190;

/// Lets the workers meet some times, and notes how long a meeting takes.
fn measure_meeting(team: &Team, worker: usize, meeting: &AtomicU64) {
    const MEETINGS: u32 = 16;
    team.barrier().wait();
    let started = Instant::now();
    (0..MEETINGS).for_each(|_| team.barrier().wait());
    if worker == 0 {
        let spent = started.elapsed() / MEETINGS;
        meeting.store(u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

fn check(plan: &Plan, store: &Store, feeds: &[Feed<'_>], run: &RunContext) -> Result<(), RunError> {
    if plan.store != store.id() {
        return Err(RunError::Store);
    }
    if run.batch != plan.batch {
        return Err(RunError::Batch { expected: plan.batch, found: run.batch });
    }
    if feeds.len() != plan.inputs.len() {
        return Err(RunError::Feeds { expected: plan.inputs.len(), found: feeds.len() });
    }
    for (index, ((kind, len, read), feed)) in plan.inputs.iter().zip(feeds).enumerate() {
        let found = feed.parts().map(|(kind, len, _)| (kind, len));
        if *read && found != Some((*kind, *len)) {
            return Err(RunError::Feed { index, expected: (*kind, *len), found });
        }
    }
    Ok(())
}

/// What a run computed, by the position of the result in the graph.
pub struct Outcome<'a> {
    plan: &'a Plan,
    memory: &'a Memory,
}

impl Outcome<'_> {
    /// The elements of a float result, row-major.
    ///
    /// # Panics
    /// When there is no such result or it holds no floats.
    pub fn floats(&self, result: usize) -> &[f32] {
        let (view, kind) = &self.plan.results[result];
        assert_eq!(*kind, Kind::F32, "result {result} holds no floats");
        let start = self.memory.pointers[view.buffer.index()].cast::<f32>();
        // SAFETY: results are contiguous in memory that nobody writes until the engine runs again, which the borrow excludes.
        unsafe { std::slice::from_raw_parts(start.add(view.offset), view.len()) }
    }

    /// A float result of one element.
    ///
    /// # Panics
    /// As [`floats`](Self::floats), and when it is empty.
    pub fn scalar(&self, result: usize) -> f32 {
        self.floats(result)[0]
    }

    /// A copy of a result.
    ///
    /// # Panics
    /// When there is no such result.
    pub fn tensor(&self, result: usize) -> Tensor {
        let (view, kind) = &self.plan.results[result];
        let start = self.memory.pointers[view.buffer.index()];
        // SAFETY: as in `floats`.
        unsafe { super::memory::read_tensor(start, view, *kind) }
    }

    /// The sizes of a result.
    ///
    /// # Panics
    /// When there is no such result.
    pub fn shape(&self, result: usize) -> &[usize] {
        &self.plan.results[result].0.sizes
    }
}
