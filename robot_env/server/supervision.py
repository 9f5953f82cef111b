"""The driver process from outside: started, watched, killed when it hangs, started again."""

import logging
import multiprocessing
from multiprocessing.context import SpawnProcess
from typing import Any

import msgspec

from robot_env.server.child import run_and_exit
from robot_env.server.child_link import ChildLink, socket_pair
from robot_env.server.config import RobotServerConfig
from robot_env.server.drivers.base import DriverConfig, HandDriverConfig
from shared.clock import Clock
from shared.robot_protocol import Driver, Lost, Shutdown

log = logging.getLogger(__name__)

REAP_SECONDS = 1.0
STEADY_SECONDS = 10.0
"""A connection that lasted for so long was a good one: the next pause is short again."""


class Supervisor:
    """Owned by one thread; no method waits but `close`.

    Attributes:
        description: of the connected driver, empty while there is none.
        reason: why there is none.
        losses: connections that ended, or were given up.
    """

    def __init__(
        self,
        config: RobotServerConfig,
        driver: DriverConfig,
        hand: HandDriverConfig | None,
        clock: Clock,
    ) -> None:
        self._config, self._clock = config, clock
        self._arguments = (driver, hand)
        self._process: SpawnProcess | None = None
        self._link: ChildLink | None = None
        self._pause = config.supervision.retry_seconds
        self._retry = self._heard = self._up = clock.now()
        self.description, self.reason = "", "connecting to the arm"
        self.losses = 0

    @property
    def link(self) -> ChildLink | None:
        """What to poll for input, while there is a process."""
        return self._link

    @property
    def process_id(self) -> int | None:
        """Of the driver process, while there is one."""
        return None if self._process is None else self._process.pid

    def poll(self) -> list[Any]:
        """What the driver process said; a `Lost` where it was given up now."""
        now = self._clock.now()
        if self._link is None:
            if now >= self._retry:
                self._start(now)
            return []
        messages: list[Any] = []
        for message in self._link.receive():
            self._heard = now
            if isinstance(message, Driver):
                self.description, self.reason, self._up = message.description, "", now
            messages.append(message)
            if isinstance(message, Lost):
                self._give_up(message.reason, now)
                return messages
        if cause := self._fault(self._link, now):
            self._give_up(cause, now)
            messages.append(Lost(cause))
        return messages

    def send(self, message: msgspec.Struct) -> bool:
        """Pass a message on; False where nobody is there to take it."""
        return bool(self.description) and self._link is not None and self._link.send(message)

    def close(self) -> None:
        """Let it hold, stop and disconnect within its time, then kill it. Harmless twice."""
        if self._link is None or self._process is None:
            return
        if self.description:
            self._link.send(Shutdown())
            self._process.join(self._config.supervision.stop_seconds)
        self._end()

    def _start(self, now: float) -> None:
        ours, theirs = socket_pair()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(
            target=run_and_exit,
            args=(theirs, self._config, *self._arguments),
            name="handson-robot-driver",
            daemon=True,
        )
        self._process.start()
        theirs.close()
        self._link, self._heard = ChildLink(ours), now

    def _fault(self, link: ChildLink, now: float) -> str | None:
        times, silent = self._config.supervision, now - self._heard
        if not link.open:
            code = self._process.exitcode if self._process is not None else None
            return f"the driver process ended (exit status {'unknown' if code is None else code})"
        if self.description:
            late = silent >= times.answer_seconds
            return f"the driver did not answer for {silent:.1f} s: killed" if late else None
        if silent >= times.connect_seconds:
            return f"the connection to the arm hung for {silent:.1f} s: killed"
        return None

    def _give_up(self, cause: str, now: float) -> None:
        if self.description and now - self._up >= STEADY_SECONDS:
            self._pause = self._config.supervision.retry_seconds
        self.description, self.reason = "", cause
        self.losses += 1
        log.warning("no arm: %s; trying again in %.1f s", cause, self._pause)
        self._retry = now + self._pause
        self._pause = min(2.0 * self._pause, self._config.supervision.longest_retry_seconds)
        self._end()

    def _end(self) -> None:
        process, link = self._process, self._link
        self._process = self._link = None
        self.description = ""
        if link is not None:
            link.close()
        if process is not None:
            process.kill()
            process.join(REAP_SECONDS)
