//! How a value's axes lie in the space of a fused group: which axis of the group each of them is.

use smallvec::SmallVec;

use super::view::Axes;
use crate::ir::Node;

/// For each axis of a value the group's axis that it runs along; none for axes of size 1 and stretched ones.
pub(super) type AxisMap = Axes<Option<usize>>;

/// The axes of size other than 1.
pub(super) fn extent(sizes: &[usize]) -> Axes<usize> {
    sizes.iter().copied().filter(|size| *size != 1).collect()
}

/// The map of a value whose axes are the group's in order.
pub(super) fn identity(sizes: &[usize]) -> AxisMap {
    let mut next = 0;
    let mut take = |size: &usize| {
        (*size != 1).then(|| {
            next += 1;
            next - 1
        })
    };
    sizes.iter().map(&mut take).collect()
}

/// The map of a view of a value with map `map`; none when the view cannot be said by renaming axes.
pub(super) fn carry(node: &Node, from: &[usize], to: &[usize], map: &AxisMap) -> Option<AxisMap> {
    match node.op.0 {
        "stop_gradient" => Some(map.clone()),
        "transpose" => Some(node.attrs.get_ints("axes").iter().map(|axis| map[*axis as usize]).collect()),
        "broadcast" => {
            let missing = to.len() - from.len();
            Some((0..to.len()).map(|axis| axis.checked_sub(missing).and_then(|own| map[own])).collect())
        }
        "reshape" if extent(from) == extent(to) => {
            let mut kept = from.iter().zip(map).filter(|(size, _)| **size != 1).map(|(_, axis)| *axis);
            Some(to.iter().map(|size| if *size == 1 { None } else { kept.next().flatten() }).collect())
        }
        _ => None,
    }
}

/// The map that the viewed value has when its view has map `map`: the inverse of [`carry`], for the same views.
pub(super) fn through(node: &Node, from: &[usize], to: &[usize], map: &AxisMap) -> AxisMap {
    match node.op.0 {
        "transpose" => {
            let mut source: AxisMap = SmallVec::from_elem(None, from.len());
            for (axis, own) in node.attrs.get_ints("axes").iter().zip(map) {
                source[*axis as usize] = *own;
            }
            source
        }
        "broadcast" => aligned(from, map),
        "reshape" => {
            let mut kept = to.iter().zip(map).filter(|(size, _)| **size != 1).map(|(_, axis)| *axis);
            from.iter().map(|size| if *size == 1 { None } else { kept.next().flatten() }).collect()
        }
        _ => map.clone(),
    }
}

/// The map of an operand that is stretched, aligned at the right, to a value with map `map`.
pub(super) fn aligned(sizes: &[usize], map: &AxisMap) -> AxisMap {
    let missing = map.len() - sizes.len();
    sizes.iter().enumerate().map(|(axis, size)| if *size == 1 { None } else { map[axis + missing] }).collect()
}

/// The map of operand number `operand` of an elementwise node with map `map`.
pub(super) fn of_operand(node: &Node, sizes: &[usize], map: &AxisMap) -> AxisMap {
    match node.op.0 {
        "one_hot" => map[..sizes.len()].into(),
        _ => aligned(sizes, map),
    }
}

/// Which group axis each axis of `sizes` runs along, given the operands that are in the group already. Axes that no operand fixes take
/// the free group axes of their size in order. None when operands disagree or an axis finds no place.
pub(super) fn unify(sizes: &[usize], extent: &[usize], operands: &[AxisMap]) -> Option<AxisMap> {
    let mut map: AxisMap = SmallVec::from_elem(None, sizes.len());
    for operand in operands {
        let missing = sizes.len() - operand.len();
        for (axis, own) in operand.iter().enumerate().filter_map(|(axis, own)| Some((axis + missing, (*own)?))) {
            match map[axis] {
                Some(other) if other != own => return None,
                _ => map[axis] = Some(own),
            }
        }
    }
    let mut used: Axes<bool> = SmallVec::from_elem(false, extent.len());
    for own in map.iter().flatten() {
        if std::mem::replace(&mut used[*own], true) {
            return None;
        }
    }
    let mut from = 0;
    for axis in (0..sizes.len()).filter(|axis| sizes[*axis] != 1) {
        let own = match map[axis] {
            Some(own) => own,
            None => (from..extent.len()).find(|own| !used[*own] && extent[*own] == sizes[axis])?,
        };
        used[own] = true;
        map[axis] = Some(own);
        from = own + 1;
    }
    Some(map)
}
