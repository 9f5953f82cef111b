"""Keyboard: single keys from a terminal, read by a thread of its own, so that nothing ever waits for one."""

import contextlib
import logging
import os
import select
import sys
import termios
import threading
import tty
from collections.abc import Callable
from types import TracebackType
from typing import Any

from actor.operating.key_names import key_names

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.5
JOIN_SECONDS = 2.0
MOST_BYTES = 4096
"""Read at once: more than a held key sends in between, so that no escape sequence is cut in two."""


def terminal_of_stdin() -> int | None:
    """The descriptor of the terminal that standard input is, or None where it is none."""
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # there is none, or it is closed or captured
        return None
    return descriptor if os.isatty(descriptor) else None


class Keyboard:
    """Within its block, `press` is called with each key's name (key_names), on the reading thread.

    The terminal passes keys at once and does not show them; Ctrl-C and Ctrl-Z do what they always do. It is
    as it was when the block ends, however it ends. While the process is in the background of its terminal
    it neither reads nor changes it: the system would stop it for that.
    """

    def __init__(self, terminal: int, press: Callable[[str], None]) -> None:
        self._terminal, self._press = terminal, press
        self._before: list[Any] = []
        self._wake_read, self._wake_write = -1, -1
        self._thread = threading.Thread(target=self._read_keys, name="keyboard", daemon=True)

    def __enter__(self) -> "Keyboard":
        self._before = termios.tcgetattr(self._terminal)
        self._wake_read, self._wake_write = os.pipe()
        self._listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            os.write(self._wake_write, b".")
            self._thread.join(JOIN_SECONDS)
            os.close(self._wake_read)
            os.close(self._wake_write)
        finally:
            if self._in_foreground():
                with contextlib.suppress(termios.error):  # the terminal itself is gone
                    termios.tcsetattr(self._terminal, termios.TCSANOW, self._before)

    def _read_keys(self) -> None:
        while True:
            watched = [self._wake_read]
            if self._in_foreground():
                self._listen()
                watched.append(self._terminal)
            ready, _, _ = select.select(watched, [], [], LOOK_SECONDS)
            if self._wake_read in ready:
                return
            if self._terminal in ready and not self._pass_on():
                return

    def _pass_on(self) -> bool:
        """Press what was typed; False once the terminal is gone."""
        try:
            typed = os.read(self._terminal, MOST_BYTES).decode(errors="replace")
        except OSError:
            typed = ""
        if not typed:
            log.warning("the terminal is gone: keys are no longer heard")
            return False
        for key in key_names(typed):
            self._press(key)
        return True

    def _listen(self) -> None:
        """Keys at once, unseen; anew after the shell had the terminal in between."""
        with contextlib.suppress(termios.error):
            if self._in_foreground() and termios.tcgetattr(self._terminal)[tty.LFLAG] & termios.ICANON:
                tty.setcbreak(self._terminal, termios.TCSANOW)

    def _in_foreground(self) -> bool:
        try:
            return os.tcgetpgrp(self._terminal) == os.getpgrp()
        except OSError:  # not the terminal of this process's session: somebody else's keys
            return False
