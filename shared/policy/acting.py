"""Choosing an action: one trace for a whole run, whichever snapshot the parameters come from."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from shared.policy.network import GaussianPolicy
from shared.policy.parameters import unflatten
from shared.policy.spec import PolicySpec

Arrays = Mapping[str, jax.Array | NDArray[np.generic]]


class SelectAction:
    """`select_action(params, observation, key, greedy)` is the action (A,) float32 in [-1, 1].

    Args of a call:
        params: a flat dict as snapshots hold it; `jax.device_put` it once rather than at every call.
        observation: the interface's entries, without leading axes.
        key: a jax random key; unused when greedy.
        greedy: take the mode instead of a sample. Not static, so it costs no second trace.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self.traces = 0
        self._network = GaussianPolicy(spec)
        self._select = jax.jit(self._traced)

    def __call__(
        self, params: Arrays, observation: Arrays, key: jax.Array, greedy: bool
    ) -> NDArray[np.float32]:
        action = self._select(dict(params), dict(observation), key, np.bool_(greedy))
        return np.asarray(action)

    def _traced(
        self,
        params: dict[str, jax.Array],
        observation: dict[str, jax.Array],
        key: jax.Array,
        greedy: jax.Array,
    ) -> jax.Array:
        self.traces += 1
        distribution = self._network.distribution(unflatten(params), observation)
        return jnp.where(greedy, distribution.mode(), distribution.sample(key))


def make_select_action(spec: PolicySpec) -> SelectAction:
    """The function by which both processes act; compiled at its first call."""
    return SelectAction(spec)
