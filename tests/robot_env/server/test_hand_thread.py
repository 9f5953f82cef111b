"""The gripper's thread over a simulated hand and over hands that fail."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from robot_env.server.drivers.base import HandState
from robot_env.server.drivers.simulated_hand import SimulatedHandConfig
from robot_env.server.hand_thread import HandConfig, HandThread
from shared.clock import SystemClock
from shared.errors import ConfigError, DriverLost

FAST = HandConfig(speed_m_s=2.0)


@pytest.fixture
def hands() -> Iterator[list[HandThread]]:
    started: list[HandThread] = []
    yield started
    for thread in started:
        thread.close(5.0)


def start(hands: list[HandThread], driver: Any, config: HandConfig = FAST) -> HandThread:
    hands.append(HandThread(driver, config, SystemClock()))
    return hands[-1]


def test_it_closes_on_what_is_there_and_opens(hands: list[HandThread], wait_until: Any) -> None:
    hand = start(hands, SimulatedHandConfig(object_width_m=0.03))
    hand.grip(False)
    wait_until(lambda: hand.reading().width_m == pytest.approx(0.03), 10.0)
    assert not hand.reading().opening
    assert hand.reading().fault == ""
    hand.grip(True)
    wait_until(lambda: hand.reading().width_m == pytest.approx(0.08), 10.0)
    assert hand.reading().age_seconds < 5.0


def test_told_the_same_again_it_goes_on_as_it_was(hands: list[HandThread], wait_until: Any) -> None:
    counting = CountingHand()
    hand = start(hands, counting)
    for opening in (False, False, False, True, True):
        hand.grip(opening)
        wait_until(
            lambda o=opening: counting.calls and counting.calls[-1] == ("move" if o else "grasp"), 10.0
        )
    assert counting.calls == ["grasp", "move"]


def test_a_command_that_outlasts_its_deadline_is_stopped_and_told(
    hands: list[HandThread], wait_until: Any
) -> None:
    slow = HandConfig(speed_m_s=0.1, deadline_seconds=0.2)
    hand = start(hands, SimulatedHandConfig(slower=1000.0), slow)
    hand.grip(False)
    wait_until(lambda: "took longer than 0.2 s" in hand.reading().fault, 10.0)
    assert hand.reading().width_m > 0.05


def test_a_hand_that_is_not_there_is_a_fault_until_it_is(hands: list[HandThread], wait_until: Any) -> None:
    absent = CountingHand(absent=True)
    hand = start(hands, absent)
    wait_until(lambda: hand.reading().fault == "no hand", 10.0)
    assert hand.reading().age_seconds < 0


def test_closing_does_not_wait_for_a_call_that_hangs() -> None:
    stuck = CountingHand()
    stuck.block.clear()
    hand = HandThread(stuck, FAST, SystemClock())
    hand.grip(False)
    began = SystemClock().now()
    hand.close(0.3)
    assert SystemClock().now() - began < 5.0
    stuck.block.set()


def test_a_lost_hand_is_connected_anew_told_again_and_not_homed_again(
    hands: list[HandThread], wait_until: Any
) -> None:
    """Homed again it would drop what it holds."""
    lossy = CountingHand()
    lossy.raises = [DriverLost("hand", "unplugged", "plug it in")]
    hand = start(hands, lossy, HandConfig(speed_m_s=2.0, home=True))
    hand.grip(False)
    wait_until(lambda: lossy.calls == ["home", "grasp"], 30.0, "told again after the connection was lost")
    wait_until(lambda: not hand.reading().fault, 10.0)
    assert lossy.built == 2


def test_whatever_a_library_raises_ends_no_thread(hands: list[HandThread], wait_until: Any) -> None:
    odd = CountingHand()
    odd.raises = [ZeroDivisionError("in the vendor's library")]
    hand = start(hands, odd)
    hand.grip(False)
    wait_until(lambda: "ZeroDivisionError: in the vendor" in hand.reading().fault, 10.0)
    wait_until(lambda: odd.calls == ["grasp"], 30.0)
    wait_until(lambda: not hand.reading().fault, 10.0)
    assert odd.built == 1


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="not positive"):
        HandConfig(force_n=0.0)
    with pytest.raises(ConfigError, match="out of range"):
        SimulatedHandConfig(object_width_m=0.1)


@dataclass
class CountingHand:
    """A hand that moves at once and counts; its own configuration too."""

    absent: bool = False

    def __post_init__(self) -> None:
        self.calls: list[str] = []
        self.raises: list[Exception] = []
        self.built = 0
        self.block = threading.Event()
        self.block.set()

    def build(self) -> "CountingHand":
        if self.absent:
            raise DriverLost("hand", "no hand", "plug it in")
        self.built += 1
        return self

    @property
    def max_width_m(self) -> float:
        return 0.08

    def home(self) -> None:
        self.calls.append("home")

    def move(self, width_m: float, speed_m_s: float) -> None:
        self.calls.append("move")

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        self.block.wait(30.0)
        if self.raises:
            raise self.raises.pop()
        self.calls.append("grasp")

    def stop(self) -> None:
        self.block.set()

    def read(self) -> HandState:
        return HandState(width_m=0.04, moving=False, time_seconds=SystemClock().now())

    def close(self) -> None:
        self.block.set()
