"""The episodes of a file or a directory, numbered in the order in which they were recorded."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from shared.episode_files import episode_files
from shared.episode_starts import EpisodeName, read_starts
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
        episodes: those that were asked for, in order.
        count: how many there are in all.
        cut: files whose writer was cut off; their whole episodes are here all the same.
    """

    files: Sequence[Path]
    interface: InterfaceSpec
    episodes: Sequence[Numbered]
    count: int
    cut: Sequence[Path]


def load(path: Path, *, images: bool = True, numbers: Collection[int] | None = None) -> Episodes:
    """The episodes of these numbers, None for all, corrections applied; without `images` nothing observed.

    Raises:
        EpisodeFileError: a file is foreign or damaged, or there is no episode at all.
        InterfaceMismatch: two files are of different worlds.
        ConfigError: there is no episode of a number that was asked for.
    """
    paths = episode_files(path)
    files = [read_episodes(file) for file in paths]
    for file in files[1:]:
        require_equal(files[0].interface, file.interface, STAGE, str(file.path))
    starts = {name: seed for file in paths for name, seed in read_starts(file).items()}
    places: dict[EpisodeName, int] = {}
    records = itertools.chain.from_iterable(file.records() for file in files)
    asked = _of_numbers(records if images else bare(records), places, numbers)
    found = [_numbered(episode, places, starts) for episode in group_episodes(asked)]
    if not places:
        raise EpisodeFileError(STAGE, f"{path} holds no step", "name what `handson demo` recorded")
    require_numbers(numbers or (), len(places))
    cut = [file.path for file in files if file.truncated]
    interface = files[0].interface
    return Episodes(files=paths, interface=interface, episodes=found, count=len(places), cut=cut)


def require_numbers(numbers: Iterable[int], count: int) -> None:
    """Raise ConfigError for a number that is of none of `count` episodes."""
    for number in sorted(numbers):
        if not 0 <= number < count:
            raise ConfigError(STAGE, f"there is no episode {number}", f"choose 0 to {count - 1}")


def _of_numbers(
    records: Iterable[Record], places: dict[EpisodeName, int], numbers: Collection[int] | None
) -> Iterator[Record]:
    """The records of these episodes; `places` learns the number of each that there is."""
    for record in records:
        if isinstance(record, StepRecord):
            number = places.setdefault(record.identity[:3], len(places))
            if numbers is None or number in numbers:
                yield record
        else:
            yield record


def _numbered(
    episode: Episode, places: Mapping[EpisodeName, int], starts: Mapping[EpisodeName, int]
) -> Numbered:
    name = (episode.actor_id, episode.incarnation, episode.number)
    return Numbered(number=places[name], episode=episode, start_seed=starts.get(name))


def bare(records: Iterable[Record]) -> Iterator[Record]:
    """The records without what was observed, so that many fit in memory."""
    for record in records:
        if isinstance(record, StepRecord):
            step = replace(record.step, observation={}, final_observation=None)
            yield replace(record, step=step)
        else:
            yield record
