"""Logging of the learner process: everything to `learner.log`, what a person needs to standard error."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.logging import RichHandler

FILE_FORMAT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
QUIET = ("jax", "orbax", "absl", "tensorboardX")


@contextmanager
def run_logging(path: Path, console: Console) -> Iterator[None]:
    """Configure logging while inside. Where a launcher sends the console to that file, lines come once."""
    file_handler = logging.FileHandler(path, encoding="utf-8")
    file_handler.setFormatter(logging.Formatter(FILE_FORMAT))
    handlers: list[logging.Handler] = [file_handler]
    if not _same_file(console.file, path):
        handlers.append(_console_handler(console))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    quieted = {name: logging.getLogger(name).level for name in QUIET}
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for name, before in quieted.items():
            logging.getLogger(name).setLevel(before)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


def _console_handler(console: Console) -> logging.Handler:
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, show_level=False)
    handler = logging.StreamHandler(console.file)
    handler.setFormatter(logging.Formatter("learner: %(message)s"))
    return handler


def _same_file(stream: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (OSError, ValueError):
        return False
