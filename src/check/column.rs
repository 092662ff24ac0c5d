//! Column expressions: a column that is computed from what files hold, as in `y = csv("f.csv", "class") - 1`.
//!
//! Such an expression is evaluated as any other, with each reader's call an input of a graph of its own. What a file holds is asked of
//! [`Files`]. How a reader's call is written is in `data`.

use super::checker::Checker;
use super::program::{ColumnSource, Formula, Reader};
use super::value::Val;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Input, Node, ResultRole, ResultValue, Value, VarId, op};
use crate::source::Span;
use crate::syntax::ast::{CallArg, ExprId, ExprKind, Name, TypeExpr};
use crate::tensor::{Tensor, Type};

/// What is known of data files without their values.
pub trait Files {
    /// Whether the data set is replaced by another, so that its files need not be there.
    fn is_replaced(&self, set: &str) -> bool;

    /// What `reader` gives for one sample in a column of the input `input`.
    ///
    /// # Errors
    /// Why the file's header cannot be read.
    fn sample(&self, reader: &Reader, input: &str) -> Result<Type, Diagnostic>;

    /// The array of the file at `path`, or the one called `key` of several; asked for at `span`.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn array(&self, path: &str, key: Option<&str>, span: Span) -> Result<Tensor, Diagnostic>;
}

/// A column that is being computed.
pub struct Computing {
    /// The input that it feeds.
    input: String,
    /// What was read so far, each with the name of its input in the graph.
    readers: Vec<(String, Reader)>,
}

impl<'a> Checker<'a> {
    /// The column `name = value` of the data set `set`; none after an error, and where another set takes its place.
    pub fn column(&mut self, set: &Name, name: &Name, value: ExprId) -> Option<ColumnSource> {
        let expr = self.ast_expr(value);
        if let ExprKind::Call { callee, args, .. } = &expr.kind
            && let ExprKind::Name(called) = &self.ast_expr(*callee).kind
        {
            // A name that means nothing else was to be a reader's.
            if super::data::is_reader(called) || self.scopes.peek(self.here.scope, called).is_none() {
                return self.reader(called, args, expr.span).map(ColumnSource::Read);
            }
        }
        if self.circumstances.files.is_replaced(&set.text) {
            // Read for the names that it uses; its files need not be there.
            let told = self.diagnostics.len();
            self.formula(&name.text, value);
            self.diagnostics.truncate(told);
            return None;
        }
        self.formula(&name.text, value).map(|formula| ColumnSource::Computed(Box::new(formula)))
    }

    /// A column that is more than a reader's call.
    fn formula(&mut self, input: &str, value: ExprId) -> Option<Formula> {
        let span = self.ast_expr(value).span;
        if let ExprKind::Str(path) = &self.ast_expr(value).kind {
            let title = "a column is read by the reader of its format";
            let help = format!("write `npy(\"{path}\")`, `csv(\"{path}\", \"column\")` or what the file is");
            self.report(Diagnostic::at(Code::E0114, span, title, "this is a text").help(help));
            return None;
        }
        let before = (self.graph.clone(), self.known.clone(), self.chained.clone());
        let own = self.graph.inputs.len();
        self.computing = Some(Computing { input: input.to_owned(), readers: Vec::new() });
        let reported = self.diagnostics.len();
        let val = self.expr(value);
        let root = self.tensor(&val, span);
        self.name_classes(reported);
        let computing = self.computing.take();
        let refused = root.and_then(|root| self.not_a_column(root, own, span));
        let mut graph = std::mem::replace(&mut self.graph, before.0);
        (self.known, self.chained) = (before.1, before.2);
        if let Some(refused) = refused {
            self.report(refused);
            return None;
        }
        let (root, readers) = (root?, computing?.readers);
        let place = graph.node(root).place;
        graph.updates.clear();
        graph.results = vec![ResultValue { name: input.to_owned(), role: ResultRole::Extra, value: root, place }];
        Some(Formula { graph, readers, span })
    }

    /// Helps whoever needs classes and has the numbers of a file, in the diagnostics from `first` on.
    fn name_classes(&mut self, first: usize) {
        for diagnostic in &mut self.diagnostics[first..] {
            if diagnostic.code == Code::E0301 && diagnostic.title.contains("index<") {
                diagnostic.helps = vec!["say what the file holds: `csv(\"f.csv\", \"class\") as index<3>`".to_owned()];
            }
        }
    }

    /// Why `root` is no function of files alone, whose inputs begin at `own`.
    fn not_a_column(&self, root: Value, own: usize, span: Span) -> Option<Diagnostic> {
        let graph = &self.graph;
        let reached = graph.reached_from([root]);
        let mut reads = false;
        for (_, node) in graph.nodes.iter_enumerated().filter(|(id, _)| reached[*id]) {
            let index = || node.attrs.get_int("index") as usize;
            let (title, label) = match node.op {
                op::INPUT if index() >= own => {
                    reads = true;
                    continue;
                }
                op::INPUT => {
                    let title =
                        format!("a column is computed from files, not from input `{}`", graph.inputs[index()].name);
                    (title, "declared here")
                }
                op::VARIABLE => {
                    let path = &graph.variables[VarId(index() as u32)].path;
                    (
                        format!("a column is computed from files, not from `{path}`, which changes in training"),
                        "made here",
                    )
                }
                op::ALL_SAMPLES | op::SAMPLE_INDEX => (
                    "a column is computed sample by sample, before there are minibatches".to_owned(),
                    "the batch is seen here",
                ),
                op::SELECT_TRAINING => {
                    ("a column is the same in training and validation".to_owned(), "this depends on `training`")
                }
                _ if node.attrs.get("path").is_some() => {
                    ("a column is computed once, so nothing in it is random".to_owned(), "drawn here")
                }
                _ => continue,
            };
            return Some(self.refused_column(title, label, node, span));
        }
        if reads {
            return None;
        }
        let diagnostic = Diagnostic::at(Code::E0402, span, "this column reads no file", "the same for every sample");
        Some(diagnostic.help("bind a constant above, without an input: `name = tensor([...])`"))
    }

    fn refused_column(&self, title: String, label: &str, node: &Node, span: Span) -> Diagnostic {
        let place = self.user_place(node.place).filter(|place| *place != span);
        let within = place.filter(|place| span.start <= place.start && place.end <= span.end);
        let mut diagnostic = match within {
            Some(place) => Diagnostic::at(Code::E0113, place, title, label),
            None => Diagnostic::at(Code::E0113, span, title, "in this column"),
        };
        if let (None, Some(place)) = (within, place) {
            diagnostic = diagnostic.label(place, label);
        }
        diagnostic.help("compute it in the program, from the input")
    }

    /// A reader's call inside a column expression.
    pub fn column_call(&mut self, callee: ExprId, args: &'a [CallArg], span: Span) -> Option<Val<'a>> {
        let name = self.column_reader(callee)?;
        let Some(reader) = self.reader(name, args, span) else { return Some(Val::Error) };
        let input = self.computing.as_ref().map(|computing| computing.input.clone()).unwrap_or_default();
        Some(match self.circumstances.files.sample(&reader, &input) {
            Ok(ty) => self.column_input(reader, ty),
            Err(diagnostic) => self.report(diagnostic),
        })
    }

    /// `csv("f.csv", "class") as index<3>` in a column expression: what the file holds, each value of which is checked.
    pub fn column_as(&mut self, value: ExprId, ty: &'a TypeExpr) -> Option<Val<'a>> {
        let expr = self.ast_expr(value);
        let ExprKind::Call { callee, args, .. } = &expr.kind else { return None };
        let name = self.column_reader(*callee)?;
        let (Some(reader), Some(ty)) = (self.reader(name, args, expr.span), self.known_type(ty)) else {
            return Some(Val::Error);
        };
        Some(self.column_input(reader, ty))
    }

    /// The reader that is called inside a column expression.
    fn column_reader(&self, callee: ExprId) -> Option<&'a str> {
        let within = self.computing.is_some() && self.here.frame.is_none();
        match &self.ast_expr(callee).kind {
            ExprKind::Name(name) if within && super::data::is_reader(name) => Some(name),
            _ => None,
        }
    }

    fn column_input(&mut self, reader: Reader, ty: Type) -> Val<'a> {
        let index = self.graph.inputs.len();
        let value = self.source_node(op::INPUT, index, ty, true, reader.span);
        let name = index.to_string();
        self.graph.inputs.push(Input { name: name.clone(), value, drawn: None });
        if let Some(computing) = &mut self.computing {
            computing.readers.push((name, reader));
        }
        Val::Tensor(value)
    }
}
