//! The reference engine, and every primitive's evaluation against something independent of it: closed forms, naive loops, values worked
//! out by hand.

use nnlc::autodiff::gradients;
use nnlc::base::{Idx, IndexVec};
use nnlc::engine::reference::{run, run_nodes};
use nnlc::ir::{Attr, Attrs, Graph, Input, Op, Place, ResultRole, ResultValue, Update, Value, Variable, VariableKind};
use nnlc::ops::{Builder, Case, Misfit, Primitive, RunContext, all, find, verify};
use nnlc::tensor::{DType, Dim, Tensor, Type};

/// One input more.
pub fn declare(graph: &mut Graph, ty: Type) -> Value {
    let index = graph.inputs.len();
    let value = Builder::new(graph, Place::NONE).input(index, ty);
    graph.inputs.push(Input { name: format!("x{index}"), value, drawn: None });
    value
}

/// A graph of one node, its operands fed, with its value.
pub fn node_of(primitive: &Primitive, case: &Case) -> (Graph, Value) {
    let mut graph = Graph::new();
    let operands: Vec<Value> = case.inputs.iter().map(|input| declare(&mut graph, input.ty.clone())).collect();
    let value = Builder::new(&mut graph, Place::NONE).emit(primitive.op, &operands, case.attrs.clone());
    (graph, value)
}

/// Asserts that two lists of numbers agree: relative to their size, absolutely below 1.
pub fn close(found: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let apart = (found - expected).abs();
        assert!(apart <= tolerance * expected.abs().max(1.0), "{what}: {found} should be {expected}");
    }
}

fn evaluate(primitive: &Primitive, case: &Case, inputs: &[Tensor], double: bool) -> Tensor {
    let (graph, value) = node_of(primitive, case);
    let context = RunContext { seed: 1, step: 0, batch: 3 };
    run_nodes(&graph, &[value], &IndexVec::new(), inputs, &context, double)[value].clone().unwrap()
}

/// One operation on given tensors in single precision.
fn apply(op: &str, inputs: &[Tensor], attrs: Attrs) -> Tensor {
    let mut graph = Graph::new();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let operands: Vec<Value> = inputs.iter().map(|input| b.constant(input.clone())).collect();
    let value = b.emit(find(op).unwrap().op, &operands, attrs);
    verify(&graph).unwrap();
    run_nodes(&graph, &[value], &IndexVec::new(), &[], &RunContext::default(), false)[value].clone().unwrap()
}

fn floats(numbers: &[f32]) -> Tensor {
    Tensor::f32(&[numbers.len()], numbers.to_vec())
}

fn ints(numbers: &[i32]) -> Tensor {
    Tensor::i32(&[numbers.len()], numbers.to_vec())
}

#[test]
fn shape_rules_agree_with_evaluation_in_both_precisions() {
    for primitive in all() {
        for (draw, case) in (0..).zip((primitive.cases)()) {
            let (graph, _) = node_of(primitive, &case);
            verify(&graph).unwrap_or_else(|fault| panic!("{}: {fault}", primitive.op));
            let inputs = case.draw(draw);
            let single = evaluate(primitive, &case, &inputs, false).to_f64();
            let double = evaluate(primitive, &case, &inputs, true).to_f64();
            close(&single, &double, 4.0 * f64::from(f32::EPSILON), &format!("{} {case:?}", primitive.op));
        }
    }
}

/// The integral of `exp(-t^2)` by Simpson's rule.
fn erf(x: f64) -> f64 {
    let (steps, bell) = (2000, |t: f64| (-t * t).exp());
    let h = x / f64::from(steps);
    let weight = |i: i32| {
        if i == 0 || i == steps {
            1.0
        } else if i % 2 == 1 {
            4.0
        } else {
            2.0
        }
    };
    let sum: f64 = (0..=steps).map(|i| weight(i) * bell(h * f64::from(i))).sum();
    2.0 / std::f64::consts::PI.sqrt() * sum * h / 3.0
}

/// Each function of one float, by another formula than its definition wherever there is one.
fn closed_form(op: &str, x: f64) -> f64 {
    match op {
        "neg" => 0.0 - x,
        "abs" => (x * x).sqrt(),
        "sign" => f64::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
        "exp" => std::f64::consts::E.powf(x),
        "log" => x.log2() * std::f64::consts::LN_2,
        "log1p" => (1.0 + x).ln(),
        "expm1" => x.exp() - 1.0,
        "sqrt" => x.powf(0.5),
        "rsqrt" => x.powf(-0.5),
        "square" => x.powi(2),
        "reciprocal" => x.powi(-1),
        "sin" => (std::f64::consts::FRAC_PI_2 - x).cos(),
        "cos" => 1.0 - 2.0 * (x / 2.0).sin().powi(2),
        "tan" => x.sin() / x.cos(),
        "sinh" => (x.exp() - (-x).exp()) / 2.0,
        "cosh" => (x.exp() + (-x).exp()) / 2.0,
        "tanh" => 1.0 - 2.0 / ((2.0 * x).exp() + 1.0),
        "asin" => x.atan2((1.0 - x * x).sqrt()),
        "acos" => (1.0 - x * x).sqrt().atan2(x),
        "atan" => x.atan2(1.0),
        "asinh" => (x + (x * x + 1.0).sqrt()).ln(),
        "acosh" => (x + (x * x - 1.0).sqrt()).ln(),
        "atanh" => ((1.0 + x) / (1.0 - x)).ln() / 2.0,
        "erf" => erf(x),
        "sigmoid" => (1.0 + (x / 2.0).tanh()) / 2.0,
        "floor" => x - x.rem_euclid(1.0),
        "ceil" => -((-x) - (-x).rem_euclid(1.0)),
        "round" => (x + 0.5).floor(),
        _ => panic!("`{op}` has no closed form here"),
    }
}

/// Each function of two floats likewise.
fn closed_form_of_two(op: &str, a: f64, b: f64) -> f64 {
    match op {
        "add" => b + a,
        "sub" => -(b - a),
        "mul" => b * a,
        "div" => a * (1.0 / b),
        "pow" => (b * a.ln()).exp(),
        "mod" => a - b * (a / b).floor(),
        "minimum" => (a + b - (a - b).abs()) / 2.0,
        "maximum" => (a + b + (a - b).abs()) / 2.0,
        "atan2" => 2.0 * (a / (a.hypot(b) + b)).atan(),
        _ => panic!("`{op}` has no closed form here"),
    }
}

/// The element of `x` at a place of a larger shape that it is broadcast to.
fn broadcast_at(x: &Tensor, place: &[usize]) -> f64 {
    let behind = &place[place.len() - x.shape().len()..];
    let own: Vec<usize> = behind.iter().zip(x.shape()).map(|(at, size)| if *size == 1 { 0 } else { *at }).collect();
    x.to_f64()[flat(&own, x.shape())]
}

fn flat(place: &[usize], shape: &[usize]) -> usize {
    place.iter().zip(shape).fold(0, |sum, (at, size)| sum * size + at)
}

/// All places of a shape, in row-major order.
fn places(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |places, size| {
        places.iter().flat_map(|place| (0..*size).map(|at| [&place[..], &[at]].concat())).collect()
    })
}

#[test]
fn elementwise_functions_match_closed_forms() {
    for primitive in nnlc::ops::elementwise::TABLE.iter().chain(nnlc::ops::elementwise_binary::TABLE) {
        for (draw, case) in (0..).zip((primitive.cases)()) {
            let inputs = case.draw(draw);
            let found = evaluate(primitive, &case, &inputs, true);
            let expected: Vec<f64> = places(found.shape())
                .iter()
                .map(|place| match &inputs[..] {
                    [x] => closed_form(primitive.op.0, broadcast_at(x, place)),
                    [a, b] => closed_form_of_two(primitive.op.0, broadcast_at(a, place), broadcast_at(b, place)),
                    _ => panic!("one or two operands"),
                })
                .collect();
            close(&found.to_f64(), &expected, 1e-12, primitive.op.0);
        }
    }
}

#[test]
fn elementwise_functions_at_special_places() {
    let none = Attrs::new;
    let unary = |op: &str, x: &[f32]| apply(op, &[floats(x)], none()).to_f32();
    let binary = |op: &str, a: &[f32], b: &[f32]| apply(op, &[floats(a), floats(b)], none()).to_f32();
    assert_eq!(unary("round", &[0.5, 1.5, 2.5, -0.5, -1.5]), [0.0, 2.0, 2.0, -0.0, -2.0]);
    assert_eq!(unary("sign", &[0.0, -0.0, -3.0, f32::INFINITY]), [0.0, 0.0, -1.0, 1.0]);
    assert!(unary("sign", &[f32::NAN])[0].is_nan());
    assert_eq!(unary("sigmoid", &[-1000.0, 1000.0]), [0.0, 1.0]);
    assert_eq!(unary("expm1", &[1e-10]), [1e-10]);
    assert_eq!(binary("mod", &[7.0, -7.0, 7.0, -7.0], &[3.0, 3.0, -3.0, -3.0]), [1.0, 2.0, -2.0, -1.0]);
    assert!(binary("maximum", &[f32::NAN, 1.0], &[1.0, f32::NAN]).iter().all(|x| x.is_nan()));
    assert!(binary("minimum", &[f32::NAN, 1.0], &[1.0, f32::NAN]).iter().all(|x| x.is_nan()));

    let of_ints = |op: &str, a: &[i32], b: &[i32]| apply(op, &[ints(a), ints(b)], none());
    assert_eq!(of_ints("mod", &[7, -7, 7, -7, 5], &[3, 3, -3, -3, 0]), ints(&[1, 2, -2, -1, 0]));
    assert_eq!(of_ints("pow", &[2, -3, -1, 7, 1], &[10, 3, -3, -1, -4]), ints(&[1024, -27, -1, 0, 1]));
    assert_eq!(of_ints("add", &[i32::MAX], &[1]), ints(&[i32::MIN]));
    assert_eq!(apply("abs", &[ints(&[-4, 4])], none()), ints(&[4, 4]));
}

#[test]
fn comparisons_and_logic_by_truth_table() {
    let of = |op: &str, a: Tensor, b: Tensor| apply(op, &[a, b], Attrs::new());
    let (a, b) = (floats(&[1.0, 2.0, 3.0, f32::NAN]), floats(&[2.0, 2.0, 2.0, f32::NAN]));
    let ordered = |op: &str, expected: [bool; 4]| {
        assert_eq!(of(op, a.clone(), b.clone()), Tensor::bool(&[4], expected.to_vec()), "{op}");
    };
    ordered("equal", [false, true, false, false]);
    ordered("not_equal", [true, false, true, true]);
    ordered("greater", [false, false, true, false]);
    ordered("greater_equal", [false, true, true, false]);
    ordered("less", [true, false, false, false]);
    ordered("less_equal", [true, true, false, false]);

    let (p, q) = ([false, false, true, true], [false, true, false, true]);
    let logic = |op: &str, expected: [bool; 4]| {
        let found = of(op, Tensor::bool(&[4], p.to_vec()), Tensor::bool(&[4], q.to_vec()));
        assert_eq!(found, Tensor::bool(&[4], expected.to_vec()), "{op}");
    };
    logic("logical_and", [false, false, false, true]);
    logic("logical_or", [false, true, true, true]);
    logic("logical_xor", [false, true, true, false]);
    let not = apply("logical_not", &[Tensor::bool(&[4], p.to_vec())], Attrs::new());
    assert_eq!(not, Tensor::bool(&[4], vec![true, true, false, false]));

    let odd = floats(&[f32::NAN, f32::NEG_INFINITY, 0.0]);
    assert_eq!(apply("is_nan", std::slice::from_ref(&odd), Attrs::new()), Tensor::bool(&[3], vec![true, false, false]));
    assert_eq!(apply("is_inf", &[odd], Attrs::new()), Tensor::bool(&[3], vec![false, true, false]));
}

#[test]
fn choice_and_conversion() {
    let condition = Tensor::bool(&[2, 1], vec![true, false]);
    let chosen = apply("where", &[condition, floats(&[1.0, 2.0]), floats(&[f32::NAN, 4.0])], Attrs::new());
    assert_eq!(chosen.shape(), [2, 2]);
    assert_eq!(chosen.to_f32()[..2], [1.0, 2.0]);
    assert!(chosen.to_f32()[2].is_nan() && chosen.to_f32()[3] == 4.0);
    let cast = |x: Tensor, dtype: DType| apply("cast", &[x], Attrs::new().with("dtype", Attr::DType(dtype)));
    assert_eq!(cast(floats(&[2.9, -2.9]), DType::I32), ints(&[2, -2]));
    assert_eq!(cast(floats(&[0.0, -0.5]), DType::Bool), Tensor::bool(&[2], vec![false, true]));
    assert_eq!(cast(Tensor::bool(&[2], vec![true, false]), DType::F32), floats(&[1.0, 0.0]));
    assert_eq!(cast(ints(&[16_777_217]), DType::I32), ints(&[16_777_217]));
}

/// A reduction by a walk over all elements of the operand, each added to its own place of the result.
fn naive_reduction(op: &str, x: &Tensor, axes: &[i64]) -> Vec<f64> {
    let kept = |place: &[usize]| -> Vec<usize> {
        (0..place.len()).filter(|axis| !axes.contains(&(*axis as i64))).map(|axis| place[axis]).collect()
    };
    let sizes = kept(x.shape());
    let mut found: Vec<Vec<f64>> = vec![Vec::new(); sizes.iter().product()];
    for (place, element) in places(x.shape()).iter().zip(x.to_f64()) {
        found[flat(&kept(place), &sizes)].push(element);
    }
    let place_of = |row: &[f64], best: f64| row.iter().position(|x| *x == best).unwrap() as f64;
    let (low, high) = (
        |row: &[f64]| row.iter().copied().fold(f64::INFINITY, f64::min),
        |row: &[f64]| row.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let reduce = |row: &Vec<f64>| match op {
        "sum" => row.iter().sum(),
        "mean" => row.iter().sum::<f64>() / row.len() as f64,
        "max" | "any" => high(row),
        "min" | "all" => low(row),
        "prod" => row.iter().product(),
        "argmax" => place_of(row, high(row)),
        "argmin" => place_of(row, low(row)),
        _ => panic!("`{op}` has no naive definition here"),
    };
    found.iter().map(reduce).collect()
}

#[test]
fn reductions_match_naive_loops() {
    for primitive in nnlc::ops::reduce::TABLE {
        for (draw, case) in (0..).zip((primitive.cases)()) {
            let axes = match case.attrs.get("axis") {
                Some(Attr::Int(axis)) => vec![*axis],
                _ => case.attrs.get_ints("axis").to_vec(),
            };
            let inputs = case.draw(draw);
            let found = evaluate(primitive, &case, &inputs, true);
            let expected = naive_reduction(primitive.op.0, &inputs[0], &axes);
            close(&found.to_f64(), &expected, 1e-12, &format!("{} {case:?}", primitive.op));
        }
    }
}

fn along(axis: i64) -> Attrs {
    Attrs::new().ints("axis", [axis]).flag("keepdims", false)
}

#[test]
fn reductions_of_nothing_and_of_ties() {
    let empty = || Tensor::f32(&[2, 0], Vec::new());
    assert_eq!(apply("sum", &[empty()], along(1)), floats(&[0.0, 0.0]));
    assert_eq!(apply("prod", &[empty()], along(1)), floats(&[1.0, 1.0]));
    assert!(apply("mean", &[empty()], along(1)).to_f32().iter().all(|x| x.is_nan()));
    assert_eq!(misfit("max", &[Type::f32([2, 0])], along(1)).code().as_str(), "E0114");
    assert_eq!(apply("argmax", &[floats(&[1.0, 3.0, 3.0])], Attrs::new().int("axis", 0)), Tensor::i32(&[], vec![1]));
    assert!(apply("max", &[floats(&[1.0, f32::NAN, 3.0])], along(0)).to_f32()[0].is_nan());
}

/// A contraction by a walk over all pairs of elements.
fn naive_contraction(a: &Tensor, b: &Tensor, attrs: &Attrs, sizes: &[usize]) -> Vec<f64> {
    let axes = |name: &str| attrs.get_ints(name).iter().map(|axis| *axis as usize).collect::<Vec<usize>>();
    let (axes_a, axes_b, batch_a, batch_b) = (axes("axes_a"), axes("axes_b"), axes("batch_a"), axes("batch_b"));
    let at = |place: &[usize], axes: &[usize]| axes.iter().map(|axis| place[*axis]).collect::<Vec<usize>>();
    let free = |place: &[usize], taken: [&[usize]; 2]| -> Vec<usize> {
        let own = |axis: &usize| !taken[0].contains(axis) && !taken[1].contains(axis);
        (0..place.len()).filter(own).map(|axis| place[axis]).collect()
    };
    let mut result = vec![0.0; sizes.iter().product()];
    for (i, x) in places(a.shape()).iter().zip(a.to_f64()) {
        for (j, y) in places(b.shape()).iter().zip(b.to_f64()) {
            if at(i, &axes_a) == at(j, &axes_b) && at(i, &batch_a) == at(j, &batch_b) {
                let place = [at(i, &batch_a), free(i, [&axes_a, &batch_a]), free(j, [&axes_b, &batch_b])].concat();
                result[flat(&place, sizes)] += x * y;
            }
        }
    }
    result
}

#[test]
fn contractions_match_naive_loops() {
    let primitive = find("contract").unwrap();
    for (draw, case) in (0..).zip((primitive.cases)()) {
        let inputs = case.draw(draw);
        let found = evaluate(primitive, &case, &inputs, true);
        let expected = naive_contraction(&inputs[0], &inputs[1], &case.attrs, found.shape());
        close(&found.to_f64(), &expected, 1e-12, &format!("{case:?}"));
    }
}

fn misfit(op: &str, types: &[Type], attrs: Attrs) -> Misfit {
    let mut graph = Graph::new();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let operands: Vec<Value> = types.iter().enumerate().map(|(index, ty)| b.input(index, ty.clone())).collect();
    b.try_emit(find(op).unwrap().op, &operands, attrs).unwrap_err()
}

#[test]
fn running_totals_and_orders_by_hand() {
    let x = || Tensor::f32(&[2, 3], vec![3.0, 1.0, 2.0, -1.0, 4.0, 0.0]);
    let of = |op: &str, axis| apply(op, &[x()], Attrs::new().int("axis", axis));
    assert_eq!(of("cumsum", 1).to_f32(), [3.0, 4.0, 6.0, -1.0, 3.0, 3.0]);
    assert_eq!(of("cumsum", 0).to_f32(), [3.0, 1.0, 2.0, 2.0, 5.0, 2.0]);
    assert_eq!(of("cumprod", 1).to_f32(), [3.0, 3.0, 6.0, -1.0, -4.0, 0.0]);
    assert_eq!(of("sort", 1).to_f32(), [1.0, 2.0, 3.0, -1.0, 0.0, 4.0]);
    assert_eq!(of("sort", 0).to_f32(), [-1.0, 1.0, 0.0, 3.0, 4.0, 2.0]);
    assert_eq!(of("argsort", 1), Tensor::i32(&[2, 3], vec![1, 2, 0, 0, 2, 1]));
    let ties = apply("argsort", &[floats(&[1.0, f32::NAN, 0.0, 1.0])], Attrs::new().int("axis", 0));
    assert_eq!(ties, ints(&[2, 0, 3, 1]));
}

#[test]
fn misfits_name_arguments_and_axes() {
    let of = |dtype: DType, size: i64| Type { dtype, shape: [size].into() };
    let index = |classes: i64| of(DType::Index(Dim::new(classes)), 2);
    let none = Attrs::new;
    let wrong = |argument, expected, found| Misfit::DType { argument, expected, found };
    assert_eq!(misfit("add", &[of(DType::F32, 2), of(DType::I32, 2)], none()), wrong(1, "f32", DType::I32));
    assert_eq!(misfit("add", &[of(DType::F32, 2), index(3)], none()), wrong(1, "a number", index(3).dtype));
    assert_eq!(misfit("exp", &[of(DType::I32, 2)], none()), wrong(0, "f32", DType::I32));
    assert_eq!(misfit("div", &[of(DType::I32, 2), of(DType::I32, 2)], none()), wrong(0, "f32", DType::I32));
    assert_eq!(misfit("less", &[of(DType::Bool, 2), of(DType::Bool, 2)], none()).code().as_str(), "E0301");
    let classes = Misfit::Classes { left: (0, Dim::new(10)), right: (1, Dim::new(7)) };
    assert_eq!(misfit("equal", &[index(10), index(7)], none()), classes);
    assert_eq!(misfit("sum", &[Type::f32([2])], along(1)), Misfit::Axis { axis: 1, rank: 1 });
    let product = Attrs::new().ints("axes_a", [1]).ints("axes_b", [0]).ints("batch_a", []).ints("batch_b", []);
    let contraction = Misfit::Contraction { left: (0, 1, Dim::new(3)), right: (1, 0, Dim::new(4)) };
    assert_eq!(misfit("contract", &[Type::f32([2, 3]), Type::f32([4, 5])], product), contraction);
}

/// The gradient of the sum of a function of one list.
fn gradient_at(x: &[f32], build: impl Fn(&mut Builder, Value) -> Value) -> Vec<f32> {
    let mut graph = Graph::new();
    let mut b = Builder::new(&mut graph, Place::NONE);
    let input = b.input(0, Type::f32([x.len() as i64]));
    let y = build(&mut b, input);
    let axes: Vec<i64> = (0..b.shape(y).rank() as i64).collect();
    let objective = b.sum(y, &axes, false);
    let gradient = gradients(&mut graph, objective, &[input])[0].expect("the objective depends on it");
    let context = RunContext { batch: 1, ..RunContext::default() };
    run_nodes(&graph, &[gradient], &IndexVec::new(), &[floats(x)], &context, false)[gradient].clone().unwrap().to_f32()
}

#[test]
fn derivatives_where_differences_cannot_tell() {
    let reduce = |op: &'static str| move |b: &mut Builder, x: Value| b.emit(Op(op), &[x], along(0));
    assert_eq!(gradient_at(&[0.0, 2.0, 3.0], reduce("prod")), [6.0, 0.0, 0.0]);
    assert_eq!(gradient_at(&[0.0, 0.0, 3.0], reduce("prod")), [0.0, 0.0, 0.0]);
    let running = |b: &mut Builder, x: Value| b.emit(Op("cumprod"), &[x], Attrs::new().int("axis", 0));
    assert_eq!(gradient_at(&[2.0, 0.0, 3.0], running), [1.0, 8.0, 0.0]);
    assert_eq!(gradient_at(&[5.0, 1.0, 5.0], reduce("max")), [0.5, 0.0, 0.5]);
    assert_eq!(gradient_at(&[5.0, 1.0, 1.0], reduce("min")), [0.0, 0.5, 0.5]);
    let against = |op: &'static str| {
        move |b: &mut Builder, x: Value| {
            let one = b.scalar(1.0);
            b.binary(Op(op), x, one)
        }
    };
    assert_eq!(gradient_at(&[0.0, 1.0, 2.0], against("maximum")), [0.0, 0.5, 1.0]);
    assert_eq!(gradient_at(&[0.0, 1.0, 2.0], against("minimum")), [1.0, 0.5, 0.0]);
    assert_eq!(gradient_at(&[-2.0, 0.0, 2.0], |b, x| b.unary(Op("abs"), x)), [-1.0, 0.0, 1.0]);
    let power = |exponent: f64| {
        move |b: &mut Builder, x: Value| {
            let exponent = b.scalar(exponent);
            b.binary(Op("pow"), x, exponent)
        }
    };
    assert_eq!(gradient_at(&[-3.0, 0.0], power(2.0)), [-6.0, 0.0]);
    assert_eq!(gradient_at(&[-3.0, 0.0], power(1.0)), [1.0, 1.0]);
    assert_eq!(gradient_at(&[-3.0, 0.0], power(0.0)), [0.0, 0.0]);
    let of_zero = |b: &mut Builder, x: Value| {
        let zero = b.scalar(0.0);
        b.binary(Op("pow"), zero, x)
    };
    assert_eq!(gradient_at(&[2.0], of_zero), [0.0]);
}

/// `w` halves, `x * w` comes out, and an output nobody asks for reads an input that is not fed.
fn small_program() -> (Graph, Value) {
    let mut graph = Graph::new();
    let kind = VariableKind::State;
    let ty = Type::f32([2]);
    let variable = Variable { path: "w".to_owned(), kind, ty: ty.clone(), init: None, place: Place::NONE };
    let id = graph.variables.push(variable);
    let mut b = Builder::new(&mut graph, Place::NONE);
    let (x, w, half) = (b.input(0, ty.clone()), b.variable(id, ty.clone()), b.scalar(0.5));
    let (product, smaller, unfed) = (b.mul(x, w), b.mul(w, half), b.input(1, ty));
    let unasked = b.neg(unfed);
    for (name, value) in [("x", x), ("unfed", unfed)] {
        graph.inputs.push(Input { name: name.to_owned(), value, drawn: None });
    }
    let role = ResultRole::Output;
    graph.results.push(ResultValue { name: "y".to_owned(), role, value: product, place: Place::NONE });
    graph.updates.push(Update { variable: id, value: smaller, place: Place::NONE });
    (graph, unasked)
}

#[test]
fn a_run_gives_results_and_updates_and_evaluates_nothing_else() {
    let (graph, unasked) = small_program();
    verify(&graph).unwrap();
    let variables = [floats(&[2.0, 4.0])].into_iter().collect();
    let evaluation = run(&graph, &variables, &[floats(&[3.0, 5.0])], &RunContext::default(), false);
    assert_eq!(evaluation.result("y"), Some(&floats(&[6.0, 20.0])));
    assert_eq!(evaluation.result("z"), None);
    assert_eq!(evaluation.updates, [(nnlc::ir::VarId::new(0), floats(&[1.0, 2.0]))]);
    assert!(evaluation.values[unasked].is_none());
    let double = run(&graph, &variables, &[floats(&[3.0, 5.0])], &RunContext::default(), true);
    assert!(matches!(double.result("y"), Some(Tensor::F64(_))));
}
