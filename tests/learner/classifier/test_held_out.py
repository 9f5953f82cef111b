"""Thresholds and temperatures against closed forms."""

import numpy as np
import pytest

from learner.classifier.held_out import HeldOut, choose_threshold, fit_temperature, metrics
from shared.intervals import wilson_interval


def test_the_threshold_finds_most_of_those_that_are_sure_enough() -> None:
    scores = np.concatenate([np.full(100, 0.9), np.full(50, 0.6), np.full(5, 0.5)])
    positive = np.array([True] * 100 + [True] * 40 + [False] * 10 + [True] * 5)
    chosen, met = choose_threshold(scores, positive, 0.95)
    assert met
    assert (chosen.threshold, chosen.true, chosen.false) == (0.9, 100, 0)
    assert chosen.precision_low == pytest.approx(wilson_interval(100, 100)[0])
    looser, met = choose_threshold(scores, positive, 0.8)
    assert met
    assert (looser.true, looser.false) == (145, 10)


def test_where_nothing_is_sure_enough_the_surest_is_taken_and_it_is_said() -> None:
    scores, positive = np.array([0.9] * 20 + [0.1] * 80), np.array([True] * 20 + [False] * 80)
    chosen, met = choose_threshold(scores, positive, 0.95)
    assert not met
    assert (chosen.true, chosen.false) == (20, 0)


@pytest.mark.parametrize("boast", [0.5, 1.0, 4.0])
def test_the_temperature_takes_back_what_logits_boast(boast) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, (20_000, 2))
    shares = 1.0 / (1.0 + np.exp(logits[:, 0] - logits[:, 1]))
    labels = (rng.uniform(size=len(shares)) < shares).astype(int)
    assert fit_temperature(boast * logits, labels) == pytest.approx(boast, rel=0.1)


def test_a_camera_that_shows_nothing_is_named() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    good = np.where(labels == 1, 3.0, -3.0) + rng.normal(size=400)
    blind = rng.normal(size=400)
    logits = np.stack([np.stack([np.zeros(400), each], -1) for each in (good, good, blind)], 1)
    held_out = HeldOut(log_probabilities=logits, labels=labels, temperature=1.0)
    found = metrics(held_out, ("hand/image", "wall/image"), ("no", "yes"), 0.95)["classes"]["yes"]
    assert found["useless_cameras"] == ["wall/image"]
    assert found["area_of_each_camera"]["hand/image"] > 0.99
    assert found["target_met"]
