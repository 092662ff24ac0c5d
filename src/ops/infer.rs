//! What shape rules share: dtype demands and broadcasting, NumPy's for graphs and the narrow one for the checker.
//!
//! Dims of results are clones of the operands' dims, so that their origins survive.

use super::{InferCall, Misfit};
use crate::tensor::{DType, Dim, Ordering3, Shape, Type};

/// The type of the only operand, or of any shape rule whose result is typed as its first operand.
///
/// # Errors
/// Never; it has the signature of a shape rule.
pub fn same(call: &InferCall) -> Result<Type, Misfit> {
    Ok(call.inputs[0].clone())
}

/// Demands that operand `argument` is a float.
///
/// # Errors
/// [`Misfit::DType`].
pub fn float<'a>(call: &InferCall<'a>, argument: usize) -> Result<&'a Type, Misfit> {
    match call.inputs[argument] {
        ty if ty.dtype == DType::F32 => Ok(ty),
        ty => Err(Misfit::DType { argument, expected: "f32", found: ty.dtype.clone() }),
    }
}

/// Demands that operand `argument` is a float or an integer: what arithmetic takes.
///
/// # Errors
/// [`Misfit::DType`].
pub fn number<'a>(call: &InferCall<'a>, argument: usize) -> Result<&'a Type, Misfit> {
    match call.inputs[argument] {
        ty if matches!(ty.dtype, DType::F32 | DType::I32) => Ok(ty),
        ty => Err(Misfit::DType { argument, expected: "a number", found: ty.dtype.clone() }),
    }
}

/// Demands that operand `argument` is a truth value.
///
/// # Errors
/// [`Misfit::DType`].
pub fn truth<'a>(call: &InferCall<'a>, argument: usize) -> Result<&'a Type, Misfit> {
    match call.inputs[argument] {
        ty if ty.dtype == DType::Bool => Ok(ty),
        ty => Err(Misfit::DType { argument, expected: "bool", found: ty.dtype.clone() }),
    }
}

/// Demands that operand `argument` has the dtype of operand `like`; classes must be as many.
///
/// # Errors
/// [`Misfit::DType`], or [`Misfit::Classes`] for two index dtypes.
pub fn same_dtype(call: &InferCall, like: usize, argument: usize) -> Result<(), Misfit> {
    let (expected, found) = (&call.inputs[like].dtype, &call.inputs[argument].dtype);
    match (expected, found) {
        (DType::Index(left), DType::Index(right)) => same_classes((like, left), (argument, right)),
        _ if expected == found => Ok(()),
        _ => {
            let expected = match expected {
                DType::F32 => "f32",
                DType::I32 => "i32",
                DType::Bool => "bool",
                DType::Index(_) => "an index",
            };
            Err(Misfit::DType { argument, expected, found: found.clone() })
        }
    }
}

/// Demands that two class counts, each with its argument, are equal.
///
/// # Errors
/// [`Misfit::Classes`], or [`Misfit::Undecided`] when that depends on a symbol.
pub fn same_classes(left: (usize, &Dim), right: (usize, &Dim)) -> Result<(), Misfit> {
    match left.1.compare(right.1) {
        Ordering3::Equal => Ok(()),
        Ordering3::Different => {
            Err(Misfit::Classes { left: (left.0, left.1.clone()), right: (right.0, right.1.clone()) })
        }
        Ordering3::Undecided => Err(Misfit::Undecided { left: left.1.clone(), right: right.1.clone() }),
    }
}

/// Demands that `axis` counts one of `rank` axes from the front.
///
/// # Errors
/// [`Misfit::Axis`].
pub fn axis_within(axis: i64, rank: usize) -> Result<usize, Misfit> {
    usize::try_from(axis).ok().filter(|axis| *axis < rank).ok_or(Misfit::Axis { axis, rank })
}

/// The shape of all operands broadcast together by NumPy's rule: aligned at the right, missing axes and axes of literally 1 stretch.
///
/// # Errors
/// [`Misfit::Elementwise`] where two sizes differ, [`Misfit::Undecided`] where that depends on a symbol.
pub fn broadcast(shapes: &[&Shape]) -> Result<Shape, Misfit> {
    let rank = shapes.iter().map(|shape| shape.rank()).max().unwrap_or(0);
    (0..rank).map(|axis| broadcast_axis(shapes, rank, axis)).collect()
}

fn broadcast_axis(shapes: &[&Shape], rank: usize, axis: usize) -> Result<Dim, Misfit> {
    let mut size: Option<(usize, usize, Dim)> = None;
    for (argument, shape) in shapes.iter().enumerate() {
        let Some(own) = (axis + shape.rank()).checked_sub(rank) else { continue };
        let found = (argument, own, shape[own].clone());
        match &size {
            None => size = Some(found),
            Some(_) if found.2.is_one() => {}
            Some(before) if before.2.is_one() => size = Some(found),
            Some(before) => match before.2.compare(&found.2) {
                Ordering3::Equal => {}
                Ordering3::Different => return Err(Misfit::Elementwise { left: before.clone(), right: found }),
                Ordering3::Undecided => {
                    return Err(Misfit::Undecided { left: before.2.clone(), right: found.2 });
                }
            },
        }
    }
    Ok(size.expect("the operand of the highest rank has every axis").2)
}

/// Why the narrow rule refuses two shapes.
#[derive(Clone, Debug, PartialEq)]
pub enum NarrowFault {
    /// NumPy's rule refuses them too.
    Misfit(Misfit),
    /// Both sides would stretch: the axes of the result along which each of them does.
    Stretch {
        /// Where the left operand would be repeated.
        left: Vec<usize>,
        /// Where the right operand would be repeated.
        right: Vec<usize>,
    },
}

/// The shape of two operands combined by the narrow rule of the language: as [`broadcast`], but only one of them may stretch.
/// Gaining an axis of size 1 repeats nothing and is no stretch.
///
/// # Errors
/// [`NarrowFault`].
pub fn broadcast_narrow(a: &Shape, b: &Shape) -> Result<Shape, NarrowFault> {
    let shape = broadcast(&[a, b]).map_err(NarrowFault::Misfit)?;
    let (left, right) = (stretched(a, &shape), stretched(b, &shape));
    if left.is_empty() || right.is_empty() { Ok(shape) } else { Err(NarrowFault::Stretch { left, right }) }
}

/// The axes of `to` along which `from` is repeated when broadcast to it.
pub fn stretched(from: &Shape, to: &Shape) -> Vec<usize> {
    let missing = to.rank() - from.rank();
    let repeats = |axis: usize| !to[axis].is_one() && (axis < missing || from[axis - missing].is_one());
    (0..to.rank()).filter(|axis| repeats(*axis)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Origin;

    fn narrow(a: &[usize], b: &[usize]) -> Result<Shape, NarrowFault> {
        broadcast_narrow(&a.into(), &b.into())
    }

    #[test]
    fn missing_axes_and_ones_stretch() {
        assert_eq!(narrow(&[2, 3], &[3]), Ok([2, 3].into()));
        assert_eq!(narrow(&[2, 3], &[2, 1]), Ok([2, 3].into()));
        assert_eq!(narrow(&[], &[4]), Ok([4].into()));
        assert_eq!(narrow(&[1, 3], &[3]), Ok([1, 3].into()));
        assert_eq!(narrow(&[0], &[1]), Ok([0].into()));
    }

    #[test]
    fn both_sides_never_stretch_at_once() {
        let fault = NarrowFault::Stretch { left: vec![1], right: vec![0] };
        assert_eq!(narrow(&[5, 1], &[5]), Err(fault.clone()));
        assert_eq!(narrow(&[5, 1], &[1, 4]), Err(fault));
        assert_eq!(broadcast(&[&[5, 1].into(), &[5].into()]), Ok([5, 5].into()));
    }

    #[test]
    fn differing_sizes_name_argument_and_axis() {
        let misfit = Misfit::Elementwise { left: (0, 1, Dim::new(3)), right: (1, 0, Dim::new(4)) };
        assert_eq!(narrow(&[2, 3], &[4]), Err(NarrowFault::Misfit(misfit)));
        let symbolic: Shape = [Dim::symbol("T")].into_iter().collect();
        let undecided = Misfit::Undecided { left: Dim::symbol("T"), right: Dim::new(4) };
        assert_eq!(broadcast(&[&symbolic, &[4].into()]), Err(undecided));
        assert_eq!(broadcast(&[&symbolic, &symbolic]), Ok(symbolic.clone()));
    }

    #[test]
    fn origins_survive() {
        let long: Shape = [Dim::new(7).with_origin(Origin(5))].into_iter().collect();
        assert_eq!(broadcast(&[&[1].into(), &long]).unwrap()[0].origin(), Origin(5));
    }
}
