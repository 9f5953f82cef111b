"""A thread for what must not hold up the training loop: jobs in order, failures raised to whoever asks."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from shared.errors import HandsOnError

log = logging.getLogger(__name__)

Job = Callable[[], None]


class Worker:
    """Runs jobs one after another in a thread of its own. The first job that raises ends it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._running = False
        self._closing = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Run this after all that waits. Any thread."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()

    def replace(self, job: Job) -> None:
        """Run this instead of all that waits. Any thread."""
        with self._changed:
            self._jobs.clear()
            self._jobs.append(job)
            self._changed.notify_all()

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits."""
        with self._changed:
            return not self._running and not self._jobs

    def check(self) -> None:
        """Raise what ended the thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def drain(self, deadline_seconds: float) -> bool:
        """Wait until nothing runs and nothing waits; False when that took longer, or the thread failed."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._failure is not None or (not self._running and not self._jobs), deadline_seconds
            ) and (self._failure is None)

    def close(self, deadline_seconds: float) -> bool:
        """Finish what waits and end the thread; False when the deadline came first. Twice is harmless."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.warning("the %s thread did not end within %.1f s", self._name, deadline_seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except BaseException as failure:  # noqa: BLE001 - raised by check() in the thread that asks
                self._fail(failure)
                return
            finally:
                with self._changed:
                    self._running = False
                    self._changed.notify_all()

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._jobs) or self._closing)
            if not self._jobs:
                return None
            self._running = True
            return self._jobs.popleft()

    def _fail(self, failure: BaseException) -> None:
        if not isinstance(failure, HandsOnError):
            log.error("the %s thread failed", self._name, exc_info=failure)
        with self._changed:
            self._failure = failure
            self._jobs.clear()
