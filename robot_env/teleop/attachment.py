"""Attachment: one device, kept open and drained by a thread of its own, opened again when it comes back."""

import logging
import threading
from typing import Protocol

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.5
FIRST_SECONDS, END_SECONDS = 2.0, 2.0


class DeviceLost(Exception):
    """A device cannot be opened or read; the text says why, and after "->" what to do."""


class Driver(Protocol):
    """One device, used by one thread only. Methods raise DeviceLost for what fails."""

    def open(self) -> str:
        """Find and open it; its name, for people."""
        ...

    def turn(self) -> None:
        """Pass on what it says now; waits a few hundredths of a second for news, never longer."""
        ...

    def close(self) -> None:
        """Give the device back; harmless twice and where it never opened."""
        ...

    def end(self) -> None:
        """Give back all else; nothing comes after it."""
        ...


class Attachment:
    """Within its life `driver` is open, or about to be opened again.

    Attributes:
        lost: why there is no device, in words; "" while there is one.
        name: what the device was called that was opened last.
    """

    def __init__(self, driver: Driver, what: str) -> None:
        self.lost, self.name = f"{what}: it is being looked for", ""
        self._driver, self._what = driver, what
        self._ends, self._tried = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"teleop {what}", daemon=True)
        self._thread.start()
        self._tried.wait(FIRST_SECONDS)

    def close(self) -> None:
        """End the thread and give the device back; harmless twice."""
        self._ends.set()
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        try:
            while not self._ends.is_set():
                self._attend()
                self._ends.wait(AGAIN_SECONDS)
        finally:
            self.lost = f"{self._what}: nobody reads it any more"
            self._driver.end()

    def _attend(self) -> None:
        """From finding the device to losing it."""
        try:
            self.name = self._driver.open()
            log.info("%s: %s", self._what, self.name)
            self.lost = ""
            self._tried.set()
            while not self._ends.is_set():
                self._driver.turn()
        except DeviceLost as error:
            self._tell(str(error))
        finally:
            self._driver.close()
            self._tried.set()

    def _tell(self, cause: str) -> None:
        told = f"{self._what}: {cause}"
        if told != self.lost:
            log.warning("%s", told)
        self.lost = told
