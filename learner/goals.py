"""Goal images out of episode files, as VICE is given them: what steps led to that were called a success."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from learner.replay.maps import PAD
from learner.seeing import Seeing
from shared.episodes import Episode, EpisodeFile, group_episodes, read_episodes
from shared.errors import ConfigError
from shared.labels import label_of
from shared.policy.vision import cameras
from shared.step import Observation, Step, Why

log = logging.getLogger(__name__)

STAGE = "goal images"
PLACES = 2 * PAD + 1
MOST_MAPS = 2000
"""So many maps a camera, where frames are few: few goals are soon known by heart, shift by shift."""

Number = TypeVar("Number", bound=np.generic)
Frames = dict[str, NDArray[np.uint8]]
Images = dict[str, NDArray[np.generic]]


def load_goals(places: Sequence[Path], seeing: Seeing) -> Images | None:
    """Goal images (N, T, ...) of every camera in the form that batches have; None where none are named.

    Where batches hold maps, each frame is there at many shifts. A stack shows one frame T times.

    Raises:
        ConfigError: there is no such file, it shows other pictures, or nothing in it was a success.
        EpisodeFileError: a file is damaged or foreign.
    """
    if not places:
        return None
    names = cameras(seeing.layout.interface)
    found = [seen for path in _files(places) for seen in successes(_read(path, seeing))]
    if not found:
        raise ConfigError(
            STAGE,
            f"nothing in {', '.join(map(str, places))} was a success",
            "record goals with handson demo, or label them with handson classifier record",
        )
    log.info("%d goal images of each of %d cameras", len(found), len(names))
    frames = {name: np.stack([np.asarray(seen[name], np.uint8) for seen in found]) for name in names}
    stack = seeing.layout.frame_stack
    return {name: np.repeat(image[:, None], stack, axis=1) for name, image in _shown(frames, seeing).items()}


def successes(file: EpisodeFile) -> Iterator[Observation]:
    """What steps led to that were a success: by their labels or, for want of any, by the episode's end."""
    for episode in group_episodes(file.records()):
        for step, seen in _followed(episode):
            if seen is not None and _is_goal(step):
                yield seen


def _followed(episode: Episode) -> Iterator[tuple[Step, Observation | None]]:
    """Each step and what it led to, where that was recorded."""
    records = episode.steps
    for here, after in zip(records, [*records[1:], None], strict=True):
        follows = after is not None and after.identity.step == here.identity.step + 1
        yield here.step, after.step.observation if after and follows else here.step.final_observation


def _is_goal(step: Step) -> bool:
    label = label_of(step)
    return step.why is Why.SUCCESS if label is None else label[0] > 0


def _read(path: Path, seeing: Seeing) -> EpisodeFile:
    file, ours = read_episodes(path), seeing.layout.interface
    theirs = {entry.name: entry.shape for entry in file.interface.observations if entry.is_image}
    wanted = {entry.name: entry.shape for entry in ours.observations if entry.is_image}
    if not wanted or any(theirs.get(name) != shape for name, shape in wanted.items()):
        raise ConfigError(
            STAGE,
            f"{path} shows {_described(theirs)}, this run {_described(wanted)}",
            "record the goals with the cameras that the run has",
        )
    return file


def _described(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {list(shape)}" for name, shape in shapes.items()) or "no pictures"


def _files(places: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        inside = sorted(place.glob("*.mcap")) if place.is_dir() else [place]
        if not inside or not inside[0].exists():
            raise ConfigError(STAGE, f"{place} holds no episode file", "name what handson demo wrote")
        found += inside
    return found


def _shown(frames: Frames, seeing: Seeing) -> Images:
    """The frames, or the maps of each at some shifts, at all where there are few frames."""
    source = seeing.maps
    if source is None:
        return dict(frames)
    rng = np.random.default_rng(source.seed)
    shown: Images = {}
    for name, images in frames.items():
        shifts = min(PLACES**2, max(source.shifts, MOST_MAPS // len(images)))
        repeated = np.repeat(images, shifts, axis=0)
        offsets = np.concatenate([_offsets(rng, shifts) for _ in images])
        chunks = [
            source.encode(
                _filled(repeated[first : first + source.chunk], source.chunk),
                _filled(offsets[first : first + source.chunk], source.chunk),
            )
            for first in range(0, len(repeated), source.chunk)
        ]
        shown[name] = np.concatenate(chunks)[: len(repeated)]
    return shown


def _offsets(rng: np.random.Generator, count: int) -> NDArray[np.int32]:
    """`count` different shifts (count, 2), down and right."""
    places = rng.choice(PLACES**2, count, replace=False)
    return np.stack(np.divmod(places, PLACES), axis=-1).astype(np.int32)


def _filled(rows: NDArray[Number], count: int) -> NDArray[Number]:
    """`count` rows, the last one repeated: the trunk is compiled for one number of frames."""
    return np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])
