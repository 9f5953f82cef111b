"""Keeping: what is left of one policy's evaluation: every step, strips of what the cameras showed, a film."""

import logging
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from actor.episode import relabelled
from actor.evaluating.config import EvalConfig
from actor.film import Film
from actor.live_view import Show
from actor.outcome import EpisodeOutcome
from actor.recording import Recording
from actor.rewards.base import Verdict, name_of
from actor.strips import Strips
from actor.video import VideoWriter
from actor.world import World
from shared.policy.vision import cameras
from shared.step import EpisodeKind, Step, StepId

STRIPS = "strips"
"""Directory of the strips."""
EPISODES = "evaluation.mcap"
RESULT = "evaluation.json"

log = logging.getLogger(__name__)


class Keeping:
    """A context that finishes the files.

    Args:
        out: directory for `evaluation.mcap` and the strips; what an interrupted evaluation left is set aside.
        video: file to film into; None films nothing.
        show: takes each step for a live look.

    Raises:
        EpisodeFileError: there is an evaluation in the directory already.
    """

    def __init__(self, config: EvalConfig, world: World, out: Path, video: Path | None, show: Show) -> None:
        self._show = show
        self._episode = 0
        self._steps: list[Step] = []
        self._open = ExitStack()
        _set_aside(out)
        self._recording = self._open.enter_context(
            Recording(
                out / EPISODES,
                world.interface,
                actor_id="eval",
                kind=EpisodeKind.EVALUATION,
                judge=name_of(world.judge),
            )
        )
        self._strips = Strips(out / STRIPS, world.interface)
        self._film = self._open.enter_context(_film(config, world, video))

    def step(self, step: Step, number: int) -> None:
        """One step of the episode that goes on."""
        self._steps.append(step)
        self._film.frame(self._episode, step)
        self._show(step, self._episode, number)

    def correct(self, number: int, verdict: Verdict) -> None:
        """A later verdict on a step that was kept."""
        self._steps[number] = relabelled(self._steps[number], verdict)

    def broken(self) -> None:
        """The episode that went on counts for nothing."""
        self._steps.clear()

    def ended(self, outcome: EpisodeOutcome) -> StepId | None:
        """The episode came to an end: write it, or nothing where nobody acted; the name of its last step."""
        last = None
        if self._steps:
            last = self._recording.add(self._steps, outcome.start_seed)
            self._strips.add(outcome, self._steps)
        self._steps.clear()
        self._episode += 1
        return last

    def amend(self, target: StepId, verdict: Verdict) -> None:
        """A later verdict on a step that was written."""
        self._recording.amend(target, verdict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)


def _set_aside(out: Path) -> None:
    """Episodes without a result are those of an interrupted evaluation: keep them by another name."""
    left = out / EPISODES
    if not left.exists() or (out / RESULT).exists():
        return
    names = (left.with_stem(f"interrupted-{number}") for number in count(1))
    aside = left.rename(next(name for name in names if not name.exists()))
    log.warning("an evaluation was interrupted here: its episodes are now %s", aside)


def _film(config: EvalConfig, world: World, video: Path | None) -> Film:
    writer = None
    if video is not None:
        hz = world.interface.control_hz
        writer = VideoWriter(video, frames_per_second=hz, size=config.video_size)
    return Film(writer, world.env.render, cameras(world.interface), episodes=config.video_episodes)
