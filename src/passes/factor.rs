//! Factors out of sums: what does not vary along the axes of a `sum` or `mean` is multiplied with the result instead of with every element.
//! The sums in the gradient of a normalisation so become multiples of few sums, which [`cse`](super::cse) shares, and which no longer wait for
//! what they are multiplied with.
//!
//! A product is taken apart through `mul`, `neg` and division by what does not vary. What varies keeps its order, so that equal rests are equal
//! nodes; powers and sums of products are left as they are, and so is a sum of which nothing varies. A sum to a single number, as of a loss, keeps
//! its factors too: it is seldom like another, and what came out of it would wait for it in a step of its own.
//!
//! This is the one pass that changes rounding. It also moves where the range ends: a sum of what is left may overflow or vanish, near the largest
//! or smallest magnitude of floats, where the factor used to prevent it, and an infinity meets the factor once instead of in each element. Sums and
//! factors of ordinary size stay finite.

use smallvec::SmallVec;

use super::rebuild::rewrite;
use crate::ir::{Attrs, Graph, Node, Value};
use crate::ops::Builder;
use crate::tensor::{DType, Dim, Shape};

/// At most so many nodes of a product are taken apart: a bound for deep products, and for such as share their parts.
const PARTS: usize = 16;

/// At most so many layouts around a value are looked through.
const LAYOUTS: usize = 8;

/// Takes the factors that do not vary out of every sum and mean of floats that gives more than one number.
pub fn factor(graph: Graph) -> Graph {
    rewrite(graph, taken_out)
}

fn taken_out(graph: &mut Graph, node: &Node) -> Option<Value> {
    if !matches!(node.op.0, "sum" | "mean") || node.ty.shape.iter().all(Dim::is_one) {
        return None;
    }
    let x = node.inputs[0];
    let (ty, axes) = (graph.ty(x).clone(), node.attrs.get_ints("axis"));
    if ty.dtype != DType::F32 || axes.iter().any(|axis| ty.shape[*axis as usize].constant() == Some(0)) {
        return None;
    }
    let rank = ty.shape.rank();
    let b = Builder::new(graph, node.place);
    let mut product = Product { b, axes, rank, fixed: Vec::new(), negative: false, left: PARTS };
    let rest = product.varying(x)?;
    if product.fixed.is_empty() && !product.negative {
        return None;
    }
    let axes = spanned(product.b.graph.shape(rest), &ty.shape, axes)?;
    Some(product.reduced(node, rest, axes))
}

/// The places in `rest` of `axes` of `whole`, to which `rest` is stretched; none if it has to be stretched along one of them.
fn spanned(rest: &[Dim], whole: &[Dim], axes: &[i64]) -> Option<Vec<i64>> {
    let missing = whole.len() - rest.len();
    let place = |axis: &i64| {
        let axis = *axis as usize;
        let own = axis.checked_sub(missing)?;
        (rest[own] == whole[axis]).then_some(own as i64)
    };
    axes.iter().map(place).collect()
}

/// A factor that does not vary along the axes.
struct Fixed {
    /// The value, without what stretched it along them.
    value: Value,
    /// Its sizes along the product's axes: 1 where it is repeated.
    shape: Shape,
    /// Whether it is divided by.
    divides: bool,
}

/// A product being taken apart.
struct Product<'g> {
    b: Builder<'g>,
    /// The axes that are summed.
    axes: &'g [i64],
    /// How many axes the product has.
    rank: usize,
    /// What was found that does not vary along `axes`.
    fixed: Vec<Fixed>,
    /// Whether the rest is negated.
    negative: bool,
    /// How many nodes may still be taken apart.
    left: usize,
}

impl Product<'_> {
    /// `value` without its factors that do not vary, which are noted; none if no other is there. What has none of them stays the same value.
    fn varying(&mut self, value: Value) -> Option<Value> {
        if let Some(fixed) = self.fixed(value, false) {
            self.note(fixed);
            return None;
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Some(value);
        }
        let node = self.b.graph.node(value);
        let (op, inputs) = (node.op.0, node.inputs.clone());
        match op {
            "neg" => {
                self.negative = !self.negative;
                self.varying(inputs[0])
            }
            "mul" => match (self.varying(inputs[0]), self.varying(inputs[1])) {
                (Some(x), Some(y)) if [x, y] == inputs[..] => Some(value),
                (Some(x), Some(y)) => Some(self.b.mul(x, y)),
                (x, y) => x.or(y),
            },
            "div" => match self.fixed(inputs[1], true) {
                Some(divisor) => {
                    let dividend = self.varying(inputs[0]);
                    self.note(divisor);
                    dividend
                }
                None => Some(value),
            },
            _ => Some(value),
        }
    }

    /// Notes a factor that does not vary, without its sign.
    fn note(&mut self, mut factor: Fixed) {
        while self.b.graph.node(factor.value).op.0 == "neg" {
            factor.value = self.b.graph.node(factor.value).inputs[0];
            self.negative = !self.negative;
        }
        self.fixed.push(factor);
    }

    /// `value` as a factor that does not vary along the axes, seen through what only stretches it or adds and drops axes of size 1; none if it
    /// varies or is not known not to.
    fn fixed(&self, mut value: Value, divides: bool) -> Option<Fixed> {
        let graph = &*self.b.graph;
        let own_rank = graph.shape(value).len();
        // Where each axis of the product lies in `value`; none where the latter is repeated.
        let mut places: SmallVec<[Option<usize>; 6]> =
            (0..self.rank).map(|axis| (axis + own_rank).checked_sub(self.rank)).collect();
        for _ in 0..LAYOUTS {
            let shape = graph.shape(value);
            if self.axes.iter().all(|axis| places[*axis as usize].is_none_or(|place| shape[place].is_one())) {
                let size = |place: &Option<usize>| place.map_or(Dim::new(1), |place| shape[place].clone());
                return Some(Fixed { value, shape: places.iter().map(size).collect(), divides });
            }
            let node = graph.node(value);
            value = *node.inputs.first()?;
            let inside = graph.shape(value);
            let from = match node.op.0 {
                "broadcast" => stretched_from(shape.len(), inside.len()),
                "reshape" => reshaped_from(shape, inside)?,
                _ => return None,
            };
            places.iter_mut().for_each(|place| *place = place.and_then(|place| from[place]));
        }
        None
    }

    /// The reduction of the rest along its `axes`, times what was taken out of it: the value of `node`.
    fn reduced(self, node: &Node, rest: Value, axes: Vec<i64>) -> Value {
        let Product { mut b, axes: summed, fixed, negative, .. } = self;
        let keepdims = node.attrs.get_bool("keepdims");
        let mut value = b.emit(node.op, &[rest], Attrs::new().ints("axis", axes).flag("keepdims", keepdims));
        for Fixed { value: by, shape, divides } in fixed {
            let kept = |(axis, _): &(i64, &Dim)| keepdims || !summed.contains(axis);
            let sizes: Vec<Dim> = (0..).zip(shape.iter()).filter(kept).map(|(_, dim)| dim.clone()).collect();
            let by = aligned(&mut b, by, &sizes);
            value = if divides { b.div(value, by) } else { b.mul(value, by) };
        }
        if negative {
            value = b.neg(value);
        }
        b.broadcast(value, node.ty.shape.clone())
    }
}

/// For each of the axes of a broadcast of `inside` axes to `outside` ones, where it comes from.
fn stretched_from(outside: usize, inside: usize) -> Vec<Option<usize>> {
    (0..outside).map(|axis| (axis + inside).checked_sub(outside)).collect()
}

/// For each axis of a reshape to `outside` from `inside` that only adds or drops axes of size 1, where it comes from; an axis of size 1 comes
/// from nowhere. None for any other reshape.
fn reshaped_from(outside: &[Dim], inside: &[Dim]) -> Option<Vec<Option<usize>>> {
    let mut sources = (0..inside.len()).filter(|axis| !inside[*axis].is_one());
    let mut from = Vec::with_capacity(outside.len());
    for dim in outside {
        from.push(match dim.is_one() {
            true => None,
            false => Some(sources.next().filter(|source| inside[*source] == *dim)?),
        });
    }
    sources.next().is_none().then_some(from)
}

/// `value` with axes of size 1 added and dropped so that it lines up at the right with `sizes`, which it has but for such axes.
fn aligned(b: &mut Builder, value: Value, sizes: &[Dim]) -> Value {
    let shape = b.shape(value);
    let significant = |dims: &[Dim]| -> Shape { dims.iter().skip_while(|dim| dim.is_one()).cloned().collect() };
    let wanted = significant(sizes);
    if significant(&shape) == wanted && shape.rank() <= sizes.len() { value } else { b.reshape(value, wanted) }
}
