"""Recording: whole episodes into one episode file, without a learner."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from actor.rewards.base import Verdict
from shared.episode_starts import EpisodeStart, write_start
from shared.episodes import EpisodeWriter
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec
from shared.records import AmendRecord, Record, StepRecord
from shared.step import EpisodeKind, Step, StepId, new_incarnation


class Recording:
    """A new file with episodes of one kind, all of one incarnation of one actor.

    Args:
        judge: which classifiers judge, where they do; the file says so.

    Raises:
        EpisodeFileError: the file exists already or cannot be created.
    """

    def __init__(
        self, path: Path, interface: InterfaceSpec, *, actor_id: str, kind: EpisodeKind, judge: str = ""
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.episodes = 0
        self.steps = 0
        self._sequence = 0
        self._actor_id = actor_id
        self._kind = kind
        self._incarnation = new_incarnation()
        judged = f", judged by {judge}" if judge else ""
        opened_by = f"{actor_id} (process {os.getpid()}{judged})"
        self._writer = EpisodeWriter(path, interface, opened_by=opened_by)

    def add(self, steps: Sequence[Step], start_seed: int | None = None) -> StepId:
        """Append one episode, and the seed that it began from, and hand it to the operating system.

        Returns the name of its last step.

        Raises:
            EpisodeFileError: the disk does not take it; the episodes before it are kept.
        """
        self.append(steps, first=0, start_seed=start_seed)
        last = self._name(len(steps) - 1)
        self.end()
        return last

    def append(self, steps: Sequence[Step], first: int, start_seed: int | None = None) -> None:
        """Append some steps of the episode that goes on, from number `first` on: they survive a kill.

        Raises:
            EpisodeFileError: as `add` does.
        """
        start = None if start_seed is None else EpisodeStart(self._name(0)[:3], start_seed)
        self._write(*(self._record(number, step) for number, step in enumerate(steps, first)), start=start)

    def _write(self, *records: Record, start: EpisodeStart | None = None) -> None:
        try:
            if start is not None:
                write_start(self._writer, start)
            for record in records:
                self._writer.write(record)
                self.steps += isinstance(record, StepRecord)
            self._writer.flush()
        except OSError as error:
            raise EpisodeFileError(
                "recording",
                f"{self.path} cannot be written further ({error.strerror})",
                f"free some space; the {self.episodes} episodes before are kept",
            ) from error

    def amend(self, target: StepId, verdict: Verdict) -> None:
        """Append a later verdict on a step that was written; whoever reads the file applies it.

        Raises:
            EpisodeFileError: as `add` does.
        """
        self._write(
            AmendRecord(
                actor_id=target.actor_id,
                incarnation=target.incarnation,
                sequence=self._next(),
                time_seconds=time.time(),
                target=target,
                reward=verdict.reward,
                terminated=verdict.terminated,
                truncated=verdict.truncated,
                why=verdict.why,
            )
        )

    def end(self) -> None:
        """The next step is of another episode."""
        self.episodes += 1

    def _record(self, number: int, step: Step) -> StepRecord:
        return StepRecord(
            identity=self._name(number),
            sequence=self._next(),
            kind=self._kind,
            time_seconds=time.time(),
            step=step,
        )

    def _next(self) -> int:
        sequence, self._sequence = self._sequence, self._sequence + 1
        return sequence

    def _name(self, number: int) -> StepId:
        return StepId(self._actor_id, self._incarnation, self.episodes, number)

    def note(self, name: str, facts: dict[str, str]) -> None:
        """Keep facts beside the steps; see `shared.episodes.EpisodeWriter.note`."""
        self._writer.note(name, facts)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
