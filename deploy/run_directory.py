"""Where a run keeps what it leaves: `runs/<stamp>-<task>/`, the newest also as `runs/latest`."""

import os
import re
from datetime import datetime
from pathlib import Path

from shared.errors import ConfigError

LATEST = "latest"
RESULT = "result.json"


def create(parent: Path, task: str, now: datetime) -> Path:
    """A new, empty `parent/<stamp>-<task>`, with `parent/latest` pointing to it.

    Args:
        parent: made where it does not exist.
        task: name of the task or environment; what a file name should not hold is left out.
        now: the stamp.
    """
    name = f"{now:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9._-]+', '-', task.rpartition(':')[2])}"
    run = next(
        candidate
        for attempt in range(1, 1000)
        if not (candidate := parent / (name if attempt == 1 else f"{name}-{attempt}")).exists()
    )
    run.mkdir(parents=True)
    _point(parent / LATEST, run.name)
    return run


def claim(directory: Path) -> Path:
    """`directory`, made if need be; refused where it holds files already."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigError(
            "run directory", f"{directory} holds something already", "name a new one, or leave --run-dir out"
        )
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def finished_runs(parent: Path) -> list[Path]:
    """Every run under `parent` that left a result, oldest first."""
    found = [path for path in parent.glob("*") if not path.is_symlink() and (path / RESULT).is_file()]
    return sorted(found, key=lambda path: path.name)


def find(parent: Path, name: str) -> Path:
    """A run by path, by name under `parent`, or as "latest".

    Raises:
        ConfigError: there is none, or it left no result.
    """
    for candidate in (Path(name), parent / name):
        if (candidate / RESULT).is_file():
            return candidate.resolve()
    names = [run.name for run in finished_runs(parent)]
    raise ConfigError(
        "runs",
        f"there is no finished run {name!r} in {parent}",
        f"choose one of: {', '.join(names) or 'none yet; handson sim makes one'}",
    )


def find_any(parent: Path, name: str) -> Path:
    """A run directory that a learner writes or wrote, by path, by name under `parent`, or as "latest".

    Raises:
        ConfigError: there is none of that name.
    """
    for candidate in (Path(name), parent / name):
        if candidate.is_dir():
            return candidate.resolve()
    names = sorted(path.name for path in parent.glob("*") if path.is_dir() and not path.is_symlink())
    raise ConfigError(
        "runs",
        f"there is no run {name!r} in {parent}",
        f"choose one of: {', '.join(names) or 'none yet; handson sim makes one'}",
    )


def _point(link: Path, target: str) -> None:
    """Make `link` point to `target` in one atomic step; a real file of that name is left alone."""
    if link.exists() and not link.is_symlink():
        return
    fresh = link.with_name(f".{link.name}-{os.getpid()}")
    fresh.symlink_to(target)
    fresh.replace(link)
