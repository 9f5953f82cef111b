"""The policy's network: observation entries in, a tanh-Gaussian out."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.interface import InterfaceSpec
from shared.policy.distributions import TanhNormal
from shared.policy.spec import Activation, PolicySpec

NONLINEARITIES: dict[Activation, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
}


def observation_vector(interface: InterfaceSpec, observation: Mapping[str, jax.Array]) -> jax.Array:
    """(..., D) float32: the state entries, each as asinh((x - offset) / scale), in declared order.

    The inverse hyperbolic sine is the identity near 0 and a logarithm far out, so an entry whose scale is the
    precision that a task needs (a centimetre) still spans the whole workspace without drowning the others.
    """
    parts: list[jax.Array] = []
    for entry in interface.observations:
        part = jnp.asarray(observation[entry.name], jnp.float32)
        if entry.offset:
            part = part - jnp.asarray(entry.offset, jnp.float32)
        if entry.scale:
            part = part / jnp.asarray(entry.scale, jnp.float32)
        parts.append(jnp.arcsinh(part))
    return jnp.concatenate(parts, axis=-1)


class Torso(nn.Module):
    """Hidden layers, each Dense, dropout, LayerNorm, nonlinearity; Glorot-uniform kernels, as in SERL."""

    hidden: tuple[int, ...]
    activation: Activation
    layer_norm: bool
    dropout: float = 0.0

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(..., D) to (..., hidden[-1])."""
        for width in self.hidden:
            x = nn.Dense(width, kernel_init=nn.initializers.xavier_uniform())(x)
            if self.dropout:
                x = nn.Dropout(self.dropout, deterministic=False)(x)
            if self.layer_norm:
                x = nn.LayerNorm()(x)
            x = NONLINEARITIES[self.activation](x)
        return x


class GaussianPolicy(nn.Module):
    """What `spec` describes. The std is clipped to its bounds in log space."""

    spec: PolicySpec

    @nn.compact
    def __call__(self, observation: Mapping[str, jax.Array]) -> TanhNormal:
        """Entries (..., shape) to a distribution over actions (..., A)."""
        spec = self.spec
        x = observation_vector(spec.interface, observation)
        x = Torso(spec.hidden, spec.activation, spec.layer_norm, name="torso")(x)
        mean = nn.Dense(spec.action_size, kernel_init=nn.initializers.xavier_uniform(), name="mean")(x)
        log_std = jnp.clip(self._log_std(x), math.log(spec.std_min), math.log(spec.std_max))
        return TanhNormal(mean, jnp.broadcast_to(jnp.exp(log_std), mean.shape))

    def distribution(self, params: Mapping[str, Any], observation: Mapping[str, Any]) -> TanhNormal:
        """The distribution (..., A) that these parameters give for these entries (..., shape)."""
        return cast(TanhNormal, self.apply({"params": params}, observation))

    def _log_std(self, x: jax.Array) -> jax.Array:
        size = self.spec.action_size
        initial = nn.initializers.constant(math.log(self.spec.initial_std))
        if self.spec.std == "uniform":
            return self.param("log_std", initial, (size,))
        kernel = nn.initializers.xavier_uniform()
        return nn.Dense(size, kernel_init=kernel, bias_init=initial, name="log_std")(x)
