"""Which frames become samples of which class."""

import dataclasses

import numpy as np
import pytest

from learner.classifier.dataset import load
from shared.errors import ConfigError, EpisodeFileError, InterfaceMismatch
from shared.interface import CropProfile
from shared.labels import OPERATOR
from tests.learner.classifier.labelled import GOOD, interface, steps_of, write_episodes, write_labels

RNG = np.random.default_rng


def shows(frame: np.ndarray) -> int:
    """The class that a frame shows."""
    return 1 if frame[4, 4].max() > 200 else 2 if frame[-5, -5].max() > 200 else 0


def test_each_frame_has_the_class_of_what_its_step_led_to(tmp_path) -> None:
    write_labels(tmp_path / "a.mcap", [(0, 1, 0, 2), (1, 1)])
    write_labels(tmp_path / "b.mcap", [(2, 0)], seed=1)
    data = load([tmp_path], (), 0.5)
    assert data.labels.tolist() == [0, 1, 0, 2, 1, 1, 2, 0]
    assert data.episodes.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert [shows(frame) for frame in data.frames[GOOD]] == data.labels.tolist()


@pytest.mark.parametrize(("term", "left"), [(OPERATOR, [0, 0, 0, 1, 1, 0]), ("label_environment", None)])
def test_frames_before_a_person_changes_the_label_are_left_out(tmp_path, term, left) -> None:
    said = [0, 0, 0, 0, 0, 1, 1, 1, 1, 0]
    path = write_labels(tmp_path / "a.mcap", [said], term=term)
    found = load([path], (), 0.2).labels.tolist()
    assert found == (said if left is None else left)


def test_steps_without_a_label_and_frames_behind_a_gap_are_left_out(tmp_path) -> None:
    steps = steps_of([0, 1, 1, 0, 1], RNG(0), interface())
    steps[1] = dataclasses.replace(steps[1], reward_terms={"success": 1.0})
    path = write_episodes(tmp_path / "a.mcap", [steps])
    assert load([path], (), 0.5).labels.tolist() == [0, 1, 0, 1]
    cut = write_episodes(tmp_path / "b.mcap", [steps_of([0, 1, 0], RNG(0), interface())[:2]])
    assert load([cut], (), 0.5).labels.tolist() == [0]


def test_the_digest_names_the_frames_and_their_labels(tmp_path) -> None:
    a = load([write_labels(tmp_path / "a.mcap")], (), 0.5)
    same = load([write_labels(tmp_path / "b.mcap")], (), 0.5)
    other = load([write_labels(tmp_path / "c.mcap", seed=5)], (), 0.5)
    assert a.digest == same.digest != other.digest
    assert load([tmp_path / "a.mcap"], ("hand",), 0.5).digest != a.digest


def test_so_many_of_each_class_are_drawn_evenly(tmp_path) -> None:
    data = load([write_labels(tmp_path / "a.mcap", [(0, 0, 0, 1)] * 20)], (), 0.5)
    some = data.at_most((7, 5), RNG(0))
    assert np.bincount(some.labels).tolist() == [7, 5]
    assert [shows(frame) for frame in some.frames[GOOD]] == some.labels.tolist()
    assert len(set(some.episodes)) > 5
    assert len(data.at_most((), RNG(0))) == 80


@pytest.mark.parametrize(
    "other",
    [
        interface(size=32),
        interface(names=("hand/image",)),
        interface(crop=CropProfile(entry=GOOD, version=1, top=0, left=0, height=9, width=9)),
    ],
)
def test_files_of_different_cameras_are_not_mixed(tmp_path, other) -> None:
    write_labels(tmp_path / "a.mcap")
    write_labels(tmp_path / "b.mcap", spec=other)
    with pytest.raises(InterfaceMismatch, match=r"(?s)a\.mcap.*hand/image 16x16.*b\.mcap.*hand/image"):
        load([tmp_path], (), 0.5)


def test_what_is_of_no_use_is_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="holds no episode file"):
        load([tmp_path], (), 0.5)
    with pytest.raises(ConfigError, match="holds no episode file"):
        load([tmp_path / "missing.mcap"], (), 0.5)
    write_labels(tmp_path / "demo.mcap", term="success")
    with pytest.raises(ConfigError, match=r"(?s)is labelled.*classifier record"):
        load([tmp_path], (), 0.5)
    (tmp_path / "demo.mcap").write_bytes(b"nothing of the kind")
    with pytest.raises(EpisodeFileError):
        load([tmp_path], (), 0.5)
