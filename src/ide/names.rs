//! Which names of a file mean the same, told by its syntax alone, so that half a program is enough.
//!
//! All bindings of a name in one body are one symbol: a loop's second round reads what the first one bound, so they are renamed
//! together. A use goes to the binding that stands last before it. What no symbol of the file is, belongs to the library or to nobody.

use std::collections::BTreeMap;

use crate::base::IndexVec;
use crate::newtype_index;
use crate::source::Span;
use crate::syntax::ast::*;

newtype_index! {
    /// A symbol of a file.
    pub struct SymbolId;
}

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `h = ...`, or the name of a loop.
    Value,
    /// `const n = ...`.
    Const,
    /// `input x: ...`.
    Input,
    /// `param w: ...`.
    Param,
    /// `state s: ...`.
    State,
    /// `fn f(...)`.
    Function,
    /// `layer L(...)(...)`.
    Layer,
    /// A function's argument, or a tensor of a layer.
    Argument,
    /// A hyperparameter of a layer.
    Hyper,
    /// A size that a signature or an input introduces.
    Size,
    /// An imported file.
    Module,
    /// A name of an imported file.
    Imported,
    /// `loss l = ...`.
    Loss,
    /// `metric m = ...`.
    Metric,
    /// `output o = ...`.
    Output,
}

/// One symbol.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Where it may be named: the whole file, or one body.
    pub body: (u32, u32),
    /// Where it is bound, in order.
    pub bindings: Vec<Span>,
    /// The `##` lines above its first binding.
    pub doc: Option<String>,
    /// The path that is written for the file that it comes from.
    pub from: Option<String>,
}

/// How a name stands for its symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// It binds it.
    Binding,
    /// It uses it.
    Use,
    /// `output p`: it uses the value and names the output.
    Shorthand,
}

/// One place that names a symbol.
#[derive(Clone, Copy, Debug)]
pub struct Occurrence {
    /// The name.
    pub span: Span,
    /// What it names.
    pub symbol: SymbolId,
    /// How.
    pub form: Form,
    /// The binding that it means.
    pub binding: Span,
}

/// The names of a file.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The symbols.
    pub symbols: IndexVec<SymbolId, Symbol>,
    /// Where they are named, in source order.
    pub occurrences: Vec<Occurrence>,
    /// `m.name`: the name, and the symbol of the file.
    pub members: Vec<(Span, SymbolId)>,
    /// The parameters of functions and layers: of these hyperparameters first, then tensors.
    pub parameters: BTreeMap<SymbolId, [Vec<SymbolId>; 2]>,
}

impl Names {
    /// The names of a file.
    pub fn of(ast: &Ast, end: u32) -> Names {
        let mut walk =
            Walk { ast, names: Names::default(), scopes: Vec::new(), results: BTreeMap::new(), sizes: false };
        walk.file(end);
        let mut names = walk.names;
        names.occurrences.sort_by_key(|occurrence| (occurrence.span, occurrence.form == Form::Binding));
        names.occurrences.dedup_by_key(|occurrence| (occurrence.span, occurrence.symbol));
        names.members.sort();
        names
    }

    /// The place that names a symbol at byte `at`: around it, or ending there.
    pub fn at(&self, at: u32) -> Option<&Occurrence> {
        let end = self.occurrences.partition_point(|occurrence| occurrence.span.start <= at);
        let before = self.occurrences[..end].iter().rev().take(2);
        before.filter(|occurrence| at <= occurrence.span.end).max_by_key(|occurrence| occurrence.span.start)
    }

    /// The places that name a symbol.
    pub fn of_symbol(&self, symbol: SymbolId) -> impl Iterator<Item = &Occurrence> {
        self.occurrences.iter().filter(move |occurrence| occurrence.symbol == symbol)
    }

    /// The symbol of the file's top level that other files may import under `name`.
    pub fn exported(&self, name: &str) -> Option<SymbolId> {
        let exports = |symbol: &Symbol| {
            symbol.name == name
                && symbol.body.0 == 0
                && matches!(symbol.kind, Kind::Function | Kind::Layer | Kind::Const)
        };
        self.symbols.iter_enumerated().find(|(_, symbol)| exports(symbol)).map(|(id, _)| id)
    }
}

/// The names that one body, loop or arm binds.
struct Scope<'a> {
    names: BTreeMap<&'a str, SymbolId>,
    /// The binding that each of them has by now.
    now: BTreeMap<SymbolId, Span>,
    /// Whether a function begins here: what is outside may be bound by the time that it is called.
    function: bool,
    body: (u32, u32),
}

struct Walk<'a> {
    ast: &'a Ast,
    names: Names,
    scopes: Vec<Scope<'a>>,
    /// The names of losses, metrics and outputs, which are no values.
    results: BTreeMap<&'a str, SymbolId>,
    /// Whether unknown capitalised names introduce sizes.
    sizes: bool,
}

impl<'a> Walk<'a> {
    fn file(&mut self, end: u32) {
        let items = &self.ast.items;
        self.open(true, (0, end));
        self.declare(items, &mut Vec::new());
        let late =
            |item: &&Stmt| matches!(item.kind, StmtKind::Data { .. } | StmtKind::Train { .. } | StmtKind::Test { .. });
        items.iter().filter(|item| !late(item)).for_each(|item| self.stmt(item));
        items.iter().filter(late).for_each(|item| self.stmt(item));
    }

    fn open(&mut self, function: bool, body: (u32, u32)) {
        let (names, now) = Default::default();
        self.scopes.push(Scope { names, now, function, body });
    }

    fn symbol(&mut self, name: &'a str, kind: Kind, body: (u32, u32)) -> SymbolId {
        let (bindings, doc, from) = Default::default();
        self.names.symbols.push(Symbol { name: name.to_owned(), kind, body, bindings, doc, from })
    }

    /// Makes the symbols of a body's statements, before any of them is looked at.
    fn declare(&mut self, stmts: &'a [Stmt], except: &mut Vec<&'a str>) {
        for stmt in stmts {
            let doc = stmt.doc.as_deref();
            match &stmt.kind {
                StmtKind::Import { path, alias, names } => self.declare_import(path, alias.as_ref(), names),
                StmtKind::Const { name, .. } => self.declare_name(name, Kind::Const, doc, except),
                StmtKind::Fn(def) => {
                    self.declare_name(&def.name, Kind::Function, doc, except);
                    self.hoisted(&def.name, &[], &def.args, (def.name.span.start, stmt.span.end));
                }
                StmtKind::Layer(def) => {
                    self.declare_name(&def.name, Kind::Layer, doc, except);
                    self.hoisted(&def.name, &def.hypers, &def.args, (def.name.span.start, stmt.span.end));
                }
                StmtKind::Input { names, .. } => {
                    names.iter().for_each(|name| self.declare_name(name, Kind::Input, doc, except));
                }
                StmtKind::Param(param) => self.declare_name(&param.name, Kind::Param, doc, except),
                StmtKind::State { name, .. } => self.declare_name(name, Kind::State, doc, except),
                StmtKind::Bind { names, .. } => {
                    names.iter().for_each(|name| self.declare_name(name, Kind::Value, doc, except));
                }
                StmtKind::For { names, body, .. } => {
                    let before = except.len();
                    except.extend(names.iter().map(|name| name.text.as_str()));
                    self.declare(&body.stmts, except);
                    except.truncate(before);
                }
                StmtKind::If { then, otherwise, .. } => {
                    self.declare(&then.stmts, except);
                    otherwise.iter().for_each(|block| self.declare(&block.stmts, except));
                }
                StmtKind::Loss(Loss { name: Some(name), .. }) => self.declare_result(name, Kind::Loss, doc),
                StmtKind::Metric { name, .. } => self.declare_result(name, Kind::Metric, doc),
                StmtKind::Output { name, value: Some(_) } => self.declare_result(name, Kind::Output, doc),
                _ => {}
            }
        }
    }

    fn declare_name(&mut self, name: &'a Name, kind: Kind, doc: Option<&str>, except: &[&str]) {
        if except.contains(&name.text.as_str()) {
            return;
        }
        let Some(scope) = self.scopes.last() else { return };
        let body = scope.body;
        let id = match scope.names.get(name.text.as_str()) {
            Some(id) => *id,
            None => self.symbol(&name.text, kind, body),
        };
        let symbol = &mut self.names.symbols[id];
        symbol.bindings.push(name.span);
        if symbol.doc.is_none() {
            symbol.doc = doc.map(str::to_owned);
        }
        self.scopes.last_mut().expect("seen above").names.insert(&name.text, id);
    }

    fn declare_import(&mut self, path: &'a Str, alias: Option<&'a Name>, names: &'a [Name]) {
        let stem = std::path::Path::new(&path.value).file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let module = alias.map_or((stem, path.span), |alias| (alias.text.as_str(), alias.span));
        let bound = match names {
            [] => vec![(module, Kind::Module)],
            _ => names.iter().map(|name| ((name.text.as_str(), name.span), Kind::Imported)).collect(),
        };
        let body = self.scopes.last().map_or((0, 0), |scope| scope.body);
        for ((name, span), kind) in bound {
            let id = self.symbol(name, kind, body);
            self.names.symbols[id].from = Some(path.value.clone());
            self.names.symbols[id].bindings.push(span);
            let Some(scope) = self.scopes.last_mut() else { return };
            scope.names.insert(name, id);
            scope.now.insert(id, span);
            self.occur(span, id, Form::Binding, span);
        }
    }

    fn declare_result(&mut self, name: &'a Name, kind: Kind, doc: Option<&str>) {
        let body = self.scopes.first().map_or((0, 0), |scope| scope.body);
        let id = self.symbol(&name.text, kind, body);
        self.names.symbols[id].bindings.push(name.span);
        self.names.symbols[id].doc = doc.map(str::to_owned);
        self.results.insert(&name.text, id);
        self.occur(name.span, id, Form::Binding, name.span);
    }

    /// A definition is there before the statements around it, and so are the names of its parameters.
    fn hoisted(&mut self, name: &'a Name, hypers: &'a [Arg], args: &'a [Arg], body: (u32, u32)) {
        let Some(scope) = self.scopes.last_mut() else { return };
        let Some(id) = scope.names.get(name.text.as_str()).copied() else { return };
        scope.now.insert(id, name.span);
        let parameter = |this: &mut Self, arg: &'a Arg, kind| {
            let own = this.symbol(&arg.name.text, kind, body);
            this.names.symbols[own].bindings.push(arg.name.span);
            own
        };
        let hypers = hypers.iter().map(|arg| parameter(self, arg, Kind::Hyper)).collect();
        let args = args.iter().map(|arg| parameter(self, arg, Kind::Argument)).collect();
        self.names.parameters.insert(id, [hypers, args]);
    }

    fn occur(&mut self, span: Span, symbol: SymbolId, form: Form, binding: Span) {
        self.names.occurrences.push(Occurrence { span, symbol, form, binding });
    }

    /// Binds a name from here on.
    fn bind(&mut self, name: &'a Name) {
        for scope in self.scopes.iter_mut().rev() {
            if let Some(id) = scope.names.get(name.text.as_str()).copied() {
                scope.now.insert(id, name.span);
                self.occur(name.span, id, Form::Binding, name.span);
                return;
            }
            if scope.function {
                return;
            }
        }
    }

    /// The symbol that a name stands for here, and which of its bindings.
    fn look_up(&self, name: &str) -> Option<(SymbolId, Span)> {
        let (mut inside, mut later) = (true, None);
        for scope in self.scopes.iter().rev() {
            if let Some(id) = scope.names.get(name) {
                let first = self.names.symbols[*id].bindings[0];
                match scope.now.get(id) {
                    Some(now) => return Some((*id, *now)),
                    None if !inside => return Some((*id, first)),
                    None => later = later.or(Some((*id, first))),
                }
            }
            inside &= !scope.function;
        }
        later.filter(|_| !super::words::is_known(name))
    }

    /// A use of a value's name; the symbol, if the file has it.
    fn used(&mut self, name: &'a str, span: Span, form: Form) -> Option<SymbolId> {
        if let Some((id, binding)) = self.look_up(name) {
            self.occur(span, id, form, binding);
            return Some(id);
        }
        let capital = name.chars().next().is_some_and(char::is_uppercase);
        if self.sizes && capital {
            self.size(name, span);
        }
        None
    }

    /// A size that is named for the first time.
    fn size(&mut self, name: &'a str, span: Span) {
        let Some(body) = self.scopes.last().map(|scope| scope.body) else { return };
        let id = self.symbol(name, Kind::Size, body);
        self.names.symbols[id].bindings.push(span);
        self.occur(span, id, Form::Binding, span);
        let Some(scope) = self.scopes.last_mut() else { return };
        scope.names.insert(name, id);
        scope.now.insert(id, span);
    }

    /// A use of the name of a loss, metric or output.
    fn result(&mut self, name: &'a str, span: Span) {
        if let Some(id) = self.results.get(name).copied() {
            let binding = self.names.symbols[id].bindings[0];
            self.occur(span, id, Form::Use, binding);
        }
    }

    fn stmts(&mut self, stmts: &'a [Stmt]) {
        stmts.iter().for_each(|stmt| self.stmt(stmt));
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Import { .. } => {}
            StmtKind::Const { name, value } => {
                self.expr(*value);
                self.bind(name);
            }
            StmtKind::Fn(def) => self.function(def, stmt.span),
            StmtKind::Layer(def) => self.layer(def, stmt.span),
            StmtKind::Input { names, ty, from } => {
                self.ty(ty, true);
                self.maybe(*from);
                names.iter().for_each(|name| self.bind(name));
            }
            StmtKind::Param(param) => {
                self.ty(&param.ty, false);
                [param.lr, param.decay, param.init].into_iter().for_each(|part| self.maybe(part));
                self.bind(&param.name);
            }
            StmtKind::State { name, ty, init, .. } => {
                self.ty(ty, false);
                self.expr(*init);
                self.bind(name);
            }
            StmtKind::Update { name, value } => {
                self.expr(*value);
                self.used(&name.text, name.span, Form::Use);
            }
            StmtKind::Loss(loss) => {
                for path in &loss.targets {
                    path.first().map(|name| self.used(&name.text, name.span, Form::Use));
                }
                self.maybe(loss.weight);
                self.expr(loss.value);
            }
            StmtKind::Metric { value, .. } => self.expr(*value),
            StmtKind::Output { name, value } => match value {
                Some(value) => self.expr(*value),
                None => drop(self.used(&name.text, name.span, Form::Shorthand)),
            },
            StmtKind::Bind { names, values } => {
                values.iter().for_each(|value| self.expr(*value));
                names.iter().for_each(|name| self.bind(name));
            }
            StmtKind::For { names, iterable, body } => self.rounds(names, *iterable, body),
            StmtKind::If { condition, then, otherwise } => {
                self.expr(*condition);
                self.block(then);
                otherwise.iter().for_each(|block| self.block(block));
            }
            StmtKind::Assert { condition, .. } => self.expr(*condition),
            StmtKind::Data { source, .. } => self.data(source),
            StmtKind::Train { settings } => settings.iter().for_each(|setting| self.setting(setting)),
            StmtKind::Test { body, .. } => self.own_block(body, true),
        }
    }

    fn function(&mut self, def: &'a Function, span: Span) {
        if let Some((id, _)) = self.look_up(&def.name.text) {
            self.occur(def.name.span, id, Form::Binding, def.name.span);
        }
        self.open(true, (def.name.span.start, span.end));
        self.signature(&def.name, &[&def.args], &def.returns, &def.wheres);
        match &def.body {
            FnBody::Exprs(exprs) => exprs.iter().for_each(|expr| self.expr(*expr)),
            FnBody::Block(block) => {
                self.declare(&block.stmts, &mut Vec::new());
                self.block(block);
            }
        }
        self.scopes.pop();
    }

    fn layer(&mut self, def: &'a LayerDef, span: Span) {
        if let Some((id, _)) = self.look_up(&def.name.text) {
            self.occur(def.name.span, id, Form::Binding, def.name.span);
        }
        self.open(true, (def.name.span.start, span.end));
        self.signature(&def.name, &[&def.hypers, &def.args], &def.returns, &def.wheres);
        self.declare(&def.body.stmts, &mut Vec::new());
        self.block(&def.body);
        self.scopes.pop();
    }

    fn signature(&mut self, name: &'a Name, lists: &[&'a [Arg]], returns: &'a [TypeExpr], wheres: &'a [Where]) {
        let own = self.look_up(&name.text).and_then(|(id, _)| self.names.parameters.get(&id)).cloned();
        let ids: BTreeMap<Span, SymbolId> = own
            .into_iter()
            .flat_map(|lists| lists.concat())
            .map(|id| (self.names.symbols[id].bindings[0], id))
            .collect();
        for arg in lists.iter().copied().flatten() {
            arg.ty.iter().for_each(|ty| self.ty(ty, true));
            self.maybe(arg.default);
            let (Some(id), Some(scope)) = (ids.get(&arg.name.span), self.scopes.last_mut()) else { continue };
            scope.names.insert(&arg.name.text, *id);
            scope.now.insert(*id, arg.name.span);
            self.occur(arg.name.span, *id, Form::Binding, arg.name.span);
        }
        wheres.iter().for_each(|clause| self.expr(clause.condition));
        returns.iter().for_each(|ty| self.ty(ty, false));
    }

    fn rounds(&mut self, names: &'a [Name], iterable: ExprId, body: &'a Block) {
        self.expr(iterable);
        self.open(false, (body.span.start, body.span.end));
        for name in names {
            self.declare_name(name, Kind::Value, None, &[]);
            self.bind(name);
        }
        self.block(body);
        self.scopes.pop();
    }

    /// Statements whose names are those of the body around them.
    fn block(&mut self, block: &'a Block) {
        self.stmts(&block.stmts);
        block.result.iter().flat_map(|(results, _)| results).for_each(|result| self.expr(*result));
    }

    /// Statements that keep their names to themselves.
    fn own_block(&mut self, block: &'a Block, function: bool) {
        self.open(function, (block.span.start, block.span.end));
        self.declare(&block.stmts, &mut Vec::new());
        self.block(block);
        self.scopes.pop();
    }

    fn data(&mut self, source: &'a DataSource) {
        match source {
            DataSource::Whole(value) => self.expr(*value),
            DataSource::Columns(columns) => {
                for (name, value) in columns {
                    self.used(&name.text, name.span, Form::Use);
                    self.expr(*value);
                }
            }
        }
    }

    /// Names of optimizers, schedules, losses and `best` are no values; arguments of calls are.
    fn setting(&mut self, setting: &'a Setting) {
        setting.qualifier.iter().for_each(|loss| self.result(&loss.text, loss.span));
        match setting.key.text.as_str() {
            "optimizer" | "schedule" => self.record(setting.value, false),
            "monitor" | "order" | "keep" => self.record(setting.value, true),
            _ => self.expr(setting.value),
        }
    }

    fn record(&mut self, id: ExprId, results: bool) {
        let expr = &self.ast.exprs[id];
        match &expr.kind {
            ExprKind::Name(name) if results => self.result(name, expr.span),
            ExprKind::Name(_) => {}
            ExprKind::Call { args, .. } if results => args.iter().for_each(|arg| self.record(arg.value, true)),
            ExprKind::Call { args, .. } => args.iter().for_each(|arg| self.expr(arg.value)),
            ExprKind::List(items) => items.iter().for_each(|item| self.record(*item, results)),
            _ => self.expr(id),
        }
    }

    fn ty(&mut self, ty: &'a TypeExpr, introduces: bool) {
        let before = std::mem::replace(&mut self.sizes, introduces);
        let TypeKind::Tensor { classes, dims, .. } = &ty.kind;
        self.maybe(*classes);
        for dim in dims.iter().flatten() {
            match dim {
                DimExpr::Size(id) => self.expr(*id),
                DimExpr::Run(name) => drop(self.used(&name.text, name.span, Form::Use)),
            }
        }
        self.sizes = before;
    }

    fn maybe(&mut self, id: Option<ExprId>) {
        id.into_iter().for_each(|id| self.expr(id));
    }

    fn expr(&mut self, id: ExprId) {
        let expr = &self.ast.exprs[id];
        match &expr.kind {
            ExprKind::Name(name) => drop(self.used(name, expr.span, Form::Use)),
            ExprKind::Unary { operand, .. } => self.expr(*operand),
            ExprKind::Binary { left, right, .. } => [*left, *right].into_iter().for_each(|id| self.expr(id)),
            ExprKind::Range { start, end } => [*start, *end].into_iter().for_each(|id| self.expr(id)),
            ExprKind::Pipe { value, target } => [*value, *target].into_iter().for_each(|id| self.expr(id)),
            ExprKind::Call { callee, args, .. } => {
                self.expr(*callee);
                let labels = self.labels(*callee);
                for arg in args {
                    let label = arg.name.as_ref().and_then(|name| Some((name, *labels.get(&name.text)?)));
                    if let Some((name, id)) = label {
                        let binding = self.names.symbols[id].bindings[0];
                        self.occur(name.span, id, Form::Use, binding);
                    }
                    self.expr(arg.value);
                }
            }
            ExprKind::Index { value, indices, .. } => {
                self.expr(*value);
                for index in indices {
                    match index {
                        Index::At(at) => self.expr(*at),
                        Index::Slice { start, stop, step, .. } => {
                            [*start, *stop, *step].into_iter().for_each(|part| self.maybe(part));
                        }
                        Index::Rest(_) => {}
                    }
                }
            }
            ExprKind::Member { value, name } => {
                self.expr(*value);
                let of = &self.ast.exprs[*value];
                if let ExprKind::Name(module) = &of.kind
                    && let Some((id, _)) = self.look_up(module)
                    && self.names.symbols[id].kind == Kind::Module
                {
                    self.names.members.push((name.span, id));
                }
            }
            ExprKind::Cast { value, ty } => {
                self.expr(*value);
                self.ty(ty, false);
            }
            ExprKind::If { condition, then, otherwise } => {
                self.expr(*condition);
                self.own_block(then, false);
                self.own_block(otherwise, false);
            }
            ExprKind::List(items) => items.iter().for_each(|item| self.expr(*item)),
            ExprKind::Int(_) | ExprKind::Float(_) | ExprKind::Str(_) | ExprKind::Bool(_) | ExprKind::Training => {}
        }
    }

    /// The parameters that a call of the file's own definition may name.
    fn labels(&self, callee: ExprId) -> BTreeMap<String, SymbolId> {
        let (id, list) = match &self.ast.exprs[callee].kind {
            ExprKind::Name(name) => (self.look_up(name), 0),
            ExprKind::Call { callee, .. } => match &self.ast.exprs[*callee].kind {
                ExprKind::Name(name) => (self.look_up(name), 1),
                _ => (None, 0),
            },
            _ => (None, 0),
        };
        let Some((id, _)) = id else { return BTreeMap::new() };
        let list = if self.names.symbols[id].kind == Kind::Function { 1 } else { list };
        let own = self.names.parameters.get(&id).map(|lists| lists[list].clone()).unwrap_or_default();
        own.into_iter().map(|id| (self.names.symbols[id].name.clone(), id)).collect()
    }
}
