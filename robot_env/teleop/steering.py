"""Steering: from what a hand does to an action, and for how long the hand is in charge.

A hand moves along the axes of the person: right, away, up. Whoever faces the arm (heading 180 degrees) and
pushes away moves it towards its base, as with SERL's SpaceMouse: its axes (-y, x, z, -roll, -pitch, -yaw) in
pyspacemouse's old convention are these, turned by 180 degrees.

Who is in charge. A deflection takes over, and so does a pressed gripper button. Motion ends at once with it,
but the person stays in charge for `hold_over_seconds` more, with an action of zero: a hand that pauses in the
midst of a correction does not hand the arm back to the policy that it is correcting (SERL holds on for 0.5 s;
HIL-SERL does not). Where there is a dead-man button, nothing counts without it, and letting go of it gives
the arm back at once.

The gripper is told a state, in every action: the one asked for last since taking over, else the one that it
was told before.
"""

import math
from dataclasses import dataclass

import numpy as np

from robot_env.geometry import Matrix, Vector
from robot_env.teleop.base import Env
from robot_env.teleop.motion import Motion, seeing
from shared.clock import Clock
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation

NEVER = -math.inf
BUTTON_PERIODS = 2.0
"""A press of a gripper button counts for so long: a period that is late loses none."""


@dataclass(frozen=True, kw_only=True)
class SteeringConfig:
    """How a hand moves the tool: the same for every device."""

    heading_deg: float = 180.0
    """Where the person looks, about the base's vertical axis: 0 along its x axis, from behind the arm; 180
    faces the arm."""
    translation_gain: float = 1.0
    """Policy units of translation at full deflection."""
    rotation_gain: float = 1.0
    """Policy units of rotation at full deflection."""
    hold_over_seconds: float = 0.5
    """How long the person stays in charge, without motion, after the last one; 0 gives back at once."""

    def __post_init__(self) -> None:
        for name in ("translation_gain", "rotation_gain"):
            if not 0.0 < getattr(self, name) <= 1.0:
                cause = f"{name} is {getattr(self, name)}"
                raise ConfigError("steering", cause, "use above 0, at most 1: one period's limit")
        if not 0.0 <= self.hold_over_seconds <= 10.0:
            cause = f"hold_over_seconds is {self.hold_over_seconds}"
            raise ConfigError("steering", cause, "use 0 to 10 s")


@dataclass(frozen=True, kw_only=True)
class Hand:
    """What a hand does now, along the axes of the person.

    Attributes:
        translation: (3,) right, away, up; 1 is full deflection.
        turn: (3,) about these axes, right-handed.
        gripper: 1 asks to open, -1 to close, 0 for nothing.
        dead_man: whether the dead-man button is held; None where there is none.
    """

    translation: Vector
    turn: Vector
    gripper: float = 0.0
    dead_man: bool | None = None

    @property
    def drives(self) -> bool:
        """Whether it asks for anything."""
        return bool(self.gripper or self.translation.any() or self.turn.any())


class Steering:
    """Belongs to the control thread. Raises ConfigError where the actions are no motions of a tool.

    Attributes:
        period_seconds: how often it is asked.
    """

    def __init__(
        self, config: SteeringConfig, interface: InterfaceSpec, env: Env | None, clock: Clock
    ) -> None:
        _require_motion(interface, env)
        self._config, self._interface, self._clock = config, interface, clock
        self.period_seconds = 1.0 / interface.control_hz
        self._see = seeing(env)
        self._axes = _axes_of(config.heading_deg)
        self._drove_seconds, self._gripper = NEVER, 0.0

    def release(self) -> None:
        """Nobody is in charge any more."""
        self._drove_seconds, self._gripper = NEVER, 0.0

    def gripper_of(self, observation: Observation) -> float:
        """What the gripper is told, by this hand or before: 1 open, -1 closed, 0 where nothing says."""
        told = self._seen(observation).get("gripper/command")
        return self._gripper or (0.0 if told is None else float(told[0]))

    def steer(self, hand: Hand, observation: Observation) -> Action | None:
        """The action (A,) float32 of whoever is in charge by this hand, or None: nobody is."""
        now = self._clock.now()
        if hand.dead_man if hand.dead_man is not None else hand.drives:
            self._drove_seconds = now
        if hand.dead_man is False or now - self._drove_seconds > self._config.hold_over_seconds:
            self.release()
            return None
        self._gripper = hand.gripper or self._gripper
        motion = Motion(
            translation=self._axes @ hand.translation * self._config.translation_gain,
            turn=self._axes @ hand.turn * self._config.rotation_gain,
            gripper=self.gripper_of(observation),
        )
        return _bounded(motion.along(self._interface, self._seen(observation)), self._interface)

    def _seen(self, observation: Observation) -> Observation:
        return observation if self._see is None else self._see()


def deflection(value: float, dead_zone: float) -> float:
    """A deflection without its dead zone: 0 within it, from there on linear to 1 at 1 and beyond."""
    return math.copysign(min(1.0, max(0.0, abs(value) - dead_zone) / (1.0 - dead_zone)), value)


def _axes_of(heading_deg: float) -> Matrix:
    """Right, away and up of a person who looks along the heading, as columns in the base frame."""
    heading = math.radians(heading_deg)
    x, y = round(math.cos(heading), 12), round(math.sin(heading), 12)
    return np.array([[y, x, 0.0], [-x, y, 0.0], [0.0, 0.0, 1.0]])


def _bounded(action: Action, interface: InterfaceSpec) -> Action:
    """Each entry within [-1, 1], its direction kept."""
    parts = np.split(action, np.cumsum([entry.size for entry in interface.actions])[:-1])
    return np.concatenate([part / max(1.0, float(np.abs(part).max())) for part in parts]).astype(np.float32)


def _require_motion(interface: InterfaceSpec, env: Env | None) -> None:
    first = interface.actions[0].name
    if not first.startswith("translation_"):
        raise ConfigError(
            "steering",
            f"the actions of {interface.name} begin with {first!r}, which no hand can steer",
            "choose one of HandsOn's own tasks: they move along axes",
        )
    shown = {entry.name for entry in interface.observations}
    if first.endswith("_tool") and seeing(env) is None and "arm/tcp_rotation_base_6d" not in shown:
        raise ConfigError(
            "steering",
            f"the actions of {interface.name} go along the axes of a tool that cannot be seen",
            "build the device with the environment: build(interface, env)",
        )
