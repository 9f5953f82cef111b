"""A device that solves each task by itself: a feedback law from observation to action, with seeded noise.

The laws keep no phase variable: what they do follows from the observation, so a policy can copy them. They
see and move along the axes of the base: where the observation holds pictures instead of poses, or poses in
another frame, a script looks at the world itself, and its motion is turned into the frame of the actions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robot_env.families import resolve
from robot_env.tasks import TASKS
from robot_env.teleop.base import Env
from robot_env.teleop.motion import Motion, seeing
from robot_env.teleop.progress import Sight, sight_of
from robot_env.teleop.scripts import SCRIPTS
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

Script = Callable[[Observation, InterfaceSpec], Action]


@dataclass(frozen=True, kw_only=True)
class ScriptConfig:
    """How clumsy a script is."""

    noise: float = 0.3
    """Standard deviation of what is added to every element of motion, in policy units."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.noise <= 1.0:
            raise ConfigError("script", f"noise {self.noise} is out of range", "use 0 to 1 policy units")

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> "ScriptDevice":
        """The script of the task that the interface is named after; without poses in it, `env` is needed."""
        script = resolve("script", SCRIPTS, interface.name)
        see = seeing(env)
        if see is None and (hidden := _hidden(interface)):
            raise ConfigError(
                "script",
                f"{interface.name} shows {hidden}, which it cannot read",
                "build the device with the environment: build(interface, env)",
            )
        return ScriptDevice(script, interface, self.noise, see)


class ScriptDevice:
    """Acts in every period."""

    source = Source.SCRIPT
    lost = ""

    def __init__(
        self, script: Script, interface: InterfaceSpec, noise: float, see: Callable[[], Observation] | None
    ) -> None:
        self._script, self._interface, self._noise, self._see = script, interface, noise, see
        moves = [float(entry.name != "gripper") for entry in interface.actions for _ in range(entry.size)]
        self._moves = np.array(moves, dtype=np.float32)
        self._grips = any(entry.name == "gripper" for entry in interface.actions)
        self._rng = np.random.default_rng(0)

    def reset(self, rng: np.random.Generator) -> None:
        """Noise comes from `rng` from now on."""
        self._rng = rng

    @property
    def limit_m(self) -> float:
        """What an element of 1 moves the tool along one axis in a period."""
        return self._interface.actions[0].high[0]

    def look(self, observation: Observation) -> Sight:
        """Where things stand, and where they should go by the script, without noise."""
        seen = self._seen(observation)
        return sight_of(seen, self._script(seen, self._interface), grips=self._grips)

    def read(self, observation: Observation) -> Action | None:
        """The script's action plus noise, within [-1, 1]."""
        noise = self._rng.normal(0.0, self._noise, self._moves.shape).astype(np.float32) * self._moves
        seen = self._seen(observation)
        action = self._along(self._script(seen, self._interface), seen) + noise
        return np.clip(action, -1.0, 1.0).astype(np.float32)

    def _seen(self, observation: Observation) -> Observation:
        return observation if self._see is None else self._see()

    def _along(self, action: Action, seen: Observation) -> Action:
        """The script's (x, y, z), turn about the vertical, gripper as the interface's entries in order."""
        turns = any(entry.name.startswith("rotation") for entry in self._interface.actions)
        motion = Motion(
            translation=action[:3].astype(np.float64),
            turn=np.array([0.0, 0.0, action[3] if turns else 0.0]),
            gripper=float(action[-1]),
        )
        return motion.along(self._interface, seen)

    def close(self) -> None:
        """Nothing is held."""


def _hidden(interface: InterfaceSpec) -> str:
    """What of an interface a script cannot go by; empty where it can."""
    if not resolve("task", TASKS, interface.name).entries:
        return "pictures"
    names = {entry.name for entry in (*interface.actions, *interface.observations)}
    others = [name for name in names if name.endswith("_tool") or "_reset_" in name]
    return "poses in another frame than the base's" if others else ""
