"""What one record looks like inside an episode file: JSON for numbers, ROS 2 images for pixels.

JSON has no infinities, so a number that is not finite is spelled "NaN", "Infinity" or "-Infinity", as in
protobuf's JSON; a time that is not finite becomes 0. A float32 is written as the float64 that equals it and
comes back bit for bit. Images are `sensor_msgs/msg/Image` in CDR, which Foxglove and Rerun show as they are.
Schemas are in `shared.episode_schemas`.
"""

import dataclasses
import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from shared.interface import InterfaceSpec
from shared.records import AmendRecord, LostRecord, StepRecord
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

Number = float | Literal["NaN", "Infinity", "-Infinity"]
Numbers = list[Number]
Spell = Callable[[Any], Any]
T = TypeVar("T")


class StepMessage(msgspec.Struct, kw_only=True, gc=False):
    """A step without its images, which travel on channels of their own just before it."""

    actor_id: str
    incarnation: str
    episode: int
    step: int
    sequence: int
    time_seconds: float
    kind: EpisodeKind
    source: Source
    reward: Number
    reward_terms: dict[str, Number]
    terminated: bool
    truncated: bool
    why: Why | UnsetType = UNSET
    chosen_action: Numbers
    executed_command: Numbers
    policy_action: Numbers | UnsetType = UNSET
    human_action: Numbers | UnsetType = UNSET
    observation: dict[str, Numbers]
    final_observation: dict[str, Numbers] | UnsetType = UNSET


class AmendMessage(msgspec.Struct, kw_only=True, gc=False):
    """A later correction; fields that are left out stay as they were."""

    actor_id: str
    incarnation: str
    sequence: int
    time_seconds: float
    target: StepId
    reward: Number | UnsetType = UNSET
    terminated: bool | UnsetType = UNSET
    truncated: bool | UnsetType = UNSET
    why: Why | UnsetType = UNSET


_encode = msgspec.json.Encoder().encode
_decode_step = msgspec.json.Decoder(StepMessage).decode
_decode_amend = msgspec.json.Decoder(AmendMessage).decode
_decode_lost = msgspec.json.Decoder(LostRecord).decode


def nanoseconds(seconds: float) -> int:
    """Nanoseconds since the epoch, as MCAP counts them; 0 for a time that it cannot hold."""
    return int(seconds * 1e9) if 0.0 < seconds < 1e10 else 0


def encode_step(record: StepRecord, interface: InterfaceSpec) -> bytes:
    """JSON of a step; its image entries are left out. Raises KeyError for a missing observation entry."""
    data = _encode(_step_message(record, interface, _as_is))
    if b"null" in data:
        return _encode(_step_message(record, interface, _spelled))
    return data


def decode_step(data: bytes | memoryview, images: Observation, final_images: Observation) -> StepRecord:
    """The step behind `encode_step`, its images given; raises msgspec.MsgspecError or ValueError."""
    m = _decode_step(data)
    final = None if m.final_observation is UNSET else _vectors(m.final_observation) | final_images
    step = Step(
        observation=_vectors(m.observation) | images,
        chosen_action=_vector(m.chosen_action),
        executed_command=_vector(m.executed_command),
        source=m.source,
        reward=float(m.reward),
        terminated=m.terminated,
        truncated=m.truncated,
        why=_optional(m.why),
        policy_action=None if m.policy_action is UNSET else _vector(m.policy_action),
        human_action=None if m.human_action is UNSET else _vector(m.human_action),
        reward_terms={name: float(value) for name, value in m.reward_terms.items()},
        final_observation=final,
    )
    identity = StepId(m.actor_id, m.incarnation, m.episode, m.step)
    return StepRecord(
        identity=identity, sequence=m.sequence, kind=m.kind, time_seconds=m.time_seconds, step=step
    )


def encode_amend(record: AmendRecord) -> bytes:
    """JSON of a correction."""
    message = AmendMessage(
        actor_id=record.actor_id,
        incarnation=record.incarnation,
        sequence=record.sequence,
        time_seconds=_time(record.time_seconds),
        target=record.target,
        reward=UNSET if record.reward is None else _spelled(float(record.reward)),
        terminated=UNSET if record.terminated is None else bool(record.terminated),
        truncated=UNSET if record.truncated is None else bool(record.truncated),
        why=UNSET if record.why is None else record.why,
    )
    return _encode(message)


def decode_amend(data: bytes | memoryview) -> AmendRecord:
    """The correction behind `encode_amend`; raises msgspec.MsgspecError."""
    m = _decode_amend(data)
    return AmendRecord(
        actor_id=m.actor_id,
        incarnation=m.incarnation,
        sequence=m.sequence,
        time_seconds=m.time_seconds,
        target=m.target,
        reward=None if m.reward is UNSET else float(m.reward),
        terminated=_optional(m.terminated),
        truncated=_optional(m.truncated),
        why=_optional(m.why),
    )


def encode_lost(record: LostRecord) -> bytes:
    """JSON of a report of lost records."""
    return _encode(dataclasses.replace(record, time_seconds=_time(record.time_seconds)))


def decode_lost(data: bytes | memoryview) -> LostRecord:
    """The report behind `encode_lost`; raises msgspec.MsgspecError."""
    return _decode_lost(data)


# `episode_schemas.IMAGE` up to `data`, little-endian CDR, an empty frame_id; alignment counts from byte 4.
_IMAGE_HEADER = struct.Struct("<4s iI I1s3x II I5s B2x I I")
_CDR_LITTLE_ENDIAN = b"\x00\x01\x00\x00"
_RGB8 = b"rgb8\x00"


def encode_image(image: NDArray[np.generic], nanoseconds: int) -> bytes:
    """`sensor_msgs/msg/Image` in CDR of an (H, W, 3) uint8 RGB image."""
    height, width, channels = image.shape
    seconds, nanoseconds = divmod(nanoseconds, 10**9)
    pixels = np.ascontiguousarray(image).data.cast("B")
    header = _IMAGE_HEADER.pack(
        _CDR_LITTLE_ENDIAN,
        *(seconds & 0x7FFFFFFF, nanoseconds),
        *(1, b"\x00"),
        *(height, width),
        *(len(_RGB8), _RGB8),
        *(0, width * channels, len(pixels)),
    )
    return b"".join((header, pixels))


def decode_image(data: bytes | memoryview) -> NDArray[np.uint8]:
    """The (H, W, 3) image behind `encode_image`, a view of `data`; raises ValueError or struct.error."""
    fields = _IMAGE_HEADER.unpack_from(data)
    height, width, encoding = fields[5], fields[6], fields[8]
    if fields[0] != _CDR_LITTLE_ENDIAN or encoding != _RGB8:
        raise ValueError(f"an image is {encoding!r}, not rgb8 as HandsOn writes it")
    return np.frombuffer(data, np.uint8, offset=_IMAGE_HEADER.size).reshape(height, width, 3)


def _step_message(record: StepRecord, interface: InterfaceSpec, spell: Spell) -> StepMessage:
    step, identity = record.step, record.identity
    names = [entry.name for entry in interface.observations if not entry.is_image]
    final = step.final_observation
    return StepMessage(
        actor_id=identity.actor_id,
        incarnation=identity.incarnation,
        episode=identity.episode,
        step=identity.step,
        sequence=record.sequence,
        time_seconds=_time(record.time_seconds),
        kind=record.kind,
        source=step.source,
        reward=spell(float(step.reward)),
        reward_terms={name: spell(float(value)) for name, value in step.reward_terms.items()},
        terminated=bool(step.terminated),
        truncated=bool(step.truncated),
        why=UNSET if step.why is None else step.why,
        chosen_action=spell(step.chosen_action.tolist()),
        executed_command=spell(step.executed_command.tolist()),
        policy_action=UNSET if step.policy_action is None else spell(step.policy_action.tolist()),
        human_action=UNSET if step.human_action is None else spell(step.human_action.tolist()),
        observation={name: spell(step.observation[name].tolist()) for name in names},
        final_observation=UNSET if final is None else {name: spell(final[name].tolist()) for name in names},
    )


def _time(seconds: float) -> float:
    return float(seconds) if math.isfinite(seconds) else 0.0


def _as_is(value: Any) -> Any:
    return value


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [_spelled(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def _vector(numbers: Numbers) -> NDArray[np.float32]:
    return np.array(numbers, np.float32)


def _vectors(entries: Mapping[str, Numbers]) -> Observation:
    return {name: np.array(numbers, np.float32) for name, numbers in entries.items()}


def _optional(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value
