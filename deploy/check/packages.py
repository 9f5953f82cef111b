"""Python and the packages of this host's roles, against what HandsOn asks for and was tested with."""

import importlib.metadata
import platform
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.check.base import Check, Outcome, fail, ok, skip, warn
from deploy.check.bench import Bench, uncropped

DISTRIBUTION = "handson"
ROOT = Path(__file__).resolve().parents[2]
LOCK, PROJECT = ROOT / "requirements.lock", ROOT / "pyproject.toml"
LIBREALSENSE = ("realsense", "software")
OLDEST, TOO_NEW = (3, 11), (3, 14)
NAME = re.compile(r"[\w.-]+")
EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
PINNED = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)


def checks(bench: Bench) -> list[Check]:
    """The interpreter, and what is installed beside it."""
    role = bench.config.role
    extras = {role if role != "all" else "sim", *_attached(bench)}
    return [
        Check(name="python", run=lambda: python(sys.version_info[:2])),
        Check(name="packages", run=lambda: packages(extras, role)),
    ]


def python(version: tuple[int, int]) -> Outcome:
    """Whether this Python is one that HandsOn runs on."""
    if OLDEST <= version < TOO_NEW:
        return ok(f"Python {platform.python_version()}")
    return fail(
        f"Python {version[0]}.{version[1]} is not 3.11, 3.12 or 3.13",
        "make install ROLE=... with uv, which brings a Python of its own",
    )


def packages(extras: set[str], role: str, lock: Path = LOCK) -> Outcome:
    """Whether all that these extras need is there, in a version that HandsOn was tested with."""
    needed = dict(_needed(extras))
    found = {name: _version(name) for name in needed}
    if not needed:
        return skip(f"{DISTRIBUTION} is not installed as a package; run it from make install")
    missing = [name for name, version in found.items() if version is None]
    if missing:
        return fail(
            f"not installed: {', '.join(missing)}", _install(role, {needed[name] for name in missing})
        )
    tested = pinned(lock)
    other = [
        f"{name} {version} ({' or '.join(sorted(tested[name]))} was tested)"
        for name, version in found.items()
        if name in tested and version not in tested[name]
    ]
    if other:
        return warn("; ".join(other), _install(role, extras - {role, "sim"}))
    return ok(f"{len(found)} packages of {', '.join(sorted(extras))}, as tested")


def pinned(lock: Path) -> Mapping[str, set[str]]:
    """Versions by package in a lock; several where Pythons differ, none where there is no lock."""
    versions: dict[str, set[str]] = {}
    if lock.is_file():
        for name, version in PINNED.findall(lock.read_text(encoding="utf-8")):
            versions.setdefault(_normal(name), set()).add(version)
    return versions


def _needed(extras: set[str]) -> Iterator[tuple[str, str]]:
    """Distribution and extra: of the checkout where there is one, for an installation may be older."""
    for requirement, extra in _of_checkout() if PROJECT.is_file() else _of_installation():
        match = NAME.match(requirement)
        if match is not None and (not extra or extra in extras):
            yield _normal(match[0]), extra


def _of_checkout() -> Iterator[tuple[str, str]]:
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    for extra, requirements in {"": project["dependencies"], **project["optional-dependencies"]}.items():
        yield from ((requirement, extra) for requirement in requirements)


def _of_installation() -> Iterator[tuple[str, str]]:
    try:
        requirements = importlib.metadata.requires(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        extra = EXTRA.search(requirement)
        yield requirement, extra[1] if extra else ""


def _attached(bench: Bench) -> set[str]:
    """Extras of the devices that the lab file and the command line name."""
    modules = {type(uncropped(camera)).__module__ for camera in bench.lab.cameras}
    cameras = (
        {"realsense"} if modules & {f"robot_env.cameras.{each}" for each in LIBREALSENSE} else set[str]()
    )
    driver = bench.config.driver
    return cameras | ({driver} if driver in ("fr3", "panda") else set())


def _install(role: str, extras: set[str]) -> str:
    attached = ",".join(
        sorted(extra for extra in extras if extra not in ("", "learner", "actor", "robot", "sim"))
    )
    return f"make install ROLE={'sim' if role == 'all' else role}" + (f" WITH={attached}" if attached else "")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
