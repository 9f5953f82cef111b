"""Pick cube: grasp a 4 cm cube that lies anywhere on the table and lift it by 10 cm."""

from dataclasses import dataclass, field

import numpy as np

from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Box, SceneObject, Vector3
from robot_env.tasks.base import Judgement, Situation, Start, TaskSettings
from shared.interface import ObservationEntry
from shared.step import Observation

CUBE = "cube"
HALF_SIZE_M = 0.02


def _settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.25, -0.25, 0.015), high_m=(0.65, 0.25, 0.40), step_m=0.05),
        translation_limit_m=0.025,
        drives_gripper=True,
    )


@dataclass(frozen=True, kw_only=True)
class PickCube:
    """The reward is 1 once the cube is `lift_m` above where it lay, which ends the episode."""

    settings: TaskSettings = field(default_factory=_settings)
    cube_low_m: tuple[float, float] = (0.30, -0.20)
    cube_high_m: tuple[float, float] = (0.60, 0.20)
    start_low_m: Vector3 = (0.40, -0.05, 0.23)
    start_high_m: Vector3 = (0.50, 0.05, 0.30)
    lift_m: float = 0.10

    name = "pick_cube"
    scene = (
        SceneObject(
            name=CUBE,
            kind="free",
            boxes=(Box(half_size_m=(HALF_SIZE_M, HALF_SIZE_M, HALF_SIZE_M), colour=(0.85, 0.2, 0.15)),),
            mass_kg=0.1,
        ),
    )
    entries = (
        ObservationEntry(
            name="cube_from_tcp_base_m",
            shape=(3,),
            dtype="float32",
            low=-2.0,
            high=2.0,
            offset=(0.0, 0.0, 0.0),
            scale=(0.02, 0.02, 0.02),
        ),
        ObservationEntry(
            name="cube_height_m",
            shape=(1,),
            dtype="float32",
            low=-1.0,
            high=2.0,
            offset=(0.03,),
            scale=(0.04,),
        ),
    )

    def sample_start(self, rng: np.random.Generator) -> Start:
        """Cube uniform on its part of the table, tool uniform in its box."""
        cube = rng.uniform(self.cube_low_m, self.cube_high_m)
        tcp = rng.uniform(self.start_low_m, self.start_high_m)
        return Start(tcp=Pose.of(tcp, TOOL_DOWN), objects={CUBE: Pose.of([*cube, HALF_SIZE_M])})

    @property
    def stages(self) -> tuple[str, ...]:
        """Far off, near enough to grasp, the cube off the table."""
        return ("away from the cube", "at the cube", "cube off the table")

    def stage(self, situation: Situation) -> int:
        """Which of them it is: lifted by more than a jolt lifts it, or within a cube's width of it."""
        if self._lifted_m(situation) > HALF_SIZE_M / 2:
            return 2
        distance = np.linalg.norm(situation.objects[CUBE].position_m - situation.arm.tcp.position_m)
        return int(distance < 2 * HALF_SIZE_M)

    def observe(self, situation: Situation) -> Observation:
        """The vector from tool to cube, and how far the cube has been lifted."""
        cube = situation.objects[CUBE].position_m
        return {
            "cube_from_tcp_base_m": (cube - situation.arm.tcp.position_m).astype(np.float32),
            "cube_height_m": np.array([cube[2] - HALF_SIZE_M], dtype=np.float32),
        }

    def judge(self, situation: Situation) -> Judgement:
        """1 once lifted."""
        success = self._lifted_m(situation) > self.lift_m
        return Judgement(reward_terms={"success": float(success)}, success=success)

    def _lifted_m(self, situation: Situation) -> float:
        return float(situation.objects[CUBE].position_m[2]) - HALF_SIZE_M


@dataclass(frozen=True, kw_only=True)
class PickCubeDense(PickCube):
    """The same with a reward at every step, at most 0 before success, so that finishing early pays."""

    name = "pick_cube_dense"

    def judge(self, situation: Situation) -> Judgement:
        """Terms for coming near and for lifting, each 0 when done, and 1 on success."""
        sparse = super().judge(situation)
        distance = np.linalg.norm(situation.objects[CUBE].position_m - situation.arm.tcp.position_m)
        lifted = np.clip(self._lifted_m(situation) / self.lift_m, 0.0, 1.0)
        terms = {"near": 0.1 * float(np.exp(-10.0 * distance) - 1.0), "lift": 0.2 * float(lifted - 1.0)}
        return Judgement(reward_terms={**terms, **sparse.reward_terms}, success=sparse.success)


@dataclass(frozen=True, kw_only=True)
class PickCubeVision(PickCube):
    """The same with no pose to go by: only cameras show where things are."""

    name = "pick_cube_vision"
    entries = ()
