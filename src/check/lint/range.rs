//! Between which bounds values lie, whatever the parameters and inputs are: for lints on what may be 0. Exact arithmetic is assumed,
//! except that a quotient of positive numbers may come out as 0, as a softmax does.

use crate::base::IndexVec;
use crate::ir::{self, Attr, Graph, Node, Op, op};
use crate::ops::compare::{CAST, EQUAL, GREATER, GREATER_EQUAL, LESS, LESS_EQUAL, LOGICAL_NOT, NOT_EQUAL, WHERE};
use crate::ops::contract::CONTRACT;
use crate::ops::elementwise::{
    ABS, ACOS, COS, COSH, ERF, EXP, EXPM1, LOG1P, NEG, RECIPROCAL, RSQRT, SIGMOID, SIGN, SIN, SQRT, SQUARE, TANH,
};
use crate::ops::elementwise_binary::{ADD, DIV, MAXIMUM, MINIMUM, MUL, POW, SUB};
use crate::ops::graph::STOP_GRADIENT;
use crate::ops::index::{GATHER, ONE_HOT};
use crate::ops::parts::{CONCATENATE, PAD, SLICE};
use crate::ops::random::RAND;
use crate::ops::reduce::{MAX, MEAN, MIN, PROD, SUM};
use crate::ops::shape::{BROADCAST, FLIP, RESHAPE, TRANSPOSE};
use crate::tensor::DType;

/// The numbers from `low` to `high`; a bound that is `open` is not reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub low: f64,
    pub high: f64,
    pub low_open: bool,
    pub high_open: bool,
    /// Whether 0 is left out, wherever it lies.
    pub nonzero: bool,
}

impl Range {
    /// All numbers.
    pub const ALL: Range = Range::closed(f64::NEG_INFINITY, f64::INFINITY);

    /// The numbers above 0.
    pub const POSITIVE: Range = Range { low_open: true, ..Range::closed(0.0, f64::INFINITY) };

    /// The numbers from `low` to `high`, both among them.
    pub const fn closed(low: f64, high: f64) -> Range {
        Range { low, high, low_open: false, high_open: false, nonzero: false }
    }

    /// Whether all are greater than `bound`.
    pub fn is_above(self, bound: f64) -> bool {
        self.low > bound || self.low == bound && (self.low_open || bound == 0.0 && self.nonzero)
    }

    fn is_below(self, bound: f64) -> bool {
        self.negated().is_above(-bound)
    }

    /// Whether 0 may occur, at the end of what does: an exact 0 inside an interval is no accident to warn of.
    pub fn ends_at_zero(self) -> bool {
        (self.low == 0.0 && !self.is_above(0.0)) || (self.high == 0.0 && !self.is_below(0.0))
    }

    fn negated(self) -> Range {
        Range { low: -self.high, high: -self.low, low_open: self.high_open, high_open: self.low_open, ..self }
    }

    /// The numbers of both.
    pub fn or(self, other: Range) -> Range {
        let (low, low_open) = lower((self.low, self.low_open), (other.low, other.low_open));
        let (high, high_open) = lower((-self.high, self.high_open), (-other.high, other.high_open));
        Range { low, low_open, high: -high, high_open, nonzero: self.nonzero && other.nonzero }
    }

    /// The same numbers, told in one way where 0 is left out.
    pub fn told_apart(self) -> Range {
        Range { nonzero: self.nonzero || self.is_above(0.0) || self.is_below(0.0), ..self }
    }

    /// `both`, which holds these numbers and others, with each bound that has moved put far enough out to be moved no more.
    pub fn widened(self, both: Range) -> Range {
        let far = |bound: Range| match bound.low {
            low if low >= 0.0 => (0.0, bound.is_above(0.0)),
            low if low >= -1.0 => (-1.0, false),
            _ => (f64::NEG_INFINITY, false),
        };
        let moved = |before: Range, after: Range| (before.low, before.low_open) != (after.low, after.low_open);
        let (mirrored, turned) = (self.negated(), both.negated());
        let (low, low_open) = if moved(self, both) { far(both) } else { (both.low, both.low_open) };
        let (high, high_open) = if moved(mirrored, turned) { far(turned) } else { (turned.low, turned.low_open) };
        Range { low, low_open, high: -high, high_open, nonzero: both.nonzero }
    }

    fn at_least(self, low: f64, low_open: bool) -> Range {
        if self.low > low || (self.low == low && self.low_open) { self } else { Range { low, low_open, ..self } }
    }

    fn at_most(self, high: f64, high_open: bool) -> Range {
        self.negated().at_least(-high, high_open).negated()
    }
}

/// The smaller of two lower bounds.
fn lower(a: (f64, bool), b: (f64, bool)) -> (f64, bool) {
    if a.0 == b.0 {
        (a.0, a.1 && b.1)
    } else if a.0 < b.0 {
        a
    } else {
        b
    }
}

/// The numbers that `node` may hold, by those of the nodes before it.
pub fn range(graph: &Graph, ranges: &IndexVec<ir::Value, Range>, node: &Node) -> Range {
    let found = match node.op {
        op::CONSTANT => node.attrs.get_tensor("value").to_f64().iter().fold(None, with).unwrap_or(Range::ALL),
        WHERE => choice(graph, ranges, node),
        CONCATENATE => node.inputs.iter().map(|input| ranges[*input]).reduce(Range::or).unwrap_or(Range::ALL),
        ONE_HOT | RAND => Range::closed(0.0, 1.0),
        _ => match node.inputs.as_slice() {
            [] => Range::ALL,
            [x, ..] if kept(node.op) => ranges[*x],
            [x] => of_one(node, ranges[*x]),
            [a, b] => of_two(graph, node, *a, *b, ranges),
            _ => Range::ALL,
        },
    };
    let found = if found.low.is_nan() || found.high.is_nan() { Range::ALL } else { found };
    match node.ty.dtype {
        DType::Bool => Range::closed(0.0, 1.0),
        DType::Index(_) => found.at_least(0.0, false),
        _ => found,
    }
}

fn with(range: Option<Range>, number: &f64) -> Option<Range> {
    let one = Range { nonzero: *number != 0.0, ..Range::closed(*number, *number) };
    Some(range.map_or(one, |range| range.or(one)))
}

/// Operations whose entries are some of their first operand's, or between them.
fn kept(op: Op) -> bool {
    const KEPT: [Op; 16] = [
        op::CLAIM,
        op::STAND_IN,
        RESHAPE,
        TRANSPOSE,
        BROADCAST,
        FLIP,
        SLICE,
        GATHER,
        STOP_GRADIENT,
        MEAN,
        MAX,
        MIN,
        op::SELECT_TRAINING,
        op::ALL_SAMPLES,
        crate::ops::image::pooling::MAX_POOLING,
        crate::ops::scan::SORT,
    ];
    KEPT.contains(&op)
}

/// Functions of one operand. Those that grow map bounds to bounds.
fn of_one(node: &Node, x: Range) -> Range {
    let grows = |f: fn(f64) -> f64| Range { low: f(x.low), high: f(x.high), nonzero: false, ..x };
    match node.op {
        NEG => x.negated(),
        ABS if x.low >= 0.0 => x,
        ABS if x.high <= 0.0 => x.negated(),
        ABS | SQUARE => squared(node.op == SQUARE, x),
        EXP => Range { low: x.low.exp(), high: x.high.exp(), low_open: true, high_open: false, nonzero: true },
        EXPM1 => grows(f64::exp_m1).at_least(-1.0, true),
        LOG1P if x.low > -1.0 => grows(f64::ln_1p),
        SQRT => Range { low: x.low.max(0.0).sqrt(), high: x.high.max(0.0).sqrt(), ..x },
        SIGMOID => grows(|x| 1.0 / (1.0 + (-x).exp())),
        TANH => grows(f64::tanh),
        RSQRT | RECIPROCAL if x.is_above(0.0) => Range::POSITIVE,
        COSH => Range::closed(1.0, f64::INFINITY),
        ERF | SIN | COS | SIGN => Range::closed(-1.0, 1.0),
        ACOS => Range::closed(0.0, std::f64::consts::PI),
        CAST => Range { low: x.low.floor(), high: x.high.ceil(), ..Range::ALL },
        SUM | crate::ops::scan::CUMSUM | crate::ops::image::pooling::SUM_POOLING => summed(x),
        PROD if x.is_above(0.0) => Range::POSITIVE,
        PROD if x.low >= 0.0 => Range::closed(0.0, f64::INFINITY),
        PAD => match node.attrs.get("value") {
            Some(Attr::Float(value)) => x.or(Range::closed(*value, *value)),
            _ => x.or(Range::closed(0.0, 0.0)),
        },
        _ => Range::ALL,
    }
}

/// `|x|` or `x²`.
fn squared(square: bool, x: Range) -> Range {
    let away = if x.low > 0.0 { x.low } else { (-x.high).max(0.0) };
    let far = x.high.max(-x.low);
    let size = |x: f64| if square { x * x } else { x };
    let zero_left_out = x.nonzero || x.is_above(0.0) || x.is_below(0.0);
    Range { low: size(away), high: size(far), low_open: zero_left_out, high_open: false, nonzero: zero_left_out }
}

/// A sum of one number or more: as far from 0 as any of them, when they are on one side of it.
fn summed(x: Range) -> Range {
    if x.low >= 0.0 {
        Range { high: f64::INFINITY, ..x }
    } else if x.high <= 0.0 {
        Range { low: f64::NEG_INFINITY, ..x }
    } else {
        Range::ALL
    }
}

/// Functions of two operands.
fn of_two(graph: &Graph, node: &Node, a: ir::Value, b: ir::Value, ranges: &IndexVec<ir::Value, Range>) -> Range {
    let (x, y) = (ranges[a], ranges[b]);
    match node.op {
        ADD => sum(x, y),
        SUB => sum(x, y.negated()),
        MUL if a == b => squared(true, x),
        DIV => quotient(x, y),
        MUL => match inverse(graph, b) {
            Some(divisor) => quotient(x, ranges[divisor]),
            None => product(x, y),
        },
        MINIMUM => maximum(x.negated(), y.negated()).negated(),
        MAXIMUM => maximum(x, y),
        POW => power(x, y),
        CONTRACT if a == b && graph.ty(a).shape.rank() == node.attrs.get_ints("axes_a").len() => {
            summed(squared(true, x))
        }
        CONTRACT => summed(product(x, y)),
        _ => Range::ALL,
    }
}

/// What a value is the reciprocal of.
pub fn inverse(graph: &Graph, value: ir::Value) -> Option<ir::Value> {
    let node = graph.node(value);
    (node.op == RECIPROCAL).then(|| node.inputs[0])
}

fn sum(x: Range, y: Range) -> Range {
    let (low_open, high_open) = (x.low_open || y.low_open, x.high_open || y.high_open);
    Range { low: x.low + y.low, high: x.high + y.high, low_open, high_open, nonzero: false }
}

fn product(x: Range, y: Range) -> Range {
    let times = |a: f64, b: f64| if a == 0.0 || b == 0.0 { 0.0 } else { a * b };
    let ends = [times(x.low, y.low), times(x.low, y.high), times(x.high, y.low), times(x.high, y.high)];
    let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let side = |x: Range| x.is_above(0.0) || x.is_below(0.0);
    let nonzero = (x.nonzero || side(x)) && (y.nonzero || side(y));
    let (low_open, high_open) = (nonzero && low == 0.0, nonzero && high == 0.0);
    Range { low, high, low_open, high_open, nonzero }
}

fn quotient(x: Range, y: Range) -> Range {
    if y.is_below(0.0) {
        return quotient(x.negated(), y.negated());
    }
    if !y.is_above(0.0) {
        let one_side = x.low >= 0.0 && y.low >= 0.0;
        return if one_side { Range::closed(0.0, f64::INFINITY) } else { Range::ALL };
    }
    let by = Range { low: 1.0 / y.high, high: 1.0 / y.low, ..Range::closed(0.0, 0.0) };
    let never_zero = x.low > 0.0 || x.high < 0.0 || (y.high.is_finite() && (x.is_above(0.0) || x.is_below(0.0)));
    Range { nonzero: never_zero, ..product(x, by) }
}

fn maximum(x: Range, y: Range) -> Range {
    let higher = |a: Range, b: Range| a.at_least(b.low, b.low_open);
    let bound = higher(x, y);
    let high = if x.high > y.high { x } else { y };
    let nonzero = bound.is_above(0.0) || (x.nonzero && y.nonzero);
    Range { high: high.high, high_open: high.high_open, nonzero, ..bound }
}

/// `x` to a power that is one number.
fn power(x: Range, y: Range) -> Range {
    if x.is_above(0.0) {
        return Range::POSITIVE;
    }
    if y.low != y.high {
        return if x.low >= 0.0 { Range::closed(0.0, f64::INFINITY) } else { Range::ALL };
    }
    match y.low {
        exponent if exponent > 0.0 && exponent % 2.0 == 0.0 => {
            Range { high: f64::INFINITY, low: 0.0, ..squared(true, x) }
        }
        exponent if exponent > 0.0 && x.low >= 0.0 => Range::closed(0.0, f64::INFINITY),
        _ => Range::ALL,
    }
}

/// `where(c, a, b)`: an arm that is itself compared in `c` lies on its side of the bound.
fn choice(graph: &Graph, ranges: &IndexVec<ir::Value, Range>, node: &Node) -> Range {
    let &[condition, a, b] = node.inputs.as_slice() else { return Range::ALL };
    let (mut condition, mut inverse) = (graph.node(condition), false);
    while condition.op == LOGICAL_NOT {
        (condition, inverse) = (graph.node(condition.inputs[0]), !inverse);
    }
    let arm = |value: ir::Value, chosen: bool| {
        let range = ranges[value];
        match condition.inputs.as_slice() {
            [left, right] if same(graph, *left, value) => {
                limited(range, condition.op, ranges[*right], chosen != inverse)
            }
            [left, right] if same(graph, *right, value) => {
                limited(range, mirrored(condition.op), ranges[*left], chosen != inverse)
            }
            _ => range,
        }
    };
    arm(a, true).or(arm(b, false))
}

/// Whether two nodes hold the same entries.
fn same(graph: &Graph, a: ir::Value, b: ir::Value) -> bool {
    let bare = |mut value: ir::Value| {
        while graph.node(value).op == BROADCAST {
            value = graph.node(value).inputs[0];
        }
        value
    };
    bare(a) == bare(b)
}

fn mirrored(op: Op) -> Op {
    match op {
        GREATER => LESS,
        GREATER_EQUAL => LESS_EQUAL,
        LESS => GREATER,
        LESS_EQUAL => GREATER_EQUAL,
        other => other,
    }
}

/// The part of `x` for which `x op bound` is `holds`.
fn limited(x: Range, op: Op, bound: Range, holds: bool) -> Range {
    match (op, holds) {
        (GREATER, true) | (LESS_EQUAL, false) => x.at_least(bound.low, true),
        (GREATER_EQUAL, true) | (LESS, false) => x.at_least(bound.low, bound.low_open),
        (LESS, true) | (GREATER_EQUAL, false) => x.at_most(bound.high, true),
        (LESS_EQUAL, true) | (GREATER, false) => x.at_most(bound.high, bound.high_open),
        (EQUAL, false) | (NOT_EQUAL, true) if bound.low == 0.0 && bound.high == 0.0 => Range { nonzero: true, ..x },
        _ => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_keeps_what_is_known() {
        let square = squared(true, Range::ALL);
        assert!(!square.is_above(0.0) && square.ends_at_zero());
        assert!(sum(square, Range::closed(1e-6, 1e-6)).is_above(0.0));
        assert!(!quotient(Range::POSITIVE, Range::POSITIVE).is_above(0.0), "a softmax may come out as 0");
        assert!(quotient(Range::POSITIVE, Range::closed(2.0, 2.0)).is_above(0.0));
        assert!(maximum(Range::ALL, Range::closed(1e-8, 1e-8)).is_above(0.0));
        assert!(!sum(Range::closed(1.0, 1.0), Range::closed(0.0, 1.0).negated()).is_above(0.0));
        assert!(limited(Range::ALL, GREATER, Range::closed(0.0, 0.0), true).is_above(0.0));
        assert!(!Range::ALL.ends_at_zero() && !Range::ALL.is_above(0.0));
        assert_eq!(product(Range::closed(-1.0, 2.0), Range::closed(3.0, 4.0)), Range::closed(-4.0, 8.0));
    }
}
