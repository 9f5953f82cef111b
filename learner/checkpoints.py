"""Checkpoints: one directory a checkpoint, complete or absent, `checkpoints/<update number>/`.

    manifest.json    update, call, log cursor, ratio, versions, fingerprints, SHA-256 of the other files
    state.arrays     networks, targets, optimisers, temperature, counters: every leaf of the agent's state
    probes.arrays    probe observations and what the policy did on them
    config.toml      the settings of the run
    policy.snapshot  what acting needs, on its own

A checkpoint is written to a hidden directory, synced, and renamed; whatever is killed when, the newest
complete one is found again. The manifest names the digests of the other files, so a damaged one is noticed.
"""

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from learner.array_file import read_arrays, write_arrays
from learner.probes import Probes
from shared.errors import CheckpointError
from shared.interface import InterfaceSpec, require_equal
from shared.policy.snapshot import PolicySnapshot, read_snapshot, write_snapshot
from shared.version import code_version

log = logging.getLogger(__name__)

CHECKPOINTS = "checkpoints"
FORMAT = "handson-checkpoint"
FORMAT_VERSION = 1
STAGE = "checkpoint"
MANIFEST = "manifest.json"
STATE = "state.arrays"
PROBES = "probes.arrays"
CONFIG = "config.toml"
POLICY = "policy.snapshot"
FILES = (STATE, PROBES, CONFIG, POLICY)
PART = ".part-"

Arrays = dict[str, NDArray[np.generic]]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a checkpoint says about itself.

    Attributes:
        update: critic updates done; names the directory.
        call: update calls done.
        position: the log cursor, how many of its records the replay had taken in.
        ratio: the ratio's own state.
        pretrain_updates: cloning updates before the first critic update.
        device: what computed, with the thread count on a CPU.
        digests: SHA-256 by file name.
    """

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    update: int
    call: int
    position: int
    ratio: dict[str, int | float]
    pretrain_updates: int
    interface: InterfaceSpec
    interface_fingerprint: str
    policy_fingerprint: str
    learner_incarnation: str
    code_version: str
    device: str
    created_at_seconds: float
    digests: dict[str, str]


class _FormatOnly(msgspec.Struct, frozen=True):
    format: str
    format_version: int


class _Damaged(CheckpointError):
    """This directory is incomplete or its bytes changed: the one before it may do."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """All that training goes on from. `state` holds every leaf of the agent's state by path."""

    update: int
    call: int
    position: int
    ratio: dict[str, int | float]
    pretrain_updates: int
    state: Arrays
    probes: Probes
    policy: PolicySnapshot
    config_toml: str
    device: str


def write_checkpoint(root: Path, checkpoint: Checkpoint) -> Path:
    """Write one checkpoint so that it is there completely or not at all; returns its directory.

    Raises:
        OSError: the disk refuses; nothing but a hidden directory is left behind.
    """
    final = root / f"{checkpoint.update:012d}"
    part = root / f"{PART}{final.name}-{os.getpid()}"
    root.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    _write_files(part, checkpoint)
    _sync_directory(part)
    if final.exists():
        final.rename(root / f"{PART}replaced-{final.name}-{os.getpid()}")
    part.rename(final)
    _sync_directory(root)
    return final


def prune(root: Path, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what killed writers left behind."""
    for directory in [*list_checkpoints(root)[keep:], *root.glob(f"{PART}*")]:
        shutil.rmtree(directory, ignore_errors=True)


def list_checkpoints(root: Path) -> list[Path]:
    """The directories of complete checkpoints, newest first."""
    if not root.is_dir():
        return []
    return sorted((d for d in root.iterdir() if d.name.isdigit() and d.is_dir()), reverse=True)


def read_checkpoint(directory: Path, interface: InterfaceSpec | None = None) -> Checkpoint:
    """The checkpoint in a directory.

    Raises:
        CheckpointError: it is damaged, foreign or of another format version.
        InterfaceMismatch: it is of another interface than the one given.
    """
    manifest = _read_manifest(directory)
    if interface is not None:
        require_equal(interface, manifest.interface, STAGE, f"checkpoint {directory}")
    for name in FILES:
        _verify_digest(directory / name, manifest.digests.get(name, ""))
    if manifest.code_version != code_version():
        log.warning("%s was written by %s; this is %s", directory, manifest.code_version, code_version())
    return Checkpoint(
        update=manifest.update,
        call=manifest.call,
        position=manifest.position,
        ratio=manifest.ratio,
        pretrain_updates=manifest.pretrain_updates,
        state=read_arrays(directory / STATE),
        probes=Probes.from_arrays(read_arrays(directory / PROBES)),
        policy=read_snapshot(directory / POLICY),
        config_toml=(directory / CONFIG).read_text(encoding="utf-8"),
        device=manifest.device,
    )


def usable_checkpoints(root: Path, interface: InterfaceSpec | None = None) -> Iterator[Checkpoint]:
    """Checkpoints newest first; a damaged one is skipped with a warning.

    Raises:
        CheckpointError: one is of another format version: older ones would quietly undo training.
        InterfaceMismatch: one is of another interface.
    """
    for directory in list_checkpoints(root):
        try:
            yield read_checkpoint(directory, interface)
        except _Damaged as damage:
            log.warning("%s is skipped: %s", directory, damage.cause)


def _write_files(part: Path, checkpoint: Checkpoint) -> None:
    write_arrays(part / STATE, checkpoint.state)
    write_arrays(part / PROBES, checkpoint.probes.to_arrays())
    write_snapshot(part / POLICY, checkpoint.policy)
    _write_synced(part / CONFIG, checkpoint.config_toml.encode())
    spec = checkpoint.policy.spec
    manifest = Manifest(
        update=checkpoint.update,
        call=checkpoint.call,
        position=checkpoint.position,
        ratio=checkpoint.ratio,
        pretrain_updates=checkpoint.pretrain_updates,
        interface=spec.interface,
        interface_fingerprint=spec.interface.fingerprint,
        policy_fingerprint=spec.fingerprint,
        learner_incarnation=checkpoint.policy.learner_incarnation,
        code_version=code_version(),
        device=checkpoint.device,
        created_at_seconds=time.time(),
        digests={name: _digest(part / name) for name in FILES},
    )
    _write_synced(part / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))


def _read_manifest(directory: Path) -> Manifest:
    try:
        data = (directory / MANIFEST).read_bytes()
        declared = msgspec.json.decode(data, type=_FormatOnly)
        if (declared.format, declared.format_version) != (FORMAT, FORMAT_VERSION):
            raise CheckpointError(
                STAGE,
                f"{directory} is {declared.format} {declared.format_version}; this code reads "
                f"{FORMAT} {FORMAT_VERSION}",
                f"use the HandsOn release that wrote it, or start anew with --init-from {directory / POLICY}",
            )
        return msgspec.json.decode(data, type=Manifest)
    except OSError as error:
        raise _damaged(directory, f"its manifest cannot be read: {error.strerror}") from None
    except msgspec.DecodeError as error:
        raise _damaged(directory, f"its manifest is not one: {error}") from None


def _verify_digest(path: Path, digest: str) -> None:
    try:
        found = _digest(path)
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from None
    if found != digest:
        raise _damaged(path, "holds other bytes than were written")


def _damaged(path: Path, cause: str) -> _Damaged:
    return _Damaged(STAGE, f"{path}: {cause}", "use the checkpoint before it")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
