"""DemoSession: attempt after attempt, until enough demonstrations are kept or somebody says stop.

An attempt that ended is not written before the next one begins: until then a person can discard it, ask for
the same start again, or say by a label what became of it. An attempt that the robot broke counts for nothing.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from actor.choosers import Chooser
from actor.demonstrations.earlier import cover
from actor.demonstrations.tally import Tally
from actor.episode import relabelled
from actor.late_labels import LateLabels
from actor.live_view import Show
from actor.mending import Mending
from actor.operating.robot_operator import Operator
from actor.outcome import EpisodeOutcome
from actor.recording import Recording
from actor.rewards.base import Verdict
from actor.rollout import EpisodeHooks
from actor.stop import StopSignal
from actor.world import World
from shared.errors import RobotFault
from shared.step import Step, StepId, Why

log = logging.getLogger(__name__)

SECOND_THOUGHTS_SECONDS = 5.0
"""How long the last demonstration can still be discarded, done again or labelled."""
KEYS = "d discard | z once more from the same start"

Wish = Literal["discard", "again"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a session ends, and what it keeps.

    Attributes:
        episodes: demonstrations to keep, those from before included.
        attempts: give up after so many that failed; None never does.
        keep_failures: whether failures are kept too.
        seconds_to_think: how long the last one waits for a person's second thoughts.
    """

    episodes: int
    attempts: int | None
    keep_failures: bool
    seconds_to_think: float


@dataclass(kw_only=True)
class Attempt:
    """One that came to an end.

    Attributes:
        written: its last step in the file; None before.
    """

    seed: int
    steps: list[Step]
    outcome: EpisodeOutcome
    written: StepId | None = None


class DemoSession:
    """Owned by the control thread, but for the keys.

    Args:
        seeds: of start states that were not demonstrated yet, without end.
    """

    def __init__(
        self,
        limits: Limits,
        world: World,
        chooser: Chooser,
        recording: Recording,
        tally: Tally,
        operator: Operator,
        stop: StopSignal,
        seeds: Iterator[int],
        show: Show = lambda step, episode, number: None,
    ) -> None:
        self._limits, self._world, self._chooser = limits, world, chooser
        self._recording, self._tally = recording, tally
        self._operator, self._stop, self._show = operator, stop, show
        self._mending = Mending(world.rollout, operator, stop)
        self._late_labels = LateLabels()
        self._seeds = seeds
        self._seed = next(seeds)
        self._wish: Wish | None = None
        self._running = self._waiting = False
        self._steps: list[Step] = []
        self._pending: Attempt | None = None
        operator.bind({"d": self._wishing("discard"), "z": self._wishing("again")}, KEYS)

    def run(self) -> None:
        """Record until there are enough, too many attempts failed, or somebody says stop.

        Raises:
            EpisodeFileError: the disk does not take a demonstration; those before it are kept.
        """
        while not self._over():
            while not self._over(pending=True):
                self._operator.between_episodes(self._world.rollout.hold)
                self._attempt()
            self._think_again()
            self._settle()

    def _over(self, *, pending: bool = False) -> bool:
        kept = self._tally.kept + (pending and self._pending is not None and self._worth(self._pending))
        gave_up = self._limits.attempts is not None and self._tally.failed >= self._limits.attempts
        return kept >= self._limits.episodes or gave_up or self._stop.cause is not None

    def _attempt(self) -> None:
        self._steps = []
        seed = self._seed
        hooks = EpisodeHooks(
            begun=self._begun, interrupted=self._interrupted, keep=self._keep, correct=self._correct
        )
        outcome = self._world.rollout.play(self._chooser, seed, hooks)
        self._running = False
        if isinstance(outcome.fault, RobotFault):
            self._tally.broken += 1
            self._mending.wait(outcome)
            self._next_start("again" if self._pending else self._take_wish() or "again")
        elif outcome.fault is not None:
            log.error("the attempt from start seed %d broke off: %s", seed, outcome.fault)
            self._tally.failed += 1
            self._next_start(None)
        else:
            self._mending.sound()
            self._ended(Attempt(seed=seed, steps=self._steps, outcome=outcome))

    def _ended(self, attempt: Attempt) -> None:
        if not attempt.steps:
            self._next_start(self._take_wish())
        elif (wish := self._take_wish()) is not None:
            self._tally.discarded += 1
            self._next_start(wish)
        elif attempt.outcome.success or self._stop.cause is None:
            self._pending = attempt
            self._late_labels.ended(
                attempt.outcome, self._world.judge, lambda verdict: self._overrule(attempt, verdict)
            )
            self._next_start(None)

    def _begun(self) -> Why | None:
        """The next start is ready: what ended before it is decided now; why not to begin, or None."""
        self._waiting = True
        asked = self._operator.begun(self._idle)
        self._waiting = False
        if self._settle() == "again":
            self._wish = "again"
            return Why.OPERATOR_ABORT
        self._running = True
        return asked or self._stopped()

    def _interrupted(self) -> Why | None:
        return self._operator.after_step(self._world.rollout.hold) or self._stopped()

    def _stopped(self) -> Why | None:
        return Why.OPERATOR_ABORT if self._stop.cause is not None else None

    def _keep(self, step: Step, number: int) -> None:
        self._steps.append(step)
        self._show(step, self._tally.kept, number)

    def _correct(self, number: int, verdict: Verdict) -> None:
        self._steps[number] = relabelled(self._steps[number], verdict)

    def _idle(self) -> None:
        self._world.rollout.hold()
        self._late_labels.look()

    def _overrule(self, attempt: Attempt, verdict: Verdict) -> None:
        """What a person says now of an attempt that ended a moment ago, or that was a success before."""
        attempt.steps[-1] = relabelled(attempt.steps[-1], verdict)
        attempt.outcome = attempt.outcome.overruled(verdict)
        if attempt.written is not None:
            self._recording.amend(attempt.written, verdict)
            self._tally.deny(len(attempt.steps), keep=self._limits.keep_failures)

    def _settle(self) -> Wish | None:
        """Write the attempt that ended last, or drop it; what a person wished for it."""
        self._late_labels.look()
        self._late_labels.began()
        attempt, self._pending = self._pending, None
        wish = self._take_wish()
        if attempt is None:
            return None
        if wish is not None:
            self._tally.discarded += 1
            if wish == "again":
                self._seed = attempt.seed
        elif self._worth(attempt):
            self._write(attempt)
        else:
            self._tally.failed += 1
        return wish

    def _write(self, attempt: Attempt) -> None:
        attempt.written = self._recording.add(attempt.steps, attempt.seed)
        self._tally.keep(len(attempt.steps), attempt.outcome.success)
        cover(self._tally.coverage, self._world, attempt.seed)

    def _worth(self, attempt: Attempt) -> bool:
        return self._limits.keep_failures or attempt.outcome.success

    def _think_again(self) -> None:
        """Whoever demonstrates may regret the last one; nothing is stepped meanwhile."""
        left = self._limits.seconds_to_think
        if self._pending is None or left <= 0.0 or self._stop.cause is not None:
            return
        self._operator.call(f"that was the last one; within {left:g} s: {KEYS}")
        turn = 0.1
        while left > 0.0 and self._wish is None and self._stop.cause is None:
            self._idle()
            self._stop.wait(turn)
            left -= turn

    def _next_start(self, wish: Wish | None) -> None:
        if wish != "again":
            self._seed = next(self._seeds)

    def _take_wish(self) -> Wish | None:
        wish, self._wish = self._wish, None
        return wish

    def _wishing(self, wish: Wish) -> Callable[[], None]:
        def pressed() -> None:
            self._wish = wish
            regretted = self._waiting and self._pending is not None and wish == "again"
            if self._running or regretted:
                self._operator.press("a")

        return pressed
