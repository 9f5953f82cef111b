"""Strips show what the cameras saw, in time, of the first successes and the first failures."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actor import strips
from actor.outcome import EpisodeOutcome
from actor.strips import Strips, strip
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.step import Source, Step, Why

CAMERAS = ("front/image", "wrist/image")
STATE = ObservationEntry(name="state", shape=(1,), dtype="float32")
ACTIONS = (ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),)


def interface(*cameras: str) -> InterfaceSpec:
    images = tuple(ObservationEntry(name=name, shape=(24, 32, 3), dtype="uint8") for name in cameras)
    return InterfaceSpec(name="test", observations=(STATE, *images), actions=ACTIONS, control_hz=10.0)


def look(level: int, width: int = 32) -> dict[str, np.ndarray]:
    """The front camera's red, and the wrist camera's green, is as strong as `level`."""
    front, wrist = np.zeros((24, 32, 3), np.uint8), np.zeros((width, width, 3), np.uint8)
    front[..., 0], wrist[..., 1] = level, level
    return {"state": np.zeros(1, np.float32), "front/image": front, "wrist/image": wrist}


def episode(length: int, *, final: bool = True, width: int = 32) -> list[Step]:
    """Observes 0, 10, 20, ... and at last `length` x 10, if it has a final observation."""
    nothing = np.zeros(1, np.float32)
    return [
        Step(
            observation=look(10 * number, width),
            chosen_action=nothing,
            executed_command=nothing,
            source=Source.POLICY,
            reward=0.0,
            truncated=(last := number == length - 1),
            why=Why.TIME_LIMIT if last else None,
            final_observation=look(10 * length, width) if last and final else None,
        )
        for number in range(length)
    ]


def outcome(start_seed: int, success: bool, length: int = 3) -> EpisodeOutcome:
    return EpisodeOutcome(
        start_seed=start_seed, length=length, episode_return=0.0, success=success, why=Why.TIME_LIMIT
    )


def levels(picture: np.ndarray, channel: int, row: int) -> list[int]:
    """What a 32 pixels wide frame of each column shows."""
    return [int(value) for value in picture[row, 16::34, channel]]


def test_eight_frames_of_each_camera_from_the_first_to_the_last() -> None:
    picture = strip(episode(14), CAMERAS)
    assert (picture.shape, picture.dtype) == ((26 + 34, 8 * 34, 3), np.uint8)
    assert levels(picture, 0, 12) == [0, 20, 40, 60, 80, 100, 120, 140]
    assert levels(picture, 1, 26 + 16) == [0, 20, 40, 60, 80, 100, 120, 140]
    assert not picture[:24, :32, 1].any()
    assert (picture[:, 32:34] == 255).all()


@given(st.integers(1, 25), st.booleans())
def test_time_goes_on_and_nothing_is_shown_twice(length: int, final: bool) -> None:
    seen = length + final
    shown = levels(strip(episode(length, final=final), CAMERAS), 0, 12)
    assert len(shown) == min(8, seen)
    assert shown == sorted(set(shown))
    assert (shown[0], shown[-1]) == (0, 10 * (seen - 1) if seen > 1 else 0)


def test_wide_frames_are_shown_small_and_all_cameras_as_wide() -> None:
    assert strip(episode(2, width=480), CAMERAS).shape == (74 + 98, 3 * 98, 3)


def test_the_first_successes_and_the_first_failures_are_kept(tmp_path: Path) -> None:
    directory = tmp_path / "strips"
    kept = Strips(directory, interface(*CAMERAS))
    for seed in range(20):
        kept.add(outcome(seed, success=seed % 4 != 1), episode(3))
    assert sorted(int(path.stem) for path in directory.iterdir()) == [0, 1, 2, 3, 5, 9]
    picture = cv2.imread(str(directory / "0.jpg"))  # OpenCV reads BGR
    assert picture is not None
    assert picture.shape == (26 + 34, 4 * 34, 3)
    assert levels(picture, 2, 12) == pytest.approx([0, 10, 20, 30], abs=4)


def test_never_more_than_six_and_all_of_them_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    steps = episode(9, final=False)
    for step in steps:
        step.observation.update(dict.fromkeys(CAMERAS, noise))
    kept = Strips(tmp_path, interface(*CAMERAS))
    for seed in range(40):
        kept.add(outcome(seed, success=seed % 2 == 0), steps)
    assert len(list(tmp_path.iterdir())) == 2 * strips.EACH == 6
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 400_000


def test_an_episode_that_broke_before_its_first_step_has_none(tmp_path: Path) -> None:
    kept = Strips(tmp_path, interface(*CAMERAS))
    kept.add(outcome(0, success=False, length=0), [])
    assert list(tmp_path.iterdir()) == []


def test_without_cameras_there_are_none(tmp_path: Path) -> None:
    Strips(tmp_path / "strips", interface()).add(outcome(0, success=True), episode(3))
    assert not (tmp_path / "strips").exists()


def test_those_of_an_earlier_evaluation_go_and_nothing_else_does(tmp_path: Path) -> None:
    Strips(tmp_path, interface(*CAMERAS)).add(outcome(4, success=False), episode(3))
    (tmp_path / "mine.jpg").touch()
    Strips(tmp_path, interface(*CAMERAS)).add(outcome(5, success=True), episode(3))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["5.jpg", "mine.jpg"]
