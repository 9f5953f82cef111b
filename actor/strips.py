"""Strips: what the cameras showed over an episode, as one small picture, for a few episodes."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actor.outcome import EpisodeOutcome
from shared.interface import InterfaceSpec
from shared.policy.vision import cameras
from shared.step import Observation, Step

FRAMES = 8
"""Frames of each camera in a strip, from the first to the last of the episode; fewer where it was shorter."""
EACH = 3
"""Of so many successes, and of so many failures, the first ones."""
MAX_WIDTH = 96
"""Widest a frame is shown, in pixels."""
GAP = 2
"""White pixels right of every frame and below it."""
JPEG_QUALITY = 85

Picture = NDArray[np.uint8]


class Strips:
    """Keeps the strips of the first successes and of the first failures in a directory.

    A strip is `<start seed>.jpg`; those of an earlier evaluation go. There are none of an interface without
    cameras.
    """

    def __init__(self, directory: Path, interface: InterfaceSpec) -> None:
        self._directory = directory
        self._cameras = cameras(interface)
        self._left = {True: EACH, False: EACH}
        for path in directory.glob("*.jpg"):
            if path.stem.isdecimal():
                path.unlink()

    def add(self, outcome: EpisodeOutcome, steps: Sequence[Step]) -> None:
        """Keep the strip of this whole episode, if it is among the first of its kind."""
        if not self._cameras or not steps or not self._left[outcome.success]:
            return
        self._left[outcome.success] -= 1
        _, jpeg = cv2.imencode(
            ".jpg",
            cv2.cvtColor(strip(steps, self._cameras), cv2.COLOR_RGB2BGR),
            [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
        )
        self._directory.mkdir(parents=True, exist_ok=True)
        (self._directory / f"{outcome.start_seed}.jpg").write_bytes(jpeg.tobytes())


def strip(steps: Sequence[Step], names: Sequence[str]) -> Picture:
    """A row of evenly spaced frames for each camera, uint8 RGB: time from left to right.

    All frames are as wide as the widest camera's, at most `MAX_WIDTH` pixels.
    """
    seen = evenly(observations(steps))
    width = min(MAX_WIDTH, max(seen[0][name].shape[1] for name in names))
    return np.vstack(
        [np.hstack([scaled(np.asarray(look[name], np.uint8), width) for look in seen]) for name in names]
    )


def observations(steps: Sequence[Step]) -> list[Observation]:
    """All that was observed in an episode, what followed its last step included."""
    final = steps[-1].final_observation
    return [step.observation for step in steps] + ([] if final is None else [final])


def evenly(seen: Sequence[Observation]) -> list[Observation]:
    """At most `FRAMES` of them, the first and the last always."""
    count = min(FRAMES, len(seen))
    return [seen[round(place)] for place in np.linspace(0, len(seen) - 1, count)]


def scaled(frame: Picture, width: int) -> Picture:
    """`width` pixels wide, of the frame's proportions, and its gap."""
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    picture = cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)
    return np.pad(np.asarray(picture, np.uint8), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
