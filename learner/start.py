"""What a run starts from: an earlier life of it, demonstrations, another run's networks, or nothing."""

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learner.agents.sac import SAC
from learner.agents.state import SACState, flat_to_state, state_to_flat
from learner.checkpoints import (
    CHECKPOINTS,
    Checkpoint,
    list_checkpoints,
    read_checkpoint,
    usable_checkpoints,
)
from learner.config import LearnerConfig
from learner.log import log_interface, read_log, segments
from shared.config import dump_toml
from shared.episode_files import episode_files
from shared.episodes import read_episodes
from shared.errors import CheckpointError, ConfigError
from shared.interface import InterfaceSpec
from shared.policy.parameters import FlatParameters
from shared.policy.snapshot import read_snapshot
from shared.records import Record, StepRecord, next_sequence, stream_of
from shared.step import EpisodeKind

log = logging.getLogger(__name__)

EPISODES = "episodes"
SETTINGS = "learner.toml"
CRITICS = ("critics", "target_critics")
GRIPPER_CRITICS = ("gripper/critics/", "gripper/targets/")
NETWORKS = ("policy/", *(f"{whose}/" for whose in CRITICS), "multiplier", *GRIPPER_CRITICS)
EYES = "encoder/"


def claim(run_dir: Path, *, resume: bool) -> None:
    """Make the run's directory; refused where it holds a run that is not to be resumed.

    Raises:
        ConfigError: there is a run and no --resume, or --resume and no run, or the disk refuses.
    """
    holds_run = bool(segments(run_dir / EPISODES) or list_checkpoints(run_dir / CHECKPOINTS))
    if holds_run and not resume:
        raise ConfigError(
            "run directory", f"{run_dir} holds a run", "go on with it by --resume, or name another --run-dir"
        )
    if resume and not (holds_run or (run_dir / SETTINGS).exists()):
        raise ConfigError("run directory", f"{run_dir} holds no run", "leave --resume out to start one there")
    make_directory(run_dir / EPISODES)


def make_directory(path: Path) -> None:
    """The directory and those above it; raises ConfigError where the disk refuses."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            "run directory", f"{path} cannot be made ({error.strerror})", "name another --run-dir"
        ) from None


def keep_settings(config: LearnerConfig) -> None:
    """Leave the settings for --resume. A kill leaves the file of before or this one, never half of it."""
    part = config.run_dir / f".{SETTINGS}.part"
    part.write_text(dump_toml(config), encoding="utf-8")
    part.replace(config.run_dir / SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What is known before the first actor says Hello.

    Attributes:
        log_records: how many records the log of earlier lives holds.
        checkpoint: to go on from; None for a run that starts, or whose first checkpoint was never written.
        demos: the demonstrations that the run began with; empty where there is a checkpoint.
        admitted: the records of demo files, for the log.
        networks: of another run, to start from.
        interfaces: each that is known, and whose it is; they must all be one.
    """

    log_records: int
    checkpoint: Checkpoint | None
    demos: Sequence[Record]
    admitted: Sequence[Record]
    networks: "Networks | None"
    interfaces: Sequence[tuple[InterfaceSpec, str]]


def begin(config: LearnerConfig, log_records: int) -> Beginning:
    """Read all that a run starts from.

    Raises:
        CheckpointError, EpisodeFileError, ConfigError, InterfaceMismatch: as the readers below.
    """
    episodes = config.run_dir / EPISODES
    checkpoint = newest_checkpoint(config.run_dir, log_records) if config.resume else None
    files = read_demos(config.demos, may_be_gone=log_records > 0)
    networks = None if config.init_from is None or checkpoint else read_networks(config.init_from)
    admitted = [record for file in files for record in file.records]
    demos = demos_at_first(read_log(episodes), log_records, admitted)
    known = [(file.interface, str(file.path)) for file in files]
    if (logged := log_interface(episodes)) is not None:
        known.insert(0, (logged, f"the log in {episodes}"))
    if networks is not None:
        known.append((networks.interface, str(networks.path)))
    return Beginning(
        log_records=log_records,
        checkpoint=checkpoint,
        demos=() if checkpoint else demos,
        admitted=admitted,
        networks=networks,
        interfaces=known,
    )


def newest_checkpoint(run_dir: Path, log_records: int) -> Checkpoint | None:
    """The checkpoint to go on from: the newest that is whole and not ahead of the log.

    Raises:
        CheckpointError: of another format version.
        InterfaceMismatch: of another interface than the run's log.
    """
    for checkpoint in usable_checkpoints(run_dir / CHECKPOINTS, log_interface(run_dir / EPISODES)):
        if checkpoint.position <= log_records:
            return checkpoint
        log.warning(
            "checkpoint %d is skipped: it was made after %d records, the episode log holds %d",
            checkpoint.update,
            checkpoint.position,
            log_records,
        )
    return None


@dataclass(frozen=True, kw_only=True)
class DemoFile:
    """Demonstrations of one file."""

    path: Path
    interface: InterfaceSpec
    records: Sequence[Record]


def read_demos(paths: Sequence[Path], *, may_be_gone: bool) -> list[DemoFile]:
    """The demonstrations in these files and directories; a run that goes on has them in its log already.

    Raises:
        EpisodeFileError: a file is foreign or cannot be read, a directory holds none.
        ConfigError: a file holds steps of another kind, which would count as practice.
    """
    there = [path for path in paths if path.exists() or not may_be_gone]
    return [_read_demo(file) for path in there for file in episode_files(path)]


def _read_demo(path: Path) -> DemoFile:
    file = read_episodes(path)
    records = list(file.records())
    kinds = {record.kind for record in records if isinstance(record, StepRecord)}
    if kinds != {EpisodeKind.DEMO}:
        raise ConfigError(
            "demonstrations",
            f"{path} holds {' and '.join(sorted(kinds)) or 'no'} steps, not demonstrations alone",
            "give files that `handson demo` recorded",
        )
    if file.truncated:
        log.warning("%s ends in the middle of a step: its writer was cut off", path)
    return DemoFile(path=path, interface=file.interface, records=records)


def demos_at_first(
    logged: Iterable[Record], log_records: int, admitted: Sequence[Record]
) -> Sequence[Record]:
    """The demonstrations that a run began with, also where a kill came before all of them were in the log."""
    leading = leading_demos(logged)
    if len(leading) < log_records:
        return leading
    ends = {stream_of(record): next_sequence(record) for record in leading}
    return [*leading, *(record for record in admitted if record.sequence >= ends.get(stream_of(record), 0))]


def leading_demos(records: Iterable[Record]) -> list[Record]:
    """The records before the first practice: the demonstrations that a run began with."""
    return list(itertools.takewhile(_no_practice, records))


def _no_practice(record: Record) -> bool:
    return not isinstance(record, StepRecord) or record.kind is EpisodeKind.DEMO


@dataclass(frozen=True, kw_only=True)
class Networks:
    """Networks of another run: of a checkpoint all of them, of a policy.snapshot the policy's.

    Where there are cameras, the critics begin with the encoder of a policy.snapshot.
    """

    path: Path
    interface: InterfaceSpec
    policy_fingerprint: str
    arrays: Mapping[str, NDArray[np.generic]]


def read_networks(path: Path) -> Networks:
    """What --init-from names. Raises CheckpointError when it is neither, or damaged."""
    if not path.is_dir():
        snapshot = read_snapshot(path)
        arrays = dict(_as_state(snapshot.params))
        eyes = {name: array for name, array in snapshot.params.items() if name.startswith(EYES)}
        # As after cloning: a shared encoder is the critics', and would soon replace the one that came.
        arrays |= {f"{whose}/{name}": array for whose in CRITICS for name, array in eyes.items()}
        spec = snapshot.spec
    else:
        checkpoint = read_checkpoint(path)
        arrays = {n: array for n, array in checkpoint.state.items() if n.startswith(NETWORKS)}
        spec = checkpoint.policy.spec
    return Networks(path=path, interface=spec.interface, policy_fingerprint=spec.fingerprint, arrays=arrays)


def _as_state(params: FlatParameters) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """A policy's parameters under a state's names; targets of a gripper's critics begin equal to them."""
    critics = GRIPPER_CRITICS[0]
    for name, array in params.items():
        if name.startswith(critics):
            yield from ((whose + name.removeprefix(critics), array) for whose in GRIPPER_CRITICS)
        elif not name.startswith("gripper/"):
            yield f"policy/{name}", array


def with_networks(agent: SAC, state: SACState, networks: Networks) -> SACState:
    """A fresh state with these networks; optimisers and counters stay fresh.

    Raises:
        CheckpointError: they are of other settings or of another interface.
    """
    if networks.policy_fingerprint != agent.policy_spec.fingerprint:
        raise CheckpointError(
            "initialisation",
            f"the policy in {networks.path} is {networks.policy_fingerprint}, this run's is "
            f"{agent.policy_spec.fingerprint}: another network or another interface",
            "use the same task, trunk weights, [agent.policy] and [agent.vision] settings as the run that it "
            "comes from",
        )
    return flat_to_state(state, {**state_to_flat(state), **networks.arrays})
