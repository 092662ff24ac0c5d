//! Samples of several shapes in one column, as sequences of several lengths are, and which samples of a set agree in all columns.

use std::collections::BTreeMap;

/// The shape of every sample of a column.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    /// The shapes, in order of first occurrence.
    known: Vec<Vec<usize>>,
    places: BTreeMap<Vec<usize>, u32>,
    /// Which of them each sample has; empty when all have the first.
    of: Vec<u32>,
    rows: usize,
}

impl Shapes {
    /// `rows` samples of one shape.
    pub fn alike(shape: Vec<usize>, rows: usize) -> Shapes {
        Shapes { known: vec![shape], rows, ..Shapes::default() }
    }

    /// Adds the shape of a further sample. Begin with none, not with [`alike`](Shapes::alike).
    pub fn push(&mut self, shape: Vec<usize>) {
        let next = self.known.len() as u32;
        let place = *self.places.entry(shape).or_insert_with_key(|shape| {
            self.known.push(shape.clone());
            next
        });
        self.of.push(place);
        self.rows += 1;
    }

    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether two samples differ.
    pub fn differ(&self) -> bool {
        self.known.len() > 1
    }

    /// The shape of the sample numbered `row`, from 0; of no samples, the scalar's.
    pub fn of(&self, row: usize) -> &[usize] {
        self.known.get(self.place(row)).map_or(&[], Vec::as_slice)
    }

    fn place(&self, row: usize) -> usize {
        self.of.get(row).map_or(0, |place| *place as usize)
    }

    /// The same samples, each shape changed by `change`.
    pub(super) fn map<E>(&self, change: impl Fn(&[usize]) -> Result<Vec<usize>, E>) -> Result<Shapes, E> {
        if self.of.is_empty() {
            return Ok(Shapes::alike(change(self.of(0))?, self.rows));
        }
        let changed = self.known.iter().map(|shape| change(shape)).collect::<Result<Vec<_>, E>>()?;
        let mut shapes = Shapes::default();
        self.of.iter().for_each(|place| shapes.push(changed[*place as usize].clone()));
        Ok(shapes)
    }
}

/// The samples of a set by kind: those of one kind agree in the shapes of all columns.
#[derive(Clone, Debug)]
pub struct Kinds {
    /// The first sample of each kind, ascending.
    firsts: Vec<usize>,
    /// The kind of each sample; empty when there is one.
    of: Vec<u32>,
}

impl Kinds {
    /// The kinds of the samples that all `columns` have.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a Shapes>) -> Kinds {
        let columns: Vec<&Shapes> = columns.into_iter().filter(|column| column.differ()).collect();
        let rows = columns.iter().map(|column| column.rows()).min().unwrap_or(0);
        let (mut firsts, mut of) = (Vec::new(), Vec::with_capacity(rows));
        let mut known: BTreeMap<Vec<usize>, u32> = BTreeMap::new();
        for row in 0..rows {
            let key = columns.iter().map(|column| column.place(row)).collect();
            let next = firsts.len() as u32;
            of.push(*known.entry(key).or_insert_with(|| {
                firsts.push(row);
                next
            }));
        }
        if firsts.len() > 1 { Kinds { firsts, of } } else { Kinds { firsts: vec![0], of: Vec::new() } }
    }

    /// The first sample of each kind, in order.
    pub fn firsts(&self) -> &[usize] {
        &self.firsts
    }

    /// The kind of the sample numbered `row`.
    pub fn of(&self, row: usize) -> usize {
        self.of.get(row).map_or(0, |kind| *kind as usize)
    }

    /// The samples `rows` by kind, in their order; only kinds of which there is one.
    pub fn split(&self, rows: &[usize]) -> Vec<Vec<usize>> {
        let mut split = vec![Vec::new(); self.firsts.len()];
        rows.iter().for_each(|row| split[self.of(*row)].push(*row));
        split.retain(|rows| !rows.is_empty());
        split
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(lengths: &[usize]) -> Shapes {
        let mut shapes = Shapes::default();
        lengths.iter().for_each(|length| shapes.push(vec![*length, 2]));
        shapes
    }

    #[test]
    fn a_sample_keeps_its_shape() {
        let found = shapes(&[3, 5, 3]);
        assert_eq!((found.rows(), found.differ(), found.of(1), found.of(2)), (3, true, &[5, 2][..], &[3, 2][..]));
        assert!(!shapes(&[4, 4]).differ());
        let flat = found.map(|shape| Ok::<_, ()>(vec![shape[0] * 2])).unwrap();
        assert_eq!((flat.of(0), flat.of(1), flat.of(2)), (&[6][..], &[10][..], &[6][..]));
        assert_eq!(found.map(|_| Err::<Vec<usize>, _>("no")).unwrap_err(), "no");
        assert_eq!(Shapes::alike(vec![7], 9).of(8), [7]);
    }

    #[test]
    fn samples_of_a_kind_agree_in_all_columns() {
        let (x, y) = (shapes(&[3, 5, 3, 3, 5]), shapes(&[1, 1, 1, 2, 1]));
        let kinds = Kinds::new([&x, &Shapes::alike(vec![], 5), &y]);
        assert_eq!(kinds.firsts(), [0, 1, 3]);
        assert_eq!(kinds.split(&[4, 2, 3, 1, 0]), [vec![2, 0], vec![4, 1], vec![3]]);
        let one = Kinds::new([&Shapes::alike(vec![3], 5)]);
        assert_eq!((one.firsts(), one.split(&[2, 1])), (&[0][..], vec![vec![2, 1]]));
    }
}
