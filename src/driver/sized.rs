//! A program at the sizes that a data set fixes. A scan is as long in the graph as its sequence, so a program that scans over data of an
//! open length is checked again when the length is known, in milliseconds. Every other program is good for all sizes as it is.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::data::SetSizes;
use super::{Origin, Session, column, library};
use crate::check::{self, Circumstances, Program};
use crate::diagnostic::{self, Code, Diagnostic};
use crate::ir::{Graph, Place};
use crate::source::SourceMap;
use crate::tensor::Sizes;

/// How much stack checking gets: calls of a program nest as deeply as `check` allows, each over several frames of Rust's.
const STACK: usize = 256 << 20;

impl Session {
    /// Checks what the session was made of, for data of `sizes` or, when these are empty, of any. `broken` are the names that parts
    /// which did not parse would have bound; with `outputs`, what is wrong with all else may stand.
    pub(super) fn checked(
        &self,
        sizes: &Sizes,
        broken: Option<&BTreeSet<String>>,
        outputs: Option<&[String]>,
    ) -> (Option<Program>, Vec<Diagnostic>) {
        let Some(Origin { ast, imports, request }) = &self.origin else { return Default::default() };
        let check = || {
            let (overrides, options) = (&request.set, request.options);
            let files = &column::Folder::new(&self.folder, request);
            let circumstances = Circumstances { overrides, sizes, options, imports, files, broken, outputs };
            check::check(&self.sources, library::asts(), self.file, ast, circumstances)
        };
        let checked = std::thread::scope(|scope| {
            std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, check).map(|thread| thread.join())
        });
        match checked {
            Ok(Ok(checked)) => checked,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread to be had: the ordinary stack is enough for ordinary programs.
            Err(_) => check(),
        }
    }

    /// The program for data of `sizes`: `program` itself, unless it scans over what they fix.
    ///
    /// # Errors
    /// What is wrong with the program at these sizes alone, as a scan without a step.
    pub(super) fn sized<'p>(&self, program: &'p Program, sizes: &Sizes) -> Result<Cow<'p, Program>, Vec<Diagnostic>> {
        self.sized_for(program, sizes, None)
    }

    /// The same, for `outputs` alone when there are some: a loss may be wrong at these sizes.
    ///
    /// # Errors
    /// As of [`sized`](Session::sized), when it is of the outputs.
    pub(super) fn sized_for<'p>(
        &self,
        program: &'p Program,
        sizes: &Sizes,
        outputs: Option<&[String]>,
    ) -> Result<Cow<'p, Program>, Vec<Diagnostic>> {
        if !program.graph.is_open() || sizes.is_empty() {
            return Ok(Cow::Borrowed(program));
        }
        let (sized, found) = self.checked(sizes, None, outputs);
        let Some(mut sized) = sized else {
            let known = sizes.iter().map(|(symbol, size)| format!("{symbol} = {size}")).collect::<Vec<_>>().join(", ");
            let wrong = diagnostic::settle(found, &self.sources).into_iter().filter(Diagnostic::is_error);
            return Err(wrong.map(|diagnostic| diagnostic.note(format!("the data fixes {known}"))).collect());
        };
        settle_places(&mut sized.graph, &self.sources);
        Ok(Cow::Owned(Program { data: program.data.clone(), ..sized }))
    }

    /// The program at the sizes of the training data, or of `--set`; itself when it holds for all.
    ///
    /// # Errors
    /// E0115: it scans over a length that nothing fixes. What is wrong at those sizes.
    pub fn at_training_sizes<'p>(&self, program: &'p Program) -> Result<Cow<'p, Program>, Vec<Diagnostic>> {
        let none = Sizes::new();
        let sizes = self.sizes.iter().find(|set| set.set == "train").map_or(&none, |set| &set.sizes);
        let sized = self.sized(program, sizes)?;
        let open = sized.graph.nodes.iter().find(|node| node.op == crate::ir::op::STAND_IN);
        let Some(node) = open else { return Ok(sized) };
        let symbols = sized.graph.ty(node.inputs[0]).shape.first().map(|length| length.symbols()).unwrap_or_default();
        let (place, set) = (node.place, symbols.iter().map(|symbol| format!("--set {symbol}=24")).collect::<Vec<_>>());
        let title = "how many steps this `scan` takes is for the data to fix";
        let diagnostic = match check::user_place(&self.sources, &sized.graph, place) {
            Some(span) => Diagnostic::at(Code::E0115, span, title, "its steps are written out one by one"),
            None => Diagnostic::new(Code::E0115, title),
        };
        Err(vec![diagnostic.help(format!("choose a length: `{}`", set.join(" ")))])
    }

    /// What is wrong with the program at the sizes of the data sets, each mistake told for the first of them.
    pub(super) fn wrong_sizes(&self, sets: &[SetSizes]) -> Vec<Diagnostic> {
        let Some(program) = &self.program else { return Vec::new() };
        let mut told: Vec<Diagnostic> = Vec::new();
        for set in sets {
            for wrong in self.sized(program, &set.sizes).err().into_iter().flatten() {
                if told.iter().any(|other| (other.code, other.span()) == (wrong.code, wrong.span())) {
                    continue;
                }
                told.push(match set.span {
                    Some(span) => wrong.label(span, "the data set"),
                    None => wrong,
                });
            }
        }
        told
    }
}

/// Puts places that the user wrote in those of the library, so that they are found without this graph's calls.
fn settle_places(graph: &mut Graph, sources: &SourceMap) {
    let mut nodes = std::mem::take(&mut graph.nodes);
    nodes.iter_mut().for_each(|node| node.place = settled(graph, sources, node.place));
    graph.nodes = nodes;
    let mut variables = std::mem::take(&mut graph.variables);
    variables.iter_mut().for_each(|variable| variable.place = settled(graph, sources, variable.place));
    graph.variables = variables;
    let mut results = std::mem::take(&mut graph.results);
    results.iter_mut().for_each(|result| result.place = settled(graph, sources, result.place));
    graph.results = results;
    let mut updates = std::mem::take(&mut graph.updates);
    updates.iter_mut().for_each(|update| update.place = settled(graph, sources, update.place));
    graph.updates = updates;
}

fn settled(graph: &Graph, sources: &SourceMap, place: Place) -> Place {
    Place { span: check::user_place(sources, graph, place), ..place }
}
