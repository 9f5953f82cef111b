"""Separation measured anew on demonstrations: does each camera still show success, as it did in training?"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from shared.episodes import group_episodes, read_episodes
from shared.errors import ConfigError
from shared.policy.classifier.scoring import Scorer
from shared.policy.classifier.separation import area_under_curve
from shared.policy.classifier.spec import require_views
from shared.step import Observation, Why

log = logging.getLogger(__name__)

STAGE = "separation"
FALL = 0.15
"""A fall of the area under the curve, from training to now, that is worth a warning."""


def measure_separation(scorer: Scorer, number: int, demos: Sequence[Path]) -> dict[str, float]:
    """How well all cameras, and each alone, tell where successful demonstrations end from where they began.

    Frames of the first half of each episode count as no success, the last one as success.

    Args:
        scorer: asked of each of these frames.
        number: of its class that counts as success.
        demos: episode files.

    Returns:
        Areas under the curve by name: "together", then the image entries.

    Raises:
        ConfigError: no demonstration in them succeeds.
        InterfaceMismatch: a file is of other cameras.
    """
    scores: list[np.ndarray] = []
    labels: list[bool] = []
    for seen, success in _frames(scorer, demos):
        scores.append(scorer(seen)[:, number])
        labels.append(success)
    if not any(labels):
        cause = f"no episode of {', '.join(map(str, demos))} ends in success"
        raise ConfigError(STAGE, cause, "name demonstrations that succeed with --classifier-demos")
    found = np.array(scores, np.float64)
    names = ("together", *scorer.classifier.spec.views.names)
    areas = {n: area_under_curve(found[:, i], np.array(labels)) for i, n in enumerate(names)}
    _tell(scorer, number, areas)
    return areas


def _frames(scorer: Scorer, demos: Sequence[Path]) -> Iterator[tuple[Observation, bool]]:
    for path in demos:
        file = read_episodes(path)
        require_views(scorer.classifier.spec.views, file.interface, f"the classifier, and not {path},")
        for episode in group_episodes(file.records()):
            last = episode.steps[-1].step
            if last.why is not Why.SUCCESS or last.final_observation is None:
                continue
            for record in episode.steps[: max(1, len(episode.steps) // 2)]:
                yield record.step.observation, False
            yield last.final_observation, True


def _tell(scorer: Scorer, number: int, areas: dict[str, float]) -> None:
    name = scorer.classifier.spec.classes[number]
    figures = scorer.classifier.metrics.get("classes", {}).get(name, {})
    trained = {"together": figures.get("area_under_curve", 1.0), **figures.get("area_of_each_camera", {})}
    log.info("separation on demonstrations: %s", areas)
    for camera, area in areas.items():
        if area < trained.get(camera, 1.0) - FALL:
            log.warning(
                "%s tells success from the rest with an area of %.2f in training and of %.2f on these "
                "demonstrations: is it the right camera, and the same light?",
                camera,
                trained.get(camera, 1.0),
                area,
            )
