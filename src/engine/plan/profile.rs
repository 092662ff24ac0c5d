//! Where the time of a plan goes, step by step. Runs are the ordinary ones, with a clock around each worker's share of each step; what
//! the numbers mean for the program's text is left to who asks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::run::{Outcome, RunError, Watch};
use super::{Engine, Feed, Plan, Store};
use crate::engine::kernels::{AlignedBuf, Gemm, Matrix, Scratch};
use crate::ir::Value;
use crate::ops::RunContext;

/// Clocks for the steps of one plan, over any number of runs.
pub struct Profile {
    /// For each worker and step, nanoseconds so far.
    spent: Vec<Vec<AtomicU64>>,
    wall: Duration,
}

/// What one step is, and what it took.
#[derive(Clone, Debug)]
pub struct StepProfile {
    /// What it is: `gemm`, `fused`, an operation's name.
    pub label: &'static str,
    /// The values of the graph that it computes, in order; several when they are fused.
    pub values: Vec<Value>,
    /// The time of all threads together.
    pub time: Duration,
    /// The bytes of the buffers that it reads and writes, each counted once.
    pub bytes: usize,
    /// The floating-point operations that it does; 0 for one that only moves data, none where that is not counted.
    pub operations: Option<usize>,
}

impl Watch for Profile {
    fn step(&self, worker: usize, step: usize, work: impl FnOnce()) {
        let begun = Instant::now();
        work();
        let spent = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent[worker][step].fetch_add(spent, Ordering::Relaxed);
    }
}

impl Profile {
    /// Clocks at zero for the steps of `plan` on the threads of `engine`.
    pub fn new(plan: &Plan, engine: &Engine) -> Profile {
        let clocks = || plan.steps.iter().map(|_| AtomicU64::new(0)).collect();
        Profile { spent: (0..engine.threads()).map(|_| clocks()).collect(), wall: Duration::ZERO }
    }

    /// Runs the plan once, as [`Engine::run`] does, with the clocks on.
    ///
    /// # Errors
    /// Those of [`Engine::run`].
    pub fn run<'a>(
        &mut self,
        engine: &'a mut Engine,
        plan: &'a Plan,
        store: &mut Store,
        feeds: &[Feed<'_>],
        run: &RunContext,
    ) -> Result<Outcome<'a>, RunError> {
        let begun = Instant::now();
        let outcome = engine.run_watched(plan, store, feeds, run, self)?;
        self.wall += begun.elapsed();
        Ok(outcome)
    }

    /// How long all runs took, from start to end.
    pub fn wall(&self) -> Duration {
        self.wall
    }

    /// The steps of the plan in the order in which they run, each with the time that it took in all runs.
    pub fn steps(&self, plan: &Plan) -> Vec<StepProfile> {
        let time = |step: usize| {
            let nanoseconds: u64 = self.spent.iter().map(|clocks| clocks[step].load(Ordering::Relaxed)).sum();
            Duration::from_nanos(nanoseconds)
        };
        plan.costs().enumerate().map(|(index, cost)| StepProfile { time: time(index), ..cost }).collect()
    }
}

impl Plan {
    /// What each step is, with no time spent.
    pub fn costs(&self) -> impl Iterator<Item = StepProfile> {
        self.steps.iter().map(|step| {
            let mut touched: Vec<_> = step.reads.iter().chain(&step.writes).copied().collect();
            touched.sort_unstable();
            touched.dedup();
            StepProfile {
                label: step.label,
                values: if step.fused.is_empty() { vec![step.value] } else { step.fused.clone() },
                time: Duration::ZERO,
                bytes: touched.iter().map(|buffer| self.buffers[*buffer].bytes()).sum(),
                operations: step.work.operations(),
            }
        })
    }

    /// The bytes of the arena, which holds what lives within a run.
    pub fn arena_bytes(&self) -> usize {
        self.arena_bytes
    }

    /// The bytes of arena buffers that are needed at one time at least, wave by wave the sum of what is alive.
    pub fn live_bytes(&self) -> usize {
        self.live_bytes
    }
}

/// The floating-point operations a second that one thread reaches here in a product of 512 by 512 matrices: the best of a few.
pub fn peak_operations() -> f64 {
    const SIZE: usize = 512;
    let gemm = Gemm::new(
        [1, SIZE, SIZE, SIZE],
        Matrix::dense(SIZE, SIZE),
        Matrix::dense(SIZE, SIZE),
        Matrix::dense(SIZE, SIZE),
    );
    let (a, b, mut c) =
        (AlignedBuf::zeroed(SIZE * SIZE), AlignedBuf::zeroed(SIZE * SIZE), AlignedBuf::zeroed(SIZE * SIZE));
    let mut scratch = Scratch::default();
    let mut seconds = f64::INFINITY;
    for _ in 0..8 {
        let begun = Instant::now();
        for tile in 0..gemm.tiles() {
            // SAFETY: the three buffers are dense matrices of this size, and are ours.
            unsafe { gemm.run_tile(tile, a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), &mut scratch) };
        }
        seconds = seconds.min(begun.elapsed().as_secs_f64());
    }
    2.0 * gemm.multiply_adds() as f64 / seconds
}
