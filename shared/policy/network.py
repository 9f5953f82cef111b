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
from shared.policy.layers import Activation
from shared.policy.spec import Inputs, PolicySpec
from shared.policy.vision import VisionConfig

NONLINEARITIES: dict[Activation, Callable[[jax.Array], jax.Array]] = {
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
}


def observation_vector(
    interface: InterfaceSpec, observation: Mapping[str, jax.Array], inputs: Inputs = "asinh"
) -> jax.Array:
    """(..., D) float32: the state entries, each as asinh((x - offset) / scale), in declared order; no images.

    The inverse hyperbolic sine is the identity near 0 and a logarithm far out, so an entry whose scale is the
    precision that a task needs (a centimetre) still spans the whole workspace without drowning the others.
    Plain inputs go without it.
    """
    parts: list[jax.Array] = []
    for entry in interface.observations:
        if entry.is_image:
            continue
        part = jnp.asarray(observation[entry.name], jnp.float32)
        if entry.offset:
            part = part - jnp.asarray(entry.offset, jnp.float32)
        if entry.scale:
            part = part / jnp.asarray(entry.scale, jnp.float32)
        parts.append(jnp.arcsinh(part) if inputs == "asinh" else part)
    return jnp.concatenate(parts, axis=-1)


class Fusion(nn.Module):
    """What the torso sees: the state vector or, beside cameras, an embedding of it with their vector.

    Args:
        vision: the image side's settings; None where there are no cameras.
        inputs: see `observation_vector`.
    """

    interface: InterfaceSpec
    vision: VisionConfig | None
    inputs: Inputs = "asinh"

    @nn.compact
    def __call__(self, observation: Mapping[str, jax.Array], images: jax.Array | None) -> jax.Array:
        """Entries (..., shape) and the cameras' vector (..., V), to (..., D)."""
        if self.vision is None or images is None:
            return observation_vector(self.interface, observation, self.inputs)
        if all(entry.is_image for entry in self.interface.observations):
            return images
        x = observation_vector(self.interface, observation, self.inputs)
        x = nn.Dense(self.vision.state_width, kernel_init=nn.initializers.xavier_uniform(), name="state")(x)
        return jnp.concatenate([images, jnp.tanh(nn.LayerNorm(name="state_norm")(x))], axis=-1)


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
    """What `spec` describes: all of an action, M = A, but for discrete grippers.

    The std is clipped to its bounds in log space.
    """

    spec: PolicySpec

    @nn.compact
    def __call__(self, observation: Mapping[str, jax.Array], images: jax.Array | None = None) -> TanhNormal:
        """Entries (..., shape) and the cameras' vector (..., V) to a distribution over motion (..., M)."""
        spec = self.spec
        x = Fusion(spec.interface, spec.vision, spec.inputs, name="fusion")(observation, images)
        x = Torso(spec.hidden, spec.activation, spec.layer_norm, name="torso")(x)
        mean = nn.Dense(spec.motion_size, kernel_init=nn.initializers.xavier_uniform(), name="mean")(x)
        log_std = jnp.clip(self._log_std(x), math.log(spec.std_min), math.log(spec.std_max))
        return TanhNormal(mean, jnp.broadcast_to(jnp.exp(log_std), mean.shape))

    def distribution(
        self,
        params: Mapping[str, Any],
        observation: Mapping[str, Any],
        images: jax.Array | None = None,
    ) -> TanhNormal:
        """The distribution (..., M) that these parameters give for these entries and this cameras' vector."""
        return cast(TanhNormal, self.apply({"params": params}, observation, images))

    def _log_std(self, x: jax.Array) -> jax.Array:
        size = self.spec.motion_size
        initial = nn.initializers.constant(math.log(self.spec.initial_std))
        if self.spec.std == "uniform":
            return self.param("log_std", initial, (size,))
        kernel = nn.initializers.xavier_uniform()
        return nn.Dense(size, kernel_init=kernel, bias_init=initial, name="log_std")(x)
