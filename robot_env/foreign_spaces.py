"""Gymnasium spaces as interface entries: Box or Dict of Box in, float32 vectors and images out."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from robot_env.env import space_of
from shared.errors import ConfigError
from shared.interface import ActionEntry, ObservationEntry
from shared.step import Observation

ONLY_NAME = "state"
MOST = 1e6


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
        parts = space.spaces if isinstance(space, spaces.Dict) else {ONLY_NAME: space}
        self._is_dict = isinstance(space, spaces.Dict)
        self.entries = tuple(_entry(key, part, name) for key, part in parts.items())
        self.space = spaces.Dict({entry.name: space_of(entry) for entry in self.entries})

    def values(self, raw: Any) -> Observation:
        """The entries of one observation: images as they are, everything else a float32 vector."""
        parts = raw if self._is_dict else {ONLY_NAME: raw}
        return {
            entry.name: np.asarray(parts[entry.name], dtype=entry.dtype).reshape(entry.shape).copy()
            for entry in self.entries
        }


def _entry(key: str, space: gymnasium.Space[Any], name: str) -> ObservationEntry:
    if not isinstance(space, spaces.Box):
        raise ConfigError(
            f"making {name}",
            f"observation {key!r} is {space}",
            "choose an environment whose observations are Box, or Dict of Box",
        )
    if space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[-1] == 3:
        return ObservationEntry(name=key, shape=space.shape, dtype="uint8")
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


def _bound(value: float) -> float | None:
    return value if abs(value) < np.finfo(np.float32).max else None


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
