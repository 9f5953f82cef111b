import subprocess
import sys

import gymnasium
import pytest

from robot_env import registry
from robot_env.registry import GYMNASIUM_IDS, make
from robot_env.tasks import TASKS
from shared.clock import ManualClock
from shared.errors import ConfigError


def test_every_task_has_a_gymnasium_id() -> None:
    assert set(GYMNASIUM_IDS.values()) == set(TASKS)
    registry.register()


@pytest.mark.parametrize(("identity", "task"), GYMNASIUM_IDS.items())
def test_gymnasium_makes_it(identity: str, task: str) -> None:
    env = gymnasium.make(identity, arm="point", cameras=("pattern",))
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert env.unwrapped.interface.name == task
    env.close()


def test_gymnasium_finds_the_ids_by_module() -> None:
    env = gymnasium.make("robot_env.registry:handson/Reach-v0", arm="point")
    env.reset(seed=0)
    env.close()


@pytest.mark.parametrize(
    ("name", "settings", "cure"),
    [
        ("pick_cub", {}, "pick_cube"),
        ("reach", {"arm": "mujocco"}, "mujoco"),
        ("reach", {"tolerance": 0.02}, "tolerance_m"),
        ("reach", {"cameras": ("patern",)}, "pattern"),
        ("pick_cube", {"gripper": "pint"}, "point"),
        ("pick_cube", {"arm": "mujoco", "gripper": "point"}, "choose both alike"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(name: str, settings: dict, cure: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(name, clock=ManualClock(), **settings)
    assert cure in refusal.value.cure


def test_settings_reach_the_task() -> None:
    env = make("reach", clock=ManualClock(), arm="point", tolerance_m=10.0)
    assert env.reset(seed=0)[1]["success"] is True
    env.close()


def test_importing_the_package_loads_no_driver() -> None:
    code = (
        "import sys, robot_env, robot_env.arms, robot_env.grippers, robot_env.tasks, robot_env.teleop;"
        "import robot_env.registry;"
        "heavy = {'mujoco', 'jax', 'cv2', 'torch'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_render_modes_are_checked() -> None:
    with pytest.raises(ConfigError, match="render mode"):
        registry.make_for_gymnasium("reach", render_mode="human")
