"""StopSignal: why acting should end, from whoever asked first."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP stays ignored where it was, as under nohup."""


class StopSignal:
    """Set once, by a Unix signal or by anything else; waiting for it wakes at once.

    Attributes:
        hurried: whether a Unix signal or the operator asked, first or later: somebody is waiting.
    """

    def __init__(self) -> None:
        self.hurried = False
        self._watched: list[Callable[[], str | None]] = []
        self._event = threading.Event()
        self._cause: str | None = None

    @property
    def cause(self) -> str | None:
        """Why to stop, or None to go on."""
        for requested in self._watched if self._cause is None else ():
            if (asked := requested()) is not None:
                self.set(asked)
        return self._cause

    def watch(self, requested: Callable[[], str | None]) -> None:
        """Another place to look for a cause, such as what the learner asked for."""
        self._watched.append(requested)

    def set(self, cause: str) -> None:
        """Ask for the end; the first cause stays."""
        self._cause = self._cause or cause
        self._event.set()

    def hurry(self, cause: str) -> None:
        """Give the cause as somebody who waits for the end."""
        self.hurried = True
        self.set(cause)

    def wait(self, seconds: float) -> str | None:
        """Sleep, but not past a cause given through `set`; returns the cause."""
        self._event.wait(seconds)
        return self.cause

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Within the block SIGINT, SIGTERM and SIGHUP set the cause; a second SIGINT interrupts outright."""
        heeded = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
        before = {number: signal.signal(number, self._handle) for number in heeded}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.hurried:
            raise KeyboardInterrupt
        self.hurry(signal.Signals(number).name)
