"""SERL's actions in a task's units, the lever arm of its RelativeFrame undone.

SERL multiplies (linear, angular) vectors by the adjoint [[R, 0], [[p]R, R]] of the tool's pose (R, p) in the
base frame, which belongs to the other order: what it stores as (v, w) moves the tool along R v and turns it
by R (w + (R^T p) x v), told as Euler angles about the base's axes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.trail import Trail
from robot_env.geometry import Matrix, Vector, vector_from_rotation
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, describe
from shared.serl_transitions import FLAT

Convert = Callable[[Trail], NDArray[np.float32]]
STAGE = "mapping SERL's actions"
GRIPPER_THRESHOLD = 0.5
GRIPPER_AT = 6
KINDS = ("translation_tool", "rotation_tool", "gripper")


def euler_matrix(angles_rad: NDArray[Any]) -> Matrix:
    """The rotation of Euler angles about the fixed axes x, y, z, as scipy's "xyz" has it."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles_rad), np.sin(angles_rad)
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


def relative_rotations(trail: Trail) -> NDArray[np.float64]:
    """The tool's orientation seen from the start of the episode, (T or T + 1, 3, 3)."""
    return np.stack([euler_matrix(angles) for angles in trail.column(FLAT)[:, 7:10].astype(np.float64)])


@dataclass(frozen=True, kw_only=True)
class LabActions:
    """Actions of SERL's arms, (T, 6 or 7), as those of a task that moves along its tool's axes.

    Attributes:
        limits: what 1 asks for in the task, by its entries' names.
        scale: SERL's ACTION_SCALE, m and rad.
        reset_pose: SERL's RESET_POSE; empty where the task does not turn.
    """

    limits: dict[str, float]
    scale: tuple[float, ...]
    reset_pose: tuple[float, ...]

    @classmethod
    def of(
        cls,
        found: InterfaceSpec,
        target: InterfaceSpec,
        scale: tuple[float, ...],
        reset_pose: tuple[float, ...],
        account: Account,
    ) -> "LabActions":
        """Raises ConfigError where the task moves otherwise, or a setting of SERL's is missing."""
        names = [entry.name for entry in target.actions]
        _require_alike(found, target)
        _require_settings(names, scale, reset_pose)
        account.say("actions", f"SERL's, scaled from {scale} to the task's limits")
        if "rotation_tool" in names:
            account.say("actions", "the lever arm of SERL's RelativeFrame was undone at RESET_POSE")
        held = KINDS[1:] if found.action_size > GRIPPER_AT else KINDS[1:2]
        for name in held:
            if name not in names:
                account.say("left out", f"the {name.removesuffix('_tool')} in the actions: the task has none")
        return cls(limits={e.name: e.high[0] for e in target.actions}, scale=scale, reset_pose=reset_pose)

    def __call__(self, trail: Trail) -> NDArray[np.float32]:
        """The task's actions, (T, A)."""
        actions = trail.actions.astype(np.float64)
        parts = [actions[:, :3] * self.scale[0] / self.limits["translation_tool"]]
        if "rotation_tool" in self.limits:
            parts.append(self._turns(trail, actions) / self.limits["rotation_tool"])
        if "gripper" in self.limits:
            gripper = actions[:, GRIPPER_AT : GRIPPER_AT + 1]
            parts.append(np.where(np.abs(gripper) < GRIPPER_THRESHOLD, 0.0, gripper))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def _turns(self, trail: Trail, actions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rotation vectors along the tool's axes, rad (T, 3)."""
        began, origin = euler_matrix(np.array(self.reset_pose[3:])), np.array(self.reset_pose[:3])
        positions = trail.column(FLAT)[:, 4:7].astype(np.float64)
        rotations = relative_rotations(trail)
        return np.stack(
            [
                _turn(action, began @ relative, origin + began @ position, self.scale[1])
                for action, relative, position in zip(actions, rotations, positions, strict=False)
            ]
        )


def _require_alike(found: InterfaceSpec, target: InterfaceSpec) -> None:
    """The task moves along the tool's axes, as SERL does, and drives a gripper only where the file does."""
    sizes: dict[str, int] = dict(zip(KINDS, (3, 3, 1), strict=True))
    names = [entry.name for entry in target.actions]
    if names[:1] != [KINDS[0]] or any(sizes.get(entry.name) != entry.size for entry in target.actions):
        raise ConfigError(
            STAGE,
            f"SERL moves and turns along the tool's axes; {describe(target)}",
            "choose a task with translation_tool and rotation_tool, as peg_insert_real is one",
        )
    if KINDS[2] in names and found.action_size <= GRIPPER_AT:
        raise ConfigError(STAGE, "the file's actions hold no gripper", "choose a task that drives none")


def _require_settings(names: list[str], scale: tuple[float, ...], reset_pose: tuple[float, ...]) -> None:
    if not scale:
        cause = "how far an action of 1 moves is not in the file"
        raise ConfigError(STAGE, cause, "give ACTION_SCALE of its config.py: --serl.action-scale 0.02 0.1 1")
    if KINDS[1] in names and not reset_pose:
        raise ConfigError(
            STAGE,
            "SERL's RelativeFrame mixes p x v into every recorded rotation",
            "give RESET_POSE of its config.py, to undo it: --serl.reset-pose x y z rx ry rz",
        )


def _turn(action: Vector, rotation: Matrix, position: Vector, scale_rad: float) -> Vector:
    told = rotation @ (action[3:6] + np.cross(rotation.T @ position, action[:3])) * scale_rad
    return rotation.T @ vector_from_rotation(euler_matrix(told))
