//! Convolutions and their two gradients as steps. Tiles are samples; the gradient by the weight is summed over runs of samples, whose
//! sums a second step adds in order.

use super::build::Build;
use super::memory::{Buffer, Home, Memory};
use super::step::{Step, Work};
use super::store::Kind;
use super::view::{BufferId, View};
use crate::engine::kernels::{Convolution, Scratch, Window};
use crate::ir::{Node, Value};

/// The products of a convolution, summed by one of its three roles.
struct Products {
    conv: Convolution,
    role: Role,
    a: Operand,
    b: Operand,
    out: BufferId,
}

/// What a step computes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The result, from data and weight.
    Forward,
    /// The gradient by the data, from that by the result and the weight.
    Data,
    /// The gradients by the weight of runs of samples, from data and the gradient by the result.
    Weight,
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

impl Work for Products {
    fn tiles(&self) -> usize {
        match self.role {
            Role::Forward | Role::Data => self.conv.tiles(),
            Role::Weight => self.conv.weight_tiles(),
        }
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        let (a, b, out) = (self.a.pointer(memory), self.b.pointer(memory), memory.pointer(self.out).cast());
        // SAFETY: operands and result are contiguous and have the sizes that the kernel was made for; the rest is the caller's promise.
        unsafe {
            match self.role {
                Role::Forward => self.conv.forward(tile, a, b, out, scratch),
                Role::Data => self.conv.data_gradient(tile, a, b, out, scratch),
                Role::Weight => self.conv.weight_gradient(tile, a, b, out, scratch),
            }
        }
    }
}

/// Adds the gradients of runs of samples.
struct Sum {
    conv: Convolution,
    partials: BufferId,
    out: BufferId,
}

impl Work for Sum {
    fn tiles(&self) -> usize {
        1
    }

    unsafe fn run(&self, _: usize, memory: &Memory, _: &mut Scratch) {
        let (partials, out) = (memory.pointer(self.partials).cast::<f32>(), memory.pointer(self.out).cast());
        // SAFETY: the partial sums were written before; the result holds the weight's elements.
        unsafe { self.conv.finish_weight(partials, out) };
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
    let Some(conv) = (match role {
        Role::Forward => describe(node, first, second, result),
        Role::Data => describe(node, result, second, first),
        Role::Weight => describe(node, first, result, second),
    }) else {
        return false;
    };
    let [a, b] = [node.inputs[0], node.inputs[1]].map(|input| build.packed(input));
    let inputs = [a.clone(), b.clone()];
    let operand = |view: &View| Operand { buffer: view.buffer, offset: view.offset };
    let output = build.output(value);
    let (a, b) = (operand(&a), operand(&b));
    if role != Role::Weight {
        build.step(value, node.op.0, Products { conv, role, a, b, out: output.buffer }, &inputs, &output);
        return true;
    }
    let partials = Buffer { home: Home::Arena, kind: Kind::F32, len: conv.partials_len() };
    let partials = build.buffers.push(partials);
    let (reads, work) = (vec![a.buffer, b.buffer], Box::new(Products { conv, role, a, b, out: partials }));
    build.steps.push(Step { work, reads, writes: vec![partials], value, label: node.op.0 });
    let work = Box::new(Sum { conv, partials, out: output.buffer });
    build.steps.push(Step { work, reads: vec![partials], writes: vec![output.buffer], value, label: "sum of runs" });
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
