"""Why training ends: a signal, a count that was reached, or the actors have gone."""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""SIGHUP stays ignored where it was, as under nohup."""


class Interrupt:
    """The first signal asks for an orderly end; a second one is not waited for politely.

    Attributes:
        cause: the name of the first signal, None before it.
        hurry: whether a second one came.
    """

    def __init__(self) -> None:
        self.cause: str | None = None
        self.hurry = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """The handler; only sets attributes, for it runs between any two instructions."""
        del frame
        self.hurry = self.cause is not None
        self.cause = self.cause or signal.Signals(number).name


@contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Catch SIGINT, SIGTERM and SIGHUP while inside. Only in the main thread."""
    interrupt = Interrupt()
    heeded = [n for n in SIGNALS if n != signal.SIGHUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt.on_signal) for number in heeded}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True, kw_only=True)
class Goals:
    """When training is over.

    Attributes:
        max_updates: critic updates; None: no end.
        max_steps: training steps; None: no end.
        end_with_actors: whether it is over once there were actors and all have left.
    """

    max_updates: int | None = None
    max_steps: int | None = None
    end_with_actors: bool = False


class Ending:
    """Asked at every turn of the training loop.

    Args:
        updates, env_steps: tell the counts of this moment.
        deserted: tells whether there were actors and all have left.
    """

    def __init__(
        self,
        goals: Goals,
        interrupt: Interrupt,
        *,
        updates: Callable[[], int],
        env_steps: Callable[[], int],
        deserted: Callable[[], bool],
    ) -> None:
        self._goals = goals
        self._interrupt = interrupt
        self._updates = updates
        self._env_steps = env_steps
        self._deserted = deserted

    def cause(self) -> str | None:
        """Why training ends now; None while it goes on."""
        if self._interrupt.cause is not None:
            return f"{self._interrupt.cause} received"
        if self._reached(self._updates(), self._goals.max_updates):
            return f"{self._goals.max_updates} updates were asked for"
        if self._reached(self._env_steps(), self._goals.max_steps):
            return f"{self._goals.max_steps} training steps were asked for"
        return "all actors have left" if self._goals.end_with_actors and self._deserted() else None

    @staticmethod
    def _reached(value: int, goal: int | None) -> bool:
        return goal is not None and value >= goal
