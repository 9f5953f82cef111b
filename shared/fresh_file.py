"""New files that appear under their name only once their head is on disk: no name shows an empty file."""

import os
from pathlib import Path
from typing import BinaryIO


def create_hidden(path: Path) -> BinaryIO:
    """Open `<path>.partial` for writing. Raises FileExistsError where `path` exists, else OSError."""
    if path.exists():
        raise FileExistsError(17, "it exists already; name a new file", str(path))
    return _hidden(path).open("wb")


def reveal(file: BinaryIO, path: Path) -> None:
    """Sync what was written so far and give the open file its name, durably."""
    file.flush()
    os.fsync(file.fileno())
    _hidden(path).rename(path)
    sync_directory(path.parent)


def discard_hidden(path: Path) -> None:
    """Remove what never got its name."""
    _hidden(path).unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Make names created, changed or removed in this directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _hidden(path: Path) -> Path:
    return path.with_name(path.name + ".partial")
