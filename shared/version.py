"""Which code this is: the package's version, and the commit where it runs from a checkout."""

import functools
import importlib.metadata
import platform
import subprocess
from pathlib import Path

import shared

DISTRIBUTION = "handson"
GIT_SECONDS = 5.0


@functools.cache
def code_version() -> str:
    """`0.1.0` from a wheel, `0.1.0+g35f2f59` from a checkout, `0.1.0+g35f2f59.dirty` with local changes."""
    commit = _commit(Path(shared.__file__).parent.parent)
    return _distribution_version(DISTRIBUTION) + (f"+g{commit}" if commit else "")


def dependency_versions(*distributions: str) -> dict[str, str]:
    """Python's version and those of the named distributions; the ones not installed are left out."""
    found = {name: _distribution_version(name) for name in distributions}
    return {"python": platform.python_version()} | {name: v for name, v in found.items() if v != "unknown"}


def _distribution_version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _commit(root: Path) -> str:
    """The short commit of a checkout, "" where there is none or git cannot tell."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty=.dirty", "--exclude=*", "--abbrev=7"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
