"""Reach: bring the tool within 1 cm of a target anywhere in the workspace."""

from dataclasses import dataclass, field

import numpy as np

from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Box, SceneObject, Vector3
from robot_env.tasks.base import Judgement, Situation, Start, TaskSettings
from shared.errors import ConfigError
from shared.interface import ObservationEntry
from shared.step import Observation

TARGET = "target"
POST_HALF_M = 0.25
APART_M = 0.05
MOST_TRIES = 1000


def _settings() -> TaskSettings:
    return TaskSettings(
        envelope=SafetyEnvelope(low_m=(0.25, -0.3, 0.02), high_m=(0.65, 0.3, 0.5), step_m=0.06),
        held_width_m=0.02,
    )


def _marker() -> tuple[Box, ...]:
    """A cube on a post that vanishes in the table: one camera tells by its foot how far away it is."""
    return (
        Box(half_size_m=(0.012, 0.012, 0.012), colour=(0.1, 0.8, 0.2)),
        Box(
            half_size_m=(0.008, 0.008, POST_HALF_M), centre_m=(0.0, 0.0, -POST_HALF_M), colour=(0.1, 0.3, 0.8)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Targets are uniform in a box; the reward is 1 on arrival, which ends the episode."""

    settings: TaskSettings = field(default_factory=_settings)
    target_low_m: Vector3 = (0.30, -0.25, 0.05)
    target_high_m: Vector3 = (0.60, 0.25, 0.45)
    start_low_m: Vector3 = (0.40, -0.05, 0.20)
    start_high_m: Vector3 = (0.50, 0.05, 0.30)
    tolerance_m: float = 0.01

    name = "reach"
    scene = (SceneObject(name=TARGET, kind="marker", boxes=_marker()),)
    entries = (
        ObservationEntry(
            name="target_from_tcp_base_m",
            shape=(3,),
            dtype="float32",
            low=-2.0,
            high=2.0,
            offset=(0.0, 0.0, 0.0),
            scale=(0.01, 0.01, 0.01),
        ),
    )

    def sample_start(self, rng: np.random.Generator) -> Start:
        """Tool and target, each uniform in its box, the target not where the tool already is."""
        tcp = rng.uniform(self.start_low_m, self.start_high_m)
        for _ in range(MOST_TRIES):
            target = rng.uniform(self.target_low_m, self.target_high_m)
            if np.linalg.norm(target - tcp) > APART_M:
                return Start(tcp=Pose.of(tcp, TOOL_DOWN), objects={TARGET: Pose.of(target)})
        raise ConfigError(
            "starting reach", f"no target is {APART_M} m away from the tool", "widen the box of targets"
        )

    def observe(self, situation: Situation) -> Observation:
        """The vector from tool to target."""
        offset = situation.objects[TARGET].position_m - situation.arm.tcp.position_m
        return {"target_from_tcp_base_m": offset.astype(np.float32)}

    def judge(self, situation: Situation) -> Judgement:
        """1 within the tolerance."""
        offset = situation.objects[TARGET].position_m - situation.arm.tcp.position_m
        success = bool(np.linalg.norm(offset) < self.tolerance_m)
        return Judgement(reward_terms={"success": float(success)}, success=success)


@dataclass(frozen=True, kw_only=True)
class ReachVision(Reach):
    """The same with no pose to go by: only cameras show where things are."""

    name = "reach_vision"
    entries = ()
