"""Each task's scripted solution, and what each task's physics must not allow."""

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.tasks.peg_insert import SOCKET_HEIGHT_M, PegInsert
from robot_env.tasks.pick_cube import PickCube
from robot_env.tasks.reach import Reach
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError


def solve(env: RobotEnv, seed: int, noise: float = 0.1) -> tuple[bool, int]:
    device = ScriptConfig(noise=noise).build(env.interface)
    observation, info = env.reset(seed=seed)
    device.reset(np.random.default_rng(seed))
    for step in range(1, 101):
        action = device.read(observation)
        assert action is not None
        observation, _, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            return info["success"], step
    raise AssertionError("the episode did not end")


@pytest.mark.parametrize(
    ("task", "seeds", "longest"), [("reach", 10, 25), ("pick_cube", 8, 60), ("peg_insert", 8, 60)]
)
def test_the_script_solves_it(task: str, seeds: int, longest: int) -> None:
    env = make(task, clock=ManualClock())
    assert isinstance(env, RobotEnv)
    for seed in range(seeds):
        solved, steps = solve(env, seed)
        assert solved, seed
        assert steps <= longest
    env.close()


@pytest.mark.acceptance
@pytest.mark.parametrize("task", ["reach", "pick_cube", "pick_cube_dense", "peg_insert"])
def test_the_script_solves_98_of_100_starts(task: str) -> None:
    env = make(task, clock=ManualClock())
    assert isinstance(env, RobotEnv)
    outcomes = [solve(env, seed) for seed in range(100)]
    print(task, np.mean([ok for ok, _ in outcomes]), np.percentile([n for _, n in outcomes], [0, 50, 100]))
    assert sum(ok for ok, _ in outcomes) >= 98
    env.close()


def test_starts_cover_what_the_tasks_promise() -> None:
    rng = np.random.default_rng(0)
    cubes = np.array([PickCube().sample_start(rng).objects["cube"].position_m for _ in range(500)])
    assert cubes.min(axis=0) == pytest.approx([0.30, -0.20, 0.02], abs=0.005)
    assert cubes.max(axis=0) == pytest.approx([0.60, 0.20, 0.02], abs=0.005)
    pegs = [PegInsert().sample_start(rng).tcp for _ in range(500)]
    offsets = np.array([peg.position_m[:2] - (0.5, 0.0) for peg in pegs])
    turns = np.rad2deg([np.arctan2(peg.rotation[1, 0], peg.rotation[0, 0]) for peg in pegs])
    assert np.abs(offsets).max() == pytest.approx(0.05, abs=0.001)
    assert np.abs(turns).max() == pytest.approx(20.0, abs=0.5)
    targets = np.array([Reach().sample_start(rng).objects["target"].position_m for _ in range(500)])
    assert (np.ptp(targets, axis=0) > [0.28, 0.45, 0.38]).all()


def test_a_target_box_that_leaves_no_way_to_go_is_refused() -> None:
    corner = (0.45, 0.0, 0.25)
    task = Reach(start_low_m=corner, start_high_m=corner, target_low_m=corner, target_high_m=corner)
    with pytest.raises(ConfigError, match="no target"):
        task.sample_start(np.random.default_rng(0))


def test_a_dense_reward_prefers_to_be_near_and_to_lift() -> None:
    env = make("pick_cube_dense", clock=ManualClock())
    assert isinstance(env, RobotEnv)
    device = ScriptConfig(noise=0.0).build(env.interface)
    observation, _ = env.reset(seed=0)
    rewards = []
    while True:
        observation, reward, terminated, _, info = env.step(device.read(observation))
        assert set(info["reward_terms"]) == {"near", "lift", "success"}
        rewards.append(reward)
        if terminated:
            break
    assert max(rewards[:-1]) <= 0.0
    assert rewards[0] < rewards[len(rewards) // 2] < rewards[-2] < rewards[-1]
    env.close()


@pytest.mark.parametrize("offset", [(0.006, 0.0), (0.0, -0.006), (0.03, 0.02), (0.012, 0.012)])
def test_a_peg_beside_the_hole_does_not_go_in(offset: tuple[float, float]) -> None:
    env = make("peg_insert", clock=ManualClock())
    env.reset(seed=0)
    press_at(env, offset, turn=0.0)
    tip = env.step(np.zeros(4, dtype=np.float32))[0]["hole_from_peg_tip_base_m"]
    assert tip[2] < 0.002
    env.close()


def test_a_turned_peg_does_not_go_in() -> None:
    env = make("peg_insert", clock=ManualClock(), start_rad=0.3)
    press_at(env, (0.0, 0.0), turn=0.3)
    tip = env.step(np.zeros(4, dtype=np.float32))[0]["hole_from_peg_tip_base_m"]
    assert tip[2] < 0.002
    env.close()


def press_at(env: RobotEnv, offset: tuple[float, float], turn: float) -> None:
    """Holds the peg over a point of the rim at an angle while pushing down, until it moves no more."""
    observation, info = env.reset(seed=1)
    for step in range(60):
        to_point = observation["hole_from_peg_tip_base_m"] + np.array([*offset, 0.0])
        yaw = np.arctan2(*observation["arm/tcp_rotation_base_6d"][[1, 0]])
        down = -1.0 if step > 20 else 0.0
        action = [to_point[0] / 0.02, to_point[1] / 0.02, down, (turn - yaw) / 0.2]
        observation, _, terminated, _, info = env.step(np.array(action, dtype=np.float32))
        assert not terminated
        assert not info["success"]


def test_beside_the_block_is_no_success_however_deep() -> None:
    task = PegInsert()
    env = make("peg_insert", clock=ManualClock(), arm="point", start_m=0.09, start_height_m=(-0.03, -0.025))
    for seed in range(10):
        assert env.reset(seed=seed)[1]["success"] is False or task.depth_m > SOCKET_HEIGHT_M
    env.close()


@pytest.mark.parametrize("task", ["pick_cube", "peg_insert"])
def test_wild_actions_break_no_physics(task: str) -> None:
    env = make(task, clock=ManualClock())
    rng = np.random.default_rng(0)
    data = env._arm.world.data
    for seed in range(4):
        env.reset(seed=seed)
        action = np.zeros(4)
        for _ in range(100):
            action = np.clip(0.7 * action + 0.8 * rng.normal(size=4) - [0, 0, 0.2, 0], -1, 1)
            *_, terminated, truncated, _ = env.step(action.astype(np.float32))
            assert data.ncon == 0 or data.contact.dist.min() > -2e-3
            if terminated or truncated:
                break
    assert sum(warning.number for warning in data.warning) == 0
    env.close()


@pytest.mark.parametrize("noise", [-0.1, 1.5])
def test_noise_out_of_range_is_refused(noise: float) -> None:
    with pytest.raises(ConfigError, match="noise"):
        ScriptConfig(noise=noise)


def test_there_is_no_script_for_a_foreign_environment() -> None:
    env = make("gymnasium:Pendulum-v1", clock=ManualClock())
    with pytest.raises(ConfigError, match="script"):
        ScriptConfig().build(env.interface)
    env.close()
