"""Our simulated Panda as a driver: the same impedance controller, stepped in real time on the clock."""

from dataclasses import dataclass

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.arms.mujoco import MujocoArmConfig
from robot_env.arms.mujoco_world import TCP
from robot_env.geometry import TOOL_DOWN, Pose, Vector, rotation_from_vector, vector_from_rotation
from robot_env.physics import mujoco
from robot_env.server.drivers.base import Activity, DriverState
from robot_env.server.drivers.simulated_hand import SimulatedHandConfig
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError

__all__ = ["SimulatedDriver", "SimulatedDriverConfig", "SimulatedHandConfig"]

HELD_WIDTH_M = 0.02
LONGEST_STEP_SECONDS = 0.1
"""Time beyond it does not pass in the simulation: a computer that stalled does not catch up."""
AT_REST_M_S = 0.01
SETTLE_SECONDS = 0.3
TRAVEL_M_S, TRAVEL_RAD_S, JOINTS_RAD_S = 1.5, 2.5, 2.0
LOOSE = 1e-6
"""Share of the gains when led by hand."""


@dataclass(frozen=True, kw_only=True)
class SimulatedDriverConfig:
    """A simulated Panda alone on its table."""

    start_tcp_m: tuple[float, float, float] = (0.45, 0.0, 0.3)
    """Where the tool is when it is switched on."""
    ramp_seconds: float = 0.2
    """How long the gains rise."""

    def __post_init__(self) -> None:
        if not self.ramp_seconds >= 0:
            raise ConfigError("simulated driver", f"ramp_seconds is {self.ramp_seconds}", "give seconds")

    def build(self, clock: Clock | None = None) -> "SimulatedDriver":
        """A new simulation, on the system's clock or on another."""
        return SimulatedDriver(self, clock or SystemClock())


@dataclass(frozen=True, slots=True)
class _Move:
    """A motion from pose to pose, or from joints to joints, beginning and ending at rest."""

    began: float
    seconds: float
    start: Pose | Vector
    end: Pose | Vector

    def at(self, now: float) -> Pose | Vector:
        """Where it is; a quintic in time."""
        share = min(1.0, (now - self.began) / self.seconds) if self.seconds > 0 else 1.0
        share = share**3 * (10.0 - 15.0 * share + 6.0 * share**2)
        if isinstance(self.start, Pose) and isinstance(self.end, Pose):
            turn = vector_from_rotation(self.start.rotation.T @ self.end.rotation)
            place = self.start.position_m + share * (self.end.position_m - self.start.position_m)
            return Pose(place, self.start.rotation @ rotation_from_vector(share * turn))
        return self.start + share * (self.end - self.start)  # pyright: ignore[reportOperatorIssue]


class SimulatedDriver:
    """A MujocoArm whose time passes whenever it is read."""

    description = "simulated Panda, MuJoCo"

    def __init__(self, config: SimulatedDriverConfig, clock: Clock) -> None:
        self._clock, self._ramp_seconds = clock, config.ramp_seconds
        self._impedance = Impedance()
        self._arm = MujocoArmConfig().build((), self._impedance, HELD_WIDTH_M)
        self._world = self._arm.world
        model = self._world.model
        self._springs = [int(model.actuator(f"spring{axis}").id) for axis in range(6)]
        self._dampers = [int(model.actuator(f"damper{axis}").id) for axis in range(6)]
        self._site = int(model.site(TCP).id)
        self._jacobian = np.zeros((6, model.nv))
        self._then = self._engaged = clock.now()
        self._activity: Activity = "idle"
        self._ending = False
        self._move: _Move | None = None
        self._arm.reset(Pose.of(config.start_tcp_m, TOOL_DOWN))
        self._joints = len(self._arm.read().joints_rad)
        self._world.settle()

    def read(self) -> DriverState:
        """Let the time pass that has passed, then measure."""
        now = self._clock.now()
        seconds, self._then = min(now - self._then, LONGEST_STEP_SECONDS), now
        if self._activity == "tracking":
            self._set_gains(min(1.0, (now - self._engaged) / max(self._ramp_seconds, 1e-9)))
        self._go_on(now, seconds)
        arm = self._arm.read()
        if self._ending and float(np.linalg.norm(arm.velocity_m_s)) < AT_REST_M_S:
            self._rest()
        data, model = self._world.data, self._world.model
        mujoco.mj_jacSite(model, data, self._jacobian[:3], self._jacobian[3:], self._site)
        return DriverState(
            tcp=arm.tcp,
            velocity_m_s=arm.velocity_m_s,
            angular_velocity_rad_s=arm.angular_velocity_rad_s,
            force_n=arm.force_n,
            joints_rad=arm.joints_rad,
            joint_velocities_rad_s=data.qvel[: self._joints].copy(),
            jacobian=self._jacobian[:, : self._joints].copy(),
            activity=self._activity,
            time_seconds=now,
        )

    def engage(self, impedance: Impedance) -> None:
        """Track from where the tool is; the gains rise."""
        self._begin("tracking")
        self._impedance, self._engaged = impedance, self._clock.now()
        self._set_gains(0.0)
        self._arm.send(self._arm.read().tcp)

    def track(self, reference: Pose) -> None:
        """Move the set-point."""
        if self._activity == "tracking" and not self._ending:
            self._arm.send(reference)

    def travel(self, target: Pose, speed_share: float) -> None:
        """Move the set-point along a straight line."""
        self._begin("travelling")
        start = self._arm.read().tcp
        turn = float(np.linalg.norm(vector_from_rotation(start.rotation.T @ target.rotation)))
        far = float(np.linalg.norm(target.position_m - start.position_m))
        seconds = 1.5 * max(far / TRAVEL_M_S, turn / TRAVEL_RAD_S) / speed_share
        self._move = _Move(self._clock.now(), seconds, start, target)

    def travel_joints(self, joints_rad: Vector, speed_share: float) -> None:
        """Move the joints, stiffly."""
        self._begin("travelling")
        start = self._arm.read().joints_rad
        seconds = 1.5 * float(np.abs(joints_rad - start).max()) / (JOINTS_RAD_S * speed_share)
        self._move = _Move(self._clock.now(), seconds, start, np.array(joints_rad))

    def guide(self) -> None:
        """No stiffness; nobody is there to lead it."""
        self._begin("guiding")
        self._set_gains(LOOSE)

    def stop(self) -> None:
        """Brake where the tool is."""
        if self._activity != "idle":
            self._ending, self._move = True, None
            self._firm()
            self._arm.send(self._arm.read().tcp)

    def recover(self) -> None:
        """Nothing goes wrong here by itself."""

    def close(self) -> None:
        """Forget the simulation."""
        self._arm.close()

    def _begin(self, activity: Activity) -> None:
        self._activity, self._ending, self._move = activity, False, None
        self._firm()

    def _rest(self) -> None:
        self._activity, self._ending, self._move = "idle", False, None
        self._arm.send(self._arm.read().tcp)

    def _go_on(self, now: float, seconds: float) -> None:
        if self._move is None:
            self._world.advance(seconds)
            return
        there = self._move.at(now)
        if isinstance(there, Pose):
            self._arm.send(there)
            self._world.advance(seconds)
        else:
            self._place_joints(there, seconds)
        if now - self._move.began >= self._move.seconds + SETTLE_SECONDS:
            self._rest()

    def _place_joints(self, joints_rad: Vector, seconds: float) -> None:
        data = self._world.data
        data.qvel[: self._joints] = (joints_rad - data.qpos[: self._joints]) / seconds if seconds > 0 else 0.0
        data.qpos[: self._joints] = joints_rad
        self._world.settle()

    def _firm(self) -> None:
        self._impedance = Impedance()
        self._set_gains(1.0)

    def _set_gains(self, share: float) -> None:
        model, impedance = self._world.model, self._impedance
        clip = impedance.clip_m + impedance.rotational_clip_rad
        stiffness = (impedance.stiffness_n_m,) * 3 + (impedance.rotational_stiffness_nm_rad,) * 3
        damping = (impedance.damping_ns_m,) * 3 + (impedance.rotational_damping_nms_rad,) * 3
        for axis in range(6):
            bound = stiffness[axis] * clip[axis]
            model.actuator_biasprm[self._springs[axis], 1] = -stiffness[axis] * share
            model.actuator_forcerange[self._springs[axis]] = (-bound, bound)
            model.actuator_biasprm[self._dampers[axis], 2] = -damping[axis]
