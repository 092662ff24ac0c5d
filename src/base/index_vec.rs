//! Vectors indexed by a type of their own, so that a node's number cannot be used where an expression's is meant.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Index, IndexMut};

/// A typed index: a `u32` newtype made by [`crate::newtype_index!`].
pub trait Idx: Copy + Eq + Ord {
    /// The index of position `position`.
    fn new(position: usize) -> Self;
    /// The position that this index stands for.
    fn index(self) -> usize;
}

/// Declares a typed index: `newtype_index! { /// docs pub struct Value; }`.
#[macro_export]
macro_rules! newtype_index {
    ($(#[$attr:meta])* pub struct $name:ident;) => {
        $(#[$attr])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $crate::base::Idx for $name {
            fn new(position: usize) -> Self {
                $name(u32::try_from(position).expect("more than 2^32 entries"))
            }

            fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

/// A `Vec<T>` whose positions are `I`.
#[derive(Clone, PartialEq, Eq)]
pub struct IndexVec<I, T> {
    items: Vec<T>,
    marker: PhantomData<fn(I)>,
}

impl<I: Idx, T> IndexVec<I, T> {
    /// An empty vector.
    pub const fn new() -> Self {
        IndexVec { items: Vec::new(), marker: PhantomData }
    }

    /// An empty vector with room for `count` items.
    pub fn with_capacity(count: usize) -> Self {
        IndexVec { items: Vec::with_capacity(count), marker: PhantomData }
    }

    /// Appends `item` and returns its index.
    pub fn push(&mut self, item: T) -> I {
        let index = I::new(self.items.len());
        self.items.push(item);
        index
    }

    /// The index that the next [`push`](Self::push) returns.
    pub fn next_index(&self) -> I {
        I::new(self.items.len())
    }

    /// Number of items.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item at `index`, if there is one.
    pub fn get(&self, index: I) -> Option<&T> {
        self.items.get(index.index())
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.items.iter()
    }

    /// Takes away what follows the first `len` items.
    pub fn split_off(&mut self, len: usize) -> IndexVec<I, T> {
        IndexVec { items: self.items.split_off(len), marker: PhantomData }
    }

    /// Puts back at the end what [`IndexVec::split_off`] took.
    pub fn append(&mut self, mut tail: IndexVec<I, T>) {
        self.items.append(&mut tail.items);
    }

    /// The items in order, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.items.iter_mut()
    }

    /// The indices in order.
    pub fn indices(&self) -> impl DoubleEndedIterator<Item = I> + ExactSizeIterator + use<I, T> {
        (0..self.items.len()).map(I::new)
    }

    /// Indices and items in order.
    pub fn iter_enumerated(&self) -> impl DoubleEndedIterator<Item = (I, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(position, item)| (I::new(position), item))
    }

    /// Indices and items in order, the items given away.
    pub fn into_iter_enumerated(self) -> impl ExactSizeIterator<Item = (I, T)> {
        self.items.into_iter().enumerate().map(|(position, item)| (I::new(position), item))
    }

    /// The items as a slice.
    pub fn as_slice(&self) -> &[T] {
        &self.items
    }
}

impl<I: Idx, T> Default for IndexVec<I, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<I: Idx, T> Index<I> for IndexVec<I, T> {
    type Output = T;

    fn index(&self, index: I) -> &T {
        &self.items[index.index()]
    }
}

impl<I: Idx, T> IndexMut<I> for IndexVec<I, T> {
    fn index_mut(&mut self, index: I) -> &mut T {
        &mut self.items[index.index()]
    }
}

impl<I: Idx, T> FromIterator<T> for IndexVec<I, T> {
    fn from_iter<A: IntoIterator<Item = T>>(items: A) -> Self {
        IndexVec { items: items.into_iter().collect(), marker: PhantomData }
    }
}

impl<I, T: fmt::Debug> fmt::Debug for IndexVec<I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}
