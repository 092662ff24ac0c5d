"""What a user would otherwise run: the cases of `benches/steps.rs` in JAX (jit) and PyTorch (eager), timed the same way.

    python peer.py jax|torch [threads]

Prints one JSON line a case, as `cargo bench --bench steps` does: microseconds a step, the median of twelve blocks.
"""
import json
import os
import statistics
import sys
import time

PEER = sys.argv[1]
THREADS = int(sys.argv[2]) if len(sys.argv) > 2 else 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)
if PEER == "jax":
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if THREADS > 1 else 'false'}"

import numpy as np  # noqa: E402

RNG = np.random.default_rng(0)
SIZES = [(784, 256), (256, 784)]


def weights():
    return [RNG.uniform(-rows ** -0.5, rows ** -0.5, (rows, columns)).astype(np.float32) for rows, columns in SIZES]


def report(case, step, wait):
    step()
    wait()
    blocks, work = [], []
    for _ in range(12):
        start, spent, count = time.perf_counter(), time.process_time(), 0
        while count == 0 or time.perf_counter() - start < 0.15:
            step()
            count += 1
        wait()
        blocks.append((time.perf_counter() - start) / count * 1e6)
        work.append((time.process_time() - spent) / count * 1e6)
    print(json.dumps({"case": case, "peer": PEER, "threads": THREADS, "us": round(statistics.median(blocks), 1),
                      "best_us": round(min(blocks), 1), "processor_us": round(min(work), 1)}), flush=True)


def jax_cases():
    import jax
    import jax.numpy as jnp

    def loss_of(params, x):
        h = x
        for w, b in params:
            h = jax.nn.sigmoid(h @ w + b)
        return jnp.mean(jnp.power(h - x, 2))

    def step_of(params, m, v, t, x):
        loss, grads = jax.value_and_grad(loss_of)(params, x)
        t = t + 1
        rate = 1e-3 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v)
        return params, m, v, t, loss

    for batch in (64, 256):
        params = [(jnp.asarray(w), jnp.zeros(w.shape[1])) for w in weights()]
        zeros = jax.tree.map(jnp.zeros_like, params)
        state = [params, zeros, jax.tree.map(jnp.copy, zeros), jnp.float32(0)]
        x = RNG.random((batch, 784), dtype=np.float32)
        fn = jax.jit(step_of, donate_argnums=(0, 1, 2))

        def step():
            *state[:], _ = fn(*state, x)
        report(f"auto-encoder, batch {batch}", step, lambda: jax.block_until_ready(state))

    def apply(params, x):
        for w, b in params:
            x = jax.nn.sigmoid(x @ w + b)
        return x

    for batch in (1, 256):
        params = [(jnp.asarray(w), jnp.zeros(w.shape[1])) for w in weights()]
        x = jnp.asarray(RNG.random((batch, 784), dtype=np.float32))
        fn = jax.jit(apply)
        report(f"auto-encoder applied, batch {batch}", lambda: jax.block_until_ready(fn(params, x)), lambda: None)

    def deep(params, x):
        for w, b in params:
            x = jnp.tanh(x @ w + b)
        return jnp.mean(jnp.square(x))

    def descend(params, x):
        loss, grads = jax.value_and_grad(deep)(params, x)
        return jax.tree.map(lambda p, g: p - 1e-3 * g, params, grads), loss

    layers = [[(jnp.asarray(RNG.uniform(-0.125, 0.125, (64, 64)).astype(np.float32)), jnp.zeros(64)) for _ in range(200)]]
    rows = jnp.asarray(RNG.random((32, 64), dtype=np.float32))
    fn = jax.jit(descend, donate_argnums=0)

    def step():
        layers[0], _ = fn(layers[0], rows)
    report("200 layers of 64, batch 32", step, lambda: jax.block_until_ready(layers))

    def elementwise(a, b):
        d = a - b
        return jnp.mean(jnp.log(jnp.cosh(d)) + 0.1 * jnp.sqrt(d ** 2 + 1e-6) * jnp.exp(-jnp.abs(b)))

    for exponent in (6, 4):
        a, b = (jnp.asarray(RNG.uniform(-1, 1, 10 ** exponent).astype(np.float32)) for _ in range(2))
        fn = jax.jit(jax.value_and_grad(elementwise, (0, 1)))
        report(f"elementwise loss, 10^{exponent}", lambda: jax.block_until_ready(fn(a, b)), lambda: None)


def torch_cases():
    import torch
    torch.set_num_threads(THREADS)
    for batch in (64, 256):
        params = []
        for w in weights():
            params += [torch.tensor(w, requires_grad=True), torch.zeros(w.shape[1], requires_grad=True)]
        optimizer = torch.optim.Adam(params, lr=1e-3)
        x = torch.rand(batch, 784)

        def step():
            h = x
            for w, b in zip(params[::2], params[1::2]):
                h = torch.sigmoid(h @ w + b)
            loss = torch.mean(torch.pow(h - x, 2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        report(f"auto-encoder, batch {batch}", step, lambda: None)
    for exponent in (6, 4):
        a, b = (torch.empty(10 ** exponent).uniform_(-1, 1).requires_grad_() for _ in range(2))

        def step():
            d = a - b
            loss = torch.mean(torch.log(torch.cosh(d)) + 0.1 * torch.sqrt(d ** 2 + 1e-6) * torch.exp(-torch.abs(b)))
            torch.autograd.grad(loss, (a, b))
        report(f"elementwise loss, 10^{exponent}", step, lambda: None)


{"jax": jax_cases, "torch": torch_cases}[PEER]()
