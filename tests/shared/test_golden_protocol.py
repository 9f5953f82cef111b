"""The bytes of every message, kept: read by today's code and written again the same.

A message that changes needs a new PROTOCOL_VERSION and a new directory; files are never edited. To write the
files of a new version or message: `python -m tests.shared.test_golden_protocol`. A file holds the frames of
one message, each behind its length (four bytes, little-endian).
"""

import typing
from pathlib import Path

import numpy as np
import pytest

from shared import codec
from shared.errors import ProtocolError
from shared.interface import ActionEntry, CropProfile, InterfaceSpec, ObservationEntry
from shared.protocol import (
    PROTOCOL_VERSION,
    Ack,
    Farewell,
    Goodbye,
    Heartbeat,
    Hello,
    Malformed,
    Message,
    NoTrunk,
    Progress,
    Ready,
    Records,
    Refuse,
    Snapshot,
    SnapshotRequest,
    Stats,
    Stop,
    Trunk,
    TrunkRequest,
    Unknown,
    Welcome,
)
from shared.records import AmendRecord, LostRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

DIRECTORY = Path(__file__).resolve().parents[1] / "golden" / f"protocol_v{PROTOCOL_VERSION}"
OLD = ("hello", "refuse", "records")
LIFE = "0186a3b1c2d3e4f5-0a1b2c3d"

INTERFACE = InterfaceSpec(
    name="reach",
    observations=(
        ObservationEntry(
            name="arm/tcp_position_base_m",
            shape=(3,),
            dtype="float32",
            low=-1.0,
            high=1.0,
            offset=(0.5, 0.0, 0.25),
            scale=(0.5, 0.5, 0.25),
        ),
        ObservationEntry(name="wrist", shape=(24, 24, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="arm/move", low=(-0.05, -0.05), high=(0.05, 0.05), unit="m"),),
    control_hz=10.0,
    crop_profiles=(CropProfile(entry="wrist", version=1, top=0, left=80, height=480, width=480),),
)


def observation(value: int) -> dict[str, typing.Any]:
    image = (np.arange(24 * 24 * 3) * value % 256).astype(np.uint8).reshape(24, 24, 3)
    return {"arm/tcp_position_base_m": np.array([0.5, 0.0, 0.125 * value], np.float32), "wrist": image}


RECORDS = [
    StepRecord(
        identity=StepId("actor-0", LIFE, 7, 99),
        sequence=799,
        kind=EpisodeKind.TRAINING,
        time_seconds=1763800000.5,
        step=Step(
            observation=observation(1),
            chosen_action=np.array([0.25, -1.0], np.float32),
            executed_command=np.array([0.4, 0.0, 0.3], np.float32),
            source=Source.HUMAN,
            reward=1.0,
            terminated=True,
            why=Why.SUCCESS,
            policy_action=np.array([0.5, 0.5], np.float32),
            human_action=np.array([0.25, -1.0], np.float32),
            reward_terms={"lifted": 1.0},
            final_observation=observation(2),
        ),
    ),
    AmendRecord(
        actor_id="actor-0",
        incarnation=LIFE,
        sequence=800,
        time_seconds=1763800001.0,
        target=StepId("actor-0", LIFE, 7, 99),
        reward=0.0,
        terminated=False,
        truncated=True,
        why=Why.OPERATOR_ABORT,
    ),
    LostRecord(
        actor_id="actor-0",
        incarnation=LIFE,
        sequence=801,
        time_seconds=1763800002.0,
        count=12,
        cause="damaged in the actor's spool",
    ),
]

MESSAGES: dict[str, tuple[Message, list[memoryview]]] = {
    "hello": (
        Hello(
            protocol_version=PROTOCOL_VERSION,
            channel="control",
            actor_id="actor-0",
            incarnation=LIFE,
            interface=INTERFACE,
            clock="simulated",
            code_version="0.1.0+g35f2f59",
            host="robot",
        ),
        [],
    ),
    "welcome": (
        Welcome(
            learner_incarnation="0186a3b1c2d3e4f5-99999999",
            state="preparing",
            received={LIFE: 799},
            durable={LIFE: 700},
            heartbeat_seconds=1.0,
            lease_seconds=5.0,
            code_version="0.1.0+g35f2f59",
            free_steps=200,
            consumed_steps=0,
            max_lead_steps=20,
        ),
        [],
    ),
    "ready": (Ready("0186a3b1c2d3e4f5-99999999"), []),
    "refuse": (Refuse("superseded", "another actor has taken the id 'actor-0'", "give it another id"), []),
    "unknown": (Unknown(), []),
    "records": codec.records_message(RECORDS),
    "ack": (Ack(LIFE, 802, 799), []),
    "progress": (Progress(LIFE, 640), []),
    "snapshot_request": (SnapshotRequest("0186a3b1c2d3e4f5-99999999", 1280), []),
    "snapshot": (Snapshot(b"header"), [memoryview(b"weights"), memoryview(b"")]),
    "trunk_request": (TrunkRequest(64 * "a"), []),
    "trunk": (Trunk(64 * "a", b"header"), [memoryview(b"weights")]),
    "no_trunk": (NoTrunk(64 * "a", "this learner's policies see through no frozen trunk"), []),
    "heartbeat": (Heartbeat(12.5, 12.25), []),
    "stats": (Stats(800, {"evaluation/success_rate": 0.95}), []),
    "stop": (Stop("the target is met"), []),
    "goodbye": (Goodbye({f"{LIFE}/produced": 813}), []),
    "farewell": (Farewell({f"{LIFE}/received": 801, f"{LIFE}/lost": 12}), []),
    "malformed": (Malformed("a header of 5 bytes is not a message"), []),
}


def frames_of(message: Message, buffers: list[memoryview]) -> list[bytes]:
    return [codec.encode(message), *map(bytes, buffers)]


def join(frames: list[bytes]) -> bytes:
    return b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)


def split(data: bytes) -> list[bytes]:
    frames: list[bytes] = []
    while data:
        size = int.from_bytes(data[:4], "little")
        frames.append(data[4 : 4 + size])
        data = data[4 + size :]
    return frames


def test_every_message_has_its_bytes() -> None:
    assert {type(message) for message, _ in MESSAGES.values()} == set(typing.get_args(Message))
    assert {path.stem for path in DIRECTORY.glob("*.bin")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_todays_code_reads_them_and_writes_them_again(name: str) -> None:
    data = (DIRECTORY / f"{name}.bin").read_bytes()
    header, *buffers = split(data)
    message = codec.decode(header)
    assert message == MESSAGES[name][0]
    assert buffers == [bytes(buffer) for buffer in MESSAGES[name][1]]
    if isinstance(message, Records):
        message, views = codec.records_message(codec.records_of(message, buffers, "actor-0"))
        buffers = [bytes(view) for view in views]
    assert join([codec.encode(message), *buffers]) == data


def test_version_1_is_told_from_damage_and_understands_that_it_is_refused() -> None:
    first = DIRECTORY.with_name("protocol_v1")
    hello, refuse, records = (split((first / f"{name}.bin").read_bytes())[0] for name in OLD)
    assert codec.foreign_version(hello) == 1
    assert refuse == codec.encode(MESSAGES["refuse"][0])
    with pytest.raises(ProtocolError, match="is not a message"):
        codec.decode(records)


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, (message, buffers) in MESSAGES.items():
        if not (path := DIRECTORY / f"{name}.bin").exists():
            path.write_bytes(join(frames_of(message, buffers)))
