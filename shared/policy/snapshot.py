"""PolicySnapshot: one version of the policy, and its bytes on the wire and on disk.

The header is a msgpack map (format version, spec, names, dtypes, shapes); raw array buffers follow. A file is
magic, header length, header, buffers, and a SHA-256 of all before it. No pickle.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.errors import CheckpointError, ConfigError
from shared.interface import require_sound
from shared.policy.array_frames import (
    ArrayHeader,
    Buffer,
    decode_arrays,
    encode_arrays,
    split_buffers,
    split_sealed,
    write_sealed,
)
from shared.policy.parameters import FlatParameters
from shared.policy.spec import PolicySpec

FORMAT_VERSION = 1
MAGIC = b"HANDSON-POLICY\n\0"


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicySnapshot:
    """One version of the policy, named by (learner incarnation, version).

    Attributes:
        spec: rebuilds the network.
        params: arrays by path, only what acting needs.
        learner_incarnation, version: the name; versions count up within one life of a learner.
        update: critic updates that went into it.
        created_at_seconds: Unix time.
    """

    spec: PolicySpec
    params: FlatParameters
    learner_incarnation: str
    version: int
    update: int
    created_at_seconds: float


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int
    spec: PolicySpec
    policy_fingerprint: str
    interface_fingerprint: str
    learner_incarnation: str
    version: int
    update: int
    created_at_seconds: float
    arrays: tuple[ArrayHeader, ...]


class _FormatOnly(msgspec.Struct, frozen=True):
    format_version: int


def encode_snapshot(snapshot: PolicySnapshot) -> tuple[bytes, list[memoryview]]:
    """The header and one buffer an array, in the header's order; C-contiguous arrays are not copied."""
    arrays, buffers = encode_arrays(snapshot.params, "policy snapshot")
    header = _Header(
        format_version=FORMAT_VERSION,
        spec=snapshot.spec,
        policy_fingerprint=snapshot.spec.fingerprint,
        interface_fingerprint=snapshot.spec.interface.fingerprint,
        learner_incarnation=snapshot.learner_incarnation,
        version=snapshot.version,
        update=snapshot.update,
        created_at_seconds=snapshot.created_at_seconds,
        arrays=arrays,
    )
    return msgspec.msgpack.encode(header), buffers


def decode_snapshot(
    header: Buffer, buffers: Sequence[Buffer], stage: str = "policy snapshot"
) -> PolicySnapshot:
    """The snapshot behind `encode_snapshot`; its arrays are read-only views of `buffers`.

    Raises:
        CheckpointError: the bytes are damaged, foreign or of another format version.
    """
    decoded = _decode_header(header, stage)
    return PolicySnapshot(
        spec=decoded.spec,
        params=decode_arrays(decoded.arrays, buffers, stage),
        learner_incarnation=decoded.learner_incarnation,
        version=decoded.version,
        update=decoded.update,
        created_at_seconds=decoded.created_at_seconds,
    )


def write_snapshot(path: Path, snapshot: PolicySnapshot) -> None:
    """Write one file, atomically: after a crash `path` holds the old bytes or all of the new, synced ones."""
    header, buffers = encode_snapshot(snapshot)
    write_sealed(path, MAGIC, header, buffers)


def read_snapshot(path: Path) -> PolicySnapshot:
    """The snapshot in a file.

    Raises:
        CheckpointError: the file cannot be read, is damaged, foreign or of another format version.
    """
    stage = f"policy snapshot {path}"
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise CheckpointError(stage, f"cannot be read: {error.strerror}", "name an existing file") from None
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise CheckpointError(stage, "is not a policy snapshot", "name a file called policy.snapshot")
    parts = split_sealed(data, MAGIC)
    if parts is None:
        raise CheckpointError(stage, "is damaged: its checksum does not match", "use another checkpoint")
    header, body = parts
    return decode_snapshot(header, split_buffers(body, _decode_header(header, stage).arrays), stage)


def _decode_header(header: Buffer, stage: str) -> _Header:
    try:
        version = msgspec.msgpack.decode(header, type=_FormatOnly).format_version
        if version != FORMAT_VERSION:
            raise CheckpointError(
                stage,
                f"has format version {version}; this code reads {FORMAT_VERSION}",
                "use the HandsOn release that wrote it, or train again",
            )
        decoded = msgspec.msgpack.decode(header, type=_Header)
        require_sound(decoded.spec.interface, "the policy")
    except (msgspec.DecodeError, RecursionError, ConfigError) as error:
        raise CheckpointError(stage, f"is damaged or foreign: {error}", "use another checkpoint") from None
    if (decoded.spec.fingerprint, decoded.spec.interface.fingerprint) != (
        decoded.policy_fingerprint,
        decoded.interface_fingerprint,
    ):
        raise CheckpointError(stage, "does not match its own fingerprints", "use another checkpoint")
    return decoded
