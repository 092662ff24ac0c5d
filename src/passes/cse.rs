//! Common subexpressions: equal nodes become the first of them.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::rebuild;
use crate::ir::{Attr, Graph, Node, Op, Value};
use crate::tensor::{DType, Shape, Tensor};

/// Merges nodes of equal operation, inputs and attributes. Sums and products are compared without regard to the order of their two
/// terms, which does not matter to rounding.
pub fn cse(graph: &Graph) -> Graph {
    let mut seen: HashMap<Key, Value> = HashMap::new();
    rebuild(graph, |_| true, |new, _, node| *seen.entry(Key::of(&node)).or_insert_with(|| new.push(node)))
}

/// What makes two nodes equal. Floats are compared by their bits, so that equal keys always compute equal values.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: Op,
    inputs: SmallVec<[Value; 3]>,
    per_sample: bool,
    attrs: Vec<(&'static str, AttrKey)>,
}

#[derive(PartialEq, Eq, Hash)]
enum AttrKey {
    Int(i64),
    Float(u64),
    Bool(bool),
    Str(std::sync::Arc<str>),
    Ints(Vec<i64>),
    Dims(Shape),
    DType(DType),
    /// Kind, sizes, and the elements' bits.
    Tensor(u8, Vec<usize>, Vec<u64>),
}

impl Key {
    fn of(node: &Node) -> Key {
        let mut inputs = node.inputs.clone();
        if matches!(node.op.0, "add" | "mul") {
            inputs.sort_unstable();
        }
        let attrs = node.attrs.iter().map(|(name, attr)| (name, AttrKey::of(attr))).collect();
        Key { op: node.op, inputs, per_sample: node.per_sample, attrs }
    }
}

impl AttrKey {
    fn of(attr: &Attr) -> AttrKey {
        match attr {
            Attr::Int(value) => AttrKey::Int(*value),
            Attr::Float(value) => AttrKey::Float(value.to_bits()),
            Attr::Bool(value) => AttrKey::Bool(*value),
            Attr::Str(value) => AttrKey::Str(value.clone()),
            Attr::Ints(values) => AttrKey::Ints(values.clone()),
            Attr::Dims(shape) => AttrKey::Dims(shape.clone()),
            Attr::DType(dtype) => AttrKey::DType(dtype.clone()),
            Attr::Tensor(tensor) => {
                let (kind, bits) = bits_of(tensor);
                AttrKey::Tensor(kind, tensor.shape().to_vec(), bits)
            }
        }
    }
}

fn bits_of(tensor: &Tensor) -> (u8, Vec<u64>) {
    match tensor {
        Tensor::F32(array) => (0, array.iter().map(|x| u64::from(x.to_bits())).collect()),
        Tensor::F64(array) => (1, array.iter().map(|x| x.to_bits()).collect()),
        Tensor::I32(array) => (2, array.iter().map(|x| u64::from(x.cast_unsigned())).collect()),
        Tensor::Bool(array) => (3, array.iter().map(|x| u64::from(*x)).collect()),
    }
}
