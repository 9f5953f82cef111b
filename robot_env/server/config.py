"""Settings of the robot server."""

from dataclasses import dataclass, field
from pathlib import Path

from robot_env.arms.base import Impedance
from robot_env.serl_http.gripper_units import GripperUnits
from robot_env.server.client import DEFAULT_ADDRESS
from robot_env.server.guards import Limits
from robot_env.server.hand_thread import HandConfig
from robot_env.server.procedures import ProcedureConfig
from robot_env.server.recovery import RecoveryConfig
from robot_env.server.reference_filter import MotionLimits
from robot_env.server.watchdog import WatchdogConfig
from shared.errors import ConfigError
from shared.link.address import require_address

STAGE = "robot server"

LAST_PORT = 65535
OWN = "own"
"""The gripper that a driver's maker sells with the arm."""


@dataclass(frozen=True, kw_only=True)
class ServoConfig:
    """Bounds, times and procedures of the servo."""

    limits: Limits = field(default_factory=Limits)
    """What no motion may exceed."""
    motion: MotionLimits = field(default_factory=MotionLimits)
    """Bounds of the smooth reference that set-points become."""
    watchdog: WatchdogConfig = field(default_factory=WatchdogConfig)
    """What happens when set-points stop coming."""
    procedures: ProcedureConfig = field(default_factory=ProcedureConfig)
    """How the arm moves on its own."""
    recovery: RecoveryConfig = field(default_factory=RecoveryConfig)
    """Which errors may be cleared, and how often."""
    impedance: Impedance = field(default_factory=Impedance)
    """Compliance until a client asks for another."""
    recover_seconds: float = 4.0
    """An error that is not cleared by then stays."""


@dataclass(frozen=True, kw_only=True)
class SupervisionConfig:
    """When the driver's process is given up, and how soon it is tried again."""

    connect_seconds: float = 30.0
    """A connection that takes longer hangs: the process is killed."""
    answer_seconds: float = 1.0
    """A connected driver that is silent for so long hangs: the process is killed."""
    retry_seconds: float = 0.5
    """The first pause before another try; each is twice as long as the last."""
    longest_retry_seconds: float = 5.0
    """The longest pause."""
    stop_seconds: float = 3.0
    """How long an orderly end may take before the process is killed."""

    def __post_init__(self) -> None:
        times = (self.connect_seconds, self.answer_seconds, self.retry_seconds, self.longest_retry_seconds)
        if min(*times, self.stop_seconds) <= 0:
            raise ConfigError("supervision", f"{self} has times that are not positive", "give seconds")


@dataclass(frozen=True, kw_only=True)
class RobotServerConfig(ServoConfig):
    """The robot server: which arm, who may connect, and what it may do."""

    driver: str = "simulated"
    """What drives the arm: fr3, panda, simulated, faulty."""
    hand: str | None = OWN
    """What drives the gripper: fr3, panda, robotiq, simulated; own is the driver's; none is no gripper."""
    host: str | None = None
    """Address of the arm; none takes the one of the driver's settings."""
    bind: str = DEFAULT_ADDRESS
    """Address to listen on; another than this computer's own needs keys."""
    keys: Path | None = None
    """Directory with this host's CURVE keys; none listens on this computer only."""
    servo_hz: float = 200.0
    """References a second."""
    state_hz: float = 100.0
    """Measurements a second for each client."""
    lease_seconds: float = 2.0
    """A client that is silent for so long counts as gone; another may take control."""
    gripper: HandConfig = field(default_factory=HandConfig)
    """How the gripper is commanded."""
    supervision: SupervisionConfig = field(default_factory=SupervisionConfig)
    """When the driver's process is killed and started again."""
    realtime: bool = True
    """Ask for real-time scheduling and locked memory, where permitted."""
    serl_http: int | None = None
    """Serve the routes of a SERL robot server on this loopback port too; 0 takes a free one."""
    gripper_units: GripperUnits = "serl"
    """How gripper positions are told on those routes."""
    teach: Path | None = None
    """New file for poses that are shown by leading the arm by hand, a piece of a lab file; then it ends."""
    teach_task: str = "peg_insert_real"
    """Task at the bench that the taught target is for."""
    log_file: Path | None = None
    """Where the log goes beside the terminal."""
    verbose: bool = False
    """Tell more on the terminal."""

    def __post_init__(self) -> None:
        require_address(self.bind, STAGE, port_zero=True)
        if not (20.0 <= self.servo_hz <= 1000.0 and 1.0 <= self.state_hz <= self.servo_hz):
            raise ConfigError(
                STAGE,
                f"servo_hz is {self.servo_hz:g}, state_hz {self.state_hz:g}",
                "give 20 to 1000 references a second, and no more measurements than those",
            )
        if not 0.2 <= self.lease_seconds <= 60.0:
            raise ConfigError(STAGE, f"lease_seconds is {self.lease_seconds:g}", "give 0.2 to 60 s")
        if self.serl_http is not None and not 0 <= self.serl_http <= LAST_PORT:
            cure = f"give a port up to {LAST_PORT}, such as 5000, or 0 for any free one"
            raise ConfigError(STAGE, f"serl_http is {self.serl_http}", cure)
