//! From the file's nodes to values of the program: what all operators share. Each family of operators has a file of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::axes::{Axes, Axis, Count, MIXES, product};
use super::constant::{Constant, Data};
use super::fold::fold;
use super::op::Op;
use super::{elementwise, layers, moves, pooling, recurrent, reduce};
use crate::formats::onnx::Node;
use crate::import::program::{Kind, Level, NodeId, Part, Program};

/// A value of the file.
#[derive(Clone)]
pub enum Value {
    /// Known while the file is read.
    Constant(Rc<Constant>),
    /// A value of the program.
    Computed(Computed),
}

impl Value {
    /// A value of the program.
    ///
    /// # Errors
    /// When it is constant.
    pub fn computed(self) -> Result<Computed, String> {
        match self {
            Value::Computed(computed) => Ok(computed),
            Value::Constant(_) => Err("it is constant".to_owned()),
        }
    }
}

/// A value of the program, and its axes in the file.
#[derive(Clone)]
pub struct Computed {
    pub node: NodeId,
    pub axes: Axes,
}

/// What a node gives, a value for each of its outputs, or why it has no counterpart.
pub type Lowered = Result<Vec<Value>, String>;

/// What is known while nodes are read, one after the other.
pub struct Lowering<'g> {
    pub program: Program,
    /// The number of samples, if the file fixes it.
    pub fixed: Option<usize>,
    /// What the reader is told.
    pub notes: BTreeSet<String>,
    nodes: &'g [Node],
    version: i64,
    values: BTreeMap<&'g str, Value>,
    /// The nodes that read each value, by their places.
    readers: BTreeMap<&'g str, Vec<usize>>,
    /// Nodes that were read together with an earlier one.
    done: BTreeSet<usize>,
    /// The constants that are declared.
    declared: Vec<(Rc<Constant>, NodeId)>,
    /// How many modules of the source have a name that ends so.
    endings: BTreeMap<String, usize>,
}

impl<'g> Lowering<'g> {
    /// Begins with no values; the number of the operators' `version` is the file's.
    pub fn new(nodes: &'g [Node], version: i64, fixed: Option<usize>) -> Lowering<'g> {
        let mut readers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, node) in nodes.iter().enumerate() {
            node.input.iter().for_each(|name| readers.entry(name).or_default().push(place));
        }
        let modules: BTreeSet<Vec<&str>> = nodes.iter().filter_map(module).collect();
        let mut endings = BTreeMap::new();
        for module in &modules {
            (0..module.len()).for_each(|at| *endings.entry(module[at..].join("_")).or_default() += 1);
        }
        let program = Program::default();
        let (values, done, declared, notes) = (BTreeMap::new(), BTreeSet::new(), Vec::new(), BTreeSet::new());
        Lowering { program, fixed, notes, nodes, version, values, readers, done, declared, endings }
    }

    /// Gives a name its value.
    pub fn set(&mut self, name: &'g str, value: Value) {
        self.values.insert(name, value);
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// How many nodes read a value.
    pub fn reads(&self, name: &str) -> usize {
        self.readers.get(name).map_or(0, Vec::len)
    }

    /// The only node that reads a value, with its place.
    pub fn only_reader(&self, name: &str) -> Option<(usize, &'g Node)> {
        match self.readers.get(name).map(Vec::as_slice) {
            Some([place]) => Some((*place, &self.nodes[*place])),
            _ => None,
        }
    }

    /// Marks a node as read together with an earlier one.
    pub fn skip(&mut self, place: usize) {
        self.done.insert(place);
    }

    /// Reads all nodes.
    ///
    /// # Errors
    /// All nodes that have no counterpart, a line each.
    pub fn run(&mut self) -> Result<(), Vec<String>> {
        let mut faults = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            let op = Op { node, version: self.version };
            let known = |name: &String| name.is_empty() || self.values.contains_key(name.as_str());
            if self.done.contains(&place) {
                continue;
            }
            if !node.input.iter().all(known) {
                // What feeds it is told of already, or is no value of the file. Its own operator may have no counterpart either.
                if lowering_of(op).is_none() {
                    faults.push(format!("{} `{}`: the operator is not known here", op.kind(), op.name()));
                }
                continue;
            }
            match self.node(op) {
                Ok(values) => {
                    let named = node.output.iter().zip(values).filter(|(name, _)| !name.is_empty());
                    named.for_each(|(name, value)| self.set(name, value));
                }
                Err(why) => faults.push(format!("{} `{}`: {why}", op.kind(), op.name())),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }

    fn node(&mut self, op: Op<'g>) -> Lowered {
        let operands: Vec<Option<Value>> =
            op.node.input.iter().map(|name| self.values.get(name.as_str()).cloned()).collect();
        let constant = |value: &Option<Value>| match value {
            None => Some(None),
            Some(Value::Constant(constant)) => Some(Some(constant.clone())),
            Some(Value::Computed(_)) => None,
        };
        if let Some(constants) = operands.iter().map(constant).collect::<Option<Vec<_>>>() {
            let operands: Vec<Option<&Constant>> = constants.iter().map(|constant| constant.as_deref()).collect();
            if let (Some(mut folded), name) = (fold(op, &operands)?, op.node.output.first()) {
                // PyTorch stores equal weights once, and gives the others their names by an `Identity`.
                if op.kind() == "Identity" && folded.name.is_some() {
                    folded.name = name.cloned();
                }
                return Ok(vec![Value::Constant(Rc::new(folded))]);
            }
        }
        let Some(lower) = lowering_of(op) else { return Err("the operator is not known here".to_owned()) };
        lower(self, op)
    }

    /// The operand `index`, if it is given.
    pub fn optional(&self, op: Op, index: usize) -> Option<Value> {
        op.node.input.get(index).and_then(|name| self.values.get(name.as_str())).cloned()
    }

    /// The operand `index`.
    ///
    /// # Errors
    /// When it is missing.
    pub fn operand(&self, op: Op, index: usize) -> Result<Value, String> {
        self.optional(op, index).ok_or_else(|| format!("its operand {} is missing", index + 1))
    }

    /// The operand `index` as a value of the program.
    ///
    /// # Errors
    /// When it is missing.
    pub fn computed(&mut self, op: Op, index: usize) -> Result<Computed, String> {
        let value = self.operand(op, index)?;
        self.declare(value)
    }

    /// The operand `index` as a value of the program whose elements are floats.
    ///
    /// # Errors
    /// When it is missing, or its elements are others.
    pub fn floats(&mut self, op: Op, index: usize) -> Result<Computed, String> {
        let x = self.computed(op, index)?;
        self.is_float(&x).map(|()| x)
    }

    /// Makes sure that a value's elements are floats.
    ///
    /// # Errors
    /// When they are others.
    pub fn is_float(&self, x: &Computed) -> Result<(), String> {
        match self.program.kind(x.node) {
            Kind::Float => Ok(()),
            _ => Err("its operand should hold floats".to_owned()),
        }
    }

    /// The operand `index` as a constant; none when it is not given.
    ///
    /// # Errors
    /// When it is only known when the network runs.
    pub fn constant(&self, op: Op, index: usize) -> Result<Option<Rc<Constant>>, String> {
        match self.optional(op, index) {
            None => Ok(None),
            Some(Value::Constant(constant)) => Ok(Some(constant)),
            Some(Value::Computed(_)) => Err(format!("its operand {} is known only when the network runs", index + 1)),
        }
    }

    /// Integers that are an attribute in old files and the operand `index` in newer ones.
    ///
    /// # Errors
    /// When they are only known when the network runs.
    pub fn integers(&self, op: Op, name: &str, index: usize) -> Result<Option<Vec<i64>>, String> {
        match self.constant(op, index)? {
            Some(constant) => Ok(Some(constant.integers().ok_or("its integers depend on the number of samples")?)),
            None => Ok(op.ints(name).map(<[i64]>::to_vec)),
        }
    }

    /// A value as one of the program: constants are declared, as parameters or as tensors.
    ///
    /// # Errors
    /// When a constant depends on the number of samples.
    pub fn declare(&mut self, value: Value) -> Result<Computed, String> {
        let constant = match value {
            Value::Computed(computed) => return Ok(computed),
            Value::Constant(constant) => constant,
        };
        let axes = Axes::of(&constant.shape);
        if let Some((_, node)) = self.declared.iter().find(|(known, _)| Rc::ptr_eq(known, &constant)) {
            return Ok(Computed { node: *node, axes });
        }
        let node = match &constant.data {
            Data::Float(_) => {
                let name = constant.name.as_deref().map_or("constant".to_owned(), weight_name);
                let tensor = constant.tensor().ok_or(MIXES)?;
                self.program.param(&name, tensor, constant.name.is_none())
            }
            _ => self.literal(&constant)?,
        };
        self.declared.push((constant, node));
        Ok(Computed { node, axes })
    }

    /// A constant of integers or truth values, as the list of them.
    fn literal(&mut self, constant: &Constant) -> Result<NodeId, String> {
        let shape = &constant.shape;
        if let Some(text) = counted(constant) {
            let kind = if matches!(constant.data, Data::Bool(_)) { Kind::Bool } else { Kind::Int };
            let level = if kind == Kind::Bool { Level::Comparison } else { Level::Word };
            return Ok(self.program.expression(vec![Part::Text(text)], level, shape, kind));
        }
        let (words, kind) = match &constant.data {
            Data::Bool(values) => (values.iter().map(bool::to_string).collect::<Vec<_>>(), Kind::Bool),
            _ => {
                let values = constant.integers().ok_or("it depends on the number of samples")?;
                (values.iter().map(|value| small(*value).to_string()).collect(), Kind::Int)
            }
        };
        if words.is_empty() || words.len() > 1 << 16 {
            return Err(format!("a list of {} numbers cannot be written out", words.len()));
        }
        let lists = constant
            .shape
            .iter()
            .rev()
            .fold(words, |rows, size| rows.chunks(*size).map(|row| format!("[{}]", row.join(", "))).collect());
        let list = format!("tensor({})", lists.join(""));
        let text = if kind == Kind::Int { format!("int({list})") } else { list };
        Ok(self.program.expression(vec![Part::Text(text)], Level::Word, &constant.shape, kind))
    }

    /// `x |> call`, a function that gives each sample `shape`, in axes that otherwise are as they were.
    pub fn step(&mut self, x: &Computed, call: impl Into<String>, axes: Axes, kind: Kind) -> Result<Value, String> {
        let shape = axes.shape();
        product(&shape)?;
        let node = self.program.step(x.node, call, &shape, kind);
        Ok(Value::Computed(Computed { node, axes }))
    }

    /// An expression with the axes of a value.
    pub fn expression(&mut self, parts: Vec<Part>, level: Level, axes: Axes, kind: Kind) -> Result<Value, String> {
        let shape = axes.shape();
        product(&shape)?;
        let node = self.program.expression(parts, level, &shape, kind);
        Ok(Value::Computed(Computed { node, axes }))
    }

    /// A value arranged as `axes`, which have its elements in the same order. Two such steps in a row become one, or none.
    pub fn arranged(&mut self, x: &Computed, axes: Axes) -> Computed {
        let shape = axes.shape();
        let from = self.program.before_reshape(x.node);
        let node = match (&shape[..], self.program.shape(from)) {
            (wanted, given) if wanted == given => from,
            _ if self.program.shape(x.node) == shape => x.node,
            ([_], _) => self.program.step(from, "flatten", &shape, self.program.kind(x.node)),
            _ => self.program.step(from, format!("reshape({})", list(&shape)), &shape, self.program.kind(x.node)),
        };
        Computed { node, axes }
    }

    /// What people call the module that a layer is, if the file says it, as briefly as it is told apart from others.
    pub fn hint(&self, op: Op) -> Option<String> {
        let module = module(op.node)?;
        if module.last()?.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let endings = (0..module.len()).rev().map(|at| module[at..].join("_"));
        endings
            .into_iter()
            .find(|ending| self.endings.get(ending) == Some(&1) && !ending.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Tells that a layer has a copy of a weight that others have too.
    pub fn copied(&mut self, constant: &Constant) {
        if let Some(name) = constant.name.as_ref().filter(|_| !self.is_own(constant)) {
            let told = format!("weight `{name}` is shared in the file; here each layer has a copy of its own");
            self.notes.insert(told);
        }
    }

    /// Whether a weight belongs to one node alone, so that a layer can own it.
    pub fn is_own(&self, constant: &Constant) -> bool {
        let reads = |name: &str| {
            let readers = self.readers.get(name).map(Vec::as_slice).unwrap_or_default();
            readers.iter().filter(|place| self.nodes[**place].op_type != "Identity").count()
        };
        constant.name.as_deref().is_none_or(|name| reads(name) <= 1)
    }
}

/// The module of the source that a node comes from, from the outermost on: by the name of a weight, or by that of the node.
fn module(node: &Node) -> Option<Vec<&str>> {
    if !matches!(
        &node.op_type[..],
        "Gemm"
            | "MatMul"
            | "Conv"
            | "ConvTranspose"
            | "BatchNormalization"
            | "LayerNormalization"
            | "InstanceNormalization"
            | "GroupNormalization"
            | "Gather"
            | "LSTM"
            | "GRU"
            | "RNN"
            | "PRelu"
    ) {
        return None;
    }
    let of_weight = node.input.iter().skip(usize::from(node.op_type != "Gather")).filter(|name| !name.contains("::"));
    let of_weight = of_weight.filter(|name| !name.starts_with('/')).find_map(|name| Some(name.rsplit_once('.')?.0));
    let of_node = node.name.strip_prefix('/').and_then(|name| Some(name.rsplit_once('/')?.0));
    let parts = of_weight.or(of_node)?.split(['.', '/']).filter(|part| !part.is_empty());
    let mut parts: Vec<&str> = parts.collect();
    // What `nnlc` itself exports calls a layer by its kind.
    parts.pop_if(|last| last.starts_with(|c: char| c.is_ascii_uppercase()));
    (!parts.is_empty()).then_some(parts)
}

/// The name of a parameter that a weight becomes: with its module's if it says little by itself.
fn weight_name(name: &str) -> String {
    let parts: Vec<&str> = name.split(['.', '/', ':']).filter(|part| !part.is_empty()).collect();
    match parts[..] {
        [.., module, "weight" | "bias" | "kernel"] => format!("{module}_{}", parts[parts.len() - 1]),
        [.., last] if !last.chars().all(|c| c.is_ascii_digit()) => last.to_owned(),
        _ => name.to_owned(),
    }
}

/// The list of sizes as it is written.
pub fn list<T: ToString>(values: &[T]) -> String {
    format!("[{}]", values.iter().map(T::to_string).collect::<Vec<_>>().join(", "))
}

/// A number for all, if they agree, or the list of them.
pub fn one_or_list(values: &[i64]) -> String {
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        _ => list(values),
    }
}

/// An integer of 64 bits as one of 32: those beyond stand for "as far as it goes".
pub fn small(value: i64) -> i64 {
    value.clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

/// A number as it is written; none for NaN. Infinities become the largest numbers that there are.
pub fn number(value: f32) -> Option<String> {
    if value.is_nan() {
        return None;
    }
    let value = value.clamp(f32::MIN, f32::MAX);
    let (plain, short) = (format!("{value}"), format!("{value:e}"));
    Some(if short.len() < plain.len() { short } else { plain })
}

/// A constant of integers that count along one of its axes, or of truth values below a diagonal, by the formula that gives it.
fn counted(constant: &Constant) -> Option<String> {
    let iota = |axis: usize| format!("iota({}, axis = {axis}, dtype = i32)", list(&constant.shape));
    let places: Vec<usize> = (0..constant.data.len()).collect();
    match (&constant.data, &constant.shape[..]) {
        (Data::Int(values), shape) if values.len() > 8 => {
            (0..shape.len()).map(|axis| (axis, shape[axis])).find_map(|(axis, size)| {
                let inner: usize = shape[axis + 1..].iter().product();
                let counts = places.iter().all(|place| values[*place] == Count::of((place / inner % size) as i64));
                counts.then(|| iota(axis))
            })
        }
        (Data::Bool(values), [rows, columns]) if rows * columns > 8 => {
            let below = places.iter().all(|place| values[*place] == (place % columns <= place / columns));
            below.then(|| format!("{} <= {}", iota(1), iota(0)))
        }
        _ => None,
    }
}

/// The function that reads nodes of an operator.
pub type Lower = fn(&mut Lowering<'_>, Op<'_>) -> Lowered;

fn lowering_of(op: Op) -> Option<Lower> {
    if !matches!(&op.node.domain[..], "" | "ai.onnx") {
        return None;
    }
    let families = [elementwise::find, moves::find, reduce::find, layers::find, pooling::find, recurrent::find];
    families.iter().find_map(|find| find(op.kind()))
}

/// Operands that are combined element by element: how each is written, and the axes that all are stretched to.
pub struct Aligned {
    pub operands: Vec<Operand>,
    pub axes: Axes,
}

/// An operand of an elementwise operation.
#[derive(Clone)]
pub enum Operand {
    /// A number that is written out.
    Number(f32),
    /// A value.
    Node(NodeId),
}

impl Operand {
    /// The operand in an expression, in brackets if it is looser than `level`.
    pub fn part(&self, level: Level) -> Part {
        match self {
            Operand::Node(node) => Part::Value(*node, level),
            Operand::Number(value) => {
                let text = number(*value).unwrap_or_default();
                Part::Text(if *value < 0.0 && level > Level::Minus { format!("({text})") } else { text })
            }
        }
    }
}

impl Lowering<'_> {
    /// Lines up operands from behind, as ONNX does, with the samples where they are. Where none has the shape of the result, one is stretched
    /// outright: `.nn` does not stretch both sides of an operator.
    ///
    /// # Errors
    /// When sizes do not fit, or samples would meet other samples.
    pub fn aligned(&mut self, values: &[Value]) -> Result<Aligned, String> {
        let axes_of = |value: &Value| match value {
            Value::Constant(constant) => Axes::of(&constant.shape),
            Value::Computed(computed) => computed.axes.clone(),
        };
        let all: Vec<Axes> = values.iter().map(axes_of).collect();
        let rank = all.iter().map(Axes::rank).max().unwrap_or(0);
        let axes = (0..rank)
            .map(|axis| self.common(&all, axis, rank))
            .collect::<Result<Vec<_>, _>>()
            .map(Axes)?
            .held_once()?;
        let shape = axes.shape();
        let mut operands = Vec::new();
        let mut narrow = Vec::new();
        for (value, own) in values.iter().zip(&all) {
            let constant = match value {
                Value::Constant(constant) => Some(constant),
                Value::Computed(_) => None,
            };
            if let Some(number) = constant.and_then(|constant| constant.scalar()).filter(|number| !number.is_nan()) {
                if number.is_infinite() {
                    self.notes.insert("infinite constants became the largest number, 3.4028235e38".to_owned());
                }
                operands.push(Operand::Number(number));
                continue;
            }
            let node = self.fitted(value, own, &axes)?;
            if self.program.shape(node) != shape {
                narrow.push(operands.len());
            }
            operands.push(Operand::Node(node));
        }
        let full = |operand: &Operand| matches!(operand, Operand::Node(node) if self.program.shape(*node) == shape);
        let stretched = usize::from(!operands.iter().any(full));
        for place in narrow.into_iter().take(stretched) {
            if let Operand::Node(node) = operands[place] {
                let kind = self.program.kind(node);
                operands[place] =
                    Operand::Node(self.program.step(node, format!("broadcast({})", list(&shape)), &shape, kind));
            }
        }
        Ok(Aligned { operands, axes })
    }

    /// The axis that all operands stretch to at `axis` of `rank`.
    fn common(&self, all: &[Axes], axis: usize, rank: usize) -> Result<Axis, String> {
        let at = |axes: &Axes| (axis + axes.rank()).checked_sub(rank).map(|axis| axes.0[axis]);
        let mut found = Axis::of(1);
        for next in all.iter().filter_map(at) {
            found = match (found, next) {
                (a, b) if a == b => a,
                (a, b) if b.samples && !a.samples && self.is_all_samples(a) => b,
                (a, b) if a.samples && !b.samples && self.is_all_samples(b) => a,
                (a, b) if a.samples || b.samples => return Err(MIXES.to_owned()),
                (a, b) if a.size() == 1 => b,
                (a, b) if b.size() == 1 => a,
                (a, b) => return Err(format!("sizes {} and {} do not fit together", a.size(), b.size())),
            };
        }
        Ok(found)
    }

    /// Whether an axis of a constant can mean the samples: it has one entry for all of them, or as many as the file fixes.
    fn is_all_samples(&self, axis: Axis) -> bool {
        axis.size() == 1 || Some(axis.size()) == self.fixed
    }

    /// An operand as a sample has it, lined up with `axes`: without the axis in whose place the samples are.
    pub fn fitted(&mut self, value: &Value, own: &Axes, axes: &Axes) -> Result<NodeId, String> {
        let missing = axes.rank() - own.rank();
        let gone = (0..own.rank()).find(|axis| axes.0[axis + missing].is_samples() && !own.0[*axis].samples);
        let Some(gone) = gone else { return Ok(self.declare(value.clone())?.node) };
        let kept: Vec<usize> = [&own.0[..gone], &own.0[gone + 1..]].concat().iter().map(|axis| axis.size()).collect();
        match value {
            Value::Constant(constant) => Ok(self.declare(Value::Constant(Rc::new(first_of(constant, gone)?)))?.node),
            Value::Computed(computed) if own.0[gone].size() == 1 => Ok(self.arranged(computed, Axes::of(&kept)).node),
            Value::Computed(_) => Err(MIXES.to_owned()),
        }
    }
}

/// A constant without an axis along which it is the same everywhere.
///
/// # Errors
/// When it is not.
pub fn first_of(constant: &Constant, axis: usize) -> Result<Constant, String> {
    let entry = |at: usize| {
        let shape = [&constant.shape[..axis], &constant.shape[axis + 1..]].concat();
        constant.picked(&shape, |index| constant.place(&[&index[..axis], &[at], &index[axis..]].concat()))
    };
    if constant.shape[axis] == 0 {
        return Err("a constant in it is empty".to_owned());
    }
    let first = entry(0)?;
    for at in 1..constant.shape[axis] {
        if entry(at)?.data != first.data {
            return Err("a constant in it differs from sample to sample".to_owned());
        }
    }
    Ok(first)
}
