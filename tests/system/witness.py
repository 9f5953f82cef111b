"""What an actor produced, written down by the actor itself and kept by the kernel.

    python -m tests.system.witness FILE [flags of handson actor]

is `handson actor`, which appends one line to FILE for every step of which `Uplink.put` returned.
"""

import os
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

from shared.step import EpisodeKind, Step, StepId


class Line(NamedTuple):
    """One step that was produced: which, and a checksum of what it holds."""

    incarnation: str
    episode: int
    number: int
    checksum: int


def line_of(identity: StepId, step: Step) -> Line:
    """The line of a step, made alike where it is produced and where it is read from the log."""
    arrays = [*(step.observation[name] for name in sorted(step.observation)), step.chosen_action]
    if step.final_observation is not None:
        arrays += [step.final_observation[name] for name in sorted(step.final_observation)]
    checksum = zlib.crc32(b"".join(array.tobytes() for array in arrays))
    return Line(identity.incarnation, identity.episode, identity.step, checksum)


def read(path: Path) -> list[Line]:
    """All lines, in the order of production."""
    text = path.read_text() if path.exists() else ""
    fields = (line.split() for line in text.splitlines())
    return [Line(life, int(episode), int(number), int(crc, 16)) for life, episode, number, crc in fields]


def count(path: Path) -> int:
    """How many there are."""
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _witness(path: Path) -> None:
    from actor.uplink import Uplink

    put = Uplink.put
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def witnessed(self: Uplink, step: Step, episode: int, step_number: int, kind: EpisodeKind) -> StepId:
        identity = put(self, step, episode, step_number, kind)
        line = line_of(identity, step)
        os.write(file, f"{line.incarnation} {line.episode} {line.number} {line.checksum:x}\n".encode())
        return identity

    Uplink.put = witnessed


if __name__ == "__main__":
    from deploy.cli import main

    _witness(Path(sys.argv[1]))
    sys.exit(main(["actor", *sys.argv[2:]]))
