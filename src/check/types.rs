//! Written types: what they denote, how a signature's symbols are bound by arguments, and checked casts. `where` clauses are in
//! `clause`.

use std::rc::Rc;

use super::checker::{Body, Checker};
use super::scope::{Binding, Role};
use super::value::Val;
use crate::base::closest;
use crate::diagnostic::{Applicability, Code, Diagnostic};
use crate::ir::{self, Attrs, Frame, op};
use crate::source::Span;
use crate::syntax::ast::{Arg, BinaryOp, DimExpr, ExprId, ExprKind, Name, TypeExpr, TypeKind, Where};
use crate::tensor::{DType, Dim, Ordering3, Shape, Type};

/// The largest number of elements that a declared tensor may have: what 1 TiB of `f32` holds. Beyond, sizes are surely a slip.
const MAX_ELEMENTS: i64 = 1 << 38;

/// How many bytes a formula for a size may have to be shown in a label.
const LONGEST_FORMULA: usize = 32;

/// What an argument is declared to be.
pub enum Declared<'a> {
    Tensor { dtype: &'a Option<Name>, classes: Option<ExprId>, dims: &'a [DimExpr] },
    Hyper(&'a str),
}

/// A size with at most one symbol that has no value yet: `factor * symbol + offset`.
struct Affine<'a> {
    factor: i64,
    symbol: Option<&'a str>,
    offset: Dim,
}

/// The types of tensors' elements.
const DTYPES: [&str; 4] = ["f32", "i32", "bool", "index"];

const HYPER_KINDS: [&str; 7] = ["int", "float", "str", "fn", "list", "dtype", "bool"];

impl<'a> Checker<'a> {
    /// The type that `ty` denotes where every size is known (inputs, parameters, states).
    pub fn known_type(&mut self, ty: &'a TypeExpr) -> Option<Type> {
        let (dtype, classes, dims) = match declared(ty) {
            Declared::Tensor { dtype, classes, dims } => (dtype, classes, dims),
            Declared::Hyper("bool") => return Some(Type { dtype: DType::Bool, shape: Shape::scalar() }),
            Declared::Hyper(_) => {
                let title = "a tensor's type is needed here";
                let diagnostic = Diagnostic::at(Code::E0301, ty.span, title, "this is a hyperparameter's type")
                    .note("tensors are `f32`, `i32`, `bool` or `index<K>`, with their sizes in brackets");
                self.report(diagnostic);
                return None;
            }
        };
        let dtype = self.dtype(dtype, classes, ty.span)?;
        let shape = self.shape_of(dims)?;
        self.allocatable(&shape, ty.span)?;
        Some(Type { dtype, shape })
    }

    /// The written sizes, all of which are known.
    fn shape_of(&mut self, dims: &'a [DimExpr]) -> Option<Shape> {
        let mut shape = Vec::new();
        for dim in dims {
            match dim {
                DimExpr::Size(id) => shape.push(self.size(*id)?),
                DimExpr::Run(name) => match self.scopes.look_up(self.here.scope, &name.text).map(|b| b.val) {
                    Some(Val::List(items)) => shape.extend(items.iter().filter_map(|item| match item {
                        Val::Int(dim) => Some(dim.clone()),
                        _ => None,
                    })),
                    Some(Val::Error) => return None,
                    _ => {
                        self.unknown_run(name);
                        return None;
                    }
                },
            }
        }
        Some(shape.into_iter().collect())
    }

    fn unknown_run(&mut self, name: &Name) {
        let title = format!("unknown run of sizes `..{}`", name.text);
        self.error(Code::E0212, name.span, title, "no argument of the signature binds it");
    }

    /// Refuses a tensor that no machine holds, with the memory that it would take.
    fn allocatable(&mut self, shape: &Shape, span: Span) -> Option<()> {
        let elements =
            shape.iter().filter_map(Dim::constant).fold(1i128, |product, dim| product.saturating_mul(dim.into()));
        if elements <= MAX_ELEMENTS.into() {
            return Some(());
        }
        let title = format!("a tensor {shape} has {elements} elements");
        let label = format!("it would take {} of memory", bytes(elements.saturating_mul(4)));
        self.error(Code::E0205, span, title, label);
        None
    }

    /// The dtype that a written type names. None after an error.
    pub fn dtype(&mut self, name: &'a Option<Name>, classes: Option<ExprId>, span: Span) -> Option<DType> {
        let Some(name) = name else { return Some(DType::F32) };
        match (name.text.as_str(), classes) {
            ("f32", None) => Some(DType::F32),
            ("i32", None) => Some(DType::I32),
            ("bool", None) => Some(DType::Bool),
            ("index", Some(classes)) => self.size(classes).map(DType::Index),
            ("index", None) => {
                let diagnostic = Diagnostic::at(Code::E0301, span, "`index` needs its number of classes", "how many?")
                    .help("write `index<10>` for integers from 0 to 9");
                self.report(diagnostic);
                None
            }
            (other, _) => {
                let title = format!("unknown dtype `{other}`");
                let mut diagnostic = Diagnostic::at(Code::E0301, name.span, title, "not a dtype");
                diagnostic =
                    match other {
                        "float" | "float32" | "f64" | "float64" => diagnostic
                            .help("numbers are `f32` (the default)")
                            .fix("write `f32`", name.span, "f32", Applicability::Maybe),
                        "int" | "int32" | "int64" | "i64" | "long" => {
                            diagnostic.help("integers are `i32`; classes and tokens `index<K>`")
                        }
                        other if let Some(near) = closest(other, HYPER_KINDS.into_iter().chain(DTYPES)) => {
                            diagnostic.help(format!("a similar type exists: `{near}`"))
                        }
                        _ => diagnostic.note("dtypes are `f32`, `i32`, `bool` and `index<K>`"),
                    };
                self.report(diagnostic);
                None
            }
        }
    }

    /// A size that is known now; none after an error.
    pub fn size(&mut self, id: ExprId) -> Option<Dim> {
        let span = self.ast_expr(id).span;
        if let ExprKind::Name(name) = &self.ast_expr(id).kind
            && self.scopes.peek(self.here.scope, name).is_none()
            && name.chars().next().is_some_and(char::is_uppercase)
        {
            let label = match self.here.body {
                Body::Top => "no input above has a size of this name",
                _ => "no argument binds it",
            };
            self.error(Code::E0212, span, format!("the size `{name}` is not known here"), label);
            return None;
        }
        let val = self.expr(id);
        self.as_size(val, span)
    }

    /// A value as a size, with an origin at `span`.
    pub fn as_size(&mut self, val: Val<'a>, span: Span) -> Option<Dim> {
        let dim = match (&val, val.integer()) {
            (Val::Error, _) => return None,
            (Val::Int(dim), _) => dim.clone(),
            (Val::Ratio(a, b), _) if self.is_generic() => a.clone().floor_div(b.clone()),
            (Val::Ratio(a, b), _) => {
                let quotient = Dim::quotient(a, b);
                let title = format!("it cannot be told whether {quotient} is a whole number");
                let diagnostic = Diagnostic::at(Code::E0213, span, title, "a size is whole")
                    .help(format!("round it: `floor({quotient})` or `ceil({quotient})`"));
                self.report(diagnostic);
                return None;
            }
            (_, Some(value)) => Dim::new(value),
            (Val::Float(value), None) => {
                self.error(Code::E0205, span, format!("a size is a whole number, not {value}"), "this is a fraction");
                return None;
            }
            _ => {
                self.error(
                    Code::E0115,
                    span,
                    "a size is known before anything runs",
                    format!("this is {}", val.kind()),
                );
                return None;
            }
        };
        if dim.constant().is_some_and(|value| value < 0) {
            let diagnostic = Diagnostic::at(Code::E0205, span, format!("a size of {dim}"), "sizes are not negative")
                .note("the batch axis is never written: a program is written for one sample")
                .help("a size that the data fixes has a name that begins with a capital: `input x: [T, 8]`");
            self.report(diagnostic);
            return None;
        }
        Some(self.written_size(dim, span))
    }

    /// A size that stands at `span`: as it is there, or computed by the formula there.
    fn written_size(&mut self, dim: Dim, span: Span) -> Dim {
        let text = self.sources.text(span);
        let (number, list) = (dim.to_string(), text.starts_with('['));
        let written = text == number || list && text.split(|c: char| !c.is_alphanumeric()).any(|word| word == number);
        let formula = (!written && !list && text.len() <= LONGEST_FORMULA).then(|| text.to_owned());
        match self.sources.is_library(span) {
            true => self.stamp(dim, span, false, None),
            false => self.stamp(dim, span, written, formula),
        }
    }

    /// Checks the arguments in the current scope against their declared types, binding symbols from left to right, then the
    /// `where` clauses. False after an error.
    pub fn signature(&mut self, args: &'a [Arg], wheres: &'a [Where], callee: &str, call: Span) -> bool {
        let mut fine = true;
        for arg in args {
            let Some(ty) = &arg.ty else { continue };
            let Some(binding) = self.scopes.peek(self.here.scope, &arg.name.text) else { continue };
            let val = binding.val.clone();
            fine &= self.argument(arg, ty, val, callee, call);
        }
        fine && wheres.iter().all(|clause| self.where_clause(clause, callee, call))
    }

    fn argument(&mut self, arg: &'a Arg, ty: &'a TypeExpr, val: Val<'a>, callee: &str, call: Span) -> bool {
        let name = arg.name.text.as_str();
        match declared(ty) {
            Declared::Hyper(kind) => self.hyper_argument(name, kind, &val, callee, call),
            Declared::Tensor { .. } if matches!(val, Val::Error) => false,
            Declared::Tensor { dtype: dtype @ Some(word), classes, .. } if !DTYPES.contains(&word.text.as_str()) => {
                self.dtype(dtype, classes, ty.span).is_some()
            }
            Declared::Tensor { dtype, classes, dims } => {
                let Some(value) = self.tensor(&val, call) else { return false };
                let scope = self.here.scope;
                let binding = Binding { val: Val::Tensor(value), span: Some(arg.name.span), role: Role::Argument };
                self.scopes.bind(scope, name, binding);
                let what = self.argument_of(name, callee);
                self.matches(value, dtype, classes, dims, &what, call, Code::E0218)
            }
        }
    }

    /// An argument in a message: by its name where the user called its function, by the user's own call where the library did.
    fn argument_of(&self, name: &str, callee: &str) -> String {
        let mut outermost = callee;
        let mut frame = self.here.frame;
        while let Some(id) = frame {
            let Frame { callee, call, parent, .. } = &self.graph.frames[id];
            outermost = callee;
            if !self.sources.is_library(*call) {
                break;
            }
            frame = *parent;
        }
        match outermost == callee {
            true => format!("`{name}` of `{callee}`"),
            false => format!("an argument of `{outermost}`"),
        }
    }

    fn hyper_argument(&mut self, name: &str, kind: &str, val: &Val<'a>, callee: &str, call: Span) -> bool {
        let fits = match kind {
            "int" => val.integer().is_some() || matches!(val, Val::Int(_)),
            "float" => val.number().is_some(),
            "bool" => matches!(val, Val::Bool(_)),
            "str" => matches!(val, Val::Str(_)),
            "list" => matches!(val, Val::List(_)),
            "dtype" => matches!(val, Val::DType(_)),
            _ => matches!(val, Val::Fn(_) | Val::Primitive(_) | Val::Builtin(_) | Val::Instance(_) | Val::Layer(_)),
        };
        if !fits && !matches!(val, Val::Error) {
            let needed = match kind {
                "int" => "an integer",
                "float" => "a number",
                "bool" => "true or false",
                "str" => "a text",
                "list" => "a list",
                "dtype" => "a dtype",
                _ => "a function",
            };
            let title = format!("`{name}` of `{callee}` is {needed}");
            self.error(Code::E0114, call, title, format!("`{name}` is {} here", described(val)));
        }
        fits
    }

    /// Checks a value against a written tensor type, binding the type's symbols.
    #[expect(clippy::too_many_arguments, reason = "a declared type has as many parts")]
    fn matches(
        &mut self,
        value: ir::Value,
        dtype: &'a Option<Name>,
        classes: Option<ExprId>,
        dims: &'a [DimExpr],
        what: &str,
        span: Span,
        code: Code,
    ) -> bool {
        let ty = self.graph.ty(value).clone();
        if !self.dtype_matches(&ty, dtype, classes, what, span) {
            return false;
        }
        let runs = dims.iter().filter(|dim| matches!(dim, DimExpr::Run(_))).count();
        let sized = dims.len() - runs;
        let found = ty.shape.rank();
        if runs == 0 && sized != found || sized > found {
            let axes = super::stmt::count(sized, if sized == 1 { "axis" } else { "axe" });
            let title = format!("{what} has {}{axes}", if runs > 0 { "at least " } else { "" });
            let diagnostic = Diagnostic::at(Code::E0206, span, title, format!("it is {ty} here"));
            self.report(diagnostic);
            return false;
        }
        let mut rest: std::collections::VecDeque<Dim> = ty.shape.iter().cloned().collect();
        let run_length = found - sized;
        for dim in dims {
            let matched = match dim {
                DimExpr::Run(name) => {
                    let run: Vec<Dim> = rest.drain(..run_length).collect();
                    self.match_run(name, &run, what, &ty, span, code)
                }
                DimExpr::Size(id) => match rest.pop_front() {
                    Some(size) => self.match_size(*id, &size, what, &ty, span, code),
                    None => true,
                },
            };
            if !matched {
                return false;
            }
        }
        true
    }

    fn dtype_matches(
        &mut self,
        ty: &Type,
        dtype: &'a Option<Name>,
        classes: Option<ExprId>,
        what: &str,
        span: Span,
    ) -> bool {
        let word = dtype.as_ref().map_or("f32", |name| name.text.as_str());
        match (word, &ty.dtype) {
            ("f32", DType::F32) | ("i32", DType::I32) | ("bool", DType::Bool) => true,
            ("index", DType::Index(found)) => match classes {
                Some(classes) => {
                    let found = found.clone();
                    self.match_classes(classes, &found, what, span)
                }
                None => true,
            },
            ("f32" | "i32" | "bool" | "index", found) => {
                let (found, needed) = (found.to_string(), if word == "index" { "index<K>" } else { word });
                let diagnostic = Diagnostic::at(
                    Code::E0301,
                    span,
                    format!("{what} must be {needed}"),
                    format!("it is {found} here"),
                );
                let diagnostic = match (word, &ty.dtype) {
                    ("f32", DType::Index(_)) => diagnostic.help("`one_hot(y)` or `float(y)` makes numbers of classes"),
                    ("f32", _) => diagnostic.help("`float(...)` converts"),
                    ("index", DType::F32 | DType::I32) => {
                        diagnostic.help("declare a label by its number of classes: `input y: index<10>`")
                    }
                    _ => diagnostic,
                };
                self.report(diagnostic);
                false
            }
            _ => self.dtype(dtype, classes, span).is_some(),
        }
    }

    fn match_classes(&mut self, classes: ExprId, found: &Dim, what: &str, span: Span) -> bool {
        let Some(expected) = self.symbol_or_size(classes, found) else { return true };
        let claiming = std::mem::replace(&mut self.claiming, false);
        let agree = self.agree(&expected, found, span);
        self.claiming = claiming;
        if let Some(agree) = agree {
            return agree;
        }
        let title = format!("{found} classes against {expected}");
        let diagnostic = Diagnostic::at(Code::E0302, span, title, format!("{what} is index<{found}> here"));
        let diagnostic = self.with_origin(diagnostic, found);
        let diagnostic = self.with_origin(diagnostic, &expected);
        self.report(diagnostic);
        false
    }

    /// Adds a label that says where a size came from.
    pub fn with_origin(&self, diagnostic: Diagnostic, dim: &Dim) -> Diagnostic {
        match self.origin(dim) {
            Some(origin) if Some(origin.span) != diagnostic.span() && !self.sources.is_library(origin.span) => {
                if diagnostic.labels.iter().any(|label| label.span == origin.span) {
                    return diagnostic;
                }
                let text = match &origin.formula {
                    Some(formula) => format!("{dim} = {formula} comes from here"),
                    None if origin.declared => format!("{dim} is declared here"),
                    None => format!("{dim} comes from here"),
                };
                diagnostic.label(origin.span, text)
            }
            _ => diagnostic,
        }
    }

    /// Whether two sizes agree, where that can be said without more words: what is not proved is left to the calls of a definition
    /// that is checked without one, and is an error elsewhere. None when they differ.
    fn agree(&mut self, expected: &Dim, found: &Dim, span: Span) -> Option<bool> {
        match expected.compare(found) {
            Ordering3::Equal => Some(true),
            Ordering3::Different => None,
            Ordering3::Undecided if self.is_generic() || self.claiming => Some(true),
            Ordering3::Undecided => {
                let diagnostic = self.unproved(found, expected, span);
                self.report(diagnostic);
                Some(false)
            }
        }
    }

    /// E0213: two sizes that depend on the data in different ways meet.
    pub fn unproved(&self, left: &Dim, right: &Dim, span: Span) -> Diagnostic {
        let title = format!("{left} and {right} cannot be proved equal");
        let mut diagnostic = Diagnostic::at(Code::E0213, span, title, "both sizes meet here");
        diagnostic = self.with_origin(self.with_origin(diagnostic, left), right);
        diagnostic
            .note("a capitalised size of an input is fixed by the data, each name for itself")
            .help("write the same size in both declarations if the data agrees in it, or cut one: `x[:4]`")
            .help(format!("or claim it, with all sizes of the value written: `x as [{right}]`; the data is held to it"))
    }

    fn match_run(&mut self, name: &'a Name, run: &[Dim], what: &str, ty: &Type, span: Span, code: Code) -> bool {
        match self.scopes.peek(self.here.scope, &name.text).map(|binding| binding.val.clone()) {
            Some(Val::List(bound)) => {
                let bound: Vec<Dim> = bound
                    .iter()
                    .filter_map(|item| match item {
                        Val::Int(dim) => Some(dim.clone()),
                        _ => None,
                    })
                    .collect();
                if bound.len() == run.len() {
                    let differ = bound.iter().zip(run).any(|(a, b)| a.compare(b) == Ordering3::Different);
                    let open = bound.iter().zip(run).find(|(a, b)| a.compare(b) == Ordering3::Undecided);
                    match open {
                        _ if differ => {}
                        None => return true,
                        Some((a, b)) => return self.agree(a, b, span) == Some(true),
                    }
                }
                let expected: Shape = bound.iter().cloned().collect();
                let title = format!("{what} is {ty} where {expected} is needed");
                let mut diagnostic = Diagnostic::at(code, span, title, format!("`..{}` was bound before", name.text));
                for (a, b) in bound.iter().zip(run).filter(|(a, b)| a != b) {
                    diagnostic = self.with_origin(diagnostic, a);
                    diagnostic = self.with_origin(diagnostic, b);
                }
                self.report(diagnostic);
                false
            }
            _ => {
                let binding = Binding { val: Val::sizes(run), span: Some(name.span), role: Role::Given };
                self.scopes.bind(self.here.scope, &name.text, binding);
                true
            }
        }
    }

    fn match_size(&mut self, id: ExprId, found: &Dim, what: &str, ty: &Type, span: Span, code: Code) -> bool {
        let Some(expected) = self.symbol_or_size(id, found) else { return true };
        if let Some(agree) = self.agree(&expected, found, span) {
            return agree;
        }
        let title = format!("{what} is {ty}, with {found} where {expected} is needed");
        let diagnostic = Diagnostic::at(code, span, title, format!("{found} instead of {expected}"));
        let diagnostic = self.with_origin(diagnostic, found);
        let diagnostic = self.with_origin(diagnostic, &expected);
        self.report(diagnostic);
        false
    }

    /// Binds the one unknown symbol of a written size so that it equals `found`; else gives the size that is needed.
    fn symbol_or_size(&mut self, id: ExprId, found: &Dim) -> Option<Dim> {
        let affine = self.affine(id)?;
        let Some(symbol) = affine.symbol else { return Some(affine.offset) };
        let difference = found.clone() - affine.offset.clone();
        if difference.clone().modulo(Dim::new(affine.factor)) != Dim::new(0) {
            return Some(Dim::new(affine.factor) + affine.offset);
        }
        let val = Val::Int(match affine.factor {
            1 if affine.offset == Dim::new(0) => found.clone(),
            factor => difference.floor_div(Dim::new(factor)),
        });
        self.scopes.bind(self.here.scope, symbol, Binding { val, span: None, role: Role::Given });
        None
    }

    /// A written size as an affine form in its unknown symbol. None after an error.
    fn affine(&mut self, id: ExprId) -> Option<Affine<'a>> {
        let expr = self.ast_expr(id);
        match &expr.kind {
            ExprKind::Name(name) if self.is_unbound_symbol(name) => {
                Some(Affine { factor: 1, symbol: Some(name), offset: Dim::new(0) })
            }
            ExprKind::Binary { op, left, right, .. } if self.mentions_unbound(id) => {
                let (a, b) = (self.affine(*left)?, self.affine(*right)?);
                let combined = match op {
                    BinaryOp::Add if b.symbol.is_none() => Some(Affine { offset: a.offset + b.offset, ..a }),
                    BinaryOp::Add if a.symbol.is_none() => Some(Affine { offset: a.offset + b.offset, ..b }),
                    BinaryOp::Sub if b.symbol.is_none() => Some(Affine { offset: a.offset - b.offset, ..a }),
                    BinaryOp::Mul if b.symbol.is_none() => scale(a, &b.offset),
                    BinaryOp::Mul if a.symbol.is_none() => scale(b, &a.offset),
                    _ => None,
                };
                if combined.is_none() {
                    let title = "a size with an unknown symbol is a multiple of it plus an offset";
                    self.error(Code::E0212, expr.span, title, "the symbol cannot be solved for here");
                    self.poison_symbols(id);
                }
                combined
            }
            _ => {
                let val = self.expr(id);
                let offset = self.as_size(val, expr.span)?;
                Some(Affine { factor: 0, symbol: None, offset })
            }
        }
    }

    /// Whether a name in a size is a symbol that nothing binds yet.
    pub fn is_unbound_symbol(&self, name: &str) -> bool {
        // A signature's symbols are its own, whatever the sizes of the inputs are called.
        let free = match self.scopes.peek(self.here.scope, name) {
            None => true,
            Some(binding) => binding.role == Role::Size && self.here.body != Body::Top,
        };
        free && name.chars().next().is_some_and(char::is_uppercase)
    }

    /// Makes symbols of the capitalised names in a written size that nothing binds; numbers of those of inputs that are given.
    pub fn bind_symbols(&mut self, id: ExprId, role: Role) {
        match &self.ast_expr(id).kind {
            ExprKind::Name(name) if self.is_unbound_symbol(name) => {
                let given = if role == Role::Size { self.given_size(name, self.ast_expr(id).span) } else { None };
                let val = Val::Int(given.unwrap_or_else(|| Dim::symbol(name)));
                self.scopes.bind(self.here.scope, name, Binding { val, span: None, role });
            }
            ExprKind::Binary { left, right, .. } => {
                self.bind_symbols(*left, role);
                self.bind_symbols(*right, role);
            }
            _ => {}
        }
    }

    /// The number that stands for a size which an input leaves to the data: that of the data, or of `--set`.
    fn given_size(&mut self, name: &str, span: Span) -> Option<Dim> {
        if let Some(size) = self.circumstances.sizes.get(name) {
            return Some(Dim::new(*size));
        }
        let text = self.circumstances.overrides.get(name)?;
        self.overridden.insert(name.to_owned());
        let size = text.parse::<i64>().ok().filter(|size| *size > 0);
        if size.is_none() {
            let title = format!("`--set {name}={text}` does not fit the size");
            self.error(Code::E0114, span, title, format!("`{name}` is an integer from 1 here"));
        }
        size.map(Dim::new)
    }

    /// Makes symbols of the sizes that an input leaves to the data. False when one of them can be none.
    pub fn data_sizes(&mut self, ty: &'a TypeExpr) -> bool {
        let Declared::Tensor { dims, .. } = declared(ty) else { return true };
        if !self.are_sizes_of_a_sample(dims) {
            return false;
        }
        for dim in dims {
            if let DimExpr::Size(id) = dim {
                self.bind_symbols(*id, Role::Size);
            }
        }
        true
    }

    /// Binds the unknown symbols of a written size to nothing in particular: what uses them stays silent.
    fn poison_symbols(&mut self, id: ExprId) {
        match &self.ast_expr(id).kind {
            ExprKind::Name(name) if self.is_unbound_symbol(name) => {
                self.scopes.bind(self.here.scope, name, Binding { val: Val::Error, span: None, role: Role::Given });
            }
            ExprKind::Binary { left, right, .. } => {
                self.poison_symbols(*left);
                self.poison_symbols(*right);
            }
            _ => {}
        }
    }

    fn mentions_unbound(&self, id: ExprId) -> bool {
        match &self.ast_expr(id).kind {
            ExprKind::Name(name) => self.is_unbound_symbol(name),
            ExprKind::Binary { left, right, .. } => self.mentions_unbound(*left) || self.mentions_unbound(*right),
            _ => false,
        }
    }

    /// Checks what a definition returns against its declaration.
    pub fn check_returns(
        &mut self,
        results: Vec<Val<'a>>,
        returns: &'a [TypeExpr],
        callee: &str,
        call: Span,
    ) -> Vec<Val<'a>> {
        if returns.is_empty() || results.iter().any(|val| matches!(val, Val::Error)) {
            return results;
        }
        if results.len() != returns.len() {
            let title = format!("`{callee}` returns {} values and declares {}", results.len(), returns.len());
            self.error(Code::E0215, returns[0].span, title, "declared here");
            return vec![Val::Error; returns.len()];
        }
        let checked = results.into_iter().zip(returns).map(|(val, ty)| match declared(ty) {
            Declared::Hyper(_) => val,
            Declared::Tensor { dtype, classes, dims } => {
                let Some(value) = self.tensor(&val, call) else { return Val::Error };
                let what = format!("the result of `{callee}`");
                match self.matches(value, dtype, classes, dims, &what, ty.span, Code::E0215) {
                    true => Val::Tensor(value),
                    false => Val::Error,
                }
            }
        });
        checked.collect()
    }

    /// `x as [..]`: the value, when its type is the written one. What cannot be told of its sizes is claimed, and found out when the
    /// data is known.
    pub fn cast(&mut self, value: ExprId, ty: &'a TypeExpr, span: Span) -> Val<'a> {
        if let Some(column) = self.column_as(value, ty) {
            return column;
        }
        let val = self.expr(value);
        let Declared::Tensor { dtype, classes, dims } = declared(ty) else {
            return self.error(Code::E0301, ty.span, "`as` takes a tensor's type", "this is a hyperparameter's type");
        };
        let Some(value) = self.tensor(&val, span) else { return Val::Error };
        let before = std::mem::replace(&mut self.claiming, true);
        let fits = self.matches(value, dtype, classes, dims, "this value", ty.span, Code::E0215);
        self.claiming = before;
        let Some(claimed) = fits.then(|| self.shape_of(dims)).flatten() else { return Val::Error };
        if self.graph.ty(value).shape == claimed || self.is_generic() {
            return Val::Tensor(value);
        }
        self.emit(op::CLAIM, &[value], Attrs::new().dims("shape", claimed), span)
    }

    /// A list value as sizes.
    pub fn as_shape(&mut self, val: &Val<'a>, span: Span) -> Option<Shape> {
        match val {
            Val::List(items) => {
                let items = Rc::clone(items);
                let dims = items.iter().map(|item| self.as_size(item.clone(), span)).collect::<Option<Shape>>()?;
                self.allocatable(&dims, span)?;
                Some(dims)
            }
            Val::Error => None,
            other if other.integer().is_some() => {
                let dim = self.as_size(other.clone(), span)?;
                Some([dim].into_iter().collect())
            }
            other => {
                let title = format!("a shape is a list of sizes, not {}", other.kind());
                self.error(Code::E0114, span, title, format!("this is {}", other.show()));
                None
            }
        }
    }
}

/// What a written type declares.
pub fn declared(ty: &TypeExpr) -> Declared<'_> {
    let TypeKind::Tensor { dtype, classes, dims } = &ty.kind;
    match (dtype, dims) {
        (Some(name), None) if classes.is_none() && HYPER_KINDS.contains(&name.text.as_str()) => {
            Declared::Hyper(&name.text)
        }
        _ => Declared::Tensor { dtype, classes: *classes, dims: dims.as_deref().unwrap_or_default() },
    }
}

fn scale<'a>(affine: Affine<'a>, by: &Dim) -> Option<Affine<'a>> {
    let by = by.constant().filter(|by| *by > 0)?;
    Some(Affine { factor: affine.factor * by, offset: affine.offset * Dim::new(by), ..affine })
}

fn described(val: &Val) -> String {
    match val {
        Val::Int(_) | Val::Float(_) | Val::Bool(_) | Val::Str(_) | Val::List(_) => val.show(),
        other => other.kind().to_owned(),
    }
}

/// A number of bytes for people.
fn bytes(count: i128) -> String {
    const UNITS: [&str; 6] = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = count as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}
