//! Minibatches: the order of the samples, and buffers that are filled from columns again and again.

use super::clock::Scalars;
use crate::data::{DataError, DataSet, Element, Kinds};
use crate::engine::plan::Feed;
use crate::ir::Graph;
use crate::tensor::DType;
use crate::tensor::random::{Stream, key_of};

/// The order in which an epoch takes the samples.
#[derive(Clone, Debug)]
pub struct Order {
    rows: Vec<usize>,
    seed: Option<u64>,
}

impl Order {
    /// An order of `rows` samples: as they are, or with a seed shuffled anew each epoch.
    pub fn new(rows: usize, seed: Option<u64>) -> Order {
        Order { rows: (0..rows).collect(), seed }
    }

    /// The samples in the order of epoch `epoch` (from 1): a function of seed and epoch alone.
    pub fn epoch(&mut self, epoch: u64) -> &[usize] {
        let Some(seed) = self.seed else { return &self.rows };
        for (position, row) in self.rows.iter_mut().enumerate() {
            *row = position;
        }
        shuffle(&mut self.rows, Stream { seed, key: key_of("@shuffle"), step: epoch });
        &self.rows
    }

    /// The minibatches of epoch `epoch`, of `samples` samples of one kind each; the last of each kind may have fewer. In an order that is
    /// not shuffled they come as their first samples do; else they are shuffled once more, where there are several kinds.
    pub fn minibatches(&mut self, epoch: u64, samples: usize, kinds: Option<&Kinds>) -> Vec<Vec<usize>> {
        let rows = self.epoch(epoch);
        let Some(kinds) = kinds.filter(|kinds| kinds.firsts().len() > 1) else {
            return rows.chunks(samples).map(<[usize]>::to_vec).collect();
        };
        let split = kinds.split(rows);
        let mut minibatches: Vec<Vec<usize>> =
            split.iter().flat_map(|rows| rows.chunks(samples).map(<[usize]>::to_vec)).collect();
        match self.seed {
            Some(seed) => shuffle(&mut minibatches, Stream { seed, key: key_of("@minibatches"), step: epoch }),
            None => minibatches.sort_by_key(|rows| rows[0]),
        }
        minibatches
    }
}

/// Fisher and Yates' shuffle.
fn shuffle<T>(items: &mut [T], stream: Stream) {
    for last in (1..items.len()).rev() {
        let words = stream.words(0, last as u32);
        let draw = u64::from(words[0]) << 32 | u64::from(words[1]);
        // The bias of the remainder is below 2^-32 for any set that fits in memory.
        items.swap(last, (draw % (last as u64 + 1)) as usize);
    }
}

/// One input's part of a minibatch.
#[derive(Clone, Debug)]
enum Buffer {
    F32(Vec<f32>),
    I32(Vec<i32>),
    Bool(Vec<bool>),
    Scalar([f32; 1]),
}

impl Buffer {
    fn feed(&self) -> Feed<'_> {
        match self {
            Buffer::F32(values) => Feed::F32(values),
            Buffer::I32(values) => Feed::I32(values),
            Buffer::Bool(values) => Feed::Bool(values),
            Buffer::Scalar(scalar) => Feed::F32(scalar),
        }
    }
}

/// The feeds of a graph's inputs, gathered from a data set.
#[derive(Clone, Debug)]
pub struct Batch {
    names: Vec<String>,
    buffers: Vec<Buffer>,
}

impl Batch {
    /// Buffers for the inputs of a lowered graph.
    pub fn new(graph: &Graph) -> Batch {
        let buffer = |input: &crate::ir::Input| match &graph.ty(input.value).dtype {
            DType::F32 if input.is_scalar() => Buffer::Scalar([0.0]),
            DType::F32 => Buffer::F32(Vec::new()),
            DType::I32 | DType::Index(_) => Buffer::I32(Vec::new()),
            DType::Bool => Buffer::Bool(Vec::new()),
        };
        let names = graph.inputs.iter().map(|input| input.name.clone()).collect();
        Batch { names, buffers: graph.inputs.iter().map(buffer).collect() }
    }

    /// Fills the buffers with the samples numbered `rows`, and the scalars with `scalars`.
    ///
    /// # Errors
    /// A data file that cannot be read any more.
    pub fn fill(&mut self, set: Option<&DataSet>, rows: &[usize], scalars: &Scalars) -> Result<(), DataError> {
        for (name, buffer) in self.names.iter().zip(&mut self.buffers) {
            let column = set.and_then(|set| set.column(name));
            match (buffer, column) {
                (Buffer::Scalar(scalar), _) => *scalar = [scalars.get(name).copied().unwrap_or(0.0)],
                (Buffer::F32(values), Some(column)) => {
                    values.resize(column.len_of(rows), 0.0);
                    column.gather_f32(rows, values)?;
                }
                (Buffer::I32(values), Some(column)) => {
                    values.resize(column.len_of(rows), 0);
                    column.gather_i32(rows, values)?;
                }
                (Buffer::Bool(values), Some(column)) => {
                    debug_assert_eq!(column.element(), Element::Bool);
                    let mut integers = vec![0; column.len_of(rows)];
                    column.gather_i32(rows, &mut integers)?;
                    *values = integers.into_iter().map(|value| value != 0).collect();
                }
                (_, None) => {}
            }
        }
        Ok(())
    }

    /// What an engine is fed.
    pub fn feeds(&self) -> Vec<Feed<'_>> {
        self.buffers.iter().map(Buffer::feed).collect()
    }

    /// The same as tensors, for the reference engine. `batch` is the number of samples.
    pub fn tensors(&self, graph: &Graph, run: &crate::ops::RunContext) -> Vec<crate::tensor::Tensor> {
        use crate::tensor::Tensor;
        let tensor = |(input, buffer): (&crate::ir::Input, &Buffer)| {
            let shape = run.sizes(&graph.ty(input.value).shape);
            let count: usize = shape.iter().product();
            match buffer {
                Buffer::F32(values) if values.len() == count => Tensor::f32(&shape, values.clone()),
                Buffer::I32(values) if values.len() == count => Tensor::i32(&shape, values.clone()),
                Buffer::Scalar(scalar) => Tensor::scalar(scalar[0]),
                Buffer::Bool(values) if values.len() == count => {
                    let array = ndarray::ArrayD::from_shape_vec(shape, values.clone());
                    Tensor::Bool(array.expect("as many values as the shape holds"))
                }
                // An input that nothing feeds is read by nothing.
                _ => Tensor::f32(&shape, vec![0.0; count]),
            }
        };
        graph.inputs.iter().zip(&self.buffers).map(tensor).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_permutation_that_depends_on_seed_and_epoch_alone() {
        let mut order = Order::new(100, Some(7));
        let first = order.epoch(1).to_vec();
        let second = order.epoch(2).to_vec();
        assert_ne!(first, second);
        assert_eq!(order.epoch(1), first);
        let mut sorted = second;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        assert_eq!(Order::new(4, None).epoch(3), [0, 1, 2, 3]);
    }
    #[test]
    fn a_minibatch_is_of_one_kind() {
        let mut shapes = crate::data::Shapes::default();
        [5, 2, 5, 3, 2, 5, 3].into_iter().for_each(|length| shapes.push(vec![length]));
        let kinds = Kinds::new([&shapes]);
        let in_order = Order::new(7, None).minibatches(1, 2, Some(&kinds));
        assert_eq!(in_order, [vec![0, 2], vec![1, 4], vec![3, 6], vec![5]]);
        let mut order = Order::new(7, Some(7));
        let first = order.minibatches(1, 2, Some(&kinds));
        assert_ne!(first, order.minibatches(2, 2, Some(&kinds)));
        assert_eq!(first, order.minibatches(1, 2, Some(&kinds)));
        assert!(first.iter().all(|rows| rows.iter().all(|row| kinds.of(*row) == kinds.of(rows[0]))));
        let mut rows = first.concat();
        rows.sort_unstable();
        assert_eq!(rows, (0..7).collect::<Vec<_>>());
        let one = order.epoch(1).chunks(2).map(<[usize]>::to_vec).collect::<Vec<_>>();
        assert_eq!(order.minibatches(1, 2, None), one);
    }
}
