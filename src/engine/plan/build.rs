//! From nodes to steps: where each value lies, and which work computes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::along;
use super::arena::{self, LINE, Lifetime};
use super::convolve;
use super::copy::{self, Copy};
use super::draw;
use super::fallback::Fallback;
use super::fuse;
use super::group::{Grouping, Item, Place, group};
use super::lookup;
use super::matmul;
use super::memory::{Buffer, Home, write_tensor};
use super::pooling;
use super::schedule::{self, Wave};
use super::shared::Nests;
use super::step::{Step, Work};
use super::store::{Kind, Store};
use super::uniform;
use super::view::{Axes, BufferId, View};
use super::{Options, Plan, PlanError};
use crate::base::{Idx, IndexVec};
use crate::engine::kernels::AlignedBuf;
use crate::ir::{Graph, Node, Value, VarId, op};
use crate::tensor::{BATCH, Shape, Tensor};

/// See [`Plan::new`].
pub(super) fn plan(graph: &Graph, batch: usize, store: &Store, options: &Options) -> Result<Plan, PlanError> {
    let slots = slots(graph, store)?;
    let mut build = Build::new(graph, batch)?;
    build.locate_given();
    build.find_factors();
    let Grouping { items, order, places, free } =
        group(graph, &build.reached, &build.sizes, &build.is_view, &build.known);
    order.iter().enumerate().for_each(|(rank, item)| build.ranks[*item] = rank);
    (build.places, build.free) = (places, free);
    build.mark_stored(&items);
    build.find_last_uses();
    for item in order {
        match &items[item] {
            Item::Single(value) => build.single(*value),
            Item::Group(group) => fuse::lower(&mut build, item, group),
        }
    }
    let results: Vec<_> = graph.results.iter().map(|result| build.kept(result.value)).collect();
    build.updates();
    build.finish(results, slots, store.id(), options)
}

/// The slot of every variable that the graph uses.
fn slots(graph: &Graph, store: &Store) -> Result<Vec<Option<usize>>, PlanError> {
    let reached = graph.reached_from(graph.roots());
    let mut used: IndexVec<VarId, bool> = graph.variables.iter().map(|_| false).collect();
    for (value, node) in graph.nodes.iter_enumerated() {
        if reached[value] && node.op == op::VARIABLE {
            used[position::<VarId>(node)] = true;
        }
    }
    graph.updates.iter().for_each(|update| used[update.variable] = true);
    let slot = |(id, variable): (VarId, &crate::ir::Variable)| {
        let missing = || PlanError::Variable { path: variable.path.clone(), ty: variable.ty.clone() };
        if !used[id] {
            return Ok(None);
        }
        let (slot, kind, shape) = store.find(&variable.path).ok_or_else(missing)?;
        let fits = kind == Kind::of(&variable.ty.dtype) && Some(shape) == variable.ty.shape.constant().as_deref();
        if fits { Ok(Some(slot)) } else { Err(missing()) }
    };
    graph.variables.iter_enumerated().map(slot).collect()
}

/// The attribute `index` of an input or variable node.
fn position<I: Idx>(node: &Node) -> I {
    I::new(usize::try_from(node.attrs.get_int("index")).expect("a verified position"))
}

/// A plan in the making.
pub(super) struct Build<'g> {
    pub graph: &'g Graph,
    batch: usize,
    /// Which nodes the results and updates depend on.
    reached: IndexVec<Value, bool>,
    /// The sizes of every reached value.
    pub sizes: IndexVec<Value, Axes<usize>>,
    /// Which nodes only look at their operand's elements in another way, and how those of what they look at lie.
    pub is_view: IndexVec<Value, bool>,
    layouts: IndexVec<Value, View>,
    /// Reductions whose value is known already, the same throughout.
    pub known: IndexVec<Value, Option<f32>>,
    /// Where and when each value is computed.
    pub places: IndexVec<Value, Place>,
    pub free: IndexVec<Value, bool>,
    ranks: Vec<usize>,
    /// Which values have to be in memory.
    pub stored: IndexVec<Value, bool>,
    /// The rank of the last item that may read a value.
    last_uses: IndexVec<Value, usize>,
    /// Where each value that is no view lies, once it is computed.
    located: IndexVec<Value, Option<BufferId>>,
    pub buffers: IndexVec<BufferId, Buffer>,
    /// The variables that values are assigned to, and the nodes that read each variable.
    assigned: BTreeMap<Value, VarId>,
    readers: IndexVec<VarId, Vec<Value>>,
    /// The buffer of each input and variable.
    input_buffers: Vec<BufferId>,
    variable_buffers: IndexVec<VarId, BufferId>,
    /// Which values products read, be it through views.
    factors: IndexVec<Value, bool>,
    constants: Vec<(BufferId, Arc<Tensor>)>,
    pub steps: Vec<Step>,
    /// The loop nests of these steps.
    pub nests: Nests,
}

impl<'g> Build<'g> {
    fn new(graph: &'g Graph, batch: usize) -> Result<Build<'g>, PlanError> {
        let reached = graph.reached_from(graph.roots());
        let mut sizes: IndexVec<Value, Axes<usize>> = IndexVec::new();
        for (value, node) in graph.nodes.iter_enumerated() {
            let known = sizes_of(&node.ty.shape, batch);
            if known.is_none() && reached[value] {
                return Err(PlanError::Size { value, ty: node.ty.clone() });
            }
            sizes.push(known.unwrap_or_default());
        }
        let known = uniform::folds(graph, &reached, &sizes);
        let mut layouts: IndexVec<Value, View> = IndexVec::new();
        let mut is_view: IndexVec<Value, bool> = IndexVec::new();
        for (value, node) in graph.nodes.iter_enumerated() {
            let source = node.inputs.first().filter(|_| reached[value]).map(|source| &layouts[*source]);
            let view = source.and_then(|source| look(node, source, &sizes[value], batch));
            is_view.push(view.is_some());
            let one = |_| View::contiguous(BufferId::new(0), &[]).broadcast(&sizes[value]);
            let view = view.or_else(|| known[value].map(one));
            layouts.push(view.unwrap_or_else(|| View::contiguous(BufferId::new(0), &sizes[value])));
        }
        Ok(Build {
            graph,
            batch,
            reached,
            sizes,
            is_view,
            layouts,
            known,
            places: IndexVec::new(),
            free: IndexVec::new(),
            ranks: vec![0; graph.nodes.len()],
            stored: graph.nodes.iter().map(|_| false).collect(),
            last_uses: graph.nodes.iter().map(|_| 0).collect(),
            located: graph.nodes.iter().map(|_| None).collect(),
            buffers: IndexVec::new(),
            assigned: graph.updates.iter().map(|update| (update.value, update.variable)).collect(),
            readers: graph.variables.iter().map(|_| Vec::new()).collect(),
            input_buffers: Vec::new(),
            variable_buffers: IndexVec::new(),
            factors: graph.nodes.iter().map(|_| false).collect(),
            constants: Vec::new(),
            steps: Vec::new(),
            nests: Nests::default(),
        })
    }

    /// Gives inputs, variables and constants their buffers.
    fn locate_given(&mut self) {
        let graph = self.graph;
        for (index, input) in graph.inputs.iter().enumerate() {
            let buffer = Buffer { home: Home::Input(index), kind: self.kind(input.value), len: self.len(input.value) };
            self.input_buffers.push(self.buffers.push(buffer));
        }
        for (id, variable) in graph.variables.iter_enumerated() {
            let len = variable.ty.shape.constant().unwrap_or_default().iter().product();
            let kind = Kind::of(&variable.ty.dtype);
            let buffer = self.buffers.push(Buffer { home: Home::Variable(id.index()), kind, len });
            self.variable_buffers.push(buffer);
        }
        for (value, node) in graph.nodes.iter_enumerated() {
            if !self.reached[value] {
                continue;
            }
            self.located[value] = match node.op {
                op::INPUT => Some(self.input_buffers[position::<Value>(node).index()]),
                op::VARIABLE => {
                    self.readers[position::<VarId>(node)].push(value);
                    Some(self.variable_buffers[position::<VarId>(node)])
                }
                op::CONSTANT => Some(self.constant(self.kind(value), node.attrs.get_tensor("value").clone())),
                _ => self.known[value].map(|known| self.constant(Kind::F32, Arc::new(Tensor::f32(&[], vec![known])))),
            };
        }
    }

    /// Whether products read what a value is stored to: many workers do then, wherever they write it.
    pub fn is_multiplied(&self, value: Value, buffer: BufferId) -> bool {
        let readers = match self.buffers[buffer].home {
            Home::Variable(index) => &self.readers[VarId::new(index)][..],
            _ => &[],
        };
        self.factors[value] || readers.iter().any(|reader| self.factors[*reader])
    }

    /// Finds the operands of products.
    fn find_factors(&mut self) {
        let graph = self.graph;
        for (_, node) in graph.nodes.iter_enumerated().filter(|(value, _)| self.reached[*value]) {
            for input in node.inputs.iter().filter(|_| node.op.0 == "contract") {
                let base = self.base(*input);
                self.factors[base] = true;
            }
        }
    }

    /// The value that a view looks at in the end; itself if it is none.
    fn base(&self, mut value: Value) -> Value {
        while self.is_view[value] {
            value = self.graph.node(value).inputs[0];
        }
        value
    }

    /// The item that a value is computed in.
    fn item(&self, value: Value) -> Option<usize> {
        match self.places[value] {
            Place::Step(item) | Place::Inside(item, _) => Some(item),
            Place::Outside | Place::Free { .. } => None,
        }
    }

    /// Marks what is read from memory: what another item than its own uses, and the roots.
    fn mark_stored(&mut self, items: &[Item]) {
        let graph = self.graph;
        for (value, node) in graph.nodes.iter_enumerated() {
            if !self.reached[value] || self.is_view[value] {
                continue;
            }
            for input in &node.inputs {
                let at_hand = matches!(self.places[*input], Place::Inside(item, _) if self.item(value) == Some(item));
                if !at_hand {
                    let base = self.base(*input);
                    self.stored[base] = true;
                }
            }
        }
        for root in graph.roots() {
            let base = self.base(root);
            self.stored[base] = true;
        }
        let groups = items.iter().filter_map(|item| match item {
            Item::Group(group) => Some(group),
            Item::Single(_) => None,
        });
        for member in groups.flat_map(|group| &group.members) {
            if matches!(self.places[member.value], Place::Step(_)) {
                self.stored[member.value] = true;
            }
        }
    }

    /// Finds when each value is read last. What is free or a view is read whenever its users are.
    fn find_last_uses(&mut self) {
        let graph = self.graph;
        for root in graph.roots() {
            self.last_uses[root] = usize::MAX;
        }
        for value in graph.nodes.indices().rev().filter(|value| self.reached[*value]) {
            let own = self.item(value).filter(|_| !self.is_view[value]).map(|item| self.ranks[item]);
            let later = if self.free[value] || self.is_view[value] { self.last_uses[value] } else { 0 };
            let read = own.unwrap_or(0).max(later);
            for input in &graph.node(value).inputs {
                self.last_uses[*input] = self.last_uses[*input].max(read);
            }
        }
    }

    /// Whether nothing reads a value after an item.
    pub fn is_last_use(&self, value: Value, item: usize) -> bool {
        self.last_uses[value] <= self.ranks[item]
    }

    /// Whether a value is in memory before an item runs.
    pub fn is_stored_before(&self, value: Value, item: usize) -> bool {
        self.item(self.base(value)).is_some_and(|own| self.ranks[own] < self.ranks[item])
    }

    pub fn kind(&self, value: Value) -> Kind {
        Kind::of(&self.graph.ty(value).dtype)
    }

    /// The number of elements of a value.
    pub fn len(&self, value: Value) -> usize {
        self.sizes[value].iter().product()
    }

    /// A new buffer that always holds a tensor.
    pub fn constant(&mut self, kind: Kind, tensor: Arc<Tensor>) -> BufferId {
        let len = tensor.shape().iter().product();
        let buffer = self.buffers.push(Buffer { home: Home::Plan, kind, len });
        self.constants.push((buffer, tensor));
        buffer
    }

    /// A new buffer in the arena that holds a value row-major.
    pub fn output(&mut self, value: Value) -> View {
        let buffer = Buffer { home: Home::Arena, kind: self.kind(value), len: self.len(value) };
        let buffer = self.buffers.push(buffer);
        self.located[value] = Some(buffer);
        View::contiguous(buffer, &self.sizes[value])
    }

    /// Where a value computed in `item` goes: to the variable that it is to be assigned to, if nothing reads the old value any more. With
    /// `in_place`, the item itself may read it, element by element.
    pub fn target(&mut self, value: Value, item: usize, in_place: bool) -> View {
        let Some(update) = self.assigned.get(&value).copied() else { return self.output(value) };
        let buffer = self.variable_buffers[update];
        let read = self.readers[update].iter().map(|old| self.last_uses[*old]).max();
        let rank = self.ranks[item];
        let free = read.is_none_or(|read| read < rank || (in_place && read == rank));
        if !free {
            return self.output(value);
        }
        self.located[value] = Some(buffer);
        View::contiguous(buffer, &self.sizes[value])
    }

    /// Where a value lies.
    pub fn view(&self, value: Value) -> View {
        let buffer = self.located[self.base(value)].expect("an operand is computed before its user");
        View { buffer, ..self.layouts[value].clone() }
    }

    /// Appends a step that computes `value` from `inputs` into `output`.
    pub fn step(
        &mut self,
        value: Value,
        label: &'static str,
        work: impl Work + 'static,
        inputs: &[View],
        output: &View,
    ) {
        let reads = inputs.iter().map(|view| view.buffer).collect();
        let writes = vec![output.buffer];
        self.steps.push(Step { work: Box::new(work), reads, writes, source: None, value, fused: Vec::new(), label });
    }

    /// Plans a node by itself, its operands being planned.
    fn single(&mut self, value: Value) {
        let graph = self.graph;
        let node = graph.node(value);
        if node.op.0 == "reshape" {
            let from = self.view(node.inputs[0]);
            let to = View::contiguous(self.output(value).buffer, &from.sizes);
            self.copy(value, from, to);
            return;
        }
        match node.op.0 {
            "contract" => return matmul::lower(self, value, node),
            "concatenate" => return copy::concatenate(self, value, node),
            "pad" => return copy::pad(self, value, node),
            "rand" | "randn" => return draw::lower(self, value, node),
            _ => {}
        }
        let planned = match node.op.0 {
            "convolution" | "convolution_data_gradient" | "convolution_weight_gradient" => {
                convolve::lower(self, value, node)
            }
            "max_pooling" | "max_pooling_gradient" | "max_pooling_pick" | "sum_pooling" | "sum_pooling_gradient" => {
                pooling::lower(self, value, node)
            }
            "gather" | "scatter_add" => lookup::lower(self, value, node),
            _ => along::lower(self, value, node),
        };
        if !planned {
            self.fallback(value, node);
        }
    }

    fn fallback(&mut self, value: Value, node: &Node) {
        let output = self.output(value);
        let inputs: Vec<View> = node.inputs.iter().map(|input| self.view(*input)).collect();
        let work = Fallback {
            node: node.clone(),
            inputs: inputs.iter().cloned().zip(node.inputs.iter().map(|input| self.kind(*input))).collect(),
            sizes: self.sizes[value].to_vec(),
            output: output.buffer,
        };
        self.step(value, Plan::UNPLANNED, work, &inputs, &output);
    }

    /// Where a value lies row-major without gaps: where it is, or in a copy.
    pub fn packed(&mut self, value: Value) -> View {
        let view = self.view(value);
        self.contiguous(value, view)
    }

    /// A view of a value, or a copy of it if it has gaps.
    pub fn contiguous(&mut self, value: Value, view: View) -> View {
        if view.is_contiguous() { view } else { self.copied(value, view) }
    }

    /// A contiguous copy of a view, as a step.
    pub fn copied(&mut self, value: Value, from: View) -> View {
        let buffer = Buffer { home: Home::Arena, kind: self.kind(value), len: from.len() };
        let to = View::contiguous(self.buffers.push(buffer), &from.sizes);
        self.copy(value, from, to.clone());
        to
    }

    fn copy(&mut self, value: Value, from: View, to: View) {
        let bytes = self.buffers[from.buffer].kind.bytes();
        let (inputs, output) = ([from.clone()], to.clone());
        self.step(value, "copy", Copy::new(from, to, bytes), &inputs, &output);
    }

    /// A result, row-major in memory that keeps it until the next run.
    fn kept(&mut self, value: Value) -> (View, Kind) {
        let view = self.view(value);
        let lasts = matches!(self.buffers[view.buffer].home, Home::Arena | Home::Plan);
        let view = if lasts && view.is_contiguous() { view } else { self.copied(value, view) };
        (view, self.kind(value))
    }

    /// Assigns the variables. What is read of a variable that is itself assigned is set aside first.
    fn updates(&mut self) {
        let graph = self.graph;
        let mut sources = Vec::new();
        for update in &graph.updates {
            let target = self.variable_buffers[update.variable];
            let mut source = self.view(update.value);
            let in_variable = matches!(self.buffers[source.buffer].home, Home::Variable(_));
            let unchanged = source.buffer == target && source.is_contiguous();
            if in_variable && !unchanged {
                source = self.copied(update.value, source);
            }
            if !unchanged {
                sources.push((update.value, source, target));
            }
        }
        for (value, source, target) in sources {
            let to = View::contiguous(target, &source.sizes);
            self.copy(value, source, to);
        }
    }

    fn finish(
        self,
        results: Vec<(View, Kind)>,
        slots: Vec<Option<usize>>,
        store: u64,
        options: &Options,
    ) -> Result<Plan, PlanError> {
        let (steps, waves) = schedule::waves(self.steps, self.buffers.len());
        let too_much = |bytes: u64| PlanError::Memory { bytes, limit: options.memory_limit };
        let mut offsets: IndexVec<BufferId, usize> = self.buffers.iter().map(|_| 0).collect();
        let mut constant_bytes = 0;
        for (id, buffer) in self.buffers.iter_enumerated().filter(|(_, buffer)| buffer.home == Home::Plan) {
            offsets[id] = constant_bytes;
            constant_bytes += buffer.bytes().next_multiple_of(LINE);
        }
        let (owners, lifetimes) = lifetimes(&self.buffers, &steps, &waves, &results);
        let (places, arena_bytes) = arena::place(&lifetimes).ok_or_else(|| too_much(u64::MAX))?;
        for (owner, place) in owners.iter().zip(places) {
            offsets[*owner] = place;
        }
        let bytes = arena_bytes as u64 + constant_bytes as u64;
        if bytes > options.memory_limit {
            return Err(too_much(bytes));
        }
        let mut constants = AlignedBuf::zeroed(constant_bytes / size_of::<f32>());
        for (buffer, tensor) in &self.constants {
            // SAFETY: every constant has a place of its own, as large as it is.
            unsafe { write_tensor(constants.as_mut_ptr().cast::<u8>().add(offsets[*buffer]), tensor) };
        }
        let mut read: IndexVec<BufferId, bool> = self.buffers.iter().map(|_| false).collect();
        steps.iter().flat_map(|step| &step.reads).for_each(|buffer| read[*buffer] = true);
        let input = |buffer: &BufferId| (self.buffers[*buffer].kind, self.buffers[*buffer].len, read[*buffer]);
        Ok(Plan {
            batch: self.batch,
            inputs: self.input_buffers.iter().map(input).collect(),
            steps,
            waves,
            buffers: self.buffers,
            offsets,
            arena_bytes,
            live_bytes: arena::alive(&lifetimes),
            constants,
            store,
            slots,
            results,
        })
    }
}

/// The layout of a node that only looks at its operand's elements in another way, given that of the operand.
fn look(node: &Node, source: &View, sizes: &[usize], batch: usize) -> Option<View> {
    match node.op.0 {
        "stop_gradient" => Some(source.clone()),
        "reshape" => source.reshape(sizes),
        "transpose" => Some(source.transpose(node.attrs.get_ints("axes"))),
        "broadcast" => Some(source.broadcast(sizes)),
        "flip" => Some(source.flip(node.attrs.get_ints("axis"))),
        "slice" => {
            let start = sizes_of(node.attrs.get_dims("start"), batch)?;
            Some(source.slice(&start, node.attrs.get_ints("step"), sizes))
        }
        _ => None,
    }
}

/// When each buffer of the arena is needed. Results are needed to the end.
fn lifetimes(
    buffers: &IndexVec<BufferId, Buffer>,
    steps: &[Step],
    waves: &[Wave],
    results: &[(View, Kind)],
) -> (Vec<BufferId>, Vec<Lifetime>) {
    let mut needed: IndexVec<BufferId, Option<(usize, usize)>> = buffers.iter().map(|_| None).collect();
    let wave_of_step = waves.iter().enumerate().flat_map(|(number, wave)| std::iter::repeat_n(number, wave.steps));
    for (step, wave) in steps.iter().zip(wave_of_step) {
        for buffer in step.reads.iter().chain(&step.writes) {
            let (first, last) = needed[*buffer].unwrap_or((wave, wave));
            needed[*buffer] = Some((first.min(wave), last.max(wave)));
        }
    }
    for (view, _) in results {
        if let Some((_, last)) = &mut needed[view.buffer] {
            *last = waves.len();
        }
    }
    let of_arena = buffers.iter_enumerated().filter(|(_, buffer)| buffer.home == Home::Arena);
    let lifetime = |(id, buffer): (BufferId, &Buffer)| {
        needed[id].map(|(first, last)| (id, Lifetime { first, last, bytes: buffer.bytes() }))
    };
    of_arena.filter_map(lifetime).unzip()
}

/// The sizes of a shape at a batch size.
pub(super) fn sizes_of(shape: &Shape, batch: usize) -> Option<Axes<usize>> {
    let batch = i64::try_from(batch).ok()?;
    shape.evaluate(&|name| (name == BATCH).then_some(batch)).map(SmallVec::from_vec)
}
