"""Records: what an actor produces and the learner's log keeps, in one stream per (actor id, incarnation).

Each record has a `sequence`, counted from 0 without gaps within its stream; acknowledgements speak of
sequences. Nothing is ever rewritten: a later correction is an `AmendRecord` that names the step it corrects.
"""

from dataclasses import dataclass, replace

from shared.step import EpisodeKind, Step, StepId, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRecord:
    """One produced step. `time_seconds` is the wall-clock time (Unix epoch) at which it was put."""

    identity: StepId
    sequence: int
    kind: EpisodeKind
    time_seconds: float
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendRecord:
    """A later correction of one step: fields that are not None replace what the step said."""

    actor_id: str
    incarnation: str
    sequence: int
    time_seconds: float
    target: StepId
    reward: float | None = None
    terminated: bool | None = None
    truncated: bool | None = None
    why: Why | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRecord:
    """The actor can no longer deliver `count` records from `sequence` on: both sides count them as lost."""

    actor_id: str
    incarnation: str
    sequence: int
    time_seconds: float
    count: int
    cause: str


Record = StepRecord | AmendRecord | LostRecord


def stream_of(record: Record) -> tuple[str, str]:
    """The stream (actor id, incarnation) that a record belongs to."""
    if isinstance(record, StepRecord):
        return record.identity.actor_id, record.identity.incarnation
    return record.actor_id, record.incarnation


def next_sequence(record: Record) -> int:
    """The sequence that follows this record in its stream."""
    return record.sequence + (record.count if isinstance(record, LostRecord) else 1)


def amended(record: StepRecord, amend: AmendRecord) -> StepRecord:
    """The step as its correction says; fields that the correction leaves out stay."""
    fields = ("reward", "terminated", "truncated", "why")
    changes = {name: value for name in fields if (value := getattr(amend, name)) is not None}
    return replace(record, step=replace(record.step, **changes))
