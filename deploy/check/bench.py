"""Bench: what a whole check looks at: the lab file, the task, this host, and who can be asked."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from deploy.check.config import CheckConfig
from deploy.check.host import Host
from robot_env.cameras.base import CameraConfig
from robot_env.lab import Lab
from robot_env.tasks.base import Task
from shared.clock import Clock, SystemClock

RAW = 64
BYTES_A_STATE = 512


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is looked at.

    Attributes:
        config: what was asked for.
        lab: what the lab file says; empty without one.
        task: what is to be practised, within the lab's limits.
        may_move: somebody at the terminal has agreed that the gripper moves.
        interactive: somebody is there and moves teleop devices when asked.
        closing: what was opened by a check that others go on with; closed at the end.
    """

    config: CheckConfig
    lab: Lab
    task: Task
    host: Host = field(default_factory=Host)
    clock: Clock = field(default_factory=SystemClock)
    may_move: bool = False
    interactive: bool = False
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def step_bytes(self) -> int:
        """Of one step's observation: the delivered pictures and the state, about."""
        pixels = sum(height * width for height, width in map(delivered, self.lab.cameras))
        return 3 * pixels + BYTES_A_STATE


def delivered(camera: CameraConfig) -> tuple[int, int]:
    """Rows and columns of the pictures that an actor gets, as a camera's settings say."""
    return getattr(camera, "height", RAW), getattr(camera, "width", RAW)


def uncropped(camera: CameraConfig) -> Any:
    """The settings of the device itself."""
    inner = getattr(camera, "camera", None)
    return camera if inner is None or isinstance(inner, str) else inner


def name_of(camera: CameraConfig) -> str:
    """What a lab file calls a camera."""
    raw = uncropped(camera)
    return str(getattr(raw, "name", None) or getattr(raw, "camera", None) or type(raw).__name__)
