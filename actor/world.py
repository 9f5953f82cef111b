"""The environment a role acts in, opened by name and closed in any case."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, cast

import gymnasium

from actor.rewards import REWARDS
from actor.rollout import Rollout
from actor.scene import SceneConfig
from robot_env.families import resolve
from robot_env.registry import make
from shared.clock import ManualClock, SystemClock
from shared.interface import InterfaceSpec

ClockKind = Literal["wall", "simulated"]


@dataclass(frozen=True, kw_only=True)
class World:
    """An environment, what it looks like, and the loop that plays in it."""

    env: gymnasium.Env[Any, Any]
    interface: InterfaceSpec
    rollout: Rollout


@contextmanager
def open_world(
    name: str,
    clock: ClockKind,
    *,
    render: bool = False,
    reward: str = "environment",
    scene: SceneConfig | None = None,
) -> Iterator[World]:
    """The environment `name` (see `robot_env.registry.make`); a simulated clock runs as fast as it can.

    Raises:
        ConfigError: there is no environment, camera or reward of that name.
    """
    judge = resolve("reward", REWARDS, reward)()
    settings = scene.settings() if scene else {}
    env = make(name, clock=SystemClock() if clock == "wall" else ManualClock(), render=render, **settings)
    try:
        interface = cast(InterfaceSpec, env.get_wrapper_attr("interface"))
        yield World(env=env, interface=interface, rollout=Rollout(env, interface, judge))
    finally:
        env.close()
