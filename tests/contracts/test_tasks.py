"""What every task in the table must do, on every arm that it can be tried on."""

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from robot_env.arms import ARMS
from robot_env.env import RobotEnv
from robot_env.registry import build_task, make
from robot_env.tasks import TASKS
from shared.clock import ManualClock
from shared.step import Observation, Why

SERVED = {"franka", "serl_http"}
"""Behind a server of their own; their time is real."""
SEEN = {name for name in TASKS if not build_task(name).entries}
ON_EVERY_ARM = [
    pytest.param((task, arm), id=f"{task}-{arm}")
    for task in sorted(TASKS)
    for arm in sorted(set(ARMS) - SERVED)
    if task not in SEEN or arm == "mujoco"
]


@pytest.fixture(params=ON_EVERY_ARM, scope="module")
def env(request: pytest.FixtureRequest) -> Iterator[RobotEnv]:
    task, arm = request.param
    built = make(task, clock=ManualClock(), arm=arm, image_size=32)
    assert isinstance(built, RobotEnv)
    yield built
    built.close()


def same(first: Observation, second: Observation) -> bool:
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def normalised(env: RobotEnv, observation: Observation) -> np.ndarray:
    parts = [
        (observation[e.name] - np.array(e.offset)) / np.array(e.scale)
        for e in env.interface.observations
        if not e.is_image
    ]
    return np.arcsinh(np.concatenate(parts))


def test_gymnasium_finds_no_fault(env: RobotEnv) -> None:
    check_env(env, skip_render_check=True)


def test_a_task_that_can_tell_how_far_it_came_names_every_stage(env: RobotEnv) -> None:
    env.reset(seed=1)
    if not env.stages:
        assert env.stage is None
        return
    for _ in range(5):
        env.step(np.full(env.interface.action_size, 0.3, np.float32))
        assert env.stage is not None
        assert 0 <= env.stage < len(env.stages)


def test_observations_are_what_the_interface_says(env: RobotEnv) -> None:
    observation, _ = env.reset(seed=3)
    assert list(observation) == [entry.name for entry in env.interface.observations]
    env.interface.check(observation, "test")
    for entry in env.interface.observations:
        if entry.is_image:
            continue
        assert len(entry.offset) == len(entry.scale) == entry.shape[0]
    assert env.action_space.shape == (env.interface.action_size,)


def test_a_seed_alone_decides_the_start(env: RobotEnv) -> None:
    first, _ = env.reset(seed=7)
    second, _ = env.reset(seed=8)
    for _ in range(3):
        env.step(np.full(env.interface.action_size, 0.3, np.float32))
    again, _ = env.reset(seed=7)
    assert same(first, again)
    assert not same(first, second)


def test_the_same_seed_and_actions_give_the_same_episode(env: RobotEnv) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (10, env.interface.action_size)).astype(np.float32)

    def run() -> list[tuple[Observation, float]]:
        env.reset(seed=11)
        return [env.step(action)[:2] for action in actions]

    for (first, reward), (second, other) in zip(run(), run(), strict=True):
        assert same(first, second)
        assert reward == other


def test_no_start_is_already_a_success_and_all_are_about_unit_size(env: RobotEnv) -> None:
    for seed in range(20):
        observation, info = env.reset(seed=seed)
        assert info["success"] is False
        assert np.abs(normalised(env, observation)).max() < 6.0


def test_a_zero_action_keeps_it_still(env: RobotEnv) -> None:
    env.reset(seed=0)
    start = env.see()["arm/tcp_position_base_m"]
    zero = np.zeros(env.interface.action_size, dtype=np.float32)
    for _ in range(10):
        *_, info = env.step(zero)
    drift = env.see()["arm/tcp_position_base_m"] - start
    assert np.linalg.norm(drift) < 2e-3
    assert info["limited_by"] == ()


def test_actions_beyond_the_bounds_are_clipped(env: RobotEnv) -> None:
    ones = np.ones(env.interface.action_size, dtype=np.float32)
    env.reset(seed=0)
    bounded = env.step(ones)
    env.reset(seed=0)
    beyond = env.step(50 * ones)
    assert same(bounded[0], beyond[0])
    assert np.array_equal(bounded[4]["executed_command"], beyond[4]["executed_command"])


def test_the_tool_never_leaves_the_workspace_far(env: RobotEnv) -> None:
    envelope = build_task(env.interface.name).settings.envelope
    rng = np.random.default_rng(1)
    env.reset(seed=0)
    reasons: set[str] = set()
    for number in range(40):
        action = np.sign(rng.uniform(-1, 1, env.interface.action_size) + (1.5 if number < 20 else -1.5))
        _, _, terminated, _, info = env.step(action.astype(np.float32))
        reasons |= set(info["limited_by"])
        position = env.see()["arm/tcp_position_base_m"]
        assert (position > np.array(envelope.low_m) - 0.02).all()
        assert (position < np.array(envelope.high_m) + 0.02).all()
        if terminated:
            env.reset(seed=0)
    assert "workspace" in reasons


def test_reward_is_the_sum_of_finite_named_terms(env: RobotEnv) -> None:
    env.reset(seed=0)
    _, reward, _, _, info = env.step(env.action_space.sample())
    assert "success" in info["reward_terms"]
    assert reward == pytest.approx(sum(info["reward_terms"].values()))
    assert np.isfinite(list(info["reward_terms"].values())).all()


def test_an_idle_episode_ends_by_time_and_only_then(env: RobotEnv) -> None:
    env.reset(seed=0)
    zero = np.zeros(env.interface.action_size, dtype=np.float32)
    for number in range(100):
        _, _, terminated, truncated, info = env.step(zero)
        assert not terminated
        assert truncated == (number == 99)
        assert info["why"] is (Why.TIME_LIMIT if truncated else None)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(zero)


def test_simulated_time_passes_one_period_a_step() -> None:
    clock = ManualClock()
    env = make("reach", clock=clock, arm="point")
    env.reset(seed=0)
    for number in range(1, 6):
        env.step(np.zeros(3, dtype=np.float32))
        assert clock.now() == pytest.approx(number / 10)
    env.close()


def test_closing_twice_is_harmless(env: RobotEnv) -> None:
    env.close()
    env.close()
