"""Progress: whether what moved in a period is what somebody who knows the way would have wanted.

All by what can be seen: where the arm was and is, how the gripper was told to stand, and the way to go.
"""

from dataclasses import dataclass

import numpy as np

from robot_env.geometry import Vector
from shared.step import Action, Observation

IDLE = 0.15
"""A wish shorter than this, in policy units, is a wish to stay."""
DRIFT = 0.5
"""What may move in a period, in policy units, where the wish was to stay."""
ENOUGH = 0.25
"""The part of a wish that has to come true in a period (the scripts themselves get 0.5 to 1.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """One look at the world.

    Attributes:
        position_m: (3,) the tool centre point in the base frame.
        wish: (3,) where it should go in this period, base frame, 1 is the most that a period allows.
        grip: what the gripper should be told, negative to close; None without one.
        told: what it was told last; None where that is not seen.
    """

    position_m: Vector
    wish: Vector
    grip: float | None
    told: float | None


def sight_of(seen: Observation, wanted: Action, *, grips: bool) -> Sight:
    """From what `RobotEnv.see` or a task's states tell, and a script's action for it."""
    told = seen.get("gripper/command")
    return Sight(
        position_m=seen["arm/tcp_position_base_m"].astype(np.float64),
        wish=np.asarray(wanted[:3], np.float64),
        grip=float(wanted[-1]) if grips else None,
        told=None if told is None else float(told[0]),
    )


def progressed(before: Sight, after: Sight, limit_m: float) -> bool:
    """Whether the period between two looks brought the task on; `limit_m` is the most that it could move."""
    if before.grip is not None and after.told is not None and before.grip * after.told < 0:
        return False
    moved = (after.position_m - before.position_m) / limit_m
    wish = float(np.linalg.norm(before.wish))
    if wish < IDLE:
        return float(np.linalg.norm(moved)) < DRIFT
    return float(moved @ before.wish) >= ENOUGH * wish**2
