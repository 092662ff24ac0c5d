//! The table of primitives: everything a graph can hold, one family a file.
//!
//! A primitive's name, documentation, signature, shape rule, reference evaluation, derivative, batching and test cases stand together
//! in one [`Primitive`]; no field may be left out, so "has no derivative" is written down with its reason. To add one, write it in its
//! family's file and add it to that family's list. What can be a formula over primitives is not here but in `library`, in `.nn`.
//!
//! `ops` knows no spans and no file formats: a shape rule answers with a [`Misfit`] that names an argument and an axis.

/// Names operations: constant, text, documentation.
macro_rules! names {
    ($($name:ident $text:literal $doc:literal)*) => { $(#[doc = $doc] pub const $name: crate::ir::Op = crate::ir::Op($text);)* };
}

pub mod batch;
mod builder;
mod call;
pub mod eval;
pub mod infer;
mod misfit;
mod primitive;
#[cfg(test)]
mod testing;

pub mod compare;
pub mod contract;
pub mod elementwise;
pub mod elementwise_binary;
pub mod graph;
pub mod image;
pub mod index;
mod index_batch;
pub mod parts;
pub mod random;
pub mod reach;
pub mod reduce;
pub mod scan;
pub mod shape;

pub use builder::Builder;
pub use call::{BatchCall, EvalCall, GradientCall, InferCall, RunContext};
pub use misfit::Misfit;
pub use primitive::{Case, CaseInput, Default, Domain, Gradient, Param, ParamKind, Primitive};

use crate::ir::{Fault, Graph, Op, op, verify_structure};

/// The families, in the order of the reference.
static FAMILIES: &[&[Primitive]] = &[
    graph::TABLE,
    elementwise::TABLE,
    elementwise_binary::TABLE,
    compare::TABLE,
    reduce::TABLE,
    scan::TABLE,
    contract::TABLE,
    shape::TABLE,
    parts::TABLE,
    index::TABLE,
    image::convolution::TABLE,
    image::pooling::TABLE,
    random::TABLE,
];

/// All primitives, family by family.
pub fn all() -> impl Iterator<Item = &'static Primitive> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The primitive called `name`.
pub fn find(name: &str) -> Option<&'static Primitive> {
    static BY_NAME: std::sync::LazyLock<std::collections::HashMap<&'static str, &'static Primitive>> =
        std::sync::LazyLock::new(|| all().map(|primitive| (primitive.op.0, primitive)).collect());
    BY_NAME.get(name).copied()
}

/// The primitive of an operation.
///
/// # Panics
/// When the operation is in no family: a verified graph holds none such.
pub fn primitive(op: Op) -> &'static Primitive {
    find(op.0).unwrap_or_else(|| panic!("`{op}` is not in the table of primitives"))
}

/// Checks a whole graph: its structure, and that every node is a primitive whose shape rule gives the type that it carries.
///
/// # Errors
/// The first broken rule; a bug in whatever made the graph.
pub fn verify(graph: &Graph) -> Result<(), Fault> {
    verify_structure(graph)?;
    for (value, node) in graph.nodes.iter_enumerated() {
        if matches!(node.op, op::INPUT | op::VARIABLE) {
            continue; // Typed by their declarations, which the structure was checked against.
        }
        let fault = |message| Fault { value: Some(value), message };
        let primitive = find(node.op.0).ok_or_else(|| fault(format!("`{}` is no primitive", node.op)))?;
        let inputs: Vec<_> = node.inputs.iter().map(|input| graph.ty(*input)).collect();
        let inferred = (primitive.infer)(&InferCall { op: node.op, inputs: &inputs, attrs: &node.attrs })
            .map_err(|misfit| fault(format!("`{}`: {misfit}", node.op)))?;
        if inferred != node.ty {
            return Err(fault(format!("`{}` gives {inferred} but carries {}", node.op, node.ty)));
        }
    }
    Ok(())
}
