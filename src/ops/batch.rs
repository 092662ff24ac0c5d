//! Batch rules that many primitives share. A batched operand has the batch axis in front of its per-sample axes.

use super::{BatchCall, Builder};
use crate::ir::{Attr, Attrs, Value};
use crate::tensor::{Dim, Shape};

/// The rule of operations that work element by element with broadcasting: operands line up at the right.
///
/// # Errors
/// Never; it has the signature of a batch rule.
pub fn elementwise(call: &mut BatchCall) -> Result<Value, String> {
    let inputs = line_up(call);
    Ok(call.b.emit(call.node.op, &inputs, call.node.attrs.clone()))
}

/// The operands with 1-axes inserted behind the batch axis of those that have fewer per-sample axes than the longest, so that
/// broadcasting aligns batch with batch.
pub fn line_up(call: &mut BatchCall) -> Vec<Value> {
    let own_rank = |b: &Builder, input: Value, batched: bool| b.ty(input).shape.rank() - usize::from(batched);
    let operands: Vec<(Value, bool)> = call.inputs.iter().copied().zip(call.batched.iter().copied()).collect();
    let rank = operands.iter().map(|(input, batched)| own_rank(call.b, *input, *batched)).max().unwrap_or(0);
    let mut lined_up = Vec::with_capacity(operands.len());
    for (input, batched) in operands {
        let missing = rank - own_rank(call.b, input, batched);
        lined_up.push(if batched { behind_batch(call.b, input, missing) } else { input });
    }
    lined_up
}

/// A batched value with `ones` 1-axes inserted behind its batch axis.
pub fn behind_batch(b: &mut Builder, x: Value, ones: usize) -> Value {
    let shape = b.shape(x);
    let own = shape.iter().skip(1).cloned();
    let longer: Shape = shape.iter().take(1).cloned().chain((0..ones).map(|_| Dim::new(1))).chain(own).collect();
    b.reshape(x, longer)
}

/// The rule of one-operand operations along the axis or axes in attribute `axis`.
///
/// # Errors
/// Never; it has the signature of a batch rule.
pub fn along_axes(call: &mut BatchCall) -> Result<Value, String> {
    let attrs = shift_axes(&call.node.attrs, &["axis"]);
    Ok(call.b.emit(call.node.op, call.inputs, attrs))
}

/// Attributes with the axes in those called `names` counted one further from the front.
pub fn shift_axes(attrs: &Attrs, names: &[&'static str]) -> Attrs {
    let mut shifted = attrs.clone();
    for name in names {
        match attrs.get(name) {
            Some(Attr::Int(axis)) => shifted.set(name, Attr::Int(axis + 1)),
            Some(Attr::Ints(axes)) => shifted.set(name, Attr::Ints(axes.iter().map(|axis| axis + 1).collect())),
            _ => {}
        }
    }
    shifted
}

/// An unbatched value repeated for every sample.
pub fn repeat(b: &mut Builder, x: Value) -> Value {
    let shape = b.shape(x).prepend(Dim::batch());
    b.broadcast(x, shape)
}
