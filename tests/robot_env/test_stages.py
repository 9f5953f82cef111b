"""How far a task has come, in its own words."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock

OpenEnv = Callable[[str], RobotEnv]


@pytest.fixture
def open_env() -> Iterator[OpenEnv]:
    opened: list[RobotEnv] = []

    def open_(task: str) -> RobotEnv:
        env = make(task, clock=ManualClock())
        assert isinstance(env, RobotEnv)
        opened.append(env)
        return env

    yield open_
    for env in opened:
        env.close()


@pytest.mark.parametrize("task", ["pick_cube", "peg_insert", "relocate"])
def test_a_script_passes_every_stage_in_order(open_env: OpenEnv, task: str) -> None:
    env = open_env(task)
    script = ScriptConfig(noise=0.0).build(env.interface, env)
    observation, _ = env.reset(seed=4)
    script.reset(np.random.default_rng(0))
    seen, over = [env.stage], False
    while not over:
        observation, _, terminated, truncated, _ = env.step(script.read(observation))
        over = terminated or truncated
        seen.append(env.stage)
    assert terminated
    first = {stage: seen.index(stage) for stage in seen}
    assert sorted(first, key=lambda stage: first[stage]) == list(range(len(env.stages)))


def test_a_dropped_cube_is_back_where_it_was(open_env: OpenEnv) -> None:
    env = open_env("pick_cube")
    script = ScriptConfig(noise=0.0).build(env.interface, env)
    observation, _ = env.reset(seed=4)
    script.reset(np.random.default_rng(0))
    lifted = env.stages.index("cube off the table")
    for _ in range(env._settings.horizon_steps):
        if env.stage == lifted:
            break
        observation, *_ = env.step(script.read(observation))
    assert env.stage == lifted
    let_go = np.array([0.0, 0.0, 0.0, 1.0], np.float32)
    for _ in range(20):
        env.step(let_go)
    assert env.stage != lifted


def test_tasks_that_cannot_tell_say_nothing(open_env: OpenEnv) -> None:
    env = open_env("reach")
    env.reset(seed=1)
    assert (env.stages, env.stage) == ((), None)
