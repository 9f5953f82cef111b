"""The reward that a person gives: success or failure by a key, for tasks that only a person can judge.

A key says something about a frame: the newest one that was on the screen when it was pressed. So a label
belongs to the step that was chosen from that frame. Mostly that step is still in progress and takes the
label when it is judged. Where it is not, the label comes late: see `late` and `actor.late_labels`.
"""

import threading
from dataclasses import dataclass, replace

from actor.rewards.base import StepResult, Verdict
from actor.rewards.environment import EnvironmentReward
from shared.clock import Clock, SystemClock
from shared.step import Observation, Why


@dataclass(frozen=True, slots=True)
class Said:
    """What a person said, and when (monotonic seconds)."""

    success: bool
    at_seconds: float


class OperatorReward:
    """1 and the end on success, 0 and the end on failure, 0 at any other step.

    What the environment thinks of its state is left out, but for an ending: where it terminated by itself
    and the operator said nothing, its word stands, and a truncation stays one. Of several words about one
    step the last one counts.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._environment = EnvironmentReward()
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._said: Said | None = None
        self._judged = 0
        self._frame_seconds = self._clock.now()

    def label(self, success: bool, at_seconds: float | None = None) -> None:
        """Success or failure, any thread; `at_seconds` is when the key was pressed, if not just now."""
        with self._lock:
            self._said = Said(success, self._clock.now() if at_seconds is None else at_seconds)

    def begin(self, observation: Observation) -> None:
        """What was said before this episode is forgotten."""
        self._take()
        self._judged = 0
        self._frame_seconds = self._clock.now()

    def judge(self, result: StepResult) -> Verdict:
        """The operator's word, taken once; it may be about the step before this one."""
        said, shown = self._take(), self._frame_seconds
        self._judged += 1
        self._frame_seconds = self._clock.now()
        earlier = said is not None and said.at_seconds < shown
        if said is not None and not (earlier and self._judged == 1):  # before this episode's first frame
            return replace(_verdict(said), of_the_step_before=earlier)
        verdict = self._environment.judge(result)
        if verdict.terminated:
            return verdict
        return Verdict(reward=0.0, terms={"operator": 0.0}, truncated=verdict.truncated, why=verdict.why)

    def late(self, within_seconds: float) -> Verdict | None:
        """What was said since the last step was judged, taken once; None where that is longer ago."""
        said = self._take()
        if said is None or said.at_seconds - self._frame_seconds > within_seconds:
            return None
        return _verdict(said)

    def _take(self) -> Said | None:
        with self._lock:
            said, self._said = self._said, None
            return said


def _verdict(said: Said) -> Verdict:
    reward = float(said.success)
    why = Why.SUCCESS if said.success else Why.FAILURE
    return Verdict(reward=reward, terms={"operator": reward}, terminated=True, why=why, success=said.success)
