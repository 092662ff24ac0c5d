//! The checker's state, and how it reports: every message lands in the user's own text, library frames folded.

use std::collections::{BTreeMap, BTreeSet};

use super::Circumstances;
use super::column::Computing;
use super::ema::Average;
use super::groups::Target;
use super::notes::Notes;
use super::program::Claim;
use super::scope::{Binding, Role, Scopes};
use super::value::{Builtin, ScopeId, Truth, Val};
use crate::base::IndexVec;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Frame, FrameId, Graph, Place, VarId};
use crate::ops::{self, Builder};
use crate::source::{FileId, SourceMap, Span};
use crate::syntax::ast::{Ast, Expr, ExprId, Stmt, StmtKind};
use crate::tensor::{DType, Dim, Origin, Shape};

/// How deep calls may nest before they are taken for endless.
pub const MAX_CALL_DEPTH: usize = 128;

/// The text that is being evaluated and the circumstances.
#[derive(Clone)]
pub struct Site<'a> {
    pub ast: &'a Ast,
    pub scope: ScopeId,
    pub frame: Option<FrameId>,
    pub body: Body,
    pub phase: Truth,
    pub depth: usize,
}

/// What kind of body a statement stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// The file's own.
    Top,
    /// A layer's.
    Layer,
    /// A function's.
    Function,
    /// A test's.
    Test,
}

/// Where names of parameters come from: the owner's path, the binding, the rounds of loops.
#[derive(Clone, Default)]
pub struct PathContext {
    pub prefix: String,
    pub binding: Option<String>,
    pub rounds: Vec<usize>,
    /// How often each path was taken in this body.
    pub taken: BTreeMap<String, usize>,
}

impl PathContext {
    /// The path of something called `name` (a layer, or nothing when the binding alone names it); the n-th gets `_n`.
    pub fn claim(&mut self, name: Option<&str>) -> String {
        let mut parts = Vec::new();
        if !self.prefix.is_empty() {
            parts.push(self.prefix.clone());
        }
        parts.extend(self.binding.clone());
        parts.extend(self.rounds.iter().map(usize::to_string));
        parts.extend(name.map(str::to_owned));
        let path = parts.join(".");
        let count = self.taken.entry(path.clone()).or_insert(0);
        *count += 1;
        if *count == 1 { path } else { format!("{path}_{count}") }
    }
}

/// A parameter or state that exists already.
#[derive(Clone)]
pub struct Known {
    pub variable: VarId,
    pub node: ir::Value,
    pub span: Span,
}

/// Where a size came from.
pub struct Origins {
    pub span: Span,
    pub declared: bool,
    /// How it was computed, as `16*4*4`.
    pub formula: Option<String>,
}

/// The whole state of a check.
pub struct Checker<'a> {
    pub sources: &'a SourceMap,
    /// The user's file.
    pub file: FileId,
    pub graph: Graph,
    pub diagnostics: Vec<Diagnostic>,
    pub scopes: Scopes<'a>,
    pub here: Site<'a>,
    pub path: PathContext,
    pub known: BTreeMap<String, Known>,
    /// What each state is in a later `update` of the same step.
    pub chained: BTreeMap<VarId, ir::Value>,
    /// Whether random draws are per sample, or for a whole tensor as initialisers draw.
    pub draws_whole: bool,
    pub circumstances: Circumstances<'a>,
    /// The `const`s that `--set` found.
    pub overridden: BTreeSet<String>,
    pub library_scope: ScopeId,
    /// The scopes of imported files.
    pub modules: BTreeMap<FileId, ScopeId>,
    /// The names of the losses with a `for`, and what stands behind it.
    pub targets: Vec<(String, Vec<Target>)>,
    /// The moving averages of instances.
    pub averages: Vec<Average>,
    /// Whether a loss's weight is being evaluated.
    pub weighing: bool,
    /// The column that is being computed, in a `data` statement.
    pub computing: Option<Computing>,
    /// Whether an `as` claims what cannot be proved of sizes.
    pub claiming: bool,
    /// What the test being checked asserts.
    pub claims: Vec<Claim>,
    /// The definitions whose bodies were evaluated, by where their names stand.
    pub entered: BTreeSet<Span>,
    /// The definitions that are being checked without a call, outermost first.
    pub generic: Vec<Span>,
    /// The first node of the definition that is being checked without a call.
    pub apart_from: Option<ir::Value>,
    /// What is seen, if anybody asks.
    pub notes: Option<Notes>,
    /// The unknown names that were told: each is told once, where it is first used.
    unknown: BTreeSet<String>,
    origins: Vec<Origins>,
    reported: BTreeSet<(Code, Option<Span>)>,
    /// The origins of two numbers that were told to disagree.
    disagreements: BTreeSet<(Code, Vec<Span>)>,
}

impl<'a> Checker<'a> {
    /// A checker that has read the library.
    pub fn new(
        sources: &'a SourceMap,
        library: &'a [Ast],
        file: FileId,
        ast: &'a Ast,
        circumstances: Circumstances<'a>,
    ) -> Checker<'a> {
        let mut scopes = Scopes::default();
        let given = scopes.open(None, &[]);
        for (name, val) in brought() {
            scopes.bind(given, name, Binding { val, span: None, role: Role::Given });
        }
        let library_scope = scopes.open(Some(given), &[]);
        let scope = scopes.open(Some(library_scope), &ast.items);
        let here = Site { ast, scope, frame: None, body: Body::Top, phase: Truth::Known(true), depth: 0 };
        let mut checker = Checker {
            sources,
            file,
            graph: Graph::new(),
            diagnostics: Vec::new(),
            scopes,
            here,
            path: PathContext::default(),
            known: BTreeMap::new(),
            chained: BTreeMap::new(),
            draws_whole: false,
            circumstances,
            overridden: BTreeSet::new(),
            library_scope,
            modules: BTreeMap::new(),
            targets: Vec::new(),
            averages: Vec::new(),
            weighing: false,
            computing: None,
            claiming: false,
            claims: Vec::new(),
            entered: BTreeSet::new(),
            generic: Vec::new(),
            apart_from: None,
            notes: circumstances.noting.then(Notes::default),
            unknown: BTreeSet::new(),
            origins: Vec::new(),
            reported: BTreeSet::new(),
            disagreements: BTreeSet::new(),
        };
        for file in library {
            checker.hoist(file, library_scope, &file.items);
        }
        checker
    }

    /// Binds the functions and layers of a body before its statements run, so that their order does not matter.
    pub fn hoist(&mut self, ast: &'a Ast, scope: ScopeId, stmts: &'a [Stmt]) {
        for stmt in stmts {
            let (name, val) = match &stmt.kind {
                StmtKind::Fn(def) => (&def.name, super::call::function(ast, def, scope)),
                StmtKind::Layer(def) => (&def.name, super::call::layer(ast, def, scope)),
                StmtKind::Import { path, alias, names } => {
                    self.import(scope, path, alias.as_ref(), names);
                    continue;
                }
                _ => continue,
            };
            let binding = Binding { val, span: Some(name.span), role: Role::Definition };
            let old = self.scopes.bind(scope, &name.text, binding);
            if let Some(first) = old.and_then(|old| old.span) {
                self.defined_twice(&name.text, name.span, first);
            }
        }
    }

    /// Reports a second definition of a name.
    pub fn defined_twice(&mut self, name: &str, span: Span, first: Span) {
        let diagnostic = Diagnostic::at(Code::E0106, span, format!("`{name}` is defined twice"), "defined again here")
            .label(first, "first defined here")
            .help("give one of them another name");
        self.report(diagnostic);
    }

    /// The expression behind an id of the current file.
    pub fn ast_expr(&self, id: ExprId) -> &'a Expr {
        &self.here.ast.exprs[id]
    }

    /// The place for nodes that stand at `span`.
    pub fn place(&self, span: Span) -> Place {
        Place { span: Some(span), frame: self.here.frame }
    }

    /// A builder for nodes that stand at `span`.
    pub fn builder(&mut self, span: Span) -> Builder<'_> {
        let place = self.place(span);
        Builder::new(&mut self.graph, place)
    }

    /// The call of `callee` at `call`, from here.
    pub fn frame(&self, callee: &str, call: Span) -> Frame {
        Frame { callee: callee.to_owned(), given: String::new(), instance: None, call, parent: self.here.frame }
    }

    /// Runs `f` inside a call.
    pub fn framed<T>(&mut self, frame: Frame, site: Site<'a>, f: impl FnOnce(&mut Self) -> T) -> T {
        let frame = self.graph.frames.push(frame);
        let site = Site { frame: Some(frame), depth: self.here.depth + 1, ..site };
        let before = std::mem::replace(&mut self.here, site);
        let result = f(self);
        self.here = before;
        result
    }

    /// Runs `f` in another scope of the same body.
    pub fn scoped<T>(&mut self, scope: ScopeId, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.here.scope, scope);
        let result = f(self);
        self.here.scope = before;
        result
    }

    /// The place in the user's text for `span`: itself, or the nearest call around it that the user wrote.
    pub fn user_span(&self, span: Span) -> Span {
        let mut span = span;
        let mut frame = self.here.frame;
        while self.sources.is_library(span) {
            let Some(outer) = frame else { break };
            span = self.graph.frames[outer].call;
            frame = self.graph.frames[outer].parent;
        }
        span
    }

    /// The same for a place of the graph.
    pub fn user_place(&self, place: Place) -> Option<Span> {
        user_place(self.sources, &self.graph, place)
    }

    /// The outermost call around a place.
    pub fn outermost_call(&self, place: Place) -> Option<Span> {
        let mut frame = &self.graph.frames[place.frame?];
        while let Some(parent) = frame.parent {
            frame = &self.graph.frames[parent];
        }
        Some(frame.call)
    }

    /// Reports a fault at `span`, moved into the user's text.
    pub fn error(&mut self, code: Code, span: Span, title: impl Into<String>, label: impl Into<String>) -> Val<'a> {
        let diagnostic = Diagnostic::at(code, span, title, label);
        self.report(diagnostic)
    }

    /// Whether nothing more is to be said of a name that is not bound: its statement did not parse, or it was told before.
    pub fn is_excused(&self, name: &str) -> bool {
        self.unknown.contains(name) || self.circumstances.broken.is_some_and(|words| words.contains(name))
    }

    /// How many names were told to be unknown.
    pub fn told_unknown(&self) -> usize {
        self.unknown.len()
    }

    /// Reports that `name` is not known; its other uses are not told again.
    pub fn report_unknown(&mut self, name: &str, diagnostic: Diagnostic) -> Val<'a> {
        if self.is_certain(diagnostic.code) {
            self.unknown.insert(name.to_owned());
        }
        self.report(diagnostic)
    }

    /// Reports a diagnostic once; labels inside the library move to the user's call, and the calls between are told.
    pub fn report(&mut self, mut diagnostic: Diagnostic) -> Val<'a> {
        if !self.is_certain(diagnostic.code) {
            return Val::Error;
        }
        let mut seen = BTreeSet::new();
        for label in &mut diagnostic.labels {
            label.span = self.user_span(label.span);
        }
        diagnostic.labels.retain(|label| {
            let hidden = !label.primary && seen.contains(&(label.span, true));
            let first = !hidden && seen.insert((label.span, label.primary));
            first && (label.primary || !self.sources.is_library(label.span))
        });
        if !self.is_news(&diagnostic) {
            return Val::Error;
        }
        if let Some(span) = diagnostic.span() {
            diagnostic = self.with_calls(diagnostic, span);
        }
        if self.reported.insert((diagnostic.code, diagnostic.span())) {
            self.diagnostics.push(diagnostic);
        }
        Val::Error
    }

    /// Whether the two sizes or class counts that disagree have not been told of before. A loss and a metric that meet the same two are
    /// one mistake.
    fn is_news(&mut self, diagnostic: &Diagnostic) -> bool {
        let mut origins: Vec<Span> =
            diagnostic.labels.iter().filter(|label| !label.primary).map(|label| label.span).collect();
        origins.sort_unstable();
        let disagree = matches!(diagnostic.code, Code::E0202 | Code::E0302) && origins.len() == 2;
        !disagree || self.disagreements.insert((diagnostic.code, origins))
    }

    /// Adds a label at each call of the user's through which the fault was reached.
    fn with_calls(&self, mut diagnostic: Diagnostic, primary: Span) -> Diagnostic {
        let mut frame = self.here.frame;
        let mut shown = 0;
        while let Some(id) = frame {
            let Frame { callee, call, parent, .. } = &self.graph.frames[id];
            frame = *parent;
            if self.sources.is_library(*call) || *call == primary || shown == 3 {
                continue;
            }
            let inside = primary.file == call.file && call.start <= primary.start && primary.end <= call.end;
            if !inside && !diagnostic.labels.iter().any(|label| label.span == *call) {
                diagnostic = diagnostic.label(*call, format!("in this call of `{callee}`"));
                shown += 1;
            }
        }
        diagnostic
    }

    /// Whether any error was reported.
    pub fn failed(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Gives sizes that nobody accounts for yet an origin at `span`.
    pub fn stamp(&mut self, dim: Dim, span: Span, declared: bool, formula: Option<String>) -> Dim {
        if dim.origin() != Origin::default() {
            return dim;
        }
        self.originate(dim, span, declared, formula)
    }

    /// The number of elements of a shape, which remembers the sizes that it is the product of.
    pub fn count_of(&mut self, shape: &Shape, span: Span) -> Dim {
        let factors: Vec<String> = shape.iter().filter(|dim| dim.constant() != Some(1)).map(Dim::to_string).collect();
        match factors.len() {
            0 | 1 => shape.size(),
            _ => self.originate(shape.size(), span, false, Some(factors.join("*"))),
        }
    }

    fn originate(&mut self, dim: Dim, span: Span, declared: bool, formula: Option<String>) -> Dim {
        let span = self.user_span(span);
        self.origins.push(Origins { span, declared, formula });
        dim.with_origin(Origin(self.origins.len() as u32))
    }

    /// Stamps all sizes of a value.
    pub fn stamp_value(&mut self, value: ir::Value, span: Span) {
        if self.graph.shape(value).iter().all(|dim| dim.origin() != Origin::default()) {
            return;
        }
        let dims = self.graph.nodes[value].ty.shape.clone();
        let dims = dims.0.into_iter().map(|dim| self.stamp(dim, span, false, None)).collect();
        self.graph.nodes[value].ty.shape = dims;
    }

    /// Where a size came from.
    pub fn origin(&self, dim: &Dim) -> Option<&Origins> {
        self.origins.get((dim.origin().0 as usize).wrapping_sub(1))
    }
}

/// The place in the user's text of a node.
pub fn user_place(sources: &SourceMap, graph: &Graph, place: Place) -> Option<Span> {
    outside_library(sources, &graph.frames, place)
}

/// The same, by the frames of the graph alone.
pub fn outside_library(sources: &SourceMap, frames: &IndexVec<FrameId, Frame>, place: Place) -> Option<Span> {
    let mut span = place.span?;
    let mut frame = place.frame;
    while sources.is_library(span) {
        let Frame { call, parent, .. } = &frames[frame?];
        span = *call;
        frame = *parent;
    }
    Some(span)
}

/// What every program sees without asking: primitives, the checker's own functions, dtypes.
fn brought<'a>() -> impl Iterator<Item = (&'static str, Val<'a>)> {
    let primitives = ops::all()
        .filter(|primitive| is_callable(primitive))
        .map(|primitive| (primitive.op.0, Val::Primitive(primitive)));
    let builtins = Builtin::ALL.into_iter().map(|(name, builtin)| (name, Val::Builtin(builtin)));
    let dtypes = [("f32", DType::F32), ("i32", DType::I32), ("bool", DType::Bool)];
    let dtypes = dtypes.into_iter().map(|(name, dtype)| (name, Val::DType(dtype)));
    primitives.chain(builtins).chain(dtypes).chain([("prim", Val::Primitives)])
}

/// Whether programs may call a primitive by name.
pub fn is_callable(primitive: &ops::Primitive) -> bool {
    use ir::op::{CLAIM, CONSTANT, GRAD, INPUT, SELECT_TRAINING, STAND_IN, VARIABLE};
    ![INPUT, VARIABLE, CONSTANT, SELECT_TRAINING, GRAD, CLAIM, STAND_IN].contains(&primitive.op)
}
