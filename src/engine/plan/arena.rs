//! Places in the arena: every buffer gets an offset so that no two that are needed at the same time overlap.
//!
//! Workers share a buffer out by its elements, so two buffers of one size that take the same place in turn give each worker the same
//! cache lines. With buffers of different sizes a worker would write lines that another one has in its cache, which costs several times
//! as much: places are taken again by buffers of their own size as long as that needs little more memory.

use std::collections::{BTreeMap, BTreeSet};

/// Bytes between which buffers start: a cache line.
pub(super) const LINE: usize = 64;

/// When a buffer is needed: from one wave to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lifetime {
    /// The wave that writes it first.
    pub first: usize,
    /// The last wave that reads or writes it.
    pub last: usize,
    /// Its size in bytes.
    pub bytes: usize,
}

/// How much more memory than what is needed at one time may go to places of one size, as a ratio.
const GENEROUS: (usize, usize) = (5, 4);
/// Buffers of which each may be compared with each other.
const FEW: usize = 1024;

/// Offsets in bytes, in the order of `lifetimes`, and the size of the whole. `None` when the sizes overflow.
pub(super) fn place(lifetimes: &[Lifetime]) -> Option<(Vec<usize>, usize)> {
    let (most, least) = GENEROUS;
    let limit = alive(lifetimes).saturating_mul(most) / least;
    let within = |placed: &(Vec<usize>, usize)| placed.1 <= limit;
    if let Some(placed) = place_by(Reuse::Alike, lifetimes).filter(within) {
        return Some(placed);
    }
    let in_order = place_by(Reuse::Any, lifetimes)?;
    if within(&in_order) || lifetimes.len() > FEW {
        return Some(in_order);
    }
    place_by_size(lifetimes).filter(|placed| placed.1 < in_order.1).or(Some(in_order))
}

/// Places the largest buffers first, each at the lowest place that is free as long as it is needed.
fn place_by_size(lifetimes: &[Lifetime]) -> Option<(Vec<usize>, usize)> {
    let mut largest: Vec<usize> = (0..lifetimes.len()).collect();
    largest.sort_by_key(|buffer| std::cmp::Reverse(lifetimes[*buffer].bytes));
    let (mut offsets, mut end) = (vec![0; lifetimes.len()], 0);
    // Those that have a place, by offset: where they start and end, and which they are.
    let mut placed: Vec<(usize, usize, usize)> = Vec::with_capacity(lifetimes.len());
    for buffer in largest {
        let own = lifetimes[buffer];
        let bytes = rounded(own.bytes)?;
        let mut offset = 0usize;
        for (start, stop, other) in &placed {
            let other = lifetimes[*other];
            let together = own.first <= other.last && other.first <= own.last;
            if !together {
                continue;
            }
            if offset.checked_add(bytes)? <= *start {
                break;
            }
            offset = offset.max(*stop);
        }
        let stop = offset.checked_add(bytes)?;
        placed.insert(placed.partition_point(|(start, ..)| *start <= offset), (offset, stop, buffer));
        (offsets[buffer], end) = (offset, end.max(stop));
    }
    Some((offsets, end))
}

/// What takes a place again that is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reuse {
    /// What has the size of the place.
    Alike,
    /// What fits best; free neighbours join.
    Any,
}

/// Places buffers in the order of first use.
fn place_by(reuse: Reuse, lifetimes: &[Lifetime]) -> Option<(Vec<usize>, usize)> {
    let mut starts: Vec<usize> = (0..lifetimes.len()).collect();
    // Large ones first within a wave: they are the hardest to fit.
    starts.sort_by_key(|buffer| (lifetimes[*buffer].first, std::cmp::Reverse(lifetimes[*buffer].bytes)));
    let mut ends: Vec<usize> = (0..lifetimes.len()).collect();
    ends.sort_by_key(|buffer| lifetimes[*buffer].last);
    let mut ends = ends.into_iter().peekable();
    let mut offsets = vec![0; lifetimes.len()];
    let mut free = Free { reuse, by_offset: BTreeMap::new(), by_size: BTreeSet::new(), end: 0 };
    for buffer in starts {
        let lifetime = lifetimes[buffer];
        while let Some(done) = ends.next_if(|other| lifetimes[*other].last < lifetime.first) {
            free.give_back(offsets[done], rounded(lifetimes[done].bytes)?);
        }
        offsets[buffer] = free.take(rounded(lifetime.bytes)?)?;
    }
    Some((offsets, free.end))
}

/// The bytes that are needed at one time: what no placement can do with less than.
pub(super) fn alive(lifetimes: &[Lifetime]) -> usize {
    let waves = lifetimes.iter().map(|lifetime| lifetime.last + 1).max().unwrap_or(0);
    let (mut begun, mut ended) = (vec![0usize; waves], vec![0usize; waves]);
    for lifetime in lifetimes {
        begun[lifetime.first] = begun[lifetime.first].saturating_add(lifetime.bytes);
        ended[lifetime.last] = ended[lifetime.last].saturating_add(lifetime.bytes);
    }
    let (mut now, mut most) = (0usize, 0);
    for (begun, ended) in begun.into_iter().zip(ended) {
        now = now.saturating_add(begun);
        most = most.max(now);
        now = now.saturating_sub(ended);
    }
    most
}

fn rounded(bytes: usize) -> Option<usize> {
    bytes.max(1).checked_next_multiple_of(LINE)
}

/// The free parts below `end`, by offset and by size.
struct Free {
    reuse: Reuse,
    by_offset: BTreeMap<usize, usize>,
    by_size: BTreeSet<(usize, usize)>,
    end: usize,
}

impl Free {
    fn take(&mut self, bytes: usize) -> Option<usize> {
        let alike = |size: usize| self.reuse == Reuse::Any || size == bytes;
        let fit = self.by_size.range((bytes, 0)..).next().copied().filter(|(size, _)| alike(*size));
        if let Some((size, offset)) = fit {
            self.remove(offset, size);
            if size > bytes {
                self.insert(offset + bytes, size - bytes);
            }
            return Some(offset);
        }
        // Extends the last free part if it reaches the end.
        let tail = self.by_offset.last_key_value().map(|(offset, size)| (*offset, *size));
        let offset = match tail {
            Some((offset, size)) if offset + size == self.end && self.reuse == Reuse::Any => {
                self.remove(offset, size);
                offset
            }
            _ => self.end,
        };
        self.end = offset.checked_add(bytes)?;
        Some(offset)
    }

    fn give_back(&mut self, mut offset: usize, mut bytes: usize) {
        if self.reuse == Reuse::Alike {
            return self.insert(offset, bytes);
        }
        if let Some((before, size)) = self.by_offset.range(..offset).next_back().map(|(offset, size)| (*offset, *size))
            && before + size == offset
        {
            self.remove(before, size);
            (offset, bytes) = (before, bytes + size);
        }
        if let Some(size) = self.by_offset.get(&(offset + bytes)).copied() {
            self.remove(offset + bytes, size);
            bytes += size;
        }
        self.insert(offset, bytes);
    }

    fn insert(&mut self, offset: usize, bytes: usize) {
        self.by_offset.insert(offset, bytes);
        self.by_size.insert((bytes, offset));
    }

    fn remove(&mut self, offset: usize, bytes: usize) {
        self.by_offset.remove(&offset);
        self.by_size.remove(&(bytes, offset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_lives_together_lies_apart(parts in proptest::collection::vec((0usize..20, 0usize..6, 0usize..5000), 0..60)) {
            let lifetimes: Vec<Lifetime> =
                parts.iter().map(|(first, more, bytes)| Lifetime { first: *first, last: first + more, bytes: *bytes }).collect();
            let placements = [place_by(Reuse::Alike, &lifetimes), place_by(Reuse::Any, &lifetimes), place_by_size(&lifetimes)];
            for placed in placements {
            let (offsets, size) = placed.expect("small sizes");
            for (i, a) in lifetimes.iter().enumerate() {
                prop_assert!(offsets[i] % LINE == 0 && offsets[i] + a.bytes <= size);
                for (j, b) in lifetimes.iter().enumerate().skip(i + 1) {
                    let together = a.first <= b.last && b.first <= a.last;
                    let apart = offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i];
                    prop_assert!(!together || apart, "{i} and {j} overlap");
                }
            }
            }
        }
    }

    #[test]
    fn memory_is_used_again() {
        let chain: Vec<Lifetime> = (0..100).map(|wave| Lifetime { first: wave, last: wave + 1, bytes: 1000 }).collect();
        let (_, size) = place(&chain).expect("small sizes");
        assert!(size <= 3 * 1024, "{size}");
        assert_eq!(alive(&chain), 2000);
    }

    #[test]
    fn a_place_is_taken_again_by_its_own_size() {
        let buffer = |first, bytes| Lifetime { first, last: first + 1, bytes };
        let (offsets, size) =
            place(&[buffer(0, 6400), buffer(1, 640), buffer(2, 6400), buffer(3, 640)]).expect("small");
        assert_eq!((offsets, size), (vec![0, 6400, 0, 6400], 7040));
        // Too much memory would lie idle: the smaller one takes a part of the larger one's place.
        let (offsets, size) = place(&[buffer(0, 6400), buffer(2, 3200)]).expect("small");
        assert_eq!((offsets, size), (vec![0, 0], 6400));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let huge = Lifetime { first: 0, last: 0, bytes: usize::MAX - 100 };
        assert!(place(&[huge, huge]).is_none());
    }
}
