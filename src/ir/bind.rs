//! Sizes put in for symbols: what stays is a graph that knows them as numbers.

use super::{Attr, Graph, ResultRole, Value, op};
use crate::base::IndexVec;
use crate::tensor::{DType, Sizes};

impl Graph {
    /// This graph with the symbols in `sizes` replaced by their numbers, in types and attributes.
    pub fn bind(&self, sizes: &Sizes) -> Graph {
        let mut graph = self.clone();
        if sizes.is_empty() {
            return graph;
        }
        for node in graph.nodes.iter_mut() {
            node.ty = node.ty.bind(sizes);
            let names: Vec<&'static str> = node.attrs.iter().map(|(name, _)| name).collect();
            for name in names {
                let bound = match node.attrs.get(name) {
                    Some(Attr::Dims(shape)) => Attr::Dims(shape.bind(sizes)),
                    Some(Attr::DType(DType::Index(classes))) => Attr::DType(DType::Index(classes.bind(sizes))),
                    _ => continue,
                };
                node.attrs.set(name, bound);
            }
        }
        graph.drop_claims();
        graph
    }

    /// Whatever reads a claim that is known to hold reads the value itself.
    fn drop_claims(&mut self) {
        let mut meant: IndexVec<Value, Value> = self.nodes.indices().collect();
        for value in self.nodes.indices() {
            let node = &mut self.nodes[value];
            node.inputs.iter_mut().for_each(|input| *input = meant[*input]);
            let node = self.node(value);
            if node.op == op::CLAIM && *self.ty(node.inputs[0]) == node.ty {
                meant[value] = node.inputs[0];
            }
        }
        for result in &mut self.results {
            result.value = meant[result.value];
            if let ResultRole::Loss { weight: Some(weight), .. } = &mut result.role {
                *weight = meant[*weight];
            }
        }
        self.updates.iter_mut().for_each(|update| update.value = meant[update.value]);
    }
}
