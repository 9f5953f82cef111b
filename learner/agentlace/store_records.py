"""From a client's transitions to the records of a stream: episodes are cut where the world jumped.

SERL sends both observations of each step and says where episodes end, but not where time limits cut them. Our
records hold each observation once; the last step of an episode holds the one after it. So the newest
transition is held until its successor shows whether it was a last one. `last_id` leaves it out: should this
learner die, the client sends it again.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from shared.delivery import Stream
from shared.records import LostRecord, Record, StepRecord
from shared.serl_transitions import Transition
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why


@dataclass(frozen=True, kw_only=True)
class Held:
    """The newest transition: its sequence, and where its episode began."""

    transition: Transition
    sequence: int
    began: int


class StoreRecords:
    """One client's transitions to one store. The id of a transition is its record's sequence.

    Args:
        stream: of the records.
        demo: whether a person drove.
        received: how many records of this stream the learner has already.
    """

    def __init__(self, stream: Stream, *, demo: bool, received: int = 0) -> None:
        self.stream = stream
        self._demo = demo
        self._received = received
        self._held: Held | None = None

    @property
    def last_id(self) -> int:
        """Of the newest transition that became a record; -1 before the first."""
        return self._received - 1

    @contextmanager
    def undone_by_errors(self) -> Iterator[None]:
        """Make records and store them within: those that cannot be stored were never received."""
        before = self._received, self._held
        try:
            yield
        except BaseException:
            self._received, self._held = before
            raise

    def take(self, transitions: Sequence[Transition], last_id: int, now_seconds: float) -> list[Record]:
        """Transitions with consecutive ids up to `last_id`: the records that they complete.

        Those that came before are left out; those that the client no longer had are reported as lost.
        """
        expected = self._received + (self._held is not None)
        first = last_id - len(transitions) + 1
        if first < 0:  # agentlace allows messages without ids
            first = expected
        records: list[Record] = []
        if transitions and first > expected:
            records += self.finish(now_seconds)
            records.append(self._lost(first - self._received, now_seconds))
            self._received = expected = first
        for transition in transitions[max(0, expected - first) :]:
            records += self._follow(transition, now_seconds)
        return records

    def finish(self, now_seconds: float) -> list[Record]:
        """Nothing follows for now: the held transition ends its episode by truncation."""
        held, self._held = self._held, None
        return [] if held is None else [self._record(held, last=True, now_seconds=now_seconds)]

    def _follow(self, transition: Transition, now_seconds: float) -> list[Record]:
        records: list[Record] = []
        began = self._received + (self._held is not None)
        if self._held is not None:
            goes_on = _same(self._held.transition.next_observation, transition.observation)
            began = self._held.began if goes_on else began
            records.append(self._record(self._held, last=not goes_on, now_seconds=now_seconds))
        self._held = Held(transition=transition, sequence=self._received, began=began)
        if transition.done or transition.terminated:
            records += self.finish(now_seconds)
        return records

    def _record(self, held: Held, *, last: bool, now_seconds: float) -> Record:
        self._received = held.sequence + 1
        return StepRecord(
            identity=StepId(*self.stream, held.began, held.sequence - held.began),
            sequence=held.sequence,
            kind=EpisodeKind.DEMO if self._demo else EpisodeKind.TRAINING,
            time_seconds=now_seconds,
            step=_step(held.transition, last=last, demo=self._demo),
        )

    def _lost(self, count: int, now_seconds: float) -> Record:
        actor_id, incarnation = self.stream
        return LostRecord(
            actor_id=actor_id,
            incarnation=incarnation,
            sequence=self._received,
            time_seconds=now_seconds,
            count=count,
            cause="dropped from the agentlace client's queue before they were sent",
        )


def _step(transition: Transition, *, last: bool, demo: bool) -> Step:
    terminated = last and transition.terminated
    ended = (Why.SUCCESS if transition.reward > 0 else Why.FAILURE) if terminated else Why.TIME_LIMIT
    action = np.clip(transition.action, -1.0, 1.0)
    return Step(
        observation=transition.observation,
        chosen_action=action,
        executed_command=action,
        source=Source.HUMAN if demo else Source.POLICY,
        policy_action=None if demo else action,
        human_action=action if demo else None,
        reward=transition.reward,
        reward_terms=transition.reward_terms,
        terminated=terminated,
        truncated=last and not terminated,
        why=ended if last else None,
        final_observation=transition.next_observation if last else None,
    )


def _same(before: Observation, after: Observation) -> bool:
    return all(np.array_equal(before[name], after[name], equal_nan=False) for name in before)
