"""The environment a role acts in, opened by name and closed in any case."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import gymnasium

from actor.rewards import REWARDS
from actor.rewards.base import ClosedReward, DeniedReward, FittedReward, JudgesAlone, RewardModel
from actor.rewards.judging import JudgingConfig
from actor.rollout import Rollout
from actor.scene import SceneConfig
from robot_env.env import RobotEnv
from robot_env.families import resolve
from robot_env.registry import make, make_also
from shared.clock import ManualClock, SystemClock
from shared.interface import InterfaceSpec

ClockKind = Literal["wall", "simulated"]


@dataclass(frozen=True, kw_only=True)
class World:
    """An environment, what it looks like, and the loop that plays in it."""

    env: gymnasium.Env[Any, Any]
    interface: InterfaceSpec
    rollout: Rollout
    judge: RewardModel

    @property
    def real(self) -> bool:
        """Whether what moves here can hurt somebody, and nobody but a person can put things in order."""
        return isinstance(self.env.unwrapped, RobotEnv) and self.env.unwrapped.real

    @contextmanager
    def also(self, task: str, scene: SceneConfig, judging: JudgingConfig) -> "Iterator[World]":
        """Another task on the same bench; only one of both may act at a time.

        The same judges it, but for classifiers: `judging` names those of this task.
        """
        env, judge = make_also(self.env, task, lab=scene.lab), self.judge
        env.goes_on = isinstance(judge, JudgesAlone)
        if isinstance(judge, DeniedReward):
            judge = build_judge(resolve("reward", REWARDS, "classifier"), env.interface, judging)
        try:
            rollout = Rollout(env, env.interface, judge)
            yield World(env=env, interface=env.interface, rollout=rollout, judge=judge)
        finally:
            if isinstance(judge, ClosedReward) and judge is not self.judge:
                judge.close()


@contextmanager
def open_world(
    name: str,
    clock: ClockKind,
    *,
    render: bool = False,
    reward: str | None = None,
    scene: SceneConfig | None = None,
    judging: JudgingConfig | None = None,
    judge: RewardModel | None = None,
) -> Iterator[World]:
    """The environment `name` (see `robot_env.registry.make`); a simulated clock runs as fast as it can.

    Without a `reward`, whoever the task says judges it: itself, or the operator. `judging` is for the reward
    `classifier`, past whose opinion episodes go on. A `judge` that is there is taken instead.

    Raises:
        ConfigError: there is no environment, camera or reward of that name.
    """
    chosen = None if reward is None else resolve("reward", REWARDS, reward)
    settings = scene.settings() if scene else {}
    env = make(name, clock=SystemClock() if clock == "wall" else ManualClock(), render=render, **settings)
    try:
        interface = cast(InterfaceSpec, env.get_wrapper_attr("interface"))
        if judge is None:
            kind = chosen or resolve("reward", REWARDS, _judged_by(env))
            judge = build_judge(kind, interface, judging or JudgingConfig())
        if isinstance(env.unwrapped, RobotEnv):
            env.unwrapped.goes_on = isinstance(judge, JudgesAlone)
        yield World(env=env, interface=interface, rollout=Rollout(env, interface, judge), judge=judge)
    finally:
        if isinstance(judge, ClosedReward):
            judge.close()
        env.close()


def build_judge(kind: Any, interface: InterfaceSpec, judging: JudgingConfig) -> RewardModel:
    """The reward model of a kind that REWARDS names, made for a world.

    Raises:
        HandsOnError: its settings are for another kind, or it does not fit this world.
    """
    if isinstance(kind, FittedReward):
        return kind.for_world(interface, judging)
    judging.require_unused()
    return kind()


def _judged_by(env: gymnasium.Env[Any, Any]) -> str:
    return env.unwrapped.judged_by if isinstance(env.unwrapped, RobotEnv) else "environment"
