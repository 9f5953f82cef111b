"""Mending: after an arm, a gripper or a camera failed, when it may be tried again.

The same wait for practice, demonstrations and evaluation: what failed says nothing about who acted, so the
episode counts for nobody.
"""

import logging
from collections.abc import Callable

from actor.operating.robot_operator import Operator
from actor.outcome import EpisodeOutcome
from actor.rollout import Rollout
from actor.stop import StopSignal
from shared.clock import Clock, SystemClock
from shared.errors import PersonNeeded

log = logging.getLogger(__name__)

REST_SECONDS = 0.1
FIRST_TURN_SECONDS = 2.0
MAX_TURN_SECONDS = 30.0
"""How long until the next attempt, longer each time."""


class Mending:
    """What failed may be mended, by its own ladder or by a person: nobody gives up on it.

    Args:
        rollout: recovers the arm once a person consents.
        operator: called, and asked for consent.
        stop: ends any wait.
        clock: monotonic seconds.
        rest: one short wait that sends nothing to the arm, whose own watchdog ends its motion.
    """

    def __init__(
        self,
        rollout: Rollout,
        operator: Operator,
        stop: StopSignal,
        clock: Clock | None = None,
        rest: Callable[[], None] | None = None,
    ) -> None:
        self._rollout, self._operator, self._stop = rollout, operator, stop
        self._clock = clock or SystemClock()
        self._rest = rest or self._sleep
        self._faults = 0

    def sound(self) -> None:
        """An episode went well: the next fault is a first one."""
        self._faults = 0

    def wait(self, outcome: EpisodeOutcome) -> None:
        """Return when it may be tried again, or when there is a cause to stop.

        What a person has to look at first is not tried without them.
        """
        fault = outcome.fault
        self._faults = 1 if outcome.length > 1 else self._faults + 1
        log.error("the robot broke the episode from start seed %d: %s", outcome.start_seed, fault)
        turn = min(FIRST_TURN_SECONDS * self._faults, MAX_TURN_SECONDS)
        deadline = self._clock.now() + turn
        self._operator.call(f"{fault}\nc: you have looked at the arm and freed it")
        while self._stop.cause is None:
            if self._operator.consented():
                self._rollout.recover()
                return
            if self._clock.now() >= deadline and not isinstance(fault, PersonNeeded):
                return
            self._rest()

    def _sleep(self) -> None:
        self._stop.wait(REST_SECONDS)
