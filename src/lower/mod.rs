//! From one sample to a minibatch: a network's per-sample graph becomes a batched graph.
//!
//! Each value that differs from sample to sample gets the batch axis in front, by its primitive's own batch rule; everything else
//! stays as it is. Losses and metrics become the mean over their elements and samples; the objective is their weighted sum.

mod grad;

use std::fmt;

use crate::base::IndexVec;
use crate::ir::{Attr, Attrs, Graph, Input, Node, Op, Place, ResultRole, ResultValue, Update, Value, op};
use crate::ops::{BatchCall, Builder, primitive};
use crate::tensor::{DType, Dim, Type};

/// The name of the weighted sum of all losses among the results of a lowered graph.
pub const OBJECTIVE: &str = "objective";

/// A value that cannot be computed for a whole minibatch at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbatchable {
    /// Where it was written, in the per-sample graph's frames.
    pub place: Place,
    /// Why, as a sentence without a full stop.
    pub reason: String,
}

impl fmt::Display for Unbatchable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Unbatchable {}

/// Lowers a network. Its losses and metrics become scalars under their names, in order; with a loss, the objective follows as
/// [`OBJECTIVE`]. Outputs keep the batch axis in front when they differ from sample to sample.
///
/// # Errors
/// The first operation that has no meaning for a whole minibatch, or whose sizes are not known.
pub fn lower(network: &Graph) -> Result<Graph, Unbatchable> {
    let out = Graph { frames: network.frames.clone(), variables: network.variables.clone(), ..Graph::new() };
    let mut lowering = Lowering { network, out, map: IndexVec::new(), batched: IndexVec::new() };
    for (id, node) in network.nodes.iter_enumerated() {
        let value = lowering.node(id)?;
        if let Some(name) = network.names.get(&id) {
            lowering.out.names.insert(value, name.clone());
        }
        lowering.map.push(value);
        lowering.batched.push(node.per_sample);
    }
    let Lowering { mut out, map, .. } = lowering;
    lower_results(network, &map, &mut out);
    for update in &network.updates {
        out.updates.push(Update { value: map[update.value], ..update.clone() });
    }
    Ok(out)
}

/// A network on its way to a batched graph.
struct Lowering<'n> {
    network: &'n Graph,
    out: Graph,
    /// What each value has become.
    map: IndexVec<Value, Value>,
    /// Which of these have the batch axis in front.
    batched: IndexVec<Value, bool>,
}

impl Lowering<'_> {
    /// What a node becomes, all before it having become what they are to be.
    fn node(&mut self, id: Value) -> Result<Value, Unbatchable> {
        let node = self.network.node(id);
        match node.op {
            op::INPUT => return Ok(self.input(node)),
            op::GRAD => return self.grad(node),
            op::STAND_IN => {
                let reason = "how many steps this `scan` takes is for the data to fix".to_owned();
                return Err(Unbatchable { place: node.place, reason });
            }
            _ => {}
        }
        let inputs: Vec<Value> = node.inputs.iter().map(|input| self.map[*input]).collect();
        let batched: Vec<bool> = node.inputs.iter().map(|input| self.batched[*input]).collect();
        let differs = node.per_sample || batched.contains(&true);
        if inputs.is_empty() && !differs {
            return Ok(self.out.push(node.clone()));
        }
        let mut b = Builder::new(&mut self.out, node.place);
        if !differs && node.op != op::ALL_SAMPLES {
            return Ok(b.emit(node.op, &inputs, node.attrs.clone()));
        }
        (primitive(node.op).batch)(&mut BatchCall { b: &mut b, node, inputs: &inputs, batched: &batched })
            .map_err(|reason| Unbatchable { place: node.place, reason })
    }

    fn input(&mut self, node: &Node) -> Value {
        let name = self.network.inputs[node.attrs.get_int("index") as usize].name.clone();
        let ty = match node.per_sample {
            true => Type { shape: node.ty.shape.prepend(Dim::batch()), ..node.ty.clone() },
            false => node.ty.clone(),
        };
        let attrs = Attrs::new().int("index", self.out.inputs.len() as i64);
        let value = self.out.push(Node { ty, attrs, ..node.clone() });
        self.out.inputs.push(Input { name, value, drawn: None });
        value
    }
}

fn lower_results(network: &Graph, map: &IndexVec<Value, Value>, out: &mut Graph) {
    let mut objective: Option<Value> = None;
    for result in &network.results {
        let mut lowered = ResultValue { value: map[result.value], ..result.clone() };
        let mut b = Builder::new(out, result.place);
        match &mut lowered.role {
            ResultRole::Loss { weight, .. } => {
                lowered.value = mean(&mut b, lowered.value);
                *weight = weight.map(|weight| map[weight]);
                let term = weight.map_or(lowered.value, |weight| b.binary(Op("mul"), lowered.value, weight));
                objective = Some(objective.map_or(term, |sum| b.binary(Op("add"), sum, term)));
            }
            ResultRole::Metric => lowered.value = mean(&mut b, lowered.value),
            ResultRole::Output | ResultRole::Extra => {}
        }
        out.results.push(lowered);
    }
    if let Some(value) = objective {
        out.results.push(ResultValue {
            name: OBJECTIVE.to_owned(),
            role: ResultRole::Extra,
            value,
            place: Place::NONE,
        });
    }
}

/// The mean over all elements and samples.
fn mean(b: &mut Builder, value: Value) -> Value {
    let value = match b.ty(value).dtype {
        DType::F32 | DType::Bool => value,
        _ => b.emit(Op("cast"), &[value], Attrs::new().with("dtype", Attr::DType(DType::F32))),
    };
    let rank = b.shape(value).rank() as i64;
    if rank == 0 {
        return value;
    }
    let axes: Vec<i64> = (0..rank).collect();
    b.emit(Op("mean"), &[value], Attrs::new().ints("axis", axes).flag("keepdims", false))
}
