//! A program while it is read from another format: values as calls and operators, written out as a person would.
//!
//! A value that is read once is written where it is read: a step of a chain of `|>`, or an operand. All others get a name. A layer's
//! parameters are called by the statement that the layer stands in, as `check` does. Knows nothing of the format that is read.

use super::names::Names;
use crate::tensor::Tensor;

/// The most characters that an operand within an expression has; a longer one gets a name.
const OPERAND: usize = 44;

/// What the elements of a value are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers.
    Float,
    /// Integers.
    Int,
    /// Integers from 0 to one less than this.
    Index(usize),
    /// Truth values.
    Bool,
}

impl Kind {
    /// The type of a value with these elements and sizes.
    pub fn ty(self, shape: &[usize]) -> String {
        let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
        let word = match self {
            Kind::Float if shape.is_empty() => "f32".to_owned(),
            Kind::Float => String::new(),
            Kind::Int => "i32".to_owned(),
            Kind::Index(count) => format!("index<{count}>"),
            Kind::Bool => "bool".to_owned(),
        };
        if shape.is_empty() { word } else { format!("{word}[{}]", sizes.join(", ")) }
    }
}

/// How tightly an expression holds together, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `a |> f`.
    Chain,
    /// `a or b`.
    Or,
    /// `a and b`.
    And,
    /// `not a`.
    Not,
    /// `a < b`.
    Comparison,
    /// `a + b`.
    Sum,
    /// `a * b`.
    Product,
    /// `-a`.
    Minus,
    /// `a ^ b`.
    Power,
    /// A name, a number, a call.
    Word,
}

/// A value, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(usize);

/// A piece of an expression.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value, in brackets if it is looser than this.
    Value(NodeId, Level),
}

/// What a layer owns, and what its source calls it.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Its name in `.nn`.
    pub layer: &'static str,
    /// The source's name for it, if that is one for people.
    pub hint: Option<String>,
    /// The parameters and states by their names in the layer.
    pub tensors: Vec<(&'static str, Tensor)>,
}

/// How a value comes about.
#[derive(Clone, Debug)]
enum Form {
    /// Declared above all else: an input, or a parameter or constant with its values.
    Declared { statement: String, name: String },
    /// `subject |> call`.
    Step { subject: NodeId, call: String, owned: Option<Owned> },
    /// An expression.
    Expression { parts: Vec<Part>, level: Level },
    /// One of several results of the value `of`.
    Result { of: NodeId, index: usize },
}

struct Node {
    form: Form,
    shape: Vec<usize>,
    kind: Kind,
    /// How many results the value has, each a [`Form::Result`].
    results: usize,
}

/// The program.
#[derive(Default)]
pub struct Program {
    nodes: Vec<Node>,
    names: Names,
    outputs: Vec<(String, NodeId)>,
    /// Values of variables by their paths.
    weights: Vec<(String, Tensor)>,
}

/// An expression that is being written.
#[derive(Clone, Default)]
struct Written {
    base: String,
    level: Option<Level>,
    steps: Vec<String>,
    owned: Vec<Owned>,
}

impl Written {
    fn name(name: &str) -> Written {
        Written { base: name.to_owned(), level: Some(Level::Word), ..Written::default() }
    }

    /// The expression as a statement has it.
    fn whole(&self) -> String {
        match self.nested() {
            Some((text, _)) if self.steps.len() < 2 => text,
            _ if self.level == Some(Level::Word) => {
                [std::slice::from_ref(&self.base), &self.steps].concat().join(" |> ")
            }
            _ => [&[format!("({})", self.base)], &self.steps[..]].concat().join(" |> "),
        }
    }

    /// The expression as calls within calls, and how tightly that holds; none when a layer is among them.
    fn nested(&self) -> Option<(String, Level)> {
        if !self.owned.is_empty() {
            return None;
        }
        let start = (self.base.clone(), self.level.unwrap_or(Level::Word));
        Some(self.steps.iter().fold(start, |(inner, _), step| (called(step, &inner), Level::Word)))
    }

    /// The expression as an operand, if it is short.
    fn operand(&self) -> Option<(String, Level)> {
        self.nested().filter(|(text, _)| self.steps.len() <= 2 && text.chars().count() <= OPERAND)
    }
}

/// The call `f(b)` with `first` as its first argument: `f(first, b)`.
fn called(call: &str, first: &str) -> String {
    match call.split_once('(') {
        Some((name, rest)) => format!("{name}({first}, {rest}"),
        None => format!("{call}({first})"),
    }
}

impl Program {
    /// What the elements of a value are.
    pub fn kind(&self, node: NodeId) -> Kind {
        self.nodes[node.0].kind
    }

    /// A value's sizes.
    pub fn shape(&self, node: NodeId) -> &[usize] {
        &self.nodes[node.0].shape
    }

    fn push(&mut self, form: Form, shape: &[usize], kind: Kind) -> NodeId {
        self.nodes.push(Node { form, shape: shape.to_vec(), kind, results: 0 });
        NodeId(self.nodes.len() - 1)
    }

    /// An input, and what it is called.
    pub fn input(&mut self, name: &str, shape: &[usize], kind: Kind) -> (NodeId, String) {
        let name = self.names.take_role(name, "x");
        let statement = format!("input {name}: {}", kind.ty(shape));
        (self.push(Form::Declared { statement, name: name.clone() }, shape, kind), name)
    }

    /// A parameter with its trained values; one that is `frozen` is not trained.
    pub fn param(&mut self, name: &str, tensor: Tensor, frozen: bool) -> NodeId {
        let name = self.names.take(name);
        let shape = tensor.shape().to_vec();
        let frozen = if frozen { " frozen" } else { "" };
        let statement = format!(
            "param {name}: {}{frozen}",
            if shape.is_empty() { "f32".to_owned() } else { Kind::Float.ty(&shape) }
        );
        self.weights.push((name.clone(), tensor));
        self.push(Form::Declared { statement, name }, &shape, Kind::Float)
    }

    /// `subject |> call`, with a function.
    pub fn step(&mut self, subject: NodeId, call: impl Into<String>, shape: &[usize], kind: Kind) -> NodeId {
        self.push(Form::Step { subject, call: call.into(), owned: None }, shape, kind)
    }

    /// `subject |> call`, with a layer.
    pub fn layer(&mut self, subject: NodeId, call: impl Into<String>, owned: Owned, shape: &[usize]) -> NodeId {
        self.push(Form::Step { subject, call: call.into(), owned: Some(owned) }, shape, Kind::Float)
    }

    /// An expression.
    pub fn expression(&mut self, parts: Vec<Part>, level: Level, shape: &[usize], kind: Kind) -> NodeId {
        self.push(Form::Expression { parts, level }, shape, kind)
    }

    /// The results of a value that has several, given as their shapes and kinds.
    pub fn results(&mut self, of: NodeId, results: &[(Vec<usize>, Kind)]) -> Vec<NodeId> {
        self.nodes[of.0].results = results.len();
        let each = results.iter().enumerate();
        each.map(|(index, (shape, kind))| self.push(Form::Result { of, index }, shape, *kind)).collect()
    }

    /// What a reshaping step was made from, so that two in a row become one.
    pub fn before_reshape(&self, node: NodeId) -> NodeId {
        match &self.nodes[node.0].form {
            Form::Step { subject, call, .. } if call == "flatten" || call.starts_with("reshape(") => *subject,
            _ => node,
        }
    }

    /// What was transposed to a value, and the order of its axes.
    pub fn before_transpose(&self, node: NodeId) -> Option<(NodeId, Vec<usize>)> {
        let Form::Step { subject, call, owned: None } = &self.nodes[node.0].form else { return None };
        if call == "transpose" {
            return Some((*subject, (0..self.nodes[node.0].shape.len()).rev().collect()));
        }
        let order = call.strip_prefix("transpose([")?.strip_suffix("])")?;
        Some((*subject, order.split(", ").map(str::parse).collect::<Result<_, _>>().ok()?))
    }

    /// What was flattened to a value, or the value.
    pub fn before_flatten(&self, node: NodeId) -> NodeId {
        match &self.nodes[node.0].form {
            Form::Step { subject, call, .. } if call == "flatten" => *subject,
            _ => node,
        }
    }

    /// Declares an output, and gives what it is called.
    pub fn output(&mut self, name: &str, node: NodeId) -> String {
        let name = self.names.take_role(name, "y");
        self.outputs.push((name.clone(), node));
        name
    }

    /// The values that a value is made from.
    fn operands(&self, node: usize) -> Vec<usize> {
        match &self.nodes[node].form {
            Form::Declared { .. } => Vec::new(),
            Form::Step { subject, .. } => vec![subject.0],
            Form::Result { of, .. } => vec![of.0],
            Form::Expression { parts, .. } => {
                let value = |part: &Part| if let Part::Value(node, _) = part { Some(node.0) } else { None };
                parts.iter().filter_map(value).collect()
            }
        }
    }

    /// Whether an output is made from a value.
    pub fn is_read(&self, node: NodeId) -> bool {
        self.readers()[node.0].as_ref().is_some_and(|readers| !readers.is_empty())
            || self.outputs.iter().any(|(_, output)| *output == node)
    }

    /// The readers of each value that an output is made from, a reader once for each time that it reads.
    fn readers(&self) -> Vec<Option<Vec<usize>>> {
        let mut readers: Vec<Option<Vec<usize>>> = vec![None; self.nodes.len()];
        self.outputs.iter().for_each(|(_, node)| readers[node.0] = Some(Vec::new()));
        for node in (0..self.nodes.len()).rev() {
            if readers[node].is_some() {
                let operands = self.operands(node);
                operands.into_iter().for_each(|operand| readers[operand].get_or_insert_default().push(node));
            }
        }
        readers
    }

    /// The text of the program, and the values of its variables by their paths.
    pub fn finish(self) -> (String, Vec<(String, Tensor)>) {
        let outputs = self.outputs.iter().map(|(name, node)| (name.clone(), node.0)).collect();
        let readers = self.readers();
        let mut writer = Writer { program: self, readers, outputs, written: Vec::new(), lines: Vec::new() };
        writer.write();
        let Writer { mut program, lines, readers, .. } = writer;
        let declared = |frozen: bool| {
            let rows = program.nodes.iter().zip(&readers).filter(|(_, readers)| readers.is_some());
            rows.filter_map(move |(node, _)| match &node.form {
                Form::Declared { statement, .. } if statement.starts_with("param") == frozen => Some(statement.clone()),
                _ => None,
            })
        };
        let blocks =
            [declared(false).collect::<Vec<_>>(), declared(true).collect(), lines].map(|lines| lines.join("\n"));
        let text = blocks.iter().filter(|block| !block.is_empty()).cloned().collect::<Vec<_>>().join("\n\n");
        let unread: Vec<String> = program
            .nodes
            .iter()
            .zip(&readers)
            .filter_map(|(node, readers)| match &node.form {
                Form::Declared { name, .. } if readers.is_none() => Some(name.clone()),
                _ => None,
            })
            .collect();
        program.weights.retain(|(path, _)| !unread.contains(path));
        (text + "\n", program.weights)
    }
}

/// Writes the statements of a program, one value after the other.
struct Writer {
    program: Program,
    readers: Vec<Option<Vec<usize>>>,
    /// The outputs by their names.
    outputs: Vec<(String, usize)>,
    /// Each value as what reads it writes it.
    written: Vec<Written>,
    lines: Vec<String>,
}

impl Writer {
    fn write(&mut self) {
        for node in 0..self.program.nodes.len() {
            let written = self.value(node);
            self.written.push(written);
        }
        for (name, node) in self.outputs.clone() {
            let value = self.written[node].whole();
            if value != name {
                self.lines.push(format!("output {name} = {value}"));
            }
        }
    }

    /// A value as its reader writes it: its name, once its statement is written, or its expression.
    fn value(&mut self, node: usize) -> Written {
        let Some(readers) = self.readers[node].clone() else { return Written::default() };
        let expression = match self.program.nodes[node].form.clone() {
            Form::Declared { name, .. } => return Written::name(&name),
            Form::Result { of, index } => {
                let name = self.written[of.0].base.split(", ").nth(index).unwrap_or_default().to_owned();
                return Written::name(&name);
            }
            Form::Step { subject, call, owned } => {
                let mut written = self.written[subject.0].clone();
                if written.level != Some(Level::Word) && written.steps.is_empty() {
                    written = Written { base: called(&call, &written.base), level: Some(Level::Word), ..written };
                } else {
                    written.steps.push(call);
                }
                written.owned.extend(owned);
                written
            }
            Form::Expression { parts, level } => {
                Written { base: self.joined(&parts), level: Some(level), ..Written::default() }
            }
        };
        if self.program.nodes[node].results > 0 {
            return self.bind_results(node, expression);
        }
        let outputs = self.outputs.iter().filter(|(_, output)| *output == node).count();
        match readers[..] {
            [reader] if outputs == 0 && self.fits(&expression, reader) => expression,
            _ => self.bind(node, expression, outputs > 0 && !readers.is_empty() || outputs > 1),
        }
    }

    /// Whether an expression can stand where its only reader reads it.
    fn fits(&self, expression: &Written, reader: usize) -> bool {
        match &self.program.nodes[reader].form {
            Form::Step { owned: None, .. } if expression.steps.is_empty() => {
                expression.base.chars().count() <= 2 * OPERAND
            }
            Form::Step { owned: Some(owned), .. } if expression.steps.is_empty() => {
                expression.level == Some(Level::Word) && (owned.hint.is_none() || expression.owned.is_empty())
            }
            Form::Step { owned: Some(owned), .. } => owned.hint.is_none() || expression.owned.is_empty(),
            Form::Step { owned: None, .. } => true,
            _ => expression.operand().is_some(),
        }
    }

    fn joined(&self, parts: &[Part]) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(node, at_least) => {
                let (text, level) = self.written[node.0].nested().expect("a layer among operands has a name");
                if level < *at_least { format!("({text})") } else { text }
            }
        };
        parts.iter().map(part).collect()
    }

    /// Writes the statement of a value. One that is an output and nothing else is declared and bound at once.
    fn bind(&mut self, node: usize, expression: Written, also_read: bool) -> Written {
        let output = self.outputs.iter().find(|(_, output)| *output == node).map(|(name, _)| name.clone());
        let hint = expression.owned.iter().find_map(|owned| owned.hint.clone());
        let name = match &output {
            Some(name) => name.clone(),
            None => self.program.names.take(hint.as_deref().unwrap_or("h")),
        };
        let start = if output.is_some() && !also_read { "output " } else { "" };
        self.lines.push(format!("{start}{name} = {}", expression.whole()));
        if output.is_some() && also_read {
            self.lines.push(format!("output {name}"));
        }
        self.own(&name, expression.owned);
        Written::name(&name)
    }

    /// Writes the statement of a value with several results; what gives their names is its base.
    fn bind_results(&mut self, node: usize, expression: Written) -> Written {
        let hint = expression.owned.iter().find_map(|owned| owned.hint.clone()).unwrap_or_else(|| "h".to_owned());
        let results = (node + 1..).take(self.program.nodes[node].results);
        let mut names = Vec::new();
        for (index, result) in results.enumerate() {
            let wanted = if index == 0 { hint.clone() } else { format!("{hint}_{index}") };
            // A name that begins with `_` is that of a value that nothing reads, however often it stands there.
            names.push(match self.readers[result].is_some() || index == 0 {
                true => self.program.names.take(&wanted),
                false => "_state".to_owned(),
            });
        }
        let joined = names.join(", ");
        self.lines.push(format!("{joined} = {}", expression.whole()));
        self.own(&names[0], expression.owned);
        Written { base: joined, ..Written::default() }
    }

    /// Files what the layers of the statement `name` own under their paths.
    fn own(&mut self, name: &str, owned: Vec<Owned>) {
        let mut seen: Vec<&'static str> = Vec::new();
        for Owned { layer, tensors, .. } in owned {
            seen.push(layer);
            let count = seen.iter().filter(|other| **other == layer).count();
            let number = if count > 1 { format!("_{count}") } else { String::new() };
            let path = format!("{name}.{layer}{number}");
            let tensors = tensors.into_iter().map(|(inner, tensor)| (format!("{path}.{inner}"), tensor));
            self.program.weights.extend(tensors);
        }
    }
}
