"""SERL's flat state vectors and actions, where a task of ours sees and does the same.

SERL's state is flattened in the order of the alphabet. On its arms (19 elements): gripper 1, force 3, pose 6
(position, Euler angles xyz), torque 3, velocity 6. Pose and action are those of its RelativeFrame: the pose
as seen from where the episode began, the action along the tool's axes. Source: serl_robot_infra,
franka_env/envs/wrappers.py and relative_env.py.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.account import Account
from actor.conversion.mapping import Column
from actor.conversion.serl_actions import GRIPPER_THRESHOLD, Convert, LabActions, relative_rotations
from actor.conversion.trail import Trail
from robot_env.geometry import six_d, vector_from_rotation
from robot_env.serl_http.gripper_units import GripperUnits, width_from_position
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.serl_transitions import FLAT

STATE_SIZE = 19


@dataclass(frozen=True, kw_only=True)
class SerlConfig:
    """What SERL's config.py said when the pickle was recorded; needed only with --task or --like."""

    action_scale: tuple[float, ...] = ()
    """ACTION_SCALE: m, rad and gripper, as in 0.02 0.1 1."""
    reset_pose: tuple[float, ...] = ()
    """RESET_POSE: x y z in m and Euler angles xyz in rad; its lever arm is in every recorded rotation."""
    gripper_units: GripperUnits = "hil"
    """How gripper_pose counts: serl (m), serl_robotiq (0 open to 255), hil (1 open to 0)."""

    def __post_init__(self) -> None:
        if len(self.action_scale) not in (0, 2, 3) or any(scale <= 0 for scale in self.action_scale):
            cause = f"action_scale is {self.action_scale}"
            raise ConfigError("SERL's settings", cause, "give m, rad and gripper, as in 0.02 0.1 1")
        if len(self.reset_pose) not in (0, 6):
            raise ConfigError(
                "SERL's settings", f"reset_pose has {len(self.reset_pose)} numbers", "give x y z rx ry rz"
            )


def known_columns(
    found: InterfaceSpec, target: InterfaceSpec, config: SerlConfig, account: Account
) -> dict[str, Column]:
    """The entries of the target that follow from the file's state, where its layout is SERL's."""
    if not is_serl(found):
        return {}
    columns = _columns(config)
    wanted = [entry.name for entry in target.observations if entry.name in columns]
    if wanted:
        account.say("observations", f"{', '.join(wanted)}: from SERL's state of {STATE_SIZE} elements")
    if any("angular" in name or "speed" in name for name in wanted):
        account.say("observations", "turning and finger speeds: differences of successive poses and widths")
    return {name: columns[name] for name in wanted}


def known_actions(
    found: InterfaceSpec, target: InterfaceSpec, config: SerlConfig, account: Account
) -> Convert | None:
    """How SERL's actions become the target's; None where the file is not of SERL, or keeps its own actions.

    Raises:
        ConfigError: a scale or pose is needed and was not given, or the actions are of another kind.
    """
    if not is_serl(found) or target.actions == found.actions:
        return None
    return LabActions.of(found, target, config.action_scale, config.reset_pose, account)


def is_serl(found: InterfaceSpec) -> bool:
    """Whether its state has the size of SERL's."""
    return any(entry.name == FLAT and entry.shape == (STATE_SIZE,) for entry in found.observations)


def _columns(config: SerlConfig) -> dict[str, Column]:
    units = config.gripper_units
    return {
        "arm/tcp_position_reset_m": _part(4, 7),
        "arm/tcp_velocity_reset_m_s": _velocity,
        "arm/tcp_rotation_reset_6d": _rotation,
        "arm/tcp_angular_velocity_reset_rad_s": _turning,
        "gripper/width_m": lambda trail: _widths(trail, units),
        "gripper/speed_m_s": lambda trail: _rate(_widths(trail, units), trail.control_hz),
        "gripper/command": _command,
    }


def _rotation(trail: Trail) -> NDArray[np.float32]:
    return _float(np.stack([six_d(rotation) for rotation in relative_rotations(trail)]))


def _velocity(trail: Trail) -> NDArray[np.float32]:
    """SERL has it along the tool's axes: its linear part is free of the lever arm (see serl_actions)."""
    along_tool = trail.column(FLAT)[:, 13:16]
    return _float(np.einsum("tij,tj->ti", relative_rotations(trail), along_tool))


def _turning(trail: Trail) -> NDArray[np.float32]:
    """From successive orientations: in what SERL stores, the lever arm is mixed in."""
    turned = relative_rotations(trail)
    turns = [vector_from_rotation(now @ before.T) for before, now in itertools.pairwise(turned)]
    return _float(np.stack([np.zeros(3), *turns]) * trail.control_hz)


def _widths(trail: Trail, units: GripperUnits) -> NDArray[np.float32]:
    return _float(np.array([[width_from_position(float(at), units)] for at in trail.column(FLAT)[:, 0]]))


def _command(trail: Trail) -> NDArray[np.float32]:
    """What the gripper was told before each observation: SERL acts beyond +-0.5, and begins open."""
    told, commands = 1.0, [[1.0]]
    for action in trail.actions[: len(trail.observations) - 1]:
        told = float(np.sign(action[-1])) if abs(action[-1]) >= GRIPPER_THRESHOLD else told
        commands.append([told])
    return _float(np.array(commands))


def _part(begin: int, end: int) -> Column:
    return lambda trail: np.ascontiguousarray(trail.column(FLAT)[:, begin:end])


def _rate(values: NDArray[np.float32], control_hz: float) -> NDArray[np.float32]:
    return _float(np.diff(values, axis=0, prepend=values[:1]) * control_hz)


def _float(values: NDArray[Any]) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
