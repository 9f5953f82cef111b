"""What `handson check` can be told: which host this is, and what it is to work with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from robot_env.families import nearest
from robot_env.server.drivers import DRIVERS
from shared.errors import ConfigError
from shared.link.address import require_address

STAGE = "check"


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """What is looked at. What is not named is skipped, and the report says so."""

    role: Literal["all", "learner", "actor", "robot"] = "all"
    """What this computer is; all is one computer for everything."""
    lab: Path | None = None
    """File that names arm, gripper and cameras, as in deploy/labs; none checks no hardware."""
    task: str = "reach"
    """Task to be practised: its rate and limits."""
    robot: str | None = None
    """Address of the robot server, as in tcp://172.16.0.10:5570; none means the lab's."""
    driver: str | None = None
    """Driver that the robot server on this computer will use, as in fr3: its library must be installed."""
    connect: str | None = None
    """Address of a learner that runs, as in tcp://lab:5555; none does not look for one."""
    bind: str = "tcp://127.0.0.1:5555"
    """Where the learner on this computer will listen."""
    keys: Path | None = None
    """Directory with this host's keys; none where everything runs on one computer."""
    learner_key: Path | None = None
    """File with the learner's public key; none takes the one of `handson keys trust`."""
    preset: str = "default"
    """Preset of the learner."""
    learner: Path | None = None
    """Settings of the learner, as in runs/mine/learner.toml; none takes the preset's."""
    run_dir: Path = Path("runs")
    """Where runs are written."""
    move: bool = False
    """Open and close the gripper too, after a question."""
    interactive: bool = False
    """Ask for each teleop device to be moved, and show its axes."""
    json: bool = False
    """Print one JSON object instead of lines."""

    def __post_init__(self) -> None:
        if self.driver is not None and self.driver not in DRIVERS:
            raise ConfigError(STAGE, f"there is no driver {self.driver!r}", nearest(self.driver, DRIVERS))
        for address in filter(None, (self.connect, self.robot)):
            require_address(address, STAGE)
        require_address(self.bind, STAGE, port_zero=True)
        if self.learner_key and not self.keys:
            raise ConfigError(STAGE, "learner_key is given without keys", "give this host's --keys too")
