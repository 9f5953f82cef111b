"""The episode file that an import makes: all of it, or none."""

import os
import time
from pathlib import Path
from types import TracebackType

from actor.conversion.found import FoundEpisode
from shared.episodes import EpisodeWriter
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec
from shared.records import StepRecord
from shared.step import Step, StepId, new_incarnation

ACTOR_ID = "import"


class ImportedFile:
    """A new episode file; it is gone again where an error ends its block.

    Raises:
        EpisodeFileError: it exists already or cannot be created.
    """

    def __init__(self, path: Path, interface: InterfaceSpec) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.episodes = 0
        self.steps = 0
        self._incarnation = new_incarnation()
        self._writer = EpisodeWriter(path, interface, opened_by=f"{ACTOR_ID} (process {os.getpid()})")

    def add(self, episode: FoundEpisode, steps: tuple[Step, ...]) -> None:
        """Append these steps, as the episode's.

        Raises:
            EpisodeFileError: the disk does not take them.
        """
        times = episode.times_seconds or (time.time(),) * len(steps)
        try:
            for number, (step, time_seconds) in enumerate(zip(steps, times, strict=True)):
                self._writer.write(
                    StepRecord(
                        identity=StepId(ACTOR_ID, self._incarnation, self.episodes, number),
                        sequence=self.steps,
                        kind=episode.kind,
                        time_seconds=time_seconds,
                        step=step,
                    )
                )
                self.steps += 1
            self._writer.flush()
        except OSError as error:
            raise EpisodeFileError(
                "importing", f"{self.path} cannot be written ({error.strerror})", "free some space"
            ) from error
        self.episodes += 1

    def __enter__(self) -> "ImportedFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
        if error is not None:
            self.path.unlink(missing_ok=True)
