"""Goal images out of episode files: which frames, in which form, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from learner import goals
from learner.goals import load_goals
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.seeing import Seeing
from shared.episodes import EpisodeWriter
from shared.errors import ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.labels import OPERATOR
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

CAMERA = "front/image"


def interface(size: int = 4) -> InterfaceSpec:
    return InterfaceSpec(
        name="pictures",
        observations=(ObservationEntry(name=CAMERA, shape=(size, size, 3), dtype="uint8"),),
        actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
        control_hz=10.0,
    )


def frame(shade: int, size: int = 4) -> dict[str, np.ndarray]:
    return {CAMERA: np.full((size, size, 3), shade, np.uint8)}


def episode(first_shade: int, why: Why, labels: dict[int, float] | None = None, number: int = 0) -> list:
    """Three steps that show shades one apart and end with a fourth."""
    made = []
    for index in range(3):
        last = index == 2
        step = Step(
            observation=frame(first_shade + index),
            chosen_action=np.zeros(1, np.float32),
            executed_command=np.zeros(1, np.float32),
            source=Source.SCRIPT,
            reward=0.0,
            reward_terms={OPERATOR: labels[index]} if labels and index in labels else {},
            terminated=last and why is Why.SUCCESS,
            truncated=last and why is not Why.SUCCESS,
            why=why if last else None,
            final_observation=frame(first_shade + 3) if last else None,
        )
        identity = StepId("actor", "life", number, index)
        made.append(
            StepRecord(
                identity=identity,
                sequence=3 * number + index,
                kind=EpisodeKind.DEMO,
                time_seconds=0.1,
                step=step,
            )
        )
    return made


def written(path: Path, *episodes: list, size: int = 4) -> Path:
    with EpisodeWriter(path, interface(size), opened_by="test") as writer:
        for record in (record for steps in episodes for record in steps):
            writer.write(record)
    return path


def shades(goals: dict[str, np.ndarray]) -> list[int]:
    return [int(image.flat[0]) for image in goals[CAMERA]]


def test_goals_are_what_successes_ended_with_and_what_was_labelled_one(tmp_path: Path) -> None:
    ended = written(tmp_path / "a.mcap", episode(10, Why.SUCCESS), episode(20, Why.TIME_LIMIT, number=1))
    labelled = written(tmp_path / "b.mcap", episode(30, Why.TIME_LIMIT, {0: 0.0, 1: 1.0, 2: 1.0}))
    seeing = Seeing(layout=BatchLayout(interface=interface(), frame_stack=2))
    assert shades(load_goals([ended], seeing)) == [13]
    assert shades(load_goals([tmp_path], seeing)) == [13, 32, 33]
    assert load_goals([labelled], seeing)[CAMERA].shape == (2, 2, 4, 4, 3)
    assert load_goals([], seeing) is None


@pytest.mark.parametrize(("most", "shifts"), [(2000, 81), (40, 8), (5, 3)])
def test_where_batches_hold_maps_goals_are_maps_at_different_shifts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, shifts: int
) -> None:
    """The trunk here tells the shade and both offsets; five goals do not fill its chunks of four.

    Few goals are shown at all shifts, many at as many as the replay caches.
    """
    monkeypatch.setattr(goals, "MOST_MAPS", most)
    episodes = [episode(10 * n, Why.SUCCESS, number=n) for n in range(1, 6)]
    path = written(tmp_path / "a.mcap", *episodes)
    sizes = []

    def encode(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        sizes.append(len(frames))
        told = np.concatenate([frames[:, 0, 0, :1].astype(int), offsets], axis=1)
        return told[:, :, None, None].astype(np.float16)

    seeing = Seeing(
        layout=BatchLayout(interface=interface(), map_shapes={CAMERA: (3, 1, 1)}),
        maps=MapSource(encode=encode, shifts=3, seed=0, chunk=4),
    )
    maps = load_goals([path], seeing)[CAMERA]
    assert maps.shape == (5 * shifts, 1, 3, 1, 1)
    assert maps[:, 0, 0, 0, 0].tolist() == [s for n in range(1, 6) for s in [10 * n + 3] * shifts]
    assert len({tuple(m) for m in maps[:, 0, :, 0, 0].tolist()}) == 5 * shifts
    assert maps[:, 0, 1:].min() == 0
    assert maps[:, 0, 1:].max() == 8
    assert set(sizes) == {4}


def test_files_without_goals_are_refused(tmp_path: Path) -> None:
    seeing = Seeing(layout=BatchLayout(interface=interface()))
    failed = written(tmp_path / "failed.mcap", episode(10, Why.TIME_LIMIT))
    with pytest.raises(ConfigError, match="was a success"):
        load_goals([failed], seeing)
    with pytest.raises(ConfigError, match="holds no episode file"):
        load_goals([tmp_path / "nowhere"], seeing)
    large = Seeing(layout=BatchLayout(interface=interface(8)))
    with pytest.raises(ConfigError, match="front/image"):
        load_goals([failed], large)
