"""A reward classifier from nothing to a policy that practised by it alone, by the commands a person types."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from learner.classifier.dataset import LabelledFrames, load
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier
from shared.policy.classifier.scoring import Scorer
from shared.policy.classifier.separation import area_under_curve, point_at

TASK = "reach_vision"
FRAMES = ("1000", "200")
"""What it is trained from, drawn evenly from RECORDED: frames of one episode look alike."""
RECORDED = ("3000", "600")
CHECKED = ("12000", "2400")
SETTINGS = ("--looks.pad", "0", "--cameras", "wrist/image")
"""Nothing moves the cameras, and a centimetre is four pixels; the report calls the front camera useless."""
CHUNK = 64


def handson(*words: str, statuses: tuple[int, ...] = (0,), seconds: float = 2400.0) -> str:
    command = [sys.executable, "-m", "deploy.cli", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode in statuses, f"{words}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr}"
    return done.stdout


def record(out: Path, frames: tuple[str, str], seed: int) -> LabelledFrames:
    words = ("--task", TASK, "--label", "environment", "--seed", str(seed), "--out", str(out))
    handson("classifier", "record", *words, "--frames", *frames)
    return load([out], (), 0.5)


def train(data: Path, out: Path) -> RewardClassifier:
    handson(
        "classifier", "train", str(data), "--out", str(out), "--most", *FRAMES, *SETTINGS, statuses=(0, 3)
    )
    return read_classifier(out)


def check(classifier: RewardClassifier, data: LabelledFrames) -> dict[str, Any]:
    """What a classifier makes of frames that neither its training nor its threshold has seen."""
    scores = _scores(classifier, data)
    positive, threshold = data.labels == 1, classifier.thresholds[1]
    point = point_at(threshold, scores, positive)
    firsts = [_first_hit(scores[rows], positive[rows], threshold) for rows in _rows_of_episodes(data)]
    declared = [right for right in firsts if right is not None]
    return {
        "episodes": len(np.unique(data.episodes)),
        "frames": {"failure": int((~positive).sum()), "success": int(positive.sum())},
        "right": point.true,
        "wrong": point.false,
        "precision": point.precision,
        "precision_low": point.precision_low,
        "recall": point.recall,
        "area_under_curve": area_under_curve(scores, positive),
        "first_hits_of_episodes": {"right": sum(declared), "wrong": len(declared) - sum(declared)},
    }


def practise(classifier: Path, run: Path, *, minutes: float) -> dict[str, Any]:
    """`handson sim` on the classifier alone; its final evaluation is judged by the environment."""
    words = ("--task", TASK, "--reward", "classifier", "--classifier", str(classifier), "--hits", "1")
    handson("sim", *words, "--run-dir", str(run), "--minutes", str(minutes), statuses=(0, 3))
    actor = json.loads((run / "actor-0.json").read_text())
    result = json.loads((run / "result.json").read_text())
    assert actor["judge"], "nobody but the environment judged"
    return result | {"judge": actor["judge"], "judging_p99_seconds": actor["judging_p99_seconds"]}


def _scores(classifier: RewardClassifier, data: LabelledFrames) -> np.ndarray:
    scorer, count = Scorer(classifier), len(data)
    parts = []
    for first in range(0, count, CHUNK):
        rows = np.arange(first, first + CHUNK).clip(max=count - 1)
        seen = scorer({name: frames[rows] for name, frames in data.frames.items()})
        parts.append(seen[: min(CHUNK, count - first), 0, 1])
    return np.concatenate(parts).astype(np.float64)


def _rows_of_episodes(data: LabelledFrames) -> list[np.ndarray]:
    return [np.flatnonzero(data.episodes == episode) for episode in np.unique(data.episodes)]


def _first_hit(scores: np.ndarray, positive: np.ndarray, threshold: float) -> bool | None:
    """Whether the first frame that would have ended the episode was a success; None where none would."""
    hits = np.flatnonzero(scores >= threshold)
    return bool(positive[hits[0]]) if len(hits) else None
