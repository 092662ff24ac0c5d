//! NNP: an archive for NNabla and Neural Network Console, of a network with an executor `runtime`, and its parameters.
//!
//! The batch size stays open as the size -1. Everything is a float there. Elementwise functions stretch only operands of equally many axes,
//! so axes of size 1 are put in front of the others.

mod rules;

use std::io::{Cursor, Write as _};

use prost::Message as _;

use super::table::{Names, Rule, in_order};
use super::{Export, File, Unwritable, is_trained, known, plain, variable};
use crate::base::IndexVec;
use crate::formats::nnabla::parameters::{self, Parameter, Parameters};
use crate::formats::nnabla::text::{Message, Value as Text};
use crate::ir::{Graph, Node, Value, op};
use crate::tensor::{Dim, Shape, Tensor};

/// The version of archives of text and protobuf.
const VERSION: &str = "0.1\n";

/// The network's name, which Neural Network Console knows.
const NETWORK: &str = "MainRuntime";

/// Writes a network.
///
/// # Errors
/// What has no function there.
pub fn write(export: &Export) -> Result<Vec<File>, Vec<Unwritable>> {
    let graph = plain::plain(known::known(export.graph.clone(), |op| rules::RULES.has(op)), |op| rules::RULES.has(op));
    let mut writer = Writer::new(export, &graph);
    in_order(&graph, |value| {
        let written = writer.value(value);
        writer.operands.push(written.clone().unwrap_or(Operand::Number(0.0)));
        written.map(drop)
    })?;
    let outputs = writer.outputs().map_err(|fault| vec![fault])?;
    Ok(vec![File { ending: "nnp", bytes: writer.archive(&outputs) }])
}

/// A value in the network.
#[derive(Clone, Debug)]
enum Operand {
    /// A variable.
    Name(String),
    /// A constant that a function takes as its own.
    Number(f64),
}

/// A network in the making.
struct Writer<'a> {
    export: &'a Export,
    graph: &'a Graph,
    variables: Vec<Message>,
    functions: Vec<Message>,
    parameters: Vec<Parameter>,
    operands: IndexVec<Value, Operand>,
    taken: Names,
}

impl<'a> Writer<'a> {
    fn new(export: &'a Export, graph: &'a Graph) -> Writer<'a> {
        let (variables, functions, parameters) = (Vec::new(), Vec::new(), Vec::new());
        let taken = Names::of_inputs(graph);
        Writer { export, graph, variables, functions, parameters, operands: IndexVec::new(), taken }
    }

    /// Writes a value's functions.
    fn value(&mut self, value: Value) -> Result<Operand, String> {
        let node = self.graph.node(value);
        match node.op {
            op::INPUT => {
                let name = self.graph.inputs[node.attrs.get_int("index") as usize].name.clone();
                self.variables.push(declared(&name, "Buffer", &sizes(&node.ty.shape)?));
                Ok(Operand::Name(name))
            }
            op::VARIABLE => {
                let read = variable(self.graph, node);
                let name = self.taken.fresh(&read.path.replace('.', "/"));
                Ok(Operand::Name(self.parameter(name, &self.export.weights[&read.path], is_trained(read))))
            }
            op::CONSTANT => {
                let tensor = node.attrs.get_tensor("value");
                if tensor.shape().is_empty() {
                    return Ok(Operand::Number(tensor.to_f64()[0]));
                }
                let name = self.taken.fresh(self.graph.names.get(&value).map_or("constant", |name| name));
                Ok(Operand::Name(self.parameter(name, tensor, false)))
            }
            _ => {
                let operands: Vec<Operand> = node.inputs.iter().map(|input| self.operands[*input].clone()).collect();
                let written = match rules::RULES.rule(node.op) {
                    Rule::Write(write) => write(self, node, &operands),
                    Rule::Call(function) => {
                        let operands = self.aligned(node, &operands)?;
                        self.function(function, Message::default(), &operands, &node.ty.shape)
                    }
                    Rule::Refuse(reason) => Err(reason.to_owned()),
                };
                written.map(|operand| self.renamed(value, operand))
            }
        }
    }

    /// A value that the last function just gave, under the name that its result or the program gave it.
    fn renamed(&mut self, value: Value, operand: Operand) -> Operand {
        let result = self.graph.results.iter().find(|result| result.value == value).map(|result| &result.name);
        let Some(better) = result.or(self.graph.names.get(&value)) else { return operand };
        let Operand::Name(name) = operand else { return operand };
        let is_last = self.functions.last().is_some_and(|last| last.one("output") == Some(name.as_str()));
        if !is_last {
            return Operand::Name(name);
        }
        let better = self.taken.fresh(better);
        let last = self.functions.last_mut().into_iter().chain(self.variables.last_mut());
        for (_, text) in last.flat_map(|message| &mut message.fields) {
            match text {
                Text::Text(own) if *own == name => own.clone_from(&better),
                Text::Text(own) if *own == function_name(&name) => *own = function_name(&better),
                _ => {}
            }
        }
        Operand::Name(better)
    }

    /// Keeps a tensor.
    fn parameter(&mut self, name: String, tensor: &Tensor, need_grad: bool) -> String {
        let dim: Vec<i64> = tensor.shape().iter().map(|size| *size as i64).collect();
        self.variables.push(declared(&name, "Parameter", &dim));
        let shape = Some(parameters::Shape { dim });
        self.parameters.push(Parameter { variable_name: name.clone(), shape, data: tensor.to_f32(), need_grad });
        name
    }

    /// Appends a function with one result of a shape.
    fn function(&mut self, kind: &str, arguments: Message, inputs: &[String], to: &Shape) -> Result<Operand, String> {
        let output = self.taken.fresh(&kind.to_lowercase());
        self.variables.push(declared(&output, "Buffer", &sizes(to)?));
        let mut message = Message::default().quoted("name", function_name(&output)).quoted("type", kind);
        for input in inputs {
            message = message.quoted("input", input);
        }
        message = message.quoted("output", &output);
        if let Some(field) = rules::arguments_of(kind) {
            message = message.with(field, arguments);
        }
        self.functions.push(message);
        Ok(Operand::Name(output))
    }

    /// The name of an operand; a number becomes a constant of so many axes.
    fn named(&mut self, operand: &Operand, rank: usize) -> Result<String, String> {
        match operand {
            Operand::Name(name) => Ok(name.clone()),
            Operand::Number(number) => {
                let shape: Shape = vec![Dim::new(1); rank].into_iter().collect();
                let arguments = Message::default().word("val", *number as f32).with("shape", dims(&sizes(&shape)?));
                match self.function("Constant", arguments, &[], &shape)? {
                    Operand::Name(name) => Ok(name),
                    Operand::Number(_) => unreachable!("a function gives a variable"),
                }
            }
        }
    }

    /// The operands of an elementwise node, all with as many axes as its result.
    fn aligned(&mut self, node: &Node, operands: &[Operand]) -> Result<Vec<String>, String> {
        let rank = node.ty.shape.rank();
        let mut names = Vec::new();
        for (own, operand) in operands.iter().enumerate() {
            let name = self.named(operand, rank)?;
            let shape = self.shape(node, own);
            let is_whole = matches!(operand, Operand::Number(_)) || shape.rank() == rank;
            names.push(if is_whole {
                name
            } else {
                let front = vec![Dim::new(1); rank - shape.rank()];
                self.reshaped(&name, &front.into_iter().chain(shape.iter().cloned()).collect())?
            });
        }
        Ok(names)
    }

    /// A variable in another shape.
    fn reshaped(&mut self, name: &str, to: &Shape) -> Result<String, String> {
        let arguments = Message::default().with("shape", dims(&sizes(to)?)).word("inplace", true);
        self.name_of("Reshape", arguments, name, to)
    }

    /// A variable repeated to a shape.
    fn broadcast(&mut self, name: &str, to: &Shape) -> Result<String, String> {
        self.name_of("Broadcast", Message::default().with("shape", dims(&sizes(to)?)), name, to)
    }

    fn name_of(&mut self, kind: &str, arguments: Message, name: &str, to: &Shape) -> Result<String, String> {
        let operand = self.function(kind, arguments, &[name.to_owned()], to)?;
        self.named(&operand, to.rank())
    }

    /// The sizes of a node's operand.
    fn shape(&self, node: &Node, operand: usize) -> &'a Shape {
        &self.graph.ty(node.inputs[operand]).shape
    }

    /// The variables that hold the results, each under its own name.
    fn outputs(&mut self) -> Result<Vec<(String, String)>, Unwritable> {
        let mut outputs = Vec::new();
        for result in &self.graph.results {
            let shape = &self.graph.ty(result.value).shape;
            let operand = self.operands.get(result.value).cloned().unwrap_or(Operand::Number(0.0));
            let node = self.graph.node(result.value);
            let refuse = |reason| Unwritable { op: node.op, place: node.place, reason };
            let name = match operand {
                Operand::Name(name) if self.is_computed(&name) => name,
                Operand::Name(name) => self.name_of("Identity", Message::default(), &name, shape).map_err(refuse)?,
                number => {
                    let one = self.named(&number, shape.rank()).map_err(refuse)?;
                    self.broadcast(&one, shape).map_err(refuse)?
                }
            };
            outputs.push((name, result.name.clone()));
        }
        Ok(outputs)
    }

    /// Whether a variable is what a function gives.
    fn is_computed(&self, name: &str) -> bool {
        self.functions.iter().any(|function| function.one("output") == Some(name))
    }

    /// The archive.
    fn archive(&self, outputs: &[(String, String)]) -> Vec<u8> {
        let mut network = Message::default().quoted("name", NETWORK).word("batch_size", 1);
        for own in &self.variables {
            network = network.with("variable", own.clone());
        }
        for function in &self.functions {
            network = network.with("function", function.clone());
        }
        let named = |own: &str| Message::default().quoted("variable_name", own);
        let mut executor = Message::default().quoted("name", "runtime").quoted("network_name", NETWORK);
        for input in &self.graph.inputs {
            executor = executor.with("data_variable", named(&input.name).quoted("data_name", &input.name));
        }
        for (name, result) in outputs {
            executor = executor.with("output_variable", named(name).quoted("data_name", result));
        }
        for parameter in &self.parameters {
            executor = executor.with("parameter_variable", named(&parameter.variable_name));
        }
        let context = Message::default()
            .quoted("backend", "cpu:float")
            .quoted("array_class", "CpuCachedArray")
            .quoted("device_id", "0");
        let whole = Message::default()
            .with("global_config", Message::default().with("default_context", context))
            .with("network", network)
            .with("executor", executor);
        let parameters = Parameters { parameter: self.parameters.clone() };
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let members = [
            ("nnp_version.txt", VERSION.into()),
            ("network.nntxt", whole.to_string().into_bytes()),
            ("parameter.protobuf", parameters.encode_to_vec()),
        ];
        for (name, bytes) in members {
            let options = zip::write::SimpleFileOptions::default();
            archive.start_file(name, options).expect("memory takes a member");
            archive.write_all(&bytes).expect("memory takes every byte");
        }
        archive.finish().expect("memory takes the end").into_inner()
    }
}

/// The name of the function that gives a variable.
fn function_name(output: &str) -> String {
    format!("{output}_function")
}

/// A variable's declaration.
fn declared(name: &str, kind: &str, shape: &[i64]) -> Message {
    Message::default().quoted("name", name).quoted("type", kind).with("shape", dims(shape))
}

/// Sizes as a message.
fn dims(sizes: &[i64]) -> Message {
    sizes.iter().fold(Message::default(), |message, size| message.word("dim", size))
}

/// Sizes as numbers, -1 for the batch size.
fn sizes(shape: &Shape) -> Result<Vec<i64>, String> {
    let open: Vec<&Dim> = shape.iter().filter(|size| size.constant().is_none()).collect();
    match open[..] {
        [] => {}
        [only] if *only == Dim::batch() => {}
        [first, ..] => {
            return Err(format!("has the size {first}, which depends on the batch size; `--batch N` fixes it"));
        }
    }
    Ok(shape.iter().map(|size| size.constant().unwrap_or(-1)).collect())
}
