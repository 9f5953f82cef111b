"""Record, train, judge: in small for every run of the tests, and as long as it takes for the figures."""

import json

import pytest

from deploy.cli import main as handson
from shared.episodes import group_episodes, read_episodes
from shared.policy.classifier.classifier_file import read_classifier
from shared.step import Why
from tests import results
from tests.system import classifier_run as run

SMALL = ["--task", "reach_vision", "--image-size", "16"]
QUICK = ["--vision.trunk-stages", "1", "--fit.updates", "40", "--fit.repeats", "1", "--fit.folds", "2"]


def test_what_a_classifier_learned_from_a_recording_judges_demonstrations(tmp_path, capsys) -> None:
    labels, file = tmp_path / "labels", tmp_path / "reach.classifier"
    words = [*SMALL, "--label", "environment", "--frames", "60", "12", "--out", str(labels)]
    assert handson(["classifier", "record", *words]) == 0
    looks = ["--looks.variants", "2", "--precision", "0.1"]
    assert handson(["classifier", "train", str(labels), "--out", str(file), *QUICK, *looks]) == 0
    identity = read_classifier(file).identity
    judging = ["--reward", "classifier", "--classifier", str(file), "--hits", "1", "--threshold", "0.05"]
    assert handson(["demo", *SMALL, "--episodes", "2", "--out", str(tmp_path / "demos"), *judging]) == 0
    demos = read_episodes(tmp_path / "demos" / "demos.mcap")
    assert identity in demos.opened_by
    for episode in group_episodes(demos.records()):
        scores = [record.step.reward_terms["classifier_score"] for record in episode.steps]
        assert [score >= 0.05 for score in scores] == [False] * (len(scores) - 1) + [True]
        assert episode.steps[-1].step.why is Why.SUCCESS
        assert episode.steps[-1].step.reward == 1.0
    assert handson(["demo", "--task", "reach_vision", "--out", str(tmp_path / "other"), *judging]) == 2
    assert "front/image 16x16" in capsys.readouterr().err


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
def test_a_policy_learns_from_a_classifier_alone(tmp_path) -> None:
    """200 positive and 1,000 negative frames; a recording of its own to check on; practice by it alone."""
    file = tmp_path / "reach.classifier"
    run.record(tmp_path / "labels", run.RECORDED, seed=9)
    classifier = run.train(tmp_path / "labels", file)
    checked = run.check(classifier, run.record(tmp_path / "checked", run.CHECKED, seed=99))
    practised = run.practise(file, tmp_path / "run", minutes=15.0)
    kept = ("success_rate", "success_interval", "env_steps", "updates", "wall_seconds", "stopped_by")
    chosen = classifier.metrics["classes"]["success"]
    figures = {
        "training": json.loads(file.with_suffix(".json").read_text())["frames"]
        | {"seconds": classifier.metrics["seconds"], "chosen": chosen["chosen"]}
        | {"area_of_each_camera": chosen["area_of_each_camera"]},
        "checked_on_another_recording": checked,
        "practice": {key: practised[key] for key in (*kept, "judge", "judging_p99_seconds")},
    }
    results.record(
        "classifier",
        figures,
        {"task": run.TASK, "recorded": run.RECORDED, "frames": run.FRAMES, "hits": 1, "minutes": 15}
        | {"train": run.SETTINGS},
    )
    assert classifier.metrics["frames"] == {"failure": 1000, "success": 200}
    assert checked["episodes"] >= 50
    assert checked["precision_low"] >= 0.95
    assert practised["success_rate"] >= 0.8
