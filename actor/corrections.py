"""Corrections: later verdicts on steps that were produced already, on their way to the learner."""

import logging
from typing import NamedTuple

from actor.rewards.base import Verdict
from actor.uplink import Uplink
from shared.errors import SpoolFull
from shared.step import StepId

log = logging.getLogger(__name__)


class Correction(NamedTuple):
    """A verdict on a step that was produced before."""

    target: StepId
    verdict: Verdict


class Corrections:
    """Owned by the control thread. One that finds no room is kept and tried again."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._unsent: list[Correction] = []

    def add(self, episode: int, number: int, verdict: Verdict) -> None:
        """Produce a verdict on this step of this episode."""
        self._unsent.append(Correction(StepId(*self._uplink.stream, episode, number), verdict))
        self.send()

    def send(self) -> None:
        """Try those again that found no room, in their order."""
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
