"""However a walk is cut into messages, repeated or forgotten: each transition once, in order, or lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.agentlace.store_records import StoreRecords
from shared.delivery import ReceiveLedger, Verdict
from shared.records import StepRecord
from shared.serl_transitions import interface_of, read_transition, require_fit
from tests.learner.agentlace.conftest import transition

STREAM = ("agentlace-actor_env", "life")


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 12), max_size=12),
    st.integers(1, 9),
    st.lists(st.integers(0, 3), min_size=12, max_size=12),
    st.booleans(),
)
def test_messages_of_any_size_give_each_transition_once(sizes, episode_length, repeats, ends_well):
    walk = [
        read_transition(transition(n, episode_length=episode_length, terminated=ends_well))
        for n in range(150)
    ]
    store, ledger, records, end = StoreRecords(STREAM, demo=False), ReceiveLedger(), [], 0
    for size, repeat in zip(sizes, repeats, strict=False):
        first = max(0, end - repeat)
        end += size
        records += store.take(walk[first:end], end - 1, 0.0)
    records += store.finish(0.0)
    assert all(ledger.accept_record(record) is Verdict.NEW for record in records)
    assert [record.sequence for record in records] == list(range(end))
    for record in records:
        sent = walk[record.sequence]
        step = record.step
        assert np.array_equal(step.observation["state"], sent.observation["state"])
        assert record.identity.episode + record.identity.step == record.sequence
        cut = record.sequence % episode_length == episode_length - 1
        assert step.last == (cut or record.sequence == end - 1)
        assert step.terminated == (cut and ends_well)
        if step.last:
            assert np.array_equal(step.final_observation["state"], sent.next_observation["state"])
    assert store.last_id == end - 1


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 5)), min_size=1, max_size=8))
def test_gaps_are_lost_and_never_joined(parts):
    store, ledger, sequence, lost, records = StoreRecords(STREAM, demo=False), ReceiveLedger(), 0, 0, []
    for count, gap in parts:
        sequence += gap
        lost += gap
        walk = [
            read_transition(transition(n, episode_length=1000)) for n in range(sequence, sequence + count)
        ]
        sequence += count
        records += store.take(walk, sequence - 1, 0.0)
    records += store.finish(0.0)
    assert all(ledger.accept_record(record) is Verdict.NEW for record in records)
    counters = ledger.counters()
    assert (counters.received, counters.lost) == (sequence - lost, lost)
    for before, after in itertools.pairwise(records):
        if isinstance(before, StepRecord) and not isinstance(after, StepRecord):
            assert before.step.truncated


def test_messages_without_ids_are_appended():
    store = StoreRecords(STREAM, demo=False)
    for n in range(4):
        store.take([read_transition(transition(n, done=True))], -1, 0.0)
    assert [record.sequence for record in store.finish(0.0)] == [3]


def test_the_interface_is_what_the_transition_shows():
    shown = read_transition(transition(0, pixels=16))
    interface = interface_of(shown, 10.0)
    assert [(e.name, e.shape, e.dtype) for e in interface.observations] == [
        ("state", (4,), "float32"),
        ("wrist_1", (16, 16, 3), "uint8"),
    ]
    assert interface.action_size == 3
    require_fit(shown, interface)


def test_actions_beyond_the_bounds_are_brought_back():
    data = transition(0)
    data["actions"] = np.array([-3.0, 0.5, 9.0])
    store = StoreRecords(STREAM, demo=False)
    store.take([read_transition(data)], 0, 0.0)
    [record] = store.finish(0.0)
    assert record.step.chosen_action.tolist() == [-1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("mask", "done", "terminated"), [(0.0, True, True), (1.0, True, False), (0.0, False, True)]
)
def test_masks_tell_ends_of_the_world_from_time_limits(mask, done, terminated):
    data = transition(0) | {"masks": np.float32(mask), "dones": done}
    [record] = StoreRecords(STREAM, demo=False).take([read_transition(data)], 0, 0.0)
    assert record.step.terminated is terminated
    assert record.step.truncated is not terminated
