"""A whole training on small frames, as `handson classifier train` does it."""

import json
from pathlib import Path

import numpy as np
import pytest

from deploy.cli import main as handson
from learner.classifier.config import FitConfig, LooksConfig, TrainConfig
from learner.classifier.dataset import load
from learner.classifier.looks import look_at_all
from shared.errors import ConfigError
from shared.policy.classifier.classifier_file import read_classifier
from shared.policy.classifier.scoring import Scorer
from shared.policy.trunks.weights import RANDOM, load_trunk
from shared.policy.vision import VisionConfig
from tests.learner.classifier.labelled import BLIND, GOOD, QUICK, interface, picture, write_labels

EPISODES = ((0, 0, 0, 0, 0, 1, 1, 1),) * 14
VISION = VisionConfig(trunk_stages=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A classifier of squares, and the directory of its frames."""
    home = tmp_path_factory.mktemp("squares")
    write_labels(home / "labels" / "a.mcap", EPISODES)
    out = home / "square.classifier"
    status = handson(
        ["classifier", "train", str(home / "labels"), "--out", str(out), *QUICK, "--precision", "0.8"]
    )
    assert status == 0
    return out


def test_it_tells_new_frames_apart_and_says_which_camera_shows_it(trained) -> None:
    classifier = read_classifier(trained)
    scorer, rng = Scorer(classifier), np.random.default_rng(99)
    for label in (0, 1) * 5:
        probability = scorer(picture(label, rng, interface()))[0, 1]
        assert (probability >= classifier.thresholds[1]) == (label == 1)
    figures = classifier.metrics["classes"]["success"]
    assert figures["area_of_each_camera"][GOOD] > 0.95
    assert figures["useless_cameras"] == [BLIND]
    assert figures["chosen"]["precision_low"] >= 0.8
    assert classifier.metrics["frames"] == {"failure": 70, "success": 42}
    assert (classifier.version, classifier.spec.members) == (1, 3)


def test_a_report_and_figures_lie_beside_it(trained, capsys) -> None:
    page = trained.with_suffix(".html").read_text()
    assert "wall/image shows next to nothing of it" in page
    assert page.count("<svg") == 2
    figures = json.loads(trained.with_suffix(".json").read_text())
    assert handson(["classifier", "show", str(trained), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == figures
    assert handson(["classifier", "show", str(trained)]) == 0
    assert "wall/image" in capsys.readouterr().out


def test_the_next_version_sees_alike_and_learns_from_what_was_added(trained, tmp_path) -> None:
    write_labels(tmp_path / "more.mcap", [(0, 0, 1)] * 4, seed=7)
    out, labels = tmp_path / "next.classifier", str(trained.parent / "labels")
    words = ["classifier", "train", labels, str(tmp_path / "more.mcap"), "--out", str(out)]
    assert handson([*words, "--resume-from", str(trained)]) == 0
    before, after = read_classifier(trained), read_classifier(out)
    assert (after.version, after.spec) == (2, before.spec)
    assert after.metrics["frames"] == {"failure": 78, "success": 46}
    assert after.data_digest != before.data_digest


def test_more_classes_each_have_their_threshold(tmp_path) -> None:
    write_labels(tmp_path / "a.mcap", [(0, 0, 1, 1, 0, 2, 2)] * 14)
    out = tmp_path / "three.classifier"
    words = ["--classes", "no", "left", "right", "--precision", "0.7", "--cameras", "hand"]
    assert handson(["classifier", "train", str(tmp_path), "--out", str(out), *QUICK, *words]) == 0
    classifier = read_classifier(out)
    assert classifier.spec.views.names == (GOOD,)
    scorer, rng = Scorer(classifier), np.random.default_rng(99)
    for label in (0, 1, 2):
        assert scorer(picture(label, rng, interface()))[0].argmax() == label
    assert set(classifier.metrics["classes"]) == {"left", "right"}


def test_a_precision_that_is_not_reached_is_said_by_the_status(tmp_path, capsys) -> None:
    """Labels that nothing in the pictures tells apart."""
    rng = np.random.default_rng(0)
    write_labels(tmp_path / "a.mcap", [rng.integers(0, 2, 6) for _ in range(10)])
    words = ["classifier", "train", str(tmp_path), "--out", str(tmp_path / "c.classifier"), *QUICK]
    assert handson([*words, "--cameras", "wall"]) == 3
    assert "not met" in capsys.readouterr().out
    assert (tmp_path / "c.classifier").exists()


@pytest.mark.parametrize(
    ("episodes", "words", "named"),
    [
        ([(0, 0, 1)] * 3, [], "record at least 10"),
        ([(0,) * 20 + (1,) * 20], [], "of one episode"),
        ([(0,) * 6] * 10, [], "0 frames of the class 'success'"),
        (EPISODES, ["--cameras", "hnd"], "hand/image"),
        (EPISODES, ["--vision.trunk", "small"], "frozen"),
        (EPISODES, ["--resume-from", "nothing.classifier"], "No such file"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(tmp_path, capsys, episodes, words, named) -> None:
    write_labels(tmp_path / "a.mcap", episodes)
    out = tmp_path / "c.classifier"
    assert handson(["classifier", "train", str(tmp_path), "--out", str(out), *QUICK, *words]) == 2
    assert named in capsys.readouterr().err
    assert not out.exists()


def test_a_classifier_is_never_overwritten(trained, capsys) -> None:
    before = trained.read_bytes()
    assert (
        handson(["classifier", "train", str(trained.parent / "labels"), "--out", str(trained), *QUICK]) == 2
    )
    assert "exists already" in capsys.readouterr().err
    assert trained.read_bytes() == before


def test_the_first_look_is_the_frame_itself_and_the_others_are_not(tmp_path) -> None:
    data = load([write_labels(tmp_path / "a.mcap", [(0, 1, 0)])], (), 0.5)
    trunk = load_trunk(VISION, RANDOM)
    looked: list[int] = []
    maps = look_at_all(data, VISION, trunk, LooksConfig(variants=3, pad=2), 0, looked.append)
    plain = look_at_all(data, VISION, trunk, LooksConfig(variants=1, pad=0), 5)
    for name in (GOOD, BLIND):
        assert maps[name].shape[:2] == (3, 3)
        np.testing.assert_allclose(maps[name][:, 0], plain[name][:, 0], atol=1e-2)
        assert not np.allclose(maps[name][:, 1], maps[name][:, 2], atol=1e-2)
    assert sum(looked) == 3 * 3 * 2


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (LooksConfig, {"variants": 0}),
        (LooksConfig, {"pad": -1}),
        (FitConfig, {"folds": 1}),
        (FitConfig, {"batch": 0}),
    ],
)
def test_settings_out_of_range_are_refused(kind, wrong) -> None:
    needed = {"data": (Path("labels"),), "out": Path("c")} if kind is TrainConfig else {}
    with pytest.raises(ConfigError):
        kind(**needed, **wrong)
