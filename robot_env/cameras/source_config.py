"""What tells a camera's process which source to open, and which of its lives it is."""

import tomllib
from dataclasses import dataclass
from typing import Protocol

from robot_env.cameras.frame_ring import FrameLayout
from robot_env.cameras.ladder import LadderConfig
from robot_env.cameras.sources.base import Source
from robot_env.families import resolve
from shared.config import dump_toml, from_table


@dataclass(frozen=True, kw_only=True)
class Life:
    """Which life of a camera's process this is: what a rehearsed fault goes by.

    Attributes:
        number: 0 for the first process.
        began_seconds: when the camera first delivered, or was built, on this computer's monotonic clock.
    """

    number: int = 0
    began_seconds: float = 0.0


class SourceConfig(Protocol):
    """Settings of a captured camera that knows its source."""

    @property
    def name(self) -> str: ...
    @property
    def fps(self) -> int: ...
    @property
    def mending(self) -> LadderConfig: ...
    @property
    def layout(self) -> FrameLayout: ...

    def source(self, life: Life) -> Source:
        """Where frames come from, not opened yet."""
        ...


def to_text(config: SourceConfig) -> tuple[str, str]:
    """The class ("module:name") and the settings (TOML) by which another process builds an equal one."""
    kind = type(config)
    return f"{kind.__module__}:{kind.__qualname__}", dump_toml(config)


def from_text(kind: str, settings: str) -> SourceConfig:
    """What `to_text` told."""
    cls = resolve("camera", {kind: kind}, kind)
    return from_table(tomllib.loads(settings), cls, stage="capture", section="camera")
