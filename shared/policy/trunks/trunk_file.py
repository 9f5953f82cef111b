"""A frozen trunk's bytes: header and frames on the wire; on disk one sealed file, named by its digest."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.errors import CheckpointError
from shared.policy.array_frames import (
    ArrayHeader,
    Buffer,
    decode_arrays,
    encode_arrays,
    split_buffers,
    split_sealed,
    write_sealed,
)
from shared.policy.trunks.weights import TrunkWeights, trunk_digest
from shared.policy.vision import TrunkName

log = logging.getLogger(__name__)

FORMAT_VERSION = 1
MAGIC = b"HANDSON-TRUNK\n\0\0"
SUFFIX = ".trunk"
STAGE = "trunk"
CURE = "fetch it again; if that does not help, give learner and actor the same release of HandsOn"
_DIGEST = re.compile("[0-9a-f]{64}")


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int
    trunk: TrunkName
    stages: int
    digest: str
    arrays: tuple[ArrayHeader, ...]


class _FormatOnly(msgspec.Struct, frozen=True):
    format_version: int


def encode_trunk(weights: TrunkWeights) -> tuple[bytes, list[memoryview]]:
    """The header and one buffer an array, in the header's order; nothing is copied."""
    arrays, buffers = encode_arrays(weights.params, STAGE)
    header = _Header(
        format_version=FORMAT_VERSION,
        trunk=weights.trunk,
        stages=weights.stages,
        digest=weights.digest,
        arrays=arrays,
    )
    return msgspec.msgpack.encode(header), buffers


def decode_trunk(header: Buffer, buffers: Sequence[Buffer], stage: str = STAGE) -> TrunkWeights:
    """The trunk behind `encode_trunk`, its digest computed anew; arrays are read-only views of `buffers`.

    Raises:
        CheckpointError: the bytes are damaged, foreign, of another format version, or have another digest.
    """
    decoded = _decode_header(header, stage)
    params = decode_arrays(decoded.arrays, buffers, stage, CURE)
    digest = trunk_digest(decoded.trunk, decoded.stages, params)
    if digest != decoded.digest:
        raise CheckpointError(stage, f"claims the digest {decoded.digest} and has {digest}", CURE)
    return TrunkWeights(trunk=decoded.trunk, stages=decoded.stages, params=params, digest=digest)


class TrunkStore:
    """Trunks on this computer's disk, by digest.

    Attributes:
        directory: made when the first trunk is kept.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def find(self, digest: str) -> TrunkWeights | None:
        """The trunk, verified; None where it is not here or its file is damaged, which is logged."""
        path = self._path(digest)
        if path is None or not path.exists():
            return None
        try:
            return _read(path, digest)
        except (CheckpointError, OSError) as error:
            log.warning("the trunk kept in %s cannot be used and will be fetched again: %s", path, error)
            return None

    def keep(self, weights: TrunkWeights) -> Path:
        """Write a trunk under its digest, atomically, over what may be there; gives the path.

        Raises:
            CheckpointError: the weights are not those of their digest.
            OSError: the directory cannot be written.
        """
        path = self._path(weights.digest)
        if path is None or trunk_digest(weights.trunk, weights.stages, weights.params) != weights.digest:
            raise CheckpointError(STAGE, f"is not the one of the digest {weights.digest!r}", CURE)
        self.directory.mkdir(parents=True, exist_ok=True)
        header, buffers = encode_trunk(weights)
        write_sealed(path, MAGIC, header, buffers)
        return path

    def _path(self, digest: str) -> Path | None:
        """A digest may come from a peer, so nothing but a digest becomes a file name."""
        return self.directory / f"{digest}{SUFFIX}" if _DIGEST.fullmatch(digest) else None


def _read(path: Path, digest: str) -> TrunkWeights:
    stage = f"{STAGE} {path}"
    data = memoryview(path.read_bytes())
    parts = split_sealed(data, MAGIC) if bytes(data[: len(MAGIC)]) == MAGIC else None
    if parts is None:
        raise CheckpointError(stage, "is damaged or no trunk: its checksum does not match", CURE)
    header, body = parts
    weights = decode_trunk(header, split_buffers(body, _decode_header(header, stage).arrays), stage)
    if weights.digest != digest:
        raise CheckpointError(stage, f"holds the trunk {weights.digest}", CURE)
    return weights


def _decode_header(header: Buffer, stage: str) -> _Header:
    try:
        version = msgspec.msgpack.decode(header, type=_FormatOnly).format_version
        if version != FORMAT_VERSION:
            cause = f"has format version {version}; this code reads {FORMAT_VERSION}"
            raise CheckpointError(stage, cause, CURE)
        return msgspec.msgpack.decode(header, type=_Header)
    except (msgspec.DecodeError, RecursionError) as error:
        raise CheckpointError(stage, f"is damaged or foreign: {error}", CURE) from None
