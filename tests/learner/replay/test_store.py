"""ReplayStore in closed form: chains of known rewards, and what a full store lets go."""

import numpy as np
import pytest

from learner.replay.batch import TransitionBatch
from learner.replay.layout import BatchLayout
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="state", shape=(1,), dtype="float32"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
LAYOUT = BatchLayout(interface=INTERFACE)
GAMMA = 0.5


def state(value: float) -> dict[str, np.ndarray]:
    return {"state": np.array([value], np.float32)}


def episode(values: list[float], why: Why | None, *, number: int = 0, final: bool = True) -> list[StepRecord]:
    """Steps that observe 0, 1, 2, ... and earn `values`."""
    records = []
    for index, reward in enumerate(values):
        end = why if index == len(values) - 1 else None
        step = Step(
            observation=state(index),
            chosen_action=np.zeros(1, np.float32),
            executed_command=np.zeros(1, np.float32),
            source=Source.POLICY,
            reward=reward,
            terminated=end in (Why.SUCCESS, Why.FAILURE),
            truncated=end is not None and end not in (Why.SUCCESS, Why.FAILURE),
            why=end,
            final_observation=state(index + 1) if end and final else None,
        )
        identity = StepId("actor", "life", number, index)
        records.append(
            StepRecord(
                identity=identity, sequence=index, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step
            )
        )
    return records


def everything(records: list[StepRecord], n_step: int, capacity: int = 32) -> TransitionBatch:
    store = ReplayStore(LAYOUT, capacity)
    for record in records:
        store.append(record)
    rows = np.sort(store.sampleable.rows)[None]
    return store.gather(rows, n_step, GAMMA)


def test_one_step() -> None:
    batch = everything(episode([1, 2, 4], Why.SUCCESS), 1)
    assert batch.reward.tolist() == [[1, 2, 4]]
    assert batch.discount.tolist() == [[0.5, 0.5, 0]]
    assert batch.next_observation["state"][..., 0].tolist() == [[1, 2, 3]]


def test_three_steps_and_a_tail_that_uses_what_remains() -> None:
    batch = everything(episode([1, 2, 4, 8], Why.TIME_LIMIT), 3)
    assert batch.reward.tolist() == [[1 + 1 + 1, 2 + 2 + 2, 4 + 4, 8]]
    assert batch.discount.tolist() == [[0.125, 0.125, 0.25, 0.5]]
    assert batch.next_observation["state"][..., 0].tolist() == [[3, 4, 4, 4]]


def test_after_the_end_of_the_world_there_is_nothing_to_discount() -> None:
    batch = everything(episode([1, 2, 4], Why.FAILURE), 3)
    assert batch.discount.tolist() == [[0, 0, 0]]
    assert batch.reward.tolist() == [[3, 4, 4]]


def test_a_terminated_step_needs_no_next_observation() -> None:
    batch = everything(episode([1, 2], Why.SUCCESS, final=False), 1)
    assert batch.reward.tolist() == [[1, 2]]
    assert batch.next_observation["state"][..., 0].tolist() == [[1, 1]]


def test_a_truncated_step_without_one_cannot_be_sampled() -> None:
    assert everything(episode([1, 2], Why.OPERATOR_ABORT, final=False), 1).reward.tolist() == [[1]]


def test_a_fault_is_masked_and_its_observation_is_still_a_next_one() -> None:
    batch = everything(episode([1, 2, 4], Why.FAULT), 3)
    assert batch.reward.tolist() == [[1 + 1, 2]]
    assert batch.next_observation["state"][..., 0].tolist() == [[2, 2]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_rewards_that_are_not_finite_are_counted_and_never_sampled(bad: float) -> None:
    store = ReplayStore(LAYOUT, 8)
    for record in episode([1, bad, 4], Why.SUCCESS):
        store.append(record)
    assert store.nonfinite == 1
    batch = store.gather(store.sampleable.rows[None], 3, GAMMA)
    assert batch.reward.tolist() == [[1, 4]]
    assert batch.discount.tolist() == [[0.5, 0]]


def test_a_full_store_forgets_the_oldest() -> None:
    batch = everything(episode([1, 2, 4, 8], Why.TIME_LIMIT), 1, capacity=3)
    assert batch.reward.tolist() == [[8, 4]] or batch.reward.tolist() == [[4, 8]]


def test_kept_rows_stay_while_others_are_there() -> None:
    store = ReplayStore(LAYOUT, 6)
    for record in episode([16, 32], Why.SUCCESS):
        store.append(record, kept=True)
    for number in range(5):
        for record in episode([1, 2], Why.TIME_LIMIT, number=number + 1):
            store.append(record)
    rewards = store.gather(store.sampleable.rows[None], 1, GAMMA).reward
    assert sorted(rewards[0].tolist()) == [1, 2, 16, 32]
    for record in episode([64] * 7, None, number=9):
        store.append(record, kept=True)
    rewards = store.gather(store.sampleable.rows[None], 1, GAMMA).reward
    assert rewards[0].tolist() == [64] * 5


def test_its_bytes_are_those_of_its_rows() -> None:
    small, large = ReplayStore(LAYOUT, 100), ReplayStore(LAYOUT, 1000)
    assert large.nbytes == 10 * small.nbytes
