//! A group as a step: its program, what it loads and stores, and where its results lie.

use std::ops::Range;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::{SmallVec, smallvec};

use super::axes::{AxisMap, identity, of_operand, through};
use super::build::Build;
use super::chain::{self, Link};
use super::formula;
use super::group::{Group, Member, Place, Role};
use super::memory::{Buffer, Home, Memory};
use super::step::{Step, Work};
use super::store::Kind;
use super::view::{BufferId, View};
use crate::engine::kernels::{Access, Element, Fused, Instr, Map1, Map2, Program, Reg, Scratch, Tiling};
use crate::ir::{Node, Value, op};

/// A fused loop nest.
#[derive(Clone)]
pub(super) struct Loops {
    fused: Arc<Fused>,
    buffers: Vec<BufferId>,
    partials: Option<BufferId>,
}

/// What combines the partial sums of a loop nest's tiles.
struct Finish(Loops);

/// An address for each buffer of a loop nest.
pub(super) type Pointers = SmallVec<[*mut f32; 64]>;

impl Loops {
    /// How they are cut.
    pub fn tiling(&self) -> Tiling {
        self.fused.tiling()
    }

    /// What is done with consecutive tiles of the buffers at `pointers`.
    ///
    /// # Safety
    /// As for [`Work::run_all`], with these addresses.
    pub unsafe fn run_on(
        &self,
        tiles: Range<usize>,
        (pointers, partials): &(Pointers, *mut f32),
        scratch: &mut Scratch,
    ) {
        // SAFETY: accesses stay within their buffers by construction of the views; in-place writes were allowed only where loads and
        // stores agree; the rest is the caller's promise.
        unsafe { self.fused.run_tiles(tiles, pointers, *partials, scratch) };
    }

    /// Where the buffers are, and the partial results.
    pub fn pointers(&self, memory: &Memory) -> (Pointers, *mut f32) {
        let pointers = self.buffers.iter().map(|buffer| memory.pointer(*buffer).cast()).collect();
        (pointers, self.partials.map_or(std::ptr::null_mut(), |buffer| memory.pointer(buffer).cast()))
    }
}

impl Work for Loops {
    fn tiles(&self) -> usize {
        self.fused.tiles()
    }

    fn share(&self, worker: usize, workers: usize) -> Range<usize> {
        self.tiling().part(worker, workers)
    }

    fn nanoseconds(&self) -> usize {
        /// Elements that an instruction does in a nanosecond, elementary functions among them.
        const RATE: usize = 16;
        self.fused.operations() / RATE
    }

    fn operations(&self) -> Option<usize> {
        Some(self.fused.operations())
    }

    unsafe fn run(&self, tile: usize, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the caller's promise.
        unsafe { self.run_all(tile..tile + 1, memory, scratch) };
    }

    unsafe fn run_all(&self, tiles: Range<usize>, memory: &Memory, scratch: &mut Scratch) {
        // SAFETY: the caller's promise.
        unsafe { self.run_on(tiles, &self.pointers(memory), scratch) };
    }
}

impl Work for Finish {
    fn tiles(&self) -> usize {
        1
    }

    fn nanoseconds(&self) -> usize {
        self.0.fused.partials_len()
    }

    fn operations(&self) -> Option<usize> {
        Some(self.0.fused.partials_len())
    }

    unsafe fn run(&self, _: usize, memory: &Memory, _: &mut Scratch) {
        let (pointers, partials) = self.0.pointers(memory);
        // SAFETY: a barrier stands between the tiles and this.
        unsafe { self.0.fused.finish(&pointers, partials) };
    }
}

/// Appends the steps of group number `item`, and records where its results lie.
pub(super) fn lower(build: &mut Build, item: usize, group: &Group) {
    let inner = |axis: &usize| group.inner.as_ref().is_none_or(|inner| inner[*axis]);
    let axes = 0..group.extent.len();
    let mut order: Vec<usize> = axes.clone().filter(|axis| !inner(axis)).collect();
    let outer = order.len();
    order.extend(axes.filter(inner));
    let extents: Vec<usize> = order.iter().map(|axis| group.extent[*axis]).collect();
    let mut position = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, axis)| position[*axis] = at);
    let program = Program::new(&extents[..outer], &extents[outer..]);
    let mut emit = Emit {
        build,
        item,
        position,
        program,
        buffers: Vec::new(),
        registers: FxHashMap::default(),
        made: Vec::new(),
        loads: Vec::new(),
        reads: Vec::new(),
        writes: Vec::new(),
    };
    for member in &group.members {
        emit.member(member);
    }
    let rows = group.members.iter().any(|member| member.role == Role::Row);
    for (value, map, register) in std::mem::take(&mut emit.made) {
        emit.store(value, &map, register, rows);
    }
    emit.finish(group);
}

struct Emit<'b, 'g> {
    build: &'b mut Build<'g>,
    item: usize,
    /// The program's axis of each axis of the group.
    position: Vec<usize>,
    program: Program,
    buffers: Vec<BufferId>,
    registers: FxHashMap<(Value, AxisMap), Reg>,
    /// Members that may have to be stored.
    made: Vec<(Value, AxisMap, Reg)>,
    loads: Vec<(Access, Reg)>,
    reads: Vec<BufferId>,
    writes: Vec<BufferId>,
}

impl Emit<'_, '_> {
    fn access(&mut self, view: &View, map: &AxisMap) -> Access {
        let known = self.buffers.iter().position(|buffer| *buffer == view.buffer);
        let buffer = known.unwrap_or_else(|| {
            self.buffers.push(view.buffer);
            self.buffers.len() - 1
        });
        let mut strides = vec![0; self.position.len()];
        for (stride, axis) in view.strides.iter().zip(map) {
            if let Some(axis) = axis {
                strides[self.position[*axis]] = *stride;
            }
        }
        Access { buffer, offset: view.offset, strides }
    }

    fn member(&mut self, member: &Member) {
        let graph = self.build.graph;
        let node = graph.node(member.value);
        if member.role == Role::Element {
            let Place::Inside(_, map) = self.build.places[member.value].clone() else {
                panic!("an elementwise member has a place in its group")
            };
            let register = self.compute(member.value, node, &map);
            self.made.push((member.value, map, register));
            return;
        }
        let x = node.inputs[0];
        let map = match &self.build.places[x] {
            Place::Inside(item, map) if *item == self.item => map.clone(),
            _ => identity(&self.build.sizes[x]),
        };
        let register = self.value(x, &map);
        let kind = self.build.kind(x);
        let fold = formula::fold(node.op.0, kind).expect("the group took only known reductions");
        let count = self.build.len(x) / self.build.len(member.value).max(1);
        let scale = if node.op.0 == "mean" { 1.0 / count as f32 } else { 1.0 };
        match member.role {
            Role::Row => {
                let mut row = self.program.push(Instr::FoldRow(fold, register));
                if scale != 1.0 {
                    let factor = self.program.push(Instr::Const(scale));
                    row = self.program.push(Instr::Map2(Map2::Mul, row, factor));
                }
                let own = self.row_map(member.value, node, &map);
                self.registers.insert((member.value, own.clone()), row);
                self.made.push((member.value, own, row));
            }
            _ => self.fold_out(member, node, register, &map, scale),
        }
    }

    /// A reduction that goes to memory: over the outer axes, or over everything.
    fn fold_out(&mut self, member: &Member, node: &Node, register: Reg, map: &AxisMap, scale: f32) {
        let kind = self.build.kind(node.inputs[0]);
        let fold = formula::fold(node.op.0, kind).expect("the group took only known reductions");
        let target = self.build.target(member.value, self.item, false);
        let own = self.row_map(member.value, node, map);
        let access = self.access(&target, &own);
        self.writes.push(target.buffer);
        self.program.push(match member.role {
            Role::Columns => Instr::FoldColumns(fold, register, access, scale),
            _ => Instr::FoldAll(fold, register, access, scale),
        });
    }

    /// The axes of a reduction's result in the group.
    fn row_map(&self, value: Value, node: &Node, map: &AxisMap) -> AxisMap {
        let reduced = node.attrs.get_ints("axis");
        let keepdims = self.build.sizes[value].len() == map.len();
        let axes = (0..map.len()).filter(|axis| keepdims || !reduced.contains(&(*axis as i64)));
        axes.map(|axis| if reduced.contains(&(axis as i64)) { None } else { map[axis] }).collect()
    }

    /// The register that holds a value whose axes lie as `map` says: made in this group, computed anew, or loaded.
    fn value(&mut self, value: Value, map: &AxisMap) -> Reg {
        if let Some(register) = self.registers.get(&(value, map.clone())) {
            return *register;
        }
        let graph = self.build.graph;
        let node = graph.node(value);
        let here = matches!(&self.build.places[value], Place::Inside(item, _) if *item == self.item);
        let again = self.build.free[value] && !self.build.is_stored_before(value, self.item);
        if (here || again) && self.build.is_view[value] {
            let source = node.inputs[0];
            let own = through(node, &self.build.sizes[source], &self.build.sizes[value], map);
            return self.value(source, &own);
        }
        if again {
            return self.compute(value, node, map);
        }
        debug_assert!(!here, "{value} should be in a register");
        self.load(value, node, map)
    }

    fn compute(&mut self, value: Value, node: &Node, map: &AxisMap) -> Reg {
        if let Some(register) = self.registers.get(&(value, map.clone())) {
            return *register;
        }
        let register = match node.op.0 {
            "iota" => self.iota(node, map),
            "one_hot" => {
                let labels = of_operand(node, &self.build.sizes[node.inputs[0]], map);
                let label = self.value(node.inputs[0], &labels);
                let class = self.count_along(map.last().copied().flatten());
                self.program.push(Instr::Map2(Map2::EqInt, label, class))
            }
            _ => {
                let kinds: SmallVec<[Kind; 3]> = node.inputs.iter().map(|input| self.build.kind(*input)).collect();
                let mut inputs: SmallVec<[Reg; 3]> = smallvec![];
                for input in &node.inputs {
                    let own = of_operand(node, &self.build.sizes[*input], map);
                    inputs.push(self.value(*input, &own));
                }
                formula::emit(&mut self.program, node, &inputs, &kinds)
            }
        };
        self.registers.insert((value, map.clone()), register);
        register
    }

    fn iota(&mut self, node: &Node, map: &AxisMap) -> Reg {
        let axis = usize::try_from(node.attrs.get_int("axis")).expect("a verified axis");
        let count = self.count_along(map[axis]);
        if Kind::of(&node.ty.dtype) == Kind::F32 {
            self.program.push(Instr::Map1(Map1::IntToFloat, count))
        } else {
            count
        }
    }

    fn count_along(&mut self, axis: Option<usize>) -> Reg {
        let mut strides = vec![0; self.position.len()];
        if let Some(axis) = axis {
            strides[self.position[axis]] = 1;
        }
        self.program.push(Instr::Iota { offset: 0, strides })
    }

    fn load(&mut self, value: Value, node: &Node, map: &AxisMap) -> Reg {
        if node.op == op::CONSTANT && self.build.len(value) == 1 {
            let tensor = node.attrs.get_tensor("value");
            return self.program.push(match self.build.kind(value) {
                Kind::I32 => Instr::ConstInt(tensor.to_f64()[0] as i32),
                Kind::F32 | Kind::Bool => Instr::Const(tensor.to_f32()[0]),
            });
        }
        if let Some(known) = self.build.known[value] {
            return self.program.push(Instr::Const(known));
        }
        let view = self.build.view(value);
        self.reads.push(view.buffer);
        let access = self.access(&view, map);
        if let Some((_, register)) = self.loads.iter().find(|(known, _)| *known == access) {
            return *register;
        }
        let register = self.program.push(Instr::Load(access.clone(), element(self.build.kind(value))));
        self.loads.push((access, register));
        register
    }

    /// Stores a member for those who need it in memory, in the variable that it is to be assigned to if that is possible here.
    fn store(&mut self, value: Value, map: &AxisMap, register: Reg, rows: bool) {
        if !self.build.stored[value] {
            return;
        }
        let everywhere = (0..self.position.len()).all(|axis| map.contains(&Some(axis)));
        let mut target = self.build.target(value, self.item, everywhere && !rows);
        let mut access = self.access(&target, map);
        if self.loads.iter().any(|(load, _)| load.buffer == access.buffer && *load != access) {
            target = self.build.output(value);
            access = self.access(&target, map);
        }
        self.writes.push(target.buffer);
        if self.build.is_multiplied(value, target.buffer) {
            self.program.shared.push(access.buffer);
        }
        self.program.push(Instr::Store(register, access, element(self.build.kind(value))));
    }

    fn finish(self, group: &Group) {
        let Emit { build, item, mut program, buffers, mut reads, writes, .. } = self;
        let Some(value) = group.members.last().map(|last| last.value) else { return };
        let (mut links, tiling) = chain::absorb(&mut build.steps, &mut program, &buffers, &writes);
        let tiling = tiling.unwrap_or_else(|| Fused::suggested_tiling(&mut program));
        chain::keep_tiles(&mut links, &mut program, &buffers, tiling, |source| build.is_last_use(source.value(), item));
        let fused = build.nests.compiled(program, tiling);
        let words = fused.partials_len();
        let partials =
            (words > 0).then(|| build.buffers.push(Buffer { home: Home::Arena, kind: Kind::F32, len: words }));
        let sources = links.iter().map(|link| link.source.value());
        let values = sources.chain(group.members.iter().map(|member| member.value)).collect();
        let left = links.iter().filter_map(Link::written);
        let touched: Vec<BufferId> = writes.iter().copied().chain(partials).chain(left).collect();
        reads.retain(|buffer| !links.iter().any(|link| link.source.output() == *buffer));
        reads.extend(links.iter().flat_map(|link| link.source.operands()));
        reads.sort_unstable();
        reads.dedup();
        let loops = Loops { fused, buffers, partials };
        let finish = partials.map(|partials| {
            let work = Box::new(Finish(loops.clone()));
            Step { work, reads: vec![partials], writes, source: None, value, fused: Vec::new(), label: "finish" }
        });
        let (work, label) = chain::work(links, loops);
        build.steps.push(Step { work, reads, writes: touched, source: None, value, fused: values, label });
        build.steps.extend(finish);
    }
}

fn element(kind: Kind) -> Element {
    if kind == Kind::Bool { Element::Byte } else { Element::Word }
}
