//! What a loop's body computes, as a graph of vector instructions.
//!
//! [`Recorder`] is an "instruction set" whose vectors are nodes: any function written for [`Simd`] leaves its
//! operations here instead of executing them. Equal nodes are one, so that two functions of one argument share what
//! they have in common, and some become simpler by [`rules`](super::rules).

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use super::super::simd::{LOG_EDGES, Simd};
use super::rules::Simpler;

/// Index of a node.
pub(in super::super) type Value = u32;

/// Operations on one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum One {
    Sqrt,
    Round,
    Floor,
    Ceil,
    Trunc,
    ToInt,
    ToFloat,
    Shl(u32),
    Sar(u32),
    /// The upper lanes of each so many come down: lane i is what lane i plus half of that number was.
    Down(u32),
}

/// Operations on two vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Two {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    /// The first times two to the power of the second, which is integral.
    Scale,
    AddInt,
    SubInt,
    MulInt,
    And,
    Or,
    Xor,
}

impl Two {
    /// Whether the operands may be exchanged. `min` and `max` may not: they tell NaN by its place.
    pub(super) fn commutes(self) -> bool {
        matches!(self, Two::Add | Two::Mul | Two::AddInt | Two::MulInt | Two::And | Two::Or | Two::Xor)
    }
}

/// How two lanes are compared. The negated ones hold for NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Compare {
    Eq,
    Lt,
    Le,
    NotEq,
    NotLt,
    NotLe,
}

/// One truth value a lane, which is not kept anywhere but made where it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Mask {
    pub(super) compare: Compare,
    pub(super) integers: bool,
    pub(super) a: Value,
    pub(super) b: Value,
}

/// A vector instruction, or where a vector comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Node {
    /// The same 32 bits in all lanes.
    Const(u32),
    /// A number in all lanes: one that the caller passes, or one that an earlier part made.
    Scalar(u32),
    /// Sixteen words of a stream.
    Load(u32),
    /// Sixteen bytes of a stream, as integers.
    LoadByte(u32),
    /// The lane's index in the run.
    Ramp,
    /// What an accumulator holds so far.
    Sum(u32),
    /// The first or the second half of an accumulator, behind a row.
    Half(u32, u32),
    One(One, Value),
    Two(Two, Value, Value),
    /// ±a b ± c, rounded once; the flags negate the product and the summand.
    Fma([bool; 2], [Value; 3]),
    /// The first, or what the table says for the class of numbers that the second falls into.
    Fix([Value; 3]),
    /// The first where the mask holds, else the second.
    Select(Mask, Value, Value),
    Store(u32, Value),
    /// The same past the caches, where the vector is whole.
    StoreThrough(u32, Value),
    /// The lowest byte of each lane.
    StoreByte(u32, Value),
    SetSum(u32, Value),
    /// The first lane goes to where a stream begins.
    StoreFirst(u32, Value),
    /// The first lane becomes a scalar, for what follows in the row.
    SetScalar(u32, Value),
}

impl Node {
    /// The values that the node reads.
    pub(super) fn operands(&self) -> impl Iterator<Item = Value> + use<> {
        let list = match *self {
            Node::One(_, a)
            | Node::Store(_, a)
            | Node::StoreThrough(_, a)
            | Node::StoreByte(_, a)
            | Node::StoreFirst(_, a)
            | Node::SetScalar(_, a)
            | Node::SetSum(_, a) => [Some(a), None, None, None],
            Node::Two(_, a, b) => [Some(a), Some(b), None, None],
            Node::Fma(_, [a, b, c]) | Node::Fix([a, b, c]) => [Some(a), Some(b), Some(c), None],
            Node::Select(m, a, b) => [Some(m.a), Some(m.b), Some(a), Some(b)],
            _ => [None; 4],
        };
        list.into_iter().flatten()
    }

    /// The stream whose elements it reads or writes along the row.
    pub(super) fn stream(&self) -> Option<u32> {
        use Node::{Load, LoadByte, Store, StoreByte, StoreThrough};
        match *self {
            Load(stream) | LoadByte(stream) | Store(stream, _) | StoreThrough(stream, _) | StoreByte(stream, _) => {
                Some(stream)
            }
            _ => None,
        }
    }

    /// The accumulator that it changes.
    pub(super) fn sets_sum(&self) -> Option<u32> {
        match *self {
            Node::SetSum(sum, _) => Some(sum),
            _ => None,
        }
    }

    /// Whether the node is there for what it does, not for its value.
    pub(super) fn acts(&self) -> bool {
        use Node::{SetScalar, SetSum, Store, StoreByte, StoreFirst, StoreThrough};
        matches!(self, Store(..) | StoreThrough(..) | StoreByte(..) | StoreFirst(..) | SetScalar(..) | SetSum(..))
    }
}

/// What is done along a row, phase by phase. A phase has three parts: what is done once, the body of a loop over
/// vectors, and what is done once behind the loop. Loads come before the stores that could change what they read.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Graph {
    pub(super) nodes: Vec<Node>,
    known: FxHashMap<Node, Value>,
    /// Something was asked for that has no vector instructions.
    incomplete: bool,
    /// The number of nodes at the end of each part.
    ends: Vec<usize>,
}

/// Parts of a phase.
pub(super) const PARTS: usize = 3;

const SIGN: u32 = 1 << 31;
const ONE: u32 = 1f32.to_bits();

impl Graph {
    fn push(&mut self, node: Node) -> Value {
        match self.simpler(node) {
            Simpler::Node(node) => self.insert(node),
            Simpler::Value(value) => value,
            Simpler::Negative(node) => {
                let (value, sign) = (self.insert(node), self.insert(Node::Const(SIGN)));
                self.insert(Node::Two(Two::Xor, value, sign))
            }
        }
    }

    fn insert(&mut self, node: Node) -> Value {
        let next = self.nodes.len() as Value;
        let index = if node.acts() { next } else { *self.known.entry(node).or_insert(next) };
        if index == next {
            self.nodes.push(node);
        }
        index
    }

    pub(super) fn is(&self, value: Value, bits: u32) -> bool {
        self.nodes[value as usize] == Node::Const(bits)
    }

    fn fma(&mut self, [a, b, c]: [Value; 3]) -> Value {
        let minus = [a, b, c].map(|value| self.negated(value));
        let signs = [minus[0].is_some() != minus[1].is_some(), minus[2].is_some()];
        let [a, b, c] = [a, b, c].map(|value| self.negated(value).unwrap_or(value));
        self.push(Node::Fma(signs, [a, b, c]))
    }

    /// a = 0 for a truth value that a comparison made is the opposite comparison.
    fn compare(&self, compare: Compare, a: Value, b: Value) -> Mask {
        if let (Compare::Eq, Node::Select(mask, yes, no)) = (compare, self.nodes[a as usize])
            && self.is(b, 0)
            && self.is(yes, ONE)
            && self.is(no, 0)
        {
            return opposite(mask);
        }
        Mask { compare, integers: false, a, b }
    }

    /// The same 32 bits in all lanes.
    pub(in super::super) fn constant(&mut self, bits: u32) -> Value {
        self.push(Node::Const(bits))
    }

    pub(in super::super) fn scalar(&mut self, index: usize) -> Value {
        self.push(Node::Scalar(index as u32))
    }

    pub(in super::super) fn load(&mut self, stream: usize) -> Value {
        self.push(Node::Load(stream as u32))
    }

    /// Booleans of one byte as the floats 0 and 1.
    pub(in super::super) fn load_bool(&mut self, stream: usize) -> Value {
        let a = self.push(Node::LoadByte(stream as u32));
        let (zero, one) = (self.push(Node::Const(0)), self.push(Node::Const(ONE)));
        self.push(Node::Select(Mask { compare: Compare::NotEq, integers: true, a, b: zero }, one, zero))
    }

    /// Integers that start at a scalar and grow by a step from lane to lane.
    pub(in super::super) fn count(&mut self, scalar: usize, step: i32) -> Value {
        let (ramp, step) = (self.push(Node::Ramp), self.push(Node::Const(step.cast_unsigned())));
        let (along, start) = (self.push(Node::Two(Two::MulInt, ramp, step)), self.scalar(scalar));
        self.push(Node::Two(Two::AddInt, along, start))
    }

    pub(in super::super) fn sum(&mut self, index: usize) -> Value {
        self.push(Node::Sum(index as u32))
    }

    pub(in super::super) fn set_sum(&mut self, index: usize, value: Value) {
        self.push(Node::SetSum(index as u32, value));
    }

    /// The next part begins: registers hold nothing from before but accumulators.
    pub(in super::super) fn end_part(&mut self) {
        self.ends.push(self.nodes.len());
        self.known.retain(|node, _| matches!(node, Node::Const(_) | Node::Scalar(_)));
    }

    /// The number of nodes at the end of each part.
    pub(super) fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// Both halves of an accumulator, behind a row.
    pub(in super::super) fn halves(&mut self, index: usize) -> [Value; 2] {
        [0, 1].map(|half| self.push(Node::Half(index as u32, half)))
    }

    /// Brings the upper half of the first `lanes` lanes down.
    pub(in super::super) fn down(&mut self, lanes: u32, value: Value) -> Value {
        self.push(Node::One(One::Down(lanes), value))
    }

    /// Writes the first lane to where a stream begins.
    pub(in super::super) fn store_first(&mut self, stream: usize, value: Value) {
        self.push(Node::StoreFirst(stream as u32, value));
    }

    /// Makes the first lane a scalar, for the parts that follow.
    pub(in super::super) fn set_scalar(&mut self, index: usize, value: Value) {
        self.push(Node::SetScalar(index as u32, value));
    }

    pub(in super::super) fn store(&mut self, stream: usize, value: Value) {
        self.push(Node::Store(stream as u32, value));
    }

    /// The streams that floats are stored to.
    pub(in super::super) fn stored(&self) -> impl Iterator<Item = usize> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Store(stream, _) => Some(*stream as usize),
            _ => None,
        })
    }

    /// The same loop, which stores to some of the streams past the caches.
    pub(in super::super) fn storing_through(&self, streams: &[usize]) -> Graph {
        let mut graph = self.clone();
        for node in &mut graph.nodes {
            if let Node::Store(stream, value) = *node
                && streams.contains(&(stream as usize))
            {
                *node = Node::StoreThrough(stream, value);
            }
        }
        graph
    }

    /// Truth values as bytes 0 and 1.
    pub(in super::super) fn store_bool(&mut self, stream: usize, value: Value) {
        let (zero, one) = (self.push(Node::Const(0)), self.push(Node::Const(1)));
        let mask = opposite(self.compare(Compare::Eq, value, zero));
        let byte = self.push(Node::Select(mask, one, zero));
        self.push(Node::StoreByte(stream as u32, byte));
    }

    /// Every operation could be recorded.
    pub(in super::super) fn is_complete(&self) -> bool {
        !self.incomplete
    }
}

fn opposite(mask: Mask) -> Mask {
    let compare = match mask.compare {
        Compare::Eq => Compare::NotEq,
        Compare::Lt => Compare::NotLt,
        Compare::Le => Compare::NotLe,
        Compare::NotEq => Compare::Eq,
        Compare::NotLt => Compare::Lt,
        Compare::NotLe => Compare::Le,
    };
    Mask { compare, ..mask }
}

thread_local! {
    /// The graph that [`Recorder`] writes to.
    static GRAPH: RefCell<Graph> = RefCell::default();
}

/// Runs `f`, whose operations on [`Recorder`] vectors go to the graph.
pub(in super::super) fn record<T>(graph: &mut Graph, f: impl FnOnce() -> T) -> T {
    GRAPH.with(|current| current.swap(&RefCell::new(std::mem::take(graph))));
    let result = f();
    *graph = GRAPH.take();
    result
}

fn push(node: Node) -> Value {
    GRAPH.with_borrow_mut(|graph| graph.push(node))
}

fn give_up() {
    GRAPH.with_borrow_mut(|graph| graph.incomplete = true);
}

/// Records instead of computing; see the module's head.
#[derive(Clone, Copy)]
pub(in super::super) struct Recorder;

macro_rules! nodes {
    ($($name:ident($($arg:ident),+) = $node:expr;)*) => { $(
        unsafe fn $name($($arg: Value),+) -> Value {
            push($node)
        }
    )* };
}

// Nothing here is executed on lanes, so every function is safe.
impl Simd for Recorder {
    type F = Value;
    type I = Value;
    type M = Mask;

    nodes! {
        add(a, b) = Node::Two(Two::Add, a, b);
        sub(a, b) = Node::Two(Two::Sub, a, b);
        mul(a, b) = Node::Two(Two::Mul, a, b);
        div(a, b) = Node::Two(Two::Div, a, b);
        min(a, b) = Node::Two(Two::Min, a, b);
        max(a, b) = Node::Two(Two::Max, a, b);
        scale(a, n) = Node::Two(Two::Scale, a, n);
        sqrt(a) = Node::One(One::Sqrt, a);
        round(a) = Node::One(One::Round, a);
        floor(a) = Node::One(One::Floor, a);
        ceil(a) = Node::One(One::Ceil, a);
        trunc(a) = Node::One(One::Trunc, a);
        to_int(a) = Node::One(One::ToInt, a);
        to_float(a) = Node::One(One::ToFloat, a);
        iadd(a, b) = Node::Two(Two::AddInt, a, b);
        isub(a, b) = Node::Two(Two::SubInt, a, b);
        imul(a, b) = Node::Two(Two::MulInt, a, b);
        iand(a, b) = Node::Two(Two::And, a, b);
        ior(a, b) = Node::Two(Two::Or, a, b);
        ixor(a, b) = Node::Two(Two::Xor, a, b);
    }

    unsafe fn splat(x: f32) -> Value {
        push(Node::Const(x.to_bits()))
    }
    unsafe fn isplat(x: i32) -> Value {
        push(Node::Const(x.cast_unsigned()))
    }
    unsafe fn shl<const N: u32>(a: Value) -> Value {
        push(Node::One(One::Shl(N), a))
    }
    unsafe fn sar<const N: u32>(a: Value) -> Value {
        push(Node::One(One::Sar(N), a))
    }
    unsafe fn log_edges(x: Value, y: Value) -> Value {
        let table = push(Node::Const(LOG_EDGES.cast_unsigned()));
        push(Node::Fix([y, x, table]))
    }
    unsafe fn fma(a: Value, b: Value, c: Value) -> Value {
        GRAPH.with_borrow_mut(|graph| graph.fma([a, b, c]))
    }
    unsafe fn bits(a: Value) -> Value {
        a
    }
    unsafe fn from_bits(a: Value) -> Value {
        a
    }
    unsafe fn lt(a: Value, b: Value) -> Mask {
        Mask { compare: Compare::Lt, integers: false, a, b }
    }
    unsafe fn le(a: Value, b: Value) -> Mask {
        Mask { compare: Compare::Le, integers: false, a, b }
    }
    unsafe fn eq(a: Value, b: Value) -> Mask {
        GRAPH.with_borrow(|graph| graph.compare(Compare::Eq, a, b))
    }
    unsafe fn ilt(a: Value, b: Value) -> Mask {
        Mask { compare: Compare::Lt, integers: true, a, b }
    }
    unsafe fn ieq(a: Value, b: Value) -> Mask {
        Mask { compare: Compare::Eq, integers: true, a, b }
    }
    unsafe fn not(m: Mask) -> Mask {
        opposite(m)
    }
    unsafe fn select(m: Mask, a: Value, b: Value) -> Value {
        push(Node::Select(m, a, b))
    }

    // Lanes do not exist yet: functions that look at them have no graph.
    unsafe fn any(_: Mask) -> bool {
        give_up();
        false
    }
    unsafe fn load(_: *const f32) -> Value {
        give_up();
        push(Node::Const(0))
    }
    unsafe fn load_first(_: *const f32, _: usize, fill: Value) -> Value {
        give_up();
        fill
    }
    unsafe fn store(_: *mut f32, _: Value) {
        give_up();
    }
    unsafe fn store_first(_: *mut f32, _: usize, _: Value) {
        give_up();
    }
}
