"""The episodes of a file or a directory, numbered in the order in which they were recorded."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shared.episode_files import episode_files
from shared.episode_starts import read_starts
from shared.episodes import Episode, group_episodes, read_episodes
from shared.errors import ConfigError, EpisodeFileError
from shared.interface import InterfaceSpec, require_equal
from shared.records import Record, StepRecord

STAGE = "demonstrations"


@dataclass(frozen=True, kw_only=True)
class Numbered:
    """An episode, its number among all that a path names, and the seed of its start where that is known."""

    number: int
    episode: Episode
    start_seed: int | None


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """What a path names. Files that belong together, as those of a directory, follow one interface.

    Attributes:
        files: in the order in which they were begun.
        cut: those whose writer was cut off; their whole episodes are here all the same.
    """

    files: Sequence[Path]
    interface: InterfaceSpec
    episodes: Sequence[Numbered]
    cut: Sequence[Path]

    def only(self, number: int) -> Numbered:
        """The episode of this number; raises ConfigError where there is none."""
        if not 0 <= number < len(self.episodes):
            raise ConfigError(STAGE, f"there is no episode {number}", f"choose 0 to {len(self.episodes) - 1}")
        return self.episodes[number]


def load(path: Path, *, images: bool = True) -> Episodes:
    """All episodes, corrections applied; without `images` nothing of what was observed.

    Raises:
        EpisodeFileError: a file is foreign or damaged, or there is no episode at all.
        InterfaceMismatch: two files are of different worlds.
    """
    paths = episode_files(path)
    files = [read_episodes(file) for file in paths]
    for file in files[1:]:
        require_equal(files[0].interface, file.interface, STAGE, str(file.path))
    starts = {name: seed for file in paths for name, seed in read_starts(file).items()}
    records = itertools.chain.from_iterable(file.records() for file in files)
    found = [
        Numbered(
            number=number,
            episode=episode,
            start_seed=starts.get((episode.actor_id, episode.incarnation, episode.number)),
        )
        for number, episode in enumerate(group_episodes(records if images else bare(records)))
    ]
    if not found:
        raise EpisodeFileError(STAGE, f"{path} holds no step", "name what `handson demo` recorded")
    cut = [file.path for file in files if file.truncated]
    return Episodes(files=paths, interface=files[0].interface, episodes=found, cut=cut)


def bare(records: Iterable[Record]) -> Iterator[Record]:
    """The records without what was observed, so that many fit in memory."""
    for record in records:
        if isinstance(record, StepRecord):
            step = replace(record.step, observation={}, final_observation=None)
            yield replace(record, step=step)
        else:
            yield record
