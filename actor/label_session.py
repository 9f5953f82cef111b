"""A session of recording labelled frames: episode after episode until there is enough of every class."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from actor.choosers import Chooser
from actor.labelling import Labels
from actor.live_view import Show
from actor.operating.robot_operator import Operator
from actor.recording import Recording
from actor.rollout import EpisodeHooks, Rollout
from actor.seeds import start_seed
from actor.stop import StopSignal
from shared.step import Step, Why

log = logging.getLogger(__name__)

FAULTS = 5
"""Give up after so many faulty episodes in a row."""
HINT_FROM = 20
NEAR_SHARE = 0.25
"""Share of near misses among failures below which the person is told to come closer."""
LOOKS_PER_SECOND = 2


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How much is wanted.

    Attributes:
        title: what is recorded.
        frames: of each class.
        episodes, episode_steps: at most.
        seed: of the start states.
    """

    title: str
    frames: tuple[int, ...]
    episodes: int
    episode_steps: int
    seed: int

    def enough(self, labels: Labels) -> bool:
        """Whether all of it is there."""
        return not self.missing(labels)

    def missing(self, labels: Labels) -> list[str]:
        """The classes of which frames are still wanted."""
        numbered = enumerate(zip(labels.classes, self.frames, strict=True))
        return [name for number, (name, wanted) in numbered if labels.counts[number] < wanted]


class LabelSession:
    """Plays and records; each step is on its way to the disk before the next is chosen."""

    def __init__(
        self,
        wanted: Wanted,
        rollout: Rollout,
        labels: Labels,
        recording: Recording,
        operator: Operator,
        stop: StopSignal,
        show: Show,
    ) -> None:
        self._wanted, self._rollout, self._labels, self._recording = wanted, rollout, labels, recording
        self._operator, self._stop, self._show = operator, stop, show

    def run(self, chooser: Chooser) -> None:
        """Until there is enough, or somebody says stop.

        Raises:
            ObservationError: too many episodes in a row were faulty.
            EpisodeFileError: the disk takes no more; what was recorded stays.
        """
        faults = 0
        for episode in range(self._wanted.episodes):
            self._operator.between_episodes(self._rollout.hold)
            if self._stop.cause is not None or self._wanted.enough(self._labels):
                return
            seed = start_seed(self._wanted.seed, "labels", episode)
            outcome = self._rollout.play(chooser, seed, self._hooks(episode))
            self._recording.end()
            faults = faults + 1 if outcome.fault is not None else 0
            if outcome.fault is not None:
                log.error("episode %d broken off: %s", episode, outcome.fault)
                if faults >= FAULTS:
                    raise outcome.fault

    def _hooks(self, episode: int) -> EpisodeHooks:
        made = 0

        def interrupted() -> Why | None:
            nonlocal made
            made += 1
            asked = self._operator.after_step(self._rollout.hold)
            over = made >= self._wanted.episode_steps or self._wanted.enough(self._labels)
            return asked or (Why.OPERATOR_ABORT if over or self._stop.cause else None)

        def keep(step: Step, number: int) -> None:
            self._recording.append([step], number)
            self._show(step, episode, number)

        return EpisodeHooks(
            begun=lambda: self._operator.begun(self._rollout.hold), interrupted=interrupted, keep=keep
        )


@contextmanager
def board(operator: Operator, wanted: Wanted, labels: Labels) -> Iterator[None]:
    """The balance on the terminal while it grows: above the operator's line, or by itself."""
    operator.board = lambda: as_table(wanted, labels)
    operator.describe = lambda: f"label {labels.current} | {hint(wanted, labels)}"
    console = Console()
    if operator.present or not console.is_terminal:
        yield
        return
    with Live(
        get_renderable=operator.board, console=console, refresh_per_second=LOOKS_PER_SECOND, transient=True
    ):
        yield


def as_table(wanted: Wanted, labels: Labels) -> Table:
    """How many frames there are of each class."""
    table = Table(title=wanted.title, show_header=False)
    for number, (name, count) in enumerate(zip(labels.classes, wanted.frames, strict=True)):
        table.add_row(name, f"{labels.counts[number]} of {count} frames")
    table.add_row("near misses", f"{labels.near_misses} of the {labels.classes[0]} frames")
    return table


def hint(wanted: Wanted, labels: Labels) -> str:
    """What is missing most."""
    failures, successes = labels.counts[0], labels.counts[len(labels.classes) - 1]
    if successes >= HINT_FROM and labels.near_misses < NEAR_SHARE * failures:
        return "come close without succeeding: near misses are what a classifier is fooled by"
    missing = wanted.missing(labels)
    return f"wanted: {', '.join(missing)}" if missing else "enough of everything"
