"""An arm behind a lab's own SERL or HIL-SERL robot server, over its HTTP routes.

That server has no watchdog and takes any pose: the arm stays at the last one when nobody speaks. Errors are
not cleared by us: what stopped the arm is not told, and may have been a person.
"""

import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from robot_env.arms.base import ArmState, Impedance
from robot_env.arms.real_world import RealWorld
from robot_env.geometry import Pose, Vector, rotation_from_vector, vector_from_rotation
from robot_env.scene import Scene
from robot_env.serl_http.compliance import PRECISION, parameters
from robot_env.serl_http.connection import STAGE, Connection, require_url
from robot_env.serl_http.poses import numbers_of, pose_of, seven
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, LinkError, PersonNeeded, RobotFault

RESET_HZ = 20.0


@dataclass(frozen=True, kw_only=True)
class SerlHttpArmConfig:
    """Settings of an arm behind SERL's robot server."""

    url: str = "http://127.0.0.1:5000/"
    """Address of its server."""
    timeout_seconds: float = 0.3
    """An answer that takes longer is a fault."""
    reset_speed_m_s: float = 0.1
    """Speed of the tool on its way to the start of an episode."""
    reset_turn_rad_s: float = 0.5
    """The same for rotation."""
    clearance_m: float = 0.05
    """How far the tool is lifted before it travels."""
    arrival_m: float = 0.01
    """A tool that is nearer than this to the start has arrived."""
    arrival_rad: float = 0.1
    """The same for rotation."""
    arrival_seconds: float = 5.0
    """How long to wait for it at the end of the way."""
    follow_m: float = 0.15
    """A tool that stays farther than this behind its way does not follow."""

    real_time: ClassVar[bool] = True
    """It moves by itself: no simulated clock can step it."""

    def __post_init__(self) -> None:
        require_url(self.url)
        values = (self.timeout_seconds, self.reset_speed_m_s, self.reset_turn_rad_s, self.arrival_m)
        values += (self.arrival_rad, self.arrival_seconds, self.follow_m)
        if not all(np.isfinite(values)) or min(values) <= 0 or not 0 <= self.clearance_m <= 0.3:
            raise ConfigError(
                STAGE, f"{self} is out of range", "use positive values, and 0 to 0.3 m of clearance"
            )

    def at(self, url: str) -> "SerlHttpArmConfig":
        """The same, with its server at another address."""
        return dataclasses.replace(self, url=url)

    def build(self, scene: Scene, impedance: Impedance, gripper_width_m: float | None) -> "SerlHttpArm":
        """Connect. Fingers that no gripper drives stay as the operator left them.

        Raises:
            ConfigError: the scene has more than markers.
            LinkError: no such server answers.
        """
        world, clock = RealWorld(scene), SystemClock()
        arm = SerlHttpArm(world, Connection(self.url, self.timeout_seconds, clock), self, impedance, clock)
        try:
            arm.read()
        except RobotFault as error:
            arm.connection.close()
            cure = "start it (python franka_server.py), unlock the arm, or give its address: --robot URL, "
            cure += "or url in [arm] of the lab file"
            raise LinkError(STAGE, error.cause, cure) from None
        return arm


class SerlHttpArm:
    """The tool of a real arm; its objects are marks that the task imagines.

    Attributes:
        world: of markers; its time passes by itself.
        connection: to the server, which the gripper shares.
        gripper_pos: what the server said last, in its own units.
        read_at: when that was, monotonic seconds.
    """

    def __init__(
        self,
        world: RealWorld,
        connection: Connection,
        config: SerlHttpArmConfig,
        impedance: Impedance,
        clock: Clock,
    ) -> None:
        self.world, self.connection = world, connection
        self.gripper_pos, self.read_at = 0.0, float("-inf")
        self._config, self._impedance, self._clock = config, impedance, clock
        self._closed = self._sent = False

    def reset(self, tcp: Pose) -> None:
        """Up, over and down to a pose at a bounded speed; returns on arrival.

        Raises:
            RobotFault: the server fails.
                PersonNeeded: the arm does not follow or arrive; it is held where it is.
        """
        try:
            self._reset(tcp)
        except PersonNeeded:
            with contextlib.suppress(RobotFault):
                self.send(self.read().tcp)
                self._comply(self._impedance)
            raise

    def _reset(self, tcp: Pose) -> None:
        self._comply(PRECISION)
        start = self.read().tcp
        height = max(start.position_m[2], tcp.position_m[2]) + self._config.clearance_m
        above_start = Pose(np.array([*start.position_m[:2], height]), start.rotation)
        above_end = Pose(np.array([*tcp.position_m[:2], height]), tcp.rotation)
        for begin, end in ((start, above_start), (above_start, above_end), (above_end, tcp)):
            self._travel(begin, end)
        self._arrive(tcp)
        self._comply(self._impedance)

    def _comply(self, impedance: Impedance) -> None:
        self.connection.tell("update_param", parameters(impedance), "Updated compliance parameters")

    def read(self) -> ArmState:
        """The newest measurement; RobotFault where the server has none that makes sense."""
        answer = self.connection.ask_json("getstate")
        vector = {name: self._vector(answer, name, count) for name, count in WANTED.items()}
        try:
            tcp = pose_of(answer["pose"])
            self.gripper_pos = float(np.asarray(answer["gripper_pos"], np.float64).reshape(-1)[0])
        except (ConfigError, KeyError, TypeError, ValueError, IndexError) as error:
            raise self._nonsense(f"{type(error).__name__}: {error}") from None
        self.read_at = self._clock.now()
        return ArmState(
            tcp=tcp,
            velocity_m_s=vector["vel"][:3],
            angular_velocity_rad_s=vector["vel"][3:],
            force_n=tcp.rotation @ vector["force"],
            joints_rad=vector["q"],
        )

    def send(self, target: Pose) -> None:
        """A new set-point, which the server holds until the next."""
        self._sent = True
        self.connection.tell("pose", {"arr": seven(target)}, "Moved")

    def close(self) -> None:
        """Hold where the tool is, and disconnect; harmless twice."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._sent:  # else somebody else moves it, or nobody
                self.send(self.read().tcp)
        except RobotFault:
            pass  # there is nobody to tell; without us the arm holds the last pose anyhow
        self.connection.close()
        self.world.close()

    def _travel(self, begin: Pose, end: Pose) -> None:
        path = end.position_m - begin.position_m
        turn = vector_from_rotation(begin.rotation.T @ end.rotation)
        seconds = max(
            float(np.linalg.norm(path)) / self._config.reset_speed_m_s,
            float(np.linalg.norm(turn)) / self._config.reset_turn_rad_s,
        )
        steps = max(1, int(np.ceil(seconds * RESET_HZ)))
        for step in range(1, steps + 1):
            share = step / steps
            rotation = begin.rotation @ rotation_from_vector(share * turn)
            self._go(Pose(begin.position_m + share * path, rotation))

    def _go(self, target: Pose) -> None:
        begun = self._clock.now()
        self.send(target)
        behind = float(np.linalg.norm(self.read().tcp.position_m - target.position_m))
        if behind > self._config.follow_m:
            raise PersonNeeded(
                STAGE,
                f"the arm stays {behind:.2f} m behind its way to the start",
                "look what stopped it; if it is safe, clear its error: curl -X POST URL/clearerr",
            )
        self._clock.sleep_until(begun + 1.0 / RESET_HZ)

    def _arrive(self, tcp: Pose) -> None:
        deadline = self._clock.now() + self._config.arrival_seconds
        while True:
            now = self.read().tcp
            away = float(np.linalg.norm(now.position_m - tcp.position_m))
            turned = float(np.linalg.norm(vector_from_rotation(now.rotation.T @ tcp.rotation)))
            if away <= self._config.arrival_m and turned <= self._config.arrival_rad:
                return
            if self._clock.now() >= deadline:
                raise PersonNeeded(
                    STAGE,
                    f"the tool is still {away:.3f} m and {turned:.2f} rad away from the start",
                    "look what stopped it; if it is safe, clear its error: curl -X POST URL/clearerr",
                )
            self.send(tcp)
            self._clock.sleep_until(self._clock.now() + 1.0 / RESET_HZ)

    def _vector(self, answer: dict[str, Any], name: str, count: int) -> Vector:
        vector = numbers_of(answer.get(name), count)
        if vector is None:
            raise self._nonsense(f"{name} is {str(answer.get(name))[:100]}, not {count} numbers")
        return vector

    def _nonsense(self, cause: str) -> RobotFault:
        return RobotFault(STAGE, f"/getstate makes no sense: {cause}", "look at the robot server's terminal")


WANTED = {"vel": 6, "force": 3, "q": 7}
