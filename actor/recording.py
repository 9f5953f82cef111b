"""Recording: whole episodes into one episode file, without a learner."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from shared.episode_starts import EpisodeStart, write_start
from shared.episodes import EpisodeWriter
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec
from shared.records import StepRecord
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
        self._actor_id = actor_id
        self._kind = kind
        self._incarnation = new_incarnation()
        judged = f", judged by {judge}" if judge else ""
        opened_by = f"{actor_id} (process {os.getpid()}{judged})"
        self._writer = EpisodeWriter(path, interface, opened_by=opened_by)

    def add(self, steps: Sequence[Step], start_seed: int | None = None) -> None:
        """Append one episode, and the seed that it began from, and hand it to the operating system.

        Raises:
            EpisodeFileError: the disk does not take it; the episodes before it are kept.
        """
        self.append(steps, first=0, start_seed=start_seed)
        self.end()

    def append(self, steps: Sequence[Step], first: int, start_seed: int | None = None) -> None:
        """Append some steps of the episode that goes on, from number `first` on: they survive a kill.

        Raises:
            EpisodeFileError: as `add` does.
        """
        try:
            if start_seed is not None:
                name = (self._actor_id, self._incarnation, self.episodes)
                write_start(self._writer, EpisodeStart(name, start_seed))
            for number, step in enumerate(steps, first):
                self._writer.write(self._record(number, step))
                self.steps += 1
            self._writer.flush()
        except OSError as error:
            raise EpisodeFileError(
                "recording",
                f"{self.path} cannot be written further ({error.strerror})",
                f"free some space; the {self.episodes} episodes before are kept",
            ) from error

    def end(self) -> None:
        """The next step is of another episode."""
        self.episodes += 1

    def _record(self, number: int, step: Step) -> StepRecord:
        return StepRecord(
            identity=StepId(self._actor_id, self._incarnation, self.episodes, number),
            sequence=self.steps,
            kind=self._kind,
            time_seconds=time.time(),
            step=step,
        )

    def note(self, name: str, facts: dict[str, str]) -> None:
        """Keep facts beside the steps; see `shared.episodes.EpisodeWriter.note`."""
        self._writer.note(name, facts)

    def __enter__(self) -> "Recording":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
