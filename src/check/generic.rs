//! Definitions that no call entered: checked once, with symbols for the sizes of their signatures.
//!
//! A definition that is called is checked by its calls, where every size is known. One that is not is evaluated here on arguments of
//! its declared types: a capitalised size is a symbol, an integer hyperparameter too, a hyperparameter with a default has it. What is
//! not declared is poisoned, so that only names and numbers of arguments are checked around it. Only what is wrong for every call is
//! told; a fact that depends on the symbols is left to the calls. Nothing of all this stays in the graph.

use super::checker::{Body, Checker, Site};
use super::scope::{Binding, Role};
use super::value::{ScopeId, Val};
use crate::diagnostic::Code;
use crate::ir::{Attrs, Extent, Graph, Node, op};
use crate::source::Span;
use crate::syntax::ast::{Arg, Block, DimExpr, FnBody, Function, LayerDef, Name, Stmt, StmtKind, TypeExpr};
use crate::tensor::{Dim, Type};

/// What a definition can be told without knowing its arguments: the faults that no argument mends.
const CERTAIN: [Code; 20] = [
    Code::E0102,
    Code::E0104,
    Code::E0105,
    Code::E0106,
    Code::E0107,
    Code::E0108,
    Code::E0112,
    Code::E0113,
    Code::E0201,
    Code::E0202,
    Code::E0203,
    Code::E0204,
    Code::E0206,
    Code::E0207,
    Code::E0209,
    Code::E0210,
    Code::E0212,
    Code::E0215,
    Code::E0301,
    Code::E0302,
];

impl<'a> Checker<'a> {
    /// Checks the definitions among `stmts`, of the current scope, that no call entered.
    pub fn uncalled(&mut self, stmts: &'a [Stmt]) {
        for stmt in stmts {
            match &stmt.kind {
                StmtKind::Fn(def) if !self.entered.contains(&def.name.span) => self.generic_function(def),
                StmtKind::Layer(def) if !self.entered.contains(&def.name.span) => self.generic_layer(def),
                _ => {}
            }
        }
    }

    /// Whether a definition is being checked without a call.
    pub fn is_generic(&self) -> bool {
        !self.generic.is_empty()
    }

    /// Whether a fault is told now.
    pub fn is_certain(&self, code: Code) -> bool {
        !self.is_generic() || CERTAIN.contains(&code)
    }

    /// Runs `f` as the body of the definition called at `name`, and remembers that it was entered. None when the definition is being
    /// checked without a call and calls itself: there its condition to end is not known.
    pub fn entering<T>(&mut self, name: Span, f: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.entered.insert(name);
        if !self.is_generic() {
            return Some(f(self));
        }
        if self.generic.contains(&name) {
            return None;
        }
        self.generic.push(name);
        let result = f(self);
        self.generic.pop();
        Some(result)
    }

    fn generic_function(&mut self, def: &'a Function) {
        self.apart(def.name.span, Body::Function, |this, scope| {
            this.assume(&def.args);
            for clause in &def.wheres {
                this.expr(clause.condition);
            }
            let results = match &def.body {
                FnBody::Exprs(results) => this.exprs(results),
                FnBody::Block(block) => {
                    let inner = this.scopes.open(Some(scope), &block.stmts);
                    this.scoped(inner, |this| this.body(block, &def.name.text))
                }
            };
            this.check_returns(results, &def.returns, &def.name.text, def.name.span);
        });
    }

    fn generic_layer(&mut self, def: &'a LayerDef) {
        self.apart(def.name.span, Body::Layer, |this, scope| {
            this.assume(&def.hypers);
            let inner = this.scopes.open(Some(scope), &def.body.stmts);
            this.scoped(inner, |this| {
                this.assume(&def.args);
                for clause in &def.wheres {
                    this.expr(clause.condition);
                }
                let results = this.body(&def.body, &def.name.text);
                this.check_returns(results, &def.returns, &def.name.text, def.name.span);
            });
        });
    }

    /// Runs `f` in a body of its own, then takes back all that it left behind but its messages.
    fn apart(&mut self, name: Span, body: Body, f: impl FnOnce(&mut Self, ScopeId)) {
        let scope = self.scopes.open(Some(self.here.scope), &[]);
        let site = Site { scope, body, frame: None, ..self.here.clone() };
        let here = std::mem::replace(&mut self.here, site);
        let path = std::mem::take(&mut self.path);
        let extent = self.graph.extent();
        let around = self.apart_from.replace(extent.nodes);
        let chained = std::mem::take(&mut self.chained);
        self.entered.insert(name);
        self.generic.push(name);
        f(self, scope);
        self.generic.pop();
        (self.here, self.path, self.apart_from, self.chained) = (here, path, around, chained);
        self.take_back(extent);
    }

    /// Takes out of the graph what was added since, with its parameters.
    pub fn take_back(&mut self, since: Extent) -> Graph {
        let added = self.graph.split_off(since);
        for variable in added.variables.iter() {
            self.known.remove(&variable.path);
        }
        added
    }

    /// Binds the parameters of a definition to what can be said of every argument.
    fn assume(&mut self, args: &'a [Arg]) {
        for arg in args {
            let val = match (&arg.ty, arg.default) {
                (_, Some(default)) => self.expr(default),
                (Some(ty), None) => self.assumed(ty, arg),
                (None, None) => Val::Error,
            };
            let binding = Binding { val, span: Some(arg.name.span), role: Role::Argument };
            self.note_name(arg.name.span, &binding.val);
            self.scopes.bind(self.here.scope, &arg.name.text, binding);
        }
    }

    fn assumed(&mut self, ty: &'a TypeExpr, arg: &'a Arg) -> Val<'a> {
        match super::types::declared(ty) {
            super::types::Declared::Hyper("int") => Val::Int(Dim::symbol(&arg.name.text)),
            super::types::Declared::Hyper(_) => Val::Error,
            super::types::Declared::Tensor { dtype, classes, dims } => {
                classes.into_iter().for_each(|id| self.bind_symbols(id, Role::Given));
                let mut runs = false;
                for dim in dims {
                    match dim {
                        DimExpr::Size(id) => self.bind_symbols(*id, Role::Given),
                        DimExpr::Run(name) => {
                            runs = true;
                            let binding = Binding { val: Val::Error, span: None, role: Role::Given };
                            self.scopes.bind(self.here.scope, &name.text, binding);
                        }
                    }
                }
                // How many axes a run has is for the calls to say.
                if runs {
                    return Val::Error;
                }
                let Some(dtype) = self.dtype(dtype, classes, ty.span) else { return Val::Error };
                let sizes = dims.iter().map(|dim| match dim {
                    DimExpr::Size(id) => self.size(*id),
                    DimExpr::Run(_) => None,
                });
                let Some(shape) = sizes.collect() else { return Val::Error };
                let (attrs, place) = (Attrs::new().int("index", 0), self.place(arg.name.span));
                let ty = Type { dtype, shape };
                let inputs = Default::default();
                Val::Tensor(self.graph.push(Node { op: op::INPUT, inputs, attrs, ty, per_sample: true, place }))
            }
        }
    }

    /// Both arms of a choice that only a call settles, for their names; what they bind is not known after them.
    pub fn either_arm(&mut self, then: &'a Block, otherwise: Option<&'a Block>) {
        for block in [Some(then), otherwise].into_iter().flatten() {
            let scope = self.branch(block, self.here.phase);
            self.forget_bound(scope);
        }
    }

    /// One round of a loop whose rounds only a call settles.
    pub fn some_round(&mut self, names: &'a [Name], span: Span, body: &'a Block) {
        let scope = self.round(names, &Val::Error, span, body);
        self.forget_bound(scope);
    }

    /// Binds what `inner` bound to nothing in particular in the current scope.
    fn forget_bound(&mut self, inner: ScopeId) {
        let own: Vec<_> = self.scopes.own(inner).map(|(name, binding)| (name, binding.clone())).collect();
        for (name, binding) in own.into_iter().filter(|(_, binding)| binding.role != Role::Definition) {
            self.scopes.bind(self.here.scope, name, Binding { val: Val::Error, ..binding });
        }
    }
}
