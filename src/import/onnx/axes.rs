//! The axes of a value in the file, and which of them hold the samples.
//!
//! A program in `.nn` is written for one sample, so the axis of the samples disappears, wherever it stands. It may also be a factor of an
//! axis, as when `[T, N, D]` was reshaped to `[T N, D]`: then the other factors are the sample's axis, along which nothing may be computed.

/// One axis: `before`, times the number of samples and `after` if it holds them. A sample has `before * after` entries of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis {
    pub before: usize,
    pub after: usize,
    pub samples: bool,
}

/// A size that a file computes: a number, times that of the samples if `samples`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub number: i64,
    pub samples: bool,
}

impl Count {
    pub fn of(number: i64) -> Count {
        Count { number, samples: false }
    }
}

impl Axis {
    pub fn of(size: usize) -> Axis {
        Axis { before: size, after: 1, samples: false }
    }

    pub fn samples() -> Axis {
        Axis { before: 1, after: 1, samples: true }
    }

    /// A sample's entries.
    pub fn size(self) -> usize {
        self.before * self.after
    }

    /// Whether it is the axis of the samples and nothing else.
    pub fn is_samples(self) -> bool {
        self.samples && self.size() == 1
    }

    /// All entries.
    pub fn count(self) -> Count {
        Count { number: self.size() as i64, samples: self.samples }
    }
}

/// The axes of a value in the file's order.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Axes(pub Vec<Axis>);

/// Why something cannot be done for one sample at a time.
pub const MIXES: &str = "it works across samples";

impl Axes {
    /// Axes of a constant.
    pub fn of(sizes: &[usize]) -> Axes {
        Axes(sizes.iter().map(|size| Axis::of(*size)).collect())
    }

    /// The axis of samples, then these.
    pub fn samples_and(sizes: &[usize]) -> Axes {
        Axes([vec![Axis::samples()], Axes::of(sizes).0].concat())
    }

    /// How many axes the value has in the file.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The axis that the samples are in.
    pub fn samples(&self) -> Option<usize> {
        self.0.iter().position(|axis| axis.samples)
    }

    /// The same axes, which hold the samples once.
    ///
    /// # Errors
    /// When two of them do, so that samples meet other samples.
    pub fn held_once(self) -> Result<Axes, String> {
        let count = self.0.iter().filter(|axis| axis.samples).count();
        if count > 1 { Err(MIXES.to_owned()) } else { Ok(self) }
    }

    /// A sample's sizes.
    pub fn shape(&self) -> Vec<usize> {
        self.0.iter().filter(|axis| !axis.is_samples()).map(|axis| axis.size()).collect()
    }

    /// How many axes of a sample stand in front of axis `axis`.
    pub fn place(&self, axis: usize) -> usize {
        self.0[..axis].iter().filter(|axis| !axis.is_samples()).count()
    }

    /// The axis that `axis` means, which may count from behind.
    ///
    /// # Errors
    /// When there is no such axis.
    pub fn axis(&self, axis: i64) -> Result<usize, String> {
        normal(axis, self.rank())
    }

    /// The axis of a sample that `axis` means.
    ///
    /// # Errors
    /// When there is no such axis, or it holds the samples.
    pub fn own(&self, axis: i64) -> Result<usize, String> {
        let axis = self.axis(axis)?;
        if self.0[axis].samples { Err(MIXES.to_owned()) } else { Ok(self.place(axis)) }
    }

    /// Whether the samples are in the first axis, which holds nothing else.
    pub fn samples_first(&self) -> bool {
        self.0.first().is_some_and(|axis| axis.is_samples())
    }

    /// These axes with the sizes of a sample replaced, one for each that is not that of the samples.
    pub fn with_shape(&self, sizes: &[usize]) -> Axes {
        let mut sizes = sizes.iter();
        let sized = |axis: &Axis| match axis.samples {
            true if axis.is_samples() => *axis,
            true => {
                sizes.next();
                *axis
            }
            false => Axis::of(sizes.next().copied().unwrap_or(1)),
        };
        Axes(self.0.iter().map(sized).collect())
    }

    /// The axes after a reshape to `target`, where `fixed` is the number of samples if the file fixes it.
    ///
    /// # Errors
    /// When the elements of a sample would not stay together as they are.
    pub fn reshaped(&self, target: &[Count], fixed: Option<usize>) -> Result<Axes, String> {
        let Some(at) = self.samples() else {
            let sizes: Option<Vec<usize>> = target.iter().map(|size| usize::try_from(size.number).ok()).collect();
            let sizes = sizes.filter(|_| target.iter().all(|size| !size.samples)).ok_or(MIXES)?;
            let same = product(&sizes)? == product(&self.shape())?;
            return if same { Ok(Axes::of(&sizes)) } else { Err("it changes the number of elements".to_owned()) };
        };
        let before = product(&Axes(self.0[..at].to_vec()).shape())? * self.0[at].before;
        let after = product(&Axes(self.0[at + 1..].to_vec()).shape())? * self.0[at].after;
        let named = target.iter().filter(|size| size.samples).count();
        let candidates = (0..target.len()).filter(|place| named == 0 || target[*place].samples);
        let found: Vec<Axes> = candidates
            .filter_map(|place| split(target, place, (before, after), fixed.filter(|_| named == 0)))
            .collect();
        let bare = found.iter().find(|axes| axes.0.iter().any(|axis| axis.is_samples()));
        let found = if named > 1 { None } else { bare.or(found.first()) };
        found.cloned().ok_or_else(|| MIXES.to_owned())
    }
}

/// The axes `target` with the samples in axis `place`, if `before` elements of a sample come in front of them and `after` behind. With
/// `fixed`, that axis counts the samples among its entries.
fn split(target: &[Count], place: usize, (before, after): (usize, usize), fixed: Option<usize>) -> Option<Axes> {
    let sizes: Option<Vec<usize>> = target.iter().map(|size| usize::try_from(size.number).ok()).collect();
    let mut sizes = sizes?;
    if let Some(samples) = fixed {
        sizes[place] = (samples > 0 && sizes[place].is_multiple_of(samples)).then(|| sizes[place] / samples)?;
    } else if !target[place].samples {
        return None;
    }
    let inner = |outer: usize, all: usize| (outer > 0 && all.is_multiple_of(outer)).then(|| all / outer);
    let axis = Axis {
        before: inner(product(&sizes[..place]).ok()?, before)?,
        after: inner(product(&sizes[place + 1..]).ok()?, after)?,
        samples: true,
    };
    let same = axis.before.checked_mul(axis.after) == Some(sizes[place]);
    let mut axes = Axes::of(&sizes);
    axes.0[place] = axis;
    same.then_some(axes)
}

/// The product of sizes.
///
/// # Errors
/// When it is beyond what a machine can hold.
pub fn product(sizes: &[usize]) -> Result<usize, String> {
    let all = sizes.iter().try_fold(1_usize, |all, size| all.checked_mul(*size));
    all.filter(|all| *all < 1 << 40).ok_or_else(|| "its sizes are beyond all memory".to_owned())
}

/// The axis that `axis` means among `rank`.
///
/// # Errors
/// When there is no such axis.
pub fn normal(axis: i64, rank: usize) -> Result<usize, String> {
    let at = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    usize::try_from(at).ok().filter(|at| *at < rank).ok_or_else(|| format!("there is no axis {axis} among {rank}"))
}

/// The order of `rank` axes that `order` gives; the reverse when it gives none.
///
/// # Errors
/// When it is not an order of all axes.
pub fn permutation(order: Option<&[i64]>, rank: usize) -> Result<Vec<usize>, String> {
    let Some(order) = order else { return Ok((0..rank).rev().collect()) };
    let order: Vec<usize> = order.iter().map(|axis| normal(*axis, rank)).collect::<Result<_, _>>()?;
    let whole = order.len() == rank && (0..rank).all(|axis| order.contains(&axis));
    if whole { Ok(order) } else { Err("its `perm` is not an order of the axes".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(sizes: &[i64], samples: Option<usize>) -> Vec<Count> {
        let of = |(place, number): (usize, &i64)| Count { number: *number, samples: Some(place) == samples };
        sizes.iter().enumerate().map(of).collect()
    }

    #[test]
    fn a_reshape_keeps_samples_apart_or_is_refused() {
        let sequence = Axes(vec![Axis::of(5), Axis::samples(), Axis::of(8)]);
        let merged = sequence.reshaped(&counts(&[5, 8], Some(0)), None).unwrap();
        assert_eq!(merged.0, [Axis { before: 5, after: 1, samples: true }, Axis::of(8)]);
        assert_eq!(merged.shape(), [5, 8]);
        assert_eq!(merged.reshaped(&counts(&[5, 1, 8], Some(1)), None).unwrap(), sequence);
        let heads = sequence.reshaped(&counts(&[5, 2, 4], Some(1)), None).unwrap();
        assert_eq!(heads.0[1], Axis { before: 1, after: 2, samples: true });
        assert_eq!(sequence.reshaped(&counts(&[1, 5, 8], Some(0)), None), Err(MIXES.to_owned()));
    }

    #[test]
    fn a_fixed_number_of_samples_is_found_among_the_sizes() {
        let image = Axes::samples_and(&[4, 2, 3]);
        assert_eq!(image.reshaped(&counts(&[7, 24], None), Some(7)).unwrap(), Axes::samples_and(&[24]));
        assert_eq!(image.reshaped(&counts(&[1, 24], None), Some(1)).unwrap(), Axes::samples_and(&[24]));
        assert!(image.reshaped(&counts(&[24, 7], None), Some(7)).is_err());
        assert!(image.reshaped(&counts(&[7, 24], None), None).is_err());
    }
}
