//! Derivatives of every primitive, of random programs and of chosen ones, against central differences in f64 and closed forms.

use nnlc::autodiff::gradients;
use nnlc::base::IndexVec;
use nnlc::engine::reference::run_nodes;
use nnlc::ir::{Attrs, Graph, Input, Op, Place, Value, op};
use nnlc::ops::reach::{Cut, Flow, reach};
use nnlc::ops::{self, Builder, Case, Gradient, Primitive, RunContext};
use nnlc::tensor::{Dim, Shape, Tensor, Type};
use proptest::prelude::*;

const RUN: RunContext = RunContext { seed: 3, step: 0, batch: 5 };

/// Adds an input to a graph.
fn input(graph: &mut Graph, ty: Type) -> Value {
    let index = graph.inputs.len();
    let value = Builder::new(graph, Place::NONE).input(index, ty);
    graph.inputs.push(Input { name: format!("x{index}"), value, drawn: None });
    value
}

fn build<T>(graph: &mut Graph, with: impl FnOnce(&mut Builder) -> T) -> T {
    with(&mut Builder::new(graph, Place::NONE))
}

/// The value of one node in f64.
fn value_of(graph: &Graph, target: Value, inputs: &[Tensor]) -> Tensor {
    run_nodes(graph, &[target], &IndexVec::new(), inputs, &RUN, true)[target].clone().expect("the target is evaluated")
}

/// The sum of all elements of a float, each times a number of its own, so that no two of them can be confused.
fn objective(graph: &mut Graph, value: Value) -> Value {
    let sizes = graph.ty(value).shape.constant().expect("sizes without symbols");
    let weights = (0..sizes.iter().product()).map(|place: usize| 0.5 + ((place * 7 + 3) % 11) as f32 / 11.0).collect();
    build(graph, |b| {
        let weights = b.constant(Tensor::f32(&sizes, weights));
        let product = b.mul(value, weights);
        b.sum(product, &(0..sizes.len() as i64).collect::<Vec<_>>(), false)
    })
}

/// Compares the gradients of `objective` by the float inputs with central differences at these inputs, all in f64.
fn check(graph: &mut Graph, objective: Value, inputs: &[Tensor], what: &str) -> Vec<Option<Value>> {
    let wrt: Vec<Value> = graph.inputs.iter().map(|input| input.value).collect();
    let found = gradients(graph, objective, &wrt);
    ops::verify(graph).unwrap_or_else(|fault| panic!("{what}: {fault}\n{graph}"));
    for (place, gradient) in found.iter().enumerate().filter(|(place, _)| graph.ty(wrt[*place]).dtype.is_float()) {
        let expected = central_differences(graph, objective, inputs, place);
        let found = match gradient {
            Some(gradient) => value_of(graph, *gradient, inputs).to_f64(),
            None => vec![0.0; expected.len()],
        };
        assert_eq!(found.len(), expected.len(), "{what}");
        for (element, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let close = (found - expected).abs() <= 1e-6 * expected.abs().max(0.1);
            assert!(close, "{what}, input {place}, element {element}: {found} should be {expected}\n{graph}");
        }
    }
    found
}

fn central_differences(graph: &Graph, objective: Value, inputs: &[Tensor], place: usize) -> Vec<f64> {
    let widened: Vec<Tensor> = inputs.iter().map(Tensor::widen).collect();
    let moved = |element: usize, by: f64| {
        let mut moved = widened.clone();
        let Tensor::F64(array) = &mut moved[place] else { panic!("only floats are moved") };
        *array.iter_mut().nth(element).expect("an element") += by;
        value_of(graph, objective, &moved).to_f64()[0]
    };
    let values = widened[place].to_f64();
    let difference = |(element, x): (usize, &f64)| {
        let step = 1e-5 * x.abs().max(1.0);
        (moved(element, step) - moved(element, -step)) / (2.0 * step)
    };
    values.iter().enumerate().map(difference).collect()
}

/// The operation of a case on inputs.
fn program_of(primitive: &Primitive, case: &Case) -> (Graph, Value) {
    let mut graph = Graph::new();
    let inputs: Vec<Value> = case.inputs.iter().map(|own| input(&mut graph, own.ty.clone())).collect();
    let value = build(&mut graph, |b| b.emit(primitive.op, &inputs, case.attrs.clone()));
    (graph, value)
}

fn cases() -> impl Iterator<Item = (&'static Primitive, Case, String)> {
    ops::all().flat_map(|primitive| {
        let cases = (primitive.cases)().into_iter().enumerate();
        cases.map(move |(place, case)| (primitive, case, format!("`{}` case {place}", primitive.op)))
    })
}

#[test]
fn first_derivatives_of_every_primitive() {
    for (primitive, case, what) in cases() {
        let (mut graph, value) = program_of(primitive, &case);
        if !graph.ty(value).dtype.is_float() || primitive.op == Op("stop_gradient") {
            continue;
        }
        let objective = objective(&mut graph, value);
        let found = check(&mut graph, objective, &case.draw(0), &what);
        if matches!(primitive.gradient, Gradient::Zero(_)) {
            assert!(found.iter().all(Option::is_none), "{what} passes gradient");
        }
    }
}

#[test]
fn second_derivatives_of_every_primitive() {
    for (primitive, case, what) in cases() {
        let (mut graph, value) = program_of(primitive, &case);
        if !graph.ty(value).dtype.is_float() || matches!(primitive.gradient, Gradient::Zero(_)) {
            continue;
        }
        let wrt: Vec<Value> = graph.inputs.iter().map(|input| input.value).collect();
        let first = objective(&mut graph, value);
        for gradient in gradients(&mut graph, first, &wrt).into_iter().flatten() {
            let second = objective(&mut graph, gradient);
            check(&mut graph, second, &case.draw(1), &format!("{what}, second derivative"));
        }
    }
}

/// Programs of smooth operations: what does not fit is left out.
fn random_program(steps: &[(usize, usize, usize)]) -> (Graph, Value) {
    let mut graph = Graph::new();
    let mut values: Vec<Value> =
        [&[2, 3][..], &[3], &[2, 1], &[]].map(|shape: &[usize]| input(&mut graph, Type::f32(shape))).to_vec();
    for (operation, left, right) in steps {
        let (a, b) = (values[left % values.len()], values[right % values.len()]);
        values.extend(build(&mut graph, |builder| random_step(builder, *operation, a, b)));
    }
    let terms: Vec<Value> = values.iter().map(|value| objective(&mut graph, *value)).collect();
    let total = build(&mut graph, |b| terms.into_iter().reduce(|sum, term| b.add(sum, term)));
    (graph, total.expect("there are inputs"))
}

fn random_step(b: &mut Builder, operation: usize, x: Value, y: Value) -> Option<Value> {
    let (rank, size) = (b.shape(x).rank() as i64, b.shape(x).size());
    let last = rank - 1;
    match operation {
        0 => b.try_emit(Op("add"), &[x, y], Attrs::new()).ok(),
        1 => b.try_emit(Op("mul"), &[x, y], Attrs::new()).ok().map(|product| b.unary(Op("tanh"), product)),
        2 => Some(b.unary(Op("sin"), x)),
        3 => Some(b.unary(Op("sigmoid"), x)),
        4 => Some(b.transpose(x, &(0..rank).rev().collect::<Vec<_>>())),
        5 => Some(b.reshape(x, [size, Dim::new(1)].into_iter().collect())),
        6 if rank > 0 => Some(b.emit(Op("flip"), &[x], Attrs::new().ints("axis", [last]))),
        7 if rank > 0 => Some(b.sum(x, &[last], true)),
        8 if rank > 0 => b.try_emit(Op("concatenate"), &[x, y, x], Attrs::new().int("axis", last)).ok(),
        9 if rank > 0 && b.shape(x)[0].constant() > Some(1) => {
            let (mut start, stop) = (vec![0; rank as usize], b.shape(x));
            start[0] = 1;
            Some(b.slice(x, start.iter().map(|from| Dim::new(*from)).collect(), stop, vec![1; rank as usize]))
        }
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn derivatives_of_random_programs(steps in prop::collection::vec((0usize..10, 0usize..12, 0usize..12), 1..9)) {
        let (mut graph, total) = random_program(&steps);
        let noise = |shape: &[usize], phase: f32| {
            let count = shape.iter().product::<usize>();
            Tensor::f32(shape, (0..count).map(|place| (place as f32 * 1.3 + phase).sin()).collect())
        };
        let inputs = [noise(&[2, 3], 0.1), noise(&[3], 0.5), noise(&[2, 1], 2.0), noise(&[], 4.0)];
        check(&mut graph, total, &inputs, "a random program");
    }
}

/// One input and the sum of what `with` makes of it; the gradient by the input at `x`.
fn gradient_at(x: Tensor, with: impl FnOnce(&mut Builder, Value) -> Value) -> Option<Vec<f64>> {
    let mut graph = Graph::new();
    let value = input(&mut graph, Type::f32(x.shape()));
    let sum = build(&mut graph, |b| {
        let result = with(b, value);
        let axes: Vec<i64> = (0..b.shape(result).rank() as i64).collect();
        b.sum(result, &axes, false)
    });
    let gradient = gradients(&mut graph, sum, &[value])[0]?;
    Some(value_of(&graph, gradient, &[x]).to_f64())
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} should be {expected}");
    }
}

#[test]
fn shared_subexpressions_add_up() {
    let xs = [0.5f32, -1.25];
    let found = gradient_at(Tensor::f32(&[2], xs.to_vec()), |b, x| {
        let a = b.unary(Op("sin"), x);
        let square = b.mul(a, a);
        b.add(square, a)
    });
    let expected = xs.map(|x| (2.0 * f64::from(x).sin() + 1.0) * f64::from(x).cos());
    assert_close(&found.unwrap(), &expected);
}

#[test]
fn broadcast_operands_get_the_sum_over_their_repetitions() {
    let weights = Tensor::f32(&[2, 3], vec![1.0, 2.0, 3.0, 10.0, 20.0, 30.0]);
    let row = gradient_at(Tensor::f32(&[3], vec![0.0; 3]), |b, x| {
        let weights = b.constant(weights.clone());
        b.mul(weights, x)
    });
    assert_close(&row.unwrap(), &[11.0, 22.0, 33.0]);
    let column = gradient_at(Tensor::f32(&[2, 1], vec![0.0; 2]), |b, x| {
        let weights = b.constant(weights.clone());
        b.mul(x, weights)
    });
    assert_close(&column.unwrap(), &[6.0, 60.0]);
}

#[test]
fn stop_gradient_stops_one_use_only() {
    let found = gradient_at(Tensor::f32(&[2], vec![3.0, 4.0]), |b, x| {
        let stopped = b.unary(Op("stop_gradient"), x);
        b.mul(x, stopped)
    });
    assert_close(&found.unwrap(), &[3.0, 4.0]);
    assert_eq!(gradient_at(Tensor::f32(&[2], vec![3.0, 4.0]), |b, x| b.unary(Op("stop_gradient"), x)), None);
}

#[test]
fn bound_values_and_the_objective_itself_have_gradients() {
    let mut graph = Graph::new();
    let x = input(&mut graph, Type::f32([]));
    let (y, z) = build(&mut graph, |b| {
        let y = b.unary(Op("exp"), x);
        (y, b.unary(Op("square"), y))
    });
    let found = gradients(&mut graph, z, &[z, y, x]);
    let at = [Tensor::scalar(0.5)];
    let found: Vec<f64> = found.into_iter().map(|own| value_of(&graph, own.unwrap(), &at).to_f64()[0]).collect();
    assert_close(&found, &[1.0, 2.0 * 0.5f64.exp(), 2.0 * 1f64.exp()]);
}

/// A slice whose start and end a symbol decides, in steps.
#[test]
fn slices_of_symbolic_size() {
    let (batch, two) = (Dim::batch(), Dim::new(2));
    let half = batch.clone().floor_div(two.clone());
    let cuts = [(half.clone(), batch.clone(), 1), (Dim::new(1), batch.clone(), 2), (Dim::new(0), half, 1)];
    for (start, stop, step) in cuts {
        let mut graph = Graph::new();
        let shape: Shape = [batch.clone(), two.clone()].into_iter().collect();
        let x = input(&mut graph, Type::f32(shape));
        let cut = build(&mut graph, |b| {
            let square = b.unary(Op("square"), x);
            let ends = [stop.clone(), two.clone()].into_iter().collect();
            b.slice(square, [start.clone(), Dim::new(0)].into_iter().collect(), ends, vec![step, 1])
        });
        let sum = build(&mut graph, |b| b.sum(cut, &[0, 1], false));
        let inputs = [Tensor::f32(&[5, 2], (0..10).map(|x| x as f32 - 4.5).collect())];
        check(&mut graph, sum, &inputs, &format!("a slice from {start} to {stop} in steps of {step}"));
    }
}

#[test]
fn reach_names_what_cuts() {
    let mut graph = Graph::new();
    let [x, y, z] = [0; 3].map(|_| input(&mut graph, Type::f32([2])));
    let (floor, loss) = build(&mut graph, |b| {
        let floor = b.unary(Op("floor"), x);
        let scaled = b.mul(floor, y);
        (floor, b.sum(scaled, &[0], false))
    });
    let found = reach(&graph, loss, &[x, y, z]);
    let Gradient::Zero(reason) = ops::primitive(Op("floor")).gradient else { panic!("floor is flat") };
    let cut = Flow::Cut(vec![Cut { value: floor, reason }]);
    assert_eq!(found.flows, [cut, Flow::Reaches, Flow::Unrelated]);
    assert_eq!([x, y, floor, loss].map(|value| found.carries[value]), [false, true, false, true]);
    let gradients = gradients(&mut graph, loss, &[x, y, z]);
    assert_eq!(gradients.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, false]);
}

#[test]
fn reach_follows_main_in_a_per_sample_graph() {
    let mut graph = Graph::new();
    let [x, y] = [0; 2].map(|_| input(&mut graph, Type::f32([2])));
    let loss = build(&mut graph, |b| {
        let all = b.unary(op::ALL_SAMPLES, x);
        let chosen = b.binary(op::SELECT_TRAINING, all, y);
        b.sum(chosen, &[0, 1], false)
    });
    assert_eq!(reach(&graph, loss, &[x, y]).flows, [Flow::Reaches, Flow::Unrelated]);
}
