"""Logging of an acting process, configured once in `main`: all of it to a file, warnings to the terminal."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from shared.errors import ConfigError

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(threadName)s] %(message)s"
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
        handlers.append(_file_handler(path))
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


def _file_handler(path: Path) -> logging.Handler:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        cure = "name another --run-dir, one that you may write to"
        raise ConfigError("logging", f"cannot write {path} ({error.strerror})", cure) from None
    file.setFormatter(logging.Formatter(FORMAT))
    return file


def _is_standard_error(path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(sys.stderr.fileno()), path.stat())
    except (OSError, ValueError):
        return False
