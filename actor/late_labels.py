"""LateLabels: what a person says about a step that was produced already becomes a correction of it.

Mostly that is the last step of an episode that the time limit or the operator ended a moment ago.
"""

import logging
from typing import NamedTuple

from actor.rewards.base import DeniedReward, LabelledReward, RewardModel, Verdict
from actor.rollout import EpisodeOutcome
from actor.uplink import Uplink
from shared.errors import SpoolFull
from shared.step import StepId, Why

log = logging.getLogger(__name__)

LATE_SECONDS = 5.0
"""How long after the last frame of an episode a label still means it."""


TAKEN_BACK = Verdict(reward=0.0, truncated=True, why=Why.OPERATOR_ABORT)
"""What a success becomes that a person denies: the episode was cut short there."""


class Correction(NamedTuple):
    """A verdict on a step that was produced before."""

    target: StepId
    verdict: Verdict


class LateLabels:
    """Owned by the control thread. A correction that finds no room is kept and tried again.

    Args:
        judge: asked for what was said, where a person tells it.
        uplink: produces the corrections.
    """

    def __init__(self, judge: RewardModel, uplink: Uplink) -> None:
        self._judge = judge if isinstance(judge, LabelledReward) else None
        self._denied = judge if isinstance(judge, DeniedReward) else None
        self._success: tuple[int, StepId] | None = None
        self._uplink = uplink
        self._last: StepId | None = None
        self._unsent: list[Correction] = []

    def ended(self, outcome: EpisodeOutcome, episode: int) -> None:
        """From now on a label means the last step of this episode, unless nobody saw what it led to."""
        seen = outcome.length > 0 and outcome.why is not Why.FAULT
        self._last = self._name(episode, outcome.length - 1) if seen else None
        if outcome.success and self._last is not None and self._denied is not None:
            self._success = self._denied.successes, self._last

    def began(self) -> None:
        """From now on labels are for an episode that is played, and judged as it goes."""
        self._last = None

    def look(self) -> None:
        """Produce what was said since."""
        if self._judge is not None and self._last is not None:
            verdict = self._judge.late(LATE_SECONDS)
            if verdict is not None:
                self._unsent.append(Correction(self._last, verdict))
        self._take_back()
        self._send()

    def correct(self, episode: int, number: int, verdict: Verdict) -> None:
        """Produce a verdict on a step of the episode that is being played."""
        self._unsent.append(Correction(self._name(episode, number), verdict))
        self._send()

    def _take_back(self) -> None:
        """However long ago the success was: only one in an evaluation is none of ours."""
        denied = self._denied.denied() if self._denied is not None else None
        if denied is not None and self._success is not None and self._success[0] == denied:
            self._unsent.append(Correction(self._success[1], TAKEN_BACK))

    def _name(self, episode: int, number: int) -> StepId:
        return StepId(*self._uplink.stream, episode, number)

    def _send(self) -> None:
        while self._unsent:
            target, verdict = self._unsent[0]
            try:
                self._uplink.amend(
                    target,
                    reward=verdict.reward,
                    terminated=verdict.terminated,
                    truncated=verdict.truncated,
                    why=verdict.why,
                )
            except SpoolFull as full:
                log.debug("a correction waits for room: %s", full)
                return
            self._unsent.pop(0)
            log.info("step %d of episode %d was called a %s", target.step, target.episode, verdict.why)
