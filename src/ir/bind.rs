//! Sizes put in for symbols: what stays is a graph that knows them as numbers.

use super::{Attr, Graph};
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
        graph
    }
}
