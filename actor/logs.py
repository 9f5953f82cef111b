"""Logging of an acting process, configured once in `main`: all of it to a file, warnings to the terminal."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"
QUIET = ("jax", "absl", "OpenGL")
"""Libraries whose information concerns nobody here."""


@contextmanager
def logging_to(path: Path | None, *, verbose: bool = False) -> Iterator[None]:
    """Within the block the log goes to `path`, and to standard error from WARNING on (INFO when verbose).

    Where a launcher sends standard error to that very file, each line comes once.
    """
    handlers: list[logging.Handler] = []
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, encoding="utf-8")
        file.setFormatter(logging.Formatter(FORMAT))
        handlers.append(file)
    if path is None or not _is_standard_error(path):
        terminal = RichHandler(console=Console(stderr=True), show_path=False)
        terminal.setLevel(logging.INFO if verbose else logging.WARNING)
        handlers.append(terminal)
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


def _is_standard_error(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError):
        return False
