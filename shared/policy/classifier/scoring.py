"""Scorer: the probabilities that a classifier gives to what the cameras show; one trace for all versions."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping

import jax
import numpy as np
from numpy.typing import NDArray

from shared.policy.classifier.classifier_file import RewardClassifier
from shared.policy.classifier.network import ClassifierNetwork
from shared.policy.parameters import unflatten

Arrays = Mapping[str, NDArray[np.generic]]


class Scorer:
    """`scorer(observation)` is (1 + cameras, classes) float32: all cameras together first, then each alone.

    Attributes:
        classifier: the version that answers.
        traces: how often something was compiled.
    """

    def __init__(self, classifier: RewardClassifier) -> None:
        self.traces = 0
        self._network = ClassifierNetwork(classifier.spec)
        self._score = jax.jit(self._traced)
        self.load(classifier)

    def load(self, classifier: RewardClassifier) -> None:
        """Answer by this version from now on; one of another network compiles at its first use."""
        if classifier.spec != self._network.spec:
            self._network = ClassifierNetwork(classifier.spec)
            self._score = jax.jit(self._traced)
        self.classifier = classifier
        arrays = {"heads": unflatten(classifier.heads), "trunk": unflatten(classifier.trunk)}
        self._arrays = jax.block_until_ready(jax.device_put(arrays, jax.devices("cpu")[0]))

    def __call__(self, observation: Arrays) -> NDArray[np.float32]:
        """Of the image entries (..., H, W, 3) uint8 of an observation; others are not looked at."""
        frames = {name: observation[name] for name in self.classifier.spec.views.names}
        return np.asarray(self._score(self._arrays, frames, np.float32(self.classifier.temperature)))

    def _traced(
        self,
        arrays: dict[str, dict[str, jax.Array]],
        frames: dict[str, jax.Array],
        temperature: jax.Array,
    ) -> jax.Array:
        self.traces += 1
        maps = self._network.maps(frames, arrays["trunk"])
        logits = self._network.mean_logits(arrays["heads"], maps)
        return jax.nn.softmax(logits / temperature, axis=-1)
