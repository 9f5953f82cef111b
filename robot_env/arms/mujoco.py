"""Simulated arms: a 1 kHz Cartesian impedance controller over a model in primitive geometry.

The spring and the damper are actuators between the tool's site and a set-point's site, so MuJoCo itself
evaluates J^T (K clip(e) - D v) at every physics step (1 ms) and integrates the damping implicitly; a force
range of stiffness x clip on the spring is exactly the clipped tracking error of the real controller.
Gravity is compensated by MuJoCo. Only the posture torque, projected into the null space of the tool's
Jacobian, is computed here, at 100 Hz: the null space hardly turns in 10 ms.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robot_env.arms.arm_model import PANDA, ArmModel
from robot_env.arms.base import ArmState, Impedance
from robot_env.arms.mujoco_world import HAND, TCP, MujocoWorld, add_scene
from robot_env.geometry import Pose, Vector, quaternion_wxyz, vector_from_rotation
from robot_env.physics import Model, Spec, mujoco
from robot_env.scene import Scene
from shared.errors import ConfigError

DAMPED = 1e-6
IK_ITERATIONS = 60
IK_TOLERANCE = 1e-6
FORCE_BLEND = 0.2
FINGER_STIFFNESS_N_M = 2000.0


@dataclass(frozen=True, kw_only=True)
class MujocoArmConfig:
    """Settings of the simulated Panda, and of every arm that differs from it in its model only."""

    model: ClassVar[ArmModel] = PANDA

    posture_rad: tuple[float, ...] = PANDA.home_rad
    """Joint angles that the null space returns to."""

    def __post_init__(self) -> None:
        if len(self.posture_rad) != self.model.joints:
            cure = f"give {self.model.joints}"
            raise ConfigError("mujoco arm", f"{len(self.posture_rad)} joint angles", cure)

    def build(self, scene: Scene, impedance: Impedance, gripper_width_m: float | None) -> "MujocoArm":
        """Compile arm and scene into one world."""
        spec = self.model.spec()
        add_impedance(spec, impedance)
        add_scene(spec, scene)
        return MujocoArm(MujocoWorld(spec, scene), self, impedance, gripper_width_m)


def add_impedance(spec: Spec, impedance: Impedance) -> None:
    """Six springs of bounded force and six dampers between tool and set-point."""
    stiffness = (impedance.stiffness_n_m,) * 3 + (impedance.rotational_stiffness_nm_rad,) * 3
    damping = (impedance.damping_ns_m,) * 3 + (impedance.rotational_damping_nms_rad,) * 3
    clip = impedance.clip_m + impedance.rotational_clip_rad
    for axis in range(6):
        bound = stiffness[axis] * clip[axis]
        _add_actuator(spec, f"spring{axis}", axis, (0.0, -stiffness[axis], 0.0), (-bound, bound))
        _add_actuator(spec, f"damper{axis}", axis, (0.0, 0.0, -damping[axis]), None)


def _add_actuator(
    spec: Spec,
    name: str,
    axis: int,
    bias: tuple[float, float, float],
    force_range: tuple[float, float] | None,
) -> None:
    actuator = spec.add_actuator(
        name=name, trntype=mujoco.mjtTrn.mjTRN_SITE, target=TCP, refsite="setpoint", gear=np.eye(6)[axis]
    )
    actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    actuator.gainprm[0] = 0.0
    actuator.biasprm[:3] = bias
    if force_range is not None:
        actuator.forcerange = force_range
        actuator.forcelimited = True


def hold_fingers(model: Model, fingers: slice, finger_m: float) -> None:
    """Springs that keep both fingers where no gripper drives them."""
    model.jnt_stiffness[fingers] = FINGER_STIFFNESS_N_M
    model.qpos_spring[fingers] = finger_m


class MujocoArm:
    """An arm in a MujocoWorld: its joints come first among all, then those of its fingers."""

    def __init__(
        self,
        world: MujocoWorld,
        config: MujocoArmConfig,
        impedance: Impedance,
        gripper_width_m: float | None,
    ) -> None:
        self.world = world
        self._posture = np.array(config.posture_rad)
        self._joints = slice(0, config.model.joints)
        self._fingers = slice(config.model.joints, config.model.joints + 2)
        self._impedance = impedance
        self._fingers_m = None if gripper_width_m is None else gripper_width_m / 2.0
        if self._fingers_m is not None:
            hold_fingers(world.model, self._fingers, self._fingers_m)
        self._site = int(world.model.site(TCP).id)
        self._mocap = int(world.model.body("setpoint").mocapid[0])
        self._full_jacobian = np.zeros((6, world.model.nv))
        self._jacobian = self._full_jacobian[:, self._joints]
        self._tool_bodies = _subtree(world.model, HAND)
        self._force_n = np.zeros(3)
        world.controllers += [self._hold_posture, self._feel]

    def reset(self, tcp: Pose) -> None:
        """Place the tool by inverse kinematics; raises ConfigError for a pose out of reach."""
        data = self.world.data
        data.qpos[self._joints] = self._posture
        data.qvel[: self._fingers.stop] = 0.0
        if self._fingers_m is not None:
            data.qpos[self._fingers] = self._fingers_m
        self._solve(tcp)
        self._force_n[:] = 0.0
        self.send(tcp)

    def read(self) -> ArmState:
        """Pose and twist of the tool as they are now, and its contact force over about the last 50 ms."""
        data = self.world.data
        twist = self._update_jacobian() @ data.qvel[self._joints]
        return ArmState(
            tcp=self._tcp(),
            velocity_m_s=twist[:3],
            angular_velocity_rad_s=twist[3:],
            force_n=self._force_n.copy(),
            joints_rad=data.qpos[self._joints].copy(),
        )

    def send(self, target: Pose) -> None:
        """Move the set-point."""
        self.world.data.mocap_pos[self._mocap] = target.position_m
        self.world.data.mocap_quat[self._mocap] = quaternion_wxyz(target.rotation)

    def close(self) -> None:
        """Close its world."""
        self.world.close()

    def _tcp(self) -> Pose:
        data = self.world.data
        return Pose.of(data.site_xpos[self._site], data.site_xmat[self._site].reshape(3, 3))

    def _update_jacobian(self) -> np.ndarray:
        full = self._full_jacobian
        mujoco.mj_jacSite(self.world.model, self.world.data, full[:3], full[3:], self._site)
        return self._jacobian

    def _hold_posture(self) -> None:
        data, jacobian = self.world.data, self._update_jacobian()
        torque = self._impedance.posture_stiffness_nm_rad * (self._posture - data.qpos[self._joints])
        torque -= self._impedance.posture_damping_nms_rad * data.qvel[self._joints]
        data.qfrc_applied[self._joints] = torque - jacobian.T @ _in_task_space(jacobian, jacobian @ torque)

    def _feel(self) -> None:
        data = self.world.data
        mujoco.mj_rnePostConstraint(self.world.model, data)
        self._force_n += FORCE_BLEND * (data.cfrc_ext[self._tool_bodies, 3:].sum(axis=0) - self._force_n)

    def _solve(self, target: Pose) -> None:
        model, data = self.world.model, self.world.data
        limits = model.jnt_range[self._joints]
        for _ in range(IK_ITERATIONS):
            mujoco.mj_kinematics(model, data)
            mujoco.mj_comPos(model, data)
            error = self._error(target)
            if float(np.abs(error).max()) < IK_TOLERANCE:
                return
            jacobian = self._update_jacobian()
            pull = 0.1 * (self._posture - data.qpos[self._joints])
            step = pull + jacobian.T @ _in_task_space(jacobian, error - jacobian @ pull)
            data.qpos[self._joints] = np.clip(data.qpos[self._joints] + step, limits[:, 0], limits[:, 1])
        raise ConfigError(
            "resetting the arm",
            f"the tool cannot reach {target.position_m.round(3)} m",
            "start inside its reach",
        )

    def _error(self, target: Pose) -> Vector:
        now = self._tcp()
        turn = now.rotation @ vector_from_rotation(now.rotation.T @ target.rotation)
        return np.concatenate([target.position_m - now.position_m, turn])


def _in_task_space(jacobian: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """(J J^T)^-1 v, damped so that it stays finite near singular postures."""
    return np.linalg.solve(jacobian @ jacobian.T + DAMPED * np.eye(6), vector)


def _subtree(model: Model, name: str) -> list[int]:
    root = int(model.body(name).id)
    members = {root}
    for body in range(root + 1, model.nbody):
        if int(model.body_parentid[body]) in members:
            members.add(body)
    return sorted(members)
