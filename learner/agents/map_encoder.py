"""MapEncoder: what the replay caches of a frame where the trunk is frozen, its feature map, once a shift."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from learner.agents.augmentation import shift
from shared.policy.parameters import unflatten
from shared.policy.trunks.build import build_trunk, look
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import VisionConfig


class MapEncoder:
    """`encode(frames, offsets)` is (N, c, h, w) float16; one trace for each shape of frames.

    Args of a call:
        frames: (N, H, W, 3) uint8.
        offsets: (N, 2) int32, as for `learner.agents.augmentation.shift`.
    """

    def __init__(self, vision: VisionConfig, trunk: TrunkWeights, pad: int) -> None:
        self._trunk = build_trunk(vision)
        self._weights: dict[str, Any] = jax.device_put(unflatten(trunk.params))
        self._pad = pad
        self._encode = jax.jit(self._traced)
        self.traces = 0

    def __call__(self, frames: NDArray[np.uint8], offsets: NDArray[np.int32]) -> NDArray[np.float16]:
        return np.asarray(self._encode(self._weights, frames, offsets))

    def _traced(self, weights: dict[str, Any], frames: jax.Array, offsets: jax.Array) -> jax.Array:
        self.traces += 1
        maps = look(self._trunk, weights, shift(frames, offsets, self._pad))
        return jnp.asarray(maps, jnp.float16)
