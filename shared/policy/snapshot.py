"""PolicySnapshot: one version of the policy, and its bytes on the wire and on disk.

The header is a msgpack map (format version, spec, names, dtypes, shapes); raw array buffers follow. A file is
magic, header length, header, buffers, and a SHA-256 of all before it. No pickle.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError, ConfigError
from shared.interface import require_sound
from shared.policy.parameters import FlatParameters
from shared.policy.spec import PolicySpec

FORMAT_VERSION = 1
MAGIC = b"HANDSON-POLICY\n\0"
DTYPES = ("float32", "float16", "int32", "uint8", "uint32", "bool")

Buffer = bytes | bytearray | memoryview

_LENGTH = struct.Struct("<Q")
_DIGEST_BYTES = 32


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


class _ArrayHeader(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    name: str
    dtype: str
    shape: tuple[int, ...]


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int
    spec: PolicySpec
    policy_fingerprint: str
    interface_fingerprint: str
    learner_incarnation: str
    version: int
    update: int
    created_at_seconds: float
    arrays: tuple[_ArrayHeader, ...]


class _FormatOnly(msgspec.Struct, frozen=True):
    format_version: int


def encode_snapshot(snapshot: PolicySnapshot) -> tuple[bytes, list[memoryview]]:
    """The header and one buffer an array, in the header's order; C-contiguous arrays are not copied."""
    arrays = {name: np.asarray(array, order="C") for name, array in snapshot.params.items()}
    if odd := [f"{name} ({array.dtype})" for name, array in arrays.items() if array.dtype.name not in DTYPES]:
        raise CheckpointError(
            "policy snapshot", f"cannot hold {', '.join(odd)}", f"give arrays of {', '.join(DTYPES)}"
        )
    header = _Header(
        format_version=FORMAT_VERSION,
        spec=snapshot.spec,
        policy_fingerprint=snapshot.spec.fingerprint,
        interface_fingerprint=snapshot.spec.interface.fingerprint,
        learner_incarnation=snapshot.learner_incarnation,
        version=snapshot.version,
        update=snapshot.update,
        created_at_seconds=snapshot.created_at_seconds,
        arrays=tuple(_ArrayHeader(name, array.dtype.name, array.shape) for name, array in arrays.items()),
    )
    return msgspec.msgpack.encode(header), [
        array.reshape(-1).view(np.uint8).data for array in arrays.values()
    ]


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
        params=_decode_arrays(decoded.arrays, buffers, stage),
        learner_incarnation=decoded.learner_incarnation,
        version=decoded.version,
        update=decoded.update,
        created_at_seconds=decoded.created_at_seconds,
    )


def write_snapshot(path: Path, snapshot: PolicySnapshot) -> None:
    """Write one file, atomically: after a crash `path` holds the old bytes or all of the new, synced ones."""
    header, buffers = encode_snapshot(snapshot)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            digest = hashlib.sha256()
            for piece in (MAGIC, _LENGTH.pack(len(header)), header, *buffers):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_directory(path.parent)


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
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    start = len(MAGIC) + _LENGTH.size
    if len(body) < start or hashlib.sha256(body).digest() != bytes(digest):
        raise CheckpointError(stage, "is damaged: its checksum does not match", "use another checkpoint")
    end = start + _LENGTH.unpack(body[len(MAGIC) : start])[0]
    decoded = _decode_header(body[start:end], stage)
    return decode_snapshot(body[start:end], list(_split(body[end:], decoded.arrays)), stage)


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
    except (msgspec.DecodeError, ConfigError) as error:
        raise CheckpointError(stage, f"is damaged or foreign: {error}", "use another checkpoint") from None
    if (decoded.spec.fingerprint, decoded.spec.interface.fingerprint) != (
        decoded.policy_fingerprint,
        decoded.interface_fingerprint,
    ):
        raise CheckpointError(stage, "does not match its own fingerprints", "use another checkpoint")
    return decoded


def _decode_arrays(headers: Sequence[_ArrayHeader], buffers: Sequence[Buffer], stage: str) -> FlatParameters:
    if len(headers) != len(buffers):
        raise CheckpointError(
            stage, f"declares {len(headers)} arrays and holds {len(buffers)}", "use another checkpoint"
        )
    return {
        header.name: _decode_array(header, memoryview(buffer).cast("B"), stage)
        for header, buffer in zip(headers, buffers, strict=True)
    }


def _decode_array(header: _ArrayHeader, buffer: memoryview, stage: str) -> NDArray[np.generic]:
    if header.dtype not in DTYPES or min(header.shape, default=0) < 0 or len(buffer) != _size(header):
        raise CheckpointError(
            stage,
            f"array {header.name!r}: {header.dtype}{list(header.shape)} in {len(buffer)} bytes",
            "use another checkpoint",
        )
    array = np.frombuffer(buffer, dtype=np.dtype(header.dtype)).reshape(header.shape)
    array.flags.writeable = False
    return array


def _size(header: _ArrayHeader) -> int:
    size = np.dtype(header.dtype).itemsize
    for length in header.shape:
        size *= length
    return size


def _split(data: memoryview, headers: Iterable[_ArrayHeader]) -> Iterable[memoryview]:
    start = 0
    for header in headers:
        size = _size(header) if header.dtype in DTYPES else 0
        yield data[start : start + size]
        start += size


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
