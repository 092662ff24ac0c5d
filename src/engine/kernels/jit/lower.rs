//! From a graph to a function in AVX-512 instructions: a loop for each phase, sixteen lanes a round, or thirty-two where
//! registers suffice.
//!
//! A loop runs over `count` elements of its streams. Accumulators stay in registers as long as there are few.
//! Values get registers in the order of the graph; when none is free, the value that is needed last makes room, and
//! constants are simply read again. Constants and scalars are read straight from their tables wherever an instruction
//! can broadcast.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use iced_x86::{Code as Op, Register};

use super::buffer::Code;
use super::emit::{Assembler, COUNT, INDEX, Place, SPARE, Source};
use super::graph::{Compare, Graph, Mask, Node, PARTS, Value};
use super::order::{is_number, order, pressure};
use super::rows::Rows;
use crate::engine::kernels::simd::LANES;

/// A function that can be run.
pub(in super::super) struct Compiled {
    pub code: Code,
    /// What `run` needs as constants.
    pub constants: Vec<f32>,
    /// Words of room for spilled values.
    pub room: usize,
}

/// Functions that exist, so that equal layers share one.
static KNOWN: Mutex<Option<HashMap<Key, Weak<Compiled>>>> = Mutex::new(None);

/// The instructions and where parts of them end, how many streams and accumulators there are, and what rows do.
type Key = (Vec<Node>, Vec<usize>, usize, usize, Option<Rows>);

/// Functions to remember at most.
const REMEMBERED: usize = 4096;

/// The function of a graph with that many streams and accumulators, over one row or over many; `None` where the system
/// refuses executable memory.
pub(in super::super) fn compile(
    graph: &Graph,
    streams: usize,
    sums: usize,
    rows: Option<&Rows>,
) -> Option<Arc<Compiled>> {
    let key = (graph.nodes.clone(), graph.ends().to_vec(), streams, sums, rows.cloned());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if let Some(old) = known.get(&key).and_then(Weak::upgrade) {
        return Some(old);
    }
    let new = Arc::new(Lowering::new(graph, streams, sums, rows).run()?);
    if known.len() >= REMEMBERED {
        known.clear();
    }
    known.insert(key, Arc::downgrade(&new));
    Some(new)
}

/// Registers for the addresses of a loop's first streams; the others are loaded where they are used.
const BASES: [Register; 8] = [
    Register::R9,
    Register::R10,
    Register::RBX,
    Register::RBP,
    Register::R12,
    Register::R13,
    Register::R14,
    Register::R15,
];
/// How many of them a function need not preserve.
const FREE_BASES: usize = 2;
/// Accumulators that get registers in a phase.
const HELD_SUMS: usize = 3;
/// Values that may live at once if two vectors are to be in work: some are spilled then, which costs less than the waiting of one vector alone.
const NARROW: usize = 26;
/// Registers for operands that have none of their own.
const TEMPORARIES: usize = 3;
/// Longest body that is written twice.
const SHORT: usize = 600;

pub(super) struct Lowering<'a> {
    nodes: &'a [Node],
    /// What is done in each part of each phase, in order.
    pub(super) phases: Vec<[Vec<Value>; PARTS]>,
    pub(super) rows: Option<&'a Rows>,
    pub(super) streams: usize,
    pub(super) sums: usize,
    pub(super) out: Assembler,
    pub(super) constants: Vec<u32>,
    /// Index of each constant node among the constants.
    constant_of: Vec<usize>,
    /// The streams that have a register for their address at the moment, and the accumulators that have two.
    based: Vec<u32>,
    held: Vec<u32>,
    rooms: usize,
}

impl<'a> Lowering<'a> {
    fn new(graph: &'a Graph, streams: usize, sums: usize, rows: Option<&'a Rows>) -> Self {
        let nodes = &graph.nodes[..];
        let mut live = vec![false; nodes.len()];
        for (index, node) in nodes.iter().enumerate().rev() {
            live[index] |= node.acts();
            if live[index] {
                node.operands().for_each(|o| live[o as usize] = true);
            }
        }
        // The numbers of the lanes come first.
        let mut constants: Vec<u32> = (0..LANES as u32).collect();
        let mut constant_of = vec![0; nodes.len()];
        for (index, node) in nodes.iter().enumerate() {
            if let (true, Node::Const(bits)) = (live[index], node) {
                constant_of[index] = constants.len();
                constants.push(*bits);
            }
        }
        let part = |start: usize, end: usize| (start..end).filter(|i| live[*i]).map(|i| i as Value).collect();
        let mut start = 0;
        let mut parts = graph.ends().iter().map(|end| part(std::mem::replace(&mut start, *end), *end));
        let mut phases = Vec::new();
        while let (Some(before), Some(body), Some(behind)) = (parts.next(), parts.next(), parts.next()) {
            phases.push([before, body, behind]);
        }
        let out = Assembler::new();
        let (based, held) = (Vec::new(), Vec::new());
        Lowering { nodes, phases, rows, streams, sums, out, constants, constant_of, based, held, rooms: 0 }
    }

    fn run(mut self) -> Option<Compiled> {
        let most = self.phases.iter().map(|[_, body, _]| self.addresses(body).len()).max().unwrap_or(0);
        let saved = &BASES[FREE_BASES..most.max(FREE_BASES)];
        saved.iter().for_each(|r| self.out.one_register(Op::Push_r64, *r));
        match self.rows {
            Some(rows) => self.all_rows(rows),
            None => {
                self.take_sums(0);
                self.phase(0);
                self.leave_sums();
            }
        }
        saved.iter().rev().for_each(|r| self.out.one_register(Op::Pop_r64, *r));
        self.out.plain(Op::VEX_Vzeroupper);
        self.out.plain(Op::Retnq);
        let code = Code::new(&self.out.finish()?)?;
        let constants = self.constants.iter().map(|bits| f32::from_bits(*bits)).collect();
        Some(Compiled { code, constants, room: self.rooms * LANES })
    }

    /// The streams of a loop that get registers for their addresses.
    fn addresses(&self, body: &[Value]) -> Vec<u32> {
        let mut streams = Vec::new();
        for value in body {
            if let Some(stream) = self.nodes[*value as usize].stream()
                && !streams.contains(&stream)
            {
                streams.push(stream);
            }
        }
        streams.truncate(BASES.len());
        streams
    }

    /// One phase of a row.
    pub(super) fn phase(&mut self, phase: usize) {
        let [before, body, behind] = std::mem::take(&mut self.phases[phase]);
        self.once(&before);
        if !body.is_empty() {
            self.start_sums(&body);
            self.along(&body);
            self.once(&behind);
        }
        self.phases[phase] = [before, body, behind];
    }

    /// The accumulators of a row start anew.
    fn start_sums(&mut self, body: &[Value]) {
        for (sum, bits) in self.rows.map_or(&[][..], |rows| &rows.starts) {
            if body.iter().any(|value| self.nodes[*value as usize].sets_sum() == Some(*sum as u32)) {
                self.start(*sum, *bits);
            }
        }
    }

    /// The loop along a row.
    fn along(&mut self, body: &[Value]) {
        self.based = self.addresses(body);
        for (stream, base) in self.based.iter().zip(BASES) {
            self.out.address(base, *stream);
        }
        if self.rows.is_some() {
            self.count_lanes();
        }
        self.out.registers(Op::Xor_r32_rm32, Register::EAX, Register::EAX);
        if body.len() <= SHORT && pressure(self.nodes, body) <= NARROW {
            self.rounds(body, 2);
        }
        self.rounds(body, 1);
        self.last(body);
        self.out.last = false;
        self.based.clear();
    }

    /// What is done once.
    fn once(&mut self, order: &[Value]) {
        let order = order.iter().map(|value| (*value, 0)).collect();
        Body::new(self, order, 1).run();
    }

    /// The first accumulators of a phase get registers, with what they hold so far.
    pub(super) fn take_sums(&mut self, phase: usize) {
        let [_, body, _] = &self.phases[phase];
        let sums = body.iter().filter_map(|value| self.nodes[*value as usize].sets_sum());
        self.held = sums.take(HELD_SUMS).collect();
        for (register, place) in self.kept_sums() {
            let place = self.sum_place(place.0, place.1);
            self.out.load(register, place);
        }
    }

    /// Their registers are free again.
    pub(super) fn leave_sums(&mut self) {
        for (register, place) in self.kept_sums() {
            let place = self.sum_place(place.0, place.1);
            self.out.store(place, register);
        }
        self.held.clear();
    }

    /// The registers of accumulators that outlive a row, with which half of which it is.
    fn kept_sums(&self) -> Vec<(u8, (usize, usize))> {
        let starts = self.rows.map_or(&[][..], |rows| &rows.starts);
        let sums = self.held.iter().map(|sum| *sum as usize).filter(|sum| starts.iter().all(|(start, _)| start != sum));
        let halves = sums.flat_map(|sum| [(sum, 0), (sum, 1)]);
        halves.filter_map(|(sum, half)| Some((self.held(sum, half)?, (sum, half)))).collect()
    }

    /// The register of a half of an accumulator, if it has one.
    pub(super) fn held(&self, sum: usize, half: usize) -> Option<u8> {
        let place = self.held.iter().position(|held| *held as usize == sum)?;
        Some(31 - (2 * place + half) as u8)
    }

    /// A loop over whole vectors, `parts` at a time.
    fn rounds(&mut self, body: &[Value], parts: usize) {
        let lanes = (parts * LANES) as i32;
        let (top, end) = (self.out.label(), self.out.label());
        self.out.number(Op::Sub_rm64_imm8, COUNT, lanes);
        self.out.jump(Op::Jb_rel32_64, end);
        self.out.bind(top);
        self.body(body, parts);
        self.out.number(Op::Add_rm64_imm8, INDEX, lanes);
        self.out.number(Op::Sub_rm64_imm8, COUNT, lanes);
        self.out.jump(Op::Jae_rel32_64, top);
        self.out.bind(end);
        self.out.number(Op::Add_rm64_imm8, COUNT, lanes);
    }

    /// The lanes that are left, if any; the addition before has told.
    fn last(&mut self, body: &[Value]) {
        let end = self.out.label();
        // Adding sets the zero flag for an empty rest.
        self.out.jump(Op::Je_rel32_64, end);
        self.out.mark_last();
        self.out.last = true;
        self.body(body, 1);
        self.out.bind(end);
    }

    fn body(&mut self, body: &[Value], parts: usize) {
        let order = order(self.nodes, body, parts, 32 - 2 * self.held.len() - TEMPORARIES);
        Body::new(self, order, parts).run();
    }

    /// Constants and scalars need no register.
    fn is_number(&self, value: Value) -> bool {
        is_number(&self.nodes[value as usize])
    }

    /// The address of a stream, loaded where it has no register of its own.
    fn base(&mut self, stream: u32) -> Register {
        if let Some(place) = self.based.iter().position(|based| *based == stream) {
            return BASES[place];
        }
        self.out.address(SPARE, stream);
        SPARE
    }

    /// Where the first or the second half of an accumulator lies.
    pub(super) fn sum_place(&mut self, sum: usize, half: usize) -> Place {
        self.out.address(SPARE, (self.streams + sum) as u32);
        Place { base: SPARE, ahead: (half * LANES * size_of::<f32>()) as i64, size: 0 }
    }
}

/// Mask registers, used in turn; the first is for the last vector.
const MASKS: [Register; 6] = [Register::K2, Register::K3, Register::K4, Register::K5, Register::K6, Register::K7];

/// One straight run over the instructions, with the state of the registers.
struct Body<'b, 'a> {
    low: &'b mut Lowering<'a>,
    order: Vec<(Value, usize)>,
    parts: usize,
    /// Positions of the uses of each value that are still to come, last first.
    uses: Vec<Vec<usize>>,
    register: Vec<Option<u8>>,
    room: Vec<Option<usize>>,
    holds: [Option<usize>; 32],
    registers: usize,
    free_rooms: Vec<usize>,
    /// Rooms that the instruction in work still reads.
    left_rooms: Vec<usize>,
    rooms: usize,
    now: usize,
    masks: usize,
}

impl<'b, 'a> Body<'b, 'a> {
    fn new(low: &'b mut Lowering<'a>, order: Vec<(Value, usize)>, parts: usize) -> Self {
        let values = low.nodes.len() * parts;
        let registers = 32 - 2 * low.held.len();
        let mut body = Body {
            low,
            order,
            parts,
            uses: vec![Vec::new(); values],
            register: vec![None; values],
            room: vec![None; values],
            holds: [None; 32],
            registers,
            free_rooms: Vec::new(),
            left_rooms: Vec::new(),
            rooms: 0,
            now: 0,
            masks: 0,
        };
        for position in (0..body.order.len()).rev() {
            let (value, part) = body.order[position];
            for operand in body.low.nodes[value as usize].operands() {
                let id = body.id(operand, part);
                body.uses[id].push(position);
            }
        }
        body
    }

    /// A value of one of the parts; numbers are the same for all.
    fn id(&self, value: Value, part: usize) -> usize {
        let part = if self.low.is_number(value) { 0 } else { part };
        value as usize * self.parts + part
    }

    fn node(&self, id: usize) -> Node {
        self.low.nodes[id / self.parts]
    }

    fn run(mut self) {
        for position in 0..self.order.len() {
            self.now = position;
            let (value, part) = self.order[position];
            self.free_rooms.append(&mut self.left_rooms);
            self.instruction(value, part);
        }
        self.low.rooms = self.low.rooms.max(self.rooms);
    }

    fn instruction(&mut self, value: Value, part: usize) {
        let id = self.id(value, part);
        let ahead = (part * LANES) as i64;
        let node = self.low.nodes[value as usize];
        match node {
            Node::Const(_) | Node::Scalar(_) => {}
            Node::Load(stream) | Node::LoadByte(stream) => {
                let size = if matches!(node, Node::Load(_)) { 4 } else { 1 };
                let to = self.define(id);
                let base = self.low.base(stream);
                self.low.out.load(to, Place { base, ahead, size });
            }
            Node::Ramp => {
                let to = self.define(id);
                self.low.out.ramp(to, ahead);
            }
            Node::Sum(sum) => self.read_sum(id, sum as usize, part),
            Node::Half(sum, half) => self.read_sum(id, sum as usize, half as usize),
            Node::One(op, a) => {
                let a = self.source(self.id(a, part));
                self.release(node, part);
                let to = self.define(id);
                self.low.out.one(op, to, a);
            }
            Node::Two(op, a, b) => {
                let (mut a, mut b) = (self.id(a, part), self.id(b, part));
                if op.commutes() && self.register[a].is_none() && self.register[b].is_some() {
                    (a, b) = (b, a);
                }
                let a = self.in_register(a);
                let b = self.source(b);
                self.release(node, part);
                let to = self.define(id);
                self.low.out.two(op, to, a, b);
            }
            Node::Fma(signs, operands) => self.fma(id, signs, operands.map(|o| self.id(o, part)), part),
            Node::Fix(operands) => self.fix(id, operands.map(|o| self.id(o, part)), part),
            Node::Select(mask, a, b) => self.select(id, mask, [a, b], part),
            Node::Store(stream, a) | Node::StoreThrough(stream, a) | Node::StoreByte(stream, a) => {
                let size = if matches!(node, Node::StoreByte(..)) { 1 } else { 4 };
                let a = self.in_register(self.id(a, part));
                let place = Place { base: self.low.base(stream), ahead, size };
                match node {
                    Node::StoreThrough(..) => self.low.out.store_through(place, a),
                    _ => self.low.out.store(place, a),
                }
                self.release(node, part);
            }
            Node::StoreFirst(stream, a) => {
                let a = self.in_register(self.id(a, part));
                self.low.out.store_first(stream, a);
                self.release(node, part);
            }
            Node::SetScalar(scalar, a) => {
                let a = self.in_register(self.id(a, part));
                self.low.out.set_scalar(scalar, a);
                self.release(node, part);
            }
            Node::SetSum(sum, a) => {
                let a = self.in_register(self.id(a, part));
                match self.low.held(sum as usize, part) {
                    Some(register) => self.low.out.keep(register, a),
                    None => {
                        let place = self.low.sum_place(sum as usize, part);
                        self.low.out.store(place, a);
                    }
                }
                self.release(node, part);
                if self.parts == 1 {
                    self.take_turns(sum as usize);
                }
            }
        }
    }

    fn read_sum(&mut self, id: usize, sum: usize, half: usize) {
        if let Some(register) = self.low.held(sum, half) {
            self.register[id] = Some(register);
            return;
        }
        let to = self.define(id);
        let place = self.low.sum_place(sum, half);
        self.low.out.load(to, place);
    }

    /// After a single vector it is the other half's turn.
    fn take_turns(&mut self, sum: usize) {
        let spare = self.free();
        if let [Some(first), Some(second)] = [0, 1].map(|half| self.low.held(sum, half)) {
            self.low.out.copy(spare, Source::Register(first), None);
            self.low.out.copy(first, Source::Register(second), None);
            self.low.out.copy(second, Source::Register(spare), None);
            return;
        }
        let last = std::mem::take(&mut self.low.out.last);
        let room = self.room();
        let [first, second] = [0, 1].map(|half| self.low.sum_place(sum, half));
        self.low.out.load(spare, first);
        self.low.out.spill(room, spare);
        self.low.out.load(spare, second);
        self.low.out.store(first, spare);
        self.low.out.copy(spare, Source::Room(room), None);
        self.low.out.store(second, spare);
        self.free_rooms.push(room);
        self.low.out.last = last;
    }

    /// Memory for a vector.
    fn room(&mut self) -> usize {
        self.free_rooms.pop().unwrap_or_else(|| {
            self.rooms += 1;
            self.rooms - 1
        })
    }

    fn fma(&mut self, id: usize, signs: [bool; 2], [mut a, mut b, c]: [usize; 3], part: usize) {
        let node = self.node(id);
        // At most one operand stays in memory: the summand, or the second factor.
        if self.register[a].is_none() && self.register[b].is_some() {
            (a, b) = (b, a);
        }
        self.in_register(a);
        if self.register[c].is_none() && self.register[b].is_none() {
            self.in_register(b);
        }
        let (form, target) = match [a, b, c].map(|o| self.dies(o)) {
            [true, _, _] => (0, a),
            [_, true, _] => {
                (a, b) = (b, a);
                (0, a)
            }
            [_, _, true] => (2, c),
            _ => (0, a),
        };
        // The factor that is overwritten stands first; the one in memory, if any, last.
        let in_memory = |o: usize| self.register[o].is_none();
        let form = if form == 0 && in_memory(b) { 1 } else { form };
        let to = self.overwritten(target);
        let (second, third) = match form {
            0 => (b, c),
            1 => (c, b),
            _ => (a, b),
        };
        let (second, third) = (self.in_register(second), self.source(third));
        self.low.out.three(fma_code(signs, form), to, second, third, None);
        self.release(node, part);
        self.hold(id, to);
    }

    fn fix(&mut self, id: usize, [value, number, table]: [usize; 3], part: usize) {
        let node = self.node(id);
        self.in_register(value);
        self.in_register(number);
        let to = self.overwritten(value);
        let (number, table) = (self.in_register(number), self.source(table));
        self.low.out.fix(to, number, table);
        self.release(node, part);
        self.hold(id, to);
    }

    /// Whether the instruction in work is the last that reads a value in a register.
    fn dies(&self, id: usize) -> bool {
        let free = self.register[id].is_some_and(|r| usize::from(r) < self.registers);
        free && self.uses[id].iter().all(|u| *u == self.now)
    }

    /// A register that holds a value and may be overwritten.
    fn overwritten(&mut self, id: usize) -> u8 {
        if self.dies(id) {
            return self.register[id].unwrap_or(0);
        }
        let to = self.free();
        let from = self.in_register(id);
        self.low.out.copy(to, Source::Register(from), None);
        to
    }

    fn select(&mut self, id: usize, mask: Mask, [a, b]: [Value; 2], part: usize) {
        let node = self.node(id);
        let (mut x, mut y) = (self.id(mask.a, part), self.id(mask.b, part));
        let (mut yes, mut no) = (self.id(a, part), self.id(b, part));
        let zero = |body: &Self, id: usize| body.node(id) == Node::Const(0);
        // What is chosen where the mask holds may come from memory.
        let flip = (zero(self, yes) && !zero(self, no))
            || (!zero(self, no) && self.register[yes].is_some() && self.register[no].is_none());
        if flip {
            (yes, no) = (no, yes);
        }
        let swap = self.register[x].is_none() && self.register[y].is_some();
        if swap {
            (x, y) = (y, x);
        }
        let k = MASKS[self.masks % MASKS.len()];
        self.masks += 1;
        let (left, right) = (self.in_register(x), self.source(y));
        self.low.out.compare(mask.integers, predicate(&mask, flip, swap), k, left, right);
        let other = if zero(self, no) { None } else { Some(self.in_register(no)) };
        let chosen = self.source(yes);
        self.release(node, part);
        let to = self.define(id);
        match other {
            None => self.low.out.copy(to, chosen, Some(k)),
            Some(no) => self.low.out.three(Op::EVEX_Vblendmps_zmm_k1z_zmm_zmmm512b32, to, no, chosen, Some(k)),
        }
    }

    /// Where an instruction can read a value as its last operand.
    fn source(&self, id: usize) -> Source {
        match (self.register[id], self.node(id)) {
            (Some(register), _) => Source::Register(register),
            (_, Node::Const(_)) => Source::Constant(self.low.constant_of[id / self.parts]),
            (_, Node::Scalar(index)) => Source::Scalar(index),
            _ => Source::Room(self.room[id].expect("a value without register was spilled")),
        }
    }

    fn in_register(&mut self, id: usize) -> u8 {
        if let Some(register) = self.register[id] {
            return register;
        }
        let source = self.source(id);
        let to = self.free();
        self.low.out.copy(to, source, None);
        self.hold(id, to);
        to
    }

    /// A register for a result.
    fn define(&mut self, id: usize) -> u8 {
        let to = self.free();
        self.hold(id, to);
        to
    }

    fn hold(&mut self, id: usize, register: u8) {
        self.holds[register as usize] = Some(id);
        self.register[id] = Some(register);
    }

    /// A register that holds nothing, after spilling what is needed last if there is no other.
    fn free(&mut self) -> u8 {
        if let Some(register) = (0..self.registers).find(|r| self.holds[*r].is_none()) {
            return register as u8;
        }
        let next_use = |register: &usize| self.holds[*register].and_then(|id| self.uses[id].last().copied());
        let register = (0..self.registers).max_by_key(next_use).unwrap_or(0);
        if let Some(id) = self.holds[register].take() {
            self.register[id] = None;
            if !self.low.is_number((id / self.parts) as Value) && self.room[id].is_none() {
                let room = self.room();
                self.room[id] = Some(room);
                self.low.out.spill(room, register as u8);
            }
        }
        register as u8
    }

    /// The operands of the instruction have been read; those without further uses leave.
    fn release(&mut self, node: Node, part: usize) {
        for operand in node.operands() {
            let id = self.id(operand, part);
            if self.uses[id].last() == Some(&self.now) {
                self.uses[id].pop();
            }
            if self.uses[id].is_empty() {
                if let Some(register) = self.register[id].take_if(|r| usize::from(*r) < self.registers) {
                    self.holds[register as usize] = None;
                }
                self.left_rooms.extend(self.room[id].take());
            }
        }
    }
}

/// The number that names a comparison; flipped to its opposite, or with its operands exchanged.
fn predicate(mask: &Mask, flip: bool, swap: bool) -> u32 {
    let (floats, integers) = match (mask.compare, swap) {
        (Compare::Eq, _) => ([0x00, 0x04], [0, 4]),
        (Compare::NotEq, _) => ([0x04, 0x00], [4, 0]),
        (Compare::Lt, false) => ([0x11, 0x15], [1, 5]),
        (Compare::Lt, true) => ([0x1e, 0x1a], [6, 2]),
        (Compare::Le, false) => ([0x12, 0x16], [2, 6]),
        (Compare::Le, true) => ([0x1d, 0x19], [5, 1]),
        (Compare::NotLt, false) => ([0x15, 0x11], [5, 1]),
        (Compare::NotLt, true) => ([0x1a, 0x1e], [2, 6]),
        (Compare::NotLe, false) => ([0x16, 0x12], [6, 2]),
        (Compare::NotLe, true) => ([0x19, 0x1d], [1, 5]),
    };
    if mask.integers { integers[usize::from(flip)] } else { floats[usize::from(flip)] }
}

/// The multiplication with addition that overwrites the first factor with a register as second (0) or as summand (1),
/// or overwrites the summand (2).
fn fma_code(signs: [bool; 2], form: usize) -> Op {
    match signs {
        [false, false] => [
            Op::EVEX_Vfmadd213ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfmadd132ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        ][form],
        [false, true] => [
            Op::EVEX_Vfmsub213ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfmsub132ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfmsub231ps_zmm_k1z_zmm_zmmm512b32_er,
        ][form],
        [true, false] => [
            Op::EVEX_Vfnmadd213ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfnmadd132ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfnmadd231ps_zmm_k1z_zmm_zmmm512b32_er,
        ][form],
        [true, true] => [
            Op::EVEX_Vfnmsub213ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfnmsub132ps_zmm_k1z_zmm_zmmm512b32_er,
            Op::EVEX_Vfnmsub231ps_zmm_k1z_zmm_zmmm512b32_er,
        ][form],
    }
}
