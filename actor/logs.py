"""Logging of an acting process, configured once in `main`: all of it to a file, warnings to the terminal."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from shared.process_logging import file_handler, goes_to, logging_through

QUIET = ("jax", "absl", "OpenGL")
"""Libraries whose information concerns nobody here."""


@contextmanager
def logging_to(path: Path | None, *, verbose: bool = False) -> Iterator[None]:
    """Within the block the log goes to `path`, and to standard error from WARNING on (INFO when verbose).

    Where a launcher sends standard error to that very file, each line comes once. ConfigError where the file
    cannot be written.
    """
    handlers: list[logging.Handler] = []
    if path is not None:
        handlers.append(file_handler(path, "name another --run-dir, one that you may write to"))
    if path is None or not goes_to(sys.stderr, path):
        terminal = RichHandler(console=Console(stderr=True), show_path=False)
        terminal.setLevel(logging.INFO if verbose else logging.WARNING)
        handlers.append(terminal)
    with logging_through(handlers, QUIET):
        yield
