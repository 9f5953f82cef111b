"""Records as SERL's transitions: each step once, with what followed it, and none that led nowhere."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from actor.agentlace.transitions import Pairing, observation_of
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import LostRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="walk",
    observations=(
        ObservationEntry(name="front/image", shape=(4, 4, 3), dtype="uint8"),
        ObservationEntry(name="place", shape=(1,), dtype="float32", offset=(1.0,), scale=(2.0,)),
        ObservationEntry(name="speed", shape=(2,), dtype="float32"),
    ),
    actions=(ActionEntry(name="action", low=(-1.0,), high=(1.0,), unit="1"),),
    control_hz=10.0,
)


def seen(at: int) -> dict:
    return {
        "front/image": np.full((4, 4, 3), at % 256, np.uint8),
        "place": np.array([at], np.float32),
        "speed": np.array([at, -at], np.float32),
    }


def record(sequence: int, episode: int, step: int, at: int, ends: str = "", **fields) -> StepRecord:
    return StepRecord(
        identity=StepId("actor-0", "life", episode, step),
        sequence=sequence,
        kind=fields.get("kind", EpisodeKind.TRAINING),
        time_seconds=0.0,
        step=Step(
            observation=seen(at),
            chosen_action=np.array([at / 1000], np.float32),
            executed_command=np.zeros(1, np.float32),
            source=fields.get("source", Source.POLICY),
            reward=float(ends == "success"),
            terminated=ends == "success",
            truncated=ends in ("time_limit", "fault"),
            why=Why(ends) if ends else None,
            final_observation=seen(at + 1) if ends in ("success", "time_limit") else None,
        ),
    )


@given(
    lengths=st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["success", "time_limit", "fault"]))),
    cuts=st.lists(st.integers(1, 5), min_size=1),
)
def test_however_records_are_batched_each_step_that_led_somewhere_is_sent_once(lengths, cuts):
    records, expected, at = [], [], 0
    for episode, (length, ends) in enumerate(lengths):
        for step in range(length):
            last = step == length - 1
            records.append(record(len(records), episode, step, at, ends if last else ""))
            if not (last and ends == "fault"):
                expected.append((at, at + 1, float(last and ends == "success"), last))
            at += 1
        at += 7  # the world jumps
    pairing, sent, told = Pairing(INTERFACE), [], 0
    position, turn = 0, 0
    while position < len(records):
        size = cuts[turn % len(cuts)]
        more, marks = pairing.take(records[position : position + size])
        sent += more
        position, turn = position + size, turn + 1
        (told,) = marks.values()
    assert [
        (
            int(t["observations"]["front"][0, 0, 0, 0]),
            int(t["next_observations"]["front"][0, 0, 0, 0]),
            1.0 - t["masks"],
            bool(t["dones"]),
        )
        for t, _ in sent
    ] == [(before % 256, after % 256, ended, last) for before, after, ended, last in expected]
    assert told == len(records)  # every episode is whole: nothing waits


def test_a_step_waits_for_its_successor_and_is_not_told_before():
    pairing = Pairing(INTERFACE)
    assert pairing.take([record(0, 0, 0, 5)]) == ([], {("actor-0", "life"): 0})
    sent, told = pairing.take([record(1, 0, 1, 6)])
    assert len(sent) == 1
    assert told == {("actor-0", "life"): 1}


def test_nothing_follows_over_a_gap_and_evaluation_is_not_sent():
    pairing = Pairing(INTERFACE)
    lost = LostRecord(
        actor_id="actor-0", incarnation="life", sequence=1, time_seconds=0.0, count=1, cause="disk"
    )
    assert pairing.take([record(0, 0, 0, 1), lost, record(2, 0, 2, 3)])[0] == []
    evaluated = [record(3 + n, 1, n, n, kind=EpisodeKind.EVALUATION) for n in range(3)]
    sent, told = pairing.take(evaluated)
    assert sent == []
    assert told == {("actor-0", "life"): 6}


def test_states_go_as_a_plain_network_takes_them():
    observation = observation_of(seen(5), INTERFACE)
    assert observation["state"].tolist() == [[2.0, 5.0, -5.0]]
    assert observation["front"].shape == (1, 4, 4, 3)
    (sent,), _ = Pairing(INTERFACE).take([record(0, 0, 0, 1, "success", source=Source.HUMAN)])
    assert sent.human
    assert sent.transition["masks"] == 0.0
