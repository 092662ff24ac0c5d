//! The order of steps: waves of steps that do not depend on each other, with a barrier between waves. Waves too short for a team are left
//! to one worker, who needs no barrier between them.

use super::step::Step;
use super::view::BufferId;
use crate::base::IndexVec;

/// Steps that do not depend on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wave {
    /// How many there are.
    pub steps: usize,
    /// Whether there is nothing to share out.
    alone: bool,
    /// About how long all of it takes one thread.
    nanoseconds: usize,
}

impl Wave {
    /// The work that is not worth a barrier, in nanoseconds on one thread; and so while the workers' processors are far apart, when
    /// every cache line that passes between them costs as much as a thousand multiplications.
    const SHORT: [usize; 2] = [3_000, 12_000];

    /// Whether the first worker does all of it, the workers' processors being `far` apart or not.
    pub fn is_solo(&self, far: bool) -> bool {
        self.alone || self.nanoseconds < Self::SHORT[usize::from(far)]
    }
}

/// Sorts steps, given in an order that is correct one after the other, by wave, and returns the waves.
///
/// A step comes after every earlier step that writes what it reads, and after every earlier step that reads or writes what it writes.
/// A step that needs no other comes as late as its first user allows, so that what it makes does not occupy memory for long.
pub(super) fn waves(steps: Vec<Step>, buffers: usize) -> (Vec<Step>, Vec<Wave>) {
    let depends = dependencies(&steps, buffers);
    let mut wave: Vec<usize> = Vec::with_capacity(steps.len());
    for earlier in &depends {
        wave.push(earlier.iter().map(|step| wave[*step] + 1).max().unwrap_or(0));
    }
    let mut first_use = vec![usize::MAX; steps.len()];
    for (step, earlier) in depends.iter().enumerate() {
        for source in earlier {
            first_use[*source] = first_use[*source].min(wave[step]);
        }
    }
    for step in 0..steps.len() {
        if depends[step].is_empty() && first_use[step] != usize::MAX {
            wave[step] = first_use[step] - 1;
        }
    }
    let mut sizes = vec![0; wave.iter().map(|wave| wave + 1).max().unwrap_or(0)];
    wave.iter().for_each(|wave| sizes[*wave] += 1);
    let mut order: Vec<(usize, Step)> = wave.into_iter().zip(steps).collect();
    order.sort_by_key(|(wave, _)| *wave);
    let steps: Vec<Step> = order.into_iter().map(|(_, step)| step).collect();
    let mut first = 0;
    let wave = |size: usize| {
        let own = &steps[first..first + size];
        first += size;
        let alone = matches!(own, [step] if step.work.tiles() <= 1);
        let nanoseconds = own.iter().fold(0, |sum: usize, step| sum.saturating_add(step.work.nanoseconds()));
        Wave { steps: size, alone, nanoseconds }
    };
    let waves = sizes.into_iter().map(wave).collect();
    (steps, waves)
}

fn dependencies(steps: &[Step], buffers: usize) -> Vec<Vec<usize>> {
    let mut writer: IndexVec<BufferId, Option<usize>> = (0..buffers).map(|_| None).collect();
    let mut readers: IndexVec<BufferId, Vec<usize>> = (0..buffers).map(|_| Vec::new()).collect();
    let mut depends = Vec::with_capacity(steps.len());
    for (index, step) in steps.iter().enumerate() {
        let mut earlier: Vec<usize> = step.reads.iter().filter_map(|buffer| writer[*buffer]).collect();
        for buffer in &step.writes {
            earlier.extend(writer[*buffer]);
            earlier.extend(readers[*buffer].iter().filter(|reader| **reader != index));
        }
        for buffer in &step.writes {
            writer[*buffer] = Some(index);
            readers[*buffer].clear();
        }
        for buffer in &step.reads {
            readers[*buffer].push(index);
        }
        earlier.sort_unstable();
        earlier.dedup();
        depends.push(earlier);
    }
    depends
}
