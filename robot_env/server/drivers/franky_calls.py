"""franky's values and errors as HandsOn's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files

import franky

from robot_env.geometry import Pose, Vector, quaternion_wxyz
from robot_env.server.drivers.franka_versions import mismatch_cure
from shared.errors import DriverLost

ERRORS = tuple(name for name in dir(franky.Errors) if not name.startswith("_"))
STOPPED = (franky.ControlException, franky.CommandException, franky.InvalidOperationException)
LOST = (franky.Exception, franky.InvalidMotionTypeException, RuntimeError)
"""The second and third are no franky.Exception: a socket that is gone raises a plain RuntimeError."""


@contextmanager
def reaching(device: str, host: str) -> Iterator[None]:
    """Raise DriverLost for whatever the library raises within; who cares for STOPPED catches it inside."""
    try:
        yield
    except LOST as error:
        raise lost(device, host, error) from error


def lost(device: str, host: str, error: Exception) -> DriverLost:
    """The error as ours, with what to do about it."""
    said = str(error).removeprefix("libfranka: ").strip()
    return DriverLost(f"{device} at {host}", said, _cure(error, said))


def _cure(error: Exception, said: str) -> str:
    if isinstance(error, franky.IncompatibleVersionException):
        return mismatch_cure(said, "fr3")
    if isinstance(error, franky.RealtimeException):
        return (
            "boot the real-time kernel, permit real-time priorities (docs/franka.md), or use realtime=ignore"
        )
    if "refused" in said:
        return "open Desk, unlock the joints and activate FCI"
    if "No route" in said or "unreachable" in said:
        return "check the address and the cable: the controller's LAN port, not the arm's"
    return "check power, cable and Desk; the server goes on trying"


def error_names(message: str) -> tuple[str, ...]:
    """The errors named in what the library says, as in `reflex! ["cartesian_reflex"]`."""
    return tuple(name for name in re.findall(r"\w+", message) if name in ERRORS)


def raised(errors: franky.Errors) -> tuple[str, ...]:
    """The errors that are set."""
    return tuple(name for name in ERRORS if getattr(errors, name))


def affine(pose: Pose) -> franky.Affine:
    """A pose as theirs."""
    w, x, y, z = quaternion_wxyz(pose.rotation)
    return franky.Affine(pose.position_m, [x, y, z, w])


def pose(affine: franky.Affine) -> Pose:
    """Theirs as a pose."""
    matrix: Vector = affine.matrix
    return Pose.of(matrix[:3, 3], matrix[:3, :3])


def libfranka_version() -> str:
    """Of the libfranka inside the wheel, as its file name says; empty where it does not."""
    names = (path.name for path in files("franky-control") or ())
    found = (re.match(r"libfranka-\w+\.so\.([\d.]+)$", name) for name in names)
    return next((match.group(1) for match in found if match), "")
