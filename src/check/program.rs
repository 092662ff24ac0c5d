//! What a checked program is: the per-sample graph, the data it names, how it is trained.

use std::collections::BTreeMap;
use std::fmt;

use crate::ir::{Graph, Value};
use crate::optimizers::{Optimizer, Schedule};
use crate::source::Span;

/// A program without errors.
#[derive(Clone, Debug)]
pub struct Program {
    /// The per-sample graph of Main, with training-only behaviour as choices.
    pub graph: Graph,
    /// The `data` statements in order.
    pub data: Vec<DataStatement>,
    /// The `train` block.
    pub train: TrainSettings,
    /// The `test` blocks in order.
    pub tests: Vec<Test>,
}

/// One `test` block.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it says it shows.
    pub title: String,
    /// Where the title stands.
    pub span: Span,
    /// What the test adds to the program's per-sample graph.
    pub added: Graph,
    /// Its assertions in order.
    pub claims: Vec<Claim>,
}

impl Test {
    /// The graph that the assertions are about: that of the program, and what the test adds.
    pub fn graph(&self, program: &Graph) -> Graph {
        let mut graph = program.clone();
        graph.append(self.added.clone());
        graph
    }
}

/// One assertion of a test.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The asserted expression.
    pub span: Span,
    /// What the assertion says if it fails.
    pub message: Option<String>,
    /// What is asserted.
    pub kind: ClaimKind,
}

/// What a test may assert.
#[derive(Clone, Debug)]
pub enum ClaimKind {
    /// What was known while checking.
    Known {
        /// Whether it holds.
        holds: bool,
        /// The sides of a comparison, as text.
        sides: Option<(String, String)>,
    },
    /// All elements of a truth value hold.
    Holds {
        /// The truth value.
        value: Value,
        /// The sides of a comparison.
        sides: Option<(Value, Value)>,
    },
    /// Two values of one shape, or a value and a scalar, agree.
    Close {
        /// The one.
        left: Value,
        /// The other.
        right: Value,
        /// How far apart they may be, relative to the larger of 1 and the second.
        tolerance: f64,
    },
    /// The derivatives of values by inputs are what central differences give.
    Gradients {
        /// The float results of the function.
        values: Vec<Value>,
        /// The inputs of the graph that were made for its arguments; drawn from what was given.
        arguments: Vec<usize>,
    },
}

/// One `data` statement.
#[derive(Clone, Debug)]
pub struct DataStatement {
    /// `train`, `validation` or `test`.
    pub set: String,
    /// Where its name stands.
    pub span: Span,
    /// What it reads.
    pub source: DataColumns,
}

/// What a data set is made of.
#[derive(Clone, Debug)]
pub enum DataColumns {
    /// One dataset file that holds every input's column by name.
    Whole(Reader),
    /// A column for each input.
    Each(Vec<(String, ColumnSource)>),
}

/// Where one input's column comes from.
#[derive(Clone, Debug)]
pub enum ColumnSource {
    /// It is read as it is.
    Read(Reader),
    /// It is computed from what is read.
    Computed(Box<Formula>),
}

impl ColumnSource {
    /// The expression.
    pub fn span(&self) -> Span {
        match self {
            ColumnSource::Read(reader) => reader.span,
            ColumnSource::Computed(formula) => formula.span,
        }
    }
}

/// A column expression such as `csv("f.csv", "y") - 1`.
#[derive(Clone, Debug)]
pub struct Formula {
    /// Computes a sample: its one result from its inputs, each of which is named as in `readers`.
    pub graph: Graph,
    /// What the inputs read.
    pub readers: Vec<(String, Reader)>,
    /// The expression.
    pub span: Span,
}

/// A call such as `npz("f.npz", "images")`.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Which reader.
    pub format: Format,
    /// The file as written, relative to the program's own.
    pub path: String,
    /// What to take of it.
    pub select: Select,
    /// Whether 8-bit samples stay 0 to 255.
    pub raw: bool,
    /// The call.
    pub span: Span,
}

/// The formats that a `data` statement reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// IDX.
    Idx,
    /// A NumPy array.
    Npy,
    /// A NumPy archive.
    Npz,
    /// Comma-separated values.
    Csv,
    /// Columns of a Parquet file.
    Parquet,
    /// An array of a `.safetensors` file.
    Safetensors,
    /// A folder of pictures; with a name, which is `class`, the numbers of its sub-folders.
    Images,
    /// Windows of a text's bytes.
    Text {
        /// Bytes of one sample.
        window: usize,
        /// Bytes from the start of one sample to that of the next.
        stride: usize,
    },
}

/// What to take of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Select {
    /// All of it.
    All,
    /// One column, a range `first:last`, or an archive's key.
    Name(String),
    /// These columns.
    Names(Vec<String>),
}

/// Which weights a run leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Those of the epoch with the best monitored value.
    Best,
    /// Those of the last epoch.
    Last,
}

/// The loss or metric whose validation value says which epoch is best.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Its name.
    pub name: String,
    /// Whether larger values are better.
    pub highest: bool,
}

impl fmt::Display for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", if self.highest { "highest" } else { "lowest" }, self.name)
    }
}

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the data.
    Epochs(usize),
    /// Optimization steps.
    Steps(usize),
}

/// The `train` block, complete with defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSettings {
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The optimizers of single steps, by the first of the losses that the step minimises.
    pub optimizers: BTreeMap<String, Optimizer>,
    /// How the learning rates change over the run.
    pub schedule: Schedule,
    /// How many minibatches' gradients are averaged for one step.
    pub accumulate: usize,
    /// The steps of an iteration, each by the first of its losses; empty is each once, as declared.
    pub order: Vec<String>,
    /// The factor of L2 weight decay, added to the gradient; 0 for optimizers that have a decay of their own.
    pub weight_decay: f64,
    /// Samples in a minibatch.
    pub batch: usize,
    /// How long.
    pub length: Length,
    /// The seed of initial values, shuffling and draws.
    pub seed: u64,
    /// Whether the samples are shuffled each epoch.
    pub shuffle: bool,
    /// The largest norm of the whole gradient.
    pub clip_norm: Option<f64>,
    /// The largest magnitude of a gradient's element.
    pub clip_value: Option<f64>,
    /// Which weights are kept.
    pub keep: Keep,
    /// What decides which epoch is best; none is the lowest total loss.
    pub monitor: Option<Monitor>,
    /// After how many epochs without a better value the run stops.
    pub patience: Option<usize>,
    /// Where the block first says something that compares epochs: `keep = best`, `monitor` or `patience`.
    pub judged: Option<Span>,
}

impl TrainSettings {
    /// The optimizer of the step whose first loss is `name`.
    pub fn optimizer_of(&self, name: &str) -> &Optimizer {
        self.optimizers.get(name).unwrap_or(&self.optimizer)
    }
}

impl Default for TrainSettings {
    /// NNC's: Adam with 1e-3, batches of 64, 100 epochs, the best weights.
    fn default() -> TrainSettings {
        TrainSettings {
            optimizer: Optimizer::default(),
            optimizers: BTreeMap::new(),
            schedule: Schedule::default(),
            accumulate: 1,
            order: Vec::new(),
            weight_decay: 0.0,
            batch: 64,
            length: Length::Epochs(100),
            seed: 0,
            shuffle: true,
            clip_norm: None,
            clip_value: None,
            keep: Keep::Best,
            monitor: None,
            patience: None,
            judged: None,
        }
    }
}
