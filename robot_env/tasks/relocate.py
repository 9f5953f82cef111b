"""Relocate: carry a cube to the other side of the table and let go of it there.

From either side, or one way only: forward and back undo each other, so that both can be practised in turns
without anybody putting the cube back.
"""

from dataclasses import dataclass, field

import numpy as np

from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Box, SceneObject, Vector3
from robot_env.tasks.base import Judgement, Situation, Start, TaskSettings
from shared.interface import ObservationEntry
from shared.step import Observation

CUBE = "cube"
GOAL = "goal"
HALF_SIZE_M = 0.02
RELEASED_WIDTH_M = 0.05
LYING_M = 0.01


def _settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.30, -0.25, 0.015), high_m=(0.60, 0.25, 0.35), step_m=0.05),
        translation_limit_m=0.03,
        drives_gripper=True,
    )


def _entry(name: str, scale_m: float) -> ObservationEntry:
    return ObservationEntry(
        name=name, shape=(3,), dtype="float32", low=-2.0, high=2.0, offset=(0.0,) * 3, scale=(scale_m,) * 3
    )


@dataclass(frozen=True, kw_only=True)
class Relocate:
    """The reward is 1 once the cube lies within `tolerance_m` of the goal and the gripper has let go of it.

    The cube lies on the left (side 1) or on the right (side -1) of the tool, the goal on the other side.
    """

    settings: TaskSettings = field(default_factory=_settings)
    cube_low_m: tuple[float, float] = (0.38, 0.08)
    cube_high_m: tuple[float, float] = (0.52, 0.16)
    goal_m: tuple[float, float] = (0.45, 0.12)
    start_low_m: Vector3 = (0.40, -0.03, 0.15)
    start_high_m: Vector3 = (0.50, 0.03, 0.22)
    tolerance_m: float = 0.03
    sides: tuple[float, ...] = (-1.0, 1.0)

    name = "relocate"
    scene = (
        SceneObject(
            name=CUBE,
            kind="free",
            boxes=(Box(half_size_m=(HALF_SIZE_M, HALF_SIZE_M, HALF_SIZE_M), colour=(0.85, 0.2, 0.15)),),
            mass_kg=0.1,
        ),
        SceneObject(
            name=GOAL, kind="marker", boxes=(Box(half_size_m=(0.04, 0.04, 0.001), colour=(0.1, 0.6, 0.25)),)
        ),
    )
    entries = (_entry("cube_from_tcp_base_m", 0.02), _entry("goal_from_cube_base_m", 0.02))

    def sample_start(self, rng: np.random.Generator) -> Start:
        """A side by chance, the cube uniform on it, the tool uniform in its box."""
        side = float(rng.choice(self.sides))
        x, y = rng.uniform(self.cube_low_m, self.cube_high_m)
        tcp = rng.uniform(self.start_low_m, self.start_high_m)
        return Start(
            tcp=Pose.of(tcp, TOOL_DOWN),
            objects={
                CUBE: Pose.of((x, side * y, HALF_SIZE_M)),
                GOAL: Pose.of((self.goal_m[0], -side * self.goal_m[1], 0.001)),
            },
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """The cube where it was, off the table, at the goal but not let go of."""
        return ("cube on the table", "cube carried", "cube at the goal")

    def stage(self, situation: Situation) -> int:
        """Which of them it is."""
        to_goal = self._to_goal(situation)
        if np.linalg.norm(to_goal[:2]) < self.tolerance_m:
            return 2
        return int(-to_goal[2] > LYING_M)

    def observe(self, situation: Situation) -> Observation:
        """The vectors from tool to cube, and from the cube to where it shall lie."""
        cube = situation.objects[CUBE].position_m
        return {
            "cube_from_tcp_base_m": (cube - situation.arm.tcp.position_m).astype(np.float32),
            "goal_from_cube_base_m": self._to_goal(situation).astype(np.float32),
        }

    def judge(self, situation: Situation) -> Judgement:
        """1 once it lies there, let go."""
        to_goal, gripper = self._to_goal(situation), situation.gripper
        released = gripper is not None and gripper.opening and gripper.width_m > RELEASED_WIDTH_M
        there = bool(np.linalg.norm(to_goal[:2]) < self.tolerance_m and abs(to_goal[2]) < LYING_M)
        success = there and released
        return Judgement(reward_terms={"success": float(success)}, success=success)

    def _to_goal(self, situation: Situation) -> np.ndarray:
        goal = situation.objects[GOAL].position_m
        resting = np.array([goal[0], goal[1], HALF_SIZE_M])
        return resting - situation.objects[CUBE].position_m


@dataclass(frozen=True, kw_only=True)
class RelocateVision(Relocate):
    """The same with no pose to go by: only cameras show where things are."""

    name = "relocate_vision"
    entries = ()


@dataclass(frozen=True, kw_only=True)
class RelocateForward(Relocate):
    """From left to right."""

    sides: tuple[float, ...] = (1.0,)
    name = "relocate_forward"


@dataclass(frozen=True, kw_only=True)
class RelocateBack(Relocate):
    """From right to left."""

    sides: tuple[float, ...] = (-1.0,)
    name = "relocate_back"
