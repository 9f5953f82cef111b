"""What each key means to the control thread."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from actor.operating.robot_operator import HELP, Operator
from actor.stop import StopSignal
from shared.step import Action, Observation, Source, Why


class Desk:
    """An operator, and what it told, rang and labelled; `idle` presses the keys of a script, one a turn."""

    def __init__(self, *keys: str, judges: bool = True, wait_for_scene: bool = False) -> None:
        self.told: list[str] = []
        self.rung: list[str] = []
        self.labels: list[bool] = []
        self.stop = StopSignal()
        self.turns = 0
        self.keys = list(keys)
        self.operator = Operator(
            self.stop,
            label=self.labels.append if judges else None,
            wait_for_scene=wait_for_scene,
            tell=self.told.append,
            ring=self.rung.append,
        )

    def idle(self) -> None:
        self.turns += 1
        assert self.turns < 50, f"waits for ever, {self.operator.mode}"
        if self.keys:
            self.operator.press(self.keys.pop(0))


def test_without_keys_nobody_asks_for_anything() -> None:
    desk = Desk()
    desk.operator.between_episodes(desk.idle)
    assert desk.operator.begun(desk.idle) is None
    assert desk.operator.after_step(desk.idle) is None
    assert desk.turns == 0


def test_a_pause_lasts_until_the_same_key_and_idles_meanwhile() -> None:
    desk = Desk("x", "?", "p")
    desk.operator.press("p")
    assert desk.operator.mode == "paused"
    assert desk.operator.after_step(desk.idle) is None
    assert desk.turns == 3
    assert desk.operator.mode == "acting"
    assert HELP in desk.told


def test_between_episodes_it_waits_as_well() -> None:
    desk = Desk("p")
    desk.operator.press("p")
    desk.operator.between_episodes(desk.idle)
    assert desk.turns == 1


def test_an_abort_ends_one_episode_once() -> None:
    desk = Desk()
    desk.operator.press("a")
    assert desk.operator.after_step(desk.idle) is Why.OPERATOR_ABORT
    assert desk.operator.after_step(desk.idle) is None


def test_an_abort_that_came_after_the_end_costs_no_other_episode() -> None:
    desk = Desk()
    desk.operator.press("a")
    assert desk.operator.begun(desk.idle) is None
    assert desk.operator.after_step(desk.idle) is None


def test_an_abort_during_a_pause_ends_the_episode_without_another_step_and_stays_paused() -> None:
    desk = Desk("a")
    desk.operator.press("p")
    assert desk.operator.after_step(desk.idle) is Why.OPERATOR_ABORT
    assert desk.operator.mode == "paused"


def test_the_scene_is_waited_for_after_each_reset_with_a_sound() -> None:
    desk = Desk("x", "r", wait_for_scene=True)
    assert desk.operator.begun(desk.idle) is None
    assert desk.turns == 2
    assert desk.rung == ["attention"]
    desk.keys = ["p", "r", "p"]
    assert desk.operator.begun(desk.idle) is None
    assert desk.turns == 5
    desk.keys = ["a"]
    assert desk.operator.begun(desk.idle) is Why.OPERATOR_ABORT
    assert desk.operator.mode == "acting"


def test_a_scene_that_needs_a_person_is_waited_for_once_where_there_is_somebody() -> None:
    desk = Desk("x", "r")
    desk.operator.want_scene("nobody is there to press a key")
    assert desk.operator.begun(desk.idle) is None
    assert desk.turns == 0
    desk.operator.present = True
    desk.operator.want_scene("put the scene in order")
    assert desk.operator.begun(desk.idle) is None
    assert desk.turns == 2
    assert desk.operator.begun(desk.idle) is None
    assert desk.turns == 2


def test_q_ends_waiting_and_acting() -> None:
    desk = Desk("q", wait_for_scene=True)
    desk.operator.press("p")
    desk.operator.begun(desk.idle)
    assert desk.stop.cause == "the operator ended it"
    assert desk.turns == 1


def test_a_signal_ends_waiting() -> None:
    desk = Desk()
    desk.operator.press("p")
    threading.Timer(0.2, desk.stop.set, args=("SIGTERM",)).start()
    desk.operator.after_step(desk.idle)
    assert desk.stop.cause == "SIGTERM"


def test_success_and_failure_go_to_who_judges() -> None:
    desk = Desk()
    desk.operator.press("s")
    desk.operator.press("f")
    assert desk.labels == [True, False]
    assert desk.rung == ["success", "failure"]
    unasked = Desk(judges=False)
    unasked.operator.press("s")
    assert "--reward operator" in unasked.told[0]


@pytest.mark.parametrize("key", ["P", "A", "Q", "[", "\n", " "])
def test_other_keys_mean_nothing(key: str) -> None:
    desk = Desk()
    desk.operator.press(key)
    assert desk.operator.after_step(desk.idle) is None
    assert desk.told == []
    assert desk.stop.cause is None


def test_a_consent_counts_once_and_only_after_somebody_was_called() -> None:
    desk = Desk()
    desk.operator.press("c")
    desk.operator.call("cartesian_reflex")
    assert desk.told == ["cartesian_reflex"]
    assert desk.rung == ["attention"]
    assert not desk.operator.consented()
    desk.operator.press("c")
    assert desk.operator.consented()
    assert not desk.operator.consented()


class Device:
    """Comes back after some looks; takes arrows, and presses what it is told to."""

    source, keys = Source.HUMAN, "arrows move"

    def __init__(self, *lost: str) -> None:
        self._lost, self.pressed = list(lost), list[str]()

    @property
    def lost(self) -> str:
        return self._lost[0] if self._lost else ""

    def found(self) -> None:
        self._lost = []

    def reset(self, rng: np.random.Generator) -> None:
        pass

    def read(self, observation: Observation) -> Action | None:
        return None

    def close(self) -> None:
        pass

    def press(self, key: str) -> bool:
        self.pressed.append(key)
        return True


class Buttons(Device):
    def listen(self, press: Callable[[str], None]) -> None:
        self.button = press


def test_keys_that_mean_nothing_here_go_to_the_device_and_its_help_is_shown() -> None:
    desk, device = Desk(), Device()
    desk.operator.accompany(device)
    for key in ("up", "p", "p", "w", "?"):
        desk.operator.press(key)
    assert device.pressed == ["up", "w"]
    assert "arrows move" in desk.told[-1]


def test_the_buttons_of_a_device_are_keys() -> None:
    desk, device = Desk(), Buttons()
    desk.operator.accompany(device)
    assert desk.operator.present
    device.button("a")
    assert desk.operator.after_step(desk.idle) is Why.OPERATOR_ABORT


def test_without_the_device_that_drives_alone_nothing_is_stepped() -> None:
    desk, device = Desk(), Device("it was unplugged")
    desk.operator.accompany(device, alone=True)
    assert desk.operator.mode == "held: it was unplugged"

    def idle() -> None:
        desk.idle()
        if desk.turns == 3:
            device.found()

    assert desk.operator.after_step(idle) is None
    assert desk.turns == 3
    assert desk.rung == ["attention"]
    assert desk.operator.mode == "acting"


def test_an_episode_whose_device_stays_away_can_be_ended() -> None:
    desk, device = Desk("a"), Device("it was unplugged")
    desk.operator.accompany(device, alone=True)
    assert desk.operator.begun(desk.idle) is Why.OPERATOR_ABORT


def test_a_policy_goes_on_without_the_device_and_says_so() -> None:
    desk, device = Desk(), Device("it was unplugged")
    desk.operator.accompany(device)
    assert desk.operator.after_step(desk.idle) is None
    assert desk.turns == 0
    assert desk.operator.mode == "acting, it was unplugged"


def test_a_takeover_is_not_shown_beyond_its_episode() -> None:
    desk = Desk()
    desk.operator.drive(True)
    assert desk.operator.mode == "taken over"
    desk.operator.between_episodes(desk.idle)
    assert desk.operator.mode == "acting"
