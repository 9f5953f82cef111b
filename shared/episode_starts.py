"""Which seed each episode of a file began from, so that the same start can be made again.

Kept as MCAP metadata before the episode's steps: what reads records passes over it. Files of others, and
those that were recorded where no seed decides the start, have none.
"""

from dataclasses import dataclass
from pathlib import Path

from shared.episodes import EpisodeWriter
from shared.mcap_stream import McapStream

NOTE = "handson.start"

EpisodeName = tuple[str, str, int]
"""Actor id, incarnation and number of an episode."""


@dataclass(frozen=True, slots=True)
class EpisodeStart:
    """Where an episode began: `seed` is what the environment was reset with."""

    episode: EpisodeName
    seed: int


def write_start(writer: EpisodeWriter, start: EpisodeStart) -> None:
    """Note a start; before the episode's first step. Raises OSError."""
    actor_id, incarnation, number = start.episode
    facts = {"actor_id": actor_id, "incarnation": incarnation, "episode": str(number)}
    writer.note(NOTE, facts | {"seed": str(start.seed)})


def read_starts(path: Path) -> dict[EpisodeName, int]:
    """The seeds of a file's episodes, as far as they are known. Raises EpisodeFileError."""
    return dict(_start(facts) for facts in McapStream(path).notes(NOTE))


def _start(facts: dict[str, str]) -> tuple[EpisodeName, int]:
    return (facts["actor_id"], facts["incarnation"], int(facts["episode"])), int(facts["seed"])
