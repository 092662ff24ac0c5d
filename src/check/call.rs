//! Calls: arguments to parameters, functions inlined, layers constructed and applied.

use std::rc::Rc;

use super::checker::{Body, Checker, MAX_CALL_DEPTH, PathContext, Site};
use super::foreign_keys;
use super::scope::{Binding, Role};
use super::stmt::count;
use super::value::{Builtin, FnVal, Instance, LayerVal, ScopeId, Truth, Val};
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir::Frame;
use crate::source::Span;
use crate::syntax::ast::{Arg, Ast, CallArg, ExprId, ExprKind, FnBody, Function, LayerDef};

/// A function definition as a value.
pub fn function<'a>(ast: &'a Ast, def: &'a Function, scope: ScopeId) -> Val<'a> {
    Val::Fn(Rc::new(FnVal { ast, def, scope, given: Vec::new() }))
}

/// A layer definition as a value.
pub fn layer<'a>(ast: &'a Ast, def: &'a LayerDef, scope: ScopeId) -> Val<'a> {
    Val::Layer(Rc::new(LayerVal { ast, def, scope }))
}

/// An argument as evaluated.
pub struct Given<'a> {
    pub name: Option<&'a str>,
    /// Where the name stands, or the value when none does.
    pub at: Span,
    pub val: Val<'a>,
    pub span: Span,
}

impl<'a> Given<'a> {
    /// An argument given by position.
    pub fn positional(val: Val<'a>, span: Span) -> Given<'a> {
        Given { name: None, at: span, val, span }
    }
}

/// The parameter that makes a function an initialiser.
pub const SHAPE: &str = "shape";

impl<'a> Checker<'a> {
    /// `callee(args)`.
    pub fn call_expr(&mut self, callee: ExprId, args: &'a [CallArg], parens: Span, span: Span) -> Vec<Val<'a>> {
        if let Some(column) = self.column_call(callee, args, span) {
            return vec![column];
        }
        match self.expr(callee) {
            Val::Layer(layer) => vec![self.construct(&layer, args, parens, span, None)],
            head => self.apply(head, Vec::new(), args, span, parens),
        }
    }

    /// `Name(hypers)` that a binding takes as it is: the binding alone names the instance.
    pub fn bare_construction(&mut self, id: ExprId) -> Option<Val<'a>> {
        let expr = self.ast_expr(id);
        let ExprKind::Call { callee, args, parens } = &expr.kind else { return None };
        let named = match &self.ast_expr(*callee).kind {
            ExprKind::Name(name) => self.scopes.peek(self.here.scope, name).map(|binding| binding.val.clone()),
            ExprKind::Member { value, .. } => match &self.ast_expr(*value).kind {
                ExprKind::Name(module) => self.scopes.peek(self.here.scope, module).map(|binding| binding.val.clone()),
                _ => None,
            },
            _ => None,
        };
        let Some(Val::Layer(_) | Val::Module(_)) = named else { return None };
        let Val::Layer(layer) = self.expr(*callee) else { return None };
        Some(self.construct_at(&layer, args, *parens, expr.span, None, false))
    }

    /// Makes an instance of a layer.
    pub fn construct(
        &mut self,
        layer: &Rc<LayerVal<'a>>,
        args: &'a [CallArg],
        parens: Span,
        span: Span,
        piped: Option<Span>,
    ) -> Val<'a> {
        self.construct_at(layer, args, parens, span, piped, true)
    }

    fn construct_at(
        &mut self,
        layer: &Rc<LayerVal<'a>>,
        args: &'a [CallArg],
        parens: Span,
        span: Span,
        piped: Option<Span>,
        named: bool,
    ) -> Val<'a> {
        let name = layer.def.name.text.as_str();
        if self.here.body == Body::Function {
            let diagnostic = Diagnostic::at(
                Code::E0108,
                span,
                "a function cannot own parameters",
                format!("`{name}` makes a layer here"),
            )
            .note("functions are pure; a `layer` owns what it constructs")
            .help("make this definition a `layer`, or pass an instance in");
            return self.report(diagnostic);
        }
        let given = self.arguments(args);
        if let Some(tensor) = given.iter().find(|given| matches!(given.val, Val::Tensor(_))) {
            return self.tensor_as_hyperparameter(name, tensor.span, piped.is_some());
        }
        let path = self.path.claim(named.then_some(name));
        self.note_instance(span, &path);
        let scope = self.scopes.open(Some(layer.scope), &[]);
        let told = self.told(&given, span);
        if !self.bind_arguments(&layer.def.name.text, &layer.def.hypers, layer.ast, scope, given, parens) {
            return Val::Error;
        }
        Val::Instance(Rc::new(Instance { layer: layer.clone(), scope, path, given: told }))
    }

    fn tensor_as_hyperparameter(&mut self, name: &str, span: Span, piped: bool) -> Val<'a> {
        let title = format!("`{name}` is a layer: its first argument list takes hyperparameters");
        let mut diagnostic = Diagnostic::at(Code::E0108, span, title, "this is a tensor");
        diagnostic = if piped {
            diagnostic.help(format!("give further tensors in a second argument list: `{name}(...)(x)`"))
        } else {
            diagnostic.help(format!("write `x |> {name}(...)` or `{name}(...)(x)`"))
        };
        self.report(diagnostic)
    }

    /// The values of written arguments.
    pub fn arguments(&mut self, args: &'a [CallArg]) -> Vec<Given<'a>> {
        let evaluate = |arg: &'a CallArg| {
            let span = self.ast_expr(arg.value).span;
            let (name, at) = arg.name.as_ref().map_or((None, span), |name| (Some(name.text.as_str()), name.span));
            Given { name, at, val: self.expr(arg.value), span }
        };
        args.iter().map(evaluate).collect()
    }

    /// The compile-time arguments of a call that the user wrote, as a program would write them.
    fn told(&self, given: &[Given<'a>], span: Span) -> String {
        if self.sources.is_library(span) {
            return String::new();
        }
        let text = |given: &Given<'a>| {
            let val = given.val.constant()?;
            Some(given.name.map_or_else(|| val.clone(), |name| format!("{name} = {val}")))
        };
        given.iter().filter_map(text).collect::<Vec<_>>().join(", ")
    }

    /// Calls a value with piped values, then written arguments.
    pub fn apply(
        &mut self,
        head: Val<'a>,
        piped: Vec<(Val<'a>, Span)>,
        args: &'a [CallArg],
        span: Span,
        parens: Span,
    ) -> Vec<Val<'a>> {
        let mut given: Vec<_> = piped.into_iter().map(|(val, span)| Given::positional(val, span)).collect();
        given.extend(self.arguments(args));
        self.call_value(head, given, span, parens)
    }

    /// Calls a value.
    pub fn call_value(&mut self, head: Val<'a>, given: Vec<Given<'a>>, span: Span, parens: Span) -> Vec<Val<'a>> {
        match head {
            Val::Error => vec![Val::Error],
            Val::Fn(function) => self.call_function(&function, given, span, parens),
            Val::Instance(instance) => self.call_instance(&instance, given, span, parens),
            Val::Primitive(primitive) => vec![self.call_primitive(primitive, given, span, parens)],
            Val::Builtin(Builtin::Scan) => self.scan(given, span),
            Val::Builtin(builtin) => vec![self.call_builtin(builtin, given, span)],
            Val::Layer(layer) => {
                let name = &layer.def.name.text;
                let title = format!("`{name}` is a layer, not a function");
                let diagnostic = Diagnostic::at(Code::E0108, span, title, "an instance is needed here")
                    .help(format!("make one first: `{name}(...)`"));
                vec![self.report(diagnostic)]
            }
            other => {
                let title = format!("{} cannot be called", other.kind());
                vec![self.error(Code::E0108, span, title, format!("this is {}", other.show()))]
            }
        }
    }

    fn call_function(
        &mut self,
        function: &Rc<FnVal<'a>>,
        given: Vec<Given<'a>>,
        span: Span,
        parens: Span,
    ) -> Vec<Val<'a>> {
        let def = function.def;
        let name = def.name.text.as_str();
        if self.here.depth >= MAX_CALL_DEPTH {
            let title = format!("calls nest deeper than {MAX_CALL_DEPTH}");
            return vec![self.error(Code::E0111, span, title, format!("`{name}` calls itself without end?"))];
        }
        let scope = self.scopes.open(Some(function.scope), &[]);
        for (name, val) in &function.given {
            if let Some(arg) = def.args.iter().find(|arg| arg.name.text == *name) {
                self.bind_argument(scope, arg, val.clone());
            }
        }
        if self.waits_for_shape(function, &given) {
            return vec![self.partial(function, given)];
        }
        let frame = Frame { given: self.told(&given, span), ..self.frame(name, span) };
        let before_given: Vec<_> = function.given.iter().map(|(name, _)| name.clone()).collect();
        let free: Vec<&'a Arg> = def.args.iter().filter(|arg| !before_given.contains(&arg.name.text)).collect();
        let before = self.here.clone();
        let site = Site { ast: function.ast, scope, frame: None, body: Body::Function, phase: before.phase, depth: 0 };
        if !self.bind_list(name, &free, &def.args, function.ast, scope, given, parens) {
            return vec![Val::Error];
        }
        let run = |this: &mut Self| {
            if !this.signature(&def.args, &def.wheres, name, span) {
                return vec![Val::Error];
            }
            let results = match &def.body {
                FnBody::Exprs(results) => this.exprs(results),
                FnBody::Block(block) => {
                    let inner = this.scopes.open(Some(scope), &block.stmts);
                    this.scoped(inner, |this| this.body(block, name))
                }
            };
            this.check_returns(results, &def.returns, name, span)
        };
        self.entering(def.name.span, |this| this.framed(frame, site, run)).unwrap_or_else(|| vec![Val::Error])
    }

    /// Whether a call gives everything but `shape`, as initialisers are written.
    fn waits_for_shape(&self, function: &FnVal<'a>, given: &[Given<'a>]) -> bool {
        let args = &function.def.args;
        let Some(position) = args.iter().position(|arg| arg.name.text == SHAPE && arg.default.is_none()) else {
            return false;
        };
        let positional = given.iter().filter(|given| given.name.is_none()).count();
        let is_given = |index: usize, arg: &Arg| {
            index < positional || given.iter().any(|given| given.name == Some(arg.name.text.as_str()))
        };
        let already = function.given.iter().any(|(name, _)| name == SHAPE);
        let others = args
            .iter()
            .enumerate()
            .all(|(index, arg)| index == position || arg.default.is_some() || is_given(index, arg));
        !already && !is_given(position, &args[position]) && others
    }

    fn partial(&mut self, function: &Rc<FnVal<'a>>, given: Vec<Given<'a>>) -> Val<'a> {
        let mut fixed = function.given.clone();
        for (index, given) in given.into_iter().enumerate() {
            let name = match given.name {
                Some(name) => name,
                None => function.def.args[index].name.text.as_str(),
            };
            if !function.def.args.iter().any(|arg| arg.name.text == name) {
                let args: Vec<&Arg> = function.def.args.iter().collect();
                return self.unknown_argument(&function.def.name.text, name, given.at, &args);
            }
            fixed.push((name.to_owned(), given.val));
        }
        let FnVal { ast, def, scope, .. } = **function;
        Val::Fn(Rc::new(FnVal { ast, def, scope, given: fixed }))
    }

    /// Calls an initialiser with the shape it waits for.
    pub fn with_shape(&mut self, val: Val<'a>, shape: Val<'a>, span: Span) -> Val<'a> {
        let name = match &val {
            Val::Fn(function) if function.def.args.iter().any(|arg| arg.name.text == SHAPE) => Some(SHAPE),
            Val::Fn(_) => None,
            Val::Primitive(primitive) if primitive.params.iter().any(|param| param.name == SHAPE) => Some(SHAPE),
            _ => return val,
        };
        let given = vec![Given { name, at: span, val: shape, span }];
        self.call_value(val, given, span, span).into_iter().next().unwrap_or(Val::Error)
    }

    fn call_instance(
        &mut self,
        instance: &Rc<Instance<'a>>,
        given: Vec<Given<'a>>,
        span: Span,
        parens: Span,
    ) -> Vec<Val<'a>> {
        let def = instance.layer.def;
        let name = def.name.text.as_str();
        if self.here.depth >= MAX_CALL_DEPTH {
            let title = format!("layers nest deeper than {MAX_CALL_DEPTH}");
            return vec![self.error(Code::E0111, span, title, format!("`{name}` contains itself?"))];
        }
        let scope = self.scopes.open(Some(instance.scope), &def.body.stmts);
        if !self.bind_arguments(name, &def.args, instance.layer.ast, scope, given, parens) {
            return vec![Val::Error];
        }
        let site =
            Site { ast: instance.layer.ast, scope, frame: None, body: Body::Layer, phase: self.here.phase, depth: 0 };
        let path = PathContext { prefix: instance.path.clone(), ..PathContext::default() };
        let before = std::mem::replace(&mut self.path, path);
        let run = |this: &mut Self| {
            if !this.signature(&def.hypers, &[], name, span) || !this.signature(&def.args, &def.wheres, name, span) {
                return vec![Val::Error];
            }
            let results = this.body(&def.body, name);
            this.check_returns(results, &def.returns, name, span)
        };
        let (given, owner) = (instance.given.clone(), Some(instance.path.clone()));
        let frame = Frame { given, instance: owner, ..self.frame(name, span) };
        let results = self.entering(def.name.span, |this| this.framed(frame, site, run));
        self.path = before;
        results.unwrap_or_else(|| vec![Val::Error])
    }

    fn bind_arguments(
        &mut self,
        callee: &str,
        params: &'a [Arg],
        ast: &'a Ast,
        scope: ScopeId,
        given: Vec<Given<'a>>,
        parens: Span,
    ) -> bool {
        let free: Vec<&'a Arg> = params.iter().collect();
        self.bind_list(callee, &free, params, ast, scope, given, parens)
    }

    /// Binds arguments to parameters in `scope`: positional ones, named ones, then defaults, which see the parameters before them.
    /// False after an error.
    #[expect(clippy::too_many_arguments, reason = "a call has as many parts")]
    fn bind_list(
        &mut self,
        callee: &str,
        free: &[&'a Arg],
        all: &'a [Arg],
        ast: &'a Ast,
        scope: ScopeId,
        given: Vec<Given<'a>>,
        parens: Span,
    ) -> bool {
        let mut slots: Vec<Option<Val<'a>>> = free.iter().map(|_| None).collect();
        // Whether the arguments are those of the signature, and whether each has a value.
        let (mut fine, mut poisoned) = (true, false);
        for (index, Given { name, at, val, span }) in given.into_iter().enumerate() {
            let slot = match name {
                None if index < free.len() => index,
                None => {
                    self.surplus(callee, free, span);
                    fine = false;
                    continue;
                }
                Some(name) => match free.iter().position(|arg| arg.name.text == name) {
                    Some(slot) => slot,
                    None => {
                        self.unknown_argument(callee, name, at, free);
                        fine = false;
                        continue;
                    }
                },
            };
            if slots[slot].is_some() {
                let title = format!("`{}` is given twice to `{callee}`", free[slot].name.text);
                self.error(Code::E0105, span, title, "given again here");
                fine = false;
            }
            poisoned |= matches!(val, Val::Error);
            slots[slot] = Some(val);
        }
        let site = Site { ast, scope, frame: None, body: Body::Function, phase: Truth::Known(true), depth: 0 };
        for (arg, slot) in free.iter().zip(slots) {
            let val = match (slot, arg.default) {
                (Some(val), _) => val,
                (None, Some(default)) => {
                    let (frame, phase) = (self.frame(callee, parens), self.here.phase);
                    self.framed(frame, Site { phase, ..site.clone() }, |this| this.expr(default))
                }
                (None, None) if fine => {
                    self.missing(callee, arg, all, parens);
                    fine = false;
                    Val::Error
                }
                (None, None) => Val::Error,
            };
            self.bind_argument(scope, arg, val);
        }
        fine && !poisoned
    }

    fn bind_argument(&mut self, scope: ScopeId, arg: &'a Arg, val: Val<'a>) {
        self.note_name(arg.name.span, &val);
        let binding = Binding { val, span: Some(arg.name.span), role: Role::Argument };
        self.scopes.bind(scope, &arg.name.text, binding);
    }

    fn surplus(&mut self, callee: &str, params: &[&'a Arg], span: Span) {
        let title = format!("`{callee}` takes {}", count(params.len(), "argument"));
        let mut diagnostic = Diagnostic::at(Code::E0105, span, title, "this one is too many");
        if let Some(last) = params.last()
            && !self.sources.is_library(last.name.span)
        {
            diagnostic = diagnostic.label(params[0].name.span.to(last.name.span), "its parameters");
        }
        if callee.chars().next().is_some_and(char::is_uppercase) {
            diagnostic =
                diagnostic.note("a layer takes hyperparameters in its first argument list, tensors in its second");
        }
        self.report(diagnostic);
    }

    fn missing(&mut self, callee: &str, arg: &Arg, all: &[Arg], parens: Span) {
        let title = format!("`{callee}` needs `{}`", arg.name.text);
        let at = Span { start: parens.end.saturating_sub(1).max(parens.start), ..parens };
        let signature: Vec<_> = all
            .iter()
            .map(|arg| format!("{}{}", arg.name.text, if arg.default.is_some() { " = ..." } else { "" }))
            .collect();
        let diagnostic = Diagnostic::at(Code::E0105, at, title, format!("`{}` is missing", arg.name.text))
            .help(format!("its parameters are `{}`", signature.join(", ")));
        let diagnostic = match super::elsewhere::counted(self.sources.text(parens)).filter(|_| callee == "range") {
            Some(range) => diagnostic.help(format!("write `{range}`: the numbers from 0 on, without the last")),
            None => diagnostic,
        };
        let diagnostic = match self.sources.is_library(arg.name.span) {
            true => diagnostic,
            false => diagnostic.label(arg.name.span, "declared here"),
        };
        self.report(diagnostic);
    }

    fn unknown_argument(&mut self, callee: &str, name: &str, at: Span, params: &[&'a Arg]) -> Val<'a> {
        let names: Vec<&str> = params.iter().map(|arg| arg.name.text.as_str()).collect();
        self.report_unknown_argument(callee, name, at, &names)
    }

    /// Reports an argument that the callee does not know.
    pub fn report_unknown_argument(&mut self, callee: &str, name: &str, at: Span, names: &[&str]) -> Val<'a> {
        let title = format!("`{callee}` has no argument `{name}`");
        let mut diagnostic = Diagnostic::at(Code::E0104, at, title, "unknown argument");
        if let Some(same) = foreign_keys::key(name, names) {
            let title = format!("write `{same}`");
            diagnostic =
                diagnostic.help(format!("it is called `{same}` here")).fix(title, at, same, Applicability::Maybe);
        } else if let ("sgd", "momentum") = (callee, name) {
            diagnostic = diagnostic
                .help("the optimizer is called so: `momentum(lr = 0.01, momentum = 0.9)`, or `nesterov(...)`");
        } else if let Some(say) = foreign_keys::otherwise(name) {
            diagnostic = diagnostic.help(say);
        } else if let Some(near) = closest(name, names.iter().copied()) {
            diagnostic = diagnostic.help(format!("a similar argument exists: `{near}`")).fix(
                format!("write `{near}`"),
                at,
                near,
                Applicability::Certain,
            );
        } else if names.is_empty() {
            diagnostic = diagnostic.note(format!("`{callee}` takes no arguments"));
        } else {
            diagnostic = diagnostic.note(format!("its arguments are `{}`", names.join("`, `")));
        }
        self.report(diagnostic)
    }
}
