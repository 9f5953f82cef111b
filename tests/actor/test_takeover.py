"""Who drives, step by step: the policy, or whoever moves the device; decided once, recorded as it was."""

from itertools import pairwise

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from actor.choosers import Choice
from actor.outcome import EpisodeOutcome
from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.rewards.environment import EnvironmentReward
from actor.rollout import EpisodeHooks, Rollout
from actor.spans import Span, spans_of
from actor.takeover import TakeoverChooser
from robot_env.registry import make
from shared.clock import ManualClock
from shared.step import Action, Observation, Source, Step, Why

POLICY = np.array([0.5, -0.5], np.float32)
HUMAN = np.array([-1.0, 1.0], np.float32)


class Policy:
    """Proposes the same over and over; remembers how often it was asked."""

    def __init__(self, action: Action = POLICY) -> None:
        self.asked, self._action = 0, action

    def begin(self, rng: np.random.Generator) -> None:
        self.drawn = rng.random()

    def choose(self, observation: Observation) -> Choice:
        self.asked += 1
        return Choice(action=self._action, source=Source.POLICY, policy_action=self._action)


class Device:
    """Speaks where the plan says so."""

    lost = ""

    def __init__(self, plan: list[bool], source: Source = Source.HUMAN, action: Action = HUMAN) -> None:
        self.source, self._plan, self._action = source, list(plan), action

    def reset(self, rng: np.random.Generator) -> None:
        self.drawn = rng.random()

    def read(self, observation: Observation) -> Action | None:
        speaks = self._plan.pop(0) if self._plan else False
        return self._action if speaks else None

    def close(self) -> None:
        pass


def play(env, chooser) -> tuple[list[Step], EpisodeOutcome]:
    steps: list[Step] = []
    rollout = Rollout(env, env.interface, EnvironmentReward())
    outcome = rollout.play(chooser, 7, EpisodeHooks(keep=lambda step, number: steps.append(step)))
    return steps, outcome


@given(plan=st.lists(st.booleans(), min_size=1, max_size=12))
@pytest.mark.parametrize("source", [Source.HUMAN, Source.SCRIPT])
def test_each_step_tells_who_drove_it_and_what_both_proposed(counting_env, source, plan) -> None:
    env, policy = counting_env([(len(plan), Why.TIME_LIMIT)]), Policy()
    changes: list[bool] = []
    steps, outcome = play(env, TakeoverChooser(policy, Device(plan, source), changes.append))
    assert policy.asked == len(plan)
    for step, drives in zip(steps, plan, strict=True):
        assert step.source is (source if drives else Source.POLICY)
        assert np.array_equal(step.policy_action, POLICY)
        assert np.array_equal(step.chosen_action, HUMAN if drives else POLICY)
        if drives and source is Source.HUMAN:
            assert np.array_equal(step.human_action, HUMAN)
        else:
            assert step.human_action is None
    for action, step in zip(env.actions, steps, strict=True):
        assert np.array_equal(action, step.chosen_action)
    assert changes == [now for before, now in pairwise([False, *plan]) if before != now]
    driven = [number for span in outcome.interventions for number in range(span.first, span.end)]
    assert driven == [number for number, drives in enumerate(plan) if drives]


def test_spans_are_as_long_as_can_be_and_each_has_one_driver() -> None:
    policy, human, script, chance = Source.POLICY, Source.HUMAN, Source.SCRIPT, Source.RANDOM
    sources = [policy, human, human, script, policy, chance, human]
    assert spans_of(sources) == (
        Span(first=1, length=2, who=human),
        Span(first=3, length=1, who=script),
        Span(first=6, length=1, who=human),
    )
    assert spans_of([]) == ()


def test_an_episode_that_ends_while_somebody_drives_leaves_the_next_one_to_the_policy(counting_env) -> None:
    changes: list[bool] = []
    chooser = TakeoverChooser(Policy(), Device([True] * 5), changes.append)
    env = counting_env([(5, Why.TIME_LIMIT)])
    assert len(play(env, chooser)[1].interventions) == 1
    assert play(env, chooser)[1].interventions == ()
    assert changes == [True, False]


def test_a_device_does_not_change_what_the_policy_draws() -> None:
    alone, helped, device = Policy(), Policy(), Device([])
    alone.begin(np.random.default_rng((7, 1)))
    TakeoverChooser(helped, device).begin(np.random.default_rng((7, 1)))
    assert alone.drawn == helped.drawn != device.drawn


def test_the_real_policy_goes_on_as_if_it_had_driven(counting_env, make_snapshot, compile_once) -> None:
    env = counting_env([(6, Why.TIME_LIMIT)])
    proposed = []
    for plan in ([False] * 6, [False, True, True, False, True, False]):
        runner = PolicyRunner(env.interface, seed=0)
        runner.load(make_snapshot())
        steps, _ = play(env, TakeoverChooser(PolicyChooser(runner), Device(plan)))
        proposed.append([step.policy_action for step in steps])
        assert runner.snapshot is not None
        assert [step.source is Source.HUMAN for step in steps] == plan
    assert all(action is not None for action in proposed[1])


@pytest.mark.parametrize("way", [1.0, -1.0])
def test_nothing_jumps_when_somebody_takes_over(way: float) -> None:
    """The policy drives away as fast as it may; the first human action is to stay, the next to go back."""
    env = make("reach", clock=ManualClock(), arm="point")
    away = np.array([way, way, way], np.float32)
    device = Device([False] * 4 + [True] * 6, action=np.zeros(3, np.float32))
    steps, _ = play(env, TakeoverChooser(Policy(away), device))
    for step, following in pairwise(steps):
        moved = following.observation["arm/tcp_position_base_m"] - step.observation["arm/tcp_position_base_m"]
        if step.source is Source.HUMAN:
            np.testing.assert_allclose(step.executed_command[:3], 0.0, atol=1e-6)
            np.testing.assert_allclose(moved, 0.0, atol=1e-6)
    env.close()
