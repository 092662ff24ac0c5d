//! ONNX: a model of operator set 18 in one file, its weights inside.
//!
//! The batch size stays open as the size called `batch`. Whole numbers are 64-bit there, as ONNX's own operators give them.

mod rules;
mod tensors;

use std::collections::BTreeMap;

use prost::Message;

use super::table::{Names, Rule, in_order};
use super::{Export, File, Unwritable, known, plain, variable};
use crate::base::IndexVec;
use crate::formats::onnx;
use crate::ir::{Graph, Node, Value, op};
use crate::tensor::{Dim, Shape};

/// The operator set that is written.
const OPERATORS: i64 = 18;

/// The version of the format that came with it.
const VERSION: i64 = 8;

/// The name of the open batch size.
const BATCH: &str = "batch";

/// Writes a network.
///
/// # Errors
/// What has no operator, or a shape that only arithmetic on the batch size could give.
pub fn write(export: &Export) -> Result<Vec<File>, Vec<Unwritable>> {
    let graph = plain::plain(known::known(export.graph.clone(), |op| rules::RULES.has(op)), |op| rules::RULES.has(op));
    let mut writer = Writer::new(export, &graph);
    in_order(&graph, |value| {
        let written = writer.value(value);
        writer.names.push(written.clone().unwrap_or_default());
        written.map(drop)
    })?;
    let model = onnx::Model {
        ir_version: VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        opset_import: vec![onnx::OperatorSet { domain: String::new(), version: OPERATORS }],
        graph: Some(writer.finish()),
        ..Default::default()
    };
    Ok(vec![File { ending: "onnx", bytes: model.encode_to_vec() }])
}

/// A model in the making. Values are known by their names.
struct Writer<'a> {
    export: &'a Export,
    graph: &'a Graph,
    nodes: Vec<onnx::Node>,
    initializers: Vec<onnx::Tensor>,
    /// The name of each value so far.
    names: IndexVec<Value, String>,
    /// The names that results are to have.
    wanted: BTreeMap<Value, String>,
    taken: Names,
    /// The value that holds the batch size, once something asked for it.
    batch: Option<String>,
}

impl<'a> Writer<'a> {
    fn new(export: &'a Export, graph: &'a Graph) -> Writer<'a> {
        let mut taken = Names::of_inputs(graph);
        let mut wanted = BTreeMap::new();
        for result in &graph.results {
            if taken.take(&result.name) {
                wanted.entry(result.value).or_insert_with(|| result.name.clone());
            }
        }
        let (nodes, initializers, names) = (Vec::new(), Vec::new(), IndexVec::new());
        Writer { export, graph, nodes, initializers, names, wanted, taken, batch: None }
    }

    /// Writes a value's node and gives it a name.
    fn value(&mut self, value: Value) -> Result<String, String> {
        let node = self.graph.node(value);
        Ok(match node.op {
            op::INPUT => self.graph.inputs[node.attrs.get_int("index") as usize].name.clone(),
            op::VARIABLE => {
                let path = &variable(self.graph, node).path;
                let name = self.taken.fresh(path);
                self.initializers.push(tensors::tensor(&name, &self.export.weights[path]));
                name
            }
            op::CONSTANT => {
                let name = self.taken.fresh(self.graph.names.get(&value).map_or("constant", |name| name));
                self.initializers.push(tensors::tensor(&name, node.attrs.get_tensor("value")));
                name
            }
            _ => {
                let operands: Vec<String> = node.inputs.iter().map(|input| self.names[*input].clone()).collect();
                let name = match rules::RULES.rule(node.op) {
                    Rule::Write(write) => write(self, node, &operands)?,
                    Rule::Call(operator) => self.node(operator, &operands, Vec::new()),
                    Rule::Refuse(reason) => return Err(reason.to_owned()),
                };
                self.renamed(value, name)
            }
        })
    }

    /// The name of a value that was just written as `name`: the one that its result or the program gave it, when the last node is its own.
    fn renamed(&mut self, value: Value, name: String) -> String {
        let is_own = self.nodes.last().is_some_and(|last| last.output == [name.as_str()]);
        let better = match (self.wanted.get(&value), self.graph.names.get(&value)) {
            (Some(wanted), _) if is_own => wanted.clone(),
            (None, Some(named)) if is_own => self.taken.fresh(named),
            _ => return name,
        };
        let last = self.nodes.last_mut().expect("the last node is the value's own");
        last.output = vec![better.clone()];
        last.name.clone_from(&better);
        better
    }

    /// Appends a node with one result, and gives that result's name.
    fn node(&mut self, operator: &str, inputs: &[String], attributes: Vec<onnx::Attribute>) -> String {
        self.node_of(operator, inputs, attributes, 1, 0)
    }

    /// Appends a node with `results` results, and gives the name of the one wanted.
    fn node_of(
        &mut self,
        operator: &str,
        inputs: &[String],
        attributes: Vec<onnx::Attribute>,
        results: usize,
        wanted: usize,
    ) -> String {
        let names: Vec<String> = (0..results).map(|_| self.taken.fresh(&operator.to_lowercase())).collect();
        self.nodes.push(onnx::Node {
            input: inputs.to_vec(),
            output: names.clone(),
            name: names[wanted].clone(),
            op_type: operator.to_owned(),
            attribute: attributes,
            ..Default::default()
        });
        names[wanted].clone()
    }

    /// A constant list of integers.
    fn ints(&mut self, hint: &str, values: &[i64]) -> String {
        let name = self.taken.fresh(hint);
        self.initializers.push(tensors::ints(&name, &[values.len() as i64], values));
        name
    }

    /// An integer.
    fn int(&mut self, value: i64) -> String {
        let name = self.taken.fresh("constant");
        self.initializers.push(tensors::ints(&name, &[], &[value]));
        name
    }

    /// A float scalar.
    fn scalar(&mut self, value: f32) -> String {
        let name = self.taken.fresh("constant");
        self.initializers.push(tensors::tensor(&name, &crate::tensor::Tensor::scalar(value)));
        name
    }

    /// The batch size, a list of one integer: a size of an input, read when the model runs.
    fn batch_size(&mut self) -> Result<String, String> {
        if let Some(name) = &self.batch {
            return Ok(name.clone());
        }
        let batch = Dim::batch();
        let axis_of = |shape: &Shape| shape.iter().position(|size| *size == batch);
        let fed =
            self.graph.inputs.iter().find_map(|input| {
                axis_of(&self.graph.ty(input.value).shape).map(|axis| (input.name.clone(), axis as i64))
            });
        let Some((name, axis)) = fed else {
            return Err("needs the batch size, which no input of the network has".to_owned());
        };
        let attributes = vec![tensors::int("start", axis), tensors::int("end", axis + 1)];
        let name = self.node("Shape", &[name], attributes);
        self.batch = Some(name.clone());
        Ok(name)
    }

    /// Sizes as a list of integers, computed when the model runs if the batch size is among them.
    fn sizes(&mut self, sizes: &[Dim]) -> Result<String, String> {
        if let Some(known) = sizes.iter().map(Dim::constant).collect::<Option<Vec<i64>>>() {
            return Ok(self.ints("shape", &known));
        }
        let mut parts = Vec::new();
        for run in sizes.chunk_by(|a, b| a.constant().is_some() == b.constant().is_some()) {
            match run.iter().map(Dim::constant).collect::<Option<Vec<i64>>>() {
                Some(known) => parts.push(self.ints("shape", &known)),
                None => {
                    for size in run {
                        parts.push(self.open_size(size)?);
                    }
                }
            }
        }
        Ok(match &parts[..] {
            [only] => only.clone(),
            _ => self.node("Concat", &parts, vec![tensors::int("axis", 0)]),
        })
    }

    /// A multiple of the batch size, a list of one integer.
    fn open_size(&mut self, size: &Dim) -> Result<String, String> {
        let one = self.batch_size()?;
        if *size == Dim::batch() {
            return Ok(one);
        }
        let times = size.evaluate(&|_| Some(1)).filter(|times| Dim::batch() * Dim::new(*times) == *size);
        match times {
            Some(times) => {
                let factor = self.ints("factor", &[times]);
                Ok(self.node("Mul", &[one, factor], Vec::new()))
            }
            None => Err(format!("has the size {size}, which depends on the batch size; `--batch N` fixes it")),
        }
    }

    /// The target of a reshape: -1 stands for the one size that is open.
    fn target(&mut self, shape: &Shape) -> Result<String, String> {
        match shape.iter().filter(|size| size.constant().is_none()).count() {
            0 | 1 => {
                let sizes: Vec<i64> = shape.iter().map(|size| size.constant().unwrap_or(-1)).collect();
                Ok(self.ints("shape", &sizes))
            }
            _ => self.sizes(shape),
        }
    }

    /// The type of a value, under its name or another one.
    fn info(&self, name: &str, value: Value) -> onnx::ValueInfo {
        let ty = self.graph.ty(value);
        let dimension = |size: &Dim| {
            let size = match size.constant() {
                Some(size) => onnx::Size::Value(size),
                None if *size == Dim::batch() => onnx::Size::Param(BATCH.to_owned()),
                None => onnx::Size::Param(size.to_string()),
            };
            onnx::Dimension { size: Some(size) }
        };
        let shape = onnx::Shape { dim: ty.shape.iter().map(dimension).collect() };
        let tensor_type = onnx::TensorType { elem_type: tensors::element(&ty.dtype) as i32, shape: Some(shape) };
        onnx::ValueInfo { name: name.to_owned(), r#type: Some(onnx::Type { tensor_type: Some(tensor_type) }) }
    }

    /// The whole network. A result that is another's value, or fed or kept, gets a node of its own.
    fn finish(mut self) -> onnx::Graph {
        let mut outputs = Vec::new();
        for result in &self.graph.results {
            let own = self.names[result.value].clone();
            let name = if own == result.name {
                own
            } else {
                let is_free = self.wanted.get(&result.value) == Some(&result.name);
                let name = if is_free { result.name.clone() } else { self.taken.fresh(&result.name) };
                self.nodes.push(onnx::Node {
                    input: vec![own],
                    output: vec![name.clone()],
                    name: name.clone(),
                    op_type: "Identity".to_owned(),
                    ..Default::default()
                });
                name
            };
            outputs.push(self.info(&name, result.value));
        }
        let inputs = self.graph.inputs.iter().map(|input| self.info(&input.name, input.value)).collect();
        onnx::Graph {
            node: self.nodes,
            name: self.export.title.clone(),
            initializer: self.initializers,
            input: inputs,
            output: outputs,
            ..Default::default()
        }
    }

    /// The sizes of a node's operand.
    fn shape(&self, node: &Node, operand: usize) -> &'a Shape {
        &self.graph.ty(node.inputs[operand]).shape
    }
}
