"""What the members say of episodes that they were trained without: thresholds, calibration, separation."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from learner.classifier.looks import Maps
from shared.policy.classifier.network import ClassifierNetwork
from shared.policy.classifier.separation import (
    CurvePoint,
    area_under_curve,
    expected_calibration_error,
    point_at,
    precision_curve,
    reliability,
)

CHUNK = 256
TEMPERATURES = np.geomspace(0.1, 10.0, 200)
USELESS = 0.6
"""A camera that by itself tells successes no better than this is called useless; 0.5 is chance."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """Log-probabilities (N, 1 + cameras, classes), by the members that were trained without that episode."""

    log_probabilities: Floats
    labels: Integers
    temperature: float

    @property
    def probabilities(self) -> Floats:
        """The same, calibrated."""
        return _softmax(self.log_probabilities / self.temperature)


def judge_held_out(
    network: ClassifierNetwork, params: Any, maps: Maps, labels: Integers, held_out: Flags
) -> HeldOut:
    """Ask of each frame, as it is, the members that were trained without it, and fit the temperature.

    Args:
        params: the members in front.
        maps: (N, variants, c, h, w) by camera.
        held_out: (members, N).
    """
    ask = jax.jit(lambda member, seen: jax.nn.log_softmax(network.logits(member, seen), axis=-1))
    total = np.zeros((len(labels), 1 + len(maps), len(network.spec.classes)))
    for number, rows_of in enumerate(held_out):
        member = jax.tree.map(lambda array, number=number: array[number], params)
        rows = np.flatnonzero(rows_of)
        for first in range(0, len(rows), CHUNK):
            chunk = rows[first : first + CHUNK]
            padded = np.resize(chunk, CHUNK)
            seen = {name: array[padded, 0] for name, array in maps.items()}
            total[chunk] += np.asarray(ask(member, seen))[: len(chunk)]
    found = total / held_out.sum(axis=0)[:, None, None]
    temperature = fit_temperature(found[:, 0], labels)
    return HeldOut(log_probabilities=found, labels=labels, temperature=temperature)


def fit_temperature(logits: Floats, labels: Integers) -> float:
    """What (N, classes) logits are best divided by, of TEMPERATURES, in likelihood."""
    rows = np.arange(len(labels))
    costs = [-np.log(_softmax(logits / t)[rows, labels] + 1e-12).mean() for t in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(costs))])


def choose_threshold(
    scores: Floats, positive: NDArray[np.bool_], precision: float
) -> tuple[CurvePoint, bool]:
    """The threshold that finds most with a lower 95% bound of precision of at least `precision`.

    Returns:
        The point, and whether it reaches that; without such a point, the one whose bound is highest.
    """
    curve = precision_curve(scores, positive)
    good = [point for point in curve if point.precision_low >= precision]
    if good:
        return max(good, key=lambda point: (point.recall, point.precision_low)), True
    return max(curve, key=lambda point: point.precision_low), False


def metrics(held_out: HeldOut, cameras: tuple[str, ...], classes: tuple[str, ...], precision: float) -> Any:
    """All that a report shows, plain values: for each class but the first, its curve and threshold."""
    found = {
        name: _class_metrics(held_out, cameras, number, precision)
        for number, name in enumerate(classes)
        if number
    }
    counts = {name: int((held_out.labels == number).sum()) for number, name in enumerate(classes)}
    return {"frames": counts, "temperature": held_out.temperature, "classes": found}


def _class_metrics(held_out: HeldOut, cameras: tuple[str, ...], number: int, precision: float) -> Any:
    probabilities, positive = held_out.probabilities[..., number], held_out.labels == number
    scores = probabilities[:, 0]
    chosen, met = choose_threshold(scores, positive, precision)
    raw = _softmax(held_out.log_probabilities[:, 0])[:, number]
    alone = {n: area_under_curve(probabilities[:, 1 + i], positive) for i, n in enumerate(cameras)}
    return {
        "precision_target": precision,
        "target_met": met,
        "chosen": asdict(chosen),
        "at_half": asdict(point_at(0.5, scores, positive)),
        "area_under_curve": area_under_curve(scores, positive),
        "area_of_each_camera": alone,
        "useless_cameras": [name for name, area in alone.items() if area < USELESS],
        "calibration_error": expected_calibration_error(scores, positive),
        "calibration_error_before": expected_calibration_error(raw, positive),
        "reliability": [list(each) for each in reliability(scores, positive)],
        "curve": [asdict(point) for point in precision_curve(scores, positive)],
    }


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
