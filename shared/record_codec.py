"""Records to a header and the buffers of their large arrays, and back."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from shared.array_codec import Array, Buffer, malformed, pack_arrays, require_used_up, unpack_arrays
from shared.protocol import RecordHeader, Records
from shared.record_forms import headers_of, pack_headers
from shared.records import AmendRecord, LostRecord, Record, StepRecord, stream_of
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

_T = TypeVar("_T")


class _StepFields(msgspec.Struct, forbid_unknown_fields=True):
    episode: int
    step: int
    kind: EpisodeKind
    source: Source
    reward: float
    terminated: bool = False
    truncated: bool = False
    why: Why | None = None
    reward_terms: dict[str, float] = {}


class _AmendFields(msgspec.Struct, forbid_unknown_fields=True):
    target_actor_id: str
    target_incarnation: str
    target_episode: int
    target_step: int
    reward: float | None = None
    terminated: bool | None = None
    truncated: bool | None = None
    why: Why | None = None


class _LostFields(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    cause: str


def record_to_frames(record: Record) -> tuple[RecordHeader, list[memoryview]]:
    """A record as a header and the buffers of its large arrays; its stream is for the caller to keep."""
    match record:
        case StepRecord():
            arrays, buffers = pack_arrays(_step_arrays(record.step))
            return RecordHeader(
                "step", record.sequence, record.time_seconds, _step_fields(record), arrays
            ), buffers
        case AmendRecord():
            fields: dict[str, Any] = _amend_fields(record)
            return RecordHeader("amend", record.sequence, record.time_seconds, fields), []
        case LostRecord():
            fields = {"count": record.count, "cause": record.cause}
            return RecordHeader("lost", record.sequence, record.time_seconds, fields), []


def _step_arrays(step: Step) -> dict[str, Array]:
    arrays: dict[str, Array] = {
        "chosen_action": step.chosen_action,
        "executed_command": step.executed_command,
    }
    if step.policy_action is not None:
        arrays["policy_action"] = step.policy_action
    if step.human_action is not None:
        arrays["human_action"] = step.human_action
    arrays |= {f"observation/{name}": array for name, array in step.observation.items()}
    if step.final_observation is not None:
        arrays |= {f"final_observation/{name}": array for name, array in step.final_observation.items()}
    return arrays


def _step_fields(record: StepRecord) -> dict[str, Any]:
    step = record.step
    fields: dict[str, Any] = {
        "episode": record.identity.episode,
        "step": record.identity.step,
        "kind": record.kind.value,
        "source": step.source.value,
        "reward": float(step.reward),
    }
    if step.last:
        fields |= {"terminated": bool(step.terminated), "truncated": bool(step.truncated)}
    if step.why is not None:
        fields["why"] = step.why.value
    if step.reward_terms:
        fields["reward_terms"] = {name: float(value) for name, value in step.reward_terms.items()}
    return fields


def _amend_fields(record: AmendRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {f"target_{name}": value for name, value in record.target._asdict().items()}
    changes = {
        "reward": None if record.reward is None else float(record.reward),
        "terminated": record.terminated,
        "truncated": record.truncated,
        "why": None if record.why is None else record.why.value,
    }
    return fields | {name: value for name, value in changes.items() if value is not None}


def record_from_frames(
    header: RecordHeader, buffers: Iterable[Buffer], actor_id: str, incarnation: str
) -> Record:
    """The record behind `record_to_frames`; its arrays are read-only views of `buffers`."""
    if not 0 <= header.sequence < 2**63 or not np.isfinite(header.time_seconds):
        raise malformed(f"a record has sequence {header.sequence} and time {header.time_seconds}")
    arrays = unpack_arrays(header.arrays, buffers)
    if header.type == "step":
        return _step_record(header, arrays, actor_id, incarnation)
    if header.type == "amend":
        return _amend_record(header, actor_id, incarnation)
    return _lost_record(header, actor_id, incarnation)


def _step_record(
    header: RecordHeader, arrays: dict[str, Array], actor_id: str, incarnation: str
) -> StepRecord:
    fields = _convert(header, _StepFields)
    if min(fields.episode, fields.step) < 0 or max(fields.episode, fields.step) >= 2**63:
        raise malformed(f"a step is number {fields.step} of episode {fields.episode}")
    final = _group(arrays, "final_observation/")
    try:
        step = Step(
            observation=_group(arrays, "observation/"),
            chosen_action=arrays["chosen_action"],
            executed_command=arrays["executed_command"],
            source=fields.source,
            reward=fields.reward,
            terminated=fields.terminated,
            truncated=fields.truncated,
            why=fields.why,
            policy_action=arrays.get("policy_action"),
            human_action=arrays.get("human_action"),
            reward_terms=fields.reward_terms,
            final_observation=final or None,
        )
    except KeyError as error:
        raise malformed(f"a step comes without {error.args[0]!r}") from error
    return StepRecord(
        identity=StepId(actor_id, incarnation, fields.episode, fields.step),
        sequence=header.sequence,
        kind=fields.kind,
        time_seconds=header.time_seconds,
        step=step,
    )


def _amend_record(header: RecordHeader, actor_id: str, incarnation: str) -> AmendRecord:
    fields = _convert(header, _AmendFields)
    episode, step = fields.target_episode, fields.target_step
    return AmendRecord(
        actor_id=actor_id,
        incarnation=incarnation,
        sequence=header.sequence,
        time_seconds=header.time_seconds,
        target=StepId(fields.target_actor_id, fields.target_incarnation, episode, step),
        reward=fields.reward,
        terminated=fields.terminated,
        truncated=fields.truncated,
        why=fields.why,
    )


def _lost_record(header: RecordHeader, actor_id: str, incarnation: str) -> LostRecord:
    fields = _convert(header, _LostFields)
    if not 0 < fields.count < 2**63 - header.sequence:
        raise malformed(f"a record says that {fields.count} records are lost")
    return LostRecord(
        actor_id=actor_id,
        incarnation=incarnation,
        sequence=header.sequence,
        time_seconds=header.time_seconds,
        count=fields.count,
        cause=fields.cause,
    )


def _group(arrays: dict[str, Array], prefix: str) -> Observation:
    return {name[len(prefix) :]: array for name, array in arrays.items() if name.startswith(prefix)}


def _convert(header: RecordHeader, fields: type[_T]) -> _T:
    try:
        return msgspec.convert(header.fields, fields)
    except msgspec.ValidationError as error:
        raise malformed(f"a {header.type} record is not one: {error}") from error


def record_frame_count(header: RecordHeader) -> int:
    """How many buffers belong to a record."""
    return sum(array.inline is None for array in header.arrays)


def records_message(records: Sequence[Record]) -> tuple[Records, list[memoryview]]:
    """Records of one stream as one message; `records` must not be empty."""
    headers: list[RecordHeader] = []
    buffers: list[memoryview] = []
    for record in records:
        header, views = record_to_frames(record)
        headers.append(header)
        buffers += views
    _, incarnation = stream_of(records[0])
    return pack_headers(incarnation, headers), buffers


def records_of(message: Records, buffers: Sequence[Buffer], actor_id: str) -> list[Record]:
    """The records in a message; all or none."""
    source = iter(buffers)
    records = [
        record_from_frames(header, source, actor_id, message.incarnation) for header in headers_of(message)
    ]
    require_used_up(source)
    return records
