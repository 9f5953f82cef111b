"""Looks: what the frozen trunk makes of each frame, as it is and shifted, brighter, tinted; computed once."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from learner.agents.augmentation import shift
from learner.classifier.config import LooksConfig
from learner.classifier.dataset import LabelledFrames
from shared.policy.parameters import unflatten
from shared.policy.trunks.build import build_trunk, look
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import VisionConfig

CHUNK = 8
"""Frames that pass the trunk at once: few stay in a CPU's cache."""
MOST_BYTES = 2 << 30
"""Of all maps; with more frames there are fewer looks at each."""

Maps = dict[str, NDArray[np.float16]]


def look_at_all(
    data: LabelledFrames,
    vision: VisionConfig,
    trunk: TrunkWeights,
    config: LooksConfig,
    seed: int,
    advance: Callable[[int], None] = lambda frames: None,
) -> Maps:
    """Maps (N, variants, c, h, w) float16 of every frame, by camera; the first variant is the frame itself.

    Args:
        advance: told of frames that were looked at.
    """
    encode = jax.jit(_Encode(vision, config))
    weights = jax.device_put(unflatten(trunk.params))
    maps: Maps = {}
    for camera, (name, frames) in enumerate(data.frames.items()):
        rng = np.random.default_rng((seed, camera))
        maps[name] = _maps_of(frames, encode, weights, config, rng, len(data.frames), advance)
    return maps


def _maps_of(
    frames: NDArray[np.uint8],
    encode: Callable[..., jax.Array],
    weights: Mapping[str, Any],
    config: LooksConfig,
    rng: np.random.Generator,
    cameras: int,
    advance: Callable[[int], None],
) -> NDArray[np.float16]:
    count, maps = len(frames), np.zeros(0, np.float16)
    variants = config.variants
    for variant in range(config.variants):
        if variant >= variants:
            break
        offsets, gains = _draw(rng, count, config, plain=variant == 0)
        for first in range(0, count, CHUNK):
            rows = np.arange(first, first + CHUNK).clip(max=count - 1)
            chunk = np.asarray(encode(weights, frames[rows], offsets[rows], gains[rows]))
            if not maps.size:
                variants = _affordable(config.variants, count * cameras * chunk[0].nbytes)
                maps = np.zeros((count, variants, *chunk.shape[1:]), np.float16)
            maps[rows, variant] = chunk
            advance(int(min(CHUNK, count - first)))
    return maps


def _affordable(variants: int, bytes_each: int) -> int:
    return max(1, min(variants, MOST_BYTES // bytes_each))


def _draw(
    rng: np.random.Generator, count: int, config: LooksConfig, *, plain: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Offsets (N, 2) as `shift` takes them, and gains (N, 3) of the colour channels."""
    if plain:
        return np.full((count, 2), config.pad, np.int32), np.ones((count, 3), np.float32)
    offsets = rng.integers(0, 2 * config.pad + 1, (count, 2)).astype(np.int32)
    logs = rng.normal(0.0, config.brightness, (count, 1)) + rng.normal(0.0, config.colour, (count, 3))
    return offsets, np.exp(logs).astype(np.float32)


class _Encode:
    """Static settings, so that the trunk is compiled once for each shape of frames."""

    def __init__(self, vision: VisionConfig, config: LooksConfig) -> None:
        self._trunk = build_trunk(vision)
        self._pad = config.pad

    def __call__(
        self, weights: dict[str, Any], frames: jax.Array, offsets: jax.Array, gains: jax.Array
    ) -> jax.Array:
        moved = jnp.asarray(shift(frames, offsets, self._pad), jnp.float32) * gains[:, None, None, :]
        lit = jnp.asarray(jnp.clip(jnp.round(moved), 0, 255), jnp.uint8)
        return jnp.asarray(look(self._trunk, weights, lit), jnp.float16)
