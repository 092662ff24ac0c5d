//! Statements: bindings, loops, compile-time branches, assertions. Roles (`input`, `param`, `loss`, ...) are in `roles`.

use std::collections::BTreeMap;

use super::checker::{Body, Checker};
use super::scope::{Binding, Role, bound_names};
use super::value::{ScopeId, Truth, Val};
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir::{self, op};
use crate::source::Span;
use crate::syntax::ast::{Block, ExprId, Name, Stmt, StmtKind};
use crate::tensor::Ordering3;

impl<'a> Checker<'a> {
    /// Checks statements in order.
    pub fn stmts(&mut self, stmts: &'a [Stmt]) {
        for stmt in stmts {
            self.stmt(stmt);
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) {
        match &stmt.kind {
            StmtKind::Fn(_) | StmtKind::Layer(_) => self.definition(stmt),
            StmtKind::Const { name, value } => self.constant(name, *value),
            StmtKind::Bind { names, values } => self.bind_stmt(names, values),
            StmtKind::For { names, iterable, body } => self.for_stmt(names, *iterable, body),
            StmtKind::If { condition, then, otherwise } => self.if_stmt(*condition, then, otherwise.as_ref()),
            StmtKind::Assert { condition, message } if self.here.body == Body::Test => {
                self.claim(*condition, message.as_ref());
            }
            StmtKind::Assert { condition, message } => {
                self.assert(*condition, message.as_ref().map(|m| m.value.as_str()))
            }
            StmtKind::Input { names, ty, from } => self.input(stmt, names, ty, *from),
            StmtKind::Param(param) => self.param(stmt, param),
            StmtKind::State { name, path, ty, init } => self.state(stmt, name, path.as_ref(), ty, *init),
            StmtKind::Update { name, value } => self.update(stmt, name, *value),
            StmtKind::Loss(loss) => self.loss(stmt, loss),
            StmtKind::Metric { name, value } => self.metric(stmt, name, *value),
            StmtKind::Output { name, value } => self.output(stmt, name, *value),
            // Bound before the statements run, by `hoist`, at the top level.
            StmtKind::Import { alias, names, .. } => {
                self.only_at_top(stmt);
                if self.here.body != Body::Top {
                    names.iter().chain(alias).for_each(|name| self.bind(name, Val::Error, Role::Import));
                }
            }
            // Settled after everything else, by `settings` and `test`.
            StmtKind::Data { .. } | StmtKind::Train { .. } | StmtKind::Test { .. } => self.only_at_top(stmt),
        }
    }

    /// Reports a statement that stands only at the top level, in a body.
    pub fn only_at_top(&mut self, stmt: &Stmt) {
        if self.here.body != Body::Top {
            let (word, place) = (keyword(&stmt.kind), body_name(self.here.body));
            let title = format!("`{word}` stands at the top level only");
            self.error(Code::E0113, stmt.span, title, format!("here it is inside {place}"));
        }
    }

    /// Checks where a function or layer is defined, and the case of its name.
    pub fn definition(&mut self, stmt: &'a Stmt) {
        if matches!(stmt.kind, StmtKind::Layer(_)) && self.here.body != Body::Top {
            self.error(Code::E0113, stmt.span, "a layer is defined at the top level", "here it is inside another body");
        }
        let name = bound_names(stmt)[0];
        let lower = name.text.chars().next().is_some_and(|c| c.is_lowercase() || c == '_');
        let upper = name.text.chars().next().is_some_and(char::is_uppercase);
        let wrong = match stmt.kind {
            StmtKind::Fn(_) if upper => "functions are written in snake_case",
            StmtKind::Layer(_) if lower => "layers are written in CapWords",
            _ => return,
        };
        let title = format!("`{}` is named like the other kind of definition", name.text);
        let diagnostic = Diagnostic::at(Code::E0108, name.span, title, wrong)
            .note("the case tells a reader whether a call owns parameters");
        self.report(diagnostic);
    }

    /// `const n = e`.
    pub fn constant(&mut self, name: &'a Name, value: ExprId) {
        let mut val = self.expr(value);
        if let Some(text) = self.circumstances.overrides.get(&name.text)
            && self.here.body == Body::Top
            && name.span.file == self.file
        {
            self.overridden.insert(name.text.clone());
            val = self.overridden_value(name, &val, text);
        }
        if let Val::Tensor(node) = val
            && !self.is_constant(node)
        {
            let span = self.ast_expr(value).span;
            val = self.error(
                Code::E0115,
                span,
                format!("the constant `{}` depends on values that are not constant", name.text),
                "a `const` is known before anything runs",
            );
        }
        self.bind(name, val, Role::Value);
    }

    fn is_constant(&self, value: ir::Value) -> bool {
        let reached = self.graph.reached_from([value]);
        self.graph.nodes.indices().filter(|v| reached[*v]).all(|v| {
            let node = self.graph.node(v);
            node.op != op::INPUT && node.op != op::VARIABLE && !node.per_sample
        })
    }

    /// The value of a constant that `--set` gives, of the kind that the file's own value has.
    fn overridden_value(&mut self, name: &Name, declared: &Val<'a>, text: &str) -> Val<'a> {
        let parsed = match declared {
            Val::Int(_) => text.parse::<i64>().ok().map(|value| Val::Int(value.into())),
            Val::Float(_) => text.parse::<f64>().ok().map(Val::Float),
            Val::Bool(_) => text.parse::<bool>().ok().map(|value| Val::Bool(Truth::Known(value))),
            Val::Str(_) => Some(Val::Str(text.into())),
            _ => None,
        };
        parsed.unwrap_or_else(|| {
            let title = format!("`--set {}={text}` does not fit the constant", name.text);
            let label = format!("`{}` is {} here", name.text, declared.kind());
            self.error(Code::E0114, name.span, title, label)
        })
    }

    /// Binds a name in the current scope.
    pub fn bind(&mut self, name: &'a Name, val: Val<'a>, role: Role) {
        if let (Val::Tensor(value), None) = (&val, self.here.frame)
            && self.apart_from.is_none_or(|first| *value >= first)
        {
            self.graph.names.insert(*value, name.text.clone());
        }
        self.note_name(name.span, &val);
        self.scopes.bind(self.here.scope, &name.text, Binding { val, span: Some(name.span), role });
    }

    fn bind_stmt(&mut self, names: &'a [Name], values: &'a [ExprId]) {
        if values.len() == names.len() {
            let vals: Vec<_> =
                names.iter().zip(values).map(|(name, value)| self.bound_expr(&name.text, *value)).collect();
            for (name, val) in names.iter().zip(vals) {
                self.bind(name, val, Role::Value);
            }
            return;
        }
        let span = self.ast_expr(values[0]).span;
        let vals = match values {
            [value] => self.binding(&names[0].text, |this| this.expr_results(*value)),
            _ => Vec::new(),
        };
        if vals.len() == names.len() {
            for (name, val) in names.iter().zip(vals) {
                self.bind(name, val, Role::Value);
            }
            return;
        }
        let poisoned = vals.iter().any(|val| matches!(val, Val::Error));
        if !poisoned {
            let found = if values.len() == 1 { vals.len() } else { values.len() };
            let title = format!("{} names for {}", names.len(), count(found, "value"));
            let label = format!("this gives {}", count(found, "value"));
            self.report(Diagnostic::at(Code::E0105, span, title, label).label(names[0].span, "bound here"));
        }
        for name in names {
            self.bind(name, Val::Error, Role::Value);
        }
    }

    /// Runs `f` with `name` as the binding that names parameters.
    pub fn binding<T>(&mut self, name: &str, f: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.path.binding.replace(name.to_owned());
        let result = f(self);
        self.path.binding = before;
        result
    }

    /// The value that a binding gives to `name`. A layer's instance that is bound as it is takes the binding's name alone.
    fn bound_expr(&mut self, name: &str, value: ExprId) -> Val<'a> {
        self.binding(name, |this| match this.bare_construction(value) {
            Some(val) => val,
            None => this.expr(value),
        })
    }

    fn for_stmt(&mut self, names: &'a [Name], iterable: ExprId, body: &'a Block) {
        let span = self.ast_expr(iterable).span;
        let items = match self.expr(iterable) {
            Val::Error => return self.some_round(names, span, body),
            Val::List(items) => items,
            other => {
                let title = format!("`for` runs over a list or a range, not over {}", other.kind());
                self.error(Code::E0115, span, title, "the rounds of a loop are known before anything runs");
                return;
            }
        };
        if let Some((_, returned)) = &body.result {
            self.error(Code::E0113, *returned, "a loop cannot return", "`return` ends a function or a layer");
        }
        for (round, item) in items.iter().enumerate() {
            self.path.rounds.push(round);
            self.round(names, item, span, body);
            self.path.rounds.pop();
        }
    }

    /// One round: its own scope for the loop's names; what the body binds over an outer name stays.
    pub fn round(&mut self, names: &'a [Name], item: &Val<'a>, span: Span, body: &'a Block) -> ScopeId {
        let parts = match item {
            _ if names.len() == 1 => vec![item.clone()],
            Val::List(parts) if parts.len() == names.len() => parts.to_vec(),
            Val::Error => vec![Val::Error; names.len()],
            other => {
                let title = format!("{} names for {}", names.len(), other.show());
                self.error(Code::E0105, span, title, "each item of this list is taken apart");
                vec![Val::Error; names.len()]
            }
        };
        let scope = self.scopes.open(Some(self.here.scope), &body.stmts);
        self.hoist(self.here.ast, scope, &body.stmts);
        self.scoped(scope, |this| {
            for (name, part) in names.iter().zip(parts) {
                this.bind(name, part, Role::Argument);
            }
            this.stmts(&body.stmts);
        });
        self.keep_rebound(scope, names);
        scope
    }

    /// What a block binds over a name that was visible outside, or binds anew, is visible after it.
    fn keep_rebound(&mut self, inner: ScopeId, except: &'a [Name]) {
        let own: Vec<_> = self.scopes.own(inner).map(|(name, binding)| (name, binding.clone())).collect();
        for (name, binding) in own {
            if binding.role == Role::Definition || except.iter().any(|loop_name| loop_name.text == name) {
                continue;
            }
            self.scopes.bind(self.here.scope, name, binding);
        }
    }

    fn if_stmt(&mut self, condition: ExprId, then: &'a Block, otherwise: Option<&'a Block>) {
        for block in [Some(then), otherwise].into_iter().flatten() {
            if let Some((_, returned)) = &block.result {
                self.error(
                    Code::E0113,
                    *returned,
                    "a statement `if` cannot return",
                    "bind a value here and return it at the end, or use `if` as an expression",
                );
            }
        }
        match self.condition(condition) {
            None if self.is_generic() => self.either_arm(then, otherwise),
            None => {}
            Some(Truth::Known(chosen)) => {
                let block = if chosen { Some(then) } else { otherwise };
                if let Some(block) = block {
                    let scope = self.branch(block, self.here.phase);
                    self.keep_rebound(scope, &[]);
                }
            }
            Some(truth) => {
                let (training, evaluation) = match truth {
                    Truth::Training => (Some(then), otherwise),
                    _ => (otherwise, Some(then)),
                };
                self.training_branches(training, evaluation, self.ast_expr(condition).span);
            }
        }
    }

    /// Runs the block of a branch in a scope of its own.
    pub fn branch(&mut self, block: &'a Block, phase: Truth) -> ScopeId {
        let scope = self.scopes.open(Some(self.here.scope), &block.stmts);
        self.hoist(self.here.ast, scope, &block.stmts);
        let before = std::mem::replace(&mut self.here.phase, phase);
        self.scoped(scope, |this| this.stmts(&block.stmts));
        self.here.phase = before;
        scope
    }

    /// Both arms of `if training`: a name that either binds becomes a choice between the two networks.
    fn training_branches(&mut self, training: Option<&'a Block>, evaluation: Option<&'a Block>, span: Span) {
        let mut arms = [BTreeMap::new(), BTreeMap::new()];
        for (arm, (block, phase)) in
            [(training, Truth::Training), (evaluation, Truth::NotTraining)].into_iter().enumerate()
        {
            if let Some(block) = block {
                let scope = self.branch(block, phase);
                arms[arm] = self.scopes.own(scope).map(|(name, binding)| (name, binding.clone())).collect();
            }
        }
        let names: std::collections::BTreeSet<_> = arms.iter().flat_map(|arm| arm.keys().copied()).collect();
        for name in names {
            let outside =
                self.scopes.peek(self.here.scope, name).filter(|binding| binding.role != Role::Given).cloned();
            let chosen = |arm: &BTreeMap<&'a str, Binding<'a>>| arm.get(name).cloned().or_else(|| outside.clone());
            let (Some(a), Some(b)) = (chosen(&arms[0]), chosen(&arms[1])) else { continue };
            if a.role == Role::Definition || b.role == Role::Definition {
                continue;
            }
            let at = arms.iter().find_map(|arm| arm.get(name)).and_then(|binding| binding.span).unwrap_or(span);
            let val = self.choose(a.val.clone(), b.val.clone(), at);
            self.scopes.bind(self.here.scope, name, Binding { val, span: Some(at), role: a.role });
        }
    }

    /// A value that is `training` in Main and `evaluation` elsewhere.
    pub fn choose(&mut self, training: Val<'a>, evaluation: Val<'a>, span: Span) -> Val<'a> {
        if matches!(training, Val::Error) || matches!(evaluation, Val::Error) {
            return Val::Error;
        }
        if training.same(&evaluation) == Some(Ordering3::Equal) {
            return training;
        }
        if let (Val::Tensor(a), Val::Tensor(b)) = (&training, &evaluation)
            && a == b
        {
            return training;
        }
        let numeric = |val: &Val| matches!(val, Val::Tensor(_)) || val.number().is_some();
        if !numeric(&training) || !numeric(&evaluation) {
            let title = "the arms of `if training` give different compile-time values";
            let label = format!("{} when training, {} otherwise", training.show(), evaluation.show());
            return self.error(Code::E0115, span, title, label);
        }
        let (Some(a), Some(b)) = (self.tensor(&training, span), self.tensor(&evaluation, span)) else {
            return Val::Error;
        };
        if self.graph.ty(a) != self.graph.ty(b) {
            let (left, right) = (self.graph.ty(a).to_string(), self.graph.ty(b).to_string());
            let what = if self.graph.shape(a) == self.graph.shape(b) { "dtypes" } else { "shapes" };
            let diagnostic = Diagnostic::at(
                Code::E0216,
                span,
                format!("the arms of `if training` have different {what}"),
                format!("{left} when training, {right} otherwise"),
            )
            .note("the three networks share everything that follows, so both arms give one type");
            return self.report(diagnostic);
        }
        self.emit(op::SELECT_TRAINING, &[a, b], ir::Attrs::new(), span)
    }

    /// A compile-time condition; none after an error.
    pub fn condition(&mut self, condition: ExprId) -> Option<Truth> {
        let span = self.ast_expr(condition).span;
        match self.expr(condition) {
            Val::Bool(truth) => Some(truth),
            Val::Error => None,
            Val::Tensor(value) => {
                let ty = self.graph.ty(value).to_string();
                let diagnostic = Diagnostic::at(
                    Code::E0110,
                    span,
                    "`if` needs a condition that is known before anything runs",
                    format!("this is a tensor ({ty})"),
                )
                .help("choose element by element with `where(condition, a, b)`");
                self.report(diagnostic);
                None
            }
            other => {
                let title = format!("a condition is true or false, not {}", other.kind());
                self.error(Code::E0114, span, title, format!("this is {}", other.show()));
                None
            }
        }
    }

    fn assert(&mut self, condition: ExprId, message: Option<&str>) {
        if let Some(Truth::Known(false)) = self.condition(condition) {
            let span = self.ast_expr(condition).span;
            let mut diagnostic = Diagnostic::at(Code::E0117, span, "an assertion fails", "this is false");
            if let Some(message) = message {
                let message = self.interpolate(message);
                diagnostic = diagnostic.note(message);
            }
            self.report(diagnostic);
        }
    }

    /// Opens a body's scope, runs it and gives what it returns.
    pub fn body(&mut self, block: &'a Block, owner: &str) -> Vec<Val<'a>> {
        self.hoist(self.here.ast, self.here.scope, &block.stmts);
        self.stmts(&block.stmts);
        let results = block.result.as_ref().map(|(results, _)| self.exprs(results));
        if !self.sources.is_library(block.span) {
            self.uncalled(&block.stmts);
        }
        match results {
            Some(results) => results,
            None if self.lost_return() => vec![Val::Error],
            None => {
                let diagnostic = Diagnostic::at(
                    Code::E0105,
                    block.span.after(),
                    format!("`{owner}` returns nothing"),
                    "`return ...` is missing before this brace",
                );
                let fix = block.stmts.last().filter(|stmt| matches!(stmt.kind, StmtKind::Bind { .. }));
                let diagnostic =
                    match fix.map(bound_names).and_then(|names| names.first().map(|name| name.text.clone())) {
                        Some(name) => diagnostic.fix(
                            format!("return `{name}`"),
                            Span { start: block.span.end - 1, end: block.span.end - 1, ..block.span },
                            format!("return {name}\n"),
                            Applicability::Maybe,
                        ),
                        None => diagnostic,
                    };
                self.report(diagnostic);
                vec![Val::Error]
            }
        }
    }
}

impl Checker<'_> {
    /// Whether a `return` of the file was told to stand in the wrong place.
    fn lost_return(&self) -> bool {
        let mut broken = self.here.ast.broken.iter();
        broken.any(|part| self.sources.text(part.span).starts_with("return"))
    }
}

/// `1 value`, `3 values`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// What a body is called in messages.
pub fn body_name(body: Body) -> &'static str {
    match body {
        Body::Top => "the file",
        Body::Layer => "a layer",
        Body::Function => "a function",
        Body::Test => "a test",
    }
}

/// The keyword that opens a statement.
fn keyword(kind: &StmtKind) -> &'static str {
    match kind {
        StmtKind::Import { .. } => "import",
        StmtKind::Const { .. } => "const",
        StmtKind::Fn(_) => "fn",
        StmtKind::Layer(_) => "layer",
        StmtKind::Input { .. } => "input",
        StmtKind::Param(_) => "param",
        StmtKind::State { .. } => "state",
        StmtKind::Update { .. } => "update",
        StmtKind::Loss(_) => "loss",
        StmtKind::Metric { .. } => "metric",
        StmtKind::Output { .. } => "output",
        StmtKind::Bind { .. } => "=",
        StmtKind::For { .. } => "for",
        StmtKind::If { .. } => "if",
        StmtKind::Assert { .. } => "assert",
        StmtKind::Data { .. } => "data",
        StmtKind::Train { .. } => "train",
        StmtKind::Test { .. } => "test",
    }
}
