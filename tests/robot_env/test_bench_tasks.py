"""Relocate, and the tasks whose objects are real."""

from pathlib import Path

import numpy as np
import pytest

from robot_env.arms.real_world import RealWorld
from robot_env.env import RobotEnv
from robot_env.lab import load_lab
from robot_env.registry import build_task, make
from robot_env.tasks import TASKS
from robot_env.tasks.relocate import Relocate
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.step import Why

REAL = ("peg_insert_real", "pick_cube_real", "relocate_real", "relocate_back_real", "cable_route")


def play(env: RobotEnv, seed: int, noise: float = 0.1) -> dict:
    device = ScriptConfig(noise=noise).build(env.interface, env)
    observation, info = env.reset(seed=seed)
    device.reset(np.random.default_rng(seed))
    for _ in range(100):
        observation, _, terminated, truncated, info = env.step(device.read(observation))
        if terminated or truncated:
            return info
    raise AssertionError("the episode did not end")


@pytest.mark.parametrize("arm", ["mujoco", "mujoco_xarm7", "point"])
def test_the_script_relocates_the_cube(arm: str) -> None:
    env = make("relocate", clock=ManualClock(), arm=arm)
    assert isinstance(env, RobotEnv)
    assert all(play(env, seed)["success"] for seed in range(4))
    env.close()


@pytest.mark.acceptance
def test_the_script_relocates_98_of_100_cubes() -> None:
    env = make("relocate", clock=ManualClock())
    assert isinstance(env, RobotEnv)
    assert sum(play(env, seed)["success"] for seed in range(100)) >= 98
    env.close()


def test_cube_and_goal_lie_on_opposite_sides() -> None:
    rng = np.random.default_rng(0)
    starts = [Relocate().sample_start(rng).objects for _ in range(200)]
    sides = {float(np.sign(start["cube"].position_m[1])) for start in starts}
    assert sides == {-1.0, 1.0}
    assert all(start["cube"].position_m[1] * start["goal"].position_m[1] < 0 for start in starts)


def test_carried_there_but_not_let_go_of_is_no_success() -> None:
    env = make("relocate", clock=ManualClock(), arm="point")
    assert isinstance(env, RobotEnv)
    device = ScriptConfig(noise=0.0).build(env.interface, env)
    observation, _ = env.reset(seed=0)
    device.reset(np.random.default_rng(0))
    held = False
    for _ in range(90):
        action = device.read(observation)
        held = held or action[-1] < 0
        if held:
            action[-1] = -1.0  # never lets go again
        observation, _, terminated, _, _ = env.step(action)
        assert not terminated
    assert np.linalg.norm(observation["goal_from_cube_base_m"][:2]) < 0.03
    env.close()


@pytest.mark.parametrize("task", REAL)
def test_a_real_arm_takes_them_and_refuses_those_that_watch_objects(task: str) -> None:
    RealWorld(build_task(task).scene)
    for name in sorted(set(TASKS) - set(REAL) - {"reach", "reach_vision"}):
        with pytest.raises(ConfigError, match="real"):
            RealWorld(build_task(name).scene)


@pytest.mark.parametrize("task", REAL)
def test_starts_are_around_the_target_and_within_the_workspace(task: str) -> None:
    made = build_task(task, target_heading_rad=0.3)
    rng = np.random.default_rng(0)
    starts = [made.sample_start(rng).tcp for _ in range(200)]
    places = np.array([start.position_m for start in starts])
    assert (places >= np.array(made.settings.envelope.low_m)).all()
    assert (places <= np.array(made.settings.envelope.high_m)).all()
    assert (np.abs(places - made.target_m).max(axis=0)[:2] > 0.04).all()
    headings = [np.arctan2(start.rotation[1, 0], start.rotation[0, 0]) for start in starts]
    assert np.ptp(headings) == pytest.approx(2 * made.start_rad, rel=0.05)
    assert np.mean(headings) == pytest.approx(0.3, abs=0.1)


@pytest.mark.parametrize("arm", ["mujoco", "point"])
def test_a_pose_is_success_where_the_environment_judges(arm: str) -> None:
    env = make("peg_insert_real", clock=ManualClock(), arm=arm, cameras=("pattern",))
    assert isinstance(env, RobotEnv)
    assert env.judged_by == "environment"
    assert all(play(env, seed)["why"] is Why.SUCCESS for seed in range(3))
    env.close()


@pytest.mark.parametrize("task", ["cable_route", "pick_cube_real", "relocate_real"])
def test_where_a_person_judges_nothing_but_time_ends_it(task: str) -> None:
    env = make(task, clock=ManualClock(), arm="point", cameras=("pattern",))
    assert isinstance(env, RobotEnv)
    assert env.judged_by == "operator"
    assert play(env, 0)["why"] is Why.TIME_LIMIT
    assert np.linalg.norm(env.see()["target_from_tcp_base_m"]) < 0.01  # there, as far as a pose tells
    env.close()


def test_a_lab_file_teaches_target_and_workspace(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    told = "[tasks.cable_route]\ntarget_m = [0.62, 0.2, 0.3]\n"
    path.write_text(told)
    with pytest.raises(ConfigError, match=r"settings\.envelope"):
        load_lab(path).fit("cable_route", build_task("cable_route"))
    box = "[tasks.cable_route.settings.envelope]\nlow_m = [0.5, 0.1, 0.29]\nhigh_m = [0.7, 0.3, 0.4]\n"
    path.write_text(told + box)
    task = load_lab(path).fit("cable_route", build_task("cable_route"))
    assert task.target_m == (0.62, 0.2, 0.3)
    assert task.settings.envelope.high_m == (0.7, 0.3, 0.4)
    assert task.settings.impedance.clip_m == (0.005, 0.005, 0.005)
