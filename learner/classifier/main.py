"""`handson classifier train` and `show`: from labelled frames to a file, and what is in one."""

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from learner.classifier.config import TrainConfig
from learner.devices import prepare_device
from shared.config import parse_command_line
from shared.errors import CheckpointError, ConfigError
from shared.policy.classifier.classifier_file import RewardClassifier, read_classifier, write_classifier

log = logging.getLogger(__name__)

TARGET_NOT_MET = 3


def parse(argv: Sequence[str]) -> TrainConfig:
    """The settings; prints help or what is wrong and exits, as every role does."""
    return parse_command_line(
        TrainConfig,
        argv,
        prog="handson classifier train",
        description="Train a reward classifier from labelled frames.",
    )


def train(config: TrainConfig) -> int:
    """Train, write the classifier and its figures, print the table; 3 where the precision was not reached."""
    from learner.classifier.training import train as train_classifier

    if config.out.exists():
        raise ConfigError("classifier", f"{config.out} exists already", "name a new file with --out")
    log.info("training on %s", prepare_device(config.device))
    classifier = train_classifier(config)
    try:
        config.out.parent.mkdir(parents=True, exist_ok=True)
        write_classifier(config.out, classifier)
    except OSError as error:
        cause = f"{config.out} cannot be written: {error.strerror}"
        raise CheckpointError("classifier", cause, "free some space, or name another directory") from None
    written = read_classifier(config.out)
    figures = json.dumps(figures_of(written), indent=2) + "\n"
    config.out.with_suffix(".json").write_text(figures, encoding="utf-8")
    Console().print(table(written, config.out))
    return 0 if _met(written) else TARGET_NOT_MET


def figures_of(classifier: RewardClassifier) -> dict[str, Any]:
    """What there is to know of a classifier but its arrays, plain values."""
    spec = classifier.spec
    return {
        "version": classifier.version,
        "digest": classifier.digest,
        "cameras": spec.views.describe(),
        "cameras_fingerprint": spec.views.fingerprint,
        "trunk": spec.vision.trunk,
        "trunk_digest": spec.trunk_digest,
        "classes": list(spec.classes),
        "thresholds": list(classifier.thresholds),
        "data_digest": classifier.data_digest,
        **classifier.metrics,
    }


def table(classifier: RewardClassifier, path: Path) -> Table:
    """What a person wants to know of it first."""
    found, spec = classifier.metrics, classifier.spec
    shown = Table(title=f"{path.name}, {classifier.identity}", show_header=False)
    shown.add_row("cameras", spec.views.describe())
    frames = ", ".join(f"{count} {name}" for name, count in found["frames"].items())
    shown.add_row("frames", f"{frames}; {found['episodes']} episodes, held out in turn")
    for name, figures in found["classes"].items():
        _add_class(shown, name, figures)
    shown.add_row("trained in", f"{found['seconds']:.0f} s")
    shown.add_row("written", str(path))
    return shown


def _add_class(shown: Table, name: str, figures: dict[str, Any]) -> None:
    chosen = figures["chosen"]
    shown.add_row(f"{name}: threshold", f"{chosen['threshold']:.3f}")
    shown.add_row(
        "precision",
        f"{chosen['precision']:.3f}, at least {chosen['precision_low']:.3f} "
        f"({chosen['true']} right, {chosen['false']} wrong), and {chosen['recall']:.0%} of them found",
    )
    alone = ", ".join(f"{camera} {area:.3f}" for camera, area in figures["area_of_each_camera"].items())
    shown.add_row("area under curve", f"{figures['area_under_curve']:.3f}; alone {alone}")
    shown.add_row(
        "calibration error",
        f"{figures['calibration_error']:.3f} ({figures['calibration_error_before']:.3f} before)",
    )
    for camera in figures["useless_cameras"]:
        shown.add_row("[bold]look[/]", f"{camera} shows next to nothing of {name}: is it the right one?")
    if not figures["target_met"]:
        shown.add_row(
            "[bold]not met[/]",
            f"precision of at least {figures['precision_target']:.2f}: record more {name}, and near misses",
        )


def _met(classifier: RewardClassifier) -> bool:
    return all(figures["target_met"] for figures in classifier.metrics["classes"].values())


def show(argv: Sequence[str]) -> int:
    """Print what a file is."""
    parser = argparse.ArgumentParser(prog="handson classifier show", description="What a classifier is.")
    parser.add_argument("file", type=Path, help="what handson classifier train wrote")
    parser.add_argument("--json", action="store_true", help="all there is to know, as JSON")
    given = parser.parse_args(list(argv))
    classifier = read_classifier(given.file)
    if given.json:
        print(json.dumps(figures_of(classifier), indent=2))
    else:
        Console().print(table(classifier, given.file))
    return 0
