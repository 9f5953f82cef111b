"""What every teleop device does: asked once a period, it proposes an action or leaves the policy alone."""

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import gymnasium
import numpy as np
from numpy.typing import NDArray

from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

Env: TypeAlias = gymnasium.Env[Any, Any]


class TeleopDevice(Protocol):
    """Somebody, or a script, who can take over. Silence counts as release."""

    @property
    def source(self) -> Source:
        """What the steps it chooses are recorded as: HUMAN or SCRIPT."""
        ...

    @property
    def lost(self) -> str:
        """Why it cannot be used, in words, as while it is unplugged; "" while it can. It mends by itself."""
        ...

    def reset(self, rng: np.random.Generator) -> None:
        """An episode begins; `rng` is where all its randomness comes from."""
        ...

    def read(self, observation: Observation) -> Action | None:
        """The action (A,) float32 in policy units for this period, or None to leave it to the policy.

        Never waits. None before anybody has touched the device, while it is lost, and where it is silent.
        """
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...


@runtime_checkable
class TakesKeys(Protocol):
    """A device that is driven by the keys of the terminal that the operator does not use."""

    @property
    def keys(self) -> str:
        """What its keys do, in one line."""
        ...

    def press(self, key: str) -> bool:
        """A key by its name (see actor.operating.key_names), from any thread; whether it means anything."""
        ...


@runtime_checkable
class PressesKeys(Protocol):
    """A device with buttons that stand for the operator's keys."""

    def listen(self, press: Callable[[str], None]) -> None:
        """From now on `press` is called with each key that is pressed, on a thread of the device."""
        ...


@runtime_checkable
class ShowsAxes(Protocol):
    """A device whose axes can be looked at, as by `handson check` and a calibration."""

    @property
    def lost(self) -> str:
        """As TeleopDevice."""
        ...

    @property
    def raw_axes(self) -> NDArray[np.float64]:
        """(6,) what it told last: right, away, up, the turn about these; 1 is full, nothing is left out."""
        ...


class TeleopConfig(Protocol):
    """Settings of a device, and how to build it.

    A class attribute `real_time`, where it is there and true, says that a person drives: the world has to
    be stepped on the wall clock.
    """

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> TeleopDevice:
        """The device for a world, which it may look at too; raises ConfigError where it cannot act in it."""
        ...
