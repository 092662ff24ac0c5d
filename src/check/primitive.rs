//! Calls of primitives: arguments to operands and attributes, literals adapted, the narrow broadcasting rule, folding of
//! compile-time numbers.

use ndarray::{ArrayD, IxDyn};

use super::call::Given;
use super::checker::Checker;
use super::value::{Builtin, Truth, Val};
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{self, Attr, Attrs, Node, Op, Place, op};
use crate::ops::image::convolution::{CONVOLUTION, CONVOLUTION_DATA_GRADIENT};
use crate::ops::{self, Default, EvalCall, InferCall, Misfit, Param, ParamKind, Primitive, RunContext};
use crate::source::Span;
use crate::tensor::{DType, Dim, Shape, Tensor, Type};

impl<'a> Checker<'a> {
    /// A value as a tensor of the graph; numbers become constants. None after an error.
    pub fn tensor(&mut self, val: &Val<'a>, span: Span) -> Option<ir::Value> {
        self.tensor_like(val, None, span)
    }

    /// The same; a number takes the dtype of what it meets.
    pub fn tensor_like(&mut self, val: &Val<'a>, like: Option<&DType>, span: Span) -> Option<ir::Value> {
        let tensor = match val {
            Val::Tensor(value) => return Some(*value),
            Val::Error => return None,
            Val::Bool(Truth::Known(value)) => Tensor::Bool(ArrayD::from_elem(IxDyn(&[]), *value)),
            Val::Bool(truth) => {
                let constant = |value| Tensor::Bool(ArrayD::from_elem(IxDyn(&[]), value));
                let mut b = self.builder(span);
                let (yes, no) = (b.constant(constant(true)), b.constant(constant(false)));
                let (training, evaluation) = if *truth == Truth::Training { (yes, no) } else { (no, yes) };
                return match self.emit(op::SELECT_TRAINING, &[training, evaluation], Attrs::new(), span) {
                    Val::Tensor(value) => Some(value),
                    _ => None,
                };
            }
            Val::Int(_) | Val::Ratio(..) if val.is_symbolic() => return self.measured(val, like, span),
            _ => match (val.number(), like, val.integer()) {
                (Some(_), Some(DType::I32 | DType::Index(_)), Some(integer)) => {
                    self.in_classes(integer, like, span)?;
                    Tensor::i32(&[], vec![i32::try_from(integer).ok()?])
                }
                (Some(number), ..) => Tensor::scalar(number as f32),
                (None, ..) => {
                    let title = format!("a tensor is needed, not {}", val.kind());
                    let mut diagnostic = Diagnostic::at(Code::E0301, span, title, format!("this is {}", val.kind()));
                    if matches!(val, Val::List(_)) {
                        diagnostic = diagnostic.help("`tensor([...])` makes a constant tensor of a list");
                    }
                    if matches!(val, Val::Instance(_)) {
                        diagnostic = diagnostic.help("apply it: `x |> ...`");
                    }
                    self.report(diagnostic);
                    return None;
                }
            },
        };
        Some(self.builder(span).constant(tensor))
    }

    /// A size that the data fixes as a scalar: the sum of as many ones.
    fn measured(&mut self, val: &Val<'a>, like: Option<&DType>, span: Span) -> Option<ir::Value> {
        let mut b = self.builder(span);
        let mut count = |dim: &Dim| {
            let one = b.scalar(1.0);
            let ones = b.broadcast(one, [dim.clone()].into_iter().collect());
            b.sum(ones, &[0], false)
        };
        let number = match val {
            Val::Ratio(dividend, divisor) => {
                let (dividend, divisor) = (count(dividend), count(divisor));
                b.div(dividend, divisor)
            }
            Val::Int(dim) => count(dim),
            _ => return None,
        };
        Some(if like == Some(&DType::I32) { b.cast(number, DType::I32) } else { number })
    }

    /// A literal that meets `index<K>` lies in 0..K.
    fn in_classes(&mut self, integer: i64, like: Option<&DType>, span: Span) -> Option<()> {
        let Some(DType::Index(classes)) = like else { return Some(()) };
        match classes.constant() {
            Some(count) if !(0..count).contains(&integer) => {
                let title = format!("{integer} is no class of index<{count}>");
                let diagnostic = Diagnostic::at(Code::E0302, span, title, format!("classes are 0 to {}", count - 1));
                let diagnostic = self.with_origin(diagnostic, classes);
                self.report(diagnostic);
                None
            }
            _ => Some(()),
        }
    }

    /// Appends a node, or reports why it does not fit.
    pub fn emit(&mut self, op: Op, inputs: &[ir::Value], attrs: Attrs, span: Span) -> Val<'a> {
        self.emit_of(op, inputs, &[], attrs, span)
    }

    /// The same, where it is known where each operand is written.
    fn emit_of(&mut self, op: Op, inputs: &[ir::Value], written: &[Span], attrs: Attrs, span: Span) -> Val<'a> {
        if is_narrow(op)
            && let Some(error) = self.narrow(op, inputs, span)
        {
            return error;
        }
        if [CONVOLUTION, CONVOLUTION_DATA_GRADIENT].contains(&op)
            && let Some(weight) = inputs.get(1).filter(|weight| self.graph.node(**weight).per_sample)
        {
            let at = written.get(1).copied().unwrap_or(span);
            let refused = self.weight_of_a_sample(*weight, at);
            return self.report(refused);
        }
        match self.builder(span).try_emit(op, inputs, attrs) {
            Ok(value) => {
                self.stamp_value(value, span);
                Val::Tensor(value)
            }
            Err(misfit) => {
                let at = match misfit {
                    Misfit::DType { argument, .. } => written.get(argument).copied().unwrap_or(span),
                    _ => span,
                };
                self.misfit(op, &misfit, inputs, at)
            }
        }
    }

    /// A convolution by a `weight` that differs from sample to sample, which no engine computes.
    fn weight_of_a_sample(&self, weight: ir::Value, span: Span) -> Diagnostic {
        let title = "a convolution's weight cannot differ from sample to sample yet";
        let diagnostic = Diagnostic::at(Code::E0116, span, title, format!("{} of each sample", self.graph.ty(weight)));
        let help = "make it a `param`, a constant, or a mean over `all_samples(...)`; sums over shifted copies of the image work too";
        match self.user_place(self.graph.node(weight).place).filter(|place| *place != span) {
            Some(place) => diagnostic.label(place, "this depends on the sample"),
            None => diagnostic,
        }
        .help(help)
    }

    /// A call of a primitive.
    pub fn call_primitive(
        &mut self,
        primitive: &'static Primitive,
        given: Vec<Given<'a>>,
        span: Span,
        parens: Span,
    ) -> Val<'a> {
        if given.iter().any(|given| matches!(given.val, Val::Error)) {
            return Val::Error;
        }
        let name = primitive.op.0;
        let given_by_name = |param: &Param| given.iter().any(|given| given.name == Some(param.name));
        let may_be_given =
            |param: &&Param| param.default != Default::Internal || param.kind == ParamKind::Str && given_by_name(param);
        let params: Vec<&'static Param> = primitive.params.iter().filter(may_be_given).collect();
        let mut slots: Vec<Option<(Val<'a>, Span)>> = params.iter().map(|_| None).collect();
        for (index, Given { name: by_name, at, val, span }) in given.into_iter().enumerate() {
            let slot = match by_name {
                None => index,
                Some(by_name) => match params.iter().position(|param| param.name == by_name) {
                    Some(slot) => slot,
                    None => {
                        let names: Vec<_> = params.iter().map(|param| param.name).collect();
                        return self.report_unknown_argument(name, by_name, at, &names);
                    }
                },
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some((val, span)),
                Some(Some(_)) => {
                    let title = format!("`{}` is given twice to `{name}`", params[slot].name);
                    return self.error(Code::E0105, span, title, "given again here");
                }
                None => {
                    let title = format!("`{name}` takes {}", super::stmt::count(params.len(), "argument"));
                    return self.error(Code::E0105, span, title, "this one is too many");
                }
            }
        }
        if let Some(folded) = fold_sizes(primitive, &slots).or_else(|| fold(primitive, &slots)) {
            return folded;
        }
        self.bound_primitive(primitive, &params, slots, span, parens)
    }

    fn bound_primitive(
        &mut self,
        primitive: &'static Primitive,
        params: &[&'static Param],
        slots: Vec<Option<(Val<'a>, Span)>>,
        span: Span,
        parens: Span,
    ) -> Val<'a> {
        let name = primitive.op.0;
        let like = slots.iter().flatten().find_map(|(val, _)| match val {
            Val::Tensor(value) if !matches!(self.graph.ty(*value).dtype, DType::Bool) => {
                Some(self.graph.ty(*value).dtype.clone())
            }
            _ => None,
        });
        let (mut inputs, mut written, mut attrs) = (Vec::new(), Vec::new(), Attrs::new());
        for (param, slot) in params.iter().zip(slots) {
            let Some((val, at)) = slot else {
                match self.default_attr(param, &inputs) {
                    Some(attr) => attrs.set(param.name, attr),
                    None => {
                        let title = format!("`{name}` needs `{}`", param.name);
                        let at = Span { start: parens.end.saturating_sub(1).max(parens.start), ..parens };
                        return self.error(Code::E0105, at, title, format!("`{}` is missing", param.name));
                    }
                }
                continue;
            };
            let bound = match param.kind {
                ParamKind::Tensor => self.tensor_like(&val, like.as_ref(), at).map(|value| inputs.push(value)),
                ParamKind::Tensors => self.tensors(&val, &mut inputs, at),
                _ => self.attr(name, param, &val, &inputs, at).map(|attr| attrs.set(param.name, attr)),
            };
            if bound.is_none() {
                return Val::Error;
            }
            written.resize(inputs.len(), at);
        }
        self.internal_attrs(primitive, &mut attrs);
        let result = self.emit_of(primitive.op, &inputs, &written, attrs, span);
        if let (Val::Tensor(value), true) = (&result, self.draws(primitive.op)) {
            self.graph.nodes[*value].per_sample = !self.draws_whole;
        }
        result
    }

    fn draws(&self, op: Op) -> bool {
        ops::primitive(op).params.iter().any(|param| param.name == "path" && param.default == Default::Internal)
    }

    /// Random operations are keyed by the path of the drawing expression.
    fn internal_attrs(&mut self, primitive: &'static Primitive, attrs: &mut Attrs) {
        for param in primitive.params.iter().filter(|param| param.default == Default::Internal) {
            match param.name {
                // A path that was given stays: the same numbers are drawn, wherever the call stands.
                "path" if attrs.get("path").is_some() => {}
                "path" => {
                    let path = self.path.claim(Some(primitive.op.0));
                    attrs.set("path", Attr::Str(path.into()));
                }
                "per_sample" => attrs.set("per_sample", Attr::Bool(!self.draws_whole)),
                _ => {}
            }
        }
    }

    fn tensors(&mut self, val: &Val<'a>, inputs: &mut Vec<ir::Value>, span: Span) -> Option<()> {
        let Val::List(items) = val else {
            let title = format!("a list of tensors is needed, not {}", val.kind());
            self.error(Code::E0114, span, title, "write `[a, b]`");
            return None;
        };
        for item in items.iter() {
            inputs.push(self.tensor(item, span)?);
        }
        Some(())
    }

    fn default_attr(&self, param: &Param, inputs: &[ir::Value]) -> Option<Attr> {
        let rank = inputs.first().map_or(0, |first| self.graph.ty(*first).shape.rank()) as i64;
        Some(match param.default {
            Default::Required | Default::Internal => return None,
            Default::Int(axis) if param.kind == ParamKind::Axis && axis < 0 => Attr::Int(axis + rank),
            Default::Int(value) if param.kind == ParamKind::Ints => {
                let spatial = |w: &ir::Value| self.graph.ty(*w).shape.rank().saturating_sub(2);
                Attr::Ints(vec![value; inputs.get(1).map_or(rank as usize, spatial)])
            }
            Default::Int(value) => Attr::Int(value),
            Default::Float(value) => Attr::Float(value),
            Default::Bool(value) => Attr::Bool(value),
            Default::AllAxes => Attr::Ints((0..rank).collect()),
        })
    }

    /// An argument as an attribute. None after an error.
    fn attr(
        &mut self,
        callee: &str,
        param: &'static Param,
        val: &Val<'a>,
        inputs: &[ir::Value],
        span: Span,
    ) -> Option<Attr> {
        let rank = inputs.first().map_or(0, |first| self.graph.ty(*first).shape.rank());
        let attr = match (param.kind, val) {
            (ParamKind::Int, _) => val.integer().map(Attr::Int),
            (ParamKind::Float, _) => val.number().map(Attr::Float),
            (ParamKind::Bool, Val::Bool(Truth::Known(value))) => Some(Attr::Bool(*value)),
            (ParamKind::Str, Val::Str(text)) => Some(Attr::Str((&**text).into())),
            (ParamKind::DType, Val::DType(dtype)) => Some(Attr::DType(dtype.clone())),
            (ParamKind::Axis, _) if val.integer().is_some() => {
                return self.axis(val.integer().unwrap_or_default(), rank, span).map(Attr::Int);
            }
            (ParamKind::Axes, _) if val.integer().is_some() => {
                let axis = self.axis(val.integer().unwrap_or_default(), rank, span)?;
                Some(Attr::Ints(vec![axis]))
            }
            (ParamKind::Axes, Val::List(items)) => {
                let mut axes = Vec::new();
                for item in items.iter().map(Val::integer).collect::<Option<Vec<_>>>().into_iter().flatten() {
                    axes.push(self.axis(item, rank, span)?);
                }
                axes.sort_unstable();
                (axes.len() == items.len()).then_some(Attr::Ints(axes))
            }
            (ParamKind::Ints, Val::List(items)) => {
                items.iter().map(Val::integer).collect::<Option<_>>().map(Attr::Ints)
            }
            (ParamKind::Ints, _) if val.integer().is_some() => {
                let spatial = inputs.get(1).map_or(1, |w| self.graph.ty(*w).shape.rank().saturating_sub(2));
                Some(Attr::Ints(vec![val.integer().unwrap_or_default(); spatial]))
            }
            (ParamKind::Shape, _) if self.left_a_size_out(val, inputs, span) => return None,
            (ParamKind::Shape, _) => return self.as_shape(val, span).map(Attr::Dims),
            _ => None,
        };
        if attr.is_none() {
            let needed = match param.kind {
                ParamKind::Int => "an integer",
                ParamKind::Float => "a number",
                ParamKind::Bool => "true or false",
                ParamKind::Str => "a text",
                ParamKind::DType => "a dtype",
                ParamKind::Axis => "an axis",
                ParamKind::Axes => "an axis or a list of axes",
                _ => "a list of integers",
            };
            let title = format!("`{}` of `{callee}` is {needed}", param.name);
            let mut diagnostic = Diagnostic::at(Code::E0114, span, title, format!("this is {}", val.show()));
            if let ("max" | "min", Val::Tensor(_)) = (callee, val) {
                diagnostic = diagnostic.help(format!("of two values, element by element, write `{callee}imum(a, b)`"));
            }
            self.report(diagnostic);
        }
        attr
    }

    /// An axis counted from the front.
    fn axis(&mut self, axis: i64, rank: usize, span: Span) -> Option<i64> {
        let rank = rank as i64;
        if (-rank..rank).contains(&axis) {
            return Some(axis.rem_euclid(rank));
        }
        let title = format!("there is no axis {axis}");
        let label = match rank {
            0 => "the value is a scalar: it has no axes".to_owned(),
            1 => "the value has one axis, 0 (or -1)".to_owned(),
            _ => format!("the value has axes 0 to {} (or -{rank} to -1)", rank - 1),
        };
        self.error(Code::E0209, span, title, label);
        None
    }

    /// A call of a function of the checker's own.
    pub fn call_builtin(&mut self, builtin: Builtin, given: Vec<Given<'a>>, span: Span) -> Val<'a> {
        if given.iter().any(|given| matches!(given.val, Val::Error)) {
            return Val::Error;
        }
        let numbers = given.iter().all(|given| given.name.is_none() && given.val.number().is_some());
        match builtin {
            Builtin::Min | Builtin::Max if numbers && given.len() >= 2 => {
                let better = |a: f64, b: f64| if builtin == Builtin::Min { a < b } else { a > b };
                let mut vals = given.into_iter().map(|given| given.val);
                let first = vals.next().unwrap_or(Val::Error);
                vals.fold(first, |best, val| match (best.number(), val.number()) {
                    (Some(a), Some(b)) if better(b, a) => val,
                    _ => best,
                })
            }
            Builtin::Min | Builtin::Max
                if given.len() >= 2 && given.iter().all(|given| matches!(given.val, Val::Int(_))) =>
            {
                let sizes = given.into_iter().filter_map(|given| match given.val {
                    Val::Int(dim) => Some(dim),
                    _ => None,
                });
                let better = if builtin == Builtin::Min { Dim::min } else { Dim::max };
                sizes.reduce(better).map_or(Val::Error, Val::Int)
            }
            Builtin::Min | Builtin::Max => match ops::find(builtin.name()) {
                Some(primitive) => self.call_primitive(primitive, given, span, span),
                None => Val::Error,
            },
            Builtin::Grad => self.grad(given, span),
            Builtin::Ema => self.ema(given, span),
            Builtin::Einsum => self.einsum(given, span),
            Builtin::Rearrange => self.rearrange(given, span),
            Builtin::File => self.file(given, span),
            Builtin::Close | Builtin::GradientsMatch => {
                let name = builtin.name();
                let diagnostic = Diagnostic::at(
                    Code::E0113,
                    span,
                    format!("`{name}` is what an `assert` of a test says"),
                    "here it is a value",
                )
                .help(format!("write `assert {name}(...)` in a `test` block"));
                self.report(diagnostic)
            }
            _ => match given.as_slice() {
                [Given { name: None, val, span: at, .. }] => self.builtin_of_one(builtin, val, *at),
                _ => {
                    let title = format!("`{}` takes one argument", builtin.name());
                    self.error(Code::E0105, span, title, format!("{} given", given.len()))
                }
            },
        }
    }

    fn builtin_of_one(&mut self, builtin: Builtin, val: &Val<'a>, span: Span) -> Val<'a> {
        match builtin {
            Builtin::IsList => return Val::Bool(Truth::Known(matches!(val, Val::List(_)))),
            Builtin::IsStr => return Val::Bool(Truth::Known(matches!(val, Val::Str(_)))),
            Builtin::Len => {
                return match val {
                    Val::List(items) => Val::Int(items.len().into()),
                    other => {
                        let title = format!("`len` counts a list, not {}", other.kind());
                        self.error(Code::E0114, span, title, "use `shape(x)[0]` for a tensor's first axis")
                    }
                };
            }
            Builtin::Tensor => return self.constant_tensor(val, span),
            _ => {}
        }
        let shape = match val {
            Val::Tensor(value) => self.graph.ty(*value).shape.clone(),
            val if val.number().is_some() || val.is_symbolic() => Shape::scalar(),
            // An initialiser asks for the size of the shape that it was given.
            Val::List(_) if builtin == Builtin::Size => match self.as_shape(val, span) {
                Some(shape) => shape,
                None => return Val::Error,
            },
            other => {
                let title = format!("`{}` asks about a tensor, not {}", builtin.name(), other.kind());
                return self.error(Code::E0114, span, title, format!("this is {}", other.kind()));
            }
        };
        match builtin {
            Builtin::Shape => Val::sizes(&shape),
            Builtin::Rank => Val::Int(shape.rank().into()),
            _ => Val::Int(self.count_of(&shape, span)),
        }
    }

    /// `tensor([[1, 0], [0, 1]])`, of numbers or of truth values.
    fn constant_tensor(&mut self, val: &Val<'a>, span: Span) -> Val<'a> {
        type Leaf<T> = fn(&Val) -> Option<T>;
        fn collect<T>(val: &Val, leaf: Leaf<T>, depth: usize, shape: &mut Vec<usize>, out: &mut Vec<T>) -> bool {
            match val {
                Val::List(items) => {
                    if shape.len() == depth && out.is_empty() {
                        shape.push(items.len());
                    }
                    shape.get(depth) == Some(&items.len())
                        && items.iter().all(|item| collect(item, leaf, depth + 1, shape, out))
                }
                val => match leaf(val) {
                    Some(value) if depth == shape.len() => {
                        out.push(value);
                        true
                    }
                    _ => false,
                },
            }
        }
        fn array<T>(val: &Val, leaf: Leaf<T>) -> Option<ArrayD<T>> {
            let (mut shape, mut out) = (Vec::new(), Vec::new());
            let whole = collect(val, leaf, 0, &mut shape, &mut out);
            whole.then(|| ArrayD::from_shape_vec(shape, out).ok()).flatten()
        }
        let numbers = array(val, |val| val.number().map(|number| number as f32)).map(Tensor::F32);
        let truths = |val: &Val| match val {
            Val::Bool(Truth::Known(value)) => Some(*value),
            _ => None,
        };
        let Some(tensor) = numbers.or_else(|| array(val, truths).map(Tensor::Bool)) else {
            let title = "`tensor` takes nested lists of numbers or of truth values, all rows of one length";
            return self.error(Code::E0114, span, title, "this list is ragged or holds something else");
        };
        let value = self.builder(span).constant(tensor);
        self.stamp_value(value, span);
        Val::Tensor(value)
    }
}

/// Whether the operation combines its operands element by element, so that the narrow rule of broadcasting holds for it.
pub fn is_narrow(op: Op) -> bool {
    const NARROW: [&str; 19] = [
        "add",
        "sub",
        "mul",
        "div",
        "pow",
        "mod",
        "minimum",
        "maximum",
        "atan2",
        "equal",
        "not_equal",
        "greater",
        "greater_equal",
        "less",
        "less_equal",
        "logical_and",
        "logical_or",
        "logical_xor",
        "where",
    ];
    NARROW.contains(&op.0)
}

/// The value of an elementwise primitive on sizes that depend on symbols; none where it is no size.
fn fold_sizes<'a>(primitive: &'static Primitive, slots: &[Option<(Val<'a>, Span)>]) -> Option<Val<'a>> {
    let vals: Vec<&Val<'a>> = slots.iter().map(|slot| slot.as_ref().map(|(val, _)| val)).collect::<Option<_>>()?;
    if !vals.iter().any(|val| val.is_symbolic()) {
        return None;
    }
    match (primitive.op.0, vals.as_slice()) {
        ("floor", [Val::Ratio(a, b)]) => Some(Val::Int(a.clone().floor_div(b.clone()))),
        ("ceil", [Val::Ratio(a, b)]) => Some(Val::Int(a.clone().ceil_div(b.clone()))),
        ("floor" | "ceil" | "round", [Val::Int(size)]) => Some(Val::Int(size.clone())),
        ("minimum", [Val::Int(a), Val::Int(b)]) => Some(Val::Int(a.clone().min(b.clone()))),
        ("maximum", [Val::Int(a), Val::Int(b)]) => Some(Val::Int(a.clone().max(b.clone()))),
        _ => None,
    }
}

/// The value of an elementwise primitive on compile-time numbers.
fn fold<'a>(primitive: &'static Primitive, slots: &[Option<(Val<'a>, Span)>]) -> Option<Val<'a>> {
    if slots.is_empty() || primitive.params.iter().any(|param| param.kind != ParamKind::Tensor) {
        return None;
    }
    let numbers: Vec<f64> = slots.iter().map(|slot| slot.as_ref()?.0.number()).collect::<Option<_>>()?;
    let integers = slots.iter().flatten().all(|(val, _)| matches!(val, Val::Int(_)));
    let tensors: Vec<Tensor> = numbers.iter().map(|x| Tensor::F64(ArrayD::from_elem(IxDyn(&[]), *x))).collect();
    let scalar = Type { dtype: DType::F32, shape: Shape::scalar() };
    let attrs = Attrs::new();
    let types: Vec<&Type> = numbers.iter().map(|_| &scalar).collect();
    let ty = (primitive.infer)(&InferCall { op: primitive.op, inputs: &types, attrs: &attrs }).ok()?;
    let inputs = (0..numbers.len()).map(|n| ir::Value(n as u32)).collect();
    let boolean = ty.dtype == DType::Bool;
    let node = Node { op: primitive.op, inputs, attrs, ty, per_sample: false, place: Place::NONE };
    let operands: Vec<&Tensor> = tensors.iter().collect();
    let run = RunContext::default();
    let call = EvalCall { node: &node, inputs: &operands, shape: Vec::new(), double: true, run: &run };
    let result = (primitive.eval)(&call).to_f64()[0];
    let whole = ["floor", "ceil", "round"].contains(&primitive.op.0)
        || integers && !["div", "pow", "sqrt"].contains(&primitive.op.0) && result.fract() == 0.0;
    Some(match (boolean, whole && result.abs() < 9e15) {
        (true, _) => Val::Bool(Truth::Known(result != 0.0)),
        (false, true) => Val::Int((result as i64).into()),
        (false, false) => Val::Float(result),
    })
}
