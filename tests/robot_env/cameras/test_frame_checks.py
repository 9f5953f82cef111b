"""What may be shown, and when it was taken."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.cameras.device_clock import DeviceClock
from robot_env.cameras.frame_judge import FrameJudge
from robot_env.cameras.sources.base import RawFrame

IMAGE = np.zeros((4, 6, 3), np.uint8)


def raw(number: int, seconds: float | None = None, image: np.ndarray = IMAGE) -> RawFrame:
    return RawFrame(image=image, number=number, device_time_seconds=seconds)


@pytest.mark.parametrize(
    ("second", "complaint"),
    [
        (raw(8, 1.1), ""),
        (raw(7, 1.1), "repeats: 7 after 7"),
        (raw(3, 1.1), "goes back: 3 after 7"),
        (raw(8, 1.0), "clock stands still at 1.0 s"),
        (raw(8, 0.5), "clock stands still"),
        (raw(8, None), ""),
        (raw(8, 1.1, IMAGE[:2]), r"uint8[2, 6, 3], not uint8[4, 6, 3]"),
        (raw(8, 1.1, IMAGE.astype(np.float32)), "float32"),
    ],
)
def test_only_a_newer_frame_may_be_shown(second: RawFrame, complaint: str) -> None:
    judge = FrameJudge(4, 6)
    assert judge.complaint(raw(7, 1.0)) == ""
    said = judge.complaint(second)
    assert complaint in said
    assert bool(said) == bool(complaint)


def test_after_a_lie_the_truth_is_believed_again() -> None:
    judge = FrameJudge(4, 6)
    said = [judge.complaint(raw(number)) for number in (5, 4, 5, 6)]
    assert [bool(each) for each in said] == [False, True, True, False]


def test_a_stream_that_was_started_anew_may_count_from_the_beginning() -> None:
    judge = FrameJudge(4, 6)
    judge.complaint(raw(100, 50.0))
    judge.forget()
    assert judge.complaint(raw(1, 0.1)) == ""


def test_gaps_are_counted() -> None:
    judge = FrameJudge(4, 6)
    for number in (1, 2, 5, 6, 10):
        judge.complaint(raw(number))
    assert judge.dropped == 5


@given(
    st.floats(-1e6, 1e6),
    st.lists(st.floats(0.0, 0.3), min_size=1, max_size=50),
)
def test_a_frame_is_as_old_as_it_waited_longer_than_the_quickest(offset: float, delays: list[float]) -> None:
    clock, quickest = DeviceClock(), float("inf")
    for index, delay in enumerate(delays):
        device, arrival = index / 30.0 + offset, index / 30.0 + delay
        quickest = min(quickest, delay)
        taken = clock.taken_at(device, arrival)
        assert taken <= arrival + 1e-9
        assert arrival - taken == pytest.approx(delay - quickest, abs=1e-8)


def test_a_clock_that_drifts_is_followed() -> None:
    clock = DeviceClock(window_frames=300)
    for index in range(9000):  # five minutes, 100 parts in a million
        arrival = index / 30.0
        taken = clock.taken_at(arrival * 1.0001, arrival)
    assert arrival - taken < 2e-3


def test_without_a_clock_a_frame_was_taken_when_it_came() -> None:
    assert DeviceClock().taken_at(None, 3.5) == 3.5
