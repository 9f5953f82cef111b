"""BothWays: two tasks that undo each other, practised in turns on one bench without setting the scene anew.

After every trial, done or out of time, it is the other task's turn; one that is done already where it should
begin is passed over. Where neither gets on any more, the scene is set anew: on a real arm by a person.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from actor.both_ways_config import BothWaysConfig
from actor.outcome import EpisodeOutcome
from actor.practice import Practice
from actor.rollout import Rollout
from actor.stop import StopSignal

log = logging.getLogger(__name__)

RECENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One attempt at one of the tasks.

    Attributes:
        scene_kept: whether it began where the trial before it had left things.
    """

    task: str
    success: bool
    length: int
    scene_kept: bool


@dataclass(frozen=True, kw_only=True)
class Way:
    """One of the two tasks."""

    task: str
    practice: Practice
    rollout: Rollout


class BothWays:
    """On the control thread of one actor.

    Args:
        config: when to stop, and when to call somebody.
        ways: forward and back.
        stop: ends it, and is set once there were enough trials.
        call: calls somebody to set the scene.

    Attributes:
        trials: all of this life, in order.
    """

    def __init__(
        self, config: BothWaysConfig, ways: Sequence[Way], stop: StopSignal, call: Callable[[str], None]
    ) -> None:
        self.trials: list[Trial] = []
        self._config, self._ways, self._stop, self._call = config, tuple(ways), stop, call
        self._turn = 0
        self._keep_scene = False  # nobody knows what a new process finds
        self._stuck_from = 0  # trials before this one were answered for

    def run(self) -> None:
        """Practise until there is a cause to stop; raises what `Practice.run` raises."""
        while self._stop.cause is None:
            self._trial(self._ways[self._turn])
            if self._config.trials is not None and len(self.trials) >= self._config.trials:
                self._stop.set(f"{len(self.trials)} trials were made")
        for way in self._ways:
            way.practice.conclude()

    def describe(self) -> str:
        """How both stand, in one line."""
        recent = ", ".join(f"{way.task} {self._rate(way.task)}" for way in self._ways)
        return f"{len(self.trials)} trials | {recent} | {self._ways[self._turn].practice.describe()}"

    def _trial(self, way: Way) -> None:
        number = len(self.trials)

        def overruled(outcome: EpisodeOutcome) -> None:
            self.trials[number] = replace(self.trials[number], success=outcome.success)

        way.rollout.keep_scene = self._keep_scene
        outcome = way.practice.turn(lambda: way.rollout.solved, overruled)
        if outcome is None or outcome.fault is not None:
            return  # there was no policy, or the robot failed: the same again
        kept, self._keep_scene = self._keep_scene, True
        if outcome.length:
            self._count(way, outcome, kept)
        if self._stop.cause is None:
            self._turn = 1 - self._turn

    def _count(self, way: Way, outcome: EpisodeOutcome, kept: bool) -> None:
        self.trials.append(
            Trial(task=way.task, success=outcome.success, length=outcome.length, scene_kept=kept)
        )
        if self._stuck:
            way.practice.await_success(lambda: not self._stuck)
        if self._stuck:
            self._stuck_from, self._keep_scene = len(self.trials), False
            log.warning("%d trials in a row failed: the scene is set anew", self._config.stuck_trials)
            self._call("neither way gets on any more: put the scene in order")

    @property
    def _stuck(self) -> bool:
        recent = self.trials[self._stuck_from :][-self._config.stuck_trials :]
        return len(recent) == self._config.stuck_trials and not any(trial.success for trial in recent)

    def _rate(self, task: str) -> str:
        recent = deque((trial.success for trial in self.trials if trial.task == task), maxlen=RECENT)
        return f"{sum(recent)}/{len(recent)}" if recent else "-"


def summary_of(trials: Sequence[Trial]) -> dict[str, object]:
    """For JSON: how many of each task succeeded, altogether and of late, and how often the scene was set."""
    tasks = dict.fromkeys(trial.task for trial in trials)
    return {
        "trials": len(trials),
        "scenes_set": sum(not trial.scene_kept for trial in trials),
        "tasks": {task: _counts([t for t in trials if t.task == task]) for task in tasks},
    }


def _counts(trials: Sequence[Trial]) -> dict[str, object]:
    recent = trials[-RECENT:]
    return {
        "trials": len(trials),
        "successes": sum(trial.success for trial in trials),
        "recent_trials": len(recent),
        "recent_success_rate": sum(trial.success for trial in recent) / len(recent),
    }
