//! Convolutions and their two gradients as steps. The weight is packed in a step of its own; then tiles are samples. The gradient by the
//! weight is summed over runs of samples, whose sums another step adds in order.

use std::sync::Arc;

use super::build::Build;
use super::memory::{Buffer, Home, Memory};
use super::step::{Step, Work};
use super::store::Kind;
use super::view::BufferId;
use crate::engine::kernels::{Convolution, Scratch, Window};
use crate::ir::{Node, Value};

/// A part of a convolution or of one of its gradients.
struct Part {
    conv: Arc<Convolution>,
    role: Role,
    /// What is read; of a single operand, twice the same.
    a: Operand,
    b: Operand,
    out: BufferId,
}

/// What a step computes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The weight packed for the result.
    Columns,
    /// The result, from data and packed weight.
    Forward,
    /// The weight packed for the gradient by the data.
    Rows,
    /// The gradient by the data, from that by the result and the packed weight.
    Data,
    /// The gradients by the weight of runs of samples, from data and the gradient by the result.
    Weight,
    /// Their sum.
    Finish,
}

/// A contiguous operand: its buffer and its first element.
#[derive(Clone, Copy)]
struct Operand {
    buffer: BufferId,
    offset: usize,
}

impl Operand {
    fn pointer(self, memory: &Memory) -> *const f32 {
        memory.pointer(self.buffer).cast::<f32>().wrapping_add(self.offset)
    }
}

impl Work for Part {
    fn tiles(&self) -> usize {
        match self.role {
            Role::Columns => self.conv.column_tiles(),
            Role::Rows | Role::Finish => self.conv.row_tiles(),
            Role::Forward | Role::Data => self.conv.tiles(),
            Role::Weight => self.conv.weight_tiles(),
        }
    }

    fn operations(&self) -> Option<usize> {
        match self.role {
            Role::Columns | Role::Rows => Some(0),
            Role::Forward | Role::Data | Role::Weight => Some(2 * self.conv.multiply_adds()),
            Role::Finish => None,
        }
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        let (conv, out) = (&self.conv, memory.pointer(self.out).cast());
        let (a, b) = (self.a.pointer(memory), self.b.pointer(memory));
        // SAFETY: operands and result are contiguous and have the sizes that the kernel was made for; the rest is the caller's promise.
        unsafe {
            match self.role {
                Role::Columns => conv.pack_columns(tile, a, out),
                Role::Forward => conv.forward(tile, a, b, out, scratch),
                Role::Rows => conv.pack_rows(tile, a, out),
                Role::Data => conv.data_gradient(tile, a, b, out, scratch),
                Role::Weight => conv.weight_gradient(tile, a, b, out, scratch),
                Role::Finish => conv.finish_weight(tile, a, out, scratch),
            }
        }
    }
}

/// Appends the steps of a convolution or of one of its gradients. False if no kernel takes it.
pub(super) fn lower(build: &mut Build, value: Value, node: &Node) -> bool {
    let role = match node.op.0 {
        "convolution" => Role::Forward,
        "convolution_data_gradient" => Role::Data,
        _ => Role::Weight,
    };
    let sizes = |value: Value| &build.sizes[value][..];
    let (first, second, result) = (sizes(node.inputs[0]), sizes(node.inputs[1]), sizes(value));
    let conv = match role {
        Role::Forward => describe(node, first, second, result),
        Role::Data => describe(node, result, second, first),
        _ => describe(node, first, result, second),
    };
    let Some(conv) = conv.map(Arc::new) else { return false };
    let [a, b] = [node.inputs[0], node.inputs[1]].map(|input| {
        let view = build.packed(input);
        Operand { buffer: view.buffer, offset: view.offset }
    });
    let out = build.output(value).buffer;
    let extra = match role {
        Role::Forward => conv.columns_len(),
        Role::Data => conv.rows_len(),
        _ => conv.partials_len(),
    };
    let extra = Buffer { home: Home::Arena, kind: Kind::F32, len: extra };
    let extra = Operand { buffer: build.buffers.push(extra), offset: 0 };
    let mut part = |role, a: Operand, b: Operand, out, label| {
        let work = Box::new(Part { conv: conv.clone(), role, a, b, out });
        build.steps.push(Step {
            work,
            reads: vec![a.buffer, b.buffer],
            writes: vec![out],
            source: None,
            value,
            fused: Vec::new(),
            label,
        });
    };
    match role {
        Role::Forward => {
            part(Role::Columns, b, b, extra.buffer, "pack");
            part(role, a, extra, out, node.op.0);
        }
        Role::Data => {
            part(Role::Rows, b, b, extra.buffer, "pack");
            part(role, a, extra, out, node.op.0);
        }
        _ => {
            part(role, a, b, extra.buffer, node.op.0);
            part(Role::Finish, extra, extra, out, "finish");
        }
    }
    true
}

/// The kernel for data, weight and result of these sizes.
fn describe(node: &Node, x: &[usize], w: &[usize], y: &[usize]) -> Option<Convolution> {
    if [x, w, y].iter().any(|sizes| sizes.contains(&0)) {
        return None;
    }
    let spatial = w.len() - 2;
    let samples = if x.len() == w.len() { x[0] } else { 1 };
    let ints = |name| node.attrs.get_ints(name).iter().map(|x| *x as usize).collect::<Vec<_>>();
    let (stride, pad, dilation) = (ints("stride"), ints("pad"), ints("dilation"));
    let window = Window::new(&x[x.len() - spatial..], &w[2..], &stride, &pad, &dilation);
    let group = node.attrs.get_int("group") as usize;
    Some(Convolution::new(samples, [w[1] * group, w[0]], group, window))
}
