//! Random graphs, and values to feed them: what passes and engines are compared on. Graphs hold every family of operations that keeps
//! values in a range where floats compare well.

use nnlc::base::IndexVec;
use nnlc::ir::{Attrs, Graph, Input, Op, Place, ResultRole, ResultValue, Update, Value, VarId, Variable, VariableKind};
use nnlc::ops::{Builder, find};
use nnlc::tensor::{BATCH, Dim, Shape, Tensor, Type};

/// SplitMix64: small, seeded, and good enough to pick operations.
pub struct Draws(pub u64);

impl Draws {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A float in an interval.
    pub fn float(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float(-1.5, 1.5) as f32).collect()
    }
}

/// A float input or variable, declared.
pub fn input(graph: &mut Graph, name: &str, shape: Shape) -> Value {
    let ty = Type { dtype: nnlc::tensor::DType::F32, shape };
    let index = graph.inputs.len();
    let value = Builder::new(graph, Place::NONE).input(index, ty);
    graph.inputs.push(Input { name: name.to_owned(), value, drawn: None });
    value
}

pub fn variable(graph: &mut Graph, path: &str, sizes: &[usize]) -> (VarId, Value) {
    let ty = Type::f32(sizes);
    let kind = VariableKind::Param { frozen: false, lr: 1.0, decay: 1.0 };
    let id =
        graph.variables.push(Variable { path: path.to_owned(), kind, ty: ty.clone(), init: None, place: Place::NONE });
    (id, Builder::new(graph, Place::NONE).variable(id, ty))
}

pub fn result(graph: &mut Graph, name: &str, value: Value) {
    graph.results.push(ResultValue { name: name.to_owned(), role: ResultRole::Extra, value, place: Place::NONE });
}

/// A verified graph of about `nodes` operations over two inputs and three variables, with results and updates.
pub fn random_graph(seed: u64, nodes: usize) -> Graph {
    let mut draws = Draws(seed);
    let mut graph = Graph::new();
    let batched = |sizes: &[i64]| std::iter::once(Dim::batch()).chain(sizes.iter().map(|n| Dim::new(*n))).collect();
    let mut pool = vec![input(&mut graph, "x", batched(&[3, 4])), input(&mut graph, "y", batched(&[4]))];
    let variables: Vec<(VarId, Value)> = [("w", &[4, 5][..]), ("b", &[4]), ("s", &[])]
        .iter()
        .map(|(path, sizes)| variable(&mut graph, path, sizes))
        .collect();
    pool.extend(variables.iter().map(|(_, value)| *value));
    for constant in [0.0, 1.0, 2.0, -1.0, 0.25] {
        pool.push(Builder::new(&mut graph, Place::NONE).scalar(constant));
    }
    for _ in 0..nodes {
        let count = pool.len();
        let recent = count.saturating_sub(8);
        let mut operand =
            || if draws.below(3) == 0 { pool[draws.below(count)] } else { pool[recent + draws.below(count - recent)] };
        let (a, b) = (operand(), operand());
        if let Some(value) = random_node(&mut graph, &mut draws, a, b) {
            pool.push(value);
        }
    }
    for (index, value) in pool.iter().rev().take(5).enumerate() {
        result(&mut graph, &format!("r{index}"), *value);
    }
    updates(&mut graph, &variables, &pool);
    graph
}

/// Assigns to each variable a value of its type, where there is one; `w` and `b` each from the other's old value would show a wrong order.
fn updates(graph: &mut Graph, variables: &[(VarId, Value)], pool: &[Value]) {
    for (id, own) in variables {
        let fits = |value: &&Value| graph.ty(**value) == graph.ty(*own) && **value != *own;
        if let Some(value) = pool.iter().rev().find(fits).copied() {
            graph.updates.push(Update { variable: *id, value, place: Place::NONE });
        }
    }
}

/// One operation, where its result stays small.
fn emit(build: &mut Builder, name: &str, inputs: &[Value], attrs: Attrs) -> Option<Value> {
    let op = find(name)?.op;
    build.try_emit(op, inputs, attrs).ok().filter(|value| within(build.ty(*value)))
}

/// A function of one value, tamed first, so that no chain of operations runs off to infinity or amplifies rounding without bound.
fn tamed(build: &mut Builder, name: &str, a: Value) -> Option<Value> {
    let tame = emit(build, "tanh", &[a], Attrs::new())?;
    if !matches!(name, "floor" | "sign") {
        return emit(build, name, &[tame], Attrs::new());
    }
    // Away from -1, 0 and 1, which saturated functions come near to: there a last bit decides the step.
    let (factor, offset) = (build.scalar(0.7), build.scalar(0.2));
    let less = emit(build, "mul", &[tame, factor], Attrs::new())?;
    let moved = emit(build, "add", &[less, offset], Attrs::new())?;
    emit(build, name, &[moved], Attrs::new())
}

/// One of two values by how they compare. Both are the same where the operands are: there a last bit decides which is taken.
fn chosen(build: &mut Builder, a: Value, b: Value) -> Option<Value> {
    let c = emit(build, "greater", &[a, b], Attrs::new())?;
    let d = emit(build, "mul", &[a, b], Attrs::new())?;
    let e = emit(build, "mul", &[a, a], Attrs::new())?;
    emit(build, "where", &[c, d, e], Attrs::new())
}

fn random_node(graph: &mut Graph, draws: &mut Draws, a: Value, b: Value) -> Option<Value> {
    let mut build = Builder::new(graph, Place::NONE);
    let rank = build.ty(a).shape.rank();
    let bounded = [
        "tanh",
        "sigmoid",
        "sin",
        "cos",
        "neg",
        "abs",
        "square",
        "sign",
        "exp",
        "atan",
        "erf",
        "floor",
        "stop_gradient",
    ];
    let arithmetic = ["add", "sub", "mul", "maximum", "minimum", "div", "pow"];
    match draws.below(14) {
        0..3 => tamed(&mut build, draws.pick(&bounded), a),
        3..7 => {
            let name = draws.pick(&arithmetic);
            let b =
                if matches!(name, "div" | "pow") { build.scalar(draws.pick(&[1.0, 2.0, -1.0, 4.0, 3.0])) } else { b };
            let a = if name == "pow" { emit(&mut build, "sigmoid", &[a], Attrs::new())? } else { a };
            emit(&mut build, name, &[a, b], Attrs::new())
        }
        7 => chosen(&mut build, a, b),
        8 => emit(&mut build, "neg", &[a], Attrs::new()),
        9 if rank > 0 => {
            let axes: Vec<i64> = (0..rank as i64).filter(|_| draws.below(2) == 0).collect();
            let attrs = Attrs::new().ints("axis", axes).flag("keepdims", draws.below(2) == 0);
            emit(&mut build, draws.pick(&["mean", "max", "min", "sum"]), &[a], attrs)
        }
        10 if rank > 1 => {
            let mut axes: Vec<i64> = (0..rank as i64).collect();
            axes.rotate_left(1 + draws.below(rank - 1));
            emit(&mut build, "transpose", &[a], Attrs::new().ints("axes", axes))
        }
        11 => {
            let size = build.shape(a).size();
            let shape: Shape = if draws.below(2) == 0 {
                std::iter::once(size).collect()
            } else {
                build.shape(a).iter().cloned().rev().chain([Dim::new(1)]).collect()
            };
            emit(&mut build, "reshape", &[a], Attrs::new().dims("shape", shape))
        }
        12 => {
            let shape = build.shape(a).prepend(Dim::new(2));
            emit(&mut build, "broadcast", &[a], Attrs::new().dims("shape", shape))
        }
        13 if rank > 0 => {
            let (left, right) = (rank as i64 - 1, 0);
            let scaled = build.scalar(0.25);
            let a = emit(&mut build, "mul", &[a, scaled], Attrs::new())?;
            let attrs = Attrs::new().ints("axes_a", [left]).ints("axes_b", [right]);
            emit(&mut build, "contract", &[a, b], attrs.ints("batch_a", []).ints("batch_b", []))
        }
        _ => None,
    }
}

/// Whether a type is small enough for a test.
fn within(ty: &Type) -> bool {
    let size = ty.shape.size().evaluate(&|name| (name == BATCH).then_some(7));
    ty.shape.rank() <= 5 && size.is_some_and(|size| size <= 4000)
}

/// Values for a graph's inputs at a batch size, and for its variables.
pub fn values(graph: &Graph, batch: usize, draws: &mut Draws) -> (Vec<Tensor>, IndexVec<VarId, Tensor>) {
    let mut tensor = |ty: &Type| {
        let sizes =
            ty.shape.evaluate(&|name| (name == BATCH).then_some(batch as i64)).expect("only the batch is symbolic");
        Tensor::f32(&sizes, draws.floats(sizes.iter().product()))
    };
    let inputs = graph.inputs.iter().map(|input| tensor(graph.ty(input.value))).collect();
    let variables = graph.variables.iter().map(|variable| tensor(&variable.ty)).collect();
    (inputs, variables)
}

/// Whether two tensors agree: equal infinities, both NaN, or a difference of `tolerance` relative to the larger magnitude in the tensor.
pub fn close(a: &Tensor, b: &Tensor, tolerance: f64) -> Result<(), String> {
    if a.shape() != b.shape() {
        return Err(format!("shapes {:?} and {:?}", a.shape(), b.shape()));
    }
    let (left, right) = (a.to_f64(), b.to_f64());
    let scale = left.iter().filter(|x| x.is_finite()).fold(1.0f64, |most, x| most.max(x.abs()));
    for (at, (x, y)) in left.iter().zip(&right).enumerate() {
        let equal = x == y || (x.is_nan() && y.is_nan()) || (x - y).abs() <= tolerance * scale;
        if !equal {
            return Err(format!("element {at} of {:?}: {x} and {y}", a.shape()));
        }
    }
    Ok(())
}

/// Shorthand for an operation of the table.
pub fn op(name: &str) -> Op {
    find(name).unwrap_or_else(|| panic!("`{name}` is in the table")).op
}
