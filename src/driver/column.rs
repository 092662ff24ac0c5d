//! What the checker asks of files, and columns that are computed from them.

use std::collections::BTreeMap;
use std::path::Path;

use super::Request;
use super::data::{source_of, want_of};
use crate::check::{Files, Formula, Reader};
use crate::data::{
    Budget, Catalog, Column, Computed, DataError, DataSet, Element, Header, Number, Source, Want, common_rows,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::engine::plan::{Engine, Options, Plan, Store};
use crate::ir::{Graph, Input, ResultValue};
use crate::lower::lower;
use crate::networks::{Choice, slice};
use crate::ops::RunContext;
use crate::passes::Pipeline;
use crate::source::Span;
use crate::tensor::{DType, Dim, Tensor, Type};
use crate::train::Batch;

/// How many rows are computed at a time.
const ROWS: usize = 256;

/// What the checker asks of the files of a folder.
pub struct Folder<'a> {
    path: &'a Path,
    request: &'a Request,
    catalog: Catalog,
}

impl Folder<'_> {
    /// The folder at which relative paths start.
    pub fn new<'a>(path: &'a Path, request: &'a Request) -> Folder<'a> {
        Folder { path, request, catalog: Catalog::default() }
    }
}

impl Files for Folder<'_> {
    fn is_replaced(&self, set: &str) -> bool {
        self.request.without_data || self.request.data.iter().any(|over| over.set == set)
    }

    fn sample(&self, reader: &Reader, input: &str) -> Result<Type, Diagnostic> {
        let source = source_of(reader, input, self.path);
        let header = self.catalog.header(&source);
        let header = header.map_err(|error| error.diagnostic(Some(reader.span)))?;
        let shape = header.shape.iter().map(|size| Dim::from(*size as i64)).collect();
        Ok(Type { dtype: element(&source, &header), shape })
    }

    fn array(&self, path: &str, key: Option<&str>, span: Span) -> Result<Tensor, Diagnostic> {
        let source = array_source(path, key, self.path)
            .map_err(|(title, label)| Diagnostic::at(Code::E0105, span, title, label))?;
        whole(&source).map_err(|error| error.diagnostic(Some(span)))
    }
}

/// Where an array is, by the ending of its file's name; else a title and a label.
fn array_source(name: &str, key: Option<&str>, folder: &Path) -> Result<Source, (String, String)> {
    let (path, raw) = (folder.join(name), true);
    let ending = name.strip_suffix(".gz").unwrap_or(name).rsplit_once('.').map_or("", |(_, ending)| ending);
    match (ending, key.map(str::to_owned)) {
        ("npy", None) => Ok(Source::Npy { path, raw }),
        ("npz", Some(key)) => Ok(Source::Npz { path, key, raw }),
        ("safetensors", Some(key)) => Ok(Source::Safetensors { path, key, raw }),
        ("npy", Some(_)) => Err(("a `.npy` file holds one array".to_owned(), "leave the key out".to_owned())),
        ("npz" | "safetensors", None) => {
            Err((format!("a `.{ending}` file holds several arrays"), format!("write `file(\"{name}\", \"key\")`")))
        }
        _ => Err(("`file` reads `.npy`, `.npz` and `.safetensors`".to_owned(), "this is none of them".to_owned())),
    }
}

/// All of an array.
fn whole(source: &Source) -> Result<Tensor, DataError> {
    let element = match source.header()?.number {
        Number::Text | Number::F16 | Number::F32 | Number::F64 => Element::F32,
        Number::Bool => Element::Bool,
        _ => Element::I32,
    };
    let column = source.load(&Want { finite: true, ..Want::any(element) }, &Budget::of_machine())?;
    let rows: Vec<usize> = (0..column.rows()).collect();
    let shape: Vec<usize> = [column.rows()].into_iter().chain(column.shape().iter().copied()).collect();
    let count = rows.len() * column.row_len();
    if element == Element::F32 {
        let mut values = vec![0.0; count];
        column.gather_f32(&rows, &mut values)?;
        return Ok(Tensor::f32(&shape, values));
    }
    let mut values = vec![0; count];
    column.gather_i32(&rows, &mut values)?;
    Ok(match element {
        Element::Bool => Tensor::bool(&shape, values.into_iter().map(|value| value != 0).collect()),
        _ => Tensor::i32(&shape, values),
    })
}

/// What a file's numbers are before anything is computed: the digits of tables and all that has fractions are `f32`, as are pictures
/// of bytes, which stand for 0 to 1.
fn element(source: &Source, header: &Header) -> DType {
    match (source, header.number) {
        (Source::Images { .. } | Source::Dataset { .. }, Number::U8 | Number::U16) => DType::F32,
        // Three axes of 16 bits are a picture.
        (Source::Parquet { .. }, Number::U16) if header.shape.len() == 3 => DType::F32,
        (Source::Text { .. }, _) => DType::Index(Dim::from(256i64)),
        (_, Number::Text | Number::F16 | Number::F32 | Number::F64) => DType::F32,
        (_, Number::Bool) => DType::Bool,
        (_, Number::U8) if header.shape.len() >= 2 => DType::F32,
        _ => DType::I32,
    }
}

/// A computed column and what it reads.
pub struct Computation {
    /// What a sample is computed by: an input a file.
    graph: Graph,
    /// What the inputs read, in order.
    pub sources: Vec<Source>,
}

impl Computation {
    /// The column `input` computed by `formula`, its files in `folder`.
    pub fn new(formula: &Formula, input: &str, folder: &Path) -> Computation {
        let graph = slice(&formula.graph, Choice::Evaluation, false);
        let reader = |fed: &Input| formula.readers.iter().find(|(name, _)| *name == fed.name);
        let readers = graph.inputs.iter().filter_map(reader);
        let sources = readers.map(|(_, reader)| source_of(reader, input, folder)).collect();
        Computation { graph, sources }
    }

    /// What each of the files must hold. Values that are not finite may yet become so.
    pub fn wants(&self) -> Vec<Want> {
        let want = |fed: &Input| Want { finite: false, ..want_of(self.graph.ty(fed.value)) };
        self.graph.inputs.iter().map(want).collect()
    }

    /// What is known of the column from the headers of its files.
    ///
    /// # Errors
    /// A header that cannot be read or does not fit, and files with different numbers of rows.
    pub fn header(&self, catalog: &Catalog, input: &str) -> Result<Header, DataError> {
        let mut rows = Vec::new();
        for (source, want) in self.sources.iter().zip(self.wants()) {
            let header = catalog.header(source)?;
            header.check(source.path(), &want)?;
            rows.push((input, source.path(), header.rows));
        }
        Ok(Header { number: Number::F32, shape: self.shape(), rows: common_rows(rows)? })
    }

    fn result(&self) -> &ResultValue {
        &self.graph.results[0]
    }

    /// The shape of a sample. All sizes come from files, so none is open.
    fn shape(&self) -> Vec<usize> {
        let sizes = self.graph.ty(self.result().value).shape.constant();
        sizes.expect("sizes from files are known")
    }

    /// Computes the column from those that its files hold.
    ///
    /// # Errors
    /// Files with different numbers of rows, or the first value that does not fit `want`, with its row.
    pub fn column(&self, read: Vec<Column>, want: &Want, budget: &Budget) -> Result<Column, DataError> {
        let named = self.graph.inputs.iter().map(|fed| fed.name.clone()).zip(read);
        let set = DataSet::new(named.collect())?;
        let graph = lower(&self.graph).expect("what reads one sample at a time can be batched");
        let graph = Pipeline::standard().run(graph);
        let (mut engine, mut store) = (Engine::new(1), Store::new());
        let (mut buffers, mut plans) = (Batch::new(&graph), BTreeMap::new());
        let shape = self.shape();
        let mut column = Computed::new(&shape, want, budget)?;
        let all: Vec<usize> = (0..set.rows()).collect();
        for rows in all.chunks(ROWS) {
            let plan = || Plan::new(&graph, rows.len(), &store, &Options::default());
            let plan = plans.entry(rows.len()).or_insert_with(|| plan().expect("some rows fit in memory"));
            buffers.fill(Some(&set), rows, &Default::default())?;
            let run = RunContext { seed: 0, step: 0, batch: rows.len() };
            let outcome =
                engine.run(plan, &mut store, &buffers.feeds(), &run).expect("the plan and its feeds are ours");
            column.push(outcome.tensor(0).to_f64().into_iter())?;
        }
        for (_, read) in set.into_columns() {
            read.release(budget);
        }
        column.finish()
    }
}
