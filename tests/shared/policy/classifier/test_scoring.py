"""Probabilities of members, batches and versions."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from shared.policy.classifier.network import ClassifierNetwork
from shared.policy.classifier.scoring import Scorer
from shared.policy.parameters import unflatten
from tests.learner.classifier.labelled import interface, picture


@pytest.fixture
def seen():
    return picture(1, np.random.default_rng(0), interface())


def test_probabilities_are_the_mean_log_probabilities_of_the_members_divided_by_the_temperature(
    make_classifier, seen
) -> None:
    classifier = make_classifier(classes=("no", "half", "done"))
    found = Scorer(classifier)(seen)
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(-1), 1.0, rtol=1e-5)
    network = ClassifierNetwork(classifier.spec)
    maps = network.maps({n: seen[n] for n in classifier.spec.views.names}, unflatten(classifier.trunk))
    heads = unflatten(classifier.heads)
    each = [network.logits(jax.tree.map(lambda a, m=m: a[m], heads), maps) for m in range(2)]
    mean = sum(jax.nn.log_softmax(logits) for logits in each) / 2 / classifier.temperature
    np.testing.assert_allclose(found, np.exp(mean) / np.exp(mean).sum(-1, keepdims=True), rtol=1e-4)


def test_a_camera_alone_does_not_hear_of_the_other(make_classifier, seen) -> None:
    scorer = Scorer(make_classifier())
    blinded = {**seen, "wall/image": np.zeros_like(seen["wall/image"])}
    before, after = scorer(seen), scorer(blinded)
    np.testing.assert_array_equal(before[1], after[1])
    assert not np.array_equal(before[0], after[0])
    assert not np.array_equal(before[2], after[2])


def test_a_batch_is_its_frames(make_classifier) -> None:
    scorer, rng = Scorer(make_classifier()), np.random.default_rng(0)
    frames = [picture(label, rng, interface()) for label in (0, 1, 0)]
    batch = scorer({name: np.stack([f[name] for f in frames]) for name in frames[0]})
    for row, frame in zip(batch, frames, strict=True):
        np.testing.assert_allclose(row, scorer(frame), atol=1e-5)


def test_another_version_costs_no_second_trace(make_classifier, seen) -> None:
    scorer = Scorer(make_classifier(1))
    first = scorer(seen)
    newer = dataclasses.replace(make_classifier(2), temperature=0.7)
    scorer.load(newer)
    assert not np.array_equal(scorer(seen), first)
    assert scorer.traces == 1
    assert scorer.classifier.version == 2
    scorer.load(make_classifier(3, hidden=4))
    assert jnp.isfinite(scorer(seen)).all()
    assert scorer.traces == 2
