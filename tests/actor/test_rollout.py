"""The control loop and the recorder: what the world returned is what the steps say, at the edges too."""

from collections.abc import Sequence
from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from actor.choosers import RandomChooser
from actor.outcome import EpisodeOutcome
from actor.rewards.environment import EnvironmentReward
from actor.rollout import EpisodeHooks, Rollout
from shared.errors import ObservationError, SpoolFull
from shared.step import Source, Step, Why

ENDINGS = (Why.SUCCESS, Why.FAILURE, Why.TIME_LIMIT)


def play(env, start_seed: int = 7, **hooks) -> tuple[list[Step], EpisodeOutcome]:
    steps: list[Step] = []
    rollout = Rollout(env, env.interface, EnvironmentReward())
    keep = hooks.pop("keep", lambda step, number: steps.append(step))
    outcome = rollout.play(RandomChooser(2), start_seed, EpisodeHooks(keep=keep, **hooks))
    return steps, outcome


def check_episode(steps: Sequence[Step]) -> None:
    """What holds of every episode, however it ended."""
    for step, following in pairwise(steps):
        assert not step.last
        assert step.why is None
        assert step.final_observation is None
        # The environment counts: the next observation is the one after.
        assert following.observation["count"] == step.observation["count"] + 1
    last = steps[-1]
    assert last.last
    assert not (last.terminated and last.truncated)
    assert last.terminated == (last.why in (Why.SUCCESS, Why.FAILURE))
    if last.why is not Why.FAULT:
        assert last.final_observation is not None
        assert last.final_observation["count"] == last.observation["count"] + 1
    for step in steps:
        assert list(step.observation) == ["count", "start"]
        assert step.chosen_action.dtype == np.float32
        assert np.abs(step.chosen_action).max() <= 1


@given(plan=st.lists(st.tuples(st.integers(1, 6), st.sampled_from(ENDINGS)), min_size=1, max_size=5))
def test_each_observation_is_what_the_step_before_returned(counting_env, plan) -> None:
    env = counting_env(plan)
    rollout = Rollout(env, env.interface, EnvironmentReward())
    for number, (length, why) in enumerate(plan):
        steps: list[Step] = []
        keep = EpisodeHooks(keep=lambda step, n, steps=steps: steps.append(step))
        outcome = rollout.play(RandomChooser(2), number, keep)
        check_episode(steps)
        assert len(steps) == outcome.length == length
        assert outcome.why is steps[-1].why is why
        assert outcome.success == (why is Why.SUCCESS)
        assert outcome.episode_return == length


def test_a_step_says_what_was_chosen_executed_and_by_whom(counting_env) -> None:
    env = counting_env()
    steps, _ = play(env)
    for step, action in zip(steps, env.actions, strict=True):
        np.testing.assert_array_equal(step.chosen_action, action)
        np.testing.assert_allclose(step.executed_command, action * 0.1)
        assert step.source is Source.RANDOM
        assert step.policy_action is None
        assert step.human_action is None
        assert step.reward_terms == {"step": 1.0}


def test_the_start_seed_alone_determines_start_and_random_actions(counting_env) -> None:
    first, second, other = (play(counting_env(), seed)[0] for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0].observation["start"], second[0].observation["start"])
    np.testing.assert_array_equal(first[2].chosen_action, second[2].chosen_action)
    assert not np.array_equal(first[0].observation["start"], other[0].observation["start"])
    assert not np.array_equal(first[2].chosen_action, other[2].chosen_action)


@pytest.mark.parametrize("what", ["observation", "reward"])
def test_a_nan_ends_the_episode_as_a_fault_and_keeps_what_was_good(counting_env, what) -> None:
    env = counting_env(spoil={3: what})
    steps, outcome = play(env)
    check_episode(steps)
    assert outcome.why is steps[-1].why is Why.FAULT
    assert isinstance(outcome.fault, ObservationError)
    assert "nan" in str(outcome.fault)
    assert len(steps) == 4
    assert steps[-1].final_observation is None
    assert steps[-1].truncated
    assert all(np.isfinite(step.reward) for step in steps)
    np.testing.assert_array_equal(steps[-1].chosen_action, env.actions[-1])


def test_a_nan_at_reset_is_a_fault_without_steps(counting_env) -> None:
    env = counting_env(spoil_resets=[0])
    steps, outcome = play(env)
    assert steps == []
    assert (outcome.length, outcome.why, outcome.success) == (0, Why.FAULT, False)
    steps, outcome = play(env)
    assert outcome.why is Why.TIME_LIMIT


def test_an_interruption_truncates_the_step_in_progress(counting_env) -> None:
    env = counting_env()
    steps, outcome = play(env, interrupted=lambda: Why.OPERATOR_ABORT if env.steps == 3 else None)
    check_episode(steps)
    assert len(steps) == 3
    assert outcome.why is Why.OPERATOR_ABORT
    assert steps[-1].truncated
    assert steps[-1].final_observation is not None


def test_an_interruption_does_not_turn_a_success_into_an_abort(counting_env) -> None:
    env = counting_env([(3, Why.SUCCESS)])
    steps, outcome = play(env, interrupted=lambda: Why.OPERATOR_ABORT if env.steps == 3 else None)
    assert outcome.why is Why.SUCCESS
    assert steps[-1].terminated


@pytest.mark.parametrize("full_at", [0, 2, 4])
def test_a_full_spool_ends_the_episode_with_its_last_step_in_hand(counting_env, full_at) -> None:
    kept: list[Step] = []

    def keep(step: Step, number: int) -> None:
        if number == full_at:
            raise SpoolFull("ring", "no room", "free some")
        kept.append(step)

    _, outcome = play(counting_env(), keep=keep)
    assert outcome.unkept is not None
    assert isinstance(outcome.fault, SpoolFull)
    assert outcome.length == full_at + 1
    check_episode([*kept, outcome.unkept])
    assert outcome.unkept.why is (Why.TIME_LIMIT if full_at == 4 else Why.OPERATOR_ABORT)


def test_before_each_choice_the_caller_has_its_turn(counting_env) -> None:
    turns: list[int] = []
    env = counting_env()
    play(env, before_choice=lambda: turns.append(env.steps))
    assert turns == [0, 1, 2, 3, 4]
