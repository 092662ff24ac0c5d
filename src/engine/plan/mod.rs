//! The planned engine: a batched graph at one batch size becomes steps over one arena.
//!
//! ```text
//! graph ──build──▶ steps, buffers ──schedule──▶ waves ──arena──▶ offsets = Plan        Engine::run(plan, store, feeds)
//! ```
//!
//! | file | is |
//! |---|---|
//! | `view` | strided windows: reshape, transpose, slice, broadcast without a copy |
//! | `uniform` | reductions that are known when a plan is made |
//! | `group`, `axes` | which nodes share a pass over memory, and how their axes lie in it |
//! | `build` | where values lie; nodes to steps |
//! | `fuse`, `formula`, `matmul`, `convolve`, `pooling`, `lookup`, `along`, `draw`, `copy`, `fallback` | the kinds of steps, each implementing `step::Work` |
//! | `chain` | products and the loop nest behind them as one step |
//! | `schedule`, `arena` | the order of steps; places in memory from lifetimes |
//! | `store` | variables, which outlive a run |
//! | `run` | the engine: one `Team::run` for a whole plan, a barrier between waves |
//! | `locate` | which node first gave a NaN |
//! | `profile`, `print` | where the time goes; the plan as text |
//!
//! Work is cut into tiles by shape alone and partial sums are added in tile order, so results do not depend on the number of threads.
//! The second run of a plan allocates nothing, as long as every operation in it has a kernel. What has none is [`Plan::UNPLANNED`]:
//! extremes and products of integers, orthogonal matrices, and rare dtypes and sizes of others.

mod along;
mod arena;
mod axes;
mod build;
mod chain;
mod convolve;
mod copy;
mod draw;
mod fallback;
mod formula;
mod fuse;
mod group;
mod locate;
mod lookup;
mod matmul;
mod memory;
mod pooling;
mod print;
mod profile;
mod run;
mod schedule;
mod shared;
mod source;
mod step;
mod store;
mod uniform;
mod view;

use std::fmt;

use crate::ir::Graph;
use crate::tensor::{BATCH, Type};

use memory::Buffer;
use schedule::Wave;
use step::Step;
use view::{BufferId, View};

use crate::base::IndexVec;
use crate::engine::kernels::AlignedBuf;
use crate::ir::Value;

pub use locate::first_non_finite;
pub use profile::{Profile, StepProfile, peak_operations};
pub use run::{Engine, Feed, Outcome, RunError};
pub use store::{Kind, Store};

/// What a plan may take.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The most bytes that its arena and constants may take.
    pub memory_limit: u64,
}

impl Default for Options {
    /// As much as the machine has.
    fn default() -> Options {
        // SAFETY: `sysconf` only reads.
        let (pages, size) = unsafe { (libc::sysconf(libc::_SC_PHYS_PAGES), libc::sysconf(libc::_SC_PAGESIZE)) };
        let bytes =
            u64::try_from(pages).ok().zip(u64::try_from(size).ok()).map(|(pages, size)| pages.saturating_mul(size));
        Options { memory_limit: bytes.unwrap_or(u64::MAX) }
    }
}

/// Why a graph cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// It needs more memory than allowed.
    Memory {
        /// The bytes that it needs; `u64::MAX` when even their number overflows.
        bytes: u64,
        /// The bytes that it may take.
        limit: u64,
    },
    /// A size is no number at this batch size, or negative.
    Size {
        /// The value that has it.
        value: Value,
        /// Its type.
        ty: Type,
    },
    /// The store has no such variable, or one of another dtype or shape.
    Variable {
        /// Its path.
        path: String,
        /// The type that the graph wants.
        ty: Type,
    },
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Memory { bytes, limit } => {
                write!(f, "a step needs {} MiB of memory, {} MiB are allowed", bytes >> 20, limit >> 20)
            }
            PlanError::Size { value, ty } => write!(f, "{value} of type {ty} has no size in numbers at this `{BATCH}`"),
            PlanError::Variable { path, ty } => write!(f, "variable `{path}` of type {ty} is not in the store"),
        }
    }
}

impl std::error::Error for PlanError {}

/// A graph at one batch size, ready to run.
pub struct Plan {
    /// The number of samples.
    batch: usize,
    /// The steps, wave by wave.
    steps: Vec<Step>,
    waves: Vec<Wave>,
    buffers: IndexVec<BufferId, Buffer>,
    /// For buffers in the arena or in `constants`: the first byte.
    offsets: IndexVec<BufferId, usize>,
    arena_bytes: usize,
    /// The bytes of the arena that are needed at one time.
    live_bytes: usize,
    constants: AlignedBuf,
    /// For each input of the graph: its number of elements and kind, and whether anything reads it.
    inputs: Vec<(Kind, usize, bool)>,
    /// The store that the slots are of, and the slot of each variable that is used.
    store: u64,
    slots: Vec<Option<usize>>,
    /// Where the results are, in the graph's order.
    results: Vec<(View, Kind)>,
}

impl Plan {
    /// The label of a step that no kernel does: the reference evaluates it, on one thread, in memory that it takes anew.
    pub const UNPLANNED: &str = "reference";

    /// Plans a batched graph, all of its results and updates, for minibatches of `batch` samples, on the variables of `store`, which must
    /// hold every variable that the graph reads or updates.
    ///
    /// # Errors
    /// When it takes too much memory (found before any is allocated), when a size stays symbolic, or when a variable is missing.
    pub fn new(graph: &Graph, batch: usize, store: &Store, options: &Options) -> Result<Plan, PlanError> {
        build::plan(graph, batch, store, options)
    }

    /// The number of samples that it is for.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Bytes of memory that a run takes beside the store and the feeds.
    pub fn bytes(&self) -> usize {
        self.arena_bytes + self.constants.len() * size_of::<f32>()
    }

    /// Number of barriers in a run.
    pub fn barriers(&self) -> usize {
        let next = self.waves.iter().skip(1).map(|wave| wave.is_solo(false)).chain([false]);
        self.waves.iter().zip(next).filter(|(wave, next)| !(wave.is_solo(false) && *next)).count()
    }

    /// What the steps are, in order: for reports and tests.
    pub fn labels(&self) -> impl Iterator<Item = (Value, &'static str)> {
        self.steps.iter().map(|step| (step.value, step.label))
    }
}
