//! Running totals, orders, places of extremes, and truth along axes, as steps. Tiles are runs of rows.

use super::build::Build;
use super::memory::Memory;
use super::step::Work;
use super::store::Kind;
use super::view::BufferId;
use crate::engine::kernels::{Along, RowElement, RowOp, Scratch};
use crate::ir::{Node, Value};

/// An operation on rows.
struct Rows {
    along: Along,
    x: BufferId,
    /// Bytes in front of the operand's first element.
    offset: usize,
    out: BufferId,
}

impl Work for Rows {
    fn tiles(&self) -> usize {
        self.along.tiles()
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        let x = memory.pointer(self.x).wrapping_add(self.offset);
        // SAFETY: both are contiguous and have the sizes that the kernel was made for; the rest is the caller's promise.
        unsafe { self.along.run(tile, x, memory.pointer(self.out), scratch) };
    }
}

/// Appends the step of an operation along an axis. False if no kernel takes it.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) -> bool {
    let op = match node.op.0 {
        "cumsum" => RowOp::Sums,
        "cumprod" => RowOp::Products,
        "sort" => RowOp::Sort,
        "argsort" => RowOp::Order,
        "argmax" => RowOp::Largest,
        "argmin" => RowOp::Smallest,
        "any" => RowOp::Any,
        "all" => RowOp::All,
        _ => return false,
    };
    let x = node.inputs[0];
    let truth = matches!(op, RowOp::Any | RowOp::All);
    if build.sizes[x].contains(&0) && !truth {
        return false;
    }
    let (view, sizes) = if truth {
        // Any axes: they go behind the others, and count as one.
        let reduced = node.attrs.get_ints("axis");
        let view = build.view(x);
        let mut order: Vec<i64> = (0..view.sizes.len() as i64).collect();
        order.sort_by_key(|axis| reduced.contains(axis));
        let view = view.transpose(&order);
        let (outer, rows) = view.sizes.split_at(order.len() - reduced.len());
        let sizes = [outer.iter().product(), rows.iter().product(), 1];
        (build.contiguous(x, view), sizes)
    } else {
        let (axis, view) = (node.attrs.get_int("axis") as usize, build.packed(x));
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        let sizes = [product(&view.sizes[..axis]), view.sizes[axis], product(&view.sizes[axis + 1..])];
        (view, sizes)
    };
    let kind = build.kind(x);
    let element = match kind {
        Kind::F32 => RowElement::Float,
        Kind::I32 => RowElement::Int,
        Kind::Bool => RowElement::Byte,
    };
    let output = build.output(value);
    let [outer, length, inner] = sizes;
    let along = Along { op, element, outer, length, inner };
    let work = Rows { along, x: view.buffer, offset: view.offset * kind.bytes(), out: output.buffer };
    build.step(value, node.op.0, work, &[view], &output);
    true
}
