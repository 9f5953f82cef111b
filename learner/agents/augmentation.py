"""Random shifts of camera frames (DrQ: Kostrikov et al. 2021, arXiv:2004.13649), inside the jitted update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig:
    """How frames are shifted before the networks see them. Cached maps were shifted when they were made."""

    pad: int = 4
    """Largest shift in pixels, each way; edges are repeated. 0 turns it off."""
    target_shifts: int = 1
    """DrQ's K: shifts of the next observation over which the target is averaged."""
    value_shifts: int = 1
    """DrQ's M: shifts of the observation over which the critics' loss is averaged."""

    def __post_init__(self) -> None:
        if self.pad < 0 or self.target_shifts < 1 or self.value_shifts < 1:
            raise ConfigError(
                "augmentation",
                f"pad is {self.pad}, target_shifts {self.target_shifts}, value_shifts {self.value_shifts}",
                "keep pad at least 0 and the others at least 1",
            )


def shift_all(key: jax.Array, images: Mapping[str, jax.Array], pad: int) -> dict[str, jax.Array]:
    """Every camera's frames (B, T, H, W, 3) shifted, each sample and each camera on its own."""
    rows = next(iter(images.values())).shape[0]
    offsets = draw_offsets(key, tuple(images), rows, pad)
    return {name: shift(frames, offsets[name], pad) for name, frames in images.items()}


def draw_offsets(key: jax.Array, names: Sequence[str], rows: int, pad: int) -> dict[str, jax.Array]:
    """Offsets (B, 2) of B = `rows` samples for each camera, as `shift` takes them."""
    keys = jax.random.split(key, len(names))
    return {
        name: jax.random.randint(k, (rows, 2), 0, 2 * pad + 1) for k, name in zip(keys, names, strict=True)
    }


def shift(frames: jax.Array, offsets: jax.Array, pad: int) -> jax.Array:
    """Crop each padded sample at its offset: (pad, pad) changes nothing.

    Args:
        frames: (B, ..., H, W, 3); the frames of one sample move alike.
        offsets: (B, 2) int32 in [0, 2 pad], rows and columns of the crop's corner.
        pad: pixels that are added on each side by repeating the edge.
    """
    if not pad:
        return frames
    *_, height, width, _ = frames.shape
    rows = jnp.clip(offsets[:, :1] + jnp.arange(height) - pad, 0, height - 1)
    columns = jnp.clip(offsets[:, 1:] + jnp.arange(width) - pad, 0, width - 1)

    def crop(sample: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
        return jnp.take(jnp.take(sample, rows, axis=-3), columns, axis=-2)

    return jax.vmap(crop)(frames, rows, columns)
