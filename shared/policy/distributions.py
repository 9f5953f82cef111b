"""The tanh-Gaussian distribution, by hand: a = tanh(u), u ~ Normal(mean, std), each element on its own.

The density of a follows from the change of variables, log p(a) = log N(u) - log(1 - tanh(u)^2) (Haarnoja
et al. 2018, appendix C, arXiv:1812.05905). The second term is computed as 2 (log 2 - u - softplus(-2u)), the
form of TensorFlow Probability's Tanh bijector, which is exact for large |u|.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

ACTION_LIMIT = 1.0 - 1e-6
"""Given actions are clipped to +- this before their density is computed: atanh(1) is infinite."""

_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


class TanhNormal(NamedTuple):
    """`mean` and `std` before squashing, both (..., A) float32. A pytree."""

    mean: jax.Array
    std: jax.Array

    def mode(self) -> jax.Array:
        """(..., A): the squashed mean, which is what acting greedily means."""
        return jnp.tanh(self.mean)

    def sample(self, key: jax.Array) -> jax.Array:
        """(..., A): one action for each element of the leading axes."""
        return self.squash(jax.random.normal(key, self.mean.shape, self.mean.dtype))[0]

    def squash(self, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The actions (..., A) that standard normal noise (..., A) selects, and their log density (...)."""
        before = self.mean + self.std * noise
        log_density = -0.5 * jnp.square(noise) - jnp.log(self.std) - _HALF_LOG_TWO_PI
        return jnp.tanh(before), jnp.sum(log_density - _log_slope(before), axis=-1)

    def log_prob(self, action: jax.Array) -> jax.Array:
        """(...): log density of given actions (..., A) in [-1, 1]; finite at the bounds."""
        before = jnp.arctanh(jnp.clip(action, -ACTION_LIMIT, ACTION_LIMIT))
        noise = (before - self.mean) / self.std
        log_density = -0.5 * jnp.square(noise) - jnp.log(self.std) - _HALF_LOG_TWO_PI
        return jnp.sum(log_density - _log_slope(before), axis=-1)


def _log_slope(before: jax.Array) -> jax.Array:
    """log d tanh(u) / du."""
    return 2.0 * (math.log(2.0) - before - jax.nn.softplus(-2.0 * before))
