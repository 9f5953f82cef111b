"""Pacing on a simulated clock: the actor leads the learner by a bounded number of training steps."""

import threading

from shared.protocol import Progress, Welcome


class Pacing:
    """Told by the link thread, asked by the control thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._free = 0
        self._consumed = 0
        self._lead = 0
        self._over = False

    @property
    def allowed(self) -> int:
        """Training steps of this life that may be produced by now; 0 before the first Welcome."""
        return max(self._free, self._consumed) + self._lead

    def welcome(self, message: Welcome) -> None:
        """A conversation begins; a learner that was restarted may have fallen back."""
        with self._changed:
            self._free, self._consumed = message.free_steps, message.consumed_steps
            self._lead = message.max_lead_steps
            self._changed.notify_all()

    def progress(self, message: Progress) -> None:
        """The learner has used up more steps."""
        with self._changed:
            self._consumed = max(self._consumed, message.consumed_steps)
            self._changed.notify_all()

    def end(self) -> None:
        """Nobody need wait any more."""
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def wait(self, produced: int, timeout_seconds: float) -> bool:
        """Wait until another step may follow `produced` ones; False at the deadline or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or produced < self.allowed, timeout_seconds)
            return produced < self.allowed and not self._over
