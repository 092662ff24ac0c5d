//! The program's `data` statements against files: headers checked, values loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::column::Computation;
use crate::check::{ColumnSource, DataColumns, DataStatement, Format, Program, Reader, Select, TrainSettings};
use crate::data::{
    Budget, Catalog, Column, Columns, DataError, DataErrorKind, DataSet, Element, Header, Kinds, Shapes, Size, Source,
    Want, Windows, common_rows,
};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Graph, Input};
use crate::source::Span;
use crate::tensor::{DType, Sizes, Type};
use crate::train::{Clash, Training, Unmet, sizes_by_kind, sizes_of, unmet_claim};

/// What holds of sizes that data fixes.
const ONE_SIZE: &str = "a size that the data fixes is one number throughout a sample, and at least 1";

/// A data set replaced on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataOverride {
    /// `train`, `validation` or `test`.
    pub set: String,
    /// The CSV or Parquet file, relative to the working folder.
    pub path: PathBuf,
}

/// The data sets of a program, loaded.
#[derive(Debug, Default)]
pub struct Sets {
    /// What is trained on.
    pub train: Option<DataSet>,
    /// What the kept weights are chosen by.
    pub validation: Option<DataSet>,
    /// What is evaluated once at the end.
    pub test: Option<DataSet>,
}

impl Sets {
    /// Loads the data of a program, every value checked.
    ///
    /// # Errors
    /// The first fault of each file.
    pub fn load(
        program: &Program,
        folder: &Path,
        overrides: &[DataOverride],
        budget: &Budget,
    ) -> Result<Sets, Vec<Diagnostic>> {
        let (mut sets, mut faults) = (Sets::default(), Vec::new());
        for statement in statements(program, overrides, folder, &Catalog::default(), |_| true, &mut faults) {
            match load_set(&program.graph, &statement, budget) {
                Ok(set) => match statement.set.as_str() {
                    "train" => sets.train = Some(set),
                    "validation" => sets.validation = Some(set),
                    _ => sets.test = Some(set),
                },
                Err(found) => faults.extend(found),
            }
        }
        if faults.is_empty() { Ok(sets) } else { Err(faults) }
    }

    /// Loads the set called `name` alone, every value checked. The files of others may be missing.
    ///
    /// # Errors
    /// The first fault of each file.
    pub fn load_one(
        program: &Program,
        folder: &Path,
        overrides: &[DataOverride],
        name: &str,
        budget: &Budget,
    ) -> Result<DataSet, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        let found = statements(program, overrides, folder, &Catalog::default(), |set| set == name, &mut faults);
        match found.first() {
            Some(statement) if faults.is_empty() => load_set(&program.graph, statement, budget),
            None if faults.is_empty() => {
                Err(vec![Diagnostic::new(Code::E0402, format!("the program has no `data {name}`"))])
            }
            _ => Err(faults),
        }
    }

    /// What training these sets is made of.
    pub fn training<'a>(&'a self, program: &'a Program, settings: &'a TrainSettings, threads: usize) -> Training<'a> {
        let (train, validation) = (self.train.as_ref(), self.validation.as_ref());
        Training { program, resize: None, settings, train, validation, threads }
    }
}

/// The inputs that data feeds: those that are not drawn.
pub fn feeds_of(graph: &Graph) -> impl Iterator<Item = &Input> {
    graph.inputs.iter().filter(|input| input.drawn.is_none() && !input.is_scalar())
}

/// The first input that a training set would feed, as an error when there is none.
pub(super) fn unfed(program: &Program, has_training_set: bool) -> Option<Diagnostic> {
    let input = feeds_of(&program.graph).next().filter(|_| !has_training_set)?;
    let title = format!("input `{}` is never fed: there is no `data train`", input.name);
    let diagnostic = match program.graph.node(input.value).place.span {
        Some(span) => Diagnostic::at(Code::E0402, span, title, "declared here"),
        None => Diagnostic::new(Code::E0402, title),
    };
    Some(diagnostic.help("add `data train { ... = idx(\"...\") }`, or give `--data train=f.csv`"))
}

/// What an input of type `ty` takes.
pub fn want_of(ty: &Type) -> Want {
    let element = match &ty.dtype {
        DType::F32 => Element::F32,
        DType::I32 => Element::I32,
        DType::Bool => Element::Bool,
        DType::Index(classes) => {
            Element::Index(classes.constant().and_then(|k| usize::try_from(k).ok()).unwrap_or(usize::MAX))
        }
    };
    let size = |dim: &crate::tensor::Dim| match dim.constant().and_then(|size| usize::try_from(size).ok()) {
        Some(size) => Size::Known(size),
        None => Size::Free(dim.to_string()),
    };
    Want::input(element, ty.shape.iter().map(size).collect())
}

/// One data set as its columns' sources.
struct Resolved {
    set: String,
    span: Option<Span>,
    columns: Vec<Feed>,
}

impl Resolved {
    /// Two columns that disagree in a size, at the columns; `row`, from 0, where not all samples do.
    fn clash(&self, clash: &Clash, row: Option<usize>) -> Diagnostic {
        let feed_of = |input: &str| self.columns.iter().find(|feed| feed.input == input);
        let span_of = |input: &str| feed_of(input).and_then(|feed| feed.span);
        let title = match row.zip(feed_of(&clash.input)) {
            Some((row, feed)) => in_row(clash, feed.path(), row),
            None => clash.to_string(),
        };
        let Some(span) = span_of(&clash.input) else { return Diagnostic::new(Code::E0401, title).help(ONE_SIZE) };
        let mut diagnostic = Diagnostic::at(Code::E0401, span, title, format!("samples of {} here", clash.found));
        for (input, symbol, size) in &clash.by {
            if let Some(other) = span_of(input).filter(|other| *other != span) {
                diagnostic = diagnostic.label(other, format!("`{symbol}` is {size} here"));
            }
        }
        diagnostic.help(ONE_SIZE)
    }
}

/// A clash in the row numbered `row`, from 0, of the file at `path`.
fn in_row(clash: &Clash, path: &Path, row: usize) -> String {
    let error = DataError::new(path, DataErrorKind::Shape, clash.to_string()).at_row(row + 1);
    error.in_column(clash.input.as_str()).to_string()
}

/// The first sample of each kind of a set, from 0, and the sizes that it fixes.
pub type KindSizes = Vec<(usize, Sizes)>;

/// The sizes that each kind of samples of a set fixes.
///
/// # Errors
/// Two columns that disagree in a size.
pub(super) fn sizes_of_kinds(graph: &Graph, set: &DataSet) -> Result<KindSizes, Box<(usize, Clash)>> {
    let firsts = set.kinds().firsts().iter();
    let sizes = |row: &usize| match sizes_of(graph, |name| set.shape(name, *row)) {
        Ok(sizes) => Ok((*row, sizes)),
        Err(clash) => Err(Box::new((*row, clash))),
    };
    firsts.map(sizes).collect()
}

/// Two columns of a set that disagree in a size.
pub(super) fn clashing(set: &DataSet, (row, clash): &(usize, Clash)) -> Diagnostic {
    let title = match several(set.kinds()) {
        true => in_row(clash, Path::new(""), *row),
        false => clash.to_string(),
    };
    Diagnostic::new(Code::E0401, title).help(ONE_SIZE)
}

/// Whether there are samples of several kinds.
fn several(kinds: &Kinds) -> bool {
    kinds.firsts().len() > 1
}

/// What feeds an input.
struct Feed {
    input: String,
    from: From,
    span: Option<Span>,
    /// Whether the expression at `span` feeds other inputs too.
    shared: bool,
}

/// Where a column comes from.
enum From {
    File(Source),
    Computation(Computation),
}

impl Feed {
    /// What is known of the column from headers, after axes of size 1 are added or removed as `want` asks: its samples' shapes.
    fn shapes(&self, catalog: &Catalog, want: &Want) -> Result<Shapes, DataError> {
        let (header, shapes) = match &self.from {
            From::File(source) => {
                let shapes = catalog.shapes(source, want);
                if shapes.as_ref().err().is_none_or(|error| error.kind != DataErrorKind::Shape || error.row.is_some()) {
                    return shapes.map_err(|error| self.told(error));
                }
                (catalog.header(source)?, shapes)
            }
            From::Computation(computation) => {
                let header = computation.header(catalog, &self.input)?;
                let shape = header.check(self.path(), want);
                let shapes = shape.map(|shape| Shapes::alike(shape, header.rows));
                (header, shapes)
            }
        };
        shapes.map_err(|error| match self.advice(&header, want) {
            Some(help) if error.kind == DataErrorKind::Shape => error.bare().help(help),
            _ => self.told(error),
        })
    }

    /// `error` as it is told of this column: what it says to write around its values stands around the whole expression.
    fn told(&self, error: DataError) -> DataError {
        let of_result = match self.from {
            From::File(_) => !self.shared,
            From::Computation(_) => error.path.as_os_str().is_empty(),
        };
        if of_result { error } else { error.bare() }
    }

    /// What to write for samples of another shape, where the reader has arguments for it.
    fn advice(&self, header: &Header, want: &Want) -> Option<String> {
        let From::File(source) = &self.from else { return None };
        match (source, want.shape.as_deref()) {
            (Source::Text { .. }, Some([Size::Known(size)])) => Some(format!("write `window = {size}`")),
            (
                Source::Csv { columns: Columns::One(name), .. } | Source::Dataset { variable: name, .. },
                Some([_, ..]),
            ) if header.shape.is_empty() => {
                let plain = matches!(source, Source::Csv { .. }) && !self.shared;
                Some(match plain {
                    true => "several columns make a vector: `csv(\"f.csv\", [\"a\", \"b\"])`, or `\"first:last\"`"
                        .to_owned(),
                    false => format!("a vector stands in columns `{name}__0`, `{name}__1` and so on"),
                })
            }
            _ => None,
        }
    }

    /// The file; empty for what is computed.
    fn path(&self) -> &Path {
        match &self.from {
            From::File(source) => source.path(),
            From::Computation(_) => Path::new(""),
        }
    }

    /// The files that are read, each with what it must hold; `want` is what the input asks for.
    fn files(&self, want: &Want) -> Vec<(&Source, Want)> {
        match &self.from {
            From::File(source) => vec![(source, want.clone())],
            From::Computation(computation) => computation.sources.iter().zip(computation.wants()).collect(),
        }
    }

    /// The column from what its files hold.
    fn column(&self, read: Vec<Column>, want: &Want, budget: &Budget) -> Result<Column, DataError> {
        match &self.from {
            From::File(_) => Ok(read.into_iter().next().expect("a file gives one column")),
            From::Computation(computation) => computation.column(read, want, budget),
        }
    }
}

/// The program's data statements of the sets `asked` for with files resolved, after what the command line replaces.
fn statements(
    program: &Program,
    overrides: &[DataOverride],
    folder: &Path,
    catalog: &Catalog,
    asked: impl Fn(&str) -> bool,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Resolved> {
    let replaced = |set: &str| overrides.iter().any(|over| over.set == set);
    let mut found = Vec::new();
    for statement in program.data.iter().filter(|statement| asked(&statement.set) && !replaced(&statement.set)) {
        match resolve(&program.graph, statement, folder, catalog) {
            Ok(resolved) => found.push(resolved),
            Err(fault) => faults.push(fault),
        }
    }
    for over in overrides.iter().filter(|over| asked(&over.set)) {
        let is_parquet = over.path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        let format = if is_parquet { Format::Parquet } else { Format::Csv };
        match whole(&program.graph, &over.path, format, catalog) {
            Ok(columns) => {
                let feed = |(input, source)| Feed { input, from: From::File(source), span: None, shared: true };
                let columns = columns.into_iter().map(feed).collect();
                found.push(Resolved { set: over.set.clone(), span: None, columns });
            }
            Err(error) => faults.push(error.diagnostic(None)),
        }
    }
    found
}

fn resolve(graph: &Graph, statement: &DataStatement, folder: &Path, catalog: &Catalog) -> Result<Resolved, Diagnostic> {
    let columns = match &statement.source {
        DataColumns::Whole(reader) => {
            let path = folder.join(&reader.path);
            if !matches!(reader.format, Format::Csv | Format::Parquet) || reader.select != Select::All {
                let title = "only a whole `csv` or `parquet` file holds every column by name";
                return Err(Diagnostic::at(Code::E0401, reader.span, title, "give each input a column in braces"));
            }
            let columns = whole(graph, &path, reader.format, catalog);
            let columns = columns.map_err(|error| error.diagnostic(Some(reader.span)))?;
            let feed =
                |(input, source)| Feed { input, from: From::File(source), span: Some(reader.span), shared: true };
            columns.into_iter().map(feed).collect()
        }
        DataColumns::Each(columns) => {
            let feed = |(input, column): &(String, ColumnSource)| {
                let from = match column {
                    ColumnSource::Read(reader) => From::File(source_of(reader, input, folder)),
                    ColumnSource::Computed(formula) => From::Computation(Computation::new(formula, input, folder)),
                };
                Feed { input: input.clone(), from, span: Some(column.span()), shared: false }
            };
            columns.iter().map(feed).collect()
        }
    };
    Ok(Resolved { set: statement.set.clone(), span: Some(statement.span), columns })
}

/// Every input's column of one file: columns of a Parquet file, or of a CSV, where they may be variables of NNC's format.
fn whole(graph: &Graph, path: &Path, format: Format, catalog: &Catalog) -> Result<Vec<(String, Source)>, DataError> {
    if format == Format::Parquet {
        let column = |input: &Input| (input.name.clone(), parquet_column(path, &input.name));
        return Ok(feeds_of(graph).map(column).collect());
    }
    let variables = catalog.dataset_variables(path)?;
    let column = |input: &Input| (input.name.clone(), csv_column(path, &variables, &input.name));
    Ok(feeds_of(graph).map(column).collect())
}

/// The input `name` of a CSV that holds `variables`: the variable of that name, or a plain column of it.
pub(super) fn csv_column(path: &Path, variables: &[String], name: &str) -> Source {
    let path = path.to_path_buf();
    match variables.iter().any(|variable| variable == name) {
        true => Source::Dataset { path, variable: name.to_owned(), raw: false },
        false => Source::Csv { path, columns: Columns::One(name.to_owned()) },
    }
}

/// The column `name` of a Parquet file.
pub(super) fn parquet_column(path: &Path, name: &str) -> Source {
    Source::Parquet { path: path.to_path_buf(), columns: Columns::One(name.to_owned()), raw: false }
}

/// What a reader's call in the column of `input` reads.
pub(super) fn source_of(reader: &Reader, input: &str, folder: &Path) -> Source {
    let path = folder.join(&reader.path);
    let raw = reader.raw;
    match (reader.format, &reader.select) {
        (Format::Idx, _) => Source::Idx { path, raw },
        (Format::Npy, _) => Source::Npy { path, raw },
        (Format::Text { window, stride }, _) => Source::Text { path, windows: Windows { window, stride } },
        (Format::Npz, Select::Name(key)) => Source::Npz { path, key: key.clone(), raw },
        (Format::Npz, _) => Source::Npz { path, key: input.to_owned(), raw },
        (Format::Safetensors, Select::Name(key)) => Source::Safetensors { path, key: key.clone(), raw },
        (Format::Safetensors, _) => Source::Safetensors { path, key: input.to_owned(), raw },
        (Format::Csv, Select::Name(name)) => Source::Csv { path, columns: Columns::One(name.clone()) },
        (Format::Csv, Select::Names(names)) => Source::Csv { path, columns: Columns::Several(names.clone()) },
        (Format::Csv, Select::All) => Source::Dataset { path, variable: input.to_owned(), raw },
        (Format::Parquet, Select::Names(names)) => {
            Source::Parquet { path, columns: Columns::Several(names.clone()), raw }
        }
        (Format::Parquet, Select::Name(name)) => Source::Parquet { path, columns: Columns::One(name.clone()), raw },
        (Format::Parquet, Select::All) => Source::Parquet { path, columns: Columns::One(input.to_owned()), raw },
        (Format::Images, Select::All) => Source::Images { path, raw },
        (Format::Images, _) => Source::ImageClasses { path },
    }
}

fn input_type<'a>(graph: &'a Graph, name: &str) -> Option<&'a Type> {
    graph.inputs.iter().find(|input| input.name == name).map(|input| graph.ty(input.value))
}

/// A data set by its headers.
pub struct SetSizes {
    /// Its name.
    pub set: String,
    /// Where its name stands, in a program that names it.
    pub span: Option<Span>,
    /// The sizes that it fixes.
    pub kinds: KindSizes,
}

/// Compares the headers of all data files with the inputs. Gives what is wrong, and the sizes that each set fixes.
pub fn check_headers(program: &Program, folder: &Path, overrides: &[DataOverride]) -> (Vec<Diagnostic>, Vec<SetSizes>) {
    let (mut faults, mut fixed, catalog) = (Vec::new(), Vec::new(), Catalog::default());
    for set in statements(program, overrides, folder, &catalog, |_| true, &mut faults) {
        let (mut rows, mut shapes, mut refused) = (Vec::new(), BTreeMap::new(), Vec::new());
        for feed in &set.columns {
            let name = feed.input.as_str();
            let Some(ty) = input_type(&program.graph, name) else { continue };
            match feed.shapes(&catalog, &want_of(ty)) {
                Ok(found) => {
                    rows.push((name, feed.path(), found.rows()));
                    shapes.insert(name, found);
                }
                Err(error) => refused.push((error, name, feed.span)),
            }
        }
        faults.extend(reported(refused, &program.graph));
        match kinds_in(&program.graph, &set, &shapes) {
            Ok(kinds) => {
                fixed.push(SetSizes { set: set.set.clone(), span: set.span, kinds });
                // Windows of two lengths are not of one number either: that would be the same mistake.
                if rows.len() == set.columns.len()
                    && let Err(error) = common_rows(rows)
                {
                    faults.push(error.diagnostic(set.span));
                }
            }
            Err(wrong) => faults.push(*wrong),
        }
    }
    (faults, fixed)
}

/// The sizes of a set's kinds of samples, whose columns have these `shapes`; the first that cannot be.
fn kinds_in(graph: &Graph, set: &Resolved, shapes: &BTreeMap<&str, Shapes>) -> Result<KindSizes, Box<Diagnostic>> {
    let kinds = Kinds::new(shapes.values());
    let mut found = Vec::new();
    for row in kinds.firsts() {
        let several = several(&kinds).then_some(*row);
        let sizes = sizes_of(graph, |name| shapes.get(name).map(|shapes| shapes.of(*row)));
        let sizes = sizes.map_err(|clash| Box::new(set.clash(&clash, several)))?;
        if let Some(wrong) = wrong_claim(graph, &sizes, set.span) {
            return Err(Box::new(of_sample(wrong, several)));
        }
        found.push((*row, sizes));
    }
    Ok(found)
}

/// What is wrong with a set for its sample numbered `row`, from 0, and others of its size; none is all.
pub(super) fn of_sample(wrong: Diagnostic, row: Option<usize>) -> Diagnostic {
    match row {
        Some(row) => wrong.note(format!("sample {} is the first of that size", row + 1)),
        None => wrong,
    }
}

/// The sizes that the first sample of a loaded set fixes; one that does not fit was refused when it was loaded.
pub(super) fn sizes_in(program: &Program, set: Option<&DataSet>) -> Sizes {
    sizes_by_kind(&program.graph, set).swap_remove(0)
}

/// Faults of columns as diagnostics; the same fault of two columns, as of one file that feeds both, is told once.
fn reported(faults: Vec<(DataError, &str, Option<Span>)>, graph: &Graph) -> Vec<Diagnostic> {
    let mut told: Vec<DataError> = Vec::new();
    let mut diagnostics = Vec::new();
    for (error, input, span) in faults {
        if !told.contains(&error) {
            diagnostics.push(with_input(error.diagnostic(span), graph, input));
            told.push(error);
        }
    }
    diagnostics
}

fn with_input(diagnostic: Diagnostic, graph: &Graph, name: &str) -> Diagnostic {
    let input = graph.inputs.iter().find(|input| input.name == name);
    match input.and_then(|input| graph.node(input.value).place.span.map(|span| (input, span))) {
        Some((input, span)) if diagnostic.span().is_some() && diagnostic.code == Code::E0401 => {
            diagnostic.label(span, format!("`{name}` is {}", graph.ty(input.value)))
        }
        _ => diagnostic,
    }
}

fn load_set(graph: &Graph, set: &Resolved, budget: &Budget) -> Result<DataSet, Vec<Diagnostic>> {
    let wanted = |feed: &Feed| input_type(graph, &feed.input).map(want_of);
    let feeds: Vec<(&Feed, Want)> = set.columns.iter().filter_map(|feed| Some((feed, wanted(feed)?))).collect();
    let files: Vec<Vec<(&Source, Want)>> = feeds.iter().map(|(feed, want)| feed.files(want)).collect();
    let asked: Vec<(&Source, &Want)> = files.iter().flatten().map(|(source, want)| (*source, want)).collect();
    let mut read = crate::data::load(&asked, budget).into_iter();
    let (mut columns, mut refused) = (Vec::new(), Vec::new());
    for ((feed, want), files) in feeds.iter().zip(&files) {
        let own: Vec<_> = read.by_ref().take(files.len()).collect();
        let own: Result<Vec<Column>, DataError> = own.into_iter().collect();
        match own.and_then(|own| feed.column(own, want, budget)) {
            Ok(column) => columns.push((feed.input.clone(), column)),
            Err(error) => refused.push((feed.told(error), feed.input.as_str(), feed.span)),
        }
    }
    if !refused.is_empty() {
        return Err(reported(refused, graph));
    }
    let refuse = |error: DataError| vec![error.diagnostic(set.span)];
    let whole = DataSet::new(columns).map_err(refuse)?;
    let several = |row: usize| several(whole.kinds()).then_some(row);
    let kinds = sizes_of_kinds(graph, &whole).map_err(|clash| vec![set.clash(&clash.1, several(clash.0))])?;
    let wrong = |(row, sizes): &(usize, Sizes)| Some(of_sample(wrong_claim(graph, sizes, set.span)?, several(*row)));
    match kinds.iter().find_map(wrong) {
        Some(wrong) => Err(vec![wrong]),
        None => Ok(whole),
    }
}

/// An `as` that does not hold for the sizes of a data set, which is named at `set`.
pub(super) fn wrong_claim(graph: &Graph, sizes: &Sizes, set: Option<Span>) -> Option<Diagnostic> {
    let Unmet { place, claimed: (written, claimed), found } = unmet_claim(graph, sizes)?;
    let title = format!("`as {written}` does not hold for this data: the value is {found}, not {claimed}");
    let diagnostic = match place.span {
        Some(span) => Diagnostic::at(Code::E0401, span, title, format!("this is {found}")),
        None => Diagnostic::new(Code::E0401, title),
    };
    let known = sizes.iter().map(|(symbol, size)| format!("{symbol} = {size}")).collect::<Vec<_>>().join(", ");
    let diagnostic = diagnostic.note(format!("the data fixes {known}"));
    Some(match set {
        Some(span) => diagnostic.label(span, "the data set"),
        None => diagnostic,
    })
}
