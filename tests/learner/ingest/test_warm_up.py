"""The warm-up is shared as it comes in, and whatever was recorded, nobody waits for ever."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learner.warm_up import WarmUp
from shared.records import LostRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId

EMPTY = np.zeros(0, np.float32)


def step(actor: str, kind: EpisodeKind = EpisodeKind.TRAINING) -> StepRecord:
    action = Step(
        observation={}, chosen_action=EMPTY, executed_command=EMPTY, source=Source.POLICY, reward=0.0
    )
    return StepRecord(identity=StepId(actor, "a", 0, 0), sequence=0, kind=kind, time_seconds=0.0, step=action)


def lost(actor: str, count: int) -> LostRecord:
    return LostRecord(actor_id=actor, incarnation="a", sequence=0, time_seconds=0.0, count=count, cause="")


def test_only_training_steps_fill_it() -> None:
    warm_up = WarmUp(2)
    for kind in EpisodeKind:
        warm_up.observe(step("x", kind))
    assert warm_up.left == 1


def test_what_was_lost_counts_for_its_actor_only() -> None:
    warm_up = WarmUp(3)
    warm_up.observe(lost("x", 4))
    assert warm_up.free_steps(("x", "a")) == 7
    assert warm_up.free_steps(("y", "a")) == 3


@given(st.lists(st.sampled_from("xyz")), st.integers(0, 8))
def test_shares_add_up_and_stay(actors: list[str], steps: int) -> None:
    warm_up, restored = WarmUp(steps), WarmUp(steps)
    records = [step(actor) for actor in actors]
    for record in records:
        warm_up.observe(record)
    restored.restore(iter(records))
    counted = min(steps, len(actors))
    assert warm_up.left == restored.left == steps - counted
    for actor in "xyz":
        expected = actors[:counted].count(actor) + warm_up.left
        assert warm_up.free_steps((actor, "a")) == restored.free_steps((actor, "a")) == expected


@given(st.lists(st.sampled_from("xy")), st.integers(0, 6), st.integers(1, 4))
def test_somebody_may_always_go_on(actors: list[str], steps: int, lead: int) -> None:
    """While less than a call's worth of steps (at most the lead) is unused after the warm-up."""
    warm_up = WarmUp(steps)
    produced = {"x": 0, "y": 0}
    for actor in actors:
        if (
            sum(produced.values()) < steps + lead
            and produced[actor] < warm_up.free_steps((actor, "a")) + lead
        ):
            warm_up.observe(step(actor))
            produced[actor] += 1
    if sum(produced.values()) < steps + lead:
        assert any(produced[actor] < warm_up.free_steps((actor, "a")) + lead for actor in produced)
