"""Logging of a process, configured once by its role: which handlers there are, and what is too much."""

import logging
import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from shared.errors import ConfigError

FORMAT = "%(asctime)s %(levelname)-7s %(name)s [%(threadName)s] %(message)s"


def file_handler(path: Path, cure: str) -> logging.Handler:
    """A handler that appends to a file.

    Raises:
        ConfigError: it cannot be written; `cure` says which setting names it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError("logging", f"cannot write {path} ({error.strerror})", cure) from None
    handler.setFormatter(logging.Formatter(FORMAT))
    return handler


def goes_to(stream: IO[str], path: Path) -> bool:
    """Whether a stream is that very file, as where a launcher sends standard error there."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (OSError, ValueError):
        return False


@contextmanager
def logging_through(handlers: Sequence[logging.Handler], quiet: Sequence[str] = ()) -> Generator[None]:
    """Within the block what is logged from INFO on goes through these handlers, which are closed after it.

    Args:
        handlers: all of them.
        quiet: libraries of which only warnings count.
    """
    levels = {name: logging.getLogger(name).level for name in ("", *quiet)}
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    for name in quiet:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
