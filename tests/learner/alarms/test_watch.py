"""Figures of what comes in, from records as actors send them."""

import math
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.agents.config import SACConfig
from learner.agents.vice import ViceConfig, rewarded
from learner.alarms.diagnosis import diagnose, speaking
from learner.alarms.history import History
from learner.watching.goal_returns import goal_returns
from learner.watching.rewards import Rewards
from learner.watching.watch import Watch
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="bench",
    observations=(
        ObservationEntry(name="arm/position", shape=(2,), dtype="float32", offset=(0, 0), scale=(1.0, 1.0)),
        ObservationEntry(name="front/image", shape=(4, 4, 3), dtype="uint8"),
    ),
    actions=(
        ActionEntry(name="move", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),
        ActionEntry(name="gripper", low=(-1.0,), high=(1.0,), unit="1"),
    ),
    control_hz=10.0,
)


class Actor:
    """Makes records, episode after episode."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._episode = self._sequence = 0

    def episode(
        self,
        length: int = 3,
        *,
        position: tuple[float, float] = (0.0, 0.0),
        light: int = 100,
        action: tuple[float, ...] = (0.1, 0.1, 1.0),
        rewards: Any = None,
        why: Why = Why.TIME_LIMIT,
        kind: EpisodeKind = EpisodeKind.TRAINING,
        source: Source = Source.POLICY,
        terms: dict[str, float] | None = None,
    ) -> None:
        rewards = rewards if rewards is not None else [0.0] * length
        for number, reward in enumerate(rewards):
            last = number == len(rewards) - 1
            terminated = last and why in (Why.SUCCESS, Why.FAILURE)
            step = Step(
                observation={
                    "arm/position": np.array(position, np.float32),
                    "front/image": np.full((4, 4, 3), light, np.uint8),
                },
                chosen_action=np.array(action, np.float32),
                executed_command=np.zeros(3, np.float32),
                source=source,
                reward=reward,
                reward_terms=terms or {},
                terminated=terminated,
                truncated=last and not terminated,
                why=why if last else None,
                final_observation={} if last else None,
            )
            self._watch.take(
                StepRecord(
                    identity=StepId("a", "life", self._episode, number),
                    sequence=self._sequence,
                    kind=kind,
                    time_seconds=0.0,
                    step=step,
                )
            )
            self._sequence += 1
        self._episode += 1


@pytest.fixture
def watch() -> Watch:
    return Watch(INTERFACE, 0.9)


@pytest.fixture
def actor(watch) -> Iterator[Actor]:
    return Actor(watch)


def test_before_anything_came_there_is_nothing_to_tell(watch) -> None:
    assert watch.figures == {}


def test_rewards_of_practice_are_told_apart_from_those_of_demonstrations(watch, actor) -> None:
    actor.episode(rewards=[0.0, 0.0, 1.0], why=Why.SUCCESS, kind=EpisodeKind.DEMO)
    actor.episode(rewards=[0.0, 0.0])
    figures = watch.figures
    assert (figures["reward_low"], figures["reward_high"]) == (0.0, 0.0)
    assert (figures["return_low"], figures["return_high"]) == (0.0, 1.0)
    assert (figures["practice_episodes"], figures["practice_successes"]) == (1.0, 0.0)


def test_evaluations_are_not_looked_at(watch, actor) -> None:
    actor.episode(rewards=[5.0], why=Why.SUCCESS, kind=EpisodeKind.EVALUATION)
    assert watch.figures == {}


def correction(why: Why) -> AmendRecord:
    """A later word on the second step of the first episode."""
    return AmendRecord(
        actor_id="a",
        incarnation="life",
        sequence=2,
        time_seconds=0.0,
        target=StepId("a", "life", 0, 1),
        reward=float(why is Why.SUCCESS),
        terminated=why is Why.SUCCESS,
        truncated=why is not Why.SUCCESS,
        why=why,
    )


@pytest.mark.parametrize(
    ("before", "said", "successes"),
    [
        (Why.SUCCESS, [Why.OPERATOR_ABORT], 0),
        (Why.SUCCESS, [Why.SUCCESS], 1),
        (Why.TIME_LIMIT, [Why.SUCCESS, Why.FAILURE], 0),
        (Why.TIME_LIMIT, [Why.FAILURE, Why.SUCCESS], 1),
    ],
)
def test_the_last_word_says_whether_an_episode_is_a_success(watch, actor, before, said, successes) -> None:
    actor.episode(rewards=[0.0, float(before is Why.SUCCESS)], why=before)
    for why in said:
        watch.take(correction(why))
    actor.episode(rewards=[0.0])
    assert watch.figures["practice_successes"] == successes


def test_a_late_success_counts(watch, actor) -> None:
    actor.episode(rewards=[0.0, 0.0])
    watch.take(correction(Why.SUCCESS))
    actor.episode(rewards=[0.0])
    assert watch.figures["practice_successes"] == 1.0
    assert watch.figures["return_high"] == 1.0


@given(
    st.lists(
        st.tuples(st.lists(st.floats(-3, 3), min_size=1, max_size=8), st.booleans()), min_size=1, max_size=6
    )
)
def test_no_return_that_was_seen_or_could_follow_is_outside_of_the_bounds(episodes) -> None:
    rewards = Rewards(0.9)
    for values, terminates in episodes:
        for number, value in enumerate(values):
            last = number == len(values) - 1
            terminated = last and terminates
            step = Step(
                observation={},
                chosen_action=np.zeros(1, np.float32),
                executed_command=np.zeros(0, np.float32),
                source=Source.POLICY,
                reward=value,
                terminated=terminated,
                truncated=last and not terminates,
                why=(Why.FAILURE if terminates else Why.TIME_LIMIT) if last else None,
                final_observation={} if last else None,
            )
            rewards.take(
                StepRecord(
                    identity=StepId("a", "life", 0, number),
                    sequence=number,
                    kind=EpisodeKind.TRAINING,
                    time_seconds=0.0,
                    step=step,
                )
            )
    figures = rewards.figures()
    low, high = figures["return_low"], figures["return_high"]
    for values, terminates in episodes:
        for tail in (0.0,) if terminates else (low, high):
            total = math.fsum(0.9**n * v for n, v in enumerate(values)) + 0.9 ** len(values) * tail
            assert low - 1e-6 <= total <= high + 1e-6


def test_costs_for_ever_bound_the_return_from_below(watch, actor) -> None:
    actor.episode(rewards=[-1.0] * 5)
    assert watch.figures["return_low"] == pytest.approx(-10.0)
    assert watch.figures["return_high"] <= 0.0


@pytest.mark.parametrize(
    ("settings", "bounds"),
    [
        ({}, (0.0, 1.0)),
        ({"ends": False}, (0.0, 10.0)),
        ({"reward": "log_probability"}, (-50.0, 0.0)),
    ],
)
def test_where_goal_images_decide_the_recorded_rewards_bound_nothing(settings, bounds) -> None:
    config = SACConfig(discount=0.9, vice=ViceConfig(enabled=True, **settings))
    watch = Watch(INTERFACE, 0.9, goal_returns(config))
    actor = Actor(watch)
    for _ in range(60):
        actor.episode(rewards=[0.0, 0.0])
    found = (watch.figures["return_low"], watch.figures["return_high"])
    assert found == pytest.approx(bounds)
    history = History()
    value = sum(bounds) / 2
    history.add({"env_steps": 120, "q_mean": value, "q_policy": value, "vice_passed": 0.1} | watch.figures)
    assert not speaking(diagnose(history))


@given(st.lists(st.floats(-30.0, 30.0), min_size=1, max_size=20), st.booleans())
def test_no_return_by_goal_images_is_outside_of_the_bounds(logits, ends) -> None:
    """Of one episode that goes on with its last reward for ever."""
    for reward in ("threshold", "log_probability"):
        vice = ViceConfig(enabled=True, reward=reward, ends=ends)
        bounds = goal_returns(SACConfig(discount=0.9, vice=vice))
        assert bounds is not None
        earned, discounts = (
            np.asarray(a, float) for a in rewarded(vice, jnp.array(logits), jnp.full(len(logits), 0.9))
        )
        value = earned[-1] / (1 - discounts[-1])
        for gained, discount in zip(earned[::-1], discounts[::-1], strict=True):
            value = gained + discount * value
        assert bounds[0] - 1e-4 <= value <= bounds[1] + 1e-4


def test_without_goal_images_the_recorded_rewards_decide() -> None:
    assert goal_returns(SACConfig()) is None


def test_the_gripper_is_at_its_limits_by_design(watch, actor) -> None:
    actor.episode(300, action=(0.99, 0.1, 1.0))
    assert watch.figures["actions/saturated_share"] == pytest.approx(0.5)
    actor.episode(300, action=(1.0, 1.0, 0.0), source=Source.HUMAN)
    assert watch.figures["actions/steps"] == 300.0, "people may drive as they like"


def test_starts_are_measured_in_widths_of_the_demonstrations(watch, actor) -> None:
    for x in (0.0, 0.1, 0.2):
        actor.episode(position=(x, 0.0), kind=EpisodeKind.DEMO)
    actor.episode(position=(0.1, 0.0))
    assert watch.figures["starts/distance/arm/position"] == pytest.approx(0.0)
    for _ in range(20):
        actor.episode(position=(0.3, 0.0))
    assert watch.figures["starts/distance/arm/position"] == pytest.approx(0.5, abs=1e-3)
    for _ in range(20):
        actor.episode(position=(0.1, 0.1))
    # In the second element the demonstrations did not differ: 0.05 of the scale stand for their width.
    assert watch.figures["starts/distance/arm/position"] == pytest.approx(2.0, abs=1e-3)
    assert watch.figures["starts/demos"] == 3.0


def test_pictures_are_held_against_demonstrations_or_else_the_first_episodes(watch, actor) -> None:
    for light in (90, 100, 110):
        actor.episode(light=light, kind=EpisodeKind.DEMO)
    actor.episode(light=60)
    figures = watch.figures
    assert figures["pictures/front/image/brightness"] == 60.0
    assert figures["pictures/front/image/brightness_before"] == 100.0
    assert figures["pictures/front/image/spread_before"] == pytest.approx(np.std([90, 100, 110]))
    alone = Watch(INTERFACE, 0.9)
    practice = Actor(alone)
    for light in [50] * 10 + [80] * 10:
        practice.episode(light=light)
    assert alone.figures["pictures/front/image/brightness"] == 80.0
    assert alone.figures["pictures/front/image/brightness_before"] == 50.0


def test_scores_at_the_start_are_held_against_the_first_ones(watch, actor) -> None:
    for score in [0.1] * 20 + [0.7] * 20:
        actor.episode(terms={"classifier_score": score})
    assert watch.figures["classifier/start_score"] == pytest.approx(0.7)
    assert watch.figures["classifier/start_score_before"] == pytest.approx(0.1)
