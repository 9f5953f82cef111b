"""The gripper in a thread of its own: its library blocks for as long as a motion takes.

The width is cached with its age. Commands are states, open or closed: told the same again, nothing is sent.
A command that outlasts its deadline is stopped, and told as a fault until one works again. One that failed is
not repeated until somebody asks again; only what a lost connection left undone is told to the next one.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from robot_env.server.drivers.base import HandDriver, HandDriverConfig, HandState
from robot_env.server.state import HandReading
from shared.clock import Clock
from shared.errors import ConfigError, DriverLost, HandsOnError

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.02
RETRY_SECONDS = 2.0
REST_M_S = 1e-3


@dataclass(frozen=True, kw_only=True)
class HandConfig:
    """How the gripper is commanded."""

    force_n: float = 40.0
    """With which it holds."""
    speed_m_s: float = 0.1
    """Of the opening between its fingers."""
    deadline_seconds: float = 3.0
    """A command that takes longer is stopped."""
    home: bool = False
    """Find its limits when it connects; it opens and closes once."""

    def __post_init__(self) -> None:
        if not (self.force_n > 0 and self.speed_m_s > 0 and self.deadline_seconds > 0):
            raise ConfigError("gripper", f"{self} has values that are not positive", "use positive SI values")


class HandThread:
    """Two threads: one makes the calls that block, the other reads the width and watches the deadline.

    A connection that is lost is made anew. Whatever a vendor's library raises is a fault, and ends no thread.

    Args:
        driver, config: what to connect to, and how it is commanded.
        clock: of deadlines.
        may_move: whether it may now; asked when a command comes and before each is carried out.
    """

    def __init__(
        self,
        driver: HandDriverConfig,
        config: HandConfig,
        clock: Clock,
        may_move: Callable[[], bool] = lambda: True,
    ) -> None:
        self._driver_config, self._config, self._clock = driver, config, clock
        self._may_move = may_move
        self._condition = threading.Condition()
        self._driver: HandDriver | None = None
        self._wanted: bool | None = None
        self._told: bool | None = None
        self._began: float | None = None
        self._state: HandState | None = None
        self._speed_m_s = 0.0
        self._fault = "it is not connected yet"
        self._closing = self._unread = self._homed = False
        self._threads = [
            threading.Thread(target=self._command, name="hand-commands", daemon=True),
            threading.Thread(target=self._watch, name="hand-width", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def grip(self, opening: bool) -> bool:
        """Open or close; never waits. False, and nothing is done, where it may not move."""
        if not self._may_move():
            return False
        with self._condition:
            failed = bool(self._fault) and self._began is None
            if opening != self._wanted or failed:
                self._wanted, self._told = opening, None if failed else self._told
                self._condition.notify_all()
        return True

    def reading(self) -> HandReading:
        """The newest width and its age; NaN and no age before the first."""
        with self._condition:
            state, opening = self._state, self._wanted
            if state is None:
                return HandReading(
                    width_m=0.0, speed_m_s=0.0, opening=True, age_seconds=-1.0, fault=self._fault
                )
            return HandReading(
                width_m=state.width_m,
                speed_m_s=self._speed_m_s,
                opening=state.width_m > 0.0 if opening is None else opening,
                age_seconds=self._clock.now() - state.time_seconds,
                fault=self._fault,
            )

    def close(self, deadline_seconds: float) -> None:
        """Stop and disconnect within the deadline; a call that hangs is left behind. Harmless twice."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        until = self._clock.now() + deadline_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - self._clock.now()))

    def _command(self) -> None:
        while (driver := self._connected()) is not None:
            opening = self._next_command(driver)
            if opening is not None:
                self._execute(driver, opening)
        if self._driver is not None:
            self._driver.close()

    def _next_command(self, driver: HandDriver) -> bool | None:
        """Whether to open or to close, once that is asked for; None after a while, or where it changed."""

        def due() -> bool:
            return self._closing or self._driver is not driver or self._wanted != self._told

        with self._condition:
            self._condition.wait_for(due, timeout=RETRY_SECONDS)
            if self._closing or self._driver is not driver or self._wanted == self._told:
                return None
            if self._forgets():
                return None
            self._told, self._began = self._wanted, self._clock.now()
            return self._wanted

    def _forgets(self) -> bool:
        """Whether it may not move now; then it is not told later either what was not told before."""
        if self._may_move():
            return False
        if self._wanted != self._told:
            log.warning("the gripper stays as it is: the arm is stopped")
            self._wanted = self._told = None
        return True

    def _execute(self, driver: HandDriver, opening: bool) -> None:
        done = self._tried(
            driver,
            lambda: (
                driver.move(driver.max_width_m, self._config.speed_m_s)
                if opening
                else driver.grasp(self._config.force_n, self._config.speed_m_s)
            ),
        )
        with self._condition:
            late = self._began is None
            self._began = None
            if done and not late:
                self._fault = ""
            elif not done:
                self._pause()

    def _connected(self) -> HandDriver | None:
        """The driver, built here since that may block; None once closing."""
        while self._driver is None and not self._closing:
            if not self._tried(None, self._connect):
                with self._condition:
                    self._forgets()
                    self._pause()
        return None if self._closing else self._driver

    def _connect(self) -> None:
        driver = self._driver_config.build()
        if self._config.home and not self._homed:  # later it may hold something
            driver.home()
            self._homed = True
        with self._condition:
            self._driver, self._fault = driver, ""

    def _pause(self) -> None:
        self._condition.wait_for(lambda: self._closing, timeout=RETRY_SECONDS)

    def _watch(self) -> None:
        while not self._closing:
            driver = self._driver
            if driver is not None:
                self._read(driver)
                self._stop_when_late(driver)
            with self._condition:
                self._condition.wait_for(lambda: self._closing, timeout=LOOK_SECONDS)

    def _read(self, driver: HandDriver) -> None:
        states: list[HandState] = []
        if not self._tried(driver, lambda: states.append(driver.read())):
            self._unread = True
            return
        state = states[0]
        with self._condition:
            if self._unread:
                self._unread, self._fault = False, ""
            before, self._state = self._state, state
            if before is not None and (seconds := state.time_seconds - before.time_seconds) > 0:
                self._speed_m_s = (state.width_m - before.width_m) / seconds

    def _stop_when_late(self, driver: HandDriver) -> None:
        with self._condition:
            late = self._began is not None
            late = late and self._clock.now() - (self._began or 0.0) >= self._config.deadline_seconds
            if late:
                self._began = None
                self._fault = f"a command took longer than {self._config.deadline_seconds:g} s"
        if late:
            log.warning("the gripper is stopped: %s", self._fault)
            self._tried(driver, driver.stop)

    def _tried(self, driver: HandDriver | None, call: Callable[[], None]) -> bool:
        """Whether a call of the driver worked; a fault where it did not."""
        try:
            call()
        except DriverLost as error:
            self._fail(error.cause)
            self._lose(driver)
        except HandsOnError as error:
            self._fail(error.cause)
        except Exception as error:
            log.exception("the gripper's driver failed")
            self._fail(f"{type(error).__name__}: {error}")
        else:
            return True
        return False

    def _fail(self, cause: str) -> None:
        with self._condition:
            if self._fault != cause:
                log.warning("gripper: %s", cause)
            self._fault = cause

    def _lose(self, driver: HandDriver | None) -> None:
        """Leave a connection that is gone, so that another is made."""
        with self._condition:
            if driver is None or self._driver is not driver:
                return
            self._driver, self._told = None, None
            self._condition.notify_all()
        self._tried(None, driver.close)
