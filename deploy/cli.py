"""The one command: `handson <role> ...`. Nothing of a role is imported before it is chosen."""

import difflib
import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from shared.errors import HandsOnError


class Role(NamedTuple):
    """What a role runs, and what a newcomer reads about it."""

    target: str
    purpose: str


ROLES: dict[str, Role] = {
    "sim": Role("deploy.sim:main", "train a task on a simulated arm, start to report, on this computer"),
    "learner": Role("learner.main:main", "train: receive steps, update the agent, publish policies"),
    "actor": Role("actor.main:main", "act: step the environment with the newest policy, send what happened"),
    "demo": Role("actor.demo:main", "record demonstrations; look at them, mend, play, draw and convert them"),
    "eval": Role("deploy.evaluation:main", "measure a saved policy over fixed start states, or compare two"),
    "robot": Role("robot_env.server.main:main", "own the arm: follow set-points, hold when they stop"),
    "classifier": Role("deploy.classifier:main", "teach a classifier what success looks like: record, train"),
    "check": Role("deploy.check.main:main", "prove every link of this host, and name the one that fails"),
    "crop": Role("deploy.crop_tool:main", "see what a crop cuts out of a camera's picture"),
    "runs": Role("deploy.runs:main", "list finished runs, or show one"),
    "keys": Role("deploy.keys:main", "make and authorise the keys that link two computers"),
}

# Which extra brings a module that only some roles need.
EXTRAS = {
    "optax": "learner",
    "orbax": "learner",
    "tensorboardX": "learner",
    "gymnasium": "actor",
    "mujoco": "sim",
    "cv2": "sim",
    "wandb": "wandb",
    "franky": "fr3",
    "panda_py": "panda",
    "serial": "robotiq",
    "pyrealsense2": "realsense",
    "libusb_package": "realsense",
    "pyspacemouse": "spacemouse",
    "hid": "spacemouse",
    "pygame": "gamepad",
    "pyarrow": "formats",
    "av": "formats",
    "h5py": "formats",
    "lz4": "agentlace",
    "rerun": "rerun",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one role and return its exit status: 2 for what a person can put right, 130 after Ctrl-C."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(_help())
        return 0
    if arguments[0] in ("-V", "--version"):
        from shared.version import code_version

        print(f"handson {code_version()}")
        return 0
    name, *rest = arguments
    if name not in ROLES:
        print(_unknown(name), file=sys.stderr)
        return 2
    return _run(name, rest)


def _run(name: str, argv: Sequence[str]) -> int:
    module, function = ROLES[name].target.split(":")
    try:
        return int(getattr(importlib.import_module(module), function)(argv))
    except HandsOnError as error:
        print(f"handson {name}: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        print(f"handson {name}: needs {error.name}, which is not installed here", file=sys.stderr)
        print(f"  -> {_installation(name, extra)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _installation(role: str, extra: str) -> str:
    roles = ("learner", "actor", "robot", "sim")
    if extra in roles:
        return f"make install ROLE={extra}, or install the extra handson[{extra}]"
    role = role if role in roles else "actor"
    return f"make install ROLE={role} WITH={extra}, or install the extra handson[{extra}]"


def _help() -> str:
    width = max(map(len, ROLES))
    roles = "\n".join(f"  {name:<{width}}  {role.purpose}" for name, role in ROLES.items())
    return (
        "usage: handson ROLE [OPTIONS]\n\n"
        "HandsOn teaches a robot arm a task in under an hour of practice.\n\n"
        f"roles:\n{roles}\n\n"
        "Start with:     handson sim --task reach\n"
        "Options of one: handson ROLE --help\n"
        "Version:        handson --version"
    )


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(name, ROLES, n=1, cutoff=0.5)
    guess = f"did you mean {nearest[0]!r}? " if nearest else ""
    return f"handson: there is no role {name!r}\n  -> {guess}roles: {', '.join(ROLES)}"


if __name__ == "__main__":
    sys.exit(main())
