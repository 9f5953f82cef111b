"""What every teleop device in the table must do, in every task that it can act in."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.families import resolve
from robot_env.registry import make
from robot_env.tasks import TASKS
from robot_env.teleop import TELEOP
from robot_env.teleop.base import TeleopDevice
from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.step import Action, Source
from tests.robot_env.teleop.hands import HANDS, HeldDevice, until

every_device = pytest.mark.parametrize("device_name", sorted(TELEOP))
every_hand = pytest.mark.parametrize("held", sorted(HANDS), indirect=True)


def open_device(name: str, env: RobotEnv) -> TeleopDevice:
    return resolve("teleop device", TELEOP, name)().build(env.interface, env)


def proposals(device: TeleopDevice, env: RobotEnv, seed: int) -> list[Action | None]:
    observation, _ = env.reset(seed=0)
    device.reset(np.random.default_rng(seed))
    return [device.read(observation) for _ in range(5)]


@every_device
@pytest.mark.parametrize("task", sorted(TASKS))
def test_what_it_proposes_is_an_action_or_nothing(device_name: str, task: str) -> None:
    env = make(task, clock=ManualClock(), arm="point", cameras=("pattern",))
    assert isinstance(env, RobotEnv)
    device = open_device(device_name, env)
    assert device.source in (Source.HUMAN, Source.SCRIPT)
    for action in proposals(device, env, seed=0):
        assert action is None or device.lost == ""
        if action is not None:
            assert action.dtype == np.float32
            assert env.action_space.contains(action)
    device.close()
    device.close()
    env.close()


@every_device
def test_its_randomness_comes_from_the_generator_it_was_given(device_name: str) -> None:
    env = make("reach", clock=ManualClock(), arm="point")
    assert isinstance(env, RobotEnv)
    device = open_device(device_name, env)
    first, again = proposals(device, env, seed=1), proposals(device, env, seed=1)
    assert all(
        np.array_equal(a, b) for a, b in zip(first, again, strict=True) if a is not None and b is not None
    )
    device.close()
    env.close()


@every_device
def test_a_world_that_is_not_moved_along_axes_is_refused(device_name: str) -> None:
    env = make("gymnasium:Pendulum-v1", clock=ManualClock())
    with pytest.raises(ConfigError, match="->"):
        resolve("teleop device", TELEOP, device_name)().build(env.get_wrapper_attr("interface"), env)
    env.close()


@pytest.fixture
def held(request: pytest.FixtureRequest) -> Iterator[HeldDevice]:
    with HANDS[request.param]() as device:
        yield device


@every_hand
def test_before_anybody_touched_it_the_policy_acts(held: HeldDevice) -> None:
    assert held.device.lost == ""
    assert held.read() is None


@every_hand
def test_a_hand_takes_over_and_moves_within_bounds(held: HeldDevice) -> None:
    held.push()
    action = held.read()
    assert action is not None
    assert action.dtype == np.float32
    assert held.env.action_space.contains(action)
    assert np.abs(action[:3]).max() > 0.3


@every_hand
def test_nothing_moves_200_ms_after_it_fell_silent_and_then_it_is_released(held: HeldDevice) -> None:
    """The last moving action is proposed at most 100 ms after, and lasts one period of 100 ms."""
    held.push()
    assert held.read() is not None
    held.fall_silent()
    held.clock.advance(0.101)
    action = held.read()
    assert action is None or not action[:3].any()
    held.clock.advance(10.0)
    action = held.read()
    held_down = held.let_go is not None
    assert action is None or (held_down and not action[:3].any())


@every_hand
def test_a_hand_that_rests_moves_nothing(held: HeldDevice) -> None:
    held.push()
    assert held.read() is not None
    held.rest()
    action = held.read()
    assert action is None or not action[:3].any()


@every_hand
def test_it_is_missed_while_it_is_unplugged_and_comes_back_by_itself(held: HeldDevice) -> None:
    if held.unplug is None or held.plug_in is None:
        pytest.skip("it has no plug")
    held.push()
    held.unplug()
    until(lambda: held.device.lost)
    assert held.read() is None
    held.plug_in()
    until(lambda: not held.device.lost)
    assert held.read() is None
    held.push()
    assert held.read() is not None


@every_hand
def test_without_the_dead_man_button_nothing_counts(held: HeldDevice) -> None:
    if held.let_go is None:
        pytest.skip("it is driven without one")
    held.push()
    assert held.read() is not None
    held.let_go()
    assert held.read() is None


@every_hand
def test_the_gripper_is_told_a_state_until_somebody_else_is_in_charge(held: HeldDevice) -> None:
    held.push()
    action = held.read()
    assert action is not None
    assert action[-1] == 1.0  # as the world began
    held.close_gripper()
    for _ in range(3):
        held.push()
        action = held.read()
        assert action is not None
        assert action[-1] == -1.0


@every_hand
def test_what_the_gripper_was_asked_during_a_pause_is_forgotten(held: HeldDevice) -> None:
    """Nothing is read meanwhile: what somebody pressed a minute ago must not drop what the arm holds."""
    held.push()
    assert held.read() is not None
    held.close_gripper()
    held.leave_gripper()
    held.clock.advance(60.0)
    action = held.read()
    assert action is None or action[-1] == 1.0


@every_hand
def test_it_may_be_closed_twice_and_is_silent_then(held: HeldDevice) -> None:
    held.push()
    held.device.close()
    held.device.close()
    held.clock.advance(10.0)
    assert held.read() is None
