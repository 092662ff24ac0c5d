//! `scan` and the recurrent layers on it: against the step written out by hand, and against PyTorch's layers.

use std::path::PathBuf;

use nnlc::driver::{Request, Session};

/// Evaluates the tests of a text, all of which have to hold.
#[track_caller]
fn hold(text: &str) {
    let session = Session::check("test.nn", text.to_owned(), PathBuf::new(), &Request::default());
    assert!(session.diagnostics.is_empty(), "{text}\n{:#?}", session.diagnostics);
    let outcomes = session.test();
    assert!(!outcomes.is_empty());
    for outcome in outcomes {
        assert!(outcome.failures.is_empty(), "{}: {:#?}", outcome.title, outcome.failures);
    }
}

#[test]
fn a_scan_is_its_steps_written_out() {
    hold(
        "fn total(s, x) = s + x, s * x\n\
         fn two(a, b, x, k) = a + sum(x), b * k, a * b, x\n\
         layer Cell(n: int)(h: [N], x: [D]) {\n    h = tanh((concatenate([h, x]) |> Affine(n)))\n    return h, h\n}\n\
         test \"one carry and one output\" {\n    xs = tensor([1, 2, 3, 4])\n    s, ys = scan(total, 0, xs)\n\
             assert close(s, 10)\n    assert close(ys, tensor([0, 2, 9, 24]))\n    t, _zs = scan(step = total, carries = [0], sequences = [xs])\n\
             assert close(t, s)\n}\n\
         test \"several carries, sequences and outputs\" {\n    xs = tensor([[1, 2], [3, 4]])\n    ks = tensor([2, 5])\n\
             a, b, ps, same = scan(two, [0, 1], [xs, ks])\n    assert close(a, 10) \n    assert close(b, 10)\n\
             assert close(ps, tensor([0, 6])) \n    assert close(same, xs)\n}\n\
         test \"an instance shares its parameters\" {\n    cell = Cell(3)\n    xs = randn([4, 2])\n    h, ys = scan(cell, zeros([3]), xs)\n\
             by_hand = zeros([3])\n    for t in 0..4 {\n        by_hand, _y = cell(by_hand, xs[t])\n    }\n\
             assert close(h, by_hand)\n    assert close(ys[3], h)\n    assert shape(ys) == [4, 3]\n}\n\
         fn folded(xs, k) {\n    s, ys = scan(total, k, xs)\n    return s + sum(ys)\n}\n\
         test \"gradients run through the steps\" {\n    assert gradients_match(folded, randn([5]), randn([]))\n}\n",
    );
}

/// PyTorch 2's `LSTM(2, 2)`, `GRU(2, 2)` and `RNN(2, 2)` in f64 with no biases, weights `sin(0.7 k)` in row-major order of the transposed
/// matrices, on `cos(0.9 k)`: outputs, the last state (of the LSTM: `c`), and the gradient of the sum of squares by the input.
#[test]
fn recurrent_layers_are_pytorchs() {
    let cases = [
        (
            "ys, _h, s = LSTM(2, w_init = pattern())(x)",
            "[[0.068643134, -0.017669248], [-0.207744452, -0.097930358], [-0.272510285, 0.049365638]]",
            "[-0.383153646, 0.062157581]",
            "[[0.011130909, -0.03070518], [-0.054610866, -0.194392257], [-0.064445613, -0.139247649]]",
        ),
        (
            "ys, s = GRU(2, w_init = pattern())(x)",
            "[[0.224660074, 0.075843787], [-0.05551492, -0.301635468], [-0.354501669, -0.109219383]]",
            "[-0.354501669, -0.109219383]",
            "[[0.064194663, -0.124481708], [-0.176232172, -0.26290477], [-0.115250226, -0.350405633]]",
        ),
        (
            "ys, s = ElmanRNN(2, w_init = pattern())(x)",
            "[[0.545930411, 0.827702832], [-0.075116355, 0.138511574], [-0.071112235, -0.597014509]]",
            "[-0.071112235, -0.597014509]",
            "[[0.117253611, 0.682603954], [-0.33220105, -1.077429591], [-0.495046276, -0.802775786]]",
        ),
    ];
    for (call, outputs, state, gradient) in cases {
        hold(&format!(
            "fn pattern(shape: list) = reshape(sin(0.7 * arange(0, product(shape))), shape)\n\
             test \"as PyTorch\" {{\n    x = reshape(cos(0.9 * arange(0, 6)), [3, 2])\n    {call}\n\
                 assert close(ys, tensor({outputs}), 1e-6)\n    assert close(s, tensor({state}), 1e-6)\n\
                 assert close(grad(sum(ys ^ 2), x), tensor({gradient}), 1e-6)\n}}\n"
        ));
    }
}

#[test]
fn a_long_scan_stays_linear() {
    let graph = |length: usize| {
        let text = format!("input x: [{length}, 2]\nys, h = x |> GRU(3)\nloss = ys ^ 2\noutput h\n");
        let session = Session::check("test.nn", text, PathBuf::new(), &Request::default());
        session.program.unwrap().graph.nodes.len()
    };
    let (short, long) = (graph(100), graph(1000));
    assert!(long < 10 * short + 100, "{short} nodes for 100 steps, {long} for 1000");
}
