"""Franka Panda (FER) through panda-python: its impedance loop runs at 1 kHz in C++, this steers it.

No simulator speaks the Panda's protocol, so this is tested against a fake of the library's interface, which
is held against the installed library's own names. Where panda_py does less than the FR3's library, this does
the rest: references are clipped around the measured pose (so the force stays below stiffness x clip), gains
rise step by step, and its blocking motions run in a thread of their own.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import numpy as np
import panda_py
from panda_py import controllers, libfranka

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, Vector
from robot_env.server.drivers.base import Activity, DriverState
from robot_env.server.drivers.franka_versions import mismatch_cure
from robot_env.server.drivers.panda_impedance import ImpedanceLoop, clipped, damping_ratio, placed
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, DriverLost

log = logging.getLogger(__name__)

HOME_RAD = (0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398)
ERRORS = tuple(name for name in dir(libfranka.Errors) if not name.startswith("_"))
NETWORK_WORDS = ("UDP", "TCP", "Connection", "Net Exception", "Timeout", "refused", "version")
END_SECONDS = 0.8
"""Less than the server gives a driver to answer."""

Motion = Literal["tracking", "travelling", "guiding"]


@dataclass(frozen=True, kw_only=True)
class PandaDriverConfig:
    """Settings of a Panda (system 4.2.1 or later; docs/franka.md says which arm needs what)."""

    host: str = "172.16.0.2"
    """Address of the arm's controller."""
    realtime: Literal["enforce", "ignore"] = "ignore"
    """Whether a real-time kernel is required."""
    collision_force_n: float = 80.0
    """Force on the tool that stops the arm by a reflex, each axis."""
    collision_moment_nm: float = 30.0
    """Moment on the tool that does."""
    collision_torque_nm: tuple[float, ...] = (60.0, 60.0, 60.0, 60.0, 30.0, 30.0, 30.0)
    """Torque at each joint that does."""
    gains_seconds: float = 0.3
    """How long the stiffness rises when tracking begins."""
    posture_rad: tuple[float, ...] = HOME_RAD
    """Joint angles that the elbow is drawn to."""

    def __post_init__(self) -> None:
        limits = (self.collision_force_n, self.collision_moment_nm, *self.collision_torque_nm)
        if not all(np.isfinite(limits)) or min(*limits, self.gains_seconds) <= 0:
            raise ConfigError(
                "Panda driver", f"{self} has values that are not positive", "use positive values"
            )
        if not len(self.collision_torque_nm) == len(self.posture_rad) == len(HOME_RAD):
            raise ConfigError("Panda driver", "a list is not as long as the arm has joints", "give 7 values")

    def build(self) -> "PandaDriver":
        """Connect; DriverLost where there is no such arm."""
        kind = libfranka.RealtimeConfig.kIgnore
        if self.realtime == "enforce":
            kind = libfranka.RealtimeConfig.kEnforce
        with reaching(self.host):
            panda = panda_py.Panda(self.host, realtime_config=kind)
        return PandaDriver(panda, self, SystemClock())


class PandaDriver:
    """One Panda. Only one thread calls it."""

    def __init__(self, panda: Any, config: PandaDriverConfig, clock: Clock) -> None:
        self._panda, self._config, self._clock = panda, config, clock
        self._motion: Motion | None = None
        self._loop = ImpedanceLoop(controllers.CartesianImpedance(np.zeros((6, 6))), Impedance(), 0.0)
        self._travel: threading.Thread | None = None
        self._errors: tuple[str, ...] = ()
        self._tcp = Pose.of(np.zeros(3))
        self._stamp = (-1, clock.now())
        self._closed = False
        with reaching(config.host):
            self._robot, self._model = panda.get_robot(), panda.get_model()
            self._robot.set_collision_behavior(*_thresholds(config))

    @property
    def description(self) -> str:
        """Arm, address and library."""
        with reaching(self._config.host):
            server = self._robot.server_version()
        return (
            f"Panda at {self._config.host}, panda-python {version('panda-python')}, server version {server}"
        )

    def read(self) -> DriverState:
        """The newest state; `time_seconds` stands still while none arrives."""
        with self._commanding():
            self._look()
        self._raise_gains()
        with reaching(self._config.host):
            state = self._panda.get_state()
            frame = libfranka.Frame.kEndEffector
            jacobian = np.reshape(self._model.zero_jacobian(frame, state), (6, 7), order="F")
        return self._state(state, jacobian)

    def engage(self, impedance: Impedance) -> None:
        """Begin tracking at the measured pose, without stiffness at first."""
        self.stop()
        here = self.read().tcp
        loop = controllers.CartesianImpedance(
            np.zeros((6, 6)), damping_ratio(impedance), impedance.posture_stiffness_nm_rad, 1.0
        )
        with self._commanding():
            loop.set_control(*placed(here), np.array(self._config.posture_rad))
            self._panda.start_controller(loop)
            self._loop = ImpedanceLoop(loop, impedance, self._clock.now())
            self._motion = "tracking"

    def track(self, reference: Pose) -> None:
        """Move the reference, no further from the measured pose than the clips."""
        if self._motion != "tracking":
            return
        self._raise_gains()
        near = clipped(reference, self._tcp, self._loop.impedance)
        self._loop.controller.set_control(*placed(near), np.array(self._config.posture_rad))

    def _raise_gains(self) -> None:
        """Also while nothing is tracked yet: whoever engages the arm watches it meanwhile."""
        if self._motion == "tracking":
            self._loop.raise_gains(self._clock.now(), self._config.gains_seconds)

    def travel(self, target: Pose, speed_share: float) -> None:
        """A straight motion."""
        position, orientation = placed(target)
        self._go(lambda: self._panda.move_to_pose([position], [orientation], speed_factor=speed_share))

    def travel_joints(self, joints_rad: Vector, speed_share: float) -> None:
        """A motion of the joints."""
        goal = np.asarray(joints_rad, dtype=np.float64)
        self._go(lambda: self._panda.move_to_joint_position([goal], speed_factor=speed_share))

    def guide(self) -> None:
        """Led by hand."""
        self.stop()
        with self._commanding():
            self._panda.teaching_mode(True)
            self._motion = "guiding"

    def stop(self) -> None:
        """End whatever runs."""
        with self._commanding():
            if self._motion == "guiding":
                self._panda.teaching_mode(False)
            elif self._motion is not None:
                self._panda.stop_controller()
        if self._travel is not None:
            self._travel.join(END_SECONDS)
            if self._travel.is_alive():
                raise DriverLost(
                    f"Panda at {self._config.host}",
                    "its motion does not end",
                    "the server connects anew by itself",
                )
        self._motion = None

    def recover(self) -> None:
        """The arm's automatic error recovery."""
        with self._commanding():
            self._panda.recover()
            self._errors = ()

    def close(self) -> None:
        """Stop; the library disconnects with the process."""
        if self._closed:
            return
        self._closed = True
        try:
            self.stop()
        except DriverLost as error:
            log.info("the arm was gone before it was left: %s", error.cause)

    def _go(self, move: Callable[[], bool]) -> None:
        self.stop()
        self._motion = "travelling"
        self._travel = threading.Thread(target=self._moving, args=(move,), name="panda travel", daemon=True)
        self._travel.start()

    def _moving(self, move: Callable[[], bool]) -> None:
        try:
            if not move():
                log.warning("the Panda did not arrive where it was sent")
        except RuntimeError as error:  # read() finds the same in the arm's state
            log.warning("the Panda's motion ended: %s", error)

    def _look(self) -> None:
        """See whether the motion has ended, and how; the library tells errors only when asked."""
        if self._motion == "travelling" and self._travel is not None and not self._travel.is_alive():
            self._motion = self._travel = None
        if self._motion is not None:
            self._panda.raise_error()

    @contextmanager
    def _commanding(self) -> Iterator[None]:
        """An arm that has stopped itself ends the motion, and is no error here: `read` says why."""
        with reaching(self._config.host):
            try:
                yield
            except RuntimeError as error:
                if _is_lost(error):
                    raise
                self._motion = None
                log.warning("the Panda stopped: %s", error)
                self._errors = self._errors or tuple(name for name in ERRORS if name in str(error))

    def _state(self, state: Any, jacobian: Vector) -> DriverState:
        matrix = np.reshape(state.O_T_EE, (4, 4), order="F")
        self._tcp = Pose.of(matrix[:3, 3], matrix[:3, :3])
        twist, wrench = jacobian @ np.asarray(state.dq), -np.asarray(state.O_F_ext_hat_K)
        activity = self._activity(state.robot_mode)
        both = (*self._errors, *_raised(state.current_errors))  # a collision on top of another error counts
        errors = tuple(dict.fromkeys(both)) or _raised(state.last_motion_errors)
        running = activity in ("tracking", "travelling", "guiding")
        return DriverState(
            tcp=self._tcp,
            velocity_m_s=twist[:3],
            angular_velocity_rad_s=twist[3:],
            force_n=wrench[:3],
            torque_nm=wrench[3:],
            joints_rad=np.array(state.q),
            joint_velocities_rad_s=np.array(state.dq),
            jacobian=jacobian,
            activity=activity,
            errors=errors if activity == "reflex" else (),
            command_success_rate=float(state.control_command_success_rate) if running else 1.0,
            time_seconds=self._measured_at(state),
        )

    def _activity(self, mode: libfranka.RobotMode) -> Activity:
        if mode == libfranka.RobotMode.kUserStopped:
            return "user_stop"
        if mode == libfranka.RobotMode.kReflex or self._errors:
            return "reflex"
        if mode == libfranka.RobotMode.kGuiding:
            return "guiding"
        return self._motion or "idle"

    def _measured_at(self, state: Any) -> float:
        stamp = state.time.to_msec()
        if stamp != self._stamp[0]:
            self._stamp = (stamp, self._clock.now())
        return self._stamp[1]


@contextmanager
def reaching(host: str) -> Iterator[None]:
    """The library's errors, all of them RuntimeErrors, as DriverLost."""
    try:
        yield
    except RuntimeError as error:
        said = str(error).removeprefix("libfranka: ").strip()
        cure = "check power, cable and Desk; the server goes on trying"
        if isinstance(error, panda_py.IncompatibleVersionError) or "incompatible" in said:
            cure = mismatch_cure(said, "panda")
        elif "refused" in said:
            cure = "open Desk, unlock the joints and activate FCI"
        raise DriverLost(f"Panda at {host}", said, cure) from error


def _is_lost(error: RuntimeError) -> bool:
    return any(word in str(error) for word in NETWORK_WORDS)


def _raised(errors: Any) -> tuple[str, ...]:
    return tuple(name for name in ERRORS if getattr(errors, name))


def _thresholds(config: PandaDriverConfig) -> Sequence[list[float]]:
    """Contact at half of what is a collision: lower and upper torques, lower and upper forces."""
    torque = np.array(config.collision_torque_nm)
    force = np.array([config.collision_force_n] * 3 + [config.collision_moment_nm] * 3)
    return [(torque / 2).tolist(), torque.tolist(), (force / 2).tolist(), force.tolist()]
