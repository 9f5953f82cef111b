"""SERL's and HIL-SERL's HTTP routes over our robot server, so that their actors drive the arm as they are.

What they ask is done by our rules: poses are judged before they are sent and again where the arm is driven,
the watchdog holds when they fall silent, and `/clearerr` clears what may be cleared without a person.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, vector_from_rotation
from robot_env.serl_http.compliance import changed
from robot_env.serl_http.gripper_units import COUNTS, GripperUnits, opens, require_units
from robot_env.serl_http.poses import euler_xyz, pose_of, state_json
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.http_posts import Answer, Posts
from robot_env.server.state import RobotState
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, HandsOnError, RobotFault

log = logging.getLogger(__name__)

STAGE = "serl facade"
RECOVER_SECONDS = 1.0
JOINT_RESET_SECONDS = 30.0
FAULTS = ("reflex", "user_stop", "link_lost")


@dataclass(frozen=True, kw_only=True)
class FacadeLimits:
    """What a pose may ask for, before the robot server judges it once more."""

    jump_m: float = 0.2
    """Farther than this from where the tool is now, a pose is stale or absurd."""
    jump_rad: float = 1.0
    """The same for rotation."""
    state_age_seconds: float = 0.2
    """An older measurement is not given out, and no pose is judged by it."""

    def __post_init__(self) -> None:
        if not min(self.jump_m, self.jump_rad, self.state_age_seconds) > 0:
            raise ConfigError(STAGE, f"{self} is out of range", "use positive values")


class Robot(Protocol):
    """What is asked of a RobotClient."""

    def peek(self) -> RobotState: ...

    def set_point(self, target: Pose) -> None: ...

    def hold(self) -> None: ...

    def enable(self) -> None: ...

    def set_impedance(self, impedance: Impedance) -> None: ...

    def reset_joints(self, timeout_seconds: float = ...) -> None: ...

    def recover(self, *, operator: bool = ..., timeout_seconds: float = ...) -> None: ...

    def grip(self, opening: bool) -> None: ...


@dataclass(kw_only=True)
class Refusal(Exception):
    """A request that is not done: HTTP status and why."""

    status: int
    reason: str


@dataclass
class _Memory:
    """What SERL's server remembers between requests."""

    impedance: Impedance = field(default_factory=Impedance)
    softened: bool = False
    stopped: bool = False
    stops: int = 0
    """Counts `/stopimp`: what was asked for before one may move nothing after it."""
    recovered_at: float = float("-inf")
    refused: str = ""


class SerlFacade:
    """Serves from construction to `close`, on this computer only.

    Args:
        robot: the line to the robot server.
        port: to listen on; 0 is any free one.
        units: how the gripper is reported.
        clock: the robot client's.

    Attributes:
        port: the real one.

    Raises:
        LinkError: the port is in use.
    """

    def __init__(
        self, robot: Robot, port: int, units: GripperUnits, clock: Clock, limits: FacadeLimits | None = None
    ) -> None:
        require_units(units, STAGE)
        self._robot, self._clock = robot, clock
        self._units: GripperUnits = units
        self._limits = limits or FacadeLimits()
        self._memory, self._lock = _Memory(), threading.Lock()
        self._motion = threading.Lock()
        self._posts = Posts(port, self._answer)
        self.port = self._posts.port
        log.info("SERL's robot routes are served on http://127.0.0.1:%d/", self.port)

    def close(self) -> None:
        """Stop serving. Twice is harmless."""
        self._posts.close()

    def _answer(self, route: str, body: Any) -> Answer:
        handler = COMMANDS.get(route)
        try:
            if route in READS:
                return Answer(200, READS[route](self._state_json(), self._state().arm.tcp))
            if handler is None:
                return Answer(404, f"there is no route /{route}; there are {', '.join(sorted(ROUTES))}")
            return Answer(200, handler(self, body))
        except Refusal as refusal:
            return Answer(refusal.status, refusal.reason)
        except ConfigError as error:
            return Answer(400, f"{error}")
        except HandsOnError as error:
            log.warning("/%s: %s", route, error.cause)
            return Answer(503, f"{error}")

    def _state(self) -> RobotState:
        state = self._robot.peek()
        age = self._clock.now() - state.time_seconds
        if age > self._limits.state_age_seconds:
            raise Refusal(status=503, reason=f"the newest measurement is {age:.1f} s old")
        return state

    def _state_json(self) -> dict[str, Any]:
        return state_json(self._state(), self._units)

    def pose(self, body: Any) -> str:
        """Go there, unless the pose is stale, absurd, or nothing may move."""
        target = pose_of(body.get("arr") if isinstance(body, Mapping) else None)
        stops, state = self._memory.stops, self._state()
        self._require_started(stops)
        self._require_no_fault(state)
        if state.mode in ("resetting", "guiding"):
            raise Refusal(status=409, reason=f"the arm is {state.mode}")
        self._require_near(target, state)
        if state.mode == "ready":  # the watchdog ended the motion; SERL's controller would still run
            self._resume()
        with self._motion:
            self._require_started(stops)  # resuming takes a while
            self._robot.set_point(target)
        return "Moved"

    def _require_started(self, stops: int) -> None:
        """Neither stopped now, nor since there were so many stops."""
        if self._memory.stopped or self._memory.stops != stops:
            raise Refusal(status=400, reason="the impedance controller is stopped: POST /startimp")

    def _resume(self) -> None:
        """With the compliance that was asked for: a driver that was started anew knows only its default."""
        if self._memory.softened:
            self._robot.set_impedance(self._memory.impedance)
        self._robot.enable()

    def _require_no_fault(self, state: RobotState) -> None:
        if state.mode in FAULTS:
            raise Refusal(status=503, reason=f"the arm is in {state.mode}: {state.reason}")

    def _require_near(self, target: Pose, state: RobotState) -> None:
        now = state.arm.tcp
        far = float(np.linalg.norm(target.position_m - now.position_m))
        turn = float(np.linalg.norm(vector_from_rotation(now.rotation.T @ target.rotation)))
        if far > self._limits.jump_m or turn > self._limits.jump_rad:
            limits = f"the limits are {self._limits.jump_m:g} m and {self._limits.jump_rad:g} rad"
            reason = f"stale or absurd: {far:.3f} m and {turn:.2f} rad from where the tool is now; {limits}"
            raise Refusal(status=400, reason=reason)

    def open_gripper(self, _: Any) -> str:
        """Open."""
        return self._grip(True, "Opened")

    def close_gripper(self, _: Any) -> str:
        """Close; how fast is the robot server's setting."""
        return self._grip(False, "Closed")

    def move_gripper(self, body: Any) -> str:
        """Open or close, whichever is nearer to the position asked for."""
        value = body.get("gripper_pos") if isinstance(body, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
            raise ConfigError(
                "a gripper command", f"has the position {value!r}", 'send {"gripper_pos": 0..255}'
            )
        return self._grip(opens(min(max(int(value), 0), COUNTS), self._units), "Moved Gripper")

    def activate_gripper(self, _: Any) -> str:
        """The robot server activates its gripper itself."""
        return self._gripped("Activated")

    def reset_gripper(self, _: Any) -> str:
        """The robot server resets its gripper itself."""
        return self._gripped("Reset")

    def clear_error(self, _: Any) -> str:
        """SERL's actors say this before every pose: what may be cleared is, what needs a person is not."""
        if self._robot.peek().mode == "reflex" and self._recovery_is_due():
            try:
                self._robot.recover(operator=False)
                self._memory.refused = ""
            except RobotFault as error:
                if error.cause != self._memory.refused:
                    log.warning("/clearerr clears nothing: %s (%s)", error.cause, error.cure)
                self._memory.refused = error.cause
        return "Clear"

    def _recovery_is_due(self) -> bool:
        with self._lock:
            due = self._clock.now() - self._memory.recovered_at >= RECOVER_SECONDS
            self._memory.recovered_at = self._clock.now() if due else self._memory.recovered_at
        return due

    def joint_reset(self, _: Any) -> str:
        """Bring the joints to the robot server's posture; answers on arrival."""
        self._robot.reset_joints(timeout_seconds=JOINT_RESET_SECONDS)
        return "Reset Joint"

    def start_impedance(self, _: Any) -> str:
        """Resume motion, the target at the tool; in vain where it is stopped meanwhile."""
        stops = self._memory.stops
        self._resume()
        with self._motion:
            if self._memory.stops != stops:
                raise Refusal(status=409, reason="the impedance controller was stopped meanwhile")
            self._memory.stopped = False
        return "Started impedance"

    def stop_impedance(self, _: Any) -> str:
        """Hold where the tool is, end a reset, and take no pose until the next start."""
        with self._motion:
            self._memory.stopped, self._memory.stops = True, self._memory.stops + 1
            self._robot.hold()
        return "Stopped impedance"

    def update_parameters(self, body: Any) -> str:
        """Another compliance."""
        if not isinstance(body, Mapping):
            raise ConfigError("compliance parameters", "are no JSON object", "send keys and numbers")
        with self._lock:
            impedance = changed(self._memory.impedance, body)
            self._robot.set_impedance(impedance)
            self._memory.impedance, self._memory.softened = impedance, True
        return "Updated compliance parameters"

    def set_load(self, _: Any) -> str:
        """Not over this protocol: a wrong load moves the arm by itself."""
        raise Refusal(status=501, reason="the load is set where the arm is configured (Desk, end effector)")

    def _grip(self, opening: bool, answer: str) -> str:
        self._gripped(answer)
        self._require_no_fault(self._robot.peek())
        self._robot.grip(opening)
        return answer

    def _gripped(self, answer: str) -> str:
        if self._robot.peek().gripper is None:
            raise Refusal(status=503, reason="the robot server drives no gripper")
        return answer


def _only(*names: str) -> Callable[[dict[str, Any], Pose], dict[str, Any]]:
    return lambda state, tcp: {name: state[name] for name in names}


def _euler(state: dict[str, Any], tcp: Pose) -> dict[str, Any]:
    return {"pose": [*state["pose"][:3], *euler_xyz(tcp.rotation).tolist()]}


READS: Mapping[str, Callable[[dict[str, Any], Pose], dict[str, Any]]] = {
    "getstate": lambda state, tcp: state,
    "getpos": _only("pose"),
    "getpos_euler": _euler,
    "getvel": _only("vel"),
    "getforce": _only("force"),
    "gettorque": _only("torque"),
    "getq": _only("q"),
    "getdq": _only("dq"),
    "getjacobian": _only("jacobian"),
    "get_gripper": lambda state, tcp: {"gripper": state["gripper_pos"]},
}
COMMANDS: Mapping[str, Callable[[SerlFacade, Any], str]] = {
    "pose": SerlFacade.pose,
    "open_gripper": SerlFacade.open_gripper,
    "close_gripper": SerlFacade.close_gripper,
    "close_gripper_slow": SerlFacade.close_gripper,
    "move_gripper": SerlFacade.move_gripper,
    "activate_gripper": SerlFacade.activate_gripper,
    "reset_gripper": SerlFacade.reset_gripper,
    "clearerr": SerlFacade.clear_error,
    "jointreset": SerlFacade.joint_reset,
    "startimp": SerlFacade.start_impedance,
    "stopimp": SerlFacade.stop_impedance,
    "update_param": SerlFacade.update_parameters,
    "set_load": SerlFacade.set_load,
}
ROUTES = (*READS, *COMMANDS)


def serve_facade(
    client_config: RobotClientConfig, port: int, gripper_units: GripperUnits, stop: threading.Event
) -> None:
    """Serve SERL's routes over a robot server until `stop` is set.

    Raises:
        LinkError: no robot server answers, or the port is in use.
    """
    clock = SystemClock()
    robot = RobotClient(client_config, clock)
    try:
        facade = SerlFacade(robot, port, gripper_units, clock)
        try:
            stop.wait()
        finally:
            facade.close()
    finally:
        robot.close()
