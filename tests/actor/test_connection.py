"""Parting from a learner that is there, gone for a moment, gone for good, or was never met."""

from typing import Any, cast

import pytest

from actor.connection import Connection
from shared.clock import ManualClock
from shared.delivery import DeliveryCounters


class RedialledSession:
    """Is connected from one moment on."""

    def __init__(self, clock: ManualClock, back_at: float, *, met: bool = True) -> None:
        self._clock, self._back_at, self._met = clock, back_at, met

    @property
    def connected(self) -> bool:
        return self._clock.now() >= self._back_at

    def welcomed(self, timeout_seconds: float) -> bool:
        return self._met

    def check(self) -> None:
        pass

    def goodbye(self, deadline_seconds: float) -> DeliveryCounters | None:
        assert deadline_seconds > 0
        return DeliveryCounters(produced=3, received=3, durable=3, duplicate=0, lost=0)


@pytest.mark.parametrize(
    ("back_at", "met", "told", "seconds"),
    [(0.0, True, True, 0.0), (4.0, True, True, 4.0), (99.0, True, False, 15.0), (99.0, False, False, 0.0)],
)
def test_parting_waits_for_a_link_that_is_redialled(
    back_at: float, met: bool, told: bool, seconds: float
) -> None:
    clock = ManualClock()
    session = cast(Any, RedialledSession(clock, back_at, met=met))
    counters = Connection(uplink=cast(Any, None), session=session, feed=cast(Any, None), clock=clock).part(
        15.0
    )
    assert counters.get("durable") == (3 if told else None)
    assert clock.now() == pytest.approx(seconds, abs=0.1)
