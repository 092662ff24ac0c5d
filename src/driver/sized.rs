//! A program at the sizes that a data set fixes. A scan is as long in the graph as its sequence, so a program that scans over data of an
//! open length is checked again when the length is known, in milliseconds. Every other program is good for all sizes as it is.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use super::data::{SetSizes, of_sample, sizes_of_kinds};
use super::{Origin, Session, column};
use crate::check::{self, Checked, Circumstances, Program};
use crate::data::DataSet;
use crate::diagnostic::{self, Code, Diagnostic};
use crate::ir::Graph;
use crate::library;
use crate::source::SourceMap;
use crate::tensor::Sizes;
use crate::train::Resize;

/// How many sizes of a set `check` tries: more than these and it is the first and the last of them. A run tries all.
const TRIED: usize = 16;

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
    ) -> Checked {
        let Some(Origin { ast, imports, request }) = &self.origin else { return Default::default() };
        let check = || {
            let (overrides, options) = (&request.set, request.options);
            let files = &column::Folder::new(&self.folder, request);
            let noting = request.noting && sizes.is_empty();
            let circumstances = Circumstances { overrides, sizes, options, imports, files, broken, outputs, noting };
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
        let mut sized = self.tried(sizes, outputs)?;
        settle_places(&mut sized.graph, &self.sources);
        Ok(Cow::Owned(Program { data: program.data.clone(), ..sized }))
    }

    /// The program checked for data of `sizes`.
    ///
    /// # Errors
    /// As of [`sized`](Session::sized), of any program.
    pub(super) fn tried(&self, sizes: &Sizes, outputs: Option<&[String]>) -> Result<Program, Vec<Diagnostic>> {
        let Checked { program, diagnostics: found, .. } = self.checked(sizes, None, outputs);
        program.ok_or_else(|| {
            let known = sizes.iter().map(|(symbol, size)| format!("{symbol} = {size}")).collect::<Vec<_>>().join(", ");
            let wrong = diagnostic::settle(found, &self.sources).into_iter().filter(Diagnostic::is_error);
            wrong.map(|diagnostic| diagnostic.note(format!("the data fixes {known}"))).collect()
        })
    }

    /// Tries the program at all sizes that the samples of named sets have.
    ///
    /// # Errors
    /// What is wrong with it at the first that it cannot take.
    pub(super) fn fits<'d>(
        &self,
        program: &Program,
        sets: impl IntoIterator<Item = (&'d str, &'d DataSet)>,
    ) -> Result<(), Vec<Diagnostic>> {
        let mut kinds = Vec::new();
        for (name, set) in sets {
            let of_set = sizes_of_kinds(&program.graph, set).unwrap_or_default();
            kinds.push(SetSizes { set: name.to_owned(), span: None, kinds: of_set });
        }
        match self.wrong_sizes(&kinds, usize::MAX) {
            wrong if wrong.is_empty() => Ok(()),
            wrong => Err(wrong),
        }
    }

    /// The program at the sizes of the training data, or of `--set`; itself when it holds for all.
    ///
    /// # Errors
    /// E0115: it scans over a length that nothing fixes. What is wrong at those sizes.
    pub fn at_training_sizes<'p>(&self, program: &'p Program) -> Result<Cow<'p, Program>, Vec<Diagnostic>> {
        let none = Sizes::new();
        let of_train = self.sizes.iter().find(|set| set.set == "train").and_then(|set| set.kinds.first());
        let sizes = of_train.map_or(&none, |(_, sizes)| sizes);
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
    pub(super) fn wrong_at(&self, sets: &[SetSizes]) -> Vec<Diagnostic> {
        self.wrong_sizes(sets, TRIED)
    }

    /// The same, with at most `most` sizes of a set tried, or its first and last in their order.
    fn wrong_sizes(&self, sets: &[SetSizes], most: usize) -> Vec<Diagnostic> {
        let mut told: Vec<Diagnostic> = Vec::new();
        let mut known: BTreeSet<&Sizes> = BTreeSet::new();
        for set in sets {
            let mut kinds: Vec<&(usize, Sizes)> = set.kinds.iter().filter(|(_, sizes)| !sizes.is_empty()).collect();
            let several = kinds.len() > 1;
            kinds.sort_by_key(|(_, sizes)| sizes);
            if kinds.len() > most {
                kinds = vec![kinds[0], kinds[kinds.len() - 1]];
            }
            for (row, sizes) in kinds.into_iter().filter(|(_, sizes)| known.insert(sizes)) {
                for wrong in self.tried(sizes, None).err().into_iter().flatten() {
                    if told.iter().any(|other| (other.code, other.span()) == (wrong.code, wrong.span())) {
                        continue;
                    }
                    let wrong = match set.span {
                        Some(span) => wrong.label(span, "the data set"),
                        None => wrong.note(format!("by the data set `{}`", set.set)),
                    };
                    told.push(of_sample(wrong, several.then_some(*row)));
                }
            }
        }
        told
    }
}

/// A program that is checked again for each size of the data.
pub(super) struct Resized<'s> {
    session: &'s Session,
    program: &'s Program,
    /// What was asked for last.
    last: RefCell<Option<(Sizes, Rc<Program>)>>,
}

impl<'s> Resized<'s> {
    /// `program` of the session.
    pub fn new(session: &'s Session, program: &'s Program) -> Resized<'s> {
        Resized { session, program, last: RefCell::new(None) }
    }

    /// What a program that is not good for all sizes as it is becomes others by.
    pub fn resize(&self) -> Option<&dyn Resize> {
        self.program.graph.is_open().then_some(self)
    }
}

impl Resize for Resized<'_> {
    fn graph(&self) -> &Graph {
        &self.program.graph
    }

    fn at(&self, sizes: &Sizes) -> Result<Rc<Program>, Vec<Diagnostic>> {
        let mut last = self.last.borrow_mut();
        if let Some((_, program)) = last.as_ref().filter(|(known, _)| known == sizes) {
            return Ok(program.clone());
        }
        let program = Rc::new(self.session.sized(self.program, sizes)?.into_owned());
        *last = Some((sizes.clone(), program.clone()));
        Ok(program)
    }
}

/// Puts places that the user wrote in those of the library, so that they are found without this graph's calls.
fn settle_places(graph: &mut Graph, sources: &SourceMap) {
    let Graph { nodes, variables, results, updates, frames, .. } = graph;
    let places = nodes.iter_mut().map(|node| &mut node.place);
    let places = places.chain(variables.iter_mut().map(|variable| &mut variable.place));
    let places = places.chain(results.iter_mut().map(|result| &mut result.place));
    let places = places.chain(updates.iter_mut().map(|update| &mut update.place));
    places.for_each(|place| place.span = check::outside_library(sources, frames, *place));
}
