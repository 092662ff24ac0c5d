//! Common subexpressions: equal nodes become the first of them.

use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};
use smallvec::SmallVec;

use super::rebuild;
use crate::ir::{Attr, Graph, Node, Value};
use crate::tensor::Tensor;

/// Merges nodes of equal operation, inputs and attributes. Sums and products are compared without regard to the order of their two
/// terms, which does not matter to rounding.
pub fn cse(graph: Graph) -> Graph {
    // The values that have a hash; almost always one.
    let mut seen: FxHashMap<u64, SmallVec<[Value; 2]>> = FxHashMap::default();
    seen.reserve(graph.nodes.len());
    rebuild(
        graph,
        |_| true,
        |new, _, node| {
            let alike = seen.entry(hash(&node)).or_default();
            if let Some(known) = alike.iter().find(|known| same(new.node(**known), &node)) {
                return *known;
            }
            let value = new.push(node);
            alike.push(value);
            value
        },
    )
}

/// The operands in an order that is the same for equal nodes.
fn operands(node: &Node) -> SmallVec<[Value; 3]> {
    let mut inputs = node.inputs.clone();
    if matches!(node.op.0, "add" | "mul") {
        inputs.sort_unstable();
    }
    inputs
}

/// Whether two nodes always compute equal values. Floats are compared by their bits.
fn same(a: &Node, b: &Node) -> bool {
    let same_attr = |((name, a), (other, b)): ((&str, &Attr), (&str, &Attr))| name == other && same_attr(a, b);
    a.op == b.op
        && a.per_sample == b.per_sample
        && operands(a) == operands(b)
        && a.attrs.iter().count() == b.attrs.iter().count()
        && a.attrs.iter().zip(b.attrs.iter()).all(same_attr)
}

fn same_attr(a: &Attr, b: &Attr) -> bool {
    match (a, b) {
        (Attr::Float(a), Attr::Float(b)) => a.to_bits() == b.to_bits(),
        (Attr::Tensor(a), Attr::Tensor(b)) => a.shape() == b.shape() && same_elements(a, b),
        _ => a == b,
    }
}

fn same_elements(a: &Tensor, b: &Tensor) -> bool {
    match (a, b) {
        (Tensor::F32(a), Tensor::F32(b)) => a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        (Tensor::F64(a), Tensor::F64(b)) => a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
        _ => a == b,
    }
}

/// The bits of the first element.
fn first(tensor: &Tensor) -> Option<u64> {
    match tensor {
        Tensor::F32(array) => array.first().map(|number| u64::from(number.to_bits())),
        Tensor::F64(array) => array.first().map(|number| number.to_bits()),
        Tensor::I32(array) => array.first().map(|number| u64::from(number.cast_unsigned())),
        Tensor::Bool(array) => array.first().map(|truth| u64::from(*truth)),
    }
}

/// Equal for equal nodes. Attributes that seldom tell nodes apart are left out.
fn hash(node: &Node) -> u64 {
    let mut hasher = FxHasher::default();
    node.op.hash(&mut hasher);
    operands(node).hash(&mut hasher);
    for (_, attr) in node.attrs.iter() {
        match attr {
            Attr::Int(value) => value.hash(&mut hasher),
            Attr::Float(value) => value.to_bits().hash(&mut hasher),
            Attr::Bool(value) => value.hash(&mut hasher),
            Attr::Str(value) => value.hash(&mut hasher),
            Attr::Ints(values) => values.hash(&mut hasher),
            Attr::Dims(shape) => shape.hash(&mut hasher),
            Attr::DType(dtype) => dtype.hash(&mut hasher),
            Attr::Tensor(tensor) => {
                tensor.shape().hash(&mut hasher);
                first(tensor).hash(&mut hasher);
            }
        }
    }
    hasher.finish()
}
