"""What every teleop device in the table must do, in every task that it can act in."""

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.families import resolve
from robot_env.registry import make
from robot_env.tasks import TASKS
from robot_env.teleop import TELEOP
from robot_env.teleop.base import TeleopDevice
from shared.clock import ManualClock
from shared.step import Action, Source

pytestmark = pytest.mark.parametrize("device_name", sorted(TELEOP))


def open_device(name: str, env: RobotEnv) -> TeleopDevice:
    return resolve("teleop device", TELEOP, name)().build(env.interface, env)


def proposals(device: TeleopDevice, env: RobotEnv, seed: int) -> list[Action | None]:
    observation, _ = env.reset(seed=0)
    device.reset(np.random.default_rng(seed))
    return [device.read(observation) for _ in range(5)]


@pytest.mark.parametrize("task", sorted(TASKS))
def test_what_it_proposes_is_an_action_or_nothing(device_name: str, task: str) -> None:
    env = make(task, clock=ManualClock(), arm="point", cameras=("pattern",))
    assert isinstance(env, RobotEnv)
    device = open_device(device_name, env)
    assert device.source in (Source.HUMAN, Source.SCRIPT)
    for action in proposals(device, env, seed=0):
        if action is not None:
            assert action.dtype == np.float32
            assert env.action_space.contains(action)
    device.close()
    device.close()
    env.close()


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
