//! StableHLO: a module in MLIR's text, its weights inside, for XLA, IREE and what else compiles it.
//!
//! The batch size is a number there. Every operand has the shape of its result, so what stretches here is repeated there. The error
//! function and the inverse and hyperbolic functions are of CHLO, the dialect that comes with StableHLO. Sums of products ask for the
//! highest precision.

mod rules;

use std::fmt::Write as _;

use super::table::{Names, Rule, in_order};
use super::{Export, File, Unwritable, known, plain, variable};
use crate::base::IndexVec;
use crate::ir::{Graph, Node, Value, op};
use crate::tensor::{DType, Shape, Tensor, Type};

/// Writes a network.
///
/// # Errors
/// What has no operation there.
pub fn write(export: &Export) -> Result<Vec<File>, Vec<Unwritable>> {
    let graph = plain::plain(known::known(export.graph.clone(), |op| rules::RULES.has(op)), |op| rules::RULES.has(op));
    let mut writer = Writer::new(export, &graph);
    in_order(&graph, |value| {
        let written = writer.value(value);
        writer.names.push(written.clone().unwrap_or_default());
        written.map(drop)
    })?;
    Ok(vec![File { ending: "mlir", bytes: writer.module().into_bytes() }])
}

/// A module in the making.
struct Writer<'a> {
    export: &'a Export,
    graph: &'a Graph,
    body: String,
    /// The name of each value so far, with its `%`.
    names: IndexVec<Value, String>,
    taken: Names,
    /// The operation that is being written, and the name that its result or the program gave its value.
    named: Option<(&'static str, String)>,
}

impl<'a> Writer<'a> {
    fn new(export: &'a Export, graph: &'a Graph) -> Writer<'a> {
        let taken = Names::of_inputs(graph);
        Writer { export, graph, body: String::new(), names: IndexVec::new(), taken, named: None }
    }

    /// Writes a value's operations and gives its name.
    fn value(&mut self, value: Value) -> Result<String, String> {
        let node = self.graph.node(value);
        match node.op {
            op::INPUT => Ok(format!("%{}", self.graph.inputs[node.attrs.get_int("index") as usize].name)),
            op::VARIABLE => {
                let path = &variable(self.graph, node).path;
                let tensor = &self.export.weights[path];
                Ok(self.assign(path, &format!("stablehlo.constant {} : {}", dense(tensor), self::ty(&node.ty))))
            }
            op::CONSTANT => {
                let hint = self.graph.names.get(&value).map_or("constant", |name| name).to_owned();
                let tensor = node.attrs.get_tensor("value");
                Ok(self.assign(&hint, &format!("stablehlo.constant {} : {}", dense(tensor), self::ty(&node.ty))))
            }
            _ => {
                let result = self.graph.results.iter().find(|result| result.value == value).map(|result| &result.name);
                self.named = result.or(self.graph.names.get(&value)).map(|name| (node.op.0, name.clone()));
                let operands: Vec<String> = node.inputs.iter().map(|input| self.names[*input].clone()).collect();
                match rules::RULES.rule(node.op) {
                    Rule::Write(write) => write(self, node, &operands),
                    Rule::Call(operation) => Ok(rules::elementwise(self, node, &operands, operation)),
                    Rule::Refuse(reason) => Err(reason.to_owned()),
                }
            }
        }
    }

    /// Appends `%name = text` and gives the name.
    fn assign(&mut self, hint: &str, text: &str) -> String {
        self.assign_all(hint, "", text)
    }

    /// Appends an operation of several results, `:2` in `count`.
    fn assign_all(&mut self, hint: &str, count: &str, text: &str) -> String {
        let hint = match &self.named {
            Some((op, better)) if hint == *op => &better.clone(),
            _ => hint,
        };
        let unique = self.taken.fresh(hint);
        let _ = writeln!(self.body, "    %{unique}{count} = {text}");
        format!("%{unique}")
    }

    /// A scalar of the dtype of `like`.
    fn scalar(&mut self, value: f64, like: &DType) -> String {
        let tensor = match like {
            DType::F32 => Tensor::scalar(value as f32),
            DType::I32 | DType::Index(_) => Tensor::i32(&[], vec![value as i32]),
            DType::Bool => Tensor::bool(&[], vec![value != 0.0]),
        };
        let text = format!("stablehlo.constant {} : tensor<{}>", dense(&tensor), element(like));
        self.assign("constant", &text)
    }

    /// `name`, of a type, repeated to a shape.
    fn stretched(&mut self, name: &str, from: &Type, to: &Shape) -> String {
        if from.shape == *to {
            return name.to_owned();
        }
        let front = to.rank() - from.shape.rank();
        let axes: Vec<usize> = (front..to.rank()).collect();
        let target = Type { dtype: from.dtype.clone(), shape: to.clone() };
        let text = format!("stablehlo.broadcast_in_dim {name}, dims = {axes:?} : ({}) -> {}", ty(from), ty(&target));
        self.assign("stretched", &text)
    }

    /// The type of a node's operand.
    fn operand(&self, node: &Node, operand: usize) -> &'a Type {
        self.graph.ty(node.inputs[operand])
    }

    /// The whole file.
    fn module(&self) -> String {
        let graph = self.graph;
        let inputs = graph.inputs.iter().map(|input| format!("%{}: {}", input.name, ty(graph.ty(input.value))));
        let results = &graph.results;
        let types: Vec<String> = results.iter().map(|result| ty(graph.ty(result.value))).collect();
        let given: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
        let names: Vec<String> = results.iter().map(|result| self.names[result.value].clone()).collect();
        format!(
            "// The Runtime network of `{title}`, written by nnlc {version}: {}.\nmodule @{title:?} {{\n  \
             func.func public @main({}) -> ({}) {{\n{}    return {} : {}\n  }}\n}}\n",
            given.join(", "),
            inputs.collect::<Vec<_>>().join(", "),
            types.join(", "),
            self.body,
            names.join(", "),
            types.join(", "),
            title = self.export.title,
            version = env!("CARGO_PKG_VERSION"),
        )
    }
}

/// A dtype in MLIR.
fn element(dtype: &DType) -> &'static str {
    match dtype {
        DType::F32 => "f32",
        DType::I32 | DType::Index(_) => "i32",
        DType::Bool => "i1",
    }
}

/// A type in MLIR.
fn ty(ty: &Type) -> String {
    let sizes: String = ty.shape.iter().map(|size| format!("{size}x")).collect();
    format!("tensor<{sizes}{}>", element(&ty.dtype))
}

/// A constant's elements: one for all when they are equal, else their bytes.
fn dense(tensor: &Tensor) -> String {
    let words: Vec<u32> = match tensor {
        Tensor::F32(_) | Tensor::F64(_) => tensor.to_f32().into_iter().map(f32::to_bits).collect(),
        Tensor::I32(values) => values.iter().map(|value| *value as u32).collect(),
        Tensor::Bool(values) => return truths(values.iter().copied(), tensor.shape()),
    };
    let is_float = matches!(tensor, Tensor::F32(_) | Tensor::F64(_));
    match words.first() {
        None => "dense<>".to_owned(),
        Some(first) if words.iter().all(|word| word == first) => match f32::from_bits(*first) {
            value if is_float && value.is_finite() => format!("dense<{}>", float(value)),
            _ if is_float => format!("dense<0x{first:08X}>"),
            _ => format!("dense<{}>", *first as i32),
        },
        Some(_) => {
            let mut text = "dense<\"0x".to_owned();
            for byte in words.iter().flat_map(|word| word.to_le_bytes()) {
                let _ = write!(text, "{byte:02X}");
            }
            text + "\">"
        }
    }
}

/// A float, which has a point in MLIR.
fn float(value: f32) -> String {
    let text = format!("{value:?}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0e{exponent}"),
        _ => text,
    }
}

/// Truth values, nested as their axes are.
fn truths(values: impl Iterator<Item = bool>, shape: &[usize]) -> String {
    let values: Vec<String> = values.map(|value| value.to_string()).collect();
    if values.is_empty() {
        return "dense<>".to_owned();
    }
    let nested = shape
        .iter()
        .rev()
        .fold(values, |values, size| values.chunks(*size).map(|row| format!("[{}]", row.join(", "))).collect());
    format!("dense<{}>", nested[0])
}
