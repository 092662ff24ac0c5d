//! The arguments, as `clap` reads them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum, ValueHint};

use crate::check::Options;
use crate::driver::project::{self, Template};
use crate::driver::{DataOverride, Inside, Request, stages};
use crate::export::Format;
use crate::networks::Network;

/// A compiler for networks and losses: one .nn file, checked before anything runs, trained, and its Runtime network derived.
#[derive(Debug, Parser)]
#[command(name = "nnlc", version, about, max_term_width = 100)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a folder with a model that trains at once
    New(New),
    /// Check, train, evaluate, and leave weights, a log and a learning curve
    Run(Run),
    /// Check a program and the headers of its data files
    Check(Check),
    /// Apply the fixes that are certain, and show what is left
    Fix(Fix),
    /// Format programs: one layout, comments kept
    Fmt(Fmt),
    /// Print the derived networks as .nn text that compiles on its own
    Expand(Expand),
    /// Draw a derived network
    Graph(Graph),
    /// Measure trained weights on a data set: losses, metrics, confusion matrices
    Eval(Eval),
    /// Compute outputs of the Runtime network
    Infer(Infer),
    /// Write the Runtime network as a file of another program
    Export(Export),
    /// Turn a network of another program into a program in .nn with its trained weights
    Import(Import),
    /// Evaluate the `test` blocks of a program
    Test(Test),
    /// Time a training step, by line of the program and by step of the plan
    Profile(Profile),
    /// Show what a function, layer, optimizer or schedule does, or what a file defines
    Doc {
        /// A name, also one of another framework; a file; all names when nothing is given
        #[arg(value_name = "NAME|MODEL.nn")]
        name: Option<String>,
    },
    /// Show what a diagnostic's code means, with a wrong and a right program
    Explain {
        /// The code, such as E0202
        code: String,
    },
    /// Serve an editor: the Language Server Protocol over standard input and output
    Lsp {
        /// Taken for granted; editors that choose the transport by an option may give it
        #[arg(long, hide = true)]
        stdio: bool,
    },
    /// Print the script that lets a shell complete commands, options and files
    Completions {
        /// The shell
        #[arg(value_enum, value_name = "SHELL")]
        shell: clap_complete::Shell,
    },
}

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum MessageFormat {
    /// With the source lines
    #[default]
    Text,
    /// One line each
    Short,
    /// One JSON object a line, on standard output
    Json,
}

/// The program and what it is checked with.
#[derive(Debug, clap::Args)]
pub struct Model {
    /// The program
    #[arg(value_name = "MODEL.nn", value_hint = ValueHint::FilePath)]
    pub path: PathBuf,
    /// Give a top-level `const` another value, or a size that the data fixes this one
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// How messages are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
}

impl Model {
    /// What the session is asked for.
    pub fn request(&self, no_runtime: bool, data: &[DataOverride]) -> Request {
        let set: BTreeMap<String, String> = self.set.iter().cloned().collect();
        Request { set, data: data.to_vec(), options: Options { no_runtime }, ..Request::default() }
    }
}

#[derive(Debug, clap::Args)]
pub struct New {
    /// The folder to make; what it is called names the project
    #[arg(value_name = "NAME", value_hint = ValueHint::DirPath)]
    pub name: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value_t, value_name = "TEMPLATE")]
    pub template: TemplateName,
}

/// What a project starts from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TemplateName {
    /// Three kinds of iris told apart
    #[default]
    Classifier,
    /// The progression of diabetes foretold
    Regression,
    /// Four measurements pressed into two numbers
    AutoEncoder,
}

impl TemplateName {
    /// The template.
    pub fn template(self) -> Template {
        match self {
            TemplateName::Classifier => project::CLASSIFIER,
            TemplateName::Regression => project::REGRESSION,
            TemplateName::AutoEncoder => project::AUTO_ENCODER,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Data {
    /// Replace a data set (train, validation or test) by a CSV or Parquet file
    #[arg(long, value_name = "SET=FILE", value_parser = data)]
    pub data: Vec<DataOverride>,
}

#[derive(Debug, clap::Args)]
pub struct Run {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub data: Data,
    /// How many epochs, instead of what the program says
    #[arg(long, value_name = "N", value_parser = positive)]
    pub epochs: Option<usize>,
    /// The seed of initial values, shuffling and draws
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many threads; results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Where results go [default: runs/MODEL]
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub out: Option<PathBuf>,
    /// Go on with the run that was stopped there, to the same result as if it had not been
    #[arg(long)]
    pub resume: bool,
}

#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub data: Data,
    /// Let a program with a loss and no output pass
    #[arg(long)]
    pub no_runtime: bool,
}

#[derive(Debug, clap::Args)]
pub struct Fix {
    #[command(flatten)]
    pub model: Model,
    /// Print the first round of changes as a diff and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub struct Fmt {
    /// Files, folders whose .nn files are meant, or - for standard input to standard output
    #[arg(value_name = "FILES", required = true, value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Print what would change as a diff, write nothing, and fail if something would
    #[arg(long)]
    pub check: bool,
    /// How messages are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: MessageFormat,
}

#[derive(Debug, clap::Args)]
pub struct Expand {
    #[command(flatten)]
    pub model: Model,
    /// Which network; all three when not given
    #[arg(long, value_enum, value_name = "NETWORK")]
    pub network: Option<NetworkName>,
    /// Say of each piece of the program whether the network keeps it, and why
    #[arg(long)]
    pub why: bool,
}

#[derive(Debug, clap::Args)]
pub struct Graph {
    #[command(flatten)]
    pub model: Model,
    /// Which network [default: Main, or MainRuntime of a program without losses and metrics]
    #[arg(long, value_enum, value_name = "NETWORK")]
    pub network: Option<NetworkName>,
    /// The format [default: by the ending of the file, else svg]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub format: Option<Picture>,
    /// Where it goes, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Unfold the program's own definitions so many levels deep
    #[arg(long, value_name = "LEVELS", default_value_t = 0)]
    pub unfold: usize,
    /// Unfold everything, the library's definitions too, to single operations
    #[arg(long, conflicts_with = "unfold")]
    pub primitives: bool,
}

/// The formats of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// A picture
    #[default]
    Svg,
    /// A flowchart for Markdown
    Mermaid,
    /// Graphviz's language
    Dot,
}

impl Picture {
    /// The format of files with an ending.
    pub fn of_ending(ending: &str) -> Option<Picture> {
        match ending {
            "svg" => Some(Picture::Svg),
            "mmd" | "mermaid" => Some(Picture::Mermaid),
            "dot" | "gv" => Some(Picture::Dot),
            _ => None,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Test {
    #[command(flatten)]
    pub model: Model,
}

#[derive(Debug, clap::Args)]
pub struct Profile {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub data: Data,
    /// How many steps are timed
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = positive)]
    pub steps: usize,
    /// Samples in a minibatch, instead of what the program says
    #[arg(long, value_name = "N", value_parser = positive)]
    pub batch: Option<usize>,
    /// How many threads
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// Time nothing: print the graphs of a step after each run of a pass, or as they are built
    #[arg(long, value_name = "PASS", value_parser = PossibleValuesParser::new(stages()))]
    pub print_after: Option<String>,
    /// Time nothing: print the graphs of a step and how they are computed
    #[arg(long, conflicts_with = "print_after")]
    pub print_plan: bool,
}

impl Profile {
    /// What is printed instead of times.
    pub fn inside(&self) -> Option<Inside> {
        let after = self.print_after.clone().map(Inside::After);
        after.or(self.print_plan.then_some(Inside::Plan))
    }
}

#[derive(Debug, clap::Args)]
pub struct Eval {
    #[command(flatten)]
    pub model: Model,
    #[command(flatten)]
    pub data: Data,
    /// The trained weights
    #[arg(long, value_name = "FILE")]
    pub weights: PathBuf,
    /// The data set [default: the first that there is of test, validation and train]
    #[arg(long, value_enum, value_name = "SET")]
    pub on: Option<SetName>,
    /// How results are shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: EvalFormat,
    /// The seed of what is drawn, instead of what the program says
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many threads; results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// How an evaluation is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum EvalFormat {
    /// Tables
    #[default]
    Text,
    /// One JSON object
    Json,
}

/// The data sets by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SetName {
    /// What is trained on
    Train,
    /// What the weights were chosen by
    Validation,
    /// What training never saw
    Test,
}

impl SetName {
    /// Its name in a program.
    pub fn name(self) -> &'static str {
        match self {
            SetName::Train => "train",
            SetName::Validation => "validation",
            SetName::Test => "test",
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Infer {
    #[command(flatten)]
    pub model: Model,
    /// The trained weights
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: PathBuf,
    /// A file for an input: .npy, .npz, .csv, .parquet, .safetensors, IDX, a picture or a folder of pictures
    #[arg(long, value_name = "NAME=FILE", value_parser = file)]
    pub input: Vec<(String, PathBuf)>,
    /// An output; all when none is given
    #[arg(long, value_name = "NAME")]
    pub output: Vec<String>,
    /// Where OUTPUT.npy files go
    #[arg(long, value_name = "FOLDER", default_value = ".", value_hint = ValueHint::DirPath)]
    pub out: PathBuf,
    /// The seed of what is still random in Runtime
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// How many threads; results do not depend on it
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

#[derive(Debug, clap::Args)]
pub struct Export {
    #[command(flatten)]
    pub model: Model,
    /// The format
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Target,
    /// The trained weights [default: those that training starts with]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Option<PathBuf>,
    /// An output; all when none is given
    #[arg(long, value_name = "NAME")]
    pub output: Vec<String>,
    /// The number of samples at a time [default: open where the format can leave it so, else 1]
    #[arg(long, value_name = "N", value_parser = positive)]
    pub batch: Option<usize>,
    /// Where it goes [default: the program's name with the format's ending]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
}

/// Formats of other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// ONNX: a model of operator set 18
    Onnx,
    /// PyTorch: a module in Python and its weights
    #[value(name = "pytorch")]
    PyTorch,
    /// StableHLO: a module in MLIR's text
    #[value(name = "stablehlo")]
    StableHlo,
    /// NNP: an archive for NNabla and Neural Network Console
    Nnp,
}

impl Target {
    /// The format.
    pub fn format(self) -> Format {
        match self {
            Target::Onnx => Format::Onnx,
            Target::PyTorch => Format::PyTorch,
            Target::StableHlo => Format::StableHlo,
            Target::Nnp => Format::Nnp,
        }
    }
}

#[derive(Debug, clap::Args)]
pub struct Import {
    /// The network; its ending says what wrote it
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Where the program goes, its weights beside it [default: beside FILE]
    #[arg(short, long, value_name = "MODEL.nn", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,
    /// Replace files that stand there
    #[arg(long)]
    pub force: bool,
}

/// The derived networks by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum NetworkName {
    /// Training
    Main,
    /// Losses and metrics with `training` false
    MainValidation,
    /// Outputs alone
    MainRuntime,
}

impl NetworkName {
    /// The network.
    pub fn network(self) -> Network {
        match self {
            NetworkName::Main => Network::Main,
            NetworkName::MainValidation => Network::MainValidation,
            NetworkName::MainRuntime => Network::MainRuntime,
        }
    }
}

/// The number of threads to use when none is given: as many as the process may run on.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get().min(64))
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.trim().to_owned(), value.trim().to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

fn file(text: &str) -> Result<(String, PathBuf), String> {
    pair(text).map(|(name, path)| (name, path.into())).map_err(|_| "expected NAME=FILE".to_owned())
}

fn data(text: &str) -> Result<DataOverride, String> {
    match pair(text) {
        Ok((set, path)) if ["train", "validation", "test"].contains(&set.as_str()) => {
            Ok(DataOverride { set, path: path.into() })
        }
        _ => Err("expected train=FILE, validation=FILE or test=FILE".to_owned()),
    }
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "expected a positive integer".to_owned())
}

fn threads(text: &str) -> Result<usize, String> {
    positive(text).ok().filter(|number| *number <= 64).ok_or_else(|| "expected 1 to 64".to_owned())
}
