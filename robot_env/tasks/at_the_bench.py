"""Tasks whose objects are real: the computer knows where the tool is, and cameras show the rest.

Each has one pose that the lab taught, `target_m` and `target_heading_rad`: where the tool is when the task is
done, or, for those that a person judges, where the work is. Episodes begin around it. A lab file tells both,
and the workspace about them:

    [tasks.peg_insert_real]
    target_m = [0.512, 0.034, 0.087]
    [tasks.peg_insert_real.settings.envelope]
    low_m = [0.46, -0.02, 0.08]
    high_m = [0.56, 0.09, 0.19]

Compliance, workspaces, starts and tolerances are those that SERL published for the same tasks. Its action
scales are not: it asks for up to 0.05 m a step, where the clip lets a fraction of it through; here an action
of 1 is about what the arm can follow in one period.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Scene, Vector3
from robot_env.tasks.base import Judgement, Situation, Start, TaskSettings
from shared.errors import ConfigError
from shared.interface import ObservationEntry
from shared.step import Observation

JudgedBy = Literal["environment", "operator"]


@dataclass(frozen=True, kw_only=True)
class TaskAtTheBench:
    """A start above the target, a little beside it and turned, each uniform; the tool points down.

    Judged by the environment, the reward is 1 once the tool is at the target; judged by the operator, the
    environment ends nothing but by its horizon.
    """

    settings: TaskSettings
    target_m: Vector3 = (0.50, 0.0, 0.10)
    """Where the tool centre point is when the task is done, base frame."""
    target_heading_rad: float = 0.0
    """How far it is turned about the vertical then."""
    start_aside_m: float = 0.05
    """A start is up to so far to either side of the target, along x and along y."""
    start_above_m: tuple[float, float] = (0.04, 0.08)
    """And so far above it."""
    start_rad: float = float(np.pi / 6)
    """And turned against it by up to so much."""
    tolerance_m: Vector3 = (0.01, 0.01, 0.01)
    """The tool is at the target within this along each axis."""
    tolerance_rad: float = 0.2
    """And within this angle."""
    judged_by: JudgedBy = "environment"
    """Who says that the task is done: environment, or operator."""

    scene: Scene = ()
    entries: tuple[ObservationEntry, ...] = ()

    def __post_init__(self) -> None:
        envelope, target = self.settings.envelope, np.array(self.target_m)
        if (target < envelope.low_m).any() or (target > envelope.high_m).any():
            raise ConfigError(
                "task at the bench",
                f"target_m {self.target_m} is outside of the workspace {envelope.low_m} to {envelope.high_m}",
                "give settings.envelope with low_m and high_m around the target, in the lab file",
            )

    def sample_start(self, rng: np.random.Generator) -> Start:
        """The tool around the target, within the workspace."""
        x, y = rng.uniform(-self.start_aside_m, self.start_aside_m, 2)
        offset = np.array([x, y, rng.uniform(*self.start_above_m)])
        envelope = self.settings.envelope
        place = np.clip(np.add(self.target_m, offset), envelope.low_m, envelope.high_m)
        turn = rng.uniform(-self.start_rad, self.start_rad) if self.settings.rotation_limit_rad > 0 else 0.0
        return Start(tcp=Pose.of(place, self._rotation(turn)), objects={})

    def observe(self, situation: Situation) -> Observation:
        """For scripts: the way to the target, and the turn about the vertical that is left."""
        tcp = situation.arm.tcp
        turn = vector_from_rotation(self._rotation(0.0) @ tcp.rotation.T)
        return {
            "target_from_tcp_base_m": (self.target_m - tcp.position_m).astype(np.float32),
            "target_turn_base_rad": turn.astype(np.float32),
        }

    def judge(self, situation: Situation) -> Judgement:
        """1 at the target, where the environment judges."""
        success = self.judged_by == "environment" and self._arrived(situation)
        return Judgement(reward_terms={"success": float(success)}, success=success)

    def _arrived(self, situation: Situation) -> bool:
        tcp = situation.arm.tcp
        turn = vector_from_rotation(self._rotation(0.0).T @ tcp.rotation)
        near = (np.abs(tcp.position_m - self.target_m) < self.tolerance_m).all()
        return bool(near and np.linalg.norm(turn) < self.tolerance_rad)

    def _rotation(self, turn_rad: float) -> np.ndarray:
        return rotation_from_vector((0.0, 0.0, self.target_heading_rad + turn_rad)) @ TOOL_DOWN


def _compliant(clip_m: Vector3, rotational_clip_rad: Vector3) -> Impedance:
    """SERL's compliance: all its tasks but one share stiffness and damping."""
    return Impedance(
        stiffness_n_m=2000.0,
        damping_ns_m=89.0,
        clip_m=clip_m,
        rotational_stiffness_nm_rad=150.0,
        rotational_damping_nms_rad=7.0,
        rotational_clip_rad=rotational_clip_rad,
    )


def _peg_settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.44, -0.06, 0.10), high_m=(0.56, 0.06, 0.20), step_m=0.03),
        impedance=_compliant((0.003, 0.003, 0.01), (0.02, 0.02, 0.02)),
        translation_limit_m=0.01,
        rotation_limit_rad=0.1,
        rotation="full",
        action_frame="tool",
        pose_frame="reset",
    )


def _cable_settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(
            low_m=(0.39, -0.11, 0.099), high_m=(0.61, 0.11, 0.20), step_m=0.04, rotation_step_rad=0.3
        ),
        impedance=_compliant((0.005, 0.005, 0.005), (0.05, 0.05, 0.02)),
        translation_limit_m=0.015,
        rotation_limit_rad=0.15,
        rotation="full",
        action_frame="tool",
        pose_frame="reset",
    )


def _hand_settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.43, -0.15, 0.099), high_m=(0.57, 0.15, 0.20), step_m=0.04),
        impedance=_compliant((0.006, 0.006, 0.005), (0.05, 0.05, 0.02)),
        translation_limit_m=0.015,
        rotation_limit_rad=0.1,
        drives_gripper=True,
    )


@dataclass(frozen=True, kw_only=True)
class PegInsertReal(TaskAtTheBench):
    """Push a peg that is held into its hole: done where the tool is when the peg is in."""

    settings: TaskSettings = field(default_factory=_peg_settings)
    name = "peg_insert_real"


@dataclass(frozen=True, kw_only=True)
class CableRoute(TaskAtTheBench):
    """Press a cable that is held into its clip. Whether it is in only a person or a camera can tell.

    There is no simulated cable: on a simulated arm the table is empty, and the keys, the cameras and the lab
    file can be rehearsed.
    """

    settings: TaskSettings = field(default_factory=_cable_settings)
    start_aside_m: float = 0.1
    judged_by: JudgedBy = "operator"
    name = "cable_route"


@dataclass(frozen=True, kw_only=True)
class PickCubeReal(TaskAtTheBench):
    """Grasp an object that lies about the target and lift it; a person judges."""

    settings: TaskSettings = field(default_factory=_hand_settings)
    judged_by: JudgedBy = "operator"
    name = "pick_cube_real"


@dataclass(frozen=True, kw_only=True)
class RelocateReal(TaskAtTheBench):
    """Carry an object from one side of the target to the other; a person judges."""

    settings: TaskSettings = field(default_factory=_hand_settings)
    start_aside_m: float = 0.1
    judged_by: JudgedBy = "operator"
    name = "relocate_real"


@dataclass(frozen=True, kw_only=True)
class RelocateBackReal(RelocateReal):
    """Carry it back, for practice both ways without resets; with a start and a place of its own."""

    name = "relocate_back_real"
