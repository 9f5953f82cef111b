"""The loop of a capture process, in this process: what it does with a source that breaks."""

import logging
import os
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.capture import RUNGS, STOP, Capture
from robot_env.cameras.frame_ring import FrameLayout, FrameRing
from robot_env.cameras.ladder import Rung
from robot_env.cameras.sources.base import RawFrame, SourceFault
from robot_env.cameras.sources.software import moving_pattern


class Unclosing:
    """Delivers after `open`, and says of every `close` that it went wrong, as a broken pipeline does."""

    description, depth_scale = "a camera", 0.0
    intrinsics: Intrinsics | None = None

    def __init__(self, then: Callable[[int], None]) -> None:
        self.opened = self.closed = self.number = 0
        self._then, self._there = then, False

    def open(self) -> None:
        self.opened += 1
        self._there = True

    def read(self, seconds: float) -> RawFrame | None:
        self.number += 1
        self._then(self.number)
        if not self._there:
            raise SourceFault("it is closed -> open it")
        return RawFrame(image=moving_pattern(self.number, 48, 64), number=self.number)

    def restart(self) -> None:
        self.open()

    def hardware_reset(self) -> None:
        self.open()

    def close(self) -> None:
        self.closed += 1
        self._there = False
        raise SourceFault("its pipeline does not stop: it is broken")


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    made = FrameRing(FrameLayout(height=48, width=64))
    yield made
    made.close()


def test_a_source_that_does_not_close_is_opened_anew_and_told_of(ring, caplog) -> None:
    caplog.set_level(logging.WARNING)

    def order(number: int) -> None:
        orders = {3: RUNGS + Rung.REOPEN, 6: 2 * RUNGS + STOP}
        ring.set_word("asked", orders.get(number, ring.word("asked")))

    source = Unclosing(order)
    Capture(source, ring).run(os.getppid())
    assert (source.opened, source.closed, source.number) == (2, 2, 6)
    assert (ring.word("done"), ring.word("opened"), ring.text("complaint")) == (RUNGS + Rung.REOPEN, 1, "")
    newest = ring.newest()
    assert newest is not None
    assert np.array_equal(newest.image, moving_pattern(6, 48, 64))
    assert caplog.text.count("its pipeline does not stop") == 2
