//! The graph's parts. Plain data; what keeps it consistent is in `verify`.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::{Attrs, Op};
use crate::base::IndexVec;
use crate::newtype_index;
use crate::source::Span;
use crate::tensor::{Dim, Type};

newtype_index! {
    /// A value: the result of the node at this place. Prints as `%7`.
    pub struct Value;
}

newtype_index! {
    /// A variable of a [`Graph`].
    pub struct VarId;
}

newtype_index! {
    /// A call that a node was made in.
    pub struct FrameId;
}

/// Where a value came from: the expression, and the calls around it, innermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// The expression. None for nodes without a source, as in tests.
    pub span: Option<Span>,
    /// The innermost call whose body the expression stands in.
    pub frame: Option<FrameId>,
}

impl Place {
    /// No place at all.
    pub const NONE: Place = Place { span: None, frame: None };
}

/// One call of a function or layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The called function or layer.
    pub callee: String,
    /// The compile-time arguments of a call that the user wrote, as `16, kernel = 5`; for pictures.
    pub given: String,
    /// The path of the layer's instance.
    pub instance: Option<String>,
    /// The call's place.
    pub call: Span,
    /// The call that this one stands in.
    pub parent: Option<FrameId>,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// Which.
    pub op: Op,
    /// Its operands, all earlier than it.
    pub inputs: SmallVec<[Value; 3]>,
    /// Its constants.
    pub attrs: Attrs,
    /// What it gives.
    pub ty: Type,
    /// In a per-sample graph: whether the value differs from sample to sample, so that lowering adds a batch axis.
    pub per_sample: bool,
    /// Where it came from.
    pub place: Place,
}

/// A value that is fed.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// Its node.
    pub value: Value,
    /// For `input z: T from e`: the node that draws it in training and validation. Runtime feeds it.
    pub drawn: Option<Value>,
}

/// The start of the names of fed scalars, which no program's input has.
pub const FED: char = '@';

impl Input {
    /// Whether the trainer feeds it, a scalar for all samples, rather than data.
    pub fn is_scalar(&self) -> bool {
        self.name.starts_with(FED)
    }
}

/// What a variable is for.
#[derive(Clone, Debug, PartialEq)]
pub enum VariableKind {
    /// Trained.
    Param {
        /// Kept fixed.
        frozen: bool,
        /// The factor on the learning rate.
        lr: f64,
        /// The factor on the weight decay.
        decay: f64,
    },
    /// Saved with the weights and assigned by updates.
    State,
    /// An optimizer's memory of a parameter.
    Slot,
}

/// A tensor that lives from step to step.
#[derive(Clone, Debug)]
pub struct Variable {
    /// Its unique dotted name, the name in the weights file.
    pub path: String,
    /// What it is for.
    pub kind: VariableKind,
    /// Its dtype and shape, without symbols.
    pub ty: Type,
    /// In a program as checked: the value that it starts with. It depends on no input; a [`super::op::VARIABLE`] node in it stands
    /// for that variable's own initial value.
    pub init: Option<Value>,
    /// Where it is declared.
    pub place: Place,
}

/// What a result is for.
#[derive(Clone, Debug, PartialEq)]
pub enum ResultRole {
    /// A term of the objective, of any shape; reported as the mean of its elements.
    Loss {
        /// The factor, a scalar value; none is 1.
        weight: Option<Value>,
        /// The parameters that it trains, in order; none is all of them.
        trains: Option<Vec<VarId>>,
    },
    /// Evaluated, never trained.
    Metric,
    /// A result of the Runtime network.
    Output,
    /// Made by a pass for a caller that asked: a gradient, a total.
    Extra,
}

impl ResultRole {
    /// The word that declares such a result.
    pub fn keyword(&self) -> &'static str {
        match self {
            ResultRole::Loss { .. } => "loss",
            ResultRole::Metric => "metric",
            ResultRole::Output | ResultRole::Extra => "output",
        }
    }
}

/// A named result.
#[derive(Clone, Debug)]
pub struct ResultValue {
    /// Its declared name.
    pub name: String,
    /// What it is for.
    pub role: ResultRole,
    /// Its value.
    pub value: Value,
    /// Where it is declared.
    pub place: Place,
}

/// An assignment at the end of a step. All right sides are evaluated before anything is assigned.
#[derive(Clone, Debug)]
pub struct Update {
    /// What is assigned.
    pub variable: VarId,
    /// Its new value, of the variable's type.
    pub value: Value,
    /// Where it is written.
    pub place: Place,
}

/// A program.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The operations in an order of evaluation.
    pub nodes: IndexVec<Value, Node>,
    /// The calls that nodes stand in.
    pub frames: IndexVec<FrameId, Frame>,
    /// What is fed.
    pub inputs: Vec<Input>,
    /// What lives from step to step.
    pub variables: IndexVec<VarId, Variable>,
    /// What is asked for, in declaration order.
    pub results: Vec<ResultValue>,
    /// What is assigned at the end of a training step.
    pub updates: Vec<Update>,
    /// The names that the program's top level gave to values, for messages and for printing them back.
    pub names: BTreeMap<Value, String>,
}

/// How much a graph held at some time.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// The node that came next.
    pub nodes: Value,
    frames: usize,
    inputs: usize,
    variables: usize,
    results: usize,
    updates: usize,
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Graph {
        Graph::default()
    }

    /// Appends a node as it is. Prefer `ops::Builder`, which infers the type.
    pub fn push(&mut self, node: Node) -> Value {
        debug_assert!(node.inputs.iter().all(|input| *input < self.nodes.next_index()));
        self.nodes.push(node)
    }

    /// Whether it holds what stands in for a scan over data of a length that is not known yet. Such a graph is checked and never run.
    pub fn is_open(&self) -> bool {
        self.nodes.iter().any(|node| node.op == super::op::STAND_IN)
    }

    /// The node of a value.
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value]
    }

    /// The type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        &self.nodes[value].ty
    }

    /// The dims of a value.
    pub fn shape(&self, value: Value) -> &[Dim] {
        &self.nodes[value].ty.shape
    }

    /// How far the graph has come.
    pub fn extent(&self) -> Extent {
        Extent {
            nodes: self.nodes.next_index(),
            frames: self.frames.len(),
            inputs: self.inputs.len(),
            variables: self.variables.len(),
            results: self.results.len(),
            updates: self.updates.len(),
        }
    }

    /// Takes away all that was added since. It is no graph by itself: its values are numbered as they were.
    pub fn split_off(&mut self, since: Extent) -> Graph {
        Graph {
            nodes: self.nodes.split_off(since.nodes.0 as usize),
            frames: self.frames.split_off(since.frames),
            inputs: self.inputs.split_off(since.inputs),
            variables: self.variables.split_off(since.variables),
            results: self.results.split_off(since.results),
            updates: self.updates.split_off(since.updates),
            names: self.names.split_off(&since.nodes),
        }
    }

    /// Puts back what [`Graph::split_off`] took.
    pub fn append(&mut self, tail: Graph) {
        self.nodes.append(tail.nodes);
        self.frames.append(tail.frames);
        self.inputs.extend(tail.inputs);
        self.variables.append(tail.variables);
        self.results.extend(tail.results);
        self.updates.extend(tail.updates);
        self.names.extend(tail.names);
    }

    /// Which values `roots` depend on, themselves included.
    pub fn reached_from(&self, roots: impl IntoIterator<Item = Value>) -> IndexVec<Value, bool> {
        let mut reached: IndexVec<Value, bool> = self.nodes.iter().map(|_| false).collect();
        for root in roots {
            reached[root] = true;
        }
        for value in self.nodes.indices().rev() {
            if reached[value] {
                for input in &self.nodes[value].inputs {
                    reached[*input] = true;
                }
            }
        }
        reached
    }

    /// Every value that something outside the nodes refers to: results, loss weights, updates.
    pub fn roots(&self) -> Vec<Value> {
        let results = self.results.iter().flat_map(|result| {
            let weight = match result.role {
                ResultRole::Loss { weight, .. } => weight,
                _ => None,
            };
            [Some(result.value), weight].into_iter().flatten()
        });
        results.chain(self.updates.iter().map(|update| update.value)).collect()
    }
}
