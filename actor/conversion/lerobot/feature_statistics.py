"""Statistics of features as LeRobot keeps them: per data set in stats.json, per episode in its row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actor.conversion.lerobot.pictures import Image

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
IMAGES_PER_EPISODE = 20
LARGEST_SIDE = 150
Statistics = dict[str, list[Any]]


def of_numbers(rows: NDArray[Any]) -> Statistics:
    """Of rows (N, D) by element; NaN stands for nothing, and an element that is never there counts as 0."""
    values = np.asarray(rows, dtype=np.float64)
    values = np.where(np.isnan(values).all(axis=0), 0.0, values)
    return {
        "min": np.nanmin(values, axis=0).tolist(),
        "max": np.nanmax(values, axis=0).tolist(),
        "mean": np.nanmean(values, axis=0).tolist(),
        "std": np.nanstd(values, axis=0).tolist(),
        "count": [len(values)],
        **{name: np.nanquantile(values, q, axis=0).tolist() for name, q in QUANTILES.items()},
    }


def histogram(images: Sequence[Image]) -> NDArray[np.int64]:
    """How often each value 0..255 is found in each channel (3, 256), and how many pictures were looked at.

    Some pictures of an episode, some of their pixels: as LeRobot samples them.
    """
    counts = np.zeros((4, 256), np.int64)
    chosen = np.unique(np.linspace(0, len(images) - 1, IMAGES_PER_EPISODE).round().astype(int))
    for image in (images[number] for number in chosen):
        stride = max(1, -(-max(image.shape[:2]) // LARGEST_SIDE))
        pixels = image[::stride, ::stride].reshape(-1, 3)
        for channel in range(3):
            counts[channel] += np.bincount(pixels[:, channel], minlength=256)
    counts[3, 0] = len(chosen)
    return counts


def of_pictures(counts: NDArray[np.int64]) -> Statistics:
    """Of a `histogram`, or the sum of several: channels first, (3, 1, 1), of values in [0, 1]."""
    levels = np.arange(256) / 255.0
    share = counts[:3] / counts[:3].sum(axis=1, keepdims=True)
    mean = share @ levels
    below = np.cumsum(share, axis=1)
    found = counts[:3] > 0
    values = {
        "min": levels[found.argmax(axis=1)],
        "max": levels[255 - found[:, ::-1].argmax(axis=1)],
        "mean": mean,
        "std": np.sqrt(np.maximum(share @ levels**2 - mean**2, 0.0)),
        **{name: levels[(below >= q - 1e-12).argmax(axis=1)] for name, q in QUANTILES.items()},
    }
    return {name: value.reshape(3, 1, 1).tolist() for name, value in values.items()} | {
        "count": [int(counts[3, 0])]
    }
