//! Names, compile-time values, shapes, dtypes and roles: from AST to the typed per-sample program.
//!
//! A program is checked by evaluating it once with tensors replaced by graph nodes: functions and layers are inlined at their calls,
//! loops unrolled, compile-time values computed. So a shape is known at every call, and every node remembers its expression and the
//! calls around it. Training-only behaviour stays in the graph as a choice, which `networks` settles.
//!
//! A mistake becomes one diagnostic and [`value::Val::Error`], which whatever uses it passes on in silence. Reads
//! no files: what a file holds that a column is computed from, or a parameter begins with, is asked of [`Files`].

mod call;
mod checker;
mod clause;
mod clock;
mod column;
mod data;
mod einsum;
mod elsewhere;
mod ema;
mod expr;
mod fault;
mod file;
mod foreign;
mod foreign_keys;
mod generic;
mod grad;
mod groups;
mod import;
mod lint;
mod notes;
mod operator;
mod optimizer;
mod pattern;
mod primitive;
mod program;
mod rearrange;
mod roles;
mod scan;
mod schedule;
mod scope;
mod settings;
mod stmt;
mod test;
mod types;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub use checker::{outside_library, user_place};
pub use column::Files;
pub use foreign::{meaning as foreign_meaning, names as foreign_names};
pub use import::{Imports, imported_paths};
pub use lint::{Options, labels};
pub use notes::{Note, Notes, Owned, Seen};
pub use program::{
    Claim, ClaimKind, ColumnSource, DataColumns, DataStatement, Format, Formula, Keep, Length, Monitor, Program,
    Reader, Select, Test, TrainSettings,
};

use crate::diagnostic::Diagnostic;
use crate::ir::ResultRole;
use crate::source::{FileId, SourceMap};
use crate::syntax::ast::Ast;
use crate::tensor::Sizes;

/// The functions that are the checker's own, written neither in the library nor as primitives: `shape`, `len`, `tensor` and their like.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    value::Builtin::ALL.into_iter().map(|(name, _)| name)
}

/// How each of these functions is called, and what it gives.
pub fn builtin_documentation() -> impl Iterator<Item = (&'static str, &'static str)> {
    value::Builtin::ALL.into_iter().map(|(_, builtin)| builtin.documentation())
}

/// The keys of a `train` block.
pub fn setting_names() -> &'static [&'static str] {
    &settings::KEYS
}

/// The readers of data files.
pub fn reader_names() -> &'static [&'static str] {
    &data::READERS
}

/// The primitives that programs may call by their names.
pub fn callable_primitives() -> impl Iterator<Item = &'static crate::ops::Primitive> {
    crate::ops::all().filter(|primitive| checker::is_callable(primitive))
}

/// What a file is checked with, beside its text.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The values that replace those of top-level `const`s.
    pub overrides: &'a BTreeMap<String, String>,
    /// The sizes that a data set fixes, when the program, which was found right before, is checked for it alone: its `data` statements
    /// are not looked at then. Empty while they are not known.
    pub sizes: &'a Sizes,
    /// What may pass.
    pub options: Options,
    /// The files that it imports.
    pub imports: &'a Imports,
    /// What is known of the data files that column expressions name.
    pub files: &'a dyn Files,
    /// When parts were left out because they did not parse or could not be imported: the names that they would have bound.
    pub broken: Option<&'a BTreeSet<String>>,
    /// When nothing but these outputs is asked for: what is wrong with the rest may stand.
    pub outputs: Option<&'a [String]>,
    /// Whether it is noted what names and calls stand for.
    pub noting: bool,
}

/// What comes of a check.
#[derive(Default)]
pub struct Checked {
    /// The program, when no diagnostic is an error, or none that matters.
    pub program: Option<Program>,
    /// What is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What was seen; empty unless it was asked for.
    pub notes: Notes,
}

/// Checks one file against the library.
pub fn check(sources: &SourceMap, library: &[Ast], file: FileId, ast: &Ast, circumstances: Circumstances) -> Checked {
    let mut checker = checker::Checker::new(sources, library, file, ast, circumstances);
    let scope = checker.here.scope;
    checker.hoist(ast, scope, &ast.items);
    checker.stmts(&ast.items);
    let data = match circumstances.sizes.is_empty() {
        true => checker.data_statements(&ast.items),
        false => Vec::new(),
    };
    checker.settle_groups();
    let train = checker.train_settings(&ast.items);
    let tests = checker.tests(&ast.items);
    checker.uncalled(&ast.items);
    let whole = circumstances.broken.is_none();
    if whole && !checker.failed() {
        checker.judge(&ast.items);
        checker.unused();
        checker.judged_by_training(&data, &train);
        checker.unused_in_definitions(&ast.items);
    }
    checker.unused_overrides();
    let gives = |name: &String| {
        let mut results = checker.graph.results.iter();
        results.any(|result| result.role == ResultRole::Output && result.name == *name)
    };
    let enough = !checker.failed() || circumstances.outputs.is_some_and(|names| names.iter().all(gives));
    let notes = checker.notes.take().map(|notes| notes.finish(&checker.graph)).unwrap_or_default();
    let program = (whole && enough).then_some(Program { graph: checker.graph, data, train, tests });
    Checked { program, diagnostics: checker.diagnostics, notes }
}
