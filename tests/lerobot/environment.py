"""Installs the real `lerobot` package, once, into an environment of its own below the cache directory.

Of its own because it needs torch and an old NumPy. LeRobot 0.4.4 is the newest for Python 3.11; of what it
asks for, `requirements.txt` holds only what its data sets need. Its bounds for torch are left aside, so that
a wheel for CPUs can be taken where the index (or pip's own configuration) offers one.
"""

import sys
from pathlib import Path

from deploy.own_environment import Commands, OwnEnvironment, print_python

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
LEROBOT = "lerobot==0.4.4"


def _commands(place: Path, interpreter: str) -> Commands:
    pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return (
        [interpreter, "-m", "venv", str(place)],
        [*pip, "--requirement", str(REQUIREMENTS)],
        [*pip, "--no-deps", LEROBOT],
    )


ENVIRONMENT = OwnEnvironment(
    name="lerobot",
    stage="installing lerobot",
    requirements=REQUIREMENTS,
    supported=((3, 11), (3, 12)),
    preferred="3.11",
    again="make test-lerobot",
    commands=_commands,
)

if __name__ == "__main__":
    sys.exit(print_python(ENVIRONMENT))
