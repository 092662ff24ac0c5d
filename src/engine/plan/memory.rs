//! What a plan's buffers are, and where they are while a step runs. Moves tensors in and out of them.

use ndarray::{ArrayD, IxDyn};

use super::store::Kind;
use super::view::{BufferId, View};
use crate::base::Idx;
use crate::ops::RunContext;
use crate::tensor::Tensor;

/// Where a buffer's memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// The engine's arena.
    Arena,
    /// The plan itself: constants.
    Plan,
    /// The caller, anew for each run: the graph's input of this position.
    Input(usize),
    /// The store: the graph's variable of this position.
    Variable(usize),
}

/// A buffer of a plan.
#[derive(Clone, Debug)]
pub(super) struct Buffer {
    /// Where it lives.
    pub home: Home,
    /// What its elements are.
    pub kind: Kind,
    /// How many there are.
    pub len: usize,
}

impl Buffer {
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        self.len * self.kind.bytes()
    }
}

/// The addresses of a plan's buffers during a run. Which worker may touch what, and when, is the schedule's business.
pub(super) struct Memory {
    /// By [`BufferId`]. Null for inputs that nothing reads.
    pub pointers: Vec<*mut u8>,
    /// Seed, step and batch size of the run.
    pub run: RunContext,
}

// SAFETY: the addresses are plain numbers; every access through them is unsafe on its own.
unsafe impl Sync for Memory {}
// SAFETY: as above.
unsafe impl Send for Memory {}

impl Memory {
    /// The first byte of a buffer.
    pub fn pointer(&self, buffer: BufferId) -> *mut u8 {
        self.pointers[buffer.index()]
    }
}

/// A copy of a view of the buffer at `start`.
///
/// # Safety
/// The buffer holds initialised elements of `kind` wherever the view points, and nobody writes there meanwhile.
pub(super) unsafe fn read_tensor(start: *const u8, view: &View, kind: Kind) -> Tensor {
    let shape = IxDyn(&view.sizes);
    match kind {
        // SAFETY: the caller's contract, element by element.
        Kind::F32 => Tensor::F32(array(shape, view.offsets().map(|at| unsafe { *start.cast::<f32>().add(at) }))),
        // SAFETY: as above.
        Kind::I32 => Tensor::I32(array(shape, view.offsets().map(|at| unsafe { *start.cast::<i32>().add(at) }))),
        // SAFETY: as above; any byte but zero counts as true.
        Kind::Bool => Tensor::Bool(array(shape, view.offsets().map(|at| unsafe { *start.add(at) } != 0))),
    }
}

fn array<T>(shape: IxDyn, values: impl Iterator<Item = T>) -> ArrayD<T> {
    ArrayD::from_shape_vec(shape, values.collect()).expect("a view has as many elements as its sizes say")
}

/// Writes a tensor row-major to `start`. Floats in double precision are rounded to single.
///
/// # Safety
/// There is room for all of the tensor's elements, and nobody else uses it meanwhile.
pub(super) unsafe fn write_tensor(start: *mut u8, tensor: &Tensor) {
    // SAFETY: the caller's contract, element by element.
    unsafe {
        match tensor {
            Tensor::F32(array) => array.iter().enumerate().for_each(|(at, x)| *start.cast::<f32>().add(at) = *x),
            Tensor::F64(array) => array.iter().enumerate().for_each(|(at, x)| *start.cast::<f32>().add(at) = *x as f32),
            Tensor::I32(array) => array.iter().enumerate().for_each(|(at, x)| *start.cast::<i32>().add(at) = *x),
            Tensor::Bool(array) => array.iter().enumerate().for_each(|(at, x)| *start.add(at) = u8::from(*x)),
        }
    }
}
