"""AugmentedSamples: a picture of what the first update call saw, each frame as sent and as shifted.

Rows are copied on the sampler's thread, a few frames once; drawing and writing have a thread of their own.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from learner.agents.augmentation import draw_offsets, shift
from learner.agents.randomness import Purpose, key_of
from learner.replay.maps import shift_offsets
from learner.replay.pools import Pools
from learner.replay.sampling import Plan

log = logging.getLogger(__name__)

AUGMENTED = "augmented.png"
SAMPLES = 8
MAX_WIDTH = 96
"""Widest a frame is shown, in pixels."""
GAP = 2
"""White pixels right of every frame and below it."""

Frames = NDArray[np.uint8]
Offsets = NDArray[np.int32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """N rows of the first minibatch of a call.

    Attributes:
        frames: (N, H, W, 3) uint8, the newest of each camera.
        places: (N,) where in the minibatch they are.
        motions: (N,) what names the shifts of their maps; see `MapCache.fill`.
        shifts: (C, N) which of these shifts was drawn for each camera; C is 0 where batches show frames.
        batch_size: of the minibatch.
        update: its number.
    """

    frames: Mapping[str, Frames]
    places: NDArray[np.int64]
    motions: NDArray[np.int64]
    shifts: NDArray[np.int64]
    batch_size: int
    update: int


OffsetsOf = Callable[[Samples], Mapping[str, Offsets]]
"""The offsets (N, 2) in [0, 2 pad] at which each camera's frames were cropped."""


class AugmentedSamples:
    """Writes the picture of the first call it is shown, unless it is there already.

    Args:
        path: a PNG file.
        pad: largest shift in pixels.
        offsets_of: how the samples were shifted: `cached_offsets` or `drawn_offsets`.
    """

    def __init__(self, path: Path, pad: int, offsets_of: OffsetsOf) -> None:
        self._path = path
        self._pad = pad
        self._offsets_of = offsets_of
        self._thread: threading.Thread | None = None
        self._done = path.exists()

    def show(self, update: int, plan: Plan, pools: Pools) -> None:
        """What the call that begins with this update draws. On the thread that owns the pools."""
        if not self._done:
            self._done = True
            samples = pick(update, plan, pools)
            self._thread = threading.Thread(target=self._draw, args=(samples,), daemon=True)
            self._thread.start()

    def close(self, deadline_seconds: float) -> None:
        """Wait for the picture, where one is being made."""
        if self._thread is not None:
            self._thread.join(deadline_seconds)

    def _draw(self, samples: Samples) -> None:
        shifted = seen(samples.frames, self._offsets_of(samples), self._pad)
        try:
            write_png(self._path, grid(samples.frames, shifted))
        except OSError as error:
            log.warning("there is no picture of augmented samples: %s", error)


def pick(update: int, plan: Plan, pools: Pools) -> Samples:
    """`SAMPLES` transitions, evenly over the plan's first minibatch: pinned ones first, as in the batch."""
    demos, rest = plan.pinned[0], plan.online[0]
    size = len(demos) + len(rest)
    places = np.linspace(0, size - 1, min(SAMPLES, size)).round().astype(np.int64)
    pinned, online = places[places < len(demos)], places[places >= len(demos)] - len(demos)
    first, first_motions = pools.pinned.frames(demos[pinned])
    second, second_motions = pools.online.frames(rest[online])
    return Samples(
        frames={name: np.concatenate((first[name], second[name])) for name in first},
        places=places,
        motions=np.concatenate((first_motions, second_motions)),
        shifts=plan.shifts[0, :, 0, places].T,
        batch_size=size,
        update=update,
    )


def cached_offsets(seed: int) -> OffsetsOf:
    """Those of cached maps; `seed` is the MapSource's."""

    def of(samples: Samples) -> Mapping[str, Offsets]:
        return {
            name: shift_offsets(seed, samples.motions, camera, samples.shifts[camera])
            for camera, name in enumerate(samples.frames)
        }

    return of


def drawn_offsets(seed: int, pad: int) -> OffsetsOf:
    """Those that an update draws for frames, the first of DrQ's M; `seed` is the agent's."""

    def of(samples: Samples) -> Mapping[str, Offsets]:
        seed_key = jax.random.key_data(jax.random.key(seed))
        key = jax.random.fold_in(key_of(seed_key, Purpose.SHIFT, jnp.int32(samples.update)), 0)
        offsets = draw_offsets(key, tuple(samples.frames), samples.batch_size, pad)
        return {name: np.asarray(of_camera)[samples.places] for name, of_camera in offsets.items()}

    return of


def seen(frames: Mapping[str, Frames], offsets: Mapping[str, Offsets], pad: int) -> dict[str, Frames]:
    """The frames after their shift."""
    return {
        name: np.asarray(shift(jnp.asarray(images), jnp.asarray(offsets[name]), pad))
        for name, images in frames.items()
    }


def grid(sent: Mapping[str, Frames], shifted: Mapping[str, Frames]) -> Frames:
    """Two rows for each camera, as sent and as seen; a column for each sample. (H, W, 3) uint8 RGB."""
    width = min(MAX_WIDTH, max(images.shape[2] for images in sent.values()))
    rows = [_row(images, width) for name in sent for images in (sent[name], shifted[name])]
    return np.vstack([np.concatenate(row, axis=1) for row in rows])


def _row(images: Frames, width: int) -> Frames:
    """(N, h, w, 3): each scaled to that width, and its gap."""
    import cv2  # not before training goes on

    size = (width, max(1, round(images[0].shape[0] * width / images[0].shape[1])))
    tiles = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in images]
    return np.pad(np.stack(tiles), ((0, 0), (0, GAP), (0, GAP), (0, 0)), constant_values=255)


def write_png(path: Path, image: Frames) -> None:
    """All of it or nothing."""
    import cv2

    _, png = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(png.tobytes())
    part.replace(path)
