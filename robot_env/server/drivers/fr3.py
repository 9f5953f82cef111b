"""Franka Research 3 through franky-control: its impedance loop runs at 1 kHz in C++, this only steers it.

What the library does not say by itself, measured against a simulated FR3:

- its trackers have no watchdog and hold the last reference for ever: the servo's is the only one;
- `Robot.stop` preempts, and the motion then ends with an error that is none;
- franky's own stop of a Cartesian motion breaks the arm's velocity limits, the controller's does not;
- a new tool frame shows in the state only after some milliseconds;
- a lost connection is a NetworkException, or a plain RuntimeError once the socket is gone.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import franky
import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, Vector
from robot_env.server.drivers.base import Activity, DriverState
from robot_env.server.drivers.fr3_impedance import LoopLimits, limp, tracker
from robot_env.server.drivers.fr3_tool import set_collision_limits, set_tool
from robot_env.server.drivers.franky_calls import (
    STOPPED,
    affine,
    error_names,
    libfranka_version,
    pose,
    raised,
    reaching,
)
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, DriverLost

log = logging.getLogger(__name__)

HOME_RAD = (0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398)
REALTIME_KERNEL = Path("/sys/kernel/realtime")
END_SECONDS = 0.4
"""Twice this stays below what the server gives a driver to answer."""
PREEMPTED = "preempted"

Motion = Literal["tracking", "guiding", "travelling", "stopping"]
TORQUE_MOTIONS = ("tracking", "guiding")


@dataclass(frozen=True, kw_only=True)
class FR3DriverConfig:
    """Settings of an FR3 (system 5.9 or later; docs/franka.md says which arm needs what)."""

    host: str = "172.16.0.2"
    """Address of the arm's controller."""
    realtime: Literal["enforce", "ignore", "auto"] = "auto"
    """Whether a real-time kernel is required; auto requires it where this computer runs one."""
    tool: Literal["franka_hand", "desk"] = "franka_hand"
    """Where the tool centre point is: between the fingertips of the Franka hand, or as set in Desk."""
    tool_m: float = 0.1034
    """How far beyond the flange the fingertips of the hand are."""
    collision_force_n: float = 80.0
    """Force on the tool that stops the arm by a reflex, each axis."""
    collision_moment_nm: float = 30.0
    """Moment on the tool that does."""
    collision_torque_nm: tuple[float, ...] = (60.0, 60.0, 60.0, 60.0, 30.0, 30.0, 30.0)
    """Torque at each joint that does."""
    torque_rate_nm: float = 1.0
    """Largest change of a joint's torque from one millisecond to the next."""
    gains_seconds: float = 0.1
    """Time constant with which stiffness and damping rise when tracking begins."""
    posture_rad: tuple[float, ...] = HOME_RAD
    """Joint angles that the elbow is drawn to."""
    posture_torque_nm: float = 10.0
    """Largest torque of that pull."""

    def __post_init__(self) -> None:
        limits = (self.collision_force_n, self.collision_moment_nm, *self.collision_torque_nm)
        limits += (self.torque_rate_nm, self.gains_seconds, self.posture_torque_nm)
        if not all(np.isfinite(limits)) or min(limits) <= 0:
            raise ConfigError(
                "FR3 driver", f"{self} has limits that are not positive", "use positive SI values"
            )
        if not len(self.collision_torque_nm) == len(self.posture_rad) == len(HOME_RAD):
            raise ConfigError("FR3 driver", "a list is not as long as the arm has joints", "give 7 values")
        if not self.host:
            raise ConfigError(
                "FR3 driver", "no host is given", "give the controller's address, as 172.16.0.2"
            )

    @property
    def loop(self) -> LoopLimits:
        """Of the impedance loop."""
        return LoopLimits(
            torque_rate_nm=self.torque_rate_nm,
            gains_seconds=self.gains_seconds,
            posture_rad=self.posture_rad,
            posture_torque_nm=self.posture_torque_nm,
        )

    @property
    def collision_wrench(self) -> tuple[float, ...]:
        """(6,) force and moment on the tool, each axis, in N and Nm."""
        return (self.collision_force_n,) * 3 + (self.collision_moment_nm,) * 3

    def build(self) -> "FR3Driver":
        """Connect; DriverLost where there is no such arm."""
        return FR3Driver(self, SystemClock())


class FR3Driver:
    """One FR3. Only one thread calls it."""

    def __init__(self, config: FR3DriverConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._motion: Motion | None = None
        self._tracker: franky.CartesianImpedanceTrackingMotion | None = None
        self._errors: tuple[str, ...] = ()
        self._stamp = (-1, clock.now())
        self._closed = False
        with reaching("FR3", config.host):
            self._robot = franky.Robot(config.host, realtime_config=_realtime(config))
            set_collision_limits(self._robot, config.collision_wrench, config.collision_torque_nm)
            if config.tool == "franka_hand":
                set_tool(self._robot, config.tool_m)

    @property
    def description(self) -> str:
        """Arm, address and library."""
        library = f"franky-control {version('franky-control')}, libfranka {libfranka_version()}"
        return f"FR3 at {self._config.host}, {library}"

    def read(self) -> DriverState:
        """The newest state; `time_seconds` stands still while none arrives."""
        with self._commanding():
            self._look()
        with reaching("FR3", self._config.host):
            state = self._robot.state
            jacobian = self._robot.model.zero_jacobian(franky.Frame.EndEffector, state)
        return self._state(state, jacobian)

    def engage(self, impedance: Impedance) -> None:
        """Begin tracking at the measured pose."""
        self._make_way("tracking")
        with self._commanding():
            here = self._robot.state.O_T_EE
            self._tracker = tracker(self._config.loop, impedance)
            self._tracker.set_reference(franky.CartesianReference(here))
            self._begin("tracking", self._tracker)

    def track(self, reference: Pose) -> None:
        """Move the reference; without effect while no impedance loop runs."""
        if self._motion == "tracking" and self._tracker is not None:
            self._tracker.set_reference(franky.CartesianReference(affine(reference)))

    def travel(self, target: Pose, speed_share: float) -> None:
        """A straight motion, exact at its end."""
        goal = franky.CartesianState(franky.RobotPose(affine(target)))
        share = franky.RelativeDynamicsFactor(speed_share)
        self._make_way("travelling")
        with self._commanding():
            self._begin("travelling", franky.CartesianMotion(goal, relative_dynamics_factor=share))

    def travel_joints(self, joints_rad: Vector, speed_share: float) -> None:
        """A motion of the joints."""
        goal = franky.JointState(np.asarray(joints_rad, dtype=np.float64))
        share = franky.RelativeDynamicsFactor(speed_share)
        self._make_way("travelling")
        with self._commanding():
            self._begin("travelling", franky.JointMotion(goal, relative_dynamics_factor=share))

    def guide(self) -> None:
        """Led by hand: the loop runs without stiffness."""
        self._make_way("guiding")
        with self._commanding():
            self._begin("guiding", limp(self._config.torque_rate_nm))

    def stop(self) -> None:
        """End the motion: an impedance loop by one that brakes, a travel by the arm's own controller."""
        if self._motion in TORQUE_MOTIONS:
            with self._commanding():
                self._begin("stopping", franky.TorqueStopMotion())
        elif self._motion == "travelling":
            with self._commanding():
                self._robot.stop()

    def recover(self) -> None:
        """The arm's automatic error recovery."""
        with self._commanding():
            self._look()
        with self._commanding():
            if self._robot.recover_from_errors():
                self._errors = ()

    def close(self) -> None:
        """Stop and disconnect."""
        if self._closed:
            return
        self._closed = True
        try:
            self.stop()
            self._join()
        except DriverLost as error:
            log.info("the arm was gone before it was left: %s", error.cause)
        finally:
            self._tracker = None
            del self._robot  # disconnects: the arm serves one client

    def _begin(self, kind: Motion, motion: Any) -> None:
        """Run a motion; one of the same control signal takes over from the running one without a jump."""
        self._robot.move(motion, asynchronous=True)
        self._motion = kind

    def _make_way(self, wanted: Motion) -> None:
        """End a motion that `wanted` cannot take over from."""
        running = self._motion
        if running is None or (running in TORQUE_MOTIONS and wanted in TORQUE_MOTIONS):
            return
        self.stop()
        self._join()

    def _join(self) -> None:
        if self._motion is None:
            return
        with self._commanding():
            if not self._robot.join_motion(END_SECONDS):
                self._robot.stop()
                if not self._robot.join_motion(END_SECONDS):
                    raise DriverLost("FR3", "its motion does not end", "the server connects anew by itself")
        self._motion = None

    def _look(self) -> None:
        """See whether the motion has ended, and how."""
        if self._motion is not None:
            self._robot.poll_motion()
            if not self._robot.is_in_control:
                self._motion = None

    @contextmanager
    def _commanding(self) -> Iterator[None]:
        """An arm that has stopped itself ends the motion, and is no error here: `read` says why."""
        with reaching("FR3", self._config.host):
            try:
                yield
            except STOPPED as error:
                self._motion = None
                if PREEMPTED not in str(error):
                    log.warning("the FR3 stopped: %s", error)
                    self._errors = self._errors or error_names(str(error))

    def _state(self, state: franky.RobotState, jacobian: Vector) -> DriverState:
        twist = jacobian @ np.asarray(state.dq)
        wrench = -np.asarray(state.O_F_ext_hat_K)  # theirs is what the arm exerts on its surroundings
        activity = self._activity(state.robot_mode)
        both = (*self._errors, *raised(state.current_errors))  # a collision on top of another error counts
        errors = tuple(dict.fromkeys(both)) or raised(state.last_motion_errors)
        in_loop = activity in ("tracking", "travelling", "guiding")
        return DriverState(
            tcp=pose(state.O_T_EE),
            velocity_m_s=twist[:3],
            angular_velocity_rad_s=twist[3:],
            force_n=wrench[:3],
            torque_nm=wrench[3:],
            joints_rad=np.array(state.q),
            joint_velocities_rad_s=np.array(state.dq),
            jacobian=jacobian,
            activity=activity,
            errors=errors if activity == "reflex" else (),
            command_success_rate=float(state.control_command_success_rate) if in_loop else 1.0,
            time_seconds=self._measured_at(state),
        )

    def _activity(self, mode: franky.RobotMode) -> Activity:
        if mode == franky.RobotMode.UserStopped:
            return "user_stop"
        if mode == franky.RobotMode.Reflex or self._errors:
            return "reflex"
        if mode == franky.RobotMode.Guiding:
            return "guiding"
        if self._motion == "tracking" or self._motion == "guiding":
            return self._motion
        return "idle" if self._motion is None else "travelling"

    def _measured_at(self, state: franky.RobotState) -> float:
        """When this state was first seen: the library repeats the last one while none arrives."""
        stamp = state.time.to_msec()
        if stamp != self._stamp[0]:
            self._stamp = (stamp, self._clock.now())
        return self._stamp[1]


def _realtime(config: FR3DriverConfig) -> franky.RealtimeConfig:
    enforce = config.realtime == "enforce"
    if config.realtime == "auto":
        enforce = REALTIME_KERNEL.is_file() and REALTIME_KERNEL.read_text().strip() == "1"
        log.info("real-time kernel: %s", "required" if enforce else "none, commands may be late")
    return franky.RealtimeConfig.Enforce if enforce else franky.RealtimeConfig.Ignore
