"""What every task is: a scene, a distribution of starts, observations, and a judgement of each step.

A task holds no state and drives nothing: what it says follows from the situation it is shown, so its parts
are tested without an arm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np

from robot_env.arms.base import ArmState, Impedance
from robot_env.geometry import Pose
from robot_env.grippers.base import GripperState
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Scene
from shared.errors import ConfigError
from shared.interface import ObservationEntry
from shared.step import Observation

ActionFrame = Literal["base", "tool"]
PoseFrame = Literal["base", "reset"]
Rotation = Literal["vertical", "full"]


@dataclass(frozen=True, kw_only=True)
class TaskSettings:
    """What a task asks of the arm and the loop.

    Attributes:
        envelope: bounds on every set-point.
        impedance: compliance of the arm.
        control_hz: rate of the loop.
        horizon_steps: an episode is truncated after so many steps.
        translation_limit_m: what an action element of 1 asks for along one axis, in one period.
        rotation_limit_rad: the same about each axis of `rotation`; 0 where the task does not turn the tool.
        rotation: "vertical" turns about the vertical axis and keeps the tool upright, "full" about all three.
        action_frame: whose axes actions are along: the arm's base, or the tool.
        pose_frame: what the arm's pose and velocity are seen from: its base, or where the episode began.
        drives_gripper: whether the action opens and closes the gripper.
        held_width_m: where the fingers stand when it does not.
        gripper_band: gripper actions nearer to 0 than this keep what the gripper was told before.
    """

    envelope: SafetyEnvelope
    impedance: Impedance = field(default_factory=Impedance)
    control_hz: float = 10.0
    horizon_steps: int = 100
    translation_limit_m: float = 0.03
    rotation_limit_rad: float = 0.0
    rotation: Rotation = "vertical"
    action_frame: ActionFrame = "base"
    pose_frame: PoseFrame = "base"
    drives_gripper: bool = False
    held_width_m: float = 0.0
    gripper_band: float = 0.2

    def __post_init__(self) -> None:
        if self.control_hz <= 0 or self.horizon_steps < 1 or self.translation_limit_m <= 0:
            raise ConfigError(
                "task settings",
                f"{self} is out of range",
                "use a positive rate, horizon and translation limit",
            )
        for name, kind in (("rotation", Rotation), ("action_frame", ActionFrame), ("pose_frame", PoseFrame)):
            if (given := getattr(self, name)) not in get_args(kind):
                cure = f"choose one of {', '.join(get_args(kind))}"
                raise ConfigError("task settings", f"{name} is {given!r}", cure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where an episode begins."""

    tcp: Pose
    objects: Mapping[str, Pose]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a task may look at: measurements, and where the scene's objects are."""

    arm: ArmState
    gripper: GripperState | None
    objects: Mapping[str, Pose]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a step was worth: named terms whose sum is the reward, and whether the task is done."""

    reward_terms: Mapping[str, float]
    success: bool


class Task(Protocol):
    """One task. What it observes beyond its entries is for scripts, not for policies."""

    @property
    def name(self) -> str:
        """Its name in the table, and the interface's."""
        ...

    @property
    def settings(self) -> TaskSettings:
        """What it asks of the arm and the loop."""
        ...

    @property
    def scene(self) -> Scene:
        """What stands on the table."""
        ...

    @property
    def entries(self) -> tuple[ObservationEntry, ...]:
        """The observations it adds to those of arm and gripper."""
        ...

    def sample_start(self, rng: np.random.Generator) -> Start:
        """A start; nothing but `rng` decides it."""
        ...

    def observe(self, situation: Situation) -> Observation:
        """At least its entries, float32."""
        ...

    def judge(self, situation: Situation) -> Judgement:
        """Reward terms and success."""
        ...


@runtime_checkable
class Staged(Protocol):
    """A task that can tell how far it has come, so that failures are more than a number."""

    @property
    def stages(self) -> tuple[str, ...]:
        """What can be said, from the beginning to just before the end."""
        ...

    def stage(self, situation: Situation) -> int:
        """Which of them it is now."""
        ...
