//! From nodes to steps: where each value lies, and which work computes it.

use smallvec::SmallVec;

use super::arena::{self, LINE, Lifetime};
use super::copy::Copy;
use super::fallback::Fallback;
use super::memory::{Buffer, Home, write_tensor};
use super::schedule;
use super::step::{Step, Work};
use super::store::{Kind, Store};
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
    for value in graph.nodes.indices() {
        if build.reached[value] {
            build.node(value);
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
    graph: &'g Graph,
    batch: usize,
    /// Which nodes the results and updates depend on.
    reached: IndexVec<Value, bool>,
    /// The sizes of every reached value.
    sizes: IndexVec<Value, Axes<usize>>,
    /// Where each value lies, once it is computed.
    views: IndexVec<Value, Option<View>>,
    buffers: IndexVec<BufferId, Buffer>,
    /// The buffer of each input and variable.
    input_buffers: Vec<BufferId>,
    variable_buffers: IndexVec<VarId, BufferId>,
    constants: Vec<(BufferId, std::sync::Arc<Tensor>)>,
    steps: Vec<Step>,
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
        let mut build = Build {
            graph,
            batch,
            reached,
            sizes,
            views: graph.nodes.iter().map(|_| None).collect(),
            buffers: IndexVec::new(),
            input_buffers: Vec::new(),
            variable_buffers: IndexVec::new(),
            constants: Vec::new(),
            steps: Vec::new(),
        };
        for (index, input) in graph.inputs.iter().enumerate() {
            let len = build.sizes[input.value].iter().product();
            let kind = build.kind(input.value);
            let buffer = build.buffers.push(Buffer { home: Home::Input(index), kind, len });
            build.input_buffers.push(buffer);
        }
        for (id, variable) in graph.variables.iter_enumerated() {
            let len = variable.ty.shape.constant().unwrap_or_default().iter().product();
            let kind = Kind::of(&variable.ty.dtype);
            let buffer = build.buffers.push(Buffer { home: Home::Variable(id.index()), kind, len });
            build.variable_buffers.push(buffer);
        }
        Ok(build)
    }

    fn kind(&self, value: Value) -> Kind {
        Kind::of(&self.graph.ty(value).dtype)
    }

    /// A new buffer in the arena that holds a value row-major.
    fn output(&mut self, value: Value) -> View {
        let buffer = Buffer { home: Home::Arena, kind: self.kind(value), len: self.sizes[value].iter().product() };
        View::contiguous(self.buffers.push(buffer), &self.sizes[value])
    }

    /// Where a computed value lies.
    fn view(&self, value: Value) -> View {
        self.views[value].clone().expect("an input is computed before its user")
    }

    /// Appends a step that computes `value` from `inputs` into `output`.
    fn step(&mut self, value: Value, label: &'static str, work: impl Work + 'static, inputs: &[View], output: &View) {
        let reads = inputs.iter().map(|view| view.buffer).collect();
        self.steps.push(Step { work: Box::new(work), reads, writes: vec![output.buffer], value, label });
    }

    /// Plans one node, its inputs being planned.
    fn node(&mut self, value: Value) {
        let graph = self.graph;
        let node = graph.node(value);
        let view = match node.op {
            op::INPUT => View::contiguous(self.input_buffers[position::<Value>(node).index()], &self.sizes[value]),
            op::VARIABLE => View::contiguous(self.variable_buffers[position::<VarId>(node)], &self.sizes[value]),
            op::CONSTANT => self.constant(value, node),
            _ => match self.alias(value, node) {
                Some(view) => view,
                None => self.fallback(value, node),
            },
        };
        self.views[value] = Some(view);
    }

    fn constant(&mut self, value: Value, node: &Node) -> View {
        let len = self.sizes[value].iter().product();
        let buffer = self.buffers.push(Buffer { home: Home::Plan, kind: self.kind(value), len });
        self.constants.push((buffer, node.attrs.get_tensor("value").clone()));
        View::contiguous(buffer, &self.sizes[value])
    }

    /// The view of a node that only looks at its input's elements in another way.
    fn alias(&self, value: Value, node: &Node) -> Option<View> {
        let sizes = &self.sizes[value];
        let input = || self.view(node.inputs[0]);
        match node.op.0 {
            "stop_gradient" => Some(input()),
            "reshape" => input().reshape(sizes),
            "transpose" => Some(input().transpose(node.attrs.get_ints("axes"))),
            "broadcast" => Some(input().broadcast(sizes)),
            "flip" => Some(input().flip(node.attrs.get_ints("axis"))),
            "slice" => {
                let start = sizes_of(node.attrs.get_dims("start"), self.batch)?;
                Some(input().slice(&start, node.attrs.get_ints("step"), sizes))
            }
            _ => None,
        }
    }

    fn fallback(&mut self, value: Value, node: &Node) -> View {
        let output = self.output(value);
        let inputs: Vec<View> = node.inputs.iter().map(|input| self.view(*input)).collect();
        let work = Fallback {
            node: node.clone(),
            inputs: inputs.iter().cloned().zip(node.inputs.iter().map(|input| self.kind(*input))).collect(),
            sizes: self.sizes[value].to_vec(),
            output: output.buffer,
        };
        self.step(value, node.op.0, work, &inputs, &output);
        output
    }

    /// A contiguous copy of a view, as a step.
    fn copied(&mut self, value: Value, from: View) -> View {
        let to = self.output(value);
        self.copy(value, from, to.clone());
        to
    }

    fn copy(&mut self, value: Value, from: View, to: View) {
        let bytes = self.buffers[from.buffer].kind.bytes();
        let (inputs, output) = ([from.clone()], to.clone());
        self.step(value, "copy", Copy { from, to, bytes }, &inputs, &output);
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
            constants,
            store,
            slots,
            results,
        })
    }
}

/// When each buffer of the arena is needed. Results are needed to the end.
fn lifetimes(
    buffers: &IndexVec<BufferId, Buffer>,
    steps: &[Step],
    waves: &[usize],
    results: &[(View, Kind)],
) -> (Vec<BufferId>, Vec<Lifetime>) {
    let mut needed: IndexVec<BufferId, Option<(usize, usize)>> = buffers.iter().map(|_| None).collect();
    let wave_of_step = waves.iter().enumerate().flat_map(|(wave, steps)| std::iter::repeat_n(wave, *steps));
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
