"""One learner a run directory: two would write the same log, checkpoints and metrics."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from learner.start import make_directory
from shared.errors import ConfigError

LOCK = ".lock"


@contextmanager
def held(run_dir: Path) -> Iterator[None]:
    """Hold the run's directory, made where it is not there, while inside; the end of the process lets it go.

    Raises:
        ConfigError: another learner holds it, or the disk refuses.
    """
    make_directory(run_dir)
    try:
        descriptor = os.open(run_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            "run directory", f"{run_dir} cannot be locked ({error.strerror})", "name another --run-dir"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                "run directory",
                f"another learner is running in {run_dir}",
                "stop that one first, or name another --run-dir",
            ) from None
        yield
    finally:
        os.close(descriptor)
