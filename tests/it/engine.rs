//! The planned engine computes what the reference engine does: for every primitive's cases, on random graphs, at any batch size, and
//! with the same bits for any number of threads.

use nnlc::autodiff::gradients;
use nnlc::base::IndexVec;
use nnlc::engine::plan::{Engine, Feed, Options, Plan, PlanError, RunError, Store, first_non_finite};
use nnlc::engine::reference;
use nnlc::ir::{Attr, Attrs, Graph, Op, Place, Update, VarId};
use nnlc::ops::{Builder, Case, Domain, Primitive, RunContext, all};
use nnlc::passes::Pipeline;
use nnlc::tensor::{DType, Dim, Shape, Tensor};
use proptest::prelude::*;

use crate::graphs::{Draws, close, input, random_graph, result, values, variable};

fn feed(tensor: &Tensor) -> Feed<'_> {
    match tensor {
        Tensor::F32(array) => Feed::F32(array.as_slice().expect("row-major")),
        Tensor::I32(array) => Feed::I32(array.as_slice().expect("row-major")),
        Tensor::Bool(array) => Feed::Bool(array.as_slice().expect("row-major")),
        Tensor::F64(_) => panic!("feeds are in single precision"),
    }
}

fn store_of(graph: &Graph, variables: &IndexVec<VarId, Tensor>) -> Store {
    let mut store = Store::new();
    graph.variables.iter().zip(variables.iter()).for_each(|(variable, value)| store.set(&variable.path, value));
    store
}

/// Results and, for each variable, its value after the run.
fn planned(
    graph: &Graph,
    inputs: &[Tensor],
    variables: &IndexVec<VarId, Tensor>,
    context: &RunContext,
    threads: usize,
) -> (Vec<Tensor>, Vec<Tensor>) {
    let mut store = store_of(graph, variables);
    let plan = Plan::new(graph, context.batch, &store, &Options::default()).expect("a plan");
    let feeds: Vec<Feed> = inputs.iter().map(feed).collect();
    let mut engine = Engine::new(threads);
    let outcome = engine.run(&plan, &mut store, &feeds, context).expect("a run");
    let results = (0..graph.results.len()).map(|index| outcome.tensor(index)).collect();
    (results, graph.variables.iter().map(|variable| store.get(&variable.path).expect("stored")).collect())
}

fn equals_reference(
    graph: &Graph,
    inputs: &[Tensor],
    variables: &IndexVec<VarId, Tensor>,
    batch: usize,
) -> Result<(), String> {
    let context = RunContext { seed: 11, step: 3, batch };
    let want = reference::run(graph, variables, inputs, &context, false);
    let (results, after) = planned(graph, inputs, variables, &context, 1);
    for ((name, want), got) in want.results.iter().zip(&results) {
        close(want, got, 2e-5).map_err(|why| format!("{name}: {why}"))?;
    }
    for (id, value) in &want.updates {
        close(value, &after[id.0 as usize], 2e-5).map_err(|why| format!("update of {id}: {why}"))?;
    }
    for threads in [2, 3] {
        let (other_results, other_after) = planned(graph, inputs, variables, &context, threads);
        if bits(&results) != bits(&other_results) || bits(&after) != bits(&other_after) {
            return Err(format!("{threads} threads give other bits"));
        }
    }
    Ok(())
}

fn bits(tensors: &[Tensor]) -> Vec<Vec<u64>> {
    tensors.iter().map(|tensor| tensor.to_f64().iter().map(|x| x.to_bits()).collect()).collect()
}

fn drawn(case: &Case, draws: &mut Draws) -> Vec<Tensor> {
    let tensor = |case: &nnlc::ops::CaseInput| {
        let sizes = case.ty.shape.constant().expect("cases hold no symbols");
        let len: usize = sizes.iter().product();
        match case.domain {
            Domain::Range(low, high) => Tensor::f32(&sizes, (0..len).map(|_| draws.float(low, high) as f32).collect()),
            Domain::Distinct(apart) => {
                let mut order: Vec<f32> =
                    (0..len).map(|i| (i as f64 * apart - len as f64 * apart / 2.0) as f32).collect();
                (1..len).rev().for_each(|i| order.swap(i, draws.below(i + 1)));
                Tensor::f32(&sizes, order)
            }
            Domain::Index(below) => Tensor::i32(&sizes, (0..len).map(|_| draws.below(below as usize) as i32).collect()),
            Domain::Bool => {
                let values = (0..len).map(|_| draws.below(2) == 0).collect();
                Tensor::Bool(ndarray::ArrayD::from_shape_vec(sizes, values).expect("as many"))
            }
        }
    };
    let mut tensor = tensor;
    case.inputs.iter().map(&mut tensor).collect()
}

/// The graph of one test case: its inputs and the node.
fn graph_of(primitive: &Primitive, case: &Case) -> Graph {
    let mut graph = Graph::new();
    let mut operands = Vec::new();
    for (at, case) in case.inputs.iter().enumerate() {
        let value = input(&mut graph, &format!("x{at}"), case.ty.shape.clone());
        graph.nodes[value].ty.dtype = case.ty.dtype.clone();
        operands.push(value);
    }
    let value = Builder::new(&mut graph, Place::NONE).emit(primitive.op, &operands, case.attrs.clone());
    result(&mut graph, "y", value);
    graph
}

#[test]
fn every_primitive_equals_the_reference() {
    let mut draws = Draws(5);
    for primitive in all() {
        for (index, case) in (primitive.cases)().iter().enumerate() {
            let graph = graph_of(primitive, case);
            let inputs = drawn(case, &mut draws);
            if let Err(why) = equals_reference(&graph, &inputs, &IndexVec::new(), 1) {
                panic!("`{}` case {index}: {why}\n{graph}", primitive.op);
            }
        }
    }
}

/// What has none: extremes and products of integers, claims and stand-ins, which are gone once sizes are known, and orthogonal
/// matrices, which are drawn once.
#[test]
fn nearly_all_primitives_have_kernels() {
    let mut left: Vec<&str> = Vec::new();
    for primitive in all() {
        for case in (primitive.cases)() {
            let plan = Plan::new(&graph_of(primitive, &case), 1, &Store::new(), &Options::default()).expect("a plan");
            if plan.labels().any(|(_, label)| label == Plan::UNPLANNED) && left.last() != Some(&primitive.op.0) {
                left.push(primitive.op.0);
            }
        }
    }
    assert_eq!(left, ["max", "min", "prod", "claim", "stand_in", "orthogonal"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn random_graphs_equal_the_reference(seed in any::<u64>(), batch in prop_oneof![Just(1usize), Just(2), Just(5), Just(7)]) {
        let raw = random_graph(seed, 40);
        for graph in [Pipeline::standard().run(raw.clone()), raw] {
            let (inputs, variables) = values(&graph, batch, &mut Draws(seed));
            if let Err(why) = equals_reference(&graph, &inputs, &variables, batch) {
                return Err(TestCaseError::fail(format!("batch {batch}: {why}\n{graph}")));
            }
        }
    }
}

/// A loop nest behind two products takes only one of them onto its tiles when that one reads all of the other.
#[test]
fn a_product_of_a_product_waits_for_it() {
    for width in [4, 100] {
        let mut graph = Graph::new();
        let x = input(&mut graph, "x", [Dim::batch(), Dim::new(width)].into_iter().collect());
        let ids = ["w", "v"].map(|path| variable(&mut graph, path, &[width as usize, width as usize]).1);
        let mut b = Builder::new(&mut graph, Place::NONE);
        let [first, second] = ids.iter().fold([x, x], |[_, x], weight| {
            let attrs = Attrs::new().ints("axes_a", [1]).ints("axes_b", [0]).ints("batch_a", []).ints("batch_b", []);
            [x, b.emit(Op("contract"), &[x, *weight], attrs)]
        });
        let sum = b.add(first, second);
        result(&mut graph, "sum", sum);
        let (inputs, variables) = values(&graph, 9, &mut Draws(3));
        equals_reference(&graph, &inputs, &variables, 9).unwrap_or_else(|why| panic!("width {width}: {why}"));
    }
}

/// What follows a product runs on its tiles: bias and activation, the column sums of a bias's gradient, the step of a weight that another
/// product still reads, a sum of two products.
#[test]
fn what_follows_a_product_runs_on_its_tiles() {
    for (batch, [wide, narrow]) in [(64, [300, 130]), (200, [260, 40]), (1, [17, 5]), (7, [64, 64])] {
        let mut graph = Graph::new();
        let x = input(&mut graph, "x", [Dim::batch(), Dim::new(wide)].into_iter().collect());
        let sizes = [vec![wide, narrow], vec![narrow], vec![narrow, wide], vec![narrow, wide]];
        let sizes = sizes.map(|sizes| sizes.iter().map(|size| *size as usize).collect::<Vec<_>>());
        let ids = ["w", "b", "v", "u"].iter().zip(&sizes).map(|(path, sizes)| variable(&mut graph, path, sizes));
        let ids: Vec<_> = ids.collect();
        let mut b = Builder::new(&mut graph, Place::NONE);
        let matmul = |b: &mut Builder, x, y| {
            let attrs = Attrs::new().ints("axes_a", [1]).ints("axes_b", [0]).ints("batch_a", []).ints("batch_b", []);
            b.emit(Op("contract"), &[x, y], attrs)
        };
        let hidden = matmul(&mut b, x, ids[0].1);
        let hidden = b.add(hidden, ids[1].1);
        let hidden = b.unary(Op("sigmoid"), hidden);
        let (left, right) = (matmul(&mut b, hidden, ids[2].1), matmul(&mut b, hidden, ids[3].1));
        let sum = b.add(left, right);
        let error = b.sub(sum, x);
        let square = b.unary(Op("square"), error);
        let loss = b.emit(Op("mean"), &[square], Attrs::new().ints("axis", [0, 1]).flag("keepdims", false));
        let wrt: Vec<_> = ids.iter().map(|(_, value)| *value).collect();
        let grads = gradients(&mut graph, loss, &wrt);
        for ((id, old), grad) in ids.iter().zip(grads) {
            let mut b = Builder::new(&mut graph, Place::NONE);
            let rate = b.scalar(0.5);
            let change = b.mul(grad.expect("all are trained"), rate);
            let value = b.sub(*old, change);
            graph.updates.push(Update { variable: *id, value, place: Place::NONE });
        }
        result(&mut graph, "loss", loss);
        result(&mut graph, "left", left);
        let graph = Pipeline::standard().run(graph);
        let (inputs, variables) = values(&graph, batch, &mut Draws(batch as u64));
        equals_reference(&graph, &inputs, &variables, batch).unwrap_or_else(|why| panic!("batch {batch}: {why}"));
        let plan = Plan::new(&graph, batch, &store_of(&graph, &variables), &Options::default()).expect("a plan");
        let labels: Vec<&str> = plan.labels().map(|(_, label)| label).collect();
        assert!(labels.iter().filter(|label| **label == "gemm, fused").count() >= 4, "{labels:?}");
    }
}

/// Draws come tile by tile where a loop nest reads them, also where tiles and samples begin between fours.
#[test]
fn what_is_drawn_behind_a_product_is_the_references() {
    for (batch, wide, narrow) in [(64, 300, 130), (200, 260, 41), (3, 17, 5), (7, 64, 67)] {
        let mut graph = Graph::new();
        let x = input(&mut graph, "x", [Dim::batch(), Dim::new(wide)].into_iter().collect());
        let (_, w) = variable(&mut graph, "w", &[wide as usize, narrow as usize]);
        let mut b = Builder::new(&mut graph, Place::NONE);
        let noise = |b: &mut Builder, op, path: &str, width| {
            let attrs = Attrs::new().dims("shape", [Dim::batch(), Dim::new(width)].into_iter().collect());
            b.emit(Op(op), &[], attrs.with("path", Attr::Str(path.into())).flag("per_sample", true))
        };
        let (uniform, normal) = (noise(&mut b, "rand", "before", wide), noise(&mut b, "randn", "behind", narrow));
        let dropped = b.mul(x, uniform);
        let attrs = Attrs::new().ints("axes_a", [1]).ints("axes_b", [0]).ints("batch_a", []).ints("batch_b", []);
        let hidden = b.emit(Op("contract"), &[dropped, w], attrs);
        let noisy = b.add(hidden, normal);
        result(&mut graph, "noisy", noisy);
        let (inputs, variables) = values(&graph, batch, &mut Draws(batch as u64));
        equals_reference(&graph, &inputs, &variables, batch).unwrap_or_else(|why| panic!("batch {batch}: {why}"));
        let plan = Plan::new(&graph, batch, &store_of(&graph, &variables), &Options::default()).expect("a plan");
        let labels: Vec<&str> = plan.labels().map(|(_, label)| label).collect();
        assert_eq!(labels, ["draw, fused", "gemm, draw, fused"]);
    }
}

/// Two variables that take each other's value, and one that takes its own.
#[test]
fn right_sides_are_evaluated_before_anything_is_assigned() {
    let mut graph = Graph::new();
    let ids = ["a", "b", "c"].map(|path| variable(&mut graph, path, &[3]));
    for (target, source) in [(0, 1), (1, 0), (2, 2)] {
        graph.updates.push(Update { variable: ids[target].0, value: ids[source].1, place: Place::NONE });
    }
    result(&mut graph, "old", ids[0].1);
    let variables: IndexVec<VarId, Tensor> = (0..3).map(|i| Tensor::f32(&[3], vec![i as f32; 3])).collect();
    let (results, after) = planned(&graph, &[], &variables, &RunContext { batch: 1, ..RunContext::default() }, 2);
    assert_eq!(results[0].to_f64(), [0.0; 3]);
    assert_eq!(after.iter().map(|tensor| tensor.to_f64()[0]).collect::<Vec<_>>(), [1.0, 0.0, 2.0]);
}

/// One store serves plans of several batch sizes, and an engine runs them in turn.
#[test]
fn plans_share_a_store() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", [Dim::batch()].into_iter().collect());
    let (id, w) = variable(&mut graph, "w", &[]);
    let mut b = Builder::new(&mut graph, Place::NONE);
    let y = b.mul(x, w);
    let one = b.scalar(1.0);
    let next = b.add(w, one);
    result(&mut graph, "y", y);
    graph.updates.push(Update { variable: id, value: next, place: Place::NONE });
    let mut store = Store::new();
    store.set("w", &Tensor::scalar(1.0));
    let mut engine = Engine::new(2);
    let plans = [4, 3].map(|batch| Plan::new(&graph, batch, &store, &Options::default()).expect("a plan"));
    for (step, plan) in plans.iter().cycle().take(6).enumerate() {
        let fed = vec![2.0; plan.batch()];
        let context = RunContext { batch: plan.batch(), ..RunContext::default() };
        let outcome = engine.run(plan, &mut store, &[Feed::F32(&fed)], &context).expect("a run");
        assert_eq!(outcome.floats(0), vec![2.0 * (step as f32 + 1.0); plan.batch()]);
    }
    assert_eq!(store.floats("w"), Some(&[7.0][..]));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", [Dim::batch(), Dim::new(1 << 20)].into_iter().collect());
    let (_, w) = variable(&mut graph, "w", &[2]);
    let mut b = Builder::new(&mut graph, Place::NONE);
    let y = b.unary(nnlc::ir::Op("exp"), x);
    let z = b.unary(nnlc::ir::Op("exp"), w);
    result(&mut graph, "y", y);
    result(&mut graph, "z", z);
    let options = Options { memory_limit: 1 << 30 };
    let mut store = Store::new();
    assert!(matches!(Plan::new(&graph, 1, &store, &options), Err(PlanError::Variable { .. })));
    store.set("w", &Tensor::f32(&[2], vec![1.0, 2.0]));
    assert!(
        matches!(Plan::new(&graph, 1 << 20, &store, &options), Err(PlanError::Memory { bytes, limit }) if bytes > limit)
    );
    let plan = Plan::new(&graph, 1, &store, &options).expect("a plan");
    let context = RunContext { batch: 1, ..RunContext::default() };
    let mut engine = Engine::new(1);
    let short = [0.0; 3];
    let mut run = |feeds: &[Feed], context: &RunContext| engine.run(&plan, &mut store, feeds, context).err();
    assert!(matches!(run(&[Feed::F32(&short)], &context), Some(RunError::Feed { index: 0, .. })));
    assert!(matches!(run(&[], &context), Some(RunError::Feeds { expected: 1, found: 0 })));
    assert!(matches!(run(&[Feed::Nothing], &RunContext { batch: 2, ..context }), Some(RunError::Batch { .. })));
    let mut other = Store::new();
    other.set("w", &Tensor::f32(&[2], vec![1.0, 2.0]));
    assert_eq!(engine.run(&plan, &mut other, &[Feed::Nothing], &context).err(), Some(RunError::Store));
}

/// Dtypes other than floats travel through feeds, buffers and results.
#[test]
fn truth_values_and_integers_come_out_as_such() {
    let Some(greater) = nnlc::ops::find("greater") else { return };
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", [Dim::new(5)].into_iter().collect::<Shape>());
    let mut b = Builder::new(&mut graph, Place::NONE);
    let zero = b.scalar(0.0);
    let y = b.binary(greater.op, x, zero);
    let z = b.cast(y, DType::I32);
    result(&mut graph, "y", y);
    result(&mut graph, "z", z);
    let inputs = [Tensor::f32(&[5], vec![1.0, -1.0, 0.0, 2.0, f32::NAN])];
    let (results, _) = planned(&graph, &inputs, &IndexVec::new(), &RunContext { batch: 1, ..RunContext::default() }, 2);
    assert!(matches!(&results[0], Tensor::Bool(_)) && results[0].to_f64() == [1.0, 0.0, 0.0, 1.0, 0.0]);
    assert!(matches!(&results[1], Tensor::I32(_)) && results[1].to_f64() == [1.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn the_first_nan_is_found() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", [Dim::batch()].into_iter().collect::<Shape>());
    let (_, w) = variable(&mut graph, "w", &[]);
    let mut b = Builder::new(&mut graph, Place::NONE);
    let low = b.mul(x, w);
    let log = b.unary(nnlc::ir::Op("log"), low);
    let after = b.add(log, x);
    result(&mut graph, "y", after);
    let mut store = Store::new();
    store.set("w", &Tensor::scalar(2.0));
    let context = RunContext { batch: 2, ..RunContext::default() };
    let found = |values: &[f32; 2]| first_non_finite(&graph, &store, &[Tensor::f32(&[2], values.to_vec())], &context);
    assert_eq!(found(&[1.0, 2.0]), None);
    assert_eq!(found(&[1.0, -1.0]), Some(log));
    assert_eq!(found(&[1.0, 0.0]), Some(log));
    assert_eq!(found(&[1.0, f32::NAN]), Some(x));
}

#[test]
fn subnormal_numbers_are_zeros_on_every_worker() {
    let mut graph = Graph::new();
    let x = input(&mut graph, "x", Shape::from([4096_i64]));
    let y = Builder::new(&mut graph, Place::NONE).mul(x, x);
    result(&mut graph, "y", y);
    let mut store = Store::new();
    let plan = Plan::new(&graph, 1, &store, &Options::default()).expect("a plan");
    let mut engine = Engine::new(2);
    let (tiny, context) = (vec![1e-20; 4096], RunContext { seed: 1, step: 0, batch: 1 });
    let outcome = engine.run(&plan, &mut store, &[Feed::F32(&tiny)], &context).expect("a run");
    assert!(outcome.floats(0).iter().all(|product| *product == 0.0));
    assert!(std::hint::black_box(1e-20_f32) * std::hint::black_box(1e-20) > 0.0, "this thread is as before");
}
