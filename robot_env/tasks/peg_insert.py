"""Peg insert: push a square peg, held firmly, 2 cm deep into a hole with 1 mm of clearance all round."""

from dataclasses import dataclass, field

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Box, SceneObject
from robot_env.tasks.base import Judgement, Situation, Start, TaskSettings
from shared.interface import ObservationEntry
from shared.step import Observation

PEG = "peg"
SOCKET = "socket"
PEG_HALF_M = 0.010
CLEARANCE_M = 0.001
PEG_HALF_LENGTH_M = 0.03
SOCKET_HEIGHT_M = 0.04
WALL_M = 0.03
FRICTION = 0.3


def _settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.40, -0.10, 0.06), high_m=(0.60, 0.10, 0.25), step_m=0.03),
        impedance=Impedance(stiffness_n_m=2000.0, damping_ns_m=150.0, clip_m=(0.008, 0.008, 0.01)),
        translation_limit_m=0.008,
        rotation_limit_rad=0.08,
        held_width_m=2 * PEG_HALF_M,
    )


def _walls() -> tuple[Box, ...]:
    """Four blocks round a square hole; their frame is the centre of its rim, z up."""
    hole, half_height = PEG_HALF_M + CLEARANCE_M, SOCKET_HEIGHT_M / 2
    outer, middle = hole + WALL_M, hole + WALL_M / 2
    long, short = (WALL_M / 2, outer, half_height), (hole, WALL_M / 2, half_height)
    blue = (0.2, 0.35, 0.65)
    return (
        Box(half_size_m=long, centre_m=(middle, 0.0, -half_height), colour=blue),
        Box(half_size_m=long, centre_m=(-middle, 0.0, -half_height), colour=blue),
        Box(half_size_m=short, centre_m=(0.0, middle, -half_height), colour=blue),
        Box(half_size_m=short, centre_m=(0.0, -middle, -half_height), colour=blue),
    )


@dataclass(frozen=True, kw_only=True)
class PegInsert:
    """The reward is 1 once the tip is `depth_m` below the rim, which ends the episode.

    The tool starts `start_m` to either side of the hole along x and y, its tip `start_height_m` above the
    rim, turned by up to `start_rad` about the vertical.
    """

    settings: TaskSettings = field(default_factory=_settings)
    socket_m: tuple[float, float] = (0.50, 0.0)
    start_m: float = 0.05
    start_height_m: tuple[float, float] = (0.04, 0.08)
    start_rad: float = float(np.deg2rad(20.0))
    depth_m: float = 0.02

    name = "peg_insert"
    scene = (
        SceneObject(
            name=PEG,
            kind="held",
            boxes=(Box(half_size_m=(PEG_HALF_M, PEG_HALF_M, PEG_HALF_LENGTH_M), colour=(0.8, 0.6, 0.2)),),
            mass_kg=0.05,
            held_at_m=(0.0, 0.0, 0.02),
        ),
        SceneObject(name=SOCKET, kind="fixed", boxes=_walls(), friction=FRICTION),
    )
    entries = (
        ObservationEntry(
            name="hole_from_peg_tip_base_m",
            shape=(3,),
            dtype="float32",
            low=-2.0,
            high=2.0,
            offset=(0.0, 0.0, -0.02),
            scale=(0.02, 0.02, 0.02),
        ),
    )

    def sample_start(self, rng: np.random.Generator) -> Start:
        """The tool beside, above and turned against the hole, each uniform."""
        x, y = self.socket_m + rng.uniform(-self.start_m, self.start_m, 2)
        tip = SOCKET_HEIGHT_M + rng.uniform(*self.start_height_m)
        turn = rng.uniform(-self.start_rad, self.start_rad)
        rotation = rotation_from_vector((0.0, 0.0, turn)) @ TOOL_DOWN
        return Start(
            tcp=Pose.of((x, y, tip + self._tip_below_tool_m), rotation),
            objects={SOCKET: Pose.of((*self.socket_m, SOCKET_HEIGHT_M))},
        )

    @property
    def stages(self) -> tuple[str, ...]:
        """Beside the hole, over it, in it but not deep enough."""
        return ("beside the hole", "over the hole", "in the hole")

    def stage(self, situation: Situation) -> int:
        """Which of them it is: the tip within half a peg's width of the hole's centre, and below the rim."""
        to_hole = self._to_hole(situation)
        if np.abs(to_hole[:2]).max() >= PEG_HALF_M:
            return 0
        return 2 if to_hole[2] > 0.0 else 1

    def observe(self, situation: Situation) -> Observation:
        """The vector from the peg's tip to the centre of the hole's rim."""
        return {"hole_from_peg_tip_base_m": self._to_hole(situation).astype(np.float32)}

    def judge(self, situation: Situation) -> Judgement:
        """1 once the tip is deep enough, in the hole and not beside the block."""
        to_hole = self._to_hole(situation)
        success = bool(to_hole[2] > self.depth_m and np.abs(to_hole[:2]).max() < PEG_HALF_M)
        return Judgement(reward_terms={"success": float(success)}, success=success)

    @property
    def _tip_below_tool_m(self) -> float:
        return self.scene[0].held_at_m[2] + PEG_HALF_LENGTH_M

    def _to_hole(self, situation: Situation) -> np.ndarray:
        peg = situation.objects[PEG]
        tip = peg.position_m + peg.rotation @ np.array([0.0, 0.0, PEG_HALF_LENGTH_M])
        return situation.objects[SOCKET].position_m - tip


@dataclass(frozen=True, kw_only=True)
class PegInsertVision(PegInsert):
    """The same with no pose to go by: only cameras show where things are."""

    name = "peg_insert_vision"
    entries = ()
