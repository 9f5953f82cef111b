"""The gripper's thread over a simulated hand and over hands that fail."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from robot_env.server import hand_thread
from robot_env.server.drivers.base import HandState
from robot_env.server.drivers.simulated_hand import SimulatedHandConfig
from robot_env.server.hand_thread import HandConfig, HandThread
from shared.clock import SystemClock
from shared.errors import ConfigError, DriverLost, RobotFault

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
    hand.grip(False)
    wait_until(lambda: odd.calls == ["grasp"], 30.0)
    wait_until(lambda: not hand.reading().fault, 10.0)
    assert odd.built == 1


def test_a_command_that_failed_is_repeated_only_when_somebody_asks_again(
    hands: list[HandThread], wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_thread, "RETRY_SECONDS", 0.01)
    jammed = CountingHand()
    jammed.raises = [RobotFault("hand", "jammed", "free it") for _ in range(9)]
    hand = start(hands, jammed)
    hand.grip(False)
    wait_until(lambda: hand.reading().fault == "jammed", 10.0)
    reads = jammed.reads
    wait_until(lambda: jammed.reads >= reads + 20, 30.0, "time for many repetitions")
    assert len(jammed.raises) == 8
    hand.grip(False)
    wait_until(lambda: len(jammed.raises) == 7, 10.0)


def test_a_width_that_could_not_be_read_repeats_no_command(
    hands: list[HandThread], wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand_thread, "RETRY_SECONDS", 0.01)
    blinking = CountingHand()
    hand = start(hands, blinking)
    hand.grip(False)
    wait_until(lambda: blinking.calls == ["grasp"], 10.0)
    blinking.unreadable = 3
    wait_until(lambda: blinking.unreadable == 0, 30.0)
    reads = blinking.reads
    wait_until(lambda: blinking.reads >= reads + 20 and not hand.reading().fault, 30.0)
    assert blinking.calls == ["grasp"]


def test_while_it_may_not_move_a_command_is_refused(hands: list[HandThread], wait_until: Any) -> None:
    free, still = threading.Event(), CountingHand()
    hands.append(hand := HandThread(still, FAST, SystemClock(), free.is_set))
    assert not hand.grip(False)
    free.set()
    assert hand.grip(True)
    wait_until(lambda: still.calls == ["move"], 10.0)


def test_a_hand_that_comes_back_while_it_may_not_move_is_told_nothing(
    hands: list[HandThread], wait_until: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever stopped the arm may have their fingers in it, and need not expect it to move later."""
    monkeypatch.setattr(hand_thread, "RETRY_SECONDS", 0.01)
    free, lossy = threading.Event(), CountingHand()
    free.set()
    hands.append(hand := HandThread(lossy, FAST, SystemClock(), free.is_set))
    hand.grip(False)
    wait_until(lambda: lossy.calls == ["grasp"], 10.0)
    free.clear()
    lossy.lost = True
    wait_until(lambda: lossy.built == 2 and not hand.reading().fault, 30.0)
    reads = lossy.reads
    wait_until(lambda: lossy.reads >= reads + 20, 30.0)
    free.set()
    wait_until(lambda: lossy.reads >= reads + 40, 30.0)
    assert lossy.calls == ["grasp"]
    hand.grip(False)
    wait_until(lambda: lossy.calls == ["grasp", "grasp"], 10.0)


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
        self.built = self.reads = self.unreadable = 0
        self.lost = False
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
        self.reads += 1
        if self.lost:
            self.lost = False
            raise DriverLost("hand", "unplugged", "plug it in")
        if self.unreadable:
            self.unreadable -= 1
            raise RobotFault("hand", "no width", "look")
        return HandState(width_m=0.04, moving=False, time_seconds=SystemClock().now())

    def close(self) -> None:
        self.block.set()
