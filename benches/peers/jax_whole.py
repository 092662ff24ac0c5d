"""The process that `benches/whole.py` times in JAX: one epoch of 60,000 images in memory, a compiled step for each minibatch."""
import jax
import jax.numpy as jnp
import numpy as np

RNG = np.random.default_rng(0)


def layer(rows, columns):
    bound = rows ** -0.5
    return jnp.asarray(RNG.uniform(-bound, bound, (rows, columns)).astype(np.float32)), jnp.zeros(columns)


def loss_of(params, x):
    recon = x
    for w, b in params:
        recon = jax.nn.sigmoid(recon @ w + b)
    return jnp.mean(jnp.power(recon - x, 2))


def step(params, m, v, t, x):
    loss, grads = jax.value_and_grad(loss_of)(params, x)
    t = t + 1
    rate = 1e-3 * jnp.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, grads)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, grads)
    params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), params, m, v)
    return params, m, v, t, loss


images = RNG.random((60_000, 784), dtype=np.float32)
state = [layer(784, 256), layer(256, 784)]
state = [state, jax.tree.map(jnp.zeros_like, state), jax.tree.map(jnp.zeros_like, state), jnp.float32(0)]
compiled = jax.jit(step, donate_argnums=(0, 1, 2))
for start in range(0, len(images), 64):
    *state, loss = compiled(*state, images[start:start + 64])
print(float(loss))
