"""A Franka behind its robot server: FR3, Panda or a simulated one, whichever that drives."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from robot_env.arms.base import ArmState, Impedance
from robot_env.arms.real_world import RealWorld
from robot_env.geometry import Pose
from robot_env.scene import Scene
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.state import RobotState
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, PersonNeeded, RobotFault

STAGE = "franka arm"
LOOK_SECONDS = 0.02
AWAY = ("link_lost", "user_stop")


@dataclass(frozen=True, kw_only=True)
class FrankaArmConfig:
    """Settings of an arm behind a robot server."""

    robot: RobotClientConfig = field(default_factory=RobotClientConfig)
    """Where its server is."""
    reset_seconds: float = 20.0
    """A reset that takes longer has failed."""
    ready_seconds: float = 15.0
    """How long to wait for an arm that its server cannot reach, or whose enabling device is released."""

    real_time: ClassVar[bool] = True
    """It moves by itself: no simulated clock can step it."""

    def __post_init__(self) -> None:
        if not (0 < self.reset_seconds < math.inf and 0 <= self.ready_seconds < math.inf):
            raise ConfigError(STAGE, f"{self} has times that are not positive and finite", "give seconds")

    def at(self, address: str) -> "FrankaArmConfig":
        """The same, with its server at another address."""
        return dataclasses.replace(self, robot=dataclasses.replace(self.robot, address=address))

    def paced(self, control_hz: float) -> "FrankaArmConfig":
        """The same, told the rate of its set-points: its server's watchdog counts in such periods."""
        return dataclasses.replace(self, robot=dataclasses.replace(self.robot, control_hz=control_hz))

    def build(self, scene: Scene, impedance: Impedance, gripper_width_m: float | None) -> "FrankaArm":
        """Connect to the server. Fingers that no gripper drives stay as the operator left them.

        Raises:
            ConfigError: the scene has more than markers.
            LinkError: no server answers.
            Refused: another client controls the arm.
        """
        world = RealWorld(scene)
        clock = SystemClock()
        return FrankaArm(world, RobotClient(self.robot, clock), self, impedance, clock)


class FrankaArm:
    """The tool of a real arm; its objects are marks that the task imagines.

    Attributes:
        world: of markers; its time passes by itself.
        client: the line to the robot server, which the gripper shares.
    """

    def __init__(
        self,
        world: RealWorld,
        client: RobotClient,
        config: FrankaArmConfig,
        impedance: Impedance,
        clock: Clock,
    ) -> None:
        self.world, self.client = world, client
        self._config, self._impedance, self._clock = config, impedance, clock
        self._idle = False

    def reset(self, tcp: Pose) -> None:
        """Recover if the rules allow, then up, over and down to a pose; returns on arrival, held there.

        Raises:
            RobotFault: the arm cannot be reached.
            PersonNeeded: its error wants the operator, or it did not arrive.
            ConfigError: the pose is out of the robot server's workspace.
        """
        self.recover_by_rules()
        self.client.set_impedance(self._impedance)
        self._unless_a_person_is_needed(
            lambda: self.client.reset(tcp, self._config.reset_seconds), stopped=("ready", "holding")
        )

    def recover(self) -> None:
        """Recover from what needs the operator."""
        self.client.recover(operator=True)

    def recover_by_rules(self) -> None:
        """Recover from what needs no operator; RobotFault where the arm cannot be reached."""
        self._unless_a_person_is_needed(self._recover, stopped=("reflex",))

    def _recover(self) -> None:
        if self.await_arm().mode == "reflex":
            self.client.recover()

    def _unless_a_person_is_needed(self, act: Callable[[], None], stopped: tuple[str, ...]) -> None:
        """What failed and left the arm within reach, in one of these modes, is not tried again unseen."""
        try:
            act()
        except RobotFault as fault:
            state, _ = self._look()
            if state is not None and state.mode in stopped:
                raise PersonNeeded(fault.stage, fault.cause, fault.cure) from fault
            raise

    def read(self) -> ArmState:
        """The newest measurement; RobotFault where it is old, or the arm is stopped."""
        state = self.client.state()
        self._idle = state.mode == "ready"
        return state.arm

    def send(self, target: Pose) -> None:
        """A new set-point; where the watchdog had ended the motion, it is resumed first."""
        if self._idle:
            self._idle = False  # one attempt a measurement: what fails is not tried over and over
            self.client.enable()
        self.client.set_point(target)

    def close(self) -> None:
        """Hold and disconnect; harmless twice."""
        self.client.close()
        self.world.close()

    def await_arm(self) -> RobotState:
        """The newest state, once the server reaches the arm and nobody holds it back."""
        deadline = self._clock.now() + self._config.ready_seconds
        while True:
            state, cause = self._look()
            if state is not None and state.mode not in AWAY:
                return state
            if self._clock.now() >= deadline:
                raise RobotFault(
                    STAGE,
                    f"no arm to move within {self._config.ready_seconds:g} s: {cause}",
                    "see the robot server's log; unlock the joints and press the enabling device",
                )
            self._clock.sleep_until(self._clock.now() + LOOK_SECONDS)

    def _look(self) -> tuple[RobotState | None, str]:
        try:
            state = self.client.peek()
        except RobotFault as error:
            return None, error.cause
        return state, f"{state.mode}: {state.reason}"
