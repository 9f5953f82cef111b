"""Sight: what the policy sees of the cameras: the feature maps of each one's newest frames."""

from collections import deque
from collections.abc import Mapping

import jax
import numpy as np
from numpy.typing import NDArray

from shared.policy.acting import SelectAction
from shared.step import Observation

Map = NDArray[np.generic]


class Sight:
    """Turns each frame into a map once, and stacks the newest T. Owned by the control thread.

    Maps outlive a change of parameters: those of a frozen trunk stay right, those of a trained one are, for
    the next T - 1 steps, of the policy before.

    Args:
        select: the policy's functions; its spec declares images.
        trunk: the weights of the frozen trunk on the device, where it is one.
    """

    def __init__(self, select: SelectAction, trunk: Mapping[str, jax.Array] | None) -> None:
        self._select = select
        self._trunk = trunk
        self._length = select.spec.vision.frame_stack if select.spec.vision else 1
        self._maps: dict[str, deque[Map]] = {}

    def begin(self) -> None:
        """A new episode: nothing was seen yet."""
        self._maps.clear()

    def see(self, params: Mapping[str, jax.Array], observation: Observation) -> Observation:
        """The observation with each frame (H, W, 3) replaced by the maps (T, c, h, w), the newest last.

        At the start of an episode the first frame fills the stack.
        """
        newest = self._select.encode(params, observation, self._trunk)
        return {**observation, **{name: self._stack(name, np.asarray(map_)) for name, map_ in newest.items()}}

    def _stack(self, camera: str, newest: Map) -> Map:
        if self._length == 1:
            return newest[None]
        maps = self._maps.setdefault(camera, deque([newest] * self._length, self._length))
        maps.append(newest)
        return np.stack(maps)
