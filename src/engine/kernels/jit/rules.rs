//! Simpler nodes that leave the same bits, but for those of NaN.

use super::graph::{Compare, Graph, Mask, Node, Two, Value};

const SIGN: u32 = 1 << 31;
const SIZE: u32 = !SIGN;

/// What becomes of a node.
pub(super) enum Simpler {
    /// It is this one, as it is.
    Node(Node),
    /// It is the negative of this one.
    Negative(Node),
    /// It is a value that exists.
    Value(Value),
}

impl Graph {
    pub(super) fn simpler(&self, node: Node) -> Simpler {
        match node {
            // -|x| sets the sign.
            Node::Two(Two::Xor, a, sign) if self.is(sign, SIGN) => match self.nodes[a as usize] {
                Node::Two(Two::And, x, size) if self.is(size, SIZE) => Simpler::Node(Node::Two(Two::Or, x, sign)),
                Node::Two(Two::Xor, x, sign) if self.is(sign, SIGN) => Simpler::Value(x),
                _ => Simpler::Node(node),
            },
            Node::Two(op @ (Two::Add | Two::Sub | Two::Mul | Two::Div), a, b) => self.outside(op, a, b),
            // Both return the second operand if either is NaN.
            Node::Two(Two::Min, a, b) if self.is_bounded(a, false) && self.is_bounded(b, true) => Simpler::Value(b),
            Node::Two(Two::Max, a, b) if self.is_bounded(a, true) && self.is_bounded(b, false) => Simpler::Value(b),
            Node::Select(Mask { compare: Compare::Eq, integers: false, a, b }, yes, _)
                if a == b && self.is_number(a) =>
            {
                Simpler::Value(yes)
            }
            _ => Simpler::Node(node),
        }
    }

    /// Negations go outside, or into the operation.
    fn outside(&self, op: Two, a: Value, b: Value) -> Simpler {
        let (minus_a, minus_b) = (self.negated(a), self.negated(b));
        let [x, y] = [minus_a.unwrap_or(a), minus_b.unwrap_or(b)];
        match (op, minus_a.is_some(), minus_b.is_some()) {
            (_, false, false) => Simpler::Node(Node::Two(op, a, b)),
            (Two::Mul | Two::Div, true, true) => Simpler::Node(Node::Two(op, x, y)),
            (Two::Mul | Two::Div, ..) => Simpler::Negative(Node::Two(op, x, y)),
            (Two::Add, false, true) => Simpler::Node(Node::Two(Two::Sub, a, y)),
            (Two::Add, true, false) => Simpler::Node(Node::Two(Two::Sub, b, x)),
            (Two::Sub, false, true) => Simpler::Node(Node::Two(Two::Add, a, y)),
            (Two::Sub, true, true) => Simpler::Node(Node::Two(Two::Sub, y, x)),
            _ => Simpler::Node(Node::Two(op, a, b)),
        }
    }

    /// What a value is the negative of.
    pub(super) fn negated(&self, value: Value) -> Option<Value> {
        match self.nodes[value as usize] {
            Node::Two(Two::Xor, a, sign) if self.is(sign, SIGN) => Some(a),
            _ => None,
        }
    }

    /// Whether a value is a constant that is no NaN.
    fn is_number(&self, value: Value) -> bool {
        matches!(self.nodes[value as usize], Node::Const(bits) if !f32::from_bits(bits).is_nan())
    }

    /// Whether a value is surely at most 0, or at least 0, or NaN.
    fn is_bounded(&self, value: Value, above: bool) -> bool {
        match self.nodes[value as usize] {
            Node::Const(bits) => {
                let number = f32::from_bits(bits);
                if above { number <= 0.0 } else { number >= 0.0 }
            }
            Node::Two(Two::Or, _, sign) => above && self.is(sign, SIGN),
            Node::Two(Two::And, _, size) => !above && self.is(size, SIZE),
            Node::Two(Two::Min | Two::Max, a, b) => self.is_bounded(a, above) && self.is_bounded(b, above),
            _ => false,
        }
    }
}
