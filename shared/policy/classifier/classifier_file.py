"""A reward classifier as one file: what it looks through, how sure it was, its threshold, heads and trunk.

Like policy.snapshot: magic, header length, header (msgpack), raw arrays, a SHA-256 of all before. No pickle.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from shared.policy.classifier.spec import ClassifierSpec
from shared.policy.parameters import FlatParameters
from shared.policy.trunks.weights import trunk_digest

FORMAT_VERSION = 1
MAGIC = b"HANDSON-REWARD\n\0"
SUFFIX = ".classifier"
CURE = "name a file that `handson classifier train` wrote"
_HEADS, _TRUNK = "heads/", "trunk/"


@dataclass(frozen=True, kw_only=True, eq=False)
class RewardClassifier:
    """One version of a classifier.

    Attributes:
        spec: rebuilds the network.
        heads: parameters by path, the members in front.
        trunk: weights of the frozen trunk by path.
        stages: of the trunk.
        version: counts up from 1 with every retraining.
        thresholds: for each class, the probability from which on a frame counts as one of it.
        temperature: what logits are divided by, so that probabilities are honest.
        data_digest: names the labelled frames it was trained from.
        digest: names the classifier itself.
        metrics: what was found on held-out episodes, plain values.
        created_at_seconds: Unix time.
    """

    spec: ClassifierSpec
    heads: FlatParameters
    trunk: FlatParameters
    stages: int
    version: int
    thresholds: tuple[float, ...]
    temperature: float
    data_digest: str
    metrics: dict[str, Any]
    created_at_seconds: float
    digest: str = ""

    @property
    def identity(self) -> str:
        """What logs, summaries and episode files call it."""
        return f"version {self.version}, {self.digest[:16]}"


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format_version: int
    spec: ClassifierSpec
    views_fingerprint: str
    stages: int
    version: int
    thresholds: tuple[float, ...]
    temperature: float
    data_digest: str
    metrics: dict[str, Any]
    created_at_seconds: float
    arrays: tuple[ArrayHeader, ...]


class _FormatOnly(msgspec.Struct, frozen=True):
    format_version: int


def write_classifier(path: Path, classifier: RewardClassifier) -> None:
    """Write one file, atomically.

    Raises:
        OSError: the directory cannot be written.
    """
    named = {_HEADS + n: a for n, a in classifier.heads.items()}
    named |= {_TRUNK + n: a for n, a in classifier.trunk.items()}
    arrays, buffers = encode_arrays(named, "reward classifier")
    header = _Header(
        format_version=FORMAT_VERSION,
        spec=classifier.spec,
        views_fingerprint=classifier.spec.views.fingerprint,
        stages=classifier.stages,
        version=classifier.version,
        thresholds=classifier.thresholds,
        temperature=classifier.temperature,
        data_digest=classifier.data_digest,
        metrics=classifier.metrics,
        created_at_seconds=classifier.created_at_seconds,
        arrays=arrays,
    )
    write_sealed(path, MAGIC, msgspec.msgpack.encode(header), buffers)


def read_classifier(path: Path) -> RewardClassifier:
    """The classifier in a file.

    Raises:
        CheckpointError: it cannot be read, is damaged, foreign or of another format version.
    """
    stage = f"reward classifier {path}"
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise CheckpointError(stage, f"cannot be read: {error.strerror}", CURE) from None
    if bytes(data[: len(MAGIC)]) != MAGIC:
        raise CheckpointError(stage, "is not a reward classifier", CURE)
    parts = split_sealed(data, MAGIC)
    if parts is None:
        raise CheckpointError(stage, "is damaged: its checksum does not match", "copy or train it again")
    header = _decode_header(parts[0], stage)
    arrays = decode_arrays(header.arrays, split_buffers(parts[1], header.arrays), stage, CURE)
    return _assembled(header, arrays, bytes(data[-32:]).hex(), stage)


def _assembled(header: _Header, arrays: FlatParameters, digest: str, stage: str) -> RewardClassifier:
    trunk = {n.removeprefix(_TRUNK): a for n, a in arrays.items() if n.startswith(_TRUNK)}
    if trunk_digest(header.spec.vision.trunk, header.stages, trunk) != header.spec.trunk_digest:
        raise CheckpointError(stage, "holds another trunk than its digest names", "train it again")
    return RewardClassifier(
        spec=header.spec,
        heads={n.removeprefix(_HEADS): a for n, a in arrays.items() if n.startswith(_HEADS)},
        trunk=trunk,
        stages=header.stages,
        version=header.version,
        thresholds=header.thresholds,
        temperature=header.temperature,
        data_digest=header.data_digest,
        metrics=header.metrics,
        created_at_seconds=header.created_at_seconds,
        digest=digest,
    )


def _decode_header(header: Buffer, stage: str) -> _Header:
    try:
        version = msgspec.msgpack.decode(header, type=_FormatOnly).format_version
        if version != FORMAT_VERSION:
            cause = f"has format version {version}; this code reads {FORMAT_VERSION}"
            raise CheckpointError(stage, cause, "use the HandsOn release that wrote it, or train it again")
        decoded = msgspec.msgpack.decode(header, type=_Header)
        require_sound(decoded.spec.views.interface, "the classifier")
    except (msgspec.DecodeError, RecursionError, ConfigError) as error:
        raise CheckpointError(stage, f"is damaged or foreign: {error}", CURE) from None
    sound = len(decoded.thresholds) == len(decoded.spec.classes) and 0.0 < decoded.temperature < 1e6
    if decoded.spec.views.fingerprint != decoded.views_fingerprint or not sound:
        raise CheckpointError(stage, "does not match its own fingerprint", "train it again")
    return decoded
