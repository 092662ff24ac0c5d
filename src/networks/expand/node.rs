//! One operation as an expression: an operator or the library's function where that gives the very same node, else a call of the
//! primitive with the arguments that are not its defaults.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::Printer;
use super::expression::{Expr, MATMUL, OPERATORS};
use super::literal;
use crate::ir::{Attr, Node, Value, op};
use crate::ops::{Default, Param, ParamKind, primitive};
use crate::tensor::{BATCH, DType, Dim, Shape, Tensor};

/// The library's functions: they hide primitives of the same name.
static LIBRARY: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let lines = crate::library::SOURCES.iter().flat_map(|(_, text)| text.lines());
    lines.filter_map(|line| line.strip_prefix("fn ")?.split_once('(')).map(|(name, _)| name).collect()
});

/// How an operand is written; none for what is written as a literal.
type Written<'w> = &'w dyn Fn(Value) -> Option<Expr>;

impl Printer<'_> {
    /// The expression of a value that is neither fed nor kept.
    pub(super) fn expression(&self, id: Value, written: Written) -> Expr {
        let node = self.graph.node(id);
        if node.op == op::CONSTANT {
            return Expr::atom(self.constant(node.attrs.get_tensor("value")));
        }
        let operands = self.operands(node, written);
        self.operator(node, &operands)
            .or_else(|| self.library_call(node, &operands))
            .unwrap_or_else(|| self.primitive_call(node, &operands))
    }

    /// Whether a value is a constant that is written as a literal where it is used.
    pub(super) fn is_literal(&self, value: Value) -> bool {
        let node = self.graph.node(value);
        node.op == op::CONSTANT && node.attrs.get_tensor("value").shape().is_empty()
    }

    /// The value of a constant float scalar.
    pub(super) fn scalar(&self, value: Value) -> Option<f32> {
        let node = self.graph.node(value);
        let scalar = node.op == op::CONSTANT && node.ty.dtype == DType::F32 && node.ty.shape.rank() == 0;
        scalar.then(|| node.attrs.get_tensor("value").to_f32()[0])
    }

    /// A constant scalar that meets values of the dtype `like`, to which a literal adapts.
    pub(super) fn literal(&self, value: Value, like: Option<&DType>) -> Expr {
        let tensor = self.graph.node(value).attrs.get_tensor("value");
        let integers = matches!(like, Some(DType::I32 | DType::Index(_)));
        let number = tensor.to_f64()[0];
        match &**tensor {
            Tensor::Bool(_) => Expr::atom((number != 0.0).to_string()),
            Tensor::I32(_) if integers => Expr::number(format!("{number:.0}")),
            Tensor::F32(_) | Tensor::F64(_) if !integers => Expr::number(literal::number(number as f32)),
            other => Expr::atom(self.constant(other)),
        }
    }

    /// A constant by itself, whatever it meets.
    fn constant(&self, tensor: &Tensor) -> String {
        let numbers = literal::tensor(tensor);
        match tensor {
            Tensor::F32(_) | Tensor::F64(_) | Tensor::Bool(_) => numbers,
            Tensor::I32(_) => format!("cast({numbers}, i32)"),
        }
    }

    fn operands(&self, node: &Node, written: Written) -> Vec<Expr> {
        let inputs: Vec<Value> = node.inputs.iter().map(|input| self.same[*input]).collect();
        let exprs: Vec<Option<Expr>> = inputs.iter().map(|input| written(*input)).collect();
        let in_list = primitive(node.op).params.iter().any(|param| param.kind == ParamKind::Tensors);
        let met = inputs.iter().zip(&exprs).filter(|(_, expr)| expr.is_some());
        let like = met.map(|(input, _)| &self.graph.ty(*input).dtype).find(|dtype| **dtype != DType::Bool);
        let like = like.filter(|_| !in_list);
        // Numbers alone would be computed in double precision while a program is checked.
        let folded = exprs.iter().all(Option::is_none)
            && primitive(node.op).params.iter().all(|param| param.kind == ParamKind::Tensor);
        let operand = |(place, (input, expr)): (usize, (&Value, Option<Expr>))| match expr {
            Some(expr) => expr,
            None if folded && place == 0 && self.scalar(*input).is_some() => {
                Expr::atom(self.constant(self.graph.node(*input).attrs.get_tensor("value")))
            }
            None => self.literal(*input, like),
        };
        inputs.iter().zip(exprs).enumerate().map(operand).collect()
    }

    fn operator(&self, node: &Node, operands: &[Expr]) -> Option<Expr> {
        match (node.op.0, operands) {
            ("neg", [x]) => Some(Expr::negated(x)),
            ("contract", [a, b]) if self.is_matmul(node) => Some(Expr::binary(&MATMUL, a, b)),
            ("claim", [x]) => Some(Expr::claimed(x, &node.ty)),
            ("slice", [x]) => Some(Expr::indexed(x, &self.slices(node)?)),
            ("logical_and" | "logical_or", _) if node.inputs.iter().any(|input| self.is_literal(*input)) => None,
            (op, [a, b]) => {
                OPERATORS.iter().find(|operator| operator.op == op).map(|operator| Expr::binary(operator, a, b))
            }
            _ => None,
        }
    }

    /// Whether a contraction is what `@` gives: over the last axis of `a` and the first of a vector or matrix `b`, or over the
    /// inner axes of matrices with the same leading axes.
    fn is_matmul(&self, node: &Node) -> bool {
        let [a, b] = [0, 1].map(|operand| self.graph.shape(node.inputs[operand]).len() as i64);
        let [axes_a, axes_b, batch_a, batch_b] =
            ["axes_a", "axes_b", "batch_a", "batch_b"].map(|name| node.attrs.get_ints(name));
        let leading: Vec<i64> = (0..(b - 2).max(0)).collect();
        let inner = *axes_a == [a - 1] && *axes_b == [(b - 2).max(0)];
        inner && *batch_a == leading && *batch_b == leading && a >= 1 && b >= 1 && (b <= 2 || a == b)
    }

    /// A slice as indices, without the whole axes at the end.
    fn slices(&self, node: &Node) -> Option<Vec<String>> {
        let (start, stop) = (node.attrs.get_dims("start"), node.attrs.get_dims("stop"));
        let shape = self.graph.shape(node.inputs[0]);
        let mut indices = Vec::new();
        for (axis, step) in node.attrs.get_ints("step").iter().enumerate() {
            let (from, to) = (start[axis].constant()?, stop[axis].constant()?);
            if from >= to {
                return None;
            }
            let first = if from == 0 { String::new() } else { from.to_string() };
            let last = if stop[axis] == shape[axis] { String::new() } else { to.to_string() };
            let step = if *step == 1 { String::new() } else { format!(":{step}") };
            indices.push(format!("{first}:{last}{step}"));
        }
        let kept = indices.iter().rposition(|index| index != ":")? + 1;
        indices.truncate(kept);
        Some(indices)
    }

    /// The library's function that gives this very node, where it reads better.
    fn library_call(&self, node: &Node, operands: &[Expr]) -> Option<Expr> {
        let shape_of = |place: usize| self.graph.shape(node.inputs[place]);
        let (name, options) = match node.op.0 {
            "cast" => match node.attrs.get_dtype("dtype") {
                DType::F32 => ("float", Vec::new()),
                DType::I32 => ("int", Vec::new()),
                _ => return None,
            },
            "reshape" if node.ty.shape.rank() == 1 => ("flatten", Vec::new()),
            "one_hot" => match &self.graph.ty(node.inputs[0]).dtype {
                DType::Index(classes) if [classes.clone()] == node.attrs.get_dims("classes")[..] => {
                    ("one_hot", Vec::new())
                }
                _ => return None,
            },
            "convolution" => ("convolution", convolution_options(node)),
            "max_pooling" | "sum_pooling" => (node.op.0, pooling_options(node, shape_of(0).len())),
            _ => return None,
        };
        if self.names.binds(name) {
            return None;
        }
        let arguments: Vec<String> = operands.iter().map(|operand| operand.text.clone()).chain(options).collect();
        Some(Expr::call(name, &arguments, operands))
    }

    fn primitive_call(&self, node: &Node, operands: &[Expr]) -> Expr {
        let mut arguments = Vec::new();
        let mut left = operands.iter().map(|operand| operand.text.clone());
        let mut by_name = false;
        for param in primitive(node.op).params {
            match param.kind {
                ParamKind::Tensor => arguments.extend(left.next()),
                ParamKind::Tensors => arguments.push(literal::list(left.by_ref())),
                _ => match node.attrs.get(param.name) {
                    Some(attr) if !self.is_default(param, attr, node) && param.name != "per_sample" => {
                        by_name |= param.default != Default::Required;
                        let text = self.attr(attr);
                        arguments.push(if by_name { format!("{} = {text}", param.name) } else { text });
                    }
                    _ => by_name = true,
                },
            }
        }
        Expr::call(&self.callee(node.op.0), &arguments, operands)
    }

    /// A primitive's name, by way of `prim` where another meaning hides it.
    fn callee(&self, name: &str) -> String {
        // With its axes given, the library's transpose is the primitive.
        let hidden = LIBRARY.contains(name) && name != "transpose";
        if hidden || self.names.binds(name) { format!("prim.{name}") } else { name.to_owned() }
    }

    fn is_default(&self, param: &Param, attr: &Attr, node: &Node) -> bool {
        let rank = node.inputs.first().map_or(0, |first| self.graph.shape(*first).len()) as i64;
        match (param.default, attr) {
            (Default::Int(axis), Attr::Int(value)) if param.kind == ParamKind::Axis && axis < 0 => {
                axis + rank == *value
            }
            (Default::Int(default), Attr::Int(value)) => default == *value,
            (Default::Float(default), Attr::Float(value)) => default == *value,
            (Default::Bool(default), Attr::Bool(value)) => default == *value,
            (Default::AllAxes, Attr::Ints(axes)) => axes.iter().copied().eq(0..rank),
            _ => false,
        }
    }

    fn attr(&self, attr: &Attr) -> String {
        match attr {
            Attr::Int(value) => value.to_string(),
            Attr::Float(value) if value.is_finite() => format!("{value:?}"),
            Attr::Float(value) => literal::number(*value as f32),
            Attr::Bool(value) => value.to_string(),
            Attr::Str(text) => literal::quoted(text),
            Attr::Ints(values) => match values[..] {
                [value] => value.to_string(),
                _ => literal::list(values),
            },
            Attr::Dims(shape) => self.shape(shape),
            Attr::DType(dtype) => dtype.to_string(),
            Attr::Tensor(tensor) => self.constant(tensor),
        }
    }

    fn shape(&self, shape: &Shape) -> String {
        let size = |dim: &Dim| match &self.batch {
            Some(batch) if dim.mentions(BATCH) => dim.to_string().replace(BATCH, batch),
            _ => dim.to_string(),
        };
        literal::list(shape.iter().map(size))
    }
}

/// The arguments of the library's convolution that are not its defaults.
fn convolution_options(node: &Node) -> Vec<String> {
    let mut options = Vec::new();
    for (name, default) in [("stride", 1), ("pad", 0), ("dilation", 1)] {
        let values = node.attrs.get_ints(name);
        if values.iter().any(|value| *value != default) {
            options.push(format!("{name} = {}", one_or_list(values)));
        }
    }
    let group = node.attrs.get_int("group");
    if group != 1 {
        options.push(format!("group = {group}"));
    }
    options
}

/// The kernel, and the other arguments of the library's pooling that are not its defaults. One number for a kernel means all axes
/// but the first.
fn pooling_options(node: &Node, rank: usize) -> Vec<String> {
    let [kernel, stride, pad] = ["kernel", "stride", "pad"].map(|name| node.attrs.get_ints(name));
    let all = kernel.len() + 1 == rank;
    let mut options = vec![if all { one_or_list(kernel) } else { literal::list(kernel) }];
    if stride != kernel {
        options.push(format!("stride = {}", one_or_list(stride)));
    }
    if pad.iter().any(|value| *value != 0) {
        options.push(format!("pad = {}", one_or_list(pad)));
    }
    options
}

fn one_or_list(values: &[i64]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => literal::list(values),
    }
}
