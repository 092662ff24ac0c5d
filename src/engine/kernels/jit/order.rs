//! In which order the instructions of a loop's body stand.
//!
//! A processor looks a few hundred instructions ahead. In a long body it would see little more than one chain, each link
//! of which waits for the one before; so what can be done meanwhile is put between the links, as far as registers reach.

use super::graph::{Node, One, Two, Value};

/// An instruction of one of the vectors in work.
pub(super) type Instruction = (Value, usize);

/// Half cycles, in each of which one instruction begins, until a result can be used.
const LATENCY: usize = 8;
/// The same of bitwise operations, and of divisions and roots.
const BITWISE: usize = 2;
const DIVISION: usize = 32;

/// Constants and scalars need neither an instruction nor a register.
pub(super) fn is_number(node: &Node) -> bool {
    matches!(node, Node::Const(_) | Node::Scalar(_))
}

/// All instructions of a body for `parts` vectors. Those that touch accumulators or change memory follow the others, part
/// by part: accumulators have two halves that take turns, the first of which is the one whose turn it is. `registers` are
/// there for values.
pub(super) fn order(nodes: &[Node], body: &[Value], parts: usize, registers: usize) -> Vec<Instruction> {
    if parts == 1 {
        return body.iter().map(|value| (*value, 0)).collect();
    }
    let mut late = vec![false; nodes.len()];
    for value in body {
        let node = &nodes[*value as usize];
        let reads_late = node.operands().any(|operand| late[operand as usize]);
        late[*value as usize] = node.acts() || matches!(node, Node::Sum(_)) || reads_late;
    }
    let (late, early): (Vec<Value>, Vec<Value>) = body.iter().partition(|value| late[**value as usize]);
    let mut order = Schedule::new(nodes, body, &early, parts, registers).run(&early);
    order.extend((0..parts).flat_map(|part| late.iter().map(move |value| (*value, part))));
    order
}

/// The largest number of values that live at once if a body is done in its order for one vector.
pub(super) fn pressure(nodes: &[Node], body: &[Value]) -> usize {
    let mut last = vec![0; nodes.len()];
    for &v in body {
        nodes[v as usize].operands().for_each(|operand| last[operand as usize] = v);
    }
    let (mut now, mut most) = (0, 0);
    for &v in body {
        let node = &nodes[v as usize];
        let mut ends: Vec<Value> = node
            .operands()
            .filter(|operand| last[*operand as usize] == v && !is_number(&nodes[*operand as usize]))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        now = now + usize::from(!node.acts() && !is_number(node)) - ends.len();
        most = most.max(now);
    }
    most
}

/// Half cycles until a result can be used.
fn latency(node: &Node) -> usize {
    match node {
        Node::Two(Two::Div, ..) | Node::One(One::Sqrt, _) => DIVISION,
        Node::Two(Two::And | Two::Or | Two::Xor | Two::AddInt | Two::SubInt, ..) => BITWISE,
        Node::One(One::Shl(_) | One::Sar(_), _) => BITWISE,
        _ => LATENCY,
    }
}

/// Instructions are taken from those whose operands exist: of those that need not wait the one with the longest way to
/// go, or if registers are short, one that frees some.
struct Schedule<'a> {
    nodes: &'a [Node],
    parts: usize,
    registers: usize,
    /// Half cycles from the beginning of a value to the end of all that needs it.
    height: Vec<usize>,
    /// For each value of a part: the operands that do not exist yet, the instructions that will read it, and when it can be
    /// used.
    missing: Vec<usize>,
    readers: Vec<usize>,
    done: Vec<usize>,
    /// The instructions that read a value, of those that are to be ordered.
    users: Vec<Vec<Value>>,
    ready: Vec<Instruction>,
    /// Values in registers.
    living: usize,
}

impl<'a> Schedule<'a> {
    fn new(nodes: &'a [Node], body: &[Value], early: &[Value], parts: usize, registers: usize) -> Self {
        let mut new = Schedule {
            nodes,
            parts,
            registers,
            height: vec![0; nodes.len()],
            missing: vec![0; nodes.len() * parts],
            readers: vec![0; nodes.len() * parts],
            done: vec![0; nodes.len() * parts],
            users: vec![Vec::new(); nodes.len()],
            ready: Vec::new(),
            living: 0,
        };
        for &value in body.iter().rev() {
            new.height[value as usize] += latency(&nodes[value as usize]);
            for operand in new.operands(value) {
                new.height[operand as usize] = new.height[operand as usize].max(new.height[value as usize]);
                (0..parts).for_each(|part| new.readers[operand as usize * parts + part] += 1);
            }
        }
        for &value in early {
            let operands = new.operands(value);
            operands.iter().for_each(|operand| new.users[*operand as usize].push(value));
            (0..parts).for_each(|part| new.missing[value as usize * parts + part] = operands.len());
            if operands.is_empty() && !is_number(&nodes[value as usize]) {
                new.ready.extend((0..parts).map(|part| (value, part)));
            }
        }
        new
    }

    /// The operands that need registers, each once.
    fn operands(&self, value: Value) -> Vec<Value> {
        let operands = self.nodes[value as usize].operands();
        let mut operands: Vec<Value> = operands.filter(|o| !is_number(&self.nodes[*o as usize])).collect();
        operands.sort_unstable();
        operands.dedup();
        operands
    }

    fn run(mut self, early: &[Value]) -> Vec<Instruction> {
        let numbers = early.iter().filter(|value| is_number(&self.nodes[**value as usize]));
        let mut order: Vec<Instruction> = numbers.map(|value| (*value, 0)).collect();
        let mut now = 0;
        while let Some(next) = self.next(now) {
            let (value, part) = self.ready.swap_remove(next);
            now = now.max(self.start((value, part))) + 1;
            self.done[value as usize * self.parts + part] = now + latency(&self.nodes[value as usize]);
            self.living = self.living + 1 - self.freed((value, part));
            for operand in self.operands(value) {
                self.readers[operand as usize * self.parts + part] -= 1;
            }
            for user in &self.users[value as usize] {
                let missing = &mut self.missing[*user as usize * self.parts + part];
                *missing -= 1;
                if *missing == 0 {
                    self.ready.push((*user, part));
                }
            }
            order.push((value, part));
        }
        order
    }

    /// The place of the next instruction among those that are ready.
    fn next(&self, now: usize) -> Option<usize> {
        let short = self.living >= self.registers;
        let rank = |at: &usize| {
            let instruction = self.ready[*at];
            let frees = self.freed(instruction);
            let waits = self.start(instruction).saturating_sub(now);
            let first = (std::cmp::Reverse(instruction.0), std::cmp::Reverse(instruction.1));
            let fits = if short { frees } else { 0 };
            (fits, std::cmp::Reverse(waits), self.height[instruction.0 as usize], first)
        };
        (0..self.ready.len()).max_by_key(rank)
    }

    /// When the operands of an instruction can be used.
    fn start(&self, (value, part): Instruction) -> usize {
        let operands = self.nodes[value as usize].operands();
        operands.map(|operand| self.done[operand as usize * self.parts + part]).max().unwrap_or(0)
    }

    /// The registers that an instruction frees.
    fn freed(&self, (value, part): Instruction) -> usize {
        let last = |operand: &Value| self.readers[*operand as usize * self.parts + part] == 1;
        self.operands(value).into_iter().filter(last).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A product of many factors, one after another, and a sum of as many terms; both are stored.
    fn two_chains(links: u32) -> Vec<Node> {
        let mut nodes = vec![Node::Load(0)];
        let mut ends = Vec::new();
        for op in [Two::Mul, Two::Add] {
            let mut last = 0;
            for _ in 0..links {
                nodes.push(Node::Two(op, last, 0));
                last = nodes.len() as Value - 1;
            }
            ends.push(last);
        }
        nodes.extend(ends.into_iter().map(|end| Node::Store(1, end)));
        nodes
    }

    #[test]
    fn every_instruction_stands_once_behind_its_operands() {
        let nodes = two_chains(9);
        let body: Vec<Value> = (0..nodes.len() as Value).collect();
        let order = order(&nodes, &body, 2, 20);
        assert_eq!(order.len(), 2 * nodes.len());
        for (at, (value, part)) in order.iter().enumerate() {
            for operand in nodes[*value as usize].operands() {
                let before = order[..at].iter().filter(|other| **other == (operand, *part)).count();
                assert_eq!(before, 1, "{operand} of part {part} stands before {value}");
            }
        }
    }

    #[test]
    fn links_of_different_chains_take_turns() {
        let nodes = two_chains(9);
        let body: Vec<Value> = (0..nodes.len() as Value).collect();
        let order = order(&nodes, &body, 2, 20);
        for pair in order[2..order.len() - 4].windows(2) {
            let [(value, part), next] = [pair[0], pair[1]];
            assert_ne!(next, (value + 1, part), "{order:?}");
        }
    }

    #[test]
    fn values_live_in_few_registers() {
        // Sixteen values that are computed alone and then added up.
        let mut nodes: Vec<Node> = (0..16).map(Node::Load).collect();
        nodes.extend((0..16).map(|value| Node::One(One::Sqrt, value)));
        for value in 17..32 {
            let sum = if value == 17 { 16 } else { nodes.len() as Value - 1 };
            nodes.push(Node::Two(Two::Add, sum, value));
        }
        nodes.push(Node::Store(16, nodes.len() as Value - 1));
        let body: Vec<Value> = (0..nodes.len() as Value).collect();
        let most = |registers| {
            let order = order(&nodes, &body, 2, registers);
            let last_use = |id: &Instruction| {
                order.iter().rposition(|(v, p)| *p == id.1 && nodes[*v as usize].operands().any(|o| o == id.0))
            };
            let lives = |at: usize| order[..=at].iter().filter(|id| last_use(id).is_some_and(|last| last > at)).count();
            (0..order.len()).map(lives).max()
        };
        assert!(most(12) <= Some(13), "{:?}", most(12));
        assert!(most(100) > Some(20), "{:?}", most(100));
    }
}
