"""Logging of the learner process: everything to `learner.log`, what a person needs to standard error."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from shared.process_logging import file_handler, goes_to, logging_through

QUIET = ("jax", "orbax", "absl", "tensorboardX")


@contextmanager
def run_logging(path: Path, console: Console) -> Iterator[None]:
    """Configure logging while inside. Where a launcher sends the console to that file, lines come once.

    Raises:
        ConfigError: the file cannot be written.
    """
    handlers = [file_handler(path, "name another --run-dir, one that you may write to")]
    if not goes_to(console.file, path):
        handlers.append(_console_handler(console))
    with logging_through(handlers, QUIET):
        yield


def _console_handler(console: Console) -> logging.Handler:
    if console.is_terminal:
        return RichHandler(console=console, show_path=False, show_level=False)
    handler = logging.StreamHandler(console.file)
    handler.setFormatter(logging.Formatter("learner: %(message)s"))
    return handler
