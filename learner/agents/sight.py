"""Sight: what becomes of a batch's images before a network's torso sees them.

Frames are shifted, and pass the trunk; a frozen trunk outside of every loss, a trained one inside. Maps that
were cached have been through both. Without cameras all of this is nothing.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from learner.agents.augmentation import shift_all
from shared.interface import InterfaceSpec
from shared.policy.encoder import ImageEncoder
from shared.policy.vision import VisionConfig, cameras

Observation = Mapping[str, jax.Array]
Parameters = Mapping[str, Any]


class Sight:
    """Static: no array lives here.

    Attributes:
        vision: None where there are no cameras.
        cameras: the image entries.
    """

    def __init__(self, vision: VisionConfig | None, interface: InterfaceSpec, pad: int) -> None:
        self.vision = vision
        self.cameras = cameras(interface) if vision else ()
        self._pad = pad
        self._encoder = ImageEncoder(vision, interface) if vision else None

    def init(self, key: jax.Array) -> dict[str, Any]:
        """{"encoder": its parameters}, or nothing without cameras."""
        return {"encoder": self._encoder.init(key)} if self._encoder else {}

    def blank(self, rows: int) -> jax.Array | None:
        """A cameras' vector (rows, V) of zeros, from which networks learn its size; None without cameras."""
        if self._encoder is None:
            return None
        return jnp.zeros((rows, len(self.cameras) * self._encoder.vision.bottleneck))

    def look(self, trunk: Parameters | None, observation: Observation, key: jax.Array) -> Observation:
        """Rows (B, ...) whose images are shifted and, where the trunk is frozen, have become its maps.

        `trunk` holds the frozen trunk's weights, where rows hold frames and the trunk is frozen.
        """
        frames = {n: observation[n] for n in self.cameras if observation[n].dtype == jnp.uint8}
        if self._encoder is None or not frames:
            return observation
        shifted = shift_all(key, frames, self._pad)
        if self._encoder.vision.frozen:
            shifted = self._encoder.maps({}, shifted, trunk)
        return {**observation, **shifted}

    def vector(self, params: Parameters, seen: Observation) -> jax.Array | None:
        """(B, V): the cameras' vector of rows that were looked at; differentiable in `params`."""
        if self._encoder is None:
            return None
        images = {name: seen[name] for name in self.cameras}
        if not self._encoder.vision.frozen:
            images = self._encoder.maps(params["encoder"], images, None)
        return self._encoder.vector(params["encoder"], images)
