//! The Runtime network with its weights, in a format of another program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::Session;
use crate::diagnostic::{Code, Diagnostic};
use crate::export::{Export, File, Format, Unwritable};
use crate::ir::{Graph, op};
use crate::lower::lower;
use crate::networks;
use crate::ops::random;
use crate::passes::Pipeline;
use crate::tensor::{BATCH, Sizes, Tensor};
use crate::train::{Failure, stored};

/// How many operations that a format lacks are told.
const FAULTS: usize = 8;

/// What is asked of an export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The format.
    pub format: Format,
    /// The trained weights; without them the network has those that training starts with.
    pub weights: Option<PathBuf>,
    /// The outputs wanted; empty for all.
    pub outputs: Vec<String>,
    /// The batch size; none leaves it open where the format can, and is 1 elsewhere.
    pub batch: Option<usize>,
}

impl Session {
    /// Writes the Runtime network in another format, into memory.
    ///
    /// # Errors
    /// Unknown outputs, weights that do not fit, sizes that stay open, and operations that the format does not have (E0609).
    pub fn export(&self, options: &ExportOptions) -> Result<Vec<File>, Vec<Diagnostic>> {
        let export = self.exported(options)?;
        let refuse = |faults: Vec<Unwritable>| self.unwritable(options.format, &export.graph, &faults);
        options.format.write(&export).map_err(refuse)
    }

    /// The network that an export holds, with its weights.
    ///
    /// # Errors
    /// As of [`export`](Session::export), but for what the format does not have.
    pub fn exported(&self, options: &ExportOptions) -> Result<Export, Vec<Diagnostic>> {
        let Some(program) = &self.program else { return Err(self.diagnostics.clone()) };
        let names = self.outputs(&program.graph, &options.outputs)?;
        let program = self.at_training_sizes(program)?;
        let network = networks::runtime_of(&program.graph, &names);
        closed(&network)?;
        let batched = lower(&network).map_err(|fault| vec![self.failure(&Failure::Unbatchable(fault))])?;
        let fixed = match options.batch {
            Some(batch) => Sizes::from([(BATCH.to_owned(), batch as i64)]),
            None if options.format.has_open_batch() => Sizes::new(),
            None => Sizes::from([(BATCH.to_owned(), 1)]),
        };
        let graph = Pipeline::standard().run(batched.bind(&fixed));
        let weights = self.exported_weights(&program.graph, &graph, options)?;
        Ok(Export { graph, weights, title: self.title() })
    }

    /// The values of the variables that `network` reads: of the file, or those that training starts with.
    fn exported_weights(
        &self,
        program: &Graph,
        network: &Graph,
        options: &ExportOptions,
    ) -> Result<BTreeMap<String, Tensor>, Vec<Diagnostic>> {
        let weights = options.weights.as_ref().map(|path| self.weights(program, path)).transpose()?;
        let store = stored(program, 0, weights.as_ref());
        let read: BTreeSet<i64> = network
            .nodes
            .iter()
            .filter(|node| node.op == op::VARIABLE)
            .map(|node| node.attrs.get_int("index"))
            .collect();
        let paths = network.variables.iter().zip(0..).filter(|(_, index)| read.contains(index));
        Ok(paths.filter_map(|(variable, _)| Some((variable.path.clone(), store.get(&variable.path)?))).collect())
    }

    /// E0609 for each operation that a format lacks, those of one place and kind together.
    fn unwritable(&self, format: Format, graph: &Graph, faults: &[Unwritable]) -> Vec<Diagnostic> {
        let mut told = BTreeSet::new();
        let mut diagnostics = Vec::new();
        for fault in faults {
            let span = crate::check::user_place(&self.sources, graph, fault.place);
            if !told.insert((fault.op, span.map(|span| (span.file, span.start)))) || diagnostics.len() == FAULTS {
                continue;
            }
            let title = format!("{} cannot hold `{}`: it {}", format.name(), fault.op, fault.reason);
            let draws = matches!(fault.op, random::RAND | random::RANDN | random::ORTHOGONAL);
            let help = "feed it instead: `input z: T from ...` is drawn in training, and given to Runtime";
            let told = match span {
                Some(span) => Diagnostic::at(Code::E0609, span, title, "an output needs this"),
                None => Diagnostic::new(Code::E0609, title),
            };
            diagnostics.push(if draws { told.help(help) } else { told });
        }
        diagnostics
    }
}

/// Sizes that only data fixes have to be chosen.
fn closed(network: &Graph) -> Result<(), Vec<Diagnostic>> {
    let sizes = network.inputs.iter().flat_map(|input| {
        let symbols = network.ty(input.value).shape.iter().flat_map(|size| size.symbols());
        symbols.map(|symbol| (symbol.to_string(), input)).collect::<Vec<_>>()
    });
    let open: BTreeMap<String, _> = sizes.filter(|(symbol, _)| symbol != BATCH).collect();
    let diagnostics = open.iter().map(|(symbol, input)| {
        let title =
            format!("the size `{symbol}` of input `{}` is open, and a file holds a network of one size", input.name);
        Diagnostic::new(Code::E0115, title).help(format!("choose it: `--set {symbol}=24`"))
    });
    let diagnostics: Vec<Diagnostic> = diagnostics.collect();
    if diagnostics.is_empty() { Ok(()) } else { Err(diagnostics) }
}
