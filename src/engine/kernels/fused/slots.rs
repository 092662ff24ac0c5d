//! Scratch memory of a compiled loop nest: which values share a slot.

use super::super::block::SUMS;
use super::super::simd::LANES;
use super::BLOCK;
use super::compile::{Action, Fused, Slot, Step};

/// Words of a slot for one block: a vector more than the block, because sums of columns read whole vectors.
const SLOT: usize = BLOCK + LANES;

/// Gives every step its slot and every reduction its accumulators, and counts the words.
pub(super) fn assign(fused: &mut Fused) {
    let mut next = 0;
    let mut take = |words: usize| {
        next += words.next_multiple_of(LANES);
        next - words.next_multiple_of(LANES)
    };
    for step in &mut fused.uniform {
        step.slot.at = take(LANES);
    }
    for phase in &mut fused.phases {
        for step in &mut phase.rows {
            step.slot.at = take(SLOT);
        }
    }
    let tile_columns = fused.tiling.column_step.min(fused.columns).next_multiple_of(LANES);
    for outlet in &mut fused.column_folds {
        outlet.sums = take(tile_columns);
    }
    for outlet in &mut fused.total_folds {
        outlet.sums = take(SUMS);
    }
    assign_blocks(fused, &mut take);
    fused.words = next;
}

/// Slots of full values, by a scan over all steps in order.
fn assign_blocks(fused: &mut Fused, take: &mut impl FnMut(usize) -> usize) {
    let row = fused.columns.max(BLOCK) + LANES;
    let registers = fused.table / 2;
    let last_uses = last_uses(fused);
    let mut free: Vec<usize> = Vec::new();
    // What each table entry occupies at the moment.
    let mut held: Vec<Option<usize>> = vec![None; fused.table];
    let mut now = 0;
    for (number, phase) in fused.phases.iter_mut().enumerate() {
        for step in &mut phase.blocks {
            for operand in step.action.operands() {
                if last_uses[operand] == (number, now) {
                    free.extend(held[operand].take());
                }
            }
            match &mut step.action {
                Action::FoldRow(_, _, sums) => {
                    *sums = take(SUMS);
                    step.slot.at = take(SLOT);
                }
                Action::Store(..) | Action::FoldColumns(..) | Action::FoldAll(..) => {}
                _ => {
                    let leaf = matches!(step.action, Action::Load(..) | Action::Count(..) | Action::Expand(..));
                    let crosses = last_uses[step.out].0 > number && !leaf && step.out < registers;
                    if crosses {
                        step.slot = Slot { at: take(row), wide: true };
                        fused.wide.push((step.out, step.slot.at));
                    } else {
                        let old = held[step.out].take();
                        let at = old.or_else(|| free.pop()).unwrap_or_else(|| take(SLOT));
                        step.slot.at = at;
                        held[step.out] = Some(at);
                    }
                }
            }
            now += 1;
        }
    }
}

/// Phase and position of the last step that reads each table entry.
fn last_uses(fused: &Fused) -> Vec<(usize, usize)> {
    let mut uses = vec![(0, usize::MAX); fused.table];
    let mut now = 0;
    for (number, phase) in fused.phases.iter().enumerate() {
        for Step { action, .. } in &phase.blocks {
            action.operands().for_each(|operand| uses[operand] = (number, now));
            now += 1;
        }
    }
    uses
}
