"""Playback: what was commanded in an episode, commanded again, and how far from it that leads."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import gymnasium
import numpy as np

from robot_env.env import RobotEnv
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Step

STAGE = "playing back"
POSITION = "arm/tcp_position"
"""Where the tool is, by which a departure is judged; where nothing is named so, by all that is no picture."""

Commands = Literal["executed", "chosen"]


@dataclass
class Departures:
    """How far a playback was from its recording, entry by entry, in the entries' own units.

    Attributes:
        largest: largest difference of any element, by entry.
        first: step before which the tool was first further off than the tolerance; None while it never was.
    """

    interface: InterfaceSpec
    tolerance: float
    largest: dict[str, float] = field(default_factory=dict[str, float])
    first: int | None = None

    def compare(self, step: int, recorded: Observation, seen: Observation) -> float:
        """Take in what was seen before this step; returns how far the tool is off."""
        off = {
            entry.name: _difference(recorded[entry.name], seen[entry.name])
            for entry in self.interface.observations
        }
        for name, difference in off.items():
            self.largest[name] = max(difference, self.largest.get(name, 0.0))
        vectors = [entry.name for entry in self.interface.observations if not entry.is_image]
        judged = [name for name in vectors if name.startswith(POSITION)] or vectors
        tool = max((off[name] for name in judged), default=0.0)
        if self.first is None and tool > self.tolerance:
            self.first = step
        return tool


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One recorded step that was played: what was to see after it, and how far off the tool is."""

    number: int
    observation: Observation
    off: float
    why: str | None


def play(
    env: gymnasium.Env[Any, Any],
    steps: Sequence[Step],
    start_seed: int,
    departures: Departures,
    *,
    commands: Commands = "executed",
    substeps: int = 1,
    ready: Callable[[], bool] = lambda: True,
) -> Iterator[Moment]:
    """Reset to the start of an episode, then command its steps one after another, until the world ends.

    Args:
        env: of the recording's interface.
        steps: of one episode.
        start_seed: what the environment was reset with.
        departures: takes in what is seen.
        commands: what the safety envelope let through, or what had been chosen.
        substeps: periods that each step takes; of motions it makes so many equal parts.
        ready: asked after the reset; False ends it there.

    Raises:
        ObservationError: the robot, or the environment, failed.
    """
    actions = [_action(step, departures.interface, commands) for step in steps]
    observation, _ = env.reset(seed=start_seed)
    departures.compare(0, steps[0].observation, observation)
    if not ready():
        return
    if isinstance(env.unwrapped, RobotEnv):
        env.unwrapped.extend((substeps - 1) * len(steps) + 1)
    for number, (step, action) in enumerate(zip(steps, actions, strict=True)):
        observation, ended = _command(env, _parts(action, departures.interface, substeps))
        after = steps[number + 1].observation if number + 1 < len(steps) else step.final_observation
        off = math.nan if after is None else departures.compare(number + 1, after, observation)
        yield Moment(number=number, observation=observation, off=off, why=ended)
        if ended is not None:
            return


def _command(env: gymnasium.Env[Any, Any], parts: Sequence[Action]) -> tuple[Observation, str | None]:
    """What is to see after these, and why the world ended if it did, which leaves out the rest of them."""
    observation, ended = {}, None
    for part in parts:
        observation, _, terminated, truncated, info = env.step(part)
        if terminated or truncated:
            ended = str(info.get("why") or "an end")
            break
    return observation, ended


def _action(step: Step, interface: InterfaceSpec, commands: Commands) -> Action:
    if commands == "chosen":
        return step.chosen_action
    low = np.array([x for entry in interface.actions for x in entry.low])
    high = np.array([x for entry in interface.actions for x in entry.high])
    command = step.executed_command
    if command.shape != low.shape:
        raise ConfigError(STAGE, "the file does not say what was executed", "play it with --commands chosen")
    return ((2.0 * command - low - high) / (high - low)).astype(np.float32)


def _parts(action: Action, interface: InterfaceSpec, substeps: int) -> list[Action]:
    """The action in equal parts; a gripper is told its state in each."""
    names = [entry.name for entry in interface.actions for _ in range(entry.size)]
    part = np.where([name == "gripper" for name in names], action, action / substeps)
    return [part.astype(np.float32)] * substeps


def _difference(recorded: Any, seen: Any) -> float:
    return float(np.max(np.abs(np.asarray(recorded, np.float64) - np.asarray(seen, np.float64)), initial=0.0))
