//! Initial values of variables, evaluated once by the reference engine.

use std::collections::BTreeMap;

use ndarray::ArrayD;

use super::course::restore;
use super::weights::Weights;
use crate::base::IndexVec;
use crate::engine::plan::Store;
use crate::engine::reference;
use crate::ir::Graph;
use crate::networks;
use crate::ops::RunContext;
use crate::tensor::{DType, Tensor, Type};

/// Every variable's initial value by path. Draws are keyed by the seed and the variable's path.
pub fn initial_values(program: &Graph, seed: u64) -> BTreeMap<String, Tensor> {
    let graph = networks::initial(program);
    let run = RunContext { seed, step: 0, batch: 1 };
    let placeholders: IndexVec<_, Tensor> = graph.variables.iter().map(|variable| zeros(&variable.ty)).collect();
    let evaluation = reference::run(&graph, &placeholders, &[], &run, false);
    let value = |result: &crate::ir::ResultValue| {
        let value = evaluation.result(&result.name).cloned();
        (result.name.clone(), value.expect("the reference engine computes every result"))
    };
    graph.results.iter().map(value).collect()
}

/// Every variable as a file of weights has it, or as training starts with it where the file has none.
pub fn stored(program: &Graph, seed: u64, weights: Option<&Weights>) -> Store {
    let mut store = Store::new();
    for (path, value) in initial_values(program, seed) {
        store.set(&path, &value);
    }
    if let Some(weights) = weights {
        set_weights(&mut store, weights);
    }
    store
}

/// Puts saved weights into a store that holds variables of their names.
pub(super) fn set_weights(store: &mut Store, weights: &Weights) {
    for (path, saved) in &weights.tensors {
        restore(store, path, saved);
    }
}

/// A tensor of zeros.
///
/// # Panics
/// When the type's shape holds a symbol; a variable's never does.
pub fn zeros(ty: &Type) -> Tensor {
    let shape = ty.shape.constant().expect("a variable's shape is known");
    match ty.dtype {
        DType::F32 => Tensor::F32(ArrayD::zeros(shape)),
        DType::I32 | DType::Index(_) => Tensor::I32(ArrayD::zeros(shape)),
        DType::Bool => Tensor::Bool(ArrayD::from_elem(shape, false)),
    }
}
