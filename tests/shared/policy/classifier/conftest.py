"""An untrained classifier of small frames."""

from collections.abc import Callable
from typing import Any

import jax
import pytest

from shared.policy.classifier.classifier_file import RewardClassifier
from shared.policy.classifier.network import ClassifierNetwork
from shared.policy.classifier.spec import ClassifierSpec, Views
from shared.policy.parameters import flatten
from shared.policy.trunks.weights import RANDOM, load_trunk
from shared.policy.vision import VisionConfig
from tests.learner.classifier.labelled import interface

VISION = VisionConfig(trunk_stages=1, embeddings=2, bottleneck=8)


@pytest.fixture(scope="session")
def make_classifier() -> Callable[..., RewardClassifier]:
    """`make_classifier(version, members=2, **spec settings)`."""

    def make(version: int = 1, **settings: Any) -> RewardClassifier:
        trunk = load_trunk(VISION, RANDOM)
        spec = ClassifierSpec(
            **({"views": Views.of(interface()), "vision": VISION, "members": 2, "hidden": 8} | settings),
            trunk_digest=trunk.digest,
        )
        keys = jax.random.split(jax.random.key(version), spec.members)
        return RewardClassifier(
            spec=spec,
            heads=flatten(jax.vmap(ClassifierNetwork(spec).init)(keys)),
            trunk=trunk.params,
            stages=trunk.stages,
            version=version,
            thresholds=(1.0, *(0.5 for _ in spec.classes[1:])),
            temperature=1.5,
            data_digest="frames",
            metrics={"classes": {"success": {"target_met": True}}},
            created_at_seconds=1e9,
        )

    return make
