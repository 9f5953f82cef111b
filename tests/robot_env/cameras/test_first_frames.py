"""The first picture of an episode: after the reset, and after a camera that is being mended."""

import numpy as np
import pytest

from robot_env.cameras.base import Frame
from robot_env.cameras.freshness import FreshFrames
from shared.clock import ManualClock
from shared.errors import ObservationError, RobotFault
from shared.interface import ObservationEntry

FAULT = RobotFault("camera 'wrist'", "it does not deliver", "check its cable")


class Slow:
    """A camera at 10 frames/s, whose frames take 0.04 s, and that fails between two moments."""

    entry = ObservationEntry(name="wrist/image", shape=(2, 2, 3), dtype="uint8")
    crop = intrinsics = None

    def __init__(
        self, clock: ManualClock, fails: tuple[float, float] = (0.0, 0.0), stops: float = 1e9
    ) -> None:
        self.clock, self.fails, self.stops = clock, fails, stops

    def read(self) -> Frame:
        now = self.clock.now()
        if self.fails[0] <= now < self.fails[1]:
            raise FAULT
        number = int((min(now, self.stops) - 0.04) * 10)
        return Frame(
            image=np.full((2, 2, 3), number % 256, np.uint8), time_seconds=number / 10, number=number
        )

    def close(self) -> None:
        """Nothing is held."""


def test_the_first_picture_was_taken_after_the_call() -> None:
    clock = ManualClock(start=5.05)
    frames = FreshFrames(Slow(clock), clock, 0.2)
    assert frames.first()[0, 0, 0] == 51
    assert 5.14 <= clock.now() < 5.16
    with pytest.raises(ObservationError, match="repeats"):
        frames.next()


def test_a_fault_is_waited_out() -> None:
    clock = ManualClock(start=5.0)
    frames = FreshFrames(Slow(clock, fails=(4.0, 9.0)), clock, 0.2)
    assert frames.first(10.0)[0, 0, 0] >= 89
    assert 9.0 <= clock.now() < 9.3


def test_a_fault_that_lasts_is_raised_when_patience_ends() -> None:
    clock = ManualClock(start=5.0)
    with pytest.raises(RobotFault, match="does not deliver"):
        FreshFrames(Slow(clock, fails=(4.0, 99.0)), clock, 0.2).first(3.0)
    assert 8.0 < clock.now() < 8.1


def test_frames_that_stay_old_are_refused() -> None:
    clock = ManualClock(start=5.0)
    with pytest.raises(ObservationError, match=r"s old, allowed are 0\.2 s"):
        FreshFrames(Slow(clock, stops=4.0), clock, 0.2).first()
    assert clock.now() < 7.0


def test_during_an_episode_a_fault_is_raised_at_once() -> None:
    clock = ManualClock(start=5.0)
    frames = FreshFrames(Slow(clock, fails=(6.0, 99.0)), clock, 0.2)
    frames.first()
    clock.sleep_until(6.0)
    with pytest.raises(RobotFault):
        frames.next()
    assert clock.now() == 6.0
