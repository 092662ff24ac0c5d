//! PyTorch: a module in Python, and its weights in a safetensors file beside it.
//!
//! One statement for each operation, in functions of `torch` and `torch.nn.functional`. Parameters, states and constants are attributes of
//! the module, named after their paths. Whole numbers are 64-bit there.

mod rules;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::table::{Names, Rule, in_order};
use super::{Export, File, Unwritable, is_trained, known, plain, variable};
use crate::base::{IndexVec, free_name};
use crate::ir::{Graph, Value, op};
use crate::tensor::{DType, Dim, Shape, Tensor};
use crate::train::{Weights, saved};

/// Python's keywords, and the names that the module itself uses: no value is called so.
const RESERVED: &[&str] = &[
    "F", "False", "None", "Path", "Runtime", "True", "and", "as", "assert", "async", "await", "batch", "break",
    "class", "continue", "def", "del", "device", "elif", "else", "except", "finally", "for", "from", "global", "if",
    "import", "in", "is", "lambda", "nn", "nonlocal", "not", "or", "pass", "raise", "return", "self", "slice", "torch",
    "try", "while", "with", "yield",
];

/// What every `nn.Module` has: no parameter is called so.
const OF_MODULES: &[&str] = &[
    "apply",
    "bfloat16",
    "buffers",
    "children",
    "compile",
    "constant",
    "cpu",
    "cuda",
    "double",
    "eval",
    "float",
    "forward",
    "half",
    "load",
    "modules",
    "mtia",
    "parameters",
    "state",
    "to",
    "train",
    "training",
    "type",
    "weight",
    "xpu",
];

/// Writes a network.
///
/// # Errors
/// What has no function there.
pub fn write(export: &Export) -> Result<Vec<File>, Vec<Unwritable>> {
    let graph = plain::plain(known::known(export.graph.clone(), |op| rules::RULES.has(op)), |op| rules::RULES.has(op));
    let mut writer = Writer::new(export, &graph);
    in_order(&graph, |value| {
        let written = writer.value(value);
        writer.operands.push(written.clone().unwrap_or(Operand::name(String::new())));
        written.map(drop)
    })?;
    let weights = Weights { tensors: std::mem::take(&mut writer.kept), ..Weights::default() };
    Ok(vec![
        File { ending: "py", bytes: writer.module().into_bytes() },
        File { ending: "safetensors", bytes: weights.to_bytes() },
    ])
}

/// A value in the text.
#[derive(Clone, Debug)]
struct Operand {
    /// The expression, which binds tighter than any operator.
    text: String,
    /// Whether it is a plain number, which not every function takes.
    is_number: bool,
}

impl Operand {
    fn name(text: String) -> Operand {
        Operand { text, is_number: false }
    }

    /// As an argument that must be a tensor.
    fn tensor(&self) -> String {
        if self.is_number { format!("torch.tensor({}, device=device)", self.text) } else { self.text.clone() }
    }
}

/// A module in the making.
struct Writer<'a> {
    export: &'a Export,
    graph: &'a Graph,
    /// The lines of `__init__` that declare what is kept.
    declared: String,
    /// The statements of `forward`.
    body: String,
    operands: IndexVec<Value, Operand>,
    /// The names of local variables.
    taken: Names,
    /// The tensors that are kept, by attribute.
    kept: BTreeMap<String, crate::train::SavedTensor>,
}

impl<'a> Writer<'a> {
    fn new(export: &'a Export, graph: &'a Graph) -> Writer<'a> {
        let mut taken = Names::of_inputs(graph);
        for name in RESERVED {
            taken.take(name);
        }
        let (declared, body) = (String::new(), String::new());
        Writer { export, graph, declared, body, operands: IndexVec::new(), taken, kept: BTreeMap::new() }
    }

    /// Writes a value's statement, if it needs one.
    fn value(&mut self, value: Value) -> Result<Operand, String> {
        let node = self.graph.node(value);
        match node.op {
            op::INPUT => {
                let name = &self.graph.inputs[node.attrs.get_int("index") as usize].name;
                Ok(Operand::name(argument(name)))
            }
            op::VARIABLE => {
                let read = variable(self.graph, node);
                let kind = if is_trained(read) { "weight" } else { "state" };
                let tensor = &self.export.weights[&read.path];
                Ok(Operand::name(self.keep(kind, &read.path.replace('.', "_"), tensor, &node.ty.dtype)))
            }
            op::CONSTANT => {
                let tensor = node.attrs.get_tensor("value");
                if tensor.shape().is_empty() {
                    return Ok(Operand { text: number(tensor), is_number: true });
                }
                let name = self.graph.names.get(&value).map_or("constant", |name| name).to_owned();
                Ok(Operand::name(self.keep("state", &name, tensor, &node.ty.dtype)))
            }
            _ => {
                let operands: Vec<Operand> = node.inputs.iter().map(|input| self.operands[*input].clone()).collect();
                let text = match rules::RULES.rule(node.op) {
                    Rule::Write(write) => write(self, node, &operands)?,
                    Rule::Call(function) => {
                        let operands: Vec<String> = operands.iter().map(Operand::tensor).collect();
                        format!("torch.{function}({})", operands.join(", "))
                    }
                    Rule::Refuse(reason) => return Err(reason.to_owned()),
                };
                let result = self.graph.results.iter().find(|result| result.value == value);
                let named = result.map(|result| &result.name).or(self.graph.names.get(&value));
                let hint = named.map_or(node.op.0, |name| name).to_owned();
                let name = self.taken.fresh(&hint);
                let _ = writeln!(self.body, "        {name} = {text}");
                Ok(Operand::name(name))
            }
        }
    }

    /// Keeps a tensor as an attribute, and gives its expression.
    fn keep(&mut self, kind: &str, name: &str, tensor: &Tensor, dtype: &DType) -> String {
        let unique = free_name(name, |name| !OF_MODULES.contains(&name) && !self.kept.contains_key(name));
        let sizes: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
        let dtype = if dtype.is_float() { String::new() } else { format!(", dtype={}", rules::dtype(dtype)) };
        let _ = writeln!(self.declared, "        self.{kind}({unique:?}, [{}]{dtype})", sizes.join(", "));
        self.kept.insert(unique.clone(), saved(tensor));
        format!("self.{unique}")
    }

    /// A size as an expression.
    fn size(size: &Dim) -> Result<String, String> {
        match size.constant() {
            Some(size) => Ok(size.to_string()),
            None if *size == Dim::batch() => Ok("batch".to_owned()),
            None => match size.evaluate(&|_| Some(1)).filter(|times| Dim::batch() * Dim::new(*times) == *size) {
                Some(times) => Ok(format!("{times} * batch")),
                None => Err(format!("has the size {size}, which depends on the batch size; `--batch N` fixes it")),
            },
        }
    }

    /// Sizes as a list.
    fn sizes(sizes: &[Dim]) -> Result<String, String> {
        Ok(format!("[{}]", sizes.iter().map(Writer::size).collect::<Result<Vec<String>, String>>()?.join(", ")))
    }

    /// The sizes of a node's operand.
    fn shape(&self, node: &crate::ir::Node, operand: usize) -> &'a Shape {
        &self.graph.ty(node.inputs[operand]).shape
    }

    /// The whole file.
    fn module(&self) -> String {
        let inputs: Vec<String> = self.graph.inputs.iter().map(|input| argument(&input.name)).collect();
        let results = &self.graph.results;
        let outputs: Vec<String> = results.iter().map(|result| self.operands[result.value].tensor()).collect();
        let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
        let (title, version) = (&self.export.title, env!("CARGO_PKG_VERSION"));
        let mut text = format!(
            "\"\"\"The Runtime network of `{title}`, written by nnlc {version}.\n\n    model = Runtime.load()\n    \
             {} = model({})\n\n",
            names.join(", "),
            inputs.join(", ")
        );
        let types = self.graph.inputs.iter().map(|input| (&input.name, input.value));
        for (name, value) in types.chain(results.iter().map(|result| (&result.name, result.value))) {
            let ty = self.graph.ty(value);
            let _ = writeln!(text, "{name}: {} {}", rules::dtype(&ty.dtype), ty.shape);
        }
        text += "\"\"\"\n";
        text += HEAD;
        text += &self.declared;
        let _ = write!(text, "\n    def forward({}):\n", [vec!["self".to_owned()], inputs].concat().join(", "));
        text += &self.facts();
        text += &self.body;
        let _ = writeln!(text, "        return {}", outputs.join(", "));
        text += TAIL;
        text
    }

    /// The statements that find out the batch size and the device, where something asks.
    fn facts(&self) -> String {
        let asks = |word: &str| {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let returned = self.graph.results.iter().any(|result| self.operands[result.value].is_number);
            (returned && word == "device")
                || self.body.match_indices(word).any(|(at, _)| {
                    let (before, after) = (&self.body[..at], &self.body[at + word.len()..]);
                    !before.ends_with(|c: char| is_part(c) || c == '.') && !after.starts_with(is_part)
                })
        };
        let batch = Dim::batch();
        let fed = self.graph.inputs.iter().find_map(|input| {
            let axis = self.graph.shape(input.value).iter().position(|size| *size == batch)?;
            Some(format!("{}.shape[{axis}]", argument(&input.name)))
        });
        let mut facts = String::new();
        if let (true, Some(size)) = (asks("batch"), fed) {
            let _ = writeln!(facts, "        batch = {size}");
        }
        if asks("device") {
            let holder = match (self.graph.inputs.first(), self.kept.keys().next()) {
                (Some(input), _) => format!("{}.device", argument(&input.name)),
                (None, Some(kept)) => format!("self.{kept}.device"),
                (None, None) => "\"cpu\"".to_owned(),
            };
            let _ = writeln!(facts, "        device = {holder}");
        }
        facts
    }
}

/// An input's name as a parameter of `forward`.
fn argument(name: &str) -> String {
    if RESERVED.contains(&name) { format!("{name}_") } else { name.to_owned() }
}

/// A scalar in Python.
fn number(tensor: &Tensor) -> String {
    let value = tensor.to_f64()[0];
    match tensor {
        Tensor::Bool(_) => if value != 0.0 { "True" } else { "False" }.to_owned(),
        Tensor::I32(_) if value < 0.0 => format!("({value:.0})"),
        Tensor::I32(_) => format!("{value:.0}"),
        _ if value.is_nan() => "torch.nan".to_owned(),
        _ if value.is_infinite() => if value > 0.0 { "torch.inf" } else { "(-torch.inf)" }.to_owned(),
        // The shortest text that is this 32-bit float again.
        _ if value < 0.0 => format!("({:?})", value as f32),
        _ => format!("{:?}", value as f32),
    }
}

const HEAD: &str = r#"from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F


class Runtime(nn.Module):
    def __init__(self):
        super().__init__()
"#;

const TAIL: &str = r#"
    def weight(self, name, sizes):
        self.register_parameter(name, nn.Parameter(torch.zeros(sizes)))

    def state(self, name, sizes, dtype=torch.float32):
        self.register_buffer(name, torch.zeros(sizes, dtype=dtype))

    @classmethod
    def load(cls, path=Path(__file__).with_suffix(".safetensors")):
        """The network with the weights of a file."""
        model = cls()
        model.load_state_dict(load_file(path))
        return model.eval()
"#;
