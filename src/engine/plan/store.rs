//! Where variables live from step to step: one aligned buffer each, found by path when a plan is made and by slot when it runs.
//!
//! One store serves the training plan, the plan of the last short minibatch and the validation plans. It knows no graph.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::engine::kernels::AlignedBuf;
use crate::tensor::Tensor;

/// What a buffer's elements are. Floats, integers and indices take a word of 32 bits, truth values a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit floats.
    F32,
    /// 32-bit integers and indices.
    I32,
    /// Truth values, 0 or 1.
    Bool,
}

impl Kind {
    /// The kind that holds a dtype.
    pub fn of(dtype: &crate::tensor::DType) -> Kind {
        use crate::tensor::DType;
        match dtype {
            DType::F32 => Kind::F32,
            DType::I32 | DType::Index(_) => Kind::I32,
            DType::Bool => Kind::Bool,
        }
    }

    /// Its name in text.
    pub fn name(self) -> &'static str {
        match self {
            Kind::F32 => "f32",
            Kind::I32 => "i32",
            Kind::Bool => "bool",
        }
    }

    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            Kind::F32 | Kind::I32 => 4,
            Kind::Bool => 1,
        }
    }
}

/// The variables of a run.
pub struct Store {
    id: u64,
    slots: BTreeMap<String, usize>,
    entries: Vec<Entry>,
}

struct Entry {
    kind: Kind,
    shape: Vec<usize>,
    len: usize,
    words: AlignedBuf,
}

impl Default for Store {
    fn default() -> Store {
        Store::new()
    }
}

impl Store {
    /// An empty store.
    pub fn new() -> Store {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Store { id: NEXT.fetch_add(1, Ordering::Relaxed), slots: BTreeMap::new(), entries: Vec::new() }
    }

    /// Sets the variable at `path`, adding it if it is new. The slots of others never change.
    ///
    /// # Panics
    /// When a variable of another dtype or shape has that path: paths are unique in a program.
    pub fn set(&mut self, path: &str, value: &Tensor) {
        let kind = kind_of(value);
        let len: usize = value.shape().iter().product();
        let slot = match self.slots.get(path) {
            Some(slot) => *slot,
            None => {
                let words = AlignedBuf::zeroed((len * kind.bytes()).div_ceil(4));
                self.entries.push(Entry { kind, shape: value.shape().to_vec(), len, words });
                self.slots.insert(path.to_owned(), self.entries.len() - 1);
                self.entries.len() - 1
            }
        };
        let entry = &mut self.entries[slot];
        assert!(entry.kind == kind && entry.shape == value.shape(), "`{path}` has another dtype or shape in the store");
        // SAFETY: the buffer was made to hold `len` elements of `kind`.
        unsafe { super::memory::write_tensor(entry.words.as_mut_ptr().cast(), value) };
    }

    /// The value of the variable at `path`.
    pub fn get(&self, path: &str) -> Option<Tensor> {
        let entry = &self.entries[*self.slots.get(path)?];
        let view = super::view::View::contiguous(crate::base::Idx::new(0), &entry.shape);
        // SAFETY: the buffer holds the whole contiguous view.
        Some(unsafe { super::memory::read_tensor(entry.words.as_ptr().cast(), &view, entry.kind) })
    }

    /// The elements of the float variable at `path`, row-major, without a copy.
    pub fn floats(&self, path: &str) -> Option<&[f32]> {
        let entry = &self.entries[*self.slots.get(path)?];
        (entry.kind == Kind::F32).then(|| &entry.words[..entry.len])
    }

    /// All paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    /// A number that no other store of this process has.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The slot of `path`, with its kind and sizes.
    pub(super) fn find(&self, path: &str) -> Option<(usize, Kind, &[usize])> {
        let slot = *self.slots.get(path)?;
        Some((slot, self.entries[slot].kind, &self.entries[slot].shape))
    }

    /// The memory of a slot.
    pub(super) fn pointer(&mut self, slot: usize) -> *mut u8 {
        self.entries[slot].words.as_mut_ptr().cast()
    }
}

/// The kind of a tensor's elements; floats in double precision are stored in single.
pub(super) fn kind_of(tensor: &Tensor) -> Kind {
    match tensor {
        Tensor::F32(_) | Tensor::F64(_) => Kind::F32,
        Tensor::I32(_) => Kind::I32,
        Tensor::Bool(_) => Kind::Bool,
    }
}
