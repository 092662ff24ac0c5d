//! Statements with a role: `input`, `param`, `state`, `update`, `loss`, `metric`, `output`. What a loss trains is in `groups`, its
//! weight in `clock`.

use super::call::Given;
use super::checker::{Body, Checker, Known};
use super::scope::Role;
use super::stmt::body_name;
use super::value::{Truth, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attrs, Input, Node, ResultRole, ResultValue, Update, Variable, VariableKind, op};
use crate::ops::Builder;
use crate::source::Span;
use crate::syntax::ast::{self, ExprId, Name, Stmt, Str, TypeExpr};
use crate::tensor::{DType, Dim, Type};

impl<'a> Checker<'a> {
    /// `input a, b: T from e`.
    pub fn input(&mut self, stmt: &'a Stmt, names: &'a [Name], ty: &'a TypeExpr, from: Option<ExprId>) {
        self.only_at_top(stmt);
        let ty = if self.data_sizes(ty) { self.known_type(ty) } else { None };
        for name in names {
            let Some(ty) = ty.clone() else {
                self.bind(name, Val::Error, Role::Input);
                continue;
            };
            if let Some(first) = self.graph.inputs.iter().position(|input| input.name == name.text) {
                let place = self.graph.node(self.graph.inputs[first].value).place;
                let title = format!("input `{}` is declared twice", name.text);
                let mut diagnostic = Diagnostic::at(Code::E0106, name.span, title, "declared again here");
                if let Some(span) = place.span {
                    diagnostic = diagnostic.label(span, "first declared here");
                }
                self.report(diagnostic);
                continue;
            }
            let value = self.source_node(op::INPUT, self.graph.inputs.len(), ty.clone(), true, name.span);
            self.graph.inputs.push(Input { name: name.text.clone(), value, drawn: None });
            self.bind(name, Val::Tensor(value), Role::Input);
            if let Some(from) = from {
                let drawn = self.binding(&name.text, |this| this.initial(from, &ty));
                self.graph.inputs.last_mut().expect("pushed above").drawn = drawn;
            }
        }
    }

    /// A node that stands for an input or a variable.
    pub fn source_node(&mut self, op: ir::Op, index: usize, ty: Type, per_sample: bool, span: Span) -> ir::Value {
        let (attrs, place) = (Attrs::new().int("index", index as i64), self.place(span));
        self.graph.push(Node { op, inputs: Default::default(), attrs, ty, per_sample, place })
    }

    /// The value of an initialiser for a tensor of type `ty`.
    fn initial(&mut self, init: ExprId, ty: &Type) -> Option<ir::Value> {
        let span = self.ast_expr(init).span;
        let val = self.expr(init);
        let drawn = self.classes_drawn(&val, ty, span)?;
        let mut val = self.with_shape(val, Val::sizes(&ty.shape), span);
        if let (true, DType::Index(classes)) = (drawn, &ty.dtype) {
            val = self.as_classes(val, classes, span);
        }
        let value = self.tensor_like(&val, Some(&ty.dtype), span)?;
        let found = self.graph.ty(value).clone();
        if found == *ty {
            return Some(value);
        }
        if found.dtype == ty.dtype && found.shape.rank() == 0 {
            let attrs = Attrs::new().dims("shape", ty.shape.clone());
            return match self.emit(ir::Op("broadcast"), &[value], attrs, span) {
                Val::Tensor(value) => Some(value),
                _ => None,
            };
        }
        let title = format!("the initial value is {found}, the declaration {ty}");
        self.error(Code::E0218, span, title, format!("this is {found}"));
        None
    }

    /// Whether `val` is `randint(low, high)` for classes from `low` to `high - 1`; none if those are not of `ty`.
    fn classes_drawn(&mut self, val: &Val<'a>, ty: &Type, span: Span) -> Option<bool> {
        let (DType::Index(classes), Val::Fn(function)) = (&ty.dtype, val) else { return Some(false) };
        let given = |name: &str| function.given.iter().find(|(own, _)| own == name).and_then(|(_, val)| val.integer());
        let (Some(low), Some(high), "randint") = (given("low"), given("high"), function.def.name.text.as_str()) else {
            return Some(false);
        };
        if low >= 0 && classes.constant().is_some_and(|classes| high <= classes) {
            return Some(true);
        }
        let title = format!("`randint({low}, {high})` draws {low} to {}, the declaration is {ty}", high - 1);
        let diagnostic = Diagnostic::at(Code::E0302, span, title, "not all of these are its classes");
        self.report(diagnostic.help(format!("`randint(0, {classes})` draws every class alike")));
        None
    }

    /// Integers as classes, by the library's function.
    fn as_classes(&mut self, integers: Val<'a>, classes: &Dim, span: Span) -> Val<'a> {
        let Some(function) = self.scopes.peek(self.library_scope, "as_index") else { return Val::Error };
        let head = function.val.clone();
        let argument = |val| Given { name: None, at: span, val, span };
        let given = vec![argument(integers), argument(Val::Int(classes.clone()))];
        self.call_value(head, given, span, span).into_iter().next().unwrap_or(Val::Error)
    }

    /// `param w: T = e`.
    pub fn param(&mut self, stmt: &'a Stmt, param: &'a ast::Param) {
        if !self.may_own(stmt, "param") {
            return self.bind(&param.name, Val::Error, Role::Param);
        }
        let number = |this: &mut Self, id: Option<ExprId>| match id {
            None => 1.0,
            Some(id) => {
                let span = this.ast_expr(id).span;
                let val = this.expr(id);
                val.number().unwrap_or_else(|| {
                    if !matches!(val, Val::Error) {
                        this.error(Code::E0115, span, "a factor is a number", "known before anything runs");
                    }
                    1.0
                })
            }
        };
        let kind = VariableKind::Param {
            frozen: param.frozen.is_some(),
            lr: number(self, param.lr),
            decay: number(self, param.decay),
        };
        self.variable(&param.name, param.path.as_ref(), &param.ty, kind, param.init, Role::Param);
    }

    /// `state s: T = e`.
    pub fn state(&mut self, stmt: &'a Stmt, name: &'a Name, path: Option<&'a Str>, ty: &'a TypeExpr, init: ExprId) {
        if !self.may_own(stmt, "state") {
            return self.bind(name, Val::Error, Role::State);
        }
        self.variable(name, path, ty, VariableKind::State, Some(init), Role::State);
    }

    fn may_own(&mut self, stmt: &Stmt, word: &str) -> bool {
        if matches!(self.here.body, Body::Top | Body::Layer) {
            return true;
        }
        let title = format!("`{word}` stands in a layer or at the top level");
        let label = format!("here it is inside {}", body_name(self.here.body));
        let mut diagnostic = Diagnostic::at(Code::E0113, stmt.span, title, label);
        if self.here.body == Body::Function {
            diagnostic = diagnostic.note("functions are pure: what owns a tensor from step to step is a `layer`");
        }
        self.report(diagnostic);
        false
    }

    fn variable(
        &mut self,
        name: &'a Name,
        path: Option<&'a Str>,
        ty: &'a TypeExpr,
        kind: VariableKind,
        init: Option<ExprId>,
        role: Role,
    ) {
        let mut full = match path {
            Some(path) => path.value.clone(),
            None => self.variable_path(&name.text),
        };
        let follower = self.follower(&full, path.is_some());
        if let Some(follower) = &follower {
            full.clone_from(&follower.path);
        }
        let Some(ty) = self.known_type(ty) else {
            self.bind(name, Val::Error, role);
            return;
        };
        if let Some(dim) = ty.shape.iter().find(|dim| dim.constant().is_none()) {
            // Without a call the definition's own sizes are unknown; the initialiser is checked for its names.
            init.filter(|_| self.is_generic()).map(|init| self.expr(init));
            return match self.is_generic() {
                true => self.unsized_variable(name, ty.clone(), role),
                false => self.run_time_size(name, &ty, dim, role),
            };
        }
        if let Some(known) = self.known.get(&full).cloned() {
            self.share(name, &full, &ty, &known, role);
            return;
        }
        if let Some(follower) = follower.filter(|_| kind != VariableKind::State) {
            return self.follow(name, ty, &follower);
        }
        let before = std::mem::replace(&mut self.draws_whole, true);
        let value = self.binding(&name.text, |this| match init {
            Some(init) => this.initial(init, &ty),
            None => this.default_initial(&ty, name.span),
        });
        self.draws_whole = before;
        let place = self.place(name.span);
        let variable =
            self.graph.variables.push(Variable { path: full.clone(), kind, ty: ty.clone(), init: value, place });
        let node = self.variable_node(variable, ty, name.span);
        self.known.insert(full, Known { variable, node, span: name.span });
        self.bind(name, Val::Tensor(node), role);
    }

    /// The parameter or state that a node reads.
    fn known_at(&self, value: ir::Value) -> Option<Known> {
        let node = self.graph.node(value);
        let variable = (node.op == op::VARIABLE).then(|| ir::VarId(node.attrs.get_int("index") as u32))?;
        let known = self.known.get(&self.graph.variables[variable].path)?;
        Some(known.clone()).filter(|known| known.node == value)
    }

    /// The node that reads a variable.
    pub fn variable_node(&mut self, variable: ir::VarId, ty: Type, span: Span) -> ir::Value {
        self.source_node(op::VARIABLE, variable.0 as usize, ty, false, span)
    }

    /// A variable of a definition that is checked without a call.
    fn unsized_variable(&mut self, name: &'a Name, ty: Type, role: Role) {
        let node = self.source_node(op::VARIABLE, 0, ty, false, name.span);
        self.bind(name, Val::Tensor(node), role);
    }

    /// E0214: what is owned from step to step has one size, whatever the data.
    fn run_time_size(&mut self, name: &'a Name, ty: &Type, dim: &Dim, role: Role) {
        let title = format!("`{}` would be {ty}, with {dim} fixed by the data", name.text);
        let diagnostic = Diagnostic::at(Code::E0214, name.span, title, "its size would change from run to run");
        let diagnostic = self
            .with_origin(diagnostic, dim)
            .note("a parameter has one size, and every minibatch may bring another; the batch axis itself is never written")
            .help("keep the axis out of it: `Affine(n, axis = -1)` maps each step, `mean(x, axis = 0)` joins them");
        self.report(diagnostic);
        self.bind(name, Val::Error, role);
    }

    /// A parameter without an initialiser: Glorot's for matrices and kernels, zeros for vectors and scalars.
    fn default_initial(&mut self, ty: &Type, span: Span) -> Option<ir::Value> {
        let name = if ty.shape.rank() >= 2 { "glorot_normal" } else { "zeros" };
        let head = self.scopes.peek(self.library_scope, name)?.val.clone();
        let val = self.with_shape(head, Val::sizes(&ty.shape), span);
        self.tensor(&val, span)
    }

    fn variable_path(&mut self, name: &str) -> String {
        let before = self.path.binding.replace(name.to_owned());
        let path = self.path.claim(None);
        self.path.binding = before;
        path
    }

    /// A second call of one instance finds its variable again; two declarations of one path are an error.
    fn share(&mut self, name: &'a Name, path: &str, ty: &Type, known: &Known, role: Role) {
        let declared = self.graph.variables[known.variable].ty.clone();
        if known.span != name.span {
            let title = format!("two variables are called `{path}`");
            let diagnostic = Diagnostic::at(Code::E0106, name.span, title, "declared again here")
                .label(known.span, "first declared here");
            self.report(diagnostic);
        } else if declared != *ty {
            let title = format!("a shared layer meets another shape: `{path}` is {declared}, here it would be {ty}");
            let place = self.graph.variables[known.variable].place;
            let first = self.outermost_call(place).or_else(|| self.user_place(place));
            let mut diagnostic = Diagnostic::at(Code::E0217, name.span, title, "this use needs another shape")
                .note("an instance owns one set of parameters, whatever it is called on");
            if let Some(first) = first {
                diagnostic = diagnostic.label(first, "its parameters were made here");
            }
            self.report(diagnostic);
            self.bind(name, Val::Error, role);
            return;
        }
        self.bind(name, Val::Tensor(known.node), role);
    }

    /// `update s = e`.
    pub fn update(&mut self, stmt: &'a Stmt, name: &'a Name, value: ExprId) {
        if !self.may_own(stmt, "update") {
            return;
        }
        let binding = self.scopes.look_up(self.here.scope, &name.text);
        // Without a call a state may have no size yet, and so be no variable.
        if self.is_generic() && binding.as_ref().is_some_and(|binding| binding.role == Role::State) {
            self.expr(value);
            return;
        }
        let known = match binding.map(|binding| binding.val) {
            Some(Val::Tensor(node)) => self.known_at(node),
            Some(Val::Error) => return,
            _ => None,
        };
        let state = known.filter(|known| self.graph.variables[known.variable].kind == VariableKind::State);
        let Some(Known { variable, node, .. }) = state else {
            let title = format!("`{}` is no state", name.text);
            let diagnostic = Diagnostic::at(Code::E0113, name.span, title, "only a `state` is updated")
                .help(format!("declare it: `state {}: [...] = ...`", name.text));
            self.report(diagnostic);
            return;
        };
        if self.here.phase == Truth::NotTraining {
            self.error(Code::E0113, stmt.span, "an update happens in training only", "this branch is never trained");
            return;
        }
        let span = self.ast_expr(value).span;
        if self.is_updated_twice(name, variable, span) {
            return;
        }
        // A shared instance called again sees what the earlier call left.
        let now = self.chained.get(&variable).copied().unwrap_or(node);
        let first = self.graph.nodes.next_index();
        let val = self.expr(value);
        let Some(new) = self.tensor(&val, span) else { return };
        let new = if now == node { new } else { self.rewire(first, node, now, new) };
        self.assign(variable, new, span);
    }

    /// Refuses a second `update` of a state in one body: both would read the old state, and one would be lost.
    fn is_updated_twice(&mut self, name: &Name, variable: ir::VarId, value: Span) -> bool {
        let same_body = |update: &&Update| update.variable == variable && update.place.frame == self.here.frame;
        let earlier = self.graph.updates.iter().find(same_body).and_then(|update| update.place.span);
        let Some(earlier) = earlier.filter(|earlier| *earlier != value) else { return false };
        let title = format!("state `{}` is updated twice", name.text);
        let diagnostic = Diagnostic::at(Code::E0106, name.span, title, "updated again here")
            .label(earlier, "its new value is this already")
            .help("write one `update`, with all that the state is to become");
        self.report(diagnostic);
        true
    }

    /// Makes the nodes since `first` read `now` instead of `old`.
    fn rewire(&mut self, first: ir::Value, old: ir::Value, now: ir::Value, value: ir::Value) -> ir::Value {
        for id in self.graph.nodes.indices().filter(|id| *id >= first).collect::<Vec<_>>() {
            for input in &mut self.graph.nodes[id].inputs {
                if *input == old {
                    *input = now;
                }
            }
        }
        if value == old { now } else { value }
    }

    fn assign(&mut self, variable: ir::VarId, value: ir::Value, span: Span) {
        let declared = self.graph.variables[variable].ty.clone();
        let path = self.graph.variables[variable].path.clone();
        let node = self.graph.node(value);
        if node.per_sample {
            let diagnostic = Diagnostic::at(
                Code::E0511,
                span,
                format!("`{path}` is one for all samples, its update differs from sample to sample"),
                "a per-sample value",
            )
            .help("reduce it over the minibatch first: `mean(all_samples(...), axis = 0)`");
            self.report(diagnostic);
            return;
        }
        if node.ty != declared {
            let title = format!("the update of `{path}` is {}, the state {declared}", node.ty);
            self.error(Code::E0218, span, title, "another type");
            return;
        }
        let place = self.place(span);
        self.graph.updates.retain(|update| update.variable != variable);
        self.graph.updates.push(Update { variable, value, place });
        self.chained.insert(variable, value);
    }

    /// `loss l weight w = e`.
    pub fn loss(&mut self, stmt: &'a Stmt, loss: &'a ast::Loss) {
        self.only_at_top(stmt);
        let targets: Vec<_> = loss.targets.iter().filter_map(|path| self.target(path)).collect();
        let (name, at) = match &loss.name {
            Some(name) => (name.text.as_str(), name.span),
            None => ("loss", loss.keyword),
        };
        let weight = loss.weight.and_then(|weight| self.weight(weight));
        let Some(value) = self.result(name, loss.value) else { return };
        let ty = self.graph.ty(value).clone();
        if !ty.dtype.is_float() {
            let span = self.ast_expr(loss.value).span;
            self.error(
                Code::E0301,
                span,
                format!("a loss is made of numbers, not {}", ty.dtype),
                format!("this is {ty}"),
            );
            return;
        }
        if !loss.targets.is_empty() {
            self.targets.push((name.to_owned(), targets));
        }
        self.add_result(name, at, ResultRole::Loss { weight, trains: None }, value);
    }

    /// `metric m = e`.
    pub fn metric(&mut self, stmt: &'a Stmt, name: &'a Name, value: ExprId) {
        self.only_at_top(stmt);
        let span = self.ast_expr(value).span;
        let Some(value) = self.result(&name.text, value) else { return };
        let place = self.place(name.span);
        let value = match self.graph.ty(value).dtype {
            DType::Index(_) => {
                let ty = self.graph.ty(value).to_string();
                let title = format!("metric `{}` would be the mean of class numbers", name.text);
                let diagnostic = Diagnostic::at(Code::E0301, span, title, format!("this is {ty}"))
                    .note("a metric is averaged over samples, and the mean of two classes is neither")
                    .help("say how often it is right: `accuracy(scores, y)`, or `mean(classes == y)`")
                    .help("`float(int(...))` makes numbers of classes whose order means something");
                self.report(diagnostic);
                return;
            }
            DType::F32 => value,
            _ => Builder::new(&mut self.graph, place).emit(
                ir::Op("cast"),
                &[value],
                Attrs::new().with("dtype", ir::Attr::DType(DType::F32)),
            ),
        };
        self.add_result(&name.text, name.span, ResultRole::Metric, value);
    }

    /// `output o` or `output o = e`.
    pub fn output(&mut self, stmt: &'a Stmt, name: &'a Name, value: Option<ExprId>) {
        self.only_at_top(stmt);
        let value = match value {
            Some(value) => self.result(&name.text, value),
            None => {
                let val = self.named_value(name);
                self.tensor(&val, name.span)
            }
        };
        if let Some(value) = value {
            self.add_result(&name.text, name.span, ResultRole::Output, value);
        }
    }

    fn result(&mut self, name: &str, value: ExprId) -> Option<ir::Value> {
        let span = self.ast_expr(value).span;
        let val = self.binding(name, |this| this.expr(value));
        self.tensor(&val, span)
    }

    fn add_result(&mut self, name: &str, span: Span, role: ResultRole, value: ir::Value) {
        let same_kind = |old: &ResultRole| std::mem::discriminant(old) == std::mem::discriminant(&role);
        if let Some(first) = self.graph.results.iter().find(|old| old.name == name && same_kind(&old.role)) {
            let title = format!("`{name}` is declared twice");
            let mut diagnostic = Diagnostic::at(Code::E0106, span, title, "declared again here")
                .help("give each loss, metric and output a name of its own");
            if let Some(first) = first.place.span {
                diagnostic = diagnostic.label(first, "first declared here");
            }
            self.report(diagnostic);
            return;
        }
        let place = self.place(span);
        self.note_name(span, &Val::Tensor(value));
        self.graph.results.push(ResultValue { name: name.to_owned(), role, value, place });
    }
}
