//! The standard library against closed forms: every expression below is compiled as a program and evaluated by the reference engine in
//! double precision, and compared with numbers that the formula in its comment gives.

use nnlc::base::IndexVec;
use nnlc::check::Program;
use nnlc::driver::{Request, Session};
use nnlc::engine::reference;
use nnlc::ir::{Graph, VarId};
use nnlc::lower::lower;
use nnlc::networks::{Network, derive, initial, training};
use nnlc::ops::RunContext;
use nnlc::tensor::Tensor;

/// Checks a program that has to be right.
fn program(text: &str) -> Program {
    let session = Session::check("test.nn", text.to_owned(), Default::default(), &Request::default());
    let errors: Vec<_> = session.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    session.program.expect("a program without errors")
}

/// The initial values of all variables.
fn variables(graph: &Graph) -> IndexVec<VarId, Tensor> {
    let start = initial(graph);
    let run = RunContext { seed: 1, step: 0, batch: 1 };
    let values = reference::run(&start, &IndexVec::new(), &[], &run, false);
    values.results.into_iter().map(|(_, tensor)| tensor).collect()
}

/// Evaluates one network of a program on a batch.
fn run(graph: &Graph, network: Network, inputs: &[Tensor], batch: usize) -> reference::Evaluation {
    let lowered = lower(&derive(graph, network)).expect("a network that can be batched");
    reference::run(&lowered, &variables(graph), inputs, &RunContext { seed: 1, step: 0, batch }, true)
}

/// Main of a program whose inputs are all drawn, evaluated on a few samples.
pub fn main_of(graph: &Graph) -> reference::Evaluation {
    run(graph, Network::Main, &[], 4)
}

/// The shape and the elements of an expression without inputs.
fn value_of(expression: &str) -> (Vec<usize>, Vec<f64>) {
    let program = program(&format!("output y = {expression}\n"));
    let evaluation = run(&program.graph, Network::MainRuntime, &[], 1);
    let y = evaluation.result("y").expect("the output");
    (y.shape().to_vec(), y.to_f64())
}

#[track_caller]
fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?} against {expected:?}");
    for (a, b) in found.iter().zip(expected) {
        assert!((a - b).abs() <= 1e-7 + 1e-6 * b.abs(), "{what}: {found:?} against {expected:?}");
    }
}

/// Compares an expression with the elements that it should have.
#[track_caller]
fn holds(expression: &str, expected: &[f64]) {
    assert_close(expression, &value_of(expression).1, expected);
}

/// Compares a function of one tensor with a formula, at points on both sides of every bend.
#[track_caller]
fn is_formula(function: &str, formula: impl Fn(f64) -> f64) {
    let points = [-7.0, -2.75, -1.0, -0.25, 0.0, 0.25, 1.0, 2.75, 7.0];
    let expected: Vec<f64> = points.iter().map(|x| formula(*x)).collect();
    holds(&function.replace('x', &format!("tensor({points:?})")), &expected);
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn activations_are_their_formulas() {
    let elu = |x: f64| if x > 0.0 { x } else { x.exp() - 1.0 };
    is_formula("relu(x)", |x| x.max(0.0));
    is_formula("leaky_relu(x)", |x| if x > 0.0 { x } else { 0.1 * x });
    is_formula("prelu(x, 0.25)", |x| if x > 0.0 { x } else { 0.25 * x });
    is_formula("elu(x)", elu);
    is_formula("selu(x)", |x| 1.05070098735548 * if x > 0.0 { x } else { 1.673263242354377 * (x.exp() - 1.0) });
    is_formula("silu(x)", |x| x * logistic(x));
    is_formula("swish(x)", |x| x * logistic(x));
    is_formula("mish(x)", |x| x * (1.0 + x.exp()).ln().tanh());
    is_formula("softplus(x)", |x| (1.0 + x.exp()).ln());
    is_formula("softplus(x, beta = 2)", |x| (1.0 + (2.0 * x).exp()).ln() / 2.0);
    is_formula("softsign(x)", |x| x / (1.0 + x.abs()));
    is_formula("log_sigmoid(x)", |x| logistic(x).ln());
    is_formula("hard_sigmoid(x)", |x| (0.2 * x + 0.5).clamp(0.0, 1.0));
    is_formula("hard_tanh(x)", |x| x.clamp(-1.0, 1.0));
    is_formula("relu6(x)", |x| x.clamp(0.0, 6.0));
    is_formula("tanh_shrink(x)", |x| x - x.tanh());
    is_formula("sinc(x)", |x| if x == 0.0 { 1.0 } else { x.sin() / x });
    let cubic = |x: f64| (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
    is_formula("gelu(x)", |x| 0.5 * x * (1.0 + cubic(x).tanh()));
    holds("crelu(tensor([-1, 2]))", &[0.0, 2.0, 1.0, 0.0]);
    holds("celu(tensor([-1, 2]))", &[elu(-1.0), 2.0, 1.0, elu(-2.0)]);
    holds("prelu(tensor([[-1, -1], [-1, 3]]), tensor([0.5, 0.25]))", &[-0.5, -0.5, -0.25, 3.0]);
}

#[test]
fn functions_of_an_axis_survive_large_arguments() {
    let e = [1f64, 2.0, 3.0].map(f64::exp);
    let total: f64 = e.iter().sum();
    holds("softmax(tensor([1, 2, 3]))", &e.map(|x| x / total));
    holds("softmax(tensor([[1001, 0], [1002, 0], [1003, 0]]), axis = 0)[:, 0]", &e.map(|x| x / total));
    holds("log_softmax(tensor([1, 2, 3]))", &e.map(|x| (x / total).ln()));
    holds("logsumexp(tensor([1001, 1002, 1003]))", &[1000.0 + total.ln()]);
    holds("softplus(tensor([-1000, 1000]))", &[0.0, 1000.0]);
    holds("sigmoid_cross_entropy(tensor([-1000, 1000]), tensor([0, 1]))", &[0.0, 0.0]);
}

#[test]
fn reductions_are_numpys() {
    let m = "tensor([[1, 2, 3], [4, 5, 9]])";
    holds(&format!("var({m})"), &[(9.0 + 4.0 + 1.0 + 0.0 + 1.0 + 25.0) / 6.0]);
    holds(&format!("var({m}, axis = 1)"), &[2.0 / 3.0, (4.0 + 1.0 + 9.0) / 3.0]);
    holds(&format!("std({m}, axis = 0)"), &[1.5, 1.5, 3.0]);
    holds(&format!("norm({m}, axis = 0)"), &[17f64.sqrt(), 29f64.sqrt(), 90f64.sqrt()]);
    holds(&format!("norm({m}, p = 1)"), &[24.0]);
    holds(&format!("norm({m}, p = 3, axis = 1)"), &[36f64.cbrt(), (64.0 + 125.0 + 729f64).cbrt()]);
    assert_eq!(value_of(&format!("std({m}, axis = -1, keepdims = true)")).0, [2, 1]);
}

#[test]
fn products_are_numpys() {
    let (a, b) = ("tensor([[1, 2], [3, 4]])", "tensor([[5, 6], [7, 8]])");
    holds(&format!("{a} @ {b}"), &[19.0, 22.0, 43.0, 50.0]);
    holds(&format!("{a} @ tensor([1, 10])"), &[21.0, 43.0]);
    holds(&format!("tensor([1, 10]) @ {a}"), &[31.0, 42.0]);
    holds("dot(tensor([1, 2]), tensor([3, 4]))", &[11.0]);
    holds("outer(tensor([1, 2]), tensor([3, 4, 5]))", &[3.0, 4.0, 5.0, 6.0, 8.0, 10.0]);
    holds(&format!("stack([{a}, {b}]) @ stack([{b}, {a}])"), &[19.0, 22.0, 43.0, 50.0, 23.0, 34.0, 31.0, 46.0]);
    holds(&format!("{a} @ stack([{b}, {a}])"), &[19.0, 22.0, 43.0, 50.0, 7.0, 10.0, 15.0, 22.0]);
    holds(&format!("tensor([1, 10]) @ stack([{a}, {b}])"), &[31.0, 42.0, 75.0, 86.0]);
    holds("matrix_diag(tensor([1, 2]))", &[1.0, 0.0, 0.0, 2.0]);
    holds("matrix_diag(tensor([[1, 2], [3, 4]]))", &[1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0, 4.0]);
    holds(&format!("matrix_diag_part({a})"), &[1.0, 4.0]);
    holds(&format!("tri_lower({a})"), &[1.0, 0.0, 3.0, 4.0]);
    holds(&format!("tri_upper({a})"), &[1.0, 2.0, 0.0, 4.0]);
}

#[test]
fn shapes_are_rearranged() {
    let m = "tensor([[1, 2, 3], [4, 5, 6]])";
    assert_eq!(value_of(&format!("flatten({m})")).0, [6]);
    assert_eq!(value_of(&format!("unsqueeze({m}, -1)")).0, [2, 3, 1]);
    assert_eq!(value_of(&format!("squeeze(unsqueeze({m}, 1), 1)")).0, [2, 3]);
    holds(&format!("transpose({m})"), &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
    holds(&format!("stack(split({m}, 1), 1)"), &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    holds("tile(tensor([[1], [2]]), [2, 2])", &[1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0]);
    holds(&format!("shift({m}, [0, 1])"), &[1.0, 1.0, 2.0, 4.0, 4.0, 5.0]);
    holds(&format!("shift({m}, [-1, -2])"), &[6.0, 6.0, 6.0, 6.0, 6.0, 6.0]);
    holds("arange(1, 2, 0.25)", &[1.0, 1.25, 1.5, 1.75]);
    holds("linspace(0, 1, 5)", &[0.0, 0.25, 0.5, 0.75, 1.0]);
    holds("eye(2)", &[1.0, 0.0, 0.0, 1.0]);
    holds("full([2], 7)", &[7.0, 7.0]);
    holds("clamp(tensor([-2, 0.5, 2]), 0, 1)", &[0.0, 0.5, 1.0]);
    holds("reset_nan(log(tensor([-1, 1])), 5)", &[5.0, 0.0]);
    holds("reset_inf(1 / tensor([0, 2]), -1)", &[-1.0, 0.5]);
}

#[test]
fn elementwise_losses_are_nnablas() {
    let x = "tensor([0.5, -2, 0.25]), tensor([0, 1, 0.5])";
    holds(&format!("squared_error({x})"), &[0.25, 9.0, 0.0625]);
    holds(&format!("absolute_error({x})"), &[0.5, 3.0, 0.25]);
    holds(&format!("huber_loss({x})"), &[0.25, 5.0, 0.0625]);
    holds(&format!("huber_loss({x}, delta = 0.25)"), &[0.25 * 0.75, 0.25 * 5.75, 0.25 * 0.25]);
    holds(&format!("epsilon_insensitive_loss({x}, 0.25)"), &[0.25, 2.75, 0.0]);
    holds(&format!("smooth_l1({x})"), &[0.125, 2.5, 0.03125]);
    holds(&format!("log_cosh({x})"), &[0.5f64.cosh().ln(), 3f64.cosh().ln(), 0.25f64.cosh().ln()]);
    holds(&format!("quantile_loss({x}, 0.75)"), &[0.125, 2.25, 0.1875]);
    holds(&format!("poisson_loss({x})"), &[0.5f64.exp(), (-2f64).exp() + 2.0, 0.25f64.exp() - 0.125]);
    holds("hinge_loss(tensor([0.5, -2]), tensor([1, -1]))", &[0.5, 0.0]);
    holds("squared_error(tensor([1, 3]), 1)", &[0.0, 4.0]);
    let p = "tensor([0.25, 0.75]), tensor([1, 0])";
    holds(&format!("binary_cross_entropy({p})"), &[-0.25f64.ln(), -0.25f64.ln()]);
    holds("sigmoid_cross_entropy(tensor([2, -3]), tensor([1, 0]))", &[-logistic(2.0).ln(), -logistic(3.0).ln()]);
    let focal = |p: f64, alpha: f64| -alpha * (1.0 - p).powi(2) * p.ln();
    holds("focal_loss(tensor([2, 3]), tensor([1, 0]))", &[focal(logistic(2.0), 0.25), focal(logistic(-3.0), 0.75)]);
}

#[test]
fn losses_of_a_sample_are_their_sums() {
    let (p, q) = ("tensor([0.25, 0.75])", "tensor([0.5, 0.5])");
    holds(&format!("kl_multinomial({p}, {q})"), &[0.25 * 0.5f64.ln() + 0.75 * 1.5f64.ln()]);
    holds("kl_multinomial(tensor([0, 1]), tensor([0.5, 0.5]))", &[2f64.ln()]);
    holds("kl_normal(tensor([1, 0]), tensor([0, 1]))", &[0.5 + 0.5 * (1f64.exp() - 2.0)]);
    holds("dice_loss(tensor([1, 0.5]), tensor([1, 0]))", &[1.0 - 3.0 / 3.5]);
    holds("cosine_similarity(tensor([3, 4]), tensor([4, 3]))", &[0.96]);
    holds("cosine_loss(tensor([3, 4]), tensor([3, 4]))", &[0.0]);
    holds("triplet_loss(tensor([0, 0]), tensor([1, 1]), tensor([1, 0]))", &[2.0]);
    holds("contrastive_loss(tensor([0, 2]), tensor([0, 0]), 1)", &[4.0]);
    holds("contrastive_loss(tensor([0, 0.25]), tensor([0, 0]), 0)", &[(1.0 - (0.0625f64 + 1e-12).sqrt()).powi(2)]);
}

#[test]
fn classes_are_read_along_the_axis() {
    let text = "
        input x: [3, 2]
        input y: index<3>[2]
        output loss_ = softmax_cross_entropy(x, y, axis = 0)
        output plain = categorical_cross_entropy(softmax(x, axis = 0), y, axis = 0)
        output right = accuracy(x, y, axis = 0)
        output first = top_n_error(x, y, n = 1, axis = 0)
        output second = top_n_error(x, y, n = 2, axis = 0)
        output hot = one_hot(y)
    ";
    let inputs = [Tensor::f32(&[1, 3, 2], vec![1.0, 0.0, 2.0, 5.0, 3.0, 1.0]), Tensor::i32(&[1, 2], vec![1, 1])];
    let found = run(&program(text).graph, Network::MainRuntime, &inputs, 1);
    let nll = |logits: [f64; 3], class: usize| logits.map(f64::exp).iter().sum::<f64>().ln() - logits[class];
    let expected = [nll([1.0, 2.0, 3.0], 1), nll([0.0, 5.0, 1.0], 1)];
    let get = |name: &str| found.result(name).expect("an output").to_f64();
    assert_close("softmax_cross_entropy", &get("loss_"), &expected);
    assert_close("categorical_cross_entropy", &get("plain"), &expected);
    assert_close("accuracy", &get("right"), &[0.0, 1.0]);
    assert_close("top_n_error of 1", &get("first"), &[1.0, 0.0]);
    assert_close("top_n_error of 2", &get("second"), &[0.0, 0.0]);
    assert_close("one_hot", &get("hot"), &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn pooling_and_convolution_see_every_window() {
    let x = "tensor([[[1, 2, 3], [4, 5, 6], [7, 8, 10]]])";
    holds(&format!("max_pooling({x}, 2, stride = 1)"), &[5.0, 6.0, 8.0, 10.0]);
    holds(&format!("average_pooling({x}, 2, stride = 1)"), &[3.0, 4.0, 6.0, 7.25]);
    holds(&format!("average_pooling({x}, 2, pad = 1)"), &[0.25, 1.25, 2.75, 7.25]);
    holds(&format!("average_pooling({x}, 2, pad = 1, including_pad = false)"), &[1.0, 2.5, 5.5, 7.25]);
    holds(&format!("global_average_pooling({x})"), &[46.0 / 9.0]);
    holds("unpooling(tensor([[[1, 2]]]), [2, 1])", &[1.0, 2.0, 1.0, 2.0]);
    let w = "tensor([[[[1, 0], [0, -1]]]])";
    holds(&format!("convolution({x}, {w})"), &[-4.0, -4.0, -4.0, -5.0]);
    holds(&format!("convolution({x}, {w}, stride = 2, pad = 1)"), &[-1.0, -3.0, -7.0, -5.0]);
    assert_eq!(value_of(&format!("convolution({x}, {w}, pad = \"same\")")).0, [1, 3, 3]);
    assert_eq!(value_of("convolution(zeros([1, 7, 7]), zeros([1, 1, 3, 3]), stride = 2, pad = \"same\")").0, [1, 4, 4]);
    // A 1-D signal: one spatial axis.
    holds("convolution(tensor([[1, 2, 4]]), tensor([[[1, -1]]]))", &[-1.0, -2.0]);
    // Each entry of the input lays the kernel down, scaled.
    holds("deconvolution(tensor([[1, 10]]), tensor([[[1, 2]]]), stride = 2)", &[1.0, 2.0, 10.0, 20.0]);
    holds("depthwise_convolution(tensor([[1, 2], [3, 4]]), tensor([[[1, 1]], [[1, -1]]]))", &[3.0, -1.0]);
}

#[test]
fn batch_normalization_uses_and_moves_its_statistics() {
    let text = "
        input x: [2]
        y = x |> BatchNormalization()
        loss l = y
        output y
    ";
    let graph = program(text).graph;
    let x = Tensor::f32(&[4, 2], vec![1.0, 10.0, 2.0, 10.0, 3.0, 30.0, 6.0, 30.0]);
    let mut main = lower(&training(&graph)).expect("batched");
    let y = *main.names.iter().find(|(_, name)| *name == "y").expect("the value y").0;
    main.results.push(nnlc::ir::ResultValue { value: y, name: "y".into(), ..main.results[0].clone() });
    let context = RunContext { seed: 1, step: 0, batch: 4 };
    let found = reference::run(&main, &variables(&graph), std::slice::from_ref(&x), &context, true);
    let (mean, var): ([f64; 2], [f64; 2]) = ([3.0, 20.0], [3.5, 100.0]);
    let normal = |c: usize, value: f64| (value - mean[c]) / (var[c] + 1e-4).sqrt();
    let expected: Vec<f64> = x.to_f64().iter().enumerate().map(|(i, v)| normal(i % 2, *v)).collect();
    assert_close("normalised", &found.result("y").expect("y").to_f64(), &expected);
    let moved: Vec<f64> = found.updates.iter().flat_map(|(_, tensor)| tensor.to_f64()).collect();
    let unbiased = [3.5 * 4.0 / 3.0, 100.0 * 4.0 / 3.0];
    assert_close("states", &moved, &[0.3, 2.0, 0.9 + 0.1 * unbiased[0], 0.9 + 0.1 * unbiased[1]]);
    // Outside of training the running statistics, still 0 and 1, are used.
    let runtime = run(&graph, Network::MainRuntime, std::slice::from_ref(&x), 4);
    let plain: Vec<f64> = x.to_f64().iter().map(|v| v / (1.0f64 + 1e-4).sqrt()).collect();
    assert_close("runtime", &runtime.result("y").expect("y").to_f64(), &plain);
}

#[test]
fn sample_normalizations_leave_mean_zero_and_variance_one() {
    let text = "
        input x: [4, 3]
        output layer_ = x |> LayerNormalization(eps = 0)
        output both = x |> LayerNormalization(axis = [0, 1], eps = 0)
        output instance = x |> InstanceNormalization(eps = 0)
        output group = x |> GroupNormalization(2, eps = 0)
        output rms = x |> RMSNormalization(eps = 0)
    ";
    let x: Vec<f32> = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0, 8.0].to_vec();
    let found = run(&program(text).graph, Network::MainRuntime, &[Tensor::f32(&[1, 4, 3], x)], 1);
    let blocks = [("layer_", 3), ("both", 12), ("instance", 3), ("group", 6)];
    for (name, length) in blocks {
        for block in found.result(name).expect("an output").to_f64().chunks(length) {
            let n = length as f64;
            assert_close(name, &[block.iter().sum::<f64>() / n], &[0.0]);
            assert_close(name, &[block.iter().map(|v| v * v).sum::<f64>() / n], &[1.0]);
        }
    }
    for row in found.result("rms").expect("an output").to_f64().chunks(3) {
        assert_close("rms", &[row.iter().map(|v| v * v).sum::<f64>() / 3.0], &[1.0]);
    }
}

#[test]
fn layers_own_what_they_say() {
    let text = "
        input x: [2, 6, 6]
        input t: index<5>[3]
        a = x |> Convolution(4, kernel = 3, pad = \"same\", group = 2)
        b = a |> DepthwiseConvolution(3)
        c = b |> Deconvolution(3, kernel = [2, 2], stride = 2)
        d = c |> PReLU()
        e = d |> Affine([2, 3])
        f = e |> Affine(7, axis = -1, with_bias = false)
        g = t |> Embed(4)
        output f
        output g
    ";
    let program = program(text);
    let graph = &program.graph;
    let owned: Vec<String> =
        graph.variables.iter().map(|variable| format!("{} {}", variable.path, variable.ty)).collect();
    let expected = [
        "a.Convolution.W [4, 1, 3, 3]",
        "a.Convolution.b [4]",
        "b.DepthwiseConvolution.Convolution.W [4, 1, 3, 3]",
        "b.DepthwiseConvolution.Convolution.b [4]",
        "c.Deconvolution.W [4, 3, 2, 2]",
        "c.Deconvolution.b [3]",
        "d.PReLU.slope [3]",
        "e.Affine.W [192, 6]",
        "e.Affine.b [6]",
        "f.Affine.W [3, 7]",
        "g.Embed.W [5, 4]",
    ];
    assert_eq!(owned.iter().map(|line| line.replace("f32", "")).collect::<Vec<_>>(), expected);
    let inputs = [Tensor::f32(&[1, 2, 6, 6], vec![0.5; 72]), Tensor::i32(&[1, 3], vec![4, 0, 4])];
    let found = run(graph, Network::MainRuntime, &inputs, 1);
    assert_eq!(found.result("f").expect("f").shape(), [1, 2, 7]);
    let rows = found.result("g").expect("g").to_f64();
    assert_eq!(rows[..4], rows[8..], "one class, one row");
    assert_ne!(rows[..4], rows[4..8]);
}

#[test]
fn initialisers_have_their_moments() {
    let moments = |expression: &str| {
        let text = format!("param w: [200, 300] = {expression}\noutput w\n");
        let graph = program(&text).graph;
        let w = variables(&graph)[VarId(0)].to_f64();
        let n = w.len() as f64;
        let mean = w.iter().sum::<f64>() / n;
        let var = w.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
        (mean, var, w.iter().fold(0f64, |most, v| most.max(v.abs())))
    };
    let near = |a: f64, b: f64| (a - b).abs() < 0.02 * b;
    let (mean, var, _) = moments("normal(2, 0.5)");
    assert!((mean - 2.0).abs() < 0.01 && near(var, 0.25), "{mean} {var}");
    let (_, var, most) = moments("uniform(-0.5, 0.5)");
    assert!(near(var, 1.0 / 12.0) && most <= 0.5 && most > 0.49);
    assert!(near(moments("glorot_normal()").1, 2.0 / 500.0));
    assert!(near(moments("glorot_uniform()").1, 2.0 / 500.0));
    assert!(near(moments("he_normal()").1, 2.0 / 200.0));
    assert!(near(moments("he_uniform()").1, 2.0 / 200.0));
    assert_eq!(moments("constant(3)").0, 3.0);
    assert_eq!(moments("zeros()").2, 0.0);
    let orthogonal = program("param w: [3, 5] = orthogonal(2)\noutput g = w @ transpose(w)\n").graph;
    let g = run(&orthogonal, Network::MainRuntime, &[], 1).result("g").expect("g").to_f64();
    for (i, value) in g.iter().enumerate() {
        assert!((value - if i % 4 == 0 { 4.0 } else { 0.0 }).abs() < 1e-5, "{g:?}");
    }
}

#[test]
fn dropout_keeps_the_expectation_and_leaves_runtime() {
    let text = "
        input x: [100]
        y = x |> Dropout(0.25)
        loss l = y
        output y
    ";
    let graph = program(text).graph;
    let x = Tensor::f32(&[200, 100], vec![1.0; 20_000]);
    let mean = run(&graph, Network::Main, std::slice::from_ref(&x), 200).result("l").expect("l").to_f64()[0];
    assert!((mean - 1.0).abs() < 0.02, "{mean}");
    assert_ne!(mean, 1.0);
    let runtime = run(&graph, Network::MainRuntime, std::slice::from_ref(&x), 200);
    assert_eq!(runtime.result("y").expect("y").to_f64(), x.to_f64());
}

#[test]
fn einsum_names_axes() {
    let (a, b) = ("tensor([[1, 2], [3, 4]])", "tensor([[5, 6], [7, 8]])");
    holds(&format!("einsum(\"ij,jk->ik\", {a}, {b})"), &[19.0, 22.0, 43.0, 50.0]);
    holds(&format!("{a} |> einsum(\"ij,jk->ki\", {b})"), &[19.0, 43.0, 22.0, 50.0]);
    holds(&format!("einsum(\"ij->ji\", {a})"), &[1.0, 3.0, 2.0, 4.0]);
    holds(&format!("einsum(\"ij->\", {a})"), &[10.0]);
    holds(&format!("einsum(\"ii->i\", {a})"), &[1.0, 4.0]);
    holds(&format!("einsum(\"ii->\", {a})"), &[5.0]);
    holds(&format!("einsum(\"ij,ij->i\", {a}, {b})"), &[17.0, 53.0]);
    holds(&format!("einsum(\"i,ij,j->\", tensor([1, 10]), {a}, tensor([1, 100]))"), &[201.0 + 10.0 * 403.0]);
    holds("einsum(\"i,j->ji\", tensor([1, 2]), tensor([3, 4]))", &[3.0, 6.0, 4.0, 8.0]);
    let stacked = format!("stack([{a}, {b}])");
    holds(&format!("einsum(\"...ij,jk->...ik\", {stacked}, {a})"), &[7.0, 10.0, 15.0, 22.0, 23.0, 34.0, 31.0, 46.0]);
    assert_eq!(value_of("einsum(\"...ij,jk->k...i\", zeros([7, 5, 2, 3]), zeros([3, 4]))").0, [4, 7, 5, 2]);
}

#[test]
fn rearrange_splits_moves_and_joins() {
    let x = "arange(0, 12)";
    let (shape, values) = value_of(&format!("rearrange({x}, \"(a b c) -> c (a b)\", a = 2, c = 3)"));
    assert_eq!(shape, [3, 4]);
    let expected: Vec<f64> = (0..3).flat_map(|c| (0..4).map(move |ab| f64::from(3 * ab + c))).collect();
    assert_eq!(values, expected);
    // Pixels to channels, as einops' page on it has it.
    let image = "rearrange(reshape(arange(0, 16), [1, 4, 4]), \"c (h i) (w j) -> (c i j) h w\", i = 2, j = 2)";
    let (shape, values) = value_of(image);
    assert_eq!(shape, [4, 2, 2]);
    assert_eq!(values[..8], [0.0, 2.0, 8.0, 10.0, 1.0, 3.0, 9.0, 11.0]);
    assert_eq!(value_of("rearrange(zeros([2, 1, 5, 6]), \"a 1 ... b -> ... (b a) 1\")").0, [5, 12, 1]);
}

#[test]
fn small_matrices_are_inverted() {
    // The first pivot is 0, so rows have to move.
    let m = "tensor([[0, 2, 1], [1, 1, 0], [4, 0, 3]])";
    holds(&format!("inv({m}) @ {m}"), &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    holds(&format!("det({m})"), &[-10.0]);
    holds(&format!("logdet({m})"), &[10f64.ln()]);
    holds("cholesky(tensor([[4, 2, 0], [2, 5, 4], [0, 4, 20]]))", &[2.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.0, 2.0, 4.0]);
}

#[test]
fn derivatives_of_unrolled_formulas_match_central_differences() {
    let text = "
        input y: index<4>[2]
        output y2 = one_hot(y)
        fn spd(x) = x @ transpose(x) + eye(3)
        fn down(x) = cholesky(spd(x))
        fn up(x) = inv(spd(x))
        fn volume(x) = logdet(spd(x))
        fn plain(x) = det(spd(x))
        fn look(x) = attention(x, 2 * x, x * x, causal = true)
        fn larger(x) = interpolate(x, half_pixel = true)
        fn alike(x) = ssim(x, square(x), window = 3)
        test \"derivatives\" {
            assert gradients_match(down, randn([3, 3]))
            assert gradients_match(up, randn([3, 3]))
            assert gradients_match(volume, randn([3, 3]))
            assert gradients_match(plain, 0.5 * randn([3, 3]))
            assert gradients_match(look, randn([5, 4]))
            assert gradients_match(larger, randn([2, 3, 4]))
            assert gradients_match(alike, rand([2, 5, 5]))
        }
    ";
    let session = Session::check("test.nn", text.to_owned(), Default::default(), &Request::default());
    let outcomes = session.test();
    for outcome in outcomes {
        assert_eq!((outcome.claims, outcome.failures.as_slice()), (7, &[][..]), "{}", outcome.title);
    }
}

/// `sin(0), sin(1), ...`: numbers without a pattern that another framework is given easily.
fn ramp(shape: &[usize]) -> Tensor {
    Tensor::f32(shape, (0..shape.iter().product::<usize>()).map(|i| (i as f64).sin() as f32).collect())
}

/// The output of a layer on `ramp([3, 4])`, every weight a ramp, computed with double precision from there on.
fn on_ramps(layer: &str) -> Vec<f64> {
    let graph = program(&format!("input x: [3, 4]\ninput z: [3, 4]\noutput y = {layer}\n")).graph;
    let mut values = variables(&graph);
    for (id, variable) in graph.variables.iter_enumerated() {
        if variable.path.ends_with(".W") {
            values[id] = ramp(&variable.ty.shape.constant().expect("known sizes"));
        }
    }
    let lowered = lower(&derive(&graph, Network::MainRuntime)).expect("a network that can be batched");
    let inputs = vec![ramp(&[1, 3, 4]); graph.inputs.len()];
    let found = reference::run(&lowered, &values, &inputs, &RunContext { seed: 1, step: 0, batch: 1 }, true);
    found.result("y").expect("y").to_f64()
}

#[track_caller]
fn assert_near(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5), "{what}: {found:?} against {expected:?}");
}

/// The expected numbers are PyTorch's, from `scaled_dot_product_attention`, `MultiheadAttention` and `TransformerEncoderLayer`.
#[test]
fn attention_is_pytorchs() {
    let q = "reshape(sin(arange(0, 6)), [3, 2])";
    let k = "reshape(cos(arange(0, 6)), [3, 2])";
    let plain = [-0.251083309, 0.066456661, 0.070477898, 0.674732401, 0.665066005, -0.216757799];
    assert_near("attention", &value_of(&format!("attention({q}, {k}, 2 * {q})")).1, &plain);
    let causal = [0.0, 1.68294197, 0.46681518, 1.323395734, 0.665066005, -0.216757799];
    assert_near("causal", &value_of(&format!("attention({q}, {k}, 2 * {q}, causal = true)")).1, &causal);
    let mask = "tensor([[1, 0, 0], [1, 1, 0], [1, 1, 1]]) > 0";
    assert_near("mask", &value_of(&format!("attention({q}, {k}, 2 * {q}, mask = {mask})")).1, &causal);
    let heads = [
        [-0.046185643, 0.002814113, 0.049226587, 0.050380363, -0.002223186, 0.010417184],
        [0.013480043, 0.004149412, 0.023172672, 0.044883207, 0.025328328, -0.017513299],
    ];
    assert_near("heads", &on_ramps("x |> MultiHeadAttention(2, with_bias = false)"), heads.as_flattened());
    assert_near("two sequences", &on_ramps("MultiHeadAttention(2)(x, z)"), heads.as_flattened());
    let before = [
        [0.305157379, 1.386438799, 1.193034781, -0.097239913, -0.049016854, 0.150045532],
        [0.211156748, 0.078131424, -1.12576596, -0.791390734, 0.270585483, 1.083786655],
    ];
    assert_near("block", &on_ramps("x |> TransformerBlock(2, hidden = 8, act = relu)"), before.as_flattened());
    let behind = [
        [-0.876077024, 1.053035522, 0.938149959, -1.115108457, -1.040137432, -0.80627731],
        [0.392457987, 1.453956755, -0.112541569, -1.152688518, -0.331271786, 1.596501872],
    ];
    let layer = "x |> TransformerBlock(2, hidden = 8, act = relu, norm_first = false)";
    assert_near("original block", &on_ramps(layer), behind.as_flattened());
    holds("positions(2, 4)", &[0.0, 1.0, 0.0, 1.0, 1f64.sin(), 1f64.cos(), 0.01f64.sin(), 0.01f64.cos()]);
}

/// The expected numbers are those of PyTorch's `ctc_loss` and `interpolate`.
#[test]
fn resizing_and_temporal_classification_are_pytorchs() {
    let text = "
        input x: [6, 4]
        input y: index<4>[3]
        output whole = ctc_loss(x, y)
        output part = ctc_loss(x, y, steps = 5, length = 2)
    ";
    let inputs = [ramp(&[1, 6, 4]), Tensor::i32(&[1, 3], vec![1, 1, 3])];
    let found = run(&program(text).graph, Network::MainRuntime, &inputs, 1);
    assert_near("ctc_loss", &found.result("whole").expect("whole").to_f64(), &[5.368696603]);
    assert_near("part", &found.result("part").expect("part").to_f64(), &[4.959572114]);
    let image = "reshape(sin(arange(0, 6)), [1, 2, 3])";
    let linear = value_of(&format!("interpolate({image}, half_pixel = true)"));
    assert_eq!(linear.0, [1, 4, 6]);
    let row = [0.035280002, 0.136935655, 0.340246962, 0.441987461, 0.442157155, 0.442242001];
    assert_near("linear", &linear.1[6..12], &row);
    let corners = value_of(&format!("interpolate({image}, sizes = [3, 5], align_corners = true)")).1;
    assert_near("corners", &corners[5..10], &[0.070560004, 0.056447124, 0.042334245, 0.00876041, -0.024813424]);
    let nearest = value_of(&format!("interpolate({image}, sizes = [3, 5], mode = \"nearest\")")).1;
    assert_near("nearest", &nearest[5..10], &[0.0, 0.0, 0.841470985, 0.841470985, 0.909297427]);
    holds("interpolate(tensor([[0, 4]]))", &[0.0, 2.0, 4.0, 4.0]);
}

#[test]
fn similar_images_are_told_from_others() {
    let image = "reshape(0.5 + 0.5 * sin(arange(0, 144)), [1, 12, 12])";
    holds(&format!("ssim({image}, {image})"), &[1.0]);
    // Of two constant images only the means differ: (2ab + c1) / (a² + b² + c1).
    holds("ssim(full([1, 12, 12], 0.5), full([1, 12, 12], 0.25))", &[(0.25 + 1e-4) / (0.3125 + 1e-4)]);
}

#[test]
fn normalised_weights_have_their_lengths() {
    let text = "
        param w: [3, 4] = normal(0, 1)
        param v: [2, 3, 2, 2] = normal(0, 1)
        norm_w = w |> WeightNormalization()
        output lengths = norm(norm_w, axis = 1)
        fn longest(m) = sqrt(max(matrix_diag_part(m @ transpose(m))))
        s = v |> SpectralNorm(iterations = 50)
        loss l = norm(s)
        output spectrum = s
        output x = zeros([2]) |> Affine(4, apply_w = SpectralNorm())
    ";
    let graph = program(text).graph;
    let found = run(&graph, Network::MainRuntime, &[], 1);
    assert_near("lengths", &found.result("lengths").expect("lengths").to_f64(), &[1.0, 1.0, 1.0]);
    // Its largest singular value is 1 after enough steps: the Gram matrix of two rows has it in closed form.
    let main = lower(&training(&graph)).expect("batched");
    let context = RunContext { seed: 1, step: 0, batch: 1 };
    let mut values = variables(&graph);
    for (id, moved) in &reference::run(&main, &values, &[], &context, true).updates {
        values[*id] = Tensor::f32(moved.shape(), moved.to_f64().iter().map(|x| *x as f32).collect());
    }
    let runtime = lower(&derive(&graph, Network::MainRuntime)).expect("batched");
    let s = reference::run(&runtime, &values, &[], &context, true).result("spectrum").expect("s").to_f64();
    let product = |a: usize, b: usize| (0..12).map(|i| s[12 * a + i] * s[12 * b + i]).sum::<f64>();
    let (a, b, c) = (product(0, 0), product(0, 1), product(1, 1));
    let largest = (a + c) / 2.0 + (((a - c) / 2.0).powi(2) + b * b).sqrt();
    assert!((largest - 1.0).abs() < 1e-5, "{largest}");
}

#[test]
fn erased_rectangles_are_drawn_in_training_only() {
    let text = "
        input x: [2, 20, 20]
        loss touched = float(random_erase(x, p = 1) >= 0)
        output y = random_erase(x)
    ";
    let graph = program(text).graph;
    let x = Tensor::f32(&[200, 2, 20, 20], vec![-1.0; 200 * 800]);
    let share =
        run(&graph, Network::Main, std::slice::from_ref(&x), 200).result("touched").expect("a loss").to_f64()[0];
    assert!((share - 0.21).abs() < 0.03, "{share}");
    let runtime = run(&graph, Network::MainRuntime, std::slice::from_ref(&x), 200);
    assert_eq!(runtime.result("y").expect("y").to_f64(), x.to_f64());
}

#[test]
fn the_largest_entries_come_in_order() {
    let text = "
        input x: [2, 4]
        values, places = top_k(x, 2)
        output values
        output places
    ";
    let x = Tensor::f32(&[1, 2, 4], vec![3.0, -1.0, 7.0, 5.0, -9.0, -2.0, -5.0, -2.0]);
    let found = run(&program(text).graph, Network::MainRuntime, &[x], 1);
    assert_close("values", &found.result("values").expect("values").to_f64(), &[7.0, 5.0, -2.0, -2.0]);
    assert_close("places", &found.result("places").expect("places").to_f64(), &[2.0, 3.0, 1.0, 3.0]);
}

#[test]
fn functions_layers_and_instances_are_arguments() {
    let text = "
        fn twice(f: fn, x) = f(f(x))
        layer Mlp(n: int, act: fn = relu, normalize = identity)(x) { return x |> Affine(n) |> act |> normalize }
        layer Residual(Inner)(x) { return x + (x |> Inner(4)) }
        fn slope(x) = leaky_relu(x, 0.5)
        input x: [4]
        e = Affine(4, w_init = constant(0.5))
        output primitive = twice(abs, x)
        output own = twice(slope, x)
        output instance = twice(e, x)
        output hyper = x |> Mlp(4, act = tanh, normalize = LayerNormalization())
        output layer_ = x |> Residual(Affine)
    ";
    let graph = program(text).graph;
    let x = Tensor::f32(&[1, 4], vec![1.0, -2.0, 3.0, -4.0]);
    let found = run(&graph, Network::MainRuntime, &[x], 1);
    let get = |name: &str| found.result(name).expect("an output").to_f64();
    assert_close("primitive", &get("primitive"), &[1.0, 2.0, 3.0, 4.0]);
    assert_close("own", &get("own"), &[1.0, -0.5, 3.0, -1.0]);
    assert_close("instance", &get("instance"), &[-2.0; 4]);
    assert_eq!((get("hyper").len(), get("layer_").len()), (4, 4));
    let paths: Vec<&str> = graph.variables.iter().map(|variable| variable.path.as_str()).collect();
    assert_eq!(paths.iter().filter(|path| path.starts_with("e.")).count(), 2, "{paths:?}");
    assert!(paths.contains(&"layer_.Residual.Affine.W"), "{paths:?}");
}

#[test]
fn every_definition_reads_what_it_takes() {
    for (name, text) in nnlc::library::SOURCES {
        let (_, diagnostics) = nnlc::driver::check_text(name, text);
        assert!(diagnostics.is_empty(), "{name}: {diagnostics:?}");
    }
}
