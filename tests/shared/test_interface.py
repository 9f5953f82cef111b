"""An interface that another party sends is looked at before anything is built by it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.episodes import EpisodeWriter, read_episodes
from shared.errors import ConfigError, EpisodeFileError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry, require_sound

STATE = ObservationEntry(
    name="state", shape=(2,), dtype="float32", low=-1.0, high=1.0, offset=(0.0, 0.0), scale=(1.0, 0.5)
)
MOVE = ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m")
SOUND = InterfaceSpec(name="test", observations=(STATE,), actions=(MOVE,), control_hz=10.0)
NAN, INF = float("nan"), float("inf")


def test_a_sound_interface_passes() -> None:
    require_sound(SOUND, "the test")
    bare = replace(STATE, name="bare", low=None, high=None, offset=(), scale=())
    require_sound(replace(SOUND, observations=(STATE, bare)), "the test")


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (0,)},
        {"shape": (-2, -1)},
        {"shape": (2**20, 2**20), "offset": (), "scale": ()},
        {"offset": (0.0,)},
        {"scale": (1.0, 0.0)},
        {"scale": (1.0, NAN)},
        {"offset": (INF, 0.0)},
        {"low": 1.0},
        {"high": INF},
    ],
)
def test_an_observation_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="the test is not sound"):
        require_sound(replace(SOUND, observations=(replace(STATE, **change),)), "the test")


@pytest.mark.parametrize("shape", [(3, 8, 8), (8, 8), (8, 8, 4), (2, 8, 8, 3)])
def test_a_picture_has_rows_columns_and_three_colours(shape: tuple[int, ...]) -> None:
    picture = ObservationEntry(name="front/image", shape=(8, 8, 3), dtype="uint8")
    require_sound(replace(SOUND, observations=(picture,)), "the test")
    with pytest.raises(ConfigError, match="channels last"):
        require_sound(replace(SOUND, observations=(replace(picture, shape=shape),)), "the test")


@pytest.mark.parametrize(
    "change", [{"low": (1.0,)}, {"high": (INF,)}, {"low": (NAN,)}, {"low": (-1.0, -1.0)}]
)
def test_an_action_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="'move' has bounds"):
        require_sound(replace(SOUND, actions=(replace(MOVE, **change),)), "the test")


@pytest.mark.parametrize("control_hz", [0.0, -1.0, NAN, INF])
def test_a_rate_that_is_none_is_refused(control_hz: float) -> None:
    with pytest.raises(ConfigError, match="control_hz"):
        require_sound(replace(SOUND, control_hz=control_hz), "the test")


def test_names_are_unique() -> None:
    with pytest.raises(ConfigError, match="not unique"):
        require_sound(replace(SOUND, observations=(STATE, STATE)), "the test")


def test_an_episode_file_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "e.mcap"
    with EpisodeWriter(path, replace(SOUND, control_hz=0.0), opened_by="test"):
        pass
    with pytest.raises(EpisodeFileError, match="control_hz"):
        read_episodes(path)
