"""Where a host tells about itself; tests give roots of their own."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Host:
    """The kernel's files, its version, and this process's environment."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    dev: Path = Path("/dev")
    kernel: str = field(default_factory=lambda: f"{platform.release()} {platform.version()}")
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def read_text(path: Path) -> str | None:
    """What one of the kernel's files says, None where it is not there or says nothing."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip() or None
    except OSError:
        return None
