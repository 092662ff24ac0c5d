//! Every function and layer of the library, and every primitive that programs may call, called once as a user would: it is checked,
//! evaluated in training and in use, and trained through unless no gradient passes.

use nnlc::check::callable_primitives;
use nnlc::driver::{Request, Session};
use nnlc::library::SOURCES;
use nnlc::lower::lower;
use nnlc::networks::{Network, derive};

/// What the calls below read. All inputs are drawn.
const HEAD: &str = "
    input x: [4] from normal(0, 1)
    input t: [4] from bernoulli(0.5)
    input y: index<3> from randint(0, 3)
    input labels: index<3>[2] from randint(0, 2)
    param turned: [4, 4] = orthogonal()
    h = x @ turned |> Affine(4)
    p = sigmoid(h)
    u = 0.9 * tanh(h)
    m = h |> Affine([3, 3])
    spd = m @ transpose(m) + 2 * eye(3)
    image = h |> Affine([2, 6, 6])
    gray = sigmoid(h |> Affine([1, 12, 12]))
    scores = h |> Affine(3)
    steps = h |> Affine([6, 4])
    letters = h |> Affine([6, 3])
    maps = ones([3, 2, 3, 3])
";

/// Calls through which the parameters are trained.
const TRAINED: &str = "
    neg(h) | abs(h) | square(h) | exp(h) | log(p + 1) | log1p(p) | expm1(h) | sqrt(p + 1) | rsqrt(p + 1) | reciprocal(p + 1)
    sin(h) | cos(h) | tan(h) | sinh(h) | cosh(h) | tanh(h) | asin(u) | acos(u) | atan(h) | asinh(h) | acosh(p + 2) | atanh(u) | erf(h)
    sigmoid(h) | add(h, 1) | sub(h, 1) | mul(h, 2) | div(h, p + 1) | pow(p + 1, 1.5) | mod(h, 2) | minimum(h, 0.5) | maximum(h, 0.5)
    atan2(h, p + 1) | where(h > 0, h, 2 * h) | cast(h, f32) | sum(h) | mean(h, axis = 0, keepdims = true) | max(h) | min(h) | prod(h)
    cumsum(h) | cumprod(h) | sort(h) | reshape(h, [2, 2]) | broadcast(h, [3, 4]) | flip(h, 0) | concatenate([h, x]) | slice(h, [1], [3])
    pad(h, [1], [1]) | gather(h, int(tensor([0, 2]))) | scatter_add(h, int(tensor([0, 0])), tensor([1, 2])) | all_samples(h)

    float(h) | clamp(h, -1, 1) | reset_nan(h) | reset_inf(h) | identity(h)
    relu(h) | leaky_relu(h) | prelu(h, 0.2) | elu(h) | celu(h) | selu(h) | gelu(h) | silu(h) | swish(h) | mish(h) | softplus(h)
    softsign(h) | log_sigmoid(h) | hard_sigmoid(h) | hard_tanh(h) | relu6(h) | crelu(h) | tanh_shrink(h) | sinc(h) | softmax(h)
    log_softmax(h) | var(h) | std(h) | norm(h) | logsumexp(h) | v, _w = moments(h, 0) | v, _w = top_k(h, 2)
    matmul(m, m) | dot(h, x) | outer(h, x) | transpose(m) | matrix_diag(h) | matrix_diag_part(m) | tri_lower(m) | tri_upper(m)
    det(spd) | inv(spd) | logdet(spd) | cholesky(spd) | einsum(\"ij,jk->ik\", m, m) | rearrange(m, \"a b -> b a\")
    flatten(m) | unsqueeze(h) | squeeze(unsqueeze(h)) | axis_last(m, 0) | stack([h, x]) | split(m)[0] | tile(m, [2, 1]) | shift(h, [1])
    one_hot(y) * sum(h) | arange(0, 4) * h | linspace(0, 1, 4) * h | full([4], 2) * h | eye(3) * m | zeros([4]) + h | ones([4]) * h
    convolution(image, maps) | depthwise_convolution(image, ones([2, 1, 3, 3])) | deconvolution(image, ones([2, 3, 2, 2]))
    pad_same(image, [3, 3], [1, 1]) | max_pooling(image, 2) | sum_pooling(image, 2) | average_pooling(image, 2, including_pad = false)
    global_average_pooling(image) | unpooling(image, 2) | interpolate(image, 2) | ssim(gray, 0.9 * gray)
    dropout(h, 0.5) | random_flip(image) | random_shift(image, [0, 1, 1]) | random_crop(image, [2, 4, 4]) | random_erase(image)
    squared_error(h, t) | absolute_error(h, t) | huber_loss(h, t) | epsilon_insensitive_loss(h, t, 0.1) | smooth_l1(h, t) | log_cosh(h, t)
    quantile_loss(h, t, 0.1) | poisson_loss(h, t) | hinge_loss(h, t) | binary_cross_entropy(p, t) | sigmoid_cross_entropy(h, t)
    softmax_cross_entropy(scores, y) | categorical_cross_entropy(softmax(scores), y) | kl_multinomial(softmax(h), softmax(2 * h))
    kl_normal(h, h) | focal_loss(h, t) | dice_loss(p, t) | cosine_similarity(h, t) | cosine_loss(h, t) | triplet_loss(h, 2 * h, t)
    contrastive_loss(h, t, 1) | ctc_loss(letters, labels) | attention(steps, steps, steps, causal = true) | positions(6, 4) + steps
    x |> Affine(3) | image |> Convolution(3, 3) | image |> DepthwiseConvolution(3) | image |> Deconvolution(3, 2) | image |> MaxPooling(2)
    image |> AveragePooling(2) | y |> Embed(4) | h |> Dropout(0.3) | h |> PReLU() | v, _h = steps |> ElmanRNN(4)
    v, _h, _c = steps |> LSTM(4) | v, _h = steps |> GRU(4) | image |> BatchNormalization() | steps |> LayerNormalization()
    image |> InstanceNormalization() | image |> GroupNormalization(2) | h |> RMSNormalization() | steps |> MultiHeadAttention(2)
    steps |> TransformerBlock(2) | x |> Affine(3, apply_w = WeightNormalization()) | x |> Affine(3, apply_w = SpectralNorm())
";

/// Calls through which no gradient passes, and those that draw or count.
const FLAT: &str = "
    sign(h) | floor(h) | ceil(h) | round(h) | equal(h, 0) | not_equal(h, 0) | greater(h, 0) | greater_equal(h, 0) | less(h, 0)
    less_equal(h, 0) | logical_and(h > 0, h < 1) | logical_or(h > 0, h < 1) | logical_xor(h > 0, h < 1) | logical_not(h > 0) | is_nan(h)
    is_inf(h) | any(h > 0) | all(h > 0) | int(argmax(h)) | int(argmin(h)) | int(argsort(h)) | stop_gradient(h) | int(sample_index())
    int(h) | int(as_index(int(tensor([0, 1])), 3)) | iota([3], axis = 0, dtype = f32) | rand([4]) | randn([4]) | randint(0, 3, [4]) | bernoulli(0.5, [4]) | normal(0, 1, [4])
    uniform(0, 1, [4]) | accuracy(scores, y) | top_n_error(scores, y) | binary_error(p, t) | confusion_matrix(scores, y)
    glorot_normal([4, 4]) | glorot_uniform([4, 4]) | he_normal([4, 4]) | he_uniform([4, 4]) | constant(1, [4])
    orthogonal(2, [4, 4]) | tensor([[true, false], [false, true]])
    tensor(range(0, 3) + repeat(1, 2) + reversed([1, 2]) + each(1, 2) + axes_of(m, []) + along(3, 0, 2))
    product([2, 3]) * ones([size_along(m, 0), channels(m), window_axes(m, 2)])
";

fn calls(table: &str) -> impl Iterator<Item = &str> {
    table.lines().flat_map(|line| line.split(" | ")).map(str::trim).filter(|call| !call.is_empty())
}

/// The program that makes a loss of the call, and trains something else besides.
fn program_of(call: &str, trained: bool) -> String {
    let bound = if call.starts_with("v, ") { call.to_owned() } else { format!("v = {call}") };
    let role = if trained { "loss v = mean(v)" } else { "metric v = mean(float(v))" };
    format!("{HEAD}\n{bound}\n{role}\nloss base = mean(h ^ 2)\noutput v\n")
}

#[test]
fn every_function_is_called_evaluated_and_trained_through() {
    let all = calls(TRAINED).map(|call| (call, true)).chain(calls(FLAT).map(|call| (call, false)));
    for (call, trained) in all {
        let text = program_of(call, trained);
        let session = Session::check("call.nn", text, Default::default(), &Request::default());
        let errors: Vec<_> = session.diagnostics.iter().filter(|diagnostic| diagnostic.is_error()).collect();
        assert!(errors.is_empty(), "{call}: {errors:#?}");
        let program = session.program.expect("a program without errors");
        for network in [Network::Main, Network::MainValidation, Network::MainRuntime] {
            assert!(lower(&derive(&program.graph, network)).is_ok(), "{call} in {}", network.name());
        }
        let values = crate::library::main_of(&program.graph);
        let finite = |value: f64| value.is_finite();
        assert!(values.result("base").expect("a loss").to_f64().into_iter().all(finite), "{call}");
        assert!(values.result("v").expect("what was called").to_f64().into_iter().all(finite), "{call}");
    }
}

/// The functions that the others are written with, which those call, and the primitives that derivatives are made of.
const INNER: [&str; 21] = [
    "above_zero",
    "batch_matmul",
    "contract",
    "convolution_data_gradient",
    "convolution_weight_gradient",
    "eliminated",
    "erased_at_random",
    "fan_in",
    "fan_out",
    "kept_sizes",
    "max_pooling_gradient",
    "max_pooling_pick",
    "negative_at",
    "normalize",
    "not_in_top",
    "of_length_one",
    "other_axes",
    "resized",
    "shifted",
    "shifted_at_random",
    "sum_pooling_gradient",
];

#[test]
fn no_function_is_left_out() {
    let text = format!("{HEAD}{TRAINED}{FLAT}");
    let called = |name: &str| text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
    let mut missing: Vec<&str> = callable_primitives()
        .map(|primitive| primitive.op.0)
        .filter(|name| !called(name) && !INNER.contains(name))
        .collect();
    for (_, source) in SOURCES {
        let heads = source.lines().filter_map(|line| line.strip_prefix("fn ").or_else(|| line.strip_prefix("layer ")));
        missing.extend(
            heads.filter_map(|head| head.split('(').next()).filter(|name| !called(name) && !INNER.contains(name)),
        );
    }
    assert!(missing.is_empty(), "call these as well: {missing:?}");
}
