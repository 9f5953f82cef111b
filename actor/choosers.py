"""Who chooses the next action: a device or chance. (The policy does so in `actor.policy_runner`.)

A chooser returns the action together with its source, so what ran and who chose it are decided in one place,
once.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from robot_env.teleop.base import TeleopDevice
from shared.step import Action, Observation, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An action (A,) float32 in [-1, 1], who chose it, and what each side proposed where it was asked."""

    action: Action
    source: Source
    policy_action: Action | None = None
    human_action: Action | None = None


class Chooser(Protocol):
    """Chooses the actions of one episode after another."""

    def begin(self, rng: np.random.Generator) -> None:
        """A new episode has been reset; `rng` is where all its randomness comes from."""
        ...

    def choose(self, observation: Observation) -> Choice:
        """The action for this observation."""
        ...


class RandomChooser:
    """Uniform over [-1, 1]^A."""

    def __init__(self, action_size: int) -> None:
        self._action_size = action_size
        self._rng = np.random.default_rng(0)

    def begin(self, rng: np.random.Generator) -> None:
        """Draw from `rng` from now on."""
        self._rng = rng

    def choose(self, observation: Observation) -> Choice:
        """Another draw, whatever the observation."""
        action = self._rng.uniform(-1.0, 1.0, self._action_size).astype(np.float32)
        return Choice(action=action, source=Source.RANDOM)


class DeviceChooser:
    """A teleop device drives from start to end; where it is silent, the action is zero: stay."""

    def __init__(self, device: TeleopDevice, action_size: int) -> None:
        self._device = device
        self._stay = np.zeros(action_size, np.float32)

    def begin(self, rng: np.random.Generator) -> None:
        """The device starts the episode anew."""
        self._device.reset(rng)

    def choose(self, observation: Observation) -> Choice:
        """What the device says in this period."""
        said = self._device.read(observation)
        action = self._stay if said is None else np.asarray(said, np.float32)
        source = self._device.source
        return Choice(action=action, source=source, human_action=said if source is Source.HUMAN else None)
