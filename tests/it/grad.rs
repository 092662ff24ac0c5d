//! `grad(y, x)` against closed forms and central differences: of inputs, bound values and parameters, of any order, for every sample of a
//! minibatch by itself, in losses that are trained, and printed.

use std::path::PathBuf;

use nnlc::base::IndexVec;
use nnlc::driver::{Request, Session};
use nnlc::engine::reference;
use nnlc::ir::{Graph, VarId};
use nnlc::lower::lower;
use nnlc::networks::{Network, derive, expand};
use nnlc::ops::RunContext;
use nnlc::tensor::Tensor;
use nnlc::train::initial_values;

fn session(text: &str) -> Session {
    let session = Session::check("test.nn", text.to_owned(), PathBuf::new(), &Request::default());
    let errors: Vec<_> = session.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    session
}

fn graph(text: &str) -> Graph {
    session(text).program.unwrap().graph
}

/// The result `y` of a network on samples of `x`.
fn values(graph: &Graph, network: Network, result: &str, x: &Tensor) -> (Vec<usize>, Vec<f64>) {
    let start = initial_values(graph, 3);
    let variables: IndexVec<VarId, Tensor> = graph.variables.iter().map(|own| start[&own.path].clone()).collect();
    let lowered = lower(&derive(graph, network)).unwrap();
    nnlc::ops::verify(&lowered).unwrap();
    let run = RunContext { seed: 3, step: 0, batch: x.shape()[0] };
    let evaluation = reference::run(&lowered, &variables, std::slice::from_ref(x), &run, true);
    let found = evaluation.result(result).unwrap();
    (found.shape().to_vec(), found.to_f64())
}

#[track_caller]
fn is(text: &str, x: &Tensor, expected: &[f64]) {
    let (_, found) = values(&graph(text), Network::MainRuntime, "y", x);
    assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{text}: {found} should be {expected}");
    }
}

const POINTS: [f32; 4] = [-1.25, 0.0, 0.5, 2.0];

fn scalars() -> Tensor {
    Tensor::f32(&[4], POINTS.to_vec())
}

fn of_points(f: impl Fn(f64) -> f64) -> Vec<f64> {
    POINTS.iter().map(|x| f(f64::from(*x))).collect()
}

#[test]
fn derivatives_by_inputs_are_those_of_each_sample() {
    let x = scalars();
    is("input x: f32\noutput y = grad(sin(2 * x), x)\n", &x, &of_points(|x| 2.0 * (2.0 * x).cos()));
    is("input x: f32\nu = sin(2 * x)\noutput y = grad(grad(u, x), x) + 4 * u\n", &x, &[0.0; 4]);
    is("input x: f32\ny = grad(grad(grad(x ^ 5, x), x), x)\noutput y\n", &x, &of_points(|x| 60.0 * x * x));
    is("input x: f32\nv = 3 * x\noutput y = grad(v ^ 2, v)\n", &x, &of_points(|x| 6.0 * x));
    is(
        "fn slope(f: fn, x) = grad(f(x), x)\ninput x: f32\noutput y = slope(tanh, x)\n",
        &x,
        &of_points(|x| 1.0 - x.tanh().powi(2)),
    );
    let pairs = Tensor::f32(&[2, 2], vec![1.0, 2.0, 3.0, -1.0]);
    is("input x: [2]\noutput y = grad(x[0] ^ 2 * x[1], x)\n", &pairs, &[4.0, 1.0, -6.0, 9.0]);
    let laplace = "input x: [2]\nu = x[0] ^ 3 * x[1] ^ 2\ng = grad(u, x)\n\
        output y = grad(g[0], x)[0] + grad(g[1], x)[1]\n";
    is(laplace, &pairs, &[6.0 * 4.0 + 2.0, 6.0 * 3.0 + 2.0 * 27.0]);
}

#[test]
fn derivatives_by_parameters_are_per_sample() {
    let pairs = Tensor::f32(&[3, 2], vec![1.0, 2.0, 3.0, -1.0, 0.5, 0.25]);
    let text = |y: &str| format!("param w: [2] = constant(1.5)\ninput x: [2]\noutput y = {y}\n");
    is(&text("grad(dot(w, x), w)"), &pairs, &[1.0, 2.0, 3.0, -1.0, 0.5, 0.25]);
    is(&text("grad(sum((w * x) ^ 2), w)"), &pairs, &[3.0, 12.0, 27.0, 3.0, 0.75, 0.1875]);
    is(&text("grad(sum(grad(sum((w * x) ^ 2), w)), w)"), &pairs, &[2.0, 8.0, 18.0, 2.0, 0.5, 0.125]);
    is(&text("grad(sum(grad(sum((w * x) ^ 2), x)), w)"), &pairs, &[6.0, 12.0, 18.0, -6.0, 3.0, 1.5]);
    // Without samples there is one derivative.
    is(&text("x * grad(sum(w ^ 2), w)"), &pairs, &[3.0, 6.0, 9.0, -3.0, 1.5, 0.75]);
}

#[test]
fn derivatives_have_derivatives_that_match_central_differences() {
    let text = "fn slope(x: [N], w: [N, M]) = grad(sum(tanh(x @ w)), x)\n\
        fn curved(x: [N], w: [N, M]) = grad(sum(slope(x, w) ^ 2), x) + grad(sum(slope(x, w) ^ 3), w)[:, 0]\n\
        fn penalty(x: [N], w: [N, M]) = (norm(slope(x, w)) - 1) ^ 2\n\
        layer Net()(x: [N]) -> f32 {\n    return x |> Affine(4) |> tanh |> Affine([])\n}\n\
        test \"second and third order\" {\n    \
            assert gradients_match(slope, randn([3]), randn([3, 4]))\n    \
            assert gradients_match(curved, randn([3]), randn([3, 4]))\n    \
            assert gradients_match(penalty, randn([3]), randn([3, 4]))\n\
            x = randn([3])\n    net = Net()\n    u = net(x)\n    assert shape(grad(u, x)) == [3]\n    \
            assert close(grad(sum(x ^ 2), x), 2 * x)\n\
        }\n";
    for outcome in session(text).test() {
        assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
        assert_eq!(outcome.claims, 5);
    }
}

#[test]
fn a_loss_of_derivatives_is_printed_and_computes_the_same() {
    let text = "input x: f32\nnet = Affine(8)\nu = net(x) |> tanh |> Affine([])\nloss = (grad(grad(u, x), x) + 4 * u) ^ 2\n\
        output u\n";
    let program = graph(text);
    let printed = expand(&program, Network::Main);
    assert!(printed.contains("grad("), "{printed}");
    let again = Session::check(
        "printed.nn",
        printed.clone(),
        PathBuf::new(),
        &Request { options: nnlc::check::Options { no_runtime: true }, ..Request::default() },
    );
    let again = again.program.unwrap_or_else(|| panic!("{printed}\n{:#?}", again.diagnostics)).graph;
    let before = values(&program, Network::Main, "loss", &scalars());
    let after = values(&again, Network::Main, "loss", &scalars());
    assert!((before.1[0] - after.1[0]).abs() < 1e-12 && before.1[0] > 0.0, "{before:?} {after:?}\n{printed}");
}
