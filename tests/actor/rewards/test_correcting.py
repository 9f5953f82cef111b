"""A version trained anew takes over only where it is as trustworthy as the one that judges now."""

import dataclasses
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from actor.rewards.correcting import Correcting
from deploy.cli import main as handson
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier, write_classifier
from tests.learner.classifier.labelled import QUICK, interface, picture, write_labels


@pytest.fixture(scope="module")
def classifier(tmp_path_factory) -> Path:
    home = tmp_path_factory.mktemp("squares")
    write_labels(home / "labels" / "a.mcap")
    out = home / "square.classifier"
    words = ["classifier", "train", str(home / "labels"), "--out", str(out)]
    assert handson([*words, *QUICK, "--precision", "0.5"]) == 0
    return out


def judged(now: RewardClassifier, *, met: bool) -> RewardClassifier:
    classes = {name: figures | {"target_met": met} for name, figures in now.metrics["classes"].items()}
    return dataclasses.replace(now, version=now.version + 1, metrics=now.metrics | {"classes": classes})


@pytest.mark.parametrize("met", [True, False])
def test_a_version_that_misses_its_target_does_not_replace_one_that_met_it(
    met, classifier, tmp_path, monkeypatch, wait_until, caplog
) -> None:
    start = subprocess.Popen

    def train(words: list[str], **settings):
        """A training that is over at once."""
        write_classifier(Path(words[words.index("--out") + 1]), judged(read_classifier(classifier), met=met))
        return start([sys.executable, "-c", ""], **settings)

    monkeypatch.setattr(subprocess, "Popen", train)
    path = tmp_path / "square.classifier"
    path.write_bytes(classifier.read_bytes())
    (tmp_path / "labels").mkdir()
    correcting = Correcting(tmp_path / "labels", interface(), path)
    rng = np.random.default_rng(0)
    correcting.remember([picture(1, rng), picture(1, rng)], 0.9)
    correcting.deny()
    found = [correcting.newer()]

    def is_over() -> bool:
        found.append(correcting.newer())
        return found[-1] is not None or "misses its target" in caplog.text

    with caplog.at_level(logging.WARNING):
        wait_until(is_over, 20.0, "the end of a training")
    correcting.close()
    assert [made.version for _, made in filter(None, found)] == ([2] if met else [])
