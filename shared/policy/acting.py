"""Choosing an action: one trace for a whole run, whichever snapshot the parameters come from.

Motion is drawn from a Gaussian; a discrete gripper, where the spec has one, is decided by its critics, which
are among the parameters together with how much practice explores (`shared.policy.gripper`).

Where there are cameras, `encode` turns each new frame into a feature map once, and a choice is made from the
stacks of the newest maps.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from shared.policy.encoder import ImageEncoder
from shared.policy.gripper import GripperCritics, choose, whole_action, worth
from shared.policy.gripper_spec import CRITICS, EXPLORATION, GRIPPER
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import unflatten
from shared.policy.spec import PolicySpec
from shared.policy.vision import cameras

Arrays = Mapping[str, jax.Array | NDArray[np.generic]]


class SelectAction:
    """`select_action(params, observation, key, greedy)` is the action (A,) float32 in [-1, 1].

    Args of a call:
        params: a flat dict as snapshots hold it; `jax.device_put` it once rather than at every call.
        observation: the interface's entries, without leading axes; for an image entry the maps (T, c, h, w)
            of its T newest frames, the newest last.
        key: a jax random key; unused when greedy.
        greedy: take the mode instead of a sample. Not static, so it costs no second trace.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self.spec = spec
        self.traces = self.encode_traces = 0
        self.cameras = cameras(spec.interface)
        self._network = GaussianPolicy(spec)
        self._grippers = GripperCritics(spec, spec.gripper) if spec.gripper else None
        self._encoder = ImageEncoder(spec.vision, spec.interface) if spec.vision else None
        self._select = jax.jit(self._traced)
        self._encode = jax.jit(self._traced_encode)
        self._worth = jax.jit(self._traced_worth)

    def __call__(
        self, params: Arrays, observation: Arrays, key: jax.Array, greedy: bool
    ) -> NDArray[np.float32]:
        action = self._select(dict(params), dict(observation), key, np.bool_(greedy))
        return np.asarray(action)

    def gripper_worth(self, params: Arrays, observation: Arrays) -> NDArray[np.float32]:
        """What each choice of the discrete gripper is worth, (C,) float32; (0,) where there is none."""
        return np.asarray(self._worth(dict(params), dict(observation)))

    def encode(self, params: Arrays, frames: Arrays, trunk: Arrays | None = None) -> dict[str, jax.Array]:
        """The feature map (c, h, w) float32 of the newest frame (H, W, 3) uint8 of every camera.

        Args:
            params: as for a call; they hold the trunks where those are trained.
            frames: by image entry; other entries are not looked at.
            trunk: the weights of the frozen trunk, flat, where it is one.
        """
        seen = {name: frames[name] for name in self.cameras}
        return self._encode(dict(params), seen, None if trunk is None else dict(trunk))

    def _traced_encode(
        self, params: dict[str, jax.Array], frames: dict[str, jax.Array], trunk: dict[str, jax.Array] | None
    ) -> dict[str, jax.Array]:
        self.encode_traces += 1
        if self._encoder is None:
            return {}
        encoder = unflatten(params)["encoder"]
        return self._encoder.maps(encoder, frames, None if trunk is None else unflatten(trunk))

    def _traced(
        self,
        params: dict[str, jax.Array],
        observation: dict[str, jax.Array],
        key: jax.Array,
        greedy: jax.Array,
    ) -> jax.Array:
        self.traces += 1
        tree = unflatten(params)
        images = self._encoder.vector(tree["encoder"], observation) if self._encoder else None
        distribution = self._network.distribution(tree, observation, images)
        motion = jnp.where(greedy, distribution.mode(), distribution.sample(key))
        if self.spec.gripper is None:
            return motion
        choice = choose(
            self.spec.gripper,
            self._gripper_worth(tree, observation),
            tree[GRIPPER][EXPLORATION],
            jax.random.fold_in(key, 1),
            greedy,
        )
        return whole_action(self.spec.gripper, motion, choice)

    def _traced_worth(self, params: dict[str, jax.Array], observation: dict[str, jax.Array]) -> jax.Array:
        return self._gripper_worth(unflatten(params), observation)

    def _gripper_worth(self, tree: dict[str, Any], observation: dict[str, jax.Array]) -> jax.Array:
        """(C,); the heads of its critics look at the maps that the policy sees."""
        if self.spec.gripper is None or self._grippers is None:
            return jnp.zeros(0)
        critics = tree[GRIPPER][CRITICS]
        images = self._encoder.vector(critics["encoder"], observation) if self._encoder else None
        return worth(self.spec.gripper, self._grippers.values(critics, observation, images))


def make_select_action(spec: PolicySpec) -> SelectAction:
    """The function by which both processes act; compiled at its first call."""
    return SelectAction(spec)
