from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from robot_env.arms.base import Arm, ArmState, Impedance
from robot_env.arms.point import PointArmConfig
from robot_env.cameras.pattern import PatternCameraConfig
from robot_env.env import RobotEnv
from robot_env.grippers.point import PointGripperConfig
from robot_env.registry import make, make_also
from robot_env.tasks.base import Judgement, Situation
from robot_env.tasks.pick_cube import PickCube
from robot_env.tasks.reach import Reach
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError, NonFiniteError, ObservationError, RobotFault
from shared.step import Observation, Why


@dataclass(frozen=True, kw_only=True)
class Broken(Reach):
    """A reach whose sensor or reward fails when told to."""

    fails: dict[str, bool] = field(default_factory=dict)

    def observe(self, situation: Situation) -> Observation:
        values = super().observe(situation)
        if self.fails.get("observation"):
            values["target_from_tcp_base_m"][1] = np.nan
        return values

    def judge(self, situation: Situation) -> Judgement:
        judgement = super().judge(situation)
        terms: Mapping[str, float] = {"shaped": float("nan") if self.fails.get("reward") else 0.0}
        return replace(judgement, reward_terms={**judgement.reward_terms, **terms})


class Stopped:
    """An arm that a person has to look at first."""

    def __init__(self, arm: Arm) -> None:
        self._arm, self.stopped = arm, True

    def read(self) -> ArmState:
        if self.stopped:
            raise RobotFault("arm", "a collision", "look")
        return self._arm.read()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._arm, name)


def point_env(task: Reach | PickCube, clock: ManualClock | None = None, cameras: int = 0) -> RobotEnv:
    arm = PointArmConfig().build(task.scene, Impedance(), None)
    gripper = PointGripperConfig().build(arm) if task.settings.drives_gripper else None
    ticking = clock or ManualClock()
    views = [PatternCameraConfig(name=f"camera{n}").build(arm.world, ticking) for n in range(cameras)]
    return RobotEnv(task, arm, gripper, views, ticking)


def towards_target(observation: Observation) -> np.ndarray:
    return (observation["target_from_tcp_base_m"] / 0.03).astype(np.float32)


@pytest.mark.parametrize(("what", "name"), [("observation", "target_from_tcp_base_m"), ("reward", "shaped")])
def test_what_is_not_a_number_is_refused_by_name(what: str, name: str) -> None:
    task = Broken()
    env = point_env(task)
    env.reset(seed=0)
    env.step(np.zeros(3, dtype=np.float32))
    task.fails[what] = True
    with pytest.raises(ObservationError, match=name):
        env.step(np.zeros(3, dtype=np.float32))
    task.fails.clear()
    env.reset(seed=0)
    env.close()


@pytest.mark.parametrize("action", [np.array([0.0, np.nan, 0.0]), np.zeros(4), np.zeros((3, 1))])
def test_an_action_that_is_none_moves_nothing(action: np.ndarray) -> None:
    clock = ManualClock()
    env = point_env(Reach(), clock)
    env.reset(seed=0)
    with pytest.raises(NonFiniteError):
        env.step(action)
    assert clock.now() == 0.0
    env.close()


def test_success_terminates_and_says_why() -> None:
    env = point_env(Reach())
    observation, _ = env.reset(seed=0)
    for _ in range(100):
        observation, reward, terminated, truncated, info = env.step(towards_target(observation))
        if terminated:
            break
    assert (reward, terminated, truncated) == (1.0, True, False)
    assert info["success"] is True
    assert info["why"] is Why.SUCCESS


def test_the_command_is_recorded_in_si_units_after_safety() -> None:
    env = point_env(PickCube())
    env.reset(seed=0)
    limit = env.interface.actions[0].high[0]
    action = np.array([0.5, -1.0, 0.0, 1.0], dtype=np.float32)
    _, _, _, _, info = env.step(action)
    assert info["executed_command"].dtype == np.float32
    assert np.allclose(info["executed_command"], [0.5 * limit, -limit, 0.0, 1.0], atol=1e-7)
    for _ in range(30):
        _, _, _, _, info = env.step(np.array([0.0, 1.0, 0.0, -1.0], dtype=np.float32))
    assert "workspace" in info["limited_by"]
    assert abs(info["executed_command"][1]) < 1e-6
    assert info["executed_command"][3] == -1.0


def test_the_gripper_keeps_what_it_was_told_within_the_band() -> None:
    env = point_env(PickCube())
    observation, _ = env.reset(seed=0)
    told = [float(observation["gripper/command"][0])]
    for value in (0.1, -0.1, -0.3, -0.1, 0.1, 0.3):
        observation, *_ = env.step(np.array([0.0, 0.0, 0.0, value], dtype=np.float32))
        told.append(float(observation["gripper/command"][0]))
    assert told == [1, 1, 1, -1, -1, -1, 1]


def test_overruns_are_reported_by_step() -> None:
    clock = ManualClock()
    env = point_env(Reach(), clock)
    env.reset(seed=0)
    clock.advance(0.25)
    _, _, _, _, info = env.step(np.zeros(3, dtype=np.float32))
    assert info["overrun_seconds"] == pytest.approx(0.15)
    _, _, _, _, info = env.step(np.zeros(3, dtype=np.float32))
    assert info["overrun_seconds"] == 0.0
    assert env.overruns == 1


def test_time_between_episodes_is_no_overrun() -> None:
    clock = ManualClock()
    env = point_env(Reach(), clock)
    for seed in range(3):
        clock.advance(20.0)
        env.reset(seed=seed)
        _, _, _, _, info = env.step(np.zeros(3, dtype=np.float32))
        assert info["overrun_seconds"] == 0.0


def test_cameras_become_image_entries_after_the_state() -> None:
    env = point_env(Reach(), cameras=2)
    observation, _ = env.reset(seed=0)
    assert list(observation)[-2:] == ["camera0/image", "camera1/image"]
    assert env.observation_space.contains(observation)
    kept = observation["camera0/image"].copy()
    env.step(np.zeros(3, dtype=np.float32))
    assert np.array_equal(observation["camera0/image"], kept)


def test_observations_stay_as_they_were_after_the_next_step() -> None:
    env = make("pick_cube", clock=ManualClock())
    observation, _ = env.reset(seed=0)
    kept = {name: value.copy() for name, value in observation.items()}
    for _ in range(3):
        env.step(np.array([1, 1, -1, -1], dtype=np.float32))
    assert all(np.array_equal(observation[name], value) for name, value in kept.items())
    env.close()


def test_without_a_seed_starts_go_on_from_the_last() -> None:
    first, second = point_env(Reach()), point_env(Reach())
    starts = []
    for env in (first, second):
        env.reset(seed=5)
        starts.append(env.reset()[0]["target_from_tcp_base_m"])
    assert np.array_equal(*starts)
    assert not np.array_equal(starts[0], first.reset(seed=5)[0]["target_from_tcp_base_m"])


def test_a_kept_scene_leaves_objects_and_places_the_arm_and_what_is_imagined() -> None:
    env = make("relocate_forward", clock=ManualClock())
    env.reset(seed=1)
    world = env.unwrapped
    cube = world.see()["cube_from_tcp_base_m"] + world.see()["arm/tcp_position_base_m"]
    env.reset(seed=2, options={"keep_scene": True})
    after = world.see()["cube_from_tcp_base_m"] + world.see()["arm/tcp_position_base_m"]
    np.testing.assert_allclose(cube, after, atol=1e-3)
    env.reset(seed=2)
    anew = world.see()["cube_from_tcp_base_m"] + world.see()["arm/tcp_position_base_m"]
    assert np.linalg.norm(anew - after) > 0.01
    env.close()


def test_nothing_is_let_go_while_the_arm_is_stopped() -> None:
    env = point_env(PickCube())
    env.reset(seed=0)
    fingers = env._gripper
    assert fingers is not None
    fingers.reset(opening=False)
    arm = env._arm = Stopped(env._arm)
    with pytest.raises(RobotFault, match="collision"):
        env.reset(seed=1, options={"keep_scene": True})
    assert not fingers.read().opening
    arm.stopped = False
    env.reset(seed=1, options={"keep_scene": True})
    assert fingers.read().opening


def test_two_tasks_share_a_bench_and_what_one_achieves_the_other_finds() -> None:
    env = make("relocate_forward", clock=ManualClock())
    there = env.unwrapped
    back = make_also(env, "relocate_back")
    device = ScriptConfig(noise=0.0).build(there.interface, env)
    observation, info = there.reset(seed=0)
    device.reset(np.random.default_rng(0))
    assert not info["success"]
    assert not there.solved
    terminated = False
    while not terminated:
        observation, _, terminated, truncated, _ = there.step(device.read(observation))
        assert not truncated
    assert there.solved
    _, info = back.reset(seed=1, options={"keep_scene": True})
    assert not info["success"]
    _, info = there.reset(seed=2, options={"keep_scene": True})
    assert info["success"]
    assert there.interface.fingerprint != back.interface.fingerprint
    back.close()
    there.close()


def test_a_task_of_another_scene_cannot_share_the_bench() -> None:
    env = make("relocate_forward", clock=ManualClock())
    with pytest.raises(ConfigError, match="cannot share a bench with relocate_forward"):
        make_also(env, "pick_cube")
    env.close()
