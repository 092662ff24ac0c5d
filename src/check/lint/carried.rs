//! Between which bounds the carries of a `scan` lie over all its steps, where the data fixes how many there are. The graph then holds a few
//! steps only: what enters the last of them stands for what enters every later one, so its bounds are widened until no step leaves them.

use std::collections::BTreeMap;

use super::range::{Range, range};
use crate::base::IndexVec;
use crate::ir::{self, Attr, Graph, op};

/// How often all bounds are computed before those that still move are given up.
const PASSES: usize = 24;

/// One carry of one scan.
#[derive(Default)]
struct Carry {
    /// What enters the second and each later step.
    entries: Vec<ir::Value>,
    /// What leaves the last one.
    exit: Option<ir::Value>,
}

/// The numbers that each value may hold, whatever the length of the sequences that `scan` runs over.
pub fn ranges(graph: &Graph) -> IndexVec<ir::Value, Range> {
    let known = carried(graph);
    let mut ranges = IndexVec::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        let own = known.get(&value).copied().unwrap_or_else(|| range(graph, &ranges, node));
        ranges.push(own);
    }
    ranges
}

/// The bounds of the carries that stand for those of all steps, where they enter the last step and where they leave it.
pub fn carried(graph: &Graph) -> BTreeMap<ir::Value, Range> {
    let carries = carries(graph);
    let mut known: BTreeMap<ir::Value, Range> = BTreeMap::new();
    if carries.is_empty() {
        return known;
    }
    for pass in 0.. {
        let bounds = pass_over(graph, &carries, &mut known);
        let mut settled = true;
        for Carry { entries, exit } in &carries {
            let (Some(entry), Some(exit)) = (entries.last(), exit) else { continue };
            let (before, after) = (known[entry].told_apart(), bounds[graph.node(*exit).inputs[0]].told_apart());
            let both = before.or(after);
            if both != before {
                settled = false;
                known.insert(*entry, if pass < PASSES { before.widened(both) } else { Range::ALL });
            }
        }
        if settled {
            break;
        }
    }
    known
}

/// The carries of the scans whose length is open.
fn carries(graph: &Graph) -> Vec<Carry> {
    let mut found: BTreeMap<(i64, i64), Carry> = BTreeMap::new();
    for (value, node) in graph.nodes.iter_enumerated().filter(|(_, node)| node.op == op::STAND_IN) {
        let Some(Attr::Ints(carry)) = node.attrs.get(op::CARRY) else { continue };
        let &[scan, carry, leaves] = carry.as_slice() else { continue };
        let own = found.entry((scan, carry)).or_default();
        match leaves {
            0 => own.entries.push(value),
            _ => own.exit = Some(value),
        }
    }
    found.into_values().collect()
}

/// The bounds of all values, by those that are taken for `known`; those of the carries are extended by what enters them.
fn pass_over(graph: &Graph, carries: &[Carry], known: &mut BTreeMap<ir::Value, Range>) -> IndexVec<ir::Value, Range> {
    let last: BTreeMap<ir::Value, &Carry> = carries
        .iter()
        .flat_map(|carry| [carry.entries.last().copied(), carry.exit].into_iter().flatten().map(move |at| (at, carry)))
        .collect();
    let mut ranges: IndexVec<ir::Value, Range> = IndexVec::new();
    for (value, node) in graph.nodes.iter_enumerated() {
        let own = range(graph, &ranges, node);
        let own = match last.get(&value) {
            // A scan may be as short as one step: what leaves it is what would have entered any other.
            Some(carry) if carry.exit == Some(value) => {
                carry.entries.iter().map(|entry| ranges[*entry]).fold(own, Range::or)
            }
            Some(_) => known.get(&value).map_or(own, |known| known.or(own)),
            None => own,
        };
        if last.contains_key(&value) {
            known.insert(value, own);
        }
        ranges.push(own);
    }
    ranges
}
