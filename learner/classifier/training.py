"""One training from labelled frames to a classifier."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import msgspec
import numpy as np
from rich.progress import Progress

from learner.classifier import dataset
from learner.classifier.config import FitConfig, LooksConfig, TrainConfig
from learner.classifier.dataset import LabelledFrames
from learner.classifier.fit import Heads
from learner.classifier.folds import held_out_by
from learner.classifier.held_out import judge_held_out, metrics
from learner.classifier.looks import look_at_all
from shared.cache import trunk_directory
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier
from shared.policy.classifier.network import ClassifierNetwork
from shared.policy.classifier.spec import ClassifierSpec
from shared.policy.parameters import flatten
from shared.policy.trunks.weights import TrunkWeights, load_trunk

log = logging.getLogger(__name__)


def train(config: TrainConfig) -> RewardClassifier:
    """Read the frames, look at them, fit the heads, judge them on held-out episodes, choose thresholds.

    Raises:
        HandsOnError: the data, the settings or the file to go on from are of no use; says what to do.
    """
    began = time.monotonic()
    before = read_classifier(config.resume_from) if config.resume_from else None
    if before is not None:
        config = _as_before(config, before)
    rng = np.random.default_rng(config.seed)
    data = dataset.load(config.data, config.cameras, config.unsure_seconds).at_most(config.most, rng)
    fit = config.fit
    held_out = held_out_by(data.labels, data.episodes, config.classes, fit.folds, fit.repeats, rng)
    trunk = _trunk(config, before)
    spec = _spec(config, data, trunk, members=len(held_out))
    network = ClassifierNetwork(spec)
    with _progress(config, data) as (looking, fitting):
        maps = look_at_all(data, config.vision, trunk, config.looks, config.seed, looking)
        looked = time.monotonic()
        priors = np.bincount(data.labels, minlength=len(config.classes)) / len(data)
        params = Heads(network, config.fit, priors).fit(maps, data.labels, held_out, config.seed, fitting)
    judged = judge_held_out(network, params, maps, data.labels, held_out)
    found = metrics(judged, spec.views.names, spec.classes, config.precision)
    found |= {
        "episodes": len(np.unique(data.episodes)),
        "members": spec.members,
        "settings": _settings(config),
        "looking_seconds": round(looked - began, 1),
        "seconds": round(time.monotonic() - began, 1),
    }
    thresholds = [found["classes"][name]["chosen"]["threshold"] for name in spec.classes[1:]]
    return RewardClassifier(
        spec=spec,
        heads=flatten(params),
        trunk=trunk.params,
        stages=trunk.stages,
        version=before.version + 1 if before else 1,
        thresholds=(1.0, *thresholds),
        temperature=judged.temperature,
        data_digest=data.digest,
        metrics=found,
        created_at_seconds=time.time(),
    )


def _as_before(config: TrainConfig, before: RewardClassifier) -> TrainConfig:
    """The settings of that training, but for `most`, which would leave out what is new."""
    spec, settings = before.spec, before.metrics.get("settings", {})
    return replace(
        config,
        cameras=spec.views.names,
        classes=spec.classes,
        vision=spec.vision,
        precision=settings.get("precision", config.precision),
        unsure_seconds=settings.get("unsure_seconds", config.unsure_seconds),
        looks=msgspec.convert(settings.get("looks", {}), LooksConfig),
        fit=msgspec.convert(settings.get("fit", {}), FitConfig),
        most=(),
    )


def _settings(config: TrainConfig) -> dict[str, Any]:
    """What the next version is trained with too."""
    return {
        "precision": config.precision,
        "unsure_seconds": config.unsure_seconds,
        "looks": asdict(config.looks),
        "fit": asdict(config.fit),
    }


def _trunk(config: TrainConfig, before: RewardClassifier | None) -> TrunkWeights:
    if before is not None:
        return TrunkWeights.of(before.spec.vision.trunk, before.stages, before.trunk)
    return load_trunk(config.vision, config.trunk_weights, trunk_directory())


def _spec(config: TrainConfig, data: LabelledFrames, trunk: TrunkWeights, members: int) -> ClassifierSpec:
    return ClassifierSpec(
        views=data.views,
        vision=config.vision,
        trunk_digest=trunk.digest,
        classes=config.classes,
        members=members,
        hidden=config.fit.hidden,
    )


@contextmanager
def _progress(config: TrainConfig, data: LabelledFrames) -> Iterator[Any]:
    with Progress(transient=True) as progress:
        passes = len(data) * config.looks.variants * len(data.frames)
        looking = progress.add_task(f"looking at {len(data)} frames", total=passes)
        fitting = progress.add_task("fitting", total=config.fit.updates)
        yield (
            lambda frames: progress.advance(looking, frames),
            lambda updates: progress.advance(fitting, updates),
        )
