"""Requests that wait for their reply, each with a deadline of its own."""

import threading

from robot_env.server.wire import error_of
from shared.clock import Clock
from shared.errors import HandsOnError, RobotFault
from shared.robot_protocol import Reply

STAGE = "robot client"


class Requests:
    """Numbers requests; any thread opens and waits, one thread answers."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._last = 0
        self._open: set[int] = set()
        self._replies: dict[int, HandsOnError | None] = {}

    def open(self) -> int:
        """A new number."""
        with self._condition:
            self._last += 1
            self._open.add(self._last)
            return self._last

    def answer(self, reply: Reply) -> None:
        """The reply to a request; one that nobody waits for any more is forgotten."""
        with self._condition:
            if reply.request in self._open:
                failed = reply.failure
                self._replies[reply.request] = None if failed is None else error_of(failed)
                self._condition.notify_all()

    def fail(self, cause: str, cure: str) -> None:
        """No reply will come to any."""
        with self._condition:
            for number in self._open - set(self._replies):
                self._replies[number] = RobotFault(STAGE, cause, cure)
            self._condition.notify_all()

    def wait(self, number: int, what: str, timeout_seconds: float) -> None:
        """Return once it is done; raises why it was not, RobotFault after the time."""
        deadline = self._clock.now() + timeout_seconds
        with self._condition:
            while number not in self._replies and (left := deadline - self._clock.now()) > 0:
                self._condition.wait(left)
            self._open.discard(number)
            if number not in self._replies:
                cause = f"the robot server did not answer {what} within {timeout_seconds:g} s"
                raise RobotFault(STAGE, cause, "see the robot server's log")
            error = self._replies.pop(number)
        if error is not None:
            raise error
