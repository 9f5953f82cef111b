"""A lab file: the arm, gripper and cameras of one bench, its limits, and what its tasks are told, in TOML.

[arm]                          # kind names an entry of the family's table; the rest are its settings
kind = "franka"
robot = { address = "tcp://172.16.0.10:5570" }

[gripper]
kind = "franka"

[cameras.wrist]                # the table's name is the camera's
kind = "realsense"
serial = "128422272697"
crop = { crop_height = 480, crop_width = 480, left = 80 }

[limits]                       # narrows every task's workspace, speed and force
low_m = [0.3, -0.2, 0.02]

[tasks.reach]                  # settings of a task
tolerance_m = 0.01

[teleop.spacemouse]            # settings of a device to take over with; kind where its name is another
serial = "0123"
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from robot_env.arms import ARMS
from robot_env.arms.base import ArmConfig
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import CameraConfig
from robot_env.families import nearest, resolve
from robot_env.grippers import GRIPPERS
from robot_env.grippers.base import GripperConfig
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Vector3
from robot_env.tasks import TASKS
from robot_env.tasks.base import Task
from robot_env.teleop import TELEOP
from robot_env.teleop.base import TeleopConfig
from shared.config import from_table
from shared.errors import ConfigError

SECTIONS = ("arm", "gripper", "cameras", "limits", "tasks", "teleop")
T = TypeVar("T", bound=Task)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What no task may exceed on this bench."""

    low_m: Vector3 | None = None
    """Lower corner of the workspace of the tool centre point, base frame; none is the task's own."""
    high_m: Vector3 | None = None
    """Upper corner; none is the task's own."""
    speed_m_s: float | None = None
    """Fastest mean speed within one period; none is the task's own."""
    force_n: float | None = None
    """Contact force above which only retreating set-points pass; none is the task's own."""

    def narrow(self, envelope: SafetyEnvelope) -> SafetyEnvelope:
        """The stricter of both, limit by limit; ConfigError where no workspace is left."""
        low, high = self.low_m or envelope.low_m, self.high_m or envelope.high_m
        return dataclasses.replace(
            envelope,
            low_m=tuple(map(max, low, envelope.low_m)),
            high_m=tuple(map(min, high, envelope.high_m)),
            speed_m_s=min(self.speed_m_s or envelope.speed_m_s, envelope.speed_m_s),
            force_n=min(self.force_n or envelope.force_n, envelope.force_n),
        )


@dataclass(frozen=True, kw_only=True)
class Lab:
    """What a lab file says."""

    arm: ArmConfig | None = None
    gripper: GripperConfig | None = None
    cameras: tuple[CameraConfig, ...] = ()
    limits: Limits = field(default_factory=Limits)
    tasks: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    teleop: Mapping[str, TeleopConfig] = field(default_factory=dict[str, TeleopConfig])
    stage: str = "lab"

    def device(self, name: str) -> TeleopConfig:
        """The teleop device `name`: as this lab describes it, else by the table and with its defaults."""
        return self.teleop[name] if name in self.teleop else resolve("teleop device", TELEOP, name)()

    def fit(self, name: str, task: T) -> T:
        """The task `name` with this lab's settings for it, within its limits."""
        told = self.tasks.get(name, {})
        task = from_table(told, type(task), stage=self.stage, section=f"tasks.{name}", base=task)
        envelope = self.limits.narrow(task.settings.envelope)
        settings = dataclasses.replace(task.settings, envelope=envelope)
        changed: Any = task
        return dataclasses.replace(changed, settings=settings)


def load_lab(path: Path) -> Lab:
    """Read a lab file; raises ConfigError for what is unknown, missing or out of range, with the cure."""
    stage = f"lab {path}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(stage, f"cannot be read: {error.strerror}", "name a file of deploy/labs") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(stage, f"is not TOML: {error}", "see https://toml.io for the notation") from None
    for key in table:
        if key not in SECTIONS:
            raise ConfigError(stage, f"unknown section [{key}]", nearest(key, SECTIONS))
    return _lab(table, stage)


def _lab(table: Mapping[str, Any], stage: str) -> Lab:
    arm, gripper, tasks = table.get("arm"), table.get("gripper"), _tables(table, "tasks", stage)
    for name in tasks:
        resolve("task", TASKS, name)
    return Lab(
        arm=None if arm is None else _member("arm", ARMS, arm, stage, "arm"),
        gripper=None if gripper is None else _member("gripper", GRIPPERS, gripper, stage, "gripper"),
        cameras=tuple(_camera(name, told, stage) for name, told in _tables(table, "cameras", stage).items()),
        limits=from_table(table.get("limits", {}), Limits, stage=stage, section="limits"),
        tasks=tasks,
        teleop={name: _device(name, told, stage) for name, told in _tables(table, "teleop", stage).items()},
        stage=stage,
    )


def _tables(table: Mapping[str, Any], section: str, stage: str) -> Mapping[str, Mapping[str, Any]]:
    tables = table.get(section, {})
    if not isinstance(tables, dict) or not all(isinstance(each, dict) for each in tables.values()):
        raise ConfigError(stage, f"[{section}] does not hold tables", f"write [{section}.NAME] for each")
    return tables


def _member(family: str, families: Mapping[str, str], told: Any, stage: str, section: str) -> Any:
    """A configuration of one of the five families: `kind` names it, what is left are its settings."""
    if not isinstance(told, dict) or not isinstance(told.get("kind"), str):
        cure = f'write [{section}] with kind = "{sorted(families)[0]}", one of {", ".join(sorted(families))}'
        raise ConfigError(stage, f"[{section}] names no kind of {family}", cure)
    kind = resolve(family, families, told["kind"])
    settings = {key: value for key, value in told.items() if key != "kind"}
    return from_table(settings, kind, stage=stage, section=section)


def _device(name: str, told: Mapping[str, Any], stage: str) -> TeleopConfig:
    return _member("teleop device", TELEOP, {"kind": name, **told}, stage, f"teleop.{name}")


def _camera(name: str, told: Mapping[str, Any], stage: str) -> CameraConfig:
    section, crop = f"cameras.{name}", told.get("crop")
    settings = {key: value for key, value in told.items() if key != "crop"}
    kind = told.get("kind")
    if isinstance(kind, str) and "name" in _fields(resolve("camera", CAMERAS, kind)):
        settings.setdefault("name", name)
    camera: CameraConfig = _member("camera", CAMERAS, settings, stage, section)
    if crop is None:
        return camera
    from robot_env.cameras.crop import CroppedCameraConfig

    if not isinstance(crop, dict):
        raise ConfigError(stage, f"crop of [{section}] is no table", "write crop = { crop_height = ... }")
    known = _fields(CroppedCameraConfig) - {"camera"}
    for key in crop:
        if key not in known:
            raise ConfigError(stage, f"unknown key {key!r} in [{section}.crop]", nearest(key, known))
    try:
        return CroppedCameraConfig(camera=camera, **crop)
    except TypeError as error:
        cure = "give whole numbers crop_height and crop_width, and top, left, height, width where they differ"
        raise ConfigError(stage, f"the crop of [{section}] does not fit: {error}", cure) from None


def _fields(cls: Any) -> set[str]:
    return {each.name for each in dataclasses.fields(cls)}
