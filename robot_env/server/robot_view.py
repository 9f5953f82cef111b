"""What a client has heard of the robot: one thread writes, any reads."""

import dataclasses
import threading
from collections import deque

from robot_env.server.state import RobotEvent, RobotState
from robot_env.server.wire import robot_event, robot_state
from shared.clock import Clock
from shared.errors import RobotFault
from shared.robot_protocol import Event, Measurement

STAGE = "robot client"
KEPT_EVENTS = 1000
STOPPED = ("reflex", "user_stop", "link_lost")
SEE_ITS_LOG = "see the robot server's log; it tries again by itself"


class RobotView:
    """The newest measurement, events, and why there is no arm.

    Attributes:
        description: of the driver, empty while there is none.
    """

    def __init__(self, clock: Clock, max_age_seconds: float) -> None:
        self._clock, self._max_age_seconds = clock, max_age_seconds
        self._lock = threading.Lock()
        self._state: RobotState | None = None
        self._lost: str | None = "the robot server said nothing yet"
        self._events: deque[RobotEvent] = deque(maxlen=KEPT_EVENTS)
        self.description = ""

    def measured(self, message: Measurement, offset_seconds: float) -> None:
        """A measurement came, on a clock so much ahead of ours."""
        state = robot_state(message, offset_seconds)
        with self._lock:
            self._state, self._lost = state, None

    def lost(self, reason: str) -> None:
        """There is no arm, or no server."""
        with self._lock:
            self._lost = reason

    def happened(self, message: Event, offset_seconds: float) -> None:
        """An event came."""
        with self._lock:
            self._events.append(robot_event(message, offset_seconds))

    def events(self) -> list[RobotEvent]:
        """What happened since the last call."""
        with self._lock:
            events = list(self._events)
            self._events.clear()
        return events

    def peek(self) -> RobotState:
        """The newest measurement, however old, in mode link_lost where there is no arm now."""
        with self._lock:
            state, lost = self._state, self._lost
        if state is None:
            raise RobotFault(STAGE, f"no state of the arm: {lost}", SEE_ITS_LOG)
        return state if lost is None else dataclasses.replace(state, mode="link_lost", reason=lost)

    def judged(self) -> RobotState:
        """The newest measurement; RobotFault where it is old or the arm is stopped."""
        state = self.peek()
        if state.mode in STOPPED:
            cure = SEE_ITS_LOG if state.mode == "link_lost" else "recover, then reset"
            raise RobotFault(STAGE, f"{state.mode}: {state.reason}", cure)
        age = self._clock.now() - state.time_seconds
        if age > self._max_age_seconds:
            raise RobotFault(
                STAGE,
                f"the newest state of the arm is {age:.2f} s old",
                "look at the network, and whether the robot server still runs",
            )
        return state
