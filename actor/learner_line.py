"""What an actor asks of its conversation with a learner, whoever's learner that is."""

from typing import Protocol

from shared.delivery import DeliveryCounters


class LearnerLine(Protocol):
    """A thread of its own, from `start` on; every method may be called from any other."""

    @property
    def connected(self) -> bool:
        """Whether the learner answers."""
        ...

    @property
    def stop_requested(self) -> str | None:
        """Why this actor should end: the learner said so, or the conversation failed."""
        ...

    def start(self) -> None:
        """Begin to dial."""
        ...

    def welcomed(self, timeout_seconds: float) -> bool:
        """Wait for the learner's first answer; False at the deadline. Raises as `check`."""
        ...

    def wait_for_lead(self, produced_training_steps: int, timeout_seconds: float) -> bool:
        """Wait until another training step may be produced; False at the deadline, or when it should stop."""
        ...

    def stats(self, step: int, values: dict[str, float]) -> None:
        """Queue numbers for the learner's charts."""
        ...

    def goodbye(self, deadline_seconds: float) -> DeliveryCounters | None:
        """Flush and part; what the learner has, None at the deadline."""
        ...

    def check(self) -> None:
        """Raise what the thread failed with."""
        ...

    def close(self, deadline_seconds: float) -> None:
        """Hang up; what was not acknowledged stays with the uplink."""
        ...
