"""Environments of their own below the cache directory, for programs that cannot live in HandsOn's."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.cache import cache_directory
from shared.errors import HandsOnError

Version = tuple[int, int]
Commands = Sequence[Sequence[str]]
INSTALL_SECONDS = 600.0


class InstallationFailed(HandsOnError):
    """An environment could not be made, as without a network."""


@dataclass(frozen=True, kw_only=True)
class OwnEnvironment:
    """A Python environment that is made once. Another list of packages, or another Python, makes another.

    Attributes:
        name: of its folder below the cache directory.
        stage: for messages, as in "installing the simulated Franka".
        requirements: the list of its packages.
        supported: its oldest and newest Python; this one is taken where it is among them.
        preferred: otherwise, as in "3.11".
        again: the command that tries again.
        commands: what makes it: (its folder, the interpreter, or the version uv is to bring) -> commands.
    """

    name: str
    stage: str
    requirements: Path
    supported: tuple[Version, Version]
    preferred: str
    again: str
    commands: Callable[[Path, str], Commands]

    def installed(self) -> Path | None:
        """Its Python, None while it is not installed."""
        place = self.directory()
        return place / "bin" / "python" if (place / "complete").is_file() else None

    def install(self) -> Path:
        """Its Python, made first where it is missing; one process at a time makes it.

        Raises:
            InstallationFailed: what the installer said, and what to do.
        """
        place = self.directory()
        place.parent.mkdir(parents=True, exist_ok=True)
        with _alone(place.with_suffix(".lock")):
            if (found := self.installed()) is not None:
                return found
            shutil.rmtree(place, ignore_errors=True)
            for command in self.commands(place, self._interpreter()):
                self._run(command)
            (place / "complete").touch()
        return place / "bin" / "python"

    def directory(self) -> Path:
        """Where it lies: named by what is in it."""
        version = f"{sys.version_info.major}.{sys.version_info.minor}" if self._fits() else self.preferred
        digest = hashlib.sha256(self.requirements.read_bytes() + version.encode()).hexdigest()[:12]
        return cache_directory() / self.name / digest

    def _fits(self) -> bool:
        oldest, newest = self.supported
        return oldest <= sys.version_info[:2] <= newest

    def _interpreter(self) -> str:
        if self._fits():
            return sys.executable
        if shutil.which("uv"):
            return self.preferred
        if (found := shutil.which(f"python{self.preferred}")) is not None:
            return found
        oldest, newest = (".".join(map(str, version)) for version in self.supported)
        raise InstallationFailed(
            self.stage,
            f"it runs on Python {oldest} to {newest}, and this is {sys.version.split()[0]}",
            f"install Python {self.preferred} or uv, which brings one",
        )

    def _run(self, command: Sequence[str]) -> None:
        cure = f"see that this computer reaches a package index, then run {self.again}"
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise InstallationFailed(self.stage, f"no end after {INSTALL_SECONDS:.0f} s", cure) from None
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-5:]
            raise InstallationFailed(self.stage, "\n    ".join([f"{command[0]} failed:", *last]), cure)


def print_python(environment: OwnEnvironment) -> int:
    """Install, and say where; 1 with the cause where that fails."""
    try:
        print(environment.install())
    except HandsOnError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
