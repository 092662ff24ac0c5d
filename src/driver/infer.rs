//! The Runtime network alone: inputs from files, outputs as tensors.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use super::Session;
use super::data::{clashing, csv_column, of_sample, parquet_column, sizes_of_kinds, want_of, wrong_claim};
use crate::check::Program;
use crate::data::{Budget, Catalog, Column, DataError, DataSet, Source, common_rows, is_picture};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::plan::{Engine, Options, Plan, Store};
use crate::ir::{Graph, ResultRole};
use crate::lower::lower;
use crate::networks;
use crate::ops::RunContext;
use crate::passes::Pipeline;
use crate::tensor::Sizes;
use crate::train::{Batch, Expected, Failure, Weights, WeightsError, stored};

/// How many tensors that do not fit are told.
const FAULTS: usize = 5;

/// How many samples are computed at a time.
const BATCH: usize = 256;

/// What is asked of the Runtime network.
#[derive(Clone, Debug)]
pub struct InferOptions {
    /// The trained weights.
    pub weights: PathBuf,
    /// A file for each input.
    pub inputs: Vec<(String, PathBuf)>,
    /// The outputs wanted; empty for all.
    pub outputs: Vec<String>,
    /// How many threads.
    pub threads: usize,
    /// The seed of what is still random in Runtime.
    pub seed: u64,
}

/// One output of all samples or, where these differ in its shape, of one of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Its declared name.
    pub name: String,
    /// The sample that it is of alone, from 0.
    pub sample: Option<usize>,
    /// Samples first, then the shape of one; of one sample, its shape.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
}

impl Session {
    /// Computes outputs of the Runtime network.
    ///
    /// # Errors
    /// Unknown names, missing inputs, files and weights that do not fit.
    pub fn infer(&self, options: &InferOptions) -> Result<Vec<Output>, Vec<Diagnostic>> {
        let Some(program) = &self.program else { return Err(self.diagnostics.clone()) };
        let names = self.outputs(&program.graph, &options.outputs)?;
        let network = networks::runtime_of(&program.graph, &names);
        let (set, rows) = self.inputs(&network, &options.inputs)?;
        let kinds = sizes_of_kinds(&network, &set).map_err(|clash| vec![clashing(&set, &clash)])?;
        let all: Vec<usize> = (0..rows).collect();
        let mut store = stored(&program.graph, 0, Some(&self.weights(&program.graph, &options.weights)?));
        let several = kinds.len() > 1;
        let mut parts = Vec::new();
        for ((row, sizes), rows) in kinds.iter().zip(set.kinds().split(&all)) {
            let graph = self.runtime_at(program, &network, sizes, &names);
            let of_kind = |wrong: Diagnostic| of_sample(wrong, several.then_some(*row));
            let graph = graph.map_err(|found| found.into_iter().map(of_kind).collect::<Vec<_>>())?;
            let outputs = self.compute(&graph, &set, &rows, &mut store, options)?;
            let per_sample = graph.results.iter().map(|result| graph.node(result.value).per_sample).collect();
            parts.push(Part { rows, outputs, per_sample });
        }
        Ok(joined(parts, rows))
    }

    /// The Runtime network `network` that gives `outputs`, lowered for data of `sizes`.
    fn runtime_at(
        &self,
        program: &Program,
        network: &Graph,
        sizes: &Sizes,
        outputs: &[String],
    ) -> Result<Graph, Vec<Diagnostic>> {
        if let Some(wrong) = wrong_claim(network, sizes, None) {
            return Err(vec![wrong]);
        }
        let resized = match network.is_open() {
            true => networks::runtime_of(&self.sized_for(program, sizes, Some(outputs))?.graph, outputs),
            false => {
                if !sizes.is_empty() {
                    self.tried(sizes, Some(outputs))?;
                }
                network.clone()
            }
        };
        let graph = lower(&resized).map_err(|fault| vec![self.failure(&Failure::Unbatchable(fault))])?;
        Ok(Pipeline::standard().run(graph.bind(sizes)))
    }

    /// The outputs that are asked for, all when none is named.
    ///
    /// # Errors
    /// A name that is no output's; a program without one.
    pub(super) fn outputs(&self, graph: &Graph, asked: &[String]) -> Result<Vec<String>, Vec<Diagnostic>> {
        let declared: Vec<&str> = graph
            .results
            .iter()
            .filter(|result| result.role == ResultRole::Output)
            .map(|result| result.name.as_str())
            .collect();
        if let Some(unknown) = asked.iter().find(|name| !declared.contains(&name.as_str())) {
            let title = format!("no output is called `{unknown}`");
            let note = format!("the outputs are `{}`", declared.join("`, `"));
            return Err(vec![Diagnostic::new(Code::E0102, title).note(note)]);
        }
        if declared.is_empty() {
            let title = "the program declares no output";
            return Err(vec![Diagnostic::new(Code::E0602, title).help("add `output y` for what Runtime gives")]);
        }
        Ok(match asked {
            [] => declared.into_iter().map(str::to_owned).collect(),
            asked => asked.to_vec(),
        })
    }

    /// The columns of the network's inputs and their number of rows.
    fn inputs(&self, network: &Graph, given: &[(String, PathBuf)]) -> Result<(DataSet, usize), Vec<Diagnostic>> {
        let mut columns: Vec<(String, Column)> = Vec::new();
        let (mut rows, budget) = (Vec::new(), Budget::of_machine());
        let needed: Vec<&str> = network.inputs.iter().map(|input| input.name.as_str()).collect();
        if let Some((unknown, _)) = given.iter().find(|(name, _)| !needed.contains(&name.as_str())) {
            let title = format!("the Runtime network has no input `{unknown}`");
            let note = format!("it needs `{}`", needed.join("`, `"));
            return Err(vec![Diagnostic::new(Code::E0102, title).note(note)]);
        }
        for input in &network.inputs {
            let Some((name, path)) = given.iter().find(|(name, _)| *name == input.name) else {
                let title = format!("the Runtime network needs input `{}`", input.name);
                let help = format!("give it: `--input {}=file.npy`", input.name);
                return Err(vec![Diagnostic::new(Code::E0402, title).help(help)]);
            };
            let refuse = |error: DataError| vec![error.bare().diagnostic(None)];
            let source = source_of(name, path).map_err(refuse)?;
            let column = source.load(&want_of(network.ty(input.value)), &budget).map_err(refuse)?;
            rows.push((name.as_str(), path.as_path(), column.rows()));
            columns.push((name.clone(), column));
        }
        let rows = common_rows(rows).map_err(|error| vec![error.diagnostic(None)])?;
        let set = DataSet::new(columns).map_err(|error| vec![error.diagnostic(None)])?;
        Ok((set, rows.max(1)))
    }

    /// The weights of a file, every variable of the program among them.
    pub fn weights(&self, graph: &Graph, path: &Path) -> Result<Weights, Vec<Diagnostic>> {
        let refuse = |error: WeightsError| vec![Diagnostic::new(Code::E0803, error.to_string())];
        let weights = Weights::load(path).map_err(refuse)?;
        let shapes: Vec<(String, Vec<usize>)> = graph
            .variables
            .iter()
            .map(|variable| (variable.path.clone(), variable.ty.shape.constant().unwrap_or_default()))
            .collect();
        let expected: Vec<Expected> = shapes.iter().map(|(name, shape)| Expected { name, shape }).collect();
        match weights.check(&expected) {
            Ok(()) => Ok(weights),
            Err(WeightsError::Mismatch { faults }) => Err(vec![self.other_weights(path, &weights, &faults)]),
            Err(error) => Err(refuse(error)),
        }
    }

    /// Weights that are another network's, by the first faults.
    fn other_weights(&self, path: &Path, weights: &Weights, faults: &[String]) -> Diagnostic {
        let title = format!("the weights in `{}` do not fit the network", path.display());
        let mut diagnostic = Diagnostic::new(Code::E0803, title);
        if let Some(model) = weights.metadata.get("model").filter(|model| **model != self.title()) {
            diagnostic = diagnostic.note(format!("they are of `{model}`"));
        }
        for fault in faults.iter().take(FAULTS) {
            diagnostic = diagnostic.note(fault);
        }
        match faults.len().saturating_sub(FAULTS) {
            0 => diagnostic,
            more => diagnostic.note(format!("and {more} more")),
        }
    }

    /// The outputs of the samples numbered `rows`, which are of one kind.
    fn compute(
        &self,
        graph: &Graph,
        set: &DataSet,
        rows: &[usize],
        store: &mut Store,
        options: &InferOptions,
    ) -> Result<Vec<Output>, Vec<Diagnostic>> {
        let mut engine = Engine::new(options.threads);
        let mut buffers = Batch::new(graph);
        let mut plans: BTreeMap<usize, Plan> = BTreeMap::new();
        let mut outputs: Vec<Output> = Vec::new();
        for part in rows.chunks(BATCH) {
            let plan = match plans.entry(part.len()) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => {
                    let plan = Plan::new(graph, part.len(), store, &Options::default());
                    entry.insert(plan.map_err(|fault| vec![self.failure(&Failure::Plan(fault))])?)
                }
            };
            buffers.fill(Some(set), part, &Default::default()).map_err(|fault| vec![fault.diagnostic(None)])?;
            let run = RunContext { seed: options.seed, step: 0, batch: part.len() };
            let outcome = engine.run(plan, store, &buffers.feeds(), &run).expect("the plan and its feeds are ours");
            for (index, result) in graph.results.iter().enumerate() {
                let tensor = outcome.tensor(index);
                let per_sample = graph.node(result.value).per_sample;
                if outputs.len() == index {
                    let shape = tensor.shape().to_vec();
                    outputs.push(Output { name: result.name.clone(), sample: None, shape, values: tensor.to_f32() });
                } else if per_sample {
                    outputs[index].shape[0] += part.len();
                    outputs[index].values.extend(tensor.to_f32());
                }
            }
        }
        Ok(outputs)
    }
}

/// The outputs of the samples of one kind.
struct Part {
    rows: Vec<usize>,
    outputs: Vec<Output>,
    /// Whether each output is one for each sample.
    per_sample: Vec<bool>,
}

/// The outputs of all `rows` samples in their order. Of samples of several kinds, each has its own of everything.
fn joined(mut parts: Vec<Part>, rows: usize) -> Vec<Output> {
    if parts.len() == 1 {
        return parts.swap_remove(0).outputs;
    }
    let mut joined = Vec::new();
    for index in 0..parts[0].outputs.len() {
        let mut samples: Vec<(&[usize], &[f32])> = vec![(&[], &[]); rows];
        for Part { rows, outputs, per_sample } in &parts {
            let Output { shape, values, .. } = &outputs[index];
            let shape = &shape[usize::from(per_sample[index])..];
            let length: usize = shape.iter().product();
            for (position, row) in rows.iter().enumerate() {
                let start = if per_sample[index] { position * length } else { 0 };
                samples[*row] = (shape, &values[start..start + length]);
            }
        }
        let name = &parts[0].outputs[index].name;
        let output = |sample, shape, values| Output { name: name.clone(), sample, shape, values };
        if samples.iter().all(|(shape, _)| *shape == samples[0].0) {
            let shape = [rows].into_iter().chain(samples[0].0.iter().copied()).collect();
            joined.push(output(None, shape, samples.iter().flat_map(|(_, values)| *values).copied().collect()));
            continue;
        }
        let each = samples.into_iter().enumerate();
        joined.extend(each.map(|(row, (shape, values))| output(Some(row), shape.to_vec(), values.to_vec())));
    }
    joined
}

/// The reader for a file, by its ending.
fn source_of(input: &str, path: &Path) -> Result<Source, DataError> {
    let name = path.to_string_lossy().to_lowercase();
    let bare = name.strip_suffix(".gz").unwrap_or(&name);
    if bare.ends_with(".csv") {
        return Ok(csv_column(path, &Catalog::default().dataset_variables(path)?, input));
    }
    if name.ends_with(".parquet") {
        return Ok(parquet_column(path, input));
    }
    let (path, raw) = (path.to_path_buf(), false);
    Ok(match () {
        () if is_picture(&name) || path.is_dir() => Source::Images { path, raw },
        () if bare.ends_with(".npz") => Source::Npz { path, key: input.to_owned(), raw },
        () if bare.ends_with(".safetensors") => Source::Safetensors { path, key: input.to_owned(), raw },
        () if bare.ends_with(".npy") => Source::Npy { path, raw },
        () => Source::Idx { path, raw },
    })
}
