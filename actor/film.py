"""Film: the first episodes of an evaluation as a video, what the cameras showed beside the rendered view."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np

from actor.video import Picture, VideoWriter
from shared.step import Observation, Step

log = logging.getLogger(__name__)

LINGER_FRAMES = 5
"""For how long a film shows how an episode ended."""


class Film:
    """Films as long as the environment can be drawn. A context that finishes the file.

    Args:
        writer: where to; None films nothing.
        render: draws the environment as it is now, (H, W, 3) uint8 RGB.
        cameras: image entries to show beside it.
        episodes: how many are filmed.
    """

    def __init__(
        self, writer: VideoWriter | None, render: Callable[[], Any], cameras: Sequence[str], *, episodes: int
    ) -> None:
        self._writer = writer
        self._render = render
        self._cameras = tuple(cameras)
        self._episodes = episodes
        self._view: Picture | None = None

    def frame(self, episode: int, step: Step) -> None:
        """Film what came after this step. Cameras showed it only to the next one, so it is written then."""
        if self._writer is None or episode >= self._episodes:
            return
        caption = f"episode {episode + 1}"
        if self._view is not None:
            self._write(self._writer, self._view, step.observation, caption)
        try:
            self._view = np.asarray(self._render(), np.uint8)
        except gymnasium.error.Error as error:
            log.error("there is no video, and the evaluation goes on without it: %s", error)
            self._writer = None
            return
        if step.last:
            seen = step.observation if step.final_observation is None else step.final_observation
            for _ in range(LINGER_FRAMES):
                self._write(self._writer, self._view, seen, f"{caption}: {step.why}")
            self._view = None

    def _write(self, writer: VideoWriter, view: Picture, seen: Observation, caption: str) -> None:
        writer.write(view, caption, [np.asarray(seen[name], np.uint8) for name in self._cameras])

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, *unused: object) -> None:
        if self._writer is not None:
            self._writer.close()
