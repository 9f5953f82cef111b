"""Gymnasium spaces as interface entries: Box or Dict of Box in, float32 vectors and RGB images out."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from robot_env.description import space_of
from shared.errors import ConfigError, ObservationError
from shared.interface import ActionEntry, ObservationEntry
from shared.step import Observation

ONLY_NAME = "state"
ONLY_IMAGE = "camera/image"
MOST = 1e6
LEAST_SIDE = 8
CHANNELS = (1, 3, 4)


def action_entry(space: gymnasium.Space[Any], name: str) -> ActionEntry:
    """The one action entry of a bounded Box; raises ConfigError for any other space."""
    if not isinstance(space, spaces.Box):
        raise ConfigError(
            f"making {name}",
            f"its actions are {space}",
            "choose an environment with Box actions: HandsOn moves arms, it does not press buttons",
        )
    low, high = space.low.reshape(-1), space.high.reshape(-1)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ConfigError(
            f"making {name}",
            f"its actions are unbounded: {space}",
            "wrap it in gymnasium.wrappers.RescaleAction, register that and choose it",
        )
    return ActionEntry(name="action", low=_floats(low), high=_floats(high), unit="environment")


class Flattened:
    """The observation entries of a Box or Dict-of-Box space, and how a raw observation becomes them."""

    def __init__(self, space: gymnasium.Space[Any], name: str) -> None:
        self._name = name
        self._only = None if isinstance(space, spaces.Dict) else ONLY_IMAGE if _is_image(space) else ONLY_NAME
        self._parts = space.spaces if isinstance(space, spaces.Dict) else {str(self._only): space}
        self.entries = tuple(_entry(key, part, name) for key, part in self._parts.items())
        self.space = spaces.Dict({entry.name: space_of(entry) for entry in self.entries})

    def values(self, raw: Any) -> Observation:
        """The entries of one observation: images, grey ones in three channels, all else a float32 vector.

        Raises:
            ObservationError: an entry is missing, or not of the shape (an image: or type) of its space.
        """
        parts = raw if self._only is None else {self._only: raw}
        return {entry.name: self._value(entry, parts) for entry in self.entries}

    def _value(self, entry: ObservationEntry, parts: Any) -> NDArray[Any]:
        space, value = self._parts[entry.name], np.asarray(parts.get(entry.name))
        if value.shape != space.shape or (entry.is_image and value.dtype != np.uint8):
            raise ObservationError(
                f"observing {self._name}",
                f"observation {entry.name!r} is {value.dtype}{list(value.shape)}, not of its space {space}",
                "mend the environment: it must return what its observation space says",
            )
        if entry.is_image:
            return np.broadcast_to(value.reshape(*entry.shape[:2], -1), entry.shape).copy()
        return np.array(value, dtype=entry.dtype).reshape(entry.shape)


def _entry(key: str, space: gymnasium.Space[Any], name: str) -> ObservationEntry:
    if not isinstance(space, spaces.Box):
        raise ConfigError(
            f"making {name}",
            f"observation {key!r} is {space}",
            "choose an environment whose observations are Box, or Dict of Box",
        )
    if _is_image(space):
        if len(space.shape) == 3 and space.shape[-1] not in (1, 3):
            raise ConfigError(
                f"making {name}",
                f"observation {key!r} is a picture of {list(space.shape)}",
                "give (H, W, 3) RGB, or (H, W) or (H, W, 1) grey: without alpha, channels last (wrap it in "
                "gymnasium.wrappers.TransformObservation), and unstacked, for HandsOn stacks frames itself",
            )
        return ObservationEntry(name=key, shape=(*space.shape[:2], 3), dtype="uint8")
    if _is_picture_of_numbers(space):
        raise ConfigError(
            f"making {name}",
            f"observation {key!r} looks like a picture of {space.dtype}, {list(space.shape)}",
            "give uint8 from 0 to 255, (H, W, 3) RGB or (H, W) grey (wrap it in "
            "gymnasium.wrappers.TransformObservation and register that); if it is no picture, reshape it to "
            "a vector in the same way",
        )
    low, high = space.low.reshape(-1).astype(np.float64), space.high.reshape(-1).astype(np.float64)
    bounded = (np.abs(low) < MOST) & (np.abs(high) < MOST) & (high > low)
    offset, scale = np.zeros_like(low), np.ones_like(low)
    offset[bounded] = (high[bounded] + low[bounded]) / 2.0
    scale[bounded] = (high[bounded] - low[bounded]) / 2.0
    return ObservationEntry(
        name=key,
        shape=(low.size,),
        dtype="float32",
        low=_bound(float(low.min())),
        high=_bound(float(high.max())),
        offset=_floats(offset),
        scale=_floats(scale),
    )


def _is_image(space: gymnasium.Space[Any]) -> bool:
    """Whether it is bytes in rows and columns, with or without channels."""
    return isinstance(space, spaces.Box) and space.dtype == np.uint8 and len(space.shape) in (2, 3)


def _is_picture_of_numbers(space: spaces.Box) -> bool:
    """Whether rows, columns and channels, first or last, are there, and only the type is not bytes."""
    if len(space.shape) != 3 or space.dtype == np.uint8:
        return False
    first, middle, last = space.shape
    channels_last = last in CHANNELS and min(first, middle) >= LEAST_SIDE
    return channels_last or (first in CHANNELS and min(middle, last) >= LEAST_SIDE)


def _bound(value: float) -> float | None:
    return value if abs(value) < np.finfo(np.float32).max else None


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
