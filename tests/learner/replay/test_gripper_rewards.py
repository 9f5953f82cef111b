"""What moving a gripper costs, worked out from what was observed, and kept out of everybody else's reward."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.gripper_rewards import TERM, GripperRewards
from learner.replay.layout import BatchLayout
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

STATES = ("left/command", "right/command")
INTERFACE = InterfaceSpec(
    name="test",
    observations=tuple(ObservationEntry(name=name, shape=(1,), dtype="float32") for name in STATES),
    actions=(ActionEntry(name="grip", low=(-1.0, -1.0), high=(1.0, 1.0), unit="open"),),
    control_hz=10.0,
)
PENALTY, GAMMA = 0.25, 0.5
LAYOUT = BatchLayout(interface=INTERFACE, grippers=GripperRewards(states=STATES, penalty=PENALTY))
Told = tuple[float, float]


def seen(told: Told) -> dict[str, np.ndarray]:
    return {name: np.array([value], np.float32) for name, value in zip(STATES, told, strict=True)}


def episode(told: list[Told], why: Why, source: Source = Source.POLICY, **step: object) -> list[StepRecord]:
    """Steps from each state to the next, all with an action that would close both grippers."""
    records = []
    for number, (before, after) in enumerate(itertools.pairwise(told)):
        last = number == len(told) - 2
        made = Step(
            observation=seen(before),
            chosen_action=-np.ones(2, np.float32),
            executed_command=-np.ones(2, np.float32),
            source=source,
            reward=1.0,
            terminated=last and why is Why.SUCCESS,
            truncated=last and why is not Why.SUCCESS,
            why=why if last else None,
            final_observation=seen(after) if last else None,
        )
        kind = EpisodeKind.DEMO if source is Source.SCRIPT else EpisodeKind.TRAINING
        records.append(
            StepRecord(
                identity=StepId("actor", "life", 0, number),
                sequence=number,
                kind=kind,
                time_seconds=0.0,
                step=replace(made, **step),
            )
        )
    return records


def gathered(records: list[StepRecord], n_step: int, layout: BatchLayout = LAYOUT) -> TransitionBatch:
    store = ReplayStore(layout, 32)
    for record in records:
        store.append(record)
    return store.gather(np.sort(store.sampleable.rows)[None], n_step, GAMMA)


CHANGES = [(1.0, 1.0), (1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, 1.0)]
"""The right one closes; nothing moves; both move; nothing moves."""


@pytest.mark.parametrize("source", [Source.POLICY, Source.HUMAN, Source.SCRIPT])
@pytest.mark.parametrize("why", [Why.SUCCESS, Why.TIME_LIMIT])
def test_a_step_pays_for_what_changed_and_not_for_what_was_commanded(source: Source, why: Why) -> None:
    batch = gathered(episode(CHANGES, why, source), n_step=1)
    np.testing.assert_array_equal(batch.gripper_reward[0], [-0.25, 0.0, -0.5, 0.0])
    np.testing.assert_array_equal(batch.reward[0], np.ones(4))


def test_a_return_of_several_steps_discounts_each_change() -> None:
    batch = gathered(episode(CHANGES, Why.TIME_LIMIT), n_step=3)
    expected = [-0.25 + 0.25 * -0.5, 0.5 * -0.5, -0.5, 0.0]
    np.testing.assert_allclose(batch.gripper_reward[0], expected)
    np.testing.assert_allclose(batch.reward[0], [1.75, 1.75, 1.5, 1.0])


def test_a_term_that_the_data_brings_is_taken_instead_and_out_of_the_reward() -> None:
    """As HIL-SERL's demonstrations and its actors have it: the reward is the sum of the terms."""
    step = {"reward": 0.9, "reward_terms": {"reward": 1.0, TERM: -0.1}}
    batch = gathered(episode(CHANGES, Why.TIME_LIMIT, **step), n_step=1)
    np.testing.assert_allclose(batch.gripper_reward[0], np.full(4, -0.1))
    np.testing.assert_allclose(batch.reward[0], np.ones(4), rtol=1e-6)
    ordinary = gathered(episode(CHANGES, Why.TIME_LIMIT, **step), 1, BatchLayout(interface=INTERFACE))
    assert ordinary.gripper_reward is None
    np.testing.assert_allclose(ordinary.reward[0], np.full(4, 0.9), rtol=1e-6)


def test_an_end_that_nobody_observed_costs_nothing() -> None:
    *others, last = episode(CHANGES[:3], Why.SUCCESS)
    last = replace(last, step=replace(last.step, final_observation=None))
    np.testing.assert_array_equal(gathered([*others, last], 1).gripper_reward[0], [-0.25, 0.0])


def test_a_label_that_comes_later_says_the_reward_alone() -> None:
    store = ReplayStore(LAYOUT, 32)
    for record in (records := episode(CHANGES, Why.TIME_LIMIT)):
        store.append(record)
    target = records[2].identity
    amend = AmendRecord(
        actor_id="actor", incarnation="life", sequence=9, time_seconds=0.0, target=target, reward=5.0
    )
    assert store.amend(amend)
    batch = store.gather(np.array([[2]]), 1, GAMMA)
    assert (batch.reward[0, 0], batch.gripper_reward[0, 0]) == (5.0, -0.5)


def test_rows_that_were_overwritten_leave_no_term_behind() -> None:
    store = ReplayStore(LAYOUT, 3)
    named = {"reward": 0.9, "reward_terms": {"reward": 1.0, TERM: -0.1}}
    for record in [*episode(CHANGES[:3], Why.TIME_LIMIT, **named), *episode(CHANGES[:3], Why.TIME_LIMIT)]:
        store.append(record)
    batch = store.gather(np.sort(store.sampleable.rows)[None], 1, GAMMA)
    np.testing.assert_array_equal(np.sort(batch.gripper_reward[0]), [-0.25, 0.0])


def test_batches_without_data_have_the_same_shapes_as_those_with_it() -> None:
    batch, zeros = gathered(episode(CHANGES, Why.SUCCESS), 1), zero_batch(LAYOUT, 1, 4)
    assert batch.gripper_reward.shape == zeros.gripper_reward.shape
    assert batch.gripper_reward.dtype == zeros.gripper_reward.dtype
