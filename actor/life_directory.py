"""The directory of one life of an actor, `<root>/<actor id>/<incarnation>/`, and the claim to deliver it.

lock                    held while somebody delivers from here
interface.json          what the records mean
lost.jsonl              spans that could not be read any more
ring                    see actor.ring
spool-000000000120.mcap see actor.spool
"""

import fcntl
import logging
import os
from pathlib import Path

import msgspec

from shared.delivery import LostSpan
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec, decode_interface, encode_interface

log = logging.getLogger(__name__)

HIDDEN = "."
_LOCK = "lock"
_INTERFACE = "interface.json"
_LOST = "lost.jsonl"


class Claim:
    """The right to deliver from a directory, held until closed or until this process is no more."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, directory: Path) -> "Claim | None":
        """The claim, or None while another process holds it. Raises OSError where there is no directory."""
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def close(self) -> None:
        """Give the directory up. Twice is harmless."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def settle(root: Path, incarnation: str, interface: InterfaceSpec) -> tuple[Path, Claim]:
    """Make the directory of a new life; it appears under its name once it is claimed and says what it holds.

    Raises:
        OSError: the disk does not let it be made, or this incarnation has lived before.
    """
    hidden, directory = root / f"{HIDDEN}{incarnation}", root / incarnation
    hidden.mkdir(parents=True)
    claim = Claim.take(hidden)
    if claim is None:
        raise FileExistsError(f"another process is making {directory}")
    try:
        write_interface(hidden, interface)
        hidden.rename(directory)
    except BaseException:
        claim.close()
        raise
    return directory, claim


def write_interface(directory: Path, interface: InterfaceSpec) -> None:
    """Say what the records of this directory mean, all or nothing."""
    path = directory / _INTERFACE
    path.with_suffix(".partial").write_bytes(encode_interface(interface))
    path.with_suffix(".partial").rename(path)


def read_interface(directory: Path) -> InterfaceSpec | None:
    """What the records of this directory mean; None where it was never said, so nothing was produced.

    Raises:
        EpisodeFileError: it cannot be understood.
    """
    path = directory / _INTERFACE
    if not path.exists():
        return None
    try:
        return decode_interface(path.read_bytes())
    except (msgspec.MsgspecError, OSError) as error:
        raise EpisodeFileError(
            "spool",
            f"{path} cannot be understood ({error})",
            f"put a sound interface.json of the same task there, or remove {directory} to give its steps up",
        ) from error


def note_lost(directory: Path, span: LostSpan) -> None:
    """Remember a lost span for the next life, so that both sides go on counting it."""
    try:
        with (directory / _LOST).open("ab") as file:
            file.write(msgspec.json.encode(span) + b"\n")
    except FileNotFoundError:
        pass  # the directory went, for all of it was durable
    except OSError as error:
        log.warning("a lost span could not be noted: %s", error)


def lost_spans(directory: Path) -> list[LostSpan]:
    """The spans noted so far; a line that a kill cut short is left out."""
    path = directory / _LOST
    spans: list[LostSpan] = []
    for line in path.read_bytes().splitlines() if path.exists() else []:
        try:
            spans.append(msgspec.json.decode(line, type=LostSpan))
        except msgspec.MsgspecError:
            log.warning("%s has a line that cannot be read", path)
    return spans
