"""The cases of `benches/steps.rs` in JAX: `jit` compiles a step, `scan` a loop of a hundred.

    python jax_peer.py [threads] [part of a case's name] [--variant jit|scan]
"""
import os

from common import SIZES, Cases, options

chosen = options(["jit", "scan"])
os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if chosen.threads > 1 else 'false'}"
import jax                                                         # noqa: E402
import jax.numpy as jnp                                            # noqa: E402
import numpy as np                                                 # noqa: E402
from jax import lax                                                # noqa: E402

RNG = np.random.default_rng(0)
LOOP = 100
cases = Cases("jax " + chosen.variant, chosen)


def uniform(*sizes, fan_in):
    return jnp.asarray(RNG.uniform(-fan_in ** -0.5, fan_in ** -0.5, sizes).astype(np.float32))


def data(*sizes):
    return RNG.random(sizes, dtype=np.float32)


def adam(params, m, v, t, grads):
    t = t + 1
    rate = 1e-3 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v)
    return params, m, v, t


def train(case, params, loss_of, *rows):
    """Steps of Adam on one minibatch, one by one or a hundred in a compiled loop."""
    if not cases.wants(case):
        return

    def one(params, m, v, t, *rows):
        return adam(params, m, v, t, jax.grad(loss_of)(params, *rows))

    def many(*state_and_rows):
        state, rows = state_and_rows[:4], state_and_rows[4:]
        return lax.scan(lambda state, _: (one(*state, *rows), None), state, None, length=LOOP)[0]

    looped = chosen.variant == "scan"
    fn = jax.jit(many if looped else one, donate_argnums=(0, 1, 2))
    zeros = jax.tree.map(jnp.zeros_like, params)
    state = [params, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0)]

    def step():
        state[:] = fn(*state, *rows)
    cases.report(case, step, lambda: jax.block_until_ready(state), LOOP if looped else 1)


def layers():
    return [(uniform(*sizes, fan_in=sizes[0]), jnp.zeros(sizes[1])) for sizes in SIZES]


def auto_encoder(params, x):
    for w, b in params:
        x = jax.nn.sigmoid(x @ w + b)
    return x


def lenet(p, x, labels):
    def stage(x, w, b):
        x = lax.conv_general_dilated(x, w, (1, 1), "VALID", dimension_numbers=("NCHW", "OIHW", "NCHW"))
        return jax.nn.relu(lax.reduce_window(x + b, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"))
    x = stage(stage(x, *p[0]), *p[1])
    x = jax.nn.relu(x.reshape(len(x), -1) @ p[2][0] + p[2][1]) @ p[3][0] + p[3][1]
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), labels[:, None], 1))


def lenet_params():
    return [(uniform(16, 1, 5, 5, fan_in=25), jnp.zeros((16, 1, 1))),
            (uniform(32, 16, 5, 5, fan_in=400), jnp.zeros((32, 1, 1))),
            (uniform(512, 120, fan_in=512), jnp.zeros(120)), (uniform(120, 10, fan_in=120), jnp.zeros(10))]


def block_params(width=128, hidden=512):
    return {"g1": jnp.ones(width), "h1": jnp.zeros(width), "g2": jnp.ones(width), "h2": jnp.zeros(width),
            "qkv": uniform(width, 3 * width, fan_in=width), "bq": jnp.zeros(3 * width),
            "out": uniform(width, width, fan_in=width), "bo": jnp.zeros(width),
            "up": uniform(width, hidden, fan_in=width), "bu": jnp.zeros(hidden),
            "down": uniform(hidden, width, fan_in=hidden), "bd": jnp.zeros(width)}


def normalised(x, g, h):
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(((x - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * g + h


def transformer(p, x, heads=4):
    batch, places, width = x.shape
    qkv = (normalised(x, p["g1"], p["h1"]) @ p["qkv"] + p["bq"]).reshape(batch, places, 3, heads, width // heads)
    q, k, v = jnp.moveaxis(qkv, (2, 3), (0, 2))
    weight = jax.nn.softmax(jnp.einsum("bhqd,bhkd->bhqk", q, k) * (width // heads) ** -0.5)
    seen = jnp.einsum("bhqk,bhkd->bqhd", weight, v).reshape(batch, places, width)
    x = x + seen @ p["out"] + p["bo"]
    return x + jax.nn.gelu(normalised(x, p["g2"], p["h2"]) @ p["up"] + p["bu"]) @ p["down"] + p["bd"]


def chain(depth):
    case = f"chain of {depth} layers, batch 32"
    if not cases.wants(case):
        return

    def loss_of(params, x):
        for w, b in params:
            x = jnp.tanh(x @ w + b)
        return jnp.mean(jnp.square(x))
    state = [[(uniform(64, 64, fan_in=64), jnp.zeros(64)) for _ in range(depth // 2)]]
    rows = data(32, 64)
    fn = jax.jit(lambda p, x: jax.tree.map(lambda p, g: p - 1e-3 * g, p, jax.grad(loss_of)(p, x)), donate_argnums=0)

    def step():
        state[0] = fn(state[0], rows)
    cases.report(case, step, lambda: jax.block_until_ready(state))


def elementwise(exponent):
    def loss_of(a, b):
        d = a - b
        return jnp.mean(jnp.log(jnp.cosh(d)) + 0.1 * jnp.sqrt(d ** 2 + 1e-6) * jnp.exp(-jnp.abs(b)))
    case = f"elementwise loss, 10^{exponent}"
    if cases.wants(case):
        a, b = (jnp.asarray(data(10 ** exponent) * 2 - 1) for _ in range(2))
        fn = jax.jit(jax.value_and_grad(loss_of, (0, 1)))
        cases.report(case, lambda: jax.block_until_ready(fn(a, b)))


for batch in (64, 256):
    train(f"auto-encoder, batch {batch}", layers(), lambda p, x: jnp.mean(jnp.power(auto_encoder(p, x) - x, 2)),
          data(batch, 784))
train("LeNet, batch 64", lenet_params(), lenet, data(64, 1, 28, 28), RNG.integers(0, 10, 64).astype(np.int32))
train("transformer block, batch 8", block_params(), lambda p, x, t: jnp.mean(jnp.power(transformer(p, x) - t, 2)),
      data(8, 64, 128), data(8, 64, 128))
if chosen.variant == "jit":
    for exponent in (6, 4):
        elementwise(exponent)
    for batch in (1, 256):
        if cases.wants(f"auto-encoder applied, batch {batch}"):
            params, x, fn = layers(), jnp.asarray(data(batch, 784)), jax.jit(auto_encoder)
            cases.report(f"auto-encoder applied, batch {batch}", lambda: jax.block_until_ready(fn(params, x)))
    for depth in (200, 2000):
        chain(depth)
