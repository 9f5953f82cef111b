"""The thread that talks to the robot server for a client: greets, listens, sends, dials again."""

import logging
import threading
from collections import deque
from typing import Any

import msgspec

from robot_env.server.requests import Requests
from robot_env.server.robot_view import RobotView
from shared.clock import Clock
from shared.errors import LinkError, Refused
from shared.link.dialer import Dialer, DialerConfig
from shared.protocol import Malformed
from shared.robot_protocol import (
    ROBOT,
    Driver,
    Event,
    HoldPose,
    Leave,
    Lost,
    Measurement,
    Reply,
    RobotHello,
    RobotWelcome,
    SetPoint,
)

log = logging.getLogger(__name__)

STAGE = "robot client"
POLL_SECONDS = 0.05
AGAIN_SECONDS = 0.25
CLOSE_SECONDS = 1.0
NOT_THERE = "the robot server does not answer"
LOOK_THERE = "see whether the robot server runs, and whether the network is there"


class ClientThread:
    """Owns the dialer. `send`, `set_point`, `await_welcome` and `close` may be called from any thread."""

    def __init__(
        self, config: DialerConfig, hello: RobotHello, view: RobotView, requests: Requests, clock: Clock
    ) -> None:
        self._config, self._hello, self._clock = config, hello, clock
        self._view, self._requests = view, requests
        self._condition = threading.Condition()
        self._outbox: deque[msgspec.Struct] = deque()
        self._target: SetPoint | None = None
        self._offset: float | None = None
        self._refusal: Refused | None = None
        self._ready = self._closing = False
        self._dialer = self._dial()
        self._thread = threading.Thread(target=self._run, name="robot-client", daemon=True)
        self._thread.start()

    def await_welcome(self, timeout_seconds: float) -> None:
        """Return once welcomed and the clocks are compared.

        Raises:
            Refused: the server answers, and does not let this client in.
            LinkError: nobody answers in time.
        """
        with self._condition:
            if self._condition.wait_for(lambda: self._ready, timeout_seconds):
                return
            refusal = self._refusal
        raise refusal or LinkError(
            STAGE,
            f"no robot server answers at {self._config.connect}",
            "start it there: handson robot --driver fr3 --host ADDRESS_OF_THE_ARM (or --driver simulated)",
        )

    def set_point(self, pose: Any, period_seconds: float) -> None:
        """Send this one next, in place of one that has not left yet."""
        with self._condition:
            if self._offset is not None:
                self._target = SetPoint(pose, self._clock.now() + self._offset, period_seconds)
        self._dialer.wake()

    def send(self, message: msgspec.Struct) -> bool:
        """Send a message, before which a set-point has no chance where it is a hold; False where nobody is.

        Nothing is kept for later: what was meant for a moment must not come true after it.
        """
        with self._condition:
            if not self._ready:
                return False
            if isinstance(message, HoldPose):
                self._target = None
            self._outbox.append(message)
        self._dialer.wake()
        return True

    def close(self) -> None:
        """Hold, leave and disconnect within a second or so; harmless twice."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._dialer.wake()
        self._thread.join(2.0 * CLOSE_SECONDS)

    def _dial(self) -> Dialer:
        return Dialer(self._config, self._hello, self._clock, ROBOT)

    def _run(self) -> None:
        try:
            while not self._closing:
                self._talk()
            if self._dialer.connected and self._hello.control:
                self._dialer.send("control", HoldPose())
            self._dialer.send("control", Leave())
        finally:
            self._dialer.close(CLOSE_SECONDS)

    def _talk(self) -> None:
        try:
            for received in self._dialer.poll(POLL_SECONDS):
                self._take(received.message)
        except Refused as error:
            self._wait_and_dial(error)
            return
        if self._dialer.connected:
            self._flush()
        elif self._ready:
            self._disconnected(NOT_THERE)

    def _wait_and_dial(self, error: Refused) -> None:
        """A refusal may pass: whoever controls the arm may leave."""
        self._disconnected(error.cause)
        with self._condition:
            self._refusal = error
            self._condition.wait_for(lambda: self._closing, AGAIN_SECONDS)
        self._dialer.close(0.0)
        self._dialer = self._dial()

    def _disconnected(self, cause: str) -> None:
        with self._condition:
            self._ready, self._offset, self._target = False, None, None
            self._outbox.clear()
        self._view.lost(cause)
        self._view.description = ""
        self._requests.fail(cause, LOOK_THERE)

    def _take(self, message: Any) -> None:
        self._compare_clocks()
        match message:
            case RobotWelcome():
                self._dialer.clock_offset.forget()
                self._view.description = message.description
            case Measurement() if self._offset is not None:
                self._view.measured(message, self._offset)
            case Event():
                came_now = message.time_seconds - self._clock.now()
                self._view.happened(message, came_now if self._offset is None else self._offset)
            case Driver():
                self._view.description = message.description
            case Lost():
                self._view.description = ""
                self._view.lost(message.reason)
            case Reply():
                self._requests.answer(message)
            case Malformed():
                log.warning("the robot server did not understand: %s", message.cause)
            case _:
                pass

    def _compare_clocks(self) -> None:
        offset = self._dialer.clock_offset.seconds
        with self._condition:
            self._offset = offset
            if offset is not None and self._dialer.connected and not self._ready:
                self._ready, self._refusal = True, None
                self._condition.notify_all()

    def _flush(self) -> None:
        with self._condition:
            messages = list(self._outbox)
            self._outbox.clear()
            if self._target is not None:
                messages.append(self._target)
                self._target = None
        for message in messages:
            self._dialer.send("control", message)
