"""Every message between actor and learner, on one page.

The actor dials one ROUTER port with two DEALERs: `control` (steps, acknowledgements, heartbeats) and `bulk`
(snapshots, trunks), so a large one never delays a heartbeat. The conversation:

    actor                         learner
    Hello(control) ─────────────> refuses, or
                   <───────────── Welcome(preparing or ready)   watermarks of streams it knows
    Hello(bulk)    ─────────────>
                   <───────────── Ready                         once memory is checked and code compiled
    Records        ─────────────> from the received watermark on, in order of sequence
                   <───────────── Ack(received, durable)        resend from the first, forget below the second
                   <───────────── Progress                      on a simulated clock, after every call
    SnapshotRequest ── bulk ───>
                   <─── bulk ──── Snapshot                      once there is another version: the newest
    TrunkRequest ──── bulk ────>                                for a frozen trunk that the actor lacks
                   <─── bulk ──── Trunk or NoTrunk              once the learner knows its own
    Heartbeat      <────────────> Heartbeat                     any byte renews the lease
    Stats          ─────────────> numbers for the learner's charts
                   <───────────── Stop                          training ended: finish, flush, say Goodbye
    Goodbye        ─────────────>
                   <───────────── Farewell                      both sides' counters, which must agree

A learner that does not know a peer (it was restarted) answers `Unknown`; the actor says Hello again.
Frames: the first is a msgpack map of one of these structs, the others are raw array buffers in the order in
which the struct mentions them. An unknown, oversized or malformed message is answered with `Malformed`; the
connection stays.
"""

from typing import Literal

import msgspec

from shared.interface import InterfaceSpec

PROTOCOL_VERSION = 2

Channel = Literal["control", "bulk"]
RecordType = Literal["step", "amend", "lost"]
Number = int | float
Word = bool | str | None


class ArrayHeader(msgspec.Struct, frozen=True, array_like=True):
    """One array: its bytes are `inline` when small, else the next raw frame (C order, little-endian)."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    inline: bytes | None = None


class RecordHeader(msgspec.Struct, frozen=True, omit_defaults=True):
    """A record without its large arrays, complete: what the actor's ring keeps, and what messages pack."""

    type: RecordType
    sequence: int
    time_seconds: float
    fields: dict[str, Word | Number | dict[str, float]]
    arrays: tuple[ArrayHeader, ...] = ()


class ArrayForm(msgspec.Struct, frozen=True, array_like=True):
    """An array of every record of a form: so many bytes of `PackedRecord.small`, else the next raw frame.

    `dtype` is numpy's short name, `f4` for float32; that of an encoded image is as in `ArrayHeader`.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    inline_bytes: int | None


class ArrayGroup(msgspec.Struct, frozen=True, array_like=True):
    """Arrays in a row whose names begin alike, up to their last slash."""

    prefix: str
    arrays: tuple[ArrayForm, ...]


class RecordForm(msgspec.Struct, frozen=True, array_like=True):
    """What records of a message have in common; `field/term` among `numbers` is a term of a field."""

    type: RecordType
    words: tuple[tuple[str, Word], ...]
    numbers: tuple[str, ...]
    groups: tuple[ArrayGroup, ...]


class PackedRecord(msgspec.Struct, frozen=True, array_like=True):
    """What one record says for itself: its form's index, the numbers, and its small arrays end to end."""

    form: int
    sequence: int
    time_seconds: float
    numbers: tuple[Number, ...]
    small: bytes


class Hello(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The first message on each channel; (actor id, incarnation) pairs the two channels."""

    protocol_version: int
    channel: Channel
    actor_id: str
    incarnation: str
    interface: InterfaceSpec
    clock: Literal["wall", "simulated"]
    code_version: str
    host: str


class Welcome(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The learner knows this actor.

    `received` and `durable` map each incarnation of this actor id that the learner has heard of to the next
    sequence expected. `free_steps` training steps of this incarnation may be produced before pacing applies
    (what is left of the warm-up); `consumed_steps` of them are used up already.
    """

    learner_incarnation: str
    state: Literal["preparing", "ready"]
    received: dict[str, int]
    durable: dict[str, int]
    heartbeat_seconds: float
    lease_seconds: float
    code_version: str
    free_steps: int
    consumed_steps: int
    max_lead_steps: int


class Ready(msgspec.Struct, tag=True, frozen=True):
    """The learner has compiled and trains as soon as it has data."""

    learner_incarnation: str


class Refuse(msgspec.Struct, tag=True, frozen=True):
    """The learner will not talk to this actor: why, and the cure. The actor prints it and exits."""

    reason: Literal["protocol_version", "interface", "superseded", "clock"]
    cause: str
    cure: str


class Unknown(msgspec.Struct, tag=True, frozen=True, omit_defaults=True):
    """The learner has no session for this peer (it restarted): say Hello again.

    `wall_seconds` is its Unix time now: the ages of policies, and logs, are compared by wall clocks.
    """

    wall_seconds: float | None = None


class Records(msgspec.Struct, tag=True, frozen=True):
    """Records of one stream in order of sequence; their large arrays follow as raw frames, in order."""

    incarnation: str
    forms: tuple[RecordForm, ...]
    records: tuple[PackedRecord, ...]


class Ack(msgspec.Struct, tag=True, frozen=True):
    """Two watermarks of one stream, each the next sequence expected: stored in memory, and synced to disk."""

    incarnation: str
    received: int
    durable: int


class Progress(msgspec.Struct, tag=True, frozen=True):
    """How many training steps of this incarnation the learner has used up; pushed after every call."""

    incarnation: str
    consumed_steps: int


class SnapshotRequest(msgspec.Struct, tag=True, frozen=True):
    """Send the newest snapshot as soon as there is one that is not this (learner incarnation, version)."""

    have_incarnation: str = ""
    have_version: int = -1


class Snapshot(msgspec.Struct, tag=True, frozen=True):
    """A policy: `header` is `shared.policy.snapshot.encode_header`; its arrays follow as raw frames."""

    header: bytes


class TrunkRequest(msgspec.Struct, tag=True, frozen=True):
    """Send the frozen trunk whose weights have this digest; a policy that arrived needs it."""

    digest: str


class Trunk(msgspec.Struct, tag=True, frozen=True):
    """Weights: `header` is that of `shared.policy.trunks.trunk_file`; its arrays follow as raw frames."""

    digest: str
    header: bytes


class NoTrunk(msgspec.Struct, tag=True, frozen=True):
    """The learner has no trunk with this digest, and why."""

    digest: str
    cause: str


class Heartbeat(msgspec.Struct, tag=True, frozen=True):
    """I am alive. `time_seconds` is the sender's monotonic clock, `echo_seconds` the peer's last one."""

    time_seconds: float
    echo_seconds: float | None = None


class Stats(msgspec.Struct, tag=True, frozen=True):
    """Numbers from the actor for the learner's charts, at this count of the actor's training steps."""

    step: int
    values: dict[str, float]


class Stop(msgspec.Struct, tag=True, frozen=True):
    """Training has ended: finish the step, flush and say Goodbye."""

    cause: str


class Goodbye(msgspec.Struct, tag=True, frozen=True):
    """The actor has flushed and leaves. `counters` are its counts for all streams it delivered."""

    counters: dict[str, int]


class Farewell(msgspec.Struct, tag=True, frozen=True):
    """The learner's counters for the same streams."""

    counters: dict[str, int]


class Malformed(msgspec.Struct, tag=True, frozen=True):
    """The peer's last message could not be understood; it was dropped and the connection kept."""

    cause: str


Message = (
    Hello
    | Welcome
    | Ready
    | Refuse
    | Unknown
    | Records
    | Ack
    | Progress
    | SnapshotRequest
    | Snapshot
    | TrunkRequest
    | Trunk
    | NoTrunk
    | Heartbeat
    | Stats
    | Stop
    | Goodbye
    | Farewell
    | Malformed
)
