"""SERL's and HIL-SERL's HTTP routes over our robot server, so that their actors drive the arm as they are.

What they ask is done by our rules: poses are judged before they are sent and again where the arm is driven,
the watchdog holds when they fall silent, and `/clearerr` clears what may be cleared without a person.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from robot_env.geometry import Pose
from robot_env.serl_http.gripper_units import COUNTS, GripperUnits, opens, require_units
from robot_env.serl_http.poses import euler_xyz, pose_of, state_json
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.http_posts import Answer, Posts
from robot_env.server.serl_motion import FacadeLimits, Refusal, Robot, SerlMotion
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, HandsOnError, RobotFault

log = logging.getLogger(__name__)

STAGE = "serl facade"
RECOVER_SECONDS = 1.0
JOINT_RESET_SECONDS = 30.0


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
        self._motion = SerlMotion(robot, clock, limits or FacadeLimits())
        self._lock, self._recovered_at, self._refused = threading.Lock(), float("-inf"), ""
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
                return Answer(200, READS[route](self._state_json(), self._motion.state().arm.tcp))
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

    def _state_json(self) -> dict[str, Any]:
        return state_json(self._motion.state(), self._units)

    def pose(self, body: Any) -> str:
        """Go there, unless the pose is stale, absurd, or nothing may move."""
        self._motion.go(pose_of(body.get("arr") if isinstance(body, Mapping) else None))
        return "Moved"

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
                self._refused = ""
            except RobotFault as error:
                if error.cause != self._refused:
                    log.warning("/clearerr clears nothing: %s (%s)", error.cause, error.cure)
                self._refused = error.cause
        return "Clear"

    def _recovery_is_due(self) -> bool:
        with self._lock:
            due = self._clock.now() - self._recovered_at >= RECOVER_SECONDS
            self._recovered_at = self._clock.now() if due else self._recovered_at
        return due

    def joint_reset(self, _: Any) -> str:
        """Bring the joints to the robot server's posture; answers on arrival."""
        self._robot.reset_joints(timeout_seconds=JOINT_RESET_SECONDS)
        return "Reset Joint"

    def start_impedance(self, _: Any) -> str:
        """Resume motion, the target at the tool."""
        self._motion.start()
        return "Started impedance"

    def stop_impedance(self, _: Any) -> str:
        """Hold where the tool is, and take no pose until the next start."""
        self._motion.stop()
        return "Stopped impedance"

    def update_parameters(self, body: Any) -> str:
        """Another compliance."""
        if not isinstance(body, Mapping):
            raise ConfigError("compliance parameters", "are no JSON object", "send keys and numbers")
        self._motion.comply(body)
        return "Updated compliance parameters"

    def set_load(self, _: Any) -> str:
        """Not over this protocol: a wrong load moves the arm by itself."""
        raise Refusal(status=501, reason="the load is set where the arm is configured (Desk, end effector)")

    def _grip(self, opening: bool, answer: str) -> str:
        self._gripped(answer)
        self._motion.require_no_fault(self._robot.peek())
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
