"""Who labels which frame, what is counted, and where a device strays."""

from collections import Counter

import numpy as np
import pytest

from actor.choosers import RandomChooser
from actor.labelling import NEAR_STEPS, Labels
from actor.rewards.base import StepResult
from actor.wandering import LONGEST_STEPS, WanderingChooser
from shared.labels import ENVIRONMENT, OPERATOR
from shared.step import Source


def result(success: bool = False, **ending: bool) -> StepResult:
    return StepResult(
        observation={},
        reward=0.0,
        terminated=ending.get("terminated", False),
        truncated=ending.get("truncated", False),
        info={"success": success},
    )


def test_the_environment_labels_each_frame_and_success_ends_nothing() -> None:
    labels = Labels(("no", "yes"), by_keys=False)
    labels.begin({})
    verdicts = [labels.judge(result(success)) for success in (False, True, True, False)]
    assert [v.terms for v in verdicts] == [{ENVIRONMENT: float(n)} for n in (0, 1, 1, 0)]
    assert not any(v.terminated or v.truncated for v in verdicts)
    assert labels.counts == Counter({0: 2, 1: 2})


def test_a_key_holds_until_the_next_and_for_one_episode() -> None:
    labels = Labels(("no", "half", "done"), by_keys=True)
    keys = labels.keys()
    labels.begin({})
    said = []
    for key in ("", "1", "", "l", "", "l", "2", "0"):
        keys.get(key, lambda: None)()
        said.append(labels.judge(result(success=True)).terms)
    assert said == [{OPERATOR: float(n)} for n in (0, 1, 1, 2, 2, 0, 2, 0)]
    keys["2"]()
    labels.begin({})
    assert labels.current == "no"
    assert set(keys) == {"0", "1", "2", "l"}


def test_near_misses_are_failures_shortly_before_or_after_a_success() -> None:
    labels = Labels(("no", "yes"), by_keys=False)
    labels.begin({})
    for success in [False] * 20 + [True] + [False] * 20:
        labels.judge(result(success))
    assert labels.near_misses == 2 * NEAR_STEPS


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_excursions_are_constant_bounded_and_recorded_as_chance(share) -> None:
    chooser = WanderingChooser(RandomChooser(3), 3, share)
    rng = np.random.default_rng(0)
    chooser.begin(rng)
    choices = [chooser.choose({}) for _ in range(2000)]
    actions = np.array([choice.action for choice in choices])
    assert np.abs(actions).max() <= 1.0
    assert all(choice.source is Source.RANDOM for choice in choices)
    same = (actions[1:] == actions[:-1]).all(axis=1)
    runs, run = [], 0
    for again in same:
        run = run + 1 if again else 0
        runs.append(run)
    assert 1 <= max(runs) < LONGEST_STEPS


def test_without_excursions_the_device_drives() -> None:
    plain, strays = RandomChooser(2), WanderingChooser(RandomChooser(2), 2, 0.0)
    plain.begin(np.random.default_rng(0))
    strays.begin(np.random.default_rng(0))
    assert strays.choose({}).action.shape == plain.choose({}).action.shape
